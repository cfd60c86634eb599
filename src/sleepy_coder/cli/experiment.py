"""`sleepy experiment`: one command for each claim that has to be settled."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from sleepy_coder.answer_cache import AnswerCache
from sleepy_coder.cli.options import bundle, json_option, open_sandbox, unconfined_option
from sleepy_coder.cli.sources import (
    FOLDER,
    PromptedModelOptions,
    adapters_option,
    prompted_model_options,
    require_shipped_store,
)
from sleepy_coder.cli.studies import COMMANDS
from sleepy_coder.experiments.comparison import Runner
from sleepy_coder.experiments.routing import RoutingPlan, run_routing
from sleepy_coder.experiments.transfer import SETS, TransferPlan, run_transfer
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.serving import TaskSources

data_option = click.option(
    "--data",
    type=FOLDER,
    default=Path("data"),
    show_default=True,
    help="What `make data` wrote.",
)


@dataclass(frozen=True)
class RunOptions:
    """Which runs to make, and where they and their answers are kept."""

    only: tuple[str, ...]
    answers: Path
    out: Path
    allow_unconfined: bool

    def runner(self, options: PromptedModelOptions) -> Runner:
        """Return a runner with the model and the sandbox."""
        bench = dataclasses.replace(
            options.workbench(list(STRATEGIES.values())),
            sandbox=open_sandbox(allow_unconfined=self.allow_unconfined),
            answers=AnswerCache(self.answers),
        )
        say = partial(click.echo, err=True)
        return Runner(bench, self.out, only=self.only, say=say)


run_options = bundle(
    "runs",
    RunOptions,
    click.option(
        "--arm",
        "only",
        multiple=True,
        metavar="NAME",
        help="Make this run now and leave those not named for later; may be repeated.",
    ),
    click.option(
        "--answers",
        type=click.Path(dir_okay=False, path_type=Path),
        default=Path("runs/answers.jsonl"),
        show_default=True,
        help="Keeps what the model said, the sets' code with it, so that nothing is asked twice.",
    ),
    click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        required=True,
        help="Folder of the results; an interrupted experiment goes on there.",
    ),
    unconfined_option,
)


@click.group()
def experiment() -> None:
    """Settle a claim: run what it compares, write result files and figures."""


@experiment.command()
@data_option
@click.option(
    "--store",
    type=FOLDER,
    help="The store that the claim is about; by default the one shipped for the model.",
)
@adapters_option
@click.option(
    "--seeds",
    type=FOLDER,
    multiple=True,
    metavar="STORE",
    help="A store learned from another seed; may be repeated.",
)
@run_options
@prompted_model_options
@json_option
def routing(
    data: Path,
    store: Path | None,
    adapters: Path | None,
    seeds: tuple[Path, ...],
    runs: RunOptions,
    options: PromptedModelOptions,
    as_json: bool,
) -> None:
    """Compare routing with averaging and the rest, on frozen and held-out problems."""
    store = store or require_shipped_store(options.model, "routing")
    plan = RoutingPlan(TaskSources(store, adapters), seeds)
    summary = run_routing(data, plan, runs.runner(options))
    _print(summary, "strategies", as_json=as_json)


def _parse_stores(
    _context: click.Context, _option: click.Parameter, values: Sequence[str]
) -> dict[str, Path]:
    """Return name -> path for values of the form NAME=PATH (a click callback)."""
    stores: dict[str, Path] = {}
    for value in values:
        name, _, path = value.partition("=")
        if not name or not path or not Path(path).is_dir():
            raise click.BadParameter(f"got {value!r}, expected NAME=FOLDER of a store")
        if name in stores:
            raise click.BadParameter(f"got the name {name!r} twice; give each store its own")
        stores[name] = Path(path)
    return stores


@experiment.command()
@data_option
@click.option(
    "--store",
    "stores",
    multiple=True,
    callback=_parse_stores,
    metavar="NAME=STORE",
    help="A store under a name; may be repeated. The first is the cascade's too. By default "
    "shipped=STORE, the one shipped for the model.",
)
@adapters_option
@click.option(
    "--set", "sets", multiple=True, type=click.Choice(SETS), default=SETS, show_default=True
)
@run_options
@prompted_model_options
@json_option
def transfer(
    data: Path,
    stores: dict[str, Path],
    adapters: Path | None,
    sets: tuple[str, ...],
    runs: RunOptions,
    options: PromptedModelOptions,
    as_json: bool,
) -> None:
    """Compare stores and strategies on mutants of real crates; keeps none of their code."""
    stores = stores or {"shipped": require_shipped_store(options.model, "transfer")}
    runner = dataclasses.replace(runs.runner(options), hides_code=True)
    summary = run_transfer(data, TransferPlan(stores, adapters), runner, sets)
    _print(summary, "runs", as_json=as_json)


def _print(summary: Mapping[str, Any], runs: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary, indent=1))
        return
    for name, part in summary["sets"].items():
        title = f"{name}: {part['size']} problems"
        table = Table("", "solved", "percent", "gained", "lost", "p", title=title)
        for arm, row in part[runs].items():
            totals, change = row["totals"], row["against_base"]
            table.add_row(
                arm,
                f"{totals['passed']}/{totals['total']}",
                f"{100 * totals['frac']:.1f}",
                str(len(change["gained"])),
                str(len(change["lost"])),
                f"{change['p_value']:.3f}",
            )
        Console().print(table)


for _command in COMMANDS:
    experiment.add_command(_command)
