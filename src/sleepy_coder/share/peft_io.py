"""PEFT LoRA adapters in, one tensor at a time, and tasks out as PEFT adapters of rank p.

In: `adapter_config.json` is honoured as PEFT does (rank_pattern, alpha_pattern, use_rslora,
layers_to_transform; fan_in_fan_out concerns only the base weight's layout, not the factors). What
has no low-rank form or needs changed base weights is refused with the reason.

Out: `alpha = rank`, so the scaling is 1 whatever a reader does with it, and `target_modules` are
full names, so that exactly those modules are adapted. vLLM (`--enable-lora`) reads the same files;
it needs `--max-lora-rank` of at least p, which matters only for p > 16.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors.torch import save_file

from sleepy_coder.errors import StoreError
from sleepy_coder.share.files import (
    PICKLE_SUFFIXES,
    DirectoryKind,
    TensorFile,
    TensorHeader,
    check_finite,
    check_task_name,
    read_json,
    replaced_directory,
    sha256_of,
)
from sleepy_coder.share.peft_config import PeftConfig, parse_config
from sleepy_coder.share.subspace import LoraModule, LoraShape
from sleepy_coder.share.tasks import find_task, lora_factors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleepy_coder.share.subspace import Subspace

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
PROVENANCE_FILE = "provenance.json"
ADAPTER = DirectoryKind("a PEFT adapter", CONFIG_FILE, (CONFIG_FILE, WEIGHTS_FILE, PROVENANCE_FILE))
_KEY = re.compile(
    r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<side>[AB])(?:\.[^.]+)?\.weight"
)


class _Entry(NamedTuple):
    """One module's tensors in the file."""

    key_a: str
    key_b: str
    shape: LoraShape


class PeftAdapter:
    """A PEFT LoRA adapter on disk (an `InPlaceSource`); tensors are read when asked for.

    Args:
        path: Directory with `adapter_config.json` and `adapter_model.safetensors`.
        name: The task's name; default is the directory's.

    Raises:
        StoreError: The adapter is incomplete, malformed or of a kind that is refused.
    """

    def __init__(self, path: Path | str, name: str | None = None) -> None:
        path = Path(path)
        self._path = path
        # By a link's own name: so adapters whose folders are called alike can be told apart.
        self.name = check_task_name(Path(os.path.abspath(path)).name if name is None else name)  # noqa: PTH100
        where = f"{self.name}/{CONFIG_FILE}"
        self._config = parse_config(read_json(path / CONFIG_FILE, where), where)
        if not (path / WEIGHTS_FILE).is_file():
            pickles = [
                file.name for file in path.glob("adapter_model*") if file.suffix in PICKLE_SUFFIXES
            ]
            reason = f"{pickles[0]} is a pickle, which can run code" if pickles else "it is missing"
            raise StoreError(f"{self.name}: expected {WEIGHTS_FILE}, but {reason}; save it as such")
        self._file = TensorFile(path / WEIGHTS_FILE)
        try:
            self._modules = _index_modules(self._file.header, self._config)
        except StoreError as error:
            raise StoreError(f"{self.name}: {error}") from None

    @property
    def base_model(self) -> str:
        """Return the base model that the config names, or an empty string."""
        return self._config.base_model

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Return where the adapter came from, as its maker wrote it down, or nothing."""
        path = self._path / PROVENANCE_FILE
        return read_json(path) if path.is_file() else {}

    @property
    def sha256(self) -> str:
        """Return the hash of its weights, its config and its provenance."""
        names = (WEIGHTS_FILE, CONFIG_FILE, PROVENANCE_FILE)
        found = [sha256_of(self._path / name) for name in names if (self._path / name).is_file()]
        return hashlib.sha256("".join(found).encode()).hexdigest()

    def module_names(self) -> tuple[str, ...]:
        """Return the adapted modules, as the base model names them, in the file's order."""
        return tuple(self._modules)

    def load_module(self, name: str) -> LoraModule:
        """Return one module's factors and scaling, read now.

        Raises:
            StoreError: The adapter does not have the module.
        """
        entry = self._modules.get(name)
        if entry is None:
            raise StoreError(f"{self.name}: has no LoRA for module {name!r}")
        a, b = self._file.read(entry.key_a), self._file.read(entry.key_b)
        return LoraModule(a=a, b=b, scaling=entry.shape.scaling)

    def module_shape(self, name: str) -> LoraShape:
        """Return the shapes of one module's factors, without reading them."""
        return self._modules[name].shape

    def read_module(self, name: str, a: memoryview, b: memoryview) -> None:
        """Read one module's factors into as many bytes as `A` (r, d) and `B` (n, r) have."""
        entry = self._modules[name]
        self._file.read_into(((entry.key_a, a), (entry.key_b, b)))


