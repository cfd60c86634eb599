"""Judge a candidate fix: it must compile, behave, and keep the program.

A candidate that fails is data, never an exception. Everything that comes from the candidate is
compiled and run in the sandbox.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sleepy_coder.claims import faults_in
from sleepy_coder.diagnostics import parse_stream
from sleepy_coder.gutting import find_disuse, find_gutting
from sleepy_coder.hidden_tests import append_tests
from sleepy_coder.problems import Check, Problem
from sleepy_coder.sandbox import Completed, Limits, Sandbox
from sleepy_coder.supervise import SIGNALED
from sleepy_coder.syntax import has_syntax_error

Outcome = Literal["pass", "compile_error", "wrong_behavior", "gutted", "timeout", "no_code"]

# CPU time decides, since it does not depend on what else the machine does; wall time is for
# programs that sleep or wait for each other.
COMPILE_LIMITS = Limits(wall_s=60, cpu_s=20)
RUN_LIMITS = Limits(wall_s=20, cpu_s=5, output_bytes=1 << 20, file_bytes=64 << 20)

PROGRAM = "program"
# Of a rustc that crashed, and of one that a limit of its own or the system ended.
_CRASHES = ("the compiler unexpectedly panicked", "(signal: ")
_EXECUTE_ONLY = 0o111


@dataclass(frozen=True)
class Compiled:
    """What rustc said.

    Attributes:
        diagnostics: Its JSON messages, unparsed.
        is_cut_short: There may be more to say: a limit or a crash ended the run.
        detail: Why it failed without a message: a crash, or a limit that it passed.
    """

    is_ok: bool
    diagnostics: tuple[dict[str, Any], ...]
    is_timeout: bool = False
    is_cut_short: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """What became of a candidate.

    Attributes:
        detail: The reason in one line; empty for `pass`.
        diagnostics: rustc's JSON messages on the candidate alone, never on hidden tests.
        seconds: Wall time spent on it.
    """

    outcome: Outcome
    detail: str = ""
    diagnostics: tuple[dict[str, Any], ...] = ()
    seconds: float = 0.0


def compile_source(code: str, *, crate_type: str, edition: str, sandbox: Sandbox) -> Compiled:
    """Check one source file with rustc, without producing a program, and return what it said.

    Lints keep the levels that rustc and the code give them: what a user's build refuses is
    refused here.

    Args:
        code: The whole crate, `main.rs` or `lib.rs` in the messages.
        crate_type: `bin` or `lib`.
        edition: `2015` to `2024`.
        sandbox: Where rustc runs.
    """
    with scratch_folder() as work_dir:
        argv = [f"--crate-type={crate_type}", f"--edition={edition}", "--emit=metadata"]
        return _compile(code, argv, sandbox, work_dir)


def judge_candidate(problem: Problem, code: str | None, sandbox: Sandbox) -> Verdict:
    """Return the verdict on one candidate for a problem; None means that there was no code."""
    started = time.monotonic()
    verdict = _judge(problem, code, sandbox)
    seconds = time.monotonic() - started
    return Verdict(verdict.outcome, verdict.detail, verdict.diagnostics, seconds)


def judge_candidates(
    pairs: Sequence[tuple[Problem, str | None]], sandbox: Sandbox, jobs: int | None = None
) -> list[Verdict]:
    """Return the verdicts in the order of the pairs; identical pairs are judged once.

    Args:
        pairs: Problems and candidates for them.
        sandbox: Where they are compiled and run.
        jobs: How many at a time; by default as many as there are cores.
    """
    keys = [(problem.id, code) for problem, code in pairs]
    distinct = dict(zip(keys, pairs, strict=True))
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        verdicts = pool.map(lambda p: judge_candidate(p[0], p[1], sandbox), distinct.values())
        known = dict(zip(distinct, verdicts, strict=True))
    return [known[key] for key in keys]


def accept(pairs: Sequence[tuple[Problem, str | None]], sandbox: Sandbox) -> list[bool]:
    """Whether each answer compiles and keeps its program's items; behaviour is not looked at.

    This is all that the user of a program without a reference fix and hidden check can verify.
    """
    visible = [
        (replace(problem, fixed=None, check=Check(kind="compile", expect=None, code=None)), code)
        for problem, code in pairs
    ]
    return [verdict.outcome == "pass" for verdict in judge_candidates(visible, sandbox)]


def _judge(problem: Problem, code: str | None, sandbox: Sandbox) -> Verdict:
    if code is None or not code.strip():
        return Verdict("no_code", "the answer holds no code")
    faults = faults_in(problem) if problem.fixed is None else None
    gutting = find_gutting(problem.buggy, problem.fixed, code, faults)
    if gutting and not has_syntax_error(code):
        return Verdict("gutted", gutting)
    with scratch_folder() as work_dir:
        verdict = _compile_and_run(problem, code, sandbox, work_dir)
    if verdict.outcome == "compile_error":
        return verdict
    if gutting:  # rustc accepts what the parser stumbled over, so what it missed is missing
        return Verdict("gutted", gutting, verdict.diagnostics)
    if verdict.outcome == "pass":
        disuse = find_disuse(problem.buggy, problem.fixed, code)
        return Verdict("gutted", disuse, verdict.diagnostics) if disuse else verdict
    return verdict


def _compile_and_run(problem: Problem, code: str, sandbox: Sandbox, work_dir: Path) -> Verdict:
    is_run = problem.check.kind == "stdout"
    argv = [f"--crate-type={problem.crate_type}", f"--edition={problem.edition}"]
    argv += ["-o", PROGRAM] if is_run else ["--emit=metadata"]
    compiled = _compile(code, argv, sandbox, work_dir)
    if compiled.is_timeout:
        return Verdict("timeout", "rustc: " + compiled.detail, compiled.diagnostics)
    if not compiled.is_ok:
        detail = next(error_lines(compiled.diagnostics), compiled.detail)
        return Verdict("compile_error", detail, compiled.diagnostics)
    if is_run:
        run = run_program(sandbox, work_dir)
        outcome, detail = _compare(run, problem.check.expect)
    elif problem.check.kind == "tests":
        outcome, detail = _run_tests(problem, code, sandbox)
    else:
        outcome, detail = "pass", ""
    return Verdict(outcome, detail, compiled.diagnostics)


def _compile(code: str, arguments: list[str], sandbox: Sandbox, work_dir: Path) -> Compiled:
    """Compile a file of the name that cargo would give it."""
    file_name = "main.rs" if "--crate-type=bin" in arguments else "lib.rs"
    (work_dir / file_name).write_text(code, encoding="utf-8", errors="replace", newline="")
    argv = ["rustc", "--error-format=json", *arguments, file_name]
    done = sandbox.run(argv, work_dir=work_dir, limits=COMPILE_LIMITS)
    detail = "" if done.returncode == 0 else describe_end(done)
    diagnostics = tuple(parse_stream(done.stderr))
    is_ok = done.returncode == 0
    return Compiled(is_ok, diagnostics, done.is_timeout, is_cut_short(done), detail)


def run_program(sandbox: Sandbox, work_dir: Path, *arguments: str) -> Completed:
    """Run the compiled program, which can neither be read by itself nor leave anything."""
    (work_dir / PROGRAM).chmod(_EXECUTE_ONLY)
    argv = [f"./{PROGRAM}", *arguments]
    return sandbox.run(argv, work_dir=work_dir, limits=RUN_LIMITS, is_writable=False)


def _compare(run: Completed, expected: str | None) -> tuple[Outcome, str]:
    """Judge a program by its exit status and, where known, its output, but for space at its end."""
    if run.is_timeout:
        return "timeout", describe_end(run)
    if run.returncode != 0 or run.stop:
        return "wrong_behavior", describe_end(run)
    got, want = run.stdout.rstrip(), (expected or "").rstrip()
    if expected is None or got == want:
        return "pass", ""
    lines = zip([*got.split("\n"), None], [*want.split("\n"), None], strict=False)
    number, (line, other) = next((n, p) for n, p in enumerate(lines, 1) if p[0] != p[1])
    return "wrong_behavior", f"stdout, line {number}: got {line!r}, expected {other!r}"


def _run_tests(problem: Problem, code: str, sandbox: Sandbox) -> tuple[Outcome, str]:
    """Compile the candidate with the hidden tests and run them."""
    program = append_tests(code, problem.check.code or "")
    with scratch_folder() as work_dir:
        # From standard input: no macro of the candidate finds a file that holds the receipts.
        argv = ["rustc", "--test", f"--edition={problem.edition}", "-o", PROGRAM, "-"]
        argv[2:2] = ["--error-format=json", "--cap-lints=allow"]
        done = sandbox.run(argv, work_dir=work_dir, limits=COMPILE_LIMITS, stdin=program.code)
        if done.is_timeout:
            return "timeout", "rustc: " + describe_end(done)
        if done.returncode != 0:
            error = next(error_lines(parse_stream(done.stderr)), describe_end(done))
            return "wrong_behavior", f"the hidden tests do not compile with it: {error}"
        run = run_program(sandbox, work_dir, "--test-threads=1")
    if run.is_timeout:
        return "timeout", describe_end(run)
    num_passed = sum(receipt in run.stderr for receipt in program.receipts)
    if run.returncode != 0 or run.stop or num_passed < len(program.receipts):
        counts = f"{num_passed} of {len(program.receipts)} hidden tests passed"
        return "wrong_behavior", f"{counts}; {describe_end(run)}"
    return "pass", ""


def is_cut_short(done: Completed) -> bool:
    """Whether rustc or cargo may have had more to say: a limit or a crash ended the run."""
    is_ended = done.stop is not None or done.returncode > SIGNALED
    return is_ended or any(words in done.stderr for words in _CRASHES)


def describe_end(done: Completed) -> str:
    """Return in one line how a run ended, with the line of stderr that tells most."""
    limits = {
        "timeout": "ran out of time",
        "cpu": "ran out of CPU time",
        "output": "wrote too much",
        "file": "wrote too large a file",
    }
    how = limits[done.stop] if done.stop else f"exit status {done.returncode}"
    lines = [line for line in done.stderr.splitlines() if line.strip() and line[0] != "{"]
    telling = [line for line in lines if line.startswith("error")][:1] or lines[-1:]
    return f"{how}: {telling[0].strip()[:200]}" if telling else how


def error_lines(diagnostics: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield each error among rustc's JSON messages in one line."""
    for message in diagnostics:
        if str(message.get("level", "")).startswith("error"):
            code = (message.get("code") or {}).get("code")
            yield f"error[{code}]: {message['message']}" if code else f"error: {message['message']}"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="sleepy-", ignore_cleanup_errors=True) as name:
        yield Path(name)
