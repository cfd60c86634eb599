"""What a step's rows cost: cross entropy on the answers, and how far the base model is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sleepy_coder.train.pairs import Batch

if TYPE_CHECKING:
    from sleepy_coder.train.config import FitConfig

_LOGITS_PER_CHUNK = 1024  # rows of vocabulary-wide float32 logits that are alive at once


def hidden_states(model: Any, batch: Batch, *, with_grad: bool) -> Tensor:
    """Return the hidden states in front of each answer token, (answers, hidden)."""
    with torch.set_grad_enabled(with_grad):  # no mask: what pads a row lies behind all it has
        out = model.model(input_ids=batch.input_ids, use_cache=False)
    states: Tensor = out.last_hidden_state[batch.targets[:, 0], batch.targets[:, 1]]
    return states


@contextmanager
def recomputed_layers(model: Any) -> Iterator[None]:
    """Keep only the inputs of the model's layers inside; the backward computes them again.

    Chen et al. 2016 (arXiv:1604.06174) with a segment a layer. Differs from
    `gradient_checkpointing_enable`: the model stays in evaluation mode, without dropout. The
    backward must happen inside too, while the layers still apply the batch's tasks.
    """
    layers: list[nn.Module] = list(model.model.layers)
    for layer in layers:
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # the class's own shows again


def row_losses(
    model: Any, hidden: Tensor, base_hidden: Tensor | None, batch: Batch, config: FitConfig
) -> Tensor:
    """Return each row's loss, (rows,): the weighted mean over its answer's tokens.

    Args:
        model: Gives the head.
        hidden: (answers, hidden), with the tasks.
        base_hidden: The same of the base model, for the divergence; None leaves it out.
        batch: The rows.
        config: The weights.
    """
    weights = torch.where(batch.is_edit, config.edit_weight, config.kept_weight)
    kl_weights = torch.where(batch.is_edit, 0.0, config.kl_weight)
    losses = _ChunkedLosses.apply(  # type: ignore[no-untyped-call]
        hidden, model.lm_head, base_hidden, batch.labels, weights, kl_weights
    )
    index = batch.targets[:, 0]
    zeros = torch.zeros(len(batch.tasks), device=hidden.device)
    return zeros.index_add(0, index, losses) / zeros.index_add(0, index, weights)


class _ChunkedLosses(torch.autograd.Function):
    """`_token_losses` of all tokens, with their gradients taken on the way forward.

    A token's loss depends on its own hidden state alone, so its gradient can be taken at once and
    scaled by what comes back later: no chunk's logits outlive it, and none are computed twice.
    Differs from autograd's by one rounding of the gradient to the hidden states' format. Nothing
    flows into the head, which is frozen.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        head: nn.Module,
        base_hidden: Tensor | None,
        *each: Tensor,  # labels, weights and weights of the divergence, one a token
    ) -> Tensor:
        """Return the losses, (answers,); keep their gradients, (answers, hidden)."""
        losses: list[Tensor] = []
        grads: list[Tensor] = []
        for at in range(0, len(hidden), _LOGITS_PER_CHUNK):
            chunk = slice(at, at + _LOGITS_PER_CHUNK)
            base = None if base_hidden is None else base_hidden[chunk]
            with torch.enable_grad():
                own = hidden[chunk].detach().requires_grad_()
                loss = _token_losses(head, own, base, *(values[chunk] for values in each))
                grads += torch.autograd.grad(loss.sum(), own)
            losses.append(loss.detach())
        ctx.save_for_backward(torch.cat(grads))
        return torch.cat(losses)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the hidden states."""
        (grads,) = ctx.saved_tensors
        return ((upstream[0][:, None] * grads).to(grads.dtype), None, None, None, None, None)


def _token_losses(
    head: nn.Module,
    hidden: Tensor,
    base_hidden: Tensor | None,
    labels: Tensor,
    weights: Tensor,
    kl_weights: Tensor,
) -> Tensor:
    """Return weighted cross entropy plus weighted KL(base ‖ task) of each token, in nats."""
    logs = torch.log_softmax(head(hidden).float(), dim=-1)
    loss = -weights * logs.gather(1, labels[:, None]).squeeze(1)
    if base_hidden is None:
        return loss
    with torch.no_grad():
        base = torch.log_softmax(head(base_hidden).float(), dim=-1)
    return loss + kl_weights * (base.exp() * (base - logs)).sum(-1)
