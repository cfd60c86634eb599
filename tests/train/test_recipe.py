from dataclasses import replace

import pytest
import torch

from sleepy_coder.patterns import GENERAL
from sleepy_coder.share.expand import expand
from sleepy_coder.share.layer import inject, use_tasks
from sleepy_coder.share.subspace import width_of
from sleepy_coder.share.tasks import add_task, average, columns_beyond, delta_weight
from sleepy_coder.train.fit import FitConfig
from sleepy_coder.train.recipe import Recipe, learn_basis, learn_tasks, mean_start

LORA = FitConfig(num_steps=30, rows_per_task=3, learning_rate=5e-2, warmup_steps=2)
COEFFICIENTS = FitConfig(
    num_steps=60, rows_per_task=3, learning_rate=5e-2, warmup_steps=2, snapshots=(20,)
)
# The two tasks want opposites: the mean of one is no start for the other.
RECIPE = Recipe(components=4, rank=2, start="random", lora=LORA, coefficients=COEFFICIENTS)


def test_a_task_is_learned_over_a_basis_that_another_task_gave(tiny_model, rows):
    subspace = learn_basis(tiny_model, {"up": rows["up"]}, RECIPE, pad_id=0)
    assert sorted(subspace.tasks) == ["up"]
    assert all(basis.basis_a.shape[1] <= 4 for basis in subspace.bases.values())
    learned = learn_tasks(tiny_model, subspace, {"down": rows["down"]}, RECIPE, pad_id=0)
    assert sorted(learned.tasks) == [20, 60]
    losses = learned.report.losses["down"]
    assert losses[-1] < losses[0] / 2
    ids = torch.tensor([rows["down"][0].tokens])
    before = tiny_model(input_ids=ids).logits
    inject(tiny_model, add_task(subspace, "down", learned.tasks[60]["down"]))
    with use_tasks(tiny_model, ["down"]):
        logs = tiny_model(input_ids=ids).logits.log_softmax(-1)[0]
    answer = range(rows["down"][0].num_prompt - 1, ids.shape[1] - 1)
    mean = sum(-logs[at, ids[0, at + 1]].item() for at in answer) / len(answer)
    assert mean < losses[0] / 2
    torch.testing.assert_close(tiny_model(input_ids=ids).logits, before)


@pytest.mark.parametrize("pseudo_rank", [1, 3])
def test_training_starts_from_the_mean_of_the_tasks_with_balanced_sides(
    tiny_model, rows, pseudo_rank
):
    subspace = learn_basis(tiny_model, rows, replace(RECIPE, pseudo_rank=2), pad_id=0)
    start = mean_start(subspace, pseudo_rank)
    best = average(subspace, pseudo_rank=pseudo_rank)
    for module, entry in start.items():
        assert entry.coef_a.shape[1] == entry.coef_b.shape[1] == pseudo_rank
        torch.testing.assert_close(
            entry.coef_b @ entry.coef_a.T, best[module].coef_b @ best[module].coef_a.T
        )
        norms = entry.coef_a[:, : best[module].coef_a.shape[1]].norm(dim=0)
        torch.testing.assert_close(norms, torch.full_like(norms, len(entry.coef_a) ** 0.5))


def test_columns_beyond_the_means_rank_change_nothing_and_can_learn(tiny_model, rows):
    subspace = learn_basis(tiny_model, {"up": rows["up"]}, RECIPE, pad_id=0)
    for module, entry in mean_start(subspace, 4).items():
        mean = average(subspace)[module]
        torch.testing.assert_close(entry.coef_b @ entry.coef_a.T, mean.coef_b @ mean.coef_a.T)
        assert (entry.coef_a.norm(dim=0) > 0).all()


