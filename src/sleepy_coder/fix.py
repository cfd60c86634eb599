"""Mend a cargo workspace or a single file until it compiles; nothing is believed unchecked.

First rustc's own suggestions, then for one error after another what the model proposes, each
answer tried in a copy of the project. An answer that mends the error and makes a mistake of its own
is mended in turn, by rustc's suggestions or by what is proposed against that mistake. Of an answer
that is kept (see `verification`) only those changes are that the repair needs. The project itself
is not touched here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from sleepy_coder.changes import Change, apply_changes, find_changes
from sleepy_coder.diagnostics import Diagnostic
from sleepy_coder.errors import SleepyError
from sleepy_coder.problems import Problem
from sleepy_coder.project import Project
from sleepy_coder.proposals import (
    RUSTC,
    RUSTC_GUESS,
    Proposal,
    Propose,
    Question,
    follow_suggestions,
    frame_question,
    guesses_of,
    propose_texts,
)
from sleepy_coder.syntax import normalized
from sleepy_coder.verification import State, Verifier, error_key, is_worse

MAX_ROUNDS = 8  # of rustc's suggestions: what they bring to light rarely goes deeper
MAX_ERRORS_TRIED = 40  # by the model
MAX_CHANGES_TRIED = 12  # of an answer, for whether it does without them
MAX_OWN_MISTAKES = 3  # of an answer that is mended in turn
MAX_ANSWERS_MENDED = 2  # of those about one error, but by rustc's suggestions
MAX_SECOND_ANSWERS = 3  # tried against an answer's first mistake


@dataclass(frozen=True)
class Step:
    """One error that was worked on.

    Attributes:
        file: Where it is, and `line`, 1-based.
        error: Code and message.
        by: Whose answer was kept; None where none was. `a, then b`: what a made wrong with it, b
            mended.
        num_left: Errors after that.
    """

    file: str
    line: int
    error: str
    by: str | None
    num_left: int


@dataclass(frozen=True)
class Mended:
    """An error that was mended in a project that is whole in the end.

    Attributes:
        problem: As it was asked; `fixed` is the same part of the file as it is in the end.
        by: Whose answer held, as in `Step`.
        failed: Answers that did not hold by themselves, in their order.
    """

    problem: Problem
    by: str
    failed: tuple[Proposal, ...] = ()


@dataclass(frozen=True)
class Repair:
    """What became of a project.

    Attributes:
        is_ok: It compiles and, where they were run, its tests pass.
        num_before: Errors at first; `num_after` with the changes, those included that came to
            light with them.
        changes: File -> its text before and after.
        detail: Why it fails where no error says so; empty where it does not.
        stopped: Why the work ended before it was done; empty where it did not.
        mended: What held, with what came before it; empty unless `is_ok`.
    """

    is_ok: bool
    num_before: int
    num_after: int
    changes: Mapping[str, tuple[str, str]]
    steps: tuple[Step, ...] = ()
    detail: str = ""
    stopped: str = ""
    mended: tuple[Mended, ...] = ()


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
        run_tests: Run the tests of what compiles then. Where they fail the next answer is tried; if
            they do with all, the repair is the first and not `is_ok`.
        on_step: Called with each error that was worked on.
    """
    return _Search(Verifier(project), propose, run_tests, on_step).run()


@dataclass(frozen=True)
class _Flawed:
    """An answer that mends an error and makes mistakes of its own.

    Attributes:
        state: With the answer.
        mistakes: The errors that are new in it.
    """

    answer: Proposal
    state: State
    mistakes: tuple[Diagnostic, ...]


