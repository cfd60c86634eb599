"""What `sleepy fix` mends of lone files."""

from __future__ import annotations

import statistics
from typing import Any

from blocks.source import load_record
from sleepy_coder.proposals import RUSTC, RUSTC_GUESS
from sleepy_coder.report import markdown_table


def render_fix(name: str = "fix") -> str:
    """Return what `sleepy fix` mended of a set's problems, as lone files."""
    record = load_record(f"{name}.json")
    rows = record["problems"]
    mended = [row for row in rows if row["is_ok"]]
    behave = sum(row["outcome"] == "pass" for row in rows)
    rustc = sum(set(row["by"]) == {RUSTC} for row in mended)
    seconds = sorted(row["seconds"] for row in mended)
    middle, most = statistics.median(seconds), seconds[-1]
    return (
        f"The {len(rows)} frozen problems as files: {len(mended)} compile afterwards, {rustc} of "
        f"them by rustc's suggestions alone; {behave} do what they should. One that was mended "
        f"took {middle:.0f} s at the median and {most:.0f} s at most, with "
        f"{record['model']['name']} on two cores."
    )


def render_error_codes() -> str:
    """Return what `sleepy fix` mended of one program for each error code, and by whom."""
    record = load_record("error_codes.json")
    programs = record["problems"]
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in _MENDERS}
    for each in programs:
        if each["is_ok"]:
            groups[_mender(each["by"])].append(each)
    mended = [each for group in groups.values() for each in group]
    left = [each["id"] for each in programs if not each["is_ok"]]
    rows = [
        (name, len(group), sum(each["outcome"] == "pass" for each in group))
        for name, group in (*groups.items(), (f"all, of {len(programs)}", mended))
    ]
    model = f"{record['model']['name']} in {record['model']['dtype']}"
    fact = f"With {model}. Not mended: {', '.join(left)}."
    return f"{markdown_table(('mended by', 'programs', 'print what they should'), rows)}\n\n{fact}"


def render_error_codes_in_short() -> str:
    """Return how many of the programs, one for each error code, `sleepy fix` mended."""
    rows = load_record("error_codes.json")["problems"]
    behave = sum(row["outcome"] == "pass" for row in rows)
    return (
        f"Of {len(rows)} short programs, one for each error code, "
        f"{sum(row['is_ok'] for row in rows)} compile afterwards and {behave} print what they "
        "should ([by whom](docs/status.md#error-codes))."
    )


_MENDERS = (
    "rustc's suggestions",
    "the base model",
    "a task",
    "an answer drawn at random",
    "what rustc only guesses",
    "an answer, mended in turn",
)


def _mender(by: list[str | None]) -> str:
    """Return who did most for a program: the last in `_MENDERS` that had a part in it."""
    signs = (RUSTC, "base model", "task ", ", drawn", RUSTC_GUESS, ", then ")
    who = " ".join(filter(None, by))
    found = [name for name, sign in zip(_MENDERS, signs, strict=True) if sign in who]
    return found[-1]


def render_short_programs() -> str:
    """Return who mends short programs, of patterns and of none."""
    record = load_record("short_programs.json")
    kinds = {"routed": "with a route", "none": "without one"}
    counts = {kind: record["kinds"][kind] for kind in kinds}
    heads = (f"{words}, of {counts[kind]['base']['total']}" for kind, words in kinds.items())
    rows = [(name, *(counts[kind][name]["passed"] for kind in kinds)) for name in counts["none"]]
    return markdown_table((None, *heads), rows)
