"""What each choice of the recipe is worth: k, p, basis, adapters, modules, pairs and their source.

A curve over k that is flat may be so because training starts from the mean of the basis's tasks
(over the store's basis from its task `general`, where there is one), or because any few parameters
do. The axis "basis" tells: at each k the learned basis from the mean
and from a random start, a random basis of the same size from the same random start (it holds no
mean), and the mean itself, reduced to p and untrained.

The axis "modules" adapts attention's projections, the MLP's, or both, with adapters and a basis of
their own: for two of the three, the basis's adapters are trained once more.

The axis "sources" compares pairs from the generators, from real crates' mutants, and the base
model's own verified answers to either (turning back, or under hints), and mixtures. It asks only of
tasks with pairs in each source: name them with `--tasks`. The axes "weights" and "steps" vary how
tasks are fitted: what edited and kept tokens weigh, and for how long. These three learn over the
store's basis, from what the tasks that gave it share.

Cost of the other axes with the defaults: 25 settings of up to 8 tasks with 36 steps of 4 rows, and
9 more for the axis "basis", of which 3 are trained for the axis k anyway: 31 times 0.7 million
tokens at 600 a row. With up to 16 problems a task 4,400 answers, 1,500 of them for the axis
"basis". "sources": 5 settings, and 60 answers a task for its own ones. "weights" and "steps": 6.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sleepy_coder.experiments.coefficients import hard_patterns
from sleepy_coder.experiments.controls import random_like
from sleepy_coder.experiments.lab import Lab, Rows, exam_of
from sleepy_coder.experiments.questions import Question, ask, ask_base
from sleepy_coder.experiments.resident import Factors, factors_of_task
from sleepy_coder.figures import draw_ablation
from sleepy_coder.metrics import Estimate, pass_rate
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.share.choice import Choice, ExplainedVariance, FixedComponents
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.subspace import Subspace
from sleepy_coder.train.recipe import mean_start

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sleepy_coder.train.config import FitConfig
    from sleepy_coder.train.lora import TrainedAdapter
    from sleepy_coder.train.recipe import Recipe

_RECIPE_AXES = ("k", "p", "basis", "adapters", "modules", "pairs")
_STORE_AXES = ("sources", "weights", "steps")
AXES = (*_RECIPE_AXES, *_STORE_AXES)
_RANDOM_BASIS_SEED = 1
_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
_MLP = ("gate_proj", "up_proj", "down_proj")
_MODULES = {"attention": _ATTENTION, "MLP": _MLP, "both": (*_ATTENTION, *_MLP)}
# Who is asked for own answers; the second about what the first did not solve.
_OWN_STRATEGIES = ("base-again", "hints-second")


@dataclass(frozen=True)
class AblationConfig:
    """What is varied, one axis at a time, the others as the recipe has them.

    Attributes:
        tasks: Target patterns; empty takes those of the eight hard problems.
        axes: Which of `AXES`.
        components: k, the same on all sides; 60 % of the variance per side comes beside them.
        basis_components: k at which bases and starts are compared.
        num_adapters: Of the basis's patterns, the first so many.
        family_size: Adapters of a basis with, and of one without, the target's family.
        pairs: Pairs a task learns from, as far as there are so many.
        weights: Of the loss on edited and on kept tokens.
        steps: Of the coefficients' fit.
        own_answers: Training problems of a task that the base model is asked for own answers.
        problems_per_task: Held-out and selecting problems of a target, each at most so many.
    """

    tasks: tuple[str, ...] = ()
    axes: tuple[str, ...] = _RECIPE_AXES
    components: tuple[int, ...] = (8, 16, 24, 32, 64, 128)
    pseudo_ranks: tuple[int, ...] = (1, 2, 4, 8)
    basis_components: tuple[int, ...] = (8, 24, 128)
    num_adapters: tuple[int, ...] = (4, 8, 16, 24)
    family_size: int = 8
    pairs: tuple[int, ...] = (10, 25, 50, 100, 200)
    weights: tuple[tuple[float, float], ...] = ((1.0, 1.0), (2.0, 0.5), (4.0, 0.3))
    steps: tuple[int, ...] = (18, 36, 72)
    own_answers: int = 60
    problems_per_task: int = 10


class _Setting(NamedTuple):
    """One point of an axis: what is trained over which basis from which rows.

    Attributes:
        arm: What the points of one line of the figure have in common.
        start: As in `Recipe`; "untrained" is the mean as it is.
        fit: How the coefficients are fitted; None as the recipe has it.
    """

    axis: str
    name: str
    basis: Subspace
    rows: Rows
    pseudo_rank: int
    arm: str = "coefficients"
    start: Literal["mean", "random", "untrained"] = "mean"
    fit: FitConfig | None = None

    def variant(self, task: str) -> str:
        """Return the name under which a task of this setting answers."""
        return f"{self.axis}/{self.arm}/{self.name}/{task}"


def run_ablation(lab: Lab, config: AblationConfig) -> dict[str, Any]:
    """Return for each setting what is solved, with a 95 % interval, plain JSON data."""
    tasks = config.tasks or hard_patterns(lab)
    exam = exam_of(lab.sets, tasks, config.problems_per_task)
    base = ask_base(lab, list({p.id: p for own in exam.values() for p in own}.values()))
    settings = _settings(lab, tasks, config)
    variants: dict[str, Factors] = {}
    for s in settings:
        learned = _learn(lab, s)
        for task in s.rows:
            variants[s.variant(task)] = factors_of_task(learned, task)
    questions = [Question(s.variant(t), p) for s in settings for t in s.rows for p in exam[t]]
    answers = ask(lab, variants, questions)
    solved = {
        s.variant(t): sum(answers[s.variant(t), p.id].is_solved for p in exam[t])
        for s in settings
        for t in s.rows
    }
    totals = {task: len(problems) for task, problems in exam.items()}
    return {
        "config": dataclasses.asdict(config),
        "base": dataclasses.asdict(pass_rate(sum(base.values()), len(base))),
        "totals": totals,
        "settings": _summarize(settings, solved, totals),
    }


def split_by_axis(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return axis -> the result with that axis's settings alone: axes may be run one by one."""
    axes = dict.fromkeys(entry["axis"] for entry in data["settings"])
    return {
        axis: {**data, "settings": [e for e in data["settings"] if e["axis"] == axis]}
        for axis in axes
    }


