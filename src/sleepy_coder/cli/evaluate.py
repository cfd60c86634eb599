"""`sleepy generate`, `sleepy judge` and `sleepy eval`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from sleepy_coder import evaluate
from sleepy_coder.answer_cache import AnswerCache
from sleepy_coder.cli.options import (
    Decorator,
    bundle,
    json_option,
    open_sandbox,
    set_option,
    split_commas,
    unconfined_option,
)
from sleepy_coder.cli.progress import counted
from sleepy_coder.cli.sources import (
    PromptedModelOptions,
    SourceOptions,
    prompted_model_options,
    source_options,
)
from sleepy_coder.evaluate import Selection
from sleepy_coder.problems import Problem, ProblemSet, load_set
from sleepy_coder.repair import STRATEGIES, Strategy
from sleepy_coder.report import compare, render_repair, render_table
from sleepy_coder.results import RunRecord, save_run_record
from sleepy_coder.workbench import Generation, Workbench

_choice_options = bundle(
    "selection",
    Selection,
    click.option("--limit", type=click.IntRange(min=1), help="Only the first N problems."),
    click.option(
        "--ids", default="", callback=split_commas, help="Only these problems, separated by commas."
    ),
)
_cycle_option = click.option(
    "--cycle", type=click.IntRange(min=0), help="Day/night cycle to record in the result."
)


def _strategy_option(*, multiple: bool, names: Sequence[str]) -> Decorator:
    return click.option(
        "--strategy",
        "strategies" if multiple else "strategy",
        type=click.Choice(sorted(names)),
        required=True,
        multiple=multiple,
        help="; ".join(f"{name}: {STRATEGIES[name].summary}" for name in names) + ".",
    )


@click.command()
@set_option
@_strategy_option(multiple=False, names=[s.name for s in STRATEGIES.values() if not s.needs_rust])
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Generations, JSONL.")
@_choice_options
@prompted_model_options
@source_options
def generate(
    set_name: str,
    strategy: str,
    out: Path,
    selection: Selection,
    options: PromptedModelOptions,
    sources: SourceOptions,
) -> None:
    """Answer a set's problems; needs a model and no Rust."""
    problems = selection.apply(load_set(set_name))
    chosen = STRATEGIES[strategy]
    tasks = sources.find(options.model, [chosen])
    with tasks.serve(chosen.serves, options.workbench([chosen])) as bench:
        _generate(problems, chosen, bench, out)
        evaluate.save_run_info(evaluate.describe_run(strategy, bench), out)
    click.echo(f"wrote {out}", err=True)


@click.command()
@click.argument("generations", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@set_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Result, JSON.")
@_cycle_option
@unconfined_option
@json_option
def judge(
    generations: Path,
    set_name: str,
    out: Path,
    cycle: int | None,
    allow_unconfined: bool,
    as_json: bool,
) -> None:
    """Judge the answers in a generations file; needs Rust and no model."""
    answers = list(evaluate.load_generations(generations).values())
    record = evaluate.judge(
        load_set(set_name),
        answers,
        open_sandbox(allow_unconfined=allow_unconfined),
        evaluate.load_run_info(generations),
        cycle=cycle,
    )
    save_run_record(record, out)
    _print([record], as_json=as_json)


@click.command(name="eval")
@set_option
@_strategy_option(multiple=True, names=list(STRATEGIES))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Result, JSON; with several strategies a folder that gets one file each.",
)
@click.option(
    "--attempts",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Answers a problem may take; each sees what the compiler said of the one before.",
)
@_choice_options
@prompted_model_options
@source_options
@_cycle_option
@click.option(
    "--show",
    "show_repairs",
    is_flag=True,
    help="Print each answer's verdict and what it changes, in place of the table.",
)
@unconfined_option
@json_option
def eval_(
    set_name: str,
    strategies: tuple[str, ...],
    out: Path,
    attempts: int,
    selection: Selection,
    options: PromptedModelOptions,
    sources: SourceOptions,
    cycle: int | None,
    show_repairs: bool,
    allow_unconfined: bool,
    as_json: bool,
) -> None:
    """Answer a set's problems and judge the answers; goes on where it was interrupted."""
    problem_set = load_set(set_name)
    chosen = [STRATEGIES[name] for name in dict.fromkeys(strategies)]
    tasks = sources.find(options.model, chosen)
    shared = dataclasses.replace(
        options.workbench(chosen),
        sandbox=open_sandbox(allow_unconfined=allow_unconfined),
        attempts=attempts,
        answers=AnswerCache(),  # strategies that leave a problem to the model repeat its answer
    )
    is_file = len(chosen) == 1 and out.suffix == ".json"
    paths = [out if is_file else out / f"{strategy.name}.json" for strategy in chosen]
    partials = [path.with_suffix(".partial.jsonl") for path in paths]
    records = []
    for strategy, path, partial in zip(chosen, paths, partials, strict=True):
        with tasks.serve(strategy.serves, shared) as bench:
            answers = _generate(selection.apply(problem_set), strategy, bench, partial)
            info = evaluate.describe_run(strategy.name, bench)
            sandbox = bench.require_sandbox(strategy.name)
        records.append(evaluate.judge(problem_set, answers, sandbox, info, cycle=cycle))
        save_run_record(records[-1], path)
    # Only now: an interrupted command takes over the strategies that it had finished, too.
    for partial in partials:
        partial.unlink()
    if show_repairs:
        click.echo("\n".join(_render_repairs(problem_set, records)))
    else:
        _print(records, as_json=as_json)
    click.echo(f"wrote {', '.join(map(str, paths))}", err=True)


def _render_repairs(problem_set: ProblemSet, records: Sequence[RunRecord]) -> Iterator[str]:
    by_id = {problem.id: problem for problem in problem_set.problems}
    for record in records:
        for result in record.problems:
            yield render_repair(by_id[result.id], record.strategy, result)


def _generate(
    problems: Sequence[Problem], strategy: Strategy, bench: Workbench, path: Path
) -> list[Generation]:
    """Answer problems and show how far that is."""
    console = Console(stderr=True, highlight=False)
    with counted(strategy.name, len(problems), console=console, tells_end=False) as advance:
        try:
            answers = evaluate.generate(
                problems, strategy.name, bench, path, on_done=lambda _: advance()
            )
        except KeyboardInterrupt:
            console.print(f"{strategy.name}: interrupted; the same command goes on from here")
            raise
    count = f"{len(answers)} answer{'' if len(answers) == 1 else 's'}"
    console.print(f"{strategy.name}: {count}")
    return answers


def _print(records: Sequence[RunRecord], *, as_json: bool) -> None:
    if as_json:
        summaries: list[dict[str, Any]] = [
            {k: v for k, v in record.to_json().items() if k != "problems"} for record in records
        ]
        click.echo(json.dumps(summaries, indent=1))
        return
    names = {str(record.model["name"]) for record in records if record.model}
    size = len(records[0].problems)
    title = f"{records[0].problem_set['name']}: {size} problems" + "".join(
        f", {name}" for name in sorted(names)
    )
    Console().print(render_table(compare(records), title))
