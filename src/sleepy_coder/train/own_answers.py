"""The base model's own verified answers as targets, reduced to what the repair needs.

A model that rewrites a whole program also changes what has nothing to do with the error: it drops a
comment, spells a name another way. A target should not teach that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sleepy_coder.changes import Change, apply_changes, find_changes
from sleepy_coder.judge import judge_candidates

if TYPE_CHECKING:
    from sleepy_coder.problems import Problem
    from sleepy_coder.sandbox import Sandbox


@dataclass
class _Work:
    """One answer while it is reduced: changes to try, and changes found to be needed."""

    problem: Problem
    untried: list[Change]
    needed: list[Change] = field(default_factory=list)

    def without_next(self) -> str:
        """Return the program with the next untried change left out."""
        return apply_changes(self.problem.buggy, [*self.untried[1:], *self.needed])


def minimize_answers(
    answers: Sequence[tuple[Problem, str]], sandbox: Sandbox, *, max_changes: int = 12
) -> list[str | None]:
    """Return each answer without the changes that it passes without.

    Changes are taken back one at a time; what the judge then still passes stays taken back.

    Args:
        answers: Problems, each with a program that passes.
        sandbox: Where it is tried.
        max_changes: An answer that differs in more places is given up: None.
    """
    works = [_Work(problem, list(find_changes(problem.buggy, code))) for problem, code in answers]
    given_up = [len(work.untried) > max_changes for work in works]
    left = [work for work, is_lost in zip(works, given_up, strict=True) if not is_lost]
    while left:
        pairs = [(work.problem, work.without_next()) for work in left]
        for work, verdict in zip(left, judge_candidates(pairs, sandbox), strict=True):
            change = work.untried.pop(0)
            if verdict.outcome != "pass":
                work.needed.append(change)
        left = [work for work in left if work.untried]
    return [
        None if is_lost else apply_changes(work.problem.buggy, work.needed)
        for work, is_lost in zip(works, given_up, strict=True)
    ]
