"""`ShareLinear`: one forward serves a batch in which every row has its own task, or none.

For row i with task t(i) and input x_i of shape (tokens, d)::

    y_i = base(x_i) + ((x_i @ basis_a) @ coef_a[t(i)]) @ coef_b[t(i)].T @ basis_b.T

The products with the bases are dense and shared by all rows; only the k x p middle differs, so the
cost does not depend on how many tasks a batch holds. A row without a task is never written to.

Which row has which task is set once per batch, for all layers, by `use_tasks`: every forward inside
it (prompt, each token of `generate`, a training step) uses the coefficients gathered at its start.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import nn

from sleepy_coder.errors import StoreError
from sleepy_coder.share.task_table import TaskTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from sleepy_coder.share.subspace import ModuleBasis, Subspace
    from sleepy_coder.share.task_table import RowLayout


class TaskSource(Protocol):
    """Where `use_tasks` takes coefficients from: the resident table, or tasks in training."""

    def gather(self, names: Sequence[str]) -> tuple[RowLayout, Tensor]:
        """Return the layout and one row of coefficients per name."""

    def directions(self, module: str) -> tuple[Tensor, Tensor] | None:
        """Return extra (basis_a, basis_b) columns of a module, or None."""


class _Operands(NamedTuple):
    """All that one layer multiplies by in one batch, in the order of use; B' rows have a task."""

    basis_a: Tensor  # (d, k_a)
    coef_a: Tensor  # (B', p, k_a)
    coef_b: Tensor  # (B', p, k_b)
    basis_b_t: Tensor  # (k_b, n)


@dataclass(frozen=True)
class _Batch:
    """What all layers need to know of the batch under way.

    Attributes:
        num_rows: B, rows of the batch.
        active: indices of the B' rows that have a task, or None when all have.
        operands: one entry per module number.
    """

    num_rows: int
    active: Tensor | None
    operands: list[_Operands]


class _Serving:
    """Shared by the Share layers of one model: resident tasks and the batch under way."""

    def __init__(self, table: TaskTable) -> None:
        self.table = table
        self.batch: _Batch | None = None
        self.lock = threading.RLock()


