"""What each choice of the recipe is worth: k, p, the basis's adapters, pairs per task."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sleepy_coder.experiments.coefficients import hard_patterns
from sleepy_coder.experiments.lab import Lab, Rows, heldout_of
from sleepy_coder.experiments.questions import Question, ask, ask_base
from sleepy_coder.experiments.resident import Factors, factors_of_task
from sleepy_coder.figures import draw_ablation
from sleepy_coder.metrics import Estimate, pass_rate
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.share.choice import Choice, ExplainedVariance, FixedComponents
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.subspace import Subspace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sleepy_coder.problems import Problem
    from sleepy_coder.train.lora import TrainedAdapter

AXES = ("k", "p", "adapters", "pairs")


@dataclass(frozen=True)
class AblationConfig:
    """What is varied, one axis at a time, the others as the recipe has them.

    Attributes:
        tasks: Target patterns; empty takes those of the eight hard problems.
        axes: Which of `AXES`.
        components: k, the same on all sides; 60 % of the variance per side comes beside them.
        num_adapters: Of the basis's patterns, the first so many.
        family_size: Adapters of a basis with, and of one without, the target's family.
        pairs: Pairs a task learns from, as far as there are so many.
        problems_per_task: Held-out and selecting problems of a target, each at most so many.
    """

    tasks: tuple[str, ...] = ()
    axes: tuple[str, ...] = AXES
    components: tuple[int, ...] = (8, 16, 24, 32, 64, 128)
    pseudo_ranks: tuple[int, ...] = (1, 2, 4, 8)
    num_adapters: tuple[int, ...] = (4, 8, 16, 24)
    family_size: int = 8
    pairs: tuple[int, ...] = (10, 25, 50, 100, 200)
    problems_per_task: int = 10


class _Setting(NamedTuple):
    """One point of an axis: what is trained over which basis from which rows."""

    axis: str
    name: str
    basis: Subspace
    rows: Rows
    pseudo_rank: int


def run_ablation(lab: Lab, config: AblationConfig) -> dict[str, Any]:
    """Return for each setting what is solved, with a 95 % interval, plain JSON data."""
    tasks = config.tasks or hard_patterns(lab)
    exam = _exam(lab, tasks, config.problems_per_task)
    base = ask_base(lab, list({p.id: p for own in exam.values() for p in own}.values()))
    settings = _settings(lab, tasks, config)
    variants: dict[str, Factors] = {}
    for s in settings:
        recipe = replace(lab.config.recipe, pseudo_rank=s.pseudo_rank)
        whole = Subspace(s.basis.bases, lab.train_coefficients(s.basis, s.rows, recipe))
        for task in s.rows:
            variants[f"{s.axis}/{s.name}/{task}"] = factors_of_task(whole, task)
    questions = [Question(name, p) for name in variants for p in exam[name.rpartition("/")[2]]]
    answers = ask(lab, variants, questions)
    solved = {
        name: sum(answers[name, p.id].is_solved for p in exam[name.rpartition("/")[2]])
        for name in variants
    }
    totals = {task: len(problems) for task, problems in exam.items()}
    return {
        "config": dataclasses.asdict(config),
        "base": dataclasses.asdict(pass_rate(sum(base.values()), len(base))),
        "totals": totals,
        "settings": _summarize(settings, solved, totals),
    }


def draw_ablations(data: Mapping[str, Any]) -> dict[str, Figure]:
    """Return a figure for each axis."""
    axes: dict[str, dict[str, Estimate]] = {}
    for entry in data["settings"]:
        rate = pass_rate(entry["passed"], entry["total"])
        axes.setdefault(entry["axis"], {})[entry["setting"]] = rate.estimate
    base = data["base"]["passed"] / max(1, data["base"]["total"])
    return {
        axis: draw_ablation({"coefficients": points}, x_label=axis, base_frac=base)
        for axis, points in axes.items()
    }


def _exam(lab: Lab, tasks: Sequence[str], limit: int) -> dict[str, list[Problem]]:
    """Return task -> its held-out and its selecting problems."""
    heldout = heldout_of(lab.sets, tasks, limit)
    select = {task: [p for p in lab.sets.select if p.pattern == task][:limit] for task in tasks}
    return {task: [*heldout.get(task, []), *select[task]] for task in tasks}


def _settings(lab: Lab, tasks: Sequence[str], config: AblationConfig) -> list[_Setting]:
    recipe = lab.config.recipe
    p = recipe.pseudo_rank
    rows = lab.rows(tasks)
    names = lab.config.basis_patterns
    adapters = lab.train_adapters(lab.rows(names), recipe)
    usual = _basis(lab, [adapters[n] for n in names], FixedComponents(recipe.components))
    found: list[_Setting] = []
    if "k" in config.axes:
        choices: dict[str, Choice] = {str(k): FixedComponents(k) for k in config.components}
        choices["60 %"] = ExplainedVariance(0.6)
        for name, choice in choices.items():
            basis = _basis(lab, [adapters[n] for n in names], choice)
            found.append(_Setting("k", name, basis, rows, p))
    if "p" in config.axes:
        found += [_Setting("p", str(q), usual, rows, q) for q in config.pseudo_ranks]
    if "adapters" in config.axes:
        found += _of_adapters(lab, adapters, rows, config)
    if "pairs" in config.axes:
        pool = replace(lab.config.pool, max_per_source=max(config.pairs), max_pairs=None)
        many = lab.rows(tasks, pool=pool)
        for count in config.pairs:
            part = {task: own[:: max(1, len(own) // count)][:count] for task, own in many.items()}
            found.append(_Setting("pairs", str(count), usual, part, p))
    return found


def _of_adapters(
    lab: Lab, adapters: Mapping[str, TrainedAdapter], rows: Rows, config: AblationConfig
) -> list[_Setting]:
    """Return bases of few and many adapters, and of adapters with and without a family."""
    recipe, names = lab.config.recipe, lab.config.basis_patterns
    choice = FixedComponents(recipe.components)
    found = []
    for count in config.num_adapters:
        basis = _basis(lab, [adapters[n] for n in names[:count]], choice)
        found.append(_Setting("adapters", str(count), basis, rows, recipe.pseudo_rank))
    families: dict[str, list[str]] = {}
    for task in rows:
        families.setdefault(PATTERNS[task].family, []).append(task)
    for family, members in families.items():
        kin = [n for n in names if PATTERNS[n].family == family]
        others = [n for n in names if n not in kin]
        part = {task: rows[task] for task in members}
        choices = {"with family": [*kin, *others], "without family": others}
        for name, chosen in choices.items():
            basis = _basis(lab, [adapters[n] for n in chosen[: config.family_size]], choice)
            found.append(_Setting("adapters", name, basis, part, recipe.pseudo_rank))
    return found


def _basis(lab: Lab, adapters: Sequence[TrainedAdapter], choice: Choice) -> Subspace:
    recipe = lab.config.recipe
    return init_subspace(
        adapters,
        InitOptions(choice=choice, objective=recipe.objective, pseudo_rank=recipe.pseudo_rank),
    )


def _summarize(
    settings: Sequence[_Setting], solved: Mapping[str, int], totals: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Return one entry a setting, parts of it (a family each) taken together."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for s in settings:
        entry = merged.setdefault(
            (s.axis, s.name), {"axis": s.axis, "setting": s.name, "tasks": {}, "pairs": {}}
        )
        for task in s.rows:
            entry["tasks"][task] = solved[f"{s.axis}/{s.name}/{task}"]
            entry["pairs"][task] = len(s.rows[task])
    for entry in merged.values():
        total = sum(totals[task] for task in entry["tasks"])
        entry.update(dataclasses.asdict(pass_rate(sum(entry["tasks"].values()), total)))
    return list(merged.values())
