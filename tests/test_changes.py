"""What turns one text into another, and parts of it."""

from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.changes import apply_changes, find_changes

TEXTS = st.text("ab\n\r\u2028", max_size=24)


def test_all_changes_lead_to_the_answer():
    source, fixed = "a\nb\nc\nd\n", "x\na\nc\nD\ne\n"
    changes = find_changes(source, fixed)
    assert len(changes) == 3
    assert apply_changes(source, changes[::-1]) == fixed
    assert apply_changes(source, []) == source


@given(TEXTS, TEXTS, st.booleans())
def test_all_changes_lead_from_any_text_to_any_other(source, changed, by_line):
    changes = find_changes(source, changed, by_line=by_line)
    assert apply_changes(source, changes) == changed
    lines = changed.split("\n")
    for change in changes:
        assert tuple(lines[change.begin : change.begin + len(change.lines)]) == change.lines


def test_as_many_lines_as_before_change_one_by_one():
    changes = find_changes("a\nb\nc\n", "a\nB\nC\n", by_line=True)
    assert [apply_changes("a\nb\nc\n", [each]) for each in changes] == ["a\nB\nc\n", "a\nb\nC\n"]
