"""`sleepy fix`: mend one's own project."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path

import click

from sleepy_coder.answer_cache import AnswerCache
from sleepy_coder.cli.options import json_option, open_sandbox, unconfined_option
from sleepy_coder.cli.sources import ModelOptions, StoreOptions, model_options, store_options
from sleepy_coder.episodes import UNROUTED, Episode, Failed, record_episodes
from sleepy_coder.errors import EpisodeError, InputError
from sleepy_coder.fix import Repair, Step, repair_project
from sleepy_coder.path_dependencies import MANIFEST, members, read_manifest
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.problems import Problem
from sleepy_coder.project import CargoProject, FileProject, Project
from sleepy_coder.proof import storable
from sleepy_coder.proposals import Proposal, propose_answers
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.router import route_problem
from sleepy_coder.sandbox import Sandbox
from sleepy_coder.serving import TaskSources
from sleepy_coder.workbench import Workbench
from sleepy_coder.workspace import Build

_NO_MANIFEST = "could not find `Cargo.toml`"
_ENDINGS = ("SIGTERM", "SIGHUP")  # signals; not every system has both
_OTHER_TARGETS = frozenset({"tests", "examples", "benches"})  # folders of what a build leaves out


@click.command()
@click.argument("path", default=".", type=click.Path(exists=True, path_type=Path))
@click.option("--apply", "is_applied", is_flag=True, help="Write the changes that held.")
@click.option(
    "--test",
    "run_tests",
    is_flag=True,
    help="Ask that tests and examples compile and the tests pass; else nothing is written.",
)
@click.option(
    "--samples",
    "num_samples",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Answers drawn at random where the likeliest do not hold.",
)
@click.option(
    "--no-record", is_flag=True, help="Keep nothing of what was mended for `sleepy night`."
)
@click.option("--rustc-only", is_flag=True, help="Take rustc's own suggestions, and no model.")
@click.option(
    "-p",
    "--package",
    "packages",
    multiple=True,
    metavar="NAME",
    help="Of the workspace, this package alone; may be repeated.",
)
@click.option(
    "-F", "--features", multiple=True, metavar="NAMES", help="Build with these features, as cargo."
)
@click.option("--all-features", is_flag=True, help="Build with all features.")
@click.option("--no-default-features", is_flag=True, help="Build without the default features.")
@click.option(
    "--edition",
    type=click.Choice(["2015", "2018", "2021", "2024"]),
    default="2021",
    show_default=True,
    help="Of a file that belongs to no package.",
)
@model_options
@store_options
@unconfined_option
@json_option
@click.pass_context
def fix(
    context: click.Context,
    path: Path,
    is_applied: bool,
    run_tests: bool,
    num_samples: int,
    no_record: bool,
    rustc_only: bool,
    packages: tuple[str, ...],
    features: tuple[str, ...],
    all_features: bool,
    no_default_features: bool,
    edition: str,
    options: ModelOptions,
    stores: StoreOptions,
    allow_unconfined: bool,
    as_json: bool,
) -> None:
    """Mend the cargo workspace that holds PATH, or a file PATH.rs that belongs to none.

    Prints a diff; nothing is written without --apply. A change is kept if an error is gone with it
    and no item, test or assertion. The exit code is 0 if all compiles in the end. What was mended
    then is kept on this machine for `sleepy night` to learn from, unless --no-record is given.
    """
    sandbox = open_sandbox(allow_unconfined=allow_unconfined)
    for name in _ENDINGS:  # what held is shown, and the scratch folder goes
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sleepy-fix-")))
        build = Build(packages, features, all_features, no_default_features)
        root, project = _open(path, edition, sandbox, scratch, build, run_tests=run_tests)
        ask = _Asker(options, stores, num_samples, stack)

        def mend() -> Repair:
            return repair_project(
                project,
                (lambda _: ()) if rustc_only else ask,
                run_tests=run_tests,
                on_step=lambda step: click.echo(_render_step(step), err=True),
            )

        repair = _mend_whole(project, path, mend)
        if repair.mended and not no_record:
            _record(repair, root, ask.bench if ask.is_loaded else None)
    if as_json:
        told = {k: v for k, v in asdict(repair).items() if k != "mended"}  # the programs again
        click.echo(json.dumps(told, indent=1))
    else:
        click.echo("".join(_render_diffs(repair)), nl=False)
    is_written = is_applied and not repair.stopped and (repair.is_ok or not run_tests)
    if is_written:
        _write(root, repair)
    click.echo(_summarize(repair, run_tests=run_tests, is_written=is_written), err=True)
    context.exit(0 if repair.is_ok else 1)


def _open(
    path: Path, edition: str, sandbox: Sandbox, scratch: Path, build: Build, *, run_tests: bool
) -> tuple[Path, Project]:
    """Return the folder that file names are relative to, and the project.

    Tests and examples are compiled for the sake of the tests, or of the path.
    """
    folder = path if path.is_dir() else path.parent
    command = ["cargo", "locate-project", "--workspace", "--message-format=plain"]
    try:
        env = os.environ | {"RUST_BACKTRACE": "0"}
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise InputError("cargo was not found; install Rust from https://rustup.rs") from None
    if done.returncode == 0:
        root = Path(done.stdout.strip()).parent
        kinds = _other_targets(path.resolve(), root.resolve())
        build = replace(build, with_tests=run_tests or bool(kinds), with_benches="benches" in kinds)
        if not build.packages:
            build = _select_packages(build, path.resolve(), root.resolve())
        return root, CargoProject(root, replace(sandbox, project=root), scratch, build)
    if path.suffix != ".rs" or not path.is_file() or _NO_MANIFEST not in done.stderr:
        reason = done.stderr.strip().removeprefix("error: ") or "cargo gave no reason"
        advice = "; name a workspace or a .rs file" if _NO_MANIFEST in done.stderr else ""
        raise InputError(f"{path}: {reason}{advice}")
    if run_tests:
        raise click.UsageError("--test: a file alone has no tests to run; leave it out")
    if build != Build():
        raise click.UsageError("packages and features: a file alone has none; leave them out")
    return path.parent, FileProject(path, replace(sandbox, project=path.parent), edition)


def _mend_whole(project: Project, path: Path, mend: Callable[[], Repair]) -> Repair:
    """Mend; then again with the tests compiled too, where what was seen without them misleads.

    Raises:
        InputError: The file that was named is no part of what is compiled.
    """
    repair = mend()
    if _is_sound(repair) and path.is_file() and _add_tests(project):
        repair = mend()  # it may be compiled for them alone
    elif (
        not repair.stopped and any(_is_lint(step) for step in repair.steps) and _add_tests(project)
    ):
        # What a lint would have go, for the program does without it, they may need.
        mended = {name: after for name, (_, after) in repair.changes.items()}
        if not (repair.is_ok and project.check(mended).is_ok):
            again = mend()
            # What is mended alike with them in sight is not what they fail for.
            repair = repair if again.changes == repair.changes else again
    if _is_sound(repair) and path.suffix == ".rs" and isinstance(project, CargoProject):
        if project.compiles(path):
            return repair
        reason = "nothing that is built here holds it; is a `mod` missing, or a feature?"
        raise InputError(f"{path}: {reason}")
    return repair


def _is_sound(repair: Repair) -> bool:
    """Whether there was nothing to mend."""
    return repair.is_ok and not repair.steps


def _add_tests(project: Project) -> bool:
    """Have a workspace's tests compiled too; False where they are, or where there are none."""
    if not isinstance(project, CargoProject) or project.build.with_tests:
        return False
    project.build = replace(project.build, with_tests=True)
    return True


