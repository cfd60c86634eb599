"""`sleepy episodes`: what `sleepy fix` recorded."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sleepy_coder.cli.options import json_option
from sleepy_coder.cli.tables import print_table
from sleepy_coder.episodes import Episode, forget_episodes, load_episodes
from sleepy_coder.errors import InputError
from sleepy_coder.problems import save_set
from sleepy_coder.versions import SHIPPED, current_number, load_version
from sleepy_coder.weights import DEFAULT_MODEL

_HASHES = ("model_sha256", "store_sha256", "project_sha256")


@click.command()
@click.option("--each", is_flag=True, help="A line for each repair, with its id.")
@click.option(
    "--export",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSONL to write: the repairs as problems, for --pairs.",
)
@click.option("--forget", metavar="ID|all", help="Remove one repair, or all of them.")
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Whose tasks learned from them."
)
@json_option
def episodes(each: bool, out: Path | None, forget: str | None, model: str, as_json: bool) -> None:
    """List the repairs that `sleepy fix` made and recorded: on this machine only."""
    if forget is not None:
        if each or out:
            raise click.UsageError("--forget excludes --each and --export; pass it alone")
        _forget(forget, as_json=as_json)
        return
    found = load_episodes()
    if out is not None:
        _export(found, out, as_json=as_json)
        return
    learned = learned_ids(model)
    rows = _list_each(found, learned) if each else _list_patterns(found, learned)
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    elif rows:
        print_table(rows, hidden=_HASHES)
    else:
        click.echo("nothing is recorded yet; `sleepy fix` records what it mends")


def learned_ids(model: str) -> frozenset[str]:
    """Return the ids of the problems that the version in use has learned from, or was tried on."""
    number = current_number(model)
    pairs = {} if number == SHIPPED else load_version(model, number).pairs
    return frozenset().union(*(each.all for each in pairs.values()))


def _export(found: Sequence[Episode], out: Path, *, as_json: bool) -> None:
    try:
        save_set([episode.problem for episode in found], out)
    except OSError as error:
        raise InputError(f"--export: {out}: cannot be written: {error.strerror}") from None
    told = {"export": str(out), "problems": len(found)}
    click.echo(json.dumps(told) if as_json else f"{out}: {len(found)} problems")


def _forget(which: str, *, as_json: bool) -> None:
    if which != "all" and not which.isdecimal():
        raise InputError(f"--forget: got {which!r}, expected an id (see --each) or all")
    number = None if which == "all" else int(which)
    is_possible = number is None or number < 2**63  # what the database can count to
    count = forget_episodes(number) if is_possible else 0
    if which != "all" and not count:
        raise InputError(f"--forget: there is no repair {which}; see `sleepy episodes --each`")
    told = f"{count} {'repair' if count == 1 else 'repairs'} forgotten"
    click.echo(json.dumps({"forgotten": count}) if as_json else told)


def _list_each(found: Sequence[Episode], learned: frozenset[str]) -> list[dict[str, Any]]:
    return [{**e.to_json(), "is_learned": e.problem.id in learned} for e in found]


def _list_patterns(found: Sequence[Episode], learned: frozenset[str]) -> list[dict[str, Any]]:
    by_pattern: dict[str, list[Episode]] = defaultdict(list)
    for episode in found:
        by_pattern[episode.problem.pattern].append(episode)
    return [
        {
            "pattern": pattern,
            "count": len(own),
            "learned": sum(each.problem.id in learned for each in own),
            "newest": max(each.time for each in own),
        }
        for pattern, own in sorted(by_pattern.items())
    ]
