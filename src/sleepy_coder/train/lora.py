"""Ordinary LoRA for many tasks at once: every row of a batch goes through its own adapter.

The adapters of all tasks lie in one tensor (`lora_layer`), so that one optimizer step serves them
all (`optimizer.TaskAdam`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sleepy_coder.errors import StoreError
from sleepy_coder.share.peft_io import save_factors
from sleepy_coder.share.subspace import LoraModule
from sleepy_coder.train.lora_layer import LoraLayout, unwrap_layers, use_rows, wrap_layers


@dataclass(frozen=True)
class TrainedAdapter:
    """One task's adapter in memory; an `AdapterSource` for the Share library."""

    name: str
    modules: Mapping[str, LoraModule]

    def module_names(self) -> tuple[str, ...]:
        """Return the names of the target modules, as the base model names them."""
        return tuple(self.modules)

    def load_module(self, name: str) -> LoraModule:
        """Return one target module's factors."""
        return self.modules[name]

    def save(
        self, path: Path, *, base_model: str = "", provenance: Mapping[str, Any] | None = None
    ) -> None:
        """Write the adapter in PEFT's format; the directory appears whole or not at all."""
        factors = {name: (m.scaling * m.b, m.a.T) for name, m in self.modules.items()}
        save_factors(factors, path, base_model=base_model, provenance=provenance)


class LoraTasks:
    """Trainable adapters of several tasks over one model.

    A starts as Kaiming-uniform noise and B as zero, as PEFT starts them, so that the first forward
    is the base model's.

    Args:
        model: The frozen base model; its target modules are wrapped until `close`.
        names: The tasks.
        targets: Names of the last component of the modules to adapt.
        rank: r.
        lora_alpha: The scaling is lora_alpha / r.
        seed: Of the start.

    Raises:
        StoreError: No module of the model matches.
    """

    def __init__(
        self,
        model: nn.Module,
        names: Sequence[str],
        *,
        targets: Sequence[str] = ("q_proj", "k_proj", "v_proj", "o_proj"),
        rank: int = 8,
        lora_alpha: float = 16.0,
        seed: int = 0,
    ) -> None:
        found = {n: m for n, m in model.named_modules() if n.rsplit(".", 1)[-1] in targets}
        if not found:
            raise StoreError(f"the model has no modules named {', '.join(targets)}")
        shapes = {n: (int(m.in_features), int(m.out_features)) for n, m in found.items()}
        self.names = list(names)
        self.layout = LoraLayout(shapes, rank, lora_alpha / rank)
        self._model = model
        self._layers = wrap_layers(model, self.layout, found)
        device = next(model.parameters()).device
        self.rows = self._start(seed).to(device).requires_grad_()

    def _start(self, seed: int) -> Tensor:
        """Return the rows to start from; a task's follows from the seed and its name alone."""
        rows = torch.zeros(len(self.names), self.layout.width)
        for index, name in enumerate(self.names):
            digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest[:8]))
            for a, _ in self.layout.views(rows[index : index + 1]).values():
                bound = 1 / math.sqrt(a.shape[2])
                a.uniform_(-bound, bound, generator=generator)
        return rows

    def parameters(self) -> list[Tensor]:
        """Return all that an optimizer should change: adapters share nothing that is trained."""
        return [self.rows]

    def frozen(self) -> list[Tensor]:
        """Return nothing: adapters are all trained."""
        return []

    @contextmanager
    def use(self, names: Sequence[str | None]) -> Iterator[None]:
        """Run the forwards inside with row i on the adapter `names[i]`, or on none."""
        index = [None if name is None else self.names.index(name) for name in names]
        with use_rows(self._layers, self.layout, self.rows, index):
            yield

    def adapters(self, rows: Tensor | None = None) -> list[TrainedAdapter]:
        """Return each task's adapter as it is now, or as it is in a snapshot of the rows."""
        views = self.layout.views((self.rows if rows is None else rows).detach().cpu())
        return [
            TrainedAdapter(
                task,
                {
                    module: LoraModule(a=a[i].clone(), b=b[i].clone(), scaling=self.layout.scaling)
                    for module, (a, b) in views.items()
                },
            )
            for i, task in enumerate(self.names)
        ]

    def close(self) -> None:
        """Put the model's own modules back."""
        unwrap_layers(self._model, self._layers)
