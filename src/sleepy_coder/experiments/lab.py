"""Where experiments are made: a model, sets, a basis; stages kept in files; training and asking.

A stage is named by a hash of all that it depends on, so an interrupted experiment goes on, and
experiments share what is the same (adapters, coefficients, answers).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from sleepy_coder.diagnostics import parse_diagnostics
from sleepy_coder.errors import InputError
from sleepy_coder.experiments.resident import digest_tensors
from sleepy_coder.learning.answers import collect_own_answers
from sleepy_coder.learning.config import LearnConfig
from sleepy_coder.learning.sets import LearningSets, as_set
from sleepy_coder.patterns import GENERAL
from sleepy_coder.problems import Problem, hash_problems, is_frozen
from sleepy_coder.prompt import render_messages
from sleepy_coder.repair import resume_key
from sleepy_coder.results import save_json
from sleepy_coder.share.linalg import orthonormalize
from sleepy_coder.share.subspace import (
    LoraModule,
    ModuleBasis,
    ModuleCoefficients,
    Subspace,
    TaskCoefficients,
    size_of,
)
from sleepy_coder.share.tasks import columns_beyond, convert, in_basis
from sleepy_coder.train.data import encode_pairs, refuse_collisions
from sleepy_coder.train.lora import TrainedAdapter
from sleepy_coder.train.pools import PoolConfig, build_pools
from sleepy_coder.train.recipe import OnStep, Recipe, learn_adapters, learn_tasks
from sleepy_coder.workbench import Workbench

if TYPE_CHECKING:
    from torch import Tensor

    from sleepy_coder.model import RepairModel
    from sleepy_coder.prompt import AnswerForm
    from sleepy_coder.sandbox import Sandbox
    from sleepy_coder.share.manifest import Store
    from sleepy_coder.train.pairs import Row

Rows = Mapping[str, Sequence["Row"]]


@dataclass
class Lab:
    """What an experiment works with.

    Attributes:
        model: The frozen base model.
        sets: Problems, each for one purpose.
        store: Gives the basis, and the tasks learned over it.
        config: How things are learned unless an experiment changes it.
        sandbox: Where answers are judged.
        folder: Where stages are kept.
        on_stage: Called with a line on each stage that was finished.
        on_step: Called in training with the phase, the step and each task's loss.
    """

    model: RepairModel
    sets: LearningSets
    store: Store
    config: LearnConfig
    sandbox: Sandbox
    folder: Path
    on_stage: Callable[[str], None] = lambda _: None
    on_step: OnStep = lambda *_: None

    def basis(self) -> Subspace:
        """Return the store's basis in float32 with the tasks that came with it.

        Training starts from what they share (`mean_start`), a merge keeps them; what other tasks
        learned stays out of it. A stored basis is rounded; here its columns are made orthonormal
        again, every ΔW kept. What a merge weighs columns by is the recipe's.
        """
        tasks = self.config.founding(self.store.subspace)
        objective = self.config.recipe.objective
        whole = replace(self.store.subspace, tasks=tasks, moments=None, objective=objective)
        return make_orthonormal(whole)

    def learned(self) -> Subspace:
        """Return the store's subspace in float32 with all its tasks."""
        return convert(self.store.subspace, dtype=torch.float32, device="cpu")

    def bench(self) -> Workbench:
        """Return the workbench on which answers are made."""
        return Workbench(
            model=self.model, sandbox=self.sandbox, max_new_tokens=self.config.max_new_tokens
        )

    def trainable(self) -> list[str]:
        """Return the patterns that have enough training pairs, sorted."""
        sources = self.sets.sources
        return sorted(build_pools(sources, {}, (), self.config.pool))

    def rows(
        self,
        tasks: Sequence[str],
        *,
        pool: PoolConfig | None = None,
        own_answers: Mapping[str, str] | None = None,
        anchors: Sequence[Problem] = (),
        sources: Sequence[Sequence[Problem]] | None = None,
    ) -> dict[str, list[Row]]:
        """Return task -> its pairs in tokens; from all sources by default.

        Raises:
            InputError: A task has too few pairs, or a pair is under evaluation.
        """
        sources = self.sources(tasks) if sources is None else sources
        evaluation = [self.sets.core, self.sets.heldout, self.sets.transfer]
        evaluation.append(as_set("select", self.sets.select))
        refuse_collisions([p for source in (*sources, anchors) for p in source], evaluation)
        pools = build_pools(sources, own_answers or {}, anchors, pool or self.config.pool)
        rows, _ = encode_pairs(
            [pair for pairs in pools.values() for pair in pairs],
            self.model.tokenizer,
            max_tokens=self.config.max_pair_tokens,
        )
        if missing := [task for task in tasks if task not in rows]:
            raise InputError(f"--tasks: {missing[0]} has too few training pairs; leave it out")
        return {task: rows[task] for task in tasks}

    def sources(self, tasks: Iterable[str]) -> list[list[Problem]]:
        """Return the tasks' training problems: mutants, written, generated."""
        wanted = set(tasks)
        every = self.sets.sources
        return [[p for p in source if p.pattern in wanted] for source in every]

    def own_answers(
        self, name: str, problems: Sequence[Problem], strategies: Sequence[str]
    ) -> dict[str, str]:
        """Return problem id -> a verified answer of the base model, kept as the stage `name`."""
        asked = [(p.id, resume_key(p, s, self.bench())) for p in problems for s in strategies]
        path = self.path(name, asked)
        if not path.is_file():
            save_json(collect_own_answers(problems, self.bench(), strategies), path)
        own: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        self.on_stage(f"{name}: {len(own)} of {len(problems)}")
        return own

    def train_coefficients(
        self, basis: Subspace, rows: Rows, recipe: Recipe
    ) -> dict[str, TaskCoefficients]:
        """Return each task's coefficients over a frozen basis, trained in one pass."""
        material = [dataclasses.asdict(recipe), digest_rows(rows), digest_subspace(basis)]
        path = self.path("coefficients", material, ".safetensors")
        if not path.is_file():
            learned = learn_tasks(
                self.model.hf_model,
                basis,
                rows,
                recipe,
                pad_id=self.pad_id,
                on_step=self.on_step,
            )
            save_tensors(_flatten(learned.tasks[recipe.coefficients.num_steps]), path)
        self.on_stage(f"coefficients of {len(rows)} tasks, p = {recipe.pseudo_rank}: trained")
        return _unflatten(load_file(path))

    def train_adapters(self, rows: Rows, recipe: Recipe) -> dict[str, TrainedAdapter]:
        """Return each task's LoRA adapter, trained in one pass."""
        path = self.path(
            "adapters", [dataclasses.asdict(recipe), digest_rows(rows)], ".safetensors"
        )
        if not path.is_file():
            adapters, _ = learn_adapters(
                self.model.hf_model, rows, recipe, pad_id=self.pad_id, on_step=self.on_step
            )
            tensors = {}
            for adapter in adapters:
                for module, lora in adapter.modules.items():
                    tensors[f"{adapter.name}:{module}:a"] = lora.a
                    tensors[f"{adapter.name}:{module}:b"] = lora.b * lora.scaling
            save_tensors(tensors, path)
        self.on_stage(f"adapters of {len(rows)} tasks: trained")
        return _adapters(load_file(path))

    def kept(self, name: str, material: Any, make: Callable[[], Any]) -> Any:
        """Return the JSON data of a stage, from its file if it is there."""
        path = self.path(name, material, ".json")
        if not path.is_file():
            save_json(make(), path)
        self.on_stage(f"{name}: done")
        return json.loads(path.read_text(encoding="utf-8"))

    def path(self, name: str, material: Any, suffix: str = ".json") -> Path:
        """Return the file of a stage that depends on the model and the material."""
        key = short_hash([self.model.sha256, str(self.model.dtype), material])
        return self.folder / f"{name}-{key}{suffix}"

    @property
    def pad_id(self) -> int:
        """The token that fills short rows."""
        return self.model.tokenizer.pad_token_id or 0


