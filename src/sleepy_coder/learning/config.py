"""How a course of learning runs: a TOML file in, one frozen dataclass out."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sleepy_coder.errors import InputError
from sleepy_coder.learning.gate import GateConfig
from sleepy_coder.patterns import GENERAL
from sleepy_coder.share.subspace import Subspace, TaskCoefficients
from sleepy_coder.train.config import FitConfig
from sleepy_coder.train.optimizer import AdamConfig
from sleepy_coder.train.pools import PoolConfig
from sleepy_coder.train.recipe import Recipe, common_of
from sleepy_coder.weights import DEFAULT_MODEL

Section = TypeVar("Section")


@dataclass(frozen=True)
class LearnConfig:
    """All that decides, with the sets and the seeds in it, what is learned.

    Attributes:
        model: Name of the base model.
        basis_patterns: Patterns whose adapters give the basis (phase 1).
        uses_written: Learn from programs that the base model wrote, too, mended and broken.
        uses_own_answers: Take the base model's own verified answers as targets where it has some.
        max_pair_tokens: A longer pair is left out.
        max_new_tokens: Limit of a whole program as an answer.
        pool: How many pairs of what a task learns from.
        recipe: How adapters, basis and coefficients are learned.
        general_weights: What the `general` of a new basis may be on the straight line from nothing,
            0, to what training made of it, 1 (see `Recipe.end_weight`); the selecting problems
            choose. Without any it stays as it is.
        gate: What a task must show to be shipped.
    """

    basis_patterns: tuple[str, ...]
    model: str = DEFAULT_MODEL
    uses_written: bool = False
    uses_own_answers: bool = False
    max_pair_tokens: int = 1200
    max_new_tokens: int = 2048
    pool: PoolConfig = field(default_factory=PoolConfig)
    recipe: Recipe = field(default_factory=Recipe)
    general_weights: tuple[float, ...] = ()
    gate: GateConfig = field(default_factory=GateConfig)

    def __post_init__(self) -> None:
        """Refuse weights that are on no such line, or of nothing."""
        weights = self.general_weights
        if not isinstance(weights, tuple) or not all(0 < weight <= 1 for weight in weights):
            raise ValueError(f"general_weights: got {weights}, expected a list, each over 0 to 1")
        if weights and self.recipe.joint is None and self.recipe.shared is None:
            raise ValueError("general_weights: the recipe makes no `general`: add joint or shared")

    def founding(self, subspace: Subspace) -> dict[str, TaskCoefficients]:
        """Return those of a store's tasks that came with its basis; training starts from them.

        Where tasks are built on `general`, it alone did.
        """
        is_one = common_of(subspace, self.recipe.pseudo_rank) is not None
        names = (GENERAL,) if is_one else (GENERAL, *self.basis_patterns)
        return {name: subspace.tasks[name] for name in names if name in subspace.tasks}


# Fields that hold a section of their own.
_SECTIONS: dict[str, type[Any]] = {
    "pool": PoolConfig,
    "recipe": Recipe,
    "gate": GateConfig,
    "lora": FitConfig,
    "joint": FitConfig,
    "shared": FitConfig,
    "coefficients": FitConfig,
    "adam": AdamConfig,
}


def load_learn_config(path: Path) -> LearnConfig:
    """Return the configuration in a TOML file; what it does not name keeps its default.

    Raises:
        InputError: The file cannot be read, or a field is unknown, missing or out of range.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as TOML: {error}") from error
    return _parse(raw, LearnConfig, str(path))


def _parse(raw: dict[str, Any], kind: type[Section], where: str) -> Section:
    """Return a section's dataclass, its inner sections parsed, lists as tuples."""
    names = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(raw.keys() - names):
        raise InputError(f"{where}: field {unknown[0]}: unknown, expected one of {sorted(names)}")
    values = {}
    for name, value in raw.items():
        if isinstance(value, dict) is not (name in _SECTIONS):
            expected = "a table" if name in _SECTIONS else "a value"
            raise InputError(f"{where}: field {name}: got {value!r}, expected {expected}")
        if isinstance(value, dict):
            values[name] = _parse(value, _SECTIONS[name], f"{where}: {name}")
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from error
