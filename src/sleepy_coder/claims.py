"""Mends inside assertions: what may be put into one without its claiming anything else.

An assertion that an error lies in cannot stay as it is. It may get what values get to fit: a borrow
or a dereference, a conversion that loses nothing, `Some` or `Ok` around a value, another type of
number. Nothing may be taken out, but a name that there is none of. Pure, on syntax alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sleepy_coder.diagnostics import ELSEWHERE, Diagnostic, parse_diagnostics
from sleepy_coder.problems import Problem
from sleepy_coder.syntax import Item, Token, assertion_calls, assertions

_CONVERSIONS = frozenset(
    "as_deref as_ref as_slice as_str clone cloned copied into iter to_owned to_string to_vec "  # noqa: SIM905 - words
    "unwrap".split()
)
_WRAPPERS = (("Some", "("), ("Ok", "("), ("String", "::", "from", "("))
_BORROWS = (("&", "mut"), ("&",), ("*",))
_BEFORE_A_VALUE = frozenset("( , [ { = == != < <= >= + - / % && || ! & * | =>".split())  # noqa: SIM905
_ENDS_A_VALUE = frozenset({")", "]", "?", "self"})
_DIVIDING = frozenset({"/", "%"})
_TYPE = re.compile("_*([iu](8|16|32|64|128|size)|f(32|64))$")
_MOST_TOKENS = 2_000

Faults = Mapping[Item, frozenset[str]]


def faults_in(problem: Problem) -> Faults:
    """Return the assertions of a broken program that its errors lie in, see `find_faults`."""
    errors = parse_diagnostics(problem.diagnostics or ())
    return find_faults(problem.buggy, (e for e in errors if e.is_error))


def find_faults(code: str, errors: Iterable[Diagnostic]) -> Faults:
    """Return the assertions that errors lie in -> the names in them that are at fault.

    Args:
        code: A source file.
        errors: Of rustc, in this file or in a library's.
    """
    found: dict[Item, frozenset[str]] = {}
    spans = [at for e in errors if (at := e.primary) and not at.file_name.startswith(ELSEWHERE)]
    for item, call in assertion_calls(code) if spans else ():
        own = [
            s for s in spans if s.byte_start < call[-1].byte_end > call[0].byte_start < s.byte_end
        ]
        places = {(span.byte_start, span.byte_end) for span in own}
        names = {t.text for t in call if t.is_name and (t.byte_start, t.byte_end) in places}
        if own:
            found[item] = found.get(item, frozenset()) | names
    return found


def find_lost(missing: Counter[Item], faults: Faults, before: str, after: str) -> Item | None:
    """Return an assertion that is gone and that no new one mends; None where there is none.

    Args:
        missing: Assertions of the first program that the second one lacks.
        faults: Those that may be mended, see `find_faults`.
        before: The broken program.
        after: The candidate.
    """
    calls = dict(assertion_calls(before))
    new = Counter(item for item, _ in assertion_calls(after)) - Counter(assertions(before))
    others = [(item, call) for item, call in assertion_calls(after) if item in new]
    for item in sorted(missing.elements(), key=lambda item: item.path):
        names, old = faults.get(item), calls.get(item, ())
        mending = (
            place
            for place, (other, call) in enumerate(others)
            if names is not None and _is_in_place(item, old, other, call)
            if _keeps_claim(old, call, names)
        )
        place = next(mending, None)
        if place is None:
            return item
        others.pop(place)
    return None


def _is_in_place(item: Item, old: Sequence[Token], other: Item, call: Sequence[Token]) -> bool:
    """Whether two assertions are in the same function under the same conditions."""
    same = _scope(item, old) == _scope(other, call) and item.conditions == other.conditions
    return same and max(len(old), len(call)) <= _MOST_TOKENS


def _scope(item: Item, call: Sequence[Token]) -> str:
    return item.path.removesuffix(" ".join(token.text for token in call))


def _keeps_claim(old: Sequence[Token], new: Sequence[Token], names: frozenset[str]) -> bool:
    """Whether the second call is the first with nothing but what a mend may add."""
    divides = any(token.text in _DIVIDING for token in old)
    todo, seen = [(0, 0, 0)], set[tuple[int, int, int]]()
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        at, place, depth = state  # in the old call, in the new one, and added parentheses
        if place == len(new):
            if at == len(old) and not depth:
                return True
            continue
        if at < len(old) and _is_same(old[at], new[place], names, divides=divides):
            todo.append((at + 1, place + 1, depth))
        if depth and new[place].text == ")":
            todo.append((at, place + 1, depth - 1))
        todo += [(at, place + n, depth + opens) for n, opens in _added(new, place)]
    return False


def _added(call: Sequence[Token], place: int) -> Iterator[tuple[int, int]]:
    """Yield how many tokens something that may be added here has, and whether it opens."""
    last = call[place - 1] if place else None
    texts = tuple(token.text for token in call[place : place + 5])
    if last is not None and last.text in _BEFORE_A_VALUE:
        yield from ((len(b), 0) for b in _BORROWS if texts[: len(b)] == b)
        yield from ((len(w), 1) for w in _WRAPPERS if texts[: len(w)] == w)
    elif last is not None and (
        last.is_name or last.kind.endswith("_literal") or last.text in _ENDS_A_VALUE
    ):
        if texts[:1] == ("?",):
            yield 1, 0
        if texts[:1] == (".",) and texts[1:2] and texts[2:3] == ("(",):
            if texts[1] in _CONVERSIONS and texts[3:4] == (")",):
                yield 4, 0
            is_said = texts[4:] == (")",) and call[place + 3].kind == "string_literal"
            if texts[1] == "expect" and is_said:
                yield 5, 0


def _is_same(old: Token, new: Token, names: frozenset[str], *, divides: bool) -> bool:
    if old.text == new.text:
        return True
    if old.is_name and new.is_name:
        return old.text in names
    if old.kind == new.kind == "string_literal":  # of the message
        return old.text.replace("{}", "{:?}") == new.text.replace("{}", "{:?}")
    numbers = {"integer_literal", "float_literal"}
    if old.kind not in numbers or new.kind not in numbers:
        return False
    values = _value(old.text), _value(new.text)
    kept = old.kind == new.kind or not divides
    return values[0] is not None and values[0] == values[1] and kept


def _value(literal: str) -> float | None:
    """Return a number as it is written, None for what Python reads otherwise."""
    bare = literal if literal.startswith("0x") else _TYPE.sub("", literal)
    try:
        return float(bare.replace("_", ""))
    except ValueError:
        return None
