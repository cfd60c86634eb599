"""Mistakes about values that were moved away, or that may not be moved."""

from __future__ import annotations

from sleepy_coder.patterns.pattern import Pattern

PATTERNS = (
    Pattern(
        name="use_after_move",
        family="moves",
        error_code="E0382",
        description=(
            "A value is used after it was moved into a function, a struct or another binding."
        ),
        hint=(
            "Clone the value where it is moved (`value.clone()`), let the function borrow it "
            "(`&Type` and `&value`), or read what you need before the move."
        ),
    ),
    Pattern(
        name="use_after_move_loop",
        family="moves",
        error_code="E0382",
        description="A value is moved in one round of a loop and needed again in the next.",
        hint=(
            "Clone the value inside the loop (`value.clone()`), or pass a reference so that every "
            "round can use it."
        ),
    ),
    Pattern(
        name="use_after_partial_move",
        family="moves",
        error_code="E0382",
        description="One field was moved out of a value that is used as a whole later.",
        hint=(
            "Clone the field (`value.field.clone()`), or match on a reference (`match "
            "&value.field`), so that the value stays whole."
        ),
    ),
    Pattern(
        name="move_out_of_borrow",
        family="moves",
        error_code="E0507",
        description="A value that is only borrowed is moved out of.",
        hint=(
            "Clone what you need (`.clone()`), or keep a reference to it (`&`, `as_ref()`, `match "
            "&…`) instead of moving it out."
        ),
    ),
    Pattern(
        name="move_out_of_index",
        family="moves",
        error_code="E0507",
        description="An element that cannot be copied is moved out of a vector or slice.",
        hint="Clone the element (`list[i].clone()`) or borrow it (`&list[i]`).",
    ),
    Pattern(
        name="closure_moved_value",
        family="moves",
        error_code="E0382",
        description="A value is used after a `move` closure took it.",
        hint=(
            "Clone the value into a second variable for the closure, or drop `move` when the "
            "closure does not outlive the value."
        ),
    ),
    Pattern(
        name="move_into_iter",
        family="moves",
        error_code="E0382",
        description="A collection is used again after a `for` loop or `into_iter` consumed it.",
        hint=(
            "Iterate over a reference: `for item in &list`, or `list.iter()` instead of "
            "`list.into_iter()`."
        ),
    ),
)
