from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.patterns import GENERAL
from sleepy_coder.share.layer import eject, inject
from sleepy_coder.share.tasks import scaled
from sleepy_coder.share.trainable import TrainableTasks
from sleepy_coder.train.fit import FitConfig, fit
from sleepy_coder.train.lora import LoraTasks
from sleepy_coder.train.recipe import Recipe, learn_basis, learn_tasks

CONFIG = FitConfig(
    num_steps=9, rows_per_task=2, learning_rate=2e-2, warmup_steps=2, snapshots=(2, 7)
)


class InterruptedRunError(Exception):
    pass


def run(model, make_tasks, rows, config, **options):
    """Train, with one task driven off after step 2 so that guards and rates are in play."""
    tasks = make_tasks()
    stop_at = options.pop("interrupt_at", None)

    def on_step(step, _):
        if step == stop_at:
            raise InterruptedRunError
        if step == 2:
            tasks.rows.data[0] = float("inf")

    def early_stop(step, _):
        return ["up"] if step == 5 else []

    try:
        report = fit(
            model, tasks, rows, config, pad_id=0, on_step=on_step, early_stop=early_stop, **options
        )
    except InterruptedRunError:
        report = None
    return [each.detach().clone() for each in tasks.parameters()], report


def assert_resumes_to_the_bit(model, make_tasks, rows, path, interrupt_at):
    whole, expected = run(model, make_tasks, rows, CONFIG)
    cut, nothing = run(model, make_tasks, rows, CONFIG, checkpoint=path, interrupt_at=interrupt_at)
    assert nothing is None
    assert not torch.equal(cut[0], whole[0])
    resumed, report = run(model, make_tasks, rows, CONFIG, checkpoint=path)
    assert all(torch.equal(a, b) for a, b in zip(resumed, whole, strict=True))
    assert repr(report.losses) == repr(expected.losses)  # not-a-number equals nothing
    assert report.recoveries == expected.recoveries
    assert 3 in report.recoveries["down"]
    assert len(report.losses["up"]) == 5 < len(report.losses["down"])
    assert report.num_tokens == expected.num_tokens
    assert report.num_positions == expected.num_positions
    for kept in ("snapshots", "directions"):
        ours, theirs = getattr(report, kept), getattr(expected, kept)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[step], theirs[step]) for step in theirs)


@pytest.mark.parametrize("interrupt_at", [4, 6])
def test_an_interrupted_lora_run_ends_as_an_uninterrupted_one(
    tiny_model, rows, tmp_path, interrupt_at
):
    made = []

    def make_tasks():
        if made:
            made.pop().close()
        made.append(LoraTasks(tiny_model, ["down", "up"], rank=2, seed=1))
        return made[0]

    path = tmp_path / "new" / "run.safetensors"
    assert_resumes_to_the_bit(tiny_model, make_tasks, rows, path, interrupt_at)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_an_interrupted_expansion_ends_as_an_uninterrupted_one(tiny_model, rows, tmp_path):
    subspace = learn_basis(
        tiny_model, {"up": rows["up"]}, Recipe(components=4, rank=2, lora=CONFIG), pad_id=0
    )
    inject(tiny_model, subspace)
    assert_resumes_to_the_bit(
        tiny_model,
        lambda: TrainableTasks(tiny_model, subspace, ["down", "up"], expansion=1),
        rows,
        tmp_path / "run.safetensors",
        interrupt_at=6,
    )
    eject(tiny_model)


@pytest.fixture
def checkpoint(tiny_model, rows, tmp_path):
    """A finished run's checkpoint, and how to run on it again."""
    path = tmp_path / "run.safetensors"

    def again(config=CONFIG, pairs=rows):
        tasks = LoraTasks(tiny_model, ["up"], rank=2, seed=1)
        seen = []
        try:
            fit(
                tiny_model,
                tasks,
                pairs,
                config,
                pad_id=0,
                checkpoint=path,
                on_step=lambda step, _: seen.append(step),
                checkpoint_every=4,
            )
        finally:
            tasks.close()
        return tasks.rows.detach(), seen

    return path, again, again()[0]


def test_a_finished_run_is_not_run_again(checkpoint):
    _, again, rows = checkpoint
    assert again()[1] == []
    assert torch.equal(again()[0], rows)


def test_a_checkpoint_of_another_run_is_refused(checkpoint, rows):
    _, again, _ = checkpoint
    with pytest.raises(InputError, match="other tasks, pairs or settings"):
        again(config=replace(CONFIG, seed=1))
    with pytest.raises(InputError, match="other tasks, pairs or settings"):
        again(pairs={"up": rows["up"][::-1]})


def test_a_checkpoint_over_another_basis_is_refused(tiny_model, rows, tmp_path):
    recipe = Recipe(components=4, rank=2, lora=replace(CONFIG, num_steps=2), coefficients=CONFIG)
    bases = [learn_basis(tiny_model, {name: rows[name]}, recipe, pad_id=0) for name in rows]
    path = tmp_path / "run.safetensors"
    learn_tasks(tiny_model, bases[0], rows, recipe, pad_id=0, checkpoint=path)
    with pytest.raises(InputError, match="other tasks, pairs or settings"):
        learn_tasks(tiny_model, bases[1], rows, recipe, pad_id=0, checkpoint=path)


@pytest.mark.parametrize("part", ["shared", "joint"])
def test_a_checkpoint_from_another_start_is_refused(part, tiny_model, rows, tmp_path):
    short = replace(CONFIG, num_steps=2)
    recipe = Recipe(components=4, rank=2, lora=short, coefficients=CONFIG)
    recipe = replace(recipe, **{part: short})
    basis = learn_basis(tiny_model, rows, recipe, pad_id=0)
    path = tmp_path / "run.safetensors"
    learn_tasks(tiny_model, basis, rows, recipe, pad_id=0, checkpoint=path)
    learn_tasks(tiny_model, basis, rows, recipe, pad_id=0, checkpoint=path)
    other = scaled(basis, GENERAL, 0.5)
    with pytest.raises(InputError, match="other tasks, pairs or settings"):
        learn_tasks(tiny_model, other, rows, recipe, pad_id=0, checkpoint=path)


def test_a_checkpoint_of_another_version_is_said(checkpoint):
    path, again, _ = checkpoint
    save_file(load_file(path), path, {"format": "1"})
    with pytest.raises(InputError, match="of another version"):
        again()


def test_a_damaged_checkpoint_is_said(checkpoint):
    path, again, _ = checkpoint
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"run\.safetensors: no readable checkpoint"):
        again()
