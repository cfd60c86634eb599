"""Problems: pieces of broken Rust, how a fix is checked, and sets of them.

A set is named (`core`, `frozen`) or a path to JSONL with one problem a line. Everything read here
comes from outside and is validated: a malformed problem is an `InputError` that names file, line
and field.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args

from sleepy_coder.diagnostics import ERROR_CODE
from sleepy_coder.errors import InputError

CheckKind = Literal["stdout", "tests", "compile"]
CrateType = Literal["bin", "lib"]
WrongOutcome = Literal["gutted", "wrong_behavior", "compile_error"]

_EDITIONS = ("2015", "2018", "2021", "2024")
# The core problems by the first part of their id, in the order of tables; the first three are the
# 30 frozen ones, which keep the ids of the benchmark that they replace.
_FROZEN_PREFIXES = ("bc", "rh", "tb")
_CORE_PREFIXES = (*_FROZEN_PREFIXES, "lt", "tm")


@dataclass(frozen=True)
class Check:
    """How a candidate that compiles is told to behave.

    Attributes:
        kind: `stdout` runs the program, `tests` runs hidden tests, `compile` asks for no more.
        expect: The output of a `stdout` check, trailing whitespace aside; None while unknown.
        code: The `#[cfg(test)]` module of a `tests` check, appended to the candidate.
    """

    kind: CheckKind
    expect: str | None = None
    code: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields that this kind of check has."""
        fields = {"kind": self.kind, "expect": self.expect, "code": self.code}
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class WrongFix:
    """A tempting answer that is no fix, and the outcome by which the judge must turn it down."""

    description: str
    code: str
    outcome: WrongOutcome

    def to_json(self) -> dict[str, str]:
        """Return the three fields."""
        return {"description": self.description, "outcome": self.outcome, "code": self.code}


