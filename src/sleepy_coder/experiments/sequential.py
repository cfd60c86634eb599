"""Tasks learned one after another: what is kept, what it costs, in several orders.

Five arms. `single LoRA`: one adapter fine-tuned on and on, the orders side by side as rows of one
tensor; the optimizer starts anew with each task. `coefficients`: a frozen basis; a task's training
does not depend on the order, so each is trained once. `merged`: before each task its adapter is
merged into the basis (Share, phase 3) and the old coefficients are recomputed. `merged scaled`:
the same with each adapter scaled to the known tasks' energy. `LoRA per task`.

After i tasks an arm that routes answers a problem with the task it is routed to if that is learned,
else as the base model does. Matrices follow `continual.AccuracyMatrix`.
"""

from __future__ import annotations

import dataclasses
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sleepy_coder.continual import (
    AccuracyMatrix,
    average_accuracy,
    backward_transfer,
    forgetting,
    forward_transfer,
    learning_curve,
)
from sleepy_coder.errors import InputError
from sleepy_coder.experiments.coefficients import route_of
from sleepy_coder.experiments.lab import Lab, basis_size, count_numbers, frozen_of, heldout_of
from sleepy_coder.experiments.questions import Question, ask, ask_base
from sleepy_coder.experiments.resident import factors_of_adapter, factors_of_task
from sleepy_coder.experiments.stages import Arm, train_merged, train_single
from sleepy_coder.figures import draw_learning_curves, draw_storage
from sleepy_coder.share.tasks import add_task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sleepy_coder.problems import Problem

ARMS = ("single LoRA", "coefficients", "merged", "merged scaled", "LoRA per task")
_LEAST = 2  # tasks, for an order to mean anything
_BYTES = 2  # of a number as stored: bfloat16


@dataclass(frozen=True)
class SequentialConfig:
    """What is learned in which orders, and what is asked.

    Attributes:
        tasks: Patterns; empty takes the first `num_tasks` with pairs and held-out problems that did
            not give the basis.
        num_tasks: At least two.
        num_orders: Orders, drawn with `seed`; the first is alphabetical.
        problems_per_task: Held-out problems of each task.
        num_transfer: Transfer problems, asked after every `transfer_every`-th task and the last.
        growth: Directions that a merge may add to a module's sides.
        max_components: Bound of a merged basis's k.
        arms: Which of `ARMS`.
    """

    tasks: tuple[str, ...] = ()
    num_tasks: int = 20
    num_orders: int = 3
    problems_per_task: int = 4
    num_transfer: int = 40
    transfer_every: int = 5
    growth: int = 2
    max_components: int = 64
    seed: int = 0
    arms: tuple[str, ...] = ARMS


@dataclass(frozen=True)
class _Exam:
    """What is asked, and what is known of it before any learning."""

    heldout: Mapping[str, Sequence[Problem]]
    frozen: Sequence[Problem]
    transfer: Sequence[Problem]
    base: Mapping[str, bool] = field(default_factory=dict)
    routes: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def problems(self) -> list[Problem]:
        """All problems, once each."""
        every = [*self.frozen, *self.transfer, *(p for own in self.heldout.values() for p in own)]
        return list({p.id: p for p in every}.values())


def run_sequential(lab: Lab, config: SequentialConfig) -> dict[str, Any]:
    """Return each arm's matrices, curves and bytes in each order, plain JSON data."""
    tasks = choose_tasks(lab, config)
    exam = _prepare(lab, tasks, config)
    orders = draw_orders(tasks, config)
    arms = {name: _learn(lab, name, orders, config) for name in config.arms}
    answers: dict[tuple[str, str], bool] = {}
    for arm in arms.values():  # by itself: its answers are found again whatever arms are beside it
        questions = [
            Question(name, problem)
            for number, order in enumerate(orders)
            for stage in range(1, len(order) + 1)
            for problem in _asked(exam, order, stage, config, is_routed=arm.is_routed)
            if (name := _variant(arm, number, stage, order, exam.routes[problem.id])) is not None
        ]
        found = ask(lab, arm.variants, questions)
        answers |= {key: answer.is_solved for key, answer in found.items()}
    return {
        "config": dataclasses.asdict(config),
        "orders": orders,
        "base": dict(exam.base),
        "arms": {
            name: [
                _report(arm, number, order, exam, answers, config)
                for number, order in enumerate(orders)
            ]
            for name, arm in arms.items()
        },
    }


def draw_sequential(data: Mapping[str, Any]) -> dict[str, Figure]:
    """Return the curves of learned tasks and of the frozen set, and the bytes stored."""
    curves = {arm: [o["curve"] for o in orders] for arm, orders in data["arms"].items()}
    frozen = {arm: [o["frozen"] for o in orders] for arm, orders in data["arms"].items()}
    stored = {
        arm: [statistics.fmean(sizes) for sizes in zip(*(o["bytes"] for o in orders), strict=True)]
        for arm, orders in data["arms"].items()
    }
    return {
        "learned": draw_learning_curves(curves, title="Tasks learned one after another"),
        "frozen": draw_learning_curves(frozen, title="The frozen problems", y_label="solved"),
        "bytes": draw_storage(stored, title="Stored after each task"),
    }


