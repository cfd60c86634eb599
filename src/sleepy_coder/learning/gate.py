"""Which learned tasks answer, and how sure of it, from problems that none was trained on. Pure.

A task must mend what the base model does not, and lose nothing that it does. On few problems a task
that loses nothing may have been lucky, and one under which the base model solved nothing may meet
what it does solve. So the losses that are to be expected of each task under each threshold are
estimated with the loss rate of all tasks as a prior, and answers are let through in the order of
what they gain for each expected loss until these reach the budget.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

# Of so many problems that the base model solves the prior weighs as much as a task's own record.
_PRIOR_WEIGHT = 4.0
# So many more problems that the base model solves are expected than were seen.
_UNSEEN = 1.0


@dataclass(frozen=True)
class Trial:
    """One problem of a task, answered by the base model and with the task.

    Attributes:
        log_probability: Of the task's answer, in nats; below a threshold the base model's stands in
            its place.
        source: Where the problem comes from; those of one source are alike.
    """

    task: str
    is_solved_by_base: bool
    is_solved_by_task: bool
    log_probability: float
    source: str = ""


@dataclass(frozen=True)
class GateConfig:
    """What a task must show.

    Attributes:
        max_lost_frac: Budget: expected losses over all that the base model solves.
        min_gained: Problems that a task must solve and the base model does not.
        thresholds: Least log-probabilities of an answer to try for each task; having none is tried
            too.
    """

    max_lost_frac: float = 0.004
    min_gained: int = 1
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Ruling:
    """What the gate says of one task.

    Attributes:
        total: Problems it was tried on, `solved` by the base model.
        expected_lost: Estimated losses on as many problems.
        min_log_probability: Less likely answers are left to the base model; None lets all through.
    """

    task: str
    total: int
    solved: int
    gained: int
    lost: int
    expected_lost: float
    min_log_probability: float | None
    is_shipped: bool
    reason: str


@dataclass(frozen=True)
class Decision:
    """The gate's rulings."""

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


@dataclass(frozen=True)
class CrossValidation:
    """How the gate did on sources that it had not seen, over many splits.

    Attributes:
        gained_frac: Problems gained over all problems.
        lost_frac: Problems lost over those that the base model solves.
        tasks: Tasks that were let through, on average.
    """

    num_splits: int
    gained_frac: float
    lost_frac: float
    tasks: float


def decide(trials: Sequence[Trial], num_solved: int, config: GateConfig) -> Decision:
    """Return which tasks to ship, each under the threshold that gains most within the budget.

    Args:
        trials: Every task's problems.
        num_solved: Problems of the selecting sets that the base model solves, routed or not: the
            budget is a fraction of these.
        config: What to ask for.
    """
    options = _weigh(trials, config)
    budget = config.max_lost_frac * num_solved
    chosen: dict[str, Ruling] = {}
    while steps := list(_affordable(options, chosen, budget)):
        cost, ruling = max(steps, key=lambda step: _worth(step[0], step[1], chosen))
        budget -= cost
        chosen[ruling.task] = ruling
    return Decision({task: chosen.get(task) or _refuse(own) for task, own in options.items()})


def cross_validate(
    trials: Sequence[Trial], config: GateConfig, *, num_splits: int = 40, seed: int = 0
) -> CrossValidation:
    """Return what the gate's choice on three quarters of the sources does on the others.

    Args:
        trials: Every task's problems, with their sources.
        config: What to ask for.
        num_splits: How often sources are dealt out anew.
        seed: Of the dealing.
    """
    rng = random.Random(seed)  # noqa: S311 - no secret
    sources = sorted({trial.source for trial in trials})
    total = solved = gained = lost = tasks = 0
    for _ in range(num_splits):
        seen = set(rng.sample(sources, round(0.75 * len(sources))))
        known = [trial for trial in trials if trial.source in seen]
        rulings = decide(known, sum(t.is_solved_by_base for t in known), config).rulings
        shipped = {task: r for task, r in rulings.items() if r.is_shipped}
        others = [trial for trial in trials if trial.source not in seen]
        total += len(others)
        solved += sum(trial.is_solved_by_base for trial in others)
        tasks += len(shipped)
        for task, ruling in shipped.items():
            own = [trial for trial in others if trial.task == task]
            _, more, fewer = _count(own, ruling.min_log_probability)
            gained, lost = gained + more, lost + fewer
    return CrossValidation(
        num_splits, gained / max(1, total), lost / max(1, solved), tasks / max(1, num_splits)
    )


def _weigh(trials: Iterable[Trial], config: GateConfig) -> dict[str, list[Ruling]]:
    """Return each task's possible rulings, without a threshold first."""
    by_task: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_task[trial.task].append(trial)
    options: dict[str, list[Ruling]] = {task: [] for task in by_task}
    for least in (None, *config.thresholds):
        counts = {task: _count(tried, least) for task, tried in by_task.items()}
        rate = sum(c[2] for c in counts.values()) / max(1, sum(c[0] for c in counts.values()))
        for task, (solved, gained, lost) in counts.items():
            share = (lost + _PRIOR_WEIGHT * rate) / (solved + _PRIOR_WEIGHT)
            reason = ""
            if gained < config.min_gained:
                reason = f"gains {gained}"
            elif lost:
                reason = f"loses {lost}"
            options[task].append(
                Ruling(
                    task=task,
                    total=len(by_task[task]),
                    solved=solved,
                    gained=gained,
                    lost=lost,
                    expected_lost=(solved + _UNSEEN) * share,
                    min_log_probability=least,
                    is_shipped=not reason,
                    reason=reason or "ships",
                )
            )
    return options


def _count(trials: Iterable[Trial], least: float | None) -> tuple[int, int, int]:
    """Return how many the base model solves, how many more the task solves, how many it loses."""
    solved = gained = lost = 0
    for trial in trials:
        is_task = least is None or trial.log_probability >= least
        is_solved = trial.is_solved_by_task if is_task else trial.is_solved_by_base
        solved += trial.is_solved_by_base
        gained += is_solved and not trial.is_solved_by_base
        lost += trial.is_solved_by_base and not is_solved
    return solved, gained, lost


def _affordable(
    options: Mapping[str, Sequence[Ruling]], chosen: Mapping[str, Ruling], budget: float
) -> Iterable[tuple[float, Ruling]]:
    """Yield the rulings that gain more than what was chosen, with what they cost in its place."""
    for task, rulings in options.items():
        now = chosen.get(task)
        for ruling in rulings:
            cost = ruling.expected_lost - (now.expected_lost if now else 0.0)
            is_more = now is None or ruling.gained > now.gained
            if ruling.is_shipped and is_more and cost <= budget:
                yield cost, ruling


def _worth(cost: float, ruling: Ruling, chosen: Mapping[str, Ruling]) -> tuple[float, int, str]:
    """Return what to prefer: most gained for an expected loss, then most gained."""
    now = chosen.get(ruling.task)
    more = ruling.gained - (now.gained if now else 0)
    return more / (cost + 1e-3), more, ruling.task


def _refuse(options: Sequence[Ruling]) -> Ruling:
    """Return the ruling on a task for which the budget had nothing left, or that is not fit."""
    fit = [ruling for ruling in options if ruling.is_shipped]
    if not fit:
        return options[0]
    cheapest = min(fit, key=lambda ruling: ruling.expected_lost)
    reason = f"expected to lose {cheapest.expected_lost:.2f}, over the budget"
    return replace(cheapest, is_shipped=False, reason=reason)
