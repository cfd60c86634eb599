"""Options that several commands share, so that one thing has one name everywhere."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sleepy_coder.sandbox import Sandbox, confinement

Decorator = Callable[[Callable[..., None]], Callable[..., None]]

set_option = click.option(
    "--set",
    "set_name",
    default="frozen",
    show_default=True,
    metavar="SET",
    help="frozen (30 problems), core (those and 12 more), or a path to JSONL.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, not a table.")
device_option = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda or mps."
)
unconfined_option = click.option(
    "--allow-unconfined",
    is_flag=True,
    help="Compile and run programs without a sandbox where bubblewrap does not work.",
)


def config_option(name: str) -> Decorator:
    """Return the option that names a configuration of learning; by default that of this name."""
    return click.option(
        "--config",
        "config_path",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        default=Path(f"configs/{name}.toml"),
        show_default=True,
        help="What to learn, and how.",
    )


def bundle(name: str, kind: type[Any], *options: Decorator) -> Decorator:
    """Return a decorator that adds options and hands their values over as one `kind` object."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def packed(**values: Any) -> None:
            own = {field.name: values.pop(field.name) for field in dataclasses.fields(kind)}
            command(**values, **{name: kind(**own)})

        decorated: Callable[..., None] = packed
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def split_commas(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, ...]:
    """Return the entries of a comma-separated option (a click callback)."""
    return tuple(entry.strip() for entry in value.split(",") if entry.strip())


def open_sandbox(*, allow_unconfined: bool) -> Sandbox:
    """Return a confined sandbox, or, with consent and a warning, one that only sets limits.

    Raises:
        SandboxError: bubblewrap does not work here and `allow_unconfined` is not set.
    """
    state = confinement()
    if state.is_working or not allow_unconfined:
        return Sandbox()
    click.echo(
        f"sleepy: programs run unconfined, under time and memory limits only: {state.reason}",
        err=True,
    )
    return Sandbox(confine=False)
