"""Mistakes about who may read and write a value at the same time."""

from __future__ import annotations

from sleepy_coder.patterns.pattern import Pattern

PATTERNS = (
    Pattern(
        name="mut_borrow_conflict",
        family="borrow_checker",
        error_code="E0502",
        description="A value is changed while a shared reference into it is still in use.",
        hint=(
            "End the shared borrow before the change: copy or clone the value that is read "
            "(`.clone()`, `*`, `.to_string()`), or compute what you need from it first. Do not "
            "remove the change."
        ),
    ),
    Pattern(
        name="double_mut_borrow",
        family="borrow_checker",
        error_code="E0499",
        description="Two mutable references to the same value are alive at once.",
        hint=(
            "Use the first mutable reference for the last time before you take the second: "
            "reorder the statements, call the method twice, borrow separate fields, or use "
            "`split_at_mut` for two elements of a slice."
        ),
    ),
    Pattern(
        name="return_local_ref",
        family="borrow_checker",
        error_code="E0515",
        description="A function returns a reference to something that it owns itself.",
        hint=(
            "Return the owned value instead of a reference: change the return type (`&str` to "
            "`String`, `&[T]` to `Vec<T>`, `&T` to `T`) and return the local itself."
        ),
    ),
    Pattern(
        name="missing_mut",
        family="borrow_checker",
        error_code="E0596",
        description="A binding is changed or borrowed mutably, but was not declared `mut`.",
        hint=(
            "Write `mut` in the declaration of the variable or parameter: `let mut name`, `mut "
            "name: Type`."
        ),
    ),
    Pattern(
        name="immutable_ref_param",
        family="borrow_checker",
        error_code="E0596",
        description="A value is mutated through a `&` reference that the function received.",
        hint=(
            "Take `&mut` in the signature (`&mut self`, `name: &mut Type`) and pass `&mut` where "
            "the function is called."
        ),
    ),
    Pattern(
        name="assign_while_borrowed",
        family="borrow_checker",
        error_code="E0506",
        description="A variable or field is assigned while a reference to it is still used later.",
        hint=(
            "Copy or clone the old value instead of keeping a reference to it, or move the last "
            "use of the reference before the assignment."
        ),
    ),
    Pattern(
        name="assign_twice_immutable",
        family="borrow_checker",
        error_code="E0384",
        description="A variable that is not `mut` is assigned a second time.",
        hint="Declare the variable with `let mut`, or the parameter with `mut name: Type`.",
    ),
    Pattern(
        name="temporary_dropped",
        family="borrow_checker",
        error_code="E0716",
        description=(
            "A reference points into a temporary that is dropped at the end of the statement."
        ),
        hint=(
            "Bind the temporary to a `let` of its own first, then take the reference from that "
            "variable."
        ),
    ),
    Pattern(
        name="borrowed_too_short",
        family="borrow_checker",
        error_code="E0597",
        description="A reference is used after the value it points to has gone out of scope.",
        hint=(
            "Let the owner live at least as long as the reference: declare it before, in the "
            "outer scope, or store the owned value (String, clone) instead of a reference."
        ),
    ),
    Pattern(
        name="closure_outlives_borrow",
        family="borrow_checker",
        error_code="E0373",
        description="A closure that leaves the function borrows one of its local variables.",
        hint="Put `move` in front of the closure so that it owns what it captures.",
    ),
    Pattern(
        name="assign_through_ref",
        family="borrow_checker",
        error_code="E0594",
        description="A field or value is assigned through a `&` reference.",
        hint=(
            "Use a mutable reference: `&mut self`, `&mut Type`, `iter_mut()`, and `&mut` at the "
            "call."
        ),
    ),
)
