"""How a table is written in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[object], rows: Iterable[Sequence[object]], num_words: int = 1) -> str:
    """Return a table whose first `num_words` columns hold words and the others numbers.

    None and "" stand for a cell that is left empty.
    """
    rule = ["---"] * num_words + ["---:"] * (len(head) - num_words)
    return "\n".join(map(_line, (head, rule, *rows)))


def _line(cells: Sequence[object]) -> str:
    return "|" + "".join(" |" if cell in (None, "") else f" {cell} |" for cell in cells)
