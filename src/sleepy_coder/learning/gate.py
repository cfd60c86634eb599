"""Which tasks may answer before the base model, from problems that none was trained on. Pure.

Where the base model merely repeats the broken program, or says what cannot repair it, it has no
answer, and a task that answers then loses nothing. What the gate decides is which tasks may go
first: they save an answer, and mend what the base model changes wrongly, but they may lose what it
would have mended. On few problems a task that loses nothing may have been lucky, and one with which
nothing is solved without going first may meet what is. So the losses that are to be expected of
each task under each threshold are estimated with the loss rate of all tasks as a prior, and tasks
go first in the order of what they gain for each expected loss until these reach the budget.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

# Of so many solved problems the prior weighs as much as a task's own record.
_PRIOR_WEIGHT = 4.0
# So many more solved problems are expected than were seen.
_UNSEEN = 1.0


@dataclass(frozen=True)
class Trial:
    """One problem of a task, answered by the base model and with the task.

    Attributes:
        is_refused: The base model's answer is seen to be no repair: most often it is the broken
            program again.
        log_probability: Of the task's answer, in nats; below a threshold the base model is heard
            first.
        source: Where the problem comes from; those of one source are alike.
    """

    task: str
    is_solved_by_base: bool
    is_solved_by_task: bool
    is_refused: bool
    log_probability: float
    source: str = ""

    @property
    def is_solved_second(self) -> bool:
        """Whether it ends well with the base model first, the task where that is refused."""
        return self.is_solved_by_task if self.is_refused else self.is_solved_by_base


@dataclass(frozen=True)
class GateConfig:
    """What a task must show to go first.

    Attributes:
        max_lost_frac: Budget: expected losses over all that is solved with no task going first.
        min_gained: Problems that a task must solve only if it goes first.
        thresholds: Least log-probabilities of an answer to try for each task; having none is tried
            too.
    """

    max_lost_frac: float = 0.0
    min_gained: int = 1
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Ruling:
    """What the gate says of one task.

    Attributes:
        total: Problems it was tried on.
        solved: Of these, by the base model.
        solved_second: With the base model first, and the task where its answer is refused.
        gained: More than that, if the task goes first.
        lost: Of that, if the task goes first.
        expected_lost: Estimated losses on as many problems.
        min_log_probability: Less likely answers wait for the base model; None lets all through.
        reason: Why it does not go first, or "goes first".
    """

    task: str
    total: int
    solved: int
    solved_second: int
    gained: int
    lost: int
    expected_lost: float
    min_log_probability: float | None
    goes_first: bool
    reason: str


@dataclass(frozen=True)
class Decision:
    """The gate's rulings."""

    rulings: Mapping[str, Ruling]

    @property
    def net_gain(self) -> float:
        """Problems solved beyond those that the base model solves, less expected losses."""
        second = sum(r.solved_second - r.solved for r in self.rulings.values())
        first = sum(r.gained - r.expected_lost for r in self.rulings.values() if r.goes_first)
        return second + first

    @property
    def first(self) -> tuple[str, ...]:
        """The tasks that may go first, sorted."""
        return tuple(sorted(task for task, r in self.rulings.items() if r.goes_first))


@dataclass(frozen=True)
class CrossValidation:
    """What going first did on sources that the gate had not seen, over many splits.

    Attributes:
        gained_frac: Problems gained over all problems.
        lost_frac: Problems lost over those that are solved with no task going first.
        tasks: Tasks that went first, on average.
    """

    num_splits: int
    gained_frac: float
    lost_frac: float
    tasks: float


def decide(trials: Sequence[Trial], config: GateConfig) -> Decision:
    """Return which tasks go first, each under the threshold that gains most within the budget.

    Args:
        trials: Every task's problems.
        config: What to ask for.
    """
    options = _weigh(trials, config)
    budget = config.max_lost_frac * sum(trial.is_solved_second for trial in trials)
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
        rulings = decide(known, config).rulings
        first = {task: r for task, r in rulings.items() if r.goes_first}
        others = [trial for trial in trials if trial.source not in seen]
        total += len(others)
        solved += sum(trial.is_solved_second for trial in others)
        tasks += len(first)
        for task, ruling in first.items():
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
                    solved=sum(trial.is_solved_by_base for trial in by_task[task]),
                    solved_second=solved,
                    gained=gained,
                    lost=lost,
                    expected_lost=(solved + _UNSEEN) * share,
                    min_log_probability=least,
                    goes_first=not reason,
                    reason=reason or "goes first",
                )
            )
    return options


def _count(trials: Iterable[Trial], least: float | None) -> tuple[int, int, int]:
    """Return how many are solved with the task second, how many more and fewer with it first."""
    solved = gained = lost = 0
    for trial in trials:
        is_first = least is None or trial.log_probability >= least
        is_solved = trial.is_solved_by_task if is_first else trial.is_solved_second
        solved += trial.is_solved_second
        gained += is_solved and not trial.is_solved_second
        lost += trial.is_solved_second and not is_solved
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
            if ruling.goes_first and is_more and cost <= budget:
                yield cost, ruling


def _worth(cost: float, ruling: Ruling, chosen: Mapping[str, Ruling]) -> tuple[float, int, str]:
    """Return what to prefer: most gained for an expected loss, then most gained."""
    now = chosen.get(ruling.task)
    more = ruling.gained - (now.gained if now else 0)
    return more / (cost + 1e-3), more, ruling.task


def _refuse(options: Sequence[Ruling]) -> Ruling:
    """Return the ruling on a task for which the budget had nothing left, or that is not fit."""
    fit = [ruling for ruling in options if ruling.goes_first]
    if not fit:
        return options[0]
    cheapest = min(fit, key=lambda ruling: ruling.expected_lost)
    reason = f"expected to lose {cheapest.expected_lost:.2f}, over the budget"
    return replace(cheapest, goes_first=False, reason=reason)
