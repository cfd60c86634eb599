"""Where learned tasks come from, and their stay on a model while a strategy runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sleepy_coder.model import RepairModel
    from sleepy_coder.workbench import ServedTasks, Serves, Workbench

_PACKAGE = Path(__file__).parent
# Where shipped stores lie, in folders named as their models: in an installed wheel, in a clone.
ARTIFACTS = (_PACKAGE / "artifacts", _PACKAGE.parent.parent / "artifacts")


def shipped_store(model: str) -> Path | None:
    """Return the store that is shipped for the model of exactly this name, or None.

    The folder's name is where to look; whose store it is, its manifest says.

    Raises:
        StoreError: There is a manifest, but it cannot be read.
    """
    for path in (folder / Path(model).name for folder in ARTIFACTS):
        if _manifest_of(path).get("base_model") == model:
            return path
    return None


def _manifest_of(store: Path) -> dict[str, Any]:
    """Return the manifest in a folder; empty where there is none."""
    from sleepy_coder.share.files import read_json
    from sleepy_coder.share.manifest import MANIFEST_FILE

    path = store / MANIFEST_FILE
    return read_json(path) if path.is_file() else {}


@dataclass(frozen=True)
class TaskSources:
    """What was named to serve tasks from.

    Attributes:
        store: A Share store, or None.
        adapters: A folder of PEFT adapters, or None.
    """

    store: Path | None = None
    adapters: Path | None = None

    def has_general(self) -> bool:
        """Whether the store has a task that learned from many patterns together."""
        from sleepy_coder.patterns import GENERAL

        return self.store is not None and GENERAL in _manifest_of(self.store).get("tasks", ())

    @contextmanager
    def serve(self, kind: Serves | None, bench: Workbench) -> Iterator[Workbench]:
        """Yield the workbench with the tasks of a kind on its model, which then leave it again.

        Without a model, or without the files that the kind takes, there are no tasks.
        """
        learned = None if bench.model is None else self._open(kind, bench.model)
        try:
            yield replace(bench, learned=learned)
        finally:
            if learned is not None:
                learned.close()

    def _open(self, kind: Serves | None, model: RepairModel) -> ServedTasks | None:
        from sleepy_coder.adapters import AdapterTasks, load_adapters, project_adapters
        from sleepy_coder.learned import LearnedTasks
        from sleepy_coder.share.store import load_store

        if kind == "store" and self.store:
            return LearnedTasks(model, load_store(self.store))
        if kind == "adapters" and self.adapters:
            return AdapterTasks(model, load_adapters(self.adapters))
        if kind == "projected" and self.store and self.adapters:
            store = load_store(self.store)
            return LearnedTasks(model, project_adapters(store, load_adapters(self.adapters)))
        return None