def test_a_start_from_the_mean_is_ahead_of_a_random_one(tiny_model, rows):
    subspace = learn_basis(tiny_model, {"up": rows["up"]}, RECIPE, pad_id=0)
    again = {"again": [replace(row, task="again") for row in rows["up"]]}
    losses = {
        start: learn_tasks(tiny_model, subspace, again, replace(RECIPE, start=start), pad_id=0)
        for start in ("mean", "random")
    }
    first = {start: learned.report.losses["again"][0] for start, learned in losses.items()}
    assert first["mean"] < first["random"] / 2


def test_snapshots_differ_and_the_model_is_left_as_it_was(tiny_model, rows):
    names = [name for name, _ in tiny_model.named_modules()]
    subspace = learn_basis(tiny_model, rows, RECIPE, pad_id=0)
    learned = learn_tasks(tiny_model, subspace, rows, RECIPE, pad_id=0)
    module = next(iter(subspace.bases))
    early, late = (learned.tasks[step]["up"][module].coef_b for step in (20, 60))
    assert not torch.equal(early, late)
    assert [name for name, _ in tiny_model.named_modules()] == names


def test_expansion_trains_directions_and_old_tasks_keep(tiny_model, rows):
    recipe = replace(RECIPE, coefficients=replace(COEFFICIENTS, direction_rate=5e-3))
    basis = replace(learn_basis(tiny_model, {"up": rows["up"]}, recipe, pad_id=0), tasks={})
    coefficients = learn_tasks(tiny_model, basis, {"up": rows["up"]}, recipe, pad_id=0).tasks[60]
    old = add_task(basis, "up", coefficients["up"])
    learned = learn_tasks(tiny_model, old, {"down": rows["down"]}, recipe, pad_id=0, expansion=2)
    assert sorted(learned.grown) == sorted(learned.tasks) == [20, 60]
    grown = learned.grown[60]
    assert learned.tasks[60]["down"] is grown.tasks["down"]
    at_start = expand(replace(old, tasks={}), 2, seed=recipe.coefficients.seed)
    for module, basis in old.bases.items():
        torch.testing.assert_close(
            delta_weight(grown, "up", module), delta_weight(old, "up", module)
        )
        for side in ("basis_a", "basis_b"):
            before, after = getattr(basis, side), getattr(grown.bases[module], side)
            k = before.shape[1]
            assert after.shape[1] == k + 2
            assert torch.equal(after[:, :k], before)
            torch.testing.assert_close(after.T @ after, torch.eye(k + 2), atol=1e-5, rtol=0)
            start = getattr(at_start.bases[module], side)[:, k:]
            kept = torch.linalg.svdvals(start.T @ after[:, k:])  # all 1 when nothing moved
            assert kept.min() < 0.99, (module, side)
    early = learned.grown[20].bases[module].basis_a
    assert not torch.equal(early, grown.bases[module].basis_a)


def test_what_expansion_learned_is_what_the_grown_store_serves(tiny_model, rows):
    recipe = replace(RECIPE, coefficients=replace(COEFFICIENTS, direction_rate=5e-3))
    basis = learn_basis(tiny_model, {"up": rows["up"]}, recipe, pad_id=0)
    learned = learn_tasks(tiny_model, basis, {"down": rows["down"]}, recipe, pad_id=0, expansion=1)
    inject(tiny_model, learned.grown[60])
    losses = []
    for row in rows["down"]:
        ids = torch.tensor([row.tokens])
        with use_tasks(tiny_model, ["down"]), torch.no_grad():
            logs = tiny_model(input_ids=ids).logits.log_softmax(-1)[0]
        places = range(row.num_prompt - 1, len(row) - 1)
        losses.append(sum(-logs[at, ids[0, at + 1]].item() for at in places) / len(places))
    # The last step's loss was measured one small step earlier.
    assert sum(losses) / 3 == pytest.approx(learned.report.losses["down"][-1], abs=0.02)


