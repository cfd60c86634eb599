from dataclasses import replace

import pytest
import torch

from sleepy_coder.train.fit import FitConfig, draw_rows, fit
from sleepy_coder.train.lora import LoraTasks

CONFIG = FitConfig(num_steps=40, rows_per_task=3, learning_rate=5e-2, warmup_steps=2, max_tokens=40)


def train(model, rows, config=CONFIG, names=None):
    tasks = LoraTasks(model, names or sorted(rows), rank=2, seed=1)
    report = fit(model, tasks, rows, config, pad_id=0)
    tasks.close()
    return tasks, report


def test_tasks_learn_opposite_answers_in_one_pass(tiny_model, rows):
    # At CONFIG's own rate tasks diverge and go back, and where they end hangs on roundings.
    _, report = train(tiny_model, rows, replace(CONFIG, learning_rate=1e-2))
    for name, losses in report.losses.items():
        assert losses[-1] < losses[0] / 20, name
    assert report.recoveries == {"up": [], "down": []}


def test_a_task_trains_the_same_beside_others_as_alone(tiny_model, rows):
    # One row a forward: padding, which differs between batches, is out of the picture.
    config = replace(CONFIG, num_steps=5, max_tokens=8)
    both, _ = train(tiny_model, rows, config, names=["up", "down"])
    alone, _ = train(tiny_model, {"up": rows["up"]}, config)
    assert not torch.equal(both.rows[0], LoraTasks(tiny_model, ["up"], rank=2, seed=1).rows[0])
    torch.testing.assert_close(both.rows[0], alone.rows[0], rtol=1e-4, atol=1e-5)


def test_the_split_into_forwards_does_not_change_the_gradient(tiny_model, rows):
    config = replace(CONFIG, num_steps=3)
    small, _ = train(tiny_model, rows, replace(config, max_tokens=14))
    large, _ = train(tiny_model, rows, replace(config, max_tokens=1000))
    torch.testing.assert_close(small.rows, large.rows, rtol=1e-3, atol=1e-5)


def test_weights_of_tokens_are_honoured(tiny_model, rows):
    # Only the first answer token counts: the others must stay unlearned.
    first_only = {
        "up": [replace(row, is_edit=(True, False, False)) for row in rows["up"]],
    }
    config = replace(CONFIG, kept_weight=0.0)
    tasks = LoraTasks(tiny_model, ["up"], rank=2, seed=1)
    fit(tiny_model, tasks, first_only, config, pad_id=0)
    ids = torch.tensor([rows["up"][0].tokens])
    with tasks.use(["up"]), torch.no_grad():
        logs = tiny_model(input_ids=ids).logits.log_softmax(-1)[0]
    tasks.close()
    losses = [-logs[at, ids[0, at + 1]].item() for at in range(2, 5)]
    assert losses[0] < 0.5
    assert min(losses[1:]) > 1


def test_divergence_from_the_base_is_held_down_by_kl(tiny_model, rows):
    kept = {"up": [replace(row, is_edit=(True, False, False)) for row in rows["up"]]}
    ids = torch.tensor([rows["up"][0].tokens])
    with torch.no_grad():
        base = tiny_model(input_ids=ids).logits.log_softmax(-1)[0, 3:5]
    distances = []
    for kl_weight in (0.0, 5.0):
        config = replace(CONFIG, kept_weight=0.0, kl_weight=kl_weight, learning_rate=2e-2)
        tasks = LoraTasks(tiny_model, ["up"], rank=2, seed=1)
        fit(tiny_model, tasks, kept, config, pad_id=0)
        with tasks.use(["up"]), torch.no_grad():
            logs = tiny_model(input_ids=ids).logits.log_softmax(-1)[0, 3:5]
        tasks.close()
        distances.append((base.exp() * (base - logs)).sum().item())
    assert distances[1] < distances[0] / 2


def test_a_diverging_task_goes_back_and_the_others_do_not_notice(tiny_model, rows):
    poisoned = LoraTasks(tiny_model, ["down", "up"], rank=2, seed=1)
    start = poisoned.rows.detach().clone()

    def poison(step, _):
        if step == 2:
            poisoned.rows.data[0] = float("inf")

    config = replace(CONFIG, num_steps=6)
    report = fit(tiny_model, poisoned, rows, config, pad_id=0, on_step=poison)
    poisoned.close()
    assert report.recoveries["down"] == [3]
    assert report.recoveries["up"] == []
    assert poisoned.rows.isfinite().all()
    assert not torch.equal(poisoned.rows[0], start[0])


