"""Mutation operators: the ways in which people break Rust, one module per kind of mistake."""

from __future__ import annotations

from sleepy_coder.mutants.operators import borrows, names, ownership, traits, values
from sleepy_coder.mutants.operators.finding import Operator, sites

__all__ = ["OPERATORS", "Operator", "sites"]

OPERATORS: tuple[Operator, ...] = (
    *borrows.OPERATORS,
    *ownership.OPERATORS,
    *traits.OPERATORS,
    *values.OPERATORS,
    *names.OPERATORS,
)
