"""The patterns of mistake that sleepy-coder knows, and generators of programs that contain them."""

from __future__ import annotations

from random import Random

from sleepy_coder.errors import InputError
from sleepy_coder.patterns import (
    borrow_checker,
    concurrency,
    generics_closures,
    iterators,
    lifetimes,
    modules,
    moves,
    result_option,
    trait_bounds,
    type_mismatch,
)
from sleepy_coder.patterns.heads import put_head
from sleepy_coder.patterns.pattern import Draft, Part, Pattern, Shape
from sleepy_coder.problems import Problem

__all__ = [
    "GENERAL",
    "PATTERNS",
    "Draft",
    "Part",
    "Pattern",
    "Shape",
    "generate_problems",
    "put_head",
]

_FAMILIES = (
    borrow_checker,
    moves,
    lifetimes,
    trait_bounds,
    result_option,
    type_mismatch,
    generics_closures,
    modules,
    iterators,
    concurrency,
)

# The task that learned from many patterns' pairs together: of no pattern, and no route leads to it.
GENERAL = "general"

PATTERNS: dict[str, Pattern] = {
    pattern.name: pattern for family in _FAMILIES for pattern in family.PATTERNS
}


def generate_problems(
    pattern_name: str, count: int, seed: int, part: Part = "all"
) -> list[Problem]:
    """Return `count` programs with the named mistake; equal arguments give equal programs.

    The shapes of that part take turns. The programs are not proved here: a binary's expected output
    is open (`check.expect` is None) until its fix has been run.

    Raises:
        InputError: No pattern has that name.
    """
    pattern = PATTERNS.get(pattern_name)
    if pattern is None:
        raise InputError(f"unknown pattern {pattern_name!r}: expected one of {sorted(PATTERNS)}")
    shapes = pattern.shapes_of(part)
    problems = []
    for number in range(count):
        shape = shapes[number % len(shapes)]
        draft = shape(Random(f"{pattern_name}/{seed}/{number}"))  # noqa: S311 - not for secrets
        problems.append(
            Problem(
                id=f"{pattern_name}-{seed}-{number:04}-{shape.name}",
                family=pattern.family,
                pattern=pattern_name,
                description=pattern.description,
                crate_type=draft.crate_type,
                edition="2021",
                error_code=draft.error_code,
                buggy=draft.buggy,
                fixed=draft.fixed,
                check=draft.check,
                diagnostics=None,
                wrong=(),
            )
        )
    return problems
