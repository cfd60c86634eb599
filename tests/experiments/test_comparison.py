import json
from dataclasses import replace
from pathlib import Path

import pytest

from sleepy_coder.errors import InputError
from sleepy_coder.experiments.comparison import Arm, hide_code, load_data_set
from sleepy_coder.results import load_run_record
from sleepy_coder.serving import TaskSources

STORE = TaskSources(Path("store"))


def test_a_run_is_made_once(runner, tiny_set, served):
    arm = Arm("mine", "routed", STORE)
    first = runner.run(tiny_set, arm)
    asked = len(runner.bench.model.asked)
    lines = []
    again = replace(runner, say=lines.append).run(tiny_set, arm)
    assert again.to_json() == first.to_json()
    assert len(runner.bench.model.asked) == asked
    assert lines == ["tiny, mine: 2 of 2 solved, found"]
    assert [tasks.is_open for tasks in served] == [False, False]
    assert [p.name for p in (runner.out / "tiny").iterdir()] == ["mine.json"]


@pytest.mark.parametrize("change", ["set", "store", "model", "settings"])
def test_what_depends_on_something_else_is_made_again(runner, tiny_set, served, change):
    first = runner.run(tiny_set, Arm("mine", "routed", STORE))
    arm = Arm("mine", "routed", TaskSources(Path("other")) if change == "store" else STORE)
    if change == "set":
        changed = replace(tiny_set.problems[0], buggy=tiny_set.problems[0].buggy + "\n")
        tiny_set = replace(tiny_set, problems=(changed, tiny_set.problems[1]))
    model = replace(
        runner.bench.model, sha256="1" * 64 if change == "model" else "0" * 64, asked=[]
    )
    limit = 9 if change == "settings" else 1024
    runner = replace(runner, bench=replace(runner.bench, model=model, max_new_tokens=limit))
    record = runner.run(tiny_set, arm)
    assert model.asked
    assert record.config["key"] != first.config["key"]


def test_an_interrupted_run_goes_on(runner, tiny_set):
    model = runner.bench.model

    def interrupted(messages):
        if "let total" in messages[1]["content"]:
            raise KeyboardInterrupt
        return "no code"

    broken = replace(runner.bench, model=replace(model, answer=interrupted, asked=[]))
    path = runner.out / "tiny" / "base.json"
    first = replace(tiny_set, problems=tiny_set.problems[1:])
    runner._make(first, "base", broken, path)
    with pytest.raises(KeyboardInterrupt):
        runner._make(tiny_set, "base", broken, path)
    runner.run(tiny_set, Arm("base", "base"))
    assert len(model.asked) == 1
    assert list(path.parent.iterdir()) == [path]


def test_no_code_of_others_is_kept(runner, tiny_set, served):
    arm = Arm("base", "base")
    plain = runner.run(tiny_set, arm)
    assert "let total" in json.dumps(plain.to_json())
    assert plain.problems[0].detail
    hidden = hide_code(plain)
    files = replace(runner, hides_code=True, out=runner.out / "hidden")
    assert files.run(tiny_set, arm).problems == hidden.problems
    text = (files.out / "tiny" / "base.json").read_text()
    for word in ("`total`", "let total", "secret_name", "```", "fn main"):
        assert word not in text
    for before, after in zip(plain.problems, hidden.problems, strict=True):
        assert after.outcome == before.outcome
        assert len(after.output) == 64
    assert hidden.problems[0].detail == "E0384"
    assert load_run_record(files.out / "tiny" / "base.json").problems == hidden.problems
    assert list(files.out.rglob("*partial*")) == []


@pytest.mark.parametrize("names", [["a", "a"], ["a/b"], [""]])
def test_names_that_cannot_be_files_are_refused(runner, tiny_set, names):
    with pytest.raises(InputError, match="name '"):
        runner.run_all(tiny_set, [Arm(name, "base") for name in names])


def test_a_missing_set_says_how_to_make_it(tmp_path):
    with pytest.raises(InputError, match=r"has no heldout.jsonl; make it with `make data`"):
        load_data_set(tmp_path, "heldout")
