"""The notation of shapes: edits, choices, names."""

# ruff: noqa: S311 - seeded on purpose

from random import Random

import pytest

from sleepy_coder.patterns.notation import choose_words, expand, parse_sections, split_edits


def test_an_edit_has_two_sides():
    assert split_edits("let ⟦⇒mut ⟧x = ⟦1⇒2⟧;\n") == ("let x = 1;\n", "let mut x = 2;\n")


def test_a_line_with_nothing_but_an_empty_edit_disappears():
    assert split_edits("⟦⇒#[derive(Debug)]⟧\nstruct A;\n") == (
        "struct A;\n",
        "#[derive(Debug)]\nstruct A;\n",
    )
    assert split_edits("    ⟦drop(x);⇒⟧\nend\n")[1] == "end\n"


def test_blank_lines_left_by_an_edit_disappear():
    assert split_edits("⟦⇒use a;⟧\n\nfn f() {}\n\n")[0] == "fn f() {}\n"
    assert split_edits("a\n\n⟦⇒b⟧\n\nc\n")[0] == "a\n\nc\n"


def test_an_edit_may_span_lines():
    assert split_edits("a\n⟦b\nc⇒d\n⟧e\n") == ("a\nb\nce\n", "a\nd\ne\n")


def test_choices_are_all_reachable_and_may_be_empty():
    seen = {expand("⟨a¦b¦⟩!", {}, Random(seed)) for seed in range(40)}
    assert seen == {"a!", "b!", "!"}


def test_choices_nest():
    seen = {expand("⟨x⟨1¦2⟩¦y⟩", {}, Random(seed)) for seed in range(60)}
    assert seen == {"x1", "x2", "y"}


def test_names_are_filled_in_and_an_unknown_one_is_an_error():
    assert expand("$a ${a}b", {"a": "X"}, Random(0)) == "X Xb"
    with pytest.raises(KeyError, match="missing"):
        expand("$missing", {}, Random(0))


SECTIONS = """=== first
code E0277
set (T, one) = u8, 1 ¦ f32, 1.0
set Name = ${T}Box
---
struct $Name($T);
--- main
fn main() {}
=== second
fn plain() {}
--- tests
#[test]
fn t() {}
"""


def test_sections_hold_head_program_and_drivers():
    first, second = parse_sections(SECTIONS)
    assert (first.name, first.code, first.main) == ("first", "E0277", "fn main() {}")
    assert (second.code, second.tests) == (None, "#[test]\nfn t() {}")
    assert "---" not in first.program + second.program


def test_words_that_belong_together_are_chosen_together():
    first, _ = parse_sections(SECTIONS)
    chosen = [choose_words(first, {}, Random(seed)) for seed in range(30)]
    pairs = {(words["T"], words["one"], words["Name"]) for words in chosen}
    assert pairs == {("u8", "1", "u8Box"), ("f32", "1.0", "f32Box")}
