"""The layer of ordinary LoRA in which every row of a batch has its own adapter, or none.

Hu et al. 2021, section 4.1: y = base(x) + scaling · (x @ A.T) @ B.T with A (r, d) and B (n, r),
here gathered by row. Differs: adapters of all tasks lie in one tensor, a flat row a task, so that a
batch gathers all its factors at once. A row without an adapter is never written to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sleepy_coder.errors import StoreError


@dataclass(frozen=True)
class LoraLayout:
    """Where each module's factors lie in a task's flat row.

    Attributes:
        shapes: module name -> (d, n), inputs and outputs.
        rank: r, the same for all modules.
        scaling: alpha / r.
    """

    shapes: Mapping[str, tuple[int, int]]
    rank: int
    scaling: float

    @property
    def width(self) -> int:
        """Numbers that one task takes."""
        return sum(self.rank * (d + n) for d, n in self.shapes.values())

    def views(self, rows: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Return module -> (A, B), (rows, r, d) and (rows, n, r), as views of (rows, width)."""
        sizes = [self.rank * size for shape in self.shapes.values() for size in shape]
        pieces = iter(torch.split(rows, sizes, dim=1))
        return {
            name: (
                next(pieces).view(len(rows), self.rank, d),
                next(pieces).view(len(rows), n, self.rank),
            )
            for name, (d, n) in self.shapes.items()
        }


class RowFactors(NamedTuple):
    """What one layer multiplies by in one batch of which B' rows have an adapter."""

    a: Tensor  # (B', r, d)
    b: Tensor  # (B', n, r)
    active: Tensor | None  # indices of those rows, or None when all rows have one
    num_rows: int  # B, rows of the batch


class LoraLinear(nn.Module):
    """A frozen linear layer plus each row's own adapter, when a batch has named them."""

    def __init__(self, base: nn.Module, scaling: float) -> None:
        super().__init__()
        self.base = base
        self.scaling = scaling
        self.factors: RowFactors | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return (rows, tokens, n) for (rows, tokens, d).

        Raises:
            StoreError: The input has another number of rows than the batch that was announced.
        """
        out: Tensor = self.base(x)
        if self.factors is None:
            return out
        active, num_rows = self.factors.active, self.factors.num_rows
        if len(x) != num_rows:
            raise StoreError(
                f"batch has {len(x)} rows, expected {num_rows}; name a task or None for every row"
            )
        if active is None:
            return out + self._delta(x, out)
        return out.index_copy(0, active, out[active] + self._delta(x[active], out))

    def _delta(self, x: Tensor, out: Tensor) -> Tensor:
        """Return what the adapters add to rows that all have one."""
        assert self.factors is not None  # noqa: S101 - the caller looked
        a, b = (factor.to(x.dtype) for factor in self.factors[:2])
        hidden = self.scaling * torch.bmm(x, a.mT)  # r wide: scaling n outputs takes far longer
        return torch.bmm(hidden, b.mT).to(out.dtype)


def wrap_layers(
    model: nn.Module, layout: LoraLayout, modules: Mapping[str, nn.Module]
) -> dict[str, LoraLinear]:
    """Put a `LoraLinear` in the place of each module; return them by module name."""
    layers = {}
    for name in layout.shapes:
        layers[name] = LoraLinear(modules[name], layout.scaling)
        model.set_submodule(name, layers[name])
    return layers


def unwrap_layers(model: nn.Module, layers: Mapping[str, LoraLinear]) -> None:
    """Put the model's own modules back."""
    for name, layer in layers.items():
        model.set_submodule(name, layer.base)


@contextmanager
def use_rows(
    layers: Mapping[str, LoraLinear],
    layout: LoraLayout,
    rows: Tensor,
    index: Sequence[int | None],
) -> Iterator[None]:
    """Run the forwards inside with row i of a batch on the adapter at `index[i]`, or on none.

    Args:
        layers: Module name -> its layer.
        layout: Of the rows.
        rows: (tasks, width), all adapters.
        index: For each row of the batch the place of its adapter, or None.
    """
    chosen = [i for i in index if i is not None]
    if chosen:
        active = None
        if len(chosen) < len(index):
            places = [place for place, i in enumerate(index) if i is not None]
            active = _sent(places, rows.device)
        views = layout.views(rows[_sent(chosen, rows.device)])
        for name, layer in layers.items():
            layer.factors = RowFactors(*views[name], active, len(index))
    try:
        yield
    finally:
        for layer in layers.values():
            layer.factors = None


def _sent(indices: Sequence[int], device: torch.device) -> Tensor:
    """Return indices on a device, without waiting for what runs there."""
    return torch.tensor(indices).to(device, non_blocking=True)