def test_snapshots_hold_the_parameters_of_their_step(tiny_model, rows):
    tasks, report = train(tiny_model, rows, replace(CONFIG, num_steps=4, snapshots=(2, 4)))
    assert torch.equal(report.snapshots[4], tasks.rows.detach())
    assert not torch.equal(report.snapshots[2], report.snapshots[4])


def test_every_pair_is_drawn_once_before_any_is_drawn_again(rows):
    config = replace(CONFIG, rows_per_task=1)
    drawn = [draw_rows(rows["up"], "up", step, config)[0] for step in range(1, 7)]
    assert sorted(r.tokens for r in drawn[:3]) == sorted(r.tokens for r in rows["up"])
    assert sorted(r.tokens for r in drawn[3:]) == sorted(r.tokens for r in rows["up"])


def test_training_is_deterministic_for_a_seed(tiny_model, rows):
    config = replace(CONFIG, num_steps=3, rows_per_task=1, learning_rate=1e-3)
    one, _ = train(tiny_model, rows, config)
    two, _ = train(tiny_model, rows, config)
    other, _ = train(tiny_model, rows, replace(config, seed=9))
    assert torch.equal(one.rows, two.rows)
    assert not torch.equal(one.rows, other.rows)


def test_training_tasks_that_the_model_does_not_use_is_said(tiny_model, rows):
    tasks = LoraTasks(tiny_model, ["up"], rank=2)
    tasks.close()
    with pytest.raises(RuntimeError, match="grad"):
        fit(tiny_model, tasks, rows, CONFIG, pad_id=0)


def test_training_ends_when_every_task_has_diverged_too_often(tiny_model, rows):
    tasks = LoraTasks(tiny_model, ["up"], rank=2)

    def poison(step, _):
        if step == 1:
            tasks.rows.data.fill_(float("nan"))

    report = fit(
        tiny_model, tasks, rows, replace(CONFIG, max_recoveries=1), pad_id=0, on_step=poison
    )
    assert len(report.losses["up"]) == 2
    assert tasks.rows.isfinite().all()


def test_recomputing_activations_changes_nothing_but_runs_layers_twice(tiny_model, rows):
    config = replace(CONFIG, num_steps=3, kl_weight=0.5)
    calls = []
    handle = tiny_model.model.layers[1].mlp.register_forward_pre_hook(lambda *_: calls.append(1))
    kept, _ = train(tiny_model, rows, config)
    num_kept = len(calls)
    again, _ = train(tiny_model, rows, replace(config, checkpoint_activations=True))
    handle.remove()
    torch.testing.assert_close(again.rows, kept.rows)
    assert len(calls) - num_kept == num_kept * 3 / 2  # forward, base's forward, and once again
    assert "forward" not in vars(tiny_model.model.layers[1])


def test_the_report_counts_real_tokens_and_padding(tiny_model, rows):
    _, report = train(tiny_model, rows, replace(CONFIG, num_steps=2, max_tokens=1000))
    lengths = [len(row) for pairs in rows.values() for row in pairs]
    assert report.num_tokens == 2 * sum(lengths)
    assert report.padding_frac == pytest.approx(1 - sum(lengths) / (6 * max(lengths)))
    assert report.tokens_per_s == pytest.approx(report.num_tokens / report.seconds)
    said = report.to_json()
    assert said["losses"] == report.losses
    assert (said["device"], said["peak_bytes"], said["num_ranks"]) == ("cpu", None, 1)


def test_a_task_that_is_stopped_early_stays_and_the_others_go_on(tiny_model, rows):
    tasks = LoraTasks(tiny_model, ["down", "up"], rank=2, seed=1)
    seen = {}

    def stop(step, losses):
        seen[step] = tasks.rows.detach().clone()
        return ["down"] if step == 2 else []

    config = replace(CONFIG, num_steps=4)
    report = fit(tiny_model, tasks, rows, config, pad_id=0, early_stop=stop)
    tasks.close()
    assert (len(report.losses["down"]), len(report.losses["up"])) == (2, 4)
    assert torch.equal(seen[2][0], seen[4][0])
    assert not torch.equal(seen[2][1], seen[4][1])
