"""Mend a cargo workspace or a single file until it compiles; nothing is believed unchecked.

First rustc's own suggestions, then for one error after another what the model proposes, each
answer tried in a copy of the project. An answer is kept if its error is gone, nothing else is (no
item, test or assertion), and no error is new but what rustc had not looked for before; of what it
changes only what the repair needs. The project itself is not touched here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from sleepy_coder.changes import apply_changes, find_changes
from sleepy_coder.diagnostics import Diagnostic, apply_suggestions, parse_diagnostics, select_errors
from sleepy_coder.dialogue import open_dialogue
from sleepy_coder.excerpt import cut_excerpt
from sleepy_coder.gutting import find_disuse, find_gutting
from sleepy_coder.judge import WorkspaceCheck
from sleepy_coder.problems import Check, Problem
from sleepy_coder.project import Project
from sleepy_coder.prompt import extract_code, is_no_repair
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.router import Route
from sleepy_coder.workbench import Workbench

MAX_ROUNDS = 8  # of rustc's suggestions: what they bring to light rarely goes deeper
MAX_ERRORS_TRIED = 40  # by the model
MAX_CHANGES_TRIED = 12  # of an answer, for whether it does without them
RUSTC = "rustc's suggestion"
# Who is asked about an error, in turn, until an answer holds.
STAGES = ("routed", "routed-alone", "base-again", "hints-second")
# What rustc reports before it looks at types, and what it looks for when they are right.
_OF_NAMES = re.compile("E0(261|405|408|412|42[23568]|43[23]|53[12]|57[34]|583|603)")
_OF_BORROWS = re.compile("E0(373|38[124]|499|50[235-9]|515|521|59[467]|626|700|71[236])")
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


# From a problem (an excerpt with its errors) to answers, the most promising first.
Propose = Callable[[Problem], Iterable[Proposal]]


@dataclass(frozen=True)
class Step:
    """One error that was worked on.

    Attributes:
        file: Where it is, and `line`, 1-based.
        error: Code and message.
        by: Whose answer was kept; None where none was.
        num_left: Errors after that.
    """

    file: str
    line: int
    error: str
    by: str | None
    num_left: int


@dataclass(frozen=True)
class Repair:
    """What became of a project.

    Attributes:
        is_ok: It compiles and, where they were run, its tests pass.
        num_before: Errors at first; `num_after` with the changes, those included that came to
            light with them.
        changes: File -> its text before and after.
        detail: Why it fails where no error says so; empty where it does not.
    """

    is_ok: bool
    num_before: int
    num_after: int
    changes: Mapping[str, tuple[str, str]]
    steps: tuple[Step, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class _State:
    """A copy of the project under repair.

    Attributes:
        texts: File -> its text, where it was changed.
        check: What the compiler says of it.
        errors: What it reports, each once; `messages` are its JSON objects of them.
    """

    texts: Mapping[str, str]
    check: WorkspaceCheck
    errors: tuple[Diagnostic, ...]
    messages: tuple[Mapping[str, Any], ...]


def propose_answers(problem: Problem, bench: Workbench, num_samples: int) -> Iterator[Proposal]:
    """Yield the likeliest answers of task and base model, then some that are drawn at random.

    Args:
        problem: An excerpt with its errors.
        bench: With the model; its answers are kept, so that the base model is asked once.
        num_samples: Answers to draw, by turns under the task, if there is one, and without.
    """
    for stage in (STRATEGIES[name] for name in STAGES):
        if stage.needs_tasks and bench.learned is None:
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
    return bench.require_learned("fix").task_of(chosen)


def repair_project(
    project: Project,
    propose: Propose,
    *,
    run_tests: bool = False,
    on_step: Callable[[Step], None] = lambda _: None,
) -> Repair:
    """Return the changes after which a project compiles, or is nearer to it.

    Args:
        project: What to mend.
        propose: Asked about an error that rustc's own suggestions do not mend.
        run_tests: Run the tests of what compiles then; if they fail the repair is not `is_ok`.
        on_step: Called with each error that was worked on.
    """
    return _Work(project, propose, on_step).run(run_tests=run_tests)


@dataclass
class _Work:
    project: Project
    propose: Propose
    on_step: Callable[[Step], None]
    originals: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    passed: list[Mapping[str, str]] = field(default_factory=list)  # texts of former states

    def run(self, *, run_tests: bool) -> Repair:
        """Work until no error is left or nothing helps any more."""
        first = self._check({})
        state = self._apply_suggestions(first)
        given_up: set[tuple[str, ...]] = set()
        for _ in range(MAX_ERRORS_TRIED):
            error = self._next(state, given_up)
            if error is None:
                break
            better, by = self._mend(state, error)
            if better is None:
                given_up.add(_where(error))
                self._tell(error, by, state)
            else:
                self._tell(error, by, better)
                self.passed.append(state.texts)
                state = self._apply_suggestions(better)
        check = state.check
        if run_tests and check.is_ok:
            check = self.project.check(state.texts, run_tests=True)
        changes = {
            name: (self.originals[name], text)
            for name, text in sorted(state.texts.items())
            if text != self.originals[name]
        }
        return Repair(
            is_ok=check.is_ok,
            num_before=len(first.errors),
            num_after=len(state.errors),
            changes=changes,
            steps=tuple(self.steps),
            detail="" if check.is_ok else check.detail,
        )

    def _text(self, state: _State, name: str) -> str | None:
        """Return a file as it is in a state."""
        if name not in self.originals and (text := self.project.read(name)) is not None:
            self.originals[name] = text
        return state.texts.get(name, self.originals.get(name))

    def _check(self, texts: Mapping[str, str]) -> _State:
        check = self.project.check({**self.originals, **texts})
        parsed = parse_diagnostics(check.diagnostics)
        known = set(select_errors(parsed))
        pairs = zip(parsed, check.diagnostics, strict=True)
        distinct = {_place(error): (error, raw) for error, raw in pairs if error in known}
        errors = tuple(error for error, _ in distinct.values())
        return _State(texts, check, errors, tuple(raw for _, raw in distinct.values()))

    def _apply_suggestions(self, state: _State) -> _State:
        """Return the state after rustc's own suggestions, as long as that is better.

        All of a round at once; where that does not hold, one error's alone.
        """
        for _ in range(MAX_ROUNDS):
            single = [(error,) for error in state.errors[:MAX_ERRORS_TRIED]]
            rounds = (self._suggested(state, e) for e in (state.errors, *single))
            after = next((found for found in rounds if found is not None), None)
            if after is None:
                break
            left = _count(after)
            for error in state.errors:
                if not left[_key(error)]:
                    self._tell(error, RUSTC, after)
            state = after
        return state

    def _suggested(self, state: _State, errors: Sequence[Diagnostic]) -> _State | None:
        """Return the state after the suggestions for some errors, None if that is no better."""
        texts = dict(state.texts)
        for name in sorted({s.file_name for e in errors for c in e.children for s in c.spans}):
            text = self._text(state, name)
            if text is not None:
                texts[name] = apply_suggestions(text, _suggesting(errors, name))
        if all(self._text(state, name) == text for name, text in texts.items()):
            return None
        after = self._check(texts)
        is_kept = self._is_better(state, after) and not self._is_gutted(after)
        return after if is_kept else None

    def _next(self, state: _State, given_up: set[tuple[str, ...]]) -> Diagnostic | None:
        """Return the first error in a file of the project that is not given up."""
        for error in state.errors:
            at = error.primary
            if at is None or _where(error) in given_up:
                continue
            if self._text(state, at.file_name) is not None:
                return error
        return None

    def _mend(self, state: _State, error: Diagnostic) -> tuple[_State | None, str | None]:
        """Return the state after the first answer that helps, and whose it was."""
        at = error.primary
        text = self._text(state, at.file_name) if at else None
        if at is None or text is None:
            return None, None
        spans = [s for s in error.spans if s.file_name == at.file_name and not s.is_expansion]
        excerpt = cut_excerpt(text, (s.line_start - 1 for s in (at, *spans)))
        others = list(state.messages)
        moved = excerpt.move([others.pop(state.errors.index(error))], at.file_name)
        if not moved:
            return None, None
        problem = _problem(excerpt.code, error, (*moved, *excerpt.move(others, at.file_name)))
        seen: set[str] = set()
        for proposal in self.propose(problem):
            code = proposal.code
            if code is None or code in seen or is_no_repair(code, excerpt.code):
                continue
            seen.add(code)
            after = self._try(state, error, excerpt.splice(code))
            if after is not None:
                return self._reduce(state, error, after), proposal.by
        return None, None

    def _try(self, state: _State, error: Diagnostic, text: str) -> _State | None:
        """Return the state with another text of the error's file, or None if that is no better."""
        name = error.primary.file_name if error.primary else ""
        texts = {**state.texts, name: text}
        if texts in self.passed:
            return None
        after = self._check(texts)
        is_gone = after.check.is_ok or _count(after)[_key(error)] < _count(state)[_key(error)]
        is_kept = is_gone and self._is_better(state, after) and not self._is_gutted(after)
        return after if is_kept else None

    def _is_better(self, before: _State, after: _State) -> bool:
        """Whether an error is gone and none is new but such as rustc had not looked for before.

        Those come to light at a later stage, in another file, or in another package. In what was
        changed a new error would be the same mistake by another name.
        """
        if after.check.is_ok:
            return True
        known, left = _count(before), _count(after)
        if not left or not known - left:  # it fails by no error of rustc, or by all there were
            return False
        new = left - known
        changed = {
            name: _changed_lines(self._text(before, name) or "", text)
            for name, text in after.texts.items()
        }
        last = max(map(_stage, before.errors))
        packages = {self._package(s.file_name) for e in before.errors if (s := e.primary)}

        def comes_to_light(error: Diagnostic) -> bool:
            at = error.primary
            lines = changed.get(at.file_name, frozenset()) if at else frozenset()
            if at is None or at.line_start - 1 in lines:
                return False
            if self._package(at.file_name) not in packages:
                return True
            return _stage(error) > (last if lines else 0)

        return all(comes_to_light(error) for error in after.errors if new[_key(error)])

    def _package(self, name: str) -> str:
        """Return the folder of the package that a file belongs to."""
        folders = map(str, PurePosixPath(name).parents)
        return next((f for f in folders if self.project.read(f"{f}/Cargo.toml") is not None), "")

    def _reduce(self, state: _State, error: Diagnostic, after: _State) -> _State:
        """Return the state without the changes that it does as well without.

        They are taken back one at a time; what still holds stays taken back.
        """
        name = error.primary.file_name if error.primary else ""
        text = self._text(state, name) or ""
        needed = find_changes(text, after.texts[name], by_line=True)
        for change in needed if 1 < len(needed) <= MAX_CHANGES_TRIED else ():
            fewer = [each for each in needed if each != change]
            found = self._try(state, error, apply_changes(text, fewer))
            if found is not None and len(found.errors) <= len(after.errors):
                needed, after = fewer, found
        return after

    def _is_gutted(self, state: _State) -> bool:
        """Whether a file has lost what it had at first, or got a way past the checks."""
        changed = [(self.originals[n], t) for n, t in state.texts.items() if t != self.originals[n]]
        return any(
            find_gutting(before, None, after) is not None
            or (state.check.is_ok and find_disuse(before, None, after) is not None)
            or _switches(after) - _switches(before)
            or _guards(before) - _guards(after)
            for before, after in changed
        )

    def _tell(self, error: Diagnostic, by: str | None, state: _State) -> None:
        at = error.primary
        name, line = (at.file_name, at.line_start) if at else ("", 0)
        head = f"error[{error.code}]" if error.code else error.level
        step = Step(name, line, f"{head}: {error.message}", by, len(state.errors))
        self.steps.append(step)
        self.on_step(step)