def test_learning_goes_on_from_its_checkpoint(tiny_model, rows, tmp_path):
    recipe = replace(RECIPE, lora=replace(LORA, num_steps=4))
    path = tmp_path / "lora.safetensors"
    steps = []
    for _ in range(2):
        learn_basis(
            tiny_model,
            rows,
            recipe,
            pad_id=0,
            checkpoint=path,
            on_step=lambda _phase, step, _losses: steps.append(step),
        )
    assert steps == [1, 2, 3, 4]


def test_one_set_of_coefficients_learns_from_all_pairs_to_start_from(tiny_model, rows):
    recipe = replace(RECIPE, shared=replace(COEFFICIENTS, num_steps=40, snapshots=()))
    steps = []
    subspace = learn_basis(
        tiny_model,
        {"up": rows["up"]},
        recipe,
        pad_id=0,
        on_step=lambda phase, step, losses: steps.append((phase, step, set(losses))),
    )
    assert list(subspace.tasks) == [GENERAL]
    # All of the way, whatever single tasks go.
    half = learn_basis(tiny_model, {"up": rows["up"]}, replace(recipe, end_weight=0.5), pad_id=0)
    for module, entry in half.tasks[GENERAL].items():
        assert torch.equal(entry.coef_b, subspace.tasks[GENERAL][module].coef_b)
    assert steps[-1] == ("shared", 40, {GENERAL})
    again = {"again": [replace(row, task="again") for row in rows["up"]]}
    learned = learn_tasks(tiny_model, subspace, again, replace(RECIPE, start="mean"), pad_id=0)
    alone = learn_basis(tiny_model, {"up": rows["up"]}, RECIPE, pad_id=0)
    other = learn_tasks(tiny_model, alone, again, replace(RECIPE, start="mean"), pad_id=0)
    assert learned.report.losses["again"][0] < other.report.losses["again"][0]


def test_a_new_task_starts_from_the_general_one_where_there_is_one(tiny_model, rows):
    subspace = learn_basis(tiny_model, rows, RECIPE, pad_id=0)
    name = min(rows)
    general = replace(subspace, tasks={**subspace.tasks, GENERAL: subspace.tasks[name]})
    found, of_all = mean_start(general, 1), mean_start(subspace, 1)
    expected = mean_start(replace(subspace, tasks={name: subspace.tasks[name]}), 1)
    for module, entry in expected.items():
        assert torch.equal(found[module].coef_b, entry.coef_b)
    assert any(not torch.equal(found[m].coef_b, of_all[m].coef_b) for m in found)


def test_a_task_is_kept_on_the_line_from_its_start_to_its_end(tiny_model, rows):
    subspace = learn_basis(tiny_model, {"up": rows["up"]}, RECIPE, pad_id=0)
    down = {"down": rows["down"]}

    def learned(end_weight, start="mean"):
        recipe = replace(RECIPE, start=start, end_weight=end_weight)
        return learn_tasks(tiny_model, subspace, down, recipe, pad_id=0).tasks[60]["down"]

    first, end, half = mean_start(subspace, 1, COEFFICIENTS.seed), learned(1.0), learned(0.5)
    for module, entry in half.items():
        for side in ("coef_b", "coef_a"):
            start_, end_ = getattr(first[module], side), getattr(end[module], side)
            assert not torch.equal(start_, end_)
            torch.testing.assert_close(getattr(entry, side), (start_ + end_) / 2)
    written = learned(0.0, start="random")
    assert all(not entry.coef_b.any() for entry in written.values())


