"""What cargo says of a workspace: `cargo check` and `cargo test` in the sandbox, on a copy."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from sleepy_coder.diagnostics import parse_cargo
from sleepy_coder.errors import InputError
from sleepy_coder.judge import describe_end, error_lines, is_cut_short, scratch_folder
from sleepy_coder.sandbox import Completed, Limits, Sandbox

WORKSPACE_LIMITS = Limits(
    wall_s=900,
    cpu_s=600,
    address_space_bytes=16 << 30,
    output_bytes=256 << 20,  # some crates have thousands of warnings
    file_bytes=2 << 30,
    processes=512,
)
_MARKS = ("CACHEDIR.TAG", ".rustc_info.json")  # of folders that can be made anew
# What cargo says of a package that does not compile, but for the number of its errors.
_FAILURE = re.compile(
    r"^error: ((?:failed to run custom build command for|could not compile) `[^`]*`"
    r"(?: \([^)]*\))?)",
    re.MULTILINE,
)
SOURCE, _TARGET = "source", "target"  # folders of what is built, and of what cargo makes of it


@dataclass(frozen=True)
class Build:
    """What of a workspace is built, as cargo's options of the same names say.

    Attributes:
        packages: Of the workspace; empty is all, or those that it has as its default.
        has_default: The workspace says which packages are built by default.
        with_tests: Check tests and examples too.
        with_benches: Check benchmarks too.
        config: Of cargo, as it takes it behind `--config`.
    """

    packages: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    all_features: bool = False
    no_default_features: bool = False
    has_default: bool = False
    with_tests: bool = False
    with_benches: bool = False
    config: tuple[str, ...] = ()

    @property
    def targets(self) -> list[list[str]]:
        """Cargo's options for what is checked, run after run; libraries and programs first."""
        others = ["--tests", "--examples"] * self.with_tests + ["--benches"] * self.with_benches
        return [[], others] if others else [[]]

    @property
    def selection(self) -> list[str]:
        """Cargo's options for packages and features."""
        every = [] if self.has_default else ["--workspace"]
        options = [f"--package={name}" for name in self.packages] or every
        # Where the root is a package, too, older resolvers take a bare name for a feature of that.
        is_one = len(self.packages) == 1 and re.fullmatch(r"[\w-]+", self.packages[0])
        owner = f"{self.packages[0]}/" if is_one else ""
        names = (name for each in self.features for name in re.split("[, ]+", each) if name)
        options += [f"--features={name if '/' in name else owner + name}" for name in names]
        options += ["--all-features"] * self.all_features
        return options + ["--no-default-features"] * self.no_default_features


@dataclass(frozen=True)
class WorkspaceCheck:
    """What cargo said of a workspace.

    Attributes:
        is_ok: It compiles and, where they were run, its tests pass.
        diagnostics: rustc's JSON messages; file names are relative to the workspace, in packages
            outside it absolute.
        targets: Of each message, the target that it is about; one name for all of a lone file.
        reached: All targets that rustc was run on, this time or before.
        is_cut_short: There may be more to say: a limit or a crash of rustc ended the run.
        failures: Packages that do not compile, and build scripts that fail, in cargo's words.
        detail: How it failed, in one line; empty when it did not.
    """

    is_ok: bool
    diagnostics: tuple[dict[str, Any], ...]
    targets: tuple[str, ...]
    reached: frozenset[str]
    is_cut_short: bool = False
    detail: str = ""
    failures: frozenset[str] = frozenset()


