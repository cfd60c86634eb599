import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.continual import (
    AccuracyMatrix,
    average_accuracy,
    backward_transfer,
    forgetting,
    forward_transfer,
    learning_curve,
)

# Three tasks; row 0 is the model before any learning.
EXAMPLE = AccuracyMatrix(
    [
        [0.1, 0.2, 0.3],
        [0.8, 0.3, 0.3],
        [0.9, 0.7, 0.5],
        [0.6, 0.5, 1.0],
    ]
)


def test_average_accuracy_of_the_example():
    assert average_accuracy(EXAMPLE) == pytest.approx((0.6 + 0.5 + 1.0) / 3)
    assert average_accuracy(EXAMPLE, 2) == pytest.approx((0.9 + 0.7) / 2)


def test_learning_curve_counts_learned_tasks_only():
    assert learning_curve(EXAMPLE) == pytest.approx([0.8, 0.8, 0.7])


def test_forgetting_is_from_the_best_since_learned():
    # Task 0: best 0.9 after two tasks, now 0.6. Task 1: 0.7, now 0.5.
    assert forgetting(EXAMPLE) == pytest.approx((0.3 + 0.2) / 2)
    # After two tasks: task 0 rose from 0.8 to 0.9.
    assert forgetting(EXAMPLE, 2) == pytest.approx(-0.1)


def test_backward_transfer_is_from_just_after_learning():
    # Task 0: 0.6 - 0.8. Task 1: 0.5 - 0.7.
    assert backward_transfer(EXAMPLE) == pytest.approx(-0.2)


def test_forward_transfer_is_from_before_any_learning():
    # Task 1 just before it is learned: 0.3 - 0.2. Task 2: 0.5 - 0.3.
    assert forward_transfer(EXAMPLE) == pytest.approx((0.1 + 0.2) / 2)


def test_a_best_before_the_task_was_learned_does_not_count():
    matrix = AccuracyMatrix([[0, 1.0, 0], [1.0, 1.0, 0], [1.0, 0.5, 0], [1.0, 0.5, 1.0]])
    assert forgetting(matrix) == 0


def test_unmeasured_accuracies_matter_only_where_they_are_needed():
    lower = AccuracyMatrix([[None, None], [0.8, None], [0.6, 0.9]])
    assert forgetting(lower) == pytest.approx(0.2)
    assert backward_transfer(lower) == pytest.approx(-0.2)
    with pytest.raises(ValueError, match="task 1 after 1 tasks was not measured"):
        forward_transfer(lower)


def test_a_run_that_goes_on_is_measured_so_far():
    part = AccuracyMatrix(EXAMPLE.rows[:3])
    assert part.num_learned == 2
    assert average_accuracy(part) == average_accuracy(EXAMPLE, 2)
    assert forgetting(part) == forgetting(EXAMPLE, 2)


@pytest.mark.parametrize("measure", [forgetting, backward_transfer, forward_transfer])
def test_one_task_forgets_and_transfers_nothing_measurable(measure):
    with pytest.raises(ValueError, match=r"must lie in \[2, 1\]: got 1"):
        measure(AccuracyMatrix([[0.0], [1.0]]))


@pytest.mark.parametrize("num_learned", [0, 4])
def test_more_or_fewer_tasks_than_were_learned_are_refused(num_learned):
    with pytest.raises(ValueError, match="tasks learned must lie in"):
        average_accuracy(EXAMPLE, num_learned)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "got 0 rows"),
        ([[0.1, 0.2], [0.1]], r"lengths \[1, 2\]"),
        ([[0.1], [0.2], [0.3]], "got 3 rows"),
        ([[0.1], [70]], r"must lie in \[0, 1\]: got 70"),
        ([[0.1], [float("nan")]], r"must lie in \[0, 1\]: got nan"),
    ],
)
def test_what_is_no_matrix_of_accuracies_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        AccuracyMatrix(rows)


@st.composite
def matrices(draw):
    size = draw(st.integers(2, 6))
    row = st.lists(st.floats(0, 1), min_size=size, max_size=size)
    return AccuracyMatrix(draw(st.lists(row, min_size=size + 1, max_size=size + 1)))


@given(matrices())
def test_forgetting_is_never_less_than_backward_transfer_turned_round(matrix):
    # The best since learning is at least the accuracy just after it.
    assert forgetting(matrix) >= -backward_transfer(matrix) - 1e-12


@given(matrices())
def test_final_average_is_that_when_learned_plus_what_came_later(matrix):
    # Σ R[T][j] = Σ R[j+1][j] + Σ (R[T][j] - R[j+1][j]): the last task has no later.
    size = matrix.num_tasks
    fresh = sum(matrix.when_learned(task) for task in range(size))
    total = fresh + (size - 1) * backward_transfer(matrix)
    assert size * average_accuracy(matrix) == pytest.approx(total)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_a_model_that_never_changes_forgets_and_transfers_nothing(row):
    matrix = AccuracyMatrix([row] * (len(row) + 1))
    assert forgetting(matrix) == backward_transfer(matrix) == forward_transfer(matrix) == 0