def choose_tasks(lab: Lab, config: SequentialConfig) -> list[str]:
    """Return the tasks to learn, sorted.

    Raises:
        InputError: One that is asked for has no held-out problems, or there are too few.
    """
    if config.tasks:
        if len(config.tasks) < _LEAST:
            raise InputError(f"--tasks: got {len(config.tasks)}, expected at least {_LEAST}")
        known = heldout_of(lab.sets, config.tasks, 1)
        if lacking := [task for task in config.tasks if task not in known]:
            raise InputError(f"--tasks: {lacking[0]} has no held-out problems; leave it out")
        return sorted(config.tasks)
    known = heldout_of(lab.sets, lab.trainable(), 1)
    strange = sorted(set(known) - set(lab.config.basis_patterns))
    if len(strange) < _LEAST:
        raise InputError(
            f"--tasks: {len(strange)} patterns with pairs and held-out problems did not give the "
            f"basis, expected at least {_LEAST}; name the tasks, those of the basis included"
        )
    if config.num_tasks < _LEAST:
        raise InputError(f"num_tasks: got {config.num_tasks}, expected at least {_LEAST}")
    return strange[: config.num_tasks]


def draw_orders(tasks: Sequence[str], config: SequentialConfig) -> list[list[str]]:
    """Return the orders: the tasks as they are, then shuffled."""
    rng = random.Random(config.seed)  # noqa: S311 - no secret
    orders = [list(tasks)]
    while len(orders) < config.num_orders:
        orders.append(rng.sample(list(tasks), len(tasks)))
    return orders


def _prepare(lab: Lab, tasks: Sequence[str], config: SequentialConfig) -> _Exam:
    heldout = heldout_of(lab.sets, tasks, config.problems_per_task)
    exam = _Exam(heldout, frozen_of(lab.sets), lab.sets.transfer.problems[: config.num_transfer])
    base = ask_base(lab, exam.problems)
    return replace(exam, base=base, routes={p.id: route_of(p) for p in exam.problems})


def _learn(lab: Lab, name: str, orders: Sequence[Sequence[str]], config: SequentialConfig) -> Arm:
    """Return what an arm has after each stage."""
    rows = lab.rows(orders[0])
    if name == "single LoRA":
        return train_single(lab, rows, orders)
    if name in ("merged", "merged scaled"):
        is_scaled = name == "merged scaled"
        limits = config.growth, config.max_components
        return train_merged(lab, rows, orders, *limits, is_scaled=is_scaled)
    if name == "LoRA per task":
        adapters = lab.train_adapters(rows, lab.config.recipe)
        variants = {f"lora/{task}": factors_of_adapter(a) for task, a in adapters.items()}
        size = sum(b.numel() + a.numel() for b, a in next(iter(variants.values())).values())
        return Arm("lora", variants, [0], size, is_routed=True)
    basis = lab.basis()
    trained = lab.train_coefficients(basis, rows, lab.config.recipe)
    whole = replace(basis, tasks={})
    for task in orders[0]:
        whole = add_task(whole, task, trained[task])
    variants = {f"coef/{task}": factors_of_task(whole, task) for task in orders[0]}
    size, shared = count_numbers(trained[orders[0][0]], basis)
    return Arm("coef", variants, [basis_size(basis) + shared], size, is_routed=True)


def _variant(
    arm: Arm, number: int, stage: int, order: Sequence[str], task: str | None
) -> str | None:
    """Return who answers a problem that is routed to `task`; None is the base model."""
    if not arm.is_routed:
        return f"{arm.prefix}/{number}/{stage}"
    if task not in order[:stage]:
        return None
    return f"{arm.prefix}/{number}/{stage}/{task}" if arm.is_staged else f"{arm.prefix}/{task}"


def _asked(
    exam: _Exam, order: Sequence[str], stage: int, config: SequentialConfig, *, is_routed: bool
) -> list[Problem]:
    """Return what is asked after a stage: learned tasks, the next one, frozen, transfer."""
    seen = order if is_routed else order[: stage + 1]
    problems = [p for task in seen for p in exam.heldout.get(task, ())]
    is_chosen = stage == len(order) or stage % config.transfer_every == 0
    return [*problems, *exam.frozen, *(exam.transfer if is_chosen else ())]


def _report(
    arm: Arm,
    number: int,
    order: Sequence[str],
    exam: _Exam,
    answers: Mapping[tuple[str, str], bool],
    config: SequentialConfig,
) -> dict[str, Any]:
    """Return what one arm did in one order."""

    def solved(stage: int, problems: Sequence[Problem]) -> float | None:
        found = []
        for problem in problems:
            name = _variant(arm, number, stage, order, exam.routes[problem.id]) if stage else None
            known = exam.base[problem.id] if name is None else answers.get((name, problem.id))
            if known is None:
                return None
            found.append(known)
        return statistics.fmean(found) if found else None

    stages = range(len(order) + 1)
    rows = [[solved(stage, exam.heldout.get(task, ())) for task in order] for stage in stages]
    matrix = AccuracyMatrix(rows)
    return {
        "matrix": rows,
        "curve": learning_curve(matrix),
        "average_accuracy": average_accuracy(matrix),
        "forgetting": forgetting(matrix),
        "backward_transfer": backward_transfer(matrix),
        "forward_transfer": forward_transfer(matrix),
        "frozen": [solved(stage, exam.frozen) for stage in stages[1:]],
        "transfer": {
            stage: solved(stage, exam.transfer)
            for stage in stages[1:]
            if exam.transfer and (stage == len(order) or stage % config.transfer_every == 0)
        },
        "bytes": [_BYTES * arm.num_stored(number, stage) for stage in stages[1:]],
    }
