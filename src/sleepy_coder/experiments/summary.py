"""What runs over the same problems say beside each other; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sleepy_coder.metrics import MIN_SEEDS, PassRate, mean_interval, pass_rate
from sleepy_coder.paired import Group, Paired, compare_groups, compare_paired
from sleepy_coder.results import RunRecord

# Strategies under which the base model answers, once, wherever no task does.
_LEAVES_THE_REST = ("routed-alone", "projected", "lora")


@dataclass(frozen=True)
class Untouched:
    """Whether problems that no learned task answered ended as they do with the base model.

    Attributes:
        total: Problems without a task.
        differing: Those whose outcome is another, in order.
        reworded: Those whose outcome is the same and whose answer is not: ties of floating-point
            numbers, broken differently in another batch.
    """

    total: int
    differing: tuple[str, ...]
    reworded: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        """Whether every one of them has the same outcome."""
        return not self.differing


def check_untouched(base: RunRecord, routed: RunRecord) -> Untouched:
    """Return what became of the problems for which no learned task answered.

    Raises:
        ValueError: The runs are not over the same problems.
    """
    compare_paired(solved_by(base), solved_by(routed))
    before = {problem.id: problem for problem in base.problems}
    left = [problem for problem in routed.problems if problem.task is None]
    differing = [p.id for p in left if p.outcome != before[p.id].outcome]
    reworded = [p.id for p in left if p.output != before[p.id].output and p.id not in differing]
    return Untouched(len(left), tuple(sorted(differing)), tuple(sorted(reworded)))


def solved_by(record: RunRecord) -> dict[str, bool]:
    """Return problem id -> whether the run solved it."""
    return {problem.id: problem.outcome == "pass" for problem in record.problems}


def summarize_arm(record: RunRecord, base: RunRecord) -> dict[str, Any]:
    """Return a run's totals, by family, and against the base model, as JSON data."""
    paired = compare_paired(solved_by(base), solved_by(record))
    summary: dict[str, Any] = {
        "strategy": record.strategy,
        "store": record.store,
        "totals": render_rate(pass_rate(record.passed, len(record.problems))),
        "families": {
            name: render_rate(pass_rate(*counts)) for name, counts in record.by_family().items()
        },
        "against_base": render_paired(paired),
        "answered_by_a_task": sum(problem.task is not None for problem in record.problems),
        "tokens_out": sum(problem.tokens_out for problem in record.problems),
    }
    if record.strategy in _LEAVES_THE_REST:
        untouched = check_untouched(base, record)
        summary["untouched"] = {**dataclasses.asdict(untouched), "is_kept": untouched.is_kept}
    return summary


def summarize_seeds(records: Mapping[str, RunRecord]) -> dict[str, Any]:
    """Return the fraction solved for each seed's run, with mean and 95 % interval from two on."""
    fracs = {
        name: pass_rate(record.passed, len(record.problems)).frac
        for name, record in records.items()
    }
    summary: dict[str, Any] = {"solved_frac": fracs, "mean": None, "low": None, "high": None}
    if len(fracs) >= MIN_SEEDS:
        mean = mean_interval(list(fracs.values()))
        summary |= {"mean": mean.value, "low": mean.low, "high": mean.high}
    return summary


def group_rates(record: RunRecord, groups: Mapping[str, Group]) -> dict[Group, PassRate]:
    """Return group -> pass rate, groups sorted."""
    solved: dict[Group, list[bool]] = {}
    for id_, is_solved in solved_by(record).items():
        solved.setdefault(groups[id_], []).append(is_solved)
    return {group: pass_rate(sum(solved[group]), len(solved[group])) for group in sorted(solved)}


def compare_with_base(
    base: RunRecord, record: RunRecord, groups: Mapping[str, Group]
) -> dict[Group, Paired]:
    """Return group -> what changed from the base model's run, groups sorted."""
    return compare_groups(solved_by(base), solved_by(record), groups)


def patterns_of(record: RunRecord) -> dict[str, str]:
    """Return problem id -> its pattern."""
    return {problem.id: problem.pattern for problem in record.problems}


def render_rate(rate: PassRate) -> dict[str, Any]:
    """Return a pass rate as JSON data."""
    return {**dataclasses.asdict(rate), "frac": rate.frac}


def render_paired(paired: Paired) -> dict[str, Any]:
    """Return a comparison as JSON data."""
    return {
        **dataclasses.asdict(paired),
        "num_after": paired.num_after,
        "change_frac": paired.change_frac,
        "lost_frac": paired.lost_frac,
        "p_value": paired.p_value,
    }


def render_groups(groups: Mapping[Any, Paired]) -> dict[str, Any]:
    """Return comparisons by group as JSON data; the groups' names become text."""
    return {str(group): render_paired(paired) for group, paired in groups.items()}


def falls_below(groups: Mapping[str, Paired], at_least: int) -> list[str]:
    """Return the groups of `at_least` problems or more in which the second run solves fewer."""
    return [
        name
        for name, paired in groups.items()
        if paired.total >= at_least and paired.num_after < paired.num_before
    ]


def describe_model(records: Sequence[RunRecord]) -> Mapping[str, Any] | None:
    """Return the model of these runs, or None where none of them has one."""
    return next((record.model for record in records if record.model is not None), None)
