"""Phase 2: many tasks' coefficients as one Parameter, trained in one pass over a frozen basis.

Row t of `rows` gets its gradient from the rows of the batch that belong to task t, and from no
other: clipping, stopping or restoring one task is an operation on one row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from sleepy_coder.errors import StoreError
from sleepy_coder.share.expand import expand
from sleepy_coder.share.layer import place_of_layers, use_tasks
from sleepy_coder.share.linalg import complement
from sleepy_coder.share.moments import pad_moments
from sleepy_coder.share.subspace import (
    ModuleBasis,
    ModuleCoefficients,
    ModuleMoments,
    Subspace,
    TaskCoefficients,
)
from sleepy_coder.share.task_table import CommonColumns, RowLayout
from sleepy_coder.share.tasks import (
    add_columns,
    add_task,
    in_basis,
    pad_rows,
    remove_task,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from torch import Tensor


class TrainableTasks:
    """Coefficients (and, when asked, expansion directions) that an optimizer can change.

    `coef_b` starts at zero and `coef_a` random, so that a new task starts as the base model and has
    a gradient: with both at zero it would have none.

    Args:
        model: One that `inject` wrapped with the same subspace; freeze it (`requires_grad_`).
        subspace: Gives the bases; its tasks are not touched.
        names: The tasks to train.
        pseudo_rank: p, columns of coefficients per task.
        expansion: φ extra directions per module and side, shared by these tasks and trained too.
        scale: Standard deviation of the random side.
        seed: Of the random side and the directions.
        start: Coefficients to continue from, by task name, instead of zero and random.
        common: Columns that every task begins with and that stay as they are; what is trained
            stands behind them.

    Attributes:
        names: The tasks, in the order of `rows`.
        layout: Of what is trained.
        rows: (tasks, width) Parameter, float32, on the model's device.
        extra: per module name, Parameters (d, φ) and (n, φ): directions behind basis_a and
            basis_b; empty without expansion.
    """

    def __init__(
        self,
        model: nn.Module,
        subspace: Subspace,
        names: Sequence[str],
        *,
        pseudo_rank: int = 1,
        expansion: int = 0,
        scale: float = 1.0,
        seed: int = 0,
        start: Mapping[str, TaskCoefficients] | None = None,
        common: TaskCoefficients | None = None,
    ) -> None:
        if len(set(names)) != len(names) or not names:
            raise StoreError(f"task names must be distinct and at least one: got {list(names)}")
        self.names = list(names)
        self._model = model
        device = place_of_layers(model)
        bases = subspace.bases
        self.extra: dict[str, tuple[nn.Parameter, nn.Parameter]] = {}
        if expansion:
            bases = expand(replace(subspace, tasks={}), expansion, seed=seed).bases
            for module, old in subspace.bases.items():
                extra_a = bases[module].basis_a[:, old.basis_a.shape[1] :]
                extra_b = bases[module].basis_b[:, old.basis_b.shape[1] :]
                self.extra[module] = (_parameter(extra_a, device), _parameter(extra_b, device))
        self.layout = RowLayout.of_bases(bases, pseudo_rank)
        rows = torch.zeros(len(names), self.layout.width)
        generator = torch.Generator().manual_seed(seed)
        for coef_a, _ in self.layout.views(rows):
            coef_a.normal_(std=scale, generator=generator)
        for name, task in (start or {}).items():
            row = rows[self._row_of(name)]
            # A module that the start lacks keeps what was drawn: from zero it could not learn.
            drawn = self.layout.unflatten(row)
            padded = {module: _padded(entry, bases[module]) for module, entry in task.items()}
            row.copy_(self.layout.flatten({**drawn, **padded}))
        self.rows = _parameter(rows, device)
        self._bases, self._common = bases, dict(common or {})
        first = self._behind_common({}, bases)
        self._columns = CommonColumns(first, self.layout, device) if first else None

    def parameters(self) -> list[nn.Parameter]:
        """Return all that an optimizer should change."""
        return [self.rows, *(side for pair in self.extra.values() for side in pair)]

    def frozen(self) -> list[Tensor]:
        """Return the common columns, if there are any."""
        return [self._columns.row] if self._columns else []

    def use(self, names: Sequence[str | None]) -> AbstractContextManager[None]:
        """Run the forwards inside with row i of the batch on task `names[i]`, or on none.

        Enter once per step and go backward inside or after: the rows are gathered on entry, as
        part of the autograd graph.
        """
        return use_tasks(self._model, names, source=self)

    def gather(self, names: Sequence[str]) -> tuple[RowLayout, Tensor]:
        """Return the layout and the named tasks' rows, part of the autograd graph.

        Raises:
            StoreError: A task is not among those in training.
        """
        index = torch.tensor([self._row_of(name) for name in names])
        # Without waiting for the device, where the batch before may be under way.
        own = self.rows[index.to(self.rows.device, non_blocking=True)]
        if self._columns is None:
            return self.layout, own
        return self._columns.layout, self._columns.before(own)

    def directions(self, module: str) -> tuple[Tensor, Tensor] | None:
        """Return a module's extra (d, φ) and (n, φ) directions, or None without expansion."""
        return self.extra.get(module)

    def task(self, name: str) -> TaskCoefficients:
        """Return one task's present coefficients, on the CPU, detached; φ rows come last."""
        return self.unflatten(self.rows[self._row_of(name)].cpu())

    def unflatten(self, row: Tensor) -> TaskCoefficients:
        """Return the coefficients that a (width,) row on the CPU stands for, common ones first."""
        return self._behind_common(self.layout.unflatten(row), self._bases)

    def merged_into(self, subspace: Subspace) -> Subspace:
        """Return the subspace with the trained tasks in it (replacing tasks of the same name).

        The trained directions need not be orthonormal: the basis grows by an orthonormal Q of what
        they add to it, and trained coefficients become Qᵀ [basis, extra] coef. The old directions
        stay in front as they are, so every ΔW, old and new, stays what it was.

        Raises:
            StoreError: A trained coefficient or direction is not finite.
        """
        if not all(bool(torch.isfinite(each).all()) for each in self.parameters()):
            raise StoreError("trained values are non-finite; go back to the last good step")
        grown = self._grow(subspace) if self.extra else subspace
        for name in self.names:
            own = self.layout.unflatten(self.rows[self._row_of(name)].cpu())
            if self.extra:
                own = {
                    module: self._turned(entry, module, subspace.bases[module], grown.bases[module])
                    for module, entry in own.items()
                }
            task = self._behind_common(own, grown.bases)
            if name in grown.tasks:
                grown = remove_task(grown, name)
            grown = add_task(grown, name, task)
        return grown

    def _row_of(self, name: str) -> int:
        if name not in self.names:
            raise StoreError(f"task {name!r} is not in training: expected one of {self.names}")
        return self.names.index(name)

    def _behind_common(
        self, own: TaskCoefficients, bases: Mapping[str, ModuleBasis]
    ) -> TaskCoefficients:
        """Return a task with these columns behind the common ones, over bases that have grown."""
        first = {module: _padded(entry, bases[module]) for module, entry in self._common.items()}
        return add_columns(first, own)

    def _grow(self, subspace: Subspace) -> Subspace:
        """Return the subspace with room for the trained directions; its tasks do not use them."""
        bases = {
            module: ModuleBasis(
                basis_b=_with_span_of(basis.basis_b, self.extra[module][1]),
                basis_a=_with_span_of(basis.basis_a, self.extra[module][0]),
            )
            for module, basis in subspace.bases.items()
        }
        tasks = {
            name: {module: _padded(entry, bases[module]) for module, entry in task.items()}
            for name, task in subspace.tasks.items()
        }
        moments = subspace.moments and {
            module: ModuleMoments(
                pad_moments(known.b, bases[module].basis_b.shape[1] - len(known.b.total)),
                pad_moments(known.a, bases[module].basis_a.shape[1] - len(known.a.total)),
            )
            for module, known in subspace.moments.items()
        }
        return replace(subspace, bases=bases, tasks=tasks, moments=moments)

    def _turned(
        self, entry: ModuleCoefficients, module: str, old: ModuleBasis, new: ModuleBasis
    ) -> ModuleCoefficients:
        """Return trained coefficients in the grown basis."""
        extra_a, extra_b = (side.detach().cpu() for side in self.extra[module])
        return ModuleCoefficients(
            coef_b=in_basis(new.basis_b, torch.cat([old.basis_b, extra_b], 1) @ entry.coef_b),
            coef_a=in_basis(new.basis_a, torch.cat([old.basis_a, extra_a], 1) @ entry.coef_a),
        )


def _parameter(tensor: Tensor, device: torch.device) -> nn.Parameter:
    return nn.Parameter(tensor.detach().to(device, torch.float32, copy=True))


def _padded(entry: ModuleCoefficients, basis: ModuleBasis) -> ModuleCoefficients:
    """Return coefficients with zero rows for the directions appended to the basis."""
    return ModuleCoefficients(
        coef_b=pad_rows(entry.coef_b, basis.basis_b.shape[1]),
        coef_a=pad_rows(entry.coef_a, basis.basis_a.shape[1]),
    )


def _with_span_of(basis: Tensor, extra: Tensor) -> Tensor:
    """Return the basis and, behind it, orthonormal directions for what `extra` adds to its span."""
    wide = basis.double()
    return torch.cat([basis, complement(wide, extra.detach().to(wide)).to(basis)], 1)
