"""A learned subspace on disk: the manifest, `basis.safetensors`, `coefficients/TASK.safetensors`.

The manifest names every file with its SHA-256; a store is what its manifest lists and nothing else.
Saving fills a sibling directory, flushes it and exchanges the names, so a reader sees the old store
or the new one. Tensors are memory-mapped by the reader; a store that is replaced later stays valid
for who has it open. `moments.safetensors` (what merging needs to know) is optional. No path but
relative ones is written, and nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from sleepy_coder.errors import StoreError
from sleepy_coder.share.files import (
    PICKLE_SUFFIXES,
    DirectoryKind,
    check_finite,
    check_task_name,
    read_json,
    replaced_directory,
    sha256_of,
)
from sleepy_coder.share.manifest import (
    BASIS_FILE,
    MANIFEST_FILE,
    MOMENTS_FILE,
    Store,
    check_manifest,
    render_manifest,
    task_file,
)
from sleepy_coder.share.subspace import (
    ModuleBasis,
    ModuleCoefficients,
    ModuleMoments,
    SideMoments,
    Subspace,
)
from sleepy_coder.share.tasks import add_columns, columns_beyond

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    from sleepy_coder.share.subspace import TaskCoefficients

STORE = DirectoryKind(
    "a store",
    MANIFEST_FILE,
    (MANIFEST_FILE, BASIS_FILE, MOMENTS_FILE, task_file("*")),
)
_FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_ATTEMPTS = 20  # a reader tries again when a writer replaced the store under it


def save_store(store: Store, path: Path | str) -> None:
    """Write a store; it replaces what was at `path` at once, or leaves it as it was.

    Raises:
        StoreError: A task's name cannot be a file name, differs from another only in case, or a
            text in the manifest has an absolute path; a coefficient is not finite; something that
            is not a store is at `path`.
    """
    subspace = store.subspace
    for name, task in subspace.tasks.items():
        for module, entry in task.items():
            where = f"task {name}, module {module}"
            check_finite({f"{where}, B": entry.coef_b, f"{where}, A": entry.coef_a})
    folded = [check_task_name(name).casefold() for name in subspace.tasks]
    if len(set(folded)) != len(folded):
        raise StoreError("two task names differ only in case; some file systems cannot hold both")
    with replaced_directory(Path(path), STORE) as directory:
        save_file(_basis_tensors(subspace), directory / BASIS_FILE)
        if subspace.moments:
            save_file(_moment_tensors(subspace.moments), directory / MOMENTS_FILE)
        (directory / "coefficients").mkdir()
        written = written_tasks(store)
        for name, task in written.items():
            save_file(_task_tensors(task, subspace.bases), directory / task_file(name))
        files = {
            file.relative_to(directory).as_posix(): sha256_of(file)
            for file in sorted(directory.rglob("*.safetensors"))
        }
        short = [name for name, task in written.items() if task is not subspace.tasks[name]]
        text = json.dumps(render_manifest(store, files, short), indent=1, allow_nan=False)
        (directory / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")


def written_tasks(store: Store) -> dict[str, TaskCoefficients]:
    """Return what is written of each task: all, or what stands behind the common columns."""
    written = dict(store.subspace.tasks)
    common = written.get(store.common)
    for name, task in store.subspace.tasks.items():
        if common is None or name == store.common:
            continue
        own = columns_beyond(task, common)
        if own is not None:
            written[name] = own
    return written


@contextlib.contextmanager
def exclusive(path: Path | str) -> Iterator[None]:
    """Let nobody else who asks for it read and write the store at `path` in between; may wait.

    The lock is a hidden file beside the store, which stays. Reading alone needs none.

    Raises:
        StoreError: The lock cannot be made there.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - as it is replaced
    # Whoever may write the folder may lock it.
    lock = FileLock(path.with_name(f".{path.name}.lock"), mode=0o666)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def require_store(path: Path | str) -> None:
    """Refuse a place where no store is.

    Raises:
        StoreError: It has no manifest.
    """
    if not (Path(path) / MANIFEST_FILE).is_file():
        raise StoreError(f"{path} is not a store: it has no {MANIFEST_FILE}")


def load_store(path: Path | str) -> Store:
    """Return the store at `path`, every file verified against the manifest's hashes.

    Raises:
        StoreError: The store is missing, incomplete, changed, malformed, of a newer version, or
            holds non-finite values, symbolic links or pickles.
    """
    path = Path(path)
    for _ in range(_ATTEMPTS):
        before = _identity(path)
        try:
            store = _load(path)
        except StoreError:
            if _identity(path) == before:
                raise
            continue
        if _identity(path) == before:  # else files of two stores may have been read
            return store
    raise StoreError(f"{path} was replaced again and again while it was read; try later")


