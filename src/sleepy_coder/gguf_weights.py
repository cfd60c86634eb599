"""Read a GGUF file and write it once as an ordinary Hugging Face model directory.

The metadata holds configuration, vocabulary and chat template; the tensors are dequantized to
bfloat16. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3). Only the
`qwen2` architecture is read, whose tensors need no permutation.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleepy_coder.errors import WeightsError

if TYPE_CHECKING:
    import torch

# struct codes of GGUF's scalar metadata types, by type number; 8 is a string, 9 an array.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}
_SCALARS[12] = "d"
_STRING = 8
_ARRAY = 9
_DEFAULT_ALIGNMENT = 32
_CONTROL_TOKEN = 3
_MOST_THREADS = 8  # each holds a tensor in float32

_TOP_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


@dataclass(frozen=True)
class TensorEntry:
    """One tensor of a GGUF file: where it lies and how it is packed.

    Attributes:
        shape: As torch has it, outermost dimension first (GGUF stores the reverse).
        kind: ggml's type number.
        byte_start: From the beginning of the file.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    byte_start: int


@dataclass(frozen=True)
class GgufHeader:
    """The metadata and the table of tensors of a GGUF file."""

    metadata: dict[str, Any]
    tensors: tuple[TensorEntry, ...]


class _Reader:
    """Walks over the header; every `read_` method moves on past what it returns."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.position = 0

    def read_scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from("<" + code, self._data, self.position)
        self.position += struct.calcsize("<" + code)
        return value

    def read_string(self) -> str:
        length = self.read_scalar("Q")
        self.position += length
        if self.position > len(self._data):
            raise struct.error("string runs past the end")
        return self._data[self.position - length : self.position].decode("utf-8")

    def read_value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.read_string()
        if kind == _ARRAY:
            item_kind, length = self.read_scalar("I"), self.read_scalar("Q")
            return [self.read_value(item_kind) for _ in range(length)]
        return self.read_scalar(_SCALARS[kind])


def read_header(path: Path) -> GgufHeader:
    """Return the metadata and the tensor table of a GGUF file; a second for a 150k vocabulary.

    Raises:
        WeightsError: The file is not GGUF, or its header is cut off.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise WeightsError(f"{path} is not a GGUF file: it does not begin with 'GGUF'")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _read_header(_Reader(data))
            except (struct.error, KeyError, UnicodeDecodeError) as error:
                raise WeightsError(
                    f"{path} has a damaged GGUF header ({error}); fetch it again"
                ) from error


def _read_header(reader: _Reader) -> GgufHeader:
    reader.position = 8  # magic and version
    num_tensors, num_fields = reader.read_scalar("Q"), reader.read_scalar("Q")
    metadata = {}
    for _ in range(num_fields):
        key = reader.read_string()
        metadata[key] = reader.read_value(reader.read_scalar("I"))
    entries = []
    for _ in range(num_tensors):
        name = reader.read_string()
        shape = tuple(reader.read_scalar("Q") for _ in range(reader.read_scalar("I")))[::-1]
        entries.append((name, shape, reader.read_scalar("I"), reader.read_scalar("Q")))
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    data_start = math.ceil(reader.position / alignment) * alignment
    tensors = (TensorEntry(n, shape, kind, data_start + at) for n, shape, kind, at in entries)
    return GgufHeader(metadata, tuple(tensors))


