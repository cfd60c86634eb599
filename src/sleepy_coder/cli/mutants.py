"""`sleepy mutants build` and `sleepy mutants verify`."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from sleepy_coder.cli.options import open_sandbox, unconfined_option
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
from sleepy_coder.problems import Problem, save_set
from sleepy_coder.weights import cache_dir

NICENESS = 10  # a set takes long to build; other work goes first

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
jobs_option = click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True)


@click.group()
def mutants() -> None:
    """Build problems from real crates: Debian's sources, cut down and broken."""


@mutants.command()
@click.option("--part", type=click.Choice(PARTS), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="F.jsonl")
@click.option("--limit", type=click.IntRange(min=1), help="At most N problems.")
@click.option(
    "--write-manifest", is_flag=True, help="Select the problems anew, and record their hashes."
)
@jobs_option
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
    report_counts(built.problems, out)


@mutants.command()
@click.option("--part", type=click.Choice(MANIFEST_PARTS), help="By default both.")
@click.option("--fresh", is_flag=True, help="Use nothing that was made before but the packages.")
@jobs_option
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


def report_counts(problems: Sequence[Problem], out: Path) -> None:
    """Say how many problems of each pattern were written to a file."""
    for pattern, count in sorted(Counter(problem.pattern for problem in problems).items()):
        click.echo(f"{count:5}  {pattern}")
    num_checked = sum(problem.check.kind != "compile" for problem in problems)
    click.echo(f"{len(problems):5}  in all, {num_checked} of them run, written to {out}")


def _open_workshop(jobs: int, *, allow_unconfined: bool) -> Workshop:
    os.nice(NICENESS)
    return Workshop(
        packages=cache_dir() / "mutants" / "crates",
        cache=cache_dir() / "mutants",
        sandbox=open_sandbox(allow_unconfined=allow_unconfined),
        jobs=jobs,
        on_crate=_report_crate,
    )


def _report_crate(crate: Crate, count: int) -> None:
    click.echo(f"{crate.name} {crate.version}: {count} mutants", err=True)
