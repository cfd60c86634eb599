"""Programs that the model wrote and rustc refuses, mended: mistakes as a model makes them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sleepy_coder.judge import Compiled, compile_source
from sleepy_coder.learning.answers import collect_own_answers
from sleepy_coder.mutants.harvest import EDITION
from sleepy_coder.mutants.mutate import MAX_ERRORS, errors_in
from sleepy_coder.problems import Check, Problem
from sleepy_coder.proof import first_error_code, storable
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.workbench import Workbench
from sleepy_coder.written.harvest import WrittenProgram, is_usable

# In turn; each is asked about what those before it did not mend.
MENDERS = ("rustfix", "routed", "general", "base-again")


def mend_programs(
    programs: Sequence[WrittenProgram], bench: Workbench, *, jobs: int
) -> list[WrittenProgram]:
    """Return the programs that compile, as they were written or after they were mended.

    A mended one keeps its items, runs to its end, and says in `broken` how it was written; what
    the repair did not need is as written. All others are left out.

    Args:
        programs: What the model wrote.
        bench: With a model, learned tasks and a sandbox.
        jobs: Programs compiled at a time; answers are judged on all cores.
    """
    usable = [program for program in programs if is_usable(program.code)]
    sandbox = bench.require_sandbox("mend")

    def check(program: WrittenProgram) -> Compiled:
        return compile_source(program.code, crate_type="bin", edition=EDITION, sandbox=sandbox)

    with ThreadPoolExecutor(jobs) as pool:
        compiled = list(pool.map(check, usable))
    found = [program for program, done in zip(usable, compiled, strict=True) if done.is_ok]
    problems = [
        _problem(program, done)
        for program, done in zip(usable, compiled, strict=True)
        if 0 < len(errors_in(done.diagnostics)) <= MAX_ERRORS
    ]
    menders = [name for name in MENDERS if STRATEGIES[name].is_possible(bench)]
    answers = collect_own_answers(problems, bench, menders)
    mended = (replace(p, code=answers[p.id], broken=p.code) for p in usable if p.id in answers)
    return [*found, *mended]


def _problem(program: WrittenProgram, done: Compiled) -> Problem:
    return Problem(
        id=program.id,
        family="none",
        pattern="none",
        description="as the model wrote it",
        crate_type="bin",
        edition=EDITION,
        error_code=first_error_code(done.diagnostics),
        buggy=program.code,
        fixed=None,
        check=Check("stdout"),
        diagnostics=storable(done.diagnostics),
    )
