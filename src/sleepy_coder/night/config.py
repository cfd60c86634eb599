"""How a night learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NightConfig:
    """How a night learns.

    Attributes:
        min_pairs: New pairs from which on a pattern is learned; with fewer it waits.
        num_replayed: Generated pairs of the pattern that are learned with its own.
        num_generated: Generated problems of the pattern that the gate asks.
        num_steps: Optimizer steps of a task.
        rows_per_step: Pairs in a step.
        learning_rate: Peak; a third of what training from other tasks' mean takes, since a task
            starts from itself.
        max_pair_tokens: A longer pair is left out.
        max_new_tokens: Limit of an answer at the gate.
        seed: Of the replayed pairs and of training.
    """

    min_pairs: int = 8
    num_replayed: int = 12
    num_generated: int = 12
    num_steps: int = 12
    rows_per_step: int = 4
    learning_rate: float = 1e-3
    max_pair_tokens: int = 1600
    max_new_tokens: int = 1024
    seed: int = 0
