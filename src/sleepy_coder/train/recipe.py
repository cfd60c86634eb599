"""The way from training rows to a learned subspace, in the two phases of the Share paper.

Phase 1 trains ordinary LoRA adapters of a few tasks and takes their shared directions; phase 2
freezes those and trains every task's coefficients (arXiv:2602.06043, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch.nn.functional import pad

from sleepy_coder.patterns import GENERAL
from sleepy_coder.share.choice import FixedComponents
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.layer import eject, inject
from sleepy_coder.share.subspace import ModuleCoefficients, Objective, width_of
from sleepy_coder.share.tasks import average, columns_beyond
from sleepy_coder.share.trainable import TrainableTasks
from sleepy_coder.train.config import join_reports
from sleepy_coder.train.fit import EarlyStop, FitConfig, FitReport, fit
from sleepy_coder.train.guard import SharedParameters
from sleepy_coder.train.lora import LoraTasks, TrainedAdapter
from sleepy_coder.train.pairs import Row

if TYPE_CHECKING:
    from torch import Tensor

    from sleepy_coder.share.subspace import Subspace, TaskCoefficients

Start = Literal["mean", "random"]
OnStep = Callable[[str, int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Recipe:
    """How a subspace is learned.

    Attributes:
        components: k, directions a module and side.
        pseudo_rank: p, columns of coefficients a task.
        targets: Names of the modules that are adapted.
        rank: r of phase 1's adapters.
        objective: Whose energy the basis keeps: that of ΔW, or the factors' (the paper).
        start: Where coefficients start: from what the subspace's tasks share (`mean_start`; behind
            the columns of `general`, where it has more than p), or from random directions that are
            not written to yet. Without tasks it is the latter.
        lora: How phase 1 trains.
        joint: How phase 1 trains a single adapter of rank k from the pairs of all its tasks
            together, in place of an adapter a task: its directions are the basis, and it is the
            task `general`, on which the others are built. None trains an adapter a task.
        shared: How one set of coefficients learns from the pairs of all of phase 1's tasks, for
            phase 2 to start from; None starts from the adapters' mean.
        coefficients: How phase 2 trains; its snapshots are kept for selection.
        end_weight: What tasks are on the straight line from where they started, 0, to where
            training took them, 1. Between the two they solve more of what is unlike their pairs
            (Wortsman et al. 2022, arXiv:2109.01903). With an expansion it is 1.
        courses: How often coefficients are trained from their start, each time from the next seed;
            a task is the mean of what they came to (a "soup": Wortsman et al. 2022,
            arXiv:2203.05482). With an expansion it is 1.
    """

    components: int = 32
    pseudo_rank: int = 1
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    rank: int = 8
    objective: Objective = "product"
    start: Start = "mean"
    lora: FitConfig = field(default_factory=lambda: FitConfig(num_steps=16, learning_rate=2e-4))
    joint: FitConfig | None = None
    shared: FitConfig | None = None
    coefficients: FitConfig = field(default_factory=lambda: FitConfig(num_steps=20))
    end_weight: float = 1.0
    courses: int = 1

    def __post_init__(self) -> None:
        """Refuse a weight that is on no such line, and words that mean nothing."""
        for name, known in (("objective", get_args(Objective)), ("start", get_args(Start))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name}: got {getattr(self, name)!r}, expected one of {known}")
        if not 0 <= self.end_weight <= 1:
            raise ValueError(f"end_weight: got {self.end_weight}, expected 0 to 1")
        if self.joint is not None and self.shared is not None:
            raise ValueError("joint and shared: got both, expected at most one: each makes general")
        if self.joint is not None and (
            self.start == "random" or self.components <= self.pseudo_rank
        ):
            raise ValueError("joint: tasks are built on it, so start is mean, and k more than p")
        if self.courses < 1:
            raise ValueError(f"courses: got {self.courses}, expected 1 or more")


@dataclass(frozen=True)
class Learned:
    """Coefficients as they were after some steps of training.

    Attributes:
        tasks: Steps -> task -> its coefficients; the last entry is the end of training.
        report: What happened on the way.
        grown: With expansion, for the same steps: the subspace with the trained directions and
            tasks in it, in whose bases `tasks` are given. Empty without.
    """

    tasks: Mapping[int, Mapping[str, TaskCoefficients]]
    report: FitReport
    grown: Mapping[int, Subspace] = field(default_factory=dict)


def learn_adapters(
    model: Any,
    rows: Mapping[str, Sequence[Row]],
    recipe: Recipe,
    *,
    pad_id: int,
    on_step: OnStep = lambda *_: None,
    checkpoint: Path | None = None,
) -> tuple[list[TrainedAdapter], FitReport]:
    """Return one LoRA adapter a task, all trained in one pass, and what happened.

    Args:
        model: The frozen base model, a Hugging Face causal language model; it is wrapped while
            training lasts.
        rows: Task -> its pairs in tokens.
        recipe: How to train.
        pad_id: Token that fills short rows.
        on_step: Called with "lora", the step and each task's loss.
        checkpoint: File to go on from where it exists, and to write. Adapters are large: every
            eighth part of the steps.
    """
    tasks = LoraTasks(
        model, sorted(rows), targets=recipe.targets, rank=recipe.rank, seed=recipe.lora.seed
    )
    try:
        report = fit(
            model,
            tasks,
            rows,
            recipe.lora,
            pad_id=pad_id,
            on_step=lambda step, losses: on_step("lora", step, losses),
            checkpoint=checkpoint,
            checkpoint_every=max(1, recipe.lora.num_steps // 8),
        )
        return tasks.adapters(), report
    finally:
        tasks.close()


def learn_basis(
    model: Any,
    rows: Mapping[str, Sequence[Row]],
    recipe: Recipe,
    *,
    pad_id: int,
    on_step: OnStep = lambda *_: None,
    checkpoint: Path | None = None,
) -> Subspace:
    """Return the shared directions of adapters trained on these tasks' rows.

    The subspace's tasks are those adapters, projected and reduced to p; if the recipe says so, one
    task in their place that learned from all rows together, `general`. Or only one adapter is
    trained, on all rows together, and is that task.

    Args:
        model: The frozen base model, a Hugging Face causal language model.
        rows: Task -> its pairs in tokens; each task becomes one adapter, or all together one.
        recipe: How to train, and how many directions to keep.
        pad_id: Token that fills short rows.
        on_step: Called with "lora" or "shared", the step and each task's loss.
        checkpoint: File to go on from where it exists, and to write; of the adapters.
    """
    pseudo_rank = recipe.pseudo_rank
    if recipe.joint is not None:
        rows, pseudo_rank = _together(rows), recipe.components
        recipe = replace(recipe, rank=recipe.components, lora=recipe.joint)
    adapters, _ = learn_adapters(
        model, rows, recipe, pad_id=pad_id, on_step=on_step, checkpoint=checkpoint
    )
    options = InitOptions(
        choice=FixedComponents(recipe.components),
        objective=recipe.objective,
        pseudo_rank=pseudo_rank,
    )
    subspace = init_subspace(adapters, options)
    if recipe.shared is None:
        return subspace
    shared = replace(recipe, start="mean", coefficients=recipe.shared, end_weight=1.0, courses=1)
    learned = learn_tasks(
        model,
        subspace,
        _together(rows),
        shared,
        pad_id=pad_id,
        on_step=lambda _, step, losses: on_step("shared", step, losses),
    )
    return replace(subspace, tasks=learned.tasks[recipe.shared.num_steps])


def _together(rows: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """Return all tasks' rows as those of `general`."""
    return {GENERAL: [replace(row, task=GENERAL) for task in sorted(rows) for row in rows[task]]}


