"""Do different adapters span the same subspace (UWSH, arXiv:2512.05117)?

Adapters of all tasks under two seeds. Bases of two disjoint halves of them, and of the same tasks
from either seed, are compared by principal angles, beside random subspaces of the same sizes;
families by the overlap of their bases; the spectrum says which part of the variance k directions
hold. Then each learned task answers its neighbours' held-out problems.
"""

from __future__ import annotations

import dataclasses
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from sleepy_coder.experiments.lab import Lab, heldout_of
from sleepy_coder.experiments.questions import Question, ask, ask_base
from sleepy_coder.experiments.resident import factors_of_task
from sleepy_coder.figures import draw_explained_variance, draw_principal_angles
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.share.analysis import subspace_angles, task_similarity
from sleepy_coder.share.choice import FixedComponents
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.linalg import principal_angles
from sleepy_coder.share.subspace import ModuleBasis, Subspace

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from sleepy_coder.train.lora import TrainedAdapter

SIDES = ("b", "a")


@dataclass(frozen=True)
class SubspaceConfig:
    """What is compared.

    Attributes:
        tasks: Patterns whose adapters are trained; empty takes all with enough pairs.
        limit: At most so many of them; None is all.
        components: k of the bases that are compared.
        spectrum: Directions up to which the variance is followed.
        family_size: Least adapters of a family that is compared with others.
        neighbours: Most similar tasks, beside those of the family, that a task is tried on.
        problems_per_task: Held-out problems of each task.
    """

    tasks: tuple[str, ...] = ()
    limit: int | None = None
    components: int = 24
    spectrum: int = 128
    family_size: int = 3
    neighbours: int = 2
    problems_per_task: int = 4
    seed: int = 0


def run_subspace(lab: Lab, config: SubspaceConfig) -> dict[str, Any]:
    """Return angles, overlaps, spectra and the table of transfer, plain JSON data."""
    tasks = list(config.tasks or lab.trainable())[: config.limit]
    rows, recipe = lab.rows(tasks), lab.config.recipe
    again = replace(recipe, lora=replace(recipe.lora, seed=recipe.lora.seed + 1))
    first, second = lab.train_adapters(rows, recipe), lab.train_adapters(rows, again)
    shuffled = random.Random(config.seed).sample(tasks, len(tasks))  # noqa: S311 - no secret
    half = len(tasks) // 2
    halves = [shuffled[:half], shuffled[half : 2 * half]]
    bases = [_basis(lab, [first[t] for t in names], config.components) for names in halves]
    seeds = [_basis(lab, [found[t] for t in tasks], config.components) for found in (first, second)]
    return {
        "config": dataclasses.asdict(config),
        "tasks": tasks,
        "halves": halves,
        "angles": {
            "disjoint halves": _angles(bases[0], bases[1]),
            "two seeds": _angles(seeds[0], seeds[1]),
            "random": _angles(_random_like(bases[0], 1), _random_like(bases[1], 2)),
        },
        "explained": _spectra(lab, [first[t] for t in tasks], config.spectrum),
        "families": _families(lab, first, config),
        "transfer": _transfer(lab, config),
    }


def draw_subspace(data: Mapping[str, Any]) -> dict[str, Figure]:
    """Return the angles and the explained variance of each side."""
    figures = {
        f"angles-{side}": draw_principal_angles(
            {name: a[side]["angles"] for name, a in data["angles"].items() if name != "random"},
            [data["angles"]["random"][side]["angles"]],
            title=f"Bases of side {side.upper()}",
        )
        for side in SIDES
    }
    sides = {side.upper(): curves for side, curves in data["explained"].items()}
    return {**figures, "explained": draw_explained_variance(sides)}


def _basis(lab: Lab, adapters: Sequence[TrainedAdapter], components: int) -> Subspace:
    options = InitOptions(FixedComponents(components), objective=lab.config.recipe.objective)
    return init_subspace(adapters, options)


def _random_like(subspace: Subspace, seed: int) -> Subspace:
    """Return random bases of the same sizes."""
    generator = torch.Generator().manual_seed(seed)

    def draw(basis: Tensor) -> Tensor:
        columns: Tensor = torch.linalg.qr(torch.randn(basis.shape, generator=generator)).Q
        return columns

    return Subspace(
        {m: ModuleBasis(draw(b.basis_b), draw(b.basis_a)) for m, b in subspace.bases.items()}, {}
    )


