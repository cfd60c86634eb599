"""When a learned task is heard against the base model, by problems that none was trained on. Pure.

Where the base model merely repeats the broken program, or says what cannot repair it, it has no
answer, and a task that answers then loses hardly anything. Where it changes something, either of
the two may be right. What tells is how sure each is of its own answer (`dialogue.doubt`): the gate
looks for the least doubt of the base model at which hearing the task instead loses next to nothing.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """One problem of a task, answered by the base model and with the task.

    Attributes:
        is_refused: The base model's answer is seen to be no repair: most often it is the broken
            program again.
        doubt: How many times less sure the base model is of its answer than the task is of its
            own; 0 where the task's is seen to be no repair.
        source: Where the problem comes from; those of one source are alike.
    """

    task: str
    is_solved_by_base: bool
    is_solved_by_task: bool
    is_refused: bool
    doubt: float
    source: str = ""

    def is_solved(self, min_doubt: float | None) -> bool:
        """Whether it ends well, the task heard from so much doubt on; None is where refused only.

        In place of a refused answer of the base model the task's always stands, also the few times
        that it had solved the problem: where the repair is to take something away.
        """
        is_heard = self.is_refused or (min_doubt is not None and self.doubt >= min_doubt)
        return self.is_solved_by_task if is_heard else self.is_solved_by_base


@dataclass(frozen=True)
class GateConfig:
    """What tasks must show to be heard against the base model.

    Attributes:
        max_lost_frac: Budget: expected losses over all that the base model solves.
        doubts: Least doubts to try; without any, tasks are heard where it has no answer only.
        unseen_losses: So many more losses are expected than were seen. Where none of n is lost, up
            to 3/n may be (the rule of three: Hanley and Lippman-Hand 1983,
            doi:10.1001/jama.1983.03330370053031).
        max_lost_per_gain: Another budget, where that is more: expected losses over what is gained
            beyond tasks that wait to be needed. A base model that solves next to nothing has next
            to nothing to lose, and all to gain.
    """

    max_lost_frac: float = 0.0
    doubts: tuple[float, ...] = ()
    unseen_losses: int = 3
    max_lost_per_gain: float = 0.0


@dataclass(frozen=True)
class Ruling:
    """What the gate says of one task.

    Attributes:
        total: Problems it was tried on.
        solved: Of these, by the base model.
        solved_alone: By the task, whatever the base model would say.
        solved_second: With the task where the base model's answer is refused.
        gained: More than that, with the task heard against the base model too.
        lost: Of that, by the same.
        min_doubt: From which on it is heard against the base model; None if never.
    """

    task: str
    total: int
    solved: int
    solved_alone: int
    solved_second: int
    gained: int
    lost: int
    min_doubt: float | None


@dataclass(frozen=True)
class Decision:
    """The gate's word.

    Attributes:
        min_doubt: From which on tasks are heard against the base model; None if none is.
        rulings: Task -> what is said of it. Not heard is who lost something, or solves no more
            by itself than the base model does: that one can do without.
    """

    min_doubt: float | None
    rulings: Mapping[str, Ruling]

    @property
    def net_gain(self) -> int:
        """Problems solved beyond those that the base model solves."""
        rulings = self.rulings.values()
        heard = sum(r.gained - r.lost for r in rulings if r.min_doubt is not None)
        return heard + sum(r.solved_second - r.solved for r in rulings)

    @property
    def heard(self) -> tuple[str, ...]:
        """The tasks that are heard against the base model, sorted."""
        return tuple(sorted(task for task, r in self.rulings.items() if r.min_doubt is not None))


@dataclass(frozen=True)
class CrossValidation:
    """What hearing tasks against the base model did on sources that the gate had not seen.

    Attributes:
        gained_frac: Problems gained over all problems.
        lost_frac: Problems lost over those that the base model solves.
    """

    num_splits: int
    gained_frac: float
    lost_frac: float


def decide(
    trials: Sequence[Trial], config: GateConfig, *, min_doubt: float | None = None
) -> Decision:
    """Return from how much doubt on tasks are heard: the least that keeps to the budget.

    Args:
        trials: Every task's problems.
        config: What to ask for.
        min_doubt: What was chosen before, from more tasks' problems than these; it stands.
    """
    chosen = min_doubt
    if chosen is None:
        chosen = next((d for d in sorted(config.doubts) if _is_within(trials, d, config)), None)
    by_task: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_task[trial.task].append(trial)
    return Decision(chosen, {task: _rule(task, own, chosen) for task, own in by_task.items()})


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
    total = solved = gained = lost = 0
    for _ in range(num_splits):
        seen = set(rng.sample(sources, round(0.75 * len(sources))))
        decision = decide([trial for trial in trials if trial.source in seen], config)
        others = [trial for trial in trials if trial.source not in seen]
        total += len(others)
        solved += sum(trial.is_solved_by_base for trial in others)
        for task in decision.heard:
            own = [trial for trial in others if trial.task == task]
            more, fewer = _count(own, decision.min_doubt)
            gained, lost = gained + more, lost + fewer
    return CrossValidation(num_splits, gained / max(1, total), lost / max(1, solved))


def _is_within(trials: Sequence[Trial], min_doubt: float, config: GateConfig) -> bool:
    """Whether tasks that are heard from so much doubt on keep to the budget."""
    gained, lost = _count(trials, min_doubt)
    solved = sum(trial.is_solved_by_base for trial in trials)
    budget = max(config.max_lost_frac * solved, config.max_lost_per_gain * gained)
    return lost + config.unseen_losses <= budget


def _rule(task: str, trials: Sequence[Trial], min_doubt: float | None) -> Ruling:
    gained, lost = _count(trials, min_doubt)
    solved = sum(trial.is_solved_by_base for trial in trials)
    solved_alone = sum(trial.is_solved_by_task for trial in trials)
    return Ruling(
        task=task,
        total=len(trials),
        solved=solved,
        solved_alone=solved_alone,
        solved_second=sum(trial.is_solved(None) for trial in trials),
        gained=gained,
        lost=lost,
        min_doubt=min_doubt if solved_alone > solved and not lost else None,
    )


def _count(trials: Sequence[Trial], min_doubt: float | None) -> tuple[int, int]:
    """Return how many more and how many fewer are solved than if tasks wait to be needed."""
    pairs = [(trial.is_solved(min_doubt), trial.is_solved(None)) for trial in trials]
    return sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
