"""What a mutation operator is, and readers of syntax that several operators share; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from sleepy_coder.mutants.pieces import is_cfg_test
from sleepy_coder.mutants.tree import COMMENTS, Edit, attributes_of, text_of

Edits = list[Edit]
Sites = Callable[[Node], Iterator[Edits]]


@dataclass(frozen=True)
class Operator:
    """A way in which people break Rust.

    Attributes:
        pattern: The kind of mistake that it aims at; the compiler decides which one it is.
        find: Yields the edits that this operator makes at or below one syntax node.
        share: The part of the programs on which it is tried, for operators that nearly always
            find a place.
        weight: How early it comes, for mistakes that are hard to make and to mend.
    """

    name: str
    pattern: str
    find: Sites
    share: float = 1.0
    weight: float = 1.0


def sites(operator: Operator, root: Node) -> list[Edits]:
    """Return every way of applying an operator to a program, modules of tests left out."""
    return [edits for node in _program_nodes(root) for edits in operator.find(node) if edits]


def _program_nodes(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "mod_item" and any(is_cfg_test(a) for a in attributes_of(node)):
            continue
        yield node
        stack.extend(reversed(node.children))


def drop(node: Node | None) -> Edit:
    """Return the edit that deletes a node and one space behind it."""
    if node is None:
        return Edit(0, 0)
    after = node.next_sibling
    has_space = after is not None and after.start_byte == node.end_byte + 1
    return Edit(node.start_byte, node.end_byte + has_space)


def child(node: Node, kind: str) -> Node | None:
    """Return the first direct child of a node type, or None."""
    return next((c for c in node.children if c.type == kind), None)


def statements(block: Node) -> list[Node]:
    """Return the statements of a block, comments left out."""
    return [c for c in block.named_children if c.type not in (*COMMENTS, "attribute_item")]


def tail_of(block: Node | None) -> Node | None:
    """Return the expression that a block evaluates to, or None."""
    last = statements(block)[-1:] if block else []
    if not last or last[0].type in ("let_declaration", "empty_statement"):
        return None
    if last[0].type == "expression_statement":
        is_open = last[0].children[-1].type != ";"
        return last[0].named_children[0] if is_open else None
    return None if last[0].type.endswith("_item") else last[0]


def method_call(node: Node) -> tuple[Node, str, list[Node]] | None:
    """Return receiver, method name and arguments of a method call, or None for other nodes."""
    if node.type != "call_expression":
        return None
    function = node.child_by_field_name("function")
    if function is not None and function.type == "generic_function":
        function = function.child_by_field_name("function")
    if function is None or function.type != "field_expression":
        return None
    receiver = function.child_by_field_name("value")
    if receiver is None:
        return None
    return receiver, text_of(function.child_by_field_name("field")), arguments(node)


def arguments(call: Node) -> list[Node]:
    """Return the arguments of a call."""
    listed = call.child_by_field_name("arguments")
    return [c for c in listed.named_children if c.type not in COMMENTS] if listed else []


def methods_dropper(*names: str) -> Sites:
    """Return the finder of calls `x.name(…)` that become `x`."""

    def find(node: Node) -> Iterator[Edits]:
        call = method_call(node)
        if call is not None and call[1] in names:
            yield [Edit(call[0].end_byte, node.end_byte)]

    return find


def wrapper_dropper(*names: str) -> Sites:
    """Return the finder of calls `name(x)` that become `x`."""

    def find(node: Node) -> Iterator[Edits]:
        if node.type != "call_expression" or len(arguments(node)) != 1:
            return
        if text_of(node.child_by_field_name("function")) in names:
            inner = arguments(node)[0]
            yield [Edit(node.start_byte, inner.start_byte), Edit(inner.end_byte, node.end_byte)]

    return find


def enclosing(node: Node, *kinds: str) -> Node | None:
    """Return the nearest node around this one that is of one of these types."""
    above = node.parent
    while above is not None and above.type not in kinds:
        above = above.parent
    return above


def root_of(node: Node) -> Node:
    """Return the root of the tree that a node is in."""
    while node.parent is not None:
        node = node.parent
    return node
