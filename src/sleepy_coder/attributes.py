"""Attributes of Rust code as tokens tell them, so inside macros too; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from sleepy_coder.syntax import tokens

_DEPTHS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


@dataclass(frozen=True)
class Attribute:
    """An attribute, also where Rust itself parses it later.

    Attributes:
        name: Its path, such as `cfg`; `$x` where a macro is told it.
        arguments: What stands between its parentheses' commas, as tokens joined by spaces.
        is_inner: Whether it belongs to what surrounds it: `#![…]`.
        target: First token of what it stands on, other attributes aside; empty at the end.
    """

    name: str
    arguments: tuple[str, ...]
    is_inner: bool
    target: str


def attributes(code: str) -> list[Attribute]:
    """Return the attributes in source order, those in macros included."""
    texts = [token.text for token in tokens(code)]
    found: list[Attribute] = []
    following: dict[int, str] = {}  # where an attribute starts -> its `target`
    for start, end in reversed(list(_attribute_places(texts))):
        is_inner = texts[start + 1] == "!"
        inside = texts[start + 2 + is_inner : end - 1]
        path = list(takewhile(lambda text: text not in ("(", "[", "{", "="), inside))
        name = "".join(path).removeprefix("r#")
        arguments = _split_at_commas(inside[len(path) + 1 : -1])
        following[start] = following.get(end) or "".join(texts[end : end + 1])
        found.append(Attribute(name, arguments, is_inner, following[start]))
    return found[::-1]


def _attribute_places(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield each attribute's first token and the one after its last."""
    at = 0
    while at < len(texts):
        opening = at + (2 if texts[at + 1 : at + 2] == ["!"] else 1)
        if texts[at] == "#" and texts[opening : opening + 1] == ["["]:
            end = _after_group(texts, opening)
            yield at, end
            at = end
        else:
            at += 1


def _after_group(texts: Sequence[str], opening: int) -> int:
    """Return the place after the bracket that closes the one at `opening`, or after the end."""
    depth = 0
    for at in range(opening, len(texts)):
        depth += _DEPTHS.get(texts[at], 0)
        if depth == 0:
            return at + 1
    return len(texts)


def _split_at_commas(texts: Sequence[str]) -> tuple[str, ...]:
    """Return what stands between the commas that no brackets surround."""
    parts: list[list[str]] = [[]]
    depth = 0
    for text in texts:
        depth += _DEPTHS.get(text, 0)
        if text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(text)
    return tuple(" ".join(part) for part in parts if part)
