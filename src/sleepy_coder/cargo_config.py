"""What cargo's configuration outside a workspace says of how that is built.

Cargo reads `.cargo/config.toml` in every folder above the workspace, and in its own home. In the
sandbox neither is there, nor is the user's environment. What decides what is compiled is handed on
as options, the environment's target and flags for rustc too (but where the workspace itself sets
flags of a target, they hold before them, other than with cargo); credentials, wrappers, what is for
the linker, and places to write to are not.
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
_FLAGS = "rustflags"
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
    own = _entries(_read(root / ".cargo"))
    found: dict[_Key, Any] = {}
    folders: list[Path] = []
    places = [folder / ".cargo" for folder in root.parents]
    home = host_cargo_home()
    for place in [*([] if home in places else [home]), *reversed(places)]:  # the nearest one last
        for key, value in _entries(_read(place)).items():
            is_added = key[-1] == _FLAGS or isinstance(value, list)
            if key in own and not (is_added and isinstance(own[key], list)):
                continue
            if is_added:
                words = _without_linking(value) if key[-1] == _FLAGS else value
                found[key] = [*found.get(key, []), *words]
            elif key[0] == "source" and key[-1] in _FOLDERS and isinstance(value, str):
                folder = Path(os.path.normpath(place.parent / value))
                folders += [folder] if folder.is_dir() and not folder.is_relative_to(root) else []
                found[key] = os.path.relpath(folder, root)
            else:
                found[key] = value
    if isinstance(own.get(("build", _FLAGS), []), list):  # else cargo cannot join them
        if (words := _flags_of_environment()) is not None:  # in the place of all others
            found = {key: value for key, value in found.items() if key[-1] != _FLAGS}
            found["build", _FLAGS] = _without_linking(words)
        elif added := os.environ.get("CARGO_BUILD_RUSTFLAGS"):
            known = found.get(("build", _FLAGS), [])
            found["build", _FLAGS] = [*known, *_without_linking(added)]
    if target := os.environ.get("CARGO_BUILD_TARGET"):  # which the workspace's own gives way to
        found["build", "target"] = target
    options = (f"{'.'.join(map(_toml, key))}={_toml(value)}" for key, value in found.items())
    return OuterConfig(tuple(options), tuple(dict.fromkeys(folders)))


def _flags_of_environment() -> list[str] | None:
    """Return rustc's flags that the user's environment has in place of others; None for none."""
    if (encoded := os.environ.get("CARGO_ENCODED_RUSTFLAGS")) is not None:
        return encoded.split("\x1f") if encoded else []
    flags = os.environ.get("RUSTFLAGS")
    return None if flags is None else flags.split()


def _without_linking(flags: Any) -> list[str]:
    """Return rustc's flags but for those that are for the linker, which may be another one here."""
    words = flags.split() if isinstance(flags, str) else flags if isinstance(flags, list) else []
    kept: list[str] = []
    rest = iter(str(word) for word in words)
    for word in rest:
        options = [word, next(rest, "")] if word in ("-C", "--codegen") else [word]
        is_codegen = word.startswith(("-C", "--codegen"))
        name = options[-1].removeprefix("-C").removeprefix("--codegen=")
        kept += [] if is_codegen and name.startswith("link") else options
    return kept


def _read(folder: Path) -> dict[str, Any]:
    """Return a folder's configuration; empty where there is none that can be read."""
    read = (read_manifest(folder / name) for name in _NAMES)
    return next((config for config in read if config), {})


def _entries(config: Mapping[str, Any]) -> dict[_Key, Any]:
    """Return the entries of a configuration that are handed on."""
    every = dict(_leaves(config))
    return {
        key: value
        for key, value in every.items()
        if any(_is_of(key, kept) for kept in _KEPT)
        if every.get((*key[:-1], "relative")) is not True  # to what is not there
    }


def _leaves(table: Any) -> Iterator[tuple[_Key, Any]]:
    """Yield what a table holds by its keys, as cargo takes no table for an option's value."""
    if not isinstance(table, dict):
        yield (), table
        return
    for name, value in table.items():
        yield from (((name, *rest), found) for rest, found in _leaves(value))


def _is_of(key: _Key, kept: _Key) -> bool:
    """Whether a key is one that is kept, or lies below it."""
    pairs = zip(key, kept, strict=False)
    return len(key) >= len(kept) and all(wanted in ("*", name) for name, wanted in pairs)


def _toml(value: Any) -> str:
    """Return a name, a value or a list as TOML writes it in one line."""
    return json.dumps(value, ensure_ascii=False, default=str)
