"""All that one crate yields: programs, their tests, their mutants; kept in a cache of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from sleepy_coder.judge import compile_source, judge_candidate
from sleepy_coder.mutants.author_tests import EXAMPLE_NAME
from sleepy_coder.mutants.crates import Crate, PartLimits, fetch_crate, source_files
from sleepy_coder.mutants.extract import MAX_LINES, Program, extract_programs
from sleepy_coder.mutants.mutate import Mutant, mutate
from sleepy_coder.mutants.prune import Check, Checked
from sleepy_coder.patterns import put_head
from sleepy_coder.problems import Check as ProblemCheck
from sleepy_coder.problems import CrateType, Problem, save_lines
from sleepy_coder.proof import storable
from sleepy_coder.sandbox import Sandbox

EDITION = "2021"
# Parts of a cached file's name: raise them when extraction, or an operator, changes what comes out.
PROGRAM_VERSION = 1
MUTANT_VERSION = 3

# Of a compilation that a limit cuts short, as it may where the machine is busy: what comes out of a
# crate is kept for good.
_ATTEMPTS = 3

# Mutants per program for each that a set may have of it: the rarer patterns are chosen.
_SPARE_FACTOR = 2
_SHOWN_TESTS_SHARE = 0.4  # of the programs with tests; the others' tests are hidden


@dataclass(frozen=True)
class Candidate:
    """A mutant that may become a problem.

    Attributes:
        crate: Name of the crate that `fixed` was cut out of, or of the written program that it is.
        operator: What broke it; `aim` is the pattern that the operator aims at.
        tests: Hidden tests that `fixed` passes; empty where there are none.
        messages: rustc's JSON messages on `buggy`.
        output: What `fixed` prints; None where it is a library.
    """

    crate: str
    operator: str
    aim: str
    error_code: str
    buggy: str
    fixed: str
    tests: str
    messages: tuple[dict[str, Any], ...]
    output: str | None = None

    @classmethod
    def of(
        cls, mutant: Mutant, crate: str, fixed: str, *, tests: str = "", output: str | None = None
    ) -> Candidate:
        """Return a mutant of a program as a candidate."""
        return cls(
            crate=crate,
            operator=mutant.operator,
            aim=mutant.aim,
            error_code=mutant.error_code,
            buggy=mutant.buggy,
            fixed=fixed,
            tests=tests,
            messages=storable(mutant.messages),
            output=output,
        )

    def as_problem(self, identifier: str, family: str, pattern: str) -> Problem:
        """Return the problem that this mutant is."""
        if self.output is not None:
            kind = ProblemCheck("stdout", expect=self.output)
        else:
            kind = ProblemCheck("tests", code=self.tests) if self.tests else ProblemCheck("compile")
        return Problem(
            id=identifier,
            family=family,
            pattern=pattern,
            description=f"part of {self.crate}, broken by {self.operator}",
            crate_type="lib" if self.output is None else "bin",
            edition=EDITION,
            error_code=self.error_code,
            buggy=self.buggy,
            fixed=self.fixed,
            check=kind,
            diagnostics=storable(self.messages),
        )


def harvest_crate(
    crate: Crate, limits: PartLimits, seed: int, *, packages: Path, cache: Path, sandbox: Sandbox
) -> list[Candidate]:
    """Return the mutants of a crate, out of the cache if they were made before.

    Args:
        crate: Where the programs come from.
        limits: How many programs, and problems per program, to stop at.
        seed: Decides, with the crate's name, what is cut and how it is broken.
        packages: Folder of unpacked packages.
        cache: Folder of what was harvested before.
        sandbox: Compiles and runs the programs.
    """
    key = f"{_program_key(crate, limits, seed)}/{limits.problems_per_program}/{MUTANT_VERSION}"
    path = _cache_file(cache / "mutants", crate, key)
    if not path.is_file():
        check = make_checker(sandbox, "lib")
        files = cache / "programs"
        programs = _cached_programs(crate, limits, seed, packages, files, sandbox)
        limit = _SPARE_FACTOR * limits.problems_per_program
        found = _mutants(crate, seed, programs, check, limit)
        save_lines((asdict(candidate) for candidate in found), path)
    return load_candidates(path)


def load_candidates(path: Path) -> list[Candidate]:
    """Return candidates as they were kept, one JSON object a line."""
    return [
        Candidate(**{**fields, "messages": tuple(fields["messages"])})
        for fields in _read_lines(path)
    ]


def _cached_programs(
    crate: Crate, limits: PartLimits, seed: int, packages: Path, files: Path, sandbox: Sandbox
) -> list[Program]:
    path = _cache_file(files, crate, _program_key(crate, limits, seed))
    if not path.is_file():
        folder = fetch_crate(crate, packages)
        programs = _programs(crate, limits, seed, folder, make_checker(sandbox, "lib"))
        save_lines((asdict(_prove_tests(program, sandbox)) for program in programs), path)
    return [Program(**fields) for fields in _read_lines(path)]


def _program_key(crate: Crate, limits: PartLimits, seed: int) -> str:
    counts = (limits.files_per_crate, limits.programs_per_file, limits.programs_per_crate)
    return f"{crate}/{'/'.join(map(str, counts))}/{seed}/{PROGRAM_VERSION}"


def _cache_file(folder: Path, crate: Crate, key: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(key.encode()).hexdigest()
    return folder / f"{crate.name.replace('/', '_')}-{digest[:12]}.jsonl"


def _read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _mutants(
    crate: Crate, seed: int, programs: Sequence[Program], check: Check, limit: int
) -> Iterator[Candidate]:
    for number, program in enumerate(programs):
        name = f"{seed}/{crate.name}/{number}"
        random = Random(name)  # noqa: S311 - not for secrets
        shown = _show_tests(program, random)
        if crate.part == "train":  # the other sets are as they were when numbers were made of them
            shown = replace(shown, code=put_head(shown.code, random))
        for mutant in mutate(shown.code, name, check, limit=limit):
            yield Candidate.of(mutant, crate.name, shown.code, tests=shown.tests)


def _programs(
    crate: Crate, limits: PartLimits, seed: int, folder: Path, check: Check
) -> Iterator[Program]:
    """Yield programs of a crate's files in random order, a few per file."""
    files = source_files(folder)
    Random(f"{seed}/{crate.name}").shuffle(files)  # noqa: S311 - not for secrets
    left = limits.programs_per_crate
    for path in files[: limits.files_per_crate]:
        name = f"{seed}/{crate.name}/{path.relative_to(folder).as_posix()}"
        code = path.read_text(encoding="utf-8", errors="replace")
        limit = min(limits.programs_per_file, left)
        found = extract_programs(code, name, check, limit=limit) if left else []
        yield from found
        left -= len(found)


