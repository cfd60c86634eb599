"""Figures of what a shared basis holds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sleepy_coder.figures.canvas import (
    GREY,
    Look,
    add_legend,
    draw_mean_and_range,
    looks,
    new_axes,
    show_percent,
    show_whole,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled()
def draw_explained_variance(
    sides: Mapping[str, Sequence[Sequence[float]]],
    *,
    threshold_frac: float = 0.6,
    title: str = "",
) -> Figure:
    """Return the fraction of the adapters' variance that the first k components hold.

    The line is the mean over modules, the shade their range. Dashed is the threshold that the Share
    paper chooses k by (arXiv:2602.06043); the legend says at which k each side crosses it.

    Args:
        sides: Side ("B", "A") -> for each module, the fraction held by the first 1, 2, … (k,).
        threshold_frac: Fraction at which k is read off.
        title: Heading of the figure.
    """
    figure, axes = new_axes(3.9, title, "components k", "variance explained")
    for number, (look, (side, modules)) in enumerate(zip(looks(), sides.items(), strict=False)):
        mean = draw_mean_and_range(axes, modules, side, look, f"side-{number}")
        crossing = next((k for k, frac in enumerate(mean, 1) if frac >= threshold_frac), None)
        if crossing is not None:
            axes.lines[-1].set_label(f"{side}: {100 * threshold_frac:.0f} % at k = {crossing}")
            axes.plot(crossing, mean[crossing - 1], color=look.color, marker="o", markersize=7)
    axes.axhline(threshold_frac, color=GREY, linestyle="--", linewidth=1)
    axes.set_ylim(0, 1.02)
    axes.set_xlim(left=0)
    show_percent(axes.yaxis)
    show_whole(axes.xaxis)
    add_legend(figure)
    return figure


@styled()
def draw_principal_angles(
    pairs: Mapping[str, Sequence[float]],
    random_pairs: Sequence[Sequence[float]],
    *,
    title: str = "",
) -> Figure:
    """Return the principal angles between bases, beside those of random subspaces.

    Smallest angle first; 0° is a shared direction, 90° one that the other basis lacks. The legend
    gives the overlap, the mean squared cosine: 1 for the same subspace.

    Args:
        pairs: Which two bases -> their principal angles in radians (k,).
        random_pairs: The same for pairs of random subspaces of the same sizes; drawn as mean and
            range.
        title: Heading of the figure.
    """
    figure, axes = new_axes(3.9, title, "principal angle, smallest first", "angle (degrees)")
    for number, (look, (name, angles)) in enumerate(zip(looks(), pairs.items(), strict=False)):
        label = f"{name}: overlap {overlap(angles):.2f}"
        draw_mean_and_range(axes, [_degrees(angles)], label, look, f"pair-{number}")
    shared = statistics.fmean(overlap(angles) for angles in random_pairs)
    draw_mean_and_range(
        axes,
        [_degrees(angles) for angles in random_pairs],
        f"random subspaces: overlap {shared:.2f}",
        Look(GREY, "", "-"),
        "random",
    )
    axes.set_ylim(0, 92)
    axes.set_yticks(range(0, 91, 15))
    show_whole(axes.xaxis)
    add_legend(figure)
    return figure


def overlap(angles_rad: Sequence[float]) -> float:
    """Return the mean squared cosine of principal angles: 0 orthogonal, 1 the same subspace."""
    return statistics.fmean(math.cos(angle) ** 2 for angle in angles_rad)


def _degrees(angles_rad: Sequence[float]) -> list[float]:
    return [math.degrees(angle) for angle in angles_rad]
