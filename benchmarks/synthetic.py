"""Synthetic LoRA adapters in PEFT's format, shaped like those of Qwen2.5-Coder-1.5B.

Every module has 24 directions that all adapters share (weights falling from 1 to 0.4), and noise
with 15 % of the energy. The kinds differ in what else the columns have in common:

- ``mean``: a mean over all columns with 10 % of the energy;
- ``no-mean``: nothing;
- ``common-init``: all A factors start from one random matrix, as adapters trained from one seed do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, get_args

import torch
from safetensors.torch import save_file
from torch import Tensor

Kind = Literal["mean", "no-mean", "common-init"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HIDDEN, KEY_VALUE, MLP = 1536, 256, 8960
PROJECTIONS = {  # (outputs, inputs)
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (KEY_VALUE, HIDDEN),
    "self_attn.v_proj": (KEY_VALUE, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (MLP, HIDDEN),
    "mlp.up_proj": (MLP, HIDDEN),
    "mlp.down_proj": (HIDDEN, MLP),
}
NUM_LAYERS = 28
RANK = 8
SCALING = 2.0
SHARED = 24
NOISE_FRAC = 0.15
MEAN_FRAC = 0.10


def module_shapes(target: str, num_layers: int = NUM_LAYERS) -> dict[str, tuple[int, int]]:
    """Return (outputs, inputs) by module; ``target`` is "full" or "attn" (q, k, v, o)."""
    return {
        f"model.layers.{layer}.{name}": shape
        for layer in range(num_layers)
        for name, shape in PROJECTIONS.items()
        if target == "full" or name.startswith("self_attn")
    }


class Factory:
    """Draws adapters; what they share is drawn once."""

    def __init__(self, kind: Kind, shapes: dict[str, tuple[int, int]], seed: int = 0) -> None:
        self.kind = kind
        self.shapes = shapes
        self._generator = torch.Generator().manual_seed(seed)
        weights = torch.linspace(1.0, 0.4, SHARED)
        self._weights = weights / weights.square().sum().sqrt()
        self._shared = {
            module: tuple(self._normal(rows, SHARED) for rows in shape)
            for module, shape in shapes.items()
        }
        self._common = {
            module: (self._normal(shape[0], 1), self._normal(shape[1], RANK))
            for module, shape in shapes.items()
        }

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._generator)

    def draw(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Return the next adapter: B (n, r) and A (r, d) by module."""
        return {module: self._draw_module(module) for module in self.shapes}

    def _draw_module(self, module: str) -> tuple[Tensor, Tensor]:
        mean_frac = MEAN_FRAC if self.kind == "mean" else 0.0
        sides = []
        for shared in self._shared[module]:
            core = self._weights[:, None] * self._normal(SHARED, RANK)
            columns = (1.0 - NOISE_FRAC - mean_frac) ** 0.5 * (shared @ core)
            columns += NOISE_FRAC**0.5 * self._normal(shared.shape[0], RANK)
            if self.kind == "mean":
                columns += mean_frac**0.5 * self._mean(module, shared.shape[0])
            sides.append(columns / 100)
        b, a = sides
        if self.kind == "common-init":
            a = 0.5 * a + 0.5 * self._common[module][1] / 100
        return b.contiguous(), a.T.contiguous()

    def _mean(self, module: str, rows: int) -> Tensor:
        mean_b, common_a = self._common[module]
        return mean_b if rows == self.shapes[module][0] else common_a[:, :1]


def write_adapters(
    folder: Path, kind: Kind, count: int, shapes: dict[str, tuple[int, int]], seed: int = 0
) -> list[Path]:
    """Write ``count`` adapters as PEFT does, one folder each, and return the folders."""
    factory = Factory(kind, shapes, seed)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "synthetic",
        "r": RANK,
        "lora_alpha": int(SCALING * RANK),
        "target_modules": sorted({module.rsplit(".", 1)[1] for module in shapes}),
    }
    paths = []
    for number in range(count):
        path = folder / f"task{number:04d}"
        path.mkdir(parents=True)
        tensors = {}
        for module, (b, a) in factory.draw().items():
            tensors[f"base_model.model.{module}.lora_B.weight"] = b
            tensors[f"base_model.model.{module}.lora_A.weight"] = a
        save_file(tensors, path / "adapter_model.safetensors")
        (path / "adapter_config.json").write_text(json.dumps(config))
        paths.append(path)
    return paths
