"""`sleepy night`: learn from the repairs that were recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import click

from sleepy_coder.cli.options import (
    bundle,
    device_option,
    json_option,
    open_sandbox,
    unconfined_option,
)
from sleepy_coder.cli.training import training_progress
from sleepy_coder.model import load_model
from sleepy_coder.night.config import NightConfig
from sleepy_coder.night.reports import NightReport
from sleepy_coder.night.run import Night
from sleepy_coder.train.setup import load_frozen_model
from sleepy_coder.weights import DEFAULT_MODEL

_count = partial(click.option, type=click.IntRange(min=1), show_default=True)
_any_count = partial(click.option, type=click.IntRange(min=0), show_default=True)

config_options = bundle(
    "config",
    NightConfig,
    _count("--min-pairs", default=NightConfig.min_pairs, help="New repairs that a pattern takes."),
    _any_count(
        "--replayed", "num_replayed", default=NightConfig.num_replayed,
        help="Generated pairs of the pattern that are learned again with them.",
    ),
    _any_count(
        "--generated", "num_generated", default=NightConfig.num_generated,
        help="Generated problems that the new coefficients are tried on beside a quarter of the "
        "repairs.",
    ),
    _count(
        "--steps", "num_steps", default=NightConfig.num_steps, help="Optimizer steps of a pattern."
    ),
    _count("--rows", "rows_per_step", default=NightConfig.rows_per_step, help="Pairs in a step."),
    click.option(
        "--learning-rate", type=click.FloatRange(min=0, min_open=True),
        default=NightConfig.learning_rate, show_default=True,
    ),
    _count(
        "--max-tokens", "max_pair_tokens", default=NightConfig.max_pair_tokens,
        help="Leave out longer pairs.",
    ),
    _count("--max-new-tokens", default=NightConfig.max_new_tokens, help="Limit of an answer."),
    click.option("--seed", type=int, default=NightConfig.seed, show_default=True),
)  # fmt: skip


@click.command()
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Registered name or hub id."
)
@config_options
@click.option("--again", "is_again", is_flag=True, help="Try what was tried before once more.")
@device_option
@click.option(
    "--dtype",
    type=click.Choice(["auto", "bfloat16", "float16", "float32"]),
    default="auto",
    show_default=True,
    help="Number format to train in; answers are given as `sleepy fix` gives them.",
)
@unconfined_option
@json_option
def night(
    model: str,
    config: NightConfig,
    is_again: bool,
    device: str,
    dtype: str,
    allow_unconfined: bool,
    as_json: bool,
) -> None:
    """Learn the patterns of which enough repairs were recorded.

    Each pattern's coefficients are trained on over the frozen basis, and put in use if they solve
    more than those before them, and nothing less. All others stay as they are.
    """
    report = Night(
        model=model,
        sandbox=open_sandbox(allow_unconfined=allow_unconfined),
        config=config,
        load_trainer=lambda: load_frozen_model(model, device=device, dtype=dtype),
        load_answerer=lambda: load_model(model, device=device),
        is_again=is_again,
        on_line=lambda line: click.echo(line, err=True),
        progress=partial(training_progress, config.num_steps),
    ).run()
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=1))
        return
    for line in render_night(report):
        click.echo(line)


def render_night(report: NightReport) -> Iterator[str]:
    """Yield what a night did, a line a pattern and one on what came of it."""
    for each in report.patterns:
        yield f"{each.pattern}: {each.outcome}: {each.reason}"
    if report.version is not None:
        yield f"version {report.version} is in use; `sleepy rollback` takes it back"
    elif any(each.outcome == "left" for each in report.patterns):
        yield "the learned tasks stay as they are"
    else:
        yield "nothing to learn"
