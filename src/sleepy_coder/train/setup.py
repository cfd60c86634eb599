"""What a training command starts from: a frozen model that gradients pass, and rows to learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from sleepy_coder.errors import InputError
from sleepy_coder.model import RepairModel, choose_device, load_model
from sleepy_coder.problems import Problem, ProblemSet
from sleepy_coder.prompt import AnswerForm
from sleepy_coder.train.data import encode_pairs, refuse_collisions
from sleepy_coder.train.pools import PoolConfig, build_pools

if TYPE_CHECKING:
    from sleepy_coder.train.pairs import Row

# Processors that multiply bfloat16 in hardware, by the names that torch gives their instructions.
_FAST_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")


@dataclass(frozen=True)
class Material:
    """Rows to train on.

    Attributes:
        rows: Task -> its pairs in tokens.
        num_too_long: Pairs left out for their length.
    """

    rows: Mapping[str, Sequence[Row]]
    num_too_long: int


@dataclass(frozen=True)
class MaterialConfig:
    """How problems become rows.

    Attributes:
        task: The task that all of them teach; None makes a task of each pattern.
        answer_form: How the answers give the repair.
        anchor_share: Anchors for each pair of a task's own.
        max_pair_tokens: A longer pair is left out.
    """

    task: str | None = None
    answer_form: AnswerForm = "program"
    anchor_share: float = 0.25
    max_pair_tokens: int = 2048
    seed: int = 0


def prepare_rows(
    pairs: Sequence[Problem],
    anchors: Sequence[Problem],
    evaluation: Sequence[ProblemSet],
    tokenizer: Any,
    config: MaterialConfig,
) -> Material:
    """Return the rows that teach these problems' fixes, anchors among them.

    Args:
        pairs: Problems with a reference fix and diagnostics.
        anchors: Problems of other patterns whose fix is what a task should leave as it is: best
            the base model's own verified answers.
        evaluation: Sets that no pair or anchor may collide with.
        tokenizer: The model's.
        config: How.

    Raises:
        InputError: A problem collides or lacks its fix or diagnostics, or a task has no pairs of
            the allowed length.
    """
    refuse_collisions([*pairs, *anchors], evaluation)
    if config.task is not None:
        pairs = [replace(problem, pattern=config.task) for problem in pairs]
    pools = build_pools(
        [pairs],
        {},
        anchors,
        PoolConfig(
            max_per_source=max(1, len(pairs)),
            anchor_share=config.anchor_share,
            min_pairs=1,
            answer_form=config.answer_form,
            seed=config.seed,
        ),
    )
    everything = [pair for pool in pools.values() for pair in pool]
    rows, num_too_long = encode_pairs(everything, tokenizer, max_tokens=config.max_pair_tokens)
    empty = sorted(set(pools) - set(rows))
    if empty or not rows:
        raise InputError(
            f"task {empty[0] if empty else config.task or 'of any pattern'}: got no pairs of at "
            f"most {config.max_pair_tokens} tokens, expected at least one"
        )
    return Material(rows, num_too_long)


def load_frozen_model(name: str, *, device: str = "auto", dtype: str = "auto") -> RepairModel:
    """Return a model whose weights are frozen and whose layers pass gradients on.

    Raises:
        InputError: `dtype` is int8.
        WeightsError: See `model.load_model`.
    """
    if dtype == "int8":
        raise InputError("dtype int8 passes no gradients; use auto, bfloat16 or float32")
    place = choose_device(device)
    if dtype == "auto":
        dtype = choose_training_dtype(place)
    model = load_model(name, device=str(place), dtype=dtype)
    model.hf_model.requires_grad_(requires_grad=False)
    return model


def choose_training_dtype(device: torch.device) -> str:
    """Return the fastest number format to train in: bfloat16 where the hardware multiplies it.

    A processor that does not emulates it, slower than float32.
    """
    if device.type != "cpu":
        return "bfloat16"
    find: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    capabilities = find()  # empty from older torch
    return "bfloat16" if any(capabilities.get(n) for n in _FAST_BFLOAT16) else "float32"