def _is_lint(step: Step) -> bool:
    """Whether a lint was mended."""
    return step.by is not None and re.match(r"error\[(?!E\d{4}\])", step.error) is not None


def _other_targets(path: Path, root: Path) -> frozenset[str]:
    """Return which of a package's folders of tests, examples and benchmarks a path lies in."""
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return _OTHER_TARGETS.intersection(takewhile(lambda part: part != "src", parts))


def _select_packages(build: Build, path: Path, root: Path) -> Build:
    """Return the build with a workspace's default packages, or with the one that the path is in.

    Others than the default ones may be for another target, and not build here.
    """
    defaults = set(members(root, "default-members"))
    if not defaults:
        return build
    around = [each for each in (path, *path.parents) if each.is_relative_to(root)]
    package = next((each for each in around if "package" in read_manifest(each / MANIFEST)), root)
    is_named = path != root and "package" in read_manifest(package / MANIFEST)
    if package in defaults or not is_named:
        return replace(build, has_default=True)
    name = read_manifest(package / MANIFEST)["package"].get("name", "")
    return replace(build, packages=(str(name),))


class _Asker:
    """Asks the model; loads it when there is something to ask."""

    def __init__(
        self, options: ModelOptions, stores: StoreOptions, num_samples: int, stack: ExitStack
    ) -> None:
        self._options, self._stores = options, stores
        self._num_samples, self._stack = num_samples, stack

    def __call__(self, problem: Problem) -> Iterator[Proposal]:
        """Yield answers, the most promising first."""
        bench = self.bench
        for message in (problem.diagnostics or ())[:1]:  # the error that is asked about
            click.echo(f"asking the model about: {message['message']}", err=True)
        return propose_answers(problem, bench, self._num_samples)

    @property
    def is_loaded(self) -> bool:
        """Whether there was something to ask."""
        return "bench" in vars(self)

    @cached_property
    def bench(self) -> Workbench:
        """The model with its learned tasks."""
        click.echo("loading the model", err=True)
        cascade = STRATEGIES["cascade"]
        tasks = TaskSources(self._stores.resolve(self._options.model))
        bench = replace(self._options.workbench([cascade]), answers=AnswerCache())
        return self._stack.enter_context(tasks.serve("store", bench))


