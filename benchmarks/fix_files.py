"""What `sleepy fix` mends of a set's problems, each a lone file, and what it takes.

A file counts as mended when it compiles, as the command tells; the hidden check then says whether
it behaves, which the command cannot know. Writes `results/fix.json`.

    python benchmarks/fix_files.py                # the 30 frozen problems, with the shipped tasks
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import ROOT
from sleepy_coder.answer_cache import AnswerCache
from sleepy_coder.fix import repair_project
from sleepy_coder.judge import judge_candidate
from sleepy_coder.model import load_model
from sleepy_coder.problems import Problem, ProblemSet, load_set
from sleepy_coder.project import FileProject
from sleepy_coder.proposals import propose_answers
from sleepy_coder.results import describe_environment
from sleepy_coder.sandbox import Sandbox, confinement
from sleepy_coder.serving import TaskSources, shipped_store
from sleepy_coder.weights import DEFAULT_MODEL
from sleepy_coder.workbench import Workbench


def mend(problem: Problem, bench: Workbench, num_samples: int, sandbox: Sandbox) -> dict[str, Any]:
    """Return what became of one problem."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "main.rs"
        path.write_text(problem.buggy)
        repair = repair_project(
            FileProject(path, sandbox, problem.edition),
            lambda asked: propose_answers(asked, bench, num_samples),
        )
    seconds = time.perf_counter() - started
    text = repair.changes["main.rs"][1] if repair.changes else problem.buggy
    return {
        "id": problem.id,
        "is_ok": repair.is_ok,
        "outcome": judge_candidate(problem, text, sandbox).outcome,
        "by": [step.by for step in repair.steps],
        "seconds": round(seconds, 1),
    }


def run_set(problems: ProblemSet, arguments: argparse.Namespace) -> None:
    """Mend a set's problems and write what became of them.

    Args:
        problems: The set.
        arguments: With what `add_options` adds.
    """
    sandbox = Sandbox(confine=confinement().is_working)
    bench = Workbench(model=load_model(arguments.model), answers=AnswerCache())
    rows = []
    with TaskSources(shipped_store(arguments.model), None).serve("store", bench) as served:
        for problem in problems.problems:
            rows.append(mend(problem, served, arguments.samples, sandbox))
            print(json.dumps(rows[-1]), flush=True)
        model = served.require_model("fix")
        script = Path(sys.argv[0]).name
        result = {
            "environment": {
                **describe_environment(str(model.device)),
                "command": " ".join([f"python benchmarks/{script}", *sys.argv[1:]]),
            },
            "model": {"name": model.name, "sha256": model.sha256, "dtype": str(model.dtype)},
            "store": dict(served.learned.describe()) if served.learned else None,
            "set": {"name": problems.name, "sha256": problems.sha256, "size": len(rows)},
            "config": {"samples": arguments.samples, **served.config()},
        }
    arguments.out.write_text(json.dumps({**result, "problems": rows}, indent=1) + "\n")


def add_options(parser: argparse.ArgumentParser, out: Path) -> None:
    """Add what `run_set` needs; `out` is where results go by default."""
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--out", type=Path, default=out)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", dest="set_name", default="frozen")
    add_options(parser, ROOT / "results" / "fix.json")
    arguments = parser.parse_args()
    run_set(load_set(arguments.set_name), arguments)


if __name__ == "__main__":
    main()
