"""Break a program that compiles, in one place at a time, and keep what rustc then refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from sleepy_coder.mutants.operators import OPERATORS, Operator, sites
from sleepy_coder.mutants.prune import Check
from sleepy_coder.mutants.tree import apply_edits, parse
from sleepy_coder.proof import first_error_code
from sleepy_coder.syntax import has_syntax_error

_MAX_SITES = 4  # places at which one operator is tried in one program
MAX_ERRORS = 4  # more than that is not one slip
_MAX_COMPILES = 32  # per program


@dataclass(frozen=True)
class Mutant:
    """A broken version of a program.

    Attributes:
        operator: Name of the operator that broke it.
        aim: The pattern that the operator aims at, which need not be the one that rustc sees.
        messages: rustc's JSON messages.
    """

    operator: str
    aim: str
    buggy: str
    error_code: str
    messages: tuple[Mapping[str, Any], ...]


def errors_in(messages: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return rustc's errors that point somewhere: not the one that counts them."""
    return [m for m in messages if m.get("level") == "error" and m.get("spans")]


def mutate(code: str, seed: str, check: Check, *, limit: int) -> list[Mutant]:
    """Return at most `limit` mutants of a program, no two by the same operator.

    Operators come in a random order in which those of a great weight come rather early.

    Args:
        code: A crate that compiles.
        seed: Names the program; decides which operators are tried, and where.
        check: Compiles such a crate.
        limit: How many mutants to stop at.
    """
    random = Random(seed)  # noqa: S311 - not for secrets
    order = sorted(
        OPERATORS, key=lambda operator: random.random() / (operator.share * operator.weight)
    )
    tried = [operator for operator in OPERATORS if random.random() < operator.share]
    found: list[Mutant] = []
    num_compiles = 0
    for operator in sorted(tried, key=order.index):
        for buggy in _broken_versions(operator, code, random):
            if len(found) == limit or num_compiles == _MAX_COMPILES:
                return found
            num_compiles += 1
            mutant = examine(operator.name, operator.pattern, buggy, check)
            if mutant is not None:
                found.append(mutant)
                break
    return found


def _broken_versions(operator: Operator, code: str, random: Random) -> list[str]:
    places = sites(operator, parse(code))
    chosen = random.sample(places, min(len(places), _MAX_SITES))
    versions = (apply_edits(code, edits) for edits in chosen)
    return [v for v in versions if v != code and not has_syntax_error(v)]


def examine(operator: str, aim: str, buggy: str, check: Check) -> Mutant | None:
    """Return a broken program as a mutant; None where it compiles, or is broken in many places.

    Args:
        operator: What broke it.
        aim: The pattern that this was to be.
        buggy: The broken program.
        check: Compiles it.
    """
    checked = check(buggy)
    errors = errors_in(checked.messages)
    error_code = first_error_code(checked.messages)
    if error_code is None or len(errors) > MAX_ERRORS:
        return None
    return Mutant(operator, aim, buggy, error_code, tuple(checked.messages))
