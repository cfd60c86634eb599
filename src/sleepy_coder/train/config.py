"""How to fit, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sleepy_coder.train.optimizer import AdamConfig

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class FitConfig:
    """How to train.

    Attributes:
        num_steps: Optimizer steps of a task.
        rows_per_task: Pairs of each task in a step.
        learning_rate: Peak; cosine to a tenth after `warmup_steps`.
        edit_weight: Of the loss on answer tokens that the fix changes.
        kept_weight: Of the loss on answer tokens that repeat the program.
        kl_weight: Of the divergence KL(base ‖ task) on the repeated tokens, in nats a token.
        max_tokens: Tokens of one forward, padding counted; bounds memory.
        snapshots: Steps after which the parameters are kept, for selection afterwards.
        max_recoveries: A task that diverged this often stays at its last good step.
        checkpoint_activations: Keep each layer's input only and compute the rest again on the way
            back: a third more work for a fraction of the memory.
        fuse_layers: On CUDA with Triton and a C compiler, compile the elementwise work of the
            model's layers: half a minute at the first step of a process, a third faster after it.
        direction_rate: Peak rate of what the tasks share (expansion directions), same schedule. A
            tenth of the coefficients': an entry of a unit column is about 0.03 with 1,000 inputs.
        direction_clip: Largest gradient norm of what the tasks share.
    """

    num_steps: int = 64
    rows_per_task: int = 6
    learning_rate: float = 3e-3
    warmup_steps: int = 4
    edit_weight: float = 1.0
    kept_weight: float = 1.0
    kl_weight: float = 0.0
    max_tokens: int = 12_000
    snapshots: tuple[int, ...] = ()
    max_recoveries: int = 3
    seed: int = 0
    adam: AdamConfig = field(default_factory=AdamConfig)
    checkpoint_activations: bool = False
    fuse_layers: bool = True
    direction_rate: float = 3e-4
    direction_clip: float = 1.0


@dataclass
class FitReport:
    """What happened.

    Attributes:
        losses: Task -> its loss after each of its steps, nats a token.
        recoveries: Task -> its steps (from 1) from which it was put back.
        snapshots: Step -> the tasks' rows, (tasks, width).
        num_tokens: Tokens trained on, padding left out.
        directions: Step -> what the tasks share, flat, for the same steps as `snapshots`; empty
            where they share nothing.
        num_positions: Tokens trained on with the padding.
        seconds: Wall time, all parts of a resumed run together.
        device: Where it ran.
        num_ranks: Over how many processes the rows were split.
        peak_bytes: The most device memory in use at a time, of one process; None off CUDA.
    """

    losses: dict[str, list[float]]
    recoveries: dict[str, list[int]]
    snapshots: dict[int, Tensor]
    num_tokens: int = 0
    directions: dict[int, Tensor] = field(default_factory=dict)
    num_positions: int = 0
    seconds: float = 0.0
    device: str = "cpu"
    num_ranks: int = 1
    peak_bytes: int | None = None

    @property
    def tokens_per_s(self) -> float:
        """Tokens a second, padding left out."""
        return self.num_tokens / self.seconds if self.seconds else 0.0

    @property
    def padding_frac(self) -> float:
        """Share of padding among all tokens that were computed."""
        return 1 - self.num_tokens / self.num_positions if self.num_positions else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON data; of the snapshots their steps only."""
        return {
            "device": self.device,
            "num_ranks": self.num_ranks,
            "seconds": round(self.seconds, 3),
            "num_tokens": self.num_tokens,
            "tokens_per_s": round(self.tokens_per_s, 1),
            "padding_frac": round(self.padding_frac, 4),
            "peak_bytes": self.peak_bytes,
            "snapshots": sorted(self.snapshots),
            "recoveries": {task: list(steps) for task, steps in self.recoveries.items()},
            "losses": {task: list(curve) for task, curve in self.losses.items()},
        }


def join_reports(reports: Sequence[FitReport]) -> FitReport:
    """Return what happened in runs one after another; snapshots are those of the last."""
    last = reports[-1]

    def join(curves: Sequence[Mapping[str, list[Any]]]) -> dict[str, list[Any]]:
        return {task: [value for curve in curves for value in curve[task]] for task in curves[0]}

    return replace(
        last,
        losses=join([report.losses for report in reports]),
        recoveries=join([report.recoveries for report in reports]),
        num_tokens=sum(report.num_tokens for report in reports),
        num_positions=sum(report.num_positions for report in reports),
        seconds=sum(report.seconds for report in reports),
    )
