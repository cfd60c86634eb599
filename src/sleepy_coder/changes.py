"""What turns one text into another, line by line: found, and made in part; pure."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable
from typing import NamedTuple


class Change(NamedTuple):
    """Lines [start, stop) of a text, and what stands in their place in another.

    Attributes:
        begin: Where that stands there.
        lines: Without their ends.
    """

    start: int
    stop: int
    begin: int
    lines: tuple[str, ...]


@functools.lru_cache(maxsize=32)  # each error that was mended in a file asks for the same
def find_changes(source: str, changed: str, *, by_line: bool = False) -> tuple[Change, ...]:
    """Return the places in which a text differs from its source, in order.

    Args:
        source: The text as it was.
        changed: The text as it is.
        by_line: One change a line, where as many lines come as go.
    """
    old, new = source.split("\n"), changed.split("\n")
    pairs = zip(old, new, strict=False)  # what two long texts have in common is mostly in front
    head = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(old), len(new)))
    matcher = difflib.SequenceMatcher(None, old[head:], new[head:], autojunk=False)
    found: list[Change] = []
    for tag, *places in matcher.get_opcodes():
        start, stop, begin, end = (head + place for place in places)
        if tag == "equal":
            continue
        if by_line and stop - start == end - begin:
            moved = range(end - begin)
            found += [Change(start + n, start + n + 1, begin + n, (new[begin + n],)) for n in moved]
        else:
            found.append(Change(start, stop, begin, tuple(new[begin:end])))
    return tuple(found)


def apply_changes(source: str, changes: Iterable[Change]) -> str:
    """Return the source with these changes made, in whatever order they come."""
    lines = source.split("\n")
    for change in sorted(changes, reverse=True):
        lines[change.start : change.stop] = change.lines
    return "\n".join(lines)
