"""Where in the program an error stands: what encloses a span, whose closure it is. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import tree_sitter_rust
from tree_sitter import Language, Node, Parser

from sleepy_coder.diagnostics import Span

_LANGUAGE = Language(tree_sitter_rust.language())
# Macros within the arguments of macros: deeper ones stay tokens.
_MACRO_DEPTH = 4
# What the value of the expression within becomes the value of.
_PASSING_ON = frozenset(
    "block expression_statement if_expression else_clause match_arm match_block "  # noqa: SIM905 - a table
    "match_expression".split()
)
_TYPE_ITEMS = ("struct_item", "enum_item", "union_item")


class SourceView:
    """The syntax tree of one program, asked about the spans of its diagnostics."""

    def __init__(self, source: str) -> None:
        self._data = source.encode()

    @property
    def has_source(self) -> bool:
        """Whether there is a program to look at, not its diagnostics alone."""
        return bool(self._data.strip())

    @cached_property
    def _root(self) -> Node:
        return _parse_through_macros(self._data)

    @cached_property
    def local_types(self) -> frozenset[str]:
        """The names of the structs, enums and unions that the program declares."""
        names = (n.child_by_field_name("name") for n in _walk(self._root) if n.type in _TYPE_ITEMS)
        return frozenset(_text(name) for name in names if name is not None)

    @cached_property
    def type_parameters(self) -> frozenset[str]:
        """The names of all type parameters that the program declares."""
        names = (
            n.child_by_field_name("name") for n in _walk(self._root) if n.type == "type_parameter"
        )
        return frozenset(_text(name) for name in names if name is not None)

    @cached_property
    def item_names(self) -> frozenset[str]:
        """The names of all functions, types, modules and other items that the program declares."""
        names = (
            n.child_by_field_name("name") for n in _walk(self._root) if n.type.endswith("_item")
        )
        return frozenset(_text(name) for name in names if name is not None)

    def methods_of(self, type_name: str) -> frozenset[str]:
        """Return the names of the functions in every `impl` of a type of the program."""
        bodies = (
            n.child_by_field_name("body")
            for n in _walk(self._root)
            if n.type == "impl_item" and _type_name(n) == type_name
        )
        items = (n for body in bodies if body is not None for n in body.named_children)
        names = (n.child_by_field_name("name") for n in items if n.type == "function_item")
        return frozenset(_text(name) for name in names if name is not None)

    def text(self, span: Span) -> str:
        """Return the underlined source."""
        return self._data[span.byte_start : span.byte_end].decode(errors="replace")

    def is_called(self, span: Span) -> bool:
        """Whether the underlined name is called as a function: `name(…)`."""
        node = self._node(span)
        parent = node.parent
        return (
            parent is not None
            and parent.type == "call_expression"
            and parent.child_by_field_name("function") == node
        )

    def is_compared(self, span: Span) -> bool:
        """Whether the underlined text is one side of a comparison."""
        parent = self._node(span).parent
        operator = parent.child_by_field_name("operator") if parent is not None else None
        return operator is not None and operator.type in ("==", "!=", "<", ">", "<=", ">=")

    def is_in_type(self, span: Span) -> bool:
        """Whether the span stands in the declaration of a struct, enum or union."""
        return any(n.type in _TYPE_ITEMS for n in _ancestors(self._node(span)))

    def is_tried(self, span: Span) -> bool:
        """Whether `?` follows the expression that the span is part of."""
        return any(n.type == "try_expression" for n in _ancestors(self._node(span)))

    def is_tail(self, span: Span) -> bool:
        """Whether a function or closure ends with the underlined expression and returns it."""
        for node in _ancestors(self._node(span)):
            parent = node.parent
            if parent is None or _text(node).endswith(";"):
                return False
            if parent.type in ("function_item", "closure_expression"):
                return True
            if parent.type not in _PASSING_ON:
                return False
            if parent.type == "block" and not _is_last(node, parent):
                return False
        return False

    def closure_callee(self, span: Span) -> str:
        """Return the function or method that the closure around the span is handed to, or ''."""
        for node in _ancestors(self._node(span)):
            if node.type == "function_item":
                return ""
            if node.type != "closure_expression":
                continue
            call = node.parent.parent if node.parent is not None else None
            if call is None or call.type != "call_expression":
                return ""
            function = call.child_by_field_name("function")
            return _last_name(function) if function is not None else ""
        return ""

    def argument_callee(self, span: Span) -> str:
        """Return the function or method that the underlined text is an argument of, or ''."""
        for node in _ancestors(self._node(span)):
            parent = node.parent
            if parent is None or parent.type in ("block", "closure_expression"):
                return ""
            if parent.type == "arguments" and parent.parent is not None:
                function = parent.parent.child_by_field_name("function")
                return _last_name(function) if function is not None else ""
        return ""

    def _node(self, span: Span) -> Node:
        found = self._root.descendant_for_byte_range(span.byte_start, max(span.byte_end - 1, 0))
        node = found if found is not None else self._root
        while node.parent is not None and (
            node.parent.start_byte == span.byte_start and node.parent.end_byte == span.byte_end
        ):
            node = node.parent
        return node


def _parse_through_macros(data: bytes) -> Node:
    """Return the tree in which a macro's arguments are expressions, not mere tokens.

    `println!(…)` is read as the call `println (…)` and `vec![…]` as the array `[…]`: blanks take
    the place of what is left out, so that every offset stays what it was.
    """
    parser = Parser(_LANGUAGE)
    for _ in range(_MACRO_DEPTH):
        root = parser.parse(data).root_node
        blanks = [b for n in _walk(root) if n.type == "macro_invocation" for b in _blanks(n)]
        if not blanks:
            return root
        edited = bytearray(data)
        for start, end in blanks:
            edited[start:end] = b" " * (end - start)
        data = bytes(edited)
    return parser.parse(data).root_node


def _blanks(macro: Node) -> Iterator[tuple[int, int]]:
    """Yield the byte range that turns a macro's call into that of a function, or into an array."""
    arguments = macro.named_children[-1]
    is_array = (arguments.text or b"").startswith(b"[")
    mark = next((c for c in macro.children if c.type == "!"), None)
    if mark is not None:
        yield (macro.start_byte if is_array else mark.start_byte), mark.end_byte


def _last_name(function: Node) -> str:
    """Return the `spawn` of `thread::spawn` and of `builder.spawn`."""
    for field in ("field", "name", "function"):
        inner = function.child_by_field_name(field)
        if inner is not None:
            return _last_name(inner)
    return _text(function)


def _is_last(statement: Node, block: Node) -> bool:
    """Whether nothing but comments follows the statement in its block."""
    return [child for child in block.named_children if not child.is_extra][-1:] == [statement]


def _type_name(item: Node) -> str:
    """Return the `Stack` of `impl<T> Stack<T>`."""
    named = item.child_by_field_name("type")
    bare = named.child_by_field_name("type") if named is not None else None
    name = bare if bare is not None else named
    return _text(name) if name is not None else ""


def _ancestors(node: Node) -> Iterator[Node]:
    here: Node | None = node
    while here is not None:
        yield here
        here = here.parent


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.named_children:
        yield from _walk(child)


def _text(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")
