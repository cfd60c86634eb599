"""Phase 3: merge new adapters and trained coefficients into the bases (paper, section 3.3).

The paper rebuilds all old adapters, stacks them with the new ones and decomposes the stack. All old
adapters are ``basis @ coefficients``, so with Q an orthonormal basis of ``[basis, new columns]``
the stack is Q times small coordinates, and its principal directions are Q times the
eigenvectors of a Gram matrix with k plus the new ranks rows. The old part of that matrix is
kept (``SideMoments``): the new basis costs the same for ten known tasks as for a thousand. Only the
old coefficients, one small product per module for all tasks together, grow with their number.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import torch

from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.share.choice import Choice, FixedComponents
from sleepy_coder.share.columns import SIDES, ColumnReader
from sleepy_coder.share.linalg import (
    complement,
    product_distance,
    sign_of_largest,
    working_dtype,
)
from sleepy_coder.share.moments import (
    add_moments,
    pad_moments,
    principal_rotation,
    rotate_moments,
    side_moments,
)
from sleepy_coder.share.subspace import (
    ModuleBasis,
    ModuleCoefficients,
    ModuleMoments,
    SideMoments,
    Subspace,
)
from sleepy_coder.share.tasks import module_moments, no_moments, pad_rows, split_coefficients
from sleepy_coder.share.weights import weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor

    from sleepy_coder.share.columns import ColumnBlock, Side
    from sleepy_coder.share.subspace import AdapterSource


@dataclass(frozen=True)
class Merged:
    """A merged subspace and what the merge cost.

    Attributes:
        subspace: with new bases, all old tasks and the new ones.
        losses: by task, ``||ΔW before - ΔW after|| / ||ΔW before||`` over all modules; "before"
            is the old reconstruction of an old task and the adapter itself for a new one.
    """

    subspace: Subspace
    losses: dict[str, float]


class SideUpdate(NamedTuple):
    """A new basis of one side.

    Attributes:
        basis: (n, k'), the new basis.
        moments: of all that is known, in the new basis.
        rotation: (k + e, k'): the new basis in coordinates of ``[old basis, e new directions]``.
        coordinates: (k + e, c), of the new adapters' columns; None without any.
    """

    basis: Tensor
    moments: SideMoments
    rotation: Tensor
    coordinates: Tensor | None


@dataclass(frozen=True)
class ModuleUpdate:
    """Both sides of one module, and whose columns are new in it."""

    b: SideUpdate
    a: SideUpdate
    names: tuple[str, ...]
    ranks: tuple[int, ...]


def merge(
    subspace: Subspace,
    sources: Sequence[AdapterSource],
    *,
    choice: Choice | None = None,
    pseudo_rank: int | None = None,
    on_module: Callable[[str], None] | None = None,
) -> Merged:
    """Return the subspace with new adapters merged into its bases (paper, section 3.3).

    Equal to decomposing all old adapters, as reconstructed, side by side with the new ones.
    Without sources it only chooses k anew, say after ``expand`` and training: what the tasks do
    not use is dropped first.

    Args:
        subspace: in float32 or float64.
        sources: new adapters; may have modules that the subspace lacks.
        choice: rule for k; None keeps each side's k, so that the bases do not grow.
        pseudo_rank: p of the new tasks; None keeps the adapters' ranks.
        on_module: called with each module's name when its new bases are found.

    Raises:
        InputError: for a name that exists, or a subspace in half precision.
        StoreError: for shapes that do not fit and values that are not finite.
    """
    updates = update_bases(subspace, sources, choice=choice, on_module=on_module)
    return update_tasks(subspace, updates, pseudo_rank=pseudo_rank)


def update_bases(
    subspace: Subspace,
    sources: Sequence[AdapterSource],
    *,
    choice: Choice | None = None,
    on_module: Callable[[str], None] | None = None,
) -> dict[str, ModuleUpdate]:
    """Return every module's new bases, in time independent of the number of tasks.

    Where the subspace has no moments they are computed from the tasks first, which is linear.
    """
    names = [source.name for source in sources]
    taken = sorted({name for name in names if name in subspace.tasks or names.count(name) > 1})
    if taken:
        raise InputError(f"merge: got {', '.join(taken)} twice, expected new names; rename them")
    reader = ColumnReader(sources, with_grams=subspace.objective == "product")
    updates = {}
    for module in dict.fromkeys((*subspace.bases, *reader.modules)):
        blocks = list(reader.blocks(module)) if module in reader.modules else []
        if len(blocks) > 1:  # a block's buffers are used again by the next
            raise InputError(
                f"merge: got {len(sources)} adapters, expected fewer at a time; merge in parts"
            )
        block = blocks[0] if blocks else None
        basis = _old_basis(subspace, module, block)
        known = _known_moments(subspace, module, basis)
        sides = [
            _update_side(old, moments, side, block, subspace, choice)
            for old, moments, side in zip(
                (basis.basis_b, basis.basis_a), (known.b, known.a), SIDES, strict=True
            )
        ]
        updates[module] = ModuleUpdate(
            sides[0], sides[1], block.names if block else (), block.ranks if block else ()
        )
        if on_module is not None:
            on_module(module)
    return updates


def _old_basis(subspace: Subspace, module: str, block: ColumnBlock | None) -> ModuleBasis:
    """Return the module's basis, without directions if it is new; check that it fits."""
    old = subspace.bases.get(module)
    if old is None:
        if block is None:
            raise StoreError(f"module {module}: got neither a basis nor an adapter")
        return ModuleBasis(block.b[:, :0].clone(), block.a[:, :0].clone())
    shape = old.basis_b.shape[0], old.basis_a.shape[0]
    got = shape if block is None else (block.b.shape[0], block.a.shape[0])
    if shape != got:
        raise StoreError(
            f"module {module}: got (outputs, inputs) {got}, expected {shape}; merge "
            "adapters of the same base model"
        )
    if old.basis_b.dtype != working_dtype(old.basis_b.dtype):
        raise InputError(
            f"merge: got bases in {old.basis_b.dtype}, expected float32 or float64, in which they "
            "are orthonormal; convert after merging"
        )
    return old


def _known_moments(subspace: Subspace, module: str, basis: ModuleBasis) -> ModuleMoments:
    """Return the module's moments: the kept ones, or those of its tasks."""
    if subspace.moments is not None and module in subspace.moments:
        return subspace.moments[module]
    entries = [task[module] for task in subspace.tasks.values() if module in task]
    return module_moments(entries, subspace) if entries else no_moments(basis)


def _update_side(
    basis: Tensor,
    known: SideMoments,
    side: Side,
    block: ColumnBlock | None,
    subspace: Subspace,
    choice: Choice | None,
) -> SideUpdate:
    """Return one side's principal directions of the known and the new columns together."""
    span, moments, coordinates = basis, known, None
    if block is not None:
        columns = block.side(side).to(basis)
        extra = complement(basis, columns)
        span = torch.cat([basis, extra], dim=1)
        coordinates = span.T @ columns
        weighted = side_moments(weigh(coordinates, block.weights(side, subspace.objective)))
        moments = add_moments(pad_moments(known, extra.shape[1]), weighted)
    known_directions = max(0, basis.shape[1] - subspace.is_centered)  # a new module has none
    kept = known_directions or sum(block.ranks if block else ()) or 1
    rule = FixedComponents(kept) if choice is None else choice
    rotation = principal_rotation(moments, rule, center=subspace.is_centered)
    turned = span @ rotation.to(span)
    signs = sign_of_largest(turned)
    rotation = rotation * signs.to(rotation)
    return SideUpdate(turned * signs, rotate_moments(moments, rotation), rotation, coordinates)


def update_tasks(
    subspace: Subspace, updates: dict[str, ModuleUpdate], *, pseudo_rank: int | None = None
) -> Merged:
    """Return the subspace on its new bases: old coefficients recomputed, new tasks added.

    One product per module for all tasks of one width together.
    """
    tasks: dict[str, dict[str, ModuleCoefficients]] = {name: {} for name in subspace.tasks}
    squares: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for module, update in updates.items():
        for name in update.names:
            tasks.setdefault(name, {})
        for names, before in _by_width(subspace, module, update):
            after = ModuleCoefficients(
                update.b.rotation.to(before.coef_b).T @ before.coef_b,
                update.a.rotation.to(before.coef_a).T @ before.coef_a,
            )
            lost, whole = _losses(before, after, update)
            is_new = names[0] in update.names
            for row, name in enumerate(names):
                entry = ModuleCoefficients(after.coef_b[row], after.coef_a[row])
                if is_new and pseudo_rank is not None:
                    entry, more = _reduce(entry, pseudo_rank)
                    lost[row] += more
                tasks[name][module] = entry
                squares[name][0] += float(lost[row])
                squares[name][1] += float(whole[row])
    bases = {module: ModuleBasis(u.b.basis, u.a.basis) for module, u in updates.items()}
    moments = {module: ModuleMoments(u.b.moments, u.a.moments) for module, u in updates.items()}
    losses = {
        name: (lost / whole) ** 0.5 if whole else 0.0 for name, (lost, whole) in squares.items()
    }
    return Merged(replace(subspace, bases=bases, tasks=tasks, moments=moments), losses)


def _by_width(
    subspace: Subspace, module: str, update: ModuleUpdate
) -> Iterable[tuple[list[str], ModuleCoefficients]]:
    """Yield old tasks of equal width, then the new ones: names, and (T, k + e, p) coefficients."""
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for name, task in subspace.tasks.items():
        if module in task:
            groups[task[module].coef_b.shape[1]].append(name)
    rows_b, rows_a = update.b.rotation.shape[0], update.a.rotation.shape[0]
    for names in groups.values():
        entries = [subspace.tasks[name][module] for name in names]
        yield (
            names,
            ModuleCoefficients(
                pad_rows(torch.stack([entry.coef_b for entry in entries]), rows_b),
                pad_rows(torch.stack([entry.coef_a for entry in entries]), rows_a),
            ),
        )
    if update.b.coordinates is not None and update.a.coordinates is not None:
        entries = split_coefficients(update.b.coordinates, update.a.coordinates, update.ranks, None)
        for name, entry in zip(update.names, entries, strict=True):
            yield [name], ModuleCoefficients(entry.coef_b[None], entry.coef_a[None])


def _losses(
    before: ModuleCoefficients, after: ModuleCoefficients, update: ModuleUpdate
) -> tuple[Tensor, Tensor]:
    """Return (T,) squared norms of what each task's ΔW loses, and of ΔW itself; float64.

    With M = B A.T and both factors projected, ``M - P M P = (B - P B) A.T + P B (A - P A).T``, two
    orthogonal parts; neither is a difference of nearly equal numbers.
    """
    b, a = before.coef_b.double(), before.coef_a.double()
    kept_b = update.b.rotation.to(b) @ after.coef_b.double()
    kept_a = update.a.rotation.to(a) @ after.coef_a.double()
    lost = _square(b - kept_b, a) + _square(kept_b, a - kept_a)
    return lost, _square(b, a)


def _square(left: Tensor, right: Tensor) -> Tensor:
    """Return (T,) squared norms of ``left @ right.T``, from the small Gram matrices."""
    return ((left.mT @ left) * (right.mT @ right)).sum(dim=(-2, -1))


def _reduce(entry: ModuleCoefficients, pseudo_rank: int) -> tuple[ModuleCoefficients, float]:
    """Return the coefficients of best rank p and the squared norm that this drops."""
    width = entry.coef_b.shape[1]
    reduced = split_coefficients(entry.coef_b, entry.coef_a, [width], pseudo_rank)[0]
    if width <= pseudo_rank:
        return reduced, 0.0
    distance = product_distance((entry.coef_b, entry.coef_a), (reduced.coef_b, reduced.coef_a))
    return reduced, float(distance) ** 2
