"""Who proposes what against an error: rustc's own suggestions, tasks, the base model; unchecked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sleepy_coder.diagnostics import (
    MAYBE_INCORRECT,
    Diagnostic,
    alternatives_of,
    apply_suggestions,
)
from sleepy_coder.dialogue import open_dialogue
from sleepy_coder.excerpt import Excerpt, cut_excerpt
from sleepy_coder.problems import Check, Problem
from sleepy_coder.prompt import extract_code, is_no_repair
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.router import Route
from sleepy_coder.syntax import crate_type
from sleepy_coder.workbench import Workbench

RUSTC = "rustc's suggestion"
RUSTC_GUESS = "rustc's guess"  # of which rustc says that it may be incorrect
# Who is asked about an error, in turn, until an answer holds.
STAGES = ("routed", "routed-alone", "general", "base-again", "hints-second")
_MOST_ALTERNATIVES = 4  # of one help that are tried: of several crates' items to import, say
_TEMPERATURE, _TOP_P = 0.8, 0.95  # of answers that are drawn


@dataclass(frozen=True)
class Proposal:
    """An answer to try.

    Attributes:
        by: Who gives it, as reports name it.
        code: The excerpt as it should be; None where the answer holds no code.
    """

    by: str
    code: str | None


@dataclass(frozen=True)
class Question:
    """An error of a file, as somebody is asked about it.

    Attributes:
        excerpt: The part of the file that is shown.
        problem: That part with its errors.
    """

    excerpt: Excerpt
    problem: Problem


# From a problem (an excerpt with its errors) to answers, the most promising first.
Propose = Callable[[Problem], Iterable[Proposal]]


def follow_suggestions(
    errors: Sequence[Diagnostic],
    read: Callable[[str], str | None],
    *,
    allow_maybe_incorrect: bool = False,
) -> dict[str, str]:
    """Return the files for which rustc has suggestions -> their text with all of them followed.

    Args:
        errors: With the suggestions.
        read: From the name of a file to its text, None for what is not to be changed.
        allow_maybe_incorrect: Follow those too of which rustc is not sure.
    """
    names = sorted({s.file_name for e in errors for c in e.children for s in c.spans})
    texts = {name: text for name in names if (text := read(name)) is not None}
    return {
        name: apply_suggestions(
            text, _suggesting(errors, name), allow_maybe_incorrect=allow_maybe_incorrect
        )
        for name, text in texts.items()
    }


def guesses_of(error: Diagnostic) -> list[Diagnostic]:
    """Return the error once for each thing that rustc would try, unsure of it, with that alone.

    Of a lint there is none: what it would try is to silence it.
    """
    if error.code is not None and error.error_code is None:
        return []
    return [
        replace(error, children=(replace(child, spans=tuple(edits)),))
        for child in error.children
        for edits in islice(alternatives_of(child.edits), _MOST_ALTERNATIVES)
        if any(edit.suggestion_applicability == MAYBE_INCORRECT for edit in edits)
    ]


def frame_question(
    text: str,
    error: Diagnostic,
    message: Mapping[str, Any],
    others: Iterable[Mapping[str, Any]],
    edition: str,
) -> Question | None:
    """Return what to ask about an error; None where it has no place in the file.

    Args:
        text: Of the file that holds the error's primary span.
        error: What to mend.
        message: rustc's JSON object of it.
        others: Those of the other errors.
        edition: Of the file's package.
    """
    at = error.primary
    if at is None:
        return None
    spans = [s for s in error.spans if s.file_name == at.file_name and not s.is_expansion]
    excerpt = cut_excerpt(text, (s.line_start - 1 for s in (at, *spans)))
    moved = excerpt.move([message], at.file_name)
    if not moved:
        return None
    messages = (*moved, *excerpt.move(others, at.file_name))
    return Question(excerpt, _problem(excerpt.code, error, messages, edition))


def propose_texts(
    propose: Propose, question: Question, *, may_gut: bool = False
) -> Iterator[tuple[Proposal, str | None]]:
    """Yield each new answer, and the file as it is then; None for what is seen to be no repair.

    Args:
        propose: Who is asked.
        question: What is asked.
        may_gut: Take answers that leave out what the question shows: that is not all it was.
    """
    seen: set[str] = set()
    for proposal in propose(question.problem):
        code = proposal.code
        if code is None:
            yield proposal, None
        elif code not in seen:
            seen.add(code)
            is_useless = not may_gut and is_no_repair(code, question.problem)
            yield proposal, None if is_useless else question.excerpt.splice(code)


def propose_answers(problem: Problem, bench: Workbench, num_samples: int) -> Iterator[Proposal]:
    """Yield the likeliest answers of task and base model, then some that are drawn at random.

    Args:
        problem: An excerpt with its errors.
        bench: With the model; its answers are kept, so that the base model is asked once.
        num_samples: Answers to draw, by turns under the task, if there is one, and without.
    """
    for stage in (STRATEGIES[name] for name in STAGES):
        if not stage.is_possible(bench):
            continue
        (answer,) = stage.propose([problem], bench)
        who = f"task {answer.task}" if answer.task else "base model"
        yield Proposal(who, extract_code(answer.output))
    model = bench.require_model("fix")
    voices = [open_dialogue(problem, bench)]
    if bench.learned is not None:
        voices.insert(0, open_dialogue(problem, bench, choose_task=_task_of))
    for seed in range(num_samples):
        dialogue = voices[seed % len(voices)]
        (drawn,) = model.generate(
            [dialogue.messages(bench)],
            max_new_tokens=dialogue.max_new_tokens(model, bench),
            temperature=_TEMPERATURE,
            top_p=_TOP_P,
            seed=seed,
            tasks=[dialogue.voice.task],
        )
        task = dialogue.voice.task
        who = f"task {task}, drawn" if task else "base model, drawn"
        yield Proposal(who, extract_code(dialogue.read(drawn.text) or ""))


def _task_of(chosen: Route | None, bench: Workbench) -> str | None:
    learned = bench.require_learned("fix")
    return learned.task_of(chosen) or learned.general()


def _suggesting(errors: Iterable[Diagnostic], name: str) -> list[Diagnostic]:
    """Return the errors with those of their suggestions that change one file."""
    return [
        replace(
            error,
            children=tuple(c for c in error.children if {s.file_name for s in c.spans} == {name}),
        )
        for error in errors
    ]


def _problem(
    code: str, error: Diagnostic, messages: Iterable[dict[str, Any]], edition: str
) -> Problem:
    return Problem(
        id="excerpt",
        family="",
        pattern="",
        description="",
        crate_type=crate_type(code),
        edition=edition,
        error_code=error.error_code,
        buggy=code,
        fixed=None,
        check=Check("compile"),
        diagnostics=tuple(messages),
    )
