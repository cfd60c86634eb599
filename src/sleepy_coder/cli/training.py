"""What `sleepy share train` and `sleepy lora train` have in common: options, progress, reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from sleepy_coder.cli.options import Decorator, bundle, device_option
from sleepy_coder.cli.progress import is_told
from sleepy_coder.model import RepairModel
from sleepy_coder.problems import load_set
from sleepy_coder.prompt import AnswerForm
from sleepy_coder.results import describe_environment
from sleepy_coder.share.files import check_task_name, sha256_of
from sleepy_coder.train.config import FitConfig, FitReport
from sleepy_coder.train.distributed import current_ranks
from sleepy_coder.train.pairs import Row
from sleepy_coder.train.setup import Material, MaterialConfig, load_frozen_model, prepare_rows

# Tokens of one forward. A row or two fill a processor's matrix products, without padding.
_FORWARD_TOKENS = {"cpu": 512, "cuda": 12_000}
OnStep = Callable[[str, int, Mapping[str, float]], None]
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class TrainOptions:
    """What is learned from, on what, and how."""

    pairs: Path
    anchors: Path | None
    anchor_share: float
    disjoint: tuple[str, ...]
    answer_form: AnswerForm | None
    max_tokens: int
    device: str
    dtype: str
    steps: int
    rows: int
    learning_rate: float
    edit_weight: float
    kl: float
    seed: int
    recompute: bool
    checkpoint: Path | None
    report: Path | None

    @property
    def form(self) -> AnswerForm:
        """The form of the answers: what was asked for, else the whole program."""
        return self.answer_form or "program"

    def load_model(self, name: str, own_device: str | None) -> RepairModel:
        """Return the frozen model, on this process's own device where it has one."""
        return load_frozen_model(name, device=own_device or self.device, dtype=self.dtype)

    def material(self, tokenizer: Any, task: str | None) -> Material:
        """Return the rows of the pairs' file, kept apart from what is under evaluation."""
        pairs = load_set(self.pairs).problems
        for name in {task} if task else {problem.pattern for problem in pairs}:
            check_task_name(name)
        evaluation = [load_set(name) for name in ("core", *self.disjoint)]
        anchors = load_set(self.anchors).problems if self.anchors else ()
        config = MaterialConfig(task, self.form, self.anchor_share, self.max_tokens, self.seed)
        return prepare_rows(pairs, anchors, evaluation, tokenizer, config)

    def fit_config(self, model: RepairModel, rows: Mapping[str, Sequence[Row]]) -> FitConfig:
        """Return how to fit these rows."""
        longest = max(len(row) for own in rows.values() for row in own)
        return FitConfig(
            num_steps=self.steps,
            rows_per_task=self.rows,
            learning_rate=self.learning_rate,
            edit_weight=self.edit_weight,
            kl_weight=self.kl,
            max_tokens=max(longest, _FORWARD_TOKENS.get(model.device.type, 4096)),
            seed=self.seed,
            checkpoint_activations=self.recompute,
        )

    def provenance(self, model: RepairModel, num_pairs: int, report: FitReport) -> dict[str, Any]:
        """Return where a learned task came from, without paths."""
        return {
            "format": "trained",
            "pairs_sha256": sha256_of(self.pairs),
            "pairs": num_pairs,
            "anchors_sha256": sha256_of(self.anchors) if self.anchors else None,
            "answer_form": self.form,
            "steps": self.steps,
            "rows_per_step": self.rows,
            "learning_rate": self.learning_rate,
            "edit_weight": self.edit_weight,
            "kl_weight": self.kl,
            "seed": self.seed,
            "model_sha256": model.sha256,
            "dtype": model.dtype,
            "device": report.device.partition(":")[0],
        }


