"""What stands around a mistake: unrelated items, comments, order and formatting.

A program that holds nothing but its mistake teaches a model the template. So each shape is dressed:
zero to three unrelated items join it, items change places, comments and blank lines appear, the
indentation varies. Nothing here touches the marked edit or what the program prints of its own.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from random import Random

from sleepy_coder.patterns.notation import Section, choose_words, expand, parse_sections
from sleepy_coder.patterns.vocabulary import domain_names, draw_words

_MAIN = re.compile(r"^fn main\(.*\{$", re.MULTILINE)
_STATEMENT = re.compile(r"^(\s+)(let|for|if|while|println!|match|assert)\b")

# How often each number of unrelated items joins a program.
_NUM_ITEMS = (0, 0, 1, 1, 2, 2, 3)

# Above any item but `main`; a program uses each of them at most once.
_ITEM_COMMENTS = """
// Kept small on purpose; the caller does the formatting.
// TODO: read this from the configuration file.
// See the notes in docs/format.md before changing the layout.
// The exporter relies on these names.
// Used by the nightly import of the $store.
// Straightforward version first, fast version when it hurts.
// Moved here from the old $store module, behaviour unchanged.
// ---------------------------------------------------------------
/// Part of the public surface, so names stay stable.
/// Works on whatever is in memory; nothing is written to disk.
/// Everything the $store overview needs.
/// Written for the command-line tool and reused by the server.
/// Values come from the field and are trusted.
/// Not thread safe, and does not have to be.
/// See the $entity handbook, section $n1.
/// Reviewed together with the $store team.
/* Shared with the reporting code. */
/* Same units as in the $store spreadsheet. */
""".strip().splitlines()

_BODY_COMMENTS = """
// nothing fancy here
// the common case first
// start from a known state
// keep the original order
// small inputs only, so this is fine
// checked by the caller
// one pass is enough
// what the user gets to see
// same as in the previous release
// numbers come from the fixture
""".strip().splitlines()


@cache
def _pieces() -> tuple[Section, ...]:
    text = (resources.files("sleepy_coder.patterns") / "shapes" / "scenery.txt").read_text("utf-8")
    return tuple(parse_sections(text))


def dress(program: str, words: dict[str, str], rng: Random) -> str:
    """Return the marked program among unrelated items, with its layout varied.

    Args:
        program: Rust with its edits marked, choices and names already filled in.
        words: The vocabulary of the program; the scenery takes other domains.
        rng: Where the choices come from.
    """
    chunks = _chunks(program)
    calls = []
    taken = {words["Entity"]} | {
        name for name in domain_names() if re.search(rf"\b{name}\b", program)
    }
    for piece in rng.sample(_pieces(), rng.choice(_NUM_ITEMS)):
        others = draw_words(rng, avoid=taken)
        taken.add(others["Entity"])
        others = choose_words(piece, others, rng)
        chunks.insert(rng.randint(0, len(chunks)), expand(piece.program.rstrip("\n"), others, rng))
        calls.extend(expand(piece.main, others, rng).splitlines() if rng.random() < _OFTEN else [])
    comments = [expand(comment, words, rng) for comment in _ITEM_COMMENTS]
    rng.shuffle(comments)
    text = "\n\n".join(_comment(chunk, comments, rng) for chunk in _order(chunks, rng)) + "\n"
    if calls:
        block = "".join(f"\n    {line}" for line in calls)
        text = _MAIN.sub(lambda m: m[0] + block, text, count=1)
    return _reformat(text, rng)


# Chances, by how often one sees these things in code that people write.
_OFTEN = 0.5
_SOMETIMES = 0.25
_RARELY = 0.08


def _chunks(program: str) -> list[str]:
    """Split a program at the blank lines between its items, never inside a marked edit."""
    chunks: list[str] = []
    depth = 0
    for piece in program.strip("\n").split("\n\n"):
        starts_item = piece[:1] not in (" ", "\t", "}", "\n", "")
        if chunks and (depth or not starts_item):
            chunks[-1] += "\n\n" + piece
        else:
            chunks.append(piece)
        depth += piece.count("⟦") - piece.count("⟧")
    return chunks


def _order(chunks: list[str], rng: Random) -> list[str]:
    """Return imports first, tests last and the items between them in some order."""

    def place(chunk: str) -> int:
        bare = chunk.replace("⟦", "").replace("⇒", "").lstrip()
        if bare.startswith(("#![", "use ", "//!")):
            return 0
        return 2 if "#[cfg(test)]" in chunk else 1

    items = [c for c in chunks if place(c) == 1]
    if rng.random() < _SOMETIMES:
        rng.shuffle(items)
    else:
        is_main = [bool(_MAIN.search(c)) for c in items]
        drivers = [c for c, m in zip(items, is_main, strict=True) if m]
        rest = [c for c, m in zip(items, is_main, strict=True) if not m]
        items = drivers + rest if rng.random() < _RARELY else rest + drivers
    first = [c for c in chunks if place(c) == 0]
    return [*first, *items, *(c for c in chunks if place(c) == 2)]  # noqa: PLR2004 - tests


def _comment(chunk: str, comments: list[str], rng: Random) -> str:
    """Return the item with one of the comments above it, now and then; that comment is used up."""
    head = chunk.lstrip("⟦⇒⟧ \n")
    is_bare = head.startswith(("#![", "use ", "/", "impl", "fn main"))
    if is_bare or rng.random() > _SOMETIMES:
        return chunk
    return f"{comments.pop()}\n{chunk}"


def _reformat(text: str, rng: Random) -> str:
    """Return the program with comments and blank lines in its bodies, perhaps indented anew."""
    lines: list[str] = []
    depth = 0
    for line in text.splitlines():
        statement = _STATEMENT.match(line)
        follows = bool(lines) and lines[-1].rstrip().endswith((";", "{", "}"))
        if statement and follows and not depth:
            if rng.random() < _RARELY / 2:
                lines.append(statement[1] + rng.choice(_BODY_COMMENTS))
            elif rng.random() < _RARELY and not lines[-1].rstrip().endswith("{"):
                lines.append("")
        lines.append(line)
        depth += line.count("⟦") - line.count("⟧")
    unit = rng.choice(["    "] * 7 + ["  ", "\t"])
    return "\n".join(_indent(line, unit) for line in lines) + "\n"


def _indent(line: str, unit: str) -> str:
    body = line.lstrip(" ")
    spaces = len(line) - len(body)
    return unit * (spaces // 4) + " " * (spaces % 4) + body
