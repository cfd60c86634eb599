"""Figures of how many problems are solved: by pattern, by program length, by setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sleepy_coder.figures.canvas import (
    BLUE,
    GREY,
    VERMILLION,
    add_legend,
    looks,
    new_axes,
    show_percent,
    styled,
)
from sleepy_coder.metrics import Estimate, PassRate
from sleepy_coder.paired import Paired

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled()
def draw_by_pattern(
    patterns: Mapping[str, Paired],
    *,
    before: str = "base",
    after: str = "routed",
    title: str = "",
) -> Figure:
    """Return a dumbbell a pattern: what the first run solved, and what the second.

    Sorted by the change, the best on top; at the bottom, in another colour and shape, the patterns
    that fell. Numbers gained and lost stand to the right, the number of problems at the label.

    Args:
        patterns: Pattern -> comparison of the two runs, as `paired.compare_groups` returns.
        before: Name of the first run.
        after: Name of the second run.
        title: Heading of the figure.
    """
    rows = sorted(patterns.items(), key=lambda row: (row[1].change_frac, row[0]))
    figure, axes = new_axes(0.235 * len(rows) + 1.5, title, "problems solved", "")
    starts = [pair.num_before / max(1, pair.total) for _, pair in rows]
    ends = [pair.num_after / max(1, pair.total) for _, pair in rows]
    _draw_dumbbells(axes, starts, ends, (before, after))
    places = range(len(rows))
    axes.set_yticks(places, [f"{name} (n = {pair.total})" for name, pair in rows])
    for place, (_, pair) in zip(places, rows, strict=True):
        text = f"+{len(pair.gained)}  \N{MINUS SIGN}{len(pair.lost)}"
        axes.text(1.09, place, text, ha="center", va="center", fontsize=9, color=GREY)
    axes.text(1.09, len(rows) - 0.15, "gained, lost", ha="center", fontsize=9, color=GREY)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    show_percent(axes.xaxis)
    add_legend(figure, columns=3)
    return figure


def _draw_dumbbells(
    axes: Axes, starts: Sequence[float], ends: Sequence[float], names: tuple[str, str]
) -> None:
    """Draw a line from each start to its end, and a mark at both, the first row at the bottom."""
    places = range(len(starts))
    fell = [place for place in places if ends[place] < starts[place]]
    kept = [place for place in places if ends[place] >= starts[place]]
    axes.scatter(
        starts,
        places,
        s=60,
        c="white",
        edgecolors=GREY,
        linewidths=1.5,
        label=names[0],
        gid="before",
    )
    for rows, color, marker, label, gid in (
        (kept, BLUE, "o", names[1], "after"),
        (fell, VERMILLION, "v", f"{names[1]}, solves fewer", "fell"),
    ):
        if not rows:
            continue
        tips = [ends[row] for row in rows]
        axes.hlines(rows, [starts[row] for row in rows], tips, colors=color, linewidth=2, alpha=0.5)
        axes.scatter(tips, rows, s=26, c=color, marker=marker, zorder=3, label=label, gid=gid)


@styled()
def draw_by_length(
    strategies: Mapping[str, Mapping[str, PassRate]],
    *,
    title: str = "",
) -> Figure:
    """Return the part that each strategy solves, by length of the program, with 95 % intervals.

    Args:
        strategies: Strategy -> bin of lines ("1-10") -> pass rate. Every strategy has the bins of
            the first, in order; the number of problems is read from the first.
        title: Heading of the figure.

    Raises:
        KeyError: A strategy lacks one of the bins.
    """
    sizes = {name: rate.total for name, rate in next(iter(strategies.values())).items()}
    lines = {
        strategy: {f"{name}\n(n = {size})": bins[name].estimate for name, size in sizes.items()}
        for strategy, bins in strategies.items()
    }
    return _draw_estimates(lines, "lines of the program", title, None)


@styled()
def draw_ablation(
    lines: Mapping[str, Mapping[str, Estimate]],
    *,
    x_label: str,
    base_frac: float | None = None,
    title: str = "",
) -> Figure:
    """Return the part solved at each setting, one line a variant, with intervals.

    Args:
        lines: Variant -> setting -> part solved and its interval. Every variant has the settings of
            the first, in order; they stand at even distances (8, 16, 32, … is a log scale).
        x_label: What is set, with its unit.
        base_frac: What the base model solves, as a dashed line.
        title: Heading of the figure.

    Raises:
        KeyError: A variant lacks one of the settings.
    """
    return _draw_estimates(lines, x_label, title, base_frac)


def _draw_estimates(
    lines: Mapping[str, Mapping[str, Estimate]],
    x_label: str,
    title: str,
    base_frac: float | None,
) -> Figure:
    figure, axes = new_axes(3.9, title, x_label, "problems solved")
    settings = list(next(iter(lines.values())))
    # Side by side, so that no interval hides another.
    step = min(0.09, 0.5 / len(lines))
    for number, (look, (name, points)) in enumerate(zip(looks(), lines.items(), strict=False)):
        estimates = [points[setting] for setting in settings]
        shift = step * (number - (len(lines) - 1) / 2)
        drawn = axes.errorbar(
            [place + shift for place in range(len(settings))],
            [e.value for e in estimates],
            yerr=[[e.value - e.low for e in estimates], [e.high - e.value for e in estimates]],
            label=name,
            color=look.color,
            marker=look.marker,
            linestyle=look.linestyle,
            elinewidth=1,
            capsize=2.5,
        )
        line, _, intervals = drawn.lines
        line.set_gid(f"line-{number}")
        intervals[0].set_gid(f"intervals-{number}")
    axes.set_xticks(range(len(settings)), settings)
    _frame_fractions(axes, base_frac)
    add_legend(figure, columns=min(5, len(lines) + (base_frac is not None)))
    return figure


def _frame_fractions(axes: Axes, base_frac: float | None) -> None:
    """Draw the base model's line, and keep the axis of fractions within [0, 1]."""
    if base_frac is not None:
        axes.axhline(base_frac, color=GREY, linestyle="--", linewidth=1.2, label="base", gid="base")
    low, high = axes.get_ylim()
    axes.set_ylim(max(-0.02, low), min(1.02, high))
    show_percent(axes.yaxis)
