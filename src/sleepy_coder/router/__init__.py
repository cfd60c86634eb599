"""From rustc's diagnostics to the pattern of mistake behind them, or to none. Pure.

`RULES` is the table: each rule names a task, the error codes it looks at, the evidence it asks for
and how far that evidence can be trusted. Of several errors the first that a fix would address is
routed: names that cannot be resolved come before everything else, types that cannot be inferred
after everything else (both bring follow-up errors), and otherwise the order is that of the source.

A wrong route costs more than no route. So there is none where no rule matches that first error, or
where two rules of equal score disagree about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sleepy_coder.diagnostics import Diagnostic, parse_diagnostics, select_errors
from sleepy_coder.problems import Problem
from sleepy_coder.router.facts import Facts, split_arguments
from sleepy_coder.router.names import GENERIC_RULES, NAME_RULES
from sleepy_coder.router.ownership import BORROW_RULES, LIFETIME_RULES, MOVE_RULES
from sleepy_coder.router.rule import CERTAIN, CLEAR, LIKELY, Rule
from sleepy_coder.router.traits import DERIVE_RULES, IMPL_RULES
from sleepy_coder.router.values import VALUE_RULES
from sleepy_coder.router.view import SourceView
from sleepy_coder.router.wrapped import RESULT_RULES

__all__ = [
    "CERTAIN",
    "CLEAR",
    "LIKELY",
    "RULES",
    "Candidate",
    "Route",
    "Rule",
    "rank",
    "route",
    "route_problem",
]

RULES: tuple[Rule, ...] = (
    *BORROW_RULES,
    *MOVE_RULES,
    *LIFETIME_RULES,
    *DERIVE_RULES,
    *IMPL_RULES,
    *RESULT_RULES,
    *VALUE_RULES,
    *GENERIC_RULES,
    *NAME_RULES,
)

# Unresolved names: whatever uses the name fails in turn.
_COMES_FIRST = frozenset(
    {"E0261", "E0405", "E0412", "E0422", "E0423", "E0425", "E0432", "E0433", "E0531", "E0574"}
)
# Uninferred types and fields that a pattern leaves out: often there only because another
# expression has no type, or because the pattern names another field.
_COMES_LAST = frozenset({"E0027", "E0282", "E0283", "E0284", "E0689"})


@dataclass(frozen=True)
class Route:
    """Where a program is sent.

    Attributes:
        task: The pattern's name, under which coefficients and hints are kept.
        score: In [0, 1]: how far the evidence singles out this pattern. 0.95, the code and words of
            rustc name this mistake alone; 0.85, types, labels or notes rule out the patterns that
            share the code; 0.7, the best of several readings.
        reason: The evidence, in one line.
    """

    task: str
    score: float
    reason: str


@dataclass(frozen=True)
class Candidate:
    """A rule that matches an error of the program, whether it was followed or not.

    Attributes:
        error: The error that it explains.
        is_leading: Whether that is the error to be routed.
    """

    route: Route
    error: Diagnostic
    is_leading: bool


def route(diagnostics: Sequence[Diagnostic], source: str) -> Route | None:
    """Return the pattern that the program's first addressable error shows, or None.

    Args:
        diagnostics: What the compiler said, in its order.
        source: The program, exactly as the compiler read it.
    """
    leading = [c for c in rank(diagnostics, source) if c.is_leading]
    if not leading:
        return None
    best = leading[0].route
    is_disputed = any(
        c.route.score == best.score and c.route.task != best.task for c in leading[1:]
    )
    return None if is_disputed else best


def route_problem(problem: Problem) -> Route | None:
    """Return the route of a problem by the diagnostics that it holds."""
    return route(parse_diagnostics(problem.diagnostics or ()), problem.buggy)


def rank(diagnostics: Sequence[Diagnostic], source: str) -> list[Candidate]:
    """Return every rule that matches an error: the leading error's first, then by score."""
    view = SourceView(source)
    candidates = []
    for position, error in enumerate(order_errors(diagnostics)):
        parts = [Facts(part, view) for part in split_arguments(error)]
        matching = [rule for rule in RULES if all(rule.matches(facts) for facts in parts)]
        candidates += [
            Candidate(Route(rule.task, rule.score, rule.explain(parts[0])), error, position == 0)
            for rule in sorted(matching, key=lambda rule: -rule.score)
        ]
    return candidates


def order_errors(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Return the errors, the first that a fix would address at the front."""
    files: list[str] = []

    def place(error: Diagnostic) -> tuple[int, int, int]:
        stage = 0 if error.code in _COMES_FIRST else 2 if error.code in _COMES_LAST else 1
        # Inside a macro the primary span may lie in the library that defines the macro.
        written = [s for s in error.spans if not s.is_expansion]
        span = min(written, key=lambda s: not s.is_primary, default=error.primary)
        if span is None:
            return stage, 0, 0
        if span.file_name not in files:
            files.append(span.file_name)
        return stage, files.index(span.file_name), span.byte_start

    return sorted(select_errors(diagnostics), key=place)
