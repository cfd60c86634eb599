"""Stores that nights have made of a model's shipped store, numbered, and which one is in use.

In the data folder, for each model:

    stores/MODEL/0001/        a store, never changed once it is there
    stores/MODEL/0001.json    what it grew from and which pairs it has seen
    stores/MODEL/current      the number in use; 0, or no file, is the shipped store

A version is written before the number that points to it, and that by one rename.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.fetch import sync_and_rename
from sleepy_coder.serving import shipped_store
from sleepy_coder.userdata import data_dir, make_folder

if TYPE_CHECKING:
    from sleepy_coder.share.manifest import Store

SCHEMA_VERSION = 1
SHIPPED = 0  # the number of the store that is shipped


@dataclass(frozen=True)
class Pairs:
    """Ids of a pattern's pairs.

    Attributes:
        trained: Its task has learned from them.
        held_back: It was tried on them, and never learns from them.
        left_out: It never learns from them either: they share a program with such a one.
        marks: Not ids but fingerprints of what was learned from, so that it is known again in
            other pairs once it is forgotten.
    """

    trained: tuple[str, ...] = ()
    held_back: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    @property
    def all(self) -> frozenset[str]:
        """The ids of all of them."""
        return frozenset(self.trained + self.held_back + self.left_out)

    def __or__(self, other: Pairs) -> Pairs:
        """Return the pairs of both: what was learned once stays so, though it be forgotten."""
        names = [each.name for each in fields(self)]
        return Pairs(*(_union(getattr(self, name), getattr(other, name)) for name in names))


@dataclass(frozen=True)
class Version:
    """A store in the user's data folder.

    Attributes:
        parent: The version that it grew from; `parent_sha256` is the hash of that store.
        shipped_sha256: Of the shipped store at the root.
        pairs: Pattern -> pairs of this version and of those it grew from.
        made: UTC, ISO 8601.
    """

    number: int
    parent: int
    parent_sha256: str
    shipped_sha256: str
    pairs: Mapping[str, Pairs]
    made: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one + other))


def stores_dir(model: str) -> Path:
    """Return the folder of a model's versions."""
    return data_dir() / "stores" / re.sub(r"^\.+|[^\w.-]+", "--", model)


def store_path(model: str, number: int) -> Path:
    """Return where a version's store is."""
    return stores_dir(model) / f"{number:04}"


def default_store(model: str) -> Path | None:
    """Return the store to use where none is named: the version in use, else the shipped one.

    Raises:
        StoreError: The version in use is missing, or cannot be told.
    """
    number = current_number(model)
    if number == SHIPPED:
        return shipped_store(model)
    path = store_path(model, number)
    if not path.is_dir():
        raise StoreError(f"{path}: is missing, but in use; `sleepy rollback` goes back to another")
    return path


def current_number(model: str) -> int:
    """Return the number of the version in use, 0 for the shipped store.

    Raises:
        StoreError: The file that says so is damaged.
    """
    path = stores_dir(model) / "current"
    try:
        return int(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return SHIPPED
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise StoreError(
            f"{path}: cannot be read as a number; `sleepy rollback --to 0` makes it anew"
        ) from None


def load_version(model: str, number: int) -> Version:
    """Return what is known of a version.

    Raises:
        StoreError: Its file is missing, damaged, or of a newer program.
    """
    path = _record_path(model, number)
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if raw.pop("schema_version") != SCHEMA_VERSION:
            raise StoreError(f"{path}: is of another version of sleepy-coder; use that one")
        lists = raw.pop("pairs").items()
        pairs = {name: Pairs(**{k: tuple(v) for k, v in each.items()}) for name, each in lists}
        return Version(**raw, pairs=pairs)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise StoreError(
            f"{path}: cannot be read as a version's record; `sleepy rollback --to 0` returns to "
            "the shipped store"
        ) from None


def list_numbers(model: str) -> list[int]:
    """Return the numbers of all versions of a model, ascending."""
    names = (path.stem for path in stores_dir(model).glob("*.json"))
    return sorted(int(name) for name in names if name.isdecimal())


def add_version(
    model: str,
    store: Store,
    *,
    parent: int,
    parent_sha256: str,
    shipped_sha256: str,
    pairs: Mapping[str, Pairs],
) -> Version:
    """Save a store as the next version and put it in use; see `Version` for the rest."""
    from sleepy_coder.share.store import save_store

    numbers = [*list_numbers(model), SHIPPED]
    version = Version(
        number=max(numbers) + 1,
        parent=parent,
        parent_sha256=parent_sha256,
        shipped_sha256=shipped_sha256,
        pairs=pairs,
    )
    record = {"schema_version": SCHEMA_VERSION, **asdict(version)}
    with telling(stores_dir(model)):
        save_store(store, store_path(model, version.number))
        _write(_record_path(model, version.number), json.dumps(record, indent=1) + "\n")
        _point(model, version.number)
    return version


def roll_back(model: str, to: int | None = None) -> int:
    """Put an earlier version in use, by default the parent of the one in use; return its number.

    Nothing is removed: a higher number leads forward again.

    Raises:
        InputError: There is no such version, or nothing to go back from.
        StoreError: What is in use, or its parent, cannot be told; or a night is at work.
    """
    with only_night(model):
        if to is None:
            current = current_number(model)
            if current == SHIPPED:
                raise InputError(
                    f"{model}: the shipped store is in use; there is nothing to go back to"
                )
            to = load_version(model, current).parent
        known = [SHIPPED, *list_numbers(model)]
        if to not in known:
            raise InputError(f"--to: got {to}, expected one of {', '.join(map(str, known))}")
        with telling(stores_dir(model)):
            _point(model, to)
        return to


@contextmanager
def only_night(model: str) -> Iterator[None]:
    """Hold a model's versions for one process alone.

    Raises:
        StoreError: Another process holds them, or the folder cannot be written.
    """
    folder = stores_dir(model)
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        with telling(folder):
            make_folder(folder)
            lock.acquire()
    except Timeout:
        raise StoreError(f"{folder}: a night is at work; wait until it is over") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def telling(folder: Path) -> Iterator[None]:
    """Tell in one line what cannot be written there.

    Raises:
        StoreError: In place of an OSError.
    """
    try:
        yield
    except Timeout:  # an OSError as well
        raise
    except OSError as error:
        where = error.filename or folder
        raise StoreError(f"{where}: cannot be written: {error.strerror or error}") from None


def _record_path(model: str, number: int) -> Path:
    return stores_dir(model) / f"{number:04}.json"


def _point(model: str, number: int) -> None:
    _write(stores_dir(model) / "current", f"{number}\n")


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    sync_and_rename(partial, path)
