"""Second moments of the known columns, in a basis's own coordinates: all that merging needs.

With ``C = basis.T @ columns``, the (k, k) Gram matrix ``C @ C.T`` has the principal directions of
the columns as eigenvectors, whatever their number. Phase 1 and phase 3 of the paper differ only
in where C comes from; both choose their directions here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sleepy_coder.share.linalg import descending_eigh, reject
from sleepy_coder.share.subspace import SideMoments

if TYPE_CHECKING:
    from sleepy_coder.share.choice import Choice

NOISE_FRAC = 1e-12  # of the largest eigenvalue: a singular value of 1e-6, float32's rounding


def side_moments(coordinates: Tensor, energy: float | None = None) -> SideMoments:
    """Return the moments of columns with the given coordinates; always on the CPU.

    Args:
        coordinates: (k, c).
        energy: squared norm of the columns; that of the coordinates if the columns lie inside.
    """
    wide = coordinates.cpu().double()
    gram = wide @ wide.T
    inside = float(gram.trace())
    return SideMoments(
        gram=gram,
        total=wide.sum(dim=1),
        count=coordinates.shape[1],
        energy=inside if energy is None else max(inside, energy),
    )


def principal_moments(energies: Tensor, total: Tensor, count: int, energy: float) -> SideMoments:
    """Return the moments of columns in their principal axes: their Gram matrix is diagonal.

    Args:
        energies: (k,), float64, squared norms of the coordinates' rows.
        total: (k,), sum of the coordinates.
        count: of the columns.
        energy: squared norm of the columns.
    """
    return SideMoments(
        gram=torch.diag(energies).cpu(),
        total=total.cpu().double(),
        count=count,
        energy=max(float(energies.sum()), energy),
    )


def add_moments(first: SideMoments, second: SideMoments) -> SideMoments:
    """Return the moments of both sets of columns, given in the same coordinates."""
    return SideMoments(
        gram=first.gram + second.gram,
        total=first.total + second.total,
        count=first.count + second.count,
        energy=first.energy + second.energy,
    )


def pad_moments(moments: SideMoments, extra: int) -> SideMoments:
    """Return the moments after ``extra`` directions, unused so far, are appended to the basis."""
    pad = torch.nn.functional.pad
    return SideMoments(
        pad(moments.gram, (0, extra, 0, extra)),
        pad(moments.total, (0, extra)),
        moments.count,
        moments.energy,
    )


def rotate_moments(moments: SideMoments, rotation: Tensor) -> SideMoments:
    """Return the moments in the basis ``basis @ rotation``; the energy stays that of all seen.

    Args:
        moments: in k coordinates.
        rotation: (k, l), orthonormal columns.
    """
    wide = rotation.double()
    gram = wide.T @ moments.gram @ wide
    return SideMoments(gram, wide.T @ moments.total, moments.count, moments.energy)


def principal_rotation(moments: SideMoments, choice: Choice, *, center: bool) -> Tensor:
    """Return (k, l), float64, orthonormal: the principal directions of what the moments describe.

    Without centring, the leading eigenvectors of the Gram matrix: the best l directions
    (Eckart-Young). With centring, as in the paper, the leading eigenvectors of the Gram matrix
    about the mean, and then the rest of the mean as one more direction, so that coefficients of
    the *uncentred* columns hold the mean and nothing has to be added back.

    Args:
        moments: in k coordinates.
        choice: how many to keep; energies are those about the mean if centred.
        center: subtract the mean of the columns first.
    """
    gram, energy = moments.gram, moments.energy
    mean = moments.total / max(1, moments.count)
    if center:
        gram = gram - moments.count * torch.outer(mean, mean)
        energy = max(0.0, energy - moments.count * float(mean @ mean))
    values, vectors = descending_eigh(gram)
    rotation = vectors[:, : num_principal(values, energy, choice, floor=moments.energy)]
    if center:
        rest = reject(rotation, mean[:, None])
        length = torch.linalg.vector_norm(rest)
        if length**2 * moments.count > NOISE_FRAC * moments.energy:
            rotation = torch.cat([rotation, rest / length], dim=1)
    return rotation


def num_principal(energies: Tensor, total: float, choice: Choice, *, floor: float = 0.0) -> int:
    """Return how many principal directions to keep: those the rule asks for that are no noise.

    Args:
        energies: (k,), largest first.
        total: what the rule is to measure against.
        choice: the rule; if it asks for more than there are, all that are no noise.
        floor: an energy; a direction with less than float32's rounding of it is noise.
    """
    largest = max(float(energies[:1].sum()), total, floor)
    rank = int((energies > NOISE_FRAC * largest).sum())
    keep = choice.components(energies[:rank], total)
    return rank if keep is None else min(keep, rank)
