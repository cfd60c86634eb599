"""Mistakes with names: private, misspelled, not imported, forgotten."""

from __future__ import annotations

from sleepy_coder.patterns.pattern import Pattern

PATTERNS = (
    Pattern(
        name="private_field",
        family="modules",
        error_code="E0616",
        description="A private field is used outside its module.",
        hint=(
            "Make the field `pub` in the struct, or use a public method or constructor if there "
            "is one."
        ),
    ),
    Pattern(
        name="private_function",
        family="modules",
        error_code="E0603",
        description="A private item of a module is used from outside.",
        hint="Put `pub` before the function, struct or method that is used.",
    ),
    Pattern(
        name="missing_import",
        family="modules",
        error_code="E0433",
        description="A name of the standard library is used without an import.",
        hint="Add the `use` line for it, e.g. `use std::collections::HashMap;`.",
    ),
    Pattern(
        name="unknown_name",
        family="modules",
        error_code="E0425",
        description="A name is used that does not exist, often misspelled.",
        hint="Use the name as it was declared; do not declare a new one.",
    ),
    Pattern(
        name="missing_method_import",
        family="modules",
        error_code="E0599",
        description="A trait's method is called while the trait is not in scope.",
        hint="Add the `use` line of the trait that provides the method.",
    ),
    Pattern(
        name="unknown_method",
        family="modules",
        error_code="E0599",
        description="A method is called that the type does not have.",
        hint=(
            "Call the method that exists: correct the spelling, or use the name that the standard "
            "library gives it."
        ),
    ),
    Pattern(
        name="unknown_field",
        family="modules",
        error_code="E0609",
        description="A field is used that the struct does not have.",
        hint="Use the field's declared name, or reach it through the field that holds it.",
    ),
    Pattern(
        name="missing_field",
        family="modules",
        error_code="E0063",
        description="A struct is built without all of its fields.",
        hint="Give the missing fields a sensible value in the struct literal.",
    ),
)
