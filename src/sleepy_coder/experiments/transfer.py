"""Does what is learned carry over to code unlike the training pairs?

Strategies and any number of stores over mutants of real crates. Of others' code the result files
keep hashes and verdicts only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sleepy_coder.errors import InputError
from sleepy_coder.experiments.comparison import BASE, Arm, Runner, load_data_set, save_summary
from sleepy_coder.experiments.summary import (
    compare_with_base,
    describe_model,
    falls_below,
    group_rates,
    patterns_of,
    render_groups,
    render_rate,
    summarize_arm,
)
from sleepy_coder.figures import draw_by_length, draw_by_pattern, save_figure
from sleepy_coder.paired import LengthBin, length_bin
from sleepy_coder.problems import ProblemSet
from sleepy_coder.results import RunRecord, describe_environment
from sleepy_coder.serving import TaskSources

SETS = ("transfer", "gate")
_LENGTHS = (1, 41, 81)  # lines of a program at which a bin begins
_MOST_LINES = 7  # of one figure; more look alike
ENOUGH_PROBLEMS = 10  # a pattern with fewer says little by itself


@dataclass(frozen=True)
class TransferPlan:
    """What to compare.

    Attributes:
        stores: Name -> store; each gets two runs, routed and alone. The first is the cascade's too.
        adapters: For `lora`, and projected onto the first store's basis; None leaves both out.
    """

    stores: Mapping[str, Path]
    adapters: Path | None = None

    def arms(self) -> list[Arm]:
        """Return the runs, the base model's first.

        Raises:
            InputError: There is no store.
        """
        if not self.stores:
            raise InputError("transfer: got no store, expected at least one; pass --store")
        sources = TaskSources(next(iter(self.stores.values())), self.adapters)
        routed = [
            Arm(f"{arm}-{name}", strategy, TaskSources(path))
            for name, path in self.stores.items()
            for arm, strategy in (("routed", "routed"), ("alone", "routed-alone"))
        ]
        others = ["general"] if sources.has_general() else []
        others += ["projected", "lora"] if self.adapters else []
        return [
            *(Arm(name, name) for name in (BASE, "base-again", "hints", "hints-second", "rustfix")),
            *routed,
            *(Arm(name, name, sources) for name in [*others, "cascade"]),
        ]


def run_transfer(
    data: Path, plan: TransferPlan, runner: Runner, sets: Sequence[str] = SETS
) -> dict[str, Any]:
    """Run what is not done yet; write `summary.json` and the figures; return the summary.

    Raises:
        InputError: The data folder lacks a set.
    """
    found = {name: load_data_set(data, name) for name in sets}
    arms = plan.arms()
    records = {name: runner.run_all(problems, arms) for name, problems in found.items()}
    summary = {
        "schema_version": 1,
        "experiment": "transfer",
        "model": describe_model([r for runs in records.values() for r in runs.values()]),
        "environment": describe_environment(),
        "sets": {name: _summarize(found[name], records[name]) for name in found},
    }
    save_summary(summary, runner.out)
    for name, problems in found.items():
        _draw(name, problems, records[name], plan, runner.out)
    return summary


def bins_of(problem_set: ProblemSet) -> dict[str, LengthBin]:
    """Return problem id -> the bin of its broken program's length in lines."""
    return {p.id: length_bin(len(p.buggy.splitlines()), _LENGTHS) for p in problem_set.problems}


def _summarize(problem_set: ProblemSet, records: Mapping[str, RunRecord]) -> dict[str, Any]:
    base, bins = records[BASE], bins_of(problem_set)
    arms = {}
    for name, record in records.items():
        patterns = compare_with_base(base, record, patterns_of(base))
        lengths = compare_with_base(base, record, bins)
        arms[name] = {
            **summarize_arm(record, base),
            "patterns": render_groups(patterns),
            "patterns_below_base": falls_below(patterns, ENOUGH_PROBLEMS),
            "lengths": render_groups(lengths),
            "length_rates": {
                str(lines): render_rate(rate) for lines, rate in group_rates(record, bins).items()
            },
        }
    return {
        "size": len(problem_set.problems),
        "sha256": problem_set.sha256,
        "runs": arms,
    }


def _draw(
    name: str,
    problem_set: ProblemSet,
    records: Mapping[str, RunRecord],
    plan: TransferPlan,
    out: Path,
) -> None:
    base, bins = records[BASE], bins_of(problem_set)
    routed = [f"routed-{store}" for store in plan.stores]
    shown = [BASE, *routed, "lora", "cascade", "hints-second", "base-again"]
    shown = [arm for arm in shown if arm in records]
    rates = {
        arm: {str(lines): rate for lines, rate in group_rates(records[arm], bins).items()}
        for arm in shown[:_MOST_LINES]
    }
    save_figure(draw_by_length(rates), out / f"{name}-by-length.svg")
    for store in plan.stores:
        arm = f"routed-{store}"
        if arm in records:
            patterns = compare_with_base(base, records[arm], patterns_of(base))
            path = out / f"{name}-{store}-by-pattern.svg"
            save_figure(draw_by_pattern(patterns, after=arm), path)
