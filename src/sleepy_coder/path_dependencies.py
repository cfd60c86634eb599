"""What a cargo workspace is built from outside its own folder: packages of path dependencies."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "Cargo.toml"
_KINDS = ("dependencies", "dev-dependencies", "build-dependencies")


@dataclass(frozen=True)
class Surroundings:
    """What a workspace is built from.

    Attributes:
        folders: Its own, and those of the packages outside it; none lies in another.
        manifests: Of workspaces that these packages belong to: they may inherit from them.
    """

    folders: tuple[Path, ...]
    manifests: tuple[Path, ...] = ()


def find_surroundings(root: Path) -> Surroundings:
    """Follow the path dependencies of a workspace's members, and theirs in turn.

    One that leads nowhere is left to cargo to complain about, and so is an absolute one, which
    would lead nowhere in the sandbox.
    """
    packages, manifests = [root, *members(root)], set[Path]()
    for package in packages:  # it grows
        found = list(_dependencies(package))
        owner = None if package.is_relative_to(root) else _workspace_manifest(package)
        if owner is not None:
            manifests.add(owner)
            found += _inherited(owner)
        packages += [each for each in found if each not in packages]
    outside = [package for package in packages if not package.is_relative_to(root)]
    return Surroundings(tuple(outermost([root, *outside])), tuple(sorted(manifests)))


def outermost(folders: Iterable[Path]) -> list[Path]:
    """Return the folders that lie in none of the others, sorted."""
    every = set(folders)
    return sorted(folder for folder in every if every.isdisjoint(folder.parents))


def read_manifest(path: Path) -> dict[str, Any]:
    """Return a Cargo.toml; empty where there is none that can be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def members(root: Path, key: str = "members") -> Iterator[Path]:
    """Yield the folders of the packages that a workspace names as its members.

    Args:
        root: Folder of the workspace's Cargo.toml.
        key: Which of its lists: "members" or "default-members".
    """
    patterns = _table(read_manifest(root / MANIFEST), "workspace").get(key)
    for pattern in map(os.path.normpath, _texts(patterns)):
        try:
            places = [root] if pattern == "." else sorted(root.glob(pattern))
        except (NotImplementedError, ValueError):  # absolute, or no pattern
            continue
        for place in places:
            yield from _packages(place, ".")


def _dependencies(package: Path) -> Iterator[Path]:
    """Yield the folders of a package's path dependencies."""
    manifest = read_manifest(package / MANIFEST)
    workspace, targets = _table(manifest, "workspace"), _table(manifest, "target")
    sources = (manifest, workspace, *targets.values())
    tables = [_table(source, kind) for source in sources for kind in _KINDS]
    tables += [_table(manifest, "replace")]
    tables += [_table(manifest["patch"], name) for name in _table(manifest, "patch")]
    entries = (entry for table in tables for entry in table.values())
    for path in _texts(entry.get("path") for entry in entries if isinstance(entry, dict)):
        yield from _packages(package, path)


def _inherited(owner: Path) -> Iterator[Path]:
    """Yield what members of a workspace may inherit as dependencies, and its own package."""
    yield from _dependencies(owner.parent)
    if "package" in read_manifest(owner):  # cargo reads that, too
        yield owner.parent


def _packages(folder: Path, path: str) -> Iterator[Path]:
    """Yield the folder that a relative path leads to, if it holds a package."""
    found = Path(os.path.normpath(folder / path))
    try:
        if not Path(path).is_absolute() and (found / MANIFEST).is_file():
            yield found
    except (OSError, ValueError):
        return


def _workspace_manifest(package: Path) -> Path | None:
    """Return the Cargo.toml of the workspace around a package that is in another one."""
    owner = _table(read_manifest(package / MANIFEST), "package").get("workspace")
    if isinstance(owner, str):
        found = Path(os.path.normpath(package / owner / MANIFEST))
        return found if read_manifest(found) else None
    manifests = (folder / MANIFEST for folder in (package, *package.parents))
    return next((each for each in manifests if "workspace" in read_manifest(each)), None)


def _texts(values: Any) -> Iterator[str]:
    """Yield the texts in what should be a list of them; a manifest may hold anything."""
    yield from (v for v in (values if isinstance(values, Iterable) else ()) if isinstance(v, str))


def _table(manifest: Any, name: str) -> dict[str, Any]:
    found = manifest.get(name) if isinstance(manifest, dict) else None
    return found if isinstance(found, dict) else {}
