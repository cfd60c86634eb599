"""What a Rust program contains, read by a real parser (tree-sitter-rust), never by patterns.

Everything here is pure and accepts any text: the parser recovers from errors, so a broken program
still has items. Two things are seen as tokens only, because Rust itself parses them later: the
arguments of a macro call and the body of a `macro_rules!`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise, takewhile
from typing import Literal

import tree_sitter_rust
from tree_sitter import Language, Node, Parser, Tree

ASSERTION_MACROS = frozenset(
    f"{prefix}assert{suffix}" for prefix in ("", "debug_") for suffix in ("", "_eq", "_ne")
)
# Macros of crates that assert are named so, too: `assert_matches!`, `prop_assert_eq!`.
_ASSERTS = re.compile(r"(\w+_)?assert(_\w+)?")

# tree-sitter node type -> kind of item.
_ITEM_KINDS = {
    "function_item": "fn",
    "function_signature_item": "fn",
    "struct_item": "struct",
    "union_item": "union",
    "enum_item": "enum",
    "enum_variant": "variant",
    "field_declaration": "field",
    "trait_item": "trait",
    "impl_item": "impl",
    "const_item": "const",
    "static_item": "static",
    "type_item": "type",
    "associated_type": "type",
    "mod_item": "mod",
    "macro_definition": "macro",
}
_ITEM_PLACES = frozenset({"source_file", "declaration_list"})
_COMMENTS = frozenset({"line_comment", "block_comment", "shebang"})
_LITERALS = frozenset(
    f"{kind}_literal" for kind in ("string", "raw_string", "char", "integer", "float", "boolean")
)
_NAMES = frozenset(f"{kind}identifier" for kind in ("", "type_", "field_", "shorthand_field_")) | {
    "primitive_type",
    "lifetime",
    "metavariable",
}
# Attributes that decide whether an item is compiled or a test counts, and what it is tried on.
_CONDITIONS = frozenset({"cfg", "ignore", "should_panic"})
_CASES = frozenset({"case", "test_case", "test_matrix"})
# Attributes that make a function a test, crates' own among them.
_TESTS = re.compile(r"(\w+_)?test(_\w+)?|rstest|quickcheck|bench")
_TEST_ATTRIBUTES = frozenset({"test", "ignore", "should_panic"})
# Programs of which what was found is kept: each core judges a candidate, beside the broken program
# and its reference fix.
_KEPT = min(256, 4 * max(4, os.cpu_count() or 1))


@dataclass(frozen=True, slots=True)
class Item:
    """Something a program declares, or an assertion that it makes.

    Attributes:
        kind: `fn`, `test`, `struct`, `union`, `enum`, `variant`, `field`, `trait`, `impl`, `const`,
            `static`, `type`, `mod`, `macro`, `call` (of a macro that may declare anything) or
            `assertion`.
        path: Qualified name: `shop::Cart::total`, `impl Display for Cart::fmt` for a method of a
            trait impl, `impl Display for Cart` for the impl itself, `proptest!` for a call and
            `proptest!::adds` for a function in it; for an assertion the enclosing path and its
            normalized text.
        conditions: `cfg`, `ignore`, `should_panic` and a test's cases on it or around it,
            normalized.
    """

    kind: str
    path: str
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True)
class TestFunction:
    """A `#[test]` function's place in the UTF-8 source.

    Attributes:
        attributes: Byte ranges of those that make it a test: `test`, `should_panic`, `ignore`.
        expected_panic: What `should_panic` expects, as a Rust literal (`""`: anything), or None.
    """

    __test__ = False  # no test case of pytest's
    name: str
    byte_end: int
    attributes: tuple[tuple[int, int], ...]
    expected_panic: str | None


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its tree-sitter node type, its text, and its place in the UTF-8 source."""

    kind: str
    text: str
    byte_start: int
    byte_end: int

    @property
    def is_name(self) -> bool:
        """Whether this is an identifier, a type's name, a lifetime or a macro's `$x`."""
        return self.kind in _NAMES


