"""Operators that break types: Option and Result, conversions, numbers, arguments, iterators."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from sleepy_coder.mutants.operators.finding import (
    Edits,
    Operator,
    Sites,
    arguments,
    drop,
    method_call,
    methods_dropper,
    statements,
    tail_of,
    wrapper_dropper,
)
from sleepy_coder.mutants.tree import Edit, text_of, walk, with_comma

_OTHER_NUMBER = {
    "u8": "u32", "u16": "u32", "u32": "u64", "u64": "usize", "usize": "u32", "i8": "i32",
    "i16": "i32", "i32": "i64", "i64": "i32", "isize": "i64", "f32": "f64", "f64": "f32",
}  # fmt: skip


def _drop_question(node: Node) -> Iterator[Edits]:
    if node.type == "try_expression":
        yield [drop(node.children[-1])]


def _unwrap_instead_of_question(node: Node) -> Iterator[Edits]:
    """`-> Result<(), E> { …? ; Ok(()) }` becomes `-> () { …?; }`."""
    result = node.child_by_field_name("return_type") if node.type == "function_item" else None
    body = node.child_by_field_name("body")
    tail = tail_of(body)
    if result is None or body is None or not any(n.type == "try_expression" for n in walk(body)):
        return
    parameters = node.child_by_field_name("parameters")
    if tail is not None and text_of(tail) == "Ok(())" and parameters is not None:
        yield [Edit(parameters.end_byte, result.end_byte), drop(tail)]


def _drop_arm(node: Node) -> Iterator[Edits]:
    if node.type == "match_block":
        arms = [c for c in node.named_children if c.type == "match_arm"]
        if len(arms) > 1:
            for arm in arms:
                after = arm.next_named_sibling
                end = (
                    after.start_byte
                    if after is not None and after.type == "match_arm"
                    else arm.end_byte
                )
                yield [Edit(arm.start_byte, end)]


def _add_semicolon(*owners: str) -> Sites:
    """Find blocks whose value is thrown away by a new `;`, below one of these kinds of node."""

    def find(node: Node) -> Iterator[Edits]:
        tail = tail_of(node) if node.type == "block" else None
        above = node.parent
        if tail is not None and above is not None and above.type in owners:
            yield [Edit(tail.end_byte, tail.end_byte, ";")]

    return find


def _drop_reference(node: Node) -> Iterator[Edits]:
    inner = node.child_by_field_name("value") if node.type == "reference_expression" else None
    above = node.parent
    if inner is not None and above is not None and above.type == "arguments":
        yield [Edit(node.start_byte, inner.start_byte)]


def _add_reference(node: Node) -> Iterator[Edits]:
    if node.type == "call_expression":
        for argument in arguments(node):
            if argument.type in ("identifier", "field_expression", "call_expression"):
                yield [Edit(argument.start_byte, argument.start_byte, "&")]


def _drop_deref(node: Node) -> Iterator[Edits]:
    if node.type == "unary_expression" and node.children[0].type == "*":
        yield [drop(node.children[0])]


def _drop_cast(node: Node) -> Iterator[Edits]:
    if node.type == "type_cast_expression":
        value = node.child_by_field_name("value")
        if value is not None:
            yield [Edit(value.end_byte, node.end_byte)]


def _swap_number_type(*owners: str) -> Sites:
    def find(node: Node) -> Iterator[Edits]:
        kind = node.child_by_field_name("return_type" if node.type == "function_item" else "type")
        other = _OTHER_NUMBER.get(text_of(kind))
        if node.type in owners and kind is not None and other:
            yield [Edit(kind.start_byte, kind.end_byte, other)]

    return find


def _integer_literal(node: Node) -> Iterator[Edits]:
    if node.type == "float_literal" and re.fullmatch(r"\d+\.0", text_of(node)):
        yield [Edit(node.start_byte, node.end_byte, text_of(node)[: -len(".0")])]


def _change_arguments(node: Node) -> Iterator[Edits]:
    """A call loses its last argument, or repeats it."""
    if node.type == "call_expression" and arguments(node):
        last = arguments(node)[-1]
        yield [with_comma(last)]
        yield [Edit(last.end_byte, last.end_byte, f", {text_of(last)}")]


def _drop_reference_pattern(node: Node) -> Iterator[Edits]:
    if node.type == "reference_pattern":
        yield [Edit(node.start_byte, node.named_children[-1].start_byte)]


def _range_to_number(node: Node) -> Iterator[Edits]:
    value = node.child_by_field_name("value") if node.type == "for_expression" else None
    if value is not None and value.type == "range_expression" and value.named_children:
        yield [Edit(value.start_byte, value.named_children[-1].start_byte)]


def _unwrap_return_type(node: Node) -> Iterator[Edits]:
    """`-> Option<T>` becomes `-> T`."""
    result = node.child_by_field_name("return_type") if node.type == "function_item" else None
    match = re.fullmatch(r"Option<(.+)>", text_of(result), re.DOTALL)
    if result is not None and match:
        yield [Edit(result.start_byte, result.end_byte, match[1])]


def _unwrap_arm(node: Node) -> Iterator[Edits]:
    """One arm of a match, or one branch, no longer wraps its value."""
    if node.type == "match_arm":
        value = node.child_by_field_name("value")
        if value is not None:
            yield from wrapper_dropper("Some", "Ok", "Err", "Box::new")(value)
    elif node.type == "if_expression":
        block = node.child_by_field_name("consequence")
        tail = tail_of(block) if block and len(statements(block)) == 1 else None
        if tail is not None:
            yield from wrapper_dropper("Some", "Ok")(tail)


def _iterate_references(node: Node) -> Iterator[Edits]:
    """`into_iter()` becomes `iter()`."""
    call = method_call(node)
    if call is not None and call[1] == "into_iter":
        yield [Edit(call[0].end_byte, node.end_byte, ".iter()")]


def _change_collection(node: Node) -> Iterator[Edits]:
    """A collected `Vec<T>` or `String` is declared as something that cannot be collected."""
    if node.type == "let_declaration" and "collect()" in text_of(node.child_by_field_name("value")):
        kind = node.child_by_field_name("type")
        match = re.fullmatch(r"Vec<(.+)>", text_of(kind))
        if kind is not None and match:
            yield [Edit(kind.start_byte, kind.end_byte, f"[{match[1]}]")]


OPERATORS = (
    Operator("drop_question", "unwrap_needed", _drop_question, share=0.6),
    Operator("drop_result_type", "question_mark_in_unit_main", _unwrap_instead_of_question),
    Operator("drop_ok", "missing_ok_wrap", wrapper_dropper("Ok"), share=0.6),
    Operator("drop_some", "missing_some_wrap", wrapper_dropper("Some"), share=0.6),
    Operator("drop_unwrap", "unwrap_needed", methods_dropper("unwrap", "expect", "unwrap_or")),
    Operator("drop_ok_or", "option_to_result", methods_dropper("ok_or", "ok_or_else")),
    Operator("drop_to_option", "result_to_option", methods_dropper("ok", "err")),
    Operator("drop_map_err", "error_type_mismatch", methods_dropper("map_err")),
    Operator("drop_arm", "non_exhaustive_match", _drop_arm, share=0.35),
    Operator("unwrap_return_type", "unwrap_needed", _unwrap_return_type, share=0.5),
    Operator("unwrap_arm", "branch_type_mismatch", _unwrap_arm),
    Operator(
        "drop_to_string",
        "str_to_string",
        methods_dropper("to_string", "to_owned", "into", "into_owned"),
    ),
    Operator("drop_string_from", "str_to_string", wrapper_dropper("String::from")),
    Operator("drop_as_str", "string_to_str", methods_dropper("as_str", "as_bytes", "as_slice")),
    Operator("drop_reference", "missing_reference", _drop_reference, share=0.5),
    Operator("add_reference", "missing_deref", _add_reference, share=0.3),
    Operator("drop_deref", "missing_deref", _drop_deref, share=0.6),
    Operator("drop_cast", "int_width", _drop_cast, share=0.5),
    Operator(
        "swap_number_type",
        "int_width",
        _swap_number_type("parameter", "field_declaration", "function_item", "let_declaration"),
        share=0.3,
    ),
    Operator("integer_literal", "int_float_mix", _integer_literal),
    Operator("change_arguments", "wrong_arg_count", _change_arguments, share=0.3),
    Operator("add_semicolon", "missing_return_value", _add_semicolon("function_item"), share=0.3),
    Operator(
        "add_branch_semicolon",
        "branch_type_mismatch",
        _add_semicolon("if_expression", "else_clause", "match_arm"),
    ),
    Operator("drop_collect", "missing_collect", methods_dropper("collect")),
    Operator("change_collection", "collect_type", _change_collection),
    Operator("drop_cloned", "iter_ref_items", methods_dropper("cloned", "copied")),
    Operator("iterate_references", "iter_ref_items", _iterate_references),
    Operator("drop_reference_pattern", "iter_ref_items", _drop_reference_pattern),
    Operator("range_to_number", "missing_iterator_bound", _range_to_number),
)
