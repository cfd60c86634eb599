"""Results as tables: in the terminal, as Markdown for the README, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from sleepy_coder.metrics import PassRate, pass_rate
from sleepy_coder.results import RunRecord


@dataclass(frozen=True)
class Row:
    """One line of a comparison: a run's label, its total and its families."""

    label: str
    rate: PassRate
    families: dict[str, tuple[int, int]]
    tokens_in: int
    tokens_out: int


def compare(records: Iterable[RunRecord]) -> list[Row]:
    """Return a row for each record, in the given order."""
    return [
        Row(
            label=record.strategy,
            rate=pass_rate(record.passed, len(record.problems)),
            families=record.by_family(),
            tokens_in=sum(p.tokens_in for p in record.problems),
            tokens_out=sum(p.tokens_out for p in record.problems),
        )
        for record in records
    ]


def _cells(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    families = sorted({name for row in rows for name in row.families})
    header = ["strategy", "solved", "95 % interval", *(f.replace("_", " ") for f in families)]
    body = []
    for row in rows:
        interval = f"{100 * row.rate.low_frac:.0f}-{100 * row.rate.high_frac:.0f} %"
        solved = f"{row.rate.passed}/{row.rate.total}"
        counts = [row.families.get(name) for name in families]
        cells = [f"{c[0]}/{c[1]}" if c else "" for c in counts]
        body.append([row.label, f"{solved} ({100 * row.rate.frac:.1f} %)", interval, *cells])
    return header, body


def render_table(rows: Sequence[Row], title: str) -> Table:
    """Return the comparison as a table for the terminal."""
    header, body = _cells(rows)
    table = Table(title=title)
    for position, name in enumerate(header):
        table.add_column(name, justify="left" if position == 0 else "right")
    for cells in body:
        table.add_row(*cells)
    return table


def render_markdown(rows: Sequence[Row]) -> str:
    """Return the comparison as a Markdown table."""
    header, body = _cells(rows)
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
