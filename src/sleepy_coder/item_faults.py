"""What may become of items that an error is about, which else must stay as they are.

What is declared twice in the same words needs to be there once. An item at fault may have another
name, be of another kind, or stand elsewhere, if it keeps its names and numbers; a constant or type
that its trait has not may go. Where the head of an `impl` is at fault it may be for another type or
of another trait, if all that it holds is still there, and go if it is empty. Pure, on syntax alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from sleepy_coder.diagnostics import Diagnostic, Span
from sleepy_coder.syntax import Item, impl_heads, item_tokens, items

# Items that there are already, that a trait has not or has as another kind, and constants that
# would have to be statics or the other way round.
_OF_ITEMS = frozenset(
    [
        *("E0119", "E0124", "E0201", "E0323", "E0324", "E0325", "E0407", "E0428", "E0437"),
        *("E0438", "E0492", "E0530", "E0592"),
    ]
)
# Impls that may not be: not here, not for such a type, not by hand, or of what nothing is named.
_OF_IMPLS = frozenset(
    [
        *("E0116", "E0117", "E0118", "E0119", "E0120", "E0204", "E0206", "E0210", "E0322"),
        *("E0371", "E0390", "E0404", "E0405", "E0412", "E0425", "E0433"),
    ]
)
# What only `unsafe` can mend, since it is there already.
_OF_UNSAFE = frozenset({"E0133", "E0200"})
UNSAFE = "unsafe"  # kind of the place of such an error
_KEYWORDS = frozenset(
    {"const", "fn", "pub", "self", "static", "type"}
)  # an item of another kind has others


def items_at_fault(code: str, errors: Sequence[tuple[Diagnostic, Span]]) -> Iterator[Item]:
    """Yield the items that errors are about.

    Args:
        code: A source file.
        errors: Of rustc, each with its place in the file.

    Returns:
        Items of the file; for an error about the head of an `impl` an item of kind `impl`, an
        inherent one's too; for one that `unsafe` mends an item of kind `UNSAFE`.
    """
    told = [(e, at) for e, at in errors if not e.error_code or e.code in _OF_ITEMS]
    places = item_tokens(code) if told else []
    for error, at in told:
        spans = (at, *(s for s in error.spans if error.code == "E0530"))
        for span in spans:
            around = [
                (tokens[-1].byte_end - tokens[0].byte_start, place, item)
                for place, (item, tokens) in enumerate(places)
                if tokens[0].byte_start <= span.byte_start and span.byte_end <= tokens[-1].byte_end
                if error.code in _OF_ITEMS or item.kind == "call"  # of a macro that there is not
            ]
            yield from [item for _, _, item in sorted(around, key=lambda each: each[:2])[:1]]
    in_heads = [at for error, at in errors if error.code in _OF_IMPLS]
    for item, start, end in impl_heads(code) if in_heads else ():
        if any(start <= at.byte_start and at.byte_end <= end for at in in_heads):
            yield item
    yield from (Item(UNSAFE, str(at.byte_start)) for e, at in errors if e.code in _OF_UNSAFE)


def settle_items(
    missing: Counter[Item], faults: Collection[Item], before: str, after: str
) -> tuple[Item | None, dict[str, str]]:
    """Return an item that is gone without reason, None where there is none, and what moved.

    Args:
        missing: Items of the first program that the second one lacks.
        faults: Those that errors are about, see `items_at_fault`.
        before: The broken program.
        after: The candidate.

    Returns:
        The item; and the path of each that has another one now -> its path before.
    """
    if not missing:
        return None, {}
    kept, new, left = items(after), items(after) - items(before), Counter(missing)
    words, now = (_words(code) if faults else {} for code in (before, after))
    moved = {}
    for head in (fault for fault in faults if fault.kind == "impl"):
        for item, other in _follow_impl(head, left, new, items(before)):
            left[item] -= 1
            if other is not None:
                new[other] -= 1
                moved[other.path] = item.path
    for item in sorted((+left).elements(), key=lambda item: item.path):
        own = words.get(item, [])
        around = [each for each in faults if f"{item.path}::".startswith(f"{each.path}::")]
        is_twice = len(own) > len(set(own)) and set(own) <= set(now.get(item, ()))
        if (around and kept[item] and is_twice) or (item in faults and _may_go(item)):
            continue
        others = (each for each in +new if around and _may_become(item, own, each, now[each]))
        other = next(others, None)
        if other is None:
            return item, moved
        new[other] -= 1
        moved[other.path] = item.path
    return None, moved


def _follow_impl(
    head: Item, missing: Counter[Item], new: Counter[Item], before: Counter[Item]
) -> list[tuple[Item, Item | None]]:
    """Return what an `impl` held that is missing, each with what stands for it now.

    Nothing, unless all of it stands together in one other place, or the `impl` was empty.
    """
    inside = f"{head.path}::"
    members = [item for item in missing.elements() if item.path.startswith(inside)]
    itself = [item for item in missing if item.path == head.path]
    if not members:
        is_empty = not any(item.path.startswith(inside) for item in before)
        return [(item, None) for item in itself if is_empty]
    name = members[0].path.removeprefix(inside)
    for place in sorted({o.path.removesuffix(name) for o in +new if o.path.endswith(name)}):
        pairs = [
            (item, Item(item.kind, place + item.path.removeprefix(inside), item.conditions))
            for item in members
        ]
        pairs += [(i, Item(i.kind, place.removesuffix("::"), i.conditions)) for i in itself]
        if not Counter(other for _, other in pairs) - new:
            return [*pairs]
    return []


def _may_go(item: Item) -> bool:
    """Whether it is a constant or a type in the `impl` of a trait."""
    holder = item.path.rpartition("::")[0].rpartition("::")[2]
    return item.kind in ("const", "type") and holder.startswith("impl ")


def _words(code: str) -> dict[Item, list[tuple[str, ...]]]:
    """Return the items with the tokens of each that is called so."""
    words: dict[Item, list[tuple[str, ...]]] = {}
    for item, tokens in item_tokens(code):
        words.setdefault(item, []).append(tuple(token.text for token in tokens))
    return words


def _may_become(
    item: Item, own: Sequence[Sequence[str]], other: Item, found: Sequence[Sequence[str]]
) -> bool:
    """Whether an item at fault may be another one, given both with their tokens.

    By another name, of another kind, or in another place. A call of a macro may be one of another
    macro, or what it was to declare.
    """
    (place, _, name), (elsewhere, _, new) = (each.path.rpartition("::") for each in (item, other))
    if item.kind == "call" and other.kind != "call":
        return any(new in words for words in own)
    if item.conditions != other.conditions:
        return False
    if item.kind == "call" or "!::" in item.path:
        ends = [{tuple(words[words.index("!") :]) for words in each} for each in (own, found)]
        return item.kind == other.kind and not ends[0].isdisjoint(ends[1])
    is_kept = any(_atoms(words) - {name} <= _atoms(others) for words in own for others in found)
    if place == elsewhere:
        return is_kept and (item.kind == other.kind or name == new)
    texts = [{" ".join(words).removeprefix("pub ") for words in each} for each in (own, found)]
    return (item.kind, name) == (other.kind, new) and not texts[0].isdisjoint(texts[1])


def _atoms(words: Sequence[str]) -> frozenset[str]:
    """Return the names, numbers and texts among an item's tokens."""
    return frozenset(w for w in words if w[0].isalnum() or w[0] in "_\"'") - _KEYWORDS
