"""One course of learning: from sets of problems to a store whose every task passed the gate.

The stages, each kept in a folder so that an interrupted course goes on where it stopped; `exams`
has those in which problems are answered:

1. `base`: what the base model solves by itself of the problems that select;
2. `own`, if asked for: its verified answers to the training problems;
3. `basis`: adapters of some patterns, and the directions that they share (phase 1);
   `general-W`, if asked for: how the task of all these patterns does at the weight W;
4. `step-N`: every task's coefficients after N steps (phase 2);
5. `trials-N`: how these tasks do on the problems that select.

Then the gate takes the step that gains most, and says which tasks may go first.

A course over a store that is given has no stage `basis`: some of its tasks, or all, are learned
again or anew, and the others stay as they are.

Among processes that joined (`train.distributed`), each on a device of its own, the rows of a step
and the problems of a stage are split; the first one writes the files.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from sleepy_coder.answer_cache import AnswerCache
from sleepy_coder.errors import InputError
from sleepy_coder.learning.answers import Judged
from sleepy_coder.learning.config import LearnConfig
from sleepy_coder.learning.exams import Exams
from sleepy_coder.learning.gate import Decision, Trial, decide
from sleepy_coder.learning.sets import LearningSets, as_set
from sleepy_coder.model import RepairModel
from sleepy_coder.patterns import GENERAL
from sleepy_coder.problems import Problem
from sleepy_coder.repair import resume_key
from sleepy_coder.results import describe_environment, save_json
from sleepy_coder.router import route_problem
from sleepy_coder.sandbox import Sandbox
from sleepy_coder.share.manifest import Store
from sleepy_coder.share.store import load_store, save_store
from sleepy_coder.share.subspace import Subspace
from sleepy_coder.share.tasks import convert, put_task, scaled
from sleepy_coder.train.config import FitReport
from sleepy_coder.train.data import encode_pairs, refuse_collisions
from sleepy_coder.train.distributed import current_ranks
from sleepy_coder.train.lora import TrainedAdapter
from sleepy_coder.train.pairs import Row
from sleepy_coder.train.pools import build_pools
from sleepy_coder.train.recipe import OnStep, common_of, learn_adapters, learn_basis, learn_tasks
from sleepy_coder.workbench import Workbench


@dataclass(frozen=True)
class Outcome:
    """What a course came to.

    Attributes:
        store: All tasks; each says from how much doubt on it is heard against the base model.
        step: Steps of training after which they were taken.
        decision: The gate's rulings on all tasks at that step.
        trials: Step -> problem id -> what the gate looked at.
        training: What phase 2 did and took, see `FitReport.to_json`, and where.
    """

    store: Store
    step: int
    decision: Decision
    trials: Mapping[int, Mapping[str, Trial]]
    training: Mapping[str, Any]


@dataclass
class Course:
    """A course under way.

    Attributes:
        model: The frozen base model.
        sandbox: Where rustc runs; `ask` and `learn_lora` need none.
        folder: Where the stages are kept.
        on_stage: Called with a line on each stage that was finished or found finished.
        on_step: Called in training with the phase, the step and each task's loss.
        over: A store that gives the basis and the start.
        tasks: Over a store: the patterns to learn; empty is all that have enough pairs.
    """

    config: LearnConfig
    sets: LearningSets
    model: RepairModel
    sandbox: Sandbox | None
    folder: Path
    on_stage: Callable[[str], None] = lambda _: None
    on_step: OnStep = lambda *_: None
    over: Store | None = None
    tasks: Sequence[str] = ()

    def run(self) -> Outcome:
        """Go through all stages and return what may be shipped.

        Raises:
            InputError: A training problem collides with one under evaluation, or a task that is
                asked for has too few pairs.
        """
        self._keep_apart()
        base = self._exams.base(self._select)
        steps = self._coefficients(base)
        trials = {
            step: self._exams.trials(
                f"trials-{step}", self._select, base, "routed-alone", steps[step]
            )
            for step in sorted(steps)
        }
        gate = self.config.gate if self.over is None else replace(self.config.gate, doubts=())
        decisions = {
            step: decide(list(tried.values()), gate, min_doubt=self._known_doubt)
            for step, tried in trials.items()
        }
        step = max(decisions, key=lambda s: (decisions[s].net_gain, -s))
        store = self._shipped(steps[step], step, decisions[step])
        training = json.loads(self._training.read_text(encoding="utf-8"))
        return Outcome(store, step, decisions[step], trials, training)

    def ask(self) -> None:
        """Go through all that takes the model, judging nothing: for a machine without Rust.

        The answers are kept in the folder: where Rust is, `run` of the same course finds them.

        Raises:
            InputError: See `run`; or what is learned depends on what passes.
        """
        if self.config.uses_own_answers:
            raise InputError("uses_own_answers: only verified ones are; this needs Rust")
        if self.over is None and len(self.config.general_weights) > 1:
            raise InputError("general_weights: choosing one of several needs Rust")
        self._keep_apart()
        self._exams.ask("base", self._select)
        for store in self._coefficients({}).values():
            self._exams.ask("routed-alone", self._select, store)

    def learn_lora(self) -> tuple[list[TrainedAdapter], FitReport]:
        """Return a LoRA adapter for each pattern, from the same pairs as its coefficients are.

        Raises:
            InputError: A training problem collides with one under evaluation.
        """
        self._keep_apart()
        return learn_adapters(
            self.model.hf_model,
            self.rows,
            self.config.recipe,
            pad_id=self._pad_id,
            on_step=self.on_step,
        )

    def _keep_apart(self) -> None:
        """Refuse a training problem that collides with one under evaluation."""
        training = [problem for source in self.sets.sources for problem in source]
        reported = [self.sets.core, self.sets.heldout, self.sets.transfer]
        refuse_collisions(training, [as_set("select", self.sets.select), *reported])

    @cached_property
    def _select(self) -> Sequence[Problem]:
        """The problems that select: all, or over a store those that a task to learn is for."""
        if self.over is None:
            return self.sets.select
        return [p for p in self.sets.select if (r := route_problem(p)) and r.task in self.rows]

    @property
    def _known_doubt(self) -> float | None:
        """The strictest doubt from which tasks of the store below are heard, if any are.

        A few tasks' problems are too few to choose it by.
        """
        origins = self.over.provenance.values() if self.over else ()
        known = (origin.get("min_doubt") for origin in origins)
        return max((doubt for doubt in known if doubt is not None), default=None)

    @cached_property
    def rows(self) -> dict[str, list[Row]]:
        """Task -> its pairs in tokens."""
        config = self.config
        sources = self.sets.sources
        problems = [problem for source in sources for problem in source]
        own = self._exams.own_answers(problems) if config.uses_own_answers else {}
        anchors = [problem for problem in problems if problem.id in own]
        pools = build_pools(sources, own, anchors, config.pool)
        pairs = [pair for pool in pools.values() for pair in pool]
        rows, num_too_long = encode_pairs(
            pairs, self.model.tokenizer, max_tokens=config.max_pair_tokens
        )
        self.on_stage(f"{len(pairs)} pairs of {len(rows)} tasks; {num_too_long} too long")
        if missing := [task for task in self.tasks if task not in rows]:
            raise InputError(f"--tasks: {missing[0]} has too few training pairs; leave it out")
        return {task: rows[task] for task in self.tasks} if self.tasks else rows

    def _basis(self) -> Subspace:
        """Return the directions that the adapters of the basis's patterns share (phase 1)."""
        if self.over is not None:
            return self.over.subspace
        path = self.folder / f"basis-{self._key}"
        if not path.is_dir():
            missing = [name for name in self.config.basis_patterns if name not in self.rows]
            if missing:
                raise InputError(f"basis_patterns: got {missing[0]}, which has too few pairs")
            rows = {name: self.rows[name] for name in self.config.basis_patterns}
            subspace = learn_basis(
                self.model.hf_model,
                rows,
                self.config.recipe,
                pad_id=self._pad_id,
                on_step=self.on_step,
            )
            # What is shipped is what was trained with: the basis is rounded before, not after.
            rounded = convert(subspace, dtype=torch.bfloat16, device="cpu")
            self._save_store(Store(replace(rounded, moments=None), self.model.public_name), path)
        self.on_stage("basis: learned")
        return load_store(path).subspace

    def _weigh(self, base: Mapping[str, Judged], basis: Subspace) -> float:
        """Return the weight of `general` at which it solves most, where the base model is in doubt.

        The gate says from how much doubt on; no task is left out, since this is but one.
        """

        def solved(weight: float) -> int:
            subspace = scaled(basis, GENERAL, weight)
            stage = f"general-{weight}"
            path = self.folder / f"{stage}-{self._key}"
            provenance = self._provenance(subspace.tasks)
            self._save_store(Store(subspace, self.model.public_name, provenance), path)
            tried = self._exams.trials(stage, self._select, base, "general", load_store(path))
            least = decide(list(tried.values()), self.config.gate).min_doubt
            return sum(trial.is_solved(least) for trial in tried.values())

        weights = sorted(self.config.general_weights)
        chosen = max(weights, key=solved) if len(weights) > 1 else weights[0]
        self.on_stage(f"general: at {chosen} of its weight")
        return chosen

    def _coefficients(self, base: Mapping[str, Judged]) -> dict[int, Store]:
        """Return step -> a store of all tasks' coefficients after it (phase 2)."""
        recipe = self.config.recipe
        config = recipe.coefficients
        steps = (*(s for s in config.snapshots if s < config.num_steps), config.num_steps)
        paths = {step: self.folder / f"step-{step}-{self._key}" for step in steps}
        if not all(path.is_dir() for path in paths.values()):
            basis = self._basis()
            weight = None
            if self.config.general_weights and self.over is None:
                weight = self._weigh(base, basis)
                basis = scaled(basis, GENERAL, weight)
            start = self.config.founding(basis)
            learned = learn_tasks(
                self.model.hf_model,
                convert(replace(basis, tasks=start, moments=None), dtype=torch.float32),
                self.rows,
                self.config.recipe,
                pad_id=self._pad_id,
                on_step=self.on_step,
            )
            environment = describe_environment(str(self.model.device))
            if current_ranks().is_first:
                report = {**learned.report.to_json(), "environment": environment}
                save_json(report, self._training)
            names = [n for n in basis.tasks if self.over is not None or n == GENERAL]
            kept = replace(basis, tasks={name: basis.tasks[name] for name in names})
            common = self.over.common if self.over else ""
            if common_of(basis, recipe.pseudo_rank) is not None:
                common = GENERAL
            provenance = self._provenance([*kept.tasks, *self.rows])
            if weight is not None:
                provenance[GENERAL] = {**provenance[GENERAL], "weight": weight}
            for step, tasks in learned.tasks.items():
                rounded = convert(Subspace(basis.bases, tasks), basis.dtype, "cpu")
                subspace = kept
                for name, coefficients in rounded.tasks.items():
                    subspace = put_task(subspace, name, coefficients)
                store = Store(subspace, self.model.public_name, provenance, common=common)
                self._save_store(store, paths[step])
        self.on_stage(f"coefficients: learned, kept after {', '.join(map(str, steps))} steps")
        return {step: load_store(path) for step, path in paths.items()}

    @property
    def _training(self) -> Path:
        return self.folder / f"training-{self._key}.json"

    def provenance(self, task: str) -> dict[str, Any]:
        """Return where a task comes from: from pairs of its pattern, or of the basis's together."""
        own = self.config.basis_patterns if task == GENERAL else (task,)
        pairs = sum(len(self.rows[pattern]) for pattern in own)
        return {
            "answer_form": self.config.pool.answer_form,
            "pairs": pairs,
            "format": "trained",
        }

    def _provenance(self, tasks: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Return where all tasks come from: learned, or as they were in the store below."""
        kept = self.over.provenance if self.over else {}
        return {
            task: self.provenance(task) if self._is_learned(task) else kept.get(task, {})
            for task in tasks
        }

    def _is_learned(self, task: str) -> bool:
        """Whether a task is learned here, not kept from the store below."""
        return self.over is None or task in self.rows

    def _shipped(self, store: Store, step: int, decision: Decision) -> Store:
        """Return the store with what its tasks showed, and when they are heard."""
        provenance = dict(store.provenance)
        for name in filter(self._is_learned, store.provenance):
            recipe = self.config.recipe
            together = (recipe.joint or recipe.shared) if name == GENERAL else None
            steps = together.num_steps if together else step
            known = {**provenance[name], "steps": steps, "min_doubt": None}
            if ruling := decision.rulings.get(name):
                counts = ("total", "solved", "solved_alone", "solved_second", "gained", "lost")
                known["gate"] = {count: getattr(ruling, count) for count in counts}
                known["min_doubt"] = ruling.min_doubt
            provenance[name] = known
        return replace(store, provenance=provenance, sha256="")

    def _save_store(self, store: Store, path: Path) -> None:
        ranks = current_ranks()
        if ranks.is_first:
            save_store(store, path)
        ranks.wait()

    @cached_property
    def _exams(self) -> Exams:
        return Exams(self._bench, self.folder, self._key, self.on_stage)

    @cached_property
    def _bench(self) -> Workbench:
        return Workbench(
            model=self.model,
            sandbox=self.sandbox,
            max_new_tokens=self.config.max_new_tokens,
            # What was asked before: trials leave unrouted problems as the base model did.
            answers=AnswerCache(self.folder / "answers.jsonl"),
        )

    @property
    def _pad_id(self) -> int:
        return self.model.tokenizer.pad_token_id or 0

    @cached_property
    def _key(self) -> str:
        """Return a short hash of all that the stages depend on but the gate's settings.

        The selecting problems' prompts, with the advice that their routes lead to, stand for how
        all prompts are written and routed.
        """
        config = {**dataclasses.asdict(self.config), "gate": None}
        sets = self.sets
        parts = [*sets.sources, sets.select]
        hashes = [as_set("", part).sha256 for part in parts]
        prompts = [resume_key(problem, "hints", self._bench) for problem in sets.select]
        material = [config, self.model.sha256, *hashes, prompts]
        if self.over is not None:
            material += [self.over.sha256, *self.tasks]
        return hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()[:12]
