"""Linear layers in 8-bit integers, for processors.

A weight row is stored as int8 with one scale; an activation row is scaled to its own largest
magnitude and rounded to 7 bits, multiplied exactly in integers (FBGEMM), and scaled back:

    y_tn = s_t · w_n · Σ_k round(x_tk / s_t) round(W_nk / w_n) + b_n,   s_t = max_k |x_tk| / 63

This is W8A8 with one scale per token and output channel (Dettmers et al. 2022, arXiv:2208.07339).
Differs: 7 bits of activation, because the AVX2 instruction that adds pairs of products saturates
at 16 bits, and no separate path for outliers. A row's result does not depend on the other rows.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sleepy_coder.fetch import sync_and_rename

_ENGINE = "fbgemm"
_ACTIVATION_MAX = 63
_ACTIVATION_ZERO = 64
_WEIGHT_MAX = 127
_SMALLEST_SCALE = 1e-12


def is_int8_supported() -> bool:
    """Return whether this build of torch has the integer kernels (x86 processors)."""
    return _ENGINE in torch.backends.quantized.supported_engines


@contextmanager
def _fbgemm() -> Iterator[None]:
    """Pack with FBGEMM whatever the default engine; torch's own notice about it is no news."""
    previous = torch.backends.quantized.engine
    torch.backends.quantized.engine = _ENGINE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.quantized.engine = previous


@torch.no_grad()  # a scale that remembers its weights would keep all of them, in float32
def quantize_weight(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the int8 values (n, d) and float32 scales (n,) of a weight matrix (n, d)."""
    full = weight.float()
    scale = (full.abs().amax(dim=1) / _WEIGHT_MAX).clamp_(min=_SMALLEST_SCALE)
    values = full.div_(scale[:, None]) if full is not weight else full / scale[:, None]
    return values.round_().to(torch.int8), scale


class Int8Linear(nn.Module):
    """A linear layer on packed int8 weights; takes and returns float32.

    Args:
        values: int8 weight, (out_features, in_features).
        scale: float32 scale of each output channel, (out_features,).
        bias: float32, (out_features,), or None.
    """

    def __init__(
        self, values: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor | None
    ) -> None:
        super().__init__()
        self.out_features, self.in_features = values.shape
        self.bias = None if bias is None else nn.Parameter(bias.float(), requires_grad=False)
        with _fbgemm():
            packable = torch._make_per_channel_quantized_tensor(  # noqa: SLF001 - the only public way quantizes again
                values, scale.double(), torch.zeros(self.out_features, dtype=torch.long), 0
            )
            self._packed = torch.ops.quantized.linear_prepack(packable, None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x Wᵀ + b: (…, in_features) -> (…, out_features), float32."""
        flat = x.reshape(-1, self.in_features)
        largest = flat.abs().amax(dim=1, keepdim=True).clamp_(min=_SMALLEST_SCALE)
        y: torch.Tensor = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
            flat / largest, 1 / _ACTIVATION_MAX, _ACTIVATION_ZERO, self._packed
        )
        y = y.mul_(largest)
        if self.bias is not None:
            y = y.add_(self.bias)
        return y.view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Return what `print(model)` shows of this layer."""
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}, int8"


def quantize_linears(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return int8 values and scales of every linear layer, named for `replace_linears`."""
    tensors: dict[str, torch.Tensor] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            tensors[f"{name}.values"], tensors[f"{name}.scale"] = quantize_weight(module.weight)
    return tensors


def replace_linears(model: Any, tensors: dict[str, torch.Tensor]) -> None:
    """Put `Int8Linear` in place of every linear layer; the rest becomes float32."""
    linears = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear)]
    for name, linear in linears:
        bias = None if linear.bias is None else linear.bias.data
        layer = Int8Linear(tensors[f"{name}.values"], tensors[f"{name}.scale"], bias)
        model.set_submodule(name, layer)
    model.float()


def load_or_quantize(model: nn.Module, path: Path | None) -> dict[str, torch.Tensor]:
    """Return a model's int8 weights from `path`; quantize, and save them there, where missing.

    Where they cannot be saved they are used all the same.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    if path is None:
        return quantize_linears(model)
    if path.exists():
        saved: dict[str, torch.Tensor] = load_file(path)
        return saved
    tensors = quantize_linears(model)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        save_file(tensors, partial)
        sync_and_rename(partial, path)
    except (OSError, SafetensorError):  # a full disk, most often
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return tensors