def count_numbers(task: TaskCoefficients, basis: Subspace) -> tuple[int, int]:
    """Return how many numbers are a task's own, and how many it shares with `general`."""
    general = basis.tasks.get(GENERAL)
    own = columns_beyond(task, general) if general else None
    num_own = size_of(task if own is None else own)
    return num_own, size_of(task) - num_own


def basis_size(subspace: Subspace) -> int:
    """Return how many numbers the bases hold."""
    return sum(b.basis_a.numel() + b.basis_b.numel() for b in subspace.bases.values())


def heldout_of(sets: LearningSets, tasks: Iterable[str], limit: int) -> dict[str, list[Problem]]:
    """Return task -> its first held-out problems, at most `limit`; tasks without any are absent."""
    found: dict[str, list[Problem]] = {}
    wanted = set(tasks)
    for problem in sets.heldout.problems:
        own = found.setdefault(problem.pattern, []) if problem.pattern in wanted else None
        if own is not None and len(own) < limit:
            own.append(problem)
    return found


def exam_of(sets: LearningSets, tasks: Sequence[str], limit: int) -> dict[str, list[Problem]]:
    """Return task -> its held-out and its selecting problems, each at most `limit`."""
    heldout = heldout_of(sets, tasks, limit)
    select = {task: [p for p in sets.select if p.pattern == task][:limit] for task in tasks}
    return {task: [*heldout.get(task, []), *select[task]] for task in tasks}


