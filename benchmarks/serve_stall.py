"""How long answers under way wait while `sleepy serve` reads a long prompt beside them.

One answer is being written when a request with a long prompt and then one with a short one come.
Quoted are the waits between the tokens of the first meanwhile, and how soon the first tokens of the
two others come: with the long prompt read in pieces, as the server does, and read at once. Writes
`results/serve_stall.json`.

    python benchmarks/serve_stall.py --model qwen2.5-coder-0.5b-instruct
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from pathlib import Path
from typing import Any

from measure import ROOT, environment_of
from sleepy_coder.kv_cache import PrefixStore
from sleepy_coder.model import RepairModel, load_model
from sleepy_coder.results import save_json
from sleepy_coder.server.answer import Progress, Request
from sleepy_coder.server.engine import Engine, Limits
from sleepy_coder.weights import DEFAULT_MODEL

_TIMEOUT_S = 3600
_SPEAKS = 40  # tokens of the first answer before the others come
_TALK = "Write the numbers from 1 to 500, each on a line of its own, and nothing else."
_LINE = "pub fn area_{n}(width: u32, height: u32) -> u32 {{ width * height + {n} }}\n"


class Listener:
    """Notes when an answer's tokens come."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.speaks, self.ended = threading.Event(), threading.Event()

    def __call__(self, progress: Progress) -> None:
        """Take what is new of the answer."""
        self.times.append(time.perf_counter())
        if progress.outcome is not None:
            self.ended.set()
        if len(self.times) >= _SPEAKS or self.ended.is_set():
            self.speaks.set()


def ask(engine: Engine, model: RepairModel, text: str, max_tokens: int) -> Listener:
    """Send a request to the base model."""
    listener = Listener()
    prompt = model.encode_chat([{"role": "user", "content": text}])
    engine.submit(Request(prompt, max_tokens), listener)
    return listener


def measure(model: RepairModel, num_tokens: int, *, at_once: bool) -> dict[str, float]:
    """Return the waits, in seconds, with the long prompt read at once or in pieces."""
    model.decoder.prefixes = PrefixStore()  # nothing read before is of use
    engine = Engine(model, None, Limits(max_rows=4, max_context=2 * num_tokens + 4096))
    if at_once:
        pace = engine._batch._pace  # noqa: SLF001 - what is compared
        engine._batch._pace = pace._replace(read=2 * num_tokens)  # noqa: SLF001
    count = num_tokens // len(model.tokenizer.encode(_LINE.format(n=100)))
    long = "Say what this is.\n" + "".join(_LINE.format(n=100 + n) for n in range(count))
    with engine:
        first = ask(engine, model, _TALK, 3000)
        first.speaks.wait(_TIMEOUT_S)
        began = time.perf_counter()
        reads = ask(engine, model, long, 4)
        short = ask(engine, model, "Say yes.", 4)
        for each in (reads, short):
            each.ended.wait(_TIMEOUT_S)
        ends = reads.times[0]
        if first.ended.is_set() and first.times[-1] < ends:
            raise RuntimeError("the first answer ended before the long prompt was read")
    times = [t for t in first.times if began <= t <= ends]
    gaps = [b - a for a, b in zip([began, *times], [*times, ends], strict=True)]
    return {
        "longest_wait_s": round(max(gaps), 3),
        "median_wait_s": round(statistics.median(gaps), 3),
        "short_prompt_first_token_s": round(short.times[0] - began, 3),
        "long_prompt_first_token_s": round(ends - began, 3),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--tokens", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "serve_stall.json")
    arguments = parser.parse_args()
    model = load_model(arguments.model, device=arguments.device, dtype=arguments.dtype)
    ways = {"in pieces": False, "at once": True}
    found: dict[str, Any] = {
        way: measure(model, arguments.tokens, at_once=at_once) for way, at_once in ways.items()
    }
    record = {
        "benchmark": "serve_stall",
        "environment": environment_of(model),
        "model": {"name": model.name, "sha256": model.sha256, "dtype": str(model.dtype)},
        "prompt_tokens": arguments.tokens,
        "ways": found,
    }
    for way, numbers in found.items():
        print(way, numbers)
    save_json(record, arguments.out)


if __name__ == "__main__":
    main()
