"""`sleepy status` and `sleepy rollback`: which learned tasks are in use, and since when."""

from __future__ import annotations

import json
from typing import Any

import click

from sleepy_coder.cli.episodes import learned_ids
from sleepy_coder.cli.options import json_option
from sleepy_coder.cli.tables import print_table
from sleepy_coder.episodes import load_episodes
from sleepy_coder.night.curate import sift
from sleepy_coder.night.reports import load_nights
from sleepy_coder.problems import load_set
from sleepy_coder.serving import shipped_store
from sleepy_coder.share.files import sha256_of
from sleepy_coder.share.manifest import MANIFEST_FILE
from sleepy_coder.versions import SHIPPED, current_number, load_version, roll_back
from sleepy_coder.weights import DEFAULT_MODEL

_NUM_NIGHTS = 5
model_option = click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Whose learned tasks."
)


@click.command()
@model_option
@json_option
def status(model: str, as_json: bool) -> None:
    """Tell what waits to be learned, which version is in use, and what the last nights did."""
    found = {"model": model, **_describe_version(model), **_describe_repairs(model)}
    nights = [report.to_json() for report in load_nights(model)[-_NUM_NIGHTS:]]
    if as_json:
        click.echo(json.dumps({**found, "nights": nights}, indent=1))
        return
    click.echo(f"learned tasks of {model}: {_name_version(found)}")
    if found["is_shipped_changed"]:
        click.echo(
            f"the shipped tasks are others than those that version {found['version']} grew from; "
            "`sleepy rollback --to 0` uses them, and the next night goes on from there"
        )
    waiting = ", ".join(f"{name} {n}" for name, n in found["waiting"].items())
    click.echo(f"repairs recorded: {found['recorded']}; to be learned: {waiting or 'none'}")
    rows = [_row(night, each) for night in nights for each in night["patterns"]]
    if rows:
        print_table(rows)


@click.command()
@click.option("--to", type=click.IntRange(min=0), metavar="N", help="A version; 0 as shipped.")
@model_option
def rollback(to: int | None, model: str) -> None:
    """Return to the learned tasks of one version before, or of version N."""
    number = roll_back(model, to)
    click.echo(
        "the shipped tasks are in use" if number == SHIPPED else f"version {number} is in use"
    )


def _name_version(found: dict[str, Any]) -> str:
    if found["version"] != SHIPPED:
        return f"version {found['version']}, made {found['made']}"
    return "as shipped" if found["shipped_sha256"] else "none"


def _describe_version(model: str) -> dict[str, Any]:
    """Return which version is in use, and whether what it grew from is what is shipped now."""
    number, shipped = current_number(model), shipped_store(model)
    version = None if number == SHIPPED else load_version(model, number)
    sha256 = sha256_of(shipped / MANIFEST_FILE) if shipped else None
    return {
        "version": number,
        "made": version.made if version else None,
        "parent": version.parent if version else None,
        "parent_sha256": version.parent_sha256 if version else None,
        "shipped_sha256": sha256,
        "is_shipped_changed": version is not None and version.shipped_sha256 != sha256,
    }


def _describe_repairs(model: str) -> dict[str, Any]:
    """Return how many repairs there are, and how many of each pattern wait to be learned."""
    found, learned = load_episodes(), learned_ids(model)
    lessons = sift(found, load_set("core").problems).lessons
    counts = {name: sum(p.id not in learned for p in own) for name, own in sorted(lessons.items())}
    return {"recorded": len(found), "waiting": {name: n for name, n in counts.items() if n}}


def _row(night: dict[str, Any], pattern: dict[str, Any]) -> dict[str, Any]:
    return {"night": night["time"], **{k: pattern[k] for k in ("pattern", "outcome", "reason")}}
