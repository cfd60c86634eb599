"""`sleepy problems`, with the real compiler where programs are proved."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from sleepy_coder import problems as problems_module
from sleepy_coder.cli import main
from sleepy_coder.problems import load_set, save_set


def run(*arguments):
    return CliRunner().invoke(main, ["problems", *map(str, arguments), *unconfined(arguments)])


def unconfined(arguments):
    return ["--allow-unconfined"] if arguments[0] in ("check", "generate") else []


@pytest.fixture
def own_set(tmp_path, problem):
    """A user's file: one sound problem and one that compiles, neither with diagnostics."""
    path = tmp_path / "own.jsonl"
    first = replace(problem, diagnostics=None)
    save_set([first, replace(first, id="t_002", buggy=problem.fixed)], path)
    return path


def test_list_prints_every_problem():
    result = run("list", "--set", "frozen")
    assert result.exit_code == 0
    assert "frozen: 30 problems" in result.output
    assert all(p.id in result.output for p in load_set("frozen").problems)


def test_list_as_json_counts_all_by_default():
    rows = json.loads(run("list", "--json").output)
    assert len(rows) == 42
    assert rows[2]["pattern"] == "mut_borrow_conflict"


def test_show_prints_the_program_and_the_compilers_words():
    result = run("show", "tb_007")
    problem = next(p for p in load_set("core").problems if p.id == "tb_007")
    assert problem.buggy in result.output
    assert "the trait bound `Patch: Hash` is not satisfied" in result.output
    assert "+#[derive" not in result.output


def test_show_prints_the_fix_when_asked():
    assert (
        "+#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]"
        in run("show", "tb_007", "--fixed").output
    )


def test_an_unknown_id_is_said():
    result = run("show", "tb_070")
    assert (result.exit_code, result.output) == (
        2,
        "sleepy: tb_070: is not in set core; see `problems list`\n",
    )


def test_check_proves_the_chosen_ones():
    result = run("check", "--ids", "bc_002,lt_006", "--jobs", "2", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [entry["id"] for entry in report["problems"]] == ["bc_002", "lt_006"]
    assert (report["set"], report["sound"]) == ("core", 2)


def test_check_fails_when_a_problem_is_not_sound(own_set):
    result = run("check", "--set", own_set)
    assert result.exit_code == 1
    assert "own.jsonl: 1 of 2 problems are sound" in result.stdout
    assert "t_002: buggy compiles, expected an error" in result.stdout


def test_write_adds_diagnostics_to_a_users_file_and_keeps_the_others(own_set, problem):
    run("check", "--set", own_set, "--ids", "t_001", "--write")
    run("check", "--set", own_set, "--ids", "t_002", "--write")
    first, second = load_set(own_set).problems
    assert [m["message"] for m in first.diagnostics] == [m["message"] for m in problem.diagnostics]
    assert second.diagnostics is None


def test_write_records_core_diagnostics_and_keeps_the_others(tmp_path, monkeypatch):
    recorded = tmp_path / "core_diagnostics.jsonl"
    stale = {"id": "tb_001", "diagnostics": [{"message": "kept"}]}
    recorded.write_text(json.dumps(stale) + "\n", encoding="utf-8")
    monkeypatch.setattr(problems_module, "_core_diagnostics", lambda: recorded)
    assert run("check", "--ids", "bc_002", "--write").exit_code == 0
    by_id = {p.id: p.diagnostics for p in load_set("core").problems}
    assert by_id["bc_002"][0]["code"] == {"code": "E0596", "explanation": None}
    assert by_id["tb_001"] == ({"message": "kept"},)
    assert by_id["tb_002"] is None


def test_generated_problems_are_proved_and_ready_to_use(tmp_path):
    path = tmp_path / "made.jsonl"
    arguments = ("generate", "--pattern", "missing_mut", "--count", 2, "--seed", 3, "--out", path)
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (0, f"{path}: 2 problems of 1 patterns\n")
    made = load_set(path).problems
    assert [p.pattern for p in made] == ["missing_mut"] * 2
    assert all(p.diagnostics for p in made)
    run(*arguments)
    assert load_set(path).problems == made


def test_generate_names_an_unknown_pattern(tmp_path):
    result = run("generate", "--pattern", "missing_mutt", "--out", tmp_path / "made.jsonl")
    assert result.exit_code == 2
    assert "unknown pattern 'missing_mutt'" in result.output