def mean_start(subspace: Subspace, pseudo_rank: int, seed: int = 0) -> TaskCoefficients:
    """Return coefficients to train from: the mean ΔW of the subspace's tasks, sides balanced.

    Where there is a task that learned from many patterns together, it stands for their mean.

    What all tasks share (the form of an answer above all) then need not be learned by each. A
    column of coef_a gets the norm √k that a random start has, and coef_b takes what that leaves of
    the product: learning rates are chosen for that scale, and the mean's own sides are so small
    that at the same rate training is twenty times slower. Columns beyond the mean's rank are
    random on the A side and zero on the other.

    Args:
        subspace: With at least one task.
        pseudo_rank: p.
        seed: Of the random columns.
    """
    generator = torch.Generator().manual_seed(seed)
    if GENERAL in subspace.tasks:
        subspace = replace(subspace, tasks={GENERAL: subspace.tasks[GENERAL]})
    start = {}
    for module, mean in average(subspace, pseudo_rank=pseudo_rank).items():
        coef_b, coef_a = mean.coef_b.float(), mean.coef_a.float()
        norms = coef_a.norm(dim=0)
        factors = torch.where(norms > 0, len(coef_a) ** 0.5 / norms, 1.0)
        missing = pseudo_rank - coef_a.shape[1]
        start[module] = ModuleCoefficients(
            coef_b=pad(coef_b / factors, (0, missing)),
            coef_a=torch.cat(
                [coef_a * factors, torch.randn(len(coef_a), missing, generator=generator)], dim=1
            ),
        )
    return start


