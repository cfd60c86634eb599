"""Attention for decoding many rows: query heads that share keys and values read them once.

transformers' scaled-dot-product attention copies keys and values for every query head as soon as
there is a mask (12 heads over 2 in the 1.5B). With few new tokens those copies are most of a step.
Here the query heads of a group stand behind each other as so many more tokens (Ainslie et al. 2023,
arXiv:2305.13245, section 2.2), and nothing is copied.

cuDNN's kernels, which torch prefers on recent GPUs, are left out: they are planned anew for every
shape, for some 50 ms forward and 65 ms backward (torch 2.11, H200), and here hardly a shape comes
twice.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

GROUPED = "sleepy_grouped"
# Above this the queries outweigh the keys' copies: a prompt is read the usual way.
_MOST_TOKENS = 64
_BACKENDS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


@sdpa_kernel(_BACKENDS)
def grouped_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Return (rows, tokens, heads, size) for queries (rows, heads, tokens, size).

    Args:
        module: The attention layer; its `num_key_value_groups` heads share keys and values.
        query: (rows, heads, tokens, size).
        key: (rows, heads / groups, places, size).
        value: Like `key`.
        attention_mask: (rows, 1, tokens, places), true where a token looks; None is causal.
        scaling: Of the products; default is 1/√size.
        options: Handed on to transformers' own attention.
    """
    rows, heads, tokens, size = query.shape
    groups: int = getattr(module, "num_key_value_groups", 1)
    if attention_mask is None or groups == 1 or tokens > _MOST_TOKENS:
        out: Tensor = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **options
        )[0]
        return out, None
    packed = query.reshape(rows, heads // groups, groups * tokens, size)
    mask = attention_mask.repeat(1, 1, groups, 1)
    mixed = scaled_dot_product_attention(packed, key, value, attn_mask=mask, scale=scaling)
    return mixed.reshape(rows, heads, tokens, size).transpose(1, 2).contiguous(), None


AttentionInterface.register(GROUPED, grouped_attention)
AttentionMaskInterface.register(GROUPED, sdpa_mask)