def load_tensors(path: Path, header: GgufHeader) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield each tensor under its Hugging Face name, dequantized to bfloat16.

    Raises:
        WeightsError: The file ends before its tensors do, or holds one this reader does not know.
    """
    import numpy as np
    import torch
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
    from gguf.quants import dequantize

    data = np.memmap(path, mode="r", dtype=np.uint8)

    def load(entry: TensorEntry) -> tuple[str, torch.Tensor]:
        kind = GGMLQuantizationType(entry.kind)
        block_size, block_bytes = GGML_QUANT_SIZES[kind]
        num_bytes = math.prod(entry.shape) // block_size * block_bytes
        if entry.byte_start + num_bytes > len(data):
            raise WeightsError(f"{path} is cut off inside {entry.name}; fetch it again")
        raw = data[entry.byte_start : entry.byte_start + num_bytes]
        rows = raw.reshape(*entry.shape[:-1], -1)
        values = dequantize(rows.view(np.float32) if kind.name == "F32" else rows, kind)
        return _hf_name(entry.name), torch.tensor(values).to(torch.bfloat16)

    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        yield from pool.map(load, header.tensors)


def _hf_name(name: str) -> str:
    if name in _TOP_NAMES:
        return _TOP_NAMES[name]
    parts = name.split(".")
    if len(parts) != 4 or parts[0] != "blk" or parts[2] not in _BLOCK_NAMES:  # noqa: PLR2004 - blk.N.part.kind
        raise WeightsError(f"unknown tensor {name!r}: expected those of the qwen2 architecture")
    return f"model.layers.{parts[1]}.{_BLOCK_NAMES[parts[2]]}.{parts[3]}"


def render_config(header: GgufHeader) -> dict[str, Any]:
    """Return what belongs in `config.json`.

    Raises:
        WeightsError: The file holds another architecture.
    """
    data = header.metadata
    architecture = data.get("general.architecture")
    if architecture != "qwen2":
        raise WeightsError(
            f"GGUF architecture {architecture!r} is not supported, expected 'qwen2'; "
            "use a Hugging Face directory or hub id for this model"
        )
    num_layers = data["qwen2.block_count"]
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "vocab_size": len(data["tokenizer.ggml.tokens"]),
        "hidden_size": data["qwen2.embedding_length"],
        "intermediate_size": data["qwen2.feed_forward_length"],
        "num_hidden_layers": num_layers,
        "max_window_layers": num_layers,
        "num_attention_heads": data["qwen2.attention.head_count"],
        "num_key_value_heads": data["qwen2.attention.head_count_kv"],
        "max_position_embeddings": data["qwen2.context_length"],
        "rms_norm_eps": data["qwen2.attention.layer_norm_rms_epsilon"],
        "rope_parameters": {"rope_type": "default", "rope_theta": data["qwen2.rope.freq_base"]},
        "tie_word_embeddings": all(t.name != "output.weight" for t in header.tensors),
        "use_sliding_window": False,
        "bos_token_id": data.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": data.get("tokenizer.ggml.eos_token_id"),
        "pad_token_id": data.get("tokenizer.ggml.padding_token_id"),
        "dtype": "bfloat16",
    }


def save_tokenizer(header: GgufHeader, directory: Path) -> None:
    """Write the tokenizer with its chat template in Hugging Face's form."""
    from transformers import AddedToken, Qwen2Tokenizer

    data = header.metadata
    tokens: list[str] = data["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ", 1)) for pair in data["tokenizer.ggml.merges"]]
    tokenizer = Qwen2Tokenizer(
        vocab={token: i for i, token in enumerate(tokens)},
        merges=merges,
        eos_token=tokens[data["tokenizer.ggml.eos_token_id"]],
        pad_token=tokens[data["tokenizer.ggml.padding_token_id"]],
    )
    kinds = data["tokenizer.ggml.token_type"]
    control = [t for t, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL_TOKEN]
    tokenizer.add_tokens([AddedToken(t, special=True, normalized=False) for t in control])
    tokenizer.chat_template = data["tokenizer.chat_template"]
    tokenizer.save_pretrained(directory)


def convert_gguf(path: Path, directory: Path, report: Callable[[str], None]) -> None:
    """Write a GGUF file as a Hugging Face model directory (bfloat16 safetensors).

    The directory must exist; the caller makes it whole at once by renaming it.
    """
    from safetensors.torch import save_file

    header = read_header(path)
    config = render_config(header)
    report(f"dequantizing {path.name} once into the cache")
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    save_tokenizer(header, directory)
    tensors = dict(load_tensors(path, header))
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
