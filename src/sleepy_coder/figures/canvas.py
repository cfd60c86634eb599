"""What the figures share: colours, sizes, axes without clutter, files that come out the same."""

from __future__ import annotations

import itertools
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sleepy_coder.errors import InputError, SleepyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN = 600 / 72  # SVG counts 72 points an inch, a browser shows them as 800 pixels

# Okabe & Ito 2008, "Color universal design", without the yellow that is pale on white.
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY, BLACK = "#CC79A7", "#E69F00", "#56B4E9", "#000000"
GREY, PALE_GREY, PALE_BLUE = "#6B6B6B", "#EFEFEF", "#B9DAEE"

_STYLE: Mapping[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],  # Verdana is as wide: what fits here fits there
    "font.size": 10,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "svg.fonttype": "none",  # text stays text: searchable, readable aloud, a quarter of the size
    "svg.hashsalt": "sleepy-coder",  # names inside of the file depend on its content alone
}


class Look(NamedTuple):
    """How one line differs from the others, by more than its colour."""

    color: str
    marker: str
    linestyle: str


_LOOKS = (
    Look(BLUE, "o", "-"),
    Look(VERMILLION, "s", "--"),
    Look(GREEN, "^", "-."),
    Look(PURPLE, "D", ":"),
    Look(ORANGE, "v", "-"),
    Look(SKY, "P", "--"),
    Look(BLACK, "X", "-."),
)


@contextmanager
def styled() -> Iterator[None]:
    """Draw with the project's settings, whatever the user's own are; also a decorator.

    Raises:
        SleepyError: matplotlib is not installed.
    """
    try:
        from matplotlib import style
    except ImportError as error:
        raise SleepyError(
            "figures need matplotlib, which is not installed; "
            "run `pip install 'sleepy-coder[figures]'`"
        ) from error
    with style.context(["default", dict(_STYLE)]):
        yield


def new_figure(height_in: float) -> Figure:
    """Return an empty figure as wide as a README shows it."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def new_axes(height_in: float, title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes."""
    figure = new_figure(height_in)
    axes = figure.subplots()
    axes.set_title(title)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    return figure, axes


def looks() -> Iterator[Look]:
    """Yield a look for each line; they repeat after seven."""
    return itertools.cycle(_LOOKS)


def show_percent(axis: Any) -> None:
    """Label an axis of fractions with percent."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0, symbol=" %"))


def show_whole(axis: Any) -> None:
    """Label an axis of counts with whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def add_legend(figure: Figure, columns: int = 2, handles: Sequence[Any] | None = None) -> None:
    """Put the legend under the axes, where it hides no data."""
    handles = figure.axes[0].get_legend_handles_labels()[0] if handles is None else handles
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def draw_mean_and_range(
    axes: Axes, curves: Sequence[Sequence[float]], label: str, look: Look, gid: str
) -> list[float]:
    """Draw curves of one length as their mean, with the range from lowest to highest shaded.

    Positions count from 1. Markers are left out where they would touch.

    Returns:
        The mean curve.
    """
    points = list(zip(*curves, strict=True))
    mean = [statistics.fmean(values) for values in points]
    positions = range(1, len(points) + 1)
    few = 30
    axes.plot(
        positions,
        mean,
        label=label,
        color=look.color,
        linestyle=look.linestyle,
        marker=look.marker if len(points) <= few else "",
        gid=gid,
    )
    if len(curves) > 1:
        low, high = [min(values) for values in points], [max(values) for values in points]
        axes.fill_between(
            positions, low, high, color=look.color, alpha=0.18, linewidth=0, gid=f"{gid}-range"
        )
    return mean


@styled()
def save_figure(figure: Figure, path: Path) -> None:
    """Write SVG, whole or not at all; the same figure gives the same bytes.

    Raises:
        InputError: The path does not end in .svg.
    """
    if path.suffix != ".svg":
        raise InputError(f"figures are saved as SVG: got {path.name}, expected a name in .svg")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    figure.savefig(partial, format="svg", metadata={"Date": None, "Creator": None})
    partial.replace(path)
