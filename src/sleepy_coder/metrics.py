"""Numbers that summarise judged answers; pure arithmetic, each formula in its docstring."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

# The 97.5th percentile of the normal distribution: two-sided 95 % confidence.
_Z_95 = 1.959963984540054

MIN_SEEDS = 2  # one value says nothing about how far values spread


class Estimate(NamedTuple):
    """A value and the interval that holds it."""

    value: float
    low: float
    high: float


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

    @property
    def estimate(self) -> Estimate:
        """The fraction and its interval."""
        return Estimate(self.frac, self.low_frac, self.high_frac)


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


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Estimate:
    """Return the mean over seeds with Student's t interval (Student 1908).

    mean ± t · s/√n, with s² = Σ(x - mean)²/(n - 1) and t the (1 + confidence)/2 quantile of
    Student's distribution with n - 1 degrees of freedom. The interval of a mean of fractions may
    leave [0, 1]; it is not clipped.

    Raises:
        ValueError: Fewer than two values.
    """
    if len(values) < MIN_SEEDS:
        raise ValueError(f"an interval needs at least {MIN_SEEDS} values: got {len(values)}")
    mean = statistics.fmean(values)
    half = t_quantile(confidence, len(values) - 1) * statistics.stdev(values)
    half /= math.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)


def t_quantile(confidence: float, degrees: int) -> float:
    """Return t such that |T| < t with probability `confidence`, T Student-distributed.

    Found by bisection on `t_probability`, to the last bit.

    Raises:
        ValueError: `confidence` is not inside (0, 1), or `degrees` is below one.
    """
    if not 0 < confidence < 1 or degrees < 1:
        raise ValueError(
            f"expected 0 < confidence < 1 and degrees >= 1: got {confidence} and {degrees}"
        )
    high = 1.0
    while t_probability(high, degrees) < confidence:
        high *= 2
    return _bisect(lambda t: t_probability(t, degrees) < confidence, 0.0, high)


def t_probability(t: float, degrees: int) -> float:
    """Return P(|T| < t) for Student's distribution with whole degrees of freedom, t >= 0.

    The finite sums of Abramowitz & Stegun 1964, 26.7.3 and 26.7.4, with n degrees and
    θ = arctan(t/√n):
    n even: sin θ · (1 + 1/2 cos²θ + (1·3)/(2·4) cos⁴θ + … up to cos^(n-2));
    n odd:  2/π · (θ + sin θ · (cos θ + 2/3 cos³θ + (2·4)/(3·5) cos⁵θ + … up to cos^(n-2))).
    """
    angle = math.atan(t / math.sqrt(degrees))
    square = math.cos(angle) ** 2
    is_odd = degrees % 2 == 1
    term = math.cos(angle) if is_odd else 1.0
    total = 0.0
    for power in range(1 if is_odd else 0, degrees - 1, 2):
        total += term
        term *= square * (power + 1) / (power + 2)
    series = math.sin(angle) * total
    return 2 / math.pi * (angle + series) if is_odd else series


def _bisect(is_below: Callable[[float], bool], low: float, high: float) -> float:
    """Return the place in [low, high] where `is_below` turns false."""
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return high
