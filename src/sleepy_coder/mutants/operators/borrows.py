"""Operators that rearrange statements so that a borrow lives too long, or too short."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from tree_sitter import Node

from sleepy_coder.mutants.operators.finding import (
    Edits,
    Operator,
    Sites,
    enclosing,
    method_call,
    root_of,
    statements,
    tail_of,
)
from sleepy_coder.mutants.tree import Edit, names_in, text_of, walk

# What people call a borrow of something that has a name; several, or one would give it away.
_HELD_NAMES = ("{}_ref", "old_{}", "cur_{}", "{}_before", "the_{}", "{}_view", "last_{}")
_MAX_DISTANCE = 4  # statements between a borrow that is held and its use


def _swap_statements(node: Node) -> Iterator[Edits]:
    """Two neighbours that mention a common name change places."""
    if node.type != "block":
        return
    data = _source(node)
    listed = [s for s in statements(node) if s.type in ("expression_statement", "let_declaration")]
    for first, second in itertools.pairwise(listed):
        bound = first.child_by_field_name("pattern")
        declares = names_in(bound) if bound else frozenset()
        common = names_in(first) & names_in(second) or _both_self(first, second)
        if second == tail_of(node) or declares & names_in(second) or not common:
            continue
        between = data[first.end_byte : second.start_byte].decode()
        if "//" not in between:
            swapped = f"{text_of(second)}{between}{text_of(first)}"
            yield [Edit(first.start_byte, second.end_byte, swapped)]


def _hold(keyword: str) -> Sites:
    """A place that one statement uses and a later one reads is borrowed, or moved, before both."""

    def find(node: Node) -> Iterator[Edits]:
        if node.type != "block":
            return
        listed = statements(node)
        for index, changing in enumerate(listed):
            for place in _changed_places(changing):
                for using in listed[index + 1 : index + 1 + _MAX_DISTANCE]:
                    uses = [n for n in walk(using) if _is_place(n) and text_of(n) == place]
                    if uses:
                        yield _held(keyword, place, changing, uses)
                        break

    return find


def _held(keyword: str, place: str, changing: Node, uses: list[Node]) -> Edits:
    name = place.rpartition(".")[2]
    function = enclosing(changing, "function_item") or changing
    declared = {text_of(n) for n in walk(function) if n.type == "identifier"}
    if name in declared or name.isdigit():
        base = place.partition(".")[0] if name.isdigit() else name
        name = _HELD_NAMES[(len(place) + changing.start_byte) % len(_HELD_NAMES)].format(base)
    indent = " " * changing.start_point.column
    start = changing.start_byte
    edits = [Edit(start, start, f"let {name} = {keyword}{place};\n{indent}")]
    for use in uses:
        above = use.parent
        is_receiver = above is not None and above.type in ("field_expression", "index_expression")
        is_borrowed = above is not None and above.type == "reference_expression"
        begin = above.start_byte if is_borrowed and above is not None else use.start_byte
        is_direct = is_receiver or is_borrowed or not keyword
        is_shorthand = above is not None and above.type == "shorthand_field_initializer"
        value = name if is_direct else f"*{name}"
        text = f"{place}: {value}" if is_shorthand else value
        edits.append(Edit(begin, use.end_byte, text))
    return edits


def _changed_places(statement: Node) -> Iterator[str]:
    seen = set()
    for node in walk(statement):
        target = None
        if node.type in ("assignment_expression", "compound_assignment_expr"):
            target = node.child_by_field_name("left")
        elif call := method_call(node):
            target = call[0]
        elif node.type == "reference_expression" and "mut" in text_of(node)[:5]:
            target = node.child_by_field_name("value")
        if target is not None and _is_place(target) and text_of(target) not in seen:
            seen.add(text_of(target))
            yield text_of(target)


def _is_place(node: Node) -> bool:
    """Whether this is a local variable or a chain of fields such as `self.items`."""
    if node.type not in ("identifier", "field_expression"):
        return False
    above = node.parent
    if above is not None and above.type == "call_expression":
        return above.child_by_field_name("function") != node
    return re.fullmatch(r"[a-z_]\w*(\.\w+)*", text_of(node)) is not None


def _narrow_scope(node: Node) -> Iterator[Edits]:
    """`let a = …; let b = f(&a);` becomes `let b = { let a = …; f(&a) };`."""
    for first, second, value in _dependent_lets(node):
        indent = " " * first.start_point.column
        inner = f"{{\n{indent}    {text_of(first)}\n{indent}    {text_of(value)}\n{indent}}}"
        head = _source(node)[second.start_byte : value.start_byte].decode()
        yield [Edit(first.start_byte, second.end_byte, f"{head}{inner};")]


def _inline_temporary(node: Node) -> Iterator[Edits]:
    """`let a = g(); let b = a.f();` becomes `let b = g().f();`."""
    for first, second, value in _dependent_lets(node):
        name, init = (
            text_of(first.child_by_field_name("pattern")),
            first.child_by_field_name("value"),
        )
        uses = [n for n in walk(value) if n.type == "identifier" and text_of(n) == name]
        if init is None or len(uses) != 1 or init.type in ("match_expression", "if_expression"):
            continue
        use = uses[0]
        yield [
            Edit(first.start_byte, second.start_byte),
            Edit(use.start_byte, use.end_byte, text_of(init)),
        ]


def _dependent_lets(block: Node) -> Iterator[tuple[Node, Node, Node]]:
    """Yield two neighbouring lets where the second, and nothing later, mentions the first."""
    if block.type != "block":
        return
    listed = statements(block)
    for index, (first, second) in enumerate(itertools.pairwise(listed)):
        pattern, value = first.child_by_field_name("pattern"), second.child_by_field_name("value")
        if first.type != "let_declaration" or second.type != "let_declaration":
            continue
        if pattern is None or pattern.type != "identifier" or value is None:
            continue
        name = text_of(pattern)
        later = frozenset().union(*(names_in(s) for s in listed[index + 2 :]))
        if name in names_in(value) and name not in later:
            yield first, second, value


def _return_local_ref(node: Node) -> Iterator[Edits]:
    """An owned result becomes a reference to it: `-> String { s }` to `-> &str { &s }`."""
    result = node.child_by_field_name("return_type") if node.type == "function_item" else None
    tail = tail_of(node.child_by_field_name("body"))
    impl = enclosing(node, "impl_item")
    if result is None or tail is None or (impl and impl.child_by_field_name("trait")):
        return
    text = text_of(result)
    if "&" in text or result.type not in ("type_identifier", "generic_type"):
        return
    if text in ("Self", "T") or text.startswith(("Result", "Option", "io::", "fmt::")):
        return
    inner = text[len("Vec<") : -1] if text.startswith("Vec<") else ""
    borrowed = "&str" if text == "String" else f"&[{inner}]" if inner else f"&{text}"
    if tail.type in ("identifier", "call_expression", "macro_invocation", "struct_expression"):
        start = tail.start_byte
        yield [Edit(result.start_byte, result.end_byte, borrowed), Edit(start, start, "&")]


def _both_self(first: Node, second: Node) -> bool:
    return "self" in text_of(first) and "self" in text_of(second)


def _source(node: Node) -> bytes:
    """Return the whole source that a node's offsets refer to."""
    root = root_of(node)
    return b" " * root.start_byte + (root.text or b"")


OPERATORS = (
    Operator("swap_statements", "use_after_move", _swap_statements, weight=3),
    Operator("hold_borrow", "mut_borrow_conflict", _hold("&"), weight=3),
    Operator("hold_mut_borrow", "double_mut_borrow", _hold("&mut "), weight=2),
    Operator("hold_value", "use_after_move", _hold(""), weight=3),
    Operator("narrow_scope", "borrowed_too_short", _narrow_scope, weight=3),
    Operator("inline_temporary", "temporary_dropped", _inline_temporary, weight=3),
    Operator("return_local_ref", "return_local_ref", _return_local_ref, weight=3),
)
