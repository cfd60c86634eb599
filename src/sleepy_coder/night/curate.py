"""Which verified repairs a night learns from, and which it is tried on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sleepy_coder.episodes import Episode
from sleepy_coder.judge import judge_candidates
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.problems import Problem
from sleepy_coder.proposals import RUSTC
from sleepy_coder.sandbox import Sandbox
from sleepy_coder.syntax import shape_sha256
from sleepy_coder.train.data import all_fingerprints, fingerprints
from sleepy_coder.versions import Pairs

HELD_BACK_FRAC = 0.25  # of a pattern's new pairs
# Whether a lone file can judge a pair.
CanJudge = Callable[[Sequence[Problem]], Sequence[bool]]


@dataclass(frozen=True)
class Sieve:
    """What came of all repairs.

    Attributes:
        lessons: Pattern -> its pairs, the oldest first.
        num_rustc: Repairs that rustc's own suggestions made.
        num_unrouted: Repairs of no known pattern.
        num_colliding: Pairs whose program is one of the core set, which is under evaluation.
        num_duplicates: Pairs whose broken program has the token shape of an older one.
    """

    lessons: Mapping[str, tuple[Problem, ...]]
    num_rustc: int
    num_unrouted: int
    num_colliding: int
    num_duplicates: int


@dataclass(frozen=True)
class Deal:
    """A pattern's pairs, dealt out.

    Attributes:
        held_back: For the gate alone: each of them can be judged as a lone file.
        left_out: Share a program with one that is held back.
        num_new: Pairs that no version has seen.
        num_unjudged: New pairs that only their project can judge, and that therefore are trained.
    """

    trained: tuple[Problem, ...]
    held_back: tuple[Problem, ...]
    left_out: tuple[Problem, ...]
    num_new: int
    num_unjudged: int

    @property
    def pairs(self) -> Pairs:
        """The ids of all."""
        parts = (self.trained, self.held_back, self.left_out)
        return Pairs(*(tuple(problem.id for problem in part) for part in parts))

    def pairs_after(self, learned: Container[str]) -> Pairs:
        """Return the ids of all but of what was to be trained and was not learned from."""
        trained = [problem for problem in self.trained if problem.id in learned]
        marks = tuple(sorted(all_fingerprints(trained)))
        return replace(self.pairs, trained=tuple(p.id for p in trained), marks=marks)


def sift(episodes: Iterable[Episode], core: Iterable[Problem]) -> Sieve:
    """Return the pairs that may be learned, by pattern.

    Args:
        episodes: The oldest first.
        core: Problems that no pair may be one of, nor one with other names in it.
    """
    closed = all_fingerprints(core)
    lessons: dict[str, dict[str, Problem]] = defaultdict(dict)
    counts = dict.fromkeys(("num_rustc", "num_unrouted", "num_colliding", "num_duplicates"), 0)
    for episode in episodes:
        problem = episode.problem
        if episode.by == RUSTC:
            counts["num_rustc"] += 1
        elif problem.pattern not in PATTERNS:
            counts["num_unrouted"] += 1
        elif not closed.isdisjoint(fingerprints(problem)):
            counts["num_colliding"] += 1
        elif shape_sha256(problem.buggy) in lessons[problem.pattern]:
            counts["num_duplicates"] += 1
        else:
            lessons[problem.pattern][shape_sha256(problem.buggy)] = problem
    return Sieve({name: tuple(own.values()) for name, own in lessons.items() if own}, **counts)


def can_judge_alone(sandbox: Sandbox) -> CanJudge:
    """Return the test whether a pair's fix compiles as a file of its own, with all it needs."""

    def judge(pairs: Sequence[Problem]) -> list[bool]:
        verdicts = judge_candidates([(pair, pair.fixed) for pair in pairs], sandbox)
        return [verdict.outcome == "pass" for verdict in verdicts]

    return judge


def deal(lessons: Sequence[Problem], seen: Pairs, can_judge: CanJudge) -> Deal:
    """Return a pattern's pairs, those to train apart from those for the gate.

    A pair that was trained once is never held back, though it be forgotten, and the other way
    round. Of the new ones a quarter is held back, at least one if any can be judged: those with the
    least ids, which are hashes. Equal arguments give equal parts.

    Args:
        lessons: All pairs of the pattern.
        seen: What the version in use has seen of them.
        can_judge: Which of them a lone file can judge.
    """
    new = sorted((p for p in lessons if p.id not in seen.all), key=lambda problem: problem.id)
    judged = [p for p, is_judged in zip(new, can_judge(new), strict=True) if is_judged]
    known = all_fingerprints(p for p in lessons if p.id in seen.trained).union(seen.marks)
    free = [p for p in judged if known.isdisjoint(fingerprints(p))]
    count = max(1, int(HELD_BACK_FRAC * len(new))) if len(new) > 1 else 0
    held_back = [p for p in lessons if p.id in seen.held_back or p in free[:count]]
    closed = all_fingerprints(held_back)
    others = [p for p in lessons if p not in held_back]
    return Deal(
        trained=tuple(p for p in others if closed.isdisjoint(fingerprints(p))),
        held_back=tuple(held_back),
        left_out=tuple(p for p in others if not closed.isdisjoint(fingerprints(p))),
        num_new=len(new),
        num_unjudged=len(new) - len(judged),
    )
