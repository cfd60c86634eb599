"""Row sketches: a few rows whose Gram matrix is that of many, in expectation.

Row j of a sketch of s rows is the sum of rows j, j + s, j + 2 s, ... with random signs. It needs
every value once, in any order: so it is best taken where the values are in the caches anyway.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class RowSigns:
    """What rows are multiplied with before they are summed.

    Attributes:
        values: (n,), float32, ±1.
        num_rows: s, of the sketch.
    """

    values: Tensor
    num_rows: int


@functools.lru_cache(maxsize=16)
def row_signs(n: int, num_rows: int, seed: int) -> RowSigns:
    """Return signs for a sketch of n rows in ``num_rows``; the same for the same arguments."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(0, 2, (n,), generator=generator)
    return RowSigns((2 * drawn - 1).float(), min(n, num_rows))


@functools.lru_cache(maxsize=16)
def _repeated(signs: RowSigns, times: int) -> Tensor:
    """Return (n * times,): every sign that many times."""
    return signs.values.repeat_interleave(times)


def sketch_rows(columns: Tensor, signs: RowSigns) -> Tensor:
    """Return the sketch (s, c) of columns (n, c), in their memory order."""
    return _sum_groups(columns.T, signs.values, signs.num_rows).T


def sketch_factors(factors: Tensor, signs: RowSigns, out: Tensor) -> None:
    """Fill ``out`` with the sketches of the transposed factors, (n, r) each.

    Args:
        factors: (t, r, n), contiguous or the transposes of contiguous (n, r).
        signs: of n rows.
        out: (t * r, s), transposed as well.
    """
    count, rank, _ = factors.shape
    if factors.is_contiguous():
        _sum_groups(factors.flatten(0, 1), signs.values, signs.num_rows, out)
        return
    width = signs.num_rows * rank  # r values for every row, without an inner loop of that length
    sums = _sum_groups(factors.mT.flatten(1), _repeated(signs, rank), width)
    out.view(count, rank, -1).copy_(sums.view(count, -1, rank).mT)


def _sum_groups(values: Tensor, signs: Tensor, width: int, out: Tensor | None = None) -> Tensor:
    """Return (…, width): the sum of ``values * signs`` over groups of that many neighbours.

    Args:
        values: (…, m); the last group may be shorter.
        signs: (m,).
        width: of a group.
        out: where the sum goes.
    """
    groups = zip(
        torch.split(values, width, dim=-1), torch.split(signs.to(values), width), strict=True
    )
    total = torch.mul(*next(groups), out=out)
    for group, own in groups:
        summed = total if group.shape[-1] == width else total[..., : group.shape[-1]]
        summed.addcmul_(group, own)
    return total