def draw_ablations(data: Mapping[str, Any]) -> dict[str, Figure]:
    """Return a figure for each axis."""
    axes: dict[str, dict[str, dict[str, Estimate]]] = {}
    for entry in data["settings"]:
        rate = pass_rate(entry["passed"], entry["total"])
        line = axes.setdefault(entry["axis"], {}).setdefault(entry["arm"], {})
        line[entry["setting"]] = rate.estimate
    base = data["base"]["passed"] / max(1, data["base"]["total"])
    return {
        axis: draw_ablation(lines, x_label="k" if axis == "basis" else axis, base_frac=base)
        for axis, lines in axes.items()
    }


def _learn(lab: Lab, s: _Setting) -> Subspace:
    """Return the setting's basis with what its tasks learn over it."""
    if s.start == "untrained":
        return replace(s.basis, tasks=dict.fromkeys(s.rows, mean_start(s.basis, s.pseudo_rank)))
    recipe = replace(lab.config.recipe, pseudo_rank=s.pseudo_rank, start=s.start)
    if s.fit is not None:
        recipe = replace(recipe, coefficients=s.fit)
    return Subspace(s.basis.bases, lab.train_coefficients(s.basis, s.rows, recipe))


def _settings(lab: Lab, tasks: Sequence[str], config: AblationConfig) -> list[_Setting]:
    found = _of_recipe(lab, tasks, config) if set(config.axes) & set(_RECIPE_AXES) else []
    if set(config.axes) & set(_STORE_AXES):
        found += _over_store(lab, tasks, config)
    return found


def _over_store(lab: Lab, tasks: Sequence[str], config: AblationConfig) -> list[_Setting]:
    point = partial(_Setting, basis=lab.basis(), pseudo_rank=lab.config.recipe.pseudo_rank)
    found = []
    if "sources" in config.axes:
        mixtures = _rows_of_sources(lab, tasks, config.own_answers)
        found += [point(axis="sources", name=name, rows=rows) for name, rows in mixtures.items()]
    if fits := list(_fits(lab.config.recipe.coefficients, config)):
        rows = lab.rows(tasks)
        found += [point(axis=axis, name=name, rows=rows, fit=fit) for axis, name, fit in fits]
    return found


def _fits(usual: FitConfig, config: AblationConfig) -> Iterator[tuple[str, str, FitConfig]]:
    """Yield axis, name and fit of each setting that fits the same rows otherwise."""
    if "weights" in config.axes:
        for edit, kept in config.weights:
            fit = replace(usual, edit_weight=edit, kept_weight=kept)
            yield "weights", f"{edit:g} : {kept:g}", fit
    if "steps" in config.axes:
        for steps in config.steps:
            yield "steps", str(steps), replace(usual, num_steps=steps)


