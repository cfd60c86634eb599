"""Adapters in memory and float64 references for the tests of the Share library."""

import json
from dataclasses import dataclass, field

import torch
from safetensors.torch import save_file
from torch import Tensor

from sleepy_coder.share.peft_io import PeftAdapter
from sleepy_coder.share.subspace import LoraModule

SHAPES = {"model.q_proj": (24, 20), "model.up_proj": (40, 20)}  # (outputs, inputs) by module


@dataclass(frozen=True)
class MemoryAdapter:
    """An AdapterSource that holds its modules and counts how often each was read."""

    name: str
    modules: dict[str, LoraModule]
    reads: list[str] = field(default_factory=list)

    def module_names(self) -> tuple[str, ...]:
        return tuple(self.modules)

    def load_module(self, name: str) -> LoraModule:
        self.reads.append(name)
        return self.modules[name]


def random_adapter(
    name, seed, *, rank=3, scaling=1.0, shapes=None, dtype=torch.float32, within=None
) -> MemoryAdapter:
    """Return an adapter of random factors; ``within`` restricts them to bases by module."""
    generator = torch.Generator().manual_seed(seed)

    def draw(rows: int, basis: Tensor | None) -> Tensor:
        if basis is None:
            return torch.randn((rows, rank), generator=generator, dtype=torch.float64)
        shape = (basis.shape[1], rank)
        return basis.double() @ torch.randn(shape, generator=generator, dtype=torch.float64)

    modules = {}
    for module, (n, d) in (shapes or SHAPES).items():
        bases = (within[module].basis_b, within[module].basis_a) if within else (None, None)
        b, a = draw(n, bases[0]), draw(d, bases[1])
        modules[module] = LoraModule(a.T.contiguous().to(dtype), b.to(dtype), scaling)
    return MemoryAdapter(name, modules)


def dense(adapter, module) -> Tensor:
    """Return an adapter's ΔW in float64."""
    lora = adapter.modules[module]
    return lora.scaling * lora.b.double() @ lora.a.double()


def stacked(adapters, module) -> tuple[Tensor, Tensor]:
    """Return all B columns, scaling folded in, and all A columns, in float64."""
    loras = [adapter.modules[module] for adapter in adapters]
    b = torch.cat([lora.scaling * lora.b.double() for lora in loras], dim=1)
    return b, torch.cat([lora.a.double().T for lora in loras], dim=1)


def leading(columns, count) -> Tensor:
    """Return the exact leading left singular vectors, float64."""
    return torch.linalg.svd(columns.double(), full_matrices=False)[0][:, :count]


def projector(basis) -> Tensor:
    """Return ``basis @ basis.T`` in float64: what a subspace is, whatever basis it has."""
    return basis.double() @ basis.double().T


def relative(got, expected) -> float:
    """Return ``||got - expected|| / ||expected||``."""
    return float((got.double() - expected.double()).norm() / expected.double().norm())


class WholeFactors:
    """An adapter that can only be loaded, whatever it wraps."""

    def __init__(self, adapter):
        self.name, self.module_names = adapter.name, adapter.module_names
        self.load_module = adapter.load_module


def write_adapters(folder, ranks, alphas, dtypes, shape):
    """Write PEFT adapters of module "m", (outputs, inputs), in subfolders t0, t1, ..."""
    outputs, inputs = shape
    generator = torch.Generator().manual_seed(0)
    for number, (rank, alpha, dtype) in enumerate(zip(ranks, alphas, dtypes, strict=True)):
        path = folder / f"t{number}"
        path.mkdir()
        a = torch.randn(rank, inputs, generator=generator).to(dtype)
        b = torch.randn(outputs, rank, generator=generator).to(dtype)
        save_file({"m.lora_A.weight": a, "m.lora_B.weight": b}, path / "adapter_model.safetensors")
        config = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "target_modules": ["m"]}
        (path / "adapter_config.json").write_text(json.dumps(config))
    return [PeftAdapter(folder / f"t{number}") for number in range(len(ranks))]
