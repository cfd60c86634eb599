"""Runs to compare: strategies over sets of problems, each a result file that is made once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sleepy_coder import evaluate
from sleepy_coder.diagnostics import ERROR_CODE
from sleepy_coder.errors import InputError
from sleepy_coder.problems import ProblemSet, load_set
from sleepy_coder.repair import STRATEGIES, resume_key
from sleepy_coder.results import RunRecord, load_run_record, save_json, save_run_record
from sleepy_coder.serving import TaskSources
from sleepy_coder.workbench import Workbench

# The run that all others are compared with.
BASE = "base"
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Arm:
    """One side of a comparison.

    Attributes:
        name: What its files and its row in the summary are called.
        strategy: How it answers.
        sources: Where its learned tasks come from.
    """

    name: str
    strategy: str
    sources: TaskSources = field(default_factory=TaskSources)


@dataclass(frozen=True)
class Runner:
    """What all runs of an experiment have in common.

    Attributes:
        bench: The model and the sandbox.
        out: Folder that gets a file for each set and arm.
        hides_code: The sets are others' code: files keep hashes and verdicts of the answers only.
        only: Names of the runs to make now, beside those made before; by default all.
        say: Called with a line on each run that was finished or found finished.
    """

    bench: Workbench
    out: Path
    hides_code: bool = False
    only: Sequence[str] = ()
    say: Callable[[str], None] = lambda _: None

    def run_all(self, problem_set: ProblemSet, arms: Sequence[Arm]) -> dict[str, RunRecord]:
        """Return arm name -> its record; an interrupted experiment goes on where it stopped.

        Raises:
            InputError: Two arms have the same name, or one that no file can have; `only` names
                none of them.
        """
        names = [arm.name for arm in arms]
        check_names(names)
        if unknown := [name for name in self.only if name not in names]:
            raise InputError(f"--arm: got {unknown[0]}, expected one of {', '.join(names)}")
        wanted = [arm for arm in arms if self._is_wanted(problem_set, arm)]
        return {arm.name: self.run(problem_set, arm) for arm in wanted}

    def _is_wanted(self, problem_set: ProblemSet, arm: Arm) -> bool:
        is_made = self._path(problem_set, arm).is_file()
        return not self.only or arm.name in {BASE, *self.only} or is_made

    def _path(self, problem_set: ProblemSet, arm: Arm) -> Path:
        return self.out / Path(problem_set.name).stem / f"{arm.name}.json"

    def run(self, problem_set: ProblemSet, arm: Arm) -> RunRecord:
        """Return the record of an arm; it is read from its file where that has the same key.

        The key is of all that the answers depend on: programs, prompts, model, tasks and settings.
        """
        strategy = STRATEGIES[arm.strategy]
        stem, path = Path(problem_set.name).stem, self._path(problem_set, arm)
        with arm.sources.serve(strategy.serves, self.bench) as bench:
            key = _key(problem_set, strategy.name, bench)
            found = load_run_record(path) if path.is_file() else None
            if found is not None and found.config.get("key") == key:
                self.say(f"{stem}, {arm.name}: {_score(found)}, found")
                return found
            record = self._make(problem_set, strategy.name, bench, path)
        record = replace(record, config={**record.config, "arm": arm.name, "key": key})
        if self.hides_code:
            record = hide_code(record)
        save_run_record(record, path)
        path.with_suffix(".partial.jsonl").unlink(missing_ok=True)
        self.say(f"{stem}, {arm.name}: {_score(record)}")
        return record

    def _make(
        self, problem_set: ProblemSet, strategy: str, bench: Workbench, path: Path
    ) -> RunRecord:
        partial = path.with_suffix(".partial.jsonl")
        answers = evaluate.generate(problem_set.problems, strategy, bench, partial)
        info = evaluate.describe_run(strategy, bench)
        return evaluate.judge(problem_set, answers, bench.require_sandbox(strategy), info)


def check_names(names: Sequence[str]) -> None:
    """Refuse names that cannot all be files beside each other.

    Raises:
        InputError: A name occurs twice or has other signs than letters, digits, '.', '_' and '-'.
    """
    for name in names:
        if not _SAFE_NAME.fullmatch(name):
            raise InputError(f"name {name!r}: expected letters, digits, '.', '_' and '-' only")
        if names.count(name) > 1:
            raise InputError(f"name {name!r}: got it twice; every run needs a name of its own")


def hide_code(record: RunRecord) -> RunRecord:
    """Return a record without any code: an answer's hash stands for it, and of details the code.

    A detail quotes what rustc said of the answer, and with it names out of the program; of that
    the number of the error stays.
    """
    return replace(
        record,
        problems=[
            replace(
                problem,
                output=hashlib.sha256(problem.output.encode()).hexdigest(),
                detail=" ".join(ERROR_CODE.findall(problem.detail)[:1]),
            )
            for problem in record.problems
        ],
    )


def load_data_set(folder: Path, name: str) -> ProblemSet:
    """Return a set out of a data folder.

    Raises:
        InputError: The folder lacks it.
    """
    path = folder / f"{name}.jsonl"
    if not path.is_file():
        raise InputError(f"{folder}: has no {path.name}; make it with `make data`")
    return load_set(path)


def save_summary(summary: Mapping[str, Any], out: Path) -> Path:
    """Write `summary.json`, whole or not at all; return its path."""
    path = out / "summary.json"
    save_json(summary, path)
    return path


def _key(problem_set: ProblemSet, strategy: str, bench: Workbench) -> str:
    keys = [resume_key(problem, strategy, bench) for problem in problem_set.problems]
    material = [problem_set.sha256, strategy, *keys]
    return hashlib.sha256(json.dumps(material).encode()).hexdigest()[:16]


def _score(record: RunRecord) -> str:
    return f"{record.passed} of {len(record.problems)} solved"