def _prove_tests(program: Program, sandbox: Sandbox) -> Program:
    """Return the program with its tests if it passes them, else without."""
    if not program.tests:
        return program
    kind = ProblemCheck("tests", code=program.tests)
    empty = Candidate("", "", "", "E0000", program.code, program.code, program.tests, ())
    problem = replace(empty.as_problem("proof", "none", "none"), check=kind)
    is_passing = judge_candidate(problem, program.code, sandbox).outcome == "pass"
    return program if is_passing else Program(program.code)


def _show_tests(program: Program, random: Random) -> Program:
    """Return some programs with their tests in sight as well, where they are not too long."""
    module = f"\n#[cfg(test)]\nmod tests {{\n    use super::*;\n\n{program.tests}}}\n"
    whole = program.code + module
    is_chosen = random.random() < _SHOWN_TESTS_SHARE
    is_shown = is_chosen and bool(program.tests) and EXAMPLE_NAME not in program.tests
    if is_shown and len(whole.splitlines()) <= MAX_LINES:
        return Program(whole, program.tests)
    return program


def make_checker(sandbox: Sandbox, crate_type: CrateType) -> Check:
    """Return a function that compiles a crate, the same text only once."""

    @lru_cache(maxsize=512)
    def check(code: str) -> Checked:
        for _ in range(_ATTEMPTS):
            done = compile_source(code, crate_type=crate_type, edition=EDITION, sandbox=sandbox)
            if not done.is_cut_short:
                break
        return Checked(done.is_ok, done.diagnostics)

    return check
