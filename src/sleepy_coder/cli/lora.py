"""`sleepy lora`: ordinary LoRA adapters, many in one pass."""

from __future__ import annotations

from pathlib import Path

import click

from sleepy_coder.cli.options import json_option
from sleepy_coder.cli.share.options import DIRECTORY, print_result
from sleepy_coder.cli.training import (
    TrainOptions,
    save_report,
    summarize,
    tell_left_out,
    train_options,
    training_progress,
)
from sleepy_coder.share.files import check_replaceable
from sleepy_coder.share.peft_io import ADAPTER
from sleepy_coder.train.distributed import current_ranks, joined_ranks
from sleepy_coder.train.recipe import Recipe, learn_adapters
from sleepy_coder.weights import DEFAULT_MODEL


@click.group()
def lora() -> None:
    """Train ordinary LoRA adapters, all patterns in one pass."""


@lora.command()
@train_options(steps=16, learning_rate=2e-4)
@click.option("--out", required=True, type=DIRECTORY, help="Folder that gets one adapter a task.")
@click.option("--task", metavar="NAME", help="One adapter from all pairs, of this name.")
@click.option("--model", "model_name", default=DEFAULT_MODEL, show_default=True)
@click.option("--rank", type=click.IntRange(min=1), default=8, show_default=True, help="r.")
@json_option
def train(
    options: TrainOptions,
    out: Path,
    task: str | None,
    model_name: str,
    rank: int,
    as_json: bool,
) -> None:
    """Train an adapter for each pattern among the pairs; each is written in PEFT's format.

    Under `torchrun` each step's rows are split over its processes.
    """
    with joined_ranks() as own_device:
        model = options.load_model(model_name, own_device)
        material = options.material(model.tokenizer, task)
        for name in material.rows:
            check_replaceable(out / name, ADAPTER)
        tell_left_out(material, options.max_tokens)
        config = options.fit_config(model, material.rows)
        with training_progress(config.num_steps, "training") as on_step:
            adapters, report = learn_adapters(
                model.hf_model,
                material.rows,
                Recipe(rank=rank, lora=config),
                pad_id=model.tokenizer.pad_token_id or 0,
                on_step=on_step,
                checkpoint=options.checkpoint,
            )
        if not current_ranks().is_first:
            return
    for adapter in adapters:
        provenance = options.provenance(model, len(material.rows[adapter.name]), report)
        adapter.save(out / adapter.name, base_model=model.public_name, provenance=provenance)
    save_report(options, model, config, report)
    lines, speed = summarize(report, material.rows)
    summary = {"out": str(out), "adapters": len(adapters), **speed}
    print_result(lines, summary, title="trained", as_json=as_json)
