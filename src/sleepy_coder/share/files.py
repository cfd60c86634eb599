"""Reading what may be hostile and writing what must be whole: JSON, tensors, directories.

Covered: truncated safetensors and tensors outside their file, JSON with duplicate keys, huge
numbers or deep nesting, names that leave their directory, half-written directories. Nothing here
unpickles or executes. Not covered: a reader with less memory than a file that is honest about its
size.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import json
import math
import os
import re
import shutil
import sys
import tempfile
import weakref
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors import SafetensorError

from sleepy_coder.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor

MAX_JSON_BYTES = 64 << 20
MOST_OPEN = 128  # files kept open at a time; systems allow a process 256 and more
_KEPT: set[int] = set()
PICKLE_SUFFIXES = frozenset({".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"})
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "U8": torch.uint8,
}
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # Linux, include/uapi/linux/fs.h


def parse_json(text: bytes | str, where: str) -> dict[str, Any]:
    """Return the JSON object in `text`; `where` names it in errors.

    Raises:
        StoreError: It is malformed, nested too deeply, has a duplicate key or a non-finite number,
            or is no object.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise StoreError(f"{where}: not valid JSON: {reason[:200]}") from None
    if not isinstance(value, dict):
        raise StoreError(f"{where}: got a JSON {type(value).__name__}, expected an object")
    return value


def read_json(path: Path, where: str = "") -> dict[str, Any]:
    """Return the JSON object in a file of at most 64 MiB; `where` names it, or its own name does.

    Raises:
        StoreError: The file cannot be read, or see `parse_json`.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise StoreError(f"{where or path.name}: larger than {MAX_JSON_BYTES} bytes, refused")
        return parse_json(path.read_bytes(), where or path.name)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object, refusing a key that occurs twice."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has the same key twice")
    return result


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"non-finite number {constant}")


def check_task_name(name: str) -> str:
    """Return a task's name if it can be a file name on any system.

    Raises:
        StoreError: It cannot.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.endswith("."):
        raise StoreError(
            f"task name {str(name)[:120]!r} cannot be a file name: expected up to 100 letters, "
            "digits, '.', '_' or '-', beginning with a letter, digit or '_'; rename it"
        )
    return name


def check_finite(tensors: Mapping[str, torch.Tensor], dtype: torch.dtype | None = None) -> None:
    """Refuse to write values that are not finite, most often since the format is too short.

    Raises:
        StoreError: There are some.
    """
    for name, tensor in tensors.items():
        kind = dtype or tensor.dtype
        if not bool(torch.isfinite(tensor.to(kind)).all()):
            shown = str(kind).removeprefix("torch.")
            advice = "; take float32 or bfloat16" if kind == torch.float16 else ""
            raise StoreError(f"{name}: has values that {shown} cannot hold{advice}")


@dataclass(frozen=True)
class TensorEntry:
    """One tensor in a file: what it is, and its bytes' place from the file's beginning."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    size: int


@dataclass(frozen=True, eq=False)
class TensorHeader:
    """The tensors of a safetensors file by name, in the file's order.

    Files with equal headers share one object (as long as it is remembered), which compares by
    identity: a key for what else is derived from it.
    """

    entries: Mapping[str, TensorEntry]


class TensorFile:
    """A safetensors file read one tensor at a time.

    The header is checked when the file is opened. A tensor is read by a plain read, not mapped: the
    pages of a thousand mapped adapters would all count as this process's memory, and a file that
    shrinks while it is mapped kills the process. The first files stay open as long as they are
    needed: reading a module of many adapters would open each of them once more for every module.

    Raises:
        StoreError: The file cannot be read, or is no safetensors file of plain dense tensors.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                length = int.from_bytes(file.read(8), "little")
                if size < 8 or length > min(size - 8, MAX_JSON_BYTES):  # noqa: PLR2004 - the length field
                    raise StoreError(f"{path.name}: truncated or not a safetensors file")
                header = file.read(length)
                self._handle = _keep_open(self, file.fileno())
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from None
        try:
            self.header = _parse_header(header, size - 8 - length)
            self._entries = self.header.entries
        except StoreError as error:
            raise StoreError(f"{path.name}: {error}") from None

    def keys(self) -> list[str]:
        """Return the names of the tensors."""
        return list(self._entries)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a tensor's shape without reading it."""
        return self._entries[name].shape

    def read(self, name: str) -> Tensor:
        """Return one tensor, read now.

        Raises:
            StoreError: There is no such tensor, or the file has changed and is too short.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise StoreError(f"{self.path.name}: has no tensor {name!r}")
        tensor = torch.empty(entry.shape, dtype=entry.dtype)
        self.read_into([(name, bytes_of(tensor))])
        return tensor

    def read_into(self, targets: Iterable[tuple[str, memoryview]]) -> None:
        """Read tensors' bytes into memory that is there, the file opened once at most.

        Args:
            targets: names, and exactly as many bytes as those tensors have in the file.

        Raises:
            StoreError: The sizes differ, or the file has changed and is too short.
        """
        if (handle := self._handle) is None:
            handle = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            for name, target in targets:
                entry = self._entries[name]
                if len(target) != entry.size:
                    raise StoreError(
                        f"{self.path.name}: tensor {name!r} has {entry.size} bytes, "
                        f"expected {len(target)}"
                    )
                if entry.size and _read_at(handle, target, entry.start) != entry.size:
                    raise StoreError(f"{self.path.name}: ends inside tensor {name!r}")
        finally:
            if handle != self._handle:
                os.close(handle)


def _keep_open(owner: TensorFile, handle: int) -> int | None:
    """Return a descriptor that lives as long as its owner, or None where enough are kept."""
    if not hasattr(os, "preadv") or len(_KEPT) >= MOST_OPEN:
        return None
    kept = os.dup(handle)
    _KEPT.add(kept)
    weakref.finalize(owner, _close, kept)
    return kept


def _close(handle: int) -> None:
    _KEPT.discard(handle)
    os.close(handle)


def bytes_of(tensor: Tensor) -> memoryview:
    """Return the memory of a contiguous tensor on the CPU, to read or write bytes in."""
    flat: Any = tensor.view(-1).view(torch.uint8).numpy()
    return memoryview(flat)


def _read_at(handle: int, target: memoryview, start: int) -> int:
    """Fill the target with a file's bytes from ``start`` on; return how many there were."""
    if hasattr(os, "preadv"):
        return os.preadv(handle, [target], start)
    with os.fdopen(os.dup(handle), "rb", buffering=0) as file:
        file.seek(start)
        return file.readinto(target) or 0


