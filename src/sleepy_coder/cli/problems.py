"""`sleepy problems`: list, show, prove and generate problems."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from rich.console import Console
from rich.table import Table

from sleepy_coder.cli.options import json_option, open_sandbox, split_commas, unconfined_option
from sleepy_coder.cli.progress import counted
from sleepy_coder.errors import InputError
from sleepy_coder.patterns import PATTERNS, Part, generate_problems
from sleepy_coder.problems import (
    Problem,
    ProblemSet,
    load_set,
    save_core_diagnostics,
    save_set,
)
from sleepy_coder.proof import CORE_NUM_WRONG, Proof, finish_problem, prove_problem

Result = TypeVar("Result")

_BUILT_IN = ("core", "frozen")
_set_option = click.option(
    "--set",
    "set_name",
    default="core",
    show_default=True,
    metavar="SET",
    help="core (42 problems), frozen (30 of them), or a path to JSONL.",
)
_jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="How many problems at a time; by default as many as there are cores.",
)


@click.group()
def problems() -> None:
    """List, show, prove and generate problems: pieces of broken Rust."""


@problems.command("list")
@_set_option
@json_option
def list_(set_name: str, as_json: bool) -> None:
    """List the problems of a set."""
    problem_set = load_set(set_name)
    rows = [_summary(problem) for problem in problem_set.problems]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    table = Table(title=f"{problem_set.name}: {len(rows)} problems")
    columns = ("id", "family", "pattern", "error_code", "lines")
    for name in columns:
        table.add_column(name.replace("_", " "), no_wrap=True)
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in columns))
    Console().print(table)


@problems.command()
@click.argument("problem_id", metavar="ID")
@_set_option
@click.option("--fixed", "with_fixed", is_flag=True, help="Show the reference fix too.")
@json_option
def show(problem_id: str, set_name: str, with_fixed: bool, as_json: bool) -> None:
    """Show one problem: its program and what rustc says of it."""
    (problem,) = _select(load_set(set_name), (problem_id,))
    if as_json:
        click.echo(json.dumps(problem.to_json(), indent=1, ensure_ascii=False))
        return
    click.echo(render_problem(problem), nl=False)
    if with_fixed:
        click.echo(_diff(problem))


def render_problem(problem: Problem) -> str:
    """Return a problem's title, its program, and what rustc says of it."""
    title = f"{problem.id} · {problem.family} · {problem.pattern}\n{problem.description}\n"
    messages = [message.get("rendered") or "" for message in problem.diagnostics or ()]
    return "".join([f"{title}\n{problem.buggy}\n", *messages])


@problems.command()
@_set_option
@click.option(
    "--ids", default="", callback=split_commas, help="Only these problems, separated by commas."
)
@_jobs_option
@click.option("--write", is_flag=True, help="Record rustc's diagnostics with the problems.")
@unconfined_option
@json_option
@click.pass_context
def check(
    context: click.Context,
    set_name: str,
    ids: tuple[str, ...],
    jobs: int | None,
    write: bool,
    allow_unconfined: bool,
    as_json: bool,
) -> None:
    """Prove problems: broken as recorded, mendable, and their wrong fixes turned down.

    Exits with 1 when a problem is not sound.
    """
    problem_set = load_set(set_name)
    chosen = _select(problem_set, ids)
    sandbox = open_sandbox(allow_unconfined=allow_unconfined)
    num_wrong = CORE_NUM_WRONG if set_name in _BUILT_IN else 0

    def prove(problem: Problem) -> Proof:
        return prove_problem(problem, sandbox, num_wrong=num_wrong)

    proofs = _map_with_progress(prove, chosen, jobs, "proving")
    if write:
        _write_diagnostics(set_name, problem_set, proofs)
    _report(problem_set, chosen, proofs, as_json=as_json)
    context.exit(0 if all(proof.is_sound for proof in proofs) else 1)