def check_workspace(
    path: Path,
    sandbox: Sandbox,
    *,
    folder: str = ".",
    build: Build | None = None,
    run_tests: bool = False,
    scratch: Path | None = None,
) -> WorkspaceCheck:
    """Run `cargo check`, and `cargo test` if asked, on a copy of a cargo workspace.

    Build scripts, procedural macros and tests run in the sandbox; nothing in `path` is touched, and
    nothing outside it is copied (path dependencies must lie inside). Crates must be downloaded
    already (`cargo fetch`). Tests that a fix could have changed prove nothing by themselves.

    Args:
        path: What is copied: the workspace, or a folder that holds it and all that it needs.
        sandbox: Where cargo runs.
        folder: Where in `path` the workspace's Cargo.toml is.
        build: What of it is built; by default all packages.
        run_tests: Run the tests as well, if it compiles.
        scratch: A directory for the copy and for what cargo builds; handed in again, the next
            check compiles only what changed. By default a temporary one.
    """
    if scratch is None:
        with scratch_folder() as work_dir:
            return check_workspace(
                path, sandbox, folder=folder, build=build, run_tests=run_tests, scratch=work_dir
            )
    build = build or Build()
    _copy_again(path, scratch / SOURCE)
    place = posixpath.join(SOURCE, folder)

    def cargo(*command: str) -> Completed:
        """Run cargo in the workspace, where it finds the project's own configuration."""
        target = posixpath.relpath(_TARGET, place)
        # As of cargo 1.91 a project's own build-dir is another place than the target's.
        own = f'build.build-dir="{target}"'
        config = [f"--config={each}" for each in (*build.config, own)]
        return sandbox.run(
            ["cargo", *config, *command, "--offline", *build.selection, f"--target-dir={target}"],
            work_dir=scratch,
            folder=place,
            limits=WORKSPACE_LIMITS,
            needs_registry=True,
        )

    runs = []
    for targets in build.targets:
        check = ["check", "--message-format=json", *targets]
        done = cargo(*check, "--keep-going")
        if re.search("['`]--keep-going['`]", done.stderr):  # cargo before 1.74
            done = cargo(*check)
        runs.append(done)
    told = [parse_cargo(run.stdout) for run in runs]
    messages = [pair for each in told for pair in each.messages]
    diagnostics = tuple(message for _, message in messages)
    done = next((run for run in runs if run.returncode != 0 or run.stop), runs[-1])
    is_offline = done.returncode != 0 and not diagnostics and "--offline" in done.stderr
    if done.returncode == 0 and run_tests:
        done = cargo("test", "--quiet")
    is_ok = done.returncode == 0 and not done.stop
    detail = "" if is_ok else next(error_lines(diagnostics), _describe(done))
    return WorkspaceCheck(
        is_ok=is_ok,
        diagnostics=diagnostics,
        targets=tuple(target for target, _ in messages),
        reached=frozenset[str]().union(*(each.targets for each in told)),
        is_cut_short=any(map(is_cut_short, runs)),
        detail=f"{detail}; run `cargo fetch` first" if is_offline else detail,
        failures=frozenset().union(*(_FAILURE.findall(run.stderr) for run in runs)),
    )


def _describe(done: Completed) -> str:
    """Return in one line how cargo ended, with the causes that it gives."""
    lines = [line.strip() for line in done.stderr.splitlines()]
    causes = [after for line, after in pairwise(lines) if line == "Caused by:"]
    return ": ".join([describe_end(done), *causes])


def copy_project(path: Path, copy: Path) -> None:
    """Copy a cargo workspace, but not what was built of it nor its history; the copy is writable.

    Raises:
        InputError: Something in it cannot be read.
    """

    def left_out(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if not _is_source(Path(folder, name))}

    try:
        shutil.copytree(path, copy, symlinks=True, ignore=left_out)
    except OSError as error:  # shutil.Error is one, with what went wrong as a list
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error
        raise InputError(f"{path}: cannot be copied: {reason}") from None
    for folder, _, names in os.walk(copy):
        for each in (Path(folder), *(Path(folder, name) for name in names)):
            if not each.is_symlink():
                each.chmod(each.stat().st_mode | (0o700 if each.is_dir() else 0o600))


def _copy_again(path: Path, copy: Path) -> None:
    """Copy a project anew where a build has been at work on its last copy.

    All of that goes, for a build script may have left links in it, or one in its place; but what it
    wrote stays, since cargo does not run it again.
    """
    if copy.is_symlink() or not copy.is_dir():
        copy.unlink(missing_ok=True)
        copy_project(path, copy)
        return
    # A folder that no build script can have been in.
    with tempfile.TemporaryDirectory(dir=copy.parent, ignore_cleanup_errors=True) as name:
        last = copy.rename(Path(name, "last"))
        copy_project(path, copy)
        _keep_written(last, copy)


def _keep_written(last: Path, copy: Path) -> None:
    """Move the files over that a build wrote into the last copy of a project, links left out."""
    for folder, folders, names in os.walk(last):
        place = copy / Path(folder).relative_to(last)
        if not place.resolve().is_relative_to(copy.resolve()):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not Path(folder, name).is_symlink()]
        for name in names:
            written, target = Path(folder, name), place / name
            is_plain = written.is_file() and not written.is_symlink()
            if is_plain and not target.exists() and not target.is_symlink():
                place.mkdir(parents=True, exist_ok=True)
                written.rename(target)


def _is_source(path: Path) -> bool:
    """Whether a file or folder of a project belongs to its source.

    A pipe or socket does not, nor what was built or can be made anew (cargo and others mark that by
    a file), a folder that nobody may read, or the history.
    """
    if path.name == ".git":
        return False
    if path.is_symlink() or not path.is_dir():
        return path.is_symlink() or path.is_file()
    if not os.access(path, os.R_OK | os.X_OK):
        return False
    is_target = path.name == "target" and (path.parent / "Cargo.toml").is_file()
    is_package = (path / "Cargo.toml").is_file()
    is_made = any((path / mark).is_file() for mark in _MARKS)
    return not is_made and (is_package or not is_target)
