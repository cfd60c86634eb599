"""What the base model is asked to write: small programs about a theme, with given features. Pure.

What it writes unasked is what it has read most often, textbooks' examples above all. Themes that no
textbook has, each with one or two features of the language, lead it elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random

from sleepy_coder.prompt import Message

_SYSTEM = "You write small Rust programs that compile, run and are pleasant to read."
_LENGTHS = ("15 to 25", "20 to 35", "30 to 50", "50 to 80")
_STYLES = (
    "Most of the work is done in methods.",
    "Most of the work is done in free functions.",
    "Give the types and functions short doc comments.",
    "Put part of it into a module with public and private items.",
    "Write no comments.",
    "Keep the functions short.",
)


@dataclass(frozen=True)
class Assignment:
    """One program to write.

    Attributes:
        id: Names the seed and the number.
        messages: The conversation that asks for it.
    """

    id: str
    messages: list[Message]


def make_assignments(count: int, seed: int) -> list[Assignment]:
    """Return `count` assignments; equal arguments give equal ones, a greater count only more."""
    return [
        Assignment(f"program-{seed}-{number:05}", _render(Random(f"{seed}/{number}")))  # noqa: S311 - not for secrets
        for number in range(count)
    ]


def _render(random: Random) -> list[Message]:
    features = random.sample(_lines("features"), random.choice((1, 1, 2)))
    request = (
        f"Write a Rust program of {random.choice(_LENGTHS)} lines about "
        f"{random.choice(_lines('themes'))}.\n"
        "It uses:\n" + "".join(f"- {feature}\n" for feature in features) + "\n"
        f"{random.choice(_STYLES)} Take the names from the theme, and use the standard library "
        "alone. `main` computes something from values that stand in the program, reads nothing, "
        "and prints a few lines.\n"
        "Answer with the whole program in one ```rust block and nothing else."
    )
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": request}]


@cache
def _lines(name: str) -> tuple[str, ...]:
    file = resources.files("sleepy_coder.written") / f"{name}.txt"
    return tuple(line for line in file.read_text(encoding="utf-8").splitlines() if line)
