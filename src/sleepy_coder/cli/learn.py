"""`sleepy learn`: from sets of problems to a store of learned tasks that passed the gate."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sleepy_coder.cli.options import (
    config_option,
    device_option,
    json_option,
    open_sandbox,
    split_commas,
    unconfined_option,
)
from sleepy_coder.cli.sources import dtype_option
from sleepy_coder.results import describe_environment, save_json

if TYPE_CHECKING:
    from sleepy_coder.learning.course import Course, Outcome

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@config_option("learn")
@click.option(
    "--data", type=_FOLDER, default=Path("data"), show_default=True, help="What `make data` wrote."
)
@click.option(
    "--work",
    type=_FOLDER,
    default=Path("runs/learn"),
    show_default=True,
    help="Finished stages; an interrupted course goes on.",
)
@click.option("--out", type=_FOLDER, required=True, help="Store to write.")
@click.option(
    "--over",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A store whose basis is used in place of a new one. What is not learned stays as it is.",
)
@click.option(
    "--tasks",
    callback=split_commas,
    default="",
    help="With --over: patterns to learn, separated by commas; by default all that have pairs.",
)
@click.option("--seed", type=int, help="Of the training of coefficients, or of adapters.")
@click.option(
    "--lora",
    "is_lora",
    is_flag=True,
    help="One LoRA adapter a pattern from the same pairs, each a folder in PEFT's format under "
    "--out, in place of a store. An interrupted run starts anew.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON to write: the gate's ruling on every task, loss curves, environment; beside it, as "
    "JSONL, what the gate looked at.",
)
@click.option("--model", help="In place of the configuration's.")
@click.option(
    "--components", type=click.IntRange(min=1), help="k, in place of the configuration's."
)
@click.option(
    "--ask-only",
    is_flag=True,
    help="Learn, and have everything answered, but judge nothing: for a machine without Rust. "
    "The same command without it, where Rust is and with --dtype as it was there, goes on from "
    "--work.",
)
@device_option
@dtype_option
@unconfined_option
@json_option
def learn(
    config_path: Path,
    data: Path,
    work: Path,
    out: Path,
    over: Path | None,
    tasks: tuple[str, ...],
    seed: int | None,
    is_lora: bool,
    report: Path | None,
    model: str | None,
    components: int | None,
    ask_only: bool,
    device: str,
    dtype: str,
    allow_unconfined: bool,
    as_json: bool,
) -> None:
    """Learn a task for each pattern, and find out when it is heard against the base model.

    Needs the model, Rust, and for the registered models a GPU: hours of a processor's time are
    minutes of an H100's. Under `torchrun` the work is split over its processes, one GPU each.
    """
    from sleepy_coder.learned import check_base_model
    from sleepy_coder.learning.config import load_learn_config
    from sleepy_coder.learning.course import Course
    from sleepy_coder.learning.sets import load_learning_sets
    from sleepy_coder.learning.trials import save_trials
    from sleepy_coder.share.store import load_store, save_store
    from sleepy_coder.train.distributed import current_ranks, joined_ranks
    from sleepy_coder.train.setup import load_frozen_model

    _check_options(over, tasks, components, is_lora=is_lora, ask_only=ask_only)
    config = load_learn_config(config_path)
    recipe = dataclasses.replace(config.recipe, components=components or config.recipe.components)
    if seed is not None:
        part = "lora" if is_lora else "coefficients"
        fit = dataclasses.replace(getattr(recipe, part), seed=seed)
        recipe = dataclasses.replace(recipe, **{part: fit})
    config = dataclasses.replace(config, model=model or config.model, recipe=recipe)
    needs_rust = not ask_only and (not is_lora or config.uses_own_answers)
    sandbox = open_sandbox(allow_unconfined=allow_unconfined) if needs_rust else None
    sets = load_learning_sets(data, with_written=config.uses_written)
    with joined_ranks() as own_device:
        frozen = load_frozen_model(config.model, device=own_device or device, dtype=dtype)
        is_first = current_ranks().is_first
        course = Course(config, sets, frozen, sandbox, work, tasks=tasks)
        if over:
            course.over = load_store(over)
            check_base_model(course.over, frozen)
        if is_first:
            course.on_stage, course.on_step = _say, _say_step
        if is_lora:
            _learn_lora(course, out, report, as_json=as_json)
            return
        if ask_only:
            course.ask()
            return
        outcome = course.run()
    if not is_first:
        return
    save_store(outcome.store, out)
    record = _record(course, outcome)
    if report is not None:
        save_json(record, report)
        save_trials(outcome.trials, report.with_suffix(".trials.jsonl"))
    click.echo(json.dumps(record["gate"], indent=1) if as_json else _summary(outcome, out))


def _check_options(
    over: Path | None,
    tasks: Sequence[str],
    components: int | None,
    *,
    is_lora: bool,
    ask_only: bool,
) -> None:
    """Refuse options that have nothing to say beside each other."""
    if tasks and over is None:
        raise click.UsageError("--tasks: needs --over; a basis is learned from all patterns")
    if is_lora and over is not None:
        raise click.UsageError("--over: adapters have no basis; leave it out with --lora")
    if ask_only and is_lora:
        raise click.UsageError("--ask-only: nothing is asked of adapters; leave it out with --lora")
    if components and (over is not None or is_lora):
        raise click.UsageError("--components: of a new basis only; leave it out here")


def _learn_lora(course: Course, out: Path, report: Path | None, *, as_json: bool) -> None:
    """Train the adapters and have the first process write them."""
    from sleepy_coder.share.files import check_replaceable
    from sleepy_coder.share.peft_io import ADAPTER
    from sleepy_coder.train.distributed import current_ranks

    for name in course.rows:
        check_replaceable(out / name, ADAPTER)
    adapters, fitted = course.learn_lora()
    if not current_ranks().is_first:
        return
    for adapter in adapters:
        origin = course.provenance(adapter.name)
        adapter.save(out / adapter.name, base_model=course.model.public_name, provenance=origin)
    if report is not None:
        save_json({**_describe(course), "training": fitted.to_json()}, report)
    summary = {"adapters": len(adapters), "out": str(out)}
    text = f"{len(adapters)} adapters; written to {out}"
    click.echo(json.dumps(summary) if as_json else text)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _say_step(phase: str, step: int, losses: Mapping[str, float]) -> None:
    mean = sum(losses.values()) / len(losses)
    click.echo(f"{phase}, step {step}: loss {mean:.4f}", err=True)


def _summary(outcome: Outcome, out: Path) -> str:
    rulings = outcome.decision.rulings.values()
    lines = [
        f"{r.task}: solves {r.solved_second} of {r.total}, the base model {r.solved}; "
        f"where that is in doubt it gains {r.gained} and loses {r.lost}"
        for r in rulings
    ]
    counts = f"{len(outcome.store.subspace.tasks)} tasks"
    if outcome.decision.min_doubt is not None:
        counts += f", {len(outcome.decision.heard)} heard from {outcome.decision.min_doubt:g} on"
    return "\n".join([*sorted(lines), f"{counts}; written to {out}"])


def _record(course: Course, outcome: Outcome) -> dict[str, Any]:
    """Return what a result file says of the course."""
    from sleepy_coder.learning.gate import cross_validate

    decision = outcome.decision
    gate: dict[str, Any] = {"step": outcome.step, "min_doubt": decision.min_doubt}
    if course.over is None:  # else the doubt was not chosen here
        trials = list(outcome.trials[outcome.step].values())
        found = cross_validate(trials, course.config.gate)
        gate["cross_validation"] = dataclasses.asdict(found)
    rulings = sorted(decision.rulings.items())
    gate["rulings"] = {task: dataclasses.asdict(ruling) for task, ruling in rulings}
    return {**_describe(course), "gate": gate, "training": outcome.training}


def _describe(course: Course) -> dict[str, Any]:
    """Return what was learned with: model, configuration, sets, environment."""
    from sleepy_coder.learning.sets import describe_sets

    return {
        "schema_version": 1,
        "model": course.model.describe(),
        "config": dataclasses.asdict(course.config),
        "over": course.over.sha256 if course.over else None,
        "tasks": list(course.tasks),
        "sets": describe_sets(course.sets.parts),
        "environment": describe_environment(str(course.model.device)),
    }
