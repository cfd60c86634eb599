"""Many tasks trained in one pass, against PEFT training them one after the other, on one GPU.

One process, one model (bfloat16 on CUDA), the same rows for every side: T tasks, R rows of each in
a step, S steps, and before them a step that warms up and is not counted. The sides:

- coefficients: k x 1 coefficients of all tasks in one pass over a frozen basis; `_kl` adds the
  divergence from the base model, which runs as well;
- lora: rank 8 adapters of all tasks in one pass, each row through its own;
- peft: `get_peft_model` of rank 8, task after task, a task's rows as one padded batch, the model's
  own loss over labels, AdamW (fused on CUDA); adapters in float32, as PEFT makes them of bfloat16
  models. peft_same_dtype keeps them in the model's own (`autocast_adapter_dtype=False`), and
  peft_no_cudnn forbids cuDNN's attention besides, as ours does (`sleepy_coder.attention`): torch
  takes it by default on recent GPUs, and plans it anew for every shape of a batch.

PEFT's batches lie on the device before the clock starts, its setting up and first step of each task
are not counted, and float32 products may use TF32. `times_peft` is against the faster of the sides
that leave PEFT's attention as it comes, `times_peft_no_cudnn` against the other. Adapters are on
q, k, v, o everywhere.

The share of the GPU's peak. Every weight matrix of N numbers in the layers costs a token 2N
operations forward (a product and a sum) and 2N backward, for the gradient of its input; it is
frozen, so there is none of its own. The head, H numbers, costs the same for a token of an answer.
With T tokens, A of them answers, a side must do

    4 N T + 4 H A                 and with the base model's forward   6 N T + 6 H A

`model_flops_frac` is that in its time, over what a product of two 8192 x 8192 matrices reaches on
this device (median of 20). Left out: embeddings (a lookup), adapters (0.2 % of N), attention's own
products (2 % at 700 tokens), and all that a side does beyond need: padding, logits of prompt
tokens. No side recomputes anything.

Rows come from the training files of `make data`; what is trained here is thrown away, so the files
need not pass the wall that `sleepy learn` puts between training and evaluation.

    python benchmarks/train_gpu.py --data data
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from sleepy_coder.errors import InputError
from sleepy_coder.problems import load_set
from sleepy_coder.prompt import AnswerForm
from sleepy_coder.results import describe_environment, save_json
from sleepy_coder.share.store import load_store
from sleepy_coder.share.subspace import ModuleBasis, Subspace
from sleepy_coder.share.tasks import convert
from sleepy_coder.train.config import FitConfig
from sleepy_coder.train.data import encode_pairs
from sleepy_coder.train.fit import draw_rows
from sleepy_coder.train.pairs import Row
from sleepy_coder.train.pools import PoolConfig, build_pools
from sleepy_coder.train.recipe import OnStep, Recipe, learn_adapters, learn_tasks
from sleepy_coder.train.setup import load_frozen_model
from sleepy_coder.weights import DEFAULT_MODEL

ROOT = Path(__file__).parents[1]
SOURCES = ("train", "generated")  # of a data folder's files, those that are trained on
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj")
RANK, LORA_ALPHA = 8, 16
RATE_COEFFICIENTS, RATE_LORA = 3e-3, 1e-3  # as in configs/experiments.toml
KL_WEIGHT = 0.3
NO_LABEL = -100  # what transformers' losses leave out
PEFT_AS_IT_COMES, PEFT_NO_CUDNN = ("peft", "peft_same_dtype"), "peft_no_cudnn"
PEAK_SIZE, PEAK_REPETITIONS = 8192, 20

Rows = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Setting:
    """What every side does.

    Attributes:
        num_steps: Steps that are timed; one more goes before them.
        rows_per_task: Rows of each task in a step.
        components: k of a basis made here.
        max_tokens: Tokens of one forward of ours, padding counted.
        peak_size: Rows and columns of the matrices whose product gives the peak.
    """

    num_steps: int = 8
    rows_per_task: int = 4
    components: int = 32
    max_tokens: int = 12_000
    peak_size: int = PEAK_SIZE

    def fit_config(self, learning_rate: float, kl_weight: float = 0.0) -> FitConfig:
        """Return how our sides train."""
        return FitConfig(
            num_steps=self.num_steps + 1,
            rows_per_task=self.rows_per_task,
            learning_rate=learning_rate,
            warmup_steps=2,
            kl_weight=kl_weight,
            max_tokens=self.max_tokens,
        )


@dataclass(frozen=True)
class Work:
    """What the timed steps hold, the same for all sides."""

    num_tasks: int
    num_tokens: int
    num_answer_tokens: int
    longest_row: int


class Clock:
    """Reads the time when the device has done all that it was given."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.marks: list[float] = []

    def mark(self, *_: object) -> None:
        """Note the time; may be called as `on_step`."""
        synchronize(self.device)
        self.marks.append(time.perf_counter())


