"""The way from training rows to a learned subspace, in the two phases of the Share paper.

Phase 1 trains ordinary LoRA adapters of a few tasks and takes their shared directions; phase 2
freezes those and trains every task's coefficients (arXiv:2602.06043, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sleepy_coder.share.choice import FixedComponents
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.layer import eject, inject
from sleepy_coder.share.trainable import TrainableTasks
from sleepy_coder.train.fit import FitConfig, FitReport, fit
from sleepy_coder.train.lora import LoraTasks
from sleepy_coder.train.pairs import Row

if TYPE_CHECKING:
    from sleepy_coder.share.subspace import Subspace, TaskCoefficients

OnStep = Callable[[str, int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Recipe:
    """How a subspace is learned.

    Attributes:
        components: k, directions a module and side.
        pseudo_rank: p, columns of coefficients a task.
        targets: Names of the modules that are adapted.
        rank: r of phase 1's adapters.
        lora: How phase 1 trains.
        coefficients: How phase 2 trains; its snapshots are kept for selection.
    """

    components: int = 32
    pseudo_rank: int = 1
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    rank: int = 8
    lora: FitConfig = field(default_factory=lambda: FitConfig(num_steps=16, learning_rate=2e-4))
    coefficients: FitConfig = field(default_factory=lambda: FitConfig(num_steps=20))


@dataclass(frozen=True)
class Learned:
    """Coefficients as they were after some steps of training.

    Attributes:
        tasks: Steps -> task -> its coefficients; the last entry is the end of training.
        report: What happened on the way.
    """

    tasks: Mapping[int, Mapping[str, TaskCoefficients]]
    report: FitReport


def learn_basis(
    model: Any,
    rows: Mapping[str, Sequence[Row]],
    recipe: Recipe,
    *,
    pad_id: int,
    on_step: OnStep = lambda *_: None,
) -> Subspace:
    """Return the shared directions of adapters trained on these tasks' rows, without tasks.

    Args:
        model: The frozen base model, a Hugging Face causal language model.
        rows: Task -> its pairs in tokens; each task becomes one adapter.
        recipe: How to train, and how many directions to keep.
        pad_id: Token that fills short rows.
        on_step: Called with "lora", the step and each task's loss.
    """
    tasks = LoraTasks(
        model, sorted(rows), targets=recipe.targets, rank=recipe.rank, seed=recipe.lora.seed
    )
    try:
        fit(
            model,
            tasks,
            rows,
            recipe.lora,
            pad_id=pad_id,
            on_step=lambda step, losses: on_step("lora", step, losses),
        )
        adapters = tasks.adapters()
    finally:
        tasks.close()
    options = InitOptions(choice=FixedComponents(recipe.components), pseudo_rank=recipe.pseudo_rank)
    return replace(init_subspace(adapters, options), tasks={})


def learn_tasks(
    model: Any,
    subspace: Subspace,
    rows: Mapping[str, Sequence[Row]],
    recipe: Recipe,
    *,
    pad_id: int,
    on_step: OnStep = lambda *_: None,
) -> Learned:
    """Return coefficients for these tasks over a frozen basis.

    Args:
        model: The frozen base model; it is wrapped while training lasts.
        subspace: Gives the basis; its tasks are not touched.
        rows: Task -> its pairs in tokens.
        recipe: How to train.
        pad_id: Token that fills short rows.
        on_step: Called with "coefficients", the step and each task's loss.
    """
    inject(model, replace(subspace, tasks={}))
    try:
        trained = TrainableTasks(
            model,
            subspace,
            sorted(rows),
            pseudo_rank=recipe.pseudo_rank,
            seed=recipe.coefficients.seed,
        )
        report = fit(
            model,
            trained,
            rows,
            recipe.coefficients,
            pad_id=pad_id,
            on_step=lambda step, losses: on_step("coefficients", step, losses),
        )
    finally:
        eject(model)
    ends = {**report.snapshots, recipe.coefficients.num_steps: trained.rows.detach()}
    tasks = {
        step: {
            name: trained.layout.unflatten(row.cpu())
            for name, row in zip(trained.names, values, strict=True)
        }
        for step, values in ends.items()
    }
    return Learned(tasks, report)
