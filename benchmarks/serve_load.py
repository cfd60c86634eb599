"""Tokens a second of `sleepy serve`: requests of many tasks at once, of one, and one after another.

The server runs in this process on a real socket; each request comes over a connection of its own.
Repetitions are interleaved, each with prompts of its own, so that nothing read before is of use;
quoted are medians, and medians of the ratios within a repetition. Writes `results/serve.json`.

    python benchmarks/serve_load.py --model qwen2.5-coder-0.5b-instruct
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from measure import ROOT, environment_of
from sleepy_coder.errors import InputError
from sleepy_coder.model import load_model
from sleepy_coder.results import save_json
from sleepy_coder.server.app import create_app
from sleepy_coder.server.engine import Engine, Limits
from sleepy_coder.server.listen import bind, listen, make_server, url_of
from sleepy_coder.share.store import load_store
from sleepy_coder.versions import default_store
from sleepy_coder.weights import DEFAULT_MODEL

_TIMEOUT_S = 3600

Send = Callable[[str, str], int]


@contextmanager
def serving(engine: Engine) -> Iterator[str]:
    """Serve an engine; yield where."""
    with engine:
        app = create_app(engine, lambda: None)
        listening = bind("127.0.0.1", 0)
        listen(listening)
        server = make_server(app, 5, engine.stop)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield url_of(listening)
        finally:
            server.should_exit = True
            thread.join()
            listening.close()


def make_sender(url: str, max_tokens: int) -> Send:
    """Return what sends a model a message and returns the number of tokens of the answer."""

    def send(model: str, text: str) -> int:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_S)
        messages = [{"role": "user", "content": text}]
        body = {"model": model, "messages": messages, "max_tokens": max_tokens}
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        found = json.loads(connection.getresponse().read())
        connection.close()
        if "error" in found:
            raise RuntimeError(found["error"]["message"])
        num_tokens: int = found["usage"]["completion_tokens"]
        return num_tokens

    return send


def find_base(url: str) -> str:
    """Return what clients call the base model."""
    with urlopen(f"{url}/models") as response:  # noqa: S310 - our own server
        found: str = json.load(response)["data"][0]["id"]
    return found


def measure(send: Send, models: Sequence[str], texts: Sequence[str], num_at_once: int) -> float:
    """Return tokens a second of requests, so many of them at once."""
    started = time.perf_counter()
    with ThreadPoolExecutor(num_at_once) as pool:
        num_tokens = sum(pool.map(send, models, texts))
    return num_tokens / (time.perf_counter() - started)


def run_all(
    send: Send, tasks: Sequence[str], base: str, num_requests: int, repetitions: int
) -> dict[str, list[float]]:
    """Return way -> tokens a second of each repetition."""
    many = [tasks[number % len(tasks)] for number in range(num_requests)]
    ways = {
        "many tasks at once": (many, num_requests),
        "one task at once": (tasks[:1] * num_requests, num_requests),
        "base model at once": ([base] * num_requests, num_requests),
        "many tasks, one after another": (many, 1),
    }
    send(base, "Say yes.")
    found: dict[str, list[float]] = {way: [] for way in ways}
    for repetition in range(repetitions):
        for place, (way, (models, num_at_once)) in enumerate(ways.items()):
            first = (repetition * len(ways) + place) * num_requests
            texts = [
                f"{first + number}: write a Rust function that tells whether a number is "
                f"divisible by {first + number + 2}."
                for number in range(num_requests)
            ]
            found[way].append(measure(send, models, texts, num_at_once))
            print(f"repetition {repetition + 1}, {way}: {found[way][-1]:.1f} tokens/s", flush=True)
    return found


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """Return the median over repetitions of one way's speed to another's."""
    return round(statistics.median(a / b for a, b in zip(of, to, strict=True)), 3)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--requests", type=int, default=16)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "serve.json")
    arguments = parser.parse_args()
    model = load_model(arguments.model, device=arguments.device, dtype=arguments.dtype)
    path = arguments.store or default_store(model.name)
    if path is None:
        raise InputError(f"{model.name}: has no learned tasks; name a store with --store")
    store = load_store(path)
    engine = Engine(model, store, Limits(max_rows=arguments.requests))
    with serving(engine) as url:
        send = make_sender(url, arguments.max_tokens)
        speeds = run_all(
            send, engine.tasks, find_base(url), arguments.requests, arguments.repetitions
        )
        coefficient_bytes, basis_bytes = engine.task_bytes
    many = speeds["many tasks at once"]
    record: dict[str, Any] = {
        "benchmark": "serve_load",
        "environment": environment_of(model),
        "model": {"name": model.name, "sha256": model.sha256, "dtype": model.dtype},
        "store": {
            "tasks": len(store.subspace.tasks),
            "coefficient_bytes": coefficient_bytes,
            "basis_bytes": basis_bytes,
        },
        "setting": {
            "requests": arguments.requests,
            "max_tokens": arguments.max_tokens,
            "repetitions": arguments.repetitions,
        },
        "tokens_per_s": {way: round(statistics.median(each), 2) for way, each in speeds.items()},
        "ratios": {
            f"many tasks at once to {way}": ratio(many, each)
            for way, each in speeds.items()
            if each is not many
        },
    }
    for way, speed in {**record["tokens_per_s"], **record["ratios"]}.items():
        print(f"{way}: {speed}")
    save_json(record, arguments.out)


if __name__ == "__main__":
    main()
