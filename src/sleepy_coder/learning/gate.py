"""Which learned tasks are fit to ship, from problems that none of them was trained on. Pure.

A task must mend what the base model does not, and lose nothing that it does. On few problems a task
that loses nothing may have been lucky, so the losses that are to be expected are estimated with
the loss rate of all tasks as a prior, and tasks are taken in the order of what they gain for each
expected loss until these reach the budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

# Of so many problems that the base model solves the prior weighs as much as a task's own record.
_PRIOR_WEIGHT = 4.0


@dataclass(frozen=True)
class Trial:
    """One problem of a task, answered by the base model and with the task.

    Attributes:
        log_probability: Of the task's answer, in nats; below a threshold the base model's stands in
            its place.
    """

    task: str
    is_solved_by_base: bool
    is_solved_by_task: bool
    log_probability: float


@dataclass(frozen=True)
class GateConfig:
    """What a task must show.

    Attributes:
        max_lost_frac: Budget: expected losses over all that the base model solves.
        min_gained: Problems that a task must solve and the base model does not.
        thresholds: Least log-probabilities of an answer to try, the same for all tasks; having
            none is tried too.
    """

    max_lost_frac: float = 0.005
    min_gained: int = 1
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Ruling:
    """What the gate says of one task.

    Attributes:
        total: Problems it was tried on, `solved` by the base model.
        expected_lost: Estimated losses on these problems.
    """

    task: str
    total: int
    solved: int
    gained: int
    lost: int
    expected_lost: float
    is_shipped: bool
    reason: str


@dataclass(frozen=True)
class Decision:
    """The gate's rulings under the threshold that it chose."""

    min_log_probability: float | None
    rulings: Mapping[str, Ruling]

    @property
    def net_gain(self) -> float:
        """Problems gained less the losses to be expected, over the shipped tasks."""
        shipped = [r for r in self.rulings.values() if r.is_shipped]
        return sum(r.gained - r.expected_lost for r in shipped)

    @property
    def shipped(self) -> tuple[str, ...]:
        """The tasks that are fit to ship, sorted."""
        return tuple(sorted(task for task, r in self.rulings.items() if r.is_shipped))


def decide(trials: Sequence[Trial], num_solved: int, config: GateConfig) -> Decision:
    """Return which tasks to ship, with the threshold under which they gain most.

    Args:
        trials: Every task's problems.
        num_solved: Problems of the selecting sets that the base model solves, routed or not: the
            budget is a fraction of these.
        config: What to ask for.
    """
    thresholds = (None, *config.thresholds)
    found = [Decision(least, _rule(trials, least, num_solved, config)) for least in thresholds]
    return max(found, key=lambda decision: decision.net_gain)


def _rule(
    trials: Sequence[Trial], least: float | None, num_solved: int, config: GateConfig
) -> dict[str, Ruling]:
    by_task: dict[str, list[Trial]] = {}
    for trial in trials:
        by_task.setdefault(trial.task, []).append(trial)
    bound = float("-inf") if least is None else least
    counts = {task: _count(tried, bound) for task, tried in by_task.items()}
    solved = sum(c[0] for c in counts.values())
    rate = sum(c[2] for c in counts.values()) / max(1, solved)
    rulings = {
        task: _first_ruling(task, len(by_task[task]), count, rate, config)
        for task, count in counts.items()
    }
    return _spend(rulings, config.max_lost_frac * num_solved)


def _count(trials: Iterable[Trial], least: float) -> tuple[int, int, int]:
    """Return how many the base model solves, how many more the task solves, how many it loses."""
    solved = gained = lost = 0
    for trial in trials:
        is_task = trial.log_probability >= least
        is_solved = trial.is_solved_by_task if is_task else trial.is_solved_by_base
        solved += trial.is_solved_by_base
        gained += is_solved and not trial.is_solved_by_base
        lost += trial.is_solved_by_base and not is_solved
    return solved, gained, lost


def _first_ruling(
    task: str, total: int, count: tuple[int, int, int], rate: float, config: GateConfig
) -> Ruling:
    """Return the ruling on a task by itself; what may be shipped still has to fit the budget."""
    solved, gained, lost = count
    expected = solved * (lost + _PRIOR_WEIGHT * rate) / (solved + _PRIOR_WEIGHT)
    reason = ""
    if gained < config.min_gained:
        reason = f"gains {gained}"
    elif lost:
        reason = f"loses {lost}"
    return Ruling(task, total, solved, gained, lost, expected, not reason, reason or "ships")


def _spend(rulings: Mapping[str, Ruling], budget: float) -> dict[str, Ruling]:
    """Return the rulings with those turned down that the budget does not reach to."""
    fit = [r for r in rulings.values() if r.is_shipped]
    done = dict(rulings)
    for ruling in sorted(fit, key=lambda r: (-r.gained / (r.expected_lost + 1e-9), r.task)):
        if ruling.expected_lost <= budget:
            budget -= ruling.expected_lost
        else:
            reason = f"expected to lose {ruling.expected_lost:.2f}, over the budget"
            done[ruling.task] = replace(ruling, is_shipped=False, reason=reason)
    return done
