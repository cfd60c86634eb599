"""The tests that a crate's authors wrote for what a program keeps of their file.

They come from the file's module of tests and from the examples in the program's doc comments.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from sleepy_coder import syntax
from sleepy_coder.mutants.pieces import Piece, find_pieces, without
from sleepy_coder.mutants.prune import Check, prune

EXAMPLE_NAME = "documented_example_"

_HEADER = "#[cfg(test)]\nmod checks {\nuse super::*;\n"
_DOC_COMMENT = re.compile(r"(?m)(?:^[ \t]*///.*\n)+")
_FENCED = re.compile(r"(?ms)^```(?:rust)?[ \t]*\n(.*?)^```[ \t]*$")
# Imports of the crate by its name: in the tests everything is in scope already.
_OWN_IMPORT = re.compile(
    r"(?ms)^\s*(?:pub )?use (?!std\b|core\b|super\b|self\b|crate\b)[a-z]\w*(?:::[^;]*)?;"
    r"|^\s*(?:#\[macro_use\]\s*)?extern crate [^;]*;"
)
# An example with a `main` of its own, or with `?`, is not the body of a test.
_UNUSABLE = ("fn main", "?;", "Ok::<")


def find_tests(program: str, prepared: str, check: Check) -> str:
    """Return `#[test]` functions that compile with the program, and what they need; maybe nothing.

    Args:
        program: A library cut out of the file.
        prepared: The whole file, after `prepare_file`.
        check: Compiles a library.
    """
    tests = _tests_in_module(program, prepared) + "".join(_tests_in_comments(program))
    if "#[test]" not in tests:
        return ""
    joined = f"{program}{_HEADER}{tests}\n}}\n"
    pruned = prune(joined, lambda code: check(_with_tests_as_functions(code)))
    if pruned is None or not pruned.startswith(program):
        return ""
    kept = _inside(pruned).removeprefix("use super::*;\n")
    return kept if syntax.find_tests(kept) else ""  # a test in a macro cannot be called by name


def _tests_in_module(program: str, prepared: str) -> str:
    """Return the file's longest module of tests without those of what the program lacks."""
    modules = [p for p in find_pieces(prepared) if p.kind == "tests"]
    if not modules:
        return ""
    module = max(modules, key=lambda piece: piece.end - piece.start)
    present = {p.name for p in _all_pieces(program)}
    absent = {p.name for p in _all_pieces(prepared) if p.kind not in ("use", "tests")} - present
    foreign = absent - {m.name for m in module.members}
    dropped = {
        m for m in module.members if m.is_test and (m.refs & foreign or not m.refs & present)
    }
    if all(m in dropped for m in module.members if m.is_test):
        return ""
    return _inside(without(prepared, {(m.start, m.end) for m in dropped}))


def _tests_in_comments(program: str) -> Iterator[str]:
    """Yield the examples that assert something, each as a test."""
    number = 0
    for comment in _DOC_COMMENT.findall(program):
        text = "\n".join(line.strip()[len("///") :] for line in comment.splitlines())
        for body in _FENCED.findall(textwrap.dedent(text) + "\n"):
            unhidden = re.sub(r"(?m)^# ?", "", body)
            if "assert" in unhidden and not any(word in unhidden for word in _UNUSABLE):
                number += 1
                inner = textwrap.indent(_OWN_IMPORT.sub("", unhidden).strip("\n"), "    ")
                yield f"\n#[test]\nfn {EXAMPLE_NAME}{number}() {{\n{inner}\n}}\n"


def _with_tests_as_functions(code: str) -> str:
    """Return the code with tests compiled like everything else, every byte in its place."""
    for attribute in ("#[cfg(test)]", "#[test]"):
        code = code.replace(attribute, " " * len(attribute))
    return code


def _inside(code: str) -> str:
    """Return what is in the longest module of tests, without its indentation."""
    modules = (p for p in find_pieces(code) if p.kind == "tests")
    longest = max(modules, key=lambda p: p.end - p.start, default=None)
    if longest is None:
        return ""
    text = code.encode()[longest.start : longest.end].decode()
    body = text[text.index("{") + 1 : text.rindex("}")]
    return textwrap.dedent(body.strip("\n")).rstrip() + "\n"


def _all_pieces(code: str) -> Iterator[Piece]:
    for piece in find_pieces(code):
        yield piece
        yield from piece.members
