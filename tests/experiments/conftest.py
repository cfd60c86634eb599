from dataclasses import dataclass, replace

import pytest

from scripted import BUGGY, FIXED, ScriptedModel
from sleepy_coder.edits import render_edits
from sleepy_coder.experiments.comparison import Runner
from sleepy_coder.judge import compile_source
from sleepy_coder.problems import Check, ProblemSet, hash_problems
from sleepy_coder.prompt import render_answer
from sleepy_coder.serving import TaskSources
from sleepy_coder.workbench import Workbench

TASK = "assign_twice_immutable"
OTHER_BUGGY = 'fn main() {\n    let name: String = "secret_name";\n    println!("{name}");\n}\n'
OTHER_FIXED = OTHER_BUGGY.replace('_name";', '_name".to_string();')


@dataclass
class FakeTasks:
    """Learned tasks without a model."""

    sha256: str
    is_open: bool = True

    def task_of(self, route):
        return TASK if route and route.task == TASK else None

    def use_average(self):
        return TASK

    def general(self):
        return None

    def answer_form(self, task):
        return "edit" if task else "program"

    def min_doubt(self, _task):
        return 0.0

    def describe(self):
        return {"sha256": self.sha256}

    def close(self):
        self.is_open = False


@pytest.fixture
def served(monkeypatch):
    """Serve fake tasks in place of what lies in the named folders; returns all that were."""
    opened = []

    def open_(self, kind, _model):
        paths = {
            "store": self.store,
            "adapters": self.adapters,
            "projected": self.store and self.adapters,
        }
        if paths.get(kind) is None:
            return None
        opened.append(FakeTasks(f"{kind} {self.store} {self.adapters}"))
        return opened[-1]

    monkeypatch.setattr(TaskSources, "_open", open_)
    return opened


@pytest.fixture
def tiny_set(problem, sandbox):
    """A program that a task is for, and one that none is for."""
    compiled = compile_source(OTHER_BUGGY, crate_type="bin", edition="2021", sandbox=sandbox)
    other = replace(
        problem,
        id="t_002",
        family="types",
        pattern="str_to_string",
        error_code="E0308",
        buggy=OTHER_BUGGY + "// a comment\n" * 40,
        fixed=OTHER_FIXED,
        check=Check(kind="stdout", expect="secret_name\n"),
        diagnostics=tuple(compiled.diagnostics),
    )
    problems = (problem, other)
    return ProblemSet("tiny.jsonl", problems, hash_problems(problems))


def answer(messages):
    """The task mends the first program; the base model mends the other, given no advice."""
    if "```edit" in messages[0]["content"]:
        return render_edits(BUGGY, FIXED)
    is_first = "let total" in messages[1]["content"]
    return render_answer(BUGGY if is_first else OTHER_FIXED)


@pytest.fixture
def runner(sandbox, tmp_path):
    bench = Workbench(model=ScriptedModel(answer), sandbox=sandbox)
    return Runner(bench, tmp_path / "out")
