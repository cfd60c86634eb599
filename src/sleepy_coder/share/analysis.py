"""What a subspace holds and misses: variance, errors, angles, similarity, storage.

Nothing here forms a dense ΔW; norms and products go through the factors' small cores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.share.linalg import (
    energy,
    principal_angles,
    product_distance,
    product_norm,
    reject,
)
from sleepy_coder.share.tasks import find_task, load_factors, lora_factors

if TYPE_CHECKING:
    from torch import Tensor

    from sleepy_coder.share.subspace import AdapterSource, ModuleBasis, Subspace

OUTLIER_SCORE = 3.5  # Iglewicz and Hoaglin (1993) for modified z-scores
MAD_TO_SIGMA = 1.4826  # median absolute deviation to standard deviation, normal distribution


class Sides(NamedTuple):
    """One number for each side of a module."""

    b: float
    a: float


class Errors(NamedTuple):
    """Relative errors, ``||x - approximation|| / ||x||``, of both factors and of ΔW."""

    b: float
    a: float
    product: float


class Angles(NamedTuple):
    """Principal angles between two bases of each side, radians, smallest first."""

    b: Tensor
    a: Tensor


def explained_variance(subspace: Subspace) -> dict[str, Sides]:
    """Return by module which part of the energy of all columns ever seen the bases hold.

    Raises:
        InputError: if the subspace carries no moments.
    """
    if subspace.moments is None:
        raise InputError("explained variance: got no moments, expected those of init or merge")
    return {
        module: Sides(
            *(
                float(side.gram.trace()) / side.energy if side.energy else 1.0
                for side in (known.b, known.a)
            )
        )
        for module, known in subspace.moments.items()
    }


def reconstruction_errors(
    subspace: Subspace, source: AdapterSource, task: str | None = None
) -> dict[str, Errors]:
    """Return by module the errors of a task against the adapter it came from.

    The factors' errors are those of their projections: a factor on its own is not comparable
    after a reduction to p, as only the product is defined. ΔW's is that of the task as stored.

    Args:
        subspace: has the task.
        source: the adapter.
        task: name of the task; the adapter's own by default.
    """
    name = source.name if task is None else task
    errors = {}
    for module in source.module_names():
        factors = load_factors(subspace, source, module)
        lost, whole = _lost_of_product(subspace, name, module, factors)
        basis, (b, a) = subspace.bases[module], factors
        errors[module] = Errors(
            _missed(basis.basis_b, b), _missed(basis.basis_a, a), lost / whole if whole else 0.0
        )
    return errors


def task_error(subspace: Subspace, source: AdapterSource, task: str | None = None) -> float:
    """Return ``||ΔW of the adapter - ΔW of the task|| / ||ΔW of the adapter||``, all modules.

    Args:
        subspace: has the task.
        source: the adapter.
        task: name of the task; the adapter's own by default.
    """
    name = source.name if task is None else task
    norms = [
        _lost_of_product(subspace, name, module, load_factors(subspace, source, module))
        for module in source.module_names()
    ]
    whole = math.hypot(*(norm for _, norm in norms))
    return math.hypot(*(lost for lost, _ in norms)) / whole if whole else 0.0


def _lost_of_product(
    subspace: Subspace, task: str, module: str, factors: tuple[Tensor, Tensor]
) -> tuple[float, float]:
    """Return the norm of what a task lacks of one module's ΔW, and of that ΔW."""
    whole = float(product_norm(*factors))
    if module not in find_task(subspace, task):
        return whole, whole
    return float(product_distance(factors, lora_factors(subspace, task, module))), whole


def coverage(subspace: Subspace, source: AdapterSource) -> dict[str, Errors]:
    """Return by module what the bases miss of an adapter that need not be a task.

    ``product`` is the error of the best ΔW in the subspace, ``P_b ΔW P_a``.
    """
    missed = {}
    for module in source.module_names():
        b, a = load_factors(subspace, source, module)
        basis = subspace.bases[module]
        whole = float(product_norm(b, a))
        out_b, out_a = reject(basis.basis_b.to(b), b), reject(basis.basis_a.to(a), a)
        lost = math.hypot(float(product_norm(out_b, a)), float(product_norm(b - out_b, out_a)))
        missed[module] = Errors(
            _missed(basis.basis_b, b), _missed(basis.basis_a, a), lost / whole if whole else 0.0
        )
    return missed


def _missed(basis: Tensor, columns: Tensor) -> float:
    """Return ``||columns - projection|| / ||columns||``."""
    whole = energy(columns)
    return math.sqrt(energy(reject(basis.to(columns), columns)) / whole) if whole else 0.0


def subspace_angles(first: Subspace, second: Subspace) -> dict[str, Angles]:
    """Return the principal angles between two subspaces' bases, for the modules of both.

    Raises:
        StoreError: for a module whose weight has another shape in the second.
    """
    for module, basis in first.bases.items():
        if module in second.bases:
            _check_same_weight(module, basis, second.bases[module])
    return {
        module: Angles(
            principal_angles(basis.basis_b, second.bases[module].basis_b),
            principal_angles(basis.basis_a, second.bases[module].basis_a),
        )
        for module, basis in first.bases.items()
        if module in second.bases
    }


def _check_same_weight(module: str, basis: ModuleBasis, other: ModuleBasis) -> None:
    shapes = [(sides.basis_b.shape[0], sides.basis_a.shape[0]) for sides in (basis, other)]
    if shapes[0] != shapes[1]:
        raise StoreError(
            f"module {module}: got (outputs, inputs) {shapes[0]} and {shapes[1]}, expected the "
            "same; compare subspaces of one base model"
        )


