"""Phase 1: one basis per target module from existing LoRA adapters (paper, section 3.1).

For every module the B factors stand side by side, (n, sum of ranks), and so do the transposed A
factors; each side's basis holds the leading left singular vectors, and each adapter becomes the
coefficients ``basis.T @ factor``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import torch

from sleepy_coder.errors import InputError
from sleepy_coder.share.choice import (
    ByteBudget,
    Choice,
    ExplainedVariance,
    FixedComponents,
    SideSpectrum,
    allocate,
)
from sleepy_coder.share.columns import BLOCK_BYTES, SIDES, ColumnReader, ModuleColumns, Side
from sleepy_coder.share.linalg import complement, energy, sign_of_largest
from sleepy_coder.share.moments import (
    add_moments,
    num_principal,
    principal_moments,
    principal_rotation,
    rotate_moments,
    side_moments,
)
from sleepy_coder.share.spans import Span, fold_columns, top_span
from sleepy_coder.share.subspace import (
    ModuleBasis,
    ModuleCoefficients,
    ModuleMoments,
    Objective,
    SideMoments,
    Subspace,
)
from sleepy_coder.share.tasks import split_coefficients
from sleepy_coder.share.weights import UNWEIGHTED, sum_weighted, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from sleepy_coder.share.subspace import AdapterSource
    from sleepy_coder.share.weights import Blocks

FOLD_FACTOR = 4  # a folded block keeps this many times the directions wanted, at least FOLD_LEAST
FOLD_LEAST = 128
SPECTRUM_FACTOR = 4  # the byte budget looks at this many times the mean number of directions


@dataclass(frozen=True)
class InitOptions:
    """How phase 1 chooses directions and what it keeps of the adapters.

    Attributes:
        choice: rule for k per side and module, or one byte budget for all.
        objective: "factors" captures the factors' energy (the paper), "product" that of ΔW,
            which does not depend on how an adapter splits ΔW into factors.
        center: principal directions about the columns' mean, which is kept as one more direction;
            only for "factors" and a rule for k.
        pseudo_rank: p of the coefficients; None keeps each adapter's rank.
        dtype: of bases and coefficients.
        device: to compute on, and of the result.
        block_bytes: columns of one module that are held at a time.
    """

    choice: Choice | ByteBudget = field(default_factory=ExplainedVariance)
    objective: Objective = "factors"
    center: bool = False
    pseudo_rank: int | None = None
    dtype: torch.dtype = torch.float32
    device: torch.device | str = "cpu"
    block_bytes: int = BLOCK_BYTES

    def __post_init__(self) -> None:
        if self.center and (self.objective != "factors" or isinstance(self.choice, ByteBudget)):
            raise InputError(
                f"center: got it with objective {self.objective} and {self.choice}, expected "
                "objective factors and a rule for k; leave one of them out"
            )


def init_subspace(
    sources: Sequence[AdapterSource],
    options: InitOptions | None = None,
    *,
    on_module: Callable[[str], None] | None = None,
) -> Subspace:
    """Return the subspace of the adapters, with each adapter as a task.

    Streams one module at a time. Time is linear in the number of adapters; memory is bounded by
    ``block_bytes``. A module whose columns exceed that is folded block by block
    (``fold_columns``), which may cost up to the energy folded away; the coefficients are then
    found by reading the blocks once more.

    Differs from the paper: the mean is kept (``InitOptions.center``), k is chosen per side and
    module, and LoRA's scaling is folded into B before stacking.

    Args:
        sources: at least one adapter; ranks, scalings and target modules may differ.
        options: how directions are chosen; the default is the paper's 60 % of the variance.
        on_module: called with each module's name when it is done.

    Raises:
        InputError: without adapters, with one name twice, or a byte budget that is too small.
        StoreError: for shapes that do not fit and values that are not finite.
    """
    options = options or InitOptions()
    names = [source.name for source in sources]
    if not names:
        raise InputError("adapters: got none, expected at least one")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            f"adapters: {', '.join(twice)}: more than one has this name, and a task's name is its "
            "folder's; rename the folders, or give links with names of their own"
        )
    with_grams = options.objective == "product" or isinstance(options.choice, ByteBudget)
    reader = ColumnReader(
        sources, block_bytes=options.block_bytes, device=options.device, with_grams=with_grams
    )
    choices = _choices(reader, options)
    bases: dict[str, ModuleBasis] = {}
    moments: dict[str, ModuleMoments] = {}
    tasks: dict[str, dict[str, ModuleCoefficients]] = {name: {} for name in names}
    for module in reader.modules:
        columns = reader.read(module, _wanted(choices[module], options))
        learned = _init_module(columns, choices[module], options)
        bases[module], moments[module], coefficients = learned
        for name, entry in coefficients.items():
            tasks[name][module] = entry
        if on_module is not None:
            on_module(module)
    return Subspace(bases, tasks, moments, options.objective, options.center)


def _wanted(rules: tuple[Choice, Choice], options: InitOptions) -> tuple[int, int] | None:
    """Return how many directions will be sought first; None if not of the columns as they are."""
    return None if options.center else (rules[0].first_guess, rules[1].first_guess)


@dataclass(frozen=True)
class _Side:
    """What was learned of one side: its basis, moments, and (k, c) coordinates block by block."""

    basis: Tensor
    moments: SideMoments
    coordinates: list[Tensor]


def _init_module(
    columns: ModuleColumns, rules: tuple[Choice, Choice], options: InitOptions
) -> tuple[ModuleBasis, ModuleMoments, dict[str, ModuleCoefficients]]:
    """Return one module's basis, moments and coefficients by adapter."""
    b = _learn_side(columns, "b", rules[0], options)
    a = _learn_side(columns, "a", rules[1], options)
    coefficients: dict[str, ModuleCoefficients] = {}
    for block, coef_b, coef_a in zip(columns.layout, b.coordinates, a.coordinates, strict=True):
        entries = split_coefficients(
            coef_b.to(options.dtype), coef_a.to(options.dtype), block.ranks, options.pseudo_rank
        )
        coefficients.update(zip(block.names, entries, strict=True))
    basis = ModuleBasis(b.basis.to(options.dtype), a.basis.to(options.dtype))
    return basis, ModuleMoments(b.moments, a.moments), coefficients


