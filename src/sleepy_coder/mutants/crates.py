"""Which crates mutants are made of, and how their sources come to this machine.

Sources are Debian's `librust-*-dev` and `rust-src` packages, downloaded with apt and unpacked into
a cache folder; nothing is installed. Every package is pinned by version and by its file's SHA-256.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from sleepy_coder.errors import InputError, SleepyError

Part = Literal["train", "gate", "transfer"]
PARTS: tuple[Part, ...] = get_args(Part)
# Where a mutant comes from: a part's crates, or programs that the base model wrote.
Origin = Literal[Part, "written"]

_SKIPPED_FOLDERS = frozenset({"tests", "benches", "examples", "test", "bench"})
_SKIPPED_FILES = frozenset({"tests.rs", "test.rs", "main.rs", "build.rs"})
# Two crates may come from one package (`rust-src`): it is unpacked once.
_UNPACKING = threading.Lock()


@dataclass(frozen=True)
class Crate:
    """One crate's source.

    Attributes:
        name: Unique name, as manifests quote it.
        licence: SPDX expression from its Cargo.toml.
        package: Debian's package, with `version` and the SHA-256 of the .deb file.
        folder: Where its files are in the package; by default the one crate of the registry.
    """

    name: str
    part: Part
    licence: str
    package: str
    version: str
    sha256: str
    folder: str | None = None


@dataclass(frozen=True)
class ProblemLimits:
    """How many problems are chosen; more of one thing makes a set less diverse.

    Attributes:
        problems: In all.
        problems_per_program: Mutants of one program that are problems.
        problems_per_pattern: Problems of one pattern.
    """

    problems: int
    problems_per_program: int
    problems_per_pattern: int


@dataclass(frozen=True)
class PartLimits(ProblemLimits):
    """How many of everything one part may have.

    Attributes:
        files_per_crate: Source files of a crate that are tried.
        programs_per_file: Programs cut out of one of them.
        programs_per_crate: Programs cut out of a crate.
    """

    files_per_crate: int
    programs_per_file: int
    programs_per_crate: int


@dataclass(frozen=True)
class Recipe:
    """The configuration of mutants: what decides, with rustc, which problems come out."""

    seed: int
    crates: tuple[Crate, ...]
    parts: dict[Part, PartLimits]

    def crates_of(self, part: Part) -> list[Crate]:
        """Return the crates of one part, sorted by name."""
        return sorted((c for c in self.crates if c.part == part), key=lambda c: c.name)


def load_recipe(path: Path) -> Recipe:
    """Return the recipe in a TOML file.

    Raises:
        InputError: The file cannot be read, or a field is missing, unknown or double.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        recipe = Recipe(
            seed=raw["seed"],
            crates=tuple(Crate(**fields) for fields in raw["crates"]),
            parts={part: PartLimits(**raw["parts"][part]) for part in PARTS},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: got {error}, expected a recipe of mutants") from error
    names = [crate.name for crate in recipe.crates]
    double = {name for name in names if names.count(name) > 1}
    foreign = {str(crate.part) for crate in recipe.crates} - set(PARTS)
    if double or foreign:
        raise InputError(
            f"{path}: got {sorted(double | foreign)}, expected distinct names in {PARTS}"
        )
    return recipe


def fetch_crate(crate: Crate, cache: Path) -> Path:
    """Return the folder of the crate's source, downloaded and unpacked if it is not there yet.

    Args:
        crate: What to fetch.
        cache: A folder that is kept; it is made if missing.

    Raises:
        SleepyError: The package cannot be had here, or is not the one that is pinned.
    """
    place = cache / f"{crate.package}_{crate.version.replace(':', '%3a')}"
    with _UNPACKING:
        if not place.is_dir():
            _unpack(crate, place)
    if crate.folder is not None:
        return place / crate.folder
    return min((place / "usr/share/cargo/registry").iterdir())


def source_files(folder: Path) -> list[Path]:
    """Return a crate's library files, sorted; tests, benchmarks and examples are left out."""
    root = folder / "src" if (folder / "src").is_dir() else folder
    return [
        path
        for path in sorted(root.rglob("*.rs"))
        if path.name not in _SKIPPED_FILES
        and not _SKIPPED_FOLDERS.intersection(path.relative_to(root).parts)
    ]


def _unpack(crate: Crate, place: Path) -> None:
    """Download a package, compare it with its pin, and unpack it; all of it or nothing."""
    partial = place.with_name(f".{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _run(["apt-get", "download", "--quiet", f"{crate.package}={crate.version}"], partial)
    archive = next(partial.glob("*.deb"))
    got = hashlib.sha256(archive.read_bytes()).hexdigest()
    if got != crate.sha256:
        raise SleepyError(
            f"{archive.name}: got SHA-256 {got}, expected {crate.sha256}; mutants are pinned to "
            "the packages of Debian 12"
        )
    _run(["dpkg", "-x", archive.name, "unpacked"], partial)
    (partial / "unpacked").rename(place)
    shutil.rmtree(partial)


def _run(command: list[str], folder: Path) -> None:
    """Run apt or dpkg in a folder; what they say becomes the message if they fail."""
    if shutil.which(command[0]) is None:
        raise SleepyError(f"{command[0]} was not found; crate sources come from Debian's packages")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise SleepyError(
            f"{' '.join(command)} failed: {reason}; on Debian 12, run apt-get update first"
        )
