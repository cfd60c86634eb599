import json
import re

import pytest
from click.testing import CliRunner

from sleepy_coder.cli import main
from sleepy_coder.problems import load_set
from sleepy_coder.proof import prove_problem
from sleepy_coder.written.harvest import (
    WrittenProgram,
    break_programs,
    choose_problems,
    is_usable,
    load_programs,
)
from tiny_model import make_model

PROGRAM = """\
#[derive(Debug, Clone)]
struct Kite {
    colour: String,
    span_cm: u32,
}

fn widest(kites: &[Kite]) -> Option<&Kite> {
    kites.iter().max_by_key(|kite| kite.span_cm)
}

fn main() {
    let mut kites = Vec::new();
    kites.push(Kite { colour: "red".to_string(), span_cm: 140 });
    kites.push(Kite { colour: "blue".to_string(), span_cm: 90 });
    let first = kites[0].clone();
    println!("{:?} {}", widest(&kites), first.colour);
}
"""


def test_mutants_of_a_written_program_are_problems_that_must_behave(sandbox):
    candidates = break_programs([WrittenProgram("program-1-00000", PROGRAM)], sandbox, jobs=2)
    problems = choose_problems(candidates)
    assert len(problems) >= 3
    assert {problem.check.kind for problem in problems} == {"stdout"}
    assert {problem.crate_type for problem in problems} == {"bin"}
    assert all(problem.fixed == PROGRAM for problem in problems)
    assert all(prove_problem(problem, sandbox).is_sound for problem in problems)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("span_cm: 140", 'span_cm: "140"'),  # does not compile
        ("let first", "assert!(kites.is_empty());\n    let first"),  # fails when it runs
        ('println!("{:?} {}", widest(&kites), first.colour)', "drop(first)"),  # says nothing
        (
            '{}", widest(&kites), first.colour',
            '{:p}", widest(&kites), &first',
        ),  # not the same twice
    ],
)
def test_a_program_that_proves_nothing_is_left_out(sandbox, before, after):
    assert before in PROGRAM
    written = WrittenProgram("program-1-00000", PROGRAM.replace(before, after))
    assert is_usable(written.code)
    assert break_programs([written], sandbox, jobs=1) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("fn widest", "fn longest"),  # a textbook's example
        ("fn main() {", 'fn main() {\n    std::fs::remove_file("kite").ok();'),
        ("#[derive(Debug, Clone)]", "use std::{env, fmt};\n\n#[derive(Debug, Clone)]"),
        ("let mut kites = Vec::new();", "let mut kites = Vec::new("),
        ("fn main()", "fn start()"),
    ],
)
def test_what_is_not_worth_compiling(before, after):
    assert before in PROGRAM
    assert is_usable(PROGRAM)
    assert not is_usable(PROGRAM.replace(before, after))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "b"}', "programs.jsonl:2: got .*'code'"),
        ('{"id": "b", "code": null}', "programs.jsonl:2: got .*null.*, expected texts"),
        ('{"id": "b", "co', "programs.jsonl:2: got Unterminated"),
        ('{"id": "a", "code": "x"}', "got two programs 'a'"),
    ],
)
def test_a_line_that_is_no_program_of_its_own_is_named(tmp_path, line, message):
    path = tmp_path / "programs.jsonl"
    path.write_text(f'{{"id": "a", "code": ""}}\n{line}\n', encoding="utf-8")
    call = ["programs", "break", str(path), "--out", str(tmp_path / "out"), "--allow-unconfined"]
    done = CliRunner().invoke(main, call)
    assert done.exit_code == 2
    assert re.search(message, done.output), done.output


def test_programs_are_broken_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("SLEEPY_CACHE", str(tmp_path))
    monkeypatch.setattr("os.nice", lambda _: 0)
    programs, out = tmp_path / "programs.jsonl", tmp_path / "written.jsonl"
    line = json.dumps({"id": "program-1-00000", "code": PROGRAM})
    programs.write_text(line + "\n", encoding="utf-8")
    call = ["programs", "break", str(programs), "--out", str(out), "--allow-unconfined"]
    done = CliRunner().invoke(main, call)
    assert done.exit_code == 0, done.output
    assert "breaking: 1" in done.output
    first = load_set(out)
    assert (
        f"{len(first.problems)}  in all, {len(first.problems)} of them run, written to"
        in done.output
    )

    again = CliRunner().invoke(main, call)
    assert "breaking: 1" not in again.output
    assert load_set(out) == first


def test_programs_are_asked_for_once(tmp_path, monkeypatch):
    asked = []

    def load_tiny(*_, **__):
        model = make_model()
        whole = model.generate

        def generate(conversations, **how):
            asked.extend(conversations)
            return whole(conversations, **{**how, "max_new_tokens": 5})

        model.generate = generate
        return model

    monkeypatch.setattr("sleepy_coder.model.load_model", load_tiny)
    out = tmp_path / "programs.jsonl"
    for count, is_new in ((2, 2), (3, 1), (3, 0)):
        asked.clear()
        call = ["programs", "write", "--count", str(count), "--seed", "4", "--out", str(out)]
        done = CliRunner().invoke(main, call)
        assert done.exit_code == 0, done.output
        assert len(asked) == is_new
    out.write_bytes(out.read_bytes()[:-9])  # as an interruption may leave it
    asked.clear()
    assert CliRunner().invoke(main, call).exit_code == 0
    assert len(asked) == 1
    assert sorted(program.id for program in load_programs(out)) == [
        f"program-4-{number:05}" for number in range(3)
    ]
