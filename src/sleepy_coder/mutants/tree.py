"""Rust syntax trees, and edits to the text that they were made from; pure.

Offsets count bytes of the UTF-8 source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import tree_sitter_rust
from tree_sitter import Language, Node, Parser

COMMENTS = frozenset({"line_comment", "block_comment"})
_NAMES = frozenset(
    {"identifier", "type_identifier", "field_identifier", "shorthand_field_identifier"}
)


@dataclass(frozen=True, order=True)
class Edit:
    """Bytes `start` to `end` become `text`."""

    start: int
    end: int
    text: str = ""


def parse(code: str) -> Node:
    """Return the root of the syntax tree; where the code is malformed, the parser recovers."""
    return _parser().parse(code.encode()).root_node


def walk(root: Node) -> Iterator[Node]:
    """Yield every node in source order, parents before children."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def text_of(node: Node | None) -> str:
    """Return the source text of a node, or nothing for no node."""
    return (node.text or b"").decode() if node else ""


def names_in(node: Node) -> frozenset[str]:
    """Return every identifier below a node, those in macro arguments included."""
    return frozenset(text_of(n) for n in walk(node) if n.type in _NAMES)


def apply_edits(code: str, edits: Iterable[Edit]) -> str:
    """Return the code after the edits; one that overlaps an earlier one is left out."""
    data = code.encode()
    pieces, position = [], 0
    for edit in sorted(set(edits), key=lambda e: (e.start, -e.end, e.text)):
        if edit.start >= position:
            pieces += [data[position : edit.start], edit.text.encode()]
            position = edit.end
    return b"".join([*pieces, data[position:]]).decode()


def with_comma(node: Node) -> Edit:
    """Return the edit that takes an entry out of a list, one neighbouring comma included."""
    after, before = node.next_sibling, node.prev_sibling
    if after is not None and after.type == ",":
        following = after.next_sibling
        is_inline = following is not None and following.start_point.row == node.start_point.row
        return Edit(
            node.start_byte, following.start_byte if following and is_inline else after.end_byte
        )
    if before is not None and before.type == ",":
        return Edit(before.start_byte, node.end_byte)
    return Edit(node.start_byte, node.end_byte)


def leading_start(node: Node) -> int:
    """Return where a node begins together with its attributes and the comments right above it."""
    start, row = node.start_byte, node.start_point.row
    above = node.prev_sibling
    while above is not None and above.type in (*COMMENTS, "attribute_item"):
        # A doc comment's node ends on the next line, after its newline.
        end_row = above.end_point.row - (1 if above.end_point.column == 0 else 0)
        if row - end_row > 1 or _is_trailing(above):
            break
        start, row = above.start_byte, above.start_point.row
        above = above.prev_sibling
    return start


def attributes_of(node: Node) -> list[Node]:
    """Return the attributes above a node, the nearest first."""
    found = []
    above = node.prev_sibling
    while above is not None and above.type in (*COMMENTS, "attribute_item"):
        if above.type == "attribute_item":
            found.append(above)
        above = above.prev_sibling
    return found


def _is_trailing(comment: Node) -> bool:
    """Whether a comment stands behind code on the same line."""
    before = comment.prev_sibling
    return (
        before is not None
        and before.end_point.row == comment.start_point.row
        and (before.end_point.column > 0)
    )


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_rust.language()))
