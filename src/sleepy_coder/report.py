"""Results as tables: in the terminal, as Markdown for the README, as JSON."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from sleepy_coder.metrics import PassRate, pass_rate
from sleepy_coder.problems import Problem
from sleepy_coder.prompt import extract_code
from sleepy_coder.results import ProblemResult, RunRecord


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
    """Return the header and the lines of a table with one column a run."""
    families = sorted({name for row in rows for name in row.families})
    lines = [
        ["**solved**", *(f"{row.rate.passed}/{row.rate.total}" for row in rows)],
        ["percent", *(f"{100 * row.rate.frac:.1f}" for row in rows)],
        ["95 % interval", *(_interval(row.rate) for row in rows)],
    ]
    for family in families:
        counts = [row.families.get(family, (0, 0)) for row in rows]
        lines.append([family.replace("_", " "), *(f"{c[0]}/{c[1]}" for c in counts)])
    return ["", *(row.label for row in rows)], lines


def _interval(rate: PassRate) -> str:
    return f"{100 * rate.low_frac:.0f}-{100 * rate.high_frac:.0f}"


def render_table(rows: Sequence[Row], title: str) -> Table:
    """Return the comparison as a table for the terminal."""
    header, lines = _cells(rows)
    table = Table(title=title, title_justify="left")
    for position, name in enumerate(header):
        table.add_column(name, justify="left" if position == 0 else "right")
    for cells in lines:
        table.add_row(*(cell.strip("*") for cell in cells))
    return table


def render_markdown(rows: Sequence[Row]) -> str:
    """Return the comparison as a Markdown table."""
    return markdown_table(*_cells(rows))


def markdown_table(
    head: Sequence[object], rows: Iterable[Sequence[object]], num_words: int = 1
) -> str:
    """Return a Markdown table whose first `num_words` columns hold words, the others numbers.

    None stands for a cell that is left empty.
    """
    rule = ["---"] * num_words + ["---:"] * (len(head) - num_words)
    lines = (["" if cell is None else str(cell) for cell in row] for row in (head, rule, *rows))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


# What a user is told of each of the judge's words.
_VERDICTS = {
    "pass": "verified: it compiles, behaves, and keeps the program",
    "compile_error": "turned down: it does not compile",
    "wrong_behavior": "turned down: it does not behave as it should",
    "gutted": "turned down: it takes parts of the program out",
    "timeout": "turned down: it ran into a time limit",
    "no_code": "turned down: there is no program in the answer",
}


def render_repair(problem: Problem, strategy: str, result: ProblemResult) -> str:
    """Return an answer's verdict, what the judge said, and what it changes as a unified diff."""
    lines = [f"{problem.id}, {strategy}: {_VERDICTS[result.outcome]}"]
    if result.detail and result.outcome != "pass":
        lines.append(f"  {result.detail.splitlines()[0]}")
    code = extract_code(result.output) or ""
    changes = difflib.unified_diff(
        problem.buggy.splitlines(), code.splitlines(), "broken", "answer", lineterm=""
    )
    return "\n".join([*lines, *changes])
