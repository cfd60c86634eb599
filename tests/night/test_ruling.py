import pytest

from sleepy_coder.night.ruling import rule


@pytest.mark.parametrize(
    ("before", "after", "is_promoted", "reason"),
    [
        ("10", "11", True, "solves 2 of 2, 1 before"),
        ("100", "011", False, "solves 2 of 3, 1 before; loses p0"),  # more, but not the same
        ("11", "11", False, "solves 2 of 2, 2 before: no gain"),
        ("10", "00", False, "solves 0 of 2, 1 before; loses p0"),
        ("", "", False, "there is nothing to try it on"),
    ],
)
def test_more_has_to_be_solved_and_nothing_lost(before, after, is_promoted, reason):
    solved = ({f"p{n}": c == "1" for n, c in enumerate(each)} for each in (before, after))
    ruling = rule(*solved)
    assert (ruling.is_promoted, ruling.reason) == (is_promoted, reason)
