"""What cargo's configuration outside a workspace says of how that is built.

Cargo reads `.cargo/config.toml` in every folder above the workspace, and in its own home. In the
sandbox neither is there. What decides what is compiled is handed on as options; credentials,
wrappers, linkers and places to write to are not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sleepy_coder.path_dependencies import read_manifest
from sleepy_coder.sandbox import host_cargo_home

_NAMES = ("config", "config.toml")  # where there are both, cargo takes the first
# Keys that are handed on; a star is any name.
_KEPT = (
    ("build", "rustflags"),
    ("build", "target"),
    ("env", "*"),
    ("registries", "*", "index"),
    ("registry", "default"),
    ("source", "*", "*"),
    ("target", "*", "rustflags"),
)
_FOLDERS = ("directory", "local-registry")  # of a source, relative to the configuration's folder
_Key = tuple[str, ...]


@dataclass(frozen=True)
class OuterConfig:
    """What is configured outside a workspace.

    Attributes:
        options: As cargo takes them behind `--config`; paths are relative to the workspace.
        folders: Of vendored crates, outside the workspace.
    """

    options: tuple[str, ...]
    folders: tuple[Path, ...]


def read_outer_config(root: Path) -> OuterConfig:
    """Return what the configuration above a workspace, and in cargo's home, says.

    A list adds to the workspace's own; what that sets otherwise stays as it is there.
    """
    own = set(_entries(_read(root / ".cargo")))
    found: dict[_Key, Any] = {}
    folders: list[Path] = []
    places = [folder / ".cargo" for folder in root.parents]
    home = host_cargo_home()
    for place in [*([] if home in places else [home]), *reversed(places)]:  # the nearest one last
        for key, value in _entries(_read(place)).items():
            if key in own and not isinstance(value, list):
                continue
            if isinstance(value, list):
                found[key] = [*found.get(key, []), *value]
            elif key[0] == "source" and key[-1] in _FOLDERS and isinstance(value, str):
                folder = Path(os.path.normpath(place.parent / value))
                folders += [folder] if folder.is_dir() and not folder.is_relative_to(root) else []
                found[key] = os.path.relpath(folder, root)
            else:
                found[key] = value
    options = (f"{'.'.join(map(json.dumps, key))}={_toml(value)}" for key, value in found.items())
    return OuterConfig(tuple(options), tuple(dict.fromkeys(folders)))


def _read(folder: Path) -> dict[str, Any]:
    """Return a folder's configuration; empty where there is none that can be read."""
    path = next((folder / name for name in _NAMES if (folder / name).is_file()), None)
    return read_manifest(path) if path else {}


def _entries(config: Mapping[str, Any]) -> dict[_Key, Any]:
    """Return the entries of a configuration that are handed on."""
    return {
        key: value
        for kept in _KEPT
        for key, value in _matching(config, kept)
        if not (isinstance(value, dict) and value.get("relative"))  # to what is not there
    }


def _matching(table: Any, kept: _Key) -> Iterator[tuple[_Key, Any]]:
    if not kept:
        yield (), table
        return
    for name, value in table.items() if isinstance(table, dict) else ():
        if kept[0] in ("*", name):
            yield from (((name, *rest), found) for rest, found in _matching(value, kept[1:]))


def _toml(value: Any) -> str:
    """Return a value as TOML writes it in one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(k)} = {_toml(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, default=str)
