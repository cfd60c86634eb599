"""Options that say which model answers, and with which learned tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from sleepy_coder.cli.options import bundle, device_option
from sleepy_coder.errors import InputError
from sleepy_coder.repair import Strategy
from sleepy_coder.serving import TaskSources, shipped_store
from sleepy_coder.versions import default_store
from sleepy_coder.weights import DEFAULT_MODEL
from sleepy_coder.workbench import Workbench

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True)
class ModelOptions:
    """Which model answers, on what, and how it is asked."""

    model: str
    device: str
    dtype: str
    max_new_tokens: int

    def workbench(self, strategies: Sequence[Strategy]) -> Workbench:
        """Return a workbench with the model, if one of these strategies needs it."""
        model = None
        if any(strategy.needs_model for strategy in strategies):
            from sleepy_coder.model import load_model

            model = load_model(self.model, device=self.device, dtype=self.dtype)
        return Workbench(model=model, max_new_tokens=self.max_new_tokens)


@dataclass(frozen=True)
class PromptedModelOptions(ModelOptions):
    """The same, and which rendering of the errors it is shown."""

    full_diagnostics: bool

    def workbench(self, strategies: Sequence[Strategy]) -> Workbench:
        """Return a workbench with the model, if one of these strategies needs it."""
        bench = super().workbench(strategies)
        return replace(bench, use_full_rendering=self.full_diagnostics)


@dataclass(frozen=True)
class StoreOptions:
    """Which store of learned tasks is used."""

    store: Path | None
    no_store: bool

    def resolve(self, model: str) -> Path | None:
        """Return what was named; in place of a store that was not, the model's own, if any.

        That is what nights have made of the shipped one, or the shipped one (`default_store`).
        """
        self.check()
        return self.store if self.store or self.no_store else default_store(model)

    def check(self) -> None:
        """Refuse options that contradict each other."""
        if self.store and self.no_store:
            raise click.UsageError("--store and --no-store exclude each other; pass one of them")


@dataclass(frozen=True)
class SourceOptions(StoreOptions):
    """Which learned tasks there are for the strategies that use them."""

    adapters: Path | None

    def find(self, model: str, strategies: Sequence[Strategy]) -> TaskSources:
        """Return what was named; in place of a store that was not, the model's own (`resolve`).

        Raises:
            InputError: There is none, and one of the strategies cannot do without.
        """
        self.check()
        users = [s for s in strategies if s.serves in {"store", "projected"}]
        store = self.resolve(model) if users else self.store
        needy = [s.name for s in users if s.needs_tasks]
        if store is None and needy and not self.no_store:
            raise _no_store(model, f"strategy {needy[0]}")
        return TaskSources(store, self.adapters)


def require_shipped_store(model: str, user: str) -> Path:
    """Return the store that is shipped for a model, or say that its user cannot do without."""
    store = shipped_store(model)
    if store is None:
        raise _no_store(model, user)
    return store


def _no_store(model: str, user: str) -> InputError:
    return InputError(
        f"{user}: no store of learned tasks is shipped for model {model}; pass --store"
    )


adapters_option = click.option(
    "--adapters", type=FOLDER, help="PEFT adapters, one a task, as `sleepy lora train` writes them."
)
store_options = bundle(
    "stores",
    StoreOptions,
    click.option(
        "--store",
        type=FOLDER,
        help="Learned tasks; by default what nights have made of those shipped for the model.",
    ),
    click.option("--no-store", is_flag=True, help="Take none: the base model alone answers."),
)
source_options = bundle(
    "sources",
    SourceOptions,
    click.option(
        "--store",
        type=FOLDER,
        help="Learned tasks, for the strategies that use them; by default what nights have made "
        "of those shipped for the model.",
    ),
    click.option(
        "--no-store",
        is_flag=True,
        help="Take no store, not even the shipped one; cascade then leaves out routed and general.",
    ),
    adapters_option,
)
model_option = click.option(
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    help="Registered name, hub id, local directory or .gguf file.",
)
dtype_option = click.option(
    "--dtype", default="auto", show_default=True, help="auto, float32, bfloat16, …"
)
_MODEL = (
    model_option,
    device_option,
    dtype_option,
    click.option("--max-new-tokens", type=click.IntRange(min=1), default=1024, show_default=True),
)
model_options = bundle("options", ModelOptions, *_MODEL)
prompted_model_options = bundle(
    "options",
    PromptedModelOptions,
    *_MODEL,
    click.option(
        "--full-diagnostics",
        is_flag=True,
        help="Prompt with rustc's own rendering in place of the compact one.",
    ),
)
