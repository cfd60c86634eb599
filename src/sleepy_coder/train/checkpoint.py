"""A training run on disk: stopped at any step, it goes on as if it had never stopped.

One safetensors file holds every number that the next step depends on: parameters, Adam's moments,
guards, loss curves, snapshots. Which pairs a step draws follows from its number, so no generator's
state is needed. On a CPU the resumed run equals the uninterrupted one bit for bit; CUDA's sums are
not ordered, so there it equals it up to rounding. Nothing is unpickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.train.guard import Guard, SharedParameters
from sleepy_coder.train.optimizer import TaskAdam

if TYPE_CHECKING:
    from sleepy_coder.train.config import FitConfig, FitReport
    from sleepy_coder.train.fit import Tasks
    from sleepy_coder.train.pairs import Row

_FORMAT = "2"
_GUARD_FIELDS = ("average", "best", "rate_factor", "num_recoveries", "is_stopped")


@dataclass
class FitState:
    """All that changes while tasks are trained.

    Attributes:
        names: The tasks.
        rows: (tasks, width), their parameters.
        optimizer: Of the rows.
        guards: One a task.
        shared: What the tasks train together, where they do.
        report: Curves and counts so far.
        step: Steps taken.
    """

    names: Sequence[str]
    rows: Tensor
    optimizer: TaskAdam
    guards: list[Guard]
    shared: SharedParameters | None
    report: FitReport
    step: int = 0


def fingerprint(
    model: nn.Module, tasks: Tasks, rows: Mapping[str, Sequence[Row]], config: FitConfig
) -> str:
    """Return a hash of what fixes a run: model and basis, tasks and start, pairs, configuration.

    Of the model's own weights the vectors (norms, biases) stand for all: two models that share
    them to the bit would have to be made on purpose.
    """
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(config)).encode())
    vectors = [each for each in model.parameters() if each.ndim == 1]
    own = (*tasks.parameters(), *tasks.frozen())
    for tensor in (*vectors, *model.buffers(), *own):  # the basis is among the buffers
        data = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(data.numpy().tobytes())
    for name in tasks.names:
        for row in rows[name]:
            digest.update(repr((name, row.tokens, row.num_prompt, row.is_edit)).encode())
    return digest.hexdigest()


def save_checkpoint(state: FitState, path: Path, identity: str) -> None:
    """Write the state; `path` holds the old checkpoint or the new one, never half of one.

    Args:
        state: What to write.
        path: A .safetensors file; its folder is made.
        identity: `fingerprint` of the run.
    """
    report = state.report
    facts = {
        "step": state.step,
        "num_tokens": report.num_tokens,
        "num_positions": report.num_positions,
        "seconds": report.seconds,
    }
    metadata = {"format": _FORMAT, "identity": identity, "facts": json.dumps(facts)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _pack(state).items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(save(tensors, metadata))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_checkpoint(state: FitState, path: Path, identity: str) -> None:
    """Bring the state to where a checkpoint was written; without a file leave it as it is.

    Args:
        state: A fresh state of the same run; changed in place.
        path: The file.
        identity: `fingerprint` of the run.

    Raises:
        InputError: The checkpoint is of another run.
        StoreError: It cannot be read.
    """
    if not path.exists():
        return
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - its API
    except (SafetensorError, OSError, RuntimeError) as error:
        raise StoreError(f"{path.name}: no readable checkpoint: {str(error)[:200]}") from None
    if metadata.get("format") != _FORMAT:
        raise InputError(f"{path.name}: is a checkpoint of another version; remove it")
    if metadata.get("identity") != identity:
        raise InputError(
            f"{path.name}: is a checkpoint of other tasks, pairs or settings than these, or from "
            "another start; remove it, or name another file"
        )
    _unpack(state, tensors)
    facts = json.loads(metadata["facts"])
    state.step = facts.pop("step")
    for name, value in facts.items():
        setattr(state.report, name, value)


def _pack(state: FitState) -> dict[str, Tensor]:
    """Return the state's numbers by name; floats of Python as float64."""
    report = state.report
    tensors = {"rows": state.rows, "guards.good": torch.stack([g.good for g in state.guards])}
    tensors |= _moments("adam", state.optimizer)
    if state.shared is not None:
        tensors |= {"shared": state.shared.flat(), "shared.good": state.shared.good}
        tensors["shared.rate_factor"] = torch.tensor(state.shared.rate_factor, dtype=torch.float64)
        tensors |= _moments("shared.adam", state.shared.optimizer)
    for field in _GUARD_FIELDS:
        values = [float(getattr(guard, field)) for guard in state.guards]
        tensors[f"guards.{field}"] = torch.tensor(values, dtype=torch.float64)
    for index, name in enumerate(state.names):
        tensors[f"losses.{index}"] = torch.tensor(report.losses[name], dtype=torch.float64)
        tensors[f"recoveries.{index}"] = torch.tensor(report.recoveries[name], dtype=torch.int64)
    tensors |= {f"snapshots.{step}": values for step, values in report.snapshots.items()}
    return tensors | {f"directions.{step}": values for step, values in report.directions.items()}


def _moments(prefix: str, adam: TaskAdam) -> dict[str, Tensor]:
    return {
        f"{prefix}.first": adam.first,
        f"{prefix}.second": adam.second,
        f"{prefix}.num_steps": adam.num_steps,
    }


def _unpack(state: FitState, tensors: Mapping[str, Tensor]) -> None:
    """Set the state's numbers from what `_pack` returned."""
    report, device = state.report, state.rows.device
    state.rows.copy_(tensors["rows"])
    pairs = list(_moments("adam", state.optimizer).items())
    if state.shared is not None:
        state.shared.load(tensors["shared"])
        state.shared.good = tensors["shared.good"].to(device)
        state.shared.rate_factor = tensors["shared.rate_factor"].item()
        pairs += _moments("shared.adam", state.shared.optimizer).items()
    for name, own in pairs:
        own.copy_(tensors[name])
    for index, guard in enumerate(state.guards):
        guard.good = tensors["guards.good"][index].to(device)
        for field in _GUARD_FIELDS:
            kind: Any = type(getattr(guard, field))
            setattr(guard, field, kind(tensors[f"guards.{field}"][index].item()))
    for index, task in enumerate(state.names):
        report.losses[task] = tensors[f"losses.{index}"].tolist()
        report.recoveries[task] = tensors[f"recoveries.{index}"].tolist()
    for kept, prefix in ((report.snapshots, "snapshots."), (report.directions, "directions.")):
        steps = sorted(int(n.removeprefix(prefix)) for n in tensors if n.startswith(prefix))
        kept.update({step: tensors[f"{prefix}{step}"].to(device) for step in steps})
