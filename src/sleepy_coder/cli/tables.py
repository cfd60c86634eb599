"""Rows as a table for people; without torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def print_table(rows: Sequence[Mapping[str, Any]], *, hidden: Collection[str] = ()) -> None:
    """Print rows that have the same fields, but for those that are hidden."""
    names = [name for name in rows[0] if name not in hidden]
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_text(row[name]) for name in names))
    Console(highlight=False, soft_wrap=True).print(table, markup=False)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
