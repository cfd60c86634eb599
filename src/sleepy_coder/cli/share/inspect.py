"""`sleepy share info | check | compare`: what a store holds, if it is sound, how two differ."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sleepy_coder.cli.options import json_option
from sleepy_coder.cli.share.options import config_option, print_result, store_argument
from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.share.analysis import (
    Storage,
    cluster_tasks,
    explained_variance,
    grassmann_distance,
    outlier_tasks,
    storage,
    subspace_angles,
    task_similarity,
)
from sleepy_coder.share.files import read_json
from sleepy_coder.share.health import check_subspace, knows_names
from sleepy_coder.share.store import load_store, written_tasks
from sleepy_coder.share.subspace import width_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from sleepy_coder.share.manifest import Store


@click.command()
@store_argument
@click.option(
    "--rank",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="r of the LoRA to compare with.",
)
@json_option
def info(store: Path, rank: int, as_json: bool) -> None:
    """Show the tasks of STORE and what they cost against plain LoRA adapters.

    Columns that tasks have in common count once, as those of the task whose they are.
    """
    loaded = load_store(store)
    written = replace(loaded.subspace, tasks=written_tasks(loaded))
    names, similarity = task_similarity(loaded.subspace)
    outliers = outlier_tasks(names, similarity)
    group_of = {
        name: number
        for number, group in enumerate(cluster_tasks(names, similarity, 0.5), 1)
        for name in group
    }
    rows = [
        {
            "task": name,
            "p": width_of(task),
            "modules": len(task),
            "bytes": sum(e.coef_a.nbytes + e.coef_b.nbytes for e in task.values()),
            "cluster": group_of[name],
            "outlier": "yes" if name in outliers else "",
        }
        for name, task in written.tasks.items()
    ]
    summary = _summary(loaded, storage(written, rank), rank)
    print_result(rows, summary, title=str(store), as_json=as_json)


def _summary(store: Store, cost: Storage, rank: int) -> dict[str, Any]:
    """Return what a store costs and holds, all tasks together."""
    subspace = store.subspace
    sides = [(basis.basis_a.shape[1], basis.basis_b.shape[1]) for basis in subspace.bases.values()]
    held = explained_variance(subspace) if subspace.moments else {}
    return {
        "base_model": store.base_model,
        "sha256": store.sha256,
        "modules": len(sides),
        "components_a": _span([a for a, _ in sides]),
        "components_b": _span([b for _, b in sides]),
        "explained_variance_a": _mean([side.a for side in held.values()]),
        "explained_variance_b": _mean([side.b for side in held.values()]),
        "basis_bytes": cost.basis_bytes,
        "bytes_per_task": round(cost.task_bytes),
        "bytes_per_lora": cost.lora_bytes,
        "lora_rank": rank,
        "times_smaller_per_task": cost.ratio if math.isfinite(cost.ratio) else None,
        "break_even_tasks": cost.break_even_tasks,
    }


@click.command()
@store_argument
@config_option
@json_option
@click.pass_context
def check(context: click.Context, store: Path, config_file: Path | None, as_json: bool) -> None:
    """Check STORE: hashes, shapes, finite values, orthonormal bases, the base model's layers.

    Exits with 1 when something is wrong.
    """
    config = read_json(config_file) if config_file else None
    try:
        loaded = load_store(store)
    except StoreError as error:
        findings, extent = [str(error)], "not checked: the store cannot be read"
    else:
        findings, extent = check_subspace(loaded.subspace, config), _extent(config)
    summary = {"is_sound": not findings, "findings": len(findings), "base_model": extent}
    if not as_json:
        for finding in findings:  # whole, where a table would cut them
            click.echo(finding)
    rows = [{"finding": finding} for finding in findings] if as_json else []
    print_result(rows, summary, title=str(store), as_json=as_json)
    context.exit(1 if findings else 0)


def _extent(config: Mapping[str, Any] | None) -> str:
    """Return how far a store was checked against its base model."""
    if config is None:
        return "not checked: give its config.json with --config"
    if knows_names(config):
        return "checked"
    kind = str(config.get("model_type"))[:50]
    return f"not checked: the layers of model_type {kind!r} are not known here"


@click.command()
@store_argument
@click.argument("other", type=click.Path(file_okay=False, path_type=Path))
@json_option
def compare(store: Path, other: Path, as_json: bool) -> None:
    """Compare the bases of two stores: principal angles (radians) and Grassmann distances."""
    angles = subspace_angles(load_store(store).subspace, load_store(other).subspace)
    if not angles:
        raise InputError(f"{store} and {other} have no module in common")
    rows = [
        {
            "module": module,
            "largest_angle_a": _largest(sides.a),
            "largest_angle_b": _largest(sides.b),
            "grassmann_a": grassmann_distance(sides.a),
            "grassmann_b": grassmann_distance(sides.b),
        }
        for module, sides in angles.items()
    ]
    summary = {
        "mean_cosine_a": _mean([float(s.a.cos().mean()) for s in angles.values() if len(s.a)]),
        "mean_cosine_b": _mean([float(s.b.cos().mean()) for s in angles.values() if len(s.b)]),
    }
    print_result(rows, summary, title=f"{store} and {other}", as_json=as_json)


def _largest(angles: Tensor) -> float | None:
    """Return the largest angle, or None where a basis has no directions."""
    return float(angles.max()) if len(angles) else None


def _span(sizes: list[int]) -> str:
    low, high = min(sizes, default=0), max(sizes, default=0)
    return str(low) if low == high else f"{low} to {high}"


def _mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
