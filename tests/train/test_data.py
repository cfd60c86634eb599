from dataclasses import replace

import pytest

from sleepy_coder.errors import InputError
from sleepy_coder.problems import ProblemSet
from sleepy_coder.train import data
from sleepy_coder.train.data import (
    fingerprints,
    pair_from_problem,
    prepare_fingerprints,
    refuse_collisions,
)


def test_a_pair_asks_plainly_and_answers_with_the_reference(problem):
    pair = pair_from_problem(problem)
    assert pair.task == "missing_mut"
    assert "Advice" not in pair.messages[-1]["content"]
    assert "let mut total" in pair.answer
    assert "let mut total" not in pair.source


def test_a_problem_without_a_reference_makes_no_pair(problem):
    with pytest.raises(InputError, match="t_001: has no reference fix"):
        pair_from_problem(replace(problem, fixed=None))


def test_a_renamed_copy_of_an_evaluation_problem_is_refused(problem, problem_set):
    renamed = replace(
        problem,
        id="copy",
        buggy=problem.buggy.replace("total", "amount").replace("2", "17"),
        fixed=None,
    )
    with pytest.raises(InputError, match="copy: is the same program as tiny/t_001"):
        refuse_collisions([renamed], [problem_set])


def test_the_fix_of_an_evaluation_problem_is_refused_in_any_place(problem, problem_set):
    swapped = replace(problem, id="swapped", buggy=f"// new\n{problem.fixed}", fixed=None)
    with pytest.raises(InputError, match="swapped"):
        refuse_collisions([swapped], [problem_set])


def test_another_program_passes(problem, problem_set):
    other = replace(problem, buggy="fn main() { let a = 1; a = 2; }", fixed=None)
    refuse_collisions([other], [problem_set])
    refuse_collisions([problem], [ProblemSet(name="none", problems=(), sha256="0")])


def test_fingerprints_worked_out_on_other_processes_are_the_same(problem, monkeypatch):
    monkeypatch.setattr(data, "_MARKS", {})
    monkeypatch.setattr(data, "_MANY", 1)
    alone = fingerprints(problem)
    data._MARKS.clear()
    prepare_fingerprints([problem])
    assert data._MARKS.keys() == {problem.buggy, problem.fixed}
    assert fingerprints(problem) == alone
