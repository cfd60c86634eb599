import torch

from sleepy_coder.share.layer import inject, use_tasks
from sleepy_coder.share.tasks import add_task
from sleepy_coder.train.fit import FitConfig
from sleepy_coder.train.recipe import Recipe, learn_basis, learn_tasks

LORA = FitConfig(num_steps=30, rows_per_task=3, learning_rate=5e-2, warmup_steps=2)
COEFFICIENTS = FitConfig(
    num_steps=60, rows_per_task=3, learning_rate=5e-2, warmup_steps=2, snapshots=(20,)
)
RECIPE = Recipe(components=4, rank=2, lora=LORA, coefficients=COEFFICIENTS)


def test_a_task_is_learned_over_a_basis_that_another_task_gave(tiny_model, rows):
    subspace = learn_basis(tiny_model, {"up": rows["up"]}, RECIPE, pad_id=0)
    assert not subspace.tasks
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


def test_snapshots_differ_and_the_model_is_left_as_it_was(tiny_model, rows):
    names = [name for name, _ in tiny_model.named_modules()]
    subspace = learn_basis(tiny_model, rows, RECIPE, pad_id=0)
    learned = learn_tasks(tiny_model, subspace, rows, RECIPE, pad_id=0)
    module = next(iter(subspace.bases))
    early, late = (learned.tasks[step]["up"][module].coef_b for step in (20, 60))
    assert not torch.equal(early, late)
    assert [name for name, _ in tiny_model.named_modules()] == names
