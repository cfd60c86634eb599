"""Folders outside a cargo workspace that it cannot be built without."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sleepy_coder.workspace import is_copied

_MANIFEST = "Cargo.toml"
_KINDS = ("dependencies", "dev-dependencies", "build-dependencies")


def folders_outside(root: Path) -> list[Path]:
    """Return the workspaces and packages that path dependencies lead to, and theirs in turn.

    Each once, none in another, `root` itself among them or in one of them. A path that is absolute,
    or leads nowhere, is left to cargo to complain about.

    Args:
        root: The workspace's folder, without symbolic links.
    """
    found, queue = [root], [root]
    while queue:
        for manifest in _manifests(queue.pop()):
            for path in _paths(read_manifest(manifest)):
                target = (manifest.parent / path).resolve()
                is_known = any(target.is_relative_to(folder) for folder in found)
                if not is_known and (target / _MANIFEST).is_file():
                    whole = _whole(target)
                    found = [f for f in found if not f.is_relative_to(whole)] + [whole]
                    queue.append(whole)
    return found


def read_manifest(path: Path) -> dict[str, Any]:
    """Return a Cargo.toml; empty where there is none that can be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _manifests(root: Path) -> Iterator[Path]:
    """Yield the manifests of all packages in a folder."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if is_copied(Path(folder, name), root)]
        if _MANIFEST in names:
            yield Path(folder, _MANIFEST)


def _paths(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield what is written as the paths of dependencies and of members."""
    workspace = _table(manifest, "workspace")
    targets = _table(manifest, "target").values()
    tables = [_table(t, kind) for t in (manifest, workspace, *targets) for kind in _KINDS]
    tables += [_table(manifest, "replace"), *_table(manifest, "patch").values()]
    for table in tables:
        for entry in table.values() if isinstance(table, dict) else ():
            if isinstance(entry, dict) and isinstance(path := entry.get("path"), str):
                yield path
    yield from (path for path in workspace.get("members", ()) if str(path).startswith(".."))


def _table(manifest: Any, name: str) -> dict[str, Any]:
    found = manifest.get(name) if isinstance(manifest, dict) else None
    return found if isinstance(found, dict) else {}


def _whole(package: Path) -> Path:
    """Return the workspace that a package belongs to; by itself, the package."""
    for folder in (package, *package.parents):
        if "workspace" in read_manifest(folder / _MANIFEST):
            return folder
    return package
