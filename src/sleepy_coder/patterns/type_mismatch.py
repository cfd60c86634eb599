"""Mistakes where a value has nearly, but not quite, the type that is wanted."""

from __future__ import annotations

from sleepy_coder.patterns.pattern import Pattern

PATTERNS = (
    Pattern(
        name="str_to_string",
        family="type_mismatch",
        error_code="E0308",
        description="A `&str` is given where a `String` is wanted.",
        hint="Make an owned string: `.to_string()`, `String::from(…)`.",
    ),
    Pattern(
        name="string_to_str",
        family="type_mismatch",
        error_code="E0308",
        description="A `String` is given where a `&str` is wanted.",
        hint="Borrow it: `&value` or `value.as_str()`.",
    ),
    Pattern(
        name="int_width",
        family="type_mismatch",
        error_code="E0308",
        description="Integers of different widths or signs meet.",
        hint=(
            "Convert one side: `u64::from(x)`, `x.into()`, `x as usize`; widen rather than narrow."
        ),
    ),
    Pattern(
        name="int_float_mix",
        family="type_mismatch",
        error_code="E0277",
        description="Integers and floating point numbers meet.",
        hint=(
            "Convert the integer (`f64::from(n)`, `n as f64`), or write a literal of the right "
            "kind (`2.0`, `2`)."
        ),
    ),
    Pattern(
        name="missing_deref",
        family="type_mismatch",
        error_code="E0308",
        description="A reference is given where the value behind it is wanted.",
        hint="Dereference it with `*`, on the reference itself: `*count += 1`, `if *n == 2`.",
    ),
    Pattern(
        name="missing_reference",
        family="type_mismatch",
        error_code="E0308",
        description="A value is given where a reference to it is wanted.",
        hint="Borrow it: `&value`, or `&mut value` where a mutable reference is wanted.",
    ),
    Pattern(
        name="usize_index",
        family="type_mismatch",
        error_code="E0277",
        description="A slice or vector is indexed by an integer that is not usize.",
        hint="Convert the index: `list[i as usize]`, or give the index the type usize.",
    ),
    Pattern(
        name="wrong_arg_count",
        family="type_mismatch",
        error_code="E0061",
        description="A function is called with too few or too many arguments.",
        hint=(
            "Pass exactly the arguments that the function declares, in order; leave its signature "
            "alone."
        ),
    ),
    Pattern(
        name="missing_return_value",
        family="type_mismatch",
        error_code="E0308",
        description=(
            "A function that should return a value ends without one, often after a stray semicolon."
        ),
        hint="Remove the semicolon after the last expression, or add the value to return.",
    ),
    Pattern(
        name="branch_type_mismatch",
        family="type_mismatch",
        error_code="E0308",
        description="The branches of an `if` or the arms of a `match` have different types.",
        hint="Give every branch the same type, e.g. `.to_string()` on a literal or `1.0` for `1`.",
    ),
)
