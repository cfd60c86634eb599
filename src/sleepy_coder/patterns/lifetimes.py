"""Mistakes about how long references are said to live."""

from __future__ import annotations

from sleepy_coder.patterns.pattern import Pattern

PATTERNS = (
    Pattern(
        name="missing_lifetime_fn",
        family="lifetimes",
        error_code="E0106",
        description="A function returns a reference and does not say from which argument it comes.",
        hint=(
            "Declare a lifetime after the function's name, `fn name<'a>(…)`, and write it on the "
            "references that may be returned and on the return type."
        ),
    ),
    Pattern(
        name="missing_lifetime_struct",
        family="lifetimes",
        error_code="E0106",
        description="A struct or enum holds a reference without naming its lifetime.",
        hint=(
            "Declare a lifetime on the type, `struct Name<'a>`, write it on each reference field "
            "(`&'a str`), and on the type's `impl<'a> Name<'a>`."
        ),
    ),
    Pattern(
        name="lifetime_too_short_return",
        family="lifetimes",
        error_code=None,
        description=(
            "A reference is returned or stored where its lifetime is not known to be long enough."
        ),
        hint=(
            "Give the argument the same lifetime as the place it goes to (`&'a str` for both), or "
            "make the promised lifetime shorter."
        ),
    ),
    Pattern(
        name="undeclared_lifetime",
        family="lifetimes",
        error_code="E0261",
        description="A lifetime is used that nobody declared.",
        hint="Declare it: `fn name<'a>`, `struct Name<'a>` or `impl<'a>`, whichever uses it.",
    ),
    Pattern(
        name="static_bound_required",
        family="lifetimes",
        error_code="E0310",
        description=(
            "A generic value is boxed or stored for good, but its type may hold short-lived "
            "references."
        ),
        hint="Add `'static` to the type parameter's bounds: `T: Trait + 'static`.",
    ),
)
