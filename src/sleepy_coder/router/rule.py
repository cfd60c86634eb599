"""What a rule is, and what its score means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sleepy_coder.router.facts import Facts

# The score says how far the evidence singles out one pattern. It is an expectation of how often
# the route is right; `results/router.json` holds what was measured for each of the three.
CERTAIN = 0.95  # rustc's code and words name this mistake and no other
CLEAR = 0.85  # types, labels or notes rule out every other pattern that shares the code
LIKELY = 0.7  # the best reading of the evidence; another one exists


@dataclass(frozen=True)
class Rule:
    """One line of the table: an error of these codes that shows this evidence is that mistake.

    Attributes:
        task: The pattern's name.
        score: CERTAIN, CLEAR or LIKELY.
        codes: rustc's error codes, of which the error has one; None for an error without a code.
        when: The evidence.
        reason: Words for a user; `{subject}`, `{expected}` and `{found}` are filled in.
    """

    task: str
    score: float
    codes: tuple[str | None, ...]
    when: Callable[[Facts], bool]
    reason: str

    def matches(self, facts: Facts) -> bool:
        """Whether the error shows what the rule asks for."""
        return facts.code in self.codes and self.when(facts)

    def explain(self, facts: Facts) -> str:
        """Return the reason, with the names of this error."""
        return self.reason.format(
            subject=facts.subject, expected=facts.expected.text, found=facts.found.text
        )


def always(facts: Facts) -> bool:  # noqa: ARG001 - a rule's evidence may be its code alone
    """Hold for every error: the code alone is the evidence."""
    return True
