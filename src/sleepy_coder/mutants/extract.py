"""Cut self-contained programs out of a crate's source files.

A file is pruned to what compiles alone (`prune`), then packed: items in source order, each with
everything of the same file that it mentions, until a program is long enough. What a program keeps,
it keeps in its author's words, order and layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from sleepy_coder.mutants.author_tests import find_tests
from sleepy_coder.mutants.clean import prepare_file
from sleepy_coder.mutants.pieces import Piece, find_pieces, without
from sleepy_coder.mutants.prune import Check, drop_unused_imports, prune

MIN_LINES, MAX_LINES = 15, 150
# A program is filled up to one of these, so that a set holds short and long ones.
_TARGET_LINES = (30, 45, 60, 80, 110, 145)
_MAX_LINE_CHARS = 160
_MAX_FILE_BYTES = 80_000
_LONG_IMPL_LINES = 25
_MAX_IMPORT_ROUNDS = 4
_UNWANTED = ("unsafe", "asm!", "include!", "include_str!", "include_bytes!", "#[no_mangle]")
_CONTAINERS = frozenset({"inherent", "tests"})


@dataclass(frozen=True)
class Program:
    """A library of some items that compiles, and the tests that its author wrote for them.

    Attributes:
        code: The source of `lib.rs`.
        tests: What the file's module of tests and the doc comments check of it; may be empty.
    """

    code: str
    tests: str = ""


def extract_programs(code: str, seed: str, check: Check, *, limit: int) -> list[Program]:
    """Return the programs that a source file yields; equal arguments give equal programs.

    Args:
        code: A file of a crate.
        seed: Names the file; decides the programs' lengths, and which are tried first.
        check: Compiles a library.
        limit: How many programs to stop at.
    """
    if len(code) > _MAX_FILE_BYTES:
        return []
    prepared = prepare_file(code)
    modules = [p for p in find_pieces(prepared) if p.kind == "tests"]
    base = prune(without(prepared, {(p.start, p.end) for p in modules}), check)
    if base is None:
        return []
    random = Random(seed)  # noqa: S311 - not for secrets
    cuts = list(dict.fromkeys(_pack(base, random)))
    random.shuffle(cuts)
    programs: list[Program] = []
    for cut in cuts:
        program = _finish(cut, check) if len(programs) < limit else None
        if program is not None:
            programs.append(Program(program, find_tests(program, prepared, check)))
    return programs


def _finish(cut: str, check: Check) -> str | None:
    """Return the cut as a tidy program that compiles and is worth mutating, or None."""
    code = prune(cut, check) if len(cut.splitlines()) >= MIN_LINES else None
    if code is None or not is_worthwhile(code):
        return None
    for _ in range(_MAX_IMPORT_ROUNDS):
        checked = check(code)
        tidier = drop_unused_imports(code, checked.messages)
        if tidier == code:
            return code if is_worthwhile(code) and checked.is_ok else None
        code = tidier
    return None


def is_worthwhile(code: str) -> bool:
    """Whether a program has the length, items and words of one that a person may have to mend."""
    lines = code.splitlines()
    pieces = [p for p in find_pieces(code) if p.kind not in ("use", "macro")]
    num_functions = sum("fn " in line for line in lines)
    return (
        MIN_LINES <= len(lines) <= MAX_LINES
        and len(pieces) > 1
        and num_functions > 0
        and max(map(len, lines)) <= _MAX_LINE_CHARS
        and not any(word in code for word in _UNWANTED)
    )


def _pack(code: str, random: Random) -> Iterator[str]:
    """Yield programs that together hold every piece which fits into one."""
    book = _Book(find_pieces(code))
    taken: frozenset[Piece] = frozenset()
    target = random.choice(_TARGET_LINES)
    for seed in book.seeds:
        if seed in taken:
            continue
        wider = book.close(taken | {seed})
        if taken and book.num_lines(wider) > target:
            yield without(code, book.ranges_outside(taken))
            target = random.choice(_TARGET_LINES)
            wider = book.close(frozenset({seed}))
        taken = wider if book.num_lines(wider) <= MAX_LINES else frozenset()
    if taken:
        yield without(code, book.ranges_outside(taken))


class _Book:
    """The pieces of a file, and which of them need which."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._parents = {m: p for p in pieces for m in p.members}
        single = [p for p in pieces if p.kind not in (*_CONTAINERS, "use") and not p.is_test]
        self._parts = sorted([*single, *self._parents], key=lambda p: p.start)
        self.seeds = [p for p in self._parts if p.kind != "macro"]

    def close(self, taken: frozenset[Piece]) -> frozenset[Piece]:
        """Return the pieces with everything that they mention, and all that this mentions."""
        while True:
            refs = frozenset().union(*(p.refs for p in taken))
            parents = {self._parents[p] for p in taken if p in self._parents}
            refs |= frozenset().union(*(p.refs | {p.name} for p in parents))
            types = {p.name for p in taken if p.kind in ("type", "trait")}
            more = {p for p in self._parts if p not in taken and self._is_needed(p, refs, types)}
            if not more:
                return taken
            taken |= more

    def _is_needed(self, piece: Piece, refs: frozenset[str], types: set[str]) -> bool:
        if piece.kind == "impl":  # operators, formatting and iteration call it by no name
            belongs = piece.name in types or piece.trait in types
            return belongs and piece.num_lines <= _LONG_IMPL_LINES
        if piece.kind == "method":
            return piece.name in refs and self._parents[piece].name in types
        return bool(piece.name) and piece.name in refs

    def num_lines(self, taken: frozenset[Piece]) -> int:
        """Return the lines of a program of these pieces, roughly."""
        parents = {self._parents[p] for p in taken if p in self._parents}
        return sum(p.num_lines + 1 for p in (*taken, *parents))

    def ranges_outside(self, taken: frozenset[Piece]) -> set[tuple[int, int]]:
        """Return what to take out of the file so that these pieces and the imports stay."""
        ranges = set()
        for piece in self._pieces:
            if piece.members and not taken.isdisjoint(piece.members):
                ranges |= {(m.start, m.end) for m in piece.members if m not in taken}
            elif piece not in taken and piece.kind != "use":
                ranges.add((piece.start, piece.end))
        return ranges