def _record(repair: Repair, root: Path, bench: Workbench | None) -> None:
    """Keep what was mended; that this fails is no reason for the command to."""
    model = bench.model if bench else None
    learned = bench.learned if bench else None
    project = hashlib.sha256(str(root.resolve()).encode()).hexdigest()
    episodes = [
        Episode(
            problem=_routed(mended.problem),
            by=mended.by,
            project_sha256=project,
            failed=tuple(Failed(each.by, each.code) for each in mended.failed),
            model=model.public_name if model else None,
            model_sha256=model.sha256 if model else None,
            store_sha256=learned.sha256 if learned else None,
        )
        for mended in repair.mended
    ]
    try:
        record_episodes(episodes)
    except EpisodeError as error:
        click.echo(f"sleepy: not all is recorded: {error}", err=True)


def _routed(problem: Problem) -> Problem:
    """Return a problem with the pattern that the router finds in it, ready to be kept."""
    problem = replace(problem, diagnostics=storable(problem.diagnostics or ()))
    found = route_problem(problem)
    pattern = PATTERNS.get(found.task) if found else None
    return replace(
        problem,
        family=pattern.family if pattern else UNROUTED,
        pattern=pattern.name if pattern else UNROUTED,
    )


def _write(root: Path, repair: Repair) -> None:
    """Write the changes, all or none, unless a file was edited in the meantime."""
    siblings: dict[Path, tuple[Path, bytes]] = {}
    written: dict[Path, bytes] = {}
    try:
        for name, (before, after) in repair.changes.items():
            path = (root / name).resolve()  # a link stays one
            if path.read_bytes() != before.encode():
                reason = "was edited while it was being mended; nothing was written"
                raise InputError(f"{name}: {reason}")
            sibling = path.with_name(f".{path.name}.sleepy")
            siblings[sibling] = path, before.encode()
            sibling.write_bytes(after.encode())
            shutil.copymode(path, sibling)
            _copy_owner(path, sibling)
        with _uninterrupted():
            for sibling, (path, old) in siblings.items():
                sibling.replace(path)
                written[path] = old
    except OSError as error:
        for path, old in written.items():
            path.write_bytes(old)
        raise InputError(f"{error.filename}: cannot be written: {error.strerror}") from None
    finally:
        for sibling in siblings:
            with suppress(OSError):  # where nothing can be written nothing is left
                sibling.unlink()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let no signal end what is short and must be whole."""
    names = [name for name in (*_ENDINGS, "SIGINT") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), signal.SIG_IGN) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _copy_owner(path: Path, other: Path) -> None:
    """Give a file the owner of another; only root can."""
    wanted, found = path.stat(), other.stat()
    if (wanted.st_uid, wanted.st_gid) != (found.st_uid, found.st_gid):
        with suppress(PermissionError):
            os.chown(other, wanted.st_uid, wanted.st_gid)


def _render_step(step: Step) -> str:
    found = f"mended ({step.by})" if step.by else "not mended"
    place = f"{step.file}:{step.line}: " if step.file else ""
    return f"{place}{step.error}: {found}; {step.num_left} left"


def _render_diffs(repair: Repair) -> Iterable[str]:
    for name, (before, after) in repair.changes.items():
        # `splitlines` would cut at separators that are no ends of lines for `patch`.
        old, new = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (before, after))
        mark = "\t" if " " in name else ""  # where the name ends
        for line in difflib.unified_diff(old, new, f"a/{name}{mark}", f"b/{name}{mark}"):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _summarize(repair: Repair, *, run_tests: bool, is_written: bool) -> str:
    num_mended = sum(step.by is not None for step in repair.steps)
    mended = f"{num_mended} {'error' if num_mended == 1 else 'errors'} mended"
    if repair.is_ok:
        what = f"it compiles{' and its tests pass' if run_tests else ''}"
        what = f"{mended}: {what} now" if num_mended else f"nothing to mend: {what}"
    elif repair.stopped:
        what = f"{mended}, {repair.num_after} left: stopped: {repair.stopped}"
    elif repair.num_after:
        what = f"{mended}, {repair.num_after} left: {repair.detail}"
    else:
        what = f"{mended}, but it fails: {repair.detail}"
    if repair.changes:
        is_held = not repair.stopped and (repair.is_ok or not run_tests)
        rest = "--apply writes the changes" if is_held else "nothing is written"
        what += "; written" if is_written else f"; {rest}"
    return what
