"""The experiments by name, and the result file that each leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sleepy_coder.experiments.ablation import (
    AblationConfig,
    draw_ablations,
    run_ablation,
    split_by_axis,
)
from sleepy_coder.experiments.coefficients import (
    CoefficientsConfig,
    draw_coefficients,
    run_coefficients,
)
from sleepy_coder.experiments.lab import Lab
from sleepy_coder.experiments.neighbours import NeighboursConfig, run_neighbours
from sleepy_coder.experiments.sequential import SequentialConfig, draw_sequential, run_sequential
from sleepy_coder.experiments.subspace import SubspaceConfig, draw_subspace, run_subspace
from sleepy_coder.figures import save_figure
from sleepy_coder.learning.sets import describe_sets
from sleepy_coder.results import describe_environment, save_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Study(NamedTuple):
    """One experiment: its settings, what runs it, what draws it, and into which files it goes.

    Attributes:
        draw: None where a table says it all.
        split: The result in parts by name, a file each; None keeps it in one.
    """

    config: type[Any]
    run: Callable[[Lab, Any], dict[str, Any]]
    draw: Callable[[Mapping[str, Any]], dict[str, Figure]] | None
    split: Callable[[Mapping[str, Any]], dict[str, dict[str, Any]]] | None = None


STUDIES = {
    "coefficients": Study(CoefficientsConfig, run_coefficients, draw_coefficients),
    "sequential": Study(SequentialConfig, run_sequential, draw_sequential),
    "subspace": Study(SubspaceConfig, run_subspace, draw_subspace),
    "neighbours": Study(NeighboursConfig, run_neighbours, None),
    "ablation": Study(AblationConfig, run_ablation, draw_ablations, split_by_axis),
}


def run_study(name: str, lab: Lab, config: Any, out: Path) -> list[Path]:
    """Run an experiment, write its result files and its figures; return the files' paths.

    Args:
        name: One of `STUDIES`.
        lab: Where it is made.
        config: The study's settings.
        out: Folder of all results; the file is `NAME/MODEL.json`, or `NAME/MODEL-PART.json` for
            each part of a study that has parts. Figures lie beside it.
    """
    study = STUDIES[name]
    data = study.run(lab, config)
    folder, about = out / name, {"schema_version": 1, "experiment": name, **describe_lab(lab)}
    model = lab.model.public_name
    parts = {model: data}
    if study.split is not None:
        parts = {f"{model}-{part}": own for part, own in study.split(data).items()}
    for stem, own in parts.items():
        save_json({**about, **own}, folder / f"{stem}.json")
    for title, figure in (study.draw(data) if study.draw else {}).items():
        save_figure(figure, folder / f"{model}-{title}.svg")
    return [folder / f"{stem}.json" for stem in parts]


def describe_lab(lab: Lab) -> dict[str, Any]:
    """Return what made a result: model, store, sets with their hashes, recipe, environment."""
    sets = lab.sets
    reported = {"heldout": sets.heldout, "transfer": sets.transfer, "core": sets.core}
    return {
        "model": lab.model.describe(),
        "store": {"sha256": lab.store.sha256, "tasks": len(lab.store.subspace.tasks)},
        "sets": describe_sets(sets.parts | reported),
        "learning": dataclasses.asdict(lab.config),
        "environment": describe_environment(str(lab.model.device)),
    }
