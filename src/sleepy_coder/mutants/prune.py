"""Take out of a file what does not compile alone, until the rest does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sleepy_coder.mutants.pieces import Piece, find_pieces, import_at, without

MAX_ROUNDS = 14

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Checked:
    """What rustc said of a program: whether it compiles, and its JSON messages."""

    is_ok: bool
    messages: Messages


Check = Callable[[str], Checked]


def prune(code: str, check: Check) -> str | None:
    """Return the largest part of a file that compiles, or None when nothing is left to take out.

    Every round compiles and takes out the pieces in which rustc found errors: a method, an item,
    one import. What needed them fails in the next round.

    Args:
        code: A prepared file.
        check: Compiles a library.
    """
    for _ in range(MAX_ROUNDS):
        checked = check(code)
        if checked.is_ok:
            return code
        ranges = _ranges_with_errors(code, checked.messages)
        code = without(code, ranges)
        if not ranges or not code.strip():
            return None
    return None


def drop_unused_imports(code: str, messages: Messages) -> str:
    """Return the code without the imports that rustc calls unused."""
    ranges = set()
    for message in messages:
        if (message.get("code") or {}).get("code") == "unused_imports":
            for span in message["spans"]:
                found = import_at(code, span["byte_start"])
                ranges |= {found} if found else set()
    return without(code, ranges) if ranges else code


def _ranges_with_errors(code: str, messages: Messages) -> set[tuple[int, int]]:
    ranges = set()
    pieces = find_pieces(code)
    for byte in _error_bytes(messages):
        piece = _piece_at(pieces, byte)
        if piece is None:
            continue
        found = import_at(code, byte) if piece.kind == "use" else None
        ranges.add(found or (piece.start, piece.end))
    return ranges


def _error_bytes(messages: Messages) -> Iterator[int]:
    """Yield where the errors are; for one inside a macro, where the macro was called."""
    for message in messages:
        if message.get("level") != "error":
            continue
        for span in message["spans"]:
            if span["is_primary"]:
                while span.get("expansion") and span["expansion"]["span"]["file_name"] == "lib.rs":
                    span = span["expansion"]["span"]  # noqa: PLW2901 - out to the call
                yield span["byte_start"]


def _piece_at(pieces: Sequence[Piece], byte: int) -> Piece | None:
    for piece in pieces:
        if piece.start <= byte < piece.end:
            return _piece_at(piece.members, byte) or piece
    return None
