"""Fit many tasks in one pass: rows of different tasks share the frozen base model's work.

Each task has its own loss, learning rate, clip and guard, so that its result does not depend on
which tasks happen to be trained beside it (up to floating point: batches differ in padding). Which
pairs a task sees in which step follows from the seed, the task's name and the step alone.
"""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from sleepy_coder.train.checkpoint import FitState, fingerprint, load_checkpoint, save_checkpoint
from sleepy_coder.train.config import FitConfig, FitReport
from sleepy_coder.train.distributed import Ranks, current_ranks
from sleepy_coder.train.fused import can_fuse, fused_layers
from sleepy_coder.train.guard import Guard, SharedParameters
from sleepy_coder.train.losses import hidden_states, recomputed_layers, row_losses
from sleepy_coder.train.optimizer import TaskAdam
from sleepy_coder.train.pairs import Batch, Row, collate, split_by_tokens

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EarlyStop", "FitConfig", "FitReport", "Tasks", "draw_rows", "fit"]

Losses = Mapping[str, float]
EarlyStop = Callable[[int, Losses], Collection[str]]


class Tasks(Protocol):
    """What is trained: a flat row of parameters a task, and a way to run the model on them."""

    names: list[str]

    @property
    def rows(self) -> Tensor:
        """The parameters, (tasks, width)."""

    def parameters(self) -> Sequence[Tensor]:
        """Return the rows, and behind them what the tasks share and train too."""

    def frozen(self) -> Sequence[Tensor]:
        """Return what the tasks hold of their own and do not train."""

    def use(self, names: Sequence[str | None]) -> AbstractContextManager[None]:
        """Run the forwards inside with row i of the batch on task `names[i]`, or on none."""


@dataclass(frozen=True)
class _Run:
    """What stays the same while tasks are trained; see `fit`."""

    model: nn.Module
    tasks: Tasks
    rows: Mapping[str, Sequence[Row]]
    config: FitConfig
    pad_id: int
    ranks: Ranks


def fit(
    model: nn.Module,
    tasks: Tasks,
    rows: Mapping[str, Sequence[Row]],
    config: FitConfig,
    *,
    pad_id: int,
    on_step: Callable[[int, Losses], None] = lambda *_: None,
    early_stop: EarlyStop = lambda *_: (),
    checkpoint: Path | None = None,
    checkpoint_every: int = 1,
) -> FitReport:
    """Train every task on its own rows; `tasks` holds the result.

    Among processes that joined (`distributed.joined_ranks`) each step's rows are split; all end
    with the same parameters, and the first one writes the checkpoint.

    Args:
        model: A causal language model with `.model` (hidden states) and `.lm_head`; its weights
            are frozen from here on.
        tasks: The parameters, one flat row a task.
        rows: Task name -> its pairs in tokens.
        config: How to train.
        pad_id: Token that fills short rows, behind their end.
        on_step: Called with the step (from 1) and each task's loss in nats a token.
        early_stop: Called with the same; tasks that it returns take no further step. Every
            process must return the same. Judge by problems unlike the pairs, not by these losses.
        checkpoint: File to go on from where it exists, and to write; where all processes see it.
        checkpoint_every: Steps from one writing to the next; the last step is always written.

    Raises:
        InputError: The checkpoint is of another run.
    """
    model.requires_grad_(requires_grad=False)
    run = _Run(model, tasks, rows, config, pad_id, current_ranks())
    state = _start(run)
    identity = ""
    if checkpoint is not None:
        identity = fingerprint(model, tasks, rows, config)
        load_checkpoint(state, checkpoint, identity)
    while state.step < config.num_steps and any(_active(state, config)):
        began = time.perf_counter()
        losses = _step(run, state)
        stopped = early_stop(state.step, losses)
        for name, guard in zip(tasks.names, state.guards, strict=True):
            guard.is_stopped |= name in stopped
        state.report.seconds += time.perf_counter() - began
        is_last = state.step == config.num_steps or not any(_active(state, config))
        if checkpoint and run.ranks.is_first and (is_last or state.step % checkpoint_every == 0):
            save_checkpoint(state, checkpoint, identity)
        on_step(state.step, losses)
    if tasks.rows.is_cuda:
        state.report.peak_bytes = torch.cuda.max_memory_allocated(tasks.rows.device)
    return state.report


def draw_rows(rows: Sequence[Row], task: str, step: int, config: FitConfig) -> list[Row]:
    """Return a task's rows for one step: its pairs in a new order each time all were seen."""
    first = (step - 1) * config.rows_per_task
    places = [divmod(p, len(rows)) for p in range(first, first + config.rows_per_task)]
    orders = {}
    for epoch in {epoch for epoch, _ in places}:
        material = f"{config.seed}/{task}/{epoch}".encode()
        orders[epoch] = list(range(len(rows)))
        random.Random(hashlib.sha256(material).digest()).shuffle(orders[epoch])  # noqa: S311 - no secret
    return [rows[orders[epoch][place]] for epoch, place in places]


def _start(run: _Run) -> FitState:
    """Return the state before the first step, the same in every process."""
    tasks, config = run.tasks, run.config
    values = tasks.rows.detach()
    others = [each for each in tasks.parameters() if each is not tasks.rows]
    run.ranks.agree([values, *(each.detach() for each in others)])
    if values.is_cuda:
        torch.cuda.reset_peak_memory_stats(values.device)
    report = FitReport({n: [] for n in tasks.names}, {n: [] for n in tasks.names}, {})
    report.device, report.num_ranks = str(values.device), run.ranks.size
    return FitState(
        names=tasks.names,
        rows=values,
        optimizer=TaskAdam(values, config.adam),
        guards=[Guard(row.clone()) for row in values],
        shared=SharedParameters(others, config) if others else None,
        report=report,
    )


