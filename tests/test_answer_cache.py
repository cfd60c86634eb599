"""What a model said is asked for once, and told apart by all that it depends on."""

from dataclasses import replace

import pytest

from scripted import ScriptedModel
from sleepy_coder.answer_cache import AnswerCache, question_key
from sleepy_coder.evaluate import describe_run
from sleepy_coder.model import Completion
from sleepy_coder.prompt import render_answer
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.workbench import Workbench

SAID = Completion("fn main() {}", 7, 4, 0.5, -1.25)


def test_a_file_keeps_answers_for_later(tmp_path):
    path = tmp_path / "runs" / "answers.jsonl"
    cache = AnswerCache(path)
    assert cache.find("a") is None
    cache.add("a", SAID)
    assert cache.find("a") == AnswerCache(path).find("a") == SAID


def test_a_file_tells_where_its_answers_were_made(tmp_path):
    path = tmp_path / "answers.jsonl"
    for key, place in (("a", "NVIDIA H200, torch 2.11.0"), ("b", ""), ("c", "")):
        AnswerCache(path).add(key, replace(SAID, made_on=place))
    assert AnswerCache(path).made_on() == ["", "NVIDIA H200, torch 2.11.0"]
    bench = Workbench(model=ScriptedModel(str), answers=AnswerCache(path))
    places = describe_run("base", bench).environment["answers_made_on"]
    assert places == AnswerCache(path).made_on()
    assert "answers_made_on" not in describe_run("rustfix", bench).environment


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    path = tmp_path / "answers.jsonl"
    cache = AnswerCache(path)
    cache.add("a", SAID)
    cache.add("b", SAID)
    path.write_text(path.read_text()[:-5])
    again = AnswerCache(path)
    assert again.find("a") == SAID
    assert again.find("b") is None


@pytest.mark.parametrize(
    "change",
    [
        {"model": ("1", "int8")},
        {"task": ("s", "t")},
        {"messages": [{"a": "c"}]},
        {"limit": 2},
        {"may_repeat": False},
    ],
    ids=str,
)
def test_keys_differ_where_answers_may(change):
    question = {"model": ("1", "bf16"), "task": None, "messages": [{"a": "b"}], "limit": 1}
    assert question_key(**question) != question_key(**question | change)


def test_a_strategy_repeats_what_the_model_said(problem):
    answers = AnswerCache()
    first = ScriptedModel(lambda _: render_answer("fn first() {}"))
    second = ScriptedModel(lambda _: render_answer("fn second() {}"))
    (one,) = STRATEGIES["base"].propose([problem], Workbench(first, answers=answers))
    (two,) = STRATEGIES["base"].propose([problem], Workbench(second, answers=answers))
    assert two == one
