"""The elementwise work of a model's layers, compiled while training lasts.

Between its products a decoder layer normalizes, rotates and gates. One eager kernel after another
reads and writes whole activations for that; torch.compile makes one of several (measured on an
H200: 38 thousand tokens a second without, 51 with, at three quarters of the memory). Products and
attention stay the libraries' own. Shapes are dynamic: batches of other sizes compile nothing anew.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import torch

_PARTS = ("mlp", "input_layernorm", "post_attention_layernorm")
_ROTARY = "apply_rotary_pos_emb"  # a function of the architecture's module in transformers


@cache
def can_fuse(device: torch.device) -> bool:
    """Return whether there is something to gain and all that compiling needs."""
    has_compiler = any(map(shutil.which, ("cc", "gcc", "clang")))
    return device.type == "cuda" and has_compiler and importlib.util.find_spec("triton") is not None


@contextmanager
def fused_layers(model: Any, *, backend: str = "inductor") -> Iterator[None]:
    """Run norms, MLPs and rotary embeddings compiled inside.

    Results differ from eager ones by rounding: what is fused is not rounded in between.

    Args:
        model: A Hugging Face causal language model whose layers are in `.model.layers`. A layer
            without one of the parts is left as it is there.
        backend: Of torch.compile.
    """
    layers = list(model.model.layers)
    parts = [part for layer in layers for name in _PARTS if (part := getattr(layer, name, None))]
    architecture = sys.modules[type(layers[0]).__module__]
    rotary = getattr(architecture, _ROTARY, None)
    for part in parts:
        part.forward = partial(_compiled(type(part).forward, backend), part)
    if rotary is not None:
        setattr(architecture, _ROTARY, _compiled(rotary, backend))
    try:
        yield
    finally:
        for part in parts:
            del part.forward  # the class's own shows again
        if rotary is not None:
            setattr(architecture, _ROTARY, rotary)


@cache
def _compiled(function: Callable[..., Any], backend: str) -> Callable[..., Any]:
    return torch.compile(function, dynamic=True, backend=backend)