@functools.lru_cache(maxsize=8)
def _index_modules(header: TensorHeader, config: PeftConfig) -> Mapping[str, _Entry]:
    """Return an adapter's modules, the tensors' shapes checked against the config.

    Adapters of one kind have header and config in common; the work is done once for all of them.
    """
    sides: dict[str, dict[str, str]] = {}
    for key in header.entries:
        match = _KEY.fullmatch(key)
        if match is None:
            advice = "embeddings, biases and whole modules are refused"
            if ".base_layer." in key:
                advice = "PEFT saved the base model's own weights beside it; save the adapter with "
                advice += "save_embedding_layers=False"
            raise StoreError(f"tensor {key[:200]!r} is no LoRA factor of a linear layer ({advice})")
        if config.includes(match["module"]):
            keys = sides.setdefault(match["module"], {})
            if match["side"] in keys:
                raise StoreError(f"module {match['module']} has lora_{match['side']} twice")
            keys[match["side"]] = key
    if not sides:
        raise StoreError(f"{WEIGHTS_FILE} has no LoRA factors")
    return {module: _index_module(header, config, module, sides[module]) for module in sides}


def _index_module(
    header: TensorHeader, config: PeftConfig, module: str, keys: Mapping[str, str]
) -> _Entry:
    """Return where one module's factors are, and their shapes."""
    if set(keys) != {"A", "B"}:
        raise StoreError(f"module {module} has lora_{min(keys)} only")
    rank, scaling = config.scaling(module)
    a, b = header.entries[keys["A"]], header.entries[keys["B"]]
    if not (a.dtype.is_floating_point and b.dtype.is_floating_point):
        raise StoreError(f"module {module} has factors of {a.dtype} and {b.dtype}, not of floats")
    is_matrix = len(a.shape) == len(b.shape) == 2  # noqa: PLR2004 - matrices
    if not is_matrix or a.shape[0] != rank or b.shape[1] != rank:
        raise StoreError(
            f"module {module} has factors {a.shape} and {b.shape}, expected "
            f"({rank}, inputs) and (outputs, {rank}) by {CONFIG_FILE}"
        )
    return _Entry(keys["A"], keys["B"], LoraShape(a.shape, b.shape, a.dtype, b.dtype, scaling))


def find_adapters(path: Path | str) -> list[PeftAdapter]:
    """Return the adapter in a directory, or those in its subdirectories, sorted by name.

    Raises:
        StoreError: There is none, or one of them is refused.
    """
    path = Path(path)
    if (path / CONFIG_FILE).is_file():
        return [PeftAdapter(path)]
    # A hidden folder is what a writer that was killed left behind.
    configs = [each for each in path.glob(f"*/{CONFIG_FILE}") if each.parent.name[0] != "."]
    found = [PeftAdapter(config.parent) for config in sorted(configs)]
    if not found:
        raise StoreError(f"{path}: neither a PEFT adapter nor a folder of them ({CONFIG_FILE})")
    return found


def save_peft(
    subspace: Subspace,
    task: str,
    path: Path | str,
    *,
    base_model: str = "",
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write one task as a PEFT LoRA adapter; the directory appears whole or not at all.

    `A = (basis_a @ coef_a).T`, `B = basis_b @ coef_b`: the layer's ΔW up to rounding to `dtype`.

    Args:
        subspace: Holds the task.
        task: Its name.
        path: Directory to write or replace.
        base_model: Written to the config for readers that look it up.
        dtype: Of the factors.

    Raises:
        InputError: There is no such task.
        StoreError: Something that is not a PEFT adapter is at `path`.
    """
    modules = find_task(subspace, task)
    factors = {module: lora_factors(subspace, task, module) for module in modules}
    save_factors(factors, path, base_model=base_model, dtype=dtype)


def save_factors(
    factors: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    path: Path | str,
    *,
    base_model: str = "",
    dtype: torch.dtype = torch.float32,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write (n, r) and (d, r) by module, `ΔW = first @ second.T`, as a PEFT adapter.

    Args:
        factors: By module name.
        path: Directory to write or replace.
        base_model: Written to the config for readers that look it up.
        dtype: Of the factors.
        provenance: Where the adapter came from, in a file of its own that PEFT does not read.

    Raises:
        StoreError: Something that is not a PEFT adapter is at `path`.
    """
    tensors: dict[str, torch.Tensor] = {}
    for module, (left, right) in factors.items():
        prefix = f"base_model.model.{module}"
        tensors[f"{prefix}.lora_A.weight"] = right.T.to("cpu", dtype).contiguous()
        tensors[f"{prefix}.lora_B.weight"] = left.to("cpu", dtype).contiguous()
    check_finite(tensors)
    ranks = {module: left.shape[1] for module, (left, _) in factors.items()}
    with replaced_directory(Path(path), ADAPTER) as directory:
        save_file(tensors, directory / WEIGHTS_FILE, metadata={"format": "pt"})
        config = json.dumps(render_config(ranks, base_model), indent=2)
        (directory / CONFIG_FILE).write_text(config + "\n", encoding="utf-8")
        if provenance is not None:
            text = json.dumps(provenance, indent=2)
            (directory / PROVENANCE_FILE).write_text(text + "\n", encoding="utf-8")


def render_config(ranks: Mapping[str, int], base_model: str) -> dict[str, Any]:
    """Return the adapter_config.json of an adapter with these ranks by module name."""
    rank = max(ranks.values(), default=1)
    others = {module: other for module, other in ranks.items() if other != rank}
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_model,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": rank,
        "rank_pattern": others,
        "alpha_pattern": others,
        "target_modules": sorted(ranks),
        "bias": "none",
        "lora_dropout": 0.0,
        "fan_in_fan_out": False,
        "use_rslora": False,
        "use_dora": False,
        "modules_to_save": None,
    }
