"""`sleepy route`: which kind of mistake a program's diagnostics show, and by which rule."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sleepy_coder import router
from sleepy_coder.cli.options import json_option, open_sandbox, unconfined_option
from sleepy_coder.diagnostics import Diagnostic, parse_diagnostics, parse_stream
from sleepy_coder.errors import InputError, SleepyError
from sleepy_coder.judge import compile_source
from sleepy_coder.problems import load_set
from sleepy_coder.router import Candidate, order_errors, rank
from sleepy_coder.syntax import crate_type

# The mistakes that the base model does not mend by itself; each must find its way.
_SELF_TEST_IDS = ("bc_003", "bc_005", "bc_010", "tb_002", "tb_007", "tb_008", "rh_004", "rh_005")


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--diagnostic",
    "diagnostic_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="rustc's or cargo's JSON messages; with FILE they are used instead of compiling it.",
)
@click.option("--self-test", is_flag=True, help="Route the eight hard problems; 1 if one fails.")
@click.option("--edition", default="2021", show_default=True, help="Rust edition of FILE.")
@unconfined_option
@json_option
@click.pass_context
def route(
    context: click.Context,
    file: Path | None,
    diagnostic_file: Path | None,
    self_test: bool,
    edition: str,
    allow_unconfined: bool,
    as_json: bool,
) -> None:
    """Say which kind of mistake FILE.rs shows, by which rule, and what else came into question.

    Without FILE, rules that need to look at the program do not apply. No route is an answer too.
    """
    if self_test:
        context.exit(0 if _run_self_test(as_json=as_json) else 1)
    source = "" if file is None else _read(file)
    if diagnostic_file is not None:
        diagnostics = _load_diagnostics(diagnostic_file)
    elif file is not None:
        diagnostics = _compile(file, source, edition, allow_unconfined=allow_unconfined)
    else:
        raise click.UsageError("nothing to route: give FILE, --diagnostic or --self-test")
    decision = _decide(diagnostics, source)
    click.echo(json.dumps(decision, indent=1) if as_json else _render(decision))


def _compile(file: Path, source: str, edition: str, *, allow_unconfined: bool) -> list[Diagnostic]:
    compiled = compile_source(
        source,
        crate_type=crate_type(source),
        edition=edition,
        sandbox=open_sandbox(allow_unconfined=allow_unconfined),
    )
    if not compiled.is_ok and not compiled.diagnostics:
        raise SleepyError(f"{file}: rustc gave no diagnostics: {compiled.detail or 'it failed'}")
    return parse_diagnostics(compiled.diagnostics)


def _load_diagnostics(path: Path) -> list[Diagnostic]:
    """Return the messages of a file: one JSON object a line, one object alone, or a list."""
    text = _read(path)
    try:
        loaded = json.loads(text)
    except ValueError:
        raws = parse_stream(text)
    else:
        entries = loaded if isinstance(loaded, list) else [loaded]
        raws = [entry for entry in entries if isinstance(entry, dict)]
    diagnostics = parse_diagnostics(raws)
    if not any(diagnostic.message for diagnostic in diagnostics):
        raise InputError(f"{path}: got no rustc message, expected what --error-format=json prints")
    return diagnostics


def _decide(diagnostics: Sequence[Diagnostic], source: str) -> dict[str, Any]:
    """Return the route, the error it is for, and the next best candidate, as JSON."""
    errors = order_errors(diagnostics)
    candidates = rank(diagnostics, source)
    chosen = router.route(diagnostics, source)
    task = chosen.task if chosen is not None else None
    runner_up = next((c for c in candidates if c.route.task != task), None)
    if chosen is not None:
        reason = chosen.reason
    elif any(c.is_leading for c in candidates):
        reason = "rules of equal score disagree"
    else:
        reason = "no rule matches this error" if errors else "the compiler reports no error"
    return {
        "task": task,
        "score": chosen.score if chosen is not None else None,
        "reason": reason,
        "error": _describe(errors[0]) if errors else None,
        "other_errors": len(errors[1:]),
        "runner_up": _summarize(runner_up) if runner_up is not None else None,
    }


def _summarize(candidate: Candidate) -> dict[str, Any]:
    return {
        "task": candidate.route.task,
        "score": candidate.route.score,
        "reason": candidate.route.reason,
        "error": _describe(candidate.error),
    }


def _describe(error: Diagnostic) -> str:
    code = f"error[{error.code}]" if error.code else "error"
    line = f" at line {error.primary.line_start}" if error.primary is not None else ""
    return f"{code}{line}: {error.message}"


def _render(decision: dict[str, Any]) -> str:
    lines = [_headline(decision) if decision["task"] else f"none: {decision['reason']}"]
    if decision["error"]:
        others = decision["other_errors"]
        lines.append(f"  for {decision['error']}" + (f" (and {others} more)" if others else ""))
    runner_up = decision["runner_up"]
    lines.append(f"  runner-up: {_headline(runner_up) if runner_up else 'none'}")
    if runner_up and runner_up["error"] != decision["error"]:
        lines.append(f"    for {runner_up['error']}")
    return "\n".join(lines)


def _headline(entry: dict[str, Any]) -> str:
    return f"{entry['task']} ({entry['score']:.2f}): {entry['reason']}"


def _run_self_test(*, as_json: bool) -> bool:
    """Print a line for each hard problem's recorded diagnostics; return whether all were right."""
    problems = {problem.id: problem for problem in load_set("core").problems}
    rows = []
    for problem_id in _SELF_TEST_IDS:
        problem = problems[problem_id]
        found = router.route_problem(problem)
        task = found.task if found is not None else None
        rows.append(
            {
                "id": problem_id,
                "expected": problem.pattern,
                "task": task,
                "score": found.score if found is not None else None,
                "is_right": task == problem.pattern,
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        for row in rows:
            verdict = "ok" if row["is_right"] else f"FAILED, expected {row['expected']}"
            click.echo(f"{row['id']}  {row['task'] or 'none'}  {verdict}")
    return all(row["is_right"] for row in rows)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text: {error}") from error
