"""Do different adapters span the same subspace (UWSH, arXiv:2512.05117)?

Adapters of all tasks under two seeds. Bases of disjoint halves of them, in several random splits,
and of the same tasks from either seed, are compared by principal angles; families by the overlap of
their bases; the spectrum says which part of the variance k directions hold. Beside angles and
spectra: the same with the mean taken out, which all share, and the same of adapters without meaning
(`controls.NULLS`) and of random subspaces. Then each pattern in turn is left out (`leave_one_out`).
What a task does on its neighbours' problems: `neighbours`.

Cost with the defaults and T tasks (72 patterns at most): 2 · T · 64 rows of training, 5.5 million
tokens at 600 a row; 1,800 answers of `leave_one_out`. Angles and spectra cost no model: some 60
bases, a quarter of an hour of one core at 72 adapters of the 1.5B.
"""

from __future__ import annotations

import dataclasses
import math
import random
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from sleepy_coder.errors import InputError
from sleepy_coder.experiments.controls import NULLS, Bases, null_of, random_like
from sleepy_coder.experiments.lab import Lab, digest_rows, short_hash
from sleepy_coder.experiments.leave_one_out import (
    choose_left_out,
    draw_left_out,
    run_leave_one_out,
)
from sleepy_coder.experiments.resident import factors_of_adapter
from sleepy_coder.figures import draw_explained_variance, draw_principal_angles
from sleepy_coder.metrics import mean_interval
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.share.analysis import subspace_angles
from sleepy_coder.share.linalg import principal_angles

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from sleepy_coder.experiments.resident import Factors
    from sleepy_coder.share.subspace import Subspace

SIDES = ("b", "a")
_LEAST = 4  # tasks: of a half of one adapter, nothing is left without the mean


@dataclass(frozen=True)
class SubspaceConfig:
    """What is compared.

    Attributes:
        tasks: Patterns whose adapters are trained; empty takes all with enough pairs.
        limit: At most so many of them; None is all.
        components: k of the bases that are compared.
        num_splits: Random splits into halves.
        mean_rank: Rank that a mean is kept in.
        spectrum: Directions up to which the variance is followed.
        family_size: Least adapters of a family that is compared with others.
        left_out: Patterns to leave out, one at a time; empty is those of the hard problems.
        left_out_components: k of the bases of the others.
        left_out_problems: Held-out and selecting problems of such a pattern, each at most so many.
        seed: Of the splits and of the adapters without meaning.
    """

    tasks: tuple[str, ...] = ()
    limit: int | None = None
    components: int = 24
    num_splits: int = 5
    mean_rank: int = 32
    spectrum: int = 128
    family_size: int = 3
    left_out: tuple[str, ...] = ()
    left_out_components: tuple[int, ...] = (8, 24, 64)
    left_out_problems: int = 10
    seed: int = 0


def run_subspace(lab: Lab, config: SubspaceConfig) -> dict[str, Any]:
    """Return angles, overlaps, spectra and what is solved, plain JSON data.

    Raises:
        InputError: There are too few tasks, or one lacks pairs.
    """
    tasks = list(config.tasks or lab.trainable())[: config.limit]
    if len(tasks) < _LEAST:
        raise InputError(f"--tasks: got {len(tasks)}, expected at least {_LEAST}; name more")
    left_out = choose_left_out(lab, config.left_out, tasks)
    rows, recipe = lab.rows(tasks), lab.config.recipe
    again = replace(recipe, lora=replace(recipe.lora, seed=recipe.lora.seed + 1))
    first, second = (
        {task: factors_of_adapter(a) for task, a in lab.train_adapters(rows, r).items()}
        for r in (recipe, again)
    )
    splits = draw_splits(tasks, config)
    bases = Bases(recipe.objective, config.mean_rank)
    origin = short_hash([dataclasses.asdict(recipe), digest_rows(rows)])
    made = [origin, config.mean_rank, config.seed]
    return {
        "config": dataclasses.asdict(config),
        "tasks": tasks,
        "splits": splits,
        "angles": lab.kept(
            "angles",
            [*made, config.components, splits],
            lambda: compare_bases(bases, first, second, splits, config),
        ),
        "explained": lab.kept(
            "spectra", [*made, config.spectrum], lambda: measure_spectra(bases, first, config)
        ),
        "families": lab.kept(
            "families",
            [origin, config.family_size],
            lambda: _families(bases, first, recipe.rank, config.family_size),
        ),
        "leave_one_out": run_leave_one_out(
            lab,
            first,
            bases,
            left_out,
            config.left_out_components,
            problems_per_task=config.left_out_problems,
            origin=origin,
        ),
    }


def draw_subspace(data: Mapping[str, Any]) -> dict[str, Figure]:
    """Return the angles and the explained variance of each side, and what leaving one out does."""
    figures = {}
    for side in SIDES:
        figures[f"angles-{side}"] = draw_principal_angles(
            {name: a[side]["angles"] for name, a in data["angles"].items() if name != "random"},
            [data["angles"]["random"][side]["angles"]],
            title=f"Bases of side {side.upper()}",
        )
        figures[f"explained-{side}"] = draw_explained_variance(
            {name: sides[side] for name, sides in data["explained"].items()},
            title=f"Side {side.upper()}",
        )
    return {**figures, "leave-one-out": draw_left_out(data["leave_one_out"]["arms"])}


