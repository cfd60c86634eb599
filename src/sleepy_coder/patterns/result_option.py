"""Mistakes with `Option`, `Result`, `?` and `match`."""

from __future__ import annotations

from sleepy_coder.patterns.pattern import Pattern

PATTERNS = (
    Pattern(
        name="option_to_result",
        family="result_option",
        error_code="E0308",
        description="An Option is used where a Result is wanted.",
        hint=(
            "Turn the Option into a Result: `.ok_or(error)` or `.ok_or_else(|| error)`, before "
            "`?` or at the end of the function. The error must have the function's error type."
        ),
    ),
    Pattern(
        name="result_to_option",
        family="result_option",
        error_code="E0308",
        description="A Result is used where an Option is wanted.",
        hint=(
            "Turn the Result into an Option with `.ok()`, before `?` or at the end of the function."
        ),
    ),
    Pattern(
        name="question_mark_in_unit_main",
        family="result_option",
        error_code="E0277",
        description="`?` is used in a function that returns nothing.",
        hint=(
            "Let the function return a Result, e.g. `fn main() -> Result<(), Box<dyn "
            "std::error::Error>>`, and end it with `Ok(())`."
        ),
    ),
    Pattern(
        name="missing_ok_wrap",
        family="result_option",
        error_code="E0308",
        description="A plain value is returned where a Result is wanted.",
        hint=(
            "Wrap the value in `Ok(…)`; end a function that returns `Result<(), E>` with `Ok(())`."
        ),
    ),
    Pattern(
        name="missing_some_wrap",
        family="result_option",
        error_code="E0308",
        description="A plain value is given where an Option is wanted.",
        hint="Wrap the value in `Some(…)`; leave the type that is wanted as it is.",
    ),
    Pattern(
        name="unwrap_needed",
        family="result_option",
        error_code="E0308",
        description="An Option or Result is used as if it were the value inside.",
        hint=(
            "Take the value out: `.unwrap_or(default)`, `.unwrap_or_default()`, a `match`, or `?` "
            "if the function returns an Option or Result."
        ),
    ),
    Pattern(
        name="error_type_mismatch",
        family="result_option",
        error_code="E0277",
        description="`?` cannot turn the error at hand into the function's error type.",
        hint=(
            "Convert the error before `?` with `.map_err(|e| …)`, or implement `From` for the "
            "function's error type."
        ),
    ),
    Pattern(
        name="non_exhaustive_match",
        family="result_option",
        error_code="E0004",
        description="A `match` does not cover every case.",
        hint=(
            "Add an arm for each case that the error names; the arm must have the same type as "
            "the others."
        ),
    ),
)
