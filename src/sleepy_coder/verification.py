"""Whether a change of a project is kept: nothing is lost by it, and no mistake only moves.

It is kept if an error is gone with it and nothing else (no item, test or assertion), and if no
error is new but what rustc had not looked for before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sleepy_coder.changes import find_changes
from sleepy_coder.claims import Faults, find_faults
from sleepy_coder.diagnostics import Diagnostic, parse_diagnostics, select_errors
from sleepy_coder.gutting import find_disuse, find_gutting
from sleepy_coder.project import Project
from sleepy_coder.workspace import WorkspaceCheck

# What rustc reports before it looks at types, and what it looks for where a body's types are right.
_OF_NAMES = re.compile(
    "E0(106|25[245]|26[01]|36[45]|40[13-578]|41[1256]|42[2-689]|43[0-578]|53[0-2]|57[34]|583|603"
    "|637|659)"
)
_OF_MATCHES = re.compile("E000[45]")
_OF_BORROWS = re.compile(
    "E0(133|310|373|38[124]|499|50[0-35-9]|510|515|52[14]|59[467]|626|700|71[236])"
)
# Of errors without a code: those that are of types, and of borrows. All others are of syntax.
_CODELESS_OF_TYPES = re.compile("future cannot be s")
_CODELESS_OF_BORROWS = re.compile(
    "lifetime may not live|captured variable cannot escape|implementation of|higher-ranked lifetime"
)
_SYNTAX, _NAMES, _TYPES, _MATCHES, _BORROWS, _LINTS = range(6)  # in the order in which rustc looks


@dataclass(frozen=True)
class State:
    """A copy of the project under repair.

    Attributes:
        texts: File -> its text, where it was changed.
        check: What the compiler says of it.
        errors: What it reports, each once; `messages` are its JSON objects of them, and `targets`
            says in which of the project's targets each was found.
    """

    texts: Mapping[str, str]
    check: WorkspaceCheck
    errors: tuple[Diagnostic, ...]
    messages: tuple[Mapping[str, Any], ...]
    targets: tuple[frozenset[str], ...]

    @cached_property
    def counts(self) -> Counter[tuple[str, str]]:
        """How often there is each error, by `error_key`."""
        return Counter(map(error_key, self.errors))


@dataclass
class Verifier:
    """Checks changes of one project.

    Attributes:
        originals: File -> its text before any change, of the files that were read.
        states: Changed files with their texts, and whether tests were run -> the state, of all that
            were checked: answers about one error come again about the next.
        faults: File -> what errors lay in, see `note_faults`.
    """

    project: Project
    originals: dict[str, str] = field(default_factory=dict)
    states: dict[tuple[frozenset[tuple[str, str]], bool], State] = field(default_factory=dict)
    faults: dict[str, Faults] = field(default_factory=dict)

    def read(self, state: State, name: str) -> str | None:
        """Return a file as it is in a state, None for what is no file of the project."""
        if name not in self.originals and (text := self.project.read(name)) is not None:
            self.originals[name] = text
        return state.texts.get(name, self.originals.get(name))

    def check(self, texts: Mapping[str, str], *, run_tests: bool = False) -> State:
        """Return the state in which these files have these texts, and all others their first."""
        key = (frozenset(texts.items()), run_tests)
        if key not in self.states:
            self.states[key] = self._compile(texts, run_tests=run_tests)
        return self.states[key]

    def changes(self, state: State) -> dict[str, tuple[str, str]]:
        """Return the files that are not as they were at first -> their text then and now."""
        return {
            name: (self.originals[name], text)
            for name, text in sorted(state.texts.items())
            if text != self.originals[name]
        }

    def is_kept(self, before: State, after: State) -> bool:
        """Whether a state is better than the one before it, and has lost nothing."""
        return self._is_better(before, after) and not self._is_gutted(after)

    def _compile(self, texts: Mapping[str, str], *, run_tests: bool) -> State:
        check = self.project.check({**self.originals, **texts}, run_tests=run_tests)
        parsed = parse_diagnostics(check.diagnostics)
        known = set(select_errors(parsed))
        found: dict[tuple[Any, ...], tuple[Diagnostic, Mapping[str, Any], set[str]]] = {}
        for error, raw, target in zip(parsed, check.diagnostics, check.targets, strict=True):
            if error in known:
                found.setdefault(_place(error), (error, raw, set()))[2].add(target)
        errors, messages, targets = zip(*found.values(), strict=True) if found else ((), (), ())
        return State(texts, check, errors, messages, tuple(map(frozenset, targets)))

    def note_faults(self, state: State) -> None:
        """Keep what the errors of a state lie in: from now on that may be mended.

        Not of any state: an answer must not get what was sound to be mended by breaking it.
        """
        for name in {error.primary.file_name for error in state.errors if error.primary}:
            own = [e for e in state.errors if e.primary and e.primary.file_name == name]
            faults = find_faults(self.read(state, name) or "", own)
            self.faults[name] = self.faults.get(name, Faults()).then(faults)

    def _is_better(self, before: State, after: State) -> bool:
        """Whether an error is gone and none is new but such as rustc had not looked for before.

        Those come to light at a later stage, in another file, or in another target. In what was
        changed a new error would be the same mistake by another name.
        """
        if after.check.is_ok:
            return True
        if after.check.is_cut_short:  # what rustc had not come to is not gone
            return False
        known, left = before.counts, after.counts
        if not left:  # no error of rustc: what fails may have failed before, a build script say
            failures = after.check.failures
            return bool(failures and known) and failures < before.check.failures
        if not known - left:
            return False
        new = left - known
        changed = {
            name: _changed_lines(self.read(before, name) or "", text)
            for name, text in after.texts.items()
        }
        gone = known - left
        last = max(_stage(error) for error in before.errors if gone[error_key(error)])

        def comes_to_light(error: Diagnostic, targets: frozenset[str]) -> bool:
            at = error.primary
            lines = changed.get(at.file_name, frozenset()) if at else frozenset()
            if at is None or at.line_start - 1 in lines:
                return False
            if not targets & before.check.reached:
                return True
            return _stage(error) > (last if lines else min(last, _NAMES))

        found = zip(after.errors, after.targets, strict=True)
        return all(comes_to_light(e, targets) for e, targets in found if new[error_key(e)])

    def _is_gutted(self, state: State) -> bool:
        """Whether a file has lost what it had at first, or got a way past the checks."""
        return any(
            find_gutting(before, None, after, self.faults.get(name)) is not None
            or find_disuse(before, None, after) is not None
            for name, (before, after) in self.changes(state).items()
        )


def is_worse(state: State, other: State) -> bool:
    """Whether a state has more errors than another, less those that rustc had not sought there."""
    last = max(map(_stage, other.errors), default=_LINTS)
    found = zip(state.errors, state.targets, strict=True)
    sought = [_stage(error) <= last for error, of in found if of & other.check.reached]
    return sum(sought) > len(other.errors)


def error_key(error: Diagnostic) -> tuple[str, str]:
    """Return what stays the same of an error whatever is done to the lines around it."""
    at = error.primary
    return (at.file_name if at else "", f"{error.code} {error.message}")


def _changed_lines(before: str, after: str) -> frozenset[int]:
    """Return the lines of the second text, 0-based, that are new in it."""
    changes = find_changes(before, after)
    return frozenset(c.begin + n for c in changes for n in range(len(c.lines)))


def _stage(error: Diagnostic) -> int:
    """Return when rustc finds an error: with syntax, names, types, matches, borrows, lints."""
    if error.code is None:
        if _CODELESS_OF_BORROWS.match(error.message):
            return _BORROWS
        return _TYPES if _CODELESS_OF_TYPES.match(error.message) else _SYNTAX
    if _OF_NAMES.fullmatch(error.code):
        return _NAMES
    if _OF_MATCHES.fullmatch(error.code):
        return _MATCHES
    if _OF_BORROWS.fullmatch(error.code):
        return _BORROWS
    return _TYPES if error.error_code else _LINTS


def _place(error: Diagnostic) -> tuple[Any, ...]:
    """Return what tells errors apart: cargo reports one of a file that two targets share twice."""
    at = error.primary
    return (error.level, error.code, error.message, at and (at.file_name, at.byte_start))
