import json
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sleepy_coder.diagnostics import Diagnostic, Span, parse_diagnostic, select_errors
from sleepy_coder.rendering import render_compact
from test_diagnostics import MISSING_MUT, compile_to_diagnostics


def rendered(source: str, folder) -> str:
    """Return what is made of the first error that the real rustc finds."""
    return render_compact(select_errors(compile_to_diagnostics(source, folder))[0])


def span(line: int, columns: tuple[int, int], text: str, **fields) -> Span:
    start, end = columns
    made = Span("src/a.rs", 0, 0, line, line, start, end, is_primary=True, text=(text,))
    return replace(made, **fields)


def test_a_line_is_quoted_once_with_each_piece_and_label(tmp_path):
    text = rendered("fn f(_: u8) {}\nfn main() {\n    f(1.5);\n}\n", tmp_path)
    assert text.splitlines() == [
        "error[E0308]: mismatched types",
        "  line 3 `f(1.5);` at `1.5`: expected `u8`, found floating-point number",
        "  line 3 at `f`: arguments to this function are incorrect",
        "  note: function defined here",
        "    line 1 `fn f(_: u8) {}` at `f`",
    ]


def test_a_suggestion_is_the_line_as_it_would_be(tmp_path):
    error = select_errors(compile_to_diagnostics(MISSING_MUT, tmp_path))[0]
    text = render_compact(error)
    assert "  line 3 `total += 2`: cannot assign" not in text
    assert "  line 3 `total += 2;`: cannot assign twice to immutable variable" in text
    assert text.endswith("\n    + let mut total = 1;")
    assert len(text) < len(error.rendered)


def test_what_comes_in_before_all_is_shown(tmp_path):
    text = rendered("fn main() {\n    let _: HashMap<u8, u8>;\n}\n", tmp_path)
    assert text.endswith(
        "help: consider importing this struct\n    + use std::collections::HashMap;"
    )


def test_a_line_before_another_keeps_that_for_its_place(tmp_path):
    source = '\nstruct P(u8);\nfn main() {\n    println!("{:?}", P(1));\n}\n'
    assert rendered(source, tmp_path).endswith("\n    + #[derive(Debug)]\n      struct P(u8);")


def test_lines_that_go_are_shown_where_nothing_takes_their_place():
    gone = span(4, (1, 1), "    x;", suggested_replacement="")
    gone = replace(gone, line_end=5, text=("    x;", "}"))
    error = Diagnostic("error", None, "m", (), (Diagnostic("help", None, "remove", (gone,)),))
    assert render_compact(error).splitlines()[2:] == ["    -     x;", "      }"]


def test_alternatives_stand_one_after_another():
    choices = tuple(span(1, (1, 2), "a", suggested_replacement=new) for new in "bc")
    error = Diagnostic("error", "E1", "m", (), (Diagnostic("help", None, "try", choices),))
    assert render_compact(error).splitlines()[2:] == ["    + b", "    or", "    + c"]


def test_two_edits_of_one_line_are_made_together():
    both = (
        span(1, (6, 6), "f(a, b)", suggested_replacement="&", byte_start=5),
        span(1, (3, 3), "f(a, b)", suggested_replacement="&", byte_start=2),
    )
    error = Diagnostic("error", "E1", "m", (), (Diagnostic("help", None, "borrow", both),))
    assert render_compact(error).splitlines()[2:] == ["    + f(&a, &b)"]


def test_lines_between_are_not_left_out_unseen(tmp_path):
    source = 'fn main() {\n    let a: u8 = "1".parse()?;\n    let _ = a;\n}\n'
    text = rendered(source, tmp_path)
    assert text.endswith(
        "    + fn main() -> Result<(), Box<dyn std::error::Error>> {\n"
        "      …\n"
        "    +     Ok(())\n"
        "      }"
    )


def test_edits_at_one_place_stand_in_their_order():
    insert = span(1, (1, 1), "foo;", suggested_replacement="(")
    edits = (insert, replace(insert, suggested_replacement="&"))
    edits += (replace(insert, column_end=4, suggested_replacement="bar", byte_end=3),)
    error = Diagnostic("error", "E1", "m", (), (Diagnostic("help", None, "try", edits),))
    assert render_compact(error).splitlines()[2:] == ["    + (&bar;"]


