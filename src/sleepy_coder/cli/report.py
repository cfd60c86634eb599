"""`sleepy report`: results side by side."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from sleepy_coder.cli.options import json_option
from sleepy_coder.errors import InputError
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.report import compare, render_markdown, render_table
from sleepy_coder.results import load_run_record


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a Markdown table.")
@json_option
def report(results: tuple[Path, ...], as_markdown: bool, as_json: bool) -> None:
    """Compare result files; a folder stands for all results in it."""
    files = [
        file
        for path in results
        for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])
    ]
    if not files:
        raise InputError(f"{results[0]}: holds no results, expected what `sleepy eval` writes")
    order = {name: place for place, name in enumerate(STRATEGIES)}
    records = [load_run_record(file) for file in files]
    records.sort(key=lambda record: order.get(record.strategy, len(order)))
    rows = compare(records)
    if as_json:
        summaries = [record.to_json() for record in records]
        click.echo(json.dumps([{**s, "problems": len(s["problems"])} for s in summaries], indent=1))
    elif as_markdown:
        click.echo(render_markdown(rows))
    else:
        sets = sorted({str(record.problem_set["name"]) for record in records})
        Console().print(render_table(rows, ", ".join(sets)))