def _angles(first: Subspace, second: Subspace) -> dict[str, dict[str, Any]]:
    """Return by side the mean principal angles over modules (radians), and the overlap.

    The overlap is the mean squared cosine: 1 for one subspace, about k/n for random ones.
    """
    found = subspace_angles(first, second)
    result = {}
    for side in SIDES:
        angles: list[Tensor] = [getattr(each, side) for each in found.values()]
        width = min(map(len, angles))
        result[side] = {
            "angles": torch.stack([each[:width] for each in angles]).mean(0).tolist(),
            "overlap": statistics.fmean(float(each.cos().square().mean()) for each in angles),
        }
    return result


def _spectra(
    lab: Lab, adapters: Sequence[TrainedAdapter], components: int
) -> dict[str, list[list[float]]]:
    """Return side -> for each module the part of the variance that the first 1, 2, … hold."""
    moments = _basis(lab, adapters, components).moments or {}
    result: dict[str, list[list[float]]] = {}
    for side in SIDES:
        known = [getattr(module, side) for module in moments.values()]
        held = [(k.gram.diagonal().cumsum(0) / k.energy).clamp(max=1.0) for k in known]
        width = min(map(len, held))
        result[side] = [each[:width].tolist() for each in held]
    return result


def _families(
    lab: Lab, adapters: Mapping[str, TrainedAdapter], config: SubspaceConfig
) -> dict[str, Any]:
    """Return the overlap of each two families' bases, made of equally many adapters."""
    members: dict[str, list[str]] = {}
    for task in adapters:
        members.setdefault(PATTERNS[task].family, []).append(task)
    size = config.family_size
    chosen = {family: own[:size] for family, own in members.items() if len(own) >= size}
    rank = lab.config.recipe.rank
    bases = {
        family: _basis(lab, [adapters[t] for t in own], rank * size // 2)
        for family, own in sorted(chosen.items())
    }
    overlaps = {
        f: {
            g: {s: principal_overlap(bases[f], bases[g], s) for s in SIDES} for g in bases if g != f
        }
        for f in bases
    }
    return {"members": chosen, "overlaps": overlaps}


def principal_overlap(first: Subspace, second: Subspace, side: str) -> float:
    """Return the mean squared cosine of two subspaces' angles over all modules of a side."""
    found = [
        principal_angles(
            getattr(basis, f"basis_{side}"), getattr(second.bases[module], f"basis_{side}")
        )
        for module, basis in first.bases.items()
    ]
    return statistics.fmean(float(angles.cos().square().mean()) for angles in found)


def _transfer(lab: Lab, config: SubspaceConfig) -> dict[str, Any]:
    """Return learned task -> task -> what it solves of that one's problems, and what base does."""
    subspace = lab.learned()
    names, similarity = task_similarity(subspace)
    exam = heldout_of(lab.sets, names, config.problems_per_task)
    near: dict[str, list[str]] = {}
    for row, task in enumerate(names):
        order = similarity[row].argsort(descending=True).tolist()
        similar = [names[i] for i in order if names[i] != task and names[i] in exam]
        family = PATTERNS[task].family if task in PATTERNS else None
        kin = [t for t in similar if t in PATTERNS and PATTERNS[t].family == family]
        own = [task] if task in exam else []
        near[task] = list(dict.fromkeys([*own, *kin, *similar[: config.neighbours]]))
    variants = {task: factors_of_task(subspace, task) for task in names}
    asked = [Question(t, p) for t in names for other in near[t] for p in exam[other]]
    if not asked:
        return {}
    base = ask_base(lab, list({q.problem.id: q.problem for q in asked}.values()))
    answers = ask(lab, variants, asked)
    return {
        task: {
            other: {
                "total": len(exam[other]),
                "solved": sum(answers[task, p.id].is_solved for p in exam[other]),
                "base": sum(base[p.id] for p in exam[other]),
            }
            for other in near[task]
        }
        for task in names
    }
