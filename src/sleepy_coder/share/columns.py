"""Adapters' factors side by side: one target module's columns, block by block.

Only one module is held at a time, and of that module only as many adapters as fit into
``block_bytes``; buffers are used again for the next block, so the memory needed depends neither
on the number of modules nor on the number of adapters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from sleepy_coder.errors import StoreError
from sleepy_coder.share.linalg import energy, working_dtype
from sleepy_coder.share.stacking import (
    STAGE_BYTES,
    Part,
    copy_parts,
    open_part,
    read_parts,
    shape_of,
)
from sleepy_coder.share.weights import (
    UNWEIGHTED,
    Blocks,
    factor_grams,
    product_energy,
    square_roots,
    traces,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from sleepy_coder.share.subspace import AdapterSource, LoraModule, LoraShape, Objective

BLOCK_BYTES = 256 * 2**20
Side = Literal["b", "a"]
SIDES: tuple[Side, Side] = ("b", "a")


class BlockLayout(NamedTuple):
    """Names and ranks of the adapters in one block."""

    names: tuple[str, ...]
    ranks: tuple[int, ...]


@dataclass(frozen=True)
class ColumnBlock:
    """The factors of some adapters in one target module, ``ΔW_t = b_t @ a_t.T``.

    Attributes:
        names: of the adapters, in order.
        ranks: of the adapters, in order; they sum to c.
        b: (n, c), scaling folded in.
        a: (d, c).
        energies: squared norms of ``b`` and ``a``.
        grams: of every adapter's B and A, if the reader was asked for them.
        is_only: whether these are all of the module's adapters, so that no other block will
            overwrite the tensors.
    """

    names: tuple[str, ...]
    ranks: tuple[int, ...]
    b: Tensor
    a: Tensor
    energies: tuple[float, float]
    grams: tuple[Blocks, Blocks]
    is_only: bool

    def side(self, side: Side) -> Tensor:
        """Return one side's columns."""
        return self.b if side == "b" else self.a

    def weights(self, side: Side, objective: Objective) -> Blocks:
        """Return what the objective weighs a side's columns with."""
        if objective == "factors":
            return UNWEIGHTED
        return square_roots(self._both_grams()[1 - SIDES.index(side)])

    def energy(self, side: Side, objective: Objective) -> float:
        """Return the squared norm of a side's columns as the objective weighs them."""
        if objective == "factors":
            return self.energies[SIDES.index(side)]
        return product_energy(*self._both_grams())

    def _both_grams(self) -> tuple[Blocks, Blocks]:
        if not self.grams[0]:
            raise ValueError("Gram matrices: got none, expected a reader with_grams")
        return self.grams