def _of_recipe(lab: Lab, tasks: Sequence[str], config: AblationConfig) -> list[_Setting]:
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
    if "basis" in config.axes:
        for k in config.basis_components:
            basis = _basis(lab, [adapters[n] for n in names], FixedComponents(k))
            found += _of_starts(basis, str(k), rows, p)
    if "adapters" in config.axes:
        found += _of_adapters(lab, adapters, rows, config)
    if "modules" in config.axes:
        found += _of_modules(lab, rows)
    if "pairs" in config.axes:
        pool = replace(lab.config.pool, max_per_source=max(config.pairs), max_pairs=None)
        many = lab.rows(tasks, pool=pool)
        for count in config.pairs:
            part = {task: own[:: max(1, len(own) // count)][:count] for task, own in many.items()}
            found.append(_Setting("pairs", str(count), usual, part, p))
    return found


def _rows_of_sources(lab: Lab, tasks: Sequence[str], num_asked: int) -> dict[str, Rows]:
    """Return mixture -> rows; an own answer stands in place of the reference fix.

    A task none of whose problems the base model solves is not in "own answers".
    """
    mutants, written, generated = lab.sources(tasks)
    asked = []
    for task in tasks:
        real, made = ([p for p in s if p.pattern == task] for s in (mutants, generated))
        asked += [*real[: num_asked // 2], *made[: num_asked - len(real[: num_asked // 2])]]
    own = lab.own_answers("own-answers", asked, _OWN_STRATEGIES)
    answered = [p for p in asked if p.id in own]
    able = [task for task in tasks if any(p.pattern == task for p in answered)]
    pool = replace(lab.config.pool, min_pairs=1)
    two = [mutants, generated]
    mixtures: dict[str, Rows] = {
        "generated": lab.rows(tasks, pool=pool, sources=[generated]),
        "mutants": lab.rows(tasks, pool=pool, sources=[mutants]),
        "own answers": lab.rows(able, pool=pool, sources=[answered], own_answers=own),
        "mutants, generated": lab.rows(tasks, pool=pool, sources=two),
        "mutants, generated, own answers": lab.rows(tasks, pool=pool, sources=two, own_answers=own),
    }
    by_pattern = Counter(problem.pattern for problem in written)
    if with_written := [task for task in tasks if by_pattern[task]]:
        mixtures["written"] = lab.rows(with_written, pool=pool, sources=[written])
        mixtures["mutants, written, generated"] = lab.rows(tasks, pool=pool)
    return mixtures


def _of_starts(basis: Subspace, name: str, rows: Rows, pseudo_rank: int) -> list[_Setting]:
    """Return a learned basis with its starts, and a random one of the same size."""
    drawn = random_like(basis, _RANDOM_BASIS_SEED)
    point = partial(_Setting, "basis", name, rows=rows, pseudo_rank=pseudo_rank)
    return [
        point(basis=basis, arm="learned basis, mean start"),
        point(basis=basis, arm="learned basis, random start", start="random"),
        point(basis=drawn, arm="random basis, random start", start="random"),
        point(basis=basis, arm="mean, untrained", start="untrained"),
    ]


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


def _of_modules(lab: Lab, rows: Rows) -> list[_Setting]:
    """Return bases of adapters of attention, of the MLP and of both."""
    recipe, names = lab.config.recipe, lab.config.basis_patterns
    shown = lab.rows(names)
    found = []
    for name, targets in _MODULES.items():
        # Compiled MLPs would be compiled anew for every layer that is wrapped.
        chosen = recipe if targets == recipe.targets else _eager(replace(recipe, targets=targets))
        adapters = lab.train_adapters(shown, chosen)
        basis = _basis(lab, [adapters[n] for n in names], FixedComponents(recipe.components))
        point = partial(_Setting, "modules", name, basis, rows, recipe.pseudo_rank)
        found.append(point(fit=chosen.coefficients))
    return found


def _eager(recipe: Recipe) -> Recipe:
    return replace(
        recipe,
        lora=replace(recipe.lora, fuse_layers=False),
        coefficients=replace(recipe.coefficients, fuse_layers=False),
    )


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
    merged: dict[tuple[str, str, str], dict[str, Any]] = {}
    for s in settings:
        kind = {"axis": s.axis, "arm": s.arm, "setting": s.name}
        entry = merged.setdefault((s.axis, s.arm, s.name), {**kind, "tasks": {}, "pairs": {}})
        for task in s.rows:
            entry["tasks"][task] = solved[s.variant(task)]
            entry["pairs"][task] = len(s.rows[task])
    for entry in merged.values():
        total = sum(totals[task] for task in entry["tasks"])
        entry.update(dataclasses.asdict(pass_rate(sum(entry["tasks"].values()), total)))
    return list(merged.values())
