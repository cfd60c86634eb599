"""What may become of items that an error is about, which else must stay as they are.

- What is declared twice in the same words needs to be there once.
- An item at fault may have another name or be of another kind if it keeps all names and literals
  (as a set: their order is not compared), or stand elsewhere in the same words.
- A constant or a type that its trait has not may go, unless the trait's own would take its place.
- An `impl` that may not be may be for another type, if all that it holds is in some `impl` still,
  and go if it is empty. One that names what there is not may name something else.
- `unsafe` may be written as often as rustc asks for it, in the functions where it does.

Pure, on syntax alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from sleepy_coder.diagnostics import Diagnostic, Span
from sleepy_coder.syntax import Item, Token, bodies, impl_heads, item_tokens, items, tokens

# rustc's errors about items: there are two; a trait has it not, has it as another kind, or has it
# not under that name; a constant must be a static or the other way round.
_TWICE = frozenset({"E0119", "E0124", "E0201", "E0428", "E0592"})
_NOT_OF_TRAIT = frozenset({"E0437", "E0438"})
_OF_ITEMS = _TWICE | _NOT_OF_TRAIT | {"E0323", "E0324", "E0325", "E0407", "E0492"}
_SHADOWED = "E0530"  # the static that a pattern cannot shadow is told beside the pattern
# About the head of an `impl`: not here, not for such a type, not by hand; and unknown names.
_MAY_NOT_BE = frozenset(
    [
        *("E0116", "E0117", "E0118", "E0119", "E0120", "E0184", "E0204", "E0206", "E0210"),
        *("E0322", "E0371", "E0390"),
    ]
)
_UNKNOWN = frozenset({"E0404", "E0405", "E0412", "E0425", "E0433"})
_NEEDS_UNSAFE = frozenset({"E0133", "E0200"})
UNSAFE = "unsafe"
_ALIKE = 0.8  # of names, `impl ` before both: as much as a slip leaves of one
_ABOUT = _OF_ITEMS | _NEEDS_UNSAFE | {_SHADOWED}

_OTHER_KINDS = frozenset({"const", "fn", "static", "type"})  # an item may be another one of these
_FUNCTIONS = frozenset({"fn", "test"})
_KEYWORDS = frozenset(
    [*_OTHER_KINDS, "as", "crate", "let", "mut", "pub", "ref", "return", "self", "super"]
)
_VISIBILITY = re.compile(r"pub (\( [^)]* \) )?")


@dataclass(frozen=True)
class ItemFaults:
    """What errors are about, assertions aside.

    Attributes:
        items: Items that may change.
        twice: Those of them of which there are two.
        strangers: Those that their trait has not.
        heads: Paths of `impl` blocks that may not be.
        misnamed: Paths of those that name what there is not.
        unsafe: Path of a function or an `impl` -> how often rustc asks for `unsafe` there.
    """

    items: frozenset[Item] = frozenset()
    twice: frozenset[Item] = frozenset()
    strangers: frozenset[Item] = frozenset()
    heads: frozenset[str] = frozenset()
    misnamed: frozenset[str] = frozenset()
    unsafe: Mapping[str, int] = field(default_factory=dict)

    def __or__(self, other: ItemFaults) -> ItemFaults:
        """Return what is in either."""
        return ItemFaults(
            self.items | other.items,
            self.twice | other.twice,
            self.strangers | other.strangers,
            self.heads | other.heads,
            self.misnamed | other.misnamed,
            Counter(self.unsafe) | Counter(other.unsafe),
        )


def find_item_faults(code: str, errors: Sequence[tuple[Diagnostic, Span]]) -> ItemFaults:
    """Return what errors are about.

    Args:
        code: A source file.
        errors: Of rustc, each with its place in the file.
    """
    if not errors:
        return ItemFaults()
    is_about = any(not error.error_code or error.code in _ABOUT for error, _ in errors)
    places = item_tokens(code) if is_about else []
    about = [(e.code, item) for e, at in errors for item in _items_of(e, at, places)]
    heads = [
        (error.code, item.path)
        for item, start, end in impl_heads(code)
        for error, at in errors
        if start <= at.byte_start and at.byte_end <= end
    ]
    unsafe = [_innermost(places, at) for error, at in errors if error.code in _NEEDS_UNSAFE]
    return ItemFaults(
        items=frozenset(item for _, item in about),
        twice=frozenset(item for own, item in about if own in _TWICE),
        strangers=frozenset(item for own, item in about if own in _NOT_OF_TRAIT),
        heads=frozenset(path for own, path in heads if own in _MAY_NOT_BE),
        misnamed=frozenset(path for own, path in heads if own in _UNKNOWN),
        unsafe=Counter(item.path for item in unsafe if item is not None),
    )


def _items_of(
    error: Diagnostic, at: Span, places: Sequence[tuple[Item, Sequence[Token]]]
) -> Iterator[Item]:
    """Yield the items that an error is about."""
    here = [span for span in error.spans if span.file_name == at.file_name]
    if error.code in _OF_ITEMS:
        for span in here if error.code == "E0119" else (at,):
            item = _innermost(places, span)
            if item is not None and (item.kind != "mod" or error.code == "E0428"):
                yield item
        if error.code == "E0492":  # of a constant that is named there
            yield from (item for item, _ in places if item.kind == "const" and _is_at(item, at))
    elif error.code == _SHADOWED:
        around = (_innermost(places, span) for span in here if span != at)
        yield from (item for item in around if item is not None and item.kind == "static")
    elif not error.error_code:  # of a macro that there is not
        calls = [(item, own) for item, own in places if item.kind == "call"]
        yield from filter(None, [_innermost(calls, at)])


def _is_at(item: Item, at: Span) -> bool:
    """Whether the first line of a span names an item."""
    text = at.text[0][at.column_start - 1 : at.column_end - 1] if at.text else ""
    return item.path.rpartition("::")[2] in re.findall(r"\w+", text)


def _innermost(places: Iterable[tuple[Item, Sequence[Token]]], at: Span | Token) -> Item | None:
    """Return the smallest item around a place."""
    around = [
        (own[-1].byte_end - own[0].byte_start, -place, item)
        for place, (item, own) in enumerate(places)
        if own[0].byte_start <= at.byte_start and at.byte_end <= own[-1].byte_end
    ]
    return min(around, key=lambda each: each[:2])[2] if around else None


def count_unsafe(code: str) -> Counter[str]:
    """Return the path of a function or an `impl` -> how often it says `unsafe`."""
    found = [token for token in tokens(code) if token.text == UNSAFE]
    places = item_tokens(code) if found else []
    around = (_innermost(places, token) for token in found)
    return Counter(item.path if item else "" for item in around)


def settle_items(
    missing: Counter[Item], faults: ItemFaults, before: str, after: str
) -> tuple[Item | None, dict[str, str]]:
    """Return an item that is gone without reason, None where there is none, and what moved.

    Args:
        missing: Items of the first program that the second one lacks.
        faults: What errors are about.
        before: The broken program.
        after: The candidate.

    Returns:
        The item; and the path of each function that has another one now -> its path before.
    """
    if not missing:
        return None, {}
    kept, new, left = items(after), items(after) - items(before), Counter(missing)
    found = _follow_impls(left, new, faults, before, after)
    left -= Counter(item for item, _ in found.pairs)
    new -= Counter(other for _, other in found.pairs if other is not None)
    change = _Change(_words(before), _words(after)) if faults.items else _Change({}, {})
    moved = dict(found.moved)
    for item in sorted(left.elements(), key=lambda item: item.path):
        around = {each for each in faults.items if f"{item.path}::".startswith(f"{each.path}::")}
        is_there = kept[item] and (item.kind == "mod" or change.is_repeated(item))
        may_go = item in faults.strangers and item.kind in ("const", "type")
        is_wanted = _is_wanted(item, kept)
        if (around & faults.twice and is_there) or (may_go and not is_wanted):
            continue
        others = (each for each in new if around and change.may_be(item, each))
        other = next((o for o in others if not is_wanted or _holder(o) == _holder(item)), None)
        if other is None:
            return item, {}
        new -= Counter([other])
        if item.kind in _FUNCTIONS:
            moved[other.path] = item.path
    return None, moved


def _holder(item: Item) -> str:
    """Return the path of the `impl`, trait, module or call of a macro that an item is in."""
    return item.path.rpartition("::")[0]


def _is_wanted(item: Item, kept: Counter[Item]) -> bool:
    """Whether a trait of the file has something of an item's kind that its `impl` leaves out.

    Then the item is that one, misspelt, and the trait's own would take its place.
    """
    holder = _holder(item)
    trait = holder.rpartition("::")[2].removeprefix("impl ").partition(" for ")[0]
    members = (each.path.rpartition("::") for each in kept if each.kind == item.kind)
    names = [name for owner, _, name in members if owner.rpartition("::")[2] == trait]
    given = {each.path for each in kept}
    return any(f"{holder}::{name}" not in given for name in names)


@dataclass(frozen=True)
class _Followed:
    """Where the items of `impl` blocks went.

    Attributes:
        pairs: Each item that is missing, with what stands for it, None where it may go.
        moved: Of all that may stand for a function the path -> its path before.
    """

    pairs: list[tuple[Item, Item | None]] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)


def _follow_impls(
    missing: Counter[Item], new: Counter[Item], faults: ItemFaults, before: str, after: str
) -> _Followed:
    """Return where the missing items of `impl` blocks at fault went."""
    found, left = _Followed(), Counter(new)
    if not faults.heads and not faults.misnamed:
        return found
    blocks = [Counter(item.path for item, _, _ in impl_heads(code)) for code in (before, after)]
    has_body, held = bodies(after).keys(), items(before)

    def pair(item: Item, paths: Iterable[str]) -> bool:
        others = (Item(item.kind, path, item.conditions) for path in paths)
        free = [each for each in others if left[each] > 0]
        if item.kind in _FUNCTIONS:  # in a trait it may have no body
            free = [each for each in free if each.path in has_body]
            found.moved.update({each.path: item.path for each in free})
        for other in free[:1]:
            left[other] -= 1
            found.pairs.append((item, other))
        return bool(free)

    for path in sorted(faults.heads | faults.misnamed):
        if blocks[1][path] >= blocks[0][path]:  # it is still there
            continue
        inside, is_misnamed = f"{path}::", path not in faults.heads
        instead = [each for each in sorted(blocks[1] - blocks[0]) if _is_instead(path, each)]
        places = instead if is_misnamed else sorted(blocks[1])
        for item in [each for each in missing.elements() if each.path.startswith(inside)]:
            pair(item, [f"{place}::{item.path.removeprefix(inside)}" for place in places])
        may_go = not is_misnamed and not any(item.path.startswith(inside) for item in held)
        itself = [item for item in missing.elements() if (item.kind, item.path) == ("impl", path)]
        for item in itself:
            if not pair(item, instead) and may_go:
                found.pairs.append((item, None))
    return found


def _is_instead(path: str, other: str) -> bool:
    """Whether an `impl` stands for another: of the same trait, or of one misspelt for the type."""
    (trait, type_), (new_trait, new_type) = (
        each.rpartition(" for ")[::2] for each in (path, other)
    )
    if not trait or not new_trait:
        return path.rpartition("::")[0] == other.rpartition("::")[0] and not trait and not new_trait
    return trait == new_trait or (
        type_ == new_type and SequenceMatcher(None, trait, new_trait).ratio() >= _ALIKE
    )


@dataclass(frozen=True)
class _Change:
    """Two programs: item -> the tokens of each that is called so."""

    before: Mapping[Item, Sequence[tuple[str, ...]]]
    after: Mapping[Item, Sequence[tuple[str, ...]]]

    def is_repeated(self, item: Item) -> bool:
        """Whether an item stood there twice in the same words, and all its words still do."""
        own = self.before.get(item, ())
        return len(own) > len(set(own)) and set(own) <= set(self.after.get(item, ()))

    def may_be(self, item: Item, other: Item) -> bool:
        """Whether an item at fault may be another one."""
        if item.conditions != other.conditions:
            return False
        own, found = self.before.get(item, ()), self.after.get(other, ())
        own = [words for words in own if words not in self.after.get(item, ())] or own
        if item.kind == "call" or self._is_in_call(item):
            return self._is_other_call(item, other, own, found)
        (place, name), (elsewhere, new) = (
            each.path.rpartition("::")[::2] for each in (item, other)
        )
        if place == elsewhere:
            is_kept = any(_atoms(words) - {name} <= _atoms(o) for words in own for o in found)
            is_alike = item.kind == other.kind or {item.kind, other.kind} <= _OTHER_KINDS
            return is_kept and is_alike and (item.kind == other.kind or name == new)
        texts = [{_VISIBILITY.sub("", " ".join(w), count=1) for w in each} for each in (own, found)]
        return (item.kind, name) == (other.kind, new) and not texts[0].isdisjoint(texts[1])

    def _is_in_call(self, item: Item) -> bool:
        return any(each.kind == "call" and each.path == _holder(item) for each in self.before)

    @staticmethod
    def _is_other_call(
        item: Item, other: Item, own: Iterable[Sequence[str]], found: Iterable[Sequence[str]]
    ) -> bool:
        """Whether a call of a macro, or what is in one, is another macro's, or what it declares."""
        if item.kind == "call" and other.kind != "call":
            return any(other.path.rpartition("::")[2] in words for words in own)
        ends = [{tuple(w[w.index("!") :]) for w in each if "!" in w} for each in (own, found)]
        return item.kind == other.kind and not ends[0].isdisjoint(ends[1])


def _words(code: str) -> dict[Item, list[tuple[str, ...]]]:
    """Return the items with the tokens of each that is called so."""
    words: dict[Item, list[tuple[str, ...]]] = {}
    for item, own in item_tokens(code):
        words.setdefault(item, []).append(tuple(token.text for token in own))
    return words


def _atoms(words: Sequence[str]) -> frozenset[str]:
    """Return the names, numbers and texts among an item's tokens."""
    return frozenset(w for w in words if w[0].isalnum() or w[0] in "_\"'") - _KEYWORDS
