import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.paired import LengthBin, compare_groups, compare_paired, length_bin, mcnemar

BEFORE = {"a": True, "b": True, "c": False, "d": False, "e": False}
AFTER = {"a": True, "b": False, "c": True, "d": True, "e": False}


def test_gained_and_lost_are_named():
    change = compare_paired(BEFORE, AFTER)
    assert (change.gained, change.lost) == (("c", "d"), ("b",))
    assert (change.total, change.num_before, change.num_after) == (5, 2, 3)
    assert change.lost_frac == 0.5
    assert change.change_frac == pytest.approx(1 / 5)
    assert change.p_value == 1.0


def test_nothing_solved_before_is_nothing_to_lose():
    change = compare_paired({"a": False}, {"a": True})
    assert change.lost_frac == 0


def test_an_empty_set_changes_nothing():
    assert compare_paired({}, {}).change_frac == 0


def test_runs_over_other_problems_are_refused():
    with pytest.raises(ValueError, match="2 are in one only, a among them"):
        compare_paired({"a": True, "b": True}, {"b": True, "c": False})


@pytest.mark.parametrize(
    ("gained", "lost", "expected"),
    [
        (0, 0, 1.0),
        (5, 0, 2 / 32),
        (1, 7, 2 * 9 / 256),
        (10, 2, 2 * (1 + 12 + 66) / 4096),
        (3, 3, 1.0),  # twice the tail is above one
    ],
)
def test_mcnemar_by_hand(gained, lost, expected):
    assert mcnemar(gained, lost) == pytest.approx(expected)


@given(st.integers(0, 5), st.integers(0, 5))
def test_mcnemar_is_the_share_of_coin_throws_at_least_as_uneven(gained, lost):
    num = gained + lost
    throws = [sum(throw) for throw in itertools.product((0, 1), repeat=num)]
    uneven = sum(abs(2 * heads - num) >= abs(gained - lost) for heads in throws)
    assert mcnemar(gained, lost) == pytest.approx(uneven / len(throws))


def test_mcnemar_of_more_than_a_float_holds():
    # 2**1100 is no float.
    p = mcnemar(580, 520)
    # The normal approximation with continuity correction.
    assert p == pytest.approx(math.erfc((60 - 1) / math.sqrt(1100) / math.sqrt(2)), rel=0.02)


def test_mcnemar_refuses_negative_counts():
    with pytest.raises(ValueError, match="got 3 and -1"):
        mcnemar(3, -1)


def test_groups_are_sorted_and_add_up():
    groups = {"a": "moves", "b": "moves", "c": "borrows", "d": "moves", "e": "borrows"}
    by_group = compare_groups(BEFORE, AFTER, groups)
    assert list(by_group) == ["borrows", "moves"]
    assert by_group["moves"].gained == ("d",)
    assert by_group["moves"].lost == ("b",)
    assert by_group["borrows"].total == 2


@given(st.dictionaries(st.text(max_size=3), st.tuples(st.booleans(), st.booleans(), st.integers())))
def test_groups_hold_each_problem_once(problems):
    before = {id_: solved for id_, (solved, _, _) in problems.items()}
    after = {id_: solved for id_, (_, solved, _) in problems.items()}
    parts = compare_groups(before, after, {id_: group for id_, (_, _, group) in problems.items()})
    whole = compare_paired(before, after)
    assert sorted(id_ for part in parts.values() for id_ in part.gained) == list(whole.gained)
    assert sorted(id_ for part in parts.values() for id_ in part.lost) == list(whole.lost)
    assert sum(part.total for part in parts.values()) == whole.total
    assert sum(part.num_before for part in parts.values()) == whole.num_before


def test_a_problem_in_no_group_is_refused():
    with pytest.raises(ValueError, match="every problem needs a group: e has none"):
        compare_groups(BEFORE, AFTER, dict.fromkeys("abcd", "moves"))


def test_bins_of_length_sort_by_length():
    lengths = {"a": 3, "b": 200, "c": 12, "d": 9, "e": 31}
    bins = {id_: length_bin(lines, (1, 11, 31)) for id_, lines in lengths.items()}
    by_length = compare_groups(BEFORE, AFTER, bins)
    assert [str(part) for part in by_length] == ["1-10", "11-30", "31+"]
    assert [part.total for part in by_length.values()] == [2, 1, 2]


@given(st.lists(st.integers(1, 50), min_size=1, unique=True).map(sorted), st.integers(1, 60))
def test_a_length_lies_in_its_bin(starts, lines):
    if lines < starts[0]:
        with pytest.raises(ValueError, match=f"no bin holds {lines} lines"):
            length_bin(lines, starts)
        return
    part = length_bin(lines, starts)
    assert part.first <= lines
    assert part.last is None or lines <= part.last
    assert part.first in starts
    assert part.last is None or part.last + 1 in starts


def test_a_bin_of_one_length_is_that_number():
    assert str(LengthBin(4, 4)) == "4"


def test_bins_must_ascend():
    with pytest.raises(ValueError, match="bins must ascend"):
        length_bin(3, (1, 10, 10))
