"""Many tasks in one batch: tokens a second of `generate`, against PEFT and gathered LoRA.

One process, one thread, float32, an 8-layer Qwen2 (hidden 512, MLP 1408), tasks on q, k, v, o. All
ways serve the same rows; repetitions are interleaved in random order, so that a busy machine slows
all of them alike. Seconds are the process's CPU seconds, which other programs' work touches least;
quoted are medians, and medians of the ratio to the base model within a repetition.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import resource
import statistics
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import Qwen2Config, Qwen2ForCausalLM

from measure import ROOT, environment
from sleepy_coder.share.layer import inject, use_tasks
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace
from sleepy_coder.share.task_table import TaskTable
from synthetic import module_shapes

if TYPE_CHECKING:
    from collections.abc import Callable

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj")
COMPONENTS, LORA_RANK = 32, 8
PROMPT, NEW_TOKENS = 16, 16


class Way(NamedTuple):
    """One way to serve a batch: a model and what to say around and in `generate`."""

    model: Any
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


class GatheredLora(nn.Module):
    """Plain LoRA with A and B gathered per row, once per batch: the simplest mixed batch."""

    def __init__(self, base: nn.Linear, rows: int, rank: int) -> None:
        super().__init__()
        self.base = base
        self.a = torch.randn(rows, base.in_features, rank) / base.in_features
        self.b = torch.randn(rows, rank, base.out_features) / 10

    def forward(self, x: Tensor) -> Tensor:
        """Return the base output plus each row's own x A B."""
        out: Tensor = torch.baddbmm(self.base(x), torch.bmm(x, self.a), self.b)
        return out


def build_model() -> Qwen2ForCausalLM:
    """Return the base model; the same weights each time."""
    torch.manual_seed(0)
    config = Qwen2Config(
        hidden_size=512,
        intermediate_size=1408,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=8,
        vocab_size=4096,
        max_position_embeddings=512,
        eos_token_id=None,
        pad_token_id=0,
    )
    return Qwen2ForCausalLM(config).eval().requires_grad_(requires_grad=False)


def build_shared(num_tasks: int, pseudo_rank: int) -> Qwen2ForCausalLM:
    """Return a model with `num_tasks` resident tasks over one basis."""
    model = build_model()
    modules = {n: m for n, m in model.named_modules() if n.endswith(TARGETS)}
    k, p = COMPONENTS, pseudo_rank
    bases = {
        name: ModuleBasis(
            basis_b=torch.linalg.qr(torch.randn(m.out_features, k))[0],
            basis_a=torch.linalg.qr(torch.randn(m.in_features, k))[0],
        )
        for name, m in modules.items()
    }
    tasks = {
        f"t{i}": {n: ModuleCoefficients(torch.randn(k, p) / 9, torch.randn(k, p)) for n in modules}
        for i in range(num_tasks)
    }
    inject(model, Subspace(bases, tasks))
    return model


def build_peft(num_adapters: int) -> Any:
    """Return a PEFT model with adapters t0, t1, ... of rank 8."""
    config = LoraConfig(r=LORA_RANK, target_modules=list(TARGETS), init_lora_weights=False)
    model = get_peft_model(build_model(), config, adapter_name="t0")
    for index in range(1, num_adapters):
        model.add_adapter(f"t{index}", config)
    model.set_adapter("t0")
    return model.eval()


def build_gathered(rows: int, rank: int) -> Qwen2ForCausalLM:
    """Return a model whose row i uses LoRA i."""
    model = build_model()
    for name, module in list(model.named_modules()):
        if name.endswith(TARGETS):
            model.set_submodule(name, GatheredLora(module, rows, rank))
    return model


def build_ways(rows: int) -> dict[str, Way]:
    """Return all ways by name; every one serves `rows` rows."""
    names = [f"t{i}" for i in range(rows)]
    shared, wide, peft = build_shared(rows, 1), build_shared(rows, 4), build_peft(rows)

    def tasks(model: nn.Module, chosen: list[str | None]) -> Callable[[], Any]:
        return lambda: use_tasks(model, chosen)

    mixed: list[str | None] = [*names]
    half = [name if i % 2 else None for i, name in enumerate(names)]
    few = [f"t{i % 16}" for i in range(rows)]
    return {
        "base": Way(build_model()),
        "share_idle": Way(shared),
        "share_1": Way(shared, tasks(shared, ["t0"] * rows)),
        f"share_{rows}": Way(shared, tasks(shared, mixed)),
        f"share_{rows}_p4": Way(wide, tasks(wide, mixed)),
        f"share_{rows // 2}_and_none": Way(shared, tasks(shared, half)),
        f"gathered_lora_r8_{rows}": Way(build_gathered(rows, LORA_RANK)),
        f"gathered_lora_r1_{rows}": Way(build_gathered(rows, 1)),
        "peft_1": Way(peft),
        "peft_mixed_16": Way(peft, options={"adapter_names": few}),
        f"peft_mixed_{rows}": Way(peft, options={"adapter_names": names}),
    }


