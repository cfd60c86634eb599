"""Divergence: seen by task, undone by task; and the parameters that all tasks share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sleepy_coder.train.optimizer import TaskAdam

if TYPE_CHECKING:
    from sleepy_coder.train.config import FitConfig

_TOLERATED_RISE = 0.5  # nats; batches of one task differ by less, and divergence passes it at once


@dataclass
class Guard:
    """Watches one task for divergence and remembers where it was last well.

    Attributes:
        good: (width,), the parameters at the lowest average so far.
        average: Moving average of the loss, nats a token.
        best: Its lowest value so far.
        rate_factor: Halved by each recovery.
        num_recoveries: How often the task was put back.
        is_stopped: The caller wants no more steps of it.
    """

    good: Tensor
    average: float = math.inf
    best: float = math.inf
    rate_factor: float = 1.0
    num_recoveries: int = 0
    is_stopped: bool = False

    def admits(self, loss: float) -> bool:
        """Take in a step's loss; say whether the task is still well.

        Ill is a loss that is not finite, or whose average has risen by half a nat over its best.
        """
        if not math.isfinite(loss):
            return False
        self.average = loss if math.isinf(self.average) else 0.8 * self.average + 0.2 * loss
        self.best = min(self.best, self.average)
        return self.average <= self.best + _TOLERATED_RISE

    def put_back(self) -> Tensor:
        """Return the parameters to go back to; further steps are half as long."""
        self.rate_factor /= 2
        self.num_recoveries += 1
        self.average = self.best
        return self.good


class SharedParameters:
    """What all tasks train together (expansion directions), as one more row under AdamW.

    Goes back to where it was before the last step that did all tasks good when one of them
    diverges, at half the rate.

    Args:
        parameters: Changed in place.
        config: Rate, clip and Adam's constants.
    """

    def __init__(self, parameters: Sequence[Tensor], config: FitConfig) -> None:
        self._parameters = parameters
        adam = replace(config.adam, max_grad_norm=config.direction_clip)
        self.good = self.flat()
        self.optimizer = TaskAdam(self.good[None], adam)
        self.rate_factor = 1.0
        self._before = self.good

    def flat(self) -> Tensor:
        """Return a copy of all values, one after the other."""
        return torch.cat([each.detach().flatten() for each in self._parameters])

    def load(self, flat: Tensor) -> None:
        """Set all values."""
        sizes = [each.numel() for each in self._parameters]
        for each, values in zip(self._parameters, torch.split(flat, sizes), strict=True):
            each.detach().copy_(values.view_as(each))

    def take_gradients(self) -> list[Tensor]:
        """Return each parameter's gradient, zero where none came, and forget them."""
        grads = [
            torch.zeros_like(each) if each.grad is None else each.grad for each in self._parameters
        ]
        for each in self._parameters:
            each.grad = None
        return grads

    def step(self, grads: Sequence[Tensor], rate: float) -> None:
        """Move by one step of AdamW; a gradient that is not finite moves nothing."""
        self._before = self.flat()
        values = self._before[None].clone()
        flat = torch.cat([grad.flatten() for grad in grads])[None]
        rates = torch.full((1,), rate * self.rate_factor, device=values.device)
        is_active = torch.ones(1, dtype=torch.bool, device=values.device)
        self.optimizer.step(values, flat, rates, is_active)
        self.load(values[0])

    def settle(self, *, is_well: bool) -> None:
        """Remember what the step began with, or go back to what was remembered before."""
        if is_well:
            self.good = self._before
            return
        self.load(self.good)
        self.optimizer.forget(0)
        self.rate_factor /= 2