@dataclass(frozen=True)
class Problem:
    """One broken program.

    Attributes:
        family: What reports count it under.
        pattern: The kind of mistake; the name of the task that a router sends it to.
        error_code: The code of rustc's first error, such as `E0502`; None where rustc gives none
            or it is not recorded.
        buggy: The source of `main.rs` (`bin`) or `lib.rs` (`lib`).
        fixed: A reference fix, None where there is none.
        diagnostics: rustc's JSON messages for `buggy`, None until they are recorded.
        wrong: Answers that the judge must turn down.
    """

    id: str
    family: str
    pattern: str
    description: str
    crate_type: CrateType
    edition: str
    error_code: str | None
    buggy: str
    fixed: str | None
    check: Check
    diagnostics: tuple[dict[str, Any], ...] | None = None
    wrong: tuple[WrongFix, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of this problem; `parse_problem` reads it back unchanged."""
        fields: dict[str, Any] = {
            "id": self.id,
            "family": self.family,
            "pattern": self.pattern,
            "description": self.description,
            "crate_type": self.crate_type,
            "edition": self.edition,
            "error_code": self.error_code,
            "buggy": self.buggy,
            "fixed": self.fixed,
            "check": self.check.to_json(),
            "wrong": [wrong.to_json() for wrong in self.wrong],
        }
        if self.diagnostics is not None:
            fields["diagnostics"] = list(self.diagnostics)
        return fields


@dataclass(frozen=True)
class ProblemSet:
    """Problems with distinct ids, under the name that results quote.

    Attributes:
        sha256: `hash_problems` of the problems.
    """

    name: str
    problems: tuple[Problem, ...]
    sha256: str


def hash_problems(problems: Iterable[Problem]) -> str:
    """Return the SHA-256 of the problems in order, diagnostics aside (they vary with rustc)."""
    digest = hashlib.sha256()
    for problem in problems:
        fields = problem.to_json()
        fields.pop("diagnostics", None)
        digest.update(json.dumps(fields, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def is_frozen(problem_id: str) -> bool:
    """Whether a core problem is one of the 30 frozen ones, by its id."""
    return problem_id.partition("_")[0] in _FROZEN_PREFIXES


def load_set(name_or_path: str | Path) -> ProblemSet:
    """Return the set `core` (all 42), `frozen` (30 of them), or the JSONL file at a path.

    Raises:
        InputError: There is no such set or file, or a problem in it is malformed.
    """
    name = str(name_or_path)
    prefixes = {"core": _CORE_PREFIXES, "frozen": _FROZEN_PREFIXES}.get(name)
    if prefixes is not None:
        problems = tuple(_load_core(prefixes))
    elif Path(name).is_file():
        problems = tuple(_load_jsonl(Path(name)))
        name = Path(name).name
    else:
        raise InputError(f"set {name!r}: got no such file, expected core, frozen or a JSONL path")
    return ProblemSet(name=name, problems=problems, sha256=hash_problems(problems))


def save_set(problems: Sequence[Problem], path: Path) -> None:
    """Write problems as JSONL; a reader sees the old file or the new one, never half."""
    save_lines((problem.to_json() for problem in problems), path)


def save_core_diagnostics(problems: Iterable[Problem]) -> None:
    """Record these core problems' diagnostics in the package; those of the others stay."""
    recorded = _load_core_diagnostics()
    recorded |= {p.id: list(p.diagnostics) for p in problems if p.diagnostics is not None}
    lines = ({"id": i, "diagnostics": recorded[i]} for i in sorted(recorded))
    save_lines(lines, Path(str(_core_diagnostics())))


def save_lines(objects: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write one JSON object a line, all of them or (when interrupted) none."""
    text = "".join(f"{json.dumps(fields, ensure_ascii=False)}\n" for fields in objects)
    sibling = path.with_name(f".{path.name}.partial")
    sibling.write_text(text, encoding="utf-8", newline="\n")
    sibling.replace(path)


def parse_problem(raw: object, where: str) -> Problem:
    """Return the problem in a decoded JSON or TOML object.

    Args:
        raw: The object, in the format of `Problem.to_json`; `error_code`, `fixed`, `wrong` and
            `diagnostics` may be absent.
        where: File and line, for the message.

    Raises:
        InputError: A field is missing, unknown, or not of its type; names `where` and the field.
    """
    fields = _Fields(raw, where)
    problem = Problem(
        id=fields.text("id"),
        family=fields.text("family"),
        pattern=fields.text("pattern"),
        description=fields.text("description", is_empty_ok=True),
        crate_type=fields.choice("crate_type", get_args(CrateType)),
        edition=fields.choice("edition", _EDITIONS),
        error_code=fields.optional_text("error_code"),
        buggy=fields.text("buggy"),
        fixed=fields.optional_text("fixed"),
        check=_parse_check(fields.inner("check")),
        diagnostics=fields.objects("diagnostics"),
        wrong=tuple(_parse_wrong(inner) for inner in fields.inners("wrong")),
    )
    fields.refuse_others()
    if problem.error_code is not None and not ERROR_CODE.fullmatch(problem.error_code):
        fields.fail("error_code", problem.error_code, "a code such as E0502, or null")
    if problem.check.kind == "tests" and problem.crate_type == "bin":
        fields.fail("check.kind", "tests", "stdout or compile for a bin crate")
    if problem.check.kind == "stdout" and problem.crate_type == "lib":
        fields.fail("check.kind", "stdout", "tests or compile for a lib crate")
    return problem


def _parse_check(fields: _Fields) -> Check:
    kind: CheckKind = fields.choice("kind", get_args(CheckKind))
    check = Check(
        kind=kind,
        expect=fields.text("expect", is_empty_ok=True) if kind == "stdout" else None,
        code=fields.text("code") if kind == "tests" else None,
    )
    fields.refuse_others()
    return check


def _parse_wrong(fields: _Fields) -> WrongFix:
    wrong = WrongFix(
        description=fields.text("description", is_empty_ok=True),
        code=fields.text("code"),
        outcome=fields.choice("outcome", get_args(WrongOutcome)),
    )
    fields.refuse_others()
    return wrong


class _Fields:
    """The fields of one object, taken one by one; what is wrong is said with its place."""

    def __init__(self, raw: object, where: str, prefix: str = "") -> None:
        self._where, self._prefix = where, prefix
        if not isinstance(raw, dict):
            self.fail("", raw, "an object")
        self._raw: dict[str, Any] = raw
        self._known: set[str] = set()

    def fail(self, field: str, got: object, expected: str) -> NoReturn:
        """Raise the `InputError` for one field."""
        name = f"{self._prefix}{field}".rstrip(".")
        place = f"{self._where}: field {name}" if name else self._where
        shown = "nothing" if got is None else json.dumps(got, default=str)[:80]
        raise InputError(f"{place}: got {shown}, expected {expected}")

    def _take(self, field: str) -> Any:
        self._known.add(field)
        return self._raw.get(field)

    def text(self, field: str, *, is_empty_ok: bool = False) -> str:
        value = self._take(field)
        if not isinstance(value, str) or not (value.strip() or is_empty_ok):
            self.fail(field, value, "a string" if is_empty_ok else "a string that is not empty")
        return value

    def optional_text(self, field: str) -> str | None:
        return None if self._take(field) is None else self.text(field)

    def choice(self, field: str, choices: Sequence[str]) -> Any:
        value = self._take(field)
        if value not in choices:
            self.fail(field, value, f"one of {', '.join(choices)}")
        return value

    def inner(self, field: str) -> _Fields:
        return _Fields(self._take(field), self._where, f"{self._prefix}{field}.")

    def inners(self, field: str) -> Iterator[_Fields]:
        for index, raw in enumerate(self.objects(field) or ()):
            yield _Fields(raw, self._where, f"{self._prefix}{field}[{index}].")

    def objects(self, field: str) -> tuple[dict[str, Any], ...] | None:
        value = self._take(field)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            self.fail(field, value, "a list of objects")
        return tuple(value)

    def refuse_others(self) -> None:
        """Fail on a field that nothing asked for: a misspelt one would go unnoticed."""
        for field in self._raw.keys() - self._known:
            self.fail(field, self._raw[field], f"only {', '.join(sorted(self._known))}")


def _core_diagnostics() -> Any:
    return resources.files("sleepy_coder") / "data" / "core_diagnostics.jsonl"


def _load_core_diagnostics() -> dict[str, list[dict[str, Any]]]:
    if not _core_diagnostics().is_file():
        return {}
    lines = _core_diagnostics().read_text(encoding="utf-8").split("\n")
    entries = [json.loads(line) for line in lines if line]
    return {entry["id"]: entry["diagnostics"] for entry in entries}


def _load_core(prefixes: Sequence[str]) -> Iterator[Problem]:
    """Yield the problems shipped with the package, family by family."""
    folder = resources.files("sleepy_coder") / "data" / "core"
    files = {file.name: file for file in folder.iterdir() if file.name.endswith(".toml")}
    recorded = _load_core_diagnostics()
    for prefix in prefixes:
        for name in sorted(name for name in files if name.startswith(f"{prefix}_")):
            fields: dict[str, Any] = tomllib.loads(files[name].read_text(encoding="utf-8"))
            fields["diagnostics"] = recorded.get(fields["id"])
            yield parse_problem(fields, name)


def _load_jsonl(path: Path) -> Iterator[Problem]:
    """Yield the problems of a file; blank lines are skipped."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    first_line: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            raw = json.loads(line)
        except ValueError as error:
            raise InputError(f"{where}: not JSON: {error}; write one object a line") from error
        problem = parse_problem(raw, where)
        if first_line.setdefault(problem.id, number) != number:
            first = first_line[problem.id]
            raise InputError(f"{where}: field id: {problem.id!r} is taken by line {first}")
        yield problem
