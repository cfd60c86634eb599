"""Whether new coefficients take the place of those in use. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sleepy_coder.paired import compare_paired


@dataclass(frozen=True)
class Ruling:
    """What new coefficients of a task do that those in use do not.

    Attributes:
        num_asked: Problems that both answered.
        num_before: Solved with the coefficients in use; `num_after` with the new ones.
        gained: Ids of problems that only the new ones solve; `lost`, only those in use.
    """

    num_asked: int
    num_before: int
    num_after: int
    gained: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def is_promoted(self) -> bool:
        """Whether more is solved, and nothing is lost."""
        return bool(self.gained) and not self.lost

    @property
    def reason(self) -> str:
        """One line on why."""
        if not self.num_asked:
            return "there is nothing to try it on"
        solved = f"solves {self.num_after} of {self.num_asked}, {self.num_before} before"
        if self.lost:
            return f"{solved}; loses {', '.join(self.lost[:3])}"
        return solved if self.gained else f"{solved}: no gain"


def rule(before: Mapping[str, bool], after: Mapping[str, bool]) -> Ruling:
    """Return the ruling on one task.

    Args:
        before: Problem id -> whether it is solved with the coefficients in use.
        after: The same with the new ones, of the same problems.
    """
    found = compare_paired(before, after)
    return Ruling(found.total, found.num_before, found.num_after, found.gained, found.lost)
