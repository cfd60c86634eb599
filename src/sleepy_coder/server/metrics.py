"""What a server has done so far, counted from any thread; Prometheus' text of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import get_args

from sleepy_coder.server.answer import Outcome

_HELP = {
    "requests_total": "Requests that have ended, by how.",
    "requests_by_model_total": "Requests taken in, by task or base model.",
    "prompt_tokens_total": "Tokens of prompts read.",
    "completion_tokens_total": "Tokens written.",
    "up": "1 while requests are answered, 0 after the engine has failed.",
    "rows_decoding": "Answers that are being decoded.",
    "requests_waiting": "Requests that wait for a place among them.",
    "tasks": "Learned tasks in use.",
    "coefficient_bytes": "Memory that the tasks' coefficients take.",
    "basis_bytes": "Memory that the basis takes which they share.",
}
# All that there are, so that each has a line from the start.
_NO_OUTCOMES = dict.fromkeys((*get_args(Outcome), "refused", "invalid"), 0)


class Counts:
    """Counts since the server's start.

    Attributes:
        outcomes: How many requests ended so: an `answer.Outcome`; `refused` for want of room;
            `invalid` for what the client sent.
        requests: How many were taken in, by task; None is the base model.
        tokens_in: Tokens of prompts that were read.
        tokens_out: Tokens written.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.outcomes: Counter[str] = Counter()
        self.requests: Counter[str | None] = Counter()
        self.tokens_in = 0
        self.tokens_out = 0

    def add_request(self, task: str | None) -> None:
        """Count a request that was taken in."""
        with self._lock:
            self.requests[task] += 1

    def add_outcome(self, outcome: str) -> None:
        """Count a request that has ended."""
        with self._lock:
            self.outcomes[outcome] += 1

    def add_tokens(self, *, tokens_in: int = 0, tokens_out: int = 0) -> None:
        """Count tokens."""
        with self._lock:
            self.tokens_in += tokens_in
            self.tokens_out += tokens_out

    def copy(self) -> Counts:
        """Return the counts as they are now."""
        found = Counts()
        with self._lock:
            found.outcomes, found.requests = self.outcomes.copy(), self.requests.copy()
            found.tokens_in, found.tokens_out = self.tokens_in, self.tokens_out
        return found


def render_metrics(
    counts: Counts, gauges: Mapping[str, float], names: Mapping[str | None, str]
) -> str:
    """Return counts and gauges in Prometheus' text format.

    Args:
        counts: Since the start.
        gauges: What is now, by name without the prefix.
        names: Task, or None for the base model -> what clients call it. No other has a line.
    """
    now = counts.copy()
    lines = [
        *_render("requests_total", "counter", "outcome", {**_NO_OUTCOMES, **now.outcomes}),
        *_render(
            "requests_by_model_total",
            "counter",
            "model",
            {name: now.requests[task] for task, name in names.items()},
        ),
        *_render("prompt_tokens_total", "counter", "", {"": now.tokens_in}),
        *_render("completion_tokens_total", "counter", "", {"": now.tokens_out}),
    ]
    for name, value in gauges.items():
        lines += _render(name, "gauge", "", {"": value})
    return "\n".join(lines) + "\n"


def _render(name: str, kind: str, label: str, values: Mapping[str, float]) -> Iterator[str]:
    full = f"sleepy_{name}"
    yield f"# HELP {full} {_HELP[name]}"
    yield f"# TYPE {full} {kind}"
    for key, value in values.items():
        escaped = key.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        labels = f'{{{label}="{escaped}"}}' if label else ""
        yield f"{full}{labels} {value}"
