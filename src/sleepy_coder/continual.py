"""How much is kept while tasks are learned one after another; pure, each formula in its docstring.

Every measure is taken from one matrix R over T tasks. The convention, here and in result files:
``R[i][j]`` is the accuracy on task j after learning the first i tasks, so row 0 is the model before
any learning, and task j (counted from 0) is learned in row j + 1. The papers count rows and tasks
from 1 and keep "before any learning" apart; their R_{i,j} is R[i][j - 1] here.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MIN_TASKS = 2  # nothing can be forgotten, and nothing carried over, with a single task


@dataclass(frozen=True)
class AccuracyMatrix:
    """Accuracies during sequential learning.

    Attributes:
        rows: (tasks learned + 1, tasks), in [0, 1]; None where nothing was measured. A run that
            is still going on has fewer than tasks + 1 rows.

    Raises:
        ValueError: The rows differ in length, or are more than tasks + 1, or a value is no
            fraction.
    """

    rows: Sequence[Sequence[float | None]]

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows}
        if len(widths) != 1 or len(self.rows) > self.num_tasks + 1:
            raise ValueError(
                f"expected at most tasks + 1 rows of one length: got {len(self.rows)} rows "
                f"of lengths {sorted(widths)}"
            )
        for value in (value for row in self.rows for value in row if value is not None):
            if not 0 <= value <= 1:
                raise ValueError(f"accuracy must lie in [0, 1]: got {value}")

    @property
    def num_tasks(self) -> int:
        """T: tasks that have a column."""
        return len(self.rows[0])

    @property
    def num_learned(self) -> int:
        """Tasks learned so far: rows without the one before any learning."""
        return len(self.rows) - 1

    def at(self, num_learned: int, task: int) -> float:
        """Return R[num_learned][task].

        Raises:
            ValueError: It was not measured.
        """
        value = self.rows[num_learned][task] if num_learned < len(self.rows) else None
        if value is None:
            raise ValueError(f"accuracy on task {task} after {num_learned} tasks was not measured")
        return value

    def when_learned(self, task: int) -> float:
        """Return the accuracy on a task just after it was learned, R[task + 1][task]."""
        return self.at(task + 1, task)


def average_accuracy(matrix: AccuracyMatrix, num_learned: int | None = None) -> float:
    """Return the mean accuracy over the k tasks learned so far, 1/k Σ_{j<k} R[k][j].

    ACC of Lopez-Paz & Ranzato 2017 (GEM, arXiv:1706.08840, section 2) for k = T; A_k of
    Chaudhry et al. 2018 (arXiv:1801.10112).

    Args:
        matrix: Measured accuracies.
        num_learned: k; all tasks learned so far unless given.

    Raises:
        ValueError: k is below one, or a needed accuracy was not measured.
    """
    k = _checked(matrix, num_learned, at_least=1)
    return statistics.fmean(matrix.at(k, task) for task in range(k))


def learning_curve(matrix: AccuracyMatrix) -> list[float]:
    """Return the average accuracy after each task, (tasks learned,): A_1 … A_k."""
    return [average_accuracy(matrix, k) for k in range(1, matrix.num_learned + 1)]


def forgetting(matrix: AccuracyMatrix, num_learned: int | None = None) -> float:
    """Return how far tasks fell from their best, on average, after learning k tasks; in [-1, 1].

    F_k = 1/(k-1) Σ_{j<k-1} f_j with f_j = max_{j<l<k} R[l][j] - R[k][j] (Chaudhry et al. 2018,
    arXiv:1801.10112): the best since the task was learned, the last task learned left out, against
    now. Below zero when tasks improved. A task's best before it was learned does not count: the
    paper defines accuracies of learned tasks only.

    Raises:
        ValueError: Fewer than two tasks were learned, or a needed accuracy was not measured.
    """
    k = _checked(matrix, num_learned, at_least=MIN_TASKS)
    return statistics.fmean(
        max(matrix.at(row, task) for row in range(task + 1, k)) - matrix.at(k, task)
        for task in range(k - 1)
    )


def backward_transfer(matrix: AccuracyMatrix, num_learned: int | None = None) -> float:
    """Return what later learning did to earlier tasks; below zero when they got worse.

    BWT = 1/(k-1) Σ_{j<k-1} (R[k][j] - R[j+1][j]) (Lopez-Paz & Ranzato 2017, GEM, section 2, with
    k = T): now against just after the task was learned.

    Raises:
        ValueError: Fewer than two tasks were learned, or a needed accuracy was not measured.
    """
    k = _checked(matrix, num_learned, at_least=MIN_TASKS)
    return statistics.fmean(matrix.at(k, task) - matrix.when_learned(task) for task in range(k - 1))


def forward_transfer(matrix: AccuracyMatrix, num_learned: int | None = None) -> float:
    """Return what earlier tasks did for later ones before those were learned.

    FWT = 1/(k-1) Σ_{1<=j<k} (R[j][j] - R[0][j]) (Lopez-Paz & Ranzato 2017, GEM, section 2, with
    k = T): accuracy just before the task is learned, against before any learning.
    Differs: the paper's baseline is a randomly initialised network; here it is the base model.

    Raises:
        ValueError: Fewer than two tasks were learned, or a needed accuracy was not measured.
    """
    k = _checked(matrix, num_learned, at_least=MIN_TASKS)
    return statistics.fmean(matrix.at(task, task) - matrix.at(0, task) for task in range(1, k))


def _checked(matrix: AccuracyMatrix, num_learned: int | None, at_least: int) -> int:
    """Return how many learned tasks to look at."""
    k = matrix.num_learned if num_learned is None else num_learned
    if not at_least <= k <= matrix.num_learned:
        raise ValueError(f"tasks learned must lie in [{at_least}, {matrix.num_learned}]: got {k}")
    return k
