"""`sleepy programs`: what the base model writes, mended and broken, for tasks to learn from."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sleepy_coder.cli.mutants import NICENESS, jobs_option, report_counts
from sleepy_coder.cli.options import device_option, open_sandbox, unconfined_option
from sleepy_coder.cli.progress import counted
from sleepy_coder.cli.sources import dtype_option, model_option, require_shipped_store
from sleepy_coder.errors import InputError
from sleepy_coder.problems import save_lines, save_set
from sleepy_coder.weights import cache_dir

if TYPE_CHECKING:
    from sleepy_coder.model import Completion
    from sleepy_coder.written.harvest import WrittenProgram

_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_FILES = click.argument(
    "programs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    nargs=-1,
    required=True,
    metavar="F.jsonl...",
)
# Higher, and fewer of its programs compile; lower, and they are more alike.
_TEMPERATURE = 0.4
_MAX_NEW_TOKENS = 1400


@click.group()
def programs() -> None:
    """Have the base model write programs, for tasks to learn from what it and others get wrong."""


@programs.command()
@click.option("--count", type=click.IntRange(min=1), required=True, help="Programs to ask for.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--out", type=_NEW_FILE, required=True, metavar="F.jsonl")
@model_option
@device_option
@dtype_option
def write(count: int, seed: int, out: Path, model: str, device: str, dtype: str) -> None:
    """Have the base model write small programs; nothing is compiled yet. Wants a GPU.

    Programs that are in the file already, whichever model wrote them, are not asked for again.
    """
    from sleepy_coder.model import load_model
    from sleepy_coder.prompt import extract_code
    from sleepy_coder.written.assignments import make_assignments

    out.parent.mkdir(parents=True, exist_ok=True)
    known = set()
    if out.is_file():
        _drop_half_line(out)
        known = {program.id for program in _load([out])}
    asked = [each for each in make_assignments(count, seed) if each.id not in known]
    if not asked:
        click.echo(f"{out} has them all")
        return
    writer = load_model(model, device=device, dtype=dtype)
    writer.decoder.max_draft = 0  # there is nothing to copy from
    with out.open("a", encoding="utf-8") as file, counted("writing", len(asked)) as advance:

        def keep(place: int, done: Completion) -> None:
            fields = {"id": asked[place].id, "code": extract_code(done.text) or ""}
            file.write(json.dumps(fields) + "\n")
            file.flush()
            advance()

        writer.generate(
            [each.messages for each in asked],
            max_new_tokens=_MAX_NEW_TOKENS,
            temperature=_TEMPERATURE,
            seed=seed,
            on_done=keep,
        )
    click.echo(f"{len(known) + len(asked)} programs in {out}")


@programs.command()
@_FILES
@click.option("--out", type=_NEW_FILE, required=True, metavar="F.jsonl")
@click.option("--store", type=click.Path(exists=True, file_okay=False, path_type=Path))
@model_option
@device_option
@dtype_option
@jobs_option
@unconfined_option
def mend(
    programs: tuple[Path, ...],
    out: Path,
    store: Path | None,
    model: str,
    device: str,
    dtype: str,
    jobs: int,
    allow_unconfined: bool,
) -> None:
    """Keep the programs that compile, and mend those that nearly do. Wants a GPU.

    They are mended with rustc's suggestions, the learned tasks and the base model. What the model
    said is kept beside the output: an interrupted run goes on.
    """
    from sleepy_coder.answer_cache import AnswerCache
    from sleepy_coder.learned import LearnedTasks
    from sleepy_coder.model import load_model
    from sleepy_coder.share.store import load_store
    from sleepy_coder.workbench import Workbench
    from sleepy_coder.written.mend import mend_programs

    written = _load(programs)
    out.parent.mkdir(parents=True, exist_ok=True)
    mender = load_model(model, device=device, dtype=dtype)
    bench = Workbench(
        model=mender,
        learned=LearnedTasks(mender, load_store(store or require_shipped_store(model, "mend"))),
        sandbox=open_sandbox(allow_unconfined=allow_unconfined),
        max_new_tokens=_MAX_NEW_TOKENS,
        answers=AnswerCache(out.with_suffix(".answers.jsonl")),
    )
    found = mend_programs(written, bench, jobs=jobs)
    save_lines((program.to_json() for program in found), out)
    num_mended = sum(program.broken is not None for program in found)
    click.echo(
        f"of {len(written)} programs {len(found) - num_mended} compile and {num_mended} were "
        f"mended; written to {out}"
    )


@programs.command("break")
@_FILES
@click.option("--out", type=_NEW_FILE, required=True, metavar="F.jsonl")
@jobs_option
@unconfined_option
def break_(programs: tuple[Path, ...], out: Path, jobs: int, allow_unconfined: bool) -> None:
    """Break the programs in other ways too, as crates are, and write all problems as JSONL.

    Programs that do not compile are left out.
    """
    from sleepy_coder.written.harvest import break_file, choose_problems

    os.nice(NICENESS)
    sandbox = open_sandbox(allow_unconfined=allow_unconfined)
    cache = cache_dir() / "mutants"
    with counted("breaking", len(_load(programs))) as advance:
        candidates = [
            candidate
            for path in programs
            for candidate in break_file(path, cache, sandbox, jobs=jobs, on_done=advance)
        ]
    problems = choose_problems(candidates)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_set(problems, out)
    report_counts(problems, out)


def _load(paths: Iterable[Path]) -> list[WrittenProgram]:
    from sleepy_coder.written.harvest import load_programs

    programs = [program for path in paths for program in load_programs(path)]
    if double := [name for name, count in Counter(p.id for p in programs).items() if count > 1]:
        raise InputError(f"got two programs {double[0]!r}, expected distinct ids in all files")
    return programs


def _drop_half_line(path: Path) -> None:
    """Take away a last line that an interruption cut off."""
    data = path.read_bytes()
    path.write_bytes(data[: data.rfind(b"\n") + 1])
