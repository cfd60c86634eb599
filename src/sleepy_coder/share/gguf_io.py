"""A task as a GGUF LoRA adapter: the file that llama.cpp's `convert_lora_to_gguf.py` would write.

llama.cpp (and Ollama) apply `alpha / rank` of each tensor; here every module is padded by zeros to
one rank and alpha is that rank, so the scaling is 1. The converter knows one alpha for all modules
(no rank_pattern, alpha_pattern or use_rslora), so that a task whose p differs between modules must
be exported here. It reorders the rows of q and k for the `llama` architecture (interleaved rotary
embedding); Qwen2 and Qwen3 keep their order.

Differs: names of the task and of the base model are those given, not made of a folder's.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
import torch

from sleepy_coder.errors import StoreError
from sleepy_coder.share.files import check_finite
from sleepy_coder.share.tasks import find_task, lora_factors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from sleepy_coder.share.subspace import Subspace

_LAYER = re.compile(r"\.layers\.(\d+)\.")


@dataclass(frozen=True)
class _Architecture:
    """A model type of transformers in GGUF's terms."""

    arch: gguf.MODEL_ARCH
    permutes_heads: bool


_ARCHITECTURES = {
    "llama": _Architecture(gguf.MODEL_ARCH.LLAMA, permutes_heads=True),
    "mistral": _Architecture(gguf.MODEL_ARCH.LLAMA, permutes_heads=True),
    "qwen2": _Architecture(gguf.MODEL_ARCH.QWEN2, permutes_heads=False),
    "qwen3": _Architecture(gguf.MODEL_ARCH.QWEN3, permutes_heads=False),
}
_MAGIC = b"GGUF"
_DTYPES = (torch.float32, torch.float16)


def save_gguf(
    subspace: Subspace,
    task: str,
    path: Path | str,
    *,
    config: Mapping[str, Any],
    dtype: torch.dtype = torch.float32,
    base_model: str = "",
) -> None:
    """Write one task as a GGUF LoRA adapter; the file appears whole or not at all.

    Args:
        subspace: Holds the task.
        task: Its name; becomes `general.name`.
        path: File to write or replace; its directory is made where it is missing.
        config: The base model's `config.json`: `model_type`, and for llama and mistral
            `num_attention_heads` and `num_key_value_heads`.
        dtype: float32 or float16.
        base_model: Name of the base model, for information.

    Raises:
        InputError: There is no such task.
        StoreError: The architecture or a module has no GGUF name here, or something that is no
            GGUF file is at `path`.
    """
    kind = _ARCHITECTURES.get(str(config.get("model_type")))
    if kind is None:
        raise StoreError(
            f"no GGUF names for model_type {config.get('model_type')!r}: expected one of "
            f"{', '.join(_ARCHITECTURES)}; export to PEFT and use llama.cpp's converter"
        )
    if dtype not in _DTYPES:
        raise StoreError(f"GGUF adapters are written as float32 or float16, got {dtype}")
    tensors: list[tuple[str, Tensor]] = []
    modules = find_task(subspace, task)
    rank = max((entry.coef_a.shape[1] for entry in modules.values()), default=1)
    names = gguf.get_tensor_name_map(kind.arch, _num_layers(modules))
    for module in modules:
        name = names.get_name(module)
        if name is None:
            raise StoreError(f"module {module!r} has no GGUF name in {config['model_type']}")
        left, right = lora_factors(subspace, task, module)
        if kind.permutes_heads and module.endswith(("q_proj", "k_proj")):
            left = permute_heads(left, _check_heads(left, config, module))
        pad = (0, rank - left.shape[1])
        tensors.append((f"{name}.weight.lora_a", torch.nn.functional.pad(right, pad).T))
        tensors.append((f"{name}.weight.lora_b", torch.nn.functional.pad(left, pad)))
    path = Path(path)
    if path.is_dir():
        raise StoreError(f"{path} is a directory; give the name of a file to write")
    if path.exists() and not _is_gguf(path):
        raise StoreError(f"{path} exists and is no GGUF file; choose another place or remove it")
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = gguf.GGUFWriter(part, gguf.MODEL_ARCH_NAMES[kind.arch])
        _write(writer, tensors, task=task, base_model=base_model, rank=rank, dtype=dtype)
        part.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):  # where the place itself cannot be entered
            part.unlink(missing_ok=True)


def _is_gguf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def permute_heads(rows: Tensor, num_heads: int) -> Tensor:
    """Return (n, p) rows in the order llama.cpp's rotary embedding wants for `llama` models.

    Transformers keeps the two halves of each head one after the other; GGUF interleaves them.
    """
    halves = rows.reshape(num_heads, 2, rows.shape[0] // num_heads // 2, rows.shape[1])
    return halves.transpose(1, 2).reshape(rows.shape)


def _num_layers(modules: Mapping[str, Any]) -> int:
    """Return one more than the highest layer number in the modules' names."""
    found = [_LAYER.search(f".{module}") for module in modules]
    return 1 + max((int(match[1]) for match in found if match), default=0)


def _num_heads(config: Mapping[str, Any], module: str) -> int:
    """Return how many heads the module's rows are split into."""
    heads = config.get("num_attention_heads")
    if module.endswith("k_proj"):
        heads = config.get("num_key_value_heads", heads)
    if not isinstance(heads, int) or heads < 1:
        raise StoreError(f"config: number of heads for {module} is {heads!r}, expected an integer")
    return heads


def _check_heads(left: Tensor, config: Mapping[str, Any], module: str) -> int:
    """Return how many heads the rows are split into, of the size that the config says."""
    heads, hidden = _num_heads(config, module), config.get("hidden_size")
    size = config.get("head_dim")
    if not size and isinstance(hidden, int):
        size = hidden // _num_heads(config, "q_proj")
    rows = left.shape[0]
    if rows % (2 * heads) or (size and rows != heads * size):
        raise StoreError(
            f"module {module} has {rows} outputs, which are not the config's {heads} heads of "
            f"{size or 'an even size'}; give the config.json of the store's base model"
        )
    return heads


def _write(
    writer: gguf.GGUFWriter,
    tensors: list[tuple[str, Tensor]],
    *,
    task: str,
    base_model: str,
    rank: int,
    dtype: torch.dtype,
) -> None:
    """Write the metadata and tensors that llama.cpp's converter writes."""
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_name(task)
    if base_model:
        writer.add_base_model_count(1)
        writer.add_base_model_name(0, base_model)
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(rank))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    check_finite(dict(tensors), dtype)
    for name, tensor in tensors:
        writer.add_tensor(name, np.ascontiguousarray(tensor.detach().cpu().to(dtype).numpy()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
