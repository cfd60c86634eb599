"""A Rust file as pieces that can be taken out one by one; pure.

A piece is an item with its attributes and comments. The methods of an inherent `impl`, and what is
in a module of tests, are pieces of their own below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from sleepy_coder.mutants.tree import (
    COMMENTS,
    Edit,
    apply_edits,
    attributes_of,
    leading_start,
    names_in,
    parse,
    text_of,
    with_comma,
)

_ITEMS = {
    "function_item": "fn",
    "struct_item": "type",
    "enum_item": "type",
    "union_item": "type",
    "type_item": "alias",
    "trait_item": "trait",
    "impl_item": "impl",
    "const_item": "const",
    "static_item": "const",
    "macro_definition": "macro",
    "mod_item": "mod",
    "use_declaration": "use",
}


@dataclass(frozen=True)
class Piece:
    """An item, a method of an inherent impl, or an item of a module of tests.

    Attributes:
        kind: `fn`, `type`, `alias`, `trait`, `impl` (of a trait), `inherent`, `method`, `const`,
            `macro`, `mod`, `tests`, `use` or `other`.
        name: What it declares; for an impl the type it is for; empty where there is none.
        trait: The trait that an impl is of, else empty.
        start: First byte, attributes and comments included.
        refs: Identifiers that occur in it; for a container, those outside of its members.
        num_lines: Lines of text; for a container, those outside of its members.
    """

    kind: str
    name: str
    start: int
    end: int
    refs: frozenset[str]
    num_lines: int
    trait: str = ""
    is_test: bool = False
    members: tuple[Piece, ...] = ()


def find_pieces(code: str) -> list[Piece]:
    """Return the pieces of a file in source order."""
    return list(_pieces_below(parse(code)))


def _pieces_below(parent: Node) -> Iterator[Piece]:
    for node in parent.named_children:
        if node.type not in (*COMMENTS, "attribute_item", "inner_attribute_item"):
            yield _piece(node)


def _piece(node: Node) -> Piece:
    kind = _ITEMS.get(node.type, "other")
    name = text_of(node.child_by_field_name("name"))
    trait = node.child_by_field_name("trait")
    body = node.child_by_field_name("body")
    attributes = attributes_of(node)
    members: tuple[Piece, ...] = ()
    if kind == "impl":
        name = base_name(node.child_by_field_name("type"))
        if trait is None and body is not None:
            kind, members = "inherent", tuple(_methods(body))
    elif kind == "mod" and body is not None and any(is_cfg_test(a) for a in attributes):
        kind, members = "tests", tuple(_pieces_below(body))
    start = leading_start(node)
    refs = names_in(node)
    if members:
        refs = refs.difference(*(m.refs for m in members)) | _header_names(node)
    lines = node.end_point.row - node.start_point.row + 1
    return Piece(
        kind=kind,
        name=name,
        start=start,
        end=node.end_byte,
        refs=refs,
        num_lines=lines - sum(m.num_lines for m in members),
        trait=base_name(trait),
        is_test=any(text_of(a).strip("#[] ") == "test" for a in attributes),
        members=members,
    )


def _methods(body: Node) -> Iterator[Piece]:
    for node in body.named_children:
        if node.type in ("function_item", "const_item", "macro_invocation"):
            start = leading_start(node)
            lines = node.end_point.row - node.start_point.row + 2
            name = text_of(node.child_by_field_name("name"))
            yield Piece("method", name, start, node.end_byte, names_in(node), lines)


def _header_names(node: Node) -> frozenset[str]:
    body = node.child_by_field_name("body")
    above = [names_in(c) for c in node.named_children if c != body]
    return frozenset().union(*above)


def base_name(node: Node | None) -> str:
    """Return a type's or a trait's own name: last path segment, without references or arguments."""
    while node is not None:
        inner = node.child_by_field_name("type") or (
            node.child_by_field_name("name") if node.type == "scoped_type_identifier" else None
        )
        if inner is None:
            return text_of(node) if node.type.endswith(("identifier", "primitive_type")) else ""
        node = inner
    return ""


def is_cfg_test(attribute: Node) -> bool:
    """Whether this is `#[cfg(test)]`."""
    return "".join(text_of(attribute).split()) == "#[cfg(test)]"


def without(code: str, ranges: set[tuple[int, int]]) -> str:
    """Return the code without these byte ranges; of several blank lines one stays."""
    kept = apply_edits(code, (Edit(start, end) for start, end in ranges))
    lines: list[str] = []
    for line in kept.split("\n"):
        is_blank = not line.strip()
        opens = bool(lines) and lines[-1].rstrip().endswith("{")
        closes = line.strip() == "}"
        if closes and lines and not lines[-1].strip():
            lines.pop()
        if not (is_blank and (not lines or not lines[-1].strip() or opens)):
            lines.append(line.rstrip() if is_blank else line)
    return "\n".join(lines).strip("\n") + "\n"


def import_at(code: str, byte: int) -> tuple[int, int] | None:
    """Return the bytes of the import that holds this one, as small as can be taken out alone."""
    node = parse(code).descendant_for_byte_range(byte, byte)
    leaf: Node | None = None
    while node is not None and node.type != "use_declaration":
        parent = node.parent
        if leaf is None and parent is not None and parent.type == "use_list":
            leaf = node if len(parent.named_children) > 1 else None
        node = parent
    if node is None:
        return None
    if leaf is None:
        return leading_start(node), node.end_byte
    edit = with_comma(leaf)
    return edit.start, edit.end
