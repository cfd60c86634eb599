"""Source files that are compiled together: a cargo workspace, or one file."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from sleepy_coder.cargo_config import OuterConfig, read_outer_config
from sleepy_coder.diagnostics import ELSEWHERE, parse_diagnostics
from sleepy_coder.errors import InputError
from sleepy_coder.judge import compile_source
from sleepy_coder.path_dependencies import find_surroundings, outermost, read_manifest
from sleepy_coder.sandbox import WORK_DIR, Sandbox
from sleepy_coder.syntax import crate_type
from sleepy_coder.workspace import SOURCE, Build, WorkspaceCheck, check_workspace, copy_project

# How rustc says that it found no file of that name.
_UNREADABLE = re.compile(r"couldn't read `?([^`\n]+?)`?: No such file")
_NO_MODULE_FILE = "E0583"
_FIRST_EDITION = "2015"  # of packages that name none


class Project(Protocol):
    """Source files that are compiled together."""

    def read(self, name: str) -> str | None:
        """Return a file of the project as it is now, None for what is no file of it."""

    def edition_of(self, name: str) -> str:
        """Return the edition of Rust that a file is written in."""

    def check(self, changed: Mapping[str, str], *, run_tests: bool = False) -> WorkspaceCheck:
        """Return what the compiler says with some files changed, and all others as they were."""


@dataclass
class CargoProject:
    """A cargo workspace.

    Attributes:
        root: Folder of the workspace's Cargo.toml.
        scratch: Where copies are made and compiled; empty at first.
        build: What of it has to compile.
        beside: Files outside its packages that it reads, found out by compiling it.
    """

    root: Path
    sandbox: Sandbox
    scratch: Path
    build: Build = field(default_factory=Build)
    beside: set[Path] = field(default_factory=set, init=False)
    _originals: dict[str, bytes] = field(default_factory=dict, init=False)

    def read(self, name: str) -> str | None:
        """Return a file of the copy as it is now, None for what is no file of it."""
        path = self._copy / name
        if Path(name).is_absolute() or not path.resolve().is_relative_to(self._copy.resolve()):
            return None
        try:
            return path.read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            return None

    def edition_of(self, name: str) -> str:
        """Return the edition of the package that a file belongs to."""
        for folder in PurePosixPath(name).parents:
            package = self._manifest(folder).get("package")
            if package is None:
                continue
            edition = package.get("edition", _FIRST_EDITION)
            if isinstance(edition, dict):  # { workspace = true }
                shared = self._manifest(PurePosixPath()).get("workspace", {}).get("package", {})
                edition = shared.get("edition", _FIRST_EDITION)
            return str(edition)
        return _FIRST_EDITION

    def _manifest(self, folder: PurePosixPath) -> dict[str, Any]:
        """Return a folder's Cargo.toml; empty where there is none that can be read."""
        return read_manifest(self._copy / folder / "Cargo.toml")

    def check(self, changed: Mapping[str, str], *, run_tests: bool = False) -> WorkspaceCheck:
        """Return what cargo says of the copy with some files changed."""
        while True:
            check = self._check_copy(changed, run_tests=run_tests)
            missing = set(self._missing_files(check.diagnostics)) - self.beside
            if not missing:
                break
            self.beside |= missing
            shutil.rmtree(self.scratch / "copy")
            del self._copy  # there is more to it
        named = tuple(_rename(message, self._name_of) for message in check.diagnostics)
        return replace(check, diagnostics=named)

    def _name_of(self, path: str) -> str:
        """Return how a file is called from the project's root, though it lie beside that."""
        for built in (WORK_DIR, str(self.scratch / "build")):
            if path.startswith(top := f"{built}/{SOURCE}/"):
                root = self._copy.relative_to(self.scratch / "copy").as_posix()
                return posixpath.relpath(path.removeprefix(top), root)
        return posixpath.normpath(path)

    def _check_copy(self, changed: Mapping[str, str], *, run_tests: bool) -> WorkspaceCheck:
        texts = {name: text.encode() for name, text in changed.items()}
        for name, data in {**self._originals, **texts}.items():  # what was changed before goes back
            path = self._copy / name
            if (old := path.read_bytes()) != data:
                self._originals.setdefault(name, old)
                path.write_bytes(data)  # and is newer than what cargo made of it
        return check_workspace(
            self.scratch / "copy",
            self.sandbox,
            folder=str(self._copy.relative_to(self.scratch / "copy")),
            build=replace(self.build, config=self._config.options),
            run_tests=run_tests,
            scratch=self.scratch / "build",
        )

    def compiles(self, path: Path) -> bool:
        """Whether a file is among those that rustc read, as its dep-info has them."""
        root, wanted = self.root.resolve(), path.resolve()
        for found in (self.scratch / "build" / "target").rglob("*.d"):
            _, _, read = found.read_text(errors="replace").partition("\n")[0].partition(": ")
            words = (word.replace("\\ ", " ") for word in re.split(r"(?<!\\) ", read))
            if any((root / self._name_of(word)).resolve() == wanted for word in words):
                return True
        return False

    @cached_property
    def _config(self) -> OuterConfig:
        return read_outer_config(self.root.resolve())

    def _missing_files(self, messages: Iterable[Mapping[str, Any]]) -> Iterator[Path]:
        """Yield files that rustc did not find in the copy and that are there in the project's tree.

        As with `include_str!("../../README.md")`. Of what lies around a workspace only its
        repository counts.
        """
        root = self.root.resolve()
        tree = next((each for each in (root, *root.parents) if (each / ".git").exists()), root)
        for message in messages:
            named = _UNREADABLE.match(message.get("message") or "")
            if named and not Path(named[1]).is_absolute():
                path = Path(os.path.normpath(root / named[1]))
                if path.is_relative_to(tree) and not path.is_relative_to(root) and path.is_file():
                    yield path

    @cached_property
    def _copy(self) -> Path:
        """The workspace's copy, with what it needs from outside around it as it is there."""
        root = self.root.resolve()
        found = find_surroundings(root)
        folders = outermost([*found.folders, *self._config.folders])
        files = [*found.manifests, *self.beside]
        common = os.path.commonpath([*folders, *(file.parent for file in files)])
        for folder in folders:
            copy_project(folder, self.scratch / "copy" / folder.relative_to(common))
        for file in files:
            place = self.scratch / "copy" / file.relative_to(common)
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
        (self.scratch / "build").mkdir(exist_ok=True)
        return self.scratch / "copy" / root.relative_to(common)


