"""The notation in which shapes are written: Rust with marks for edits, choices and names.

    ⟦broken⇒fixed⟧   the edit: left side in the broken program, right side in the fixed one
    ⟨one¦two¦three⟩  one of these texts, chosen at random; an empty alternative is allowed
    $name ${name}    a word of the vocabulary, or one that the shape's own `set` lines define

A shapes file holds sections that start with `=== name`. A head of `key value` lines may follow,
closed by `---`: `code E0277` overrides the pattern's error code, `set Int = u32 ¦ u64` chooses a
word, `set (T, one) = f32, 1.0 ¦ u8, 1` chooses several that belong together. After the program
come, if they are wanted, `--- main` (the driver of a binary) and `--- tests` (hidden tests of a
library); a shape with both is made into either. Everything here is pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

_EDIT = re.compile(r"⟦([^⟦⇒⟧]*)⇒([^⟦⇒⟧]*)⟧")
_EDIT_ALONE = re.compile(r"^[ \t]*⟦([^⟦⇒⟧]*)⇒([^⟦⇒⟧]*)⟧[ \t]*\n", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
_CHOICE = re.compile(r"⟨([^⟨⟩]*)⟩")
_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Section:
    """One shape as it is written in its file, before anything was chosen.

    Attributes:
        sets: Pairs of names and their alternatives, each as long as the names.
    """

    name: str
    code: str | None
    sets: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...]
    program: str
    main: str
    tests: str


def parse_sections(text: str) -> list[Section]:
    """Return the sections of a shapes file, in order."""
    pieces = re.split(r"^=== (\w+)[ \t]*\n", text, flags=re.MULTILINE)
    return [
        _parse_section(name, body) for name, body in zip(pieces[1::2], pieces[2::2], strict=True)
    ]


def _parse_section(name: str, text: str) -> Section:
    code, sets = None, []
    head, found, rest = text.partition("---\n")
    if found and all(line.startswith(("code ", "set ")) for line in head.splitlines()):
        text = rest
        for line in head.splitlines():
            key, _, value = line.partition(" ")
            if key == "code":
                code = value.strip()
            else:
                sets.append(_parse_set(value))
    parts = re.split(r"^--- (main|tests)[ \t]*\n", text, flags=re.MULTILINE)
    extra = dict(zip(parts[1::2], parts[2::2], strict=True))
    return Section(
        name=name,
        code=code,
        sets=tuple(sets),
        program=parts[0].strip("\n") + "\n",
        main=extra.get("main", "").strip("\n"),
        tests=extra.get("tests", "").strip("\n"),
    )


def _parse_set(value: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    left, _, right = value.partition(" = ")
    if not left.startswith("("):
        return (left.strip(),), tuple((choice.strip(),) for choice in right.split("¦"))
    names = tuple(name.strip() for name in left.strip(" ()").split(","))
    rows = (tuple(cell.strip() for cell in row.split(", ")) for row in right.split("¦"))
    return names, tuple(rows)


def choose_words(section: Section, words: dict[str, str], rng: Random) -> dict[str, str]:
    """Return the vocabulary with the section's own words chosen and added."""
    chosen = dict(words)
    for names, rows in section.sets:
        row = rng.choice(rows)
        chosen.update({n: expand(v, chosen, rng) for n, v in zip(names, row, strict=True)})
    return chosen


def expand(text: str, words: dict[str, str], rng: Random) -> str:
    """Return the text with every choice made and every name filled in; edits stay marked.

    Raises:
        KeyError: The text names a word that nobody defines.
    """
    while _CHOICE.search(text):
        text = _CHOICE.sub(lambda m: rng.choice(m[1].split("¦")), text)
    return _NAME.sub(lambda m: words[m[1] or m[2]], text)


def split_edits(text: str) -> tuple[str, str]:
    """Return the broken and the fixed program of a text with marked edits.

    A line that holds nothing but an edit disappears on the side where that edit is empty, and so
    do the blank lines that this leaves at either end or in a row.
    """
    return _take_side(text, 1), _take_side(text, 2)


def _take_side(text: str, side: int) -> str:
    text = _EDIT_ALONE.sub(lambda m: m[0] if m[side].strip() else "", text)
    text = _EDIT.sub(lambda m: m[side], text)
    return _BLANK_LINES.sub("\n\n", text).strip("\n") + "\n"
