"""The problems that learning uses, each for one purpose, and the wall between them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sleepy_coder.errors import InputError
from sleepy_coder.problems import Problem, ProblemSet, hash_problems, load_set
from sleepy_coder.train.data import all_fingerprints, fingerprints, prepare_fingerprints

# Of the training crates this share is never trained on: it selects, beside the gate crates.
_SELECT_SHARE = 0.06
# Files of a data folder, as `make data` writes them; `make written` adds those of the last name.
FILES = ("generated", "train", "gate", "heldout", "transfer")
WRITTEN = "written"


@dataclass(frozen=True)
class LearningSets:
    """Disjoint sets by content hash and by token shape.

    Attributes:
        generated: Programs from the generators' training shapes.
        mutants: Mutants of the training crates.
        select: Mutants of other training crates and of the gate crates: they stop, select and gate.
        heldout: Programs from the shapes that training never sees.
        transfer: Mutants of crates that nothing else uses; they give the reported number.
        core: The core problems, with the 30 frozen ones.
        written: Programs that the base model wrote, broken by itself or as crates are.
    """

    generated: tuple[Problem, ...]
    mutants: tuple[Problem, ...]
    select: tuple[Problem, ...]
    heldout: ProblemSet
    transfer: ProblemSet
    core: ProblemSet
    written: tuple[Problem, ...] = ()

    @property
    def sources(self) -> tuple[tuple[Problem, ...], ...]:
        """The problems that are trained on, one entry a source."""
        return (self.mutants, self.written, self.generated)

    @property
    def parts(self) -> dict[str, ProblemSet]:
        """What is trained on and what selects, by name."""
        names = ("generated", "written", "mutants", "select")
        return {name: as_set(name, getattr(self, name)) for name in names}


def load_learning_sets(folder: Path, *, with_written: bool = False) -> LearningSets:
    """Return the sets in a data folder, with what would breach the wall left out of training.

    A training problem gives way to any other set that holds its content or its token shape, and a
    selecting one to those that are reported.

    Args:
        folder: Where the files are.
        with_written: Whether programs that the base model wrote are trained on too.

    Raises:
        InputError: A file is missing or malformed.
    """
    names = (*FILES, WRITTEN) if with_written else FILES
    if missing := [name for name in names if not (folder / f"{name}.jsonl").is_file()]:
        target = "written" if missing[0] == WRITTEN else "data"
        raise InputError(f"{folder}: has no {missing[0]}.jsonl; make it with `make {target}`")
    read = {name: load_set(folder / f"{name}.jsonl") for name in names}
    core = load_set("core")
    prepare_fingerprints([p for found in (*read.values(), core) for p in found.problems])
    shown = (core, read["heldout"], read["transfer"])
    reported = all_fingerprints(p for found in shown for p in found.problems)
    chosen = [p for p in read["train"].problems if _is_for_selection(p)]
    select = _outside([*chosen, *read["gate"].problems], reported)
    closed = reported | all_fingerprints(select)
    crates = [p for p in read["train"].problems if not _is_for_selection(p)]
    return LearningSets(
        generated=tuple(_outside(read["generated"].problems, closed)),
        mutants=tuple(_outside(crates, closed)),
        select=tuple(select),
        heldout=read["heldout"],
        transfer=read["transfer"],
        core=core,
        written=tuple(_outside(read[WRITTEN].problems, closed)) if with_written else (),
    )


def as_set(name: str, problems: Sequence[Problem]) -> ProblemSet:
    """Return problems as a set with its hash."""
    return ProblemSet(name=name, problems=tuple(problems), sha256=hash_problems(problems))


def describe_sets(sets: Mapping[str, ProblemSet]) -> dict[str, dict[str, Any]]:
    """Return what a result file says of sets: name -> size and hash."""
    return {n: {"size": len(s.problems), "sha256": s.sha256} for n, s in sets.items()}


def source_of(problem: Problem) -> str:
    """Return the crate that a mutant was cut out of."""
    return problem.description.removeprefix("part of ").partition(",")[0]


def _is_for_selection(problem: Problem) -> bool:
    digest = hashlib.sha256(source_of(problem).encode()).hexdigest()
    return int(digest, 16) % 1000 < 1000 * _SELECT_SHARE


def _outside(problems: Iterable[Problem], closed: set[str]) -> list[Problem]:
    return [problem for problem in problems if closed.isdisjoint(fingerprints(problem))]