@dataclass(frozen=True)
class Timing:
    """What a side took.

    Attributes:
        seconds: Of the timed steps of all tasks.
        losses: Task -> its loss in each step, the first one included, nats a token.
    """

    seconds: float
    losses: Mapping[str, Sequence[float]]


def load_rows(
    folder: Path, tokenizer: Any, num_tasks: int, form: AnswerForm, max_pair_tokens: int
) -> dict[str, list[Row]]:
    """Return the rows of the tasks with the most problems in a data folder.

    Raises:
        InputError: The folder has too few tasks, or one has no pair that is short enough.
    """
    files = [path for name in SOURCES if (path := folder / f"{name}.jsonl").is_file()]
    sources = [load_set(path).problems for path in files]
    counts = Counter(problem.pattern for source in sources for problem in source)
    chosen = sorted(counts, key=lambda name: (-counts[name], name))[:num_tasks]
    if len(chosen) < num_tasks:
        raise InputError(f"{folder}: has {len(chosen)} tasks to train, expected {num_tasks}")
    kept = [[p for p in source if p.pattern in chosen] for source in sources]
    pools = build_pools(
        kept, {}, (), PoolConfig(max_per_source=64, anchor_share=0, min_pairs=1, answer_form=form)
    )
    pairs = [pair for pool in pools.values() for pair in pool]
    rows, _ = encode_pairs(pairs, tokenizer, max_tokens=max_pair_tokens)
    if missing := sorted(set(chosen) - set(rows)):
        raise InputError(f"task {missing[0]}: has no pair of at most {max_pair_tokens} tokens")
    return {name: rows[name] for name in sorted(chosen)}


def draw_steps(rows: Rows, setting: Setting) -> dict[str, list[list[Row]]]:
    """Return task -> the rows of each step, as `fit` draws them; the first step warms up."""
    config = setting.fit_config(RATE_LORA)
    steps = range(1, config.num_steps + 1)
    return {
        name: [draw_rows(own, name, step, config) for step in steps] for name, own in rows.items()
    }


def count_work(drawn: Mapping[str, Sequence[Sequence[Row]]]) -> Work:
    """Return what the steps after the first hold."""
    timed = [row for steps in drawn.values() for step in steps[1:] for row in step]
    return Work(
        num_tasks=len(drawn),
        num_tokens=sum(map(len, timed)),
        num_answer_tokens=sum(len(row) - row.num_prompt for row in timed),
        longest_row=max(map(len, timed)),
    )


def random_basis(model: nn.Module, components: int) -> Subspace:
    """Return orthonormal directions for the target modules: training costs the same over any."""
    generator = torch.Generator().manual_seed(0)

    def draw(size: int) -> Tensor:
        columns: Tensor = torch.linalg.qr(torch.randn(size, components, generator=generator))[0]
        return columns

    found = {name: m for name, m in model.named_modules() if name.endswith(TARGETS)}
    return Subspace(
        {
            name: ModuleBasis(basis_b=draw(m.out_features), basis_a=draw(m.in_features))
            for name, m in found.items()
        },
        {},
    )