def grassmann_distance(angles: Tensor) -> float:
    """Return the geodesic distance between two subspaces, the Euclidean norm of the angles."""
    return float(torch.linalg.vector_norm(angles))


def basis_defects(subspace: Subspace) -> dict[str, Sides]:
    """Return by module how far the bases are from orthonormal: ``max |basis.T @ basis - I|``."""
    return {
        module: Sides(_defect(basis.basis_b), _defect(basis.basis_a))
        for module, basis in subspace.bases.items()
    }


def _defect(basis: Tensor) -> float:
    wide = basis.double()
    gap = wide.T @ wide - torch.eye(wide.shape[1], dtype=wide.dtype, device=wide.device)
    return float(gap.abs().max()) if gap.numel() else 0.0


def task_similarity(subspace: Subspace) -> tuple[tuple[str, ...], Tensor]:
    """Return the tasks' names and the cosines between their ΔW over all modules, (T, T) float64.

    ``<ΔW_i, ΔW_j>`` is the inner product of the (k_b, k_a) cores, as the bases are orthonormal.
    """
    names = tuple(subspace.tasks)
    inner = torch.zeros((len(names), len(names)), dtype=torch.float64)
    for module in subspace.bases:
        rows, cores = [], []
        for row, name in enumerate(names):
            entry = subspace.tasks[name].get(module)
            if entry is not None:
                rows.append(row)
                cores.append((entry.coef_b.double() @ entry.coef_a.double().T).flatten().cpu())
        if cores:
            flat = torch.stack(cores)
            inner[torch.tensor(rows)[:, None], torch.tensor(rows)] += flat @ flat.T
    lengths = inner.diagonal().clamp_min(torch.finfo(inner.dtype).tiny).sqrt()
    return names, inner / lengths / lengths[:, None]


def cluster_tasks(
    names: tuple[str, ...], similarity: Tensor, threshold: float
) -> list[tuple[str, ...]]:
    """Return groups of tasks linked by similarities of at least ``threshold`` (single linkage).

    Groups and members keep the order of ``names``; the partition does not depend on it.
    """
    left = list(range(len(names)))
    clusters = []
    while left:
        members = {left[0]}
        frontier = [left[0]]
        while frontier:
            near = similarity[frontier.pop()]
            found = {i for i in left if i not in members and float(near[i]) >= threshold}
            members |= found
            frontier.extend(found)
        clusters.append(tuple(names[i] for i in sorted(members)))
        left = [i for i in left if i not in members]
    return clusters


def outlier_tasks(
    names: tuple[str, ...], similarity: Tensor, score: float = OUTLIER_SCORE
) -> dict[str, float]:
    """Return the tasks unlike all others, with their scores, most unlike first.

    A task's score is how far its mean similarity to the others lies below the median, in robust
    standard deviations (median absolute deviation). Empty below three tasks.
    """
    count = len(names)
    if count <= 2:  # noqa: PLR2004 - two tasks are equally unlike each other
        return {}
    means = (similarity.sum(dim=1) - similarity.diagonal()) / (count - 1)
    gaps = means.median() - means
    spread = MAD_TO_SIGMA * gaps.abs().median()
    scores = gaps / spread.clamp_min(torch.finfo(gaps.dtype).eps)
    found = {name: float(s) for name, s in zip(names, scores, strict=True) if float(s) > score}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


@dataclass(frozen=True)
class Storage:
    """Bytes of a subspace against plain LoRA adapters of the same modules and dtype.

    Attributes:
        basis_bytes: all bases, paid once.
        task_bytes: coefficients of one task, mean over the tasks.
        lora_bytes: one plain adapter of the given rank.
    """

    basis_bytes: int
    task_bytes: float
    lora_bytes: int

    @property
    def ratio(self) -> float:
        """Return how many times smaller a task is than an adapter."""
        return self.lora_bytes / self.task_bytes if self.task_bytes else math.inf

    @property
    def break_even_tasks(self) -> int | None:
        """Return the number of tasks from which basis and coefficients are smaller, or None."""
        saved = self.lora_bytes - self.task_bytes
        return math.floor(self.basis_bytes / saved) + 1 if saved > 0 else None


def storage(subspace: Subspace, rank: int, pseudo_rank: int | None = None) -> Storage:
    """Return what the subspace takes up, and what adapters of ``rank`` would.

    Args:
        subspace: its bases' dtype counts for the adapters, too.
        rank: r of the plain adapters to compare with.
        pseudo_rank: p to assume for a task in all modules; None takes the tasks' mean.
    """
    basis_bytes = lora_bytes = per_width = 0
    for basis in subspace.bases.values():
        basis_bytes += basis.basis_b.nbytes + basis.basis_a.nbytes
        rows = basis.basis_b.shape[0] + basis.basis_a.shape[0]
        lora_bytes += rank * rows * basis.basis_b.itemsize
        components = basis.basis_b.shape[1] + basis.basis_a.shape[1]
        per_width += components * basis.basis_b.itemsize
    if pseudo_rank is not None:
        return Storage(basis_bytes, float(pseudo_rank * per_width), lora_bytes)
    sizes = [
        sum(entry.coef_b.nbytes + entry.coef_a.nbytes for entry in task.values())
        for task in subspace.tasks.values()
    ]
    return Storage(basis_bytes, sum(sizes) / len(sizes) if sizes else 0.0, lora_bytes)
