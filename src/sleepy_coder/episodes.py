"""Verified repairs of the user's own code, kept in SQLite on the machine.

An episode is written once: mending the same broken text again adds nothing. Each call opens the
database for itself, and several processes may write at a time.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sleepy_coder.errors import EpisodeError, InputError
from sleepy_coder.problems import Problem, parse_problem
from sleepy_coder.userdata import data_dir, make_folder

UNROUTED = "unrouted"  # pattern and family of a problem that the router knows none for
# What brings the database from one version to the next; only ever added to.
_MIGRATIONS = (
    """CREATE TABLE episodes (
        id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, problem TEXT NOT NULL,
        by TEXT NOT NULL, failed TEXT NOT NULL, model TEXT, model_sha256 TEXT, store_sha256 TEXT,
        project_sha256 TEXT NOT NULL, time TEXT NOT NULL
    )""",
)
_WAIT_S = 30.0  # for another process that writes
_COLUMNS = (
    *("id", "problem", "by", "failed", "model", "model_sha256", "store_sha256"),
    *("project_sha256", "time"),
)


@dataclass(frozen=True)
class Failed:
    """An answer that did not hold.

    Attributes:
        code: None where it held none.
    """

    by: str
    code: str | None


@dataclass(frozen=True)
class Episode:
    """One verified repair.

    Attributes:
        problem: As it was asked, with what held as `fixed`; its pattern is the route's task.
        by: Whose answer held.
        failed: What was tried before it.
        model: Name of the base model that was at hand; None where none was loaded.
        store_sha256: Of the learned tasks, None where there were none.
        project_sha256: Of the path of the project's folder.
        time: UTC, ISO 8601.
        id: In the database; 0 before it is there.
    """

    problem: Problem
    by: str
    project_sha256: str
    failed: tuple[Failed, ...] = ()
    model: str | None = None
    model_sha256: str | None = None
    store_sha256: str | None = None
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    id: int = 0

    @property
    def key(self) -> str:
        """What tells broken texts apart: the text and the error that was asked about."""
        problem = self.problem
        first = problem.diagnostics[0].get("message") if problem.diagnostics else None
        material = [problem.buggy, problem.edition, problem.error_code, first]
        return hashlib.sha256(json.dumps(material).encode()).hexdigest()

    def first_failed(self, who: str) -> bool | None:
        """Whether the first answer of `base model` or `task` failed; None where none was tried."""
        tried = (*((each.by, True) for each in self.failed), (self.by, False))
        return next((has_failed for by, has_failed in tried if by.startswith(who)), None)

    def to_json(self) -> dict[str, Any]:
        """Return all but the programs."""
        return {
            "id": self.id,
            "pattern": self.problem.pattern,
            "error_code": self.problem.error_code,
            "by": self.by,
            "base_model_failed": self.first_failed("base model"),
            "task_failed": self.first_failed("task"),
            "model": self.model,
            "model_sha256": self.model_sha256,
            "store_sha256": self.store_sha256,
            "project_sha256": self.project_sha256,
            "time": self.time,
        }


def episodes_path() -> Path:
    """Return where the database is, or will be."""
    return data_dir() / "episodes.sqlite3"


def record_episodes(episodes: Iterable[Episode]) -> int:
    """Keep episodes; return how many of them were new.

    Raises:
        EpisodeError: The database cannot be written, or a problem could not be read again; the
            others are kept.
    """
    rows: list[tuple[Any, ...]] = []
    failures: list[EpisodeError] = []
    for episode in episodes:
        try:
            rows.append(_row(episode))
        except EpisodeError as error:
            failures.append(error)
    num_new = _insert(rows) if rows else 0
    if failures:
        raise failures[0]
    return num_new


def load_episodes() -> list[Episode]:
    """Return all episodes, the oldest first.

    Raises:
        EpisodeError: The database is damaged or of a newer version.
    """
    if not episodes_path().exists():
        return []
    with _opened(is_writing=False) as connection:
        query = f"SELECT {', '.join(_COLUMNS)} FROM episodes ORDER BY id"  # noqa: S608 - our names
        return [_parse(dict(zip(_COLUMNS, row, strict=True))) for row in connection.execute(query)]


def forget_episodes(identifier: int | None = None) -> int:
    """Remove one episode, or all, and overwrite them in the file; return how many there were.

    Raises:
        EpisodeError: The database is damaged or of a newer version.
    """
    if not episodes_path().exists():
        return 0
    with _opened() as connection:
        if identifier is None:
            return connection.execute("DELETE FROM episodes").rowcount
        return connection.execute("DELETE FROM episodes WHERE id = ?", (identifier,)).rowcount


def _insert(rows: Sequence[tuple[Any, ...]]) -> int:
    with _opened() as connection:
        before = connection.total_changes
        connection.executemany(
            "INSERT OR IGNORE INTO episodes (key, problem, by, failed, model, model_sha256, "
            "store_sha256, project_sha256, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        return connection.total_changes - before


def _row(episode: Episode) -> tuple[Any, ...]:
    """Return an episode's columns; its problem is named by its key."""
    key = episode.key
    problem = replace(episode.problem, id=f"episode-{key[:12]}").to_json()
    try:
        parse_problem(problem, "episode")
    except InputError as error:
        raise EpisodeError(f"the repair cannot be recorded: {error}") from None
    failed = [[each.by, each.code] for each in episode.failed]
    return (
        *(key, json.dumps(problem), episode.by, json.dumps(failed)),
        *(episode.model, episode.model_sha256, episode.store_sha256),
        *(episode.project_sha256, episode.time),
    )


def _parse(columns: dict[str, Any]) -> Episode:
    try:
        problem = parse_problem(json.loads(columns.pop("problem")), "its problem")
        failed = tuple(Failed(by, code) for by, code in json.loads(columns.pop("failed")))
    except (ValueError, TypeError, InputError) as error:
        raise EpisodeError(
            f"{episodes_path()}: episode {columns['id']} is damaged: {error}; "
            f"`sleepy episodes --forget {columns['id']}` removes it"
        ) from None
    return Episode(problem=problem, failed=failed, **columns)


@contextmanager
def _opened(*, is_writing: bool = True) -> Iterator[sqlite3.Connection]:
    """Give the database in one transaction, made or brought up to date first."""
    path = episodes_path()
    try:
        make_folder(path.parent)
        if not path.exists():
            path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE" if is_writing else "BEGIN")
            _migrate(connection, path)
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()  # rolls back what is not committed
    except (OSError, sqlite3.OperationalError) as error:  # full, locked, not writable
        raise EpisodeError(f"{path}: cannot be used: {error}") from None
    except sqlite3.Error as error:
        raise EpisodeError(f"{path}: is damaged: {error}; move it away to start anew") from None


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_MIGRATIONS):
        raise EpisodeError(
            f"{path}: has version {version}, this program reads {len(_MIGRATIONS)}; use the "
            "sleepy-coder that wrote it"
        )
    for statement in _MIGRATIONS[version:]:
        connection.execute(statement)
    if version < len(_MIGRATIONS):
        connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
