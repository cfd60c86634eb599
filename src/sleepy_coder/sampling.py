"""How a row's next tokens are chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen: the likeliest, or drawn when `temperature` is above zero."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def draws(self, row: int, count: int) -> torch.Tensor | None:
        """Return one uniform number for each token of a row, or None for greedy decoding."""
        if self.temperature <= 0:
            return None
        return torch.from_numpy(np.random.default_rng((self.seed, row)).random(count))

    def choose(self, logits: torch.Tensor, uniform: torch.Tensor | None) -> torch.Tensor:
        """Return the token for each place: logits (places, vocabulary), uniform (places,)."""
        if uniform is None:
            return logits.argmax(dim=-1)
        scaled = logits.float() / self.temperature
        probability, order = scaled.softmax(dim=-1).sort(dim=-1, descending=True, stable=True)
        total = probability.cumsum(dim=-1)
        kept = (total - probability < self.top_p).sum(dim=-1, keepdim=True)
        kept = kept.clamp(min=1)  # none where the logits are non-finite; other rows go on
        mass = total.gather(-1, kept - 1)
        place = torch.searchsorted(total, uniform.to(total)[:, None] * mass)
        return order.gather(-1, place.clamp(max=kept - 1)).squeeze(-1)


GREEDY = Sampling()
