from dataclasses import replace

import pytest

from sleepy_coder.judge import compile_source
from sleepy_coder.mutants.crates import PartLimits
from sleepy_coder.mutants.harvest import Candidate
from sleepy_coder.mutants.selection import select_problems, select_recorded
from sleepy_coder.proof import first_error_code

WIDE = PartLimits(
    problems=99,
    files_per_crate=9,
    programs_per_file=9,
    programs_per_crate=9,
    problems_per_program=9,
    problems_per_pattern=99,
)
SCORE = "pub fn score(mut n: u8, m: u8) -> u8 {\n    n += m;\n    n\n}\n"
PICK = "pub fn pick(v: &[u8], i: usize) -> Option<u8> {\n    Some(v[i] + 1)\n}\n"


@pytest.fixture
def make(sandbox):
    def make_(fixed, before, after, crate="tide"):
        buggy = fixed.replace(before, after)
        done = compile_source(buggy, crate_type="lib", edition="2021", sandbox=sandbox)
        assert not done.is_ok
        code = first_error_code(done.diagnostics)
        return Candidate(crate, "slip", "aim", code, buggy, fixed, "", done.diagnostics)

    return make_


def test_the_router_names_the_pattern(make):
    chosen = select_problems([make(SCORE, "mut n", "n")], "train", WIDE, [])
    assert [problem.pattern for problem, _ in chosen] == ["assign_twice_immutable"]
    problem, print_ = chosen[0]
    assert problem.family == "borrow_checker"
    assert problem.id == print_.id
    assert problem.id.startswith("train-")


def test_of_programs_that_differ_in_names_only_one_is_chosen(make):
    same_shape = make(SCORE.replace("score", "tally"), "mut n", "n")
    assert len(select_problems([make(SCORE, "mut n", "n"), same_shape], "train", WIDE, [])) == 1


def test_what_another_part_has_is_left_out(make):
    candidates = [make(SCORE, "mut n", "n"), make(PICK, "Some(v[i] + 1)", "v[i] + 1")]
    transfer = select_problems(candidates[:1], "transfer", WIDE, [])
    renamed = make(SCORE.replace("score", "tally"), "mut n", "n")
    train = select_problems(
        [renamed, candidates[1]], "train", WIDE, [print_ for _, print_ in transfer]
    )
    assert [problem.pattern for problem, _ in train] == ["missing_some_wrap"]


def test_a_recorded_problem_keeps_its_pattern_whatever_the_router_says(make):
    candidates = [make(SCORE, "mut n", "n"), make(PICK, "Some(v[i] + 1)", "v[i] + 1")]
    _, print_ = select_problems(candidates, "gate", WIDE, [])[0]
    recorded = [replace(print_, pattern="missing_mut"), replace(print_, part="train", id="x")]
    chosen = select_recorded(candidates, "gate", recorded)
    assert [(problem.id, problem.pattern) for problem, _ in chosen] == [(print_.id, "missing_mut")]
    assert chosen[0][1] == recorded[0]


def test_rare_patterns_come_before_a_second_of_a_common_one(make):
    candidates = [
        make(SCORE, "mut n", "n"),
        make(SCORE.replace("n += m", "n -= m; n += 1"), "mut n", "n"),
        make(PICK, "Some(v[i] + 1)", "v[i] + 1"),
    ]
    chosen = select_problems(candidates, "train", replace(WIDE, problems=2), [])
    assert len({problem.pattern for problem, _ in chosen}) == 2


def test_a_pattern_and_a_program_have_limits(make):
    candidates = [
        make(PICK, "Some(v[i] + 1)", "v[i] + 1"),
        make(PICK, "v[i] + 1", "v[i] + one"),
        make(PICK, "v: &[u8]", "v: &[Byte]"),
    ]
    assert len(select_problems(candidates, "train", WIDE, [])) > 1
    for few in (replace(WIDE, problems_per_program=1), replace(WIDE, problems=1)):
        assert len(select_problems(candidates, "train", few, [])) == 1


def test_the_order_of_the_harvest_does_not_matter(make):
    other = make(SCORE.replace("n += m", "n -= m; n += 1"), "mut n", "n")
    candidates = [make(SCORE, "mut n", "n"), other]
    one = replace(WIDE, problems_per_pattern=1)
    chosen = select_problems(candidates, "train", one, [])
    assert len(chosen) == 1
    assert chosen == select_problems(candidates[::-1], "train", one, [])
