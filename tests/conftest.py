"""What several tests share: a sandbox, a tiny problem, a model that answers from a script."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from sleepy_coder.judge import compile_source
from sleepy_coder.problems import Check, Problem, ProblemSet
from sleepy_coder.sandbox import Sandbox, confinement

BUGGY = """fn main() {
    let total = 1;
    total += 2;
    println!("{total}");
}
"""
FIXED = BUGGY.replace("let total", "let mut total")


@dataclass(frozen=True)
class ScriptedCompletion:
    text: str
    tokens_in: int = 10
    tokens_out: int = 5
    seconds: float = 0.1


@dataclass
class ScriptedModel:
    """Stands where a language model would: answers from a function of the conversation."""

    answer: Callable[[list[dict[str, str]]], str]
    name: str = "scripted"
    sha256: str = "0" * 64
    device: str = "cpu"
    dtype: str = "float32"
    asked: list[list[dict[str, str]]] = field(default_factory=list)

    def generate(self, conversations: Sequence[list[dict[str, str]]], *, on_done, **_):
        self.asked.extend(conversations)
        completions = [ScriptedCompletion(self.answer(c)) for c in conversations]
        for row in reversed(range(len(completions))):
            on_done(row, completions[row])
        return completions


@pytest.fixture(scope="session")
def sandbox():
    return Sandbox(confine=confinement().is_working)


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
