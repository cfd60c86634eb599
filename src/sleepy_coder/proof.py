"""Prove that a problem is sound: broken as recorded, mendable, and not to be cheated."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleepy_coder.errors import InputError
from sleepy_coder.judge import (
    COMPILE_LIMITS,
    PROGRAM,
    compile_source,
    judge_candidates,
    run_program,
)
from sleepy_coder.problems import Check

if TYPE_CHECKING:
    from sleepy_coder.judge import Outcome
    from sleepy_coder.problems import Problem
    from sleepy_coder.sandbox import Sandbox

# What the problems shipped with the package bring along; a user's may do without.
CORE_NUM_WRONG = 2
# Where the component rust-src lies, which differs from machine to machine.
_STD_SOURCES = re.compile(r'[^\s"]*/lib/rustlib/src/rust(?=/)')


@dataclass(frozen=True)
class Proof:
    """What compiling and judging a problem's own programs showed.

    Attributes:
        failures: One sentence for each thing that is not as recorded; none for a sound problem.
        diagnostics: rustc's JSON messages for the broken program, as `problems` stores them.
    """

    id: str
    failures: tuple[str, ...]
    diagnostics: tuple[dict[str, Any], ...]

    @property
    def is_sound(self) -> bool:
        """Whether everything is as recorded."""
        return not self.failures


def prove_problem(
    problem: Problem,
    sandbox: Sandbox,
    *,
    num_wrong: int = 0,
    jobs: int = 1,
    judge_fixed: bool = True,
) -> Proof:
    """Return what is not as the problem says; a problem that cannot be trusted is no exception.

    The broken program fails to compile, its first error carrying the recorded code; the reference
    passes the problem's own check; and the judge turns each wrong fix down for the recorded reason.

    Args:
        problem: Where it has no reference, only the broken program and wrong fixes are tried.
        sandbox: Compiles and runs the programs.
        num_wrong: How many wrong fixes there must be; if any, one of them must be gutted.
        jobs: How many answers to judge at a time.
        judge_fixed: Judge the reference; one that `record_output` has run needs no more.
    """
    compiled = compile_source(
        problem.buggy, crate_type=problem.crate_type, edition=problem.edition, sandbox=sandbox
    )
    failures = [
        *_failures_of_buggy(problem, compiled.diagnostics, is_ok=compiled.is_ok),
        *_failures_of_answers(problem, sandbox, jobs, judge_fixed=judge_fixed),
        *_failures_of_wrong(problem, num_wrong),
    ]
    return Proof(problem.id, tuple(failures), storable(compiled.diagnostics))


def finish_problem(draft: Problem, sandbox: Sandbox) -> tuple[Problem, Proof]:
    """Return a generated problem with expected output and diagnostics, and its proof."""
    try:
        problem = record_output(draft, sandbox)
    except InputError as error:
        return draft, Proof(draft.id, (str(error),), ())
    proof = prove_problem(problem, sandbox, judge_fixed=problem.check == draft.check)
    return replace(problem, diagnostics=proof.diagnostics), proof


def storable(diagnostics: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return rustc's messages as they can be shared.

    Without its long explanations of error codes (its own manual), and with the standard library's
    sources where rustc itself names them when they are not installed.
    """
    text = _STD_SOURCES.sub("/rustc", json.dumps(diagnostics))
    messages: list[dict[str, Any]] = json.loads(text)
    for message in messages:
        if message.get("code"):
            message["code"]["explanation"] = None
    return tuple(messages)


def record_output(problem: Problem, sandbox: Sandbox) -> Problem:
    """Return the problem with what its reference prints as the expected output.

    Only a `stdout` check whose expectation is open changes.

    Raises:
        InputError: There is no reference, it does not compile and run, or it prints something else
            the second time.
    """
    if problem.check.kind != "stdout" or problem.check.expect is not None:
        return problem
    if problem.fixed is None:
        raise InputError(f"{problem.id}: got no fixed program, expected one whose output counts")
    with tempfile.TemporaryDirectory(prefix="sleepy-") as name:
        work_dir = Path(name)
        (work_dir / "main.rs").write_text(problem.fixed, encoding="utf-8", newline="")
        rustc = ["rustc", f"--edition={problem.edition}", "-o", PROGRAM, "main.rs"]
        done = sandbox.run(rustc, work_dir=work_dir, limits=COMPILE_LIMITS)
        outputs = set()
        for _ in range(2):
            if done.returncode == 0 and not done.stop:
                done = run_program(sandbox, work_dir)
                outputs.add(done.stdout)
    if done.returncode != 0 or done.stop:
        reason = done.stderr.strip().partition("\n")[0]
        raise InputError(f"{problem.id}: the fixed program does not compile and run: {reason}")
    if len(outputs) > 1:
        raise InputError(f"{problem.id}: the fixed program prints something else each time")
    return replace(problem, check=Check(kind="stdout", expect=done.stdout))


def first_error_code(diagnostics: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the code of the first message of level `error`, None where it carries none."""
    for message in diagnostics:
        if message.get("level") == "error":
            code: Mapping[str, Any] = message.get("code") or {}
            return code.get("code")
    return None


def _failures_of_buggy(
    problem: Problem, diagnostics: Sequence[Mapping[str, Any]], *, is_ok: bool
) -> Iterator[str]:
    got = first_error_code(diagnostics)
    if is_ok:
        yield "buggy compiles, expected an error"
    elif not any(message.get("level") == "error" for message in diagnostics):
        yield "buggy fails without an error message (did rustc run into a limit?)"
    elif problem.error_code is not None and got != problem.error_code:
        yield f"buggy fails with {got}, expected {problem.error_code}"


def _failures_of_answers(
    problem: Problem, sandbox: Sandbox, jobs: int, *, judge_fixed: bool
) -> Iterator[str]:
    """Judge the reference, if wanted, and the wrong fixes."""
    answers: list[tuple[str, Outcome, str]] = []
    if problem.fixed is not None and judge_fixed:
        answers.append((problem.fixed, "pass", "fixed"))
    answers += [(w.code, w.outcome, f"wrong fix {w.description!r}") for w in problem.wrong]
    verdicts = judge_candidates([(problem, code) for code, _, _ in answers], sandbox, jobs=jobs)
    for (_, expected, name), verdict in zip(answers, verdicts, strict=True):
        if verdict.outcome != expected:
            yield f"{name} gives {verdict.outcome}, expected {expected}: {verdict.detail}"


def _failures_of_wrong(problem: Problem, num_wrong: int) -> Iterator[str]:
    if len(problem.wrong) < num_wrong:
        yield f"has {len(problem.wrong)} wrong fixes, expected at least {num_wrong}"
    if num_wrong and not any(wrong.outcome == "gutted" for wrong in problem.wrong):
        yield "has no wrong fix that guts the program"