def train_options(*, steps: int, learning_rate: float) -> Decorator:
    """Return a decorator that adds the options, with these defaults, as `options`."""
    return bundle(
        "options",
        TrainOptions,
        click.option("--pairs", type=_FILE, required=True, help="Problems with fixes, JSONL."),
        click.option(
            "--anchors", type=_FILE, help="Problems of other patterns, fixed as they should stay."
        ),
        click.option(
            "--anchor-share", type=click.FloatRange(min=0), default=0.25, show_default=True,
            help="Anchors for each pair.",
        ),
        click.option(
            "--disjoint", multiple=True, metavar="SET",
            help="A set that no pair may be in, beside core; may be repeated.",
        ),
        click.option(
            "--answer-form", type=click.Choice(["program", "edit"]),
            help="Answer with the whole program, or the lines that change; by default as the "
            "store's tasks do, else with the program.",
        ),
        click.option(
            "--max-tokens", type=click.IntRange(min=1), default=2048, show_default=True,
            help="Leave out longer pairs.",
        ),
        device_option,
        click.option(
            "--dtype", type=click.Choice(["auto", "bfloat16", "float16", "float32"]),
            default="auto", show_default=True, help="Number format of the model.",
        ),
        click.option(
            "--steps", type=click.IntRange(min=1), default=steps, show_default=True,
            help="Optimizer steps.",
        ),
        click.option(
            "--rows", type=click.IntRange(min=1), default=6, show_default=True,
            help="Pairs of each task in a step.",
        ),
        click.option(
            "--learning-rate", type=click.FloatRange(min=0, min_open=True), default=learning_rate,
            show_default=True,
        ),
        click.option(
            "--edit-weight", type=click.FloatRange(min=0), default=1.0, show_default=True,
            help="Weight of answer tokens that the fix changes; the others have 1.",
        ),
        click.option(
            "--kl", type=click.FloatRange(min=0), default=0.0, show_default=True,
            help="Weight of the divergence from the base model where the fix changes nothing.",
        ),
        click.option("--seed", type=int, default=0, show_default=True),
        click.option(
            "--recompute", is_flag=True,
            help="Compute activations again on the way back: slower, a fraction of the memory.",
        ),
        click.option(
            "--checkpoint", type=_NEW_FILE, help="Written on the way; an interrupted run goes on."
        ),
        click.option("--report", type=_NEW_FILE, help="JSON to write: loss curves and speed."),
    )  # fmt: skip


@contextmanager
def training_progress(num_steps: int, title: str) -> Iterator[OnStep]:
    """Show steps with the mean loss: a bar in a terminal, plain lines elsewhere.

    Only the first of several processes shows them.
    """
    console = Console(stderr=True, highlight=False)
    is_quiet = not current_ranks().is_first
    if not console.is_terminal:

        def print_step(_phase: str, step: int, losses: Mapping[str, float]) -> None:
            if is_told(step, num_steps) and not is_quiet:
                line = f"{title}: step {step} of {num_steps}, loss {_mean(losses):.4f}"
                console.print(line, soft_wrap=True)

        yield print_step
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    times = (TextColumn("loss {task.fields[loss]}"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, *times, console=console, disable=is_quiet) as progress:
        bar = progress.add_task(title, total=num_steps, loss="-")

        def on_step(_phase: str, step: int, losses: Mapping[str, float]) -> None:
            progress.update(bar, completed=step, loss=f"{_mean(losses):.4f}")

        yield on_step


def _mean(losses: Mapping[str, float]) -> float:
    return sum(losses.values()) / len(losses)


def summarize(
    report: FitReport, rows: Mapping[str, Sequence[Row]]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return what to print: a line for each task, and how fast it went."""
    lines = [
        {
            "task": task,
            "pairs": len(rows[task]),
            "steps": len(curve),
            "first_loss": curve[0],
            "last_loss": curve[-1],
            "recoveries": len(report.recoveries[task]),
        }
        for task, curve in report.losses.items()
    ]
    speed = {
        "device": report.device,
        "seconds": round(report.seconds, 1),
        "tokens_per_s": round(report.tokens_per_s, 1),
        "padding_frac": round(report.padding_frac, 3),
    }
    return lines, speed


def save_report(
    options: TrainOptions, model: RepairModel, config: FitConfig, report: FitReport
) -> None:
    """Write the run record that was asked for, if one was."""
    if options.report is None:
        return
    record = {
        "schema_version": 1,
        "model": model.describe(),
        "pairs": {"name": options.pairs.name, "sha256": sha256_of(options.pairs)},
        "answer_form": options.form,
        "config": asdict(config),
        "environment": describe_environment(report.device),
        **report.to_json(),
    }
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def tell_left_out(material: Material, max_tokens: int) -> None:
    """Say on stderr how many pairs were too long, when there were any."""
    if material.num_too_long and current_ranks().is_first:
        click.echo(
            f"{material.num_too_long} pairs longer than {max_tokens} tokens left out", err=True
        )
