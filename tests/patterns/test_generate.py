"""The generated programs: reproducible, varied, broken as said, mended by a small edit."""

# ruff: noqa: S311 - seeded on purpose

import difflib
import re
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from random import Random

import pytest

from sleepy_coder.diagnostics import parse_diagnostics, select_errors
from sleepy_coder.errors import InputError
from sleepy_coder.judge import compile_source
from sleepy_coder.patterns import PATTERNS, generate_problems
from sleepy_coder.patterns.notation import choose_words, expand, split_edits
from sleepy_coder.patterns.scenery import dress
from sleepy_coder.patterns.vocabulary import draw_words
from sleepy_coder.problems import load_set
from sleepy_coder.proof import finish_problem
from sleepy_coder.router import route
from sleepy_coder.syntax import content_sha256, has_syntax_error, shape_sha256, token_shape

MIN_SHAPES = 5


def every_shape_once(seed):
    return [
        problem
        for name, pattern in PATTERNS.items()
        for problem in generate_problems(name, len(pattern.shapes), seed)
    ]


def test_equal_arguments_give_equal_programs_and_seeds_differ():
    once, again = (generate_problems("missing_clone", 12, seed=3) for _ in range(2))
    assert once == again
    other = generate_problems("missing_clone", 12, seed=4)
    assert not {p.buggy for p in once} & {p.buggy for p in other}


def test_a_longer_run_starts_with_the_shorter_one():
    assert generate_problems("int_width", 9, seed=0)[:4] == generate_problems(
        "int_width", 4, seed=0
    )


HEAD = ("//!", "/*", "// SPDX", "// Copyright", "#![")


def test_some_programs_to_learn_from_have_a_head_and_those_held_out_have_none():
    made = [p for name in list(PATTERNS)[:20] for p in generate_problems(name, 10, 0, "training")]
    headed = [problem for problem in made if problem.buggy.startswith(HEAD)]
    assert 0.2 < len(headed) / len(made) < 0.5
    assert all(p.fixed and p.fixed.splitlines()[0] == p.buggy.splitlines()[0] for p in headed)
    heldout = [p for name in PATTERNS for p in generate_problems(name, 2, 11, "heldout")]
    assert not any(problem.buggy.startswith(HEAD) for problem in heldout)


def test_an_unknown_pattern_is_said():
    with pytest.raises(InputError, match="unknown pattern 'no_such'"):
        generate_problems("no_such", 1, seed=0)


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=lambda pattern: pattern.name)
def test_a_pattern_is_described_and_has_several_structures(pattern):
    assert pattern.description.endswith(".")
    assert 40 <= len(pattern.hint) <= 320
    names = [shape.name for shape in pattern.shapes]
    assert len(set(names)) == len(names) >= MIN_SHAPES


def bare_program(section, seed):
    """The shape alone, without scenery or layout."""
    words = choose_words(section, draw_words(Random(seed)), Random(seed))
    return split_edits(expand(section.program + section.main, words, Random(seed)))[0]


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=lambda pattern: pattern.name)
def test_the_shapes_of_a_pattern_differ_in_more_than_names(pattern):
    bare = [bare_program(section, seed=1) for section in pattern.sections]
    assert len({token_shape(code) for code in bare}) == len(bare)


def test_programs_are_rust_without_marks_left():
    for problem in every_shape_once(seed=11):
        for code in (problem.buggy, problem.fixed, problem.check.code or ""):
            text = re.sub(r"\w\$}", "", code)  # `{:>width$}` is Rust
            assert not set("⟦⇒⟧⟨¦⟩$") & set(text), problem.id
        assert not has_syntax_error(problem.fixed), problem.id


def test_the_fix_is_a_small_edit():
    for problem in every_shape_once(seed=12):
        lines = difflib.unified_diff(problem.buggy.splitlines(), problem.fixed.splitlines(), n=0)
        changed = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        assert 1 <= len(changed) <= 20, problem.id


def test_programs_of_one_pattern_vary():
    programs = [p.buggy for p in generate_problems("missing_mut", 60, seed=5)]
    lengths = [code.count("\n") for code in programs]
    assert len({token_shape(code) for code in programs}) >= 40
    assert min(lengths) < 15
    assert max(lengths) > 50


def test_no_generated_program_is_a_core_problem():
    core = load_set("core").problems
    contents = {content_sha256(p.buggy) for p in core} | {content_sha256(p.fixed) for p in core}
    shapes = {shape_sha256(p.buggy) for p in core} | {shape_sha256(p.fixed) for p in core}
    for problem in every_shape_once(seed=13):
        for code in (problem.buggy, problem.fixed):
            assert content_sha256(code) not in contents
            assert shape_sha256(code) not in shapes


def test_scenery_leaves_the_program_itself_alone():
    program = 'fn only() -> u8 {\n    1\n}\n\nfn main() {\n    println!("{}", only());\n}\n'
    dressed = [dress(program, draw_words(Random(1)), Random(seed)) for seed in range(40)]
    assert len(set(dressed)) > 20
    for text in dressed:
        assert text.count("fn main()") == 1
        assert "fn only() -> u8 {" in text
        assert 'println!("{}", only());' in text


ITEM = re.compile(
    r"^(?:⟨[^⟩]*⟩|pub )*(?:fn|struct|enum|trait|const|static|type|mod) (\w+)(?![\w$])", re.MULTILINE
)


def test_scenery_defines_nothing_that_a_shape_does():
    pieces = files("sleepy_coder.patterns") / "shapes"
    around = set(ITEM.findall((pieces / "scenery.txt").read_text("utf-8")))
    assert len(around) > 4
    for name in PATTERNS:
        assert not around & set(ITEM.findall((pieces / f"{name}.txt").read_text("utf-8")))


def test_words_of_two_domains_never_meet():
    for seed in range(50):
        first = draw_words(Random(seed))
        second = draw_words(Random(seed), avoid={first["Entity"]})
        assert first["Entity"] != second["Entity"]
        assert first["Store"] != second["Store"]


def check_with_rustc(problem, sandbox):
    """Return what is wrong with a program: its error, its fix, or its route."""
    options = {"crate_type": problem.crate_type, "edition": "2021", "sandbox": sandbox}
    broken = compile_source(problem.buggy, **options)
    diagnostics = parse_diagnostics(broken.diagnostics)
    found = route(diagnostics, problem.buggy)
    return {
        "code": problem.error_code in {e.code for e in select_errors(diagnostics)},
        "fixed": compile_source(problem.fixed, **options).is_ok,
        "route": found is not None and found.task == problem.pattern,
    }


def test_a_program_of_each_pattern_is_broken_mendable_and_routed(sandbox):
    problems = [generate_problems(name, 1, seed=21)[0] for name in PATTERNS]
    with ThreadPoolExecutor(2) as pool:
        findings = list(pool.map(lambda p: check_with_rustc(p, sandbox), problems))
    failed = {p.id: f for p, f in zip(problems, findings, strict=True) if not all(f.values())}
    assert failed == {}


@pytest.mark.slow
def test_every_shape_is_sound(sandbox):
    with ThreadPoolExecutor(2) as pool:
        finished = pool.map(lambda p: finish_problem(p, sandbox), every_shape_once(seed=31))
        proofs = [proof for _, proof in finished]
    assert {proof.id: proof.failures for proof in proofs if not proof.is_sound} == {}