def items(code: str) -> Counter[Item]:
    """Return what the program declares, with multiplicity, assertions left out.

    Generic arguments, lifetimes and bounds are no part of a path, and inherent `impl` blocks are
    not counted themselves: a fix may add a bound or merge two blocks. Counted are variants and
    named fields too, and what is declared inside function bodies (`main::helper`).
    """
    return Counter(_items(code))


@lru_cache(maxsize=_KEPT)
def _items(code: str) -> Counter[Item]:
    return Counter(item for item, _ in _declared(code))


def crate_type(code: str) -> Literal["bin", "lib"]:
    """Return what a lone file is compiled as: a program if it has `fn main`, else a library."""
    has_main = any((item.kind, item.path) == ("fn", "main") for item in items(code))
    return "bin" if has_main else "lib"


def assertions(code: str) -> Counter[Item]:
    """Return the calls of `assert!`, `assert_eq!` and other macros that are named so."""
    return Counter(item for item, _ in _scan(code) if item.kind == "assertion")


def assertion_calls(code: str) -> list[tuple[Item, tuple[Token, ...]]]:
    """Return the assertions in order, each with its call's tokens, trailing commas left out."""
    found = [(item, node) for item, node in _scan(code) if item.kind == "assertion"]
    found.sort(key=lambda pair: pair[1].start_byte)
    return [(item, tuple(_leave_out_trailing_commas(_leaves(node)))) for item, node in found]


def item_tokens(code: str) -> list[tuple[Item, tuple[Token, ...]]]:
    """Return the items, each with its tokens, trailing commas left out; none without a token."""
    found = (
        (item, tuple(_leave_out_trailing_commas(_leaves(node)))) for item, node in _declared(code)
    )
    return [(item, tokens) for item, tokens in found if tokens]


def impl_heads(code: str) -> list[tuple[Item, int, int]]:
    """Return each `impl`, inherent ones too, with the bytes of what stands before its braces."""
    blocks = [(item, node) for item, node in _scan(code) if item.kind == "impl"]
    bodies = [node.child_by_field_name("body") for _, node in blocks]
    return [
        (item, node.start_byte, body.start_byte if body else node.end_byte)
        for (item, node), body in zip(blocks, bodies, strict=True)
    ]


def references(code: str) -> frozenset[str]:
    """Return the names that the program declares and mentions again outside the declaration."""
    declared = {item.path.rpartition("::")[2] for item in items(code)}
    mentioned = Counter(token.text for token in tokens(code) if token.is_name)
    for item in items(code).elements():
        mentioned[item.path.rpartition("::")[2]] -= 1
    return frozenset(name for name in declared if mentioned[name] > 0)


def has_syntax_error(code: str) -> bool:
    """Whether the parser had to recover somewhere (its grammar may lag behind rustc's)."""
    return _parse(code).root_node.has_error


def tokens(code: str) -> list[Token]:
    """Return the program's tokens in order; a literal or a lifetime is one token."""
    return list(_tokens(code))


@lru_cache(maxsize=_KEPT)
def _tokens(code: str) -> tuple[Token, ...]:
    return tuple(_leaves(_parse(code).root_node))


def normalized(code: str) -> str:
    """Return the tokens joined by single spaces: comments, layout and trailing commas gone."""
    return " ".join(token.text for token in _leave_out_trailing_commas(_tokens(code)))


def token_shape(code: str) -> str:
    """Return the normalized text with every name as `I` and every literal as `L`."""
    return " ".join(
        "I" if token.is_name else "L" if token.kind in _LITERALS else token.text
        for token in _leave_out_trailing_commas(_tokens(code))
    )


def content_sha256(code: str) -> str:
    """Return the SHA-256 of `normalized(code)`: equal for programs that differ in layout only."""
    return hashlib.sha256(normalized(code).encode()).hexdigest()


