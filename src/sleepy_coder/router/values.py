"""Rules for values of nearly the right type: strings, numbers, references, collections."""

from __future__ import annotations

from sleepy_coder.router.facts import ITERATOR_METHODS, Facts, ticked
from sleepy_coder.router.rule import CERTAIN, CLEAR, LIKELY, Rule
from sleepy_coder.router.types import ADAPTERS, COLLECTIONS, FLOATS, INTEGERS, parse_type
from sleepy_coder.router.wrapped import (
    WRAPPERS,
    has_stray_semicolon,
    is_branch,
    lacks_else,
    lacks_ok_unit,
    lacks_tail,
    plain,
    returns_no_value,
    wraps,
)


def _numbers(f: Facts) -> set[str]:
    """Return the types of the numbers that meet; operands may stand behind references."""
    if is_branch(f):
        return set()
    sides = {side.head for side in f.operands} or {
        "" if side.refs else side.head for side in (f.expected, f.found)
    }
    return sides if sides <= INTEGERS | FLOATS else set()


def _mixes_integers(f: Facts) -> bool:
    numbers = _numbers(f)
    return len(numbers) > 1 and numbers <= INTEGERS - {"{integer}"}


def _mixes_integer_and_float(f: Facts) -> bool:
    numbers = _numbers(f)
    return bool(numbers & INTEGERS) and bool(numbers & FLOATS)


# rustc proposes `*` for an operand, for the target of an assignment, and for what is cast.
_DEREFERENCE_HELPS = (
    "if you dereference the left-hand side",
    "consider dereferencing here to assign",
    "dereference the expression",
)


def _has_reference_too_many(f: Facts) -> bool:
    """Whether a reference stands where the (copyable) value behind it is wanted."""
    if any(f.has_help(words) for words in _DEREFERENCE_HELPS):
        return True
    if f.code == "E0308":
        is_deref = f.has_help("consider dereferencing") and f.found.refs > f.expected.refs
        return is_deref and f.found.is_like(f.expected)
    sides = f.operands
    is_compared = f.says("can't compare `") and len(sides) == 2  # noqa: PLR2004 - left and right
    return is_compared and sides[0].is_like(sides[1]) and sides[0].refs != sides[1].refs


def _has_value_for_reference_in_comparison(f: Facts) -> bool:
    """Whether the left side of a comparison is a reference and the right side is not."""
    is_compared = f.expected.is_like(f.found) and f.view.is_compared(f.primary)
    is_said = f.has_help("consider dereferencing the borrow") or is_compared
    return is_said and f.expected.refs > f.found.refs


def _has_reference_too_few(f: Facts) -> bool:
    is_proposed = f.has_help("consider borrowing here") or f.has_help("mutably borrowing here")
    is_deref_removed = f.has_help("consider removing deref here")
    return f.expected.refs == f.found.refs + 1 and is_proposed and not is_deref_removed


def _is_boxed_value(f: Facts) -> bool:
    return f.found.head == "Box" and f.has_help("consider unboxing the value")


def _is_in_pattern(f: Facts) -> bool:
    return f.has_label("this expression has type `")


def _is_str_for_string(f: Facts) -> bool:
    is_pair = (f.expected.text, f.found.head) == ("String", "str") and f.found.refs > 0
    return is_pair and not _is_in_pattern(f)


def _is_string_matched(f: Facts) -> bool:
    """Whether a String is matched against literals."""
    is_pair = (f.expected.text, f.found.head) == ("String", "str")
    return is_pair and any(
        f.has_label(f"this expression has type `{matched}`") for matched in ("String", "&String")
    )


def _is_str_behind_reference(f: Facts) -> bool:
    """Whether a `&str` stands where a reference to a String is wanted."""
    is_pair = (f.expected.text, f.found.head) == ("&String", "str") and f.found.refs > 0
    return is_pair and not _is_in_pattern(f)


def _is_iterator(f: Facts) -> bool:
    """Whether the value found is an iterator, of a type that is named or not."""
    return f.found.head in ADAPTERS or f.has_note("found opaque type `impl Iterator<")


def _calls_collection_method_on_iterator(f: Facts) -> bool:
    names = ticked(f.message)
    is_method = f.says("no method named `", " found for struct `")
    return is_method and names[0] in _COLLECTION_METHODS and parse_type(names[1]).head in ADAPTERS


# Methods that collections have and iterators lack, for which one collects first.
_COLLECTION_METHODS = frozenset(
    "sort sort_by sort_by_key sort_unstable reverse dedup join concat push insert remove swap "  # noqa: SIM905 - a table
    "retain windows chunks to_vec binary_search".split()
)


def _yields_nothing(f: Facts) -> bool:
    """Whether the closure of an iterator ends in a semicolon, so that the items are `()`."""
    return f.says("over elements of type `()`") and has_stray_semicolon(f)


