"""Parts of files: what is shown, where messages then point, and how answers are put back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.diagnostics import apply_suggestions, parse_diagnostics, select_errors
from sleepy_coder.excerpt import Excerpt, cut_excerpt
from sleepy_coder.judge import compile_source
from sleepy_coder.rendering import render_compact

FILLER = "".join(f"pub fn unused_{n}(x: u32) -> u32 {{\n    x + {n}\n}}\n\n" for n in range(60))
SOURCE = f"""//! Käse: an ß before everything, so that bytes are not characters.
use std::collections::BTreeMap;
use std::fmt::Debug;

{FILLER}/// What is counted.
#[derive(Default)]
pub struct Count {{
    pub by_name: BTreeMap<String, u32>,
}}

impl Count {{
    pub fn other(&self) -> usize {{
        self.by_name.len()
    }}

    pub fn add(&self, name: &str) {{
        let größe = weigh(name);
        self.by_name.insert(name.to_string(), größe);
    }}
}}

{FILLER.replace("unused", "idle")}fn weigh(name: &str) -> u32 {{
    name.len() as u32
}}
"""
LINE = SOURCE.split("\n").index("        self.by_name.insert(name.to_string(), größe);")


@pytest.fixture(scope="module")
def messages(request):
    sandbox = request.getfixturevalue("sandbox")
    done = compile_source(SOURCE, crate_type="lib", edition="2021", sandbox=sandbox)
    return done.diagnostics


def test_a_short_file_is_shown_whole():
    text = "fn main() {\n    nothing()\n}\n"
    assert cut_excerpt(text, [1]).code == text


def test_of_a_long_file_the_method_and_what_it_mentions_are_shown():
    code = cut_excerpt(SOURCE, [LINE], max_lines=40).code
    for shown in ("impl Count {", "fn add", "struct Count", "fn weigh", "BTreeMap;", "#[derive"):
        assert shown in code
    for left_out in ("unused_3", "idle_3", "fn other", "Debug"):
        assert left_out not in code
    assert len(code.splitlines()) <= 40


def test_an_item_that_is_too_long_is_shown_in_part():
    body = "".join(f"    let x{n} = {n};\n" for n in range(200))
    excerpt = cut_excerpt(f"fn main() {{\n{body}}}\n", [100], max_lines=21)
    assert len(excerpt.lines) == 21
    assert 100 in excerpt.lines


def test_messages_point_at_the_same_text_in_the_excerpt(messages):
    excerpt = cut_excerpt(SOURCE, [LINE], max_lines=40)
    moved = select_errors(parse_diagnostics(excerpt.move(messages, "lib.rs")))
    before = select_errors(parse_diagnostics(messages))
    assert [e.message for e in moved] == [e.message for e in before]
    shown = 0
    for new, old in zip(moved, before, strict=True):
        for child in zip(new.children, old.children, strict=True):
            pairs = [(new, old), child]
            for one, other in pairs:
                assert len(one.spans) == len(other.spans)
                for span, was in zip(one.spans, other.spans, strict=True):
                    text = excerpt.code.encode()[span.byte_start : span.byte_end]
                    assert text == SOURCE.encode()[was.byte_start : was.byte_end]
                    line = excerpt.code.split("\n")[span.line_start - 1]
                    assert line == SOURCE.split("\n")[was.line_start - 1]
                    shown += 1
    assert shown > 1


def test_a_message_about_what_is_not_shown_is_left_out(messages):
    elsewhere = Excerpt(SOURCE, tuple(range(5, 9)))
    assert elsewhere.move(messages, "lib.rs") == []
    assert cut_excerpt(SOURCE, [LINE]).move(messages, "main.rs") == []
    json.dumps(cut_excerpt(SOURCE, [LINE]).move(messages, "lib.rs"))


def test_an_import_that_is_suggested_elsewhere_comes_to_the_top(sandbox):
    source = (
        f"use std::fmt::Debug;\n\n{FILLER}pub fn count() -> HashMap<u8, u8> {{\n    todo!()\n}}\n"
    )
    said = compile_source(source, crate_type="lib", edition="2021", sandbox=sandbox).diagnostics
    excerpt = cut_excerpt(source, [len(source.split("\n")) - 4], max_lines=20)
    assert "use std::fmt" not in excerpt.code
    (error,) = select_errors(parse_diagnostics(excerpt.move(said, "lib.rs")))
    assert render_compact(error).endswith("\n    + use std::collections::HashMap;")
    assert apply_suggestions(excerpt.code, [error], allow_maybe_incorrect=True).startswith(
        "use std"
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("is_closed", [True, False])
def test_answers_are_put_back_where_they_belong(end, is_closed):
    source = SOURCE.replace("\n", end)
    source = source if is_closed else source.removesuffix(end)
    excerpt = cut_excerpt(source, [LINE], max_lines=40)
    answer = excerpt.code.replace("fn add(&self", "fn add(&mut self")
    answer = answer.replace("use std::coll", "use std::cmp::max;\nuse std::coll")
    answer = answer.replace(
        "    name.len() as u32\n", "    let n = name.len();\n    max(1, n as u32)\n"
    )
    expected = source.replace("fn add(&self", "fn add(&mut self")
    expected = expected.replace("use std::coll", f"use std::cmp::max;{end}use std::coll")
    inner = f"    let n = name.len();{end}    max(1, n as u32){end}"
    expected = expected.replace(f"    name.len() as u32{end}", inner)
    assert excerpt.splice(answer) == expected


def test_lines_keep_their_own_ends():
    source = SOURCE.replace("\n", "\r\n", 3)
    excerpt = cut_excerpt(source, [LINE], max_lines=40)
    assert excerpt.splice(excerpt.code) == source
    answer = excerpt.code.replace("fn add(&self", "fn add(&mut self")
    assert excerpt.splice(answer) == source.replace("fn add(&self", "fn add(&mut self")


def test_the_first_place_is_shown_however_far_the_others_are():
    body = "".join(f"    let x{n} = {n};\n" for n in range(300))
    assert 250 in cut_excerpt(f"fn main() {{\n{body}}}\n", [250, 3], max_lines=30).lines


def test_blank_lines_alone_change_nothing():
    excerpt = cut_excerpt(SOURCE, [LINE], max_lines=40)
    assert excerpt.splice(excerpt.code.replace("}\n", "}\n\n\n")) == SOURCE


@given(st.data())
def test_a_change_of_one_line_is_one_in_the_file(data):
    place = data.draw(st.integers(0, len(SOURCE.split("\n")) - 2))
    excerpt = cut_excerpt(SOURCE, [place], max_lines=data.draw(st.integers(5, 60)))
    assert excerpt.splice(excerpt.code) == SOURCE
    shown = data.draw(st.integers(0, len(excerpt.lines) - 1))
    told = excerpt.code.split("\n")
    told[shown] = "// a line of its own"
    expected = SOURCE.split("\n")
    expected[excerpt.lines[shown]] = "// a line of its own"
    assert excerpt.splice("\n".join(told)).split("\n") == expected


def test_an_excerpt_is_cut_again_from_the_mended_file():
    excerpt = cut_excerpt(SOURCE, [LINE], 40)
    assert excerpt.code != SOURCE
    answer = excerpt.code.replace("weigh(name);", "weigh(name);\n        // counted").replace(
        "(&self, name", "(&mut self, name"
    )
    changed = excerpt.splice(answer)
    assert excerpt.cut_again(changed) == answer
    elsewhere = changed.replace("unused_7(x: u32)", "unused_7(y: u32)").replace("x + 7", "y + 7")
    assert elsewhere != changed
    assert excerpt.cut_again(f"// first\n{elsewhere}") == (
        f"// first\n{answer}" if 0 in excerpt.lines else answer
    )
    assert excerpt.cut_again(SOURCE) == excerpt.code


def test_an_excerpt_is_not_cut_through_a_change():
    excerpt = Excerpt("one\ntwo\nthree\nfour\n", (1, 2))
    assert excerpt.cut_again("one\nTWO\nthree\nfour\n") == "TWO\nthree\n"
    assert excerpt.cut_again("one\ntwo\nmore\nthree\nfour\n") == "two\nmore\nthree\n"
    assert excerpt.cut_again("one\ntwo\nfour\n") == "two\n"
    assert excerpt.cut_again("one\ntwo\n") is None  # what goes is partly elsewhere
    assert excerpt.cut_again("one\ntwo\nthree\nfour\nfive\n") == excerpt.code


@pytest.mark.parametrize(
    ("head", "is_shown"),
    [
        ("// Copyright\n", False),
        ("//! Docs.\n\n#![allow(\n    dead_code\n)]\n", False),
        ("//! Docs.\n\n", False),
        ("", True),
    ],
)
def test_what_is_put_above_an_excerpt_comes_behind_the_files_head(head, is_shown):
    body = "mod other {\n    //! Of another.\n}\n\nfn sum() {}\n"
    lines = head.count("\n")
    excerpt = Excerpt(head + body, tuple(range(lines + 4 * (not is_shown), lines + 5)))
    answer = f"use std::fmt;\n{excerpt.code}"
    changed = excerpt.splice(answer)
    expected = f"use std::fmt;\n{head}" if head.startswith("// ") else f"{head}use std::fmt;\n"
    assert changed == expected + body
    assert excerpt.cut_again(changed) == answer


@pytest.mark.parametrize("text", ["a\r\nb\r\n", "a\nb", "a\nb\n"])
def test_a_whole_file_is_cut_again_whatever_its_ends(text):
    excerpt = cut_excerpt(text, [0])
    assert excerpt.cut_again(excerpt.splice("a\nc\nb\n")) == "a\nc\nb\n"
