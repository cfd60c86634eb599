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
from pathlib import PurePosixPath
from typing import Any

from sleepy_coder.changes import find_changes
from sleepy_coder.diagnostics import Diagnostic, parse_diagnostics, select_errors
from sleepy_coder.gutting import find_disuse, find_gutting
from sleepy_coder.judge import WorkspaceCheck
from sleepy_coder.project import Project

# What rustc reports before it looks at types, and what it looks for when they are right.
_OF_NAMES = re.compile("E0(261|405|408|412|42[23568]|43[23]|53[12]|57[34]|583|603)")
_OF_BORROWS = re.compile("E0(373|38[124]|499|50[235-9]|515|521|59[467]|626|700|71[236])")


@dataclass(frozen=True)
class State:
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
    """

    project: Project
    originals: dict[str, str] = field(default_factory=dict)
    states: dict[tuple[frozenset[tuple[str, str]], bool], State] = field(default_factory=dict)

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
        pairs = zip(parsed, check.diagnostics, strict=True)
        distinct = {_place(error): (error, raw) for error, raw in pairs if error in known}
        errors = tuple(error for error, _ in distinct.values())
        return State(texts, check, errors, tuple(raw for _, raw in distinct.values()))

    def _is_better(self, before: State, after: State) -> bool:
        """Whether an error is gone and none is new but such as rustc had not looked for before.

        Those come to light at a later stage, in another file, or in another package. In what was
        changed a new error would be the same mistake by another name.
        """
        if after.check.is_ok:
            return True
        known, left = before.counts, after.counts
        if not left or not known - left:  # it fails by no error of rustc, or by all there were
            return False
        new = left - known
        changed = {
            name: _changed_lines(self.read(before, name) or "", text)
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

        return all(comes_to_light(error) for error in after.errors if new[error_key(error)])

    def _package(self, name: str) -> str:
        """Return the folder of the package that a file belongs to."""
        folders = map(str, PurePosixPath(name).parents)
        return next((f for f in folders if self.project.read(f"{f}/Cargo.toml") is not None), "")

    def _is_gutted(self, state: State) -> bool:
        """Whether a file has lost what it had at first, or got a way past the checks."""
        return any(
            find_gutting(before, None, after) is not None
            or (state.check.is_ok and find_disuse(before, None, after) is not None)
            for before, after in self.changes(state).values()
        )


def error_key(error: Diagnostic) -> tuple[str, str]:
    """Return what stays the same of an error whatever is done to the lines around it."""
    at = error.primary
    return (at.file_name if at else "", f"{error.code} {error.message}")


def _changed_lines(before: str, after: str) -> frozenset[int]:
    """Return the lines of the second text, 0-based, that are new in it."""
    changes = find_changes(before, after)
    return frozenset(c.begin + n for c in changes for n in range(len(c.lines)))


def _stage(error: Diagnostic) -> int:
    """Return when rustc finds an error: with names (0), types (1), borrows (2), or lints (3)."""
    if error.code is None or _OF_NAMES.fullmatch(error.code):
        return 0
    if _OF_BORROWS.fullmatch(error.code):
        return 2
    return 1 if error.error_code else 3


def _place(error: Diagnostic) -> tuple[Any, ...]:
    """Return what tells errors apart: cargo reports one of a file that two targets share twice."""
    at = error.primary
    return (error.level, error.code, error.message, at and (at.file_name, at.byte_start))
