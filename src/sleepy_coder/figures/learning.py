"""Figures of what is kept while tasks are learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sleepy_coder.figures.canvas import (
    BLUE,
    PALE_BLUE,
    PALE_GREY,
    VERMILLION,
    add_legend,
    draw_mean_and_range,
    looks,
    new_axes,
    new_figure,
    show_percent,
    show_whole,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A cell's number is its position here: 2 · (failed before) + (failed after).
_STATES = ("kept", "lost", "gained", "still failing")
_STATE_COLORS = (PALE_BLUE, VERMILLION, BLUE, PALE_GREY)
_LOST, _GAINED = 1, 2
_CELL_IN = 0.23
_KILO = 1000


@styled()
def draw_forgetting(
    base: Mapping[str, bool],
    arms: Mapping[str, Mapping[str, Mapping[str, bool]]],
    *,
    title: str = "",
) -> Figure:
    """Return a heatmap: a row for each trained task, a column for each problem, one panel an arm.

    A cell says what became of the problem against the base model: kept, gained, lost (crossed) or
    still failing. The numbers of problems lost and gained stand at the end of each row.

    Args:
        base: Problem id -> whether the base model solves it; its order is that of the columns.
        arms: Arm (how it was trained) -> task that was trained -> problem id -> whether solved.
        title: Heading of the figure.

    Raises:
        KeyError: A task was not evaluated on one of the problems.
    """
    rows = [len(tasks) for tasks in arms.values()]
    figure = new_figure(_CELL_IN * sum(rows) + 0.45 * len(rows) + 1.6)
    panels = figure.subplots(
        len(arms), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": rows}
    )
    for number, (axes, (arm, tasks)) in enumerate(zip(panels[:, 0], arms.items(), strict=True)):
        _draw_cells(axes, base, tasks, number)
        axes.set_title(arm, weight="normal")
    bottom = panels[-1, 0]
    bottom.set_xticks([i + 0.5 for i in range(len(base))], list(base), rotation=90, fontsize=8)
    bottom.set_xlabel("problem")
    figure.suptitle(title, x=0.01, horizontalalignment="left")
    _add_states(figure)
    return figure


def _draw_cells(
    axes: Axes, base: Mapping[str, bool], tasks: Mapping[str, Mapping[str, bool]], panel: int
) -> None:
    from matplotlib.colors import ListedColormap

    cells = [
        [_state(solved, after[id_]) for id_, solved in base.items()] for after in tasks.values()
    ]
    axes.pcolormesh(
        cells,
        cmap=ListedColormap(_STATE_COLORS),
        vmin=-0.5,
        vmax=len(_STATES) - 0.5,
        edgecolors="white",
        linewidth=1.2,
        clip_on=False,
        gid=f"cells-{panel}",
    )
    for state, marker in ((_LOST, "x"), (_GAINED, "+")):
        places = [(x, y) for y, row in enumerate(cells) for x, s in enumerate(row) if s == state]
        axes.scatter(
            [x + 0.5 for x, _ in places],
            [y + 0.5 for _, y in places],
            s=18,
            c="white",
            marker=marker,
            linewidths=1.2,
            gid=f"{_STATES[state]}-{panel}",
        )
    axes.set_yticks([y + 0.5 for y in range(len(tasks))], list(tasks))
    axes.set_ylim(len(tasks), 0)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    _write_counts(axes, cells)


def _state(before: bool, after: bool) -> int:
    """Return the position in `_STATES`."""
    return 2 * (not before) + (not after)


def _write_counts(axes: Axes, cells: Sequence[Sequence[int]]) -> None:
    """Write each row's numbers of lost and gained problems to its right."""
    for points, state in ((16, _LOST), (54, _GAINED)):
        write = partial(
            axes.annotate, textcoords="offset points", ha="center", color=_STATE_COLORS[state]
        )
        write(_STATES[state], (1, 1), (points, 7), xycoords="axes fraction", fontsize=9)
        for y, row in enumerate(cells):
            xycoords = ("axes fraction", "data")
            text = str(row.count(state))
            write(text, (1, y + 0.5), (points, 0), xycoords=xycoords, va="center")


def _add_states(figure: Figure) -> None:
    from matplotlib.patches import Patch

    patches = [
        Patch(facecolor=color, label=label)
        for color, label in zip(_STATE_COLORS, _STATES, strict=True)
    ]
    add_legend(figure, columns=len(patches), handles=patches)


@styled()
def draw_learning_curves(
    arms: Mapping[str, Sequence[Sequence[float]]],
    *,
    title: str = "",
    y_label: str = "average accuracy over\nthe tasks learned so far",
) -> Figure:
    """Return the average accuracy after each task, one line an arm.

    The line is the mean over orders of the tasks, the shade their range. The legend says where each
    arm ends.

    Args:
        arms: Arm -> for each order, `continual.learning_curve` (tasks,), in [0, 1].
        title: Heading of the figure.
        y_label: What is measured, when it is another accuracy (the frozen set's).
    """
    figure, axes = new_axes(3.9, title, "tasks learned", y_label)
    for number, (look, (arm, orders)) in enumerate(zip(looks(), arms.items(), strict=False)):
        mean = draw_mean_and_range(axes, orders, arm, look, f"arm-{number}")
        axes.lines[-1].set_label(f"{arm}: {100 * mean[-1]:.1f} % in the end")
    show_percent(axes.yaxis)
    show_whole(axes.xaxis)
    add_legend(figure)
    return figure


@styled()
def draw_storage(totals: Mapping[str, Sequence[float]], *, title: str = "") -> Figure:
    """Return the bytes stored after each task, one line an arm, with what a task adds.

    Args:
        totals: Arm -> bytes stored after each task (tasks,), a shared basis counted in.
        title: Heading of the figure.
    """
    figure, axes = new_axes(3.6, title, "tasks learned", "stored in all (log scale)")
    axes.set_yscale("log")
    for number, (look, (arm, sizes)) in enumerate(zip(looks(), totals.items(), strict=False)):
        added = (sizes[-1] - sizes[0]) / max(1, len(sizes) - 1)
        draw_mean_and_range(
            axes, [sizes], f"{arm}: {format_bytes(added)} a task", look, f"arm-{number}"
        )
    axes.yaxis.set_major_formatter(lambda value, _: format_bytes(value))
    show_whole(axes.xaxis)
    add_legend(figure)
    return figure


def format_bytes(size: float) -> str:
    """Return a size in decimal units with three digits: 7.17 kB, 18.4 MB."""
    for unit in ("B", "kB", "MB"):
        if size < _KILO:
            return f"{size:.3g} {unit}"
        size /= _KILO
    return f"{size:.3g} GB"
