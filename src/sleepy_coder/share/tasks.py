"""Tasks in a subspace: project adapters, add, blend and remove tasks, give weights back.

Nothing here changes a basis; what does is in ``initialize`` and ``merge``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.share.columns import check_lora
from sleepy_coder.share.linalg import reduce_product, working_dtype
from sleepy_coder.share.moments import add_moments, side_moments
from sleepy_coder.share.subspace import (
    ModuleBasis,
    ModuleCoefficients,
    ModuleMoments,
    SideMoments,
    Subspace,
)
from sleepy_coder.share.weights import UNWEIGHTED, factor_grams, square_roots, weigh

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

    from sleepy_coder.share.subspace import AdapterSource, TaskCoefficients


def split_coefficients(
    coef_b: Tensor, coef_a: Tensor, ranks: Sequence[int], pseudo_rank: int | None
) -> list[ModuleCoefficients]:
    """Return each task's coefficients, reduced to ``pseudo_rank`` where that is smaller.

    The reduction is the best low-rank approximation of the product (``reduce_product``), not a
    choice of columns.

    Args:
        coef_b: (k_b, c), tasks side by side.
        coef_a: (k_a, c).
        ranks: columns per task; they sum to c.
        pseudo_rank: p; None keeps the ranks.
    """
    if pseudo_rank is None and len(set(ranks)) == 1:  # all at once: one copy
        sides = (
            coef.reshape(coef.shape[0], len(ranks), ranks[0]).transpose(0, 1).contiguous().unbind()
            for coef in (coef_b, coef_a)
        )
        return [ModuleCoefficients(b, a) for b, a in zip(*sides, strict=True)]
    pairs = zip(
        torch.split(coef_b, list(ranks), 1), torch.split(coef_a, list(ranks), 1), strict=True
    )
    if pseudo_rank is None:
        return [ModuleCoefficients(b.contiguous(), a.contiguous()) for b, a in pairs]
    if len(set(ranks)) == 1 and ranks[0] > pseudo_rank:  # all at once: one batched SVD
        stacked = [torch.stack(side) for side in zip(*pairs, strict=True)]
        reduced = reduce_product(stacked[0], stacked[1], pseudo_rank)
        return [ModuleCoefficients(b, a) for b, a in zip(*reduced, strict=True)]
    return [reduce_coefficients(ModuleCoefficients(b, a), pseudo_rank) for b, a in pairs]


def reduce_coefficients(coefficients: ModuleCoefficients, pseudo_rank: int) -> ModuleCoefficients:
    """Return the coefficients of the best rank-p approximation of their ΔW."""
    b, a = coefficients.coef_b, coefficients.coef_a
    if b.shape[1] <= pseudo_rank:
        return ModuleCoefficients(b.contiguous(), a.contiguous())
    return ModuleCoefficients(*reduce_product(b, a, pseudo_rank))


def pad_rows(stacked: Tensor, rows: int) -> Tensor:
    """Return coefficients (…, rows, p): zero for the directions appended to the basis."""
    return torch.nn.functional.pad(stacked, (0, 0, 0, rows - stacked.shape[-2]))


def project(
    subspace: Subspace, source: AdapterSource, pseudo_rank: int | None = None
) -> TaskCoefficients:
    """Return the coefficients of an adapter: the best approximation of its ΔW in the subspace.

    ``coef_b = basis_b.T @ (scaling * B)`` and ``coef_a = basis_a.T @ A.T`` (paper, section 3.3;
    its pseudo-inverse is the transpose, as the bases are orthonormal).

    Differs from the earlier practice of keeping the first p of r columns: ``pseudo_rank`` takes
    the best rank p of the product.

    Args:
        subspace: only its bases are used.
        source: the adapter; its modules must be among the subspace's.
        pseudo_rank: p; None keeps the adapter's rank.

    Raises:
        StoreError: for a module that the subspace lacks or whose shape differs.
    """
    entries: dict[str, ModuleCoefficients] = {}
    for module in source.module_names():
        factors = load_factors(subspace, source, module)
        basis = subspace.bases[module]
        coef_b, coef_a = in_basis(basis.basis_b, factors[0]), in_basis(basis.basis_a, factors[1])
        ranks = [coef_b.shape[1]]
        entries[module] = split_coefficients(coef_b, coef_a, ranks, pseudo_rank)[0]
    return entries


def in_basis(basis: Tensor, columns: Tensor) -> Tensor:
    """Return ``basis.T @ columns`` in the basis's dtype, multiplied in at least float32."""
    dtype = torch.promote_types(working_dtype(basis.dtype), columns.dtype)
    return (basis.to(dtype).T @ columns.to(basis.device, dtype)).to(basis.dtype)


