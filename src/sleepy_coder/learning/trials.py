"""What a course's gate looked at, as a file: JSONL, one line a problem and step."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from sleepy_coder.learning.gate import Trial


def save_trials(trials: Mapping[int, Mapping[str, Trial]], path: Path) -> None:
    """Write step of training -> problem id -> trial, in the order of steps and ids."""
    lines = [
        json.dumps({"step": step, "id": name, **dataclasses.asdict(trial)})
        for step, tried in sorted(trials.items())
        for name, trial in sorted(tried.items())
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def load_trials(path: Path, step: int) -> dict[str, Trial]:
    """Return problem id -> trial, of one step of training."""
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    kept = {each.pop("id"): each for each in lines if each.pop("step") == step}
    return {name: Trial(**fields) for name, fields in kept.items()}
