"""`sleepy share init | project | merge`: adapters into a store."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import click

from sleepy_coder.cli.options import json_option
from sleepy_coder.cli.progress import counted
from sleepy_coder.cli.share.options import (
    DIRECTORY,
    DTYPES,
    adapters_argument,
    base_model_option,
    choice_options,
    dtype_option,
    open_all,
    out_option,
    pick_choice,
    pick_objective,
    print_result,
    pseudo_rank_option,
    scaling_option,
    store_argument,
)
from sleepy_coder.errors import InputError
from sleepy_coder.model import choose_device
from sleepy_coder.share.analysis import task_error
from sleepy_coder.share.choice import ByteBudget, ExplainedVariance
from sleepy_coder.share.files import check_replaceable
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.manifest import Store
from sleepy_coder.share.merge import merge as merge_subspace
from sleepy_coder.share.peft_io import PeftAdapter
from sleepy_coder.share.store import STORE, exclusive, load_store, require_store, save_store
from sleepy_coder.share.tasks import add_task
from sleepy_coder.share.tasks import project as project_adapter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sleepy_coder.share.subspace import AdapterSource, Objective


@click.command()
@adapters_argument
@click.option("--out", required=True, type=DIRECTORY, help="Store to write.")
@choice_options
@click.option(
    "--objective",
    type=click.Choice(["factors", "product"]),
    help="Whose energy to keep: the factors' (the paper; the default) or that of ΔW (the default "
    "with --error).",
)
@click.option("--center", is_flag=True, help="Principal directions about the mean, and the mean.")
@pseudo_rank_option
@dtype_option
@click.option("--device", default="cpu", show_default=True)
@base_model_option
@scaling_option
@json_option
def init(
    adapters: tuple[Path, ...],
    out: Path,
    components: int | None,
    variance: float | None,
    error: float | None,
    num_bytes: int | None,
    objective: Objective | None,
    center: bool,
    pseudo_rank: int | None,
    dtype: str,
    device: str,
    base_model: str | None,
    vlora_scaling: float | None,
    as_json: bool,
) -> None:
    """Learn a basis from ADAPTERS (PEFT adapters, folders of them, other tools' stores)."""
    choice = pick_choice(components, variance, error, num_bytes) or ExplainedVariance()
    sources = open_all(adapters, vlora_scaling)
    recorded = _one_base(sources, "", base_model)
    check_replaceable(out, STORE)
    options = InitOptions(
        choice=choice,
        objective=pick_objective(objective, choice),
        center=center,
        pseudo_rank=pseudo_rank,
        dtype=DTYPES[dtype],
        device=choose_device(device),
    )
    with counted("modules", len(_modules(sources))) as advance:
        subspace = init_subspace(sources, options, on_module=lambda _name: advance())
    store = Store(
        subspace,
        base_model=recorded,
        provenance={source.name: _provenance(source) for source in sources},
    )
    save_store(store, out)
    _print_store(store, out, {}, as_json=as_json)


@click.command()
@store_argument
@adapters_argument
@pseudo_rank_option
@out_option
@base_model_option
@scaling_option
@json_option
def project(
    store: Path,
    adapters: tuple[Path, ...],
    pseudo_rank: int | None,
    out: Path | None,
    base_model: str | None,
    vlora_scaling: float | None,
    as_json: bool,
) -> None:
    """Add ADAPTERS to STORE as coefficients; the basis stays as it is.

    What the basis misses of an adapter is lost, and so is what p columns cannot hold; `merge`
    keeps the former.
    """
    missed: dict[str, float] = {}
    sources = open_all(adapters, vlora_scaling)
    with _changed(store, out, sources, base_model) as loaded:
        subspace, provenance = loaded.subspace, dict(loaded.provenance)
        with counted("adapters", len(sources)) as advance:
            for source in sources:
                coefficients = project_adapter(subspace, source, pseudo_rank)
                subspace = add_task(subspace, source.name, coefficients)
                provenance[source.name] = _provenance(source)
                missed[source.name] = task_error(subspace, source)
                advance()
        result = replace(loaded, subspace=subspace, provenance=provenance)
        save_store(result, out or store)
    _print_store(result, out or store, missed, as_json=as_json)


@click.command()
@store_argument
@adapters_argument
@choice_options
@pseudo_rank_option
@out_option
@base_model_option
@scaling_option
@json_option
def merge(
    store: Path,
    adapters: tuple[Path, ...],
    components: int | None,
    variance: float | None,
    error: float | None,
    num_bytes: int | None,
    pseudo_rank: int | None,
    out: Path | None,
    base_model: str | None,
    vlora_scaling: float | None,
    as_json: bool,
) -> None:
    """Merge ADAPTERS into STORE: new directions into the basis, old coefficients recomputed.

    Without a rule for the number of directions the basis does not grow.
    """
    choice = pick_choice(components, variance, error, num_bytes)
    if isinstance(choice, ByteBudget):
        raise InputError("--bytes works with init only; give --components, --variance or --error")
    sources = open_all(adapters, vlora_scaling)
    with _changed(store, out, sources, base_model) as loaded:
        pick_objective(loaded.subspace.objective, choice)
        num_modules = len(_modules(sources) | set(loaded.subspace.bases))
        with counted("modules", num_modules) as advance:
            merged = merge_subspace(
                loaded.subspace,
                sources,
                choice=choice,
                pseudo_rank=pseudo_rank,
                on_module=lambda _name: advance(),
            )
        origins = {source.name: _provenance(source) for source in sources}
        provenance = {**loaded.provenance, **origins}
        result = replace(loaded, subspace=merged.subspace, provenance=provenance)
        save_store(result, out or store)
    _print_store(result, out or store, merged.losses, as_json=as_json)


@contextmanager
def _changed(
    path: Path, out: Path | None, sources: Sequence[AdapterSource], base_model: str | None
) -> Iterator[Store]:
    """Lend a store for as long as nobody else may change what is written of it."""
    require_store(path)  # before a lock is made where there is none
    with exclusive(out or path):
        loaded = load_store(path)
        recorded = _one_base(sources, loaded.base_model, base_model)
        yield replace(loaded, base_model=recorded)


def _modules(sources: Iterable[AdapterSource]) -> set[str]:
    """Return the modules that any of the adapters has."""
    return {name for source in sources for name in source.module_names()}


def _print_store(store: Store, path: Path, losses: dict[str, float], *, as_json: bool) -> None:
    """Print what was written and what each task lost."""
    rows = [{"task": name, "relative_error": loss} for name, loss in losses.items()]
    summary = {
        "store": str(path),
        "tasks": len(store.subspace.tasks),
        "modules": len(store.subspace.bases),
        "bytes": sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
    }
    print_result(rows, summary, title="what each task lost", as_json=as_json)


def _provenance(source: AdapterSource) -> dict[str, Any]:
    """Return where a task came from, without paths."""
    if not isinstance(source, PeftAdapter):
        return {"adapter": source.name, "format": type(source).__name__}
    form = source.provenance.get("answer_form")
    return {"adapter": source.name, "format": "peft", **({"answer_form": form} if form else {})}


def _one_base(sources: Iterable[AdapterSource], recorded: str, said: str | None) -> str:
    """Return the base model of a store: as the user says, as recorded, or as the adapters name it.

    Names are alike that end alike: of a model in a folder, or under another owner.

    Raises:
        InputError: They differ, and the user does not say which it is.
    """
    if said is not None:
        return said
    named = {source.base_model for source in sources if isinstance(source, PeftAdapter)}
    names = sorted({_without_path(name) for name in (*named, recorded)} - {""})
    if len({name.rpartition("/")[2].casefold() for name in names}) > 1:
        raise InputError(
            f"adapters of several base models: {', '.join(names)}; a basis is of one. Where they "
            "are the same, say its name with --base-model"
        )
    return recorded or (names[0] if names else "")


def _without_path(name: str) -> str:
    """Return a base model's name; of a path, which no store may hold, its last part."""
    if hub := re.search(r"[/\\]models--([^/\\]+)[/\\]snapshots[/\\]", name):
        return hub[1].replace("--", "/")
    is_path = name.startswith(("/", "~", ".", "\\")) or PureWindowsPath(name).is_absolute()
    return PureWindowsPath(name).name if is_path else name.rstrip("/")
