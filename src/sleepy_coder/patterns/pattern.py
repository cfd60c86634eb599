"""A pattern of mistake, and the making of programs that contain it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from random import Random
from typing import Literal

from sleepy_coder.patterns.heads import put_head
from sleepy_coder.patterns.notation import (
    Section,
    choose_words,
    expand,
    parse_sections,
    split_edits,
)
from sleepy_coder.patterns.scenery import dress
from sleepy_coder.patterns.vocabulary import draw_words
from sleepy_coder.problems import Check, CrateType

# Which of a pattern's shapes: those that training may use, the one that it never sees, or all.
Part = Literal["all", "training", "heldout"]


@dataclass(frozen=True)
class Draft:
    """A broken program and its fix, not yet proved by the compiler.

    Attributes:
        error_code: What rustc is expected to say of the broken one; None where it gives no code.
        check: How the fix shall behave; a binary's expected output is still open.
    """

    buggy: str
    fixed: str
    crate_type: CrateType
    check: Check
    error_code: str | None


@dataclass(frozen=True)
class Shape:
    """One structure of program in which a pattern occurs; calling it draws a program."""

    name: str
    draw: Callable[[Random], Draft]

    def __call__(self, rng: Random) -> Draft:
        """Return the program that this state of the generator leads to."""
        return self.draw(rng)


@dataclass(frozen=True)
class Pattern:
    """One kind of mistake that learning, routing and hints know by name.

    Attributes:
        error_code: rustc's usual code for it, None where rustc gives none.
        description: The mistake in one sentence.
        hint: Advice for a small model on how to mend it.
    """

    name: str
    family: str
    error_code: str | None
    description: str
    hint: str

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The shapes as they are written in the pattern's file."""
        folder = resources.files("sleepy_coder.patterns") / "shapes"
        text = (folder / f"{self.name}.txt").read_text(encoding="utf-8")
        return tuple(parse_sections(text))

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The structures in which programs with this mistake are made."""
        *training, heldout = self.sections
        own = [self._shape(section, may_have_head=True) for section in training]
        return (*own, self._shape(heldout, may_have_head=False))

    def shapes_of(self, part: Part) -> tuple[Shape, ...]:
        """Return the shapes of a part; the pattern's last shape is held out from training."""
        return {"all": self.shapes, "training": self.shapes[:-1], "heldout": self.shapes[-1:]}[part]

    def _shape(self, section: Section, *, may_have_head: bool) -> Shape:
        code = self.error_code if section.code is None else section.code
        return Shape(
            section.name, lambda rng: _draw(section, code, rng, may_have_head=may_have_head)
        )


def _draw(section: Section, error_code: str | None, rng: Random, *, may_have_head: bool) -> Draft:
    words = choose_words(section, draw_words(rng), rng)
    has_both = bool(section.main and section.tests)
    is_lib = bool(section.tests) and not (has_both and rng.random() < 0.5)  # noqa: PLR2004 - a coin
    body = section.program if is_lib else f"{section.program}\n{section.main}\n"
    program = dress(expand(body, words, rng), words, rng)
    buggy, fixed = split_edits(put_head(program, rng) if may_have_head else program)
    if is_lib:
        check = Check(kind="tests", expect=None, code=expand(section.tests, words, rng) + "\n")
        return Draft(buggy, fixed, "lib", check, error_code)
    return Draft(buggy, fixed, "bin", Check(kind="stdout", expect=None, code=None), error_code)
