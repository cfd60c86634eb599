"""Which pairs teach which task: proved problems, the model's own answers, and anchors.

An anchor is a program with another pattern's mistake that the base model mends by itself, with the
answer it gave: it teaches a task to leave alone what already goes well.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from sleepy_coder.problems import Problem
from sleepy_coder.prompt import AnswerForm
from sleepy_coder.train.data import pair_from_problem
from sleepy_coder.train.pairs import TrainingPair


@dataclass(frozen=True)
class PoolConfig:
    """How much of what a task's pool holds.

    Attributes:
        max_per_source: Pairs that one source may give one task.
        max_pairs: A task's own pairs in all, the sources named first before the others; None is
            no limit.
        anchor_share: Anchors for each pair of the task's own; 0 is none.
        min_pairs: A task with fewer own pairs is left out.
        answer_form: How the answers give the repair.
    """

    max_per_source: int = 200
    max_pairs: int | None = None
    anchor_share: float = 0.25
    min_pairs: int = 20
    answer_form: AnswerForm = "program"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a form that there is not."""
        if self.answer_form not in get_args(AnswerForm):
            raise ValueError(
                f"answer_form: got {self.answer_form!r}, expected one of {get_args(AnswerForm)}"
            )


def build_pools(
    sources: Sequence[Sequence[Problem]],
    own_answers: Mapping[str, str],
    anchors: Sequence[Problem],
    config: PoolConfig,
) -> dict[str, list[TrainingPair]]:
    """Return task -> pairs; equal arguments give equal pools.

    Args:
        sources: Problems with a reference fix, one sequence a source (generated, mutants).
        own_answers: Problem id -> an answer of the base model that was verified; it takes the
            place of the reference fix.
        anchors: Problems among whose own answers the anchors are drawn.
        config: Limits.
    """

    def pair(problem: Problem, task: str) -> TrainingPair:
        own = own_answers.get(problem.id)
        return pair_from_problem(problem, own, task=task, answer_form=config.answer_form)

    pools: dict[str, list[TrainingPair]] = defaultdict(list)
    for source in sources:
        by_task: dict[str, list[Problem]] = defaultdict(list)
        for problem in source:
            by_task[problem.pattern].append(problem)
        for task, problems in by_task.items():
            count = config.max_per_source
            if config.max_pairs is not None:
                count = min(count, config.max_pairs - len(pools[task]))
            chosen = _draw(problems, count, f"{config.seed}/{task}")
            pools[task] += [pair(problem, task) for problem in chosen]
    kept = {task: pairs for task, pairs in sorted(pools.items()) if len(pairs) >= config.min_pairs}
    for task, pairs in kept.items():
        others = [p for p in anchors if p.pattern != task]
        count = round(len(pairs) * config.anchor_share)
        chosen = _draw(others, count, f"{config.seed}/anchors/{task}")
        pairs += [pair(problem, task) for problem in chosen]
    return kept


def _draw(problems: Sequence[Problem], count: int, seed: str) -> list[Problem]:
    rng = random.Random(seed)  # noqa: S311 - no secret
    return rng.sample(list(problems), min(count, len(problems)))