def shape_sha256(code: str) -> str:
    """Return the SHA-256 of `token_shape(code)`: equal for programs that differ in names only."""
    return hashlib.sha256(token_shape(code).encode()).hexdigest()


def hash_program(code: str) -> tuple[str, str]:
    """Return `content_sha256(code)` and `shape_sha256(code)`."""
    return content_sha256(code), shape_sha256(code)


@dataclass(frozen=True)
class Body:
    """What a function does, as far as its syntax tells.

    Attributes:
        num_statements: With the expression at its end.
        names: Of what it mentions; `Self` among them.
        calls: Names of the functions, methods and macros that it calls.
        uses_input: It mentions `self` or a parameter.
        is_hollow: It is empty, a lone `panic!` or an empty `loop`.
        is_constant: It is one value that is written out, or a new one: `None`, `Ok(0)`,
            `Vec::new()`.
        is_name: It is one name.
    """

    num_statements: int
    names: frozenset[str]
    calls: frozenset[str]
    uses_input: bool
    is_hollow: bool
    is_constant: bool
    is_name: bool


def bodies(code: str) -> dict[str, list[Body]]:
    """Return the functions' bodies by their paths; one path has several under unlike `cfg`."""
    found: dict[str, list[Body]] = {}
    for item, node in _scan(code):
        body = node.child_by_field_name("body")
        if node.type == "function_item" and body is not None:
            found.setdefault(item.path, []).append(_body(node, body))
    return found


def _body(function: Node, node: Node) -> Body:
    parameters = function.child_by_field_name("parameters")
    given = {leaf.text for leaf in _leaves(parameters) if leaf.is_name} if parameters else set()
    statements = [c for c in node.named_children if c.type not in _COMMENTS]
    leaves = list(_leaves(node))[1:-1]  # without its braces
    value = [leaf for leaf in leaves if leaf.text not in ("return", ";")]
    is_one = len(statements) == 1
    return Body(
        num_statements=len(statements),
        names=frozenset(leaf.text for leaf in leaves if leaf.is_name or leaf.text == "Self"),
        calls=frozenset(
            name.text
            for name, after in pairwise(leaves)
            if name.is_name and after.text in ("(", "!")
        ),
        uses_input=any(leaf.text == "self" or leaf.text in given for leaf in leaves),
        is_hollow=not statements or (is_one and _is_stub(statements[0])),
        is_constant=is_one and _is_constant(value),
        is_name=is_one and all(leaf.is_name or leaf.text in ("::", "Self") for leaf in value),
    )


def _is_constant(value: Sequence[Token]) -> bool:
    """Whether an expression is written out, or what a type has to begin with."""
    texts = [token.text for token in value]
    while texts[:1] and texts[0] in ("Ok", "Some", "Err") and texts[1:2] == ["("]:
        value, texts = value[2:-1], texts[2:-1]
    if texts[-4:-2] in ([".", name] for name in ("into", "to_owned", "to_string")):
        value, texts = value[:-4], texts[:-4]
    if texts[:4] == ["String", "::", "from", "("]:
        value, texts = value[4:-1], texts[4:-1]
    if len(value) == 1 or (len(value) == 2 and texts[0] == "-"):  # noqa: PLR2004 - a sign
        return value[-1].kind in _LITERALS or texts == ["None"]
    if texts[-2:] == ["(", ")"] and texts[-3:-2] in (["new"], ["default"]):
        return all(token.is_name or token.text in ("::", "Self") for token in value[:-2])
    return texts in (["(", ")"], ["[", "]"], ["vec", "!", "[", "]"])


def _is_stub(statement: Node) -> bool:
    inner = statement.named_children[0] if statement.type == "expression_statement" else statement
    if inner.type == "macro_invocation":
        macro = inner.child_by_field_name("macro")
        return macro is not None and _text(macro).rpartition("::")[2] == "panic"
    body = inner.child_by_field_name("body") if inner.type == "loop_expression" else None
    return body is not None and not body.named_children