def load_factors(subspace: Subspace, source: AdapterSource, module: str) -> tuple[Tensor, Tensor]:
    """Return an adapter's columns (n, r), scaling folded in, and (d, r), at least float32.

    Raises:
        StoreError: for a module that the subspace lacks, or a shape that does not fit it.
    """
    if module not in subspace.bases:
        raise StoreError(
            f"adapter {source.name}: got module {module}, expected one of the subspace's "
            f"{len(subspace.bases)}; merge the adapter instead, or leave the module out"
        )
    lora = source.load_module(module)
    check_lora(lora, source.name, module)
    basis = subspace.bases[module]
    got, expected = (
        (lora.b.shape[0], lora.a.shape[1]),
        (basis.basis_b.shape[0], basis.basis_a.shape[0]),
    )
    if got != expected:
        raise StoreError(
            f"adapter {source.name}, module {module}: got (outputs, inputs) {got}, expected "
            f"{expected}; use an adapter of the same base model"
        )
    dtype = working_dtype(lora.a.dtype)
    return lora.b.to(dtype) * lora.scaling, lora.a.to(dtype).T


def lora_factors(subspace: Subspace, task: str, module: str) -> tuple[Tensor, Tensor]:
    """Return (n, p) and (d, p) with ``ΔW = first @ second.T``, in the bases' dtype."""
    basis, entry = subspace.bases[module], find_task(subspace, task)[module]
    return basis.basis_b @ entry.coef_b, basis.basis_a @ entry.coef_a


def delta_weight(subspace: Subspace, task: str, module: str) -> Tensor:
    """Return a task's dense ΔW, (n, d): large; for folding into a weight, and for tests."""
    left, right = lora_factors(subspace, task, module)
    return left @ right.T


def find_task(subspace: Subspace, task: str) -> TaskCoefficients:
    """Return a task's coefficients.

    Raises:
        InputError: if there is no such task.
    """
    if task not in subspace.tasks:
        known = ", ".join(list(subspace.tasks)[:5]) or "none"
        raise InputError(f"task: got {task}, expected one of {len(subspace.tasks)} ({known} ...)")
    return subspace.tasks[task]


def add_task(subspace: Subspace, name: str, coefficients: TaskCoefficients) -> Subspace:
    """Return the subspace with one more task, say one with trained coefficients.

    Its coefficients count for later merges; the bases stay.

    Raises:
        InputError: if the name is taken.
        StoreError: for coefficients that do not fit the bases or are not finite.
    """
    if name in subspace.tasks:
        raise InputError(f"task: got {name}, which exists; remove it first or use another name")
    for module, entry in coefficients.items():
        check_coefficients(subspace, name, module, entry)
    return replace(
        subspace,
        tasks={**subspace.tasks, name: coefficients},
        moments=_with_task(subspace, coefficients),
    )


def put_task(subspace: Subspace, name: str, coefficients: TaskCoefficients) -> Subspace:
    """Return the subspace with a task of that name, in place of one that it had."""
    if name in subspace.tasks:
        subspace = remove_task(subspace, name)
    return add_task(subspace, name, coefficients)


def remove_task(subspace: Subspace, name: str) -> Subspace:
    """Return the subspace without a task; the bases stay, later merges forget it.

    The moments of its modules become those of the remaining coefficients, so in time linear in
    their number.
    """
    removed = find_task(subspace, name)
    tasks = {task: entries for task, entries in subspace.tasks.items() if task != name}
    moments = subspace.moments
    if moments is not None:
        changed = {}
        for module in removed:
            entries = [task[module] for task in tasks.values() if module in task]
            basis = subspace.bases[module]
            changed[module] = module_moments(entries, subspace) if entries else no_moments(basis)
        moments = {**moments, **changed}
    return replace(subspace, tasks=tasks, moments=moments)


def check_coefficients(
    subspace: Subspace, name: str, module: str, entry: ModuleCoefficients
) -> None:
    """Raise StoreError unless the coefficients fit the module's bases and are finite."""
    basis = subspace.bases.get(module)
    got = tuple(entry.coef_b.shape), tuple(entry.coef_a.shape)
    if basis is None:
        raise StoreError(f"task {name}: got module {module}, expected one of the subspace's")
    k_b, k_a = basis.basis_b.shape[1], basis.basis_a.shape[1]
    width = entry.coef_b.shape[-1]
    if got != ((k_b, width), (k_a, width)):
        raise StoreError(
            f"task {name}, module {module}: got coefficients {got[0]} and {got[1]}, expected "
            f"({k_b}, p) and ({k_a}, p); train or project on this subspace"
        )
    if not bool(torch.isfinite(entry.coef_b).all() and torch.isfinite(entry.coef_a).all()):
        raise StoreError(
            f"task {name}, module {module}: got non-finite coefficients; train it again"
        )


def module_moments(coefficients: Iterable[ModuleCoefficients], subspace: Subspace) -> ModuleMoments:
    """Return the moments of the given coefficients of one module."""
    entries = list(coefficients)
    ranks = [entry.coef_b.shape[1] for entry in entries]
    b = torch.cat([entry.coef_b for entry in entries], dim=1).double()
    a = torch.cat([entry.coef_a for entry in entries], dim=1).double()
    weights_b = weights_a = UNWEIGHTED
    if subspace.objective == "product":
        weights_b, weights_a = (square_roots(factor_grams(other, ranks)) for other in (a, b))
    return ModuleMoments(side_moments(weigh(b, weights_b)), side_moments(weigh(a, weights_a)))


