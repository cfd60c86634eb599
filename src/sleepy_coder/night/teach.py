"""One task's coefficients, learned on from where they are over the frozen basis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from sleepy_coder.night.config import NightConfig
from sleepy_coder.patterns import GENERAL
from sleepy_coder.problems import Problem
from sleepy_coder.prompt import read_answer_form
from sleepy_coder.share.subspace import Subspace, TaskCoefficients, width_of
from sleepy_coder.share.tasks import columns_beyond, convert, put_task
from sleepy_coder.train.config import FitConfig, FitReport
from sleepy_coder.train.data import encode_pairs, pair_from_problem
from sleepy_coder.train.recipe import OnStep, Recipe, learn_tasks

if TYPE_CHECKING:
    from sleepy_coder.model import RepairModel
    from sleepy_coder.prompt import AnswerForm
    from sleepy_coder.share.manifest import Store
    from sleepy_coder.train.pairs import Row

_LEAST_TOKENS = 512  # of a forward: one or two rows fill a processor's matrix products
# As the shipped tasks were learned (`configs/learn.toml`).
_EDIT_WEIGHT, _KEPT_WEIGHT = 2.0, 0.5


@dataclass(frozen=True)
class Taught:
    """What was learned of one pattern.

    Attributes:
        coefficients: In the number format of the store.
        learned: Ids of the problems that it was learned from.
        provenance: How it was learned, as the store says of the task.
    """

    coefficients: TaskCoefficients
    learned: frozenset[str]
    report: FitReport
    provenance: Mapping[str, Any]


def teach(
    model: RepairModel,
    store: Store,
    pattern: str,
    problems: Sequence[Problem],
    replayed: Sequence[Problem],
    config: NightConfig,
    *,
    on_step: OnStep = lambda *_: None,
) -> Taught | None:
    """Return a pattern's coefficients after some steps on pairs; None if all own are too long.

    They start from the pattern's own, else from what all tasks share (`recipe.mean_start`); the
    columns of `general` that a task begins with stay as they are.

    Args:
        model: Frozen; it passes gradients.
        store: Gives basis, start, and the form of the answers. It stays as it is.
        pattern: The task.
        problems: Those to learn from, with fixes and diagnostics.
        replayed: Others of the pattern, which by themselves are no reason to learn.
        config: How.
        on_step: Called with each step's loss.
    """
    known = store.subspace.tasks
    form = answer_form(store, pattern)

    def encode(problems: Sequence[Problem]) -> list[Row]:
        pairs = [pair_from_problem(p, task=pattern, answer_form=form) for p in problems]
        found, _ = encode_pairs(pairs, model.tokenizer, max_tokens=config.max_pair_tokens)
        return found.get(pattern, [])

    own = {problem.id: row for problem in problems for row in encode([problem])}
    if not own:
        return None
    rows = {pattern: [*own.values(), *encode(replayed)]}
    start, pseudo_rank = _start(known, pattern)
    learned = learn_tasks(
        model.hf_model,
        convert(replace(store.subspace, tasks=start), dtype=torch.float32),
        rows,
        Recipe(pseudo_rank=pseudo_rank, coefficients=_fit_config(rows[pattern], config)),
        pad_id=model.tokenizer.pad_token_id or 0,
        on_step=on_step,
        goes_on=True,
    )
    found = Subspace(store.subspace.bases, {pattern: learned.tasks[config.num_steps][pattern]})
    coefficients = convert(found, dtype=store.subspace.dtype, device="cpu").tasks[pattern]
    provenance = {
        "format": "trained",
        "pairs": len(rows[pattern]),
        "steps": config.num_steps,
        "rows_per_step": config.rows_per_step,
        "learning_rate": config.learning_rate,
        "model_sha256": model.sha256,
    }
    return Taught(coefficients, frozenset(own), learned.report, provenance)


def _start(
    known: Mapping[str, TaskCoefficients], pattern: str
) -> tuple[Mapping[str, TaskCoefficients], int]:
    """Return the tasks that a pattern's training starts from, and p, its own columns."""
    general = known.get(GENERAL)
    others = {name: task for name, task in known.items() if name != GENERAL}
    beyond = {name: general and columns_beyond(task, general) for name, task in others.items()}
    built = {name: own for name, own in beyond.items() if own}
    if pattern not in others:
        return known, max(map(width_of, (built or others).values()), default=1)
    if general and pattern in built:
        return {GENERAL: general, pattern: known[pattern]}, width_of(built[pattern])
    return {pattern: known[pattern]}, width_of(known[pattern])


def answer_form(store: Store, pattern: str) -> AnswerForm:
    """Return the form in which a task answers; a new one as all others do, else the program."""
    known = store.subspace.tasks
    names = [pattern] if pattern in known else list(known)
    forms = {read_answer_form(name, store.provenance.get(name, {})) for name in names}
    return forms.pop() if len(forms) == 1 else "program"


def with_taught(store: Store, taught: Mapping[str, Taught]) -> Store:
    """Return the store with new coefficients in it; all other tasks and the basis stay.

    A task is heard against the base model as before; one that is new, where that has no answer.
    """
    subspace, provenance = store.subspace, {**store.provenance}
    for name, found in taught.items():
        known = store.provenance.get(name, {})
        min_doubt = known.get("min_doubt", 0.0) if name in store.subspace.tasks else None
        subspace = put_task(subspace, name, found.coefficients)
        provenance[name] = {
            "answer_form": answer_form(store, name),
            "min_doubt": min_doubt,
            **found.provenance,
        }
    return replace(store, subspace=subspace, provenance=provenance, sha256="")


def _fit_config(rows: Sequence[Row], config: NightConfig) -> FitConfig:
    return FitConfig(
        num_steps=config.num_steps,
        rows_per_task=config.rows_per_step,
        learning_rate=config.learning_rate,
        warmup_steps=min(4, config.num_steps),
        edit_weight=_EDIT_WEIGHT,
        kept_weight=_KEPT_WEIGHT,
        max_tokens=max(_LEAST_TOKENS, *map(len, rows)),
        seed=config.seed,
    )
