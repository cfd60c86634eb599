"""Written programs that compile and run, broken in one place at a time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sleepy_coder.changes import find_changes
from sleepy_coder.errors import InputError
from sleepy_coder.mutants.crates import ProblemLimits
from sleepy_coder.mutants.harvest import MUTANT_VERSION, Candidate, load_candidates, make_checker
from sleepy_coder.mutants.mutate import Mutant, errors_in, examine, mutate
from sleepy_coder.mutants.selection import select_problems
from sleepy_coder.problems import Check, Problem, save_lines
from sleepy_coder.proof import record_output
from sleepy_coder.sandbox import Sandbox
from sleepy_coder.syntax import has_syntax_error

# Part of a cached file's name: raise it when what comes out changes.
_VERSION = 2
_MUTANTS_PER_PROGRAM = 6
_LIMITS = ProblemLimits(
    problems=1_000_000, problems_per_program=_MUTANTS_PER_PROGRAM + 1, problems_per_pattern=200
)
_MIN_LINES, _MAX_LINES = 12, 140
# What a program does not need that computes something from what stands in it.
_OUTSIDE = re.compile(
    r"\b(unsafe|extern|stdin|Instant|SystemTime|include_\w+)\b|\b(env|fs|net|process|os)::"
    r"|\buse\s+std\s*::\s*\{[^;]*\b(env|fs|net|process|os)\b|\benv!"
)
# Names of examples that many have read in textbooks: nothing is learned from those here.
_TEXTBOOK = re.compile(
    r"\b(longest|longest_\w+|ImportantExcerpt|NewsArticle|SocialPost|Tweet|Rectangle|can_hold"
    r"|Cacher|DraftPost|AveragedCollection|MyBox|CustomSmartPointer|MockMessenger|LimitTracker"
    r"|OutlinePrint|first_word|Millimeters|Guess|guess_number|Cons|change_string)\b"
)


@dataclass(frozen=True)
class WrittenProgram:
    """A program as the model wrote it, or as it was mended.

    Attributes:
        code: Nothing is known of it yet.
        broken: What the model wrote, where `code` is that mended.
    """

    id: str
    code: str
    broken: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of this program, as `load_programs` reads it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def load_programs(path: Path) -> list[WrittenProgram]:
    """Return the programs in a JSONL file of objects with `id`, `code` and perhaps `broken`.

    Raises:
        InputError: The file cannot be read, or a line is not one.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    programs = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                fields = json.loads(line)
                programs.append(WrittenProgram(**fields))
            except (ValueError, TypeError) as error:
                raise InputError(f"{path}:{number}: got {error}, expected id and code") from error
            if not all(isinstance(value, str) for value in fields.values()):
                raise InputError(f"{path}:{number}: got {line[:60]}, expected texts alone")
    return programs


def is_usable(code: str) -> bool:
    """Whether a program is worth compiling: whole, of some size, self-contained, no textbook's."""
    return (
        _MIN_LINES <= len(code.splitlines()) <= _MAX_LINES
        and "fn main()" in code
        and not _OUTSIDE.search(code)
        and not _TEXTBOOK.search(code)
        and not has_syntax_error(code)
    )


def break_programs(
    programs: Iterable[WrittenProgram],
    sandbox: Sandbox,
    *,
    jobs: int,
    on_done: Callable[[], None] = lambda: None,
) -> list[Candidate]:
    """Return mutants of those programs that compile, run, and print the same each time.

    A program that was mended is a mutant as it was, too, if the repair is one change and rustc
    says one thing: what holds several mistakes would teach its first one's task the others.

    Args:
        programs: What the model wrote.
        sandbox: Compiles and runs it.
        jobs: Programs worked on at a time.
        on_done: Called when one more program is done.
    """

    def harvest(program: WrittenProgram) -> list[Candidate]:
        return list(_mutants(program, sandbox)) if is_usable(program.code) else []

    candidates = []
    with ThreadPoolExecutor(jobs) as pool:
        for found in pool.map(harvest, programs):
            candidates += found
            on_done()
    return candidates


def break_file(
    path: Path,
    cache: Path,
    sandbox: Sandbox,
    *,
    jobs: int,
    on_done: Callable[[], None] = lambda: None,
) -> list[Candidate]:
    """Return the mutants of a file's programs, out of the cache if they were made before."""
    versions = f"/{_VERSION}/{MUTANT_VERSION}"
    digest = hashlib.sha256(path.read_bytes() + versions.encode()).hexdigest()
    kept = cache / f"written-{digest[:16]}.jsonl"
    if not kept.is_file():
        found = break_programs(load_programs(path), sandbox, jobs=jobs, on_done=on_done)
        cache.mkdir(parents=True, exist_ok=True)
        save_lines((asdict(candidate) for candidate in found), kept)
    return load_candidates(kept)


def choose_problems(candidates: Iterable[Candidate]) -> list[Problem]:
    """Return problems of known patterns, unlike each other, at most 200 of a pattern."""
    return [problem for problem, _ in select_problems(candidates, "written", _LIMITS, [])]


def _mutants(program: WrittenProgram, sandbox: Sandbox) -> Iterator[Candidate]:
    output = _prove(program, sandbox)
    if output is None:
        return
    check = make_checker(sandbox, "bin")
    mutants = mutate(program.code, program.id, check, limit=_MUTANTS_PER_PROGRAM)
    if program.broken is not None and len(find_changes(program.broken, program.code)) == 1:
        own = examine("the model", "", program.broken, check)
        mutants += [own] if own and _num_kinds(own) == 1 else []
    for mutant in mutants:
        yield Candidate.of(mutant, program.id, program.code, output=output)


def _num_kinds(mutant: Mutant) -> int:
    codes = ((error.get("code") or {}).get("code") for error in errors_in(mutant.messages))
    return len(set(codes))


def _prove(program: WrittenProgram, sandbox: Sandbox) -> str | None:
    """Return what a program prints, if it compiles and runs and always prints the same."""
    empty = Candidate(program.id, "", "", "E0000", program.code, program.code, "", (), output="")
    draft = empty.as_problem(program.id, "none", "none")
    try:
        problem = record_output(replace(draft, check=Check("stdout")), sandbox)
    except InputError:
        return None
    return problem.check.expect or None