def frozen_of(sets: LearningSets) -> list[Problem]:
    """Return the 30 frozen problems among the core ones."""
    return [p for p in sets.core.problems if is_frozen(p.id)]


def make_orthonormal(subspace: Subspace) -> Subspace:
    """Return the same tasks over orthonormal columns of the same spans, in float32."""
    wide = convert(subspace, dtype=torch.float32, device="cpu")
    bases = {
        module: ModuleBasis(orthonormalize(basis.basis_b), orthonormalize(basis.basis_a))
        for module, basis in wide.bases.items()
    }
    tasks = {
        name: {
            module: ModuleCoefficients(
                in_basis(bases[module].basis_b, wide.bases[module].basis_b @ entry.coef_b),
                in_basis(bases[module].basis_a, wide.bases[module].basis_a @ entry.coef_a),
            )
            for module, entry in task.items()
        }
        for name, task in wide.tasks.items()
    }
    return replace(wide, bases=bases, tasks=tasks)


def short_hash(material: Any) -> str:
    """Return a short hash of JSON data."""
    text = json.dumps(material, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_rows(rows: Rows) -> str:
    """Return a hash of training rows, by task."""
    return short_hash({task: [dataclasses.astuple(row) for row in rows[task]] for task in rows})


def digest_subspace(subspace: Subspace) -> str:
    """Return a hash of bases and tasks."""
    tensors = {f"{m}.b": basis.basis_b for m, basis in subspace.bases.items()}
    tensors |= {f"{m}.a": basis.basis_a for m, basis in subspace.bases.items()}
    return digest_tensors(tensors | _flatten(subspace.tasks))


def digest_problem(problem: Problem, answer_form: AnswerForm = "program") -> str:
    """Return a hash of a problem with the prompt that it is asked by."""
    diagnostics = parse_diagnostics(problem.diagnostics or ())
    messages = render_messages(problem.buggy, diagnostics, answer_form=answer_form)
    return short_hash([hash_problems([problem]), messages])


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sibling = path.with_name(f".{path.name}.partial")
    save_file({name: each.detach().cpu().contiguous() for name, each in tensors.items()}, sibling)
    sibling.replace(path)


def _flatten(tasks: Mapping[str, TaskCoefficients]) -> dict[str, Tensor]:
    return {
        f"{name}:{module}:{side}": tensor
        for name, task in tasks.items()
        for module, entry in task.items()
        for side, tensor in (("a", entry.coef_a), ("b", entry.coef_b))
    }


def _pairs(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, tuple[Tensor, Tensor]]]:
    """Return task -> module -> (a, b)."""
    found: dict[str, dict[str, tuple[Tensor, Tensor]]] = {}
    for key in sorted(tensors):
        task, module, side = key.split(":")
        if side == "a":
            pair = (tensors[key], tensors[f"{task}:{module}:b"])
            found.setdefault(task, {})[module] = pair
    return found


def _unflatten(tensors: Mapping[str, Tensor]) -> dict[str, TaskCoefficients]:
    return {
        task: {m: ModuleCoefficients(coef_b=b, coef_a=a) for m, (a, b) in modules.items()}
        for task, modules in _pairs(tensors).items()
    }


def _adapters(tensors: Mapping[str, Tensor]) -> dict[str, TrainedAdapter]:
    return {
        task: TrainedAdapter(task, {m: LoraModule(a, b, 1.0) for m, (a, b) in modules.items()})
        for task, modules in _pairs(tensors).items()
    }
