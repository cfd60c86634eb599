"""Rules for values of nearly the right type: Option, Result, strings, numbers, references."""

from __future__ import annotations

from collections.abc import Callable

from sleepy_coder.router.facts import Facts
from sleepy_coder.router.rule import CERTAIN, CLEAR, LIKELY, Rule, always
from sleepy_coder.router.types import ADAPTERS, COLLECTIONS, RustType

_WRAPPERS = ("Option", "Result")


def _is_branch(f: Facts) -> bool:
    return f.says("have incompatible types")


def _wraps(variant: str) -> Callable[[Facts], bool]:
    """Hold where rustc proposes to wrap the value in this variant, and in no other.

    It proposes nothing for what a macro like `format!` returns; there the types must be equal.
    """
    wrapper = {"Ok": "Result", "Some": "Option"}[variant]
    return lambda f: (
        f.has_help(f"wrapping the expression in `{variant}`")
        or (f.expected.head == wrapper and f.expected.inner.text == f.found.text != "()")
    )


def _lacks_tail(f: Facts) -> bool:
    is_said = f.has_label("implicitly returns `()`") or f.has_help("consider returning a value")
    return f.found.text == "()" and is_said


def _has_stray_semicolon(f: Facts) -> bool:
    return f.has_help("remove this semicolon")


def _lacks_ok_unit(f: Facts) -> bool:
    """Whether a function that returns `Result<(), E>` ends without `Ok(())`."""
    is_unit_result = f.expected.head == "Result" and f.expected.inner.text == "()"
    return is_unit_result and f.found.text == "()" and not _has_stray_semicolon(f)


def _is_inner(wrapped: RustType, plain: RustType) -> bool:
    return wrapped.head in _WRAPPERS and not wrapped.refs and wrapped.inner.is_like(plain)


def _is_unwrapped_value(f: Facts) -> bool:
    """Whether an Option or Result stands where the value inside it is wanted."""
    return f.expected.head not in ("", *_WRAPPERS, "()") and _is_inner(f.found, f.expected)


def _is_arithmetic_on_option(f: Facts) -> bool:
    is_comparison = f.says("binary operation")
    return not is_comparison and any(
        side.head in _WRAPPERS and side.inner.head for side in f.operands
    )


def _is_member_of_inner(f: Facts) -> bool:
    """Whether a method or field is looked for on an Option or Result, and the value has it."""
    is_field = f.says("on type `Option<") or f.says("on type `Result<")
    is_unwrapped = f.has_help("to unwrap the") or f.has_help("use the `?` operator")
    return (is_field and f.has_help("has a field of the same name")) or (
        is_unwrapped and f.has_note("exists on the type")
    )


def _returns_unit(f: Facts) -> bool:
    where = any(f.says(f"can only be used in a {kind} that returns") for kind in _FUNCTIONS)
    return where and f.has_label("that returns `()`")


_FUNCTIONS = ("function", "method", "associated function")


def _mixes_integers(f: Facts) -> bool:
    sides = f.operands or (f.expected, f.found)
    is_pair = len(sides) == len(set(sides)) and all(side.is_integer for side in sides)
    return is_pair and not _is_branch(f) and "{integer}" not in {side.head for side in sides}


def _mixes_integer_and_float(f: Facts) -> bool:
    sides = f.operands or (f.expected, f.found)
    kinds = {(side.is_integer, side.is_float) for side in sides}
    return kinds == {(True, False), (False, True)} and not _is_branch(f)


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


def _plain(condition: Callable[[Facts], bool]) -> Callable[[Facts], bool]:
    """Hold outside the branches of `if` and `match`, which have a pattern of their own."""
    return lambda f: not _is_branch(f) and condition(f)


RESULT_RULES = (
    Rule(
        "option_to_result",
        CERTAIN,
        ("E0277",),
        lambda f: f.says("on `Result`s, not `Option`s"),
        "`?` is used on an Option in a function that returns a Result",
    ),
    Rule(
        "option_to_result",
        CERTAIN,
        ("E0308",),
        _plain(lambda f: (f.expected.head, f.found.head) == ("Result", "Option")),
        "found `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "result_to_option",
        CERTAIN,
        ("E0277",),
        lambda f: f.says("on `Option`s, not `Result`s"),
        "`?` is used on a Result in a function that returns an Option",
    ),
    Rule(
        "result_to_option",
        CERTAIN,
        ("E0308",),
        _plain(lambda f: (f.expected.head, f.found.head) == ("Option", "Result")),
        "found `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "question_mark_in_unit_main",
        CERTAIN,
        ("E0277",),
        _returns_unit,
        "`?` is used in a function that returns nothing",
    ),
    Rule(
        "error_type_mismatch",
        CERTAIN,
        ("E0277",),
        lambda f: f.says("`?` couldn't convert the error to"),
        "`?` cannot convert the error",
    ),
    Rule(
        "error_type_mismatch",
        CLEAR,
        ("E0271",),
        lambda f: f.says("type mismatch resolving `<", "::Err == ") and f.view.is_tried(f.primary),
        "`?` cannot convert the error `{found}` to `{expected}`",
    ),
    Rule(
        "missing_ok_wrap",
        CLEAR,
        ("E0308",),
        lambda f: _lacks_ok_unit(f) or (_wraps("Ok")(f) and not _lacks_tail(f)),
        "found `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "missing_some_wrap",
        CLEAR,
        ("E0308",),
        lambda f: _wraps("Some")(f) and f.found.text != "()",
        "found `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "unwrap_needed",
        CLEAR,
        ("E0308",),
        _plain(_is_unwrapped_value),
        "found `{found}` where the `{expected}` inside it is wanted",
    ),
    Rule(
        "unwrap_needed",
        CLEAR,
        ("E0369", "E0277"),
        _is_arithmetic_on_option,
        "an operator is used on an Option or Result, not on the value inside",
    ),
    Rule(
        "unwrap_needed",
        CLEAR,
        ("E0599", "E0609", "E0624"),
        _is_member_of_inner,
        "`{subject}` is looked for on an Option or Result, not on the value inside",
    ),
    Rule(
        "non_exhaustive_match",
        CERTAIN,
        ("E0004",),
        always,
        "`{subject}` has no arm",
    ),
)

VALUE_RULES = (
    Rule(
        "str_to_string",
        CLEAR,
        ("E0308",),
        _plain(_is_str_for_string),
        "found `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "string_to_str",
        CLEAR,
        ("E0308",),
        _plain(_is_string_for_str),
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
        _plain(
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
        _plain(lambda f: _has_reference_too_few(f) and not _is_string_for_str(f)),
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
            and (_lacks_tail(f) or _has_stray_semicolon(f))
            and not _lacks_ok_unit(f)
        ),
        "the function ends without the `{expected}` that it should return",
    ),
    Rule(
        "branch_type_mismatch",
        CLEAR,
        ("E0308",),
        lambda f: (
            _is_branch(f)
            and not _wraps("Ok")(f)
            and not _wraps("Some")(f)
            and not _has_stray_semicolon(f)
            and {f.expected.head, f.found.head} != set(_WRAPPERS)
        ),
        "branches have the types `{expected}` and `{found}`",
    ),
    Rule(
        "missing_collect",
        CERTAIN,
        ("E0308",),
        _plain(lambda f: f.expected.head in COLLECTIONS and f.found.head in ADAPTERS),
        "found the iterator `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "collect_type",
        CERTAIN,
        ("E0277",),
        lambda f: f.says("cannot be built from", "iterator"),
        "a `{subject}` cannot be collected from these items",
    ),
)
