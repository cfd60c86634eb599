"""What can be wrong with a store that loads: bases not orthonormal, shapes of another model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch

from sleepy_coder.errors import StoreError
from sleepy_coder.share.analysis import basis_defects
from sleepy_coder.share.tasks import check_coefficients

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sleepy_coder.share.subspace import Subspace

# How far max |QᵀQ - I| may be from zero: a few roundings of the basis's dtype.
_ORTHONORMAL_WITHIN = {
    torch.float64: 1e-6,
    torch.float32: 1e-4,
    torch.float16: 5e-3,
    torch.bfloat16: 3e-2,
}
_LAYER = re.compile(r"(?:^|\.)layers\.([0-9]{1,1000})\.")
# Model types of transformers, and all the linear layers that a model of theirs has.
_NAMED_TYPES = frozenset({"llama", "mistral", "qwen2", "qwen3"})
_NAME = re.compile(
    r"(?:model\.)?layers\.(?:0|[1-9][0-9]{0,999})\."
    r"(?:self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj)|lm_head"
)


def check_subspace(subspace: Subspace, config: Mapping[str, Any] | None = None) -> list[str]:
    """Return what is wrong with a subspace, one line a finding; empty when all is well.

    Checked: finite values, orthonormal bases, coefficients that fit their bases and, given the base
    model's `config.json` where the layers of its type are known (`knows_names`), module names,
    shapes and layer numbers.

    Args:
        subspace: Bases and tasks.
        config: The base model's `config.json`, or None.

    Raises:
        StoreError: A field of the config is missing or no positive integer.
    """
    findings = []
    for module, basis in subspace.bases.items():
        for side, tensor in (("a", basis.basis_a), ("b", basis.basis_b)):
            if not bool(torch.isfinite(tensor).all()):
                findings.append(f"{module}: basis_{side} has non-finite values")
    for module, defects in basis_defects(subspace).items():
        limit = _ORTHONORMAL_WITHIN.get(subspace.bases[module].basis_a.dtype, 0.0)
        if not max(defects.a, defects.b) <= limit:
            findings.append(
                f"{module}: basis is not orthonormal: off by {max(defects.a, defects.b):.2g}, "
                f"expected at most {limit:.2g}"
            )
    for name, task in subspace.tasks.items():
        for module, entry in task.items():
            try:
                check_coefficients(subspace, name, module, entry)
            except StoreError as error:
                findings.append(str(error))
    if config is not None and knows_names(config):
        findings += _check_shapes(subspace, config)
    return findings


def knows_names(config: Mapping[str, Any]) -> bool:
    """Return whether the names of all linear layers of the config's model are known here."""
    return str(config.get("model_type")) in _NAMED_TYPES


def _check_shapes(subspace: Subspace, config: Mapping[str, Any]) -> list[str]:
    """Return the modules whose name, shape or layer number the base model does not have."""
    shapes, num_layers = module_shapes(config), _size(config, "num_hidden_layers")
    findings = []
    for module, basis in subspace.bases.items():
        if not _NAME.fullmatch(module):
            findings.append(f"{module}: a {config['model_type']} model has no layer of this name")
            continue
        layer = _LAYER.search(module)
        if layer and int(layer[1]) >= num_layers:
            findings.append(f"{module}: the model has {num_layers} layers only")
        expected = shapes.get(module.rsplit(".", 1)[-1])
        got = (basis.basis_b.shape[0], basis.basis_a.shape[0])
        if expected and got != expected:
            findings.append(
                f"{module}: basis is for (outputs, inputs) {got}, the model has {expected}"
            )
    return findings


def module_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Return (outputs, inputs) by the last part of the name, for Llama-like models.

    Args:
        config: A `config.json` with `hidden_size`, `num_attention_heads` and so on.

    Raises:
        StoreError: A field is missing or no positive integer.
    """
    hidden, inner = _size(config, "hidden_size"), _size(config, "intermediate_size")
    heads = _size(config, "num_attention_heads")
    head = _size(config, "head_dim") if config.get("head_dim") else hidden // heads
    kv_heads = _size(config, "num_key_value_heads") if config.get("num_key_value_heads") else heads
    vocabulary = _size(config, "vocab_size") if config.get("vocab_size") else None
    shapes = {
        "q_proj": (heads * head, hidden),
        "k_proj": (kv_heads * head, hidden),
        "v_proj": (kv_heads * head, hidden),
        "o_proj": (hidden, heads * head),
        "gate_proj": (inner, hidden),
        "up_proj": (inner, hidden),
        "down_proj": (hidden, inner),
    }
    return {**shapes, "lm_head": (vocabulary, hidden)} if vocabulary else shapes


def _size(config: Mapping[str, Any], key: str) -> int:
    if key not in config:
        raise StoreError(f"config: {key} is missing, expected a positive integer")
    value = config[key]
    if type(value) is not int or value < 1:
        raise StoreError(f"config: {key} is {str(value)[:50]!r}, expected a positive integer")
    return value