def find_tests(code: str) -> list[TestFunction]:
    """Return the `#[test]` functions in source order, those in modules included."""
    found = []
    for parent in _walk(_parse(code).root_node):
        attributes: list[Node] = []
        for child in parent.named_children:
            if child.type == "attribute_item":
                attributes.append(child)
            elif child.type not in _COMMENTS:
                roles = {a: n for a in attributes if (n := _attribute_name(a)) in _TEST_ATTRIBUTES}
                if child.type == "function_item" and "test" in roles.values():
                    found.append(_test_function(child, roles))
                attributes = []
    return sorted(found, key=lambda function: function.byte_end)


def _test_function(node: Node, roles: dict[Node, str]) -> TestFunction:
    name = node.child_by_field_name("name")
    expected = None
    for attribute in (a for a, role in roles.items() if role == "should_panic"):
        literals = [leaf.text for leaf in _leaves(attribute) if leaf.kind in _LITERALS]
        expected = literals[-1] if literals else '""'
    places = tuple((a.start_byte, a.end_byte) for a in roles)
    return TestFunction(_text(name) if name else "", node.end_byte, places, expected)


@cache
def _language() -> Language:
    return Language(tree_sitter_rust.language())


@lru_cache(maxsize=256)
def _parse(code: str) -> Tree:
    # A parser of its own each time: candidates are judged in threads.
    return Parser(_language()).parse(code.encode("utf-8", "replace"))


@lru_cache(maxsize=256)
def _scan(code: str) -> tuple[tuple[Item, Node], ...]:
    """Walk the tree without recursion (a candidate may nest as deep as it likes)."""
    found: list[tuple[Item, Node]] = []
    stack: list[tuple[Node, str, tuple[str, ...]]] = [(_parse(code).root_node, "", ())]
    while stack:
        parent, path, conditions = stack.pop()
        conditions += _conditions([c for c in parent.children if c.type == "inner_attribute_item"])
        attributes: list[Node] = []
        for child in parent.named_children:
            if child.type == "attribute_item":
                attributes.append(child)
            elif child.type not in _COMMENTS:
                here = conditions + _conditions(attributes)
                item = _item(child, path, attributes, here)
                is_scope = item is not None and item.kind != "assertion"
                found.extend([(item, child)] if item else [])
                call = _call_among_items(parent, child)
                if call is not None:
                    found.extend((each, call) for each in _items_in_call(call, path, here))
                stack.append((child, item.path if item and is_scope else path, here))
                attributes = []
    return tuple(found)


def _item(
    node: Node, path: str, attributes: list[Node], conditions: tuple[str, ...]
) -> Item | None:
    """Return the item that this node declares, or None."""
    prefix = f"{path}::" if path else ""
    sorted_conditions = tuple(sorted(conditions))
    if node.type == "macro_invocation":
        macro = node.child_by_field_name("macro")
        if macro is None or not _ASSERTS.fullmatch(_text(macro).rpartition("::")[2]):
            return None
        text = " ".join(t.text for t in _leave_out_trailing_commas(_leaves(node)))
        return Item("assertion", f"{path}: {text}", sorted_conditions)
    kind = _ITEM_KINDS.get(node.type)
    if kind is None:
        return None
    if kind == "impl":
        return Item(kind, prefix + _impl_name(node), sorted_conditions)
    name = node.child_by_field_name("name")
    if name is None:
        return None
    if kind == "fn" and any(_TESTS.fullmatch(_last_name(a)) for a in attributes):
        kind = "test"
    return Item(kind, prefix + _text(name), sorted_conditions)


