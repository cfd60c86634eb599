"""Operators that break derives, trait implementations, bounds, generics and lifetimes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from sleepy_coder.mutants.operators.finding import Edits, Operator, Sites, child, drop, enclosing
from sleepy_coder.mutants.tree import Edit, leading_start, text_of, walk, with_comma

_DERIVES = {
    "Clone": "missing_clone",
    "Copy": "missing_copy",
    "Debug": "missing_debug",
    "Default": "missing_default",
    "Eq": "missing_hash",
    "Hash": "missing_hash",
    "Ord": "missing_ord",
    "PartialEq": "missing_partial_eq",
    "PartialOrd": "missing_ord",
}
# Dropping these fails nearly everywhere.
_DERIVE_SHARES = {"Clone": 0.4, "PartialEq": 0.4, "Debug": 0.7}
_MAX_IMPL_LINES = 12  # to write a longer one again is not to repair
_NUM_TYPE_ARGUMENTS = 2


def _drop_derive(trait: str) -> Sites:
    def find(node: Node) -> Iterator[Edits]:
        text = text_of(node) if node.type == "attribute_item" else ""
        if re.match(r"#\[derive\(", text):
            listed = re.findall(r"\w+", text.partition("(")[2])
            kept = [name for name in listed if name != trait]
            if trait in listed and kept:
                yield [Edit(node.start_byte, node.end_byte, f"#[derive({', '.join(kept)})]")]
            elif trait in listed:
                yield [_line(node)]

    return find


def _line(node: Node) -> Edit:
    """Return the edit that deletes an attribute and the line break behind it."""
    after = node.next_sibling
    return Edit(node.start_byte, after.start_byte if after else node.end_byte)


def _drop_impl(node: Node) -> Iterator[Edits]:
    trait = node.child_by_field_name("trait") if node.type == "impl_item" else None
    if trait is not None and node.end_point.row - node.start_point.row < _MAX_IMPL_LINES:
        yield [Edit(leading_start(node), node.end_byte)]


def _drop_trait_method(node: Node) -> Iterator[Edits]:
    impl = enclosing(node, "impl_item") if node.type in ("function_item", "type_item") else None
    if impl is None or impl.child_by_field_name("trait") is None:
        return
    if node.parent is not None and node.parent.parent == impl:
        yield [Edit(leading_start(node), node.end_byte)]


def _change_signature(node: Node) -> Iterator[Edits]:
    """A method of a trait impl takes `self` in another way, or one parameter less."""
    impl = enclosing(node, "impl_item") if node.type == "parameters" else None
    function = node.parent
    if impl is None or impl.child_by_field_name("trait") is None:
        return
    if function is None or function.parent is None or function.parent.parent != impl:
        return
    receiver = child(node, "self_parameter")
    if receiver is not None and text_of(receiver) in ("&self", "&mut self"):
        other = "&self" if "mut" in text_of(receiver) else "&mut self"
        yield [Edit(receiver.start_byte, receiver.end_byte, other)]
    others = [c for c in node.named_children if c.type == "parameter"]
    if others and receiver is not None:
        yield [with_comma(others[-1])]


def _drop_bound(node: Node) -> Iterator[Edits]:
    if node.type != "trait_bounds":
        return
    bounds = [c for c in node.named_children if c.type != "lifetime"]
    owner = node.parent
    if len(node.named_children) > 1:
        for bound in bounds:
            after, before = bound.next_sibling, bound.prev_sibling
            if after is not None and after.type == "+" and after.next_sibling is not None:
                yield [Edit(bound.start_byte, after.next_sibling.start_byte)]
            elif before is not None and before.prev_sibling is not None:
                yield [Edit(before.prev_sibling.end_byte, bound.end_byte)]
    elif bounds and owner is not None and owner.type == "where_predicate":
        clause = owner.parent
        is_only = clause is not None and len(clause.named_children) == 1
        yield [drop(clause) if is_only else with_comma(owner)]
    elif bounds:
        yield [drop(node)]


def _drop_outlives(node: Node) -> Iterator[Edits]:
    """`T: 'a` becomes `T`."""
    if node.type == "trait_bounds":
        for bound in (c for c in node.named_children if c.type == "lifetime"):
            if len(node.named_children) == 1:
                yield [drop(node)]
            elif bound.next_sibling is not None and bound.next_sibling.next_sibling is not None:
                yield [Edit(bound.start_byte, bound.next_sibling.next_sibling.start_byte)]
            elif bound.prev_sibling is not None and bound.prev_sibling.prev_sibling is not None:
                yield [Edit(bound.prev_sibling.prev_sibling.end_byte, bound.end_byte)]


def _tighten_closure(node: Node) -> Iterator[Edits]:
    """`FnMut` becomes `Fn`, `FnOnce` becomes `FnMut`."""
    other = {"FnMut": "Fn", "FnOnce": "Fn"}.get(text_of(node))
    if node.type == "type_identifier" and other:
        yield [Edit(node.start_byte, node.end_byte, other)]


def _drop_type_argument(node: Node) -> Iterator[Edits]:
    if node.type == "type_arguments" and node.parent is not None:
        types = [c for c in node.named_children if c.type != "lifetime"]
        is_type = node.parent.type == "generic_type"
        if is_type and len(types) >= _NUM_TYPE_ARGUMENTS:
            yield [with_comma(types[-1])]


def _drop_turbofish(node: Node) -> Iterator[Edits]:
    if node.type == "generic_function":
        function = node.child_by_field_name("function")
        if function is not None:
            yield [Edit(function.end_byte, node.end_byte)]


def _drop_let_type(node: Node) -> Iterator[Edits]:
    if node.type == "let_declaration":
        pattern, kind = node.child_by_field_name("pattern"), node.child_by_field_name("type")
        if pattern is not None and kind is not None:
            yield [Edit(pattern.end_byte, kind.end_byte)]


def _undeclare_lifetime(node: Node) -> Iterator[Edits]:
    if node.type == "lifetime_parameter" and node.parent is not None:
        declared = node.parent
        if declared.type == "type_parameters":
            is_only = len(declared.named_children) == 1
            yield [drop(declared) if is_only else with_comma(node)]


def _elide_lifetime(*owners: str) -> Sites:
    """Find `&'a T` that becomes `&T`, within one of these kinds of node."""

    def find(node: Node) -> Iterator[Edits]:
        if node.type in owners:
            part = node.child_by_field_name("return_type") if node.type == "function_item" else node
            for inner in walk(part) if part else ():
                lifetime = child(inner, "lifetime") if inner.type == "reference_type" else None
                if lifetime is not None:
                    yield [drop(lifetime)]

    return find


def _drop_lifetime_argument(node: Node) -> Iterator[Edits]:
    if node.type == "type_arguments":
        for lifetime in (c for c in node.named_children if c.type == "lifetime"):
            is_only = len(node.named_children) == 1
            yield [drop(node) if is_only else with_comma(lifetime)]


def _swap_lifetime(node: Node) -> Iterator[Edits]:
    """A reference gets another of the lifetimes that are declared around it."""
    if node.type != "lifetime" or node.parent is None or node.parent.type == "lifetime_parameter":
        return
    function, impl = enclosing(node, "function_item"), enclosing(node, "impl_item")
    declared = [
        text_of(lifetime.child_by_field_name("name"))
        for owner in (function, impl)
        if owner is not None
        for parameters in [owner.child_by_field_name("type_parameters")]
        if parameters is not None
        for lifetime in parameters.named_children
        if lifetime.type == "lifetime_parameter"
    ]
    for name in declared:
        if name != text_of(node) and text_of(node) in declared:
            yield [Edit(node.start_byte, node.end_byte, name)]


OPERATORS = (
    *(
        Operator(
            f"drop_derive_{trait.lower()}",
            pattern,
            _drop_derive(trait),
            share=_DERIVE_SHARES.get(trait, 1.0),
        )
        for trait, pattern in _DERIVES.items()
    ),
    Operator("drop_impl", "missing_generic_bound", _drop_impl),
    Operator("drop_trait_method", "missing_trait_method", _drop_trait_method, share=0.5),
    Operator("change_signature", "wrong_trait_signature", _change_signature, share=0.6),
    Operator("drop_bound", "missing_generic_bound", _drop_bound, share=0.7),
    Operator("drop_outlives", "static_bound_required", _drop_outlives, weight=3),
    Operator("tighten_closure", "closure_type_bound", _tighten_closure, weight=3),
    Operator("drop_type_argument", "wrong_generic_count", _drop_type_argument, share=0.6),
    Operator("drop_turbofish", "type_annotations_needed", _drop_turbofish),
    Operator("drop_let_type", "type_annotations_needed", _drop_let_type),
    Operator("undeclare_lifetime", "undeclared_lifetime", _undeclare_lifetime, share=0.7),
    Operator(
        "elide_field_lifetime",
        "missing_lifetime_struct",
        _elide_lifetime("field_declaration", "ordered_field_declaration_list"),
    ),
    Operator("elide_result_lifetime", "missing_lifetime_fn", _elide_lifetime("function_item")),
    Operator(
        "elide_parameter_lifetime",
        "lifetime_too_short_return",
        _elide_lifetime("parameter"),
        weight=2,
    ),
    Operator("drop_lifetime_argument", "missing_lifetime_struct", _drop_lifetime_argument),
    Operator("swap_lifetime", "lifetime_too_short_return", _swap_lifetime, weight=3),
)
