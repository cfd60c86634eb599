"""Fit many tasks in one pass: rows of different tasks share the frozen base model's work.

Each task has its own loss, learning rate, clip and guard, so that its result does not depend on
which tasks happen to be trained beside it (up to floating point: batches differ in padding). Which
pairs a task sees in which step follows from the seed, the task's name and the step alone.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from sleepy_coder.train.optimizer import AdamConfig, TaskAdam
from sleepy_coder.train.pairs import Batch, Row, collate, split_by_tokens

if TYPE_CHECKING:
    from torch import nn

_LOGITS_PER_CHUNK = 1024  # rows of vocabulary-wide float32 logits that are alive at once


class Tasks(Protocol):
    """What is trained: a flat row of parameters a task, and a way to run the model on them."""

    names: list[str]

    @property
    def rows(self) -> Tensor:
        """The parameters, (tasks, width)."""

    def use(self, names: Sequence[str | None]) -> AbstractContextManager[None]:
        """Run the forwards inside with row i of the batch on task `names[i]`, or on none."""


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


@dataclass
class FitReport:
    """What happened: per-task loss curves, recoveries, tokens, and the kept snapshots."""

    losses: dict[str, list[float]]
    recoveries: dict[str, list[int]]
    snapshots: dict[int, Tensor]
    num_tokens: int = 0


@dataclass
class _Guard:
    """Watches one task for divergence and remembers where it was last well."""

    good: Tensor
    average: float = math.inf
    best: float = math.inf
    rate_factor: float = 1.0
    num_recoveries: int = 0

    def admits(self, loss: float) -> bool:
        """Take in a step's loss; say whether the task is still well.

        Ill is a loss that is not finite, or whose average has risen by half a nat over its best.
        """
        if not math.isfinite(loss):
            return False
        self.average = loss if math.isinf(self.average) else 0.8 * self.average + 0.2 * loss
        self.best = min(self.best, self.average)
        return self.average <= self.best + 0.5


def fit(
    model: nn.Module,
    tasks: Tasks,
    rows: Mapping[str, Sequence[Row]],
    config: FitConfig,
    *,
    pad_id: int,
    on_step: Callable[[int, Mapping[str, float]], None] = lambda *_: None,
) -> FitReport:
    """Train every task on its own rows; `tasks.rows` holds the result.

    Args:
        model: A causal language model with `.model` (hidden states) and `.lm_head`.
        tasks: The parameters, one flat row a task.
        rows: Task name -> its pairs in tokens.
        config: How to train.
        pad_id: Token that fills short rows, behind their end.
        on_step: Called with the step (from 1) and each task's loss in nats a token.
    """
    report = FitReport({n: [] for n in tasks.names}, {n: [] for n in tasks.names}, {})
    optimizer = TaskAdam(tasks.rows.detach(), config.adam)
    guards = [_Guard(row.clone()) for row in tasks.rows.detach()]
    for step in range(1, config.num_steps + 1):
        active = [g.num_recoveries < config.max_recoveries for g in guards]
        if not any(active):
            break
        drawn = [
            row
            for name, is_active in zip(tasks.names, active, strict=True)
            if is_active
            for row in draw_rows(rows[name], name, step, config)
        ]
        losses = _accumulate(model, tasks, drawn, config, pad_id)
        report.num_tokens += sum(map(len, drawn))
        rates = torch.tensor(
            [config.learning_rate * _schedule(step, config) * g.rate_factor for g in guards]
        )
        grads = tasks.rows.grad
        if grads is None:
            raise RuntimeError("no gradient reached the tasks: does the model use them?")
        device = tasks.rows.device
        before = tasks.rows.detach().clone()
        optimizer.step(
            tasks.rows.detach(), grads, rates.to(device), torch.tensor(active, device=device)
        )
        tasks.rows.grad = None
        _guard(tasks, before, losses, guards, optimizer, report)

        if step in config.snapshots:
            report.snapshots[step] = tasks.rows.detach().clone()
        on_step(step, losses)
    return report


def draw_rows(rows: Sequence[Row], task: str, step: int, config: FitConfig) -> list[Row]:
    """Return a task's rows for one step: its pairs in a new order each time all were seen."""
    first = (step - 1) * config.rows_per_task
    drawn = []
    for position in range(first, first + config.rows_per_task):
        epoch, place = divmod(position, len(rows))
        material = f"{config.seed}/{task}/{epoch}".encode()
        order = list(range(len(rows)))
        random.Random(hashlib.sha256(material).digest()).shuffle(order)  # noqa: S311 - no secret
        drawn.append(rows[order[place]])
    return drawn


