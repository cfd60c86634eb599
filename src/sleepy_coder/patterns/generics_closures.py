"""Mistakes with inferred types, generic arguments and closures."""

from __future__ import annotations

from sleepy_coder.patterns.pattern import Pattern

PATTERNS = (
    Pattern(
        name="type_annotations_needed",
        family="generics_closures",
        error_code="E0282",
        description="The compiler cannot infer a type.",
        hint=(
            "Write the type at the `let` (`let list: Vec<u32> = …`) or at the call "
            "(`collect::<Vec<_>>()`, `parse::<u32>()`)."
        ),
    ),
    Pattern(
        name="closure_needs_mut",
        family="generics_closures",
        error_code="E0596",
        description=(
            "A closure that changes what it captures is called through a binding that is not `mut`."
        ),
        hint="Declare the closure's binding, or the parameter that holds it, `mut`.",
    ),
    Pattern(
        name="closure_type_bound",
        family="generics_closures",
        error_code="E0525",
        description="A closure does more with its captures than the bound (Fn, FnMut) permits.",
        hint=(
            "Use the captured value by reference or clone it inside the closure, or relax the "
            "bound from Fn to FnMut or FnOnce."
        ),
    ),
    Pattern(
        name="wrong_generic_count",
        family="generics_closures",
        error_code="E0107",
        description="A type is given too few or too many generic arguments.",
        hint="Write exactly the generic arguments that the type declares.",
    ),
)
