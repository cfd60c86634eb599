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
from sleepy_coder.share.digest import Digest, Digester, digest_columns
from sleepy_coder.share.linalg import working_dtype
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
    product_energy,
    square_roots,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from sleepy_coder.share.subspace import AdapterSource, LoraModule, LoraShape, Objective

BLOCK_BYTES = 384 * 2**20
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
        digests: of ``b`` and ``a``.
        is_only: whether these are all of the module's adapters, so that no other block will
            overwrite the tensors.
    """

    names: tuple[str, ...]
    ranks: tuple[int, ...]
    b: Tensor
    a: Tensor
    digests: tuple[Digest, Digest]
    is_only: bool

    def side(self, side: Side) -> Tensor:
        """Return one side's columns."""
        return self.b if side == "b" else self.a

    def digest(self, side: Side) -> Digest:
        """Return what was taken of one side's columns when they were read."""
        return self.digests[SIDES.index(side)]

    def weights(self, side: Side, objective: Objective) -> Blocks:
        """Return what the objective weighs a side's columns with."""
        if objective == "factors":
            return UNWEIGHTED
        return square_roots(self._both_grams()[1 - SIDES.index(side)])

    def energy(self, side: Side, objective: Objective) -> float:
        """Return the squared norm of a side's columns as the objective weighs them."""
        if objective == "factors":
            return self.digest(side).energy
        return product_energy(*self._both_grams())

    def _both_grams(self) -> tuple[Blocks, Blocks]:
        of_b, of_a = self.digests
        if not of_b.grams:
            raise ValueError("Gram matrices: got none, expected a reader with_grams")
        return of_b.grams, of_a.grams


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

    def read(self, module: str, wanted: tuple[int, int] | None = None) -> ModuleColumns:
        """Return the module's columns, to be iterated over as often as needed.

        Args:
            module: its name.
            wanted: how many leading directions of B and of A will be sought (``top_span``); the
                sketches for that are taken on the way, if there is only one block.
        """
        return ModuleColumns(self, module, wanted)

    def shape(self, module: str) -> tuple[int, int]:
        """Return the module's numbers of outputs and inputs, (n, d), from its first adapter."""
        shape = open_part(self._sources[module][0], module).shape
        return shape.b[0], shape.a[1]

    def blocks(self, module: str, wanted: tuple[int, int] | None = None) -> Iterator[ColumnBlock]:
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
                yield self._stack(module, parts, None, is_only=is_only)
                parts, size = [], 0
            parts.append(part)
            size += more
        yield self._stack(module, parts, wanted if is_only else None, is_only=is_only)

    def _stack(
        self, module: str, parts: list[Part], wanted: tuple[int, int] | None, *, is_only: bool
    ) -> ColumnBlock:
        shape = parts[0].shape
        ranks = tuple(part.rank for part in parts)
        dtype = working_dtype(shape.dtype)
        b = self._buffer("b", (shape.b[0], sum(ranks)), dtype)
        a = self._buffer("a", (sum(ranks), shape.a[1]), dtype)
        can_read = self._device.type == "cpu" and all(part.is_unread(dtype) for part in parts)
        if can_read:
            size = max(STAGE_BYTES // dtype.itemsize, shape.b[0] * max(ranks))
            stage = self._buffer("stage", (size,), dtype)
            for_b, for_a = wanted or (None, None)
            of_b = Digester(b, with_grams=self._with_grams, wanted=for_b)
            of_a = Digester(a.T, with_grams=self._with_grams, wanted=for_a)
            read_parts(module, parts, b, a, stage, (of_b, of_a))
            digests = of_b.digest(), of_a.digest()
        else:
            copy_parts(module, parts, b, a)
            digests = (
                digest_columns(b, ranks, with_grams=self._with_grams),
                digest_columns(a.T, ranks, with_grams=self._with_grams),
            )
        names = tuple(part.source.name for part in parts)
        block = ColumnBlock(names, ranks, b, a.T, digests, is_only)
        if not math.isfinite(digests[0].energy + digests[1].energy):
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

    def __init__(self, reader: ColumnReader, module: str, wanted: tuple[int, int] | None) -> None:
        self.module = module
        self._wanted = wanted
        self.layout: list[BlockLayout] = []
        self._reader = reader
        self._only: ColumnBlock | None = None

    def __iter__(self) -> Iterator[ColumnBlock]:
        if self._only is not None:
            yield self._only
            return
        layout = []
        block = None
        for block in self._reader.blocks(self.module, self._wanted):
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
