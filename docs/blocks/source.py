"""Where results stand, and how records that several pages quote are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[2] / "results"


def load_record(path: str) -> Any:
    """Return the record at a path in `results/`."""
    return json.loads((RESULTS / path).read_text())


def load_experiment(name: str, part: str = "") -> dict[str, Any]:
    """Return the record of one experiment on the 1.5B, or of one part of it."""
    stem = "qwen2.5-coder-1.5b-instruct" + (f"-{part}" if part else "")
    record: dict[str, Any] = load_record(f"experiments/{name}/{stem}.json")
    return record


def load_arms(experiment: str, set_name: str) -> tuple[int, dict[str, Any]]:
    """Return how many problems a comparing experiment's set has, and arm -> its results."""
    found = load_record(f"{experiment}/summary.json")["sets"][set_name]
    return found["size"], found.get("runs") or found["strategies"]


def solved_of_all(outcomes: Mapping[str, str]) -> str:
    """Return how many of some problems are solved, and how many they are."""
    return f"{sum(o == 'pass' for o in outcomes.values())}/{len(outcomes)}"
