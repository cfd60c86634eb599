"""The schema of every result file: what was run, on what, and how each problem ended.

A `RunRecord` answers three questions about a number that the README quotes: what made it (model,
store, set, strategy, configuration, commit), where (device, library versions), and which problems
it is made of. `to_json` and `parse_run_record` are inverses; readers refuse other schema versions.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from sleepy_coder.errors import InputError
from sleepy_coder.fetch import sync_and_rename
from sleepy_coder.judge import Outcome
from sleepy_coder.metrics import pass_rate

SCHEMA_VERSION = 1
_PACKAGE = str(Path(__file__).parent)
_LIBRARIES = ("sleepy-coder", "torch", "transformers", "safetensors", "tree-sitter-rust")


@dataclass(frozen=True)
class ProblemResult:
    """How one problem ended.

    Attributes:
        route: Task name that the router chose, or None.
        outcome: The judge's word.
        output: The answer as generated.
        seconds: Time the strategy spent on it, share of a batch included.
        task: The learned task that answered; None is the base model, or no model at all.
    """

    id: str
    family: str
    pattern: str
    route: str | None
    outcome: Outcome
    detail: str
    output: str
    tokens_in: int
    tokens_out: int
    attempts: int
    seconds: float
    task: str | None = None


@dataclass(frozen=True)
class RunRecord:
    """One strategy over one set of problems."""

    strategy: str
    model: Mapping[str, Any] | None  # name, sha256
    store: Mapping[str, Any] | None  # of a store or adapters: sha256, tasks, and their size
    problem_set: Mapping[str, Any]  # name, sha256, size
    config: Mapping[str, Any]
    seed: int
    problems: Sequence[ProblemResult]
    environment: Mapping[str, Any]
    cycle: int | None = None

    @property
    def passed(self) -> int:
        """Number of problems whose outcome is `pass`."""
        return sum(p.outcome == "pass" for p in self.problems)

    def select(self, ids: set[str]) -> RunRecord:
        """Return the record restricted to some problems, for totals over a part of the set."""
        return dataclasses.replace(self, problems=[p for p in self.problems if p.id in ids])

    def by_family(self) -> dict[str, tuple[int, int]]:
        """Return family -> (passed, total), families in alphabetical order."""
        total = Counter(p.family for p in self.problems)
        passed = Counter(p.family for p in self.problems if p.outcome == "pass")
        return {family: (passed[family], total[family]) for family in sorted(total)}

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON data, totals and intervals included."""
        rate = pass_rate(self.passed, len(self.problems))
        return {
            "schema_version": SCHEMA_VERSION,
            "strategy": self.strategy,
            "cycle": self.cycle,
            "model": self.model,
            "store": self.store,
            "problem_set": self.problem_set,
            "seed": self.seed,
            "config": self.config,
            "environment": self.environment,
            "totals": {
                **dataclasses.asdict(rate),
                "outcomes": dict(sorted(Counter(p.outcome for p in self.problems).items())),
                "tokens_in": sum(p.tokens_in for p in self.problems),
                "tokens_out": sum(p.tokens_out for p in self.problems),
                "seconds": round(sum(p.seconds for p in self.problems), 2),
            },
            "families": {
                name: dataclasses.asdict(pass_rate(*counts))
                for name, counts in self.by_family().items()
            },
            "problems": [dataclasses.asdict(p) for p in self.problems],
        }


def parse_run_record(raw: Mapping[str, Any], where: str) -> RunRecord:
    """Return the record in JSON data; totals are recomputed, never trusted.

    Raises:
        InputError: A field is missing or the schema version is another one; names `where`.
    """
    version = raw.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{where}: schema_version is {version!r}, expected {SCHEMA_VERSION}; "
            "make the result again with this version of sleepy"
        )
    try:
        return RunRecord(
            strategy=raw["strategy"],
            model=raw["model"],
            store=raw["store"],
            problem_set=raw["problem_set"],
            config=raw["config"],
            seed=raw["seed"],
            problems=[ProblemResult(**p) for p in raw["problems"]],
            environment=raw["environment"],
            cycle=raw["cycle"],
        )
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{where}: not a run record: {error}; expected what eval writes"
        ) from error


def load_run_record(path: Path) -> RunRecord:
    """Read a result file.

    Raises:
        InputError: The file is not JSON or not a run record.
    """
    try:
        raw = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from error
    return parse_run_record(raw if isinstance(raw, dict) else {}, str(path))


def save_run_record(record: RunRecord, path: Path) -> None:
    """Write a result file, whole or not at all."""
    save_json(record.to_json(), path)


def save_json(content: Any, path: Path) -> None:
    """Write JSON for people and programs, whole or not at all; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    partial.write_text(text, encoding="utf-8")
    sync_and_rename(partial, path)


def describe_environment(device: str | None = None) -> dict[str, Any]:
    """Return where and with what a run was made: time, command, commit, device, versions."""
    return {
        "time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "command": " ".join(["sleepy", *sys.argv[1:]]),
        # Of the code that ran, not of the folder it ran in; empty outside of a checkout.
        "git_commit": _first_line(["git", "-C", _PACKAGE, "log", "-1", "--format=%H", "--", "."]),
        "device": device or "cpu",
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "rustc": _first_line(["rustc", "--version"]),
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _first_line(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
