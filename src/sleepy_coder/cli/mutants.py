"""`sleepy mutants build`, `verify`, `write` and `break`."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sleepy_coder.cli.options import device_option, open_sandbox, unconfined_option
from sleepy_coder.cli.progress import counted
from sleepy_coder.cli.sources import dtype_option, model_option
from sleepy_coder.errors import SleepyError
from sleepy_coder.mutants.build import (
    MANIFEST_PARTS,
    Workshop,
    build_part,
    compare_with_manifest,
    load_manifest,
    save_manifest,
)
from sleepy_coder.mutants.crates import PARTS, Crate, Part, load_recipe
from sleepy_coder.problems import save_set
from sleepy_coder.weights import cache_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sleepy_coder.model import Completion
    from sleepy_coder.problems import Problem

_FILE = click.Path(dir_okay=False, path_type=Path)
_MAX_WRITTEN_TOKENS = 1400
_WRITING_TEMPERATURE = 0.9
_NICENESS = 10  # a set takes long to build; other work goes first

_recipe_option = click.option(
    "--recipe",
    "recipe_path",
    type=click.Path(path_type=Path),
    default=Path("configs/mutants.toml"),
    show_default=True,
    help="Which packages, and how many problems.",
)
_manifest_option = click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    default=Path("configs/mutants.manifest.jsonl"),
    show_default=True,
    help="Hashes of the gate and transfer sets.",
)
_jobs_option = click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True)


@click.group()
def mutants() -> None:
    """Build problems by breaking code: Debian's crates, or programs that the base model writes."""


@mutants.command()
@click.option("--part", type=click.Choice(PARTS), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="F.jsonl")
@click.option("--limit", type=click.IntRange(min=1), help="At most N problems.")
@click.option(
    "--write-manifest", is_flag=True, help="Select the problems anew, and record their hashes."
)
@_jobs_option
@_recipe_option
@_manifest_option
@unconfined_option
def build(
    part: Part,
    out: Path,
    limit: int | None,
    write_manifest: bool,
    jobs: int,
    recipe_path: Path,
    manifest: Path,
    allow_unconfined: bool,
) -> None:
    """Fetch the crates of a part, break them, and write the problems as JSONL.

    Of a part in the manifest the same problems are built again.
    """
    recipe = load_recipe(recipe_path)
    recorded = load_manifest(manifest)
    workshop = _open_workshop(jobs, allow_unconfined=allow_unconfined)
    built = build_part(
        recipe, part, workshop, manifest=recorded, is_new=write_manifest, limit=limit
    )
    save_set(built.problems, out)
    if write_manifest and part in MANIFEST_PARTS:
        save_manifest(manifest, part, built.fingerprints)
    _report_counts(built.problems, out)


@mutants.command()
@click.option("--part", type=click.Choice(MANIFEST_PARTS), help="By default both.")
@click.option("--fresh", is_flag=True, help="Use nothing that was made before but the packages.")
@_jobs_option
@_recipe_option
@_manifest_option
@unconfined_option
def verify(
    part: Part | None,
    fresh: bool,
    jobs: int,
    recipe_path: Path,
    manifest: Path,
    allow_unconfined: bool,
) -> None:
    """Build the gate and transfer sets again and compare them with the manifest."""
    recipe, recorded = load_recipe(recipe_path), load_manifest(manifest)
    workshop = _open_workshop(jobs, allow_unconfined=allow_unconfined)
    differences = []
    with tempfile.TemporaryDirectory(prefix="sleepy-") as empty:
        workshop = replace(workshop, cache=Path(empty)) if fresh else workshop
        for each in [part] if part else MANIFEST_PARTS:
            built = build_part(recipe, each, workshop, manifest=recorded)
            differences += compare_with_manifest(each, built.fingerprints, recorded)
            click.echo(f"{each}: {len(built.problems)} problems built")
    for difference in differences:
        click.echo(difference)
    if differences:
        raise SleepyError(f"{len(differences)} problems differ from {manifest}")
    click.echo("all as in the manifest")


@mutants.command()
@click.option("--count", type=click.IntRange(min=1), required=True, help="Programs to ask for.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--out", type=_FILE, required=True, metavar="F.jsonl")
@model_option
@device_option
@dtype_option
def write(count: int, seed: int, out: Path, model: str, device: str, dtype: str) -> None:
    """Have the base model write small programs; nothing is compiled yet. Wants a GPU.

    Programs that are in the file already are not asked for again.
    """
    from sleepy_coder.model import load_model
    from sleepy_coder.prompt import extract_code
    from sleepy_coder.written.assignments import make_assignments
    from sleepy_coder.written.harvest import load_programs

    known = {program.id for program in load_programs(out)} if out.is_file() else set()
    asked = [each for each in make_assignments(count, seed) if each.id not in known]
    writer = load_model(model, device=device, dtype=dtype)
    writer.decoder.max_draft = 0  # there is nothing to copy from
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a", encoding="utf-8") as file, counted("writing", len(asked)) as advance:

        def keep(place: int, done: Completion) -> None:
            fields = {"id": asked[place].id, "code": extract_code(done.text) or ""}
            file.write(json.dumps(fields) + "\n")
            advance()

        writer.generate(
            [each.messages for each in asked],
            max_new_tokens=_MAX_WRITTEN_TOKENS,
            temperature=_WRITING_TEMPERATURE,
            seed=seed,
            on_done=keep,
        )
    click.echo(f"{len(known) + len(asked)} programs in {out}")


@mutants.command("break")
@click.argument("programs", type=_FILE, nargs=-1, required=True, metavar="PROGRAMS.jsonl...")
@click.option("--out", type=_FILE, required=True, metavar="F.jsonl")
@_jobs_option
@unconfined_option
def break_written(programs: tuple[Path, ...], out: Path, jobs: int, allow_unconfined: bool) -> None:
    """Break what `mutants write` wrote, as crates are broken, and write the problems as JSONL."""
    from sleepy_coder.written.harvest import break_file, choose_problems, load_programs

    os.nice(_NICENESS)
    sandbox = open_sandbox(allow_unconfined=allow_unconfined)
    cache = cache_dir() / "mutants"
    total = sum(len(load_programs(path)) for path in programs)
    with counted("breaking", total) as advance:
        candidates = [
            candidate
            for path in programs
            for candidate in break_file(path, cache, sandbox, jobs=jobs, on_done=advance)
        ]
    problems = choose_problems(candidates)
    save_set(problems, out)
    _report_counts(problems, out)


def _report_counts(problems: Sequence[Problem], out: Path) -> None:
    for pattern, count in sorted(Counter(problem.pattern for problem in problems).items()):
        click.echo(f"{count:5}  {pattern}")
    num_behaving = sum(problem.check.kind != "compile" for problem in problems)
    click.echo(f"{len(problems):5}  in all, {num_behaving} must behave, written to {out}")


def _open_workshop(jobs: int, *, allow_unconfined: bool) -> Workshop:
    os.nice(_NICENESS)
    return Workshop(
        packages=cache_dir() / "mutants" / "crates",
        cache=cache_dir() / "mutants",
        sandbox=open_sandbox(allow_unconfined=allow_unconfined),
        jobs=jobs,
        on_crate=_report_crate,
    )


def _report_crate(crate: Crate, count: int) -> None:
    click.echo(f"{crate.name} {crate.version}: {count} mutants", err=True)
