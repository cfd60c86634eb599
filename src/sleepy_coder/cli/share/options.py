"""Options and printing that several `sleepy share` commands have in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import torch

from sleepy_coder.cli.tables import describe_value, print_table
from sleepy_coder.errors import InputError
from sleepy_coder.share.choice import (
    ByteBudget,
    Choice,
    ErrorBudget,
    ExplainedVariance,
    FixedComponents,
)
from sleepy_coder.share.foreign import open_adapters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sleepy_coder.share.subspace import AdapterSource, Objective

Command = TypeVar("Command", bound="Callable[..., Any]")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
DIRECTORY = click.Path(file_okay=False, path_type=Path)

store_argument = click.argument("store", type=DIRECTORY)
adapters_argument = click.argument("adapters", nargs=-1, required=True, type=DIRECTORY)
out_option = click.option(
    "--out", type=DIRECTORY, help="Store to write; by default the one that was read."
)
base_model_option = click.option(
    "--base-model",
    help="Name to record, though adapters name others; by default the store's, or theirs.",
)
pseudo_rank_option = click.option(
    "--pseudo-rank",
    type=click.IntRange(min=1),
    help="Columns p of a task's coefficients; by default each adapter's rank.",
)
scaling_option = click.option(
    "--vlora-scaling", type=float, help="alpha / r of the adapters in a vlora-dev store."
)
dtype_option = click.option(
    "--dtype", type=click.Choice(list(DTYPES)), default="float32", show_default=True
)
config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The base model's config.json.",
)


def choice_options(command: Command) -> Command:
    """Add the four ways to choose how many directions a basis keeps."""
    for option in (
        click.option(
            "--bytes",
            "num_bytes",
            type=int,
            help="Size of bases and coefficients; what merging needs, moments, comes on top.",
        ),
        click.option(
            "--error",
            type=float,
            help="Largest relative error of a module's ΔW, all tasks together, before "
            "--pseudo-rank; needs objective product.",
        ),
        click.option("--variance", type=float, help="Explained variance, a fraction."),
        click.option("--components", type=int, help="k, the same for every module and side."),
    ):
        command = option(command)
    return command


def pick_choice(
    components: int | None, variance: float | None, error: float | None, num_bytes: int | None
) -> Choice | ByteBudget | None:
    """Return the rule that was asked for, or None.

    Raises:
        InputError: More than one was asked for.
    """
    given: list[Choice | ByteBudget] = []
    if components is not None:
        given.append(FixedComponents(components))
    if variance is not None:
        given.append(ExplainedVariance(variance))
    if error is not None:
        given.append(ErrorBudget(error))
    if num_bytes is not None:
        given.append(ByteBudget(num_bytes))
    if len(given) > 1:
        raise InputError("give at most one of --components, --variance, --error and --bytes")
    return given[0] if given else None


def pick_objective(objective: Objective | None, choice: Choice | ByteBudget | None) -> Objective:
    """Return the objective that was named, or the one that goes with the rule.

    Raises:
        InputError: The rule bounds the error of ΔW, which the named objective cannot.
    """
    if not isinstance(choice, ErrorBudget):
        return objective or "factors"
    if objective == "factors":
        raise InputError(
            "--error bounds ΔW, which objective factors does not; use objective product, or "
            "--variance or --components"
        )
    return "product"


def open_all(paths: Iterable[Path], vlora_scaling: float | None) -> list[AdapterSource]:
    """Return the adapters at all paths."""
    return [source for path in paths for source in open_adapters(path, vlora_scaling=vlora_scaling)]


def print_result(
    rows: Sequence[dict[str, Any]], summary: dict[str, Any], *, title: str, as_json: bool
) -> None:
    """Print a summary and a table, or both as one JSON object."""
    if as_json:
        click.echo(json.dumps({**summary, "rows": list(rows)}, indent=1))
        return
    if rows:
        print_table(rows, title=title)
    for name, value in summary.items():
        click.echo(f"{name.replace('_', ' ')}: {describe_value(value)}")
