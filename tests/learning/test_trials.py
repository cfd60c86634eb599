"""What a gate looked at survives the way to a file and back."""

from __future__ import annotations

from pathlib import Path

from sleepy_coder.learning.gate import Trial
from sleepy_coder.learning.trials import load_trials, save_trials


def test_trials_come_back_step_by_step(tmp_path: Path) -> None:
    early = {"b": Trial("moves", False, True, True, 0.0, "crate-a"), "a": _sure(2.5)}
    late = {"a": _sure(7.25)}
    path = tmp_path / "trials.jsonl"
    save_trials({36: late, 8: early}, path)
    assert load_trials(path, 8) == early
    assert load_trials(path, 36) == late
    assert load_trials(path, 1) == {}
    assert [line.split(",")[0] for line in path.read_text().splitlines()] == [
        '{"step": 8',
        '{"step": 8',
        '{"step": 36',
    ]


def _sure(doubt: float) -> Trial:
    return Trial(
        "moves", is_solved_by_base=True, is_solved_by_task=True, is_refused=False, doubt=doubt
    )