def _learn_side(columns: ModuleColumns, side: Side, rule: Choice, options: InitOptions) -> _Side:
    """Return one side's principal directions, as many as the rule asks for."""
    mean = _mean(columns, side) if options.center else None
    gathered = _gather(columns, side, rule, mean, options)
    total = gathered.energy
    span = leading_span(gathered, rule)
    if len(columns.layout) == 1 and mean is None:
        return _cut_span(span, total, rule, gathered.weights)
    basis = span.basis
    if mean is not None:
        basis = torch.cat([basis, complement(basis, mean.to(basis))], dim=1)
    coordinates, known = [], []
    for block in columns:
        seen = basis.T @ block.side(side)
        coordinates.append(seen)
        known.append(side_moments(weigh(seen, block.weights(side, options.objective))))
    moments = reduce(add_moments, known)
    if mean is not None:
        total += moments.count * float(mean.square().sum())
    moments = replace(moments, energy=max(moments.energy, total))
    rotation = principal_rotation(moments, rule, center=options.center)
    basis = basis @ rotation.to(basis)
    signs = sign_of_largest(basis)
    rotation = rotation * signs.to(rotation)
    turned = [rotation.to(seen).T @ seen for seen in coordinates]
    return _Side(basis * signs, rotate_moments(moments, rotation), turned)


def _cut_span(span: Span, total: float, rule: Choice, weights: Blocks) -> _Side:
    """Return as many of a span's directions as the rule asks for, all columns being in it."""
    count = num_principal(span.energies, total, rule)
    basis = span.basis[:, :count]
    signs = sign_of_largest(basis)
    coordinates = signs[:, None] * span.coordinates[:count]
    summed = sum_weighted(coordinates, weights)
    moments = principal_moments(span.energies[:count], summed, coordinates.shape[1], total)
    return _Side(basis * signs, moments, [coordinates])


