"""Putting adapters' factors side by side: straight from the files where that is possible.

What is read here is checked elsewhere (``columns``); these functions only move bytes, with as few
trips to the memory as they can.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, cast

import torch

from sleepy_coder.share.files import bytes_of
from sleepy_coder.share.subspace import LoraShape
from sleepy_coder.share.weights import Blocks, join_runs, tall_grams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from sleepy_coder.share.subspace import AdapterSource, InPlaceSource, LoraModule

STAGE_BYTES = 2**20  # of B factors that are read before they go between the others: a cache's size


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
    *,
    with_grams: bool = False,
) -> Blocks:
    """Read the factors from their files: A where it belongs, B through a stage.

    B's columns go between those of other adapters, a few values at a time. The stage holds some
    adapters' B and stays in the caches; reading all of them first takes twice as long.

    Args:
        module: name of the module.
        parts: of in-place sources, with factors of the stacks' dtype.
        b: (n, c), filled.
        a: (c, d), filled.
        stage: (s,), overwritten; large enough for any one B.
        with_grams: take the Gram matrices of the B factors, which are in the caches just then.

    Returns:
        Those Gram matrices, or nothing.
    """
    rows, staged_bytes = bytes_of(a), bytes_of(stage)
    row_bytes = a.shape[1] * a.itemsize
    begin = end = used = 0
    group: list[Part] = []
    grams: list[Tensor] = []
    for part in parts:
        size = math.prod(part.shape.b)
        if used + size > stage.numel():
            grams += _place(group, stage[:used], b[:, begin:end], with_grams=with_grams)
            group, begin, used = [], end, 0
        cast("InPlaceSource", part.source).read_module(
            module,
            rows[end * row_bytes : (end + part.rank) * row_bytes],
            staged_bytes[used * b.itemsize : (used + size) * b.itemsize],
        )
        group.append(part)
        used, end = used + size, end + part.rank
    grams += _place(group, stage[:used], b[:, begin:end], with_grams=with_grams)
    return join_runs(grams)


def _place(parts: Sequence[Part], staged: Tensor, b: Tensor, *, with_grams: bool) -> list[Tensor]:
    """Scale the parts' B factors, one after another in ``staged``, and put them side by side."""
    sizes = [math.prod(part.shape.b) for part in parts]
    factors = [x.view(b.shape[0], -1) for x in torch.split(staged, sizes)]
    scalings = [part.shape.scaling for part in parts]
    if len(set(scalings)) == 1:
        staged *= scalings[0]
    else:
        for factor, scaling in zip(factors, scalings, strict=True):
            factor.mul_(scaling)
    torch.cat(factors, dim=1, out=b)
    if not with_grams:
        return []
    if len({part.rank for part in parts}) == 1:
        return [tall_grams(staged.view(len(parts), b.shape[0], -1))]
    return [tall_grams(factor[None]) for factor in factors]


def copy_parts(module: str, parts: Sequence[Part], b: Tensor, a: Tensor) -> None:
    """Fill b (n, c) and a (c, d) from whole factors of any dtype, on any device."""
    loaded = [part.loaded or part.source.load_module(module) for part in parts]
    torch.cat([lora.b.to(b) for lora in loaded], dim=1, out=b)
    torch.cat([lora.a.to(a) for lora in loaded], out=a)
    scalings = [part.shape.scaling for part in parts for _ in range(part.rank)]
    if set(scalings) != {1.0}:
        b *= torch.tensor(scalings, dtype=b.dtype, device=b.device)