class ColumnReader:
    """Reads one target module of many adapters into blocks of columns.

    A block's tensors are valid until the next block is read.

    Args:
        sources: the adapters.
        block_bytes: columns of one module that are held at a time.
        device: where they are held.
        with_grams: take the factors' Gram matrices, which the objective "product" needs.
    """

    def __init__(
        self,
        sources: Sequence[AdapterSource],
        *,
        block_bytes: int = BLOCK_BYTES,
        device: torch.device | str = "cpu",
        with_grams: bool = False,
    ) -> None:
        self._with_grams = with_grams
        self._device = torch.device(device)
        self._block_bytes = block_bytes
        self._buffers: dict[str, Tensor] = {}
        self._sources: dict[str, list[AdapterSource]] = {}
        for source in sources:
            for module in source.module_names():
                self._sources.setdefault(module, []).append(source)

    @property
    def modules(self) -> tuple[str, ...]:
        """Return the names of all target modules, in the order of first appearance."""
        return tuple(self._sources)

    def read(self, module: str) -> ModuleColumns:
        """Return the module's columns, to be iterated over as often as needed."""
        return ModuleColumns(self, module)

    def shape(self, module: str) -> tuple[int, int]:
        """Return the module's numbers of outputs and inputs, (n, d), from its first adapter."""
        shape = open_part(self._sources[module][0], module).shape
        return shape.b[0], shape.a[1]

    def blocks(self, module: str) -> Iterator[ColumnBlock]:
        """Yield the module's columns; one block unless they exceed ``block_bytes``."""
        parts: list[Part] = []
        size = 0
        is_only = True
        for source in self._sources[module]:
            part = open_part(source, module)
            shape = part.shape
            check_shape(shape, source.name, module, parts[0].shape if parts else None)
            values = math.prod(shape.a) + math.prod(shape.b)
            more = values * working_dtype(shape.dtype).itemsize
            if parts and size + more > self._block_bytes:
                is_only = False
                yield self._stack(module, parts, is_only=is_only)
                parts, size = [], 0
            parts.append(part)
            size += more
        yield self._stack(module, parts, is_only=is_only)

    def _stack(self, module: str, parts: list[Part], *, is_only: bool) -> ColumnBlock:
        shape = parts[0].shape
        ranks = tuple(part.rank for part in parts)
        dtype = working_dtype(shape.dtype)
        b = self._buffer("b", (shape.b[0], sum(ranks)), dtype)
        a = self._buffer("a", (sum(ranks), shape.a[1]), dtype)
        can_read = self._device.type == "cpu" and all(part.is_unread(dtype) for part in parts)
        gram_b: Blocks = ()
        if can_read:
            size = max(STAGE_BYTES // dtype.itemsize, shape.b[0] * max(ranks))
            stage = self._buffer("stage", (size,), dtype)
            gram_b = read_parts(module, parts, b, a, stage, with_grams=self._with_grams)
        else:
            copy_parts(module, parts, b, a)
        grams: tuple[Blocks, Blocks] = (), ()
        if self._with_grams:
            grams = gram_b or factor_grams(b, ranks), factor_grams(a.T, ranks)
        energies = (traces(grams[0]), traces(grams[1])) if grams[0] else (energy(b), energy(a))
        names = tuple(part.source.name for part in parts)
        block = ColumnBlock(names, ranks, b, a.T, energies, grams, is_only)
        if not math.isfinite(sum(energies)):
            raise StoreError(describe_overflow(block, module))
        return block

    def _buffer(self, use: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Return an uninitialised tensor in memory that is used again: fresh pages cost more."""
        buffer = self._buffers.get(use)
        if buffer is None or buffer.numel() < math.prod(shape) or buffer.dtype != dtype:
            self._buffers.pop(use, None)
            buffer = torch.empty(math.prod(shape), dtype=dtype, device=self._device)
            self._buffers[use] = buffer
        return buffer[: math.prod(shape)].view(shape)


class ModuleColumns:
    """The blocks of one module: read again on every pass, unless there is only one.

    Attributes:
        module: name of the module.
        layout: names and ranks block by block, known once all blocks have been read.
    """

    def __init__(self, reader: ColumnReader, module: str) -> None:
        self.module = module
        self.layout: list[BlockLayout] = []
        self._reader = reader
        self._only: ColumnBlock | None = None

    def __iter__(self) -> Iterator[ColumnBlock]:
        if self._only is not None:
            yield self._only
            return
        layout = []
        block = None
        for block in self._reader.blocks(self.module):
            layout.append(BlockLayout(block.names, block.ranks))
            yield block
        self.layout = layout
        self._only = block if block is not None and block.is_only else None


def check_lora(lora: LoraModule, name: str, module: str) -> None:
    """Raise StoreError unless the factors fit each other."""
    check_shape(shape_of(lora), name, module)


def check_shape(shape: LoraShape, name: str, module: str, like: LoraShape | None = None) -> None:
    """Raise StoreError unless the factors fit each other (and the module of another adapter)."""
    a, b = shape.a, shape.b
    where = f"adapter {name}, module {module}"
    if len(a) != 2 or len(b) != 2 or a[0] != b[1] or a[0] == 0:  # noqa: PLR2004 - matrices
        raise StoreError(
            f"{where}: got A {a} and B {b}, expected (r, d) and (n, r) with r >= 1; check the file"
        )
    if like is not None and (a[1], b[0]) != (like.a[1], like.b[0]):
        raise StoreError(
            f"{where}: got {a[1]} inputs and {b[0]} outputs, expected {like.a[1]} and "
            f"{like.b[0]} as in the others; use adapters of one base model"
        )


def describe_overflow(block: ColumnBlock, module: str) -> str:
    """Return whose fault it is that the columns' energy is not finite, and what to do."""
    pairs = zip(
        block.names,
        torch.split(block.b, list(block.ranks), 1),
        torch.split(block.a, list(block.ranks), 1),
        strict=True,
    )
    for name, b, a in pairs:
        if not bool(torch.isfinite(b).all() and torch.isfinite(a).all()):
            return (
                f"adapter {name}, module {module}: got non-finite values, expected finite "
                "weights; train it again or leave it out"
            )
    return f"module {module}: the weights' norm overflows {block.b.dtype}; scale them down"
