"""Learned tasks beside the base model: a store's coefficients, chosen row by row."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleepy_coder.errors import StoreError
from sleepy_coder.patterns import GENERAL
from sleepy_coder.prompt import read_answer_form
from sleepy_coder.share.layer import bytes_of_bases, eject, inject, use_tasks
from sleepy_coder.share.tasks import average

if TYPE_CHECKING:
    from sleepy_coder.model import RepairModel
    from sleepy_coder.prompt import AnswerForm
    from sleepy_coder.router import Route
    from sleepy_coder.share.manifest import Store

AVERAGE = "average-of-all"


def check_base_model(store: Store, model: RepairModel) -> None:
    """Refuse a model that the store's basis was not made for, as far as names tell.

    Raises:
        StoreError: The store names another one.
    """
    names = {model.name, model.public_name, Path(model.name).name}  # older stores: a file's
    if store.base_model and store.base_model not in names:
        raise StoreError(
            f"the store was made for {store.base_model}, the model is {model.name}; "
            "pass the store of this model, or the model of this store"
        )


def check_modules(modules: Iterable[str], hf_model: Any) -> None:
    """Refuse adapted modules outside the decoder's layers, which nothing here would run.

    Raises:
        StoreError: There is one, such as the head that makes tokens.
    """
    inside = {id(module) for module in hf_model.get_decoder().modules()}
    known = dict(hf_model.named_modules())
    for name in modules:
        if name in known and id(known[name]) not in inside:
            raise StoreError(
                f"module {name}: lies outside the model's layers, where adapters are not applied; "
                "leave it out of the adapters"
            )


class LearnedTasks:
    """A store's tasks, resident on a model; a row without a task stays the base model's.

    Args:
        model: Its layers are wrapped, and its decoder told how to name tasks.
        store: Its provenance says in which form each task answers.

    Raises:
        StoreError: The store was made for another model, or is malformed.
    """

    def __init__(self, model: RepairModel, store: Store) -> None:
        check_base_model(store, model)
        check_modules(store.subspace.bases, model.hf_model)
        self.store = store
        # A store that was never saved has no hash: what one says is not to be taken for another's.
        self._identity = store.sha256 or uuid.uuid4().hex
        self._min_doubts = {
            name: _read_min_doubt(name, of) for name, of in store.provenance.items()
        }
        self._answer_forms = {
            name: read_answer_form(name, of) for name, of in store.provenance.items()
        }
        self._model = model
        self._table = inject(model.hf_model, store.subspace, common=store.common)
        model.decoder.use_tasks = partial(use_tasks, model.hf_model)

    def close(self) -> None:
        """Put the model's own layers back."""
        self._model.decoder.rest()
        self._model.decoder.use_tasks = None
        self._model.decoder.prefixes.forget_tasks()
        eject(self._model.hf_model)

    @property
    def sha256(self) -> str:
        """Return the store's hash, or a name of its own where it has none."""
        return self._identity

    @property
    def resident_bytes(self) -> tuple[int, int]:
        """Return the bytes of memory that the coefficients take, and the basis that they share."""
        return self._table.num_bytes, bytes_of_bases(self._model.hf_model)

    def task_of(self, route: Route | None) -> str | None:
        """Return the task that a route leads to, or None where nothing was learned for it."""
        return route.task if route and route.task in self.store.subspace.tasks else None

    def general(self) -> str | None:
        """Return the task that learned from many patterns together, or None without one."""
        return GENERAL if GENERAL in self.store.subspace.tasks else None

    def answer_form(self, task: str | None) -> AnswerForm:
        """Return the form in which a task was taught to answer; the base model's is the program."""
        if task == AVERAGE:
            task = next(iter(self.store.subspace.tasks))
        return self._answer_forms.get(task or "", "program")

    def min_doubt(self, task: str) -> float:
        """Return from how much doubt of the base model on a task is heard, see `dialogue.doubt`.

        Zero for a task that no gate ruled on: it answers alone. Infinite for one that is heard only
        where the base model has no answer.
        """
        return self._min_doubts.get(task, 0.0)

    def use_average(self) -> str:
        """Make the mean of all patterns' ΔW resident; return the name that rows ask for it by."""
        if AVERAGE not in self._table:
            subspace = self.store.subspace
            own = {name: task for name, task in subspace.tasks.items() if name != GENERAL}
            self._table.add({AVERAGE: average(replace(subspace, tasks=own or subspace.tasks))})
        return AVERAGE

    def describe(self) -> Mapping[str, Any]:
        """Return what result files say of the store."""
        bases = self.store.subspace.bases.values()
        return {
            "sha256": self.store.sha256,
            "tasks": len(self.store.subspace.tasks),
            "components": max(basis.basis_a.shape[1] for basis in bases),
        }


def _read_min_doubt(task: str, provenance: Mapping[str, Any]) -> float:
    found = provenance.get("min_doubt", 0.0)
    if found is None:
        return float("inf")
    if isinstance(found, bool) or not isinstance(found, int | float) or not found >= 0:
        raise StoreError(f"task {task}: min_doubt: got {found!r}, expected a number from 0 on")
    return float(found)
