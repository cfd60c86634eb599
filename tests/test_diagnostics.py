import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.diagnostics import (
    Diagnostic,
    Span,
    apply_suggestions,
    parse_diagnostic,
    parse_diagnostics,
    parse_stream,
    select_errors,
)
from sleepy_coder.rendering import render_compact


def compile_to_diagnostics(source: str, folder: Path) -> list[Diagnostic]:
    """Return what the real rustc says of a program, byte for byte as given."""
    (folder / "main.rs").write_bytes(source.encode())
    command = ["rustc", "--edition=2021", "--error-format=json", "--emit=metadata", "main.rs"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return parse_diagnostics(parse_stream(done.stderr))


def edit(start: int, end: int, text: str, applicability: str = "MachineApplicable") -> Span:
    return Span(
        file_name="main.rs",
        byte_start=start,
        byte_end=end,
        line_start=1,
        line_end=1,
        column_start=1,
        column_end=1,
        is_primary=True,
        suggested_replacement=text,
        suggestion_applicability=applicability,
    )


def error_with(*helps: list[Span]) -> Diagnostic:
    children = tuple(Diagnostic("help", None, "try this", tuple(spans)) for spans in helps)
    return Diagnostic("error", "E0000", "wrong", (edit(0, 1, ""),), children)


MISSING_MUT = """fn main() {
    let total = 1;
    total += 2;
    println!("{total}");
}
"""


def fixed_point(source: str, folder: Path) -> str:
    return apply_suggestions(source, compile_to_diagnostics(source, folder))


def test_real_suggestion_is_applied(tmp_path):
    assert fixed_point(MISSING_MUT, tmp_path) == MISSING_MUT.replace("let total", "let mut total")


def test_offsets_are_bytes_on_a_source_that_is_not_ascii(tmp_path):
    source = MISSING_MUT.replace("fn main", "// naïve 合計 🦀\nfn main")
    assert fixed_point(source, tmp_path) == source.replace("let total", "let mut total")


def test_a_character_before_the_span_on_its_own_line_counts_in_bytes(tmp_path):
    source = MISSING_MUT.replace("    let total", "    /* 🦀é */ let total")
    assert fixed_point(source, tmp_path) == source.replace("let total", "let mut total")


def test_windows_line_ends_survive(tmp_path):
    source = MISSING_MUT.replace("\n", "\r\n")
    assert fixed_point(source, tmp_path) == source.replace("let total", "let mut total")


def test_a_new_line_ends_as_the_lines_around_it(tmp_path):
    source = "fn main() {\n    let _: HashMap<u8, u8>;\n}\n// from elsewhere\r\n"
    said = compile_to_diagnostics(source, tmp_path)
    mended = apply_suggestions(source, said, allow_maybe_incorrect=True)
    assert mended.startswith("use std::collections::HashMap;\n")
    windows = source.replace("\r\n", "\n").replace("\n", "\r\n", 2)  # all but the last two
    said = compile_to_diagnostics(windows, tmp_path)
    mended = apply_suggestions(windows, said, allow_maybe_incorrect=True)
    assert mended.startswith("use std::collections::HashMap;\r\n")
    assert mended.endswith("}\n// from elsewhere\n")


def test_tabs_survive(tmp_path):
    source = MISSING_MUT.replace("    ", "\t")
    assert fixed_point(source, tmp_path) == source.replace("let total", "let mut total")


def test_byte_order_mark_survives(tmp_path):
    source = "\ufeff" + MISSING_MUT
    assert fixed_point(source, tmp_path) == source.replace("let total", "let mut total")


def test_maybe_incorrect_suggestions_need_consent():
    error = error_with([edit(0, 0, "&", "MaybeIncorrect")])
    assert apply_suggestions("x", [error]) == "x"
    assert apply_suggestions("x", [error], allow_maybe_incorrect=True) == "&x"


def test_a_help_with_one_untrusted_edit_is_left_alone_as_a_whole():
    error = error_with([edit(0, 0, "a"), edit(1, 1, "b", "HasPlaceholders")])
    assert apply_suggestions("xy", [error], allow_maybe_incorrect=True) == "xy"


def test_of_alternatives_for_one_place_only_the_first_is_applied():
    error = error_with([edit(0, 1, "a"), edit(0, 1, "b")])
    assert apply_suggestions("x", [error]) == "a"


def test_a_second_help_for_the_same_error_is_not_applied_on_top():
    error = error_with([edit(0, 0, "a")], [edit(1, 1, "b")])
    assert apply_suggestions("x", [error]) == "ax"


def test_overlapping_edits_of_two_errors_wait_for_the_next_round():
    errors = [error_with([edit(0, 3, "one")]), error_with([edit(2, 4, "two")])]
    assert apply_suggestions("abcd", errors) == "oned"


def test_suggestions_inside_macro_bodies_are_left_alone():
    raw = {
        "level": "error",
        "message": "m",
        "spans": [],
        "code": {"code": "E0000"},
        "children": [
            {
                "level": "help",
                "message": "h",
                "spans": [
                    {
                        "byte_start": 0,
                        "byte_end": 1,
                        "suggested_replacement": "y",
                        "suggestion_applicability": "MachineApplicable",
                        "expansion": {"macro_decl_name": "m!"},
                    }
                ],
            }
        ],
    }
    assert apply_suggestions("x", [parse_diagnostic(raw)]) == "x"
    raw["children"][0]["spans"][0]["expansion"] = None
    assert apply_suggestions("x", [parse_diagnostic(raw)]) == "y"


def test_offsets_of_another_source_change_nothing():
    assert apply_suggestions("ab", [error_with([edit(5, 9, "c")])]) == "ab"


@given(st.text(max_size=30), st.data())
def test_an_edit_changes_only_the_bytes_it_names(source, data):
    at = data.draw(st.integers(0, len(source)))
    to = data.draw(st.integers(at, len(source)))
    start, end = len(source[:at].encode()), len(source[:to].encode())
    result = apply_suggestions(source, [error_with([edit(start, end, "é")])])
    assert result == source[:at] + "é" + source[to:]


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"level": None, "message": None, "code": None, "spans": None, "children": None},
        {"level": "error: internal compiler error", "message": "m", "spans": [None, 3]},
        {"level": "a level of tomorrow", "code": {"code": None}, "spans": [{"label": 7}]},
    ],
)
def test_odd_messages_are_parsed_not_refused(raw):
    diagnostic = parse_diagnostic(raw)
    assert isinstance(render_compact(diagnostic), str)


def test_stream_takes_rustc_and_cargo_lines_and_nothing_else():
    rustc = {"$message_type": "diagnostic", "level": "error", "message": "a", "spans": []}
    cargo = {"reason": "compiler-message", "message": {"level": "error", "message": "b"}}
    other = {"reason": "compiler-artifact", "target": {}}
    lines = ["   Compiling x", json.dumps(rustc), json.dumps(cargo), json.dumps(other), "{torn"]
    assert [m["message"] for m in parse_stream("\n".join(lines))] == ["a", "b"]


def test_the_closing_summary_is_not_an_error(tmp_path):
    errors = select_errors(compile_to_diagnostics(MISSING_MUT, tmp_path))
    assert [e.code for e in errors] == ["E0384"]