def time_in_one_pass(
    device: torch.device, train: Callable[[OnStep], Mapping[str, Sequence[float]]]
) -> Timing:
    """Return what training took from the end of its first step to the end of its last.

    Args:
        device: Where it runs.
        train: Trains all tasks, calls `on_step` after each step, returns the losses.

    Raises:
        RuntimeError: A task diverged and took fewer steps than it was to.
    """
    clock = Clock(device)
    losses = train(clock.mark)
    if any(len(curve) != len(clock.marks) for curve in losses.values()):
        raise RuntimeError("a task stopped early: the sides did not do the same work")
    return Timing(clock.marks[-1] - clock.marks[0], losses)


def train_coefficients(
    model: Any, basis: Subspace, rows: Rows, config: FitConfig, pad_id: int, on_step: OnStep
) -> Mapping[str, Sequence[float]]:
    """Train all tasks' coefficients in one pass; return their losses."""
    recipe = Recipe(targets=TARGETS, coefficients=config)
    return learn_tasks(model, basis, rows, recipe, pad_id=pad_id, on_step=on_step).report.losses


def train_lora(
    model: Any, rows: Rows, config: FitConfig, pad_id: int, on_step: OnStep
) -> Mapping[str, Sequence[float]]:
    """Train all tasks' adapters in one pass; return their losses."""
    recipe = Recipe(targets=TARGETS, rank=RANK, lora=config)
    return learn_adapters(model, rows, recipe, pad_id=pad_id, on_step=on_step)[1].losses


def collate_for_peft(rows: Sequence[Row], pad_id: int, device: torch.device) -> dict[str, Tensor]:
    """Return a batch as `transformers` takes it: padded on the right, labels on the answers."""
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), pad_id)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), NO_LABEL)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row.tokens)
        mask[index, : len(row)] = 1
        labels[index, row.num_prompt : len(row)] = ids[index, row.num_prompt : len(row)]
    batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    return {name: tensor.to(device) for name, tensor in batch.items()}


def train_with_peft(
    model: Any,
    drawn: Mapping[str, Sequence[Sequence[Row]]],
    pad_id: int,
    *,
    autocast_adapter_dtype: bool,
) -> Timing:
    """Train one PEFT adapter after the other; return what the steps after their first took."""
    device = model.device
    config = LoraConfig(
        r=RANK, lora_alpha=LORA_ALPHA, target_modules=list(TARGETS), task_type="CAUSAL_LM"
    )
    seconds, losses = 0.0, {}
    for name, steps in drawn.items():
        batches = [collate_for_peft(rows, pad_id, device) for rows in steps]
        torch.manual_seed(0)
        adapted = get_peft_model(model, config, autocast_adapter_dtype=autocast_adapter_dtype)
        adapted.train()
        trained = [each for each in adapted.parameters() if each.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=RATE_LORA, fused=device.type == "cuda")
        clock, curve = Clock(device), []
        for batch in batches:
            loss = adapted(**batch, use_cache=False).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            curve.append(loss.detach())
            if len(curve) in {1, len(batches)}:  # in between nothing waits for the device
                clock.mark()
        seconds += clock.marks[-1] - clock.marks[0]
        losses[name] = torch.stack(curve).tolist()
        adapted.unload()
        model.eval()
    return Timing(seconds, losses)


@contextmanager
def usual_attention(model: Any, *, may_use_cudnn: bool) -> Iterator[None]:
    """Give the model transformers' own attention inside, as PEFT's users have it."""
    own = model.config._attn_implementation  # noqa: SLF001 - there is a setter but no getter
    was_allowed = torch.backends.cuda.cudnn_sdp_enabled()
    model.set_attn_implementation("sdpa")
    torch.backends.cuda.enable_cudnn_sdp(may_use_cudnn)
    try:
        yield
    finally:
        torch.backends.cuda.enable_cudnn_sdp(was_allowed)
        model.set_attn_implementation(own)


def measure_peak(device: torch.device, dtype: torch.dtype, size: int) -> float:
    """Return the operations a second that a product of square matrices reaches."""
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    out = torch.empty_like(left)
    taken = []
    for _ in range(PEAK_REPETITIONS + 3):  # the first ones raise the clocks
        clock = Clock(device)
        clock.mark()
        torch.mm(left, right.T, out=out)  # as linear layers multiply
        clock.mark()
        taken.append(clock.marks[1] - clock.marks[0])
    return 2 * size**3 / statistics.median(taken[3:])


