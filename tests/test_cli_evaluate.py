import json

import pytest
from click.testing import CliRunner

from scripted import BUGGY, FIXED, ScriptedModel
from sleepy_coder import model as model_module
from sleepy_coder.cli import main
from sleepy_coder.prompt import render_answer


@pytest.fixture
def set_path(problem, tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(problem.to_json()) + "\n")
    return path


@pytest.fixture
def scripted(monkeypatch):
    model = ScriptedModel(lambda _: render_answer(FIXED))
    monkeypatch.setattr(model_module, "load_model", lambda *_, **__: model)
    return model


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments), "--allow-unconfined"])


def test_eval_judges_a_users_set_and_writes_the_record(set_path, tmp_path):
    out = tmp_path / "r.json"
    done = run("eval", "--set", set_path, "--strategy", "rustfix", "--out", out, "--cycle", 3)
    assert done.exit_code == 0, done.output
    assert "1/1" in done.output
    record = json.loads(out.read_text())
    assert (record["totals"]["passed"], record["cycle"], record["model"]) == (1, 3, None)
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


def test_several_strategies_get_a_file_each_and_one_model(set_path, tmp_path, scripted):
    names = ["--strategy", "rustfix", "--strategy", "base"]
    done = run("eval", "--set", set_path, *names, "--out", tmp_path / "runs", "--json")
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["base.json", "rustfix.json"]
    assert [s["model"] for s in json.loads(done.stdout)] == [
        None,
        {"name": "scripted", "sha256": "0" * 64},
    ]


def test_an_interrupted_eval_keeps_the_strategies_it_had_finished(set_path, tmp_path, scripted):
    names = ["--strategy", "base", "--strategy", "hints", "--out", tmp_path / "runs"]
    answer = scripted.answer

    def stop_at_the_hint(conversation):
        if "Advice:" in conversation[-1]["content"]:
            raise KeyboardInterrupt
        return answer(conversation)

    scripted.answer = stop_at_the_hint
    first = run("eval", "--set", set_path, *names)
    assert first.exit_code != 0
    assert "hints: interrupted; the same command goes on from here" in first.output
    scripted.answer = answer
    second = run("eval", "--set", set_path, *names)
    assert second.exit_code == 0, second.output
    assert len(scripted.asked) == 3  # base once, hints twice
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["base.json", "hints.json"]


def test_show_prints_the_verdict_and_the_change(set_path, tmp_path, scripted):
    out = ["--out", tmp_path / "r.json", "--show"]
    done = run("eval", "--set", set_path, "--strategy", "base", *out)
    assert done.stdout.splitlines()[0] == (
        "t_001, base: verified: it compiles, behaves, and keeps the program"
    )
    assert "-    let total = 1;\n+    let mut total = 1;" in done.stdout


def test_show_says_why_an_answer_was_turned_down(set_path, tmp_path, scripted):
    scripted.answer = lambda _: render_answer(BUGGY)
    out = ["--out", tmp_path / "r.json", "--show"]
    done = run("eval", "--set", set_path, "--strategy", "base", *out)
    assert done.stdout.startswith("t_001, base: turned down: it does not compile\n  ")


def test_generate_and_judge_are_the_two_halves_of_eval(set_path, tmp_path, scripted):
    answers, out = tmp_path / "a.jsonl", tmp_path / "r.json"
    generated = CliRunner().invoke(
        main,
        ["generate", "--set", str(set_path), "--strategy", "base", "--out", str(answers)],
    )
    assert generated.exit_code == 0, generated.output
    judged = run("judge", answers, "--set", set_path, "--out", out)
    assert judged.exit_code == 0, judged.output
    assert json.loads(out.read_text())["totals"]["outcomes"] == {"pass": 1}


def test_generate_offers_no_strategy_that_needs_rust(set_path, tmp_path):
    done = CliRunner().invoke(
        main,
        ["generate", "--set", str(set_path), "--strategy", "cascade", "--out", str(tmp_path / "a")],
    )
    assert done.exit_code == 2
    assert "'cascade' is not one of" in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--ids", "nope"], "nope is not in set"),
        (["--set", "no_such_set"], "no_such_set"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(set_path, tmp_path, arguments, words):
    done = run(
        "eval", "--set", set_path, "--strategy", "rustfix", "--out", tmp_path / "r.json", *arguments
    )
    assert done.exit_code == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.output
