"""What a store says of itself: `manifest.json`, its fields and their check."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sleepy_coder.errors import StoreError
from sleepy_coder.share.files import check_task_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sleepy_coder.share.subspace import Subspace

SCHEMA_VERSION = 3
_WITHOUT_COMMON = 2  # the version before, whose stores are read too
MANIFEST_FILE = "manifest.json"
BASIS_FILE = "basis.safetensors"
MOMENTS_FILE = "moments.safetensors"
_KEYS = {
    "schema_version": int,
    "base_model": str,
    "target_modules": list,
    "components": dict,
    "pseudo_rank": int,
    "objective": str,
    "is_centered": bool,
    "tasks": dict,
    "common": str,
    "short": list,
    "files": dict,
}
# A text that begins like one, a file: URL, or a word further on that has a second separator in it.
_ABSOLUTE = re.compile(
    r"""^[/\\~] | ^[A-Za-z]:[/\\] | \bfile:/ | \w:///
    | (?<![\w./\\-]) (?: /[^\s/]+/ | ~\w*/ | [A-Za-z]:[/\\] | \\\\\w )""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Store:
    """A subspace and what its manifest says of it.

    Attributes:
        subspace: Bases, tasks and moments; tensors are memory-mapped when loaded, but for tasks
            that begin with common columns.
        base_model: Name of the model that the bases were made for, or empty.
        provenance: By task name, where it came from; JSON values, no absolute paths.
        common: Name of the task whose columns others begin with, or empty: of such tasks only what
            stands behind these is written.
        sha256: Of the manifest, which fixes every other file; empty when not loaded from disk.
    """

    subspace: Subspace
    base_model: str = ""
    provenance: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    common: str = ""
    sha256: str = ""


def task_file(name: str) -> str:
    """Return the relative path of a task's coefficients."""
    return f"coefficients/{name}.safetensors"


def render_manifest(
    store: Store, files: Mapping[str, str], short: Collection[str]
) -> dict[str, Any]:
    """Return what `manifest.json` says.

    Args:
        store: What is written.
        files: The SHA-256 of each file by relative path.
        short: The tasks of which only what stands behind the common columns is written.

    Raises:
        StoreError: A text in it has an absolute path.
    """
    subspace = store.subspace
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "base_model": store.base_model,
        "target_modules": list(subspace.bases),
        "components": {
            name: {"a": basis.basis_a.shape[1], "b": basis.basis_b.shape[1]}
            for name, basis in subspace.bases.items()
        },
        "pseudo_rank": subspace.pseudo_rank,
        "objective": subspace.objective,
        "is_centered": subspace.is_centered,
        "tasks": {name: dict(store.provenance.get(name, {})) for name in subspace.tasks},
        "common": store.common if store.common in subspace.tasks else "",
        "short": sorted(short),
        "files": dict(files),
    }
    _refuse_absolute_paths(manifest)
    return manifest


def _refuse_absolute_paths(value: Any) -> None:
    """Raise StoreError for a text anywhere inside, keys too, that has an absolute path in it."""
    if isinstance(value, str) and _ABSOLUTE.search(value):
        raise StoreError(f"{value!r} has an absolute path, which no store may hold; give a name")
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_absolute_paths(key)
            _refuse_absolute_paths(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_absolute_paths(item)


def check_manifest(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest whose fields have the right types and name no file outside the store.

    Raises:
        StoreError: It is of another version, malformed, or lists other files than a store has.
    """
    version = manifest.get("schema_version")
    if type(version) is int and version == _WITHOUT_COMMON:
        manifest = {**manifest, "common": "", "short": []}
    elif version != SCHEMA_VERSION:
        raise StoreError(
            f"{MANIFEST_FILE}: schema_version is {str(version)[:50]!r}, this program reads "
            f"{_WITHOUT_COMMON} and {SCHEMA_VERSION}; use the version of sleepy-coder that wrote "
            "the store"
        )
    if set(manifest) != set(_KEYS):
        odd = sorted(set(manifest) ^ set(_KEYS))
        raise StoreError(f"{MANIFEST_FILE}: fields missing or unknown: {', '.join(odd)[:200]}")
    for key, kind in _KEYS.items():
        if type(manifest[key]) is not kind:
            raise StoreError(f"{MANIFEST_FILE}: {key} must be a JSON {kind.__name__}")
    _check_fields(manifest)
    required = {BASIS_FILE, *map(task_file, manifest["tasks"])}
    listed = set(manifest["files"])
    if not required <= listed <= required | {MOMENTS_FILE}:
        odd = sorted(required - listed) or sorted(listed - required)
        raise StoreError(f"{MANIFEST_FILE}: files lack or wrongly list {odd[0][:120]!r}")
    return manifest


def _check_fields(manifest: Mapping[str, Any]) -> None:
    """Raise StoreError unless names, components, objective and tasks make sense together."""
    modules = manifest["target_modules"]
    if any(not isinstance(name, str) for name in modules) or len(set(modules)) != len(modules):
        raise StoreError(f"{MANIFEST_FILE}: target_modules must be distinct names")
    if set(manifest["components"]) != set(modules):
        raise StoreError(f"{MANIFEST_FILE}: components must be those of target_modules")
    if manifest["objective"] not in ("factors", "product"):
        raise StoreError(f"{MANIFEST_FILE}: objective must be 'factors' or 'product'")
    common, short = manifest["common"], manifest["short"]
    if common and common not in manifest["tasks"]:
        raise StoreError(f"{MANIFEST_FILE}: common must be one of the tasks, or empty")
    known = (isinstance(name, str) and name in manifest["tasks"] for name in short)
    if not all(known) or len(set(short)) != len(short) or common in short or (short and not common):
        raise StoreError(f"{MANIFEST_FILE}: short must name tasks that begin with the common one")
    for name, provenance in manifest["tasks"].items():
        check_task_name(name)
        if not isinstance(provenance, dict):
            raise StoreError(f"{MANIFEST_FILE}: provenance of task {name} must be an object")
