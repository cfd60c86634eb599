"""How far counted work has got: a bar in a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

NUM_LINES = 10  # at most, however much there is to do


@contextmanager
def counted(
    title: str, total: int, *, console: Console | None = None, tells_end: bool = True
) -> Iterator[Callable[[], None]]:
    """Return what to call when one more is done.

    Args:
        title: Stands before the count.
        total: How many there are.
        console: Where to show it; by default stderr.
        tells_end: Whether a plain line says that all are done.
    """
    console = console or Console(stderr=True, highlight=False)
    if not console.is_terminal:
        done = itertools.count(1)
        end = total if tells_end else total - 1
        yield lambda: _print_line(console, title, next(done), total, end)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        bar = progress.add_task(title, total=total)
        yield lambda: progress.advance(bar)


def is_told(done: int, total: int) -> bool:
    """Whether a plain line is due: another tenth is done."""
    return NUM_LINES * done // total > NUM_LINES * (done - 1) // total


def _print_line(console: Console, title: str, done: int, total: int, end: int) -> None:
    """Print how many are done, where that is due."""
    if done <= end and is_told(done, total):
        console.print(f"{title}: {done} of {total}", soft_wrap=True)