def _schedule(step: int, config: FitConfig) -> float:
    """Return the learning rate's factor: linear warm-up, then cosine down to a tenth."""
    if step <= config.warmup_steps:
        return step / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.num_steps - config.warmup_steps)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * progress))


def _guard(
    tasks: Tasks,
    before: Tensor,
    losses: Mapping[str, float],
    guards: Sequence[_Guard],
    optimizer: TaskAdam,
    report: FitReport,
) -> None:
    """Keep what went well; put back what diverged, at half the rate.

    `before` holds the parameters, (tasks, width), that the losses were measured with.
    """
    data = tasks.rows.detach()
    for index, (name, guard) in enumerate(zip(tasks.names, guards, strict=True)):
        if name not in losses:
            continue
        report.losses[name].append(losses[name])
        if guard.admits(losses[name]) and bool(data[index].isfinite().all()):
            if guard.average == guard.best:
                guard.good = before[index]
            continue
        data[index] = guard.good
        optimizer.forget(index)
        guard.rate_factor /= 2
        guard.num_recoveries += 1
        guard.average = guard.best
        report.recoveries[name].append(len(report.losses[name]))


def _accumulate(
    model: nn.Module, tasks: Tasks, rows: Sequence[Row], config: FitConfig, pad_id: int
) -> dict[str, float]:
    """Add up the gradients of a step's rows; return each task's mean loss."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.task] = counts.get(row.task, 0) + 1
    losses: dict[str, float] = dict.fromkeys(counts, 0.0)
    for group in split_by_tokens(rows, config.max_tokens):
        batch = collate(group, pad_id, tasks.rows.device)
        share = torch.tensor([1 / counts[task] for task in batch.tasks], device=tasks.rows.device)
        base_hidden = _hidden(model, batch, with_grad=False) if config.kl_weight else None
        with tasks.use(batch.tasks):
            hidden = _hidden(model, batch, with_grad=True)
            per_row = _row_losses(model, hidden, base_hidden, batch, config)
            torch.autograd.backward((per_row * share).sum())
        for task, loss in zip(batch.tasks, (per_row.detach() * share).tolist(), strict=True):
            losses[task] += loss
    return losses


def _hidden(model: Any, batch: Batch, *, with_grad: bool) -> Tensor:
    """Return the hidden states in front of each answer token, (answers, hidden)."""
    with torch.set_grad_enabled(with_grad):  # no mask: what pads a row lies behind all it has
        out = model.model(input_ids=batch.input_ids)
    states: Tensor = out.last_hidden_state[batch.targets[:, 0], batch.targets[:, 1]]
    return states


def _row_losses(
    model: Any, hidden: Tensor, base_hidden: Tensor | None, batch: Batch, config: FitConfig
) -> Tensor:
    """Return each row's loss, (rows,): the weighted mean over its answer's tokens."""
    weights = torch.where(batch.is_edit, config.edit_weight, config.kept_weight)
    pieces = []
    for at in range(0, len(hidden), _LOGITS_PER_CHUNK):
        chunk = slice(at, at + _LOGITS_PER_CHUNK)
        pieces.append(
            torch.utils.checkpoint.checkpoint(
                _token_losses,
                model.lm_head,
                hidden[chunk],
                None if base_hidden is None else base_hidden[chunk],
                batch.labels[chunk],
                weights[chunk],
                torch.where(batch.is_edit[chunk], 0.0, config.kl_weight),
                use_reentrant=False,
            )
        )
    index = batch.targets[:, 0]
    zeros = torch.zeros(len(batch.tasks), device=hidden.device)
    return zeros.index_add(0, index, torch.cat(pieces)) / zeros.index_add(0, index, weights)


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
