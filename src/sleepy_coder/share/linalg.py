"""The linear algebra of Share on plain tensors: no files, no tasks, no global state.

*Columns* always means a matrix whose columns are to be represented, (n, c): all B factors side by
side, or all A factors transposed. A *basis* has orthonormal columns, (n, k); *coordinates* are
``basis.T @ columns``, (k, c).

Work is done in float32 (float64 for float64 input); whatever squares a condition number (Gram
matrices, eigenvalue problems) is done in float64. A direction counts as present when its singular
value exceeds ``rank_tolerance`` times the largest one; below that, float32 input is rounding noise.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

CHUNK_ROWS = 1024  # rows that are converted to float64 at a time: bounds the copy, fills the caches
HALF = 0.5  # the squared cosine of 45 degrees
SPARE_DRAWS = 8  # beyond those that can lie in the basis; all but always one is enough


def working_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype to compute in: float64 stays, everything narrower becomes float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def rank_tolerance(columns: Tensor) -> float:
    """Return the ratio of singular values below which a direction is rounding noise."""
    return math.sqrt(max(columns.shape)) * torch.finfo(working_dtype(columns.dtype)).eps


def energy(columns: Tensor) -> float:
    """Return the squared Frobenius norm, summed in float64 over chunks."""
    along = int(columns.stride(0) < columns.stride(1))  # whole runs of memory
    return math.fsum(
        float(torch.linalg.vector_norm(x)) ** 2 for x in torch.split(columns, CHUNK_ROWS, along)
    )


def gram(columns: Tensor) -> Tensor:
    """Return ``columns.T @ columns``, (c, c) in float64, without a float64 copy of the columns."""
    total = columns.new_zeros((columns.shape[1],) * 2, dtype=torch.float64)
    for chunk in torch.split(columns, CHUNK_ROWS):
        wide = chunk.double()
        total.addmm_(wide.T, wide)
    return total


def descending_eigh(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues (k,), largest first and clamped at zero, and eigenvectors (k, k).

    For positive semidefinite matrices, in float64; nothing above the diagonal is read.
    """
    values, vectors = torch.linalg.eigh(symmetric.double(), UPLO="L")
    return values.flip(0).clamp_min(0.0), vectors.flip(1)


def sign_of_largest(basis: Tensor) -> Tensor:
    """Return (k,), ±1: the sign of each column's entry of largest magnitude.

    Multiplied with the columns it makes their signs deterministic (the first of equal entries
    decides).
    """
    if basis.shape[1] == 0:
        return basis.new_ones(0)
    highest, lowest = basis.amax(dim=0), basis.amin(dim=0)
    if not bool((highest == -lowest).any()):  # in one quick pass; equal entries are rare
        return torch.where(highest > -lowest, 1.0, -1.0).to(basis.dtype)
    largest = basis.gather(0, basis.abs().argmax(dim=0, keepdim=True)).squeeze(0)
    return torch.where(largest < 0, -1.0, 1.0).to(basis.dtype)


def orthonormalize(columns: Tensor, *, floor: float = 0.0) -> Tensor:
    """Return an orthonormal basis (n, k) of the columns' span, k <= c, to about 1e-6 in float32.

    Twice ``columns @ V @ L**-0.5`` with ``V L V.T`` the Gram matrix (SVQB; Stathopoulos and Wu,
    2002): the first pass, in float64, finds the rank; the second mends the orthogonality that
    the first loses to the columns' condition number.

    Args:
        columns: (n, c).
        floor: directions with a smaller singular value are dropped as noise. The rank tolerance
            relative to the largest singular value applies in any case.
    """
    return orthonormalize_by(columns, floor=floor)[0]


def orthonormalize_by(columns: Tensor, *, floor: float = 0.0) -> tuple[Tensor, Tensor]:
    """Return ``orthonormalize(columns)``, and M (c, k), float64, with basis = columns @ M."""
    values, vectors = descending_eigh(gram(columns))
    cutoff = max(rank_tolerance(columns) ** 2 * float(values[:1].sum()), floor**2)
    keep = int((values > cutoff).sum())
    scaled = vectors[:, :keep] * values[:keep].rsqrt()
    basis = columns @ scaled.to(columns.dtype)
    factor = torch.linalg.cholesky((basis.T @ basis).double())
    mending = torch.linalg.inv(factor).T
    return basis @ mending.to(columns.dtype), scaled @ mending