def _mean(columns: ModuleColumns, side: Side) -> Tensor:
    """Return the mean of all columns, (n, 1) in float64."""
    sums = [block.side(side).sum(dim=1, keepdim=True, dtype=torch.float64) for block in columns]
    return torch.stack(sums).sum(dim=0) / sum(sum(block.ranks) for block in columns.layout)


class Gathered(NamedTuple):
    """Columns that stand for all blocks of a side.

    Attributes:
        columns: (n, c); folded ones are weighted already.
        weights: what to weigh them with.
        energy: of all blocks' columns as the objective weighs them, less their mean if asked for.
        sketch: of ``columns``, if one was taken when they were read.
    """

    columns: Tensor
    weights: Blocks
    energy: float
    sketch: Tensor | None = None


def _gather(
    columns: ModuleColumns, side: Side, rule: Choice, mean: Tensor | None, options: InitOptions
) -> Gathered:
    """Return columns that stand for all blocks."""
    width = max(FOLD_LEAST, FOLD_FACTOR * rule.first_guess)
    whole: Tensor | None = None
    weights, sketch = UNWEIGHTED, None
    total = 0.0
    for block in columns:
        more = block.side(side)
        weights = block.weights(side, options.objective)
        if mean is not None:
            more = more - mean.to(more)
        total += block.energy(side, options.objective) if mean is None else energy(more)
        if block.is_only:
            whole, sketch = more, block.digest(side).sketch
        else:
            more, weights = weigh(more, weights), UNWEIGHTED
            whole, _ = fold_columns(more[:, :0] if whole is None else whole, more, width)
            whole = whole.clone() if whole is more else whole  # the next block overwrites this one
    if whole is None:
        raise InputError(f"module {columns.module}: got no adapter, expected at least one")
    return Gathered(whole, weights, total, sketch)


def leading_span(gathered: Gathered, rule: Choice) -> Span:
    """Return a span wide enough for the rule to choose from.

    Args:
        gathered: the columns, with at least their own energy.
        rule: asked again with twice as many directions until it has enough.
    """
    columns, weights, total, sketch = gathered
    wanted = rule.first_guess
    while True:
        span = top_span(columns, wanted, weights, total=total, sketch=sketch)
        is_all = span.basis.shape[1] < wanted or wanted >= min(columns.shape)
        if is_all or rule.components(span.energies[:wanted], total) is not None:
            return span
        wanted *= 2


def _choices(reader: ColumnReader, options: InitOptions) -> dict[str, tuple[Choice, Choice]]:
    """Return the rules for both sides of every module; a byte budget is spent here."""
    if not isinstance(options.choice, ByteBudget):
        return dict.fromkeys(reader.modules, (options.choice, options.choice))
    spectra: dict[tuple[str, str], SideSpectrum] = {}
    bytes_per_direction = sum(sum(reader.shape(module)) for module in reader.modules)
    mean_count = options.choice.total_bytes // (bytes_per_direction * options.dtype.itemsize)
    guess = FixedComponents(max(1, SPECTRUM_FACTOR * mean_count))
    for module in reader.modules:
        columns = reader.read(module, _wanted((guess, guess), options))
        product = sum(block.energy("b", "product") for block in columns)
        widths = sum(
            min(rank, options.pseudo_rank or rank)
            for block in columns.layout
            for rank in block.ranks
        )
        for side in SIDES:
            whole, weights, total, sketch = _gather(columns, side, guess, None, options)
            span = top_span(whole, min(guess.count, *whole.shape), weights, sketch=sketch)
            spectra[module, side] = SideSpectrum(
                span.energies * (product / total if total else 0.0),
                (whole.shape[0] + widths) * options.dtype.itemsize,
            )
    counts = allocate(spectra, options.choice)
    return {
        module: (FixedComponents(counts[module, "b"]), FixedComponents(counts[module, "a"]))
        for module in reader.modules
    }
