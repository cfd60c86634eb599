"""Tasks as plain low-rank factors, resident on a model, whatever basis or adapter they come from.

Variants of one experiment differ in their bases, ranks and stages of training. As factors
``ΔW = left @ right.T`` they can all answer in one call: for row i with variant t(i)
``y_i = base(x_i) + (x_i @ right[t(i)]) @ left[t(i)].T``. Equal to serving each from its own basis
up to the rounding of one product; a row without a variant is never written to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from sleepy_coder.kv_cache import PrefixStore
from sleepy_coder.share.tasks import lora_factors

if TYPE_CHECKING:
    from sleepy_coder.model import RepairModel
    from sleepy_coder.share.subspace import AdapterSource, Subspace

# Module name -> left (n, r) and right (d, r).
Factors = Mapping[str, tuple[Tensor, Tensor]]


def factors_of_task(subspace: Subspace, task: str) -> Factors:
    """Return a task of a subspace as factors of rank p."""
    modules = subspace.tasks[task]
    return {module: lora_factors(subspace, task, module) for module in modules}


def factors_of_adapter(adapter: AdapterSource) -> Factors:
    """Return a LoRA adapter as factors, its scaling in the left one."""
    found = {name: adapter.load_module(name) for name in adapter.module_names()}
    return {name: (lora.b * lora.scaling, lora.a.T) for name, lora in found.items()}


def rank_of(factors: Factors) -> int:
    """Return the largest rank among the modules."""
    return max(left.shape[1] for left, _ in factors.values())


def digest_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of named tensors, values and names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def digest_factors(factors: Factors) -> str:
    """Return the SHA-256 of a variant."""
    sides = {f"{m}.{s}": pair[s] for m, pair in factors.items() for s in (0, 1)}
    return digest_tensors(sides)


class _Chosen(NamedTuple):
    """What one layer multiplies by in one batch; B' rows have a variant."""

    right: Tensor  # (B', d, r)
    left: Tensor  # (B', n, r)
    rows: Tensor  # (B',), their places in the batch


class _FactorLinear(nn.Module):
    """A frozen linear layer plus each row's own factors, when a batch has named them."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base
        self.chosen: _Chosen | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return (rows, tokens, n) for (rows, tokens, d)."""
        out: Tensor = self.base(x)
        if self.chosen is None:
            return out
        right, left, rows = self.chosen
        delta = torch.bmm(torch.bmm(x[rows].to(right.dtype), right), left.mT)
        return out.index_add(0, rows, delta.to(out.dtype))


class ResidentFactors:
    """Variants that rows of a batch can name.

    Args:
        model: Its target modules are wrapped, and its decoder told how to name variants, until
            `close`.
        variants: Name -> factors; smaller ranks are filled up with zeros.
    """

    def __init__(self, model: RepairModel, variants: Mapping[str, Factors]) -> None:
        self._model = model
        self._places = {name: place for place, name in enumerate(variants)}
        rank = max(map(rank_of, variants.values()))
        modules = dict.fromkeys(m for factors in variants.values() for m in factors)
        self._layers: dict[str, _FactorLinear] = {}
        self._stacks: dict[str, tuple[Tensor, Tensor]] = {}
        for module in modules:
            layer = _FactorLinear(model.hf_model.get_submodule(module))
            self._stacks[module] = _stack(module, list(variants.values()), rank, model)
            self._layers[module] = layer
            model.hf_model.set_submodule(module, layer)
        model.decoder.use_tasks = self.use

    @contextmanager
    def use(self, names: Sequence[str | None]) -> Iterator[None]:
        """Run the forwards inside with row i of the batch on variant `names[i]`, or on none."""
        active = [(row, self._places[n]) for row, n in enumerate(names) if n is not None]
        if active:
            rows, places = torch.tensor(active, device=self._model.device).unbind(1)
            for module, layer in self._layers.items():
                left, right = self._stacks[module]
                layer.chosen = _Chosen(right[places], left[places], rows)
        try:
            yield
        finally:
            for layer in self._layers.values():
                layer.chosen = None

    def close(self) -> None:
        """Put the model's own layers back, and forget what was read under these names."""
        self._model.decoder.use_tasks = None
        self._model.decoder.prefixes = PrefixStore()
        for name, layer in self._layers.items():
            self._model.hf_model.set_submodule(name, layer.base)


def _stack(
    module: str, variants: Sequence[Factors], rank: int, model: RepairModel
) -> tuple[Tensor, Tensor]:
    """Return one module's left (T, n, r) and right (T, d, r) factors on the model's device."""
    example = next(factors[module] for factors in variants if module in factors)
    sides = []
    for side in (0, 1):
        stack = torch.zeros(len(variants), example[side].shape[0], rank)
        for place, factors in enumerate(variants):
            if module in factors:
                stack[place, :, : factors[module][side].shape[1]] = factors[module][side]
        sides.append(stack.to(model.device, model.hf_model.dtype))
    return sides[0], sides[1]