class ShareLinear(nn.Module):
    """A frozen linear layer plus the coefficients of each row's own task.

    Args:
        base: The layer to wrap: `nn.Linear`, or any module with `in_features`, `out_features` and a
            forward (bitsandbytes, packed GGUF).
        basis: The module's shared directions; kept as buffers that follow `model.to(...)`.
        serving: The state shared with the model's other layers.
        number: This module's place in the layout of the task table.
        dtype: Of the two shared products; the result is added in the base output's dtype.
    """

    basis_a: Tensor
    basis_b: Tensor

    def __init__(
        self,
        base: nn.Module,
        basis: ModuleBasis,
        serving: _Serving,
        number: int,
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.base = base
        self.in_features, self.out_features = _features(base)
        self._serving = serving
        self._number = number
        for side, tensor in (("basis_a", basis.basis_a), ("basis_b", basis.basis_b)):
            copy = tensor.detach().to(device=device, dtype=dtype, copy=True)
            self.register_buffer(side, copy, persistent=False)

    @property
    def weight(self) -> Tensor:
        """Return the base layer's weight, for code that asks a layer for its dtype or device."""
        return self.base.weight  # type: ignore[return-value]

    @property
    def bias(self) -> Tensor | None:
        """Return the base layer's bias."""
        return self.base.bias  # type: ignore[return-value]

    def forward(self, x: Tensor) -> Tensor:
        """Return (rows, ..., n) for input (rows, ..., d); rows as `use_tasks` named them.

        Raises:
            StoreError: The input has another number of rows than the batch that was announced.
        """
        out: Tensor = self.base(x)
        batch = self._serving.batch
        if batch is None:
            return out
        if x.shape[0] != batch.num_rows:
            raise StoreError(
                f"batch has {x.shape[0]} rows, use_tasks was given {batch.num_rows} names; "
                "name a task or None for every row (beams and samples included)"
            )
        operands = batch.operands[self._number]
        if batch.active is None:
            return _add_delta(out, x, operands)
        changed = _add_delta(out[batch.active], x[batch.active], operands)
        return out.index_copy(0, batch.active, changed)


def _add_delta(out: Tensor, x: Tensor, operands: _Operands) -> Tensor:
    """Return out + delta, in place where autograd allows, for rows that all have a task."""
    basis_a, coef_a, coef_b, basis_b_t = operands
    flat = x.reshape(-1, basis_a.shape[0]).to(basis_a.dtype)
    hidden = torch.mm(flat, basis_a).view(x.shape[0], -1, basis_a.shape[1])
    if coef_a.shape[1] == 1:  # p = 1: elementwise is three times quicker than two bmm of width 1
        middle = (hidden * coef_a).sum(-1, keepdim=True) * coef_b
    else:
        middle = torch.bmm(torch.bmm(hidden, coef_a.mT), coef_b)
    middle = middle.view(-1, basis_b_t.shape[0])
    if out.dtype != middle.dtype:
        return out + torch.mm(middle, basis_b_t).view(out.shape).to(out.dtype)
    if torch.is_grad_enabled() or not out.is_contiguous():
        return torch.addmm(out.reshape(flat.shape[0], -1), middle, basis_b_t).view(out.shape)
    out.view(flat.shape[0], -1).addmm_(middle, basis_b_t)
    return out


def inject(
    model: nn.Module,
    subspace: Subspace,
    *,
    dtype: torch.dtype | None = None,
    common: str = "",
) -> TaskTable:
    """Wrap every target module of `subspace` in a `ShareLinear`; return the model's task table.

    The subspace's tasks become resident. Nothing changes until `use_tasks` names them.

    Args:
        model: Any module tree that has the target modules under the subspace's names.
        subspace: Bases and tasks.
        dtype: Of the bases on the device; default is each base layer's own floating dtype.
        common: A task that others begin with (`Store.common`): its columns are kept once.

    Raises:
        StoreError: A target module is missing, is no linear layer, has another shape than its
            basis, or the model is wrapped already; the model is left as it was.
    """
    if _share_layers(model):
        raise StoreError("the model already has Share layers; eject(model) first")
    modules = dict(model.named_modules())
    for name, basis in subspace.bases.items():
        _check_fits(name, modules.get(name), basis)
    table = TaskTable(subspace.bases, common=subspace.tasks.get(common))
    table.add(subspace.tasks)
    serving = _Serving(table)
    try:
        for number, (name, basis) in enumerate(subspace.bases.items()):
            base = modules[name]
            place, own = _place_of(base)
            layer = ShareLinear(base, basis, serving, number, device=place, dtype=dtype or own)
            layer.train(base.training)
            model.set_submodule(name, layer)
    except BaseException:  # the device has no room for all bases, say
        eject(model)
        raise
    return table


def eject(model: nn.Module) -> None:
    """Put the original layers back: the same objects that `inject` wrapped."""
    for name, layer in _share_layers(model).items():
        model.set_submodule(name, layer.base)


def place_of_layers(model: nn.Module) -> torch.device:
    """Return the device of a model's Share layers (of the first, where they are spread).

    Raises:
        StoreError: The model has no Share layers.
    """
    return _wrapped_layers(model)[0].basis_a.device


def bytes_of_bases(model: nn.Module) -> int:
    """Return how many bytes the bases of a model's Share layers take; none without any."""
    layers = _share_layers(model).values()
    return sum(basis.nbytes for layer in layers for basis in (layer.basis_a, layer.basis_b))


@contextmanager
def use_tasks(
    model: nn.Module, names: Sequence[str | None], *, source: TaskSource | None = None
) -> Iterator[None]:
    """Run the forwards inside with row i of every batch on task `names[i]`, or on none.

    One batch at a time: a second thread that enters waits for the first to leave. Entered again in
    the same thread, the inner names hold until it ends.

    The tasks are the model's, not the thread's: autograd computes recomputed layers in threads of
    its own. So a forward of a thread that did not enter has them too while another is inside; a
    thread that wants the base model enters as well, with None for every row.

    Args:
        model: A model that `inject` wrapped.
        names: One task or None per row; rows may share a task.
        source: Where coefficients come from; default is the model's resident tasks. With
            `TrainableTasks` the rows are part of the autograd graph: enter once per step.

    Raises:
        StoreError: The model has no Share layers, or a task is unknown.
    """
    serving = _wrapped_layers(model)[0]._serving  # noqa: SLF001 - own class
    with serving.lock:
        outer = serving.batch
        serving.batch = _make_batch(_share_layers(model), names, source or serving.table)
        try:
            yield
        finally:
            serving.batch = outer


def _make_batch(
    layers: Mapping[str, ShareLinear], names: Sequence[str | None], source: TaskSource
) -> _Batch | None:
    """Gather every row's coefficients and lay them beside each layer's basis."""
    active = [row for row, name in enumerate(names) if name is not None]
    if not active:
        return None
    layout, rows = source.gather([name for name in names if name is not None])
    bases = [layer.basis_a for layer in layers.values()]
    if len({(basis.dtype, basis.device) for basis in bases}) == 1:
        rows = rows.to(bases[0])  # at once, instead of two small casts a layer
    views = zip(layers.items(), layout.views(rows), strict=True)
    operands = [
        _operands(layer, coefficients, source.directions(name))
        for (name, layer), coefficients in views
    ]
    index = None
    if len(active) < len(names):
        index = torch.tensor(active).to(operands[0].basis_a.device, non_blocking=True)
    return _Batch(len(names), index, operands)


def _operands(
    layer: ShareLinear,
    coefficients: tuple[Tensor, Tensor],
    extra: tuple[Tensor, Tensor] | None,
) -> _Operands:
    """Return a layer's operands on its own device; extra directions lie behind the basis."""
    basis_a, basis_b = layer.basis_a, layer.basis_b
    if extra is not None:
        basis_a = torch.cat([basis_a, extra[0].to(basis_a)], 1)
        basis_b = torch.cat([basis_b, extra[1].to(basis_b)], 1)
    coef_a, coef_b = (coef.to(basis_a) for coef in coefficients)
    return _Operands(basis_a, coef_a, coef_b, basis_b.mT)


def _wrapped_layers(model: nn.Module) -> list[ShareLinear]:
    """Return the model's Share layers; StoreError when it has none."""
    layers = list(_share_layers(model).values())
    if not layers:
        raise StoreError("the model has no Share layers; inject(model, subspace) first")
    return layers


def _share_layers(model: nn.Module) -> dict[str, ShareLinear]:
    """Return the model's Share layers by module name, in the order of the task layout."""
    found = {
        name: module for name, module in model.named_modules() if isinstance(module, ShareLinear)
    }
    return dict(sorted(found.items(), key=lambda item: item[1]._number))  # noqa: SLF001 - own class


def _features(layer: nn.Module) -> tuple[int, int]:
    """Return (in_features, out_features) of anything that has them."""
    return int(layer.in_features), int(layer.out_features)  # type: ignore[arg-type]


def _check_fits(name: str, module: nn.Module | None, basis: ModuleBasis) -> None:
    """Raise StoreError unless `module` is a linear layer of the basis's shape."""
    if module is None:
        raise StoreError(f"the model has no module {name!r}; was the basis made for another model?")
    if not hasattr(module, "in_features") or not hasattr(module, "out_features"):
        raise StoreError(f"{name} is a {type(module).__name__}, expected a linear layer")
    got, expected = _features(module), (basis.basis_a.shape[0], basis.basis_b.shape[0])
    if got != expected:
        raise StoreError(
            f"{name} does not fit its basis: the layer maps {got[0]} to {got[1]} features, "
            f"the basis {expected[0]} to {expected[1]}"
        )


def _place_of(layer: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Return the device of a layer and its floating dtype (float32 where weights are packed)."""
    tensors = [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
    device = tensors[0].device if tensors else torch.device("cpu")
    dtypes = [tensor.dtype for tensor in tensors if tensor.dtype in _FLOATING]
    return device, dtypes[0] if dtypes else torch.float32


_FLOATING = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
