"""Numbers that summarise judged answers; pure arithmetic, each formula in its docstring."""

from __future__ import annotations

import math
from dataclasses import dataclass

# The 97.5th percentile of the normal distribution: two-sided 95 % confidence.
_Z_95 = 1.959963984540054


@dataclass(frozen=True)
class PassRate:
    """How many of `total` problems passed, with a Wilson 95 % interval of the fraction."""

    passed: int
    total: int
    low_frac: float
    high_frac: float

    @property
    def frac(self) -> float:
        """Passed over total, in [0, 1]; 0 for an empty set."""
        return self.passed / self.total if self.total else 0.0


def pass_rate(passed: int, total: int) -> PassRate:
    """Return a pass rate with the Wilson score interval (Wilson 1927).

    With p = passed/total, n = total and z = 1.96:
    centre = (p + z²/2n) / (1 + z²/n), half = z/(1 + z²/n) · √(p(1-p)/n + z²/4n²).
    An empty set has the interval [0, 1].

    Raises:
        ValueError: `passed` is negative or larger than `total`.
    """
    if not 0 <= passed <= total:
        raise ValueError(f"passed must lie in [0, total]: got {passed} of {total}")
    if total == 0:
        return PassRate(0, 0, 0.0, 1.0)
    frac = passed / total
    spread = _Z_95**2 / total
    centre = (frac + spread / 2) / (1 + spread)
    half = math.sqrt(frac * (1 - frac) * spread + spread**2 / 4) / (1 + spread)
    return PassRate(passed, total, max(0.0, centre - half), min(1.0, centre + half))
