"""Generated problems of a pattern: to rehearse it, and others to try it on."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor

from sleepy_coder.patterns import generate_problems
from sleepy_coder.problems import Problem
from sleepy_coder.proof import finish_problem
from sleepy_coder.router import route_problem
from sleepy_coder.sandbox import Sandbox
from sleepy_coder.train.data import fingerprints

# Far from the small seeds that sets are generated with, and from those of replayed pairs.
_GATE_SEED = 7_000_001
_REPLAY_SEED = 8_000_001


def generate_for_gate(pattern: str, count: int, sandbox: Sandbox) -> list[Problem]:
    """Return problems that the gate asks: a quarter of the shape that training never sees.

    Those of which the router knows a pattern other than their own are left out.
    """
    num_heldout = count // 4
    drafts = generate_problems(pattern, num_heldout, _GATE_SEED, "heldout")
    drafts += generate_problems(pattern, count - num_heldout, _GATE_SEED, "training")
    return [p for p in _finished(drafts, sandbox) if _routed(p) == pattern]


def generate_for_replay(
    pattern: str, count: int, seed: int, closed: Collection[str], sandbox: Sandbox
) -> list[Problem]:
    """Return problems to learn again, of as many shapes as there are.

    Args:
        pattern: Whose.
        count: How many.
        seed: From 0 on.
        closed: Fingerprints of programs that may not be among them.
        sandbox: Compiles and runs them.
    """
    drafts = generate_problems(pattern, count, _REPLAY_SEED + seed, "training")
    return [p for p in _finished(drafts, sandbox) if fingerprints(p).isdisjoint(closed)]


def _finished(drafts: Iterable[Problem], sandbox: Sandbox) -> list[Problem]:
    """Return those that are sound, with their diagnostics."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        proved = pool.map(lambda draft: finish_problem(draft, sandbox), drafts)
        return [problem for problem, proof in proved if proof.is_sound]


def _routed(problem: Problem) -> str | None:
    found = route_problem(problem)
    return found.task if found else None