def count_flops(model: Any, work: Work, *, with_base: bool) -> int:
    """Return what the timed steps must compute at least; the module's docstring derives it."""
    per_token, per_answer = count_weights(model)
    passes = 6 if with_base else 4
    return passes * (per_token * work.num_tokens + per_answer * work.num_answer_tokens)


def count_weights(model: Any) -> tuple[int, int]:
    """Return N and H: the numbers in the layers' weight matrices, and in the head's."""
    layers = [m for m in model.model.layers.modules() if isinstance(m, nn.Linear)]
    return sum(m.weight.numel() for m in layers), model.lm_head.weight.numel()


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def with_peak_memory(device: torch.device, run: Callable[[], Timing]) -> tuple[Timing, int | None]:
    """Return the timing and the most device memory in use at a time, the model's included."""
    gc.collect()
    if device.type != "cuda":
        return run(), None
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    return run(), torch.cuda.max_memory_allocated(device)


def make_sides(
    model: Any, rows: Rows, setting: Setting, basis: Subspace, pad_id: int
) -> dict[str, Callable[[], Timing]]:
    """Return each side by name, ready to run."""
    drawn, device = draw_steps(rows, setting), model.device

    def coefficients(kl_weight: float) -> Timing:
        config = setting.fit_config(RATE_COEFFICIENTS, kl_weight)
        return time_in_one_pass(
            device, lambda on_step: train_coefficients(model, basis, rows, config, pad_id, on_step)
        )

    def lora() -> Timing:
        config = setting.fit_config(RATE_LORA)
        return time_in_one_pass(
            device, lambda on_step: train_lora(model, rows, config, pad_id, on_step)
        )

    def peft(*, autocast_adapter_dtype: bool, may_use_cudnn: bool = True) -> Timing:
        with usual_attention(model, may_use_cudnn=may_use_cudnn):
            return train_with_peft(
                model, drawn, pad_id, autocast_adapter_dtype=autocast_adapter_dtype
            )

    return {
        "peft": lambda: peft(autocast_adapter_dtype=True),
        "peft_same_dtype": lambda: peft(autocast_adapter_dtype=False),
        PEFT_NO_CUDNN: lambda: peft(autocast_adapter_dtype=False, may_use_cudnn=False),
        "coefficients": lambda: coefficients(0.0),
        "coefficients_kl": lambda: coefficients(KL_WEIGHT),
        "lora": lora,
    }


SIDES = ("peft", "peft_same_dtype", PEFT_NO_CUDNN, "coefficients", "coefficients_kl", "lora")


def measure(
    model: Any,
    rows: Rows,
    setting: Setting,
    *,
    pad_id: int,
    basis: Subspace | None = None,
    sides: Sequence[str] = SIDES,
) -> dict[str, Any]:
    """Return the peak and what each side took, as plain JSON data.

    Args:
        model: The frozen base model, a Hugging Face causal language model.
        rows: Task -> its pairs in tokens.
        setting: How much of them, and how.
        pad_id: Token that fills short rows.
        basis: Frozen directions; by default random ones.
        sides: Names of what runs, in the order given.
    """
    longest = max(len(row) for own in rows.values() for row in own)
    setting = replace(setting, max_tokens=max(setting.max_tokens, longest))
    work = count_work(draw_steps(rows, setting))
    peak = measure_peak(model.device, model.dtype, setting.peak_size)
    basis = random_basis(model, setting.components) if basis is None else basis
    ways = make_sides(model, rows, setting, replace(basis, tasks={}), pad_id)
    results = {}
    for name in sides:
        timing, peak_bytes = with_peak_memory(model.device, ways[name])
        results[name] = describe_side(name, model, work, timing, peak) | {"peak_bytes": peak_bytes}
        print(name, json.dumps(results[name]), flush=True)
    rivals = {"times_peft": PEFT_AS_IT_COMES, "times_peft_no_cudnn": (PEFT_NO_CUDNN,)}
    for field, names in rivals.items():
        theirs = [results[name]["seconds"] for name in names if name in results]
        for each in results.values():
            each[field] = round(min(theirs) / each["seconds"], 3) if theirs else None
    num_weights, num_head_weights = count_weights(model)
    return {
        "setting": asdict(setting) | {"rank": RANK, "targets": TARGETS, "kl_weight": KL_WEIGHT},
        "work": asdict(work),
        "layer_weights": num_weights,
        "head_weights": num_head_weights,
        "matmul_peak_tflops": round(peak / 1e12, 3),
        "sides": results,
    }


