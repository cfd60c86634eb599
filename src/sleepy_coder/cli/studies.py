"""`sleepy experiment coefficients|sequential|subspace|neighbours|ablation`: on a store."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from sleepy_coder.cli.options import (
    config_option,
    device_option,
    open_sandbox,
    split_commas,
    unconfined_option,
)
from sleepy_coder.errors import InputError

_FOLDER = click.Path(file_okay=False, path_type=Path)
_OPTIONS = (
    config_option("experiments"),
    click.option("--data", type=_FOLDER, default=Path("data"), show_default=True),
    click.option("--store", type=_FOLDER, required=True, help="Gives basis and learned tasks."),
    click.option(
        "--work",
        type=_FOLDER,
        default=Path("runs/experiments"),
        show_default=True,
        help="Finished stages; an interrupted experiment goes on.",
    ),
    click.option("--out", type=_FOLDER, default=Path("results/experiments"), show_default=True),
    click.option("--model", help="In place of the configuration's."),
    device_option,
    click.option(
        "--tasks", callback=split_commas, default="", help="Patterns, separated by commas."
    ),
    click.option(
        "--set-field",
        "fields",
        multiple=True,
        metavar="NAME=VALUE",
        help="A setting of the experiment; a list is separated by commas. May be repeated.",
    ),
    unconfined_option,
)


def make_command(name: str, summary: str) -> click.Command:
    """Return the command of one experiment."""

    def run(**values: Any) -> None:
        _run(name, values)

    run.__doc__ = summary
    decorated: Callable[..., None] = run
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return click.command(name)(decorated)


COMMANDS = [
    make_command("coefficients", "Train one task at a time; ask it, routed and forced, all 30."),
    make_command("sequential", "Learn tasks one after another in several orders."),
    make_command("subspace", "Compare the subspaces that different adapters span."),
    make_command("neighbours", "Ask each learned task its neighbours' problems."),
    make_command("ablation", "Vary k, p, the basis's adapters and the pairs."),
]


def parse_fields(kind: type[Any], texts: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings in NAME=VALUE texts, as the fields' defaults have them.

    Raises:
        InputError: A field is unknown or its value malformed.
    """
    known: Mapping[str, Any] = {f.name: f.default for f in dataclasses.fields(kind)}
    found: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in known:
            raise InputError(f"--set-field: got {name}, expected one of {', '.join(known)}")
        default = known[name]
        try:
            if isinstance(default, tuple):
                of = type(default[0]) if default else str
                found[name] = tuple(of(each) for each in value.split(","))
            else:
                found[name] = (int if default is None else type(default))(value)
        except ValueError as error:
            raise InputError(f"--set-field: {text}: {error}") from error
    return found


def _run(name: str, values: dict[str, Any]) -> None:
    from sleepy_coder.experiments.lab import Lab
    from sleepy_coder.experiments.study import STUDIES, run_study
    from sleepy_coder.learned import check_base_model
    from sleepy_coder.learning.config import load_learn_config
    from sleepy_coder.learning.sets import load_learning_sets
    from sleepy_coder.share.store import load_store
    from sleepy_coder.train.setup import load_frozen_model

    fields = parse_fields(STUDIES[name].config, values["fields"])
    if values["tasks"]:
        fields["tasks"] = values["tasks"]
    config = load_learn_config(values["config_path"])
    config = dataclasses.replace(config, model=values["model"] or config.model)
    sandbox = open_sandbox(allow_unconfined=values["allow_unconfined"])
    store = load_store(values["store"])
    model = load_frozen_model(config.model, device=values["device"])
    check_base_model(store, model)
    lab = Lab(
        model=model,
        sets=load_learning_sets(values["data"], with_written=config.uses_written),
        store=store,
        config=config,
        sandbox=sandbox,
        folder=values["work"],
        on_stage=lambda line: click.echo(line, err=True),
    )
    for path in run_study(name, lab, STUDIES[name].config(**fields), values["out"]):
        click.echo(path)
