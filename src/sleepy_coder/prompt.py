"""What the model is asked and how its answer is read; pure text in, pure text out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sleepy_coder.claims import faults_in
from sleepy_coder.diagnostics import Diagnostic, parse_diagnostics, select_errors
from sleepy_coder.errors import StoreError
from sleepy_coder.gutting import find_gutting
from sleepy_coder.problems import Problem
from sleepy_coder.rendering import render_compact
from sleepy_coder.syntax import has_syntax_error, normalized

Message = dict[str, str]

# How an answer gives the repair: the whole program, or only the lines that change (`edits`).
AnswerForm = Literal["program", "edit"]


def read_answer_form(task: str, provenance: Mapping[str, Any]) -> AnswerForm:
    """Return the form in which a task answers, by what is kept of where it comes from.

    Raises:
        StoreError: There is no such form.
    """
    found = provenance.get("answer_form", "program")
    if found not in get_args(AnswerForm):
        known = " or ".join(get_args(AnswerForm))
        raise StoreError(f"task {task}: answer_form: got {str(found)[:50]!r}, expected {known}")
    form: AnswerForm = found
    return form


_SYSTEM: dict[AnswerForm, str] = {
    "program": (
        "You repair Rust programs. Answer with the complete corrected program in one ```rust "
        "block and nothing else. Change only what the compiler error requires; keep every "
        "function, type, test and assertion."
    ),
    "edit": (
        "You repair Rust programs. Answer with one ```edit block and nothing else. For each place "
        "that must change it holds the lines as they are, between <<<<<<< and =======, then the "
        "lines as they should be, up to >>>>>>>. Change only what the compiler error requires."
    ),
}

# How many of a program's errors the prompt names: later ones mostly follow from the first.
MAX_ERRORS = 3

# Comments that document nothing: mending them changes no token.
_OF_COMMENTS = frozenset({"E0584", "E0585", "E0753", "missing_docs", "unused_doc_comments"})
_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?P<tag>[A-Za-z]*)[^\n]*\n(?P<body>.*?)(?:^[ \t]*```|\Z)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Attempt:
    """An answer that did not hold, and what the compiler said of it."""

    output: str
    diagnostics: Sequence[Diagnostic]


def render_messages(
    source: str,
    diagnostics: Sequence[Diagnostic],
    *,
    hint: str | None = None,
    history: Sequence[Attempt] = (),
    use_full_rendering: bool = False,
    answer_form: AnswerForm = "program",
) -> list[Message]:
    """Return the conversation that asks for a repair.

    Args:
        source: The broken program.
        diagnostics: What the compiler said of it; warnings are left out.
        hint: One sentence of advice for this kind of mistake, or None.
        history: Earlier answers with the errors they still had, oldest first.
        use_full_rendering: Quote rustc's own rendering, with excerpts and arrows, in place of the
            compact one.
        answer_form: How the repair is to be given.
    """
    errors = _render_errors(diagnostics, use_full_rendering=use_full_rendering)
    request = f"```rust\n{source.rstrip()}\n```\n\nCompiler:\n{errors}"
    if hint:
        request += f"\n\nAdvice: {hint}"
    messages = [
        {"role": "system", "content": _SYSTEM[answer_form]},
        {"role": "user", "content": request},
    ]
    for attempt in history:
        errors = _render_errors(attempt.diagnostics, use_full_rendering=use_full_rendering)
        again = f"That program still fails:\n{errors}\n\nAnswer with the complete program again."
        messages.append({"role": "assistant", "content": attempt.output})
        messages.append({"role": "user", "content": again})
    return messages


def _render_errors(diagnostics: Sequence[Diagnostic], *, use_full_rendering: bool) -> str:
    errors = select_errors(diagnostics)[:MAX_ERRORS]
    if not errors:
        return "the program compiles but does not do what its tests expect"
    if use_full_rendering:
        return "\n".join((e.rendered or render_compact(e)).rstrip() for e in errors)
    return "\n".join(render_compact(e) for e in errors)


def render_answer(code: str) -> str:
    """Return a program in the form in which the model is asked to answer."""
    return f"```rust\n{code.rstrip()}\n```"


def extract_code(output: str) -> str | None:
    """Return the program in a model's answer, or None where there is none.

    The longest fenced block that is tagged `rust` (or `rs`, or not at all) counts; a block that
    the end of the answer cuts off runs to that end. Text outside of fences is never a program.
    """
    blocks = [
        match["body"]
        for match in _FENCE.finditer(output)
        if match["tag"].lower() in {"rust", "rs", ""} and match["body"].strip()
    ]
    if not blocks:
        return None
    return max(blocks, key=len).rstrip() + "\n"


def is_no_repair(code: str | None, problem: Problem) -> bool:
    """Whether an answer is seen, without compiling it, not to repair a program.

    It holds no program or the broken one again, layout aside; is no Rust where that is; or leaves
    out what that has, or puts in a way past the checks (`find_gutting`).
    """
    program = problem.buggy
    codes = {each.code for each in parse_diagnostics(problem.diagnostics or ())}
    tell = str.split if codes & _OF_COMMENTS else normalized
    if code is None or tell(code) == tell(program):
        return True
    if has_syntax_error(code) and not has_syntax_error(program):
        return True
    return find_gutting(program, None, code, faults_in(problem)) is not None


def prompt_sha256(messages: Sequence[Message]) -> str:
    """Return the SHA-256 of a conversation, which names it in result files."""
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()
