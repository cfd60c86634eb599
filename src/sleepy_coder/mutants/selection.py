"""Choose problems out of many mutants: of known patterns, unlike each other, in balance; pure."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sleepy_coder.diagnostics import parse_diagnostics
from sleepy_coder.mutants.crates import Origin, Part, ProblemLimits
from sleepy_coder.mutants.harvest import Candidate
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.problems import Problem
from sleepy_coder.router import route
from sleepy_coder.syntax import content_sha256, shape_sha256


@dataclass(frozen=True)
class Fingerprint:
    """What the repository keeps of a problem: enough to tell it again, and nothing of its code.

    Attributes:
        content: SHA-256 of the normalized code, of the broken and of the whole program.
        shape: SHA-256 of the code with names and literals masked, likewise.
    """

    id: str
    part: Origin
    pattern: str
    crate: str
    content: tuple[str, str]
    shape: tuple[str, str]


def fingerprint(problem: Problem, part: Origin, crate: str) -> Fingerprint:
    """Return the fingerprint of a problem that has a reference fix."""
    codes = (problem.buggy, problem.fixed or "")
    return Fingerprint(
        id=problem.id,
        part=part,
        pattern=problem.pattern,
        crate=crate,
        content=(content_sha256(codes[0]), content_sha256(codes[1])),
        shape=(shape_sha256(codes[0]), shape_sha256(codes[1])),
    )


def select_problems(
    candidates: Iterable[Candidate],
    part: Origin,
    limits: ProblemLimits,
    taken: Sequence[Fingerprint],
) -> list[tuple[Problem, Fingerprint]]:
    """Return the problems of a part, in an order that depends on their content alone.

    Left out is what the router gives no pattern, whatever has the content or the token shape of a
    problem in `taken`, and all but one of equal shape. The patterns take turns until the part is
    full, so that the rare ones are all in.

    Args:
        candidates: The harvest of the part's crates.
        part: Names the problems.
        limits: The most problems in all, per program and per pattern.
        taken: Fingerprints of the sets that this one must not meet.
    """
    waiting: defaultdict[str, list[tuple[Problem, Fingerprint]]] = defaultdict(list)
    for problem, print_ in sorted(_problems(candidates, part), key=lambda found: found[0].id):
        waiting[problem.pattern].append((problem, print_))
    chosen: list[tuple[Problem, Fingerprint]] = []
    seen = _Seen(taken)
    for _ in range(limits.problems_per_pattern):
        for pattern in sorted(waiting, key=lambda name: (len(waiting[name]), name)):
            found = _next_new(waiting[pattern], seen, limits)
            if found is not None and len(chosen) < limits.problems:
                chosen.append(found)
                seen.add(found[1])
    return sorted(chosen, key=lambda found: found[0].id)


def select_recorded(
    candidates: Iterable[Candidate], part: Part, recorded: Iterable[Fingerprint]
) -> list[tuple[Problem, Fingerprint]]:
    """Return the problems of a part that a manifest names, under the patterns that it names.

    A set that numbers rest on stays the same when the router learns; what the candidates no longer
    hold is left out.
    """
    patterns = {print_.id: print_.pattern for print_ in recorded if print_.part == part}
    found = {}
    for candidate in candidates:
        identifier = _identify(candidate, part)
        pattern = PATTERNS.get(patterns.get(identifier, ""))
        if pattern is not None:
            problem = candidate.as_problem(identifier, pattern.family, pattern.name)
            found[identifier] = (problem, fingerprint(problem, part, candidate.crate))
    return [found[identifier] for identifier in sorted(found)]


class _Seen:
    """The shapes that are in some set already, and how often each program and pattern is."""

    def __init__(self, taken: Sequence[Fingerprint]) -> None:
        self._foreign = {key for print_ in taken for key in (*print_.content, *print_.shape)}
        self._broken: set[str] = set()
        self._programs: Counter[str] = Counter()
        self._pairs: set[tuple[str, str]] = set()

    def add(self, print_: Fingerprint) -> None:
        """Count a problem as chosen."""
        self._broken.add(print_.shape[0])
        self._programs[print_.content[1]] += 1
        self._pairs.add((print_.content[1], print_.pattern))

    def is_new(self, print_: Fingerprint, limits: ProblemLimits) -> bool:
        """Whether a problem is unlike all others, and its program not used up."""
        return (
            self._foreign.isdisjoint((*print_.content, *print_.shape))
            and print_.shape[0] not in self._broken
            and (print_.content[1], print_.pattern) not in self._pairs
            and self._programs[print_.content[1]] < limits.problems_per_program
        )


def _next_new(
    waiting: list[tuple[Problem, Fingerprint]], seen: _Seen, limits: ProblemLimits
) -> tuple[Problem, Fingerprint] | None:
    while waiting:
        found = waiting.pop(0)
        if seen.is_new(found[1], limits):
            return found
    return None


def _problems(
    candidates: Iterable[Candidate], part: Origin
) -> Iterator[tuple[Problem, Fingerprint]]:
    """Yield every candidate whose mistake the router knows, as a problem."""
    ids = set()
    for candidate in candidates:
        found = route(parse_diagnostics(candidate.messages), candidate.buggy)
        pattern = PATTERNS.get(found.task) if found else None
        identifier = _identify(candidate, part)
        if pattern is not None and identifier not in ids:
            ids.add(identifier)
            problem = candidate.as_problem(identifier, pattern.family, pattern.name)
            yield problem, fingerprint(problem, part, candidate.crate)


def _identify(candidate: Candidate, part: Origin) -> str:
    digest = hashlib.sha256(f"{candidate.fixed}\0{candidate.buggy}".encode()).hexdigest()
    return f"{part}-{digest[:12]}"
