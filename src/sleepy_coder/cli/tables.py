"""Rows as a table for people; without torch."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_WIDE = 200  # columns


def print_table(
    rows: Sequence[Mapping[str, Any]], *, title: str = "", hidden: Collection[str] = ()
) -> None:
    """Print rows that have the same fields, but for those that are hidden."""
    names = [name for name in rows[0] if name not in hidden]
    table = Table(title=escape(title) or None, title_justify="left", box=None, pad_edge=False)
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(escape(describe_value(row[name])) for name in names))
    # A pipe or a file is as wide as it takes.
    Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE).print(table)


def describe_value(value: Any) -> str:
    """Return a value for people: yes or no, numbers with four digits, integers left whole."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return ("no", "yes")[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)