def run_once(way: Way, ids: Tensor, num_tokens: int = NEW_TOKENS) -> tuple[float, float]:
    """Return CPU and wall seconds of one generation."""
    options = {"max_new_tokens": num_tokens, "min_new_tokens": num_tokens, "do_sample": False}
    cpu, wall = time.process_time(), time.perf_counter()
    with way.around():
        mask = torch.ones_like(ids)
        way.model.generate(input_ids=ids, attention_mask=mask, **options, **way.options)
    return time.process_time() - cpu, time.perf_counter() - wall


def measure(rows: int, repetitions: int) -> list[dict[str, Any]]:
    """Return one result a way, in the order of `build_ways`."""
    ways = build_ways(rows)
    ids = torch.randint(1, 4096, (rows, PROMPT), generator=torch.Generator().manual_seed(0))
    for way in ways.values():
        run_once(way, ids, num_tokens=2)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for repetition in range(repetitions):
        order = list(ways)
        random.Random(repetition).shuffle(order)  # noqa: S311 - no secret
        for name in order:
            gc.collect()
            seconds[name].append(run_once(ways[name], ids))
        print(f"{rows} rows: repetition {repetition + 1} of {repetitions}", flush=True)
    tokens = rows * NEW_TOKENS
    base = [cpu for cpu, _ in seconds["base"]]
    return [
        {
            "rows": rows,
            "way": name,
            "tokens_per_cpu_s": round(tokens / statistics.median(cpu for cpu, _ in taken), 1),
            "tokens_per_wall_s": round(tokens / statistics.median(wall for _, wall in taken), 1),
            "of_base": _ratio(base, [cpu for cpu, _ in taken]),
        }
        for name, taken in seconds.items()
    ] + [_targets(rows, {name: [cpu for cpu, _ in taken] for name, taken in seconds.items()})]


def _targets(rows: int, seconds: dict[str, list[float]]) -> dict[str, Any]:
    """Return the three ratios that the library promises."""
    ours = seconds[f"share_{rows}"]
    return {
        "rows": rows,
        "way": "targets",
        "mixed_of_one_task": _ratio(seconds["share_1"], ours),
        "mixed_of_base": _ratio(seconds["base"], ours),
        "times_peft_mixed": _ratio(seconds[f"peft_mixed_{rows}"], ours),
        "times_gathered_lora_r8": _ratio(seconds[f"gathered_lora_r8_{rows}"], ours),
    }


def _ratio(reference: list[float], taken: list[float]) -> float:
    """Return the median over repetitions of reference seconds / seconds."""
    pairs = zip(reference, taken, strict=True)
    return round(statistics.median(first / second for first, second in pairs), 3)


def measure_resident(num_tasks: int = 1024) -> dict[str, Any]:
    """Return what `num_tasks` tasks cost at the 1.5B's q, k, v, o with k=32, p=1."""
    k = COMPONENTS
    bases = {
        name: ModuleBasis(basis_b=torch.empty(n, k), basis_a=torch.empty(d, k))
        for name, (n, d) in module_shapes("attn").items()
    }
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    table = TaskTable(bases)
    for first in range(0, num_tasks, 64):
        table.add(
            {
                f"t{i}": {n: ModuleCoefficients(torch.rand(k, 1), torch.rand(k, 1)) for n in bases}
                for i in range(first, first + 64)
            }
        )
    added_s = time.perf_counter() - start
    start = time.perf_counter()
    layout, rows = table.gather([f"t{i}" for i in range(64)])
    layout.views(rows)
    return {
        "tasks": len(table),
        "bytes": table.num_bytes,
        "bytes_per_task": table.num_bytes / len(table),
        "peak_rss_growth_bytes": 1024
        * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before),
        "add_ms_per_task": round(1000 * added_s / num_tasks, 3),
        "gather_64_rows_ms": round(1000 * (time.perf_counter() - start), 3),
    }


def main() -> None:
    """Measure and write results/share_batch.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[64, 16])
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "share_batch.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    resident = measure_resident()
    results = [row for rows in arguments.rows for row in measure(rows, arguments.repetitions)]
    for row in results:
        print(json.dumps(row))
    print(json.dumps(resident))
    record = {
        "benchmark": "share_batch",
        "environment": environment(threads=1),
        "setting": {
            "prompt_tokens": PROMPT,
            "new_tokens": NEW_TOKENS,
            "components": COMPONENTS,
            "pseudo_rank": 1,
            "lora_rank": LORA_RANK,
            "targets": TARGETS,
            "repetitions": arguments.repetitions,
        },
        "results": results,
        "resident": resident,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
