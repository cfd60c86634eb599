"""`sleepy share train`: new tasks over a store's frozen basis, from pairs of programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import torch

from sleepy_coder.cli.options import json_option
from sleepy_coder.cli.share.options import out_option, print_result, store_argument
from sleepy_coder.cli.training import (
    TrainOptions,
    save_report,
    summarize,
    tell_left_out,
    train_options,
    training_progress,
)
from sleepy_coder.errors import InputError
from sleepy_coder.learned import check_base_model
from sleepy_coder.prompt import read_answer_form
from sleepy_coder.share.files import check_replaceable
from sleepy_coder.share.store import STORE, exclusive, load_store, save_store
from sleepy_coder.share.subspace import Subspace
from sleepy_coder.share.tasks import convert, put_task
from sleepy_coder.train.distributed import current_ranks, joined_ranks
from sleepy_coder.train.recipe import Learned, Recipe, learn_tasks
from sleepy_coder.weights import DEFAULT_MODEL

if TYPE_CHECKING:
    from sleepy_coder.prompt import AnswerForm
    from sleepy_coder.share.manifest import Store


@click.command()
@store_argument
@train_options(steps=32, learning_rate=3e-3)
@click.option("--task", metavar="NAME", help="Name of the task to learn.")
@click.option("--per-pattern", is_flag=True, help="A task for each pattern among the pairs.")
@click.option("--model", "model_name", help="By default the one that the store was made for.")
@click.option(
    "--pseudo-rank",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Columns p of a task's coefficients.",
)
@click.option(
    "--expansion",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Directions φ to train beside the basis, which grows by them.",
)
@click.option("--replace", "is_replacing", is_flag=True, help="Learn a task of that name anew.")
@out_option
@json_option
def train(
    store: Path,
    options: TrainOptions,
    task: str | None,
    per_pattern: bool,
    model_name: str | None,
    pseudo_rank: int,
    expansion: int,
    is_replacing: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Learn tasks from pairs over STORE's basis, which stays as it is; so do its tasks.

    Under `torchrun` each step's rows are split over its processes.
    """
    if (task is None) != per_pattern:
        raise InputError("give either --task NAME or --per-pattern")
    place = out or store
    check_replaceable(place, STORE)
    with exclusive(place):
        pass  # it can be locked, now and afterwards
    loaded = load_store(store)
    options = replace(options, answer_form=options.answer_form or common_form(loaded))
    with joined_ranks() as own_device:
        model = options.load_model(model_name or loaded.base_model or DEFAULT_MODEL, own_device)
        check_base_model(loaded, model)
        material = options.material(model.tokenizer, task)
        check_names(loaded.subspace, material.rows, is_replacing=is_replacing)
        tell_left_out(material, options.max_tokens)
        config = options.fit_config(model, material.rows)
        with training_progress(config.num_steps, "learning") as on_step:
            learned = learn_tasks(
                model.hf_model,
                loaded.subspace,
                material.rows,
                Recipe(pseudo_rank=pseudo_rank, coefficients=config),
                pad_id=model.tokenizer.pad_token_id or 0,
                on_step=on_step,
                expansion=expansion,
                checkpoint=options.checkpoint,
            )
        if not current_ranks().is_first:
            return
    origins = {
        name: {
            **options.provenance(model, len(rows), learned.report),
            "pseudo_rank": pseudo_rank,
            "expansion": expansion,
        }
        for name, rows in material.rows.items()
    }
    with exclusive(place):
        current = load_store(store) if place.resolve() == store.resolve() else loaded
        if conflict := find_conflict(loaded, current, learned):
            current, place = loaded, store.with_name(f"{store.name}.learned")
            click.echo(f"sleepy: {store}: {conflict} meanwhile; writing {place}", err=True)
        result = with_learned(current, learned, origins, model.public_name)
        save_store(result, place)
    save_report(options, model, config, learned.report)
    lines, speed = summarize(learned.report, material.rows)
    summary = {"store": str(place), "tasks": len(result.subspace.tasks)}
    print_result(lines, {**summary, **speed}, title="learned", as_json=as_json)


def common_form(store: Store) -> AnswerForm | None:
    """Return the form in which all of a store's tasks answer, or None where there is no such one.

    Training starts from what these tasks share, which knows their form already.
    """
    origins = [store.provenance.get(task, {}) for task in store.subspace.tasks]
    if not all("answer_form" in origin for origin in origins):
        return None
    names = zip(store.subspace.tasks, origins, strict=True)
    forms = {read_answer_form(name, origin) for name, origin in names}
    return forms.pop() if len(forms) == 1 else None


def check_names(subspace: Subspace, names: Iterable[str], *, is_replacing: bool) -> None:
    """Refuse to learn what is there, unless asked to, before any time is spent on it.

    Raises:
        InputError: A task exists.
    """
    known = sorted(set(names) & set(subspace.tasks))
    if known and not is_replacing:
        raise InputError(
            f"task {known[0]}: is in the store; give --replace, or another name with --task"
        )


def find_conflict(before: Store, now: Store, learned: Learned) -> str | None:
    """Return why what was learned over a store cannot be put into it as it is now, or None.

    Another process may have written it while training went on. New tasks are no hindrance.
    """
    if now.sha256 == before.sha256:
        return None
    if learned.grown or now.subspace.bases.keys() != before.subspace.bases.keys():
        return "it was changed"
    for name, basis in now.subspace.bases.items():
        known = before.subspace.bases[name]
        sides = (basis.basis_a, known.basis_a), (basis.basis_b, known.basis_b)
        if not all(torch.equal(one, other) for one, other in sides):
            return "its basis was changed"
    added = now.subspace.tasks.keys() - before.subspace.tasks.keys()
    taken = sorted(added & learned.tasks[max(learned.tasks)].keys())
    return f"task {taken[0]} was added to it" if taken else None


def with_learned(
    store: Store, learned: Learned, origins: dict[str, dict[str, Any]], base_model: str
) -> Store:
    """Return the store with the learned tasks in it, and where they came from."""
    last = max(learned.tasks)
    if learned.grown:
        subspace = learned.grown[last]
    else:
        subspace = store.subspace
        own = Subspace(subspace.bases, learned.tasks[last])
        rounded = convert(own, dtype=subspace.dtype, device="cpu")
        for name, coefficients in rounded.tasks.items():
            subspace = put_task(subspace, name, coefficients)
    provenance = {**store.provenance, **origins}
    named = store.base_model or base_model
    return replace(store, subspace=subspace, provenance=provenance, base_model=named)
