import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from sleepy_coder.cli import _COMMANDS, main


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_loads_and_explains_itself(name):
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert "Usage:" in done.output


def test_help_needs_no_torch():
    code = (
        "import sys; from click.testing import CliRunner; from sleepy_coder.cli import main; "
        "CliRunner().invoke(main, ['--help']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_cargo_hands_its_subcommand_over():
    code = "from sleepy_coder.cli import cargo_main; cargo_main()"
    command = [sys.executable, "-c", code, "sleepy", "problems", "list", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)) == 42


def test_an_error_is_one_line_and_a_traceback_only_with_debug(tmp_path):
    empty = str(tmp_path)
    done = CliRunner().invoke(main, ["report", empty])
    assert done.exit_code == 2
    assert done.stderr.startswith("sleepy: ")
    assert len(done.stderr.splitlines()) == 1
    debugged = CliRunner().invoke(main, ["--debug", "report", empty])
    assert "holds no results" in str(debugged.exception)


def test_report_compares_the_results_in_a_folder(tmp_path, problem_set, sandbox):
    from sleepy_coder.evaluate import RunInfo, generate, judge
    from sleepy_coder.results import save_run_record
    from sleepy_coder.workbench import Workbench

    bench = Workbench(sandbox=sandbox)
    for strategy in ("rustfix", "rustfix-maybe"):
        answers = generate(problem_set.problems, strategy, bench, tmp_path / "a.jsonl")
        record = judge(problem_set, answers, sandbox, RunInfo(None, {}, {}))
        save_run_record(record, tmp_path / "runs" / f"{strategy}.json")
    done = CliRunner().invoke(main, ["report", str(tmp_path / "runs"), "--markdown"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == "|  | rustfix | rustfix-maybe |"
