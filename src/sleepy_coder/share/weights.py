"""What weights the columns so that their energy is that of ΔW: small blocks, never a wide matrix.

With G_t the Gram matrix of adapter t's other factor and ``L_t @ L_t.T = G_t``, the columns B_t L_t
have the second moment of ΔW's: ``(B L)(B L).T = B A A.T B.T``, alike for A. So the leading
directions are those of ΔW, and do not depend on how a LoRA splits its product into factors. L is
block-diagonal, (c, c): ``(C L) R = C (L R)``, so that wide columns need not be weighted at all.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

Blocks = tuple["Tensor", ...]
"""Square blocks on a diagonal: (adapters, r, r) for every run of adapters of one rank."""
UNWEIGHTED: Blocks = ()  # the identity of any size
FOLDED_WIDTH = 16  # of a row in ``tall_grams``; 8 and 32 take twice as long


def weigh(columns: Tensor, weights: Blocks) -> Tensor:
    """Return ``columns @ L``, (n, c), where L has the weights on its diagonal.

    Args:
        columns: (n, c), or coordinates of them in an orthonormal basis.
        weights: float64, of c columns in all; the columns themselves come back if there are none.
    """
    if not weights:
        return columns
    parts = torch.split(columns, [w.shape[0] * w.shape[1] for w in weights], dim=1)
    runs = [
        torch.bmm(w.mT.to(part), part.T.reshape(*w.shape[:2], -1)).flatten(0, 1)
        for part, w in zip(parts, weights, strict=True)
    ]
    return (runs[0] if len(runs) == 1 else torch.cat(runs)).T


def pull(right: Tensor, weights: Blocks) -> Tensor:
    """Return ``L @ right``, (c, w): what the unweighted columns are multiplied with instead."""
    return weigh(right.T, tuple(w.mT for w in weights)).T


def sum_weighted(columns: Tensor, weights: Blocks) -> Tensor:
    """Return the sum of ``columns @ L`` over its columns, (n,), float64."""
    ones = columns.new_ones((columns.shape[1], 1), dtype=torch.float64)
    return (columns.double() @ pull(ones, weights)).squeeze(1)


def factor_grams(columns: Tensor, ranks: Sequence[int]) -> Blocks:
    """Return every adapter's Gram matrix, float64, of sums in the columns' dtype.

    Args:
        columns: (n, c), adapters side by side.
        ranks: of the adapters; they sum to c.
    """
    runs = [(rank, len(list(run))) for rank, run in groupby(ranks)]
    parts = torch.split(columns, [rank * count for rank, count in runs], dim=1)
    rows = [x.T.reshape(count, rank, -1) for x, (rank, count) in zip(parts, runs, strict=True)]
    return tuple(torch.bmm(x, x.mT).double() for x in rows)


def tall_grams(factors: Tensor) -> Tensor:
    """Return the Gram matrices (t, r, r), float64, of factors in memory one after another.

    Some rows of r values at a time as one wide row, which has the sum of their Gram matrices on
    its diagonal: more work, but of a width that the processor is made for.

    Args:
        factors: (t, n, r), contiguous.
    """
    count, num_rows, rank = factors.shape
    fold = max(1, FOLDED_WIDTH // rank)
    fold = fold if num_rows % fold == 0 else 1
    folded = factors.view(count, num_rows // fold, fold * rank)
    squares = torch.bmm(folded.mT, folded).view(count, fold, rank, fold, rank)
    return squares.diagonal(dim1=1, dim2=3).double().sum(dim=-1)


def stacked_grams(factors: Tensor) -> Tensor:
    """Return the Gram matrices (t, r, r), float64, of factors with their transposes contiguous.

    Args:
        factors: (t, r, n), contiguous or the transposes of contiguous (n, r).
    """
    if factors.is_contiguous():
        return torch.bmm(factors, factors.mT).double()
    return tall_grams(factors.mT)


def join_runs(blocks: Sequence[Tensor]) -> Blocks:
    """Return the blocks with neighbours of one rank together."""
    return tuple(torch.cat(list(run)) for _, run in groupby(blocks, lambda x: x.shape[-1]))


def square_roots(grams: Blocks) -> Blocks:
    """Return L with ``L @ L.T`` the Gram matrices, which may be singular.

    By Cholesky; by eigenvectors, with negative eigenvalues as zero, where that breaks down.
    """
    roots = []
    for gram in grams:
        root, failures = torch.linalg.cholesky_ex(gram)
        broken = failures > 0
        if bool(broken.any()):
            values, vectors = torch.linalg.eigh(gram[broken])
            root[broken] = vectors * values.clamp_min(0.0).sqrt()[:, None, :]
        roots.append(root)
    return tuple(roots)


def product_energy(first: Blocks, second: Blocks) -> float:
    """Return the sum of ``||ΔW||**2`` from the Gram matrices of both factors: tr(G_b G_a)."""
    return sum(float((x * y).sum()) for x, y in zip(first, second, strict=True))


def traces(grams: Blocks) -> float:
    """Return the squared norm of all columns with these Gram matrices."""
    return sum(float(x.diagonal(dim1=1, dim2=2).sum()) for x in grams)