def _load(path: Path) -> Store:
    """Read a store once."""
    for entry in path.rglob("*"):
        if entry.is_symlink():
            raise StoreError(f"{entry.name} is a symbolic link; a store holds plain files only")
        if entry.suffix in PICKLE_SUFFIXES:
            raise StoreError(f"{entry.name} is a pickle, which can run code; a store has none")
    manifest = check_manifest(read_json(path / MANIFEST_FILE))
    for name, expected in manifest["files"].items():
        _check_file(path, name, expected)
    bases = _read_bases(path, manifest)
    tasks = {name: _read_task(path, name, bases) for name in manifest["tasks"]}
    for name in manifest["short"]:
        tasks[name] = add_columns(tasks[manifest["common"]], tasks[name])
    moments = _read_moments(path, bases) if MOMENTS_FILE in manifest["files"] else None
    subspace = Subspace(bases, tasks, moments, manifest["objective"], manifest["is_centered"])
    if manifest["pseudo_rank"] != subspace.pseudo_rank:
        raise StoreError(
            f"{MANIFEST_FILE}: pseudo_rank is {manifest['pseudo_rank']}, the widest task has "
            f"{subspace.pseudo_rank}"
        )
    return Store(
        subspace=subspace,
        base_model=manifest["base_model"],
        provenance=manifest["tasks"],
        common=manifest["common"],
        sha256=sha256_of(path / MANIFEST_FILE),
    )


def _check_file(path: Path, name: str, expected: Any) -> None:
    """Raise StoreError unless a listed file is there and has the listed hash."""
    try:
        got = sha256_of(path / name)
    except OSError as error:
        raise StoreError(f"{name}: {error.strerror}, though the manifest lists it") from None
    if got != expected:
        raise StoreError(f"{name}: its SHA-256 differs from the manifest's; restore the file")


def _identity(path: Path) -> tuple[int, int, int]:
    """Return what changes whenever another directory is put in this place."""
    try:
        status = path.stat()
    except OSError as error:
        raise StoreError(f"{path} is not a store: {error.strerror}") from None
    return status.st_dev, status.st_ino, status.st_ctime_ns


def _basis_tensors(subspace: Subspace) -> dict[str, Tensor]:
    return {
        f"{name}.{side}": tensor.detach().cpu().contiguous()
        for name, basis in subspace.bases.items()
        for side, tensor in (("basis_a", basis.basis_a), ("basis_b", basis.basis_b))
    }


def _task_tensors(task: TaskCoefficients, modules: Iterable[str]) -> dict[str, Tensor]:
    """Return a task as three tensors: named one by one, its many small ones were mostly names."""
    widths = [task[name].coef_a.shape[1] if name in task else 0 for name in modules]
    own = [task[name] for name in modules if name in task]
    return {
        "widths": torch.tensor(widths, dtype=torch.int16),
        "coef_a": _flat([coef.coef_a for coef in own]),
        "coef_b": _flat([coef.coef_b for coef in own]),
    }


def _flat(matrices: Sequence[Tensor]) -> Tensor:
    """Return the numbers of matrices one after another, each row by row."""
    flat = [matrix.detach().cpu().reshape(-1) for matrix in matrices]
    return torch.cat(flat) if flat else torch.zeros(0)


def _moment_tensors(moments: Mapping[str, ModuleMoments]) -> dict[str, Tensor]:
    tensors = {}
    for name, module in moments.items():
        for side, known in (("a", module.a), ("b", module.b)):
            tensors[f"{name}.{side}.gram"] = known.gram.detach().cpu().contiguous()
            tensors[f"{name}.{side}.total"] = known.total.detach().cpu().contiguous()
            tensors[f"{name}.{side}.count"] = torch.tensor(known.count)
            tensors[f"{name}.{side}.energy"] = torch.tensor(known.energy, dtype=torch.float64)
    return tensors


def _read_bases(path: Path, manifest: Mapping[str, Any]) -> dict[str, ModuleBasis]:
    """Return the bases, shapes checked against the manifest's components."""
    tensors = _read(path, BASIS_FILE)
    modules = manifest["target_modules"]
    if set(tensors) != {f"{name}.{side}" for name in modules for side in ("basis_a", "basis_b")}:
        raise StoreError(f"{BASIS_FILE}: its tensors are not those of target_modules")
    bases = {}
    for name in modules:
        basis = ModuleBasis(basis_b=tensors[f"{name}.basis_b"], basis_a=tensors[f"{name}.basis_a"])
        for side, tensor in (("a", basis.basis_a), ("b", basis.basis_b)):
            listed = manifest["components"].get(name)
            components = listed.get(side) if isinstance(listed, dict) else None
            if tensor.ndim != 2 or tensor.shape[1] != components:  # noqa: PLR2004 - a matrix
                raise StoreError(
                    f"{BASIS_FILE}: basis_{side} of {name} has shape {tuple(tensor.shape)}, the "
                    f"manifest says {components!r} components"
                )
            if tensor.shape[1] > tensor.shape[0]:
                raise StoreError(f"{BASIS_FILE}: basis_{side} of {name} has more columns than rows")
        bases[name] = basis
    return bases