def _call_among_items(parent: Node, node: Node) -> Node | None:
    """Return the call of a macro that a node is, where items are; `m!(…);` is a statement."""
    if parent.type not in _ITEM_PLACES:
        return None
    inner = node.named_children[:1] if node.type == "expression_statement" else [node]
    return next((each for each in inner if each.type == "macro_invocation"), None)


def _items_in_call(node: Node, path: str, conditions: tuple[str, ...]) -> Iterator[Item]:
    """Yield a call of a macro among items, and the functions in it, tests of `proptest!` say."""
    prefix = f"{path}::" if path else ""
    leaves = list(_leaves(node))
    macro = [leaf.text for leaf in takewhile(lambda leaf: leaf.text != "!", leaves)][-1]
    found = tuple(sorted(conditions))
    yield Item("call", f"{prefix}{macro}!", found)
    for keyword, name in pairwise(leaves):
        if keyword.text == "fn" and name.is_name:
            yield Item("fn", f"{prefix}{macro}!::{name.text}", found)


def _declared(code: str) -> Iterator[tuple[Item, Node]]:
    """Yield the items, assertions and inherent `impl` blocks left out."""
    for item, node in _scan(code):
        is_inherent = item.kind == "impl" and node.child_by_field_name("trait") is None
        if item.kind != "assertion" and not is_inherent:
            yield item, node


def _impl_name(node: Node) -> str:
    """Return `Type` for an inherent impl, `impl Trait for Type` for a trait impl."""
    trait, target = node.child_by_field_name("trait"), node.child_by_field_name("type")
    type_name = _type_name(target) if target else "?"
    return f"impl {_type_name(trait)} for {type_name}" if trait else type_name


def _type_name(node: Node) -> str:
    """Return a type's own name: the last path segment, without generics and lifetimes."""
    prefix = ""
    while True:
        inner = None
        if node.type in ("generic_type", "reference_type"):
            inner = node.child_by_field_name("type")
            prefix += "&" if node.type == "reference_type" else ""
        elif node.type == "scoped_type_identifier":
            inner = node.child_by_field_name("name")
        if inner is None:
            return prefix + " ".join(t.text for t in _leaves(node) if t.kind != "lifetime")
        node = inner


def _conditions(attributes: list[Node]) -> tuple[str, ...]:
    """Return the normalized attributes that switch code off or turn a test's meaning round."""
    texts = []
    for attribute in attributes:
        leaves = list(_leaves(attribute))
        is_condition = any(leaf.text in _CONDITIONS for leaf in leaves)
        if _last_name(attribute) in _CASES:  # their number; an error may lie in one
            texts.append(f"# [ {_last_name(attribute)} ]")
        elif is_condition and _attribute_name(attribute) != "doc":
            texts.append(" ".join(leaf.text for leaf in leaves))
    return tuple(texts)


def _last_name(attribute: Node) -> str:
    return _attribute_name(attribute).rpartition("::")[2]


def _attribute_name(node: Node) -> str:
    attribute = next((c for c in node.named_children if c.type == "attribute"), None)
    if attribute is None or not attribute.named_children:
        return ""
    return "".join(leaf.text for leaf in _leaves(attribute.named_children[0]))


def _walk(root: Node) -> Iterator[Node]:
    """Yield every node in source order, parents before children."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def _leaves(root: Node) -> Iterator[Token]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type in _COMMENTS:
            continue
        is_atomic = node.type in _LITERALS or node.type in _NAMES
        if (is_atomic or not node.children) and node.end_byte > node.start_byte:
            yield Token(node.type, _text(node), node.start_byte, node.end_byte)
        elif not is_atomic:
            stack.extend(reversed(node.children))


def _leave_out_trailing_commas(found: Iterable[Token]) -> Iterator[Token]:
    previous: Token | None = None
    for token in found:
        is_trailing = previous and previous.text == "," and token.text in (")", "]", "}", ">")
        if previous is not None and not is_trailing:
            yield previous
        previous = token
    if previous is not None:
        yield previous


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
