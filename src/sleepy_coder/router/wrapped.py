"""Rules for Option, Result, `?` and `match`."""

from __future__ import annotations

from collections.abc import Callable

from sleepy_coder.router.facts import Facts, ticked
from sleepy_coder.router.rule import CERTAIN, CLEAR, LIKELY, Rule, always
from sleepy_coder.router.types import RustType, parse_type

WRAPPERS = ("Option", "Result")


def is_branch(f: Facts) -> bool:
    """Whether the error is that branches of an `if` or `match` have different types."""
    return f.says("have incompatible types")


def wraps(variant: str) -> Callable[[Facts], bool]:
    """Hold where rustc proposes to wrap the value in this variant, and in no other.

    It proposes nothing for what a macro like `format!` returns; there the types must be equal.
    """
    wrapper = {"Ok": "Result", "Some": "Option"}[variant]
    return lambda f: (
        f.has_help(f"wrapping the expression in `{variant}`")
        or (f.expected.head == wrapper and f.expected.inner.text == f.found.text != "()")
    )


def lacks_tail(f: Facts) -> bool:
    """Whether a function ends without the value that it should return."""
    is_said = (
        f.has_label("implicitly returns `()`")
        or f.has_help("consider returning a value")
        or f.has_note("loops evaluate to unit type `()`")
    )
    is_seen = not is_branch(f) and not f.primary.is_expansion and f.view.is_tail(f.primary)
    return f.found.text == "()" and (is_said or is_seen)


def has_stray_semicolon(f: Facts) -> bool:
    """Whether rustc proposes to remove a semicolon."""
    return f.has_help("remove this semicolon") or f.has_help("removing this semicolon")


def lacks_ok_unit(f: Facts) -> bool:
    """Whether a function that returns `Result<(), E>` ends without `Ok(())`."""
    is_unit_result = f.expected.head == "Result" and f.expected.inner.text == "()"
    return is_unit_result and f.found.text == "()" and not has_stray_semicolon(f)


def lacks_else(f: Facts) -> bool:
    """Whether a function ends in an `if` without `else`."""
    return f.code == "E0317" and f.found.text == "()" and f.view.is_tail(f.primary)


def _wants_ok_unit_returned(f: Facts) -> bool:
    return f.has_label("expected `Result<(), ", "because of this return type")


def returns_no_value(f: Facts) -> bool:
    """Whether `return;` stands where a function should return a value other than `Ok(())`."""
    return not _wants_ok_unit_returned(f)


def _is_inner(outer: RustType, bare: RustType) -> bool:
    return outer.head in WRAPPERS and not outer.refs and outer.inner.is_like(bare)


def _is_unwrapped_value(f: Facts) -> bool:
    """Whether an Option or Result stands where the value inside it is wanted."""
    return f.expected.head not in ("", *WRAPPERS, "()") and _is_inner(f.found, f.expected)


def _is_option_compared(f: Facts) -> bool:
    """Whether an Option or Result is compared with a value like the one inside it."""
    return f.view.is_compared(f.primary) and _is_inner(f.expected, f.found)


def _is_arithmetic_on_option(f: Facts) -> bool:
    is_comparison = f.says("binary operation")
    return not is_comparison and any(
        side.head in WRAPPERS and side.inner.head for side in f.operands
    )


def _is_member_of_inner(f: Facts) -> bool:
    """Whether a method or field is looked for on an Option or Result, and the value has it."""
    is_field = f.says("on type `Option<") or f.says("on type `Result<")
    is_unwrapped = f.has_help("to unwrap the") or f.has_help("use the `?` operator")
    return (is_field and f.has_help("has a field of the same name")) or (
        is_unwrapped and f.has_note("exists on the type")
    )


def _is_used_as_inner(f: Facts) -> bool:
    """Whether an Option or Result is indexed, negated, cast or changed as if it were its value."""
    kinds = [parse_type(name) for name in ticked(f.message)]
    kind = kinds[0 if f.code == "E0605" else -1] if kinds else RustType()
    return kind.head in WRAPPERS


def _stands_for(f: Facts, wanted: str, given: str) -> bool:
    """Whether a value of one wrapper stands where the other is wanted; a pattern is no value."""
    is_pattern = f.has_label("this expression has type `")
    return (f.expected.head, f.found.head) == (wanted, given) and not is_pattern


def _returns_unit(f: Facts) -> bool:
    where = any(f.says(f"can only be used in a {kind} that returns") for kind in _FUNCTIONS)
    return where and f.has_label("that returns `()`")


_FUNCTIONS = ("function", "method", "associated function")


def plain(condition: Callable[[Facts], bool]) -> Callable[[Facts], bool]:
    """Hold outside the branches of `if` and `match`, which have a pattern of their own."""
    return lambda f: not is_branch(f) and condition(f)


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
        plain(lambda f: _stands_for(f, "Result", "Option")),
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
        plain(lambda f: _stands_for(f, "Option", "Result")),
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
        lambda f: f.says("`?` couldn't convert the error"),
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
        ("E0308", "E0317"),
        lambda f: (
            (lacks_ok_unit(f) and (f.code == "E0308" or lacks_else(f)))
            or (wraps("Ok")(f) and not lacks_tail(f))
        ),
        "found `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "missing_ok_wrap",
        CLEAR,
        ("E0069",),
        _wants_ok_unit_returned,
        "`return` stands without `Ok(())`",
    ),
    Rule(
        "missing_some_wrap",
        CLEAR,
        ("E0308",),
        lambda f: wraps("Some")(f) and f.found.text != "()",
        "found `{found}` where `{expected}` is wanted",
    ),
    Rule(
        "unwrap_needed",
        CLEAR,
        ("E0308",),
        plain(_is_unwrapped_value),
        "found `{found}` where the `{expected}` inside it is wanted",
    ),
    Rule(
        "unwrap_needed",
        LIKELY,
        ("E0308",),
        lambda f: _is_option_compared(f) and not wraps("Some")(f) and not wraps("Ok")(f),
        "an Option or Result is compared with a value, not the value inside",
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
        "unwrap_needed",
        CLEAR,
        ("E0368", "E0600", "E0605", "E0608"),
        _is_used_as_inner,
        "an Option or Result is used as if it were the value inside",
    ),
    Rule(
        "non_exhaustive_match",
        CERTAIN,
        ("E0004",),
        always,
        "`{subject}` has no arm",
    ),
)
