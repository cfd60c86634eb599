"""Putting adapters' factors side by side: straight from the files where that is possible.

What is read here is checked elsewhere (``columns``); these functions only move bytes, with as few
trips to the memory as they can.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, cast

import torch

from sleepy_coder.share.files import bytes_of
from sleepy_coder.share.subspace import LoraShape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from sleepy_coder.share.digest import Digester
    from sleepy_coder.share.subspace import AdapterSource, InPlaceSource, LoraModule

STAGE_BYTES = 4 * 2**20  # of factors read before B goes between the others: caches hold as much
VECTOR_BYTES = 64  # of the widest vectors that torch uses on the CPU


class Part(NamedTuple):
    """One adapter's factors of one module, read already or not."""

    source: AdapterSource
    shape: LoraShape
    loaded: LoraModule | None

    @property
    def rank(self) -> int:
        """Return the number of columns."""
        return self.shape.a[0]

    def is_unread(self, dtype: torch.dtype) -> bool:
        """Say whether both factors can still be read into memory of that dtype."""
        return self.loaded is None and self.shape.dtype == dtype and self.shape.dtype_b == dtype


def open_part(source: AdapterSource, module: str) -> Part:
    """Return an adapter's part in a module, not read yet if the source is an in-place one."""
    if hasattr(source, "module_shape"):
        return Part(source, source.module_shape(module), None)
    lora = source.load_module(module)
    return Part(source, shape_of(lora), lora)


def shape_of(lora: LoraModule) -> LoraShape:
    """Return the shape of factors that are in memory."""
    a, b = lora.a, lora.b
    return LoraShape(tuple(a.shape), tuple(b.shape), a.dtype, b.dtype, lora.scaling)


def read_parts(
    module: str,
    parts: Sequence[Part],
    b: Tensor,
    a: Tensor,
    stage: Tensor,
    digesters: tuple[Digester, Digester],
) -> None:
    """Read the factors from their files: A where it belongs, B through a stage.

    B's columns go between those of other adapters, a few values at a time. The stage holds some
    adapters' B and stays in the caches; reading all of them first takes twice as long.

    Args:
        module: name of the module.
        parts: of in-place sources, with factors of the stacks' dtype.
        b: (n, c), filled.
        a: (c, d), filled.
        stage: (s,), overwritten; large enough for any one B.
        digesters: of B and A; they get the factors while they are in the caches.
    """
    of_b, of_a = digesters
    begin = 0
    for group in _groups(parts, stage.numel()):
        end = begin + sum(part.rank for part in group)
        staged = _read_group(module, group, a[begin:end], stage)
        _place(group, staged, b[:, begin:end])
        for factors in staged:
            count, _, rank = factors.shape
            end = begin + count * rank
            of_b.take(factors.mT)
            of_a.take(a[begin:end].view(count, rank, -1))
            begin = end


def _groups(parts: Sequence[Part], size: int) -> Iterator[list[Part]]:
    """Yield neighbours whose B, and whose A, have up to so many values in all; or single parts."""
    group: list[Part] = []
    in_b = in_a = 0
    for part in parts:
        more_b, more_a = math.prod(part.shape.b), math.prod(part.shape.a)
        if group and max(in_b + more_b, in_a + more_a) > size:
            yield group
            group, in_b, in_a = [], 0, 0
        group.append(part)
        in_b, in_a = in_b + more_b, in_a + more_a
    yield group


def _read_group(module: str, parts: Sequence[Part], a: Tensor, stage: Tensor) -> list[Tensor]:
    """Read the parts' A side by side, (c, d), and their B one after another into the stage.

    Returns:
        Those B, (t, n, r) for every run of parts of one rank.
    """
    into_a, into_b = bytes_of(a), bytes_of(stage)
    in_a = in_b = 0
    for part in parts:
        end_a = in_a + math.prod(part.shape.a) * a.itemsize
        end_b = in_b + math.prod(part.shape.b) * a.itemsize
        source = cast("InPlaceSource", part.source)
        source.read_module(module, into_a[in_a:end_a], into_b[in_b:end_b])
        in_a, in_b = end_a, end_b
    rows = parts[0].shape.b[0]
    shapes = [(len(list(run)), rows, rank) for rank, run in groupby(parts, lambda part: part.rank)]
    runs = torch.split(stage[: in_b // a.itemsize], [math.prod(shape) for shape in shapes])
    return [run.view(shape) for run, shape in zip(runs, shapes, strict=True)]


def _place(parts: Sequence[Part], staged: Sequence[Tensor], b: Tensor) -> None:
    """Scale the parts' B, (t, n, r) for every run of one rank, and put them side by side."""
    factors = [factor for run in staged for factor in run.unbind()]
    scalings = [part.shape.scaling for part in parts]
    if len(set(scalings)) == 1:
        for run in staged:
            run.mul_(scalings[0])
    else:
        for factor, scaling in zip(factors, scalings, strict=True):
            factor.mul_(scaling)
    *pieces, target = _in_words([*factors, b])
    torch.cat(pieces, dim=1, out=target)


def _in_words(matrices: Sequence[Tensor]) -> Sequence[Tensor]:
    """Return the same memory with 16 bytes to an element, if all matrices but the last are narrow.

    ``torch.cat`` copies a row that is shorter than a vector element by element. Matrices whose
    rows are no multiple of 16 bytes apart, or wide, come back as they are.
    """
    word = torch.complex128
    is_narrow = all(x.shape[1] * x.itemsize < VECTOR_BYTES for x in matrices[:-1])
    places = (
        count * x.itemsize
        for x in matrices
        for count in (x.shape[1], x.stride(0), x.storage_offset())
    )
    if not is_narrow or any(place % word.itemsize for place in places):
        return matrices
    return [x.view(word) for x in matrices]


def copy_parts(module: str, parts: Sequence[Part], b: Tensor, a: Tensor) -> None:
    """Fill b (n, c) and a (c, d) from whole factors of any dtype, on any device."""
    loaded = [part.loaded or part.source.load_module(module) for part in parts]
    torch.cat([lora.b.to(b) for lora in loaded], dim=1, out=b)
    torch.cat([lora.a.to(a) for lora in loaded], out=a)
    scalings = [part.shape.scaling for part in parts for _ in range(part.rank)]
    if set(scalings) != {1.0}:
        b *= torch.tensor(scalings, dtype=b.dtype, device=b.device)
