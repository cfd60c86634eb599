import json
from dataclasses import replace

import pytest

from scripted import FIXED, ScriptedModel
from sleepy_coder.errors import InputError
from sleepy_coder.evaluate import (
    RunInfo,
    Selection,
    describe_run,
    generate,
    judge,
    load_generations,
    load_run_info,
    save_run_info,
)
from sleepy_coder.prompt import render_answer
from sleepy_coder.results import load_run_record, save_run_record
from sleepy_coder.workbench import Workbench

NO_MODEL = RunInfo(model=None, config={}, environment={})


@pytest.fixture
def right_model():
    return ScriptedModel(lambda _: render_answer(FIXED))


def test_an_interrupted_run_goes_on_where_it_stopped(problem, right_model, tmp_path):
    path = tmp_path / "answers.jsonl"
    bench = Workbench(model=right_model)
    (first,) = generate([problem], "base", bench, path)
    (second,) = generate([problem], "base", bench, path)
    assert first == second
    assert len(right_model.asked) == 1


@pytest.mark.parametrize(("strategy", "attempts"), [("cascade", 1), ("base", 2)])
def test_an_interruption_between_steps_loses_few_answers(
    problem, sandbox, tmp_path, strategy, attempts
):
    """These finish their answers only at the end, so they take the problems in groups."""
    source = problem.buggy.replace("let total = 1", "let total: String = 1")
    problems = [replace(problem, id=f"t_{i:03d}", buggy=f"// {i}\n{source}") for i in range(12)]

    def stop_late(conversation):
        if "// 11" in conversation[1]["content"]:
            raise KeyboardInterrupt
        return "no program"

    model = ScriptedModel(stop_late)
    bench = Workbench(model=model, sandbox=sandbox, attempts=attempts)
    with pytest.raises(KeyboardInterrupt):
        generate(problems, strategy, bench, tmp_path / "a.jsonl")
    assert len(load_generations(tmp_path / "a.jsonl")) == 8
    model.answer = lambda _: "no program"
    assert [g.id for g in generate(problems, strategy, bench, tmp_path / "a.jsonl")] == [
        p.id for p in problems
    ]


def test_a_torn_last_line_is_made_again(problem, right_model, tmp_path):
    path = tmp_path / "answers.jsonl"
    bench = Workbench(model=right_model)
    generate([problem], "base", bench, path)
    path.write_bytes(path.read_bytes()[:-9])
    generate([problem], "base", bench, path)
    assert len(right_model.asked) == 2
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["t_001"]


def test_answers_of_another_model_are_made_again(problem, right_model, tmp_path):
    path = tmp_path / "answers.jsonl"
    generate([problem], "base", Workbench(model=right_model), path)
    other = ScriptedModel(lambda _: "something else", sha256="1" * 64)
    (answer,) = generate([problem], "base", Workbench(model=other), path)
    assert answer.output == "something else"
    assert load_generations(path)["t_001"].output == "something else"


def test_a_malformed_line_names_file_and_line(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text('{"id": "a"}\n')
    with pytest.raises(InputError, match=r"answers\.jsonl:1: not a generation"):
        load_generations(path)


def test_judged_record_survives_its_file(problem_set, right_model, sandbox, tmp_path):
    bench = Workbench(model=right_model)
    answers = generate(problem_set.problems, "base", bench, tmp_path / "a.jsonl")
    record = judge(problem_set, answers, sandbox, describe_run("base", bench))
    assert (record.passed, record.problems[0].outcome) == (1, "pass")
    save_run_record(record, tmp_path / "out" / "r.json")
    again = load_run_record(tmp_path / "out" / "r.json")
    assert again.to_json() == record.to_json()
    assert again.to_json()["totals"]["outcomes"] == {"pass": 1}


def test_a_wrong_answer_does_not_pass(problem_set, sandbox, tmp_path):
    model = ScriptedModel(lambda _: render_answer(FIXED.replace("+= 2", "+= 3")))
    bench = Workbench(model=model)
    answers = generate(problem_set.problems, "base", bench, tmp_path / "a.jsonl")
    record = judge(problem_set, answers, sandbox, NO_MODEL)
    assert record.problems[0].outcome == "wrong_behavior"


def test_an_answer_to_an_unknown_problem_is_refused(
    problem_set, problem, right_model, sandbox, tmp_path
):
    answers = generate([problem], "base", Workbench(model=right_model), tmp_path / "a.jsonl")
    stray = [type(answers[0])(**{**vars(answers[0]), "id": "elsewhere"})]
    with pytest.raises(InputError, match="elsewhere: is not in set tiny"):
        judge(problem_set, stray, sandbox, NO_MODEL)


def test_results_of_another_schema_are_refused(tmp_path):
    path = tmp_path / "r.json"
    path.write_text('{"schema_version": 99}')
    with pytest.raises(InputError, match="schema_version is 99, expected 1"):
        load_run_record(path)


def test_selection_keeps_the_order_of_the_set_and_knows_its_ids(problem_set, problem):
    assert Selection(ids=("t_001",)).apply(problem_set) == [problem]
    assert Selection(limit=1).apply(problem_set) == [problem]
    with pytest.raises(InputError, match="nope is not in set tiny"):
        Selection(ids=("nope",)).apply(problem_set)


def test_what_made_a_file_of_answers_is_kept_beside_it(right_model, tmp_path):
    path = tmp_path / "a.jsonl"
    info = describe_run("base", Workbench(model=right_model))
    assert info.model == {"name": "scripted", "sha256": "0" * 64}
    save_run_info(info, path)
    assert load_run_info(path) == info
    with pytest.raises(InputError, match=r"b\.run\.json: cannot be read"):
        load_run_info(tmp_path / "b.jsonl")