def complement(basis: Tensor, columns: Tensor) -> Tensor:
    """Return orthonormal directions (n, j) that the columns need beyond the basis.

    ``[basis, result]`` is orthonormal and spans both. What is below the rank tolerance of the
    columns counts as already inside, so columns in the basis's span give j = 0.
    """
    floor = 4 * rank_tolerance(columns) * math.sqrt(energy(columns))
    outside = reject(basis, columns)
    extra = orthonormalize(outside, floor=floor)
    return orthonormalize(reject(basis, extra))


def reject(basis: Tensor, columns: Tensor) -> Tensor:
    """Return the part of the columns (n, c) that is orthogonal to the basis; projected twice."""
    for _ in range(2):
        columns = columns - basis @ (basis.T @ columns)
    return columns


def random_directions(basis: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return ``count`` random orthonormal directions (n, count) orthogonal to the basis.

    Drawn again where a draw lies in the basis already: adapters may have been drawn from the same
    seed.

    Raises:
        ValueError: if the space has no room for that many, or the basis is not orthonormal.
    """
    n, k = basis.shape
    if k + count > n:
        raise ValueError(
            f"cannot add directions: got {count} beside {k}, expected at most {n - k} in {n} "
            "dimensions; ask for fewer"
        )
    span = basis
    for _ in range(k + SPARE_DRAWS):  # at most k draws can lie in the basis
        if (lacking := k + count - span.shape[1]) == 0:
            return span[:, k:]
        drawn = torch.randn((n, lacking), generator=generator, dtype=torch.float64)
        span = torch.cat([span, complement(span, drawn.to(basis))], dim=1)
    raise ValueError(f"cannot add directions: the basis ({n}, {k}) is not orthonormal; make it so")


def reduce_product(left: Tensor, right: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return factors (…, m, p), (…, n, p) of the best rank-p approximation of ``left @ right.T``.

    p = min(rank, r). Through QR of both factors and an SVD of the (r, r) core (Eckart-Young);
    the product is never formed. The factors are balanced: each takes the square root of the
    singular values; signs are those that make the left factor's largest entry positive.

    Args:
        left: (…, m, r).
        right: (…, n, r).
        rank: largest rank of the result.
    """
    if not left.shape[-2] or not right.shape[-2]:  # the product is zero, of any rank
        return torch.zeros_like(left[..., :rank]), torch.zeros_like(right[..., :rank])
    wide_left, wide_right = left.double(), right.double()
    q_left, r_left = torch.linalg.qr(wide_left)
    q_right, r_right = torch.linalg.qr(wide_right)
    u, values, vh = torch.linalg.svd(r_left @ r_right.mT, full_matrices=False)
    scale = values[..., None, :rank].sqrt()
    new_left = q_left @ (u[..., :rank] * scale)
    new_right = q_right @ (vh.mT[..., :rank] * scale)
    index = new_left.abs().argmax(dim=-2, keepdim=True)
    signs = torch.where(new_left.gather(-2, index) < 0, -1.0, 1.0).to(new_left)
    return (new_left * signs).to(left.dtype), (new_right * signs).to(right.dtype)


def product_norm(left: Tensor, right: Tensor) -> Tensor:
    """Return the Frobenius norm (…) of ``left @ right.T``, float64, from QR of both factors.

    Unlike the trace of the product of the Gram matrices this does not cancel, so it also measures
    small differences: ``product_norm(cat([x, y]), cat([u, -v]))`` is ``||x u.T - y v.T||``.

    Args:
        left: (…, m, r).
        right: (…, n, r).
    """
    r_left = torch.linalg.qr(left.double(), mode="r").R
    r_right = torch.linalg.qr(right.double(), mode="r").R
    norm: Tensor = torch.linalg.matrix_norm(r_left @ r_right.mT)
    return norm


def product_distance(pair: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
    """Return ``||x u.T - y v.T||`` (…), float64, for pairs (x, u) and (y, v) of factors."""
    return product_norm(
        torch.cat([pair[0].double(), other[0].double()], dim=-1),
        torch.cat([pair[1].double(), -other[1].double()], dim=-1),
    )


def principal_angles(basis: Tensor, other: Tensor) -> Tensor:
    """Return the angles between two subspaces, (min(k, l),) radians, smallest first, float64.

    Cosines are the singular values of ``basis.T @ other``; angles below 45° come from the sines
    instead, which do not lose half of the digits there (Björck and Golub, 1973).
    """
    first, second = orthonormalize(basis.double()), orthonormalize(other.double())
    if first.shape[1] < second.shape[1]:
        first, second = second, first
    cosines = torch.linalg.svdvals(first.T @ second).clamp(0.0, 1.0)
    sines = torch.linalg.svdvals(reject(first, second)).flip(0).clamp(0.0, 1.0)
    return torch.where(cosines**2 > HALF, sines.asin(), cosines.acos())
