"""Mistakes at the end of iterator chains, and with the references they yield."""

from __future__ import annotations

from sleepy_coder.patterns.pattern import Pattern

PATTERNS = (
    Pattern(
        name="missing_collect",
        family="iterators",
        error_code="E0308",
        description="An iterator is given where a collection is wanted.",
        hint="Put `.collect()` at the end of the chain.",
    ),
    Pattern(
        name="collect_type",
        family="iterators",
        error_code="E0277",
        description="`collect` cannot build the wanted collection from the items of the iterator.",
        hint=(
            "Make the items fit: `.cloned()` for references, `.to_string()`, a pair for a map; or "
            "collect into another type."
        ),
    ),
    Pattern(
        name="iter_ref_items",
        family="iterators",
        error_code="E0308",
        description="A closure or lookup on an iterator confuses an item with a reference to it.",
        hint=(
            "`iter()` and `filter` hand out references: add or remove `*` or `&` (`|n| *n > 3`, "
            "`contains(&x)`)."
        ),
    ),
)
