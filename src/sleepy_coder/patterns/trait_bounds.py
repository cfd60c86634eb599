"""Mistakes about traits that a type lacks, or that an `impl` does not fulfil."""

from __future__ import annotations

from sleepy_coder.patterns.pattern import Pattern

PATTERNS = (
    Pattern(
        name="missing_debug",
        family="trait_bounds",
        error_code="E0277",
        description="A type is printed with `{:?}` or unwrapped, and does not implement Debug.",
        hint="Put `#[derive(Debug)]` on the type that the error names.",
    ),
    Pattern(
        name="missing_display",
        family="trait_bounds",
        error_code="E0277",
        description="A value is printed with `{}`, and its type does not implement Display.",
        hint=(
            "Implement `std::fmt::Display` for your own type, or print a standard collection or "
            "Option with `{:?}`."
        ),
    ),
    Pattern(
        name="missing_clone",
        family="trait_bounds",
        error_code="E0599",
        description="A type is cloned that does not implement Clone.",
        hint=(
            "Put `#[derive(Clone)]` (or add Clone to the derive) on the type that the error names."
        ),
    ),
    Pattern(
        name="missing_copy",
        family="trait_bounds",
        error_code="E0277",
        description="A type is used where Copy is needed and does not implement it.",
        hint="Add `Copy` (together with `Clone`) to the derive of the type that the error names.",
    ),
    Pattern(
        name="missing_hash",
        family="trait_bounds",
        error_code="E0277",
        description=(
            "A type is used as a key of a HashMap or HashSet and cannot be hashed and compared."
        ),
        hint=(
            "Derive what a key needs on the type: `#[derive(PartialEq, Eq, Hash)]`, adding only "
            "those that are missing."
        ),
    ),
    Pattern(
        name="missing_ord",
        family="trait_bounds",
        error_code="E0277",
        description="Values are sorted or kept in order, and their type has no total order.",
        hint=(
            "Derive the order on the type: `#[derive(PartialEq, Eq, PartialOrd, Ord)]`, adding "
            "only those that are missing."
        ),
    ),
    Pattern(
        name="missing_partial_eq",
        family="trait_bounds",
        error_code="E0369",
        description=(
            "Two values are compared with `==` or `!=`, and their type does not implement "
            "PartialEq."
        ),
        hint="Put `#[derive(PartialEq)]` on the type that the error names.",
    ),
    Pattern(
        name="missing_default",
        family="trait_bounds",
        error_code="E0277",
        description="A default value is wanted from a type that does not implement Default.",
        hint=(
            "Put `#[derive(Default)]` on the type that the error names, or implement Default for "
            "it."
        ),
    ),
    Pattern(
        name="missing_trait_method",
        family="trait_bounds",
        error_code="E0046",
        description="An `impl` of a trait lacks a method, type or constant that the trait demands.",
        hint=(
            "Add the missing item to the `impl` block, with exactly the signature that the trait "
            "declares."
        ),
    ),
    Pattern(
        name="missing_generic_bound",
        family="trait_bounds",
        error_code="E0277",
        description="A generic parameter is used in a way that its bounds do not allow.",
        hint=(
            "Add the trait to the bounds of the type parameter: `T: Display`, `T: PartialOrd + "
            "Copy`; import the trait if needed."
        ),
    ),
    Pattern(
        name="binop_missing_impl",
        family="trait_bounds",
        error_code="E0369",
        description="An arithmetic operator is used on a type that does not implement it.",
        hint=(
            "Implement the operator's trait from `std::ops` (Add, Sub, Mul, …) for the type, with "
            "its `Output`."
        ),
    ),
    Pattern(
        name="wrong_trait_signature",
        family="trait_bounds",
        error_code="E0053",
        description="A method in an `impl` has another signature than the trait declares.",
        hint=(
            "Make the method's parameters and return type in the `impl` exactly those of the trait."
        ),
    ),
    Pattern(
        name="missing_iterator_bound",
        family="trait_bounds",
        error_code="E0277",
        description="Something is looped over that is not an iterator.",
        hint=(
            "Loop over a range (`0..n`), a field (`&value.items`) or an iterator made from it "
            "(`.iter()`, `.chars()`)."
        ),
    ),
)
