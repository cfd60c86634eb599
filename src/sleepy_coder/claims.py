"""What may be mended of assertions, which else must stay as they are.

An assertion that an error lies in cannot stay as it is. It may get what values get to fit: a borrow
or a dereference, a conversion that loses nothing, `Some` or `Ok` around a value that is compared
for equality, another type of number. Nothing may be taken out, but a name that is at fault may be
another one. Pure, on syntax alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from sleepy_coder.diagnostics import ELSEWHERE, Diagnostic, parse_diagnostics
from sleepy_coder.item_faults import ItemFaults, find_item_faults
from sleepy_coder.problems import Problem
from sleepy_coder.syntax import Item, Token, assertion_calls, assertions

_NUMBERS = frozenset({"integer_literal", "float_literal"})
_INTEGER_TYPE = re.compile("_*[iu](8|16|32|64|128|size)$")
_TYPE = re.compile(f"{_INTEGER_TYPE.pattern}|_*f(32|64)$")
_CONVERSIONS = frozenset(
    [
        *("as_deref", "as_ref", "as_slice", "as_str", "clone", "cloned", "copied", "into", "iter"),
        *("to_owned", "to_string", "to_vec", "try_into", "unwrap"),
    ]
)
_WRAPPERS = frozenset({"Some", "Ok"})
_ADDED_NAMES = _CONVERSIONS | _WRAPPERS | {"String", "await", "expect", "from"}
_BORROWS = (("&", "mut"), ("&",), ("*",))
_BEFORE_A_VALUE = frozenset(
    [
        *("(", ",", "[", "{", ":", "=", "=>", "..", "!", "&", "*", "|", "&&", "||"),
        *("==", "!=", "<", ">", "<=", ">=", "+", "-", "/", "%"),
    ]
)
_ENDS_A_VALUE = frozenset({")", "]", "?", "self"})
_UNEQUAL = frozenset({"!=", "<", ">", "<=", ">="})
_PLACEHOLDER = re.compile(r"\{([^{}:]*)(?::#?\?)?\}")
_MOST_TOKENS = 2_000


@dataclass(frozen=True)
class Faults:
    """What of a file errors lie in.

    Attributes:
        assertions: Each with the names in it that are at fault.
        items: What else errors are about.
    """

    assertions: Mapping[Item, frozenset[str]] = field(default_factory=dict)
    items: ItemFaults = field(default_factory=ItemFaults)

    def then(self, later: Faults) -> Faults:
        """Return these faults with those that came to light once some were mended."""
        newly = frozenset[str]().union(*later.assertions.values())
        # An assertion that was mended may have the names that are at fault in it now.
        known = {item: names | newly for item, names in self.assertions.items()}
        return Faults({**later.assertions, **known}, self.items | later.items)


def faults_in(problem: Problem) -> Faults:
    """Return what of a broken program its errors lie in, see `find_faults`."""
    errors = parse_diagnostics(problem.diagnostics or ())
    return find_faults(problem.buggy, (e for e in errors if e.is_error))


def find_faults(code: str, errors: Iterable[Diagnostic]) -> Faults:
    """Return what of a file errors lie in.

    Args:
        code: A source file.
        errors: Of rustc, in this file or in a library's.
    """
    here = [(e, at) for e in errors if (at := e.primary) and not at.file_name.startswith(ELSEWHERE)]
    found: dict[Item, frozenset[str]] = {}
    for item, call in assertion_calls(code) if here else ():
        start, end = call[0].byte_start, call[-1].byte_end
        own = [span for _, span in here if span.byte_start < end and start < span.byte_end]
        places = {(span.byte_start, span.byte_end) for span in own}
        names = {t.text for t in call if t.is_name and (t.byte_start, t.byte_end) in places}
        if own:
            found[item] = found.get(item, frozenset()) | names
    return Faults(found, find_item_faults(code, here))


def find_lost(
    missing: Counter[Item], faults: Mapping[Item, frozenset[str]], before: str, after: str
) -> Item | None:
    """Return an assertion that is gone and that no new one mends; None where there is none.

    Args:
        missing: Assertions of the first program that the second one lacks.
        faults: Those that may be mended, see `find_faults`.
        before: The broken program.
        after: The candidate.
    """
    if not missing:
        return None
    calls = dict(assertion_calls(before))
    left = Counter(item for item, _ in assertion_calls(after)) - Counter(assertions(before))
    others: list[tuple[Item, tuple[Token, ...]]] = []
    for other, call in assertion_calls(after):
        if left[other]:
            left[other] -= 1
            others.append((other, call))
    # The longest choose first, and the shortest that will do: each of those that are alike its own.
    others.sort(key=lambda pair: len(pair[1]))
    for item in sorted(missing.elements(), key=lambda item: (-len(calls.get(item, ())), item.path)):
        old, names = calls.get(item, ()), faults.get(item)
        mending = (
            place
            for place, (other, call) in enumerate(others)
            if names is not None and _is_in_place(item, old, other, call)
            if _Mend(old, call, names).keeps_claim()
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


@dataclass(frozen=True)
class _Mend:
    """An assertion as it was and as it is, each the tokens of a macro call.

    Attributes:
        names: In the old one, those that may be other ones.
    """

    old: Sequence[Token]
    new: Sequence[Token]
    names: frozenset[str]

    def keeps_claim(self) -> bool:
        """Whether the new call is the old one with nothing but what a mend may add."""
        before, after = (_own_names(call) for call in (self.old, self.new))
        if len(after) < len(before):  # two names are one now, and equal to itself
            return False
        todo: list[tuple[int, int, tuple[int, ...]]] = [(0, 0, ())]
        seen = set(todo)
        while todo:
            at, place, open_ = todo.pop()  # in the old call, in the new one, added ones to close
            if place == len(self.new):
                if at == len(self.old) and not open_:
                    return True
                continue
            following = [(at, place + n, open_ + own) for n, own in self._added(place)]
            if open_ and open_[-1] == place:
                following.append((at, place + 1, open_[:-1]))
            elif at < len(self.old) and self._is_same(at, place):
                following.append((at + 1, place + 1, open_))
            todo += [state for state in following if state not in seen]
            seen.update(following)
        return False

    def _added(self, place: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield how many tokens something that may be added here has, and where it is closed."""
        last = self.new[place - 1] if place else None
        texts = tuple(token.text for token in self.new[place : place + 5])
        if last is None:
            return
        if last.text in _BEFORE_A_VALUE:
            yield from ((len(b), ()) for b in _BORROWS if texts[: len(b)] == b)
            if texts[1:2] == ("(",) and texts[0] in _WRAPPERS and self._is_of_equals:
                yield 2, (self._closers[place + 1],)
            if texts[1:4] == ("::", "from", "(") and _is_lossless(texts[0]):
                yield 4, (self._closers[place + 3],)
        elif last.text in self.names and texts[:2] == ("(", ")"):  # a method was not called
            yield 2, ()
        elif last.is_name or last.kind.endswith("_literal") or last.text in _ENDS_A_VALUE:
            yield from ((length, ()) for length in self._conversions(place, texts))

    def _conversions(self, place: int, texts: tuple[str, ...]) -> Iterator[int]:
        """Yield how many tokens a conversion behind a value has."""
        if texts[:1] == ("?",):
            yield 1
        if texts[:2] == (".", "await"):
            yield 2
        if texts[:1] == (".",) and texts[2:4] == ("(", ")") and texts[1] in _CONVERSIONS:
            yield 4
        if texts[:3] == (".", "expect", "(") and texts[4:] == (")",):
            yield from [5] * (self.new[place + 3].kind == "string_literal")

    def _is_same(self, at: int, place: int) -> bool:
        old, new = self.old[at], self.new[place]
        if old.text == new.text:
            return True
        if old.is_name and new.is_name:
            return old.text in self.names and new.text not in _own_names(self.old)
        if old.kind == new.kind == "string_literal" and at >= self._message:
            return _PLACEHOLDER.sub(r"{\1}", old.text) == _PLACEHOLDER.sub(r"{\1}", new.text)
        if old.kind not in _NUMBERS or new.kind not in _NUMBERS:
            return False
        values = _value(old.text), _value(new.text)
        is_kept = old.kind == new.kind or not self._divides
        return values[0] is not None and values[0] == values[1] and is_kept

    @cached_property
    def _closers(self) -> Mapping[int, int]:
        """The place of each parenthesis in the new call -> that of the one which closes it."""
        opened, found = list[int](), dict[int, int]()
        for place, token in enumerate(self.new):
            if token.text == "(":
                opened.append(place)
            elif token.text == ")" and opened:
                found[opened.pop()] = place
        return dict.fromkeys(opened, len(self.new)) | found

    @cached_property
    def _is_of_equals(self) -> bool:
        """Whether nothing is compared but for equality: `Some(3) > None` says little of 3."""
        is_ne = self.old[0].text.endswith("_ne")
        return not is_ne and all(token.text not in _UNEQUAL for token in self.old)

    @cached_property
    def _divides(self) -> bool:
        return any(token.text in ("/", "%") for token in self.old)

    @cached_property
    def _message(self) -> int:
        return _find_message(self.old)


def _own_names(call: Sequence[Token]) -> set[str]:
    """Return the names in what an assertion claims, but those that a mend may add."""
    claim = call[: _find_message(call)]
    return {token.text for token in claim if token.is_name} - _ADDED_NAMES


def _find_message(call: Sequence[Token]) -> int:
    """Return from which token on an assertion holds its message."""
    depth, commas = 0, 1 if call[0].text.endswith("assert") else 2
    for at, token in enumerate(call):
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        commas -= token.text == "," and depth == 1
        if not commas:
            return at
    return len(call)


def _is_lossless(type_: str) -> bool:
    """Whether `from` of a type makes a value of what is one already."""
    return type_ == "String" or _TYPE.fullmatch(type_) is not None


def _value(literal: str) -> Decimal | None:
    """Return a number, None for what is written otherwise than most are."""
    is_hex = literal.startswith("0x")  # whose last digits may look like a float's type
    bare = (_INTEGER_TYPE if is_hex else _TYPE).sub("", literal).replace("_", "")
    try:
        return Decimal(int(bare, 0) if bare[:2] in ("0x", "0o", "0b") else bare)
    except (ValueError, ArithmeticError):
        return None
