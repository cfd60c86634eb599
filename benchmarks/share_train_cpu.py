"""One new task from 50 pairs on a processor, through the commands that a user would type.

Generates the pairs, makes a basis from adapters of other patterns, learns the task with all cores,
and writes `results/share_train_cpu.json`. Run it on a quiet machine: OpenMP's threads spin while
they wait, and another busy process slows them several times over.

    python benchmarks/share_train_cpu.py
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PATTERN = "mut_borrow_conflict"
# Others than PATTERN and its relatives: the basis must not have seen what is to be learned.
BASIS_PATTERNS = ("missing_hash", "missing_clone", "str_to_string", "usize_index")
LIMIT_S = 900  # what is asked for: a task in a quarter of an hour


def sleepy(*arguments: object) -> tuple[str, float]:
    """Run a command; return its output and its wall seconds, the start of Python included."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "sleepy_coder", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout, time.perf_counter() - began


def make_basis(folder: Path, model: str) -> Path:
    """Return a store without the pattern, from a few steps of LoRA on others."""
    patterns = [argument for name in BASIS_PATTERNS for argument in ("--pattern", name)]
    pairs, adapters, store = folder / "basis.jsonl", folder / "adapters", folder / "store"
    sleepy("problems", "generate", *patterns, "--part", "training", "--count", 8, "--out", pairs)
    sleepy(
        "lora", "train", "--pairs", pairs, "--out", adapters, "--model", model,
        "--steps", 4, "--rows", 2, "--answer-form", "edit",
    )  # fmt: skip
    sleepy("share", "init", adapters, "--components", 16, "--pseudo-rank", 1, "--out", store)
    return store


def learn(folder: Path, store: Path, pairs: Path, model: str, form: str) -> dict[str, Any]:
    """Return the run record of learning the task with answers of this form."""
    report = folder / f"{form}.json"
    load = os.getloadavg()[0]
    _, wall_s = sleepy(
        "share", "train", store, "--pairs", pairs, "--task", PATTERN, "--model", model,
        "--answer-form", form, "--device", "cpu", "--out", folder / form, "--report", report,
    )  # fmt: skip
    record: dict[str, Any] = json.loads(report.read_text().replace(f"{folder}/", ""))
    curve = record["losses"][PATTERN]
    quarter = max(1, len(curve) // 4)
    return {
        "wall_s": round(wall_s, 1),
        "is_within_limit": wall_s < LIMIT_S,
        "load_before": round(load, 2),
        "mean_loss_first_quarter": round(sum(curve[:quarter]) / quarter, 4),
        "mean_loss_last_quarter": round(sum(curve[-quarter:]) / quarter, 4),
        **record,
    }


def known_runs(out: Path) -> dict[str, Any]:
    """Return the runs of an earlier result, so that one form can be measured again by itself."""
    runs: dict[str, Any] = json.loads(out.read_text())["runs"] if out.exists() else {}
    return runs


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--forms", nargs="+", default=["edit", "program"])
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "share_train_cpu.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = folder / "pairs.jsonl"
        sleepy(
            "problems", "generate", "--pattern", PATTERN, "--part", "training",
            "--count", arguments.pairs, "--out", pairs,
        )  # fmt: skip
        store = make_basis(folder, arguments.model)
        result = {
            "pattern": PATTERN,
            "num_pairs": len(pairs.read_text().splitlines()),
            "basis_patterns": BASIS_PATTERNS,
            "limit_s": LIMIT_S,
            "num_cores": os.cpu_count(),
            "runs": known_runs(arguments.out)
            | {
                form: learn(folder, store, pairs, arguments.model, form) for form in arguments.forms
            },
        }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for form, run in result["runs"].items():
        print(f"{form}: {run['wall_s']} s, {run['tokens_per_s']} tokens/s")


if __name__ == "__main__":
    main()
