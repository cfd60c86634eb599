"""What is taken of adapters' factors while they are in the caches: just read, not yet pushed out.

A module's columns are larger than the caches. What needs each of their values once (energy, Gram
matrices, the sketch that ``top_span`` begins with) would cost another trip to the memory later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from sleepy_coder.share.linalg import energy
from sleepy_coder.share.sketch import sketch_factors
from sleepy_coder.share.spans import sketch_signs
from sleepy_coder.share.weights import (
    UNWEIGHTED,
    Blocks,
    factor_grams,
    join_runs,
    stacked_grams,
    traces,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Digest(NamedTuple):
    """One side's columns (n, c) in short.

    Attributes:
        energy: their squared norm.
        grams: of every adapter's factor, if asked for.
        sketch: (s, c), of their rows, if asked for and the factors were there one after another.
    """

    energy: float
    grams: Blocks
    sketch: Tensor | None


class Digester:
    """Makes the digest of columns from some adapters' factors at a time.

    Args:
        columns: (n, c), to be filled with them.
        with_grams: take the Gram matrices.
        wanted: how many leading directions the sketch is for; None for no sketch.
    """

    def __init__(self, columns: Tensor, *, with_grams: bool, wanted: int | None) -> None:
        self._with_grams = with_grams
        self._signs = sketch_signs(columns.shape, wanted) if wanted else None
        self._turned = columns.new_empty(
            (columns.shape[1], self._signs.num_rows if self._signs else 0)
        )
        self._grams: list[Tensor] = []
        self._energy = 0.0
        self._taken = 0

    def take(self, factors: Tensor) -> None:
        """Take what is wanted of the next adapters' factors.

        Args:
            factors: (t, r, n), contiguous or the transposes of contiguous (n, r).
        """
        if self._with_grams:
            self._grams.append(stacked_grams(factors))
        else:
            self._energy += float(torch.linalg.vector_norm(factors)) ** 2
        if self._signs is not None:
            begin, self._taken = self._taken, self._taken + factors.shape[0] * factors.shape[1]
            sketch_factors(factors, self._signs, self._turned[begin : self._taken])

    def digest(self) -> Digest:
        """Return what was taken of all factors so far."""
        grams = join_runs(self._grams)
        sketch = None if self._signs is None else self._turned.T
        return Digest(traces(grams) if grams else self._energy, grams, sketch)


def digest_columns(columns: Tensor, ranks: Sequence[int], *, with_grams: bool) -> Digest:
    """Return the digest, without a sketch, of columns (n, c) that stand side by side already."""
    grams = factor_grams(columns, ranks) if with_grams else UNWEIGHTED
    return Digest(traces(grams) if grams else energy(columns), grams, None)
