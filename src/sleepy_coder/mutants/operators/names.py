"""Operators that break names, imports, fields and visibility."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from sleepy_coder.mutants.operators.finding import Edits, Operator, Sites, enclosing
from sleepy_coder.mutants.tree import Edit, leading_start, text_of, with_comma

_MIN_NAME_CHARS = 4


def _drop_import(node: Node) -> Iterator[Edits]:
    if node.type == "use_declaration":
        after = node.next_sibling
        end = (
            after.start_byte
            if after is not None and after.type == "use_declaration"
            else node.end_byte
        )
        yield [Edit(leading_start(node), end)]
    elif node.type == "use_list" and len(node.named_children) > 1:
        for leaf in node.named_children:
            yield [with_comma(leaf)]


def _misspell(kind: str, *parents: str) -> Sites:
    """Find names of one kind that lose or swap a letter where they are used."""

    def find(node: Node) -> Iterator[Edits]:
        above = node.parent
        if node.type == kind and above is not None and above.type in parents:
            name = text_of(node)
            if len(name) >= _MIN_NAME_CHARS and (above.child_by_field_name("pattern") != node):
                yield [Edit(node.start_byte, node.end_byte, _misspelt(name))]

    return find


def _misspelt(name: str) -> str:
    """Return the name as a hurried person may write it; the same every time."""
    if name.endswith("s") and not name.endswith("ss"):
        return name[:-1]
    middle = len(name) // 2
    if len(name) % 2 and name[middle] != name[middle - 1]:
        return name[: middle - 1] + name[middle] + name[middle - 1] + name[middle + 1 :]
    return name[:middle] + name[middle + 1 :]


def _misspell_method(node: Node) -> Iterator[Edits]:
    above = node.parent
    if node.type == "field_identifier" and above is not None and above.type == "field_expression":
        call = above.parent
        is_method = (
            call is not None
            and call.type == "call_expression"
            and (call.child_by_field_name("function") == above)
        )
        name = text_of(node)
        if is_method and len(name) >= _MIN_NAME_CHARS:
            yield [Edit(node.start_byte, node.end_byte, _misspelt(name))]


def _misspell_field(node: Node) -> Iterator[Edits]:
    if not list(_misspell_method(node)):
        yield from _misspell("field_identifier", "field_expression", "field_initializer")(node)


def _drop_field(node: Node) -> Iterator[Edits]:
    if node.type == "field_initializer_list":
        for field in node.named_children:
            if field.type in ("field_initializer", "shorthand_field_initializer"):
                yield [with_comma(field)]


def _drop_self(node: Node) -> Iterator[Edits]:
    """`self.total` becomes `total`, `Self::MAX` becomes `MAX`."""
    if node.type == "field_expression" and text_of(node.child_by_field_name("value")) == "self":
        field = node.child_by_field_name("field")
        if field is not None and re.match(r"[a-z]", text_of(field)):
            yield [Edit(node.start_byte, field.start_byte)]
    elif node.type == "scoped_identifier" and text_of(node).startswith("Self::"):
        name = node.child_by_field_name("name")
        if name is not None and enclosing(node, "function_item") is not None:
            yield [Edit(node.start_byte, name.start_byte)]


def _hide(node: Node) -> Iterator[Edits]:
    """What is inside a module loses its `pub`."""
    if node.type == "visibility_modifier" and enclosing(node, "mod_item") is not None:
        after = node.next_sibling
        if after is not None:
            yield [Edit(node.start_byte, after.start_byte)]


def _share_between_threads(node: Node) -> Iterator[Edits]:
    """`Arc` becomes `Rc` throughout."""
    text = text_of(node) if node.type == "source_file" else ""
    if re.search(r"thread::|: Send|\+ Send|Sync", text) and "sync::Arc" in text:
        swaps = {r"\bsync::Arc\b": "rc::Rc", r"\bArc\b": "Rc"}
        edits: dict[tuple[int, int], str] = {}
        for pattern, other in swaps.items():
            for match in re.finditer(pattern, text):
                start = len(text[: match.start()].encode()) + node.start_byte
                end = start + len(match[0].encode())
                if not any(s <= start < e for s, e in edits):
                    edits[start, end] = other
        yield [Edit(start, end, other) for (start, end), other in edits.items()]


OPERATORS = (
    Operator("drop_import", "missing_import", _drop_import, share=0.4),
    Operator(
        "misspell_local",
        "unknown_name",
        _misspell(
            "identifier",
            "arguments",
            "field_expression",
            "binary_expression",
            "reference_expression",
            "call_expression",
        ),
        share=0.15,
    ),
    Operator("misspell_method", "unknown_method", _misspell_method, share=0.2),
    Operator("misspell_field", "unknown_field", _misspell_field, share=0.2),
    Operator(
        "misspell_type",
        "missing_import",
        _misspell("type_identifier", "parameter", "reference_type", "generic_type"),
        share=0.1,
    ),
    Operator("drop_field", "missing_field", _drop_field, share=0.5),
    Operator("drop_self", "unknown_name", _drop_self, share=0.2),
    Operator("hide", "private_function", _hide),
    Operator("share_between_threads", "not_send", _share_between_threads),
)