def _is_string_for_str(f: Facts) -> bool:
    return (f.found.text, f.expected.head) == ("String", "str") and f.expected.refs == 1


VALUE_RULES = (
    Rule(
        "str_to_string",
        CLEAR,
        ("E0308",),
        plain(_is_str_for_string),
        "found `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "str_to_string",
        LIKELY,
        ("E0308",),
        plain(_is_str_behind_reference),
        "found `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "string_to_str",
        CLEAR,
        ("E0308",),
        _is_string_matched,
        "a String is matched against literals, which are `&str`",
    ),
    Rule(
        "string_to_str",
        CLEAR,
        ("E0308",),
        plain(_is_string_for_str),
        "found `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "int_width",
        CLEAR,
        ("E0308", "E0277"),
        lambda f: not f.says("can't compare `") and _mixes_integers(f),
        "integers of different types meet",
    ),
    Rule(
        "int_float_mix",
        CLEAR,
        ("E0308", "E0277"),
        _mixes_integer_and_float,
        "an integer and a floating point number meet",
    ),
    Rule(
        "iter_ref_items",
        CLEAR,
        ("E0308", "E0277", "E0369", "E0368", "E0606"),
        lambda f: (
            f.is_in_iterator_closure
            and (_has_reference_too_many(f) or _has_value_for_reference_in_comparison(f))
        ),
        "an item of an iterator is a reference and is used as a value",
    ),
    Rule(
        "iter_ref_items",
        LIKELY,
        ("E0308",),
        lambda f: f.has_help("consider removing deref here") and f.found.is_like(f.expected),
        "an item is dereferenced where the reference is wanted",
    ),
    Rule(
        "iter_ref_items",
        LIKELY,
        ("E0614",),
        lambda f: f.is_in_iterator_closure,
        "an item of an iterator is a value and is dereferenced",
    ),
    Rule(
        "iter_ref_items",
        CLEAR,
        ("E0631",),
        lambda f: (
            f.view.text(f.primary) in ITERATOR_METHODS and f.has_help("adjusting the signature")
        ),
        "a closure declares an item as a value that is a reference, or the other way round",
    ),
    Rule(
        "missing_deref",
        CLEAR,
        ("E0308", "E0277", "E0369", "E0368", "E0606"),
        plain(
            lambda f: (
                f.view.has_source
                and not f.is_in_iterator_closure
                and (
                    _has_reference_too_many(f)
                    or _has_value_for_reference_in_comparison(f)
                    or _is_boxed_value(f)
                )
            )
        ),
        "a reference stands where the value behind it is wanted",
    ),
    Rule(
        "missing_reference",
        CLEAR,
        ("E0308",),
        plain(lambda f: _has_reference_too_few(f) and not _is_string_for_str(f)),
        "found `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "usize_index",
        CERTAIN,
        ("E0277",),
        lambda f: f.says("cannot be indexed by `") and f.has_label("slice indices are of type"),
        "a slice is indexed by something else than usize",
    ),
    Rule(
        "missing_return_value",
        CLEAR,
        ("E0308", "E0317"),
        lambda f: (
            f.found.text == "()"
            and (lacks_tail(f) or has_stray_semicolon(f) or lacks_else(f))
            and not is_branch(f)
            and not lacks_ok_unit(f)
        ),
        "the function ends without the `{expected}` that it should return",
    ),
    Rule(
        "missing_return_value",
        CLEAR,
        ("E0069",),
        returns_no_value,
        "`return` stands without the value that the function should return",
    ),
    Rule(
        "missing_return_value",
        CLEAR,
        ("E0277",),
        _yields_nothing,
        "a closure ends without the value that an iterator's items are made of",
    ),
    Rule(
        "branch_type_mismatch",
        CLEAR,
        ("E0308",),
        lambda f: (
            is_branch(f)
            and not wraps("Ok")(f)
            and not wraps("Some")(f)
            and {f.expected.head, f.found.head} != set(WRAPPERS)
        ),
        "branches have the types `{expected}` and `{found}`",
    ),
    Rule(
        "missing_collect",
        CERTAIN,
        ("E0308",),
        plain(lambda f: f.expected.head in COLLECTIONS and _is_iterator(f)),
        "found the iterator `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "missing_collect",
        CLEAR,
        ("E0599",),
        _calls_collection_method_on_iterator,
        "`{subject}` is called on an iterator, and only collections have it",
    ),
    Rule(
        "collect_type",
        CERTAIN,
        ("E0277",),
        lambda f: (
            f.says("cannot be built from", "iterator")
            and not f.has_label("is cloning the reference")
            and not _yields_nothing(f)
        ),
        "a `{subject}` cannot be collected from these items",
    ),
)