@dataclass
class _Search:
    """The work on one project.

    Attributes:
        history: The states so far, each better than the one before; the last is worked on.
        answered: File, question, whose answer held, and which did not.
        proposals: By question, what was proposed so far and what gives more.
        told: Errors that nobody mended.
        failing: The first state that compiled and whose tests failed, and whose answer it was.
    """

    verifier: Verifier
    propose: Propose
    run_tests: bool
    on_step: Callable[[Step], None]
    steps: list[Step] = field(default_factory=list)
    history: list[State] = field(default_factory=list)
    answered: list[tuple[str, Question, str, tuple[Proposal, ...]]] = field(default_factory=list)
    proposals: dict[str, tuple[list[Proposal], Iterator[Proposal]]] = field(default_factory=dict)
    told: set[tuple[str, ...]] = field(default_factory=set)
    failing: tuple[State, str] | None = None
    is_at_limit: bool = False

    def run(self) -> Repair:
        """Work until no error is left, nothing helps any more, or something stops it."""
        first = self.verifier.check({})
        self._go_on(first)
        is_ok, stopped, mended = False, "", tuple[Mended, ...]()
        try:
            self._work()
            for error in self.best.errors:
                if not self._may_be_asked(self.best, error):
                    self._tell(error, None)
            is_ok = self._test(self.best).check.is_ok
            mended = tuple(self._mended(self.best)) if is_ok else ()
        except KeyboardInterrupt:
            stopped = "interrupted"
        except SleepyError as error:
            stopped = str(error)
        last = self.best if is_ok else self._least_bad()
        detail = "" if is_ok or stopped else self._test(last).check.detail
        if detail and self.is_at_limit and not self.run_tests and self.verifier.changes(last):
            detail += (
                f" ({MAX_ERRORS_TRIED} were worked on; --apply, and run it again for the others)"
            )
        return Repair(
            is_ok=is_ok,
            num_before=len(first.errors),
            num_after=len(last.errors),
            changes=self.verifier.changes(last),
            steps=tuple(self.steps),
            detail=detail,
            stopped=stopped,
            mended=mended,
        )

    @property
    def best(self) -> State:
        """What was reached so far."""
        return self.history[-1]

    def _least_bad(self) -> State:
        """Return the last state with which nothing got worse: a chain may have led nowhere."""
        kept, *others = self.history
        for state in others:
            if not is_worse(state, kept):
                kept = state
        return kept

    def _work(self) -> None:
        """Go from one state to a better one; what was given up is tried again in a later one."""
        self._follow_suggestions()
        given_up: set[tuple[str, ...]] = set()
        is_better = False  # than when the first of them was given up
        for _ in range(MAX_ERRORS_TRIED):
            error = self._next(self.best, given_up)
            if error is None and is_better:
                given_up, is_better = set(), False
                error = self._next(self.best, given_up)
            if error is None:
                break
            better, by = self._mend(self.best, error)
            if better is None:
                given_up.add(_identity(error))
                self._tell(error, by)
            else:
                self._go_on(better)
                is_better = bool(given_up)
                self._tell(error, by)
                self._follow_suggestions()
        else:
            self.is_at_limit = True

    def _go_on(self, state: State) -> None:
        """Work on another state."""
        self.history.append(state)
        self.verifier.note_faults(state)

    def _note(
        self,
        error: Diagnostic,
        question: Question | None,
        by: str,
        failed: Sequence[Proposal] = (),
    ) -> None:
        """Keep whose answer to a question held, and which did not."""
        if question is not None:
            self.answered.append((error_key(error)[0], question, by, tuple(failed)))

    def _mended(self, state: State) -> Iterator[Mended]:
        """Yield what was mended, with the parts that were shown as they are in the end."""
        for name, question, by, failed in self.answered:
            fixed = question.excerpt.cut_again(self.verifier.read(state, name) or "")
            if fixed is not None and fixed != question.problem.buggy:
                yield Mended(replace(question.problem, fixed=fixed), by, failed)

    def _follow_suggestions(self) -> None:
        """Follow rustc's own suggestions, as long as that is better.

        All of a round at once; where that does not hold, one error's alone.
        """
        for _ in range(MAX_ROUNDS):
            state = self.best
            single = [(error,) for error in state.errors[:MAX_ERRORS_TRIED]]
            rounds = (self._suggested(state, e) for e in (state.errors, *single))
            after = next((found for found in rounds if found is not None), None)
            if after is None:
                break
            self._go_on(after)
            for count, error in enumerate(self._gone(state, after)):
                self._tell(error, RUSTC)
                if count < MAX_ERRORS_TRIED:
                    self._note(error, self._question(state, error), RUSTC)

    @staticmethod
    def _gone(before: State, after: State) -> list[Diagnostic]:
        """Return the errors that there are no more; of equal ones first those of other lines."""
        gone, left = before.counts - after.counts, set(map(_identity, after.errors))
        found = []
        for error in sorted(before.errors, key=lambda e: _identity(e) in left):
            if gone[error_key(error)]:
                gone[error_key(error)] -= 1
                found.append(error)
        return sorted(found, key=before.errors.index)

    def _suggested(
        self,
        state: State,
        errors: Sequence[Diagnostic],
        by: str = RUSTC,
        *,
        allow_maybe_incorrect: bool = False,
    ) -> State | None:
        """Return the state after the suggestions for some errors, None if that is no better."""
        after = self._follow(state, errors, allow_maybe_incorrect=allow_maybe_incorrect)
        if after is state:
            return None
        is_kept = self.verifier.is_kept(state, after) and self._passes_tests(after, by)
        return after if is_kept else None

    def _follow(
        self, state: State, errors: Sequence[Diagnostic], *, allow_maybe_incorrect: bool = False
    ) -> State:
        """Return the state after rustc's suggestions for some errors; the same without any."""
        changed = follow_suggestions(
            errors,
            lambda name: self.verifier.read(state, name),
            allow_maybe_incorrect=allow_maybe_incorrect,
        )
        texts = {n: text for n, text in changed.items() if text != self.verifier.read(state, n)}
        return self.verifier.check({**state.texts, **texts}) if texts else state

    def _next(self, state: State, given_up: set[tuple[str, ...]]) -> Diagnostic | None:
        """Return the first error in a file of the project that is not given up."""
        for error in state.errors:
            if _identity(error) not in given_up and self._may_be_asked(state, error):
                return error
        return None

    def _may_be_asked(self, state: State, error: Diagnostic) -> bool:
        """Whether an error is in a file of the project, and mended there."""
        at = error.primary
        if at is None or _is_of_missing_file(error):
            return False
        return self.verifier.read(state, at.file_name) is not None

    def _mend(self, state: State, error: Diagnostic) -> tuple[State | None, str | None]:
        """Return the state after the first answer that helps, and whose it was."""
        question = self._question(state, error)
        failed: list[Proposal] = []
        flawed: list[_Flawed] = []
        for answer, changed in propose_texts(self._proposed, question) if question else ():
            after = None if changed is None else self._check(state, error, changed)
            if after is not None and self._is_held(state, error, after):
                found = self._passing(state, error, after, answer.by)
                if found is not None:
                    self._note(error, question, answer.by, failed)
                    return found, answer.by
            elif after is not None and (mistakes := _own_mistakes(state, error, after)):
                flawed.append(_Flawed(answer, after, mistakes))
            failed.append(answer)
        for guess in guesses_of(error):
            guessed = self._suggested(state, [guess], RUSTC_GUESS, allow_maybe_incorrect=True)
            if guessed is not None and self._is_progress(state, error, guessed):
                self._note(error, question, RUSTC_GUESS, failed)
                return guessed, RUSTC_GUESS
        for after, by in self._mend_flawed(state, error, flawed):
            found = self._passing(state, error, after, by)
            if found is not None:
                if question is not None and self._is_all_of(question, state, error, found):
                    self._note(error, question, by, failed)
                return found, by
        return self.failing or (None, None)

    def _passing(self, state: State, error: Diagnostic, after: State, by: str) -> State | None:
        """Return a better state without what it does not need, or as it is where tests need that.

        None where tests are wanted and fail.
        """
        for found in (self._reduce(state, error, after), after):
            if self._passes_tests(found, by):
                return found
        return None

    def _mend_flawed(
        self, state: State, error: Diagnostic, flawed: Sequence[_Flawed]
    ) -> Iterator[tuple[State, str]]:
        """Yield better states that lead over answers with mistakes of their own, and by whom.

        Args:
            state: Before the answers.
            error: What they mend.
            flawed: The answers.
        """
        for each in flawed:
            after = self._follow(each.state, each.mistakes)
            if self._is_held(state, error, after):
                yield after, f"{each.answer.by}, then {RUSTC}"
        for each in sorted(flawed, key=lambda each: len(each.mistakes))[:MAX_ANSWERS_MENDED]:
            for mistake in [m for m in each.mistakes if self._may_be_asked(each.state, m)][:1]:
                for second, after in self._second_answers(each.state, mistake):
                    if self._is_held(state, error, after) and _is_gone(mistake, each.state, after):
                        yield after, f"{each.answer.by}, then {second.by}"

    def _second_answers(
        self, flawed: State, mistake: Diagnostic
    ) -> Iterator[tuple[Proposal, State]]:
        """Yield what is proposed against an answer's mistake, and the states after it.

        It may take back what that answer has put in.
        """
        question = self._question(flawed, mistake)
        texts = propose_texts(self._proposed, question, may_gut=True) if question else ()
        tried = ((second, changed) for second, changed in texts if changed is not None)
        for second, changed in islice(tried, MAX_SECOND_ANSWERS):
            yield second, self._check(flawed, mistake, changed)

    def _is_all_of(self, question: Question, state: State, error: Diagnostic, after: State) -> bool:
        """Whether nothing is changed but what a question shows."""
        text = self._text(after, error)
        shown = question.excerpt.cut_again(text)
        is_there = shown is not None and question.excerpt.splice(shown) == text
        return is_there and self._changed_files(state, after) == [error_key(error)[0]]

    def _changed_files(self, state: State, after: State) -> list[str]:
        read = self.verifier.read
        return [name for name in sorted(after.texts) if read(state, name) != read(after, name)]

    def _is_held(self, state: State, error: Diagnostic, after: State) -> bool:
        """Whether the error is gone in a later state, nothing is lost, and no mistake moved."""
        return self._is_progress(state, error, after) and self.verifier.is_kept(state, after)

    def _proposed(self, problem: Problem) -> Iterator[Proposal]:
        """Yield what is proposed; nobody is asked the same twice."""
        key = json.dumps([problem.buggy, problem.diagnostics])
        known, more = self.proposals.setdefault(key, ([], iter(self.propose(problem))))
        yield from tuple(known)
        for proposal in more:
            known.append(proposal)
            yield proposal

    def _question(self, state: State, error: Diagnostic) -> Question | None:
        """Return what to ask about an error; None where it is in no file of the project."""
        name = error_key(error)[0]
        others = list(state.messages)
        message = others.pop(state.errors.index(error))
        edition = self.verifier.project.edition_of(name)
        return frame_question(self._text(state, error), error, message, others, edition)

    def _passes_tests(self, state: State, by: str) -> bool:
        """Whether no test that is wanted and can be run fails; keep as `failing` where one does."""
        is_passing = self._test(state).check.is_ok or not state.check.is_ok
        if not is_passing and self.failing is None:
            self.failing = state, by
        return is_passing

    def _test(self, state: State) -> State:
        """Return the state with its tests run, if they are wanted and it compiles."""
        if self.run_tests and state.check.is_ok:
            return self.verifier.check(state.texts, run_tests=True)
        return state

    def _text(self, state: State, error: Diagnostic) -> str:
        """Return the text of the file that an error is in."""
        return self.verifier.read(state, error_key(error)[0]) or ""

    def _check(self, state: State, error: Diagnostic, text: str) -> State:
        """Return the state with another text of the error's file."""
        return self.verifier.check({**state.texts, error_key(error)[0]: text})

    def _is_progress(self, state: State, error: Diagnostic, after: State) -> bool:
        """Whether the error itself is gone, and it is not a state that was left before."""
        key = error_key(error)
        is_gone = after.check.is_ok or after.counts[key] < state.counts[key]
        return is_gone and all(after.texts != state.texts for state in self.history)

    def _reduce(self, state: State, error: Diagnostic, after: State) -> State:
        """Return the state without the changes that it does as well without, file by file."""
        for name in self._changed_files(state, after):
            after = self._reduce_file(state, error, after, name)
        return after

    def _reduce_file(self, state: State, error: Diagnostic, after: State, name: str) -> State:
        """Return the state without the changes of a file that it does as well without.

        Those of comments and layout go first, all together; the others are taken back one at a
        time. What still holds stays taken back.
        """
        text = self.verifier.read(state, name) or ""

        def attempt(changes: Sequence[Change]) -> State | None:
            found = self.verifier.check({**after.texts, name: apply_changes(text, changes)})
            is_as_good = len(found.errors) <= len(after.errors)
            return found if is_as_good and self._is_held(state, error, found) else None

        needed = tuple(find_changes(text, self.verifier.read(after, name) or "", by_line=True))
        code = normalized(text)
        of_code = tuple(c for c in needed if normalized(apply_changes(text, [c])) != code)
        if of_code and len(of_code) < len(needed) and (plain := attempt(of_code)) is not None:
            needed, after = of_code, plain
        for change in needed if 1 < len(needed) <= MAX_CHANGES_TRIED else ():
            fewer = tuple(each for each in needed if each != change)
            if (found := attempt(fewer)) is not None:
                needed, after = fewer, found
        return after

    def _tell(self, error: Diagnostic, by: str | None) -> None:
        """Say what became of an error, of one that was given up only once."""
        if by is None:
            if _identity(error) in self.told:
                return
            self.told.add(_identity(error))
        at = error.primary
        name, line = (at.file_name, at.line_start) if at else ("", 0)
        head = f"error[{error.code}]" if error.code else error.level
        step = Step(name, line, f"{head}: {error.message}", by, len(self.best.errors))
        self.steps.append(step)
        self.on_step(step)


def _own_mistakes(state: State, error: Diagnostic, after: State) -> tuple[Diagnostic, ...]:
    """Return the errors that an answer puts in the place of one; none where they are too many."""
    if after.check.is_cut_short or not _is_gone(error, state, after):
        return ()
    left = Counter(map(_identity, state.errors))
    mistakes = []
    for each in after.errors:
        left[_identity(each)] -= 1
        if left[_identity(each)] < 0:
            mistakes.append(each)
    return tuple(mistakes) if len(mistakes) <= MAX_OWN_MISTAKES else ()


def _is_gone(error: Diagnostic, before: State, after: State) -> bool:
    """Whether an error itself is gone, not one of the same words elsewhere."""
    own = _identity(error)
    counts = [sum(_identity(each) == own for each in state.errors) for state in (before, after)]
    return counts[1] < counts[0]


def _is_of_missing_file(error: Diagnostic) -> bool:
    """Whether a file is not there: what names it may well be right."""
    return error.code == "E0583" or error.message.startswith("couldn't read")


def _identity(error: Diagnostic) -> tuple[str, ...]:
    """Return what tells an error from others of its kind, wherever its line may be by now."""
    at = error.primary
    return (*error_key(error), *("".join(at.text).split() if at else ()))