def common_of(subspace: Subspace, pseudo_rank: int) -> TaskCoefficients | None:
    """Return what tasks of p columns are built on: `general`, where it has more than they."""
    general = subspace.tasks.get(GENERAL)
    return general if general and width_of(general) > pseudo_rank else None


def learn_tasks(
    model: Any,
    subspace: Subspace,
    rows: Mapping[str, Sequence[Row]],
    recipe: Recipe,
    *,
    pad_id: int,
    on_step: OnStep = lambda *_: None,
    expansion: int = 0,
    checkpoint: Path | None = None,
    early_stop: EarlyStop = lambda *_: (),
    goes_on: bool = False,
) -> Learned:
    """Return coefficients for these tasks over a frozen basis.

    With expansion, φ directions a module and side are trained with them (paper, section 3.2) and
    shared by these tasks; the basis itself stays frozen, and what is learned comes back in a basis
    that has grown by them.

    Args:
        model: The frozen base model; it is wrapped while training lasts.
        subspace: Gives the basis, and with its tasks the start; they are not touched. Where its
            `general` has more columns than the recipe's p, tasks begin with these, which stay, and
            only what stands behind them is trained.
        rows: Task -> its pairs in tokens.
        recipe: How to train.
        pad_id: Token that fills short rows.
        on_step: Called with "coefficients", the step and each task's loss.
        expansion: φ; 0 trains coefficients alone.
        checkpoint: File to go on from where it exists, and to write after each step; each course
            after the first has one of its own beside it.
        early_stop: Which tasks take no further step, see `fit`. Their coefficients stay; with
            expansion the directions under them go on changing.
        goes_on: Behind the columns of `general`, start from what the subspace's tasks of these
            names have there, not anew. They must have p columns there.

    Raises:
        ValueError: Tasks with an expansion were to stop between start and end, or to be the mean of
            several courses.
    """
    if expansion and (recipe.end_weight, recipe.courses) != (1, 1):
        got = f"end_weight: got {recipe.end_weight}, courses: got {recipe.courses}"
        raise ValueError(f"{got} with an expansion, expected 1")
    found = []
    for number in range(recipe.courses):
        fit_config = replace(recipe.coefficients, seed=recipe.coefficients.seed + number)
        place = checkpoint
        if checkpoint is not None and number:
            place = checkpoint.with_name(f"{checkpoint.name}.{number}")
        found.append(
            _run_course(
                model,
                subspace,
                rows,
                replace(recipe, coefficients=fit_config),
                start_seed=recipe.coefficients.seed,
                pad_id=pad_id,
                on_step=on_step,
                expansion=expansion,
                checkpoint=place,
                early_stop=early_stop,
                goes_on=goes_on,
            )
        )
    return found[0] if len(found) == 1 else _mean_of(found)


