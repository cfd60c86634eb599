"""How many directions a basis keeps: a rule per side and module, or one budget for all of them.

A rule sees one side of one module: the energies (squared singular values) of its columns, largest
first, and their sum over all directions. k therefore differs between the sides and modules
wherever their spectra do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from sleepy_coder.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

_SLACK_FRAC = 1e-6  # of what may be left out: sums in float32 are not exact


class Choice(Protocol):
    """A rule for one side of one module."""

    @property
    def first_guess(self) -> int:
        """How many directions to compute before asking; doubled until the rule is content."""

    def components(self, energies: Tensor, total: float) -> int | None:
        """Return how many of the directions to keep, or None when more are needed to tell.

        Args:
            energies: (k,), float64, largest first.
            total: sum over all directions, those not computed included.
        """


@dataclass(frozen=True)
class FixedComponents:
    """Keep ``count`` directions, or all there are if the data has fewer."""

    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"components: got {self.count}, expected at least 1")

    @property
    def first_guess(self) -> int:
        """Return the count itself."""
        return self.count

    def components(self, energies: Tensor, total: float) -> int | None:  # noqa: ARG002 - protocol
        """Return the count, or None when fewer directions were computed."""
        return self.count if len(energies) >= self.count else None


@dataclass(frozen=True)
class ExplainedVariance:
    """Keep the fewest directions that hold ``frac`` of the energy (paper, section 3.1: 60 %)."""

    frac: float = 0.6

    def __post_init__(self) -> None:
        if not 0.0 < self.frac <= 1.0:
            raise InputError(f"explained variance: got {self.frac}, expected more than 0, up to 1")

    @property
    def first_guess(self) -> int:
        """Return 32, the number of directions that most spectra need."""
        return 32

    def components(self, energies: Tensor, total: float) -> int | None:
        """Return the fewest directions that reach the fraction, or None if all do not."""
        if self.frac == 1.0:
            return None  # all there are; what is rounding is left out where they are computed
        needed = (self.frac - _SLACK_FRAC * (1.0 - self.frac)) * total
        reached = int((torch.cumsum(energies, 0) < needed).sum()) + 1
        return reached if reached <= len(energies) else None


@dataclass(frozen=True)
class ErrorBudget:
    """Keep the fewest directions with which ``||ΔW - projection|| <= error * ||ΔW||``.

    Over all tasks of a module together. Each side may lose half of ``error**2``; the two losses
    add up at most. This bounds ΔW when the columns are weighted (objective "product"); with
    the paper's objective it bounds each factor, not ΔW.
    """

    error: float

    def __post_init__(self) -> None:
        if not 0.0 < self.error < 1.0:
            raise InputError(f"error budget: got {self.error}, expected between 0 and 1")

    @property
    def first_guess(self) -> int:
        """Return 32, the number of directions that most spectra need."""
        return 32

    def components(self, energies: Tensor, total: float) -> int | None:
        """Return the fewest directions that keep within half of the squared error."""
        return ExplainedVariance(1.0 - self.error**2 / 2).components(energies, total)


@dataclass(frozen=True)
class ByteBudget:
    """Spend ``total_bytes`` on bases and coefficients, wherever a byte explains the most.

    Not a rule for one side: ``init_subspace`` reads the adapters once for all spectra and
    ``allocate`` turns the budget into one number of components per module and side.
    """

    total_bytes: int


@dataclass(frozen=True)
class SideSpectrum:
    """One side of one module as the byte budget sees it.

    Attributes:
        gains: (k,) float64, largest first; share of the module's ΔW energy per direction, times
            that energy, so that modules and sides compare.
        bytes_per_direction: of the basis and of all tasks' coefficients.
    """

    gains: Tensor
    bytes_per_direction: int


def allocate(
    spectra: Mapping[tuple[str, str], SideSpectrum], budget: ByteBudget
) -> dict[tuple[str, str], int]:
    """Return components per (module, side), at least one each, that spend at most the budget.

    Greedy by gain per byte, which is optimal up to the last direction because each side's gains
    descend.

    Raises:
        InputError: if the budget does not even pay for one direction per side.
    """
    least = sum(spectrum.bytes_per_direction for spectrum in spectra.values())
    if least > budget.total_bytes:
        raise InputError(
            f"byte budget: got {budget.total_bytes}, expected at least {least}, one direction "
            "per side and module; raise the budget or leave modules out"
        )
    offers: Sequence[tuple[float, tuple[str, str], int]] = sorted(
        (
            (-float(gain) / spectrum.bytes_per_direction, key, spectrum.bytes_per_direction)
            for key, spectrum in spectra.items()
            for gain in spectrum.gains[1:]
        ),
    )
    counts = dict.fromkeys(spectra, 1)
    left = budget.total_bytes - least
    for _, key, cost in offers:
        if cost <= left:
            counts[key] += 1
            left -= cost
    return counts
