"""Recorded repairs: each once, by any number of writers, and what is wrong with a file is said."""

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from scripted import BUGGY, FIXED
from sleepy_coder import episodes as episodes_module
from sleepy_coder.cli import main
from sleepy_coder.episodes import (
    Episode,
    Failed,
    episodes_path,
    forget_episodes,
    load_episodes,
    record_episodes,
)
from sleepy_coder.errors import EpisodeError
from sleepy_coder.problems import load_set

PROJECT = "a" * 64


def make(problem, name="total", **fields):
    buggy, fixed = (code.replace("total", name) for code in (BUGGY, FIXED))
    return Episode(
        problem=replace(problem, buggy=buggy, fixed=fixed),
        by="task missing_mut",
        project_sha256=PROJECT,
        **fields,
    )


def call(*arguments, code=0):
    result = CliRunner().invoke(main, ["episodes", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_an_episode_comes_back_as_it_was_and_is_kept_once(problem):
    failed = (Failed("base model", BUGGY), Failed("base model, drawn", None))
    given = make(problem, failed=failed, model="tiny", model_sha256="b" * 64, store_sha256=None)
    assert record_episodes([given, make(problem, "sum")]) == 2
    assert record_episodes([given, make(problem, "count")]) == 1
    found = load_episodes()
    assert len({each.id for each in found}) == len(found) == 3
    first = found[0]
    named = replace(given.problem, id=f"episode-{given.key[:12]}")
    assert first == replace(given, problem=named, id=first.id)


def test_what_is_asked_about_tells_episodes_apart(problem):
    given = make(problem)
    other = {**problem.diagnostics[0], "message": "another error of the same text"}
    others = [
        replace(given, problem=replace(given.problem, diagnostics=(other,))),
        replace(given, problem=replace(given.problem, edition="2018")),
    ]
    assert record_episodes([given, *others]) == 3


def test_whose_first_answer_failed(problem):
    given = make(problem, failed=(Failed("base model", None),))
    assert (given.first_failed("base model"), given.first_failed("task")) == (True, False)
    mixed = replace(given, by="base model, drawn", failed=(Failed("task missing_mut", BUGGY),))
    assert (mixed.first_failed("base model"), mixed.first_failed("task")) == (False, True)
    assert replace(given, by="rustc's suggestion", failed=()).first_failed("base model") is None


def test_nothing_is_made_by_looking(data_folder):
    assert load_episodes() == []
    assert forget_episodes() == 0
    assert "nothing is recorded yet" in call().stdout
    assert record_episodes([]) == 0
    assert not data_folder.exists()


def test_many_processes_write_at_a_time(problem, tmp_path):
    (tmp_path / "problem.json").write_text(json.dumps(problem.to_json()))
    code = (
        "import json, sys\n"
        "from dataclasses import replace\n"
        "from sleepy_coder.episodes import Episode, record_episodes\n"
        "from sleepy_coder.problems import parse_problem\n"
        "problem = parse_problem(json.load(open(sys.argv[1])), 'x')\n"
        "for n in range(10):\n"
        "    for own in ('shared', sys.argv[2]):\n"
        "        buggy = problem.buggy.replace('total', f'{own}{n}')\n"
        "        new = Episode(replace(problem, buggy=buggy), 'base model', 'a' * 64)\n"
        "        record_episodes([new])\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "problem.json")]
    writers = [subprocess.Popen([*command, name]) for name in ("one", "two", "three")]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(load_episodes()) == 10 + 3 * 10


def test_a_damaged_or_newer_database_is_one_line(problem, data_folder):
    record_episodes([make(problem)])
    connection = sqlite3.connect(episodes_path())
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(EpisodeError, match="has version 99, this program reads 1"):
        record_episodes([make(problem, "other")])
    result = call(code=1)
    assert "has version 99" in result.stderr
    assert "Traceback" not in result.output
    episodes_path().write_bytes(b"no database at all" * 100)
    with pytest.raises(EpisodeError, match="file is not a database; move it away"):
        load_episodes()
    assert result.stderr.count("\n") == 1


def test_a_damaged_episode_is_named_and_can_be_removed(problem):
    record_episodes([make(problem), make(problem, "sum")])
    connection = sqlite3.connect(episodes_path())
    connection.execute("UPDATE episodes SET problem = '{}' WHERE id = 1")
    connection.commit()
    connection.close()
    with pytest.raises(EpisodeError, match="--forget 1` removes it"):
        load_episodes()
    call("--forget", 1)
    assert len(load_episodes()) == 1


def test_what_could_not_be_read_again_is_not_written(problem):
    given = make(problem)
    bad = replace(given, problem=replace(given.problem, edition="1999"))
    with pytest.raises(EpisodeError, match="field edition"):
        record_episodes([bad, make(problem, "sum")])
    assert [e.problem.buggy for e in load_episodes()] == [make(problem, "sum").problem.buggy]


def test_nobody_else_may_read_it(problem, data_folder):
    roll_back_nothing = CliRunner().invoke(main, ["rollback"])
    assert roll_back_nothing.exit_code == 2
    record_episodes([make(problem)])
    assert data_folder.stat().st_mode & 0o077 == 0
    assert episodes_path().stat().st_mode & 0o077 == 0


def test_what_is_not_damaged_is_not_said_to_be(problem, data_folder):
    record_episodes([make(problem)])
    connection = sqlite3.connect(episodes_path(), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")  # another process writes
    assert len(load_episodes()) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(episodes_module, "_WAIT_S", 0.01)
        with pytest.raises(EpisodeError, match=r"database is locked$"):
            record_episodes([make(problem, "sum")])
    connection.close()


def test_forgotten_code_is_out_of_the_file(problem):
    record_episodes([make(problem, "very_private_name"), make(problem, "kept_name")])
    assert b"very_private_name" in episodes_path().read_bytes()
    (private, _) = load_episodes()
    call("--forget", private.id)
    assert b"very_private_name" not in episodes_path().read_bytes()
    assert b"kept_name" in episodes_path().read_bytes()
    assert "1 repair forgotten" in call("--forget", "all").stdout
    assert load_episodes() == []


@pytest.mark.parametrize("which", ["7", "some", "-1"])
def test_only_what_is_there_can_be_forgotten(problem, which):
    record_episodes([make(problem)])
    assert "--forget" in call("--forget", which, code=2).stderr
    assert len(load_episodes()) == 1


def test_the_command_lists_patterns_and_exports_pairs(problem, tmp_path):
    record_episodes([make(problem), make(problem, "sum")])
    (row,) = json.loads(call("--json").stdout)
    assert (row["pattern"], row["count"], row["learned"]) == ("missing_mut", 2, 0)
    assert row["newest"] == load_episodes()[-1].time
    each = json.loads(call("--each", "--json").stdout)
    assert [line["by"] for line in each] == ["task missing_mut"] * 2
    assert "missing_mut" in call().stdout
    out = tmp_path / "pairs.jsonl"
    call("--export", out)
    assert list(load_set(out).problems) == [episode.problem for episode in load_episodes()]
    assert json.loads(call("--export", out, "--json").stdout) == {"export": str(out), "problems": 2}
    nowhere = tmp_path / "none" / "pairs.jsonl"
    assert "cannot be written" in call("--export", nowhere, code=2).stderr
    assert json.loads(call("--forget", "all", "--json").stdout) == {"forgotten": 2}