def _active(state: FitState, config: FitConfig) -> list[bool]:
    """Return for each task whether it takes another step."""
    return [not g.is_stopped and g.num_recoveries < config.max_recoveries for g in state.guards]


def _step(run: _Run, state: FitState) -> dict[str, float]:
    """Take one step; return the losses, measured before it, of the tasks that took it."""
    config, tasks = run.config, run.tasks
    step, active = state.step + 1, _active(state, config)
    named = zip(tasks.names, active, strict=True)
    names = [name for name, is_active in named if is_active]
    drawn = [row for name in names for row in draw_rows(run.rows[name], name, step, config)]
    losses = _accumulate(run, state, drawn)
    rate = config.learning_rate * _schedule(step, config)
    device, before = state.rows.device, state.rows.clone()
    rates = torch.tensor([rate * g.rate_factor for g in state.guards]).to(device)
    grads, shared_grads = _take_gradients(run, state)
    state.optimizer.step(state.rows, grads, rates, torch.tensor(active, device=device))
    if state.shared is not None:
        state.shared.step(shared_grads, config.direction_rate * _schedule(step, config))
    _guard(state, before, losses)
    state.step = step
    if step in config.snapshots:
        state.report.snapshots[step] = state.rows.clone()
        if state.shared is not None:
            state.report.directions[step] = state.shared.flat()
    return losses


def _schedule(step: int, config: FitConfig) -> float:
    """Return the learning rate's factor: linear warm-up, then cosine down to a tenth."""
    if step <= config.warmup_steps:
        return step / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.num_steps - config.warmup_steps)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * progress))


def _guard(state: FitState, before: Tensor, losses: Losses) -> None:
    """Keep what went well; put back what diverged, at half the rate.

    `before` holds the parameters, (tasks, width), that the losses were measured with.
    """
    num_ill = 0
    is_finite = state.rows.isfinite().all(dim=1).tolist()  # of all rows: one wait for the device
    for index, (name, guard) in enumerate(zip(state.names, state.guards, strict=True)):
        if name not in losses:
            continue
        state.report.losses[name].append(losses[name])
        if guard.admits(losses[name]) and is_finite[index]:
            if guard.average == guard.best:
                guard.good = before[index].clone()
            continue
        state.rows[index] = guard.put_back()
        state.optimizer.forget(index)
        state.report.recoveries[name].append(len(state.report.losses[name]))
        num_ill += 1
    if state.shared is not None:
        state.shared.settle(is_well=num_ill == 0)


def _accumulate(run: _Run, state: FitState, rows: Sequence[Row]) -> dict[str, float]:
    """Add up the gradients of this process's rows; return each task's mean loss over all rows."""
    names = list(dict.fromkeys(row.task for row in rows))
    place = {name: index for index, name in enumerate(names)}
    counts = torch.tensor([place[row.task] for row in rows]).bincount()
    sums = torch.zeros(len(names), dtype=torch.float64, device=state.rows.device)
    parts = [split_by_tokens(part, run.config.max_tokens) for part in run.ranks.split(rows)]
    own = parts[run.ranks.rank]
    # All are copied before the first forward: a copy waits for what the device has been given.
    batches = [collate(group, run.pad_id, sums.device) for group in own]
    indices = [torch.tensor([place[row.task] for row in group]) for group in own]
    shares = [(1 / counts[index]).to(sums.device) for index in indices]
    indices = [index.to(sums.device) for index in indices]
    is_fused = run.config.fuse_layers and can_fuse(sums.device)
    with fused_layers(run.model) if is_fused else nullcontext():
        for batch, index, share in zip(batches, indices, shares, strict=True):
            sums.index_add_(0, index, _backward(run, batch, share).double())
    state.report.num_tokens += sum(map(len, rows))
    groups = [group for part in parts for group in part]
    state.report.num_positions += sum(len(group) * max(map(len, group)) for group in groups)
    if own and run.tasks.rows.grad is None:
        raise RuntimeError("no gradient reached the tasks: does the model use them?")
    run.ranks.add_up([sums])
    return dict(zip(names, sums.tolist(), strict=True))


def _backward(run: _Run, batch: Batch, share: Tensor) -> Tensor:
    """Add the gradients of rows that fit one forward; return their losses times their share."""
    model, config = run.model, run.config
    base_hidden = hidden_states(model, batch, with_grad=False) if config.kl_weight else None
    saving = recomputed_layers(model) if config.checkpoint_activations else nullcontext()
    with run.tasks.use(batch.tasks), saving:
        hidden = hidden_states(model, batch, with_grad=True)
        per_row = row_losses(model, hidden, base_hidden, batch, config) * share
        torch.autograd.backward(per_row.sum())
    return per_row.detach()


def _take_gradients(run: _Run, state: FitState) -> tuple[Tensor, list[Tensor]]:
    """Return the gradients of the rows and of what the tasks share, summed over processes."""
    grads = run.tasks.rows.grad
    grads = torch.zeros_like(state.rows) if grads is None else grads
    run.tasks.rows.grad = None
    shared = [] if state.shared is None else state.shared.take_gradients()
    run.ranks.add_up([grads, *shared])
    return grads, shared