def describe_side(name: str, model: Any, work: Work, timing: Timing, peak: float) -> dict[str, Any]:
    """Return a side's numbers; losses are means over the tasks, null where they are not finite."""
    flops = count_flops(model, work, with_base=name.endswith("_kl"))
    curves = timing.losses.values()
    return {
        "seconds": round(timing.seconds, 4),
        "tokens_per_s": round(work.num_tokens / timing.seconds, 1),
        "tasks_per_s": round(work.num_tasks / timing.seconds, 4),
        "model_flops": flops,
        "model_flops_frac": round(flops / timing.seconds / peak, 4),
        "first_loss": _mean_loss([curve[0] for curve in curves]),
        "last_loss": _mean_loss([curve[-1] for curve in curves]),
    }


def _mean_loss(losses: Sequence[float]) -> float | None:
    mean = statistics.mean(losses)
    return round(mean, 4) if math.isfinite(mean) else None


def describe_run(model: Any, data: Path, form: AnswerForm) -> dict[str, Any]:
    """Return what the measurement was made with, without paths."""
    from sleepy_coder.share.files import sha256_of

    device = model.device
    is_cuda = device.type == "cuda"
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    environment = describe_environment(str(device))
    environment["command"] = " ".join(["python benchmarks/train_gpu.py", *words])
    environment["libraries"]["peft"] = metadata.version("peft")
    files = [path for name in SOURCES if (path := data / f"{name}.jsonl").is_file()]
    return {
        "benchmark": "train_gpu",
        "environment": environment,
        "device_name": torch.cuda.get_device_name(device) if is_cuda else None,
        "model": {"name": Path(model.name).name, "sha256": model.sha256, "dtype": model.dtype},
        "answer_form": form,
        "data_sha256": {path.name: sha256_of(path) for path in files},
    }


def parse_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data"), help="what `make data` wrote")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--steps", type=int, default=Setting.num_steps, help="that are timed")
    parser.add_argument("--rows", type=int, default=Setting.rows_per_task, help="a task and step")
    parser.add_argument("--components", type=int, default=Setting.components, help="k")
    parser.add_argument("--store", type=Path, help="take its basis, instead of a random one")
    parser.add_argument("--answer-form", choices=["program", "edit"], default="program")
    parser.add_argument("--max-pair-tokens", type=int, default=1200, help="leave out longer pairs")
    parser.add_argument("--max-tokens", type=int, default=Setting.max_tokens, help="of one forward")
    parser.add_argument("--peak-size", type=int, default=PEAK_SIZE, help="of the peak's matrices")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "train_gpu.json")
    return parser.parse_args(words)


def main() -> None:
    """Measure and write the result."""
    options = parse_arguments()
    torch.set_float32_matmul_precision("high")  # TF32, for PEFT's float32 adapters
    model = load_frozen_model(options.model, device=options.device)
    rows = load_rows(
        options.data, model.tokenizer, options.tasks, options.answer_form, options.max_pair_tokens
    )
    basis = None
    if options.store is not None:
        basis = convert(load_store(options.store).subspace, dtype=torch.float32)
    setting = Setting(
        options.steps, options.rows, options.components, options.max_tokens, options.peak_size
    )
    record = describe_run(model, options.data, options.answer_form) | measure(
        model.hf_model,
        rows,
        setting,
        pad_id=model.tokenizer.pad_token_id or 0,
        basis=basis,
        sides=options.sides,
    )
    save_json(record, options.out)
    for name, side in record["sides"].items():
        print(name, side["times_peft"], side["times_peft_no_cudnn"])


if __name__ == "__main__":
    main()
