"""Does a basis hold anything of a task that did not make it, beyond what all tasks share?

For each of some patterns, the other patterns' adapters give their mean and two bases: of their ΔW,
and of their ΔW less the mean. The pattern's problems that no adapter learned from are answered by

- `own LoRA`: its adapter as it was trained,
- `mean`: the mean of the others alone,
- `projected`: its adapter on the basis of the others,
- `own part`: its adapter less the mean, on the basis of the others less the mean,
- `mean + own part`: the mean added to that,
- `random`: its adapter on a random basis of the same size,

and by the base model. If all that is shared is the mean, then `mean + own part` is no better than
`mean`, and `own part` no better than the base model (cahlen/universal-subspace-stress-test, 2026).

Cost with the defaults, the adapters trained: eight patterns of up to 6 held-out and 10 selecting
problems each, 2 + 4 · 3 arms: at most 1,800 answers, about a minute of one H100, and 16 bases.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sleepy_coder.errors import InputError
from sleepy_coder.experiments.coefficients import hard_patterns
from sleepy_coder.experiments.controls import (
    Bases,
    combine,
    first_directions,
    mean_of,
    project_factors,
    random_like,
    relative_error,
)
from sleepy_coder.experiments.lab import Lab, digest_problem, exam_of
from sleepy_coder.experiments.questions import Question, ask, ask_base
from sleepy_coder.figures import draw_ablation
from sleepy_coder.metrics import Estimate, pass_rate
from sleepy_coder.paired import compare_paired

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sleepy_coder.experiments.resident import Factors
    from sleepy_coder.problems import Problem

_FEW = 4  # patterns that are left out where none of the hard ones has an adapter


class Arm(NamedTuple):
    """Who answers, over how many directions; k is None where no basis is used."""

    name: str
    components: int | None = None


OWN, MEAN, BASE = Arm("own LoRA"), Arm("mean"), Arm("base")


def choose_left_out(lab: Lab, asked: Sequence[str], tasks: Sequence[str]) -> list[str]:
    """Return the patterns to leave out: those asked for, else the hard ones with an adapter.

    Raises:
        InputError: One that is asked for has no adapter.
    """
    if lacking := [task for task in asked if task not in tasks]:
        raise InputError(f"left_out: got {lacking[0]}, expected one of the tasks with an adapter")
    hard = [task for task in hard_patterns(lab) if task in tasks]
    return list(asked) or hard or list(tasks[:_FEW])


def run_leave_one_out(
    lab: Lab,
    adapters: Mapping[str, Factors],
    bases: Bases,
    left_out: Sequence[str],
    components: Sequence[int],
    *,
    problems_per_task: int,
    origin: str,
) -> dict[str, Any]:
    """Return for each left-out pattern and arm the error of ΔW and what is solved; and in all.

    Args:
        lab: Where it is made.
        adapters: Of all tasks, by name.
        bases: How bases are made.
        left_out: Tasks that are left out, one at a time.
        components: k of the bases.
        problems_per_task: Held-out and selecting problems of a pattern, each at most so many.
        origin: Hash of what the adapters depend on.
    """
    exam = exam_of(lab.sets, left_out, problems_per_task)
    patterns = {}
    for task in left_out:
        material = [
            *(origin, task, list(components), bases.mean_rank, lab.bench().config()),
            [digest_problem(p, lab.config.pool.answer_form) for p in exam[task]],
        ]

        def make(task: str = task) -> dict[str, Any]:
            others = {name: each for name, each in adapters.items() if name != task}
            arms = make_arms(adapters[task], others, bases, components)
            return {
                "problems": len(exam[task]),
                "arms": _answer(lab, adapters[task], arms, exam[task]),
            }

        patterns[task] = lab.kept("leave-one-out", material, make)
    return {"patterns": patterns, "arms": summarize_arms([p["arms"] for p in patterns.values()])}


def make_arms(
    own: Factors,
    others: Mapping[str, Factors],
    bases: Bases,
    components: Sequence[int],
) -> dict[Arm, Factors]:
    """Return each arm's ΔW."""
    widest = max(components)
    mean = mean_of(list(others.values()), bases.mean_rank)
    shared = bases.of(others, widest)
    centred = bases.of_own_parts(others, widest)
    own_part = combine([(1, own), (-1, mean)])
    arms: dict[Arm, Factors] = {OWN: own, MEAN: mean}
    for k in components:
        basis = first_directions(shared, k)
        arms[Arm("projected", k)] = project_factors(basis, own)
        arms[Arm("own part", k)] = project_factors(first_directions(centred, k), own_part)
        arms[Arm("mean + own part", k)] = combine([(1, mean), (1, arms[Arm("own part", k)])])
        arms[Arm("random", k)] = project_factors(random_like(basis, seed=1), own)
    return arms


def _answer(
    lab: Lab, own: Factors, arms: Mapping[Arm, Factors], problems: Sequence[Problem]
) -> list[dict[str, Any]]:
    """Return one entry an arm: its error, and problem id -> whether it is solved."""
    names = {arm: f"{arm.name}/{arm.components}" for arm in arms}
    base = ask_base(lab, problems)
    answers = (
        ask(
            lab,
            {names[arm]: factors for arm, factors in arms.items()},
            [Question(name, problem) for name in names.values() for problem in problems],
        )
        if problems
        else {}
    )
    entries = [_entry(BASE, 1.0, base)]
    for arm, factors in arms.items():
        solved = {p.id: answers[names[arm], p.id].is_solved for p in problems}
        entries.append(_entry(arm, relative_error(own, factors), solved))
    return entries


def _entry(arm: Arm, error: float, solved: Mapping[str, bool]) -> dict[str, Any]:
    return {"arm": arm.name, "k": arm.components, "error": error, "solved": dict(solved)}


def summarize_arms(patterns: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return each arm over all patterns: mean error, what is solved, and against the mean alone.

    Args:
        patterns: Each left-out pattern's entries, the same arms in each.
    """
    together: dict[Arm, dict[str, bool]] = {}
    errors: dict[Arm, list[float]] = {}
    for entries in patterns:
        for entry in entries:
            arm = Arm(entry["arm"], entry["k"])
            together.setdefault(arm, {}).update(entry["solved"])
            errors.setdefault(arm, []).append(entry["error"])
    found = []
    for arm, solved in together.items():
        change = compare_paired(together[MEAN], solved)
        found.append(
            {
                "arm": arm.name,
                "k": arm.components,
                "error": statistics.fmean(errors[arm]),
                **dataclasses.asdict(pass_rate(sum(solved.values()), len(solved))),
                "against_mean": {
                    "gained": len(change.gained),
                    "lost": len(change.lost),
                    "p_value": change.p_value,
                },
            }
        )
    return found


def draw_left_out(arms: Sequence[Mapping[str, Any]]) -> Figure:
    """Return what each arm solves at each k; those without a basis are the same at all."""
    rates = {Arm(a["arm"], a["k"]): pass_rate(a["passed"], a["total"]).estimate for a in arms}
    settings = dict.fromkeys(arm.components for arm in rates if arm.components is not None)
    lines: dict[str, dict[str, Estimate]] = {}
    for arm, rate in rates.items():
        ks = settings if arm.components is None else [arm.components]
        lines.setdefault(arm.name, {}).update({str(k): rate for k in ks})
    base = lines.pop(BASE.name)
    return draw_ablation(lines, x_label="components k", base_frac=next(iter(base.values())).value)