def no_moments(basis: ModuleBasis) -> ModuleMoments:
    """Return the moments of no columns at all."""
    sides: list[SideMoments] = [
        side_moments(side.new_zeros((side.shape[1], 0))) for side in (basis.basis_b, basis.basis_a)
    ]
    return ModuleMoments(sides[0], sides[1])


def _with_task(
    subspace: Subspace, coefficients: TaskCoefficients
) -> Mapping[str, ModuleMoments] | None:
    """Return the moments with one more task's."""
    if subspace.moments is None:
        return None
    changed = {}
    for module, entry in coefficients.items():
        known = subspace.moments.get(module) or no_moments(subspace.bases[module])
        more = module_moments([entry], subspace)
        changed[module] = ModuleMoments(add_moments(known.b, more.b), add_moments(known.a, more.a))
    return {**subspace.moments, **changed}


def add_columns(common: TaskCoefficients, own: TaskCoefficients) -> TaskCoefficients:
    """Return coefficients whose ΔW is the sum of two: the columns of both, side by side."""
    joined = {}
    for module in {**common, **own}:
        entries = [task[module] for task in (common, own) if module in task]
        joined[module] = ModuleCoefficients(
            coef_b=torch.cat([entry.coef_b for entry in entries], dim=1),
            coef_a=torch.cat([entry.coef_a for entry in entries], dim=1),
        )
    return joined


def columns_beyond(task: TaskCoefficients, common: TaskCoefficients) -> TaskCoefficients | None:
    """Return what a task has behind another's columns; None where it does not begin with those."""
    own = {module: entry for module, entry in task.items() if module not in common}
    for module, first in common.items():
        width = first.coef_a.shape[1]
        entry = task.get(module)
        if entry is None or entry.coef_a.dtype != first.coef_a.dtype:
            return None
        if not (
            torch.equal(entry.coef_a[:, :width], first.coef_a)
            and torch.equal(entry.coef_b[:, :width], first.coef_b)
        ):
            return None
        if entry.coef_a.shape[1] > width:
            own[module] = ModuleCoefficients(entry.coef_b[:, width:], entry.coef_a[:, width:])
    return own


def blend(
    subspace: Subspace, weights: Mapping[str, float], pseudo_rank: int | None = None
) -> TaskCoefficients:
    """Return coefficients with ``ΔW = sum of weight * ΔW of the task``, in every module.

    Exact up to rank min(k_b, k_a); ``pseudo_rank`` takes the best approximation of rank p. The
    weighted sum is that of the products: summing coefficients would mix factors that
    different tasks split differently.

    Raises:
        InputError: without tasks, or for a name that is not one.
    """
    if not weights:
        raise InputError("blend: got no tasks, expected at least one")
    tasks = [(find_task(subspace, name), weight) for name, weight in weights.items()]
    blended: dict[str, ModuleCoefficients] = {}
    for module, basis in subspace.bases.items():
        present = [(task[module], weight) for task, weight in tasks if module in task]
        if not present:
            continue
        left = torch.cat([entry.coef_b * weight for entry, weight in present], dim=1)
        right = torch.cat([entry.coef_a for entry, _ in present], dim=1)
        full = min(left.shape[1], basis.basis_b.shape[1], basis.basis_a.shape[1])
        rank = full if pseudo_rank is None else min(full, pseudo_rank)
        blended[module] = ModuleCoefficients(*reduce_product(left, right, rank))
    return blended


def scaled(subspace: Subspace, name: str, weight: float) -> Subspace:
    """Return the subspace with one task's ΔW multiplied by the weight, in the basis's dtype.

    Raises:
        InputError: There is no such task.
    """
    task = {
        module: replace(entry, coef_b=entry.coef_b * weight)
        for module, entry in find_task(subspace, name).items()
    }
    return put_task(subspace, name, task)


def average(
    subspace: Subspace, names: Sequence[str] | None = None, pseudo_rank: int | None = None
) -> TaskCoefficients:
    """Return coefficients whose ΔW is the mean of the tasks' (all of them by default)."""
    chosen = list(subspace.tasks) if names is None else list(names)
    return blend(subspace, {name: 1.0 / len(chosen) for name in chosen}, pseudo_rank)


def convert(
    subspace: Subspace,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Subspace:
    """Return the subspace in another dtype or on another device; the moments stay as they are.

    In bfloat16 a basis is orthonormal to about 1e-2 only; keep a float32 one to merge with.
    """

    def move(tensor: Tensor) -> Tensor:
        return tensor.to(device=device, dtype=dtype)

    return replace(
        subspace,
        bases={
            module: ModuleBasis(move(basis.basis_b), move(basis.basis_a))
            for module, basis in subspace.bases.items()
        },
        tasks={
            name: {
                module: ModuleCoefficients(move(entry.coef_b), move(entry.coef_a))
                for module, entry in task.items()
            }
            for name, task in subspace.tasks.items()
        },
    )