def _run_course(
    model: Any,
    subspace: Subspace,
    rows: Mapping[str, Sequence[Row]],
    recipe: Recipe,
    *,
    start_seed: int,
    pad_id: int,
    on_step: OnStep,
    expansion: int,
    checkpoint: Path | None,
    early_stop: EarlyStop,
    goes_on: bool,
) -> Learned:
    """Train all tasks once; for the arguments see `learn_tasks`."""
    config = recipe.coefficients
    start, common = None, None
    if recipe.start == "mean" and GENERAL not in rows:
        common = common_of(subspace, recipe.pseudo_rank)
    if common is not None:
        known = {name: task for name, task in subspace.tasks.items() if goes_on and name in rows}
        own = {name: columns_beyond(task, common) for name, task in known.items()}
        start = {name: task for name, task in own.items() if task is not None}
    elif recipe.start == "mean" and subspace.tasks:
        start = dict.fromkeys(rows, mean_start(subspace, recipe.pseudo_rank, start_seed))
    inject(model, replace(subspace, tasks={}))
    try:
        trained = TrainableTasks(
            model,
            subspace,
            sorted(rows),
            pseudo_rank=recipe.pseudo_rank,
            expansion=expansion,
            seed=start_seed,
            start=start,
            common=common,
        )
        first = trained.rows.detach().clone()
        report = fit(
            model,
            trained,
            rows,
            config,
            pad_id=pad_id,
            on_step=lambda step, losses: on_step("coefficients", step, losses),
            checkpoint=checkpoint,
            early_stop=early_stop,
        )
    finally:
        eject(model)
    if expansion:
        grown = _grow(trained, subspace, report, config)
        tasks = {step: {n: s.tasks[n] for n in trained.names} for step, s in grown.items()}
        return Learned(tasks, report, grown)
    ends = {**report.snapshots, config.num_steps: trained.rows.detach()}
    kept = {step: first.lerp(rows.to(first), recipe.end_weight) for step, rows in ends.items()}
    return Learned({step: _unflatten(trained, rows) for step, rows in kept.items()}, report)


def _mean_of(courses: Sequence[Learned]) -> Learned:
    """Return the mean of what several courses came to, and what happened in all of them."""

    def mean(coefficients: Sequence[ModuleCoefficients]) -> ModuleCoefficients:
        return ModuleCoefficients(
            coef_b=torch.stack([each.coef_b for each in coefficients]).mean(0),
            coef_a=torch.stack([each.coef_a for each in coefficients]).mean(0),
        )

    first = courses[0]
    tasks = {
        step: {
            name: {
                module: mean([each.tasks[step][name][module] for each in courses])
                for module in task
            }
            for name, task in own.items()
        }
        for step, own in first.tasks.items()
    }
    return Learned(tasks, join_reports([each.report for each in courses]))


def _unflatten(trained: TrainableTasks, rows: Tensor) -> dict[str, TaskCoefficients]:
    """Return each task's coefficients in (tasks, width) rows."""
    pairs = zip(trained.names, rows.cpu(), strict=True)
    return {name: trained.unflatten(row) for name, row in pairs}


def _grow(
    trained: TrainableTasks, subspace: Subspace, report: FitReport, config: FitConfig
) -> dict[int, Subspace]:
    """Return the grown subspace as it was at each snapshot, and at the end."""
    shared = SharedParameters(trained.parameters()[1:], config)
    ends = {step: (rows, report.directions[step]) for step, rows in report.snapshots.items()}
    ends[config.num_steps] = (trained.rows.detach().clone(), shared.flat())
    grown = {}
    for step, (rows, directions) in ends.items():
        trained.rows.detach().copy_(rows)
        shared.load(directions)
        grown[step] = trained.merged_into(subspace)
    return grown
