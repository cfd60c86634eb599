"""Answers as edits: the lines to change, as they are and as they should be. Pure text.

An answer holds one block for each place::

    <<<<<<<
    let first = names[0];
    =======
    let first = names[0].clone();
    >>>>>>>

The upper lines are found in the program and the lower ones put in their place, so that an answer
cannot change, drop or misspell what it does not mention.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

_BLOCK = re.compile(r"^<{5,}[^\n]*\n(.*?)^={5,}[ \t]*\n(.*?)^>{5,}", re.MULTILINE | re.DOTALL)
# Lines around a change that make it unambiguous; more would be long to write.
_MOST_CONTEXT = 3


def render_edits(source: str, fixed: str) -> str:
    """Return the edits that lead from one program to another, as an answer gives them."""
    lines, wanted = split_lines(source), split_lines(fixed)
    matcher = difflib.SequenceMatcher(None, lines, wanted, autojunk=False)
    changes = [codes[1:] for codes in matcher.get_opcodes() if codes[0] != "equal"]
    blocks: list[list[int]] = []
    for change in changes:
        block = _with_context(lines, change)
        if blocks and block[0] <= blocks[-1][1]:
            last = blocks[-1]
            blocks[-1] = [min(last[0], block[0]), block[1], min(last[2], block[2]), block[3]]
        else:
            blocks.append(block)
    parts = []
    for start, stop, begin, end in blocks:
        old = "".join(f"{line}\n" for line in lines[start:stop])
        new = "".join(f"{line}\n" for line in wanted[begin:end])
        parts.append(f"<<<<<<<\n{old}=======\n{new}>>>>>>>")
    return "```edit\n" + "\n".join(parts) + "\n```"


def _with_context(lines: Sequence[str], change: tuple[int, int, int, int]) -> list[int]:
    """Return a change, widened until its old lines stand in the program only once."""
    start, stop, begin, end = change
    for step in range(2 * _MOST_CONTEXT + 1):
        old = lines[start:stop]
        if any(line.strip() for line in old) and len(_places(lines, old)) == 1:
            break
        if (step % 2 == 0 or start == 0) and stop < len(lines):
            stop, end = stop + 1, end + 1
        elif start > 0:
            start, begin = start - 1, begin - 1
    return [start, stop, begin, end]


def apply_edits(source: str, answer: str, *, near: int = 1) -> str | None:
    """Return the program with an answer's edits made, or None where none of them fits.

    Args:
        source: The program.
        answer: The model's answer.
        near: A line number (from 1); of several places that fit, the closest to it is taken.
    """
    lines = split_lines(source)
    num_made = 0
    for match in _BLOCK.finditer(answer):
        old, new = split_lines(match[1]), split_lines(match[2])
        places = _places(lines, old) if any(line.strip() for line in old) else []
        if places:
            at = min(places, key=lambda place: abs(place + 1 - near))
            lines[at : at + len(old)] = new
            num_made += 1
    return "\n".join(lines) + "\n" if num_made else None


def split_lines(text: str) -> list[str]:
    """Return the lines without their ends; only a newline ends one, as rustc has it."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _places(lines: Sequence[str], old: Sequence[str]) -> list[int]:
    """Return where the old lines stand: as they are, else with other white space at their ends."""
    starts = range(len(lines) - len(old) + 1)
    found = [at for at in starts if list(lines[at : at + len(old)]) == list(old)]
    if found:
        return found
    bare = [line.strip() for line in old]
    return [at for at in starts if [line.strip() for line in lines[at : at + len(old)]] == bare]
