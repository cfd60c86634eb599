"""The leading directions of many columns: exact where that is cheap, else by subspace iteration.

Pure functions of tensors, as in ``linalg``. What costs time here is reading the columns from memory
and two products with a narrow matrix; everything else is small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from sleepy_coder.share.linalg import (
    descending_eigh,
    energy,
    gram,
    orthonormalize,
    orthonormalize_by,
    rank_tolerance,
)
from sleepy_coder.share.sketch import RowSigns, row_signs, sketch_rows
from sleepy_coder.share.weights import UNWEIGHTED, pull, weigh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from sleepy_coder.share.weights import Blocks

EXACT_SIZE = 128  # a Gram matrix of this size costs less than two steps of an iteration
OVERSAMPLING = 8  # extra directions carried along, from the second step on
SKETCH_ROWS = 8  # rows of the sketch per direction sought; 16 gained nothing measurable
SEEDS = 0, 1  # of the sketch, and of the combinations of its rows that an iteration starts with
CACHED_ROWS = 2048  # rows that are multiplied twice before the next ones push them out of the cache
WELL_CONDITIONED = 3.0  # a column: keeps the condition of k columns' Gram matrix to 2 k + 2
MAX_STEPS = 8  # subspace iterations; 1 is the rule, 2-3 happen on slowly decaying spectra
UNFINISHED_FRAC = 0.0075  # stop when a step would gain less than this part of the squared residual
ROUNDING_FRAC = 1e-6  # of the energy: what float32 columns cannot tell from nothing
# What torch's compiler calls for float32 linear layers; not a public operator, so it may be absent.
_ONEDNN_LINEAR = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


class Span(NamedTuple):
    """A basis and what it sees of the columns it was made for.

    Attributes:
        basis: (n, k), orthonormal, principal: the rows of ``coordinates``, as weighted, are
            orthogonal.
        coordinates: (k, c), ``basis.T @ columns``, without the weights.
        energies: (k,), float64, largest first: squared norms of those rows, as weighted.
    """

    basis: Tensor
    coordinates: Tensor
    energies: Tensor


def top_span(
    columns: Tensor,
    components: int,
    weights: Blocks = UNWEIGHTED,
    *,
    total: float | None = None,
    sketch: Tensor | None = None,
    oversampling: int = OVERSAMPLING,
    max_steps: int = MAX_STEPS,
) -> Span:
    """Return a span that holds the columns' leading left singular vectors.

    It may be up to ``oversampling`` wider than asked. Exact through a float64 Gram matrix when
    ``components`` is not small against the matrix; otherwise block subspace iteration from a row
    sketch, where each row of the sketch is a sum of n / s rows with random signs. A step costs
    4 n c k operations, against 2 n c² for a Gram matrix, and reads the columns once.

    Error: the sketch alone puts the captured energy within ``O(||columns||_F**2 * sqrt(k / s))``
    of the best (Drineas, Kannan and Mahoney, 2006); every step then shrinks what is missing by
    the factor ``(sigma_w+1 / sigma_k)**4``, w the width. Steps go on until the next would gain
    less than 0.75 % of the squared residual, estimated on the sketch; so the residual's norm is
    within 1 % of that of an exact SVD of the columns as weighted. What was captured is measured,
    not estimated: ``energies`` against the columns' energy.

    The weights L, block-diagonal, never meet the columns X: the sketch of X L is that of X times
    L, ``(X L) R = X (L R)``, and ``Y.T @ X`` has the plain coordinates in it.

    Args:
        columns: (n, c), float32 or float64.
        components: how many leading directions are wanted.
        weights: what the columns are weighted with; they are multiplied as they are all the same.
        total: ``energy(weigh(columns, weights))``, if it is known.
        sketch: of the columns, without the weights, if there is one by ``sketch_signs``. One for
            another number of components is not used.
        oversampling: extra directions carried along, from the second step on.
        max_steps: full passes over the columns at most.
    """
    width = min(components + oversampling, *columns.shape)
    signs = sketch_signs(columns.shape, components, oversampling)
    if signs is None:
        return exact_span(columns, width, weights)
    if sketch is None or sketch.shape[0] != signs.num_rows:
        sketch = sketch_rows(columns, signs)
    sketched = weigh(sketch, weights)
    right, seen = leading_right(sketched, width)
    spare = right[:, components:], seen[:, components:]
    right, seen = right[:, :components], seen[:, :components]
    total = energy(weigh(columns, weights)) if total is None else total
    for _ in range(max_steps):
        pulled = pull(right, weights)
        found, across = capture(columns, pulled)
        found, across, seen, mixing = well_conditioned(columns, pulled, found, across, seen)
        weighted = weigh(across, weights)
        energies, rotation = descending_eigh(mixing.T @ gram(weighted.T) @ mixing)
        rank = int((energies > rank_tolerance(columns) ** 2 * energies[:1]).sum())
        energies, mixing = energies[:rank], mixing @ rotation[:, :rank]
        # Now found @ mixing is the principal basis, and seen @ mixing its sketch.
        lengths = energies.clamp_min(torch.finfo(columns.dtype).tiny).sqrt()
        following = (mixing / lengths).T.to(weighted) @ weighted
        ahead = times_transposed(following, sketched).T
        gap = ahead - seen @ (mixing * lengths).to(seen)
        missing = total - float(energies[:components].sum())
        least = UNFINISHED_FRAC * max(missing, ROUNDING_FRAC * total)
        if len(energies) < components or energy(gap[:, :components]) <= least:
            break  # there are no more directions, or no better ones
        right, seen = torch.cat([following.T, spare[0]], 1), torch.cat([ahead, spare[1]], 1)
        spare = right[:, :0], seen[:, :0]
    turn = mixing.T.to(found)
    return Span(times_transposed(found, turn), turn @ across, energies)


def sketch_signs(
    shape: Sequence[int], components: int, oversampling: int = OVERSAMPLING
) -> RowSigns | None:
    """Return how ``top_span`` sketches columns of a shape (n, c); None where it does not."""
    width = min(components + oversampling, *shape)
    if min(shape) <= max(EXACT_SIZE, 3 * width):
        return None
    return row_signs(shape[0], SKETCH_ROWS * width, SEEDS[0])


def leading_right(sketched: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return about the leading right singular vectors over singular values, and what they sketch.

    One power step from random combinations of the sketch's rows gives a basis of left vectors,
    their principal axes the scale: the columns of the second result are almost orthonormal.

    Args:
        sketched: (s, c).
        width: how many.

    Returns:
        R (c, width) and ``sketched @ R`` (s, width).
    """
    start = sketch_rows(sketched, row_signs(sketched.shape[0], width, SEEDS[1])).contiguous()
    left, _ = torch.linalg.qr(times_transposed(start, sketched).T)
    along = times_transposed(left.T.contiguous(), sketched.T)
    values, vectors = descending_eigh(gram(along.T))
    floor = float(values[:1].sum()) * torch.finfo(sketched.dtype).eps ** 2
    scaled = vectors / values.clamp_min(max(floor, torch.finfo(sketched.dtype).tiny))
    turn = scaled.T.to(along)
    return (turn @ along).T, (turn @ times_transposed(along, sketched)).T


