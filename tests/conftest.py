"""What several tests share: a sandbox, a tiny problem and a set of it."""

import pytest

from scripted import BUGGY, FIXED
from sleepy_coder.judge import compile_source
from sleepy_coder.problems import Check, Problem, ProblemSet
from sleepy_coder.sandbox import Sandbox, confinement


@pytest.fixture(scope="session")
def sandbox():
    return Sandbox(confine=confinement().is_working)


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    """Keep tests away from what the machine's user has recorded and learned."""
    monkeypatch.setenv("SLEEPY_DATA", str(tmp_path / "user-data"))
    return tmp_path / "user-data"


@pytest.fixture
def problem(sandbox):
    """A program whose fix is one `mut`, with its real diagnostics."""
    compiled = compile_source(BUGGY, crate_type="bin", edition="2021", sandbox=sandbox)
    return Problem(
        id="t_001",
        family="borrow_checker",
        pattern="missing_mut",
        description="a total is added to",
        crate_type="bin",
        edition="2021",
        error_code="E0384",
        buggy=BUGGY,
        fixed=FIXED,
        check=Check(kind="stdout", expect="3\n", code=None),
        diagnostics=tuple(compiled.diagnostics),
        wrong=(),
    )


@pytest.fixture
def problem_set(problem):
    return ProblemSet(name="tiny", problems=(problem,), sha256="f" * 64)
