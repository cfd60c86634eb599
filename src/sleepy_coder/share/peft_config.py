"""adapter_config.json: what of it decides ΔW, as PEFT reads it, and what is refused."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sleepy_coder.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LAYER_INDEX = re.compile(r".*\.[^.]*\.(\d+)\.")  # the rule PEFT uses without layers_pattern
_MAX_PATTERN = 512  # characters of a pattern in a config

# Config fields that a plain LoRA leaves empty, and why anything else is refused.
_REFUSED = {
    "use_dora": "DoRA rescales the merged weight's columns, which is no low-rank change",
    "modules_to_save": "whole modules were trained beside the LoRA; they have no low-rank form",
    "lora_bias": "a bias on lora_B is no part of ΔW",
    "trainable_token_indices": "trained token embeddings have no low-rank form",
    "target_parameters": "LoRA on bare parameters is not a linear layer",
    "layer_replication": "it changes the base model's layers",
    "alora_invocation_tokens": "the adapter applies to some tokens only",
    "use_qalora": "QALoRA pools the input",
    "use_bdlora": "block-diagonal LoRA has another shape",
    "arrow_config": "Arrow mixes several adapters",
    "kasa_config": "KaSA changes the base weights",
    "megatron_config": "Megatron layers are split over processes",
    "monteclora_config": "MonteCLoRA draws the factors at random",
}
# Filled in, these concern how the factors started or were trained, not what they multiply to.
_HARMLESS_CONFIGS = ("eva_config", "corda_config", "velora_config", "runtime_config")
# Initialisations that subtract something from the base weights, which the adapter then needs.
_CHANGED_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
_CHANGED_BASE_CONFIGS = ("loftq_config", "lora_ga_config")


@dataclass(frozen=True)
class PeftConfig:
    """What of an adapter's config decides ΔW."""

    rank: int
    alpha: float
    use_rslora: bool
    rank_pattern: tuple[tuple[str, int], ...]
    alpha_pattern: tuple[tuple[str, float], ...]
    layers: frozenset[int] | None
    layers_pattern: tuple[str, ...]
    base_model: str

    def scaling(self, module: str) -> tuple[int, float]:
        """Return a module's rank and scaling."""
        rank = int(_lookup(self.rank_pattern, module, self.rank))
        alpha = float(_lookup(self.alpha_pattern, module, self.alpha))
        return rank, alpha / (math.sqrt(rank) if self.use_rslora else rank)

    def includes(self, module: str) -> bool:
        """Say whether layers_to_transform leaves the module in."""
        if self.layers is None:
            return True
        for name in self.layers_pattern:
            found = re.match(rf".*\.{re.escape(name)}\.(\d+)\.", module)
            if found:
                return int(found[1]) in self.layers
        found = None if self.layers_pattern else _LAYER_INDEX.match(module)
        return found is not None and int(found[1]) in self.layers


def parse_config(raw: Mapping[str, Any], where: str) -> PeftConfig:
    """Check an adapter_config.json and return what decides ΔW."""
    if raw.get("peft_type") != "LORA":
        raise StoreError(f"{where}: peft_type {str(raw.get('peft_type'))[:50]!r}, expected 'LORA'")
    for key, reason in _REFUSED.items():
        if raw.get(key):
            raise StoreError(f"{where}: {key} is set: {reason}")
    known = (*_HARMLESS_CONFIGS, *_CHANGED_BASE_CONFIGS)
    for key, value in raw.items():
        if key.endswith("_config") and value and key not in known:
            raise StoreError(f"{where}: {key[:80]!r} is set, which no plain LoRA has")
    if raw.get("bias", "none") != "none":
        raise StoreError(f"{where}: bias is {str(raw['bias'])[:50]!r}: trained biases are no ΔW")
    start = str(raw.get("init_lora_weights", "")).lower()
    if start.startswith(_CHANGED_BASE) or any(raw.get(key) for key in _CHANGED_BASE_CONFIGS):
        raise StoreError(
            f"{where}: the start of training, init_lora_weights {start[:50]!r} or its config, "
            "changes the base weights; convert the adapter with PEFT's "
            "path_initial_model_for_weight_conversion first"
        )
    layers = raw.get("layers_to_transform")
    layers = [layers] if isinstance(layers, int) else layers  # an empty list is all layers
    pattern = raw.get("layers_pattern") or []
    pattern = [pattern] if isinstance(pattern, str) else pattern
    if not all(isinstance(items, list) for items in (layers or [], pattern)):
        raise StoreError(f"{where}: layers_to_transform and layers_pattern must be lists")
    return PeftConfig(
        rank=int(_number(raw.get("r"), f"{where}: r", is_rank=True)),
        alpha=_number(raw.get("lora_alpha"), f"{where}: lora_alpha"),
        use_rslora=bool(raw.get("use_rslora")),
        rank_pattern=tuple(
            (key, int(_number(value, f"{where}: rank_pattern", is_rank=True)))
            for key, value in _pattern(raw, "rank_pattern", where).items()
        ),
        alpha_pattern=tuple(
            (key, _number(value, f"{where}: alpha_pattern"))
            for key, value in _pattern(raw, "alpha_pattern", where).items()
        ),
        layers=frozenset(map(_index_of_layer, layers)) if layers else None,
        layers_pattern=tuple(map(str, pattern)),
        base_model=str(raw.get("base_model_name_or_path") or ""),
    )


def _pattern(raw: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """Return a rank or alpha pattern whose keys are regular expressions that compile."""
    pattern = raw.get(key) or {}
    if not isinstance(pattern, dict):
        raise StoreError(f"{where}: {key} must be an object")
    for expression in pattern:
        try:
            if len(expression) > _MAX_PATTERN:
                raise StoreError(f"{where}: {key} has a pattern of {len(expression)} characters")
            re.compile(expression)
        except re.error as error:
            raise StoreError(f"{where}: {key} {expression[:80]!r} is no pattern: {error}") from None
    return pattern


def _lookup(pattern: Iterable[tuple[str, float]], module: str, default: float) -> float:
    """Return the first value whose pattern matches the end of the module's name, as PEFT does."""
    for expression, value in pattern:
        if re.match(rf"(.*\.)?({expression})$", module):
            return value
    return default


def _number(value: Any, where: str, *, is_rank: bool = False) -> float:
    """Return a finite number; a rank is a positive integer."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_rank and (type(value) is not int or not 0 < value < 2**20):
        raise StoreError(f"{where}: got {str(value)[:50]!r}, expected a positive integer")
    if not is_number or abs(value) > 1e9:  # noqa: PLR2004 - beyond any use; also infinite and NaN
        raise StoreError(f"{where}: got {str(value)[:50]!r}, expected a finite number")
    return float(value)


def _index_of_layer(value: Any) -> int:
    if type(value) is not int:
        raise StoreError(f"layers_to_transform: got {str(value)[:50]!r}, expected layer numbers")
    return value
