"""Does routing to one task's coefficients beat averaging them, and everything else beside it?

Strategies over the frozen and the held-out problems, one greedy answer each; the routed strategy
once more for each store of another training seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sleepy_coder.experiments.comparison import BASE, Arm, Runner, load_data_set, save_summary
from sleepy_coder.experiments.summary import (
    compare_with_base,
    describe_model,
    patterns_of,
    render_groups,
    summarize_arm,
    summarize_seeds,
)
from sleepy_coder.figures import draw_ablation, draw_by_pattern, save_figure
from sleepy_coder.metrics import Estimate, pass_rate
from sleepy_coder.problems import ProblemSet, load_set
from sleepy_coder.results import RunRecord, describe_environment
from sleepy_coder.serving import TaskSources

_ORDER = (
    *(
        BASE,
        "base-again",
        "hints",
        "hints-second",
        "averaged",
        "general",
        "projected",
        "routed",
        "routed-hints",
        "routed-alone",
    ),
    *("lora", "rustfix", "cascade"),
)


@dataclass(frozen=True)
class RoutingPlan:
    """What to compare.

    Attributes:
        sources: The store, and the adapters for `lora` and `projected`; these two are left out
            where there are none.
        seeds: Stores learned in the same way from other seeds.
    """

    sources: TaskSources
    seeds: Sequence[Path] = ()

    def arms(self) -> list[Arm]:
        """Return a run for each strategy."""
        left_out = set() if self.sources.adapters else {"projected", "lora"}
        left_out |= set() if self.sources.has_general() else {"general"}
        return [Arm(name, name, self.sources) for name in _ORDER if name not in left_out]

    def seed_arms(self) -> list[Arm]:
        """Return a routed run for each store of another seed, under the store's own name."""
        return [
            Arm(f"routed-{path.resolve().name}", "routed", TaskSources(store=path))
            for path in self.seeds
        ]


def run_routing(data: Path, plan: RoutingPlan, runner: Runner) -> dict[str, Any]:
    """Run what is not done yet; write `summary.json` and the figures; return the summary.

    Raises:
        InputError: The data folder lacks the held-out set, or two stores have the same name.
    """
    sets = {"frozen": load_set("frozen"), "heldout": load_data_set(data, "heldout")}
    arms, seeds = plan.arms(), plan.seed_arms()
    records = {name: runner.run_all(found, [*arms, *seeds]) for name, found in sets.items()}
    shown = {name: _pick(found, arms) for name, found in records.items()}
    summary = {
        "schema_version": 1,
        "experiment": "routing",
        "model": describe_model(list(shown["frozen"].values())),
        "environment": describe_environment(),
        "sets": {
            name: _summarize(sets[name], shown[name], _pick(records[name], seeds)) for name in sets
        },
    }
    save_summary(summary, runner.out)
    _draw(shown, runner.out)
    return summary


def _pick(records: Mapping[str, RunRecord], arms: Sequence[Arm]) -> dict[str, RunRecord]:
    """Return those of some arms' records that were made."""
    return {arm.name: records[arm.name] for arm in arms if arm.name in records}


def _summarize(
    problem_set: ProblemSet, records: Mapping[str, RunRecord], seeds: Mapping[str, RunRecord]
) -> dict[str, Any]:
    base = records[BASE]
    summary: dict[str, Any] = {
        "size": len(problem_set.problems),
        "sha256": problem_set.sha256,
        "strategies": {
            name: {
                **summarize_arm(record, base),
                "patterns": render_groups(compare_with_base(base, record, patterns_of(base))),
            }
            for name, record in records.items()
        },
    }
    if seeds:
        runs = {name: summarize_arm(record, base) for name, record in seeds.items()}
        summary["seeds"] = {**summarize_seeds(seeds), "runs": runs}
    return summary


def _draw(sets: Mapping[str, Mapping[str, RunRecord]], out: Path) -> None:
    lines = {
        name: {arm.replace("-", "-\n"): _estimate(record) for arm, record in records.items()}
        for name, records in sets.items()
    }
    save_figure(draw_ablation(lines, x_label="strategy"), out / "strategies.svg")
    for name, records in sets.items():
        if "routed" in records:
            base = records[BASE]
            patterns = compare_with_base(base, records["routed"], patterns_of(base))
            save_figure(draw_by_pattern(patterns), out / f"{name}-by-pattern.svg")


def _estimate(record: RunRecord) -> Estimate:
    return pass_rate(record.passed, len(record.problems)).estimate