@pytest.mark.parametrize("start", ["mean", "random"])
def test_several_courses_from_one_start_give_their_mean(tiny_model, rows, start):
    subspace = learn_basis(tiny_model, {"up": rows["up"]}, RECIPE, pad_id=0)

    def learned(seed, courses, end_weight=1.0):
        fit = replace(COEFFICIENTS, seed=seed, rows_per_task=1)
        recipe = replace(RECIPE, coefficients=fit, courses=courses, end_weight=end_weight)
        recipe = replace(recipe, start=start)
        return learn_tasks(tiny_model, subspace, {"down": rows["down"]}, recipe, pad_id=0)

    both = learned(3, 2)
    first = learned(3, 1)
    ends = [each.tasks[60]["down"] for each in (both, first)]
    begin = learned(3, 1, end_weight=0.0).tasks[60]["down"]
    other = learned(4, 1, end_weight=0.0).tasks[60]["down"]
    for module, entry in ends[0].items():
        assert not torch.equal(entry.coef_b, ends[1][module].coef_b)
        if start == "mean":
            second = learned(4, 1).tasks[60]["down"]
            mean = (ends[1][module].coef_b + second[module].coef_b) / 2
            torch.testing.assert_close(entry.coef_b, mean)
        else:  # another seed alone starts elsewhere
            assert not torch.equal(begin[module].coef_a, other[module].coef_a)
    half = learned(3, 2, end_weight=0.5).tasks[60]["down"]
    for module, entry in half.items():
        torch.testing.assert_close(
            entry.coef_a, (begin[module].coef_a + ends[0][module].coef_a) / 2
        )
    if start == "mean":
        reports = [each.report for each in (first, learned(4, 1))]
        assert both.report.losses["down"] == [x for r in reports for x in r.losses["down"]]
        assert both.report.num_tokens == sum(r.num_tokens for r in reports)


def test_a_weight_that_is_on_no_line_between_start_and_end(tiny_model, rows):
    with pytest.raises(ValueError, match=r"end_weight: got 1.5, expected 0 to 1"):
        replace(RECIPE, end_weight=1.5)
    subspace = learn_basis(tiny_model, {"up": rows["up"]}, RECIPE, pad_id=0)
    half = replace(RECIPE, end_weight=0.5)
    for recipe in (half, replace(RECIPE, courses=2)):
        with pytest.raises(ValueError, match="with an expansion"):
            learn_tasks(tiny_model, subspace, {"down": rows["down"]}, recipe, pad_id=0, expansion=1)
    with pytest.raises(ValueError, match="courses: got 0"):
        replace(RECIPE, courses=0)


def test_one_adapter_of_all_pairs_is_the_basis_and_what_tasks_are_built_on(tiny_model, rows):
    recipe = replace(RECIPE, start="mean", pseudo_rank=1, joint=replace(LORA, num_steps=10))
    basis = learn_basis(tiny_model, rows, recipe, pad_id=0)
    assert list(basis.tasks) == [GENERAL]
    general = basis.tasks[GENERAL]
    assert width_of(general) == recipe.components == 4
    learned = learn_tasks(tiny_model, basis, rows, recipe, pad_id=0)
    assert learned.report.losses["up"][-1] < learned.report.losses["up"][0] / 2
    for step in (20, 60):
        for task in learned.tasks[step].values():
            assert width_of(columns_beyond(task, general)) == 1
    known = replace(basis, tasks={GENERAL: general, "up": learned.tasks[60]["up"]})
    one = replace(recipe, coefficients=replace(COEFFICIENTS, num_steps=1, snapshots=()))

    def first_losses(*, goes_on):
        again = learn_tasks(tiny_model, known, rows, one, pad_id=0, goes_on=goes_on)
        return {name: losses[0] for name, losses in again.report.losses.items()}

    began = {name: losses[0] for name, losses in learned.report.losses.items()}
    assert first_losses(goes_on=False) == pytest.approx(began)
    went_on = first_losses(goes_on=True)
    assert went_on["up"] < began["up"] / 2
    assert went_on["down"] == pytest.approx(began["down"])


def test_general_is_made_in_one_way(tiny_model):
    with pytest.raises(ValueError, match="joint and shared"):
        replace(RECIPE, start="mean", joint=LORA, shared=COEFFICIENTS)
    for wrong in ({"start": "random"}, {"start": "mean", "pseudo_rank": 4}):
        with pytest.raises(ValueError, match="built on it"):
            replace(RECIPE, joint=LORA, **wrong)