@dataclass(frozen=True)
class FileProject:
    """One source file, a program if it has `fn main`, else a library."""

    path: Path
    sandbox: Sandbox
    edition: str = "2021"

    def read(self, name: str) -> str | None:
        """Return the file as it is now, whatever rustc was told it is called."""
        if name != self.path.name:
            return None
        try:
            return self.path.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self.path}: cannot be read: {error}") from None

    def edition_of(self, name: str) -> str:  # noqa: ARG002 - there is one file
        """Return the edition that was named for the file."""
        return self.edition

    def check(self, changed: Mapping[str, str], *, run_tests: bool = False) -> WorkspaceCheck:  # noqa: ARG002
        """Return what rustc says of the file, or of its changed text."""
        name = self.path.name
        code = changed[name] if name in changed else self.read(name) or ""
        kind = crate_type(code)
        done = compile_source(code, crate_type=kind, edition=self.edition, sandbox=self.sandbox)
        given = f"{kind.replace('bin', 'main')}.rs"
        named = tuple(
            _rename(message, lambda each: name if each == given else each)
            for message in done.diagnostics
        )
        first = next((e for e in parse_diagnostics(named) if e.is_error), None)
        detail = first.message if first else done.detail
        if first and first.error_code == _NO_MODULE_FILE:
            detail += "; a file by itself has no modules beside it: make a package (`cargo init`)"
        targets = (name,) * len(named)
        return WorkspaceCheck(
            done.is_ok, named, targets, frozenset(targets), done.is_cut_short, detail
        )


def _rename(message: Mapping[str, Any], rename: Callable[[str], str]) -> dict[str, Any]:
    """Return rustc's message with files called otherwise, and no place in a library's macro."""
    placed = map(_called_at, message.get("spans") or ())
    spans = [{**s, "file_name": rename(s["file_name"])} for s in placed]
    children = [_rename(child, rename) for child in message.get("children") or ()]
    return {**message, "spans": spans, "children": children}


def _called_at(span: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return where a library's macro that a span lies in is called; other spans as they are."""
    while span["file_name"].startswith(ELSEWHERE) and (call := span.get("expansion")):
        span = {**call["span"], "label": span["label"], "is_primary": span["is_primary"]}
    return span
