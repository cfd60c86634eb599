"""Does one task's training harm what the base model can do, routed and forced on every problem?

For each task alone: coefficients over a frozen basis (several p, and with anchors) or a full LoRA
adapter, then all frozen problems. Forced, every problem is answered under the task. Routed, only
those that the router sends to it; the others are the base model's, bit for bit, so that the routed
outcome follows from the forced answers and the base model's without asking again.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sleepy_coder.experiments.lab import Lab, count_numbers, frozen_of
from sleepy_coder.experiments.questions import Answer, Question, ask, ask_base
from sleepy_coder.experiments.resident import Factors, factors_of_adapter, factors_of_task
from sleepy_coder.figures import draw_forgetting
from sleepy_coder.paired import compare_paired
from sleepy_coder.router import route_problem
from sleepy_coder.share.subspace import Subspace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sleepy_coder.problems import Problem
    from sleepy_coder.share.subspace import TaskCoefficients

# Eight that the base model failed of the 30 when the basis's patterns were chosen.
HARD_IDS = ("bc_003", "bc_005", "bc_010", "tb_002", "tb_007", "tb_008", "rh_004", "rh_005")
ANCHORED, LORA = "p = 1, anchors", "LoRA"


@dataclass(frozen=True)
class CoefficientsConfig:
    """What is compared.

    Attributes:
        tasks: Patterns; empty takes those of the eight hard problems.
        pseudo_ranks: p of the arms of coefficients.
        anchor_frac: Part of the anchored arm's rows that are anchors, in [0, 1).
        anchor_problems: Problems of other patterns that the base model is asked for anchors.
        limit: Frozen problems at most; None is all 30.
    """

    tasks: tuple[str, ...] = ()
    pseudo_ranks: tuple[int, ...] = (1, 2, 4)
    anchor_frac: float = 0.4
    anchor_problems: int = 240
    limit: int | None = None


def run_coefficients(lab: Lab, config: CoefficientsConfig) -> dict[str, Any]:
    """Return every arm's outcomes on the frozen problems, plain JSON data."""
    tasks = config.tasks or hard_patterns(lab)
    problems = frozen_of(lab.sets)[: config.limit]
    arms, counts = _train(lab, tasks, config)
    questions = [
        Question(f"{arm}/{task}", problem) for arm in arms for task in tasks for problem in problems
    ]
    variants = {f"{arm}/{task}": arms[arm][task] for arm in arms for task in tasks}
    base = ask_base(lab, problems)
    answers = ask(lab, variants, questions)
    routes = {problem.id: route_of(problem) for problem in problems}
    return {
        "config": dataclasses.asdict(config),
        "base": base,
        "routes": routes,
        "arms": {
            arm: {
                "parameters_per_task": counts[arm],
                **_summarize(arm, tasks, base, routes, answers),
            }
            for arm in arms
        },
    }


def draw_coefficients(data: Mapping[str, Any]) -> dict[str, Figure]:
    """Return the heatmap of forgetting with each task forced on every problem."""
    arms = {
        f"{arm} ({found['parameters_per_task']:,} parameters)": {
            task: result["forced"]["solved"] for task, result in found["tasks"].items()
        }
        for arm, found in data["arms"].items()
    }
    return {"forced": draw_forgetting(data["base"], arms, title="One task forced on every problem")}


def hard_patterns(lab: Lab) -> tuple[str, ...]:
    """Return the patterns of the eight hard frozen problems, see `HARD_IDS`."""
    patterns = {p.id: p.pattern for p in lab.sets.core.problems}
    return tuple(dict.fromkeys(patterns[id_] for id_ in HARD_IDS if id_ in patterns))


def route_of(problem: Problem) -> str | None:
    """Return the task that a problem is routed to."""
    found = route_problem(problem)
    return found.task if found else None


def _train(
    lab: Lab, tasks: Sequence[str], config: CoefficientsConfig
) -> tuple[dict[str, dict[str, Factors]], dict[str, int]]:
    """Return arm -> task -> factors, and arm -> trained numbers a task."""
    basis, rows = lab.basis(), lab.rows(tasks, pool=replace(lab.config.pool, anchor_share=0.0))
    arms: dict[str, dict[str, Factors]] = {}
    counts: dict[str, int] = {}

    def keep(arm: str, trained: Mapping[str, TaskCoefficients]) -> None:
        whole = Subspace(basis.bases, trained)
        arms[arm] = {task: factors_of_task(whole, task) for task in tasks}
        counts[arm], _ = count_numbers(trained[tasks[0]], basis)

    for p in config.pseudo_ranks:
        recipe = replace(lab.config.recipe, pseudo_rank=p)
        keep(f"p = {p}", lab.train_coefficients(basis, rows, recipe))
    if config.anchor_frac:
        recipe = replace(lab.config.recipe, pseudo_rank=1)
        share = 1 / (1 - config.anchor_frac)  # a step has as many own rows as without anchors
        fit = recipe.coefficients
        fit = replace(fit, rows_per_task=round(fit.rows_per_task * share))
        anchored = _anchored_rows(lab, tasks, config)
        recipe = replace(recipe, coefficients=fit)
        keep(ANCHORED, lab.train_coefficients(basis, anchored, recipe))
    adapters = lab.train_adapters(rows, lab.config.recipe)
    arms[LORA] = {task: factors_of_adapter(adapters[task]) for task in tasks}
    counts[LORA] = sum(m.a.numel() + m.b.numel() for m in adapters[tasks[0]].modules.values())
    return arms, counts


def _anchored_rows(lab: Lab, tasks: Sequence[str], config: CoefficientsConfig) -> dict[str, Any]:
    """Return the tasks' rows with the base model's own verified answers to others among them."""
    others = [p for p in lab.sets.generated if p.pattern not in tasks]
    stride = max(1, len(others) // max(1, config.anchor_problems))
    asked = others[::stride][: config.anchor_problems]
    own = lab.own_answers("anchors", asked, ("base",))
    anchors = [p for p in asked if p.id in own]
    share = config.anchor_frac / (1 - config.anchor_frac)
    pool = replace(lab.config.pool, anchor_share=share)
    return dict(lab.rows(tasks, pool=pool, own_answers=own, anchors=anchors))


def _summarize(
    arm: str,
    tasks: Sequence[str],
    base: Mapping[str, bool],
    routes: Mapping[str, str | None],
    answers: Mapping[tuple[str, str], Answer],
) -> dict[str, Any]:
    """Return each task's outcomes forced and routed, and the mean numbers of regressions."""
    found: dict[str, dict[str, Any]] = {}
    for task in tasks:
        own = {id_: answers[f"{arm}/{task}", id_] for id_ in base}
        forced = {id_: answer.is_solved for id_, answer in own.items()}
        routed = {id_: forced[id_] if routes[id_] == task else base[id_] for id_ in base}
        found[task] = {
            "forced": _compared(base, forced),
            "routed": _compared(base, routed),
            "left_to_base": [id_ for id_, answer in own.items() if answer.by_base],
            "outcomes": {id_: answer.outcome for id_, answer in own.items()},
        }
    means = {
        f"mean_lost_{way}": statistics.fmean(len(each[way]["lost"]) for each in found.values())
        for way in ("forced", "routed")
    }
    return {"tasks": found, **means}


def _compared(base: Mapping[str, bool], after: Mapping[str, bool]) -> dict[str, Any]:
    pair = compare_paired(base, after)
    return {"solved": dict(after), "gained": list(pair.gained), "lost": list(pair.lost)}
