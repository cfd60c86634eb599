import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.edits import apply_edits, render_edits

LINE = st.sampled_from(["a", "b", "    c;", "}", "", "let x = 1;"])
PROGRAM = st.lists(LINE, min_size=1, max_size=25).map(lambda lines: "\n".join(lines) + "\n")


def test_an_edit_shows_only_what_changes():
    source = "fn main() {\n    let a = names[0];\n    print(a);\n}\n"
    answer = render_edits(source, source.replace("[0]", "[0].clone()"))
    expected = "<<<<<<<\n    let a = names[0];\n=======\n    let a = names[0].clone();\n>>>>>>>"
    assert answer == f"```edit\n{expected}\n```"


def test_an_insertion_and_a_repeated_line_get_context():
    source = "struct A;\nfn f() {\n    g();\n}\nfn h() {\n    g();\n}\n"
    derived = source.replace("struct A", "#[derive(Debug)]\nstruct A")
    assert "<<<<<<<\nstruct A;\n=======\n#[derive(Debug)]\nstruct A;\n>>>>>>>" in render_edits(
        source, derived
    )
    head, call, tail = source.rpartition("g();")
    second = f"{head}{call.replace('g', 'k')}{tail}"
    assert apply_edits(source, render_edits(source, second)) == second


@given(st.lists(st.text("abc {}", max_size=6), min_size=3, max_size=20, unique=True), st.data())
def test_edits_of_distinct_lines_lead_to_the_fix(lines, data):
    lines = [f"{i}{line}" for i, line in enumerate(lines)]
    at = data.draw(st.integers(0, len(lines) - 1))
    new = data.draw(st.lists(st.sampled_from(["new();", "    x", ""]), max_size=3))
    count = data.draw(st.integers(0, min(2, len(lines) - at)))
    changed = [*lines[:at], *new, *lines[at + count :]]
    source, fixed = "\n".join(lines) + "\n", "\n".join(changed) + "\n"
    if source != fixed and changed:
        assert apply_edits(source, render_edits(source, fixed)) == fixed


@given(PROGRAM, PROGRAM)
def test_any_edit_renders_and_applies_without_error(source, fixed):
    made = apply_edits(source, render_edits(source, fixed))
    assert made is None or isinstance(made, str)


def test_the_closest_of_several_places_is_taken():
    source = "x();\ny();\nx();\n"
    answer = "```edit\n<<<<<<<\nx();\n=======\nz();\n>>>>>>>\n```"
    assert apply_edits(source, answer, near=3) == "x();\ny();\nz();\n"
    assert apply_edits(source, answer, near=1) == "z();\ny();\nx();\n"


def test_other_indentation_still_fits_and_an_unknown_place_does_not():
    answer = "<<<<<<<\nx();\n=======\nz();\n>>>>>>>"
    assert apply_edits("    x();\n", answer) == "z();\n"
    assert apply_edits("y();\n", answer) is None


@pytest.mark.parametrize(
    "answer", ["", "no edit", "<<<<<<<\nx\n=======\ny\n", "<<<<<<<\n\n=======\ny\n>>>>>>>"]
)
def test_an_answer_without_an_edit_is_none(answer):
    assert apply_edits("x\n\ny\n", answer) is None


def test_lines_can_be_deleted():
    source = "a\nb\nc\n"
    assert apply_edits(source, render_edits(source, "a\nc\n")) == "a\nc\n"


def test_only_a_newline_ends_a_line():
    odd = 'fn s() -> &\'static str {\n    "a\u2028b\x0cc\x85"\n}\n'
    source, fixed = odd + "fn g() {}\n", odd + "fn g() -> u8 {}\n"
    answer = render_edits(source, fixed)
    assert apply_edits(source, answer) == fixed
    rewritten = source.replace("a\u2028b", "a\u2028B")
    assert apply_edits(source, render_edits(source, rewritten)) == rewritten
