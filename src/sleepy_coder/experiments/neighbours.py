"""Does what was learned of one pattern help on the problems of its neighbours?

Each learned task answers the held-out problems of its own pattern, of the most similar patterns of
its family (kin) and of the most similar ones of other families, whatever their routes. Similar are
tasks whose ΔW have a large cosine. What all tasks have in common helps everywhere; so beside each
task stand the base model, the mean of all tasks and, where the store has it, the task `general`.

Cost: nothing is trained; T · (1 + kin + others) · problems answers by tasks, and three to each
problem: some 2,300 with the defaults and 72 tasks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sleepy_coder.errors import InputError
from sleepy_coder.experiments.lab import Lab, heldout_of
from sleepy_coder.experiments.questions import Question, ask, ask_base
from sleepy_coder.experiments.resident import factors_of_task
from sleepy_coder.patterns import GENERAL, PATTERNS
from sleepy_coder.share.analysis import task_similarity
from sleepy_coder.share.tasks import average, put_task

if TYPE_CHECKING:
    from torch import Tensor

OWN, KIN, OTHER = "own", "kin", "other"
MEAN = "mean"  # of all patterns' tasks


@dataclass(frozen=True)
class NeighboursConfig:
    """Who is asked what.

    Attributes:
        tasks: Learned tasks to ask; empty takes all that have held-out problems.
        kin: Most similar tasks of the family whose problems a task is asked.
        others: Most similar tasks of other families, likewise.
        problems_per_task: Held-out problems of each, at most.
    """

    tasks: tuple[str, ...] = ()
    kin: int = 2
    others: int = 2
    problems_per_task: int = 4


def run_neighbours(lab: Lab, config: NeighboursConfig) -> dict[str, Any]:
    """Return what each task solves of whose problems, plain JSON data.

    Raises:
        InputError: A task is not in the store or has no held-out problem.
    """
    subspace = lab.learned()
    names, similarity = task_similarity(subspace)
    patterns = [name for name in names if name in PATTERNS]
    exam = heldout_of(lab.sets, patterns, config.problems_per_task)
    asked = config.tasks or tuple(name for name in names if name in exam)
    if unknown := [name for name in asked if name not in exam]:
        raise InputError(f"--tasks: {unknown[0]} was not learned, or has no held-out problems")
    asked_of = [
        (task, relation, other)
        for task in asked
        for relation, other in _choose(task, names, similarity, set(exam), config)
    ]
    own = {name: coefficients for name, coefficients in subspace.tasks.items() if name != GENERAL}
    common = [MEAN, *({GENERAL} & set(names))]
    subspace = put_task(subspace, MEAN, average(replace(subspace, tasks=own)))
    questions = [
        Question(variant, problem)
        for task, _, other in asked_of
        for problem in exam[other]
        for variant in (task, *common)
    ]
    variants = {name: factors_of_task(subspace, name) for name in {q.variant for q in questions}}
    base = ask_base(lab, list({q.problem.id: q.problem for q in questions}.values()))
    answers = ask(lab, variants, questions)

    def solved(variant: str, other: str) -> int:
        return sum(answers[variant, problem.id].is_solved for problem in exam[other])

    rows = [
        {
            "task": task,
            "relation": relation,
            "problems_of": other,
            "cosine": round(float(similarity[names.index(task), names.index(other)]), 4),
            "total": len(exam[other]),
            "solved": solved(task, other),
            "base": sum(base[problem.id] for problem in exam[other]),
            **{name: solved(name, other) for name in common},
        }
        for task, relation, other in asked_of
    ]
    return {"config": dataclasses.asdict(config), "rows": rows}


def _choose(
    task: str,
    names: Sequence[str],
    similarity: Tensor,
    known: set[str],
    config: NeighboursConfig,
) -> Iterator[tuple[str, str]]:
    """Yield whose problems a task is asked, each after its relation: the most similar ones."""
    order = similarity[names.index(task)].argsort(descending=True).tolist()
    similar = [names[place] for place in order if names[place] in known - {task}]
    family = PATTERNS[task].family
    kin = [name for name in similar if PATTERNS[name].family == family]
    others = [name for name in similar if PATTERNS[name].family != family]
    yield OWN, task
    yield from ((KIN, name) for name in kin[: config.kin])
    yield from ((OTHER, name) for name in others[: config.others])
