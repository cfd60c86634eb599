"""Any number of processes, one device each: work is split, what comes of it put together.

In training all processes hold the same parameters, draw the same rows and take the same step; only
the work between drawing and stepping is divided, and the gradients are summed. Started by
`torchrun --nproc-per-node N -m sleepy_coder …`, a command finds its companions in the environment;
started alone it has none. Sums come out in another order than one process adds in, so results agree
up to rounding.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

Work = TypeVar("Work", bound=Any)


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; by default it is alone.

    Attributes:
        rank: Its number, from 0.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files and reports."""
        return self.rank == 0

    def split(self, work: Sequence[Work], size_of: Callable[[Work], int] = len) -> list[list[Work]]:
        """Return each process's part: pieces of all sizes, dealt out in turn."""
        dealt = sorted(work, key=size_of)
        return [dealt[rank :: self.size] for rank in range(self.size)]

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.size > 1:
            for tensor in tensors:
                distributed.all_reduce(tensor)

    def gather(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return what all processes found, by name; no two of them may find the same name."""
        if self.size == 1:
            return dict(found)
        parts: list[Mapping[str, Any]] = [{} for _ in range(self.size)]
        distributed.all_gather_object(parts, found)
        return {name: value for part in parts for name, value in part.items()}

    def wait(self) -> None:
        """Return when all processes have come this far."""
        if self.size > 1:
            distributed.barrier()

    def agree(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by the first process's."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)


def current_ranks() -> Ranks:
    """Return this process's place among those that joined, or one alone."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return Ranks()
    return Ranks(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def joined_ranks() -> Iterator[str | None]:
    """Train with the processes that torchrun started, until the end; alone without torchrun.

    NCCL where there is CUDA, else Gloo.

    Yields:
        The device of this process, or None when it is alone and may use any.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield None
        return
    device = "cpu"
    if torch.cuda.is_available():
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    distributed.init_process_group("gloo" if device == "cpu" else "nccl")
    try:
        yield device
    finally:
        distributed.destroy_process_group()
