"""Rules for values of nearly the right type: strings, numbers, references, collections."""

from __future__ import annotations

from sleepy_coder.router.facts import Facts
from sleepy_coder.router.rule import CERTAIN, CLEAR, LIKELY, Rule
from sleepy_coder.router.types import ADAPTERS, COLLECTIONS
from sleepy_coder.router.wrapped import (
    WRAPPERS,
    has_stray_semicolon,
    is_branch,
    lacks_ok_unit,
    lacks_tail,
    plain,
    wraps,
)


def _mixes_integers(f: Facts) -> bool:
    sides = f.operands or (f.expected, f.found)
    is_pair = len(sides) == len(set(sides)) and all(side.is_integer for side in sides)
    return is_pair and not is_branch(f) and "{integer}" not in {side.head for side in sides}


def _mixes_integer_and_float(f: Facts) -> bool:
    sides = f.operands or (f.expected, f.found)
    kinds = {(side.is_integer, side.is_float) for side in sides}
    return kinds == {(True, False), (False, True)} and not is_branch(f)


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


def _is_str_for_string(f: Facts) -> bool:
    return (f.expected.text, f.found.head) == ("String", "str") and f.found.refs > 0


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
        ("E0308",),
        lambda f: (
            f.found.text == "()"
            and (lacks_tail(f) or has_stray_semicolon(f))
            and not lacks_ok_unit(f)
        ),
        "the function ends without the `{expected}` that it should return",
    ),
    Rule(
        "branch_type_mismatch",
        CLEAR,
        ("E0308",),
        lambda f: (
            is_branch(f)
            and not wraps("Ok")(f)
            and not wraps("Some")(f)
            and not has_stray_semicolon(f)
            and {f.expected.head, f.found.head} != set(WRAPPERS)
        ),
        "branches have the types `{expected}` and `{found}`",
    ),
    Rule(
        "missing_collect",
        CERTAIN,
        ("E0308",),
        plain(lambda f: f.expected.head in COLLECTIONS and f.found.head in ADAPTERS),
        "found the iterator `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "collect_type",
        CERTAIN,
        ("E0277",),
        lambda f: (
            f.says("cannot be built from", "iterator")
            and not f.has_label("is cloning the reference")
        ),
        "a `{subject}` cannot be collected from these items",
    ),
)
