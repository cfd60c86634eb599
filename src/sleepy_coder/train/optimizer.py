"""AdamW for many independent tasks at once: own rate, own clip, own step count a row.

`torch.optim.AdamW` treats a stacked tensor as one parameter: its clip and its rate could not differ
by task, and a task that stopped would go on moving by its momentum.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class AdamConfig:
    """Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019)."""

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-6
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0


class TaskAdam:
    """Adam over the rows of a (tasks, width) tensor; a row's state is its own.

    Args:
        rows: (tasks, width), the parameters; changed in place.
        config: Hyperparameters, the same for all rows.
    """

    def __init__(self, rows: Tensor, config: AdamConfig) -> None:
        self.config = config
        self.first = torch.zeros_like(rows)
        self.second = torch.zeros_like(rows)
        self.num_steps = torch.zeros(len(rows), device=rows.device)

    @torch.no_grad()
    def step(self, rows: Tensor, grads: Tensor, rates: Tensor, active: Tensor) -> Tensor:
        """Update the active rows in place; return every row's gradient norm before clipping.

        Args:
            rows: (tasks, width).
            grads: (tasks, width).
            rates: (tasks,), learning rates.
            active: (tasks,), bool; other rows and their state stay as they are.

        Returns:
            (tasks,) gradient norms. A row whose norm is not finite is left as it is.
        """
        c = self.config
        norms: Tensor = torch.linalg.vector_norm(grads, dim=1)
        index = (active & norms.isfinite()).nonzero().squeeze(1)
        clip = (c.max_grad_norm / norms[index].clamp_min(1e-12)).clamp_max(1.0)
        grad = grads[index] * clip[:, None]
        first = self.first[index].lerp_(grad, 1 - c.beta1)
        second = self.second[index].lerp_(grad.square(), 1 - c.beta2)
        self.num_steps[index] += 1
        count = self.num_steps[index][:, None]
        update = (first / (1 - c.beta1**count)) / ((second / (1 - c.beta2**count)).sqrt() + c.eps)
        kept = rows[index]
        rows[index] = kept - rates[index][:, None] * (update + c.weight_decay * kept)
        self.first[index], self.second[index] = first, second
        return norms

    def forget(self, index: int) -> None:
        """Reset one row's moments, after its parameters were put back."""
        self.first[index] = 0
        self.second[index] = 0
        self.num_steps[index] = 0