def test_a_suggestion_for_another_file_names_it():
    there = span(3, (1, 1), "struct B;", suggested_replacement="pub ", file_name="src/b.rs")
    here = span(3, (1, 1), "struct A;", suggested_replacement="pub ", byte_start=1)
    help_ = Diagnostic("help", None, "try", (here, there))
    error = Diagnostic("error", "E1", "m", (span(1, (1, 2), "a;"),), (help_,))
    assert render_compact(error).splitlines()[3:] == [
        "    + pub struct A;",
        "    src/b.rs:",
        "    + pub struct B;",
    ]


def test_an_error_in_a_macro_of_a_library_is_placed_where_that_is_called(tmp_path):
    source = 'fn main() {\n    let s = format!("{}", 1).trim();\n    drop(s);\n}\n'
    lines = rendered(source, tmp_path).splitlines()
    assert lines[1].startswith('  line 2 `let s = format!("{}", 1).trim();`')
    assert not any("/rustc/" in line for line in lines)


def test_a_file_named_by_its_full_path_is_no_library():
    here = span(1, (1, 2), "a;", file_name="/home/a.rs")
    note = Diagnostic("note", None, "defined here", (replace(here, line_start=7, line_end=7),))
    text = render_compact(Diagnostic("error", "E1", "m", (here,), (note,)))
    assert text.splitlines()[1:] == ["  line 1 `a;`", "  note: defined here", "    line 7 `a;`"]


def test_columns_count_characters(tmp_path):
    text = rendered('fn main() {\n    let é: u8 = "üü".len();\n}\n', tmp_path)
    assert """line 2 `let é: u8 = "üü".len();` at `"üü".len()`: expected `u8`""" in text


def test_a_help_that_tells_all_is_not_told_twice(tmp_path):
    source = "struct P;\nimpl Default for P {\n}\nfn main() {}\n"
    text = rendered(source, tmp_path)
    assert text.count("fn default() -> Self") == 1


def test_other_files_of_the_project_are_named_and_libraries_left_out():
    here, there = span(1, (1, 2), "a;"), span(7, (4, 5), "fn a() {}", file_name="src/b.rs")
    library = replace(there, file_name="/rustc/1/library/core/src/a.rs")
    note = Diagnostic("note", None, "defined here", (there, library))
    text = render_compact(Diagnostic("error", "E1", "m", (here,), (note,)))
    assert text.splitlines()[1:] == [
        "  line 1 `a;`",
        "  note: defined here",
        "    src/b.rs line 7 `fn a() {}` at `a`",
    ]


def test_long_lines_are_cut():
    text = render_compact(Diagnostic("error", "E1", "m", (span(1, (1, 2), "x" * 500),)))
    assert len(text) < 200


def test_further_lines_of_a_message_are_indented():
    error = Diagnostic("error", None, "m", (), (Diagnostic("note", None, "a\n   b\nc"),))
    assert render_compact(error).splitlines()[1:] == ["  note: a", "    b", "    c"]


numbers = st.integers(-2, 6)
raw_spans = st.fixed_dictionaries(
    dict.fromkeys(("line_start", "line_end", "column_start", "column_end"), numbers)
    | {"byte_start": numbers, "file_name": st.sampled_from(["a.rs", "/b.rs"])}
    | {"text": st.lists(st.fixed_dictionaries({"text": st.text(max_size=5)}), max_size=3)}
    | {"suggested_replacement": st.none() | st.text(max_size=4)}
)


# What is put in for lines whose text rustc left out, over lines that another edit takes.
EMPTY = {"line_start": 0, "line_end": 2, "suggested_replacement": "", "text": []}


@settings(deadline=None)
@example([], [EMPTY, {**EMPTY, "line_start": 2, "byte_start": 1}])
@given(st.lists(raw_spans, max_size=4), st.lists(raw_spans, max_size=4))
def test_whatever_rustc_says_is_rendered(places, edits):
    help_ = {"level": "help", "message": "try", "spans": edits}
    raw = {"level": "error", "message": "m", "spans": places, "children": [help_]}
    assert render_compact(parse_diagnostic(json.loads(json.dumps(raw)))).startswith("error: m")


def test_where_rustc_wrote_a_long_type_is_no_news(tmp_path):
    steps = ".map(|n| n + 1).filter(|n| *n > 1)" * 4
    source = f"fn main() {{\n    let _: String = (0..9u64){steps};\n}}\n"
    error = select_errors(compile_to_diagnostics(source, tmp_path))[0]
    assert any("long-type" in child.message for child in error.children)
    text = render_compact(error)
    assert "long-type" not in text
    assert "--verbose" not in text
    assert "mismatched types" in text