@functools.lru_cache(maxsize=8)
def _parse_header(header: bytes, room: int) -> TensorHeader:
    """Return every tensor's place in a file with this header, and ``room`` bytes after it.

    Adapters of one kind have one header between them; it is parsed once.
    """
    entries = parse_json(header, "header")
    entries.pop("__metadata__", None)
    start = 8 + len(header)
    return TensorHeader(
        {
            name: _parse_entry(f"tensor {name[:200]}", raw, start, room)
            for name, raw in entries.items()
        }
    )


def _parse_entry(where: str, raw: Any, data_start: int, room: int) -> TensorEntry:
    """Return one tensor's place in the file, checked."""
    if not isinstance(raw, dict) or set(raw) != {"dtype", "shape", "data_offsets"}:
        raise StoreError(f"{where}: malformed header entry")
    shape, offsets = raw["shape"], raw["data_offsets"]
    dtype = _DTYPES.get(str(raw["dtype"]))
    if dtype is None:
        raise StoreError(f"{where}: dtype {str(raw['dtype'])[:50]} is not supported")
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or not all(
            type(number) is int and number >= 0 for number in numbers
        ):
            raise StoreError(f"{where}: shape and offsets must be lists of non-negative integers")
    size = math.prod(shape) * dtype.itemsize
    if len(offsets) != 2 or offsets[1] - offsets[0] != size or offsets[1] > room:  # noqa: PLR2004 - begin, end
        raise StoreError(
            f"{where}: shape {tuple(shape)} does not fit the bytes the file has for it"
        )
    return TensorEntry(dtype, tuple(shape), data_start + offsets[0], size)


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class DirectoryKind(NamedTuple):
    """What a directory that is written whole is known by.

    Attributes:
        name: What such a directory is called, with its article.
        marker: Name of a file that every one of them has.
        files: Patterns of the names that files have in it, relative, with forward slashes.
    """

    name: str
    marker: str
    files: tuple[str, ...]


def check_replaceable(path: Path, kind: DirectoryKind) -> None:
    """Refuse to put a directory where something else is: replacing deletes what was there.

    Args:
        path: May be missing, an empty directory, or one of the kind.
        kind: What is to be put there.

    Raises:
        StoreError: Anything else is there, such as other files or a symbolic link.
    """
    if not os.path.lexists(path):
        return
    if path.is_dir() and not path.is_symlink():
        if not any(path.iterdir()):
            return
        if (path / kind.marker).is_file():
            if odd := next(_strangers(path, kind), None):
                raise StoreError(
                    f"{path} holds {odd}, which is no part of {kind.name} and would be deleted "
                    "with it; choose another place or move it away"
                )
            return
    raise StoreError(f"{path} exists and is not {kind.name}; choose another place or remove it")


def _strangers(path: Path, kind: DirectoryKind) -> Iterator[str]:
    """Yield the files in a directory that one of the kind does not have."""
    for folder, folders, names in os.walk(path):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted([*links, *names]):
            inside = Path(folder, name).relative_to(path).as_posix()
            if not any(fnmatchcase(inside, pattern) for pattern in kind.files):
                yield inside


@contextlib.contextmanager
def replaced_directory(path: Path, kind: DirectoryKind) -> Iterator[Path]:
    """Give an empty sibling directory to fill; put it in the place of `path` when all went well.

    Every file is flushed to disk before one rename makes the new directory visible (an exchange of
    the two names where the system can, so that there is no moment without either). After an
    exception `path` is as it was.

    Args:
        path: Directory to write or replace.
        kind: What is written; a directory of another kind is left alone unless it is empty.

    Raises:
        StoreError: Something else is at `path` (see `check_replaceable`), or it cannot be written.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link at `path`
    check_replaceable(path, kind)
    sibling = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sibling = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        yield sibling
        sibling.chmod(0o755)
        for entry in sorted(sibling.rglob("*")):
            _flush(entry)
        _flush(sibling)
        _put_in_place(sibling, path)
        _flush(path.parent)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
    except SafetensorError as error:  # what its writer makes of a full disk
        raise StoreError(f"{path}: cannot be written: {str(error)[:200]}") from error
    finally:
        if sibling is not None:
            shutil.rmtree(sibling, ignore_errors=True)


def _put_in_place(new: Path, path: Path) -> None:
    """Rename `new` to `path`; afterwards `new` names what was at `path`, or nothing."""
    if not path.exists():
        new.rename(path)
        return
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        exchanged = libc.renameat2(
            _AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(path), _RENAME_EXCHANGE
        )
        if exchanged == 0:
            return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    path.rename(old / "store")
    try:
        new.rename(path)
    except OSError:
        (old / "store").rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _flush(path: Path) -> None:
    """Wait until a file's content, or a directory's entries, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