def _switches(code: str) -> Counter[str]:
    """Count the attributes that leave code out or silence the compiler."""
    return Counter(re.findall(r"#!?\s*\[\s*(cfg|cfg_attr|allow|expect)\b", code))


def _guards(code: str) -> Counter[str]:
    """Count the attributes that make warnings errors."""
    return Counter(re.findall(r"#!?\s*\[\s*(deny|forbid)\b", code))


def _changed_lines(before: str, after: str) -> frozenset[int]:
    """Return the lines of the second text, 0-based, that are new in it."""
    changes = find_changes(before, after)
    return frozenset(c.begin + n for c in changes for n in range(len(c.lines)))


def _stage(error: Diagnostic) -> int:
    """Return when rustc finds an error: 0 with names and syntax, 1 with types, 2 with borrows."""
    if error.code is None or _OF_NAMES.fullmatch(error.code):
        return 0
    return 2 if _OF_BORROWS.fullmatch(error.code) else 1


def _count(state: _State) -> Counter[tuple[str, str]]:
    """Return how often there is each error."""
    return Counter(map(_key, state.errors))


def _key(error: Diagnostic) -> tuple[str, str]:
    """Return what stays the same of an error whatever is done to the lines around it."""
    at = error.primary
    return (at.file_name if at else "", f"{error.code} {error.message}")


def _where(error: Diagnostic) -> tuple[str, ...]:
    """Return what tells an error from others of its kind, wherever its line may be by now."""
    at = error.primary
    return (*_key(error), *("".join(at.text).split() if at else ()))


def _place(error: Diagnostic) -> tuple[Any, ...]:
    """Return what tells errors apart: cargo reports one of a file that two targets share twice."""
    at = error.primary
    return (error.level, error.code, error.message, at and (at.file_name, at.byte_start))


def _suggesting(errors: Iterable[Diagnostic], name: str) -> list[Diagnostic]:
    """Return the errors with those of their suggestions that change one file."""
    return [
        replace(
            error,
            children=tuple(c for c in error.children if {s.file_name for s in c.spans} == {name}),
        )
        for error in errors
    ]


def _problem(code: str, error: Diagnostic, messages: Iterable[dict[str, Any]]) -> Problem:
    return Problem(
        id="excerpt",
        family="",
        pattern="",
        description="",
        crate_type="lib",
        edition="2021",
        error_code=error.code,
        buggy=code,
        fixed=None,
        check=Check("compile"),
        diagnostics=tuple(messages),
    )
