"""Many variants' answers to many problems in few calls, judged, kept in files.

An answer in the form of edits that do not fit the program is left to the base model, as the
shipped strategy does; its known outcome stands in and the answer is marked. What the base model
says to a problem is asked once for all variants.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sleepy_coder.dialogue import Voice, open_dialogue
from sleepy_coder.experiments.lab import Lab, digest_problem
from sleepy_coder.experiments.resident import (
    Factors,
    ResidentFactors,
    digest_factors,
    rank_of,
)
from sleepy_coder.judge import judge_candidates
from sleepy_coder.prompt import extract_code
from sleepy_coder.results import save_json

if TYPE_CHECKING:
    from sleepy_coder.problems import Problem
    from sleepy_coder.prompt import AnswerForm

_CHUNK = 512  # questions of one stage: about a quarter of a minute of one GPU


class Question(NamedTuple):
    """A variant and what it is asked."""

    variant: str
    problem: Problem


class Answer(NamedTuple):
    """What became of an answer; `by_base` where the variant's own was not readable."""

    outcome: str
    by_base: bool

    @property
    def is_solved(self) -> bool:
        """Whether the judge let it pass."""
        return self.outcome == "pass"


def ask_base(lab: Lab, problems: Sequence[Problem]) -> dict[str, bool]:
    """Return problem id -> whether the base model solves it by itself."""
    path = lab.path("base", lab.bench().config(), ".json")
    keys = {problem.id: digest_problem(problem) for problem in problems}
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    missing = list({keys[p.id]: p for p in problems if keys[p.id] not in known}.values())
    for at in range(0, len(missing), _CHUNK):
        part = missing[at : at + _CHUNK]
        answers = _answer(lab, [None] * len(part), part)
        known |= {keys[p.id]: a for p, a in zip(part, answers, strict=True)}
        save_json(known, path)
    solved = {id_: known[key] == "pass" for id_, key in keys.items()}
    lab.on_stage(f"base: {sum(solved.values())} of {len(solved)} solved")
    return solved


def ask(
    lab: Lab, variants: Mapping[str, Factors], questions: Sequence[Question]
) -> dict[tuple[str, str], Answer]:
    """Return (variant, problem id) -> its answer; questions asked twice are answered once.

    Variants of one rank answer together.
    """
    problems = {q.problem.id: q.problem for q in questions}
    base = ask_base(lab, list(problems.values()))
    form = lab.config.pool.answer_form
    digests = {name: digest_factors(factors) for name, factors in variants.items()}
    asked = {id_: digest_problem(problem, form) for id_, problem in problems.items()}
    ranks = {name: rank_of(factors) for name, factors in variants.items()}
    distinct = {(q.variant, q.problem.id): q for q in questions}
    order = sorted(distinct, key=lambda key: ranks[key[0]])
    found: dict[tuple[str, str], Answer] = {}
    for rank in sorted(set(ranks.values())):
        group = [distinct[key] for key in order if ranks[key[0]] == rank]
        for at in range(0, len(group), _CHUNK):
            part = group[at : at + _CHUNK]
            material = [(digests[q.variant], asked[q.problem.id]) for q in part]
            outcomes = _ask_chunk(lab, variants, material, part)
            for q, outcome in zip(part, outcomes, strict=True):
                is_solved_by_base = "pass" if base[q.problem.id] else "base_failed"
                answer = Answer(outcome or is_solved_by_base, outcome is None)
                found[q.variant, q.problem.id] = answer
    return found


def _ask_chunk(
    lab: Lab,
    variants: Mapping[str, Factors],
    material: Sequence[tuple[str, str]],
    questions: Sequence[Question],
) -> list[str | None]:
    """Return the outcome of each answer, None where it was not readable; from its file if there.

    Args:
        lab: Where it is made.
        variants: Name -> factors.
        material: Of each question, the hashes of who and what is asked.
        questions: At most a chunk.
    """
    path = lab.path("answers", [material, lab.bench().config()], ".json")
    if not path.is_file():
        used = {q.variant: variants[q.variant] for q in questions}
        resident = ResidentFactors(lab.model, used)
        try:
            names = [q.variant for q in questions]
            save_json(_answer(lab, names, [q.problem for q in questions]), path)
        finally:
            resident.close()
    outcomes: list[str | None] = json.loads(path.read_text(encoding="utf-8"))
    lab.on_stage(f"answers: {outcomes.count('pass')} of {len(outcomes)} solved")
    return outcomes


def _answer(
    lab: Lab, variants: Sequence[str | None], problems: Sequence[Problem]
) -> list[str | None]:
    """Have each problem answered by its variant (None is the base model) and judged.

    An outcome is None where edits do not fit the program.
    """
    bench = lab.bench()
    form: AnswerForm = lab.config.pool.answer_form
    dialogues = [open_dialogue(problem, bench) for problem in problems]
    for dialogue, variant in zip(dialogues, variants, strict=True):
        if variant is not None:
            dialogue.voice = Voice(variant, form)
    completions = lab.model.generate(
        [d.messages(bench) for d in dialogues],
        max_new_tokens=[d.max_new_tokens(lab.model, bench) for d in dialogues],
        on_done=lambda *_: None,
        tasks=[d.voice.task for d in dialogues],
    )
    texts = [d.read(c.text) for d, c in zip(dialogues, completions, strict=True)]
    readable = [place for place, text in enumerate(texts) if text is not None]
    pairs = [(problems[at], extract_code(texts[at] or "")) for at in readable]
    verdicts = judge_candidates(pairs, lab.sandbox)
    outcomes: list[str | None] = [None] * len(problems)
    for at, verdict in zip(readable, verdicts, strict=True):
        outcomes[at] = verdict.outcome
    return outcomes