def capture(columns: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Return Y = ``columns @ right`` (n, w) and ``Y.T @ columns`` (w, c).

    Columns that lie in memory row by row are read once: every chunk of rows is used twice while
    it is in the caches.

    Args:
        columns: (n, c).
        right: (c, w).
    """
    turned = right.T.contiguous()
    if not columns.is_contiguous():
        found = times_transposed(turned, columns)
        return found.T, times_transposed(columns.T, found).T
    parts = []
    across = columns.new_zeros((right.shape[1], columns.shape[1]))
    for rows in torch.split(columns, CACHED_ROWS):
        part = times_transposed(rows, turned)
        across += times_transposed(part.T.contiguous(), rows.T)
        parts.append(part)
    return torch.cat(parts), across


def times_transposed(left: Tensor, right: Tensor) -> Tensor:
    """Return ``left @ right.T``, (m, n).

    By oneDNN where torch has it, whose float32 kernels use AVX-512 on every processor with it; the
    BLAS behind ``torch.mm`` does so on some vendors' only and takes twice as long elsewhere.

    Args:
        left: (m, c), contiguous.
        right: (n, c), contiguous or the transpose of a contiguous matrix.
    """
    is_plain = left.is_contiguous() and (right.is_contiguous() or right.T.is_contiguous())
    if is_plain and left.is_cpu and left.dtype == torch.float32 and _ONEDNN_LINEAR is not None:
        product: Tensor = _ONEDNN_LINEAR(left, right, None, "none", [], "")
        return product
    return left @ right.T


def well_conditioned(
    columns: Tensor, right: Tensor, found: Tensor, across: Tensor, seen: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return Y, ``Y.T @ columns``, Y's sketch, and M (w, k), float64, with Y @ M orthonormal.

    M comes from the Cholesky factor of ``Y.T @ Y``, which float32 carries only if Y's columns are
    almost orthonormal (as they are for right singular vectors over singular values). That Gram
    matrix is found as ``Y.T @ columns @ right``, where entries below the diagonal are the accurate
    ones (their rounding is that of a smaller singular value over a larger) and the only ones that
    are read. Otherwise Y becomes an orthonormal basis of what it spans, which takes one more pass
    over the columns.

    Args:
        columns: (n, c).
        right: (c, w), longest column last.
        found: Y = ``columns @ right``, (n, w).
        across: ``Y.T @ columns``, (w, c).
        seen: the sketch of Y, (s, w).
    """
    norm = torch.linalg.vector_norm
    root, failure = torch.linalg.cholesky_ex((across @ right).double())
    if not int(failure):
        mixing = torch.linalg.inv(root).T
        # The norms of a Gram matrix and its inverse: their product is k for orthonormal columns.
        if float(norm(root.T @ root) * norm(mixing.T @ mixing)) <= WELL_CONDITIONED * len(root):
            return found, across, seen, mixing
    basis, made = orthonormalize_by(found)
    identity = torch.eye(basis.shape[1], dtype=torch.float64, device=basis.device)
    return basis, basis.T @ columns, seen @ made.to(seen), identity


def rotate_span(basis: Tensor, coordinates: Tensor, weights: Blocks = UNWEIGHTED) -> Span:
    """Return the span in its principal axes."""
    energies, rotation = descending_eigh(gram(weigh(coordinates, weights).T))
    turn = rotation.to(basis)
    return Span(basis @ turn, turn.T @ coordinates, energies)


def exact_span(columns: Tensor, width: int, weights: Blocks = UNWEIGHTED) -> Span:
    """Return the span of the ``width`` leading left singular vectors (fewer if the rank is).

    By SVD for float64 input, else by the float64 Gram matrix of the shorter side, whose squared
    condition number float64 can hold for all that float32 input can express.
    """
    n, c = columns.shape
    raw, columns = columns, weigh(columns, weights)
    if columns.dtype == torch.float64:
        left, values, _ = torch.linalg.svd(columns, full_matrices=False)
        rank = int((values > rank_tolerance(columns) * values[:1]).sum())
        basis = left[:, : min(width, rank)]
    elif n <= c:
        values, vectors = descending_eigh(gram(columns.T))
        rank = int((values > rank_tolerance(columns) ** 2 * values[:1]).sum())
        basis = vectors[:, : min(width, rank)].to(columns.dtype)
    else:
        _, vectors = descending_eigh(gram(columns))
        basis = orthonormalize(columns @ vectors[:, :width].to(columns.dtype))
    return rotate_span(basis, basis.T @ raw, weights)


def fold_columns(kept: Tensor, block: Tensor, width: int) -> tuple[Tensor, float]:
    """Return (n, <= width) columns that stand for ``[kept, block]``, and the energy dropped.

    Folding block after block approximates a matrix that is never held whole. With X all columns,
    Y the last result and δ the sum of what was dropped, ``X X.T - Y Y.T`` is positive
    semidefinite with trace δ; so Y's k leading directions capture at least the best k's energy
    of X minus δ.
    """
    columns = torch.cat([kept, block], dim=1) if kept.shape[1] else block
    if columns.shape[1] <= width:
        return columns, 0.0
    span = top_span(columns, width, oversampling=0, max_steps=1)  # the leading ones converge first
    folded = span.basis * span.energies.sqrt().to(span.basis)
    return folded, max(0.0, energy(columns) - float(span.energies.sum()))
