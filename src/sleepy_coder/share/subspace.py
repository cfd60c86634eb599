"""What Share knows about a model: one basis per target module, small coefficients per task.

For a module with ``d`` inputs and ``n`` outputs, a task's change of the weight is::

    ΔW = (basis_b @ coef_b) @ (basis_a @ coef_a).T          # (n, d)

with both bases orthonormal and the LoRA scaling already folded into the coefficients. This is
the only formula: no mean, no scale and no permutation is kept beside it. Everything here is
immutable; functions return new objects and share the tensors that did not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Objective = Literal["factors", "product"]
"""Whose energy the directions capture: that of the factors (the paper), or that of ΔW."""


@dataclass(frozen=True)
class LoraModule:
    """One target module of an ordinary LoRA adapter: ``ΔW = scaling * b @ a``.

    Attributes:
        a: (r, d), any floating dtype.
        b: (n, r), any floating dtype.
        scaling: alpha / r, or alpha / sqrt(r) for rsLoRA; may be negative.
    """

    a: Tensor
    b: Tensor
    scaling: float


class AdapterSource(Protocol):
    """A LoRA adapter that hands out one module at a time, so that many can be streamed."""

    @property
    def name(self) -> str:
        """Name that the adapter's task gets."""

    def module_names(self) -> tuple[str, ...]:
        """Return the names of the target modules, as the base model names them."""

    def load_module(self, name: str) -> LoraModule:
        """Return one target module's factors, read when asked for."""


class LoraShape(NamedTuple):
    """What is known of a module's factors before they are read.

    Attributes:
        a: shape of A, (r, d).
        b: shape of B, (n, r).
        dtype: of A.
        dtype_b: of B.
        scaling: as in ``LoraModule``.
    """

    a: tuple[int, ...]
    b: tuple[int, ...]
    dtype: torch.dtype
    dtype_b: torch.dtype
    scaling: float


class InPlaceSource(AdapterSource, Protocol):
    """An adapter that can be read into memory of the caller's: what streaming is fastest with."""

    def module_shape(self, name: str) -> LoraShape:
        """Return the shapes of one target module's factors, without reading them."""

    def read_module(self, name: str, a: memoryview, b: memoryview) -> None:
        """Read one target module's factors into memory of the caller's.

        Args:
            name: of the module.
            a: as many bytes as A (r, d) has in its dtype, filled in row-major order.
            b: the same for B (n, r).
        """


@dataclass(frozen=True)
class ModuleBasis:
    """The shared directions of one target module.

    Attributes:
        basis_b: (n, k_b), orthonormal columns, largest second moment first.
        basis_a: (d, k_a), orthonormal columns; k_a and k_b need not agree.
    """

    basis_b: Tensor
    basis_a: Tensor


@dataclass(frozen=True)
class ModuleCoefficients:
    """One task's coefficients in one target module.

    Attributes:
        coef_b: (k_b, p).
        coef_a: (k_a, p).
    """

    coef_b: Tensor
    coef_a: Tensor


TaskCoefficients = Mapping[str, ModuleCoefficients]
"""A task: coefficients by module name. A module that is absent is left as the base model has it."""


def width_of(task: TaskCoefficients) -> int:
    """Return p, the most columns that a task has in a module; 0 without modules."""
    return max((entry.coef_a.shape[1] for entry in task.values()), default=0)


def size_of(task: TaskCoefficients) -> int:
    """Return how many numbers a task has."""
    return sum(entry.coef_a.numel() + entry.coef_b.numel() for entry in task.values())


@dataclass(frozen=True)
class SideMoments:
    """What merging needs to know of all columns seen on one side, whatever their number.

    In the coordinates of the side's basis (k directions); float64.

    Attributes:
        gram: (k, k), sum over the known columns c of ``c @ c.T``.
        total: (k,), sum of the known columns.
        count: how many columns that is.
        energy: squared Frobenius norm of all columns ever seen, with what the basis dropped.
    """

    gram: Tensor
    total: Tensor
    count: int
    energy: float


@dataclass(frozen=True)
class ModuleMoments:
    """The moments of both sides of one target module."""

    b: SideMoments
    a: SideMoments


@dataclass(frozen=True)
class Subspace:
    """Bases by module name and tasks by name.

    Attributes:
        bases: one entry per target module.
        tasks: coefficients of each task; its modules are among those of ``bases``.
        moments: second moments of what is known, by module name. Optional: merging recomputes
            what is absent from the tasks, in time linear in their number.
        objective: whose energy the bases capture, "factors" (the paper) or "product".
        is_centered: whether the bases are principal directions about the mean, and the mean.
    """

    bases: Mapping[str, ModuleBasis]
    tasks: Mapping[str, TaskCoefficients]
    moments: Mapping[str, ModuleMoments] | None = None
    objective: Objective = "factors"
    is_centered: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """Of the bases, which all have the same."""
        return next(iter(self.bases.values())).basis_a.dtype

    @property
    def pseudo_rank(self) -> int:
        """P of the widest task; 0 without tasks."""
        return max(map(width_of, self.tasks.values()), default=0)
