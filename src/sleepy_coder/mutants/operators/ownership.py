"""Operators that break borrowing, moving and mutability."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from sleepy_coder.mutants.operators.finding import (
    Edits,
    Operator,
    Sites,
    arguments,
    child,
    drop,
    enclosing,
    method_call,
    methods_dropper,
    root_of,
)
from sleepy_coder.mutants.tree import Edit, text_of, walk


def _drop_mut(*parents: str) -> Sites:
    def find(node: Node) -> Iterator[Edits]:
        if node.type in parents:
            mutable = child(node, "mutable_specifier")
            # In `&mut self` the word belongs to the reference, which is another operator's.
            if mutable is not None and node.children[0].type != "&":
                yield [drop(mutable)]

    return find


def _share_self(node: Node) -> Iterator[Edits]:
    if node.type == "self_parameter" and node.children[0].type == "&":
        mutable = child(node, "mutable_specifier")
        if mutable is not None:
            yield [drop(mutable)]


def _own_self(node: Node) -> Iterator[Edits]:
    if node.type == "self_parameter" and node.children[0].type == "&":
        impl = enclosing(node, "impl_item", "trait_item")
        if impl is not None and impl.child_by_field_name("trait") is None:
            yield [Edit(node.start_byte, node.end_byte, "self")]


def _share_reference(*parents: str) -> Sites:
    def find(node: Node) -> Iterator[Edits]:
        above = node.parent
        if node.type in ("reference_type", "reference_expression") and above is not None:
            mutable = child(node, "mutable_specifier")
            if mutable is not None and above.type in parents:
                yield [drop(mutable)]

    return find


def _borrow_the_original(node: Node) -> Iterator[Edits]:
    """`let a = b.clone();` becomes `let a = &b;`."""
    value = node.child_by_field_name("value") if node.type == "let_declaration" else None
    call = method_call(value) if value else None
    if call is not None and value is not None and call[1] in ("clone", "to_vec", "to_owned"):
        start = value.start_byte
        yield [Edit(start, start, "&"), Edit(call[0].end_byte, value.end_byte)]


def _borrow_what_was_taken(node: Node) -> Iterator[Edits]:
    """`mem::take(&mut a)` and `mem::replace(&mut a, b)` become `&mut a`."""
    if node.type == "call_expression":
        function = text_of(node.child_by_field_name("function"))
        listed = node.child_by_field_name("arguments")
        if function.endswith(("mem::take", "mem::replace")) and listed and listed.named_children:
            first = listed.named_children[0]
            yield [Edit(node.start_byte, first.start_byte), Edit(first.end_byte, node.end_byte)]


def _drop_ref(node: Node) -> Iterator[Edits]:
    if node.type == "ref_pattern":
        inner = node.named_children[-1]
        yield [Edit(node.start_byte, inner.start_byte)]


def _drop_borrow_in(*fields: tuple[str, str]) -> Sites:
    """Find `&x` that is, for instance, the value of a `for_expression`."""

    def find(node: Node) -> Iterator[Edits]:
        for kind, field in fields:
            value = node.child_by_field_name(field) if node.type == kind else None
            if value is not None and value.type == "reference_expression":
                inner = value.child_by_field_name("value")
                if inner is not None:
                    yield [Edit(value.start_byte, inner.start_byte)]

    return find


def _drop_index_borrow(node: Node) -> Iterator[Edits]:
    inner = node.child_by_field_name("value") if node.type == "reference_expression" else None
    if inner is not None and inner.type == "index_expression":
        yield [Edit(node.start_byte, inner.start_byte)]


def _iterate_by_value(node: Node) -> Iterator[Edits]:
    value = node.child_by_field_name("value") if node.type == "for_expression" else None
    call = method_call(value) if value else None
    if call is not None and value is not None and call[1] in ("iter", "iter_mut"):
        yield [Edit(call[0].end_byte, value.end_byte)]


def _drop_move(node: Node) -> Iterator[Edits]:
    if node.type == "closure_expression":
        moved = child(node, "move")
        if moved is not None:
            yield [drop(moved)]


def _add_move(node: Node) -> Iterator[Edits]:
    if node.type == "closure_expression" and child(node, "move") is None:
        yield [Edit(node.start_byte, node.start_byte, "move ")]


def _own_parameter(node: Node) -> Iterator[Edits]:
    """A function takes `T` in place of `&T`, and its callers hand over `x` in place of `&x`."""
    if node.type != "function_item" or enclosing(node, "impl_item", "trait_item") is not None:
        return
    name = text_of(node.child_by_field_name("name"))
    parameters = node.child_by_field_name("parameters")
    calls = [
        call
        for call in walk(root_of(node))
        if call.type == "call_expression" and text_of(call.child_by_field_name("function")) == name
    ]
    for index, parameter in enumerate(parameters.named_children if parameters else ()):
        kind = parameter.child_by_field_name("type")
        inner = kind.child_by_field_name("type") if kind else None
        if kind is None or inner is None or kind.type != "reference_type" or not calls:
            continue
        handed = [a for call in calls for a in arguments(call)[index : index + 1]]
        if inner.type in ("type_identifier", "generic_type") and child(kind, "lifetime") is None:
            yield [
                Edit(kind.start_byte, inner.start_byte),
                *(
                    Edit(a.start_byte, a.named_children[-1].start_byte)
                    for a in handed
                    if a.type == "reference_expression"
                ),
            ]


def _drop_take(node: Node) -> Iterator[Edits]:
    """`self.x.take()` becomes `self.x`."""
    call = method_call(node)
    if call is not None and call[1] in ("take", "get_mut", "drain") and not call[2]:
        yield [Edit(call[0].end_byte, node.end_byte)]


OPERATORS = (
    Operator("drop_let_mut", "missing_mut", _drop_mut("let_declaration"), share=0.35),
    Operator(
        "drop_parameter_mut",
        "missing_mut",
        _drop_mut("parameter", "self_parameter", "mut_pattern"),
        share=0.5,
    ),
    Operator("share_self", "immutable_ref_param", _share_self, share=0.5),
    Operator("own_self", "use_after_move", _own_self),
    Operator("own_parameter", "use_after_move", _own_parameter, weight=3),
    Operator("share_parameter", "immutable_ref_param", _share_reference("parameter"), share=0.6),
    Operator("share_argument", "missing_reference", _share_reference("arguments"), share=0.5),
    Operator("drop_clone", "use_after_move", methods_dropper("clone", "to_vec"), weight=2),
    Operator("borrow_the_original", "mut_borrow_conflict", _borrow_the_original, weight=3),
    Operator("borrow_what_was_taken", "double_mut_borrow", _borrow_what_was_taken, weight=3),
    Operator(
        "drop_as_ref",
        "move_out_of_borrow",
        methods_dropper("as_ref", "as_mut", "as_deref", "by_ref"),
    ),
    Operator("drop_ref", "use_after_partial_move", _drop_ref, weight=2),
    Operator(
        "drop_scrutinee_borrow",
        "move_out_of_borrow",
        _drop_borrow_in(("match_expression", "value"), ("let_condition", "value")),
    ),
    Operator(
        "drop_loop_borrow", "move_into_iter", _drop_borrow_in(("for_expression", "value")), weight=3
    ),
    Operator("drop_let_borrow", "use_after_move", _drop_borrow_in(("let_declaration", "value"))),
    Operator("drop_index_borrow", "move_out_of_index", _drop_index_borrow, weight=2),
    Operator("iterate_by_value", "move_into_iter", _iterate_by_value, weight=3),
    Operator("drop_move", "closure_outlives_borrow", _drop_move, weight=3),
    Operator("add_move", "closure_moved_value", _add_move, weight=3),
    Operator("drop_take", "move_out_of_borrow", _drop_take),
)
