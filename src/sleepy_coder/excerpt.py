"""The part of a source file that a small model is shown, and its answer put back; pure.

A model of this size mends programs of some hundred lines. Of a longer file it is shown the items
that an error points at, what they mention, and the imports; whatever else the file holds stays as
it is. rustc's messages are moved to the lines where things stand in the excerpt.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sleepy_coder.changes import Change, apply_changes, find_changes
from sleepy_coder.edits import split_lines
from sleepy_coder.mutants.pieces import Piece, find_pieces

MAX_LINES = 150  # of an excerpt: as many as the programs have that tasks are learned from


@dataclass(frozen=True)
class Excerpt:
    """Some lines of a file.

    Attributes:
        source: The whole file.
        lines: Places of the lines that are shown, ascending, 0-based.
    """

    source: str
    lines: tuple[int, ...]

    @cached_property
    def code(self) -> str:
        """The lines that are shown, each with a newline."""
        every = split_lines(self.source)
        return "".join(f"{every[at]}\n" for at in self.lines)

    def move(self, messages: Iterable[Mapping[str, Any]], file_name: str) -> list[dict[str, Any]]:
        """Return rustc's messages on the file as they would be on the excerpt.

        Spans elsewhere are left out, and with them the messages whose primary span is one. Imports
        that rustc would put in elsewhere come to the excerpt's top, where an answer may have them
        (`splice`).

        Args:
            messages: JSON objects of rustc.
            file_name: Of the file, as they name it.
        """
        moved = (self._move(message, file_name) for message in messages)
        return [m for m in moved if any(span.get("is_primary") for span in m["spans"])]

    def splice(self, answer: str) -> str:
        """Return the file with the excerpt's lines as an answer has them.

        Lines that are new come after the line that they follow in the answer; those at its top,
        behind the file's own documentation and attributes. Blank lines alone that come or go are no
        change.
        """
        shown, told = split_lines(self.code), split_lines(answer)
        matcher = difflib.SequenceMatcher(None, shown, told, autojunk=False)
        instead: dict[int, list[str]] = {}
        after: dict[int, list[str]] = {}
        for kind, i, j, k, m in matcher.get_opcodes():
            if kind == "equal" or not any(line.strip() for line in (*shown[i:j], *told[k:m])):
                continue
            if kind == "insert":
                place = self.lines[i - 1] if i else self._head
                after.setdefault(place, []).extend(told[k:m])
            else:
                instead |= dict(zip(self.lines[i:j], _deal(told[k:m], j - i), strict=True))
        return _join(split_lines(self.source), instead, after, self.source)

    def cut_again(self, changed: str) -> str | None:
        """Return the excerpt as it is in a changed text of the file.

        Changes elsewhere are left out; None where one reaches over the excerpt's edge.
        """
        old, new = ("\n".join(split_lines(text)) for text in (self.source, changed))
        own: list[Change] = []
        for change in find_changes(old, new, by_line=True):
            # What is inserted belongs to the line that it follows, as in `splice`.
            at = self._place_of(change)
            if at is None:
                return None
            if at >= 0:
                own.append(change._replace(start=at, stop=at + change.stop - change.start))
        return "".join(f"{line}\n" for line in split_lines(apply_changes(self.code, own)))

    def _place_of(self, change: Change) -> int | None:
        """Return where a change of the file is in the excerpt; -1 if elsewhere, None if in part."""
        if change.start < change.stop:
            inside = [line in self._places for line in range(change.start, change.stop)]
            if any(inside) and not all(inside):
                return None
            return self._places[change.start] if inside[0] else -1
        before = change.start - 1  # what is inserted belongs to the line that it follows
        if before in self._places:
            return self._places[before] + 1
        is_top = before == self._head or change.start in self._places.keys() & {0}
        return 0 if is_top else -1

    @cached_property
    def _head(self) -> int:
        """The last line of what documents the file or is set for all of it; -1 without any.

        Blank lines behind that belong to it.
        """
        head, is_open = -1, False
        for at, line in enumerate(map(str.strip, split_lines(self.source))):
            if is_open or line.startswith(("//!", "#![")):
                head = at
                is_open = not line.startswith("//!") and not line.endswith("]")
            elif line and not line.startswith("//"):
                break
            elif not line and head == at - 1 >= 0:
                head = at
        return head

    @cached_property
    def _places(self) -> dict[int, int]:
        return {line: place for place, line in enumerate(self.lines)}

    @cached_property
    def _starts(self) -> tuple[list[int], list[int]]:
        """First bytes of the file's lines, and of the excerpt's."""
        return _line_starts(self.source), _line_starts(self.code)

    def _move(self, message: Mapping[str, Any], file_name: str) -> dict[str, Any]:
        spans = (self._move_span(s, file_name) for s in message.get("spans") or ())
        children = message.get("children") or ()
        return {
            **message,
            "rendered": None,
            "spans": [span for span in spans if span is not None],
            "children": [self._move(child, file_name) for child in children],
        }

    def _move_span(self, span: Mapping[str, Any], file_name: str) -> dict[str, Any] | None:
        first, last = span["line_start"] - 1, span["line_end"] - 1
        if span["file_name"] != file_name:
            return None
        if not {first, last} <= self._places.keys():
            return {**span, **_TOP} if _is_import(span) else None
        file_starts, own_starts = self._starts
        return {
            **span,
            "byte_start": span["byte_start"] - file_starts[first] + own_starts[self._places[first]],
            "byte_end": span["byte_end"] - file_starts[last] + own_starts[self._places[last]],
            "line_start": self._places[first] + 1,
            "line_end": self._places[last] + 1,
        }


# Where a span lies that inserts something above all.
_TOP = {
    **dict.fromkeys(("byte_start", "byte_end"), 0),
    **dict.fromkeys(("line_start", "line_end", "column_start", "column_end"), 1),
    "text": [],
}


def _is_import(span: Mapping[str, Any]) -> bool:
    """Whether a span is a suggestion to put in an import."""
    is_empty = span["byte_start"] == span["byte_end"]
    return is_empty and (span.get("suggested_replacement") or "").startswith("use ")


def cut_excerpt(source: str, places: Iterable[int], max_lines: int = MAX_LINES) -> Excerpt:
    """Return the lines of a file that say what stands at some places.

    All of it, if it is short. Else the items there (of an inherent `impl` the method), then the
    imports and, as far as there is room, the items whose names those mention. Where an item alone
    is too long, the lines around the places.

    Args:
        source: Of the file.
        places: Lines, 0-based, the most important first.
        max_lines: Of the excerpt.
    """
    count = len(split_lines(source))
    if count <= max_lines:
        return Excerpt(source, tuple(range(count)))
    listed = [place for place in places if 0 <= place < count]
    wanted = set(listed)
    units = list(_units(source))
    taken = [unit for unit in units if unit.lines & wanted]
    taken += [u for u in units if any(u.lines & unit.around for unit in taken) and u not in taken]
    kept = frozenset[int]().union(*(unit.lines for unit in taken)) | wanted
    if len(kept) > max_lines or not taken:
        return Excerpt(source, _around(listed, count, max_lines))
    waiting = [unit for unit in units if unit not in taken]
    for _ in range(2):  # what they mention, and what that mentions
        refs = frozenset[str]().union(*(unit.refs for unit in taken))
        for unit in list(waiting):
            if unit.is_needed(refs) and len(kept | unit.lines | unit.around) <= max_lines:
                kept |= unit.lines | unit.around
                taken.append(unit)
                waiting.remove(unit)
    return Excerpt(source, tuple(sorted(kept)))


@dataclass(frozen=True)
class _Unit:
    """What is shown together.

    Attributes:
        around: Lines that it cannot do without: the head and the end of a method's `impl`.
    """

    piece: Piece
    lines: frozenset[int]
    around: frozenset[int] = frozenset()

    @property
    def refs(self) -> frozenset[str]:
        return self.piece.refs

    def is_needed(self, refs: frozenset[str]) -> bool:
        """Whether names that are mentioned elsewhere are explained here."""
        if self.piece.kind == "use":
            return bool(self.refs & refs) or not self.refs
        return self.piece.name in refs and self.piece.kind not in {"tests", "other"}


def _units(source: str) -> Iterator[_Unit]:
    """Yield the pieces of a file, an inherent `impl` and a module of tests member by member."""
    data, lines = source.encode(), split_lines(source)

    def lines_of(start: int, end: int) -> frozenset[int]:
        first = data.count(b"\n", 0, start)
        last = first + data.count(b"\n", start, end)
        has_blank = last + 1 < len(lines) and not lines[last + 1].strip()
        return frozenset(range(first, last + 1 + has_blank))

    for piece in find_pieces(source):
        whole = lines_of(piece.start, piece.end)
        if not piece.members:
            yield _Unit(piece, whole)
            continue
        members = [_Unit(m, lines_of(m.start, m.end)) for m in piece.members]
        outside = whole.difference(*(m.lines for m in members))
        yield _Unit(piece, outside)
        yield from (_Unit(m.piece, m.lines - outside, outside) for m in members)


def _around(places: Sequence[int], count: int, max_lines: int) -> tuple[int, ...]:
    """Return lines around the first place, and the others as far as they are near."""
    first = places[0] if places else 0
    near = [place for place in places if abs(place - first) < max_lines // 2]
    middle = (min(near, default=first) + max(near, default=first)) // 2
    start = max(0, min(middle - max_lines // 2, count - max_lines))
    return tuple(range(start, min(count, start + max_lines)))


def _join(
    lines: Sequence[str],
    instead: Mapping[int, Sequence[str]],
    after: Mapping[int, Sequence[str]],
    source: str,
) -> str:
    """Return the text with other lines; each has the end that the line at its place had."""
    ends = ["\r\n" if line.endswith("\r") else "\n" for line in source.split("\n")]
    has_end = source.endswith("\n")
    if not has_end:
        ends[-1] = ends[max(0, len(ends) - 2)]
    parts = [(line, ends[0]) for line in after.get(-1, ())]
    for at, line in enumerate(lines):
        parts += [(each, ends[at]) for each in (*instead.get(at, [line]), *after.get(at, ()))]
    text = "".join(line + end for line, end in parts)
    return text if has_end or not parts else text.removesuffix(parts[-1][1])


def _deal(lines: Sequence[str], count: int) -> list[list[str]]:
    """Return what stands in place of each line; in the first's where there are not as many."""
    if len(lines) == count:
        return [[line] for line in lines]
    return [list(lines), *([] for _ in range(count - 1))]


def _line_starts(text: str) -> list[int]:
    """Return the first byte of each line, in UTF-8."""
    starts, at = [], 0
    for line in text.encode().split(b"\n"):
        starts.append(at)
        at += len(line) + 1
    return starts
