"""Two runs over the same problems, compared problem by problem; pure."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

Group = TypeVar("Group", bound=Any)  # anything that sorts: a pattern, a LengthBin


@dataclass(frozen=True)
class Paired:
    """What changed from one run to another over the same problems.

    Attributes:
        total: Problems that both runs answered.
        num_before: Problems that the first run solved.
        gained: Problems that only the second run solved, in order.
        lost: Problems that only the first run solved, in order.
    """

    total: int
    num_before: int
    gained: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def num_after(self) -> int:
        """Problems that the second run solved."""
        return self.num_before + len(self.gained) - len(self.lost)

    @property
    def change_frac(self) -> float:
        """Change of the solved fraction, in [-1, 1]; 0 for an empty set."""
        return (len(self.gained) - len(self.lost)) / self.total if self.total else 0.0

    @property
    def lost_frac(self) -> float:
        """Lost over what the first run solved, in [0, 1]; 0 if it solved nothing."""
        return len(self.lost) / self.num_before if self.num_before else 0.0

    @property
    def p_value(self) -> float:
        """The exact McNemar test's, see `mcnemar`."""
        return mcnemar(len(self.gained), len(self.lost))


class LengthBin(NamedTuple):
    """Programs of `first` to `last` lines, both included; without end if `last` is None."""

    first: int
    last: int | None

    def __str__(self) -> str:
        if self.last is None:
            return f"{self.first}+"
        return f"{self.first}-{self.last}" if self.last > self.first else str(self.first)


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided p-value of McNemar's test in its exact form.

    Only problems on which the runs differ say anything. If neither run were better, each of those
    n = gained + lost would go either way like a fair coin: with X ~ Binomial(n, 1/2),
    p = min(1, 2 · P(X <= min(gained, lost))), and 1 for n = 0 (McNemar 1947, with the binomial
    distribution itself in place of its χ² approximation).

    Raises:
        ValueError: A count is negative.
    """
    if min(gained, lost) < 0:
        raise ValueError(f"counts must not be negative: got {gained} and {lost}")
    num = gained + lost
    tail = sum(math.comb(num, i) for i in range(min(gained, lost) + 1))
    # Integers until the last step: neither side overflows a float.
    return min(1.0, 2 * tail / (1 << num))


def compare_paired(before: Mapping[str, bool], after: Mapping[str, bool]) -> Paired:
    """Return gained and lost problems between two runs.

    Args:
        before: Problem id -> whether the first run solved it.
        after: The same for the second run.

    Raises:
        ValueError: The runs are not over the same problems.
    """
    if odd := before.keys() ^ after.keys():
        raise ValueError(
            f"both runs must be over the same problems: {len(odd)} are in one only, "
            f"{min(odd)} among them"
        )
    return Paired(
        total=len(before),
        num_before=sum(before.values()),
        gained=tuple(sorted(id_ for id_ in after if after[id_] and not before[id_])),
        lost=tuple(sorted(id_ for id_ in before if before[id_] and not after[id_])),
    )


def compare_groups(
    before: Mapping[str, bool], after: Mapping[str, bool], groups: Mapping[str, Group]
) -> dict[Group, Paired]:
    """Return the comparison within each group of problems, groups sorted.

    Args:
        before: Problem id -> whether the first run solved it.
        after: The same for the second run.
        groups: Problem id -> its pattern, its bin of length, or anything else that sorts.

    Raises:
        ValueError: The runs are not over the same problems, or one of them is in no group.
    """
    compare_paired(before, after)
    if lonely := before.keys() - groups.keys():
        raise ValueError(f"every problem needs a group: {min(lonely)} has none")
    members: dict[Group, list[str]] = {}
    for id_ in before:
        members.setdefault(groups[id_], []).append(id_)
    return {
        group: compare_paired(
            {id_: before[id_] for id_ in members[group]},
            {id_: after[id_] for id_ in members[group]},
        )
        for group in sorted(members)
    }


def length_bin(num_lines: int, starts: Sequence[int]) -> LengthBin:
    """Return the bin of a program's length: the last whose first length is not above it.

    Args:
        num_lines: Lines of the program.
        starts: The bins' first lengths, ascending: (1, 11, 31) makes 1-10, 11-30 and 31+.

    Raises:
        ValueError: `starts` does not ascend, or the length lies before the first bin.
    """
    if any(low >= high for low, high in itertools.pairwise(starts)):
        raise ValueError(f"bins must ascend: got {list(starts)}")
    position = bisect.bisect_right(starts, num_lines)
    if position == 0:
        raise ValueError(f"no bin holds {num_lines} lines: bins start at {list(starts)}")
    last = starts[position] - 1 if position < len(starts) else None
    return LengthBin(starts[position - 1], last)
