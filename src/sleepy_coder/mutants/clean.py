"""Prepare a crate's source file for compiling alone: features, attributes, imports; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from sleepy_coder.mutants.pieces import is_cfg_test
from sleepy_coder.mutants.tree import COMMENTS, Edit, apply_edits, parse, text_of, walk, with_comma

# Attributes that rustc knows without any feature or procedural macro.
_KNOWN_ATTRIBUTES = {
    *("allow", "cold", "deprecated", "derive", "doc", "ignore", "inline", "macro_export"),
    *("must_use", "non_exhaustive", "repr", "should_panic", "test", "track_caller"),
}
_KNOWN_DERIVES = {
    *("Clone", "Copy", "Debug", "Default", "Eq", "Hash", "Ord", "PartialEq", "PartialOrd"),
}
# A crate without these features is another crate; any other feature is left off.
_USUAL_FEATURES = ('feature="std"', 'feature="alloc"', 'feature="default"')
_LENT_CRATES = re.compile(r"(?<![:\w])(?:::)?alloc::")


def prepare_file(code: str) -> str:
    """Return the file as part of a crate of its own, in the author's words and layout.

    Gone are inner attributes, `mod x;` and `extern crate`, imports from the same crate, attributes
    of other crates and what is behind a feature. `alloc::` becomes `std::` and `pub(super)`
    becomes `pub(crate)`.
    """
    code = _LENT_CRATES.sub("std::", code.replace("\r\n", "\n"))
    return apply_edits(code, [edit for node in walk(parse(code)) for edit in _edits(node)])


def _edits(node: Node) -> Iterator[Edit]:
    is_top = node.parent is not None and node.parent.type == "source_file"
    if node.type in ("inner_attribute_item", "shebang") or (
        is_top and node.type in COMMENTS and _is_inner_doc(node)
    ):
        yield Edit(node.start_byte, node.end_byte)
    elif node.type == "attribute_item":
        yield from _attribute_edits(node)
    elif _is_foreign(node) or (is_top and _is_from_own_crate(node)):
        yield Edit(node.start_byte, node.end_byte)
    elif node.type == "visibility_modifier" and "(" in text_of(node):
        yield Edit(node.start_byte, node.end_byte, "pub(crate)")


def _attribute_edits(node: Node) -> Iterator[Edit]:
    text = "".join(text_of(node).split())
    name = re.split(r"[^\w]", text[2:])[0]
    if name == "cfg":
        if is_cfg_test(node):
            return
        yield Edit(node.start_byte, node.end_byte)
        is_on = text.removeprefix("#[cfg(").removesuffix(")]") in _USUAL_FEATURES
        target = None if is_on else _target(node)
        if target is not None:
            yield Edit(node.start_byte, max(with_comma(target).end, target.end_byte))
    elif name == "derive":
        wanted = re.findall(r"[\w:]+", text[len("#[derive") :])
        kept = [w for w in wanted if w in _KNOWN_DERIVES]
        if kept != wanted:
            yield Edit(
                node.start_byte, node.end_byte, f"#[derive({', '.join(kept)})]" if kept else ""
            )
    elif name not in _KNOWN_ATTRIBUTES or "rustc_" in text:
        yield Edit(node.start_byte, node.end_byte)


def _target(attribute: Node) -> Node | None:
    """Return what an attribute belongs to."""
    node = attribute.next_named_sibling
    while node is not None and node.type in (*COMMENTS, "attribute_item"):
        node = node.next_named_sibling
    return node


def _is_inner_doc(comment: Node) -> bool:
    return text_of(comment).startswith(("//!", "/*!"))


def _is_foreign(node: Node) -> bool:
    """Whether this names what is in another crate, or in another file."""
    return node.type in ("extern_crate_declaration", "foreign_mod_item") or (
        node.type == "mod_item" and node.child_by_field_name("body") is None
    )


def _is_from_own_crate(node: Node) -> bool:
    path = text_of(node.child_by_field_name("argument"))
    return node.type == "use_declaration" and path.startswith(("crate::", "super::", "$crate"))