def draw_splits(tasks: Sequence[str], config: SubspaceConfig) -> list[list[list[str]]]:
    """Return random splits of the tasks into two halves of equal size."""
    rng = random.Random(config.seed)  # noqa: S311 - no secret
    half = len(tasks) // 2
    drawn = [rng.sample(list(tasks), len(tasks)) for _ in range(config.num_splits)]
    return [[names[:half], names[half : 2 * half]] for names in drawn]


def compare_bases(
    bases: Bases,
    first: Mapping[str, Factors],
    second: Mapping[str, Factors],
    splits: Sequence[Sequence[Sequence[str]]],
    config: SubspaceConfig,
) -> dict[str, Any]:
    """Return the angles between bases of halves and of seeds, and those of the controls.

    Each half loses a mean of its own: less one mean of all, the halves' own means would be each
    other's opposite, one direction that both share by construction.
    """
    k = config.components
    kinds = {"": (bases.of, first), ", mean removed": (bases.of_own_parts, first)}
    kinds |= {f", {n}": (bases.of, null_of(n, first, config.seed)) for n in NULLS}
    found = {}
    halves: list[tuple[Subspace, Subspace]] = []
    for kind, (make, adapters) in kinds.items():
        pairs = [
            (make({t: adapters[t] for t in one}, k), make({t: adapters[t] for t in other}, k))
            for one, other in splits
        ]
        found[f"disjoint halves{kind}"] = angles_of(pairs)
        halves = halves or pairs
    found["two seeds"] = angles_of([(bases.of(first, k), bases.of(second, k))])
    own_parts = bases.of_own_parts(first, k), bases.of_own_parts(second, k)
    found["two seeds, mean removed"] = angles_of([own_parts])
    found["random"] = angles_of(
        [
            (random_like(one, 2 * n + 1), random_like(other, 2 * n + 2))
            for n, (one, other) in enumerate(halves)
        ]
    )
    return found


def angles_of(pairs: Iterable[tuple[Subspace, Subspace]]) -> dict[str, dict[str, Any]]:
    """Return by side the overlap of each pair, their mean with its 95 % interval, and the angles.

    The overlap is the mean squared cosine: 1 for one subspace, about k/n for random ones. The
    angles (radians) are those of the squared cosines' mean over modules and pairs. Splits draw from
    the same adapters: the interval says how much a split's luck does, nothing of other adapters.
    """
    found = [list(subspace_angles(one, other).values()) for one, other in pairs]
    result = {}
    for side in SIDES:
        squares = [[getattr(each, side).cos().square() for each in modules] for modules in found]
        overlaps = [statistics.fmean(float(s.mean()) for s in modules) for modules in squares]
        width = min(len(s) for modules in squares for s in modules)
        mean: Tensor = torch.stack([s[:width] for modules in squares for s in modules]).mean(0)
        interval = mean_interval(overlaps) if len(overlaps) > 1 else None
        result[side] = {
            "angles": [math.acos(math.sqrt(min(1.0, square))) for square in mean.tolist()],
            "overlap": statistics.fmean(overlaps),
            "low": interval.low if interval else None,
            "high": interval.high if interval else None,
            "overlaps": overlaps,
        }
    return result


def measure_spectra(
    bases: Bases, adapters: Mapping[str, Factors], config: SubspaceConfig
) -> dict[str, dict[str, list[list[float]]]]:
    """Return whose -> side -> for each module the part of the variance in 1, 2, … directions."""
    k = config.spectrum
    nulls = {name: null_of(name, adapters, config.seed) for name in NULLS}
    return {
        "adapters": explained(bases.of(adapters, k)),
        "mean removed": explained(bases.of_own_parts(adapters, k)),
        **{name: explained(bases.of(null, k)) for name, null in nulls.items()},
    }


def explained(subspace: Subspace) -> dict[str, list[list[float]]]:
    """Return side -> for each module the part of the variance that the first 1, 2, … hold."""
    moments = subspace.moments or {}
    result: dict[str, list[list[float]]] = {}
    for side in SIDES:
        known = [getattr(module, side) for module in moments.values()]
        held = [(k.gram.diagonal().cumsum(0) / k.energy).clamp(max=1.0) for k in known]
        width = min(map(len, held))
        result[side] = [[round(part, 5) for part in each[:width].tolist()] for each in held]
    return result


def _families(
    bases: Bases, adapters: Mapping[str, Factors], rank: int, size: int
) -> dict[str, Any]:
    """Return the overlap of each two families' bases, made of equally many adapters."""
    members: dict[str, list[str]] = {}
    for task in adapters:
        members.setdefault(PATTERNS[task].family, []).append(task)
    chosen = {family: own[:size] for family, own in members.items() if len(own) >= size}
    found = {
        family: bases.of({t: adapters[t] for t in own}, rank * size // 2)
        for family, own in sorted(chosen.items())
    }
    overlaps = {
        f: {
            g: {s: principal_overlap(found[f], found[g], s) for s in SIDES} for g in found if g != f
        }
        for f in found
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
