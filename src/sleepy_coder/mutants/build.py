"""Build the train, gate and transfer sets from pinned crates; compare them with a manifest."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from sleepy_coder.errors import InputError
from sleepy_coder.mutants.crates import PARTS, Crate, Part, Recipe
from sleepy_coder.mutants.harvest import Candidate, harvest_crate
from sleepy_coder.mutants.selection import Fingerprint, select_problems, select_recorded
from sleepy_coder.problems import Problem, save_lines
from sleepy_coder.sandbox import Sandbox

# A part gives way to those before it: what is in transfer is in no other set.
_PRECEDENCE: tuple[Part, ...] = ("transfer", "gate", "train")
# What a manifest keeps; training pairs may change, the sets that numbers rest on may not.
MANIFEST_PARTS: tuple[Part, ...] = ("gate", "transfer")


@dataclass(frozen=True)
class Built:
    """A part's problems with their fingerprints, in the same order."""

    problems: tuple[Problem, ...]
    fingerprints: tuple[Fingerprint, ...]


@dataclass(frozen=True)
class Workshop:
    """What building needs besides the recipe.

    Attributes:
        packages: Folder of unpacked packages.
        cache: Folder of what was harvested before; an empty one makes everything anew.
        jobs: Crates worked on at a time.
        on_crate: Called with each crate that is done and its number of mutants.
    """

    packages: Path
    cache: Path
    sandbox: Sandbox
    jobs: int = 2
    on_crate: Callable[[Crate, int], None] = lambda _crate, _count: None


def build_part(
    recipe: Recipe,
    part: Part,
    workshop: Workshop,
    *,
    manifest: Sequence[Fingerprint],
    is_new: bool = False,
    limit: int | None = None,
) -> Built:
    """Return the problems of a part; the same recipe and rustc give the same problems.

    Where the manifest has the part, its problems are built again; otherwise they are selected.

    Args:
        recipe: Crates, limits and seed.
        part: Which crates.
        workshop: Where to work.
        manifest: What is recorded of the gate and transfer sets.
        is_new: Select anew, whatever the manifest has of the part.
        limit: At most so many problems; by default the recipe's number.

    Raises:
        InputError: The manifest lacks a part that this one must not meet.
    """
    limits = recipe.parts[part]
    taken = fingerprints_before(part, manifest)

    def harvest(crate: Crate) -> list[Candidate]:
        found = harvest_crate(
            crate,
            limits,
            recipe.seed,
            packages=workshop.packages,
            cache=workshop.cache,
            sandbox=workshop.sandbox,
        )
        workshop.on_crate(crate, len(found))
        return found

    with ThreadPoolExecutor(workshop.jobs) as pool:
        harvests = list(pool.map(harvest, recipe.crates_of(part)))
    candidates = [candidate for harvested in harvests for candidate in harvested]
    if not is_new and any(print_.part == part for print_ in manifest):
        chosen = select_recorded(candidates, part, manifest)[:limit]
    else:
        wanted = limits if limit is None else replace(limits, problems=limit)
        chosen = select_problems(candidates, part, wanted, taken)
    return Built(tuple(p for p, _ in chosen), tuple(f for _, f in chosen))


def fingerprints_before(part: Part, manifest: Iterable[Fingerprint]) -> list[Fingerprint]:
    """Return the fingerprints of the parts that `part` must give way to.

    Raises:
        InputError: One of those parts is not in the manifest.
    """
    known = list(manifest)
    before = _PRECEDENCE[: _PRECEDENCE.index(part)]
    missing = set(before) - {print_.part for print_ in known}
    if missing:
        raise InputError(
            f"the manifest has no problem of {', '.join(sorted(missing))}, expected some before "
            f"{part} is built; run sleepy mutants build --write-manifest for them first"
        )
    return [print_ for print_ in known if print_.part in before]


def load_manifest(path: Path) -> list[Fingerprint]:
    """Return the fingerprints in a manifest; none where there is no such file.

    Raises:
        InputError: A line is not a fingerprint.
    """
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [
        _parse_fingerprint(line, f"{path}:{number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def save_manifest(path: Path, part: Part, fingerprints: Sequence[Fingerprint]) -> None:
    """Put a part's fingerprints in place of those that a manifest has of it."""
    kept = [print_ for print_ in load_manifest(path) if print_.part != part]
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = sorted([*kept, *fingerprints], key=lambda print_: print_.id)
    save_lines((dataclasses.asdict(print_) for print_ in rows), path)


def compare_with_manifest(
    part: Part, built: Sequence[Fingerprint], manifest: Iterable[Fingerprint]
) -> list[str]:
    """Return one sentence for each problem that is missing, new or different; none if all agree."""
    recorded = {print_.id: print_ for print_ in manifest if print_.part == part}
    rebuilt = {print_.id: print_ for print_ in built}
    return [
        *(f"{name} is in the manifest and was not built" for name in recorded.keys() - rebuilt),
        *(f"{name} was built and is not in the manifest" for name in rebuilt.keys() - recorded),
        *(
            f"{name} has another pattern or hash than in the manifest"
            for name in recorded.keys() & rebuilt
            if recorded[name] != rebuilt[name]
        ),
    ]


def _parse_fingerprint(line: str, where: str) -> Fingerprint:
    try:
        raw = json.loads(line)
        content, shape = tuple(raw.pop("content")), tuple(raw.pop("shape"))
        found = Fingerprint(**raw, content=content, shape=shape)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: got {error}, expected a fingerprint as JSON") from error
    if found.part not in PARTS:
        raise InputError(f"{where}: field part: got {found.part!r}, expected one of {PARTS}")
    return found
