"""From proved problems to training pairs, with the wall between training and evaluation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import Any

from sleepy_coder.diagnostics import parse_diagnostics
from sleepy_coder.edits import render_edits
from sleepy_coder.errors import InputError
from sleepy_coder.problems import Problem, ProblemSet
from sleepy_coder.prompt import AnswerForm, render_answer, render_messages
from sleepy_coder.syntax import hash_program
from sleepy_coder.train.pairs import Row, TrainingPair, encode_rows

# Program -> its hashes. They take a few milliseconds each, and are asked for again and again.
_MARKS: dict[str, tuple[str, str]] = {}
_CHUNK = 512  # pairs that are turned into tokens at a time
_MANY = 2000  # programs from which on other processes are worth their start


def pair_from_problem(
    problem: Problem,
    fixed: str | None = None,
    *,
    task: str | None = None,
    answer_form: AnswerForm = "program",
) -> TrainingPair:
    """Return the pair that teaches a fix under the plain prompt.

    Args:
        problem: The broken program with its diagnostics.
        fixed: The program to answer with; by default the problem's reference fix.
        task: Whose pair it is; by default the problem's pattern.
        answer_form: Whether the whole program or the lines that change are the answer.

    Raises:
        InputError: The problem has no reference fix or no diagnostics.
    """
    fixed = problem.fixed if fixed is None else fixed
    if fixed is None or problem.diagnostics is None:
        missing = "reference fix" if fixed is None else "diagnostics"
        raise InputError(f"{problem.id}: has no {missing}, which a training pair needs")
    return TrainingPair(
        task=problem.pattern if task is None else task,
        messages=render_messages(
            problem.buggy, parse_diagnostics(problem.diagnostics), answer_form=answer_form
        ),
        answer=(
            render_edits(problem.buggy, fixed) if answer_form == "edit" else render_answer(fixed)
        ),
        source=render_answer(problem.buggy),
    )


def refuse_collisions(training: Iterable[Problem], evaluation: Sequence[ProblemSet]) -> None:
    """Check that no training problem is one of an evaluation set, nor one with other names in it.

    Programs collide when their normalized text or their token shape (identifiers and literals
    masked) is the same, broken or fixed.

    Raises:
        InputError: Names the first two problems that collide.
    """
    known = {
        fingerprint: f"{held.name}/{problem.id}"
        for held in evaluation
        for problem in held.problems
        for fingerprint in fingerprints(problem)
    }
    for problem in training:
        for fingerprint in fingerprints(problem):
            if fingerprint in known:
                raise InputError(
                    f"{problem.id}: is the same program as {known[fingerprint]}, which is under "
                    "evaluation; take it out of the training pairs"
                )


def fingerprints(problem: Problem) -> set[str]:
    """Return the content and shape hashes of a problem's programs."""
    programs = [problem.buggy, *([problem.fixed] if problem.fixed else [])]
    return {mark for code in programs for mark in _marks(code)}


def all_fingerprints(problems: Iterable[Problem]) -> set[str]:
    """Return the fingerprints of all of some problems together."""
    return {mark for problem in problems for mark in fingerprints(problem)}


def prepare_fingerprints(problems: Iterable[Problem]) -> None:
    """Work out the fingerprints of many problems on all cores, so that they are at hand."""
    codes = {code for p in problems for code in (p.buggy, p.fixed) if code} - _MARKS.keys()
    if len(codes) < _MANY:
        return
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = pool.map(hash_program, codes, chunksize=64)
        _MARKS.update(zip(codes, found, strict=True))


def _marks(code: str) -> tuple[str, str]:
    if code not in _MARKS:
        _MARKS[code] = hash_program(code)
    return _MARKS[code]


def encode_pairs(
    pairs: Iterable[TrainingPair], tokenizer: Any, *, max_tokens: int
) -> tuple[dict[str, list[Row]], int]:
    """Return task -> rows of pairs that fit `max_tokens`, and how many pairs did not fit."""
    rows: dict[str, list[Row]] = defaultdict(list)
    num_too_long = 0
    left = iter(pairs)
    while chunk := list(islice(left, _CHUNK)):
        for row in encode_rows(chunk, tokenizer):
            if len(row) > max_tokens:
                num_too_long += 1
            else:
                rows[row.task].append(row)
    return dict(rows), num_too_long