@problems.command()
@click.option(
    "--pattern",
    "names",
    multiple=True,
    metavar="NAME",
    help="Which mistake; may be repeated. By default every pattern.",
)
@click.option("--count", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--part",
    type=click.Choice(get_args(Part)),
    default="all",
    show_default=True,
    help="Shapes that training may use, the one of each pattern that it never sees, or all.",
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="JSONL to write."
)
@_jobs_option
@unconfined_option
@click.pass_context
def generate(
    context: click.Context,
    names: tuple[str, ...],
    count: int,
    seed: int,
    part: Part,
    out: Path,
    jobs: int | None,
    allow_unconfined: bool,
) -> None:
    """Generate COUNT problems a pattern, prove them, and write the sound ones with diagnostics.

    Equal arguments give equal programs. Exits with 1 when a problem was not sound.
    """
    drafts = [p for name in names or PATTERNS for p in generate_problems(name, count, seed, part)]
    sandbox = open_sandbox(allow_unconfined=allow_unconfined)
    finished = _map_with_progress(lambda p: finish_problem(p, sandbox), drafts, jobs, "proving")
    sound = [problem for problem, proof in finished if proof.is_sound]
    save_set(sound, out)
    for _, proof in finished:
        for failure in proof.failures:
            click.echo(f"{proof.id}: {failure}", err=True)
    click.echo(f"{out}: {len(sound)} problems of {len({p.pattern for p in sound})} patterns")
    context.exit(0 if len(sound) == len(drafts) else 1)


def _select(problem_set: ProblemSet, ids: tuple[str, ...]) -> list[Problem]:
    """Return the problems with these ids in the set's order; all of them for no ids."""
    if unknown := set(ids) - {problem.id for problem in problem_set.problems}:
        raise InputError(f"{min(unknown)}: is not in set {problem_set.name}; see `problems list`")
    return [problem for problem in problem_set.problems if not ids or problem.id in ids]


def _summary(problem: Problem) -> dict[str, Any]:
    return {
        "id": problem.id,
        "family": problem.family,
        "pattern": problem.pattern,
        "error_code": problem.error_code,
        "crate_type": problem.crate_type,
        "check": problem.check.kind,
        "lines": problem.buggy.count("\n"),
    }


def _diff(problem: Problem) -> str:
    """Return the reference fix as a unified diff."""
    if problem.fixed is None:
        return "no reference fix"
    pair = (problem.buggy.splitlines(keepends=True), problem.fixed.splitlines(keepends=True))
    return "".join(difflib.unified_diff(*pair, "buggy", "fixed"))


def _map_with_progress(
    function: Callable[[Problem], Result],
    chosen: Sequence[Problem],
    jobs: int | None,
    title: str,
) -> list[Result]:
    """Return the function's results in order, worked out in parallel; tell how many there are."""
    results = []
    with (
        counted(title, len(chosen)) as advance,
        ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool,
    ):
        for result in pool.map(function, chosen):
            results.append(result)
            advance()
    return results


def _write_diagnostics(set_name: str, problem_set: ProblemSet, proofs: Sequence[Proof]) -> None:
    """Record the diagnostics of what was proved where the set came from."""
    recorded = {proof.id: proof.diagnostics for proof in proofs if proof.diagnostics}
    updated = [
        replace(problem, diagnostics=recorded.get(problem.id, problem.diagnostics))
        for problem in problem_set.problems
    ]
    if set_name in _BUILT_IN:
        save_core_diagnostics(updated)
    else:
        save_set(updated, Path(set_name))


def _report(
    problem_set: ProblemSet, chosen: Sequence[Problem], proofs: Sequence[Proof], *, as_json: bool
) -> None:
    """Print a table of families and every failure, or all of it as JSON."""
    num_sound = sum(proof.is_sound for proof in proofs)
    if as_json:
        entries = [{"id": proof.id, "failures": proof.failures} for proof in proofs]
        totals = {"set": problem_set.name, "sha256": problem_set.sha256, "sound": num_sound}
        click.echo(json.dumps({**totals, "problems": entries}, indent=1))
        return
    table = Table(title=f"{problem_set.name}: {num_sound} of {len(proofs)} problems are sound")
    for name in ("family", "sound", "wrong fixes turned down"):
        table.add_column(name, justify="left" if name == "family" else "right")
    for family in dict.fromkeys(problem.family for problem in chosen):
        pairs = [(p, q) for p, q in zip(chosen, proofs, strict=True) if p.family == family]
        sound = [problem for problem, proof in pairs if proof.is_sound]
        num_wrong = sum(len(problem.wrong) for problem in sound)
        table.add_row(family, f"{len(sound)}/{len(pairs)}", str(num_wrong))
    Console().print(table)
    for proof in proofs:
        for failure in proof.failures:
            click.echo(f"{proof.id}: {failure}")
