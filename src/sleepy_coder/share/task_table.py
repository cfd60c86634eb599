"""Resident tasks: one flat row of coefficients per task, gathered once per batch.

A row holds every module's `coef_a` and `coef_b` one after the other, each stored as (p, k). Serving
a batch then costs one `index_select` for the whole model; layers see views of its result.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from sleepy_coder.errors import StoreError
from sleepy_coder.share.subspace import ModuleCoefficients, width_of
from sleepy_coder.share.tasks import columns_beyond

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

    from sleepy_coder.share.subspace import ModuleBasis, TaskCoefficients

_GROWTH = 1.25  # how much room a full table asks for; more would break the promised bytes per task


@dataclass(frozen=True)
class RowLayout:
    """Where each module's coefficients lie in a task's flat row.

    Args:
        components: Per module name, (k_a, k_b): how many basis columns each side has.
        pseudo_rank: p, the columns of coefficients that every row has room for.
    """

    components: Mapping[str, tuple[int, int]]
    pseudo_rank: int

    @classmethod
    def of_bases(cls, bases: Mapping[str, ModuleBasis], pseudo_rank: int) -> RowLayout:
        """Return the layout that fits these bases, modules in their order."""
        sizes = {
            name: (basis.basis_a.shape[1], basis.basis_b.shape[1]) for name, basis in bases.items()
        }
        return cls(sizes, pseudo_rank)

    @property
    def width(self) -> int:
        """Return how many numbers one task takes."""
        return sum(self.sizes())

    def sizes(self) -> list[int]:
        """Return the lengths of the consecutive pieces of a row: a, b, a, b, ..."""
        p = self.pseudo_rank
        return [k * p for pair in self.components.values() for k in pair]

    def flatten(self, task: TaskCoefficients) -> Tensor:
        """Return one task's row, shape (width,), float32; absent modules and columns are zero.

        Raises:
            StoreError: A module is unknown, or a coefficient's shape does not fit its basis.
        """
        unknown = sorted(set(task) - set(self.components))
        if unknown:
            raise StoreError(
                f"task has coefficients for {unknown[0]!r}, which the basis lacks; "
                "use coefficients made for this basis"
            )
        pieces: list[Tensor] = []
        for name, (k_a, k_b) in self.components.items():
            entry = task.get(name)
            pieces.append(self._piece(f"coef_a of {name}", entry.coef_a if entry else None, k_a))
            pieces.append(self._piece(f"coef_b of {name}", entry.coef_b if entry else None, k_b))
        return torch.cat(pieces)

    def _piece(self, what: str, coef: Tensor | None, k: int) -> Tensor:
        """Return (k, p) coefficients as a (pseudo_rank * k,) piece, padded by zero columns."""
        padded = torch.zeros(self.pseudo_rank, k)
        if coef is not None:
            if coef.ndim != 2 or coef.shape[0] != k or coef.shape[1] > self.pseudo_rank:  # noqa: PLR2004 - a matrix
                raise StoreError(
                    f"{what} does not fit: got {tuple(coef.shape)}, "
                    f"expected ({k}, at most {self.pseudo_rank})"
                )
            padded[: coef.shape[1]] = coef.detach().T.to("cpu", torch.float32)
        return padded.flatten()

    def views(self, rows: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Split (B, width) rows into each module's coef_a and coef_b: (B, p, k_a), (B, p, k_b)."""
        p = self.pseudo_rank
        pieces = [
            piece.view(len(rows), p, piece.shape[1] // p)
            for piece in torch.split(rows, self.sizes(), dim=1)
        ]
        return list(zip(pieces[::2], pieces[1::2], strict=True))

    def unflatten(self, row: Tensor) -> dict[str, ModuleCoefficients]:
        """Return the coefficients that one (width,) row holds, p columns each."""
        pairs = zip(self.components, self.views(row.detach().unsqueeze(0)), strict=True)
        return {
            name: ModuleCoefficients(
                coef_b=b[0].T.contiguous().clone(), coef_a=a[0].T.contiguous().clone()
            )
            for name, (a, b) in pairs
        }


class CommonColumns:
    """Columns of coefficients that many tasks begin with, kept once.

    Args:
        common: The columns.
        layout: Of rows that hold what stands behind them.

    Raises:
        StoreError: The columns do not fit the layout's bases or are not finite.
    """

    def __init__(
        self, common: TaskCoefficients, layout: RowLayout, device: torch.device | str = "cpu"
    ) -> None:
        first = width_of(common)
        self.layout = RowLayout(layout.components, first + layout.pseudo_rank)
        self.row = self.layout.flatten(common).to(device)
        if not bool(self.row.isfinite().all()):
            raise StoreError("common columns are non-finite; train their task again")
        numbers = torch.arange(self.layout.width).unsqueeze(0)
        sides = [side for pair in self.layout.views(numbers) for side in pair]
        self._places = torch.cat([side[0, first:].flatten() for side in sides]).to(device)

    @property
    def num_bytes(self) -> int:
        """Return the bytes that the columns take."""
        return self.row.numel() * self.row.element_size()

    def before(self, own: Tensor, is_behind: Tensor | None = None) -> Tensor:
        """Return these columns, and behind them each row's own ones.

        Args:
            own: (B, width) rows in the layout that was given.
            is_behind: (B,), false where zeros shall stand in these columns' place; by default all
                true.

        Returns:
            (B, width) rows in `layout`.
        """
        rows = self.row.expand(len(own), -1)
        if is_behind is not None:
            rows = rows.where(is_behind.unsqueeze(1), 0.0)
        return rows.index_copy(1, self._places, own)


class TaskTable:
    """The tasks that a model can serve right now; safe to change from any thread while it serves.

    A batch copies the rows it needs when it starts, so that adding, replacing or removing a task
    never disturbs a batch under way.

    Args:
        bases: What the tasks' coefficients are for.
        device: Where their rows are kept.
        common: Columns that many of the tasks begin with: they are kept once, and of such a task
            only what stands behind them. A task that does not begin with them is kept whole, and
            every row has room for as many columns as the widest.
    """

    def __init__(
        self,
        bases: Mapping[str, ModuleBasis],
        device: torch.device | str = "cpu",
        *,
        common: TaskCoefficients | None = None,
    ) -> None:
        self._bases = bases
        self._lock = threading.Lock()
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self.layout = RowLayout.of_bases(bases, pseudo_rank=1)
        self._rows = torch.zeros(0, self.layout.width, device=device)
        self._common = _on_cpu(common) if common else None
        self._columns = CommonColumns(common, self.layout, device) if common else None
        # Whether a slot's task begins with them.
        self._is_behind = torch.zeros(0, dtype=torch.bool, device=device)

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, name: object) -> bool:
        return name in self._slots

    @property
    def names(self) -> list[str]:
        """Return the names of the resident tasks, in the order of their arrival."""
        return list(self._slots)

    @property
    def num_bytes(self) -> int:
        """Return the bytes that the resident coefficients take, spare room included."""
        tables = (self._rows, self._is_behind)
        common = self._columns.num_bytes if self._columns else 0
        return common + sum(table.numel() * table.element_size() for table in tables)

    def add(self, tasks: Mapping[str, TaskCoefficients]) -> None:
        """Make these tasks resident at once, replacing tasks of the same name.

        Raises:
            StoreError: Coefficients do not fit the basis or are not finite; nothing is added then.
        """
        if not tasks:
            return
        beyond = {name: self._beyond_common(task) for name, task in tasks.items()}
        own = [tasks[name] if task is None else task for name, task in beyond.items()]
        is_behind = torch.tensor([task is not None for task in beyond.values()])
        rank = max((entry.coef_a.shape[-1] for task in own for entry in task.values()), default=1)
        with self._lock:
            layout = RowLayout(self.layout.components, max(rank, self.layout.pseudo_rank, 1))
            rows = torch.stack([layout.flatten(task) for task in own])
            finite = torch.isfinite(rows).all(dim=1).tolist()
            for name, is_finite in zip(tasks, finite, strict=True):
                if not is_finite:
                    raise StoreError(f"task {name!r} has non-finite coefficients; train it again")
            self._widen(layout)
            self._reserve(sum(name not in self._slots for name in tasks))
            slots = [
                self._slots[name] if name in self._slots else self._free.pop() for name in tasks
            ]
            self._rows[torch.tensor(slots)] = rows.to(self._rows)
            self._is_behind[torch.tensor(slots)] = is_behind.to(self._is_behind)
            self._slots.update(zip(tasks, slots, strict=True))

    def remove(self, names: Iterable[str]) -> None:
        """Forget these tasks.

        Raises:
            StoreError: A task is not resident; nothing is removed then.
        """
        with self._lock:
            doomed = list(dict.fromkeys(names))
            for name in doomed:
                self._slot(name)
            self._free.extend(self._slots.pop(name) for name in doomed)

    def gather(self, names: Sequence[str]) -> tuple[RowLayout, Tensor]:
        """Return the layout and a copy of the tasks' rows, shape (len(names), width).

        Raises:
            StoreError: A task is not resident.
        """
        with self._lock:
            slots = torch.tensor([self._slot(name) for name in names], device=self._rows.device)
            own = self._rows.index_select(0, slots)
            if self._columns is None:
                return self.layout, own
            return self._columns.layout, self._columns.before(own, self._is_behind[slots])

    def directions(self, module: str) -> None:
        """Return None: resident tasks use the shared basis alone."""

    def _beyond_common(self, task: TaskCoefficients) -> TaskCoefficients | None:
        """Return what stands behind the common columns, or None where they are not in front."""
        is_readable = all(entry.coef_a.ndim == entry.coef_b.ndim == 2 for entry in task.values())  # noqa: PLR2004 - matrices
        if self._common is None or not is_readable:
            return None
        return columns_beyond(_on_cpu(task), self._common)

    def _slot(self, name: str) -> int:
        slot = self._slots.get(name)
        if slot is None:
            raise StoreError(f"no resident task {name!r}; add it first, or pass None for no task")
        return slot

    def _widen(self, layout: RowLayout) -> None:
        """Re-lay all rows for a larger pseudo-rank; new columns are zero."""
        if layout.pseudo_rank == self.layout.pseudo_rank:
            return
        wide = torch.zeros(len(self._rows), layout.width, device=self._rows.device)
        pairs = zip(self.layout.views(self._rows), layout.views(wide), strict=True)
        for (old_a, old_b), (new_a, new_b) in pairs:
            new_a[:, : old_a.shape[1]] = old_a
            new_b[:, : old_b.shape[1]] = old_b
        self.layout, self._rows = layout, wide
        if self._common:
            self._columns = CommonColumns(self._common, layout, wide.device)

    def _reserve(self, num_new: int) -> None:
        """Make room for `num_new` more tasks."""
        missing = num_new - len(self._free)
        if missing <= 0:
            return
        old = len(self._rows)
        spare = max(missing, int(old * (_GROWTH - 1)))
        empty = torch.zeros(spare, self.layout.width, device=self._rows.device)
        self._rows = torch.cat([self._rows, empty])
        self._is_behind = torch.cat([self._is_behind, self._is_behind.new_zeros(spare)])
        self._free.extend(reversed(range(old, old + spare)))


def _on_cpu(task: TaskCoefficients) -> TaskCoefficients:
    return {
        module: ModuleCoefficients(entry.coef_b.detach().cpu(), entry.coef_a.detach().cpu())
        for module, entry in task.items()
    }
