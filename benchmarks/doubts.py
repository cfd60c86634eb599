r"""What a store's tasks would solve and lose, had they been heard from another doubt on.

    python benchmarks/doubts.py --store artifacts/qwen2.5-coder-1.5b-instruct \
        --report results/learn/qwen2.5-coder-1.5b-instruct.json --out results/learn/doubts.json

The selecting problems are the course's own; the others are answered by the base model and by the
task, each alone, and judged. Answers that `experiment transfer` and `experiment routing` kept
(`--answers`) are not asked for again; with all of them this takes rustc and minutes, without a GPU.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sleepy_coder.answer_cache import AnswerCache
from sleepy_coder.learning.exams import Exams
from sleepy_coder.learning.gate import GateConfig, Trial, decide
from sleepy_coder.model import load_model
from sleepy_coder.problems import Problem, load_set
from sleepy_coder.results import describe_environment, save_json
from sleepy_coder.sandbox import Sandbox, confinement
from sleepy_coder.share.store import load_store
from sleepy_coder.weights import DEFAULT_MODEL
from sleepy_coder.workbench import Workbench

DOUBTS = (1, 1.5, 2, 3, 4, 5, 6, 8)


@dataclass(frozen=True)
class Answered:
    """A set that the base model and the tasks have answered.

    Attributes:
        num_unrouted_solved: By the base model, of the problems that lead to no task.
        trials: The others.
    """

    num_unrouted_solved: int
    trials: Sequence[Trial]

    def count(self, min_doubts: Mapping[str, float | None]) -> tuple[int, int]:
        """Return how many are solved, and lost against the base model, by who is heard when."""
        found = [(t, t.is_solved(min_doubts.get(t.task))) for t in self.trials]
        solved = self.num_unrouted_solved + sum(is_solved for _, is_solved in found)
        return solved, sum(t.is_solved_by_base and not is_solved for t, is_solved in found)


def read_selecting(report: Path) -> Answered:
    """Return what a course's gate looked at."""
    step = json.loads(report.read_text(encoding="utf-8"))["gate"]["step"]
    lines = report.with_suffix(".trials.jsonl").read_text(encoding="utf-8").splitlines()
    found = [fields for line in lines if (fields := json.loads(line)).pop("step") == step]
    return Answered(0, [Trial(**{k: v for k, v in each.items() if k != "id"}) for each in found])


def answer(exams: Exams, name: str, problems: Sequence[Problem], store: Path) -> Answered:
    """Have a set answered by the base model and by each problem's task."""
    named = Exams(exams.bench, exams.folder, f"{name}-{exams.key}", exams.on_stage)
    base = named.base(problems)
    trials = named.trials("trials", problems, base, "routed-alone", load_store(store))
    others = [base[problem.id] for problem in problems if problem.id not in trials]
    return Answered(sum(each.outcome == "pass" for each in others), list(trials.values()))


def compare(selecting: Answered, sets: Mapping[str, Answered]) -> list[dict[str, Any]]:
    """Return for each doubt what is solved and lost; who lost a selecting problem is not heard."""
    rows = []
    for doubt in DOUBTS:
        rulings = decide(selecting.trials, GateConfig(), min_doubt=doubt).rulings
        heard = {task: ruling.min_doubt for task, ruling in rulings.items()}
        counts = {
            name: found.count(heard) for name, found in {"selecting": selecting, **sets}.items()
        }
        rows.append(
            {
                "doubt": doubt,
                "heard": sum(least is not None for least in heard.values()),
                "selecting_lost_by_any": sum(ruling.lost for ruling in rulings.values()),
                **counts,
            }
        )
    return rows


def main() -> None:
    """Answer and judge what is left to do, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True, help="What `learn --report` wrote.")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--answers", type=Path, default=Path("runs/answers.jsonl"))
    parser.add_argument("--work", type=Path, default=Path("runs/doubts"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="bfloat16")
    arguments = parser.parse_args()
    problems = {
        "transfer": load_set(arguments.data / "transfer.jsonl").problems,
        "heldout": load_set(arguments.data / "heldout.jsonl").problems,
        "frozen": load_set("frozen").problems,
    }
    sandbox = Sandbox(confine=confinement().is_working)
    bench = Workbench(
        model=load_model(arguments.model, device=arguments.device, dtype=arguments.dtype),
        sandbox=sandbox,
        max_new_tokens=2048,
        answers=AnswerCache(arguments.answers),
    )
    exams = Exams(bench, arguments.work, load_store(arguments.store).sha256[:12], print)
    sets = {name: answer(exams, name, found, arguments.store) for name, found in problems.items()}
    selecting = read_selecting(arguments.report)
    sizes = {"selecting": len(selecting.trials), **{n: len(p) for n, p in problems.items()}}
    record = {
        "environment": describe_environment(str(exams.bench.require_model("doubts").device)),
        "store": load_store(arguments.store).sha256,
        "sizes": sizes,
        "doubts": compare(selecting, sets),
    }
    save_json(record, arguments.out)


if __name__ == "__main__":
    main()