def _read_task(path: Path, name: str, bases: Mapping[str, ModuleBasis]) -> TaskCoefficients:
    """Return one task's coefficients, sizes checked against the bases."""
    file = task_file(name)
    tensors = _read(path, file, (*_FLOATING, torch.int16))
    if set(tensors) != {"widths", "coef_a", "coef_b"} or any(t.ndim != 1 for t in tensors.values()):
        raise StoreError(f"{file}: expected the vectors widths, coef_a and coef_b")
    widths = tensors["widths"].tolist()
    if (
        tensors["widths"].dtype != torch.int16
        or len(widths) != len(bases)
        or min(widths, default=0) < 0
    ):
        raise StoreError(f"{file}: expected widths to be int16, one a module, none negative")
    own = {module: p for module, p in zip(bases, widths, strict=True) if p}
    components = {
        "coef_a": [bases[module].basis_a.shape[1] for module in own],
        "coef_b": [bases[module].basis_b.shape[1] for module in own],
    }
    sides = []
    for side, ks in components.items():
        sizes = [k * p for k, p in zip(ks, own.values(), strict=True)]
        values = tensors[side]
        if len(values) != sum(sizes) or not values.dtype.is_floating_point:
            raise StoreError(f"{file}: {side} has {len(values)} numbers, expected {sum(sizes)}")
        parts = zip(torch.split(values, sizes), ks, own.values(), strict=True)
        sides.append([part.view(k, p) for part, k, p in parts])  # k is 0 for a factor of zeros
    return {
        module: ModuleCoefficients(coef_b=coef_b, coef_a=coef_a)
        for module, coef_a, coef_b in zip(own, *sides, strict=True)
    }


def _read_moments(path: Path, bases: Mapping[str, ModuleBasis]) -> dict[str, ModuleMoments]:
    """Return the moments, checked against the bases and for what no columns could have."""
    tensors = _read(path, MOMENTS_FILE, tuple(set(_MOMENT_DTYPES.values())))
    moments = {}
    for name, basis in bases.items():
        if f"{name}.a.gram" not in tensors:
            continue
        sides = []
        for side, k in (("b", basis.basis_b.shape[1]), ("a", basis.basis_a.shape[1])):
            where = f"{MOMENTS_FILE}: side {side} of {name}"
            parts = {part: tensors.pop(f"{name}.{side}.{part}", None) for part in _MOMENT_DTYPES}
            shapes = [None if part is None else tuple(part.shape) for part in parts.values()]
            if shapes != [(k, k), (k,), (), ()]:
                raise StoreError(f"{where} has shapes {shapes}")
            given = {key: part for key, part in parts.items() if part is not None}
            dtypes = {key: part.dtype for key, part in given.items()}
            if dtypes != _MOMENT_DTYPES:
                raise StoreError(f"{where} has dtypes {list(dtypes.values())}")
            count, energy = int(given["count"].item()), float(given["energy"].item())
            known = SideMoments(given["gram"], given["total"], count, energy)
            _check_side_moments(known, where)
            sides.append(known)
        moments[name] = ModuleMoments(b=sides[0], a=sides[1])
    if tensors:
        raise StoreError(f"{MOMENTS_FILE}: {min(tensors)[:120]!r} is no moment of a module")
    return moments


def _check_side_moments(known: SideMoments, where: str) -> None:
    """Raise StoreError unless some set of columns could have these moments, up to rounding."""
    gram, trace = known.gram, float(known.gram.trace())
    slack = _MOMENT_ROUNDING * (abs(trace) or 1.0)
    if bool(((gram - gram.T).abs() > slack).any()):
        raise StoreError(f"{where}: its Gram matrix is not symmetric")
    shifted = gram + slack * torch.eye(len(gram), dtype=gram.dtype)
    if int(torch.linalg.cholesky_ex(shifted).info) != 0:
        raise StoreError(f"{where}: its Gram matrix has a negative eigenvalue")
    if known.count < 0:
        raise StoreError(f"{where}: count is {known.count}, expected at least 0")
    if known.energy < trace - slack:
        raise StoreError(f"{where}: energy is {known.energy:.6g}, expected at least {trace:.6g}")


_MOMENT_DTYPES = {
    "gram": torch.float64,
    "total": torch.float64,
    "count": torch.int64,
    "energy": torch.float64,
}
_MOMENT_ROUNDING = 1e-9  # of the trace: sums of many rotated float64 matrices stay well below


def _read(path: Path, name: str, dtypes: tuple[torch.dtype, ...] = _FLOATING) -> dict[str, Tensor]:
    """Return a file's tensors, memory-mapped, all finite and of an expected dtype."""
    try:
        with safe_open(path / name, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - its API
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise StoreError(f"{name}: not a valid safetensors file: {str(error)[:200]}") from None
    for key, tensor in tensors.items():
        if tensor.dtype not in dtypes:
            raise StoreError(f"{name}: {key} has dtype {tensor.dtype}, expected floating point")
        if not bool(torch.isfinite(tensor).all()):
            raise StoreError(f"{name}: {key} has non-finite values")
    return tensors
