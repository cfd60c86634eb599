"""Phase 2: extra directions beside a basis, which no known task uses (paper, section 3.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from sleepy_coder.errors import InputError
from sleepy_coder.share.choice import FixedComponents
from sleepy_coder.share.columns import SIDES, ColumnReader
from sleepy_coder.share.linalg import (
    complement,
    random_directions,
    reject,
    sign_of_largest,
    working_dtype,
)
from sleepy_coder.share.moments import pad_moments, principal_rotation, side_moments
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, ModuleMoments, Subspace
from sleepy_coder.share.tasks import pad_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from sleepy_coder.share.subspace import AdapterSource


def expand(
    subspace: Subspace,
    expansion: int,
    *,
    toward: Sequence[AdapterSource] = (),
    seed: int = 0,
) -> Subspace:
    """Return the subspace with φ more orthonormal directions per side and module (paper, 3.2).

    The directions are the leading ones of what the bases miss of the adapters in ``toward``; where
    those have fewer to offer, and without adapters, they are random. Existing tasks get zero
    coefficients for them, so their ΔW does not change. ``merge`` without sources drops those that
    training left unused.

    Args:
        subspace: the one to expand.
        expansion: φ, directions to add; fewer where a side has no room.
        toward: adapters whose missing directions come first.
        seed: of the random directions.
    """
    if expansion < 1:
        raise InputError(f"expansion: got {expansion}, expected at least 1")
    reader = ColumnReader(toward)
    generator = torch.Generator().manual_seed(seed)
    bases: dict[str, ModuleBasis] = {}
    for module, basis in subspace.bases.items():
        block = next(iter(reader.blocks(module))) if module in reader.modules else None
        b, a = (
            _expand_side(old, expansion, block.side(side) if block else None, generator)
            for old, side in zip((basis.basis_b, basis.basis_a), SIDES, strict=True)
        )
        bases[module] = ModuleBasis(b, a)
    tasks = {
        name: {
            module: ModuleCoefficients(
                pad_rows(entry.coef_b, bases[module].basis_b.shape[1]),
                pad_rows(entry.coef_a, bases[module].basis_a.shape[1]),
            )
            for module, entry in task.items()
        }
        for name, task in subspace.tasks.items()
    }
    moments = subspace.moments
    if moments is not None:
        moments = {
            module: ModuleMoments(
                pad_moments(known.b, bases[module].basis_b.shape[1] - len(known.b.total)),
                pad_moments(known.a, bases[module].basis_a.shape[1] - len(known.a.total)),
            )
            for module, known in moments.items()
        }
    return replace(subspace, bases=bases, tasks=tasks, moments=moments)


def _expand_side(
    basis: Tensor, expansion: int, columns: Tensor | None, generator: torch.Generator
) -> Tensor:
    """Return (n, k + φ): the old columns as they are, then the new directions."""
    wide = basis.to(working_dtype(basis.dtype))
    room = min(expansion, wide.shape[0] - wide.shape[1])
    span = wide
    if columns is not None:
        missing = complement(wide, columns.to(wide))
        moments = side_moments(missing.T @ reject(wide, columns.to(wide)))
        leading = principal_rotation(moments, FixedComponents(room), center=False)
        span = torch.cat([wide, missing @ leading.to(wide)], dim=1)
    lacking = wide.shape[1] + room - span.shape[1]
    if lacking > 0:
        span = torch.cat([span, random_directions(span, lacking, generator)], dim=1)
    extra = span[:, wide.shape[1] :]
    return torch.cat([basis, (extra * sign_of_largest(extra)).to(basis.dtype)], dim=1)
