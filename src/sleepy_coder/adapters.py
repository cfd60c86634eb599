"""Ordinary LoRA adapters beside the base model, one a task, chosen row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sleepy_coder.errors import StoreError
from sleepy_coder.learned import check_modules
from sleepy_coder.prompt import read_answer_form
from sleepy_coder.share.peft_io import PeftAdapter, find_adapters
from sleepy_coder.share.tasks import project
from sleepy_coder.train.lora_layer import LoraLayout, unwrap_layers, use_rows, wrap_layers

if TYPE_CHECKING:
    from sleepy_coder.model import RepairModel
    from sleepy_coder.prompt import AnswerForm
    from sleepy_coder.router import Route
    from sleepy_coder.share.manifest import Store


@dataclass(frozen=True)
class AdapterFolder:
    """Adapters on disk, one a task.

    Attributes:
        adapters: Task -> its adapter; tensors are read when asked for.
        sha256: Of all of them.
    """

    adapters: Mapping[str, PeftAdapter]
    sha256: str

    def answer_form(self, task: str | None) -> AnswerForm:
        """Return the form in which a task was taught to answer; by default the whole program."""
        adapter = self.adapters.get(task or "")
        return read_answer_form(adapter.name, adapter.provenance) if adapter else "program"


def load_adapters(path: Path) -> AdapterFolder:
    """Return the PEFT adapters in a folder, as `sleepy lora train` writes them.

    Raises:
        StoreError: There is none, or one of them is refused.
    """
    found = {adapter.name: adapter for adapter in find_adapters(path)}
    material = [f"{name}:{adapter.sha256}" for name, adapter in found.items()]
    return AdapterFolder(found, hashlib.sha256("\n".join(material).encode()).hexdigest())


def project_adapters(store: Store, folder: AdapterFolder) -> Store:
    """Return a store with the adapters projected onto its basis in place of its tasks.

    Nothing is trained: each task is the best approximation of its adapter's ΔW in the subspace
    (Share, arXiv:2602.06043, section 3.3), with as many columns as the adapter has ranks.

    Raises:
        StoreError: An adapter has a module that the basis lacks, or of another shape.
    """
    tasks = {name: project(store.subspace, source) for name, source in folder.adapters.items()}
    provenance = {
        name: {"format": "projected", "answer_form": folder.answer_form(name)} for name in tasks
    }
    both = f"{store.sha256}:{folder.sha256}"
    return replace(
        store,
        subspace=replace(store.subspace, tasks=tasks, moments=None),
        provenance=provenance,
        sha256=hashlib.sha256(both.encode()).hexdigest(),
    )


class AdapterTasks:
    """A folder's adapters, resident on a model; a row without one stays the base model's.

    Args:
        model: Its layers are wrapped until `close`, and its decoder told how to name tasks.
        folder: Adapters of smaller rank than the largest are filled up with zeros.

    Raises:
        StoreError: The model lacks a module that an adapter has, or it is of another shape.
    """

    def __init__(self, model: RepairModel, folder: AdapterFolder) -> None:
        self._model = model
        self._folder = folder
        self._places = {name: place for place, name in enumerate(folder.adapters)}
        modules = dict(model.hf_model.named_modules())
        for adapter in folder.adapters.values():
            read_answer_form(adapter.name, adapter.provenance)
        self._layout = _lay_out(folder.adapters.values(), modules)
        check_modules(self._layout.shapes, model.hf_model)
        self._rows = _read_rows(list(folder.adapters.values()), self._layout).to(
            model.device, model.hf_model.dtype
        )
        self._layers = wrap_layers(model.hf_model, self._layout, modules)
        model.decoder.use_tasks = self._use

    def _use(self, names: Sequence[str | None]) -> AbstractContextManager[None]:
        index = [None if name is None else self._places[name] for name in names]
        return use_rows(self._layers, self._layout, self._rows, index)

    def close(self) -> None:
        """Put the model's own layers back."""
        self._model.decoder.rest()
        self._model.decoder.use_tasks = None
        self._model.decoder.prefixes.forget_tasks()
        unwrap_layers(self._model.hf_model, self._layers)

    @property
    def sha256(self) -> str:
        """Return the hash of all adapters."""
        return self._folder.sha256

    def task_of(self, route: Route | None) -> str | None:
        """Return the task that a route leads to, or None where it has no adapter."""
        return route.task if route and route.task in self._places else None

    def general(self) -> None:
        """Return None: adapters are of single patterns."""

    def answer_form(self, task: str | None) -> AnswerForm:
        """Return the form in which a task was taught to answer; the base model's is the program."""
        return self._folder.answer_form(task)

    def min_doubt(self, _task: str) -> float:
        """Return from how much doubt of the base model on a task is heard: it answers alone."""
        return 0.0

    def describe(self) -> Mapping[str, Any]:
        """Return what result files say of the adapters."""
        return {"sha256": self.sha256, "tasks": len(self._places), "rank": self._layout.rank}


def _lay_out(adapters: Iterable[PeftAdapter], modules: Mapping[str, nn.Module]) -> LoraLayout:
    """Return the layout that has room for every adapter's modules.

    Raises:
        StoreError: The model has no such module, or one of another shape.
    """
    shapes: dict[str, tuple[int, int]] = {}
    rank = 0
    for adapter in adapters:
        for name in adapter.module_names():
            shape = adapter.module_shape(name)
            size = (shape.a[1], shape.b[0])
            found = modules.get(name)
            got = (getattr(found, "in_features", 0), getattr(found, "out_features", 0))
            if got != size:
                raise StoreError(
                    f"adapter {adapter.name}, module {name}: got (inputs, outputs) {size}, the "
                    f"model has {got}; use adapters of this model"
                )
            shapes[name] = size
            rank = max(rank, shape.a[0])
    return LoraLayout(shapes, rank, scaling=1.0)


def _read_rows(adapters: Sequence[PeftAdapter], layout: LoraLayout) -> Tensor:
    """Return (tasks, width): every adapter's factors, its scaling folded into B."""
    rows = torch.zeros(len(adapters), layout.width)
    views = layout.views(rows)
    for place, adapter in enumerate(adapters):
        for name in adapter.module_names():
            lora = adapter.load_module(name)
            a, b = views[name]
            a[place, : len(lora.a)] = lora.a
            b[place, :, : lora.b.shape[1]] = lora.scaling * lora.b.float()
    return rows
