"""Run one command to its end or to a limit: bounded output, bounded time, nothing left alive.

What the command may see and touch is not decided here but in `sandbox`.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from sleepy_coder.errors import SandboxError

Stop = Literal["timeout", "cpu", "output", "file"]

_MIB = 1 << 20
_CHUNK_BYTES = 1 << 16
_POLL_S = 0.05  # how soon the end is seen of a process whose pipes a survivor holds open
_EMPTYING_S = 5.0  # for the kernel to end every process of a pid namespace
SIGNALED = 128  # a shell's convention for "ended by signal n": 128 + n
_STOP_SIGNALS: dict[int, Stop] = {signal.SIGXCPU: "cpu", signal.SIGXFSZ: "file"}


@dataclass(frozen=True)
class Limits:
    """What one run may use.

    Attributes:
        wall_s: Seconds until everything is killed.
        cpu_s: CPU seconds per process.
        address_space_bytes: Virtual memory per process, reserved memory included. rustc 1.95
            compiles small programs within 512 MiB.
        output_bytes: Bytes kept of stdout and of stderr; one more ends the run.
        file_bytes: Largest file, and the size of the private /tmp.
        processes: Processes and threads at one time. rustc and its linker need a dozen.
    """

    wall_s: float = 30.0
    cpu_s: int = 15
    address_space_bytes: int = 4096 * _MIB
    output_bytes: int = 4 * _MIB
    file_bytes: int = 256 * _MIB
    processes: int = 256


@dataclass(frozen=True)
class Completed:
    """How a run ended.

    Attributes:
        returncode: Exit status; 128 + n after signal n.
        stdout: What it wrote, up to the limit; undecodable bytes become U+FFFD.
        stderr: Likewise.
        seconds: Wall time.
        stop: The limit that ended the run, or None when it ended by itself.
    """

    returncode: int
    stdout: str
    stderr: str
    seconds: float
    stop: Stop | None = None

    @property
    def is_timeout(self) -> bool:
        """Whether time ran out, by the wall clock or by the CPU's."""
        return self.stop in ("timeout", "cpu")


def supervise(
    argv: Sequence[str],
    *,
    limits: Limits,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: str | None = None,
    is_bwrap: bool = False,
) -> Completed:
    """Run a command in a process group of its own and return how it ended.

    Enforced here are wall time and output; the other limits must be set by the command itself.
    With `is_bwrap` the command is bubblewrap with a pid namespace: all of the namespace is gone
    when this returns, otherwise all of the process group is.

    Raises:
        SandboxError: The command could not be started, or bubblewrap could not set itself up.
    """
    started = time.monotonic()
    streams = _Streams((stdin or "").encode("utf-8", "replace"), limits.output_bytes)
    has_input = bool(streams.stdin)
    with contextlib.ExitStack() as stack:
        if is_bwrap:
            process, init = _start_bwrap(argv, env, has_input=has_input)
        else:
            process, init = _start(argv, env, has_input=has_input, cwd=cwd), None
        stack.callback(_end, process, init)
        stop = _exchange(process, streams, limits)
    code = process.returncode
    code = code if code >= 0 else SIGNALED - code
    stop = stop or _STOP_SIGNALS.get(code - SIGNALED)
    seconds = time.monotonic() - started
    stdout, stderr = streams.read(streams.stdout), streams.read(streams.stderr)
    return Completed(code, stdout, stderr, seconds, stop)


def _start(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    has_input: bool,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            list(argv),
            stdin=pipe if has_input else subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except OSError as error:
        raise SandboxError(f"{argv[0]} could not be started: {error}") from error


def _start_bwrap(
    argv: Sequence[str], env: Mapping[str, str], *, has_input: bool
) -> tuple[subprocess.Popen[bytes], int | None]:
    """Start bubblewrap; return it and a pidfd of the first process in its pid namespace.

    None stands for one that has ended: a short command may be over before it is looked at.
    """
    reading, writing = os.pipe()
    with open(reading, "rb") as info:  # noqa: PTH123 - a descriptor
        try:
            command = [argv[0], "--info-fd", str(writing), *argv[1:]]
            process = _start(command, env, has_input=has_input, pass_fds=(writing,))
        finally:
            os.close(writing)
        told = info.read()
    if not told:
        _, errors = process.communicate()
        raise SandboxError(f"{argv[0]} failed: {_decode(errors).strip()[-500:]}")
    try:
        return process, os.pidfd_open(json.loads(told)["child-pid"])
    except ProcessLookupError:
        return process, None


def _exchange(process: subprocess.Popen[bytes], streams: _Streams, limits: Limits) -> Stop | None:
    """Feed stdin and collect the output until the end; return the limit that was passed, if any."""
    deadline = time.monotonic() + limits.wall_s
    with selectors.DefaultSelector() as selector:
        streams.register(selector, process)
        while selector.get_map():
            # Asked before the streams are: the last words of one that has ended are there to read.
            has_ended = process.poll() is not None
            remaining = deadline - time.monotonic()
            if remaining <= 0 and not has_ended:
                return "timeout"
            ready = selector.select(0 if has_ended else min(remaining, _POLL_S))
            if has_ended and not ready:
                return None
            for key, _ in ready:
                is_over = key.data(key.fd)
                if is_over:
                    selector.unregister(key.fileobj)
            if streams.is_too_much:
                return "output"
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return "timeout"
    return None


class _Streams:
    """What a process is still to be told, and what it has said so far."""

    def __init__(self, stdin: bytes, max_bytes: int) -> None:
        self.stdin = stdin
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.max_bytes = max_bytes

    @property
    def is_too_much(self) -> bool:
        """Whether stdout or stderr has passed the limit."""
        return max(len(self.stdout), len(self.stderr)) > self.max_bytes

    def register(self, selector: selectors.BaseSelector, process: subprocess.Popen[bytes]) -> None:
        """Attach to each descriptor the step to take when it is ready: True when it is over."""
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            feed = functools.partial(self._feed, process.stdin)
            selector.register(process.stdin.fileno(), selectors.EVENT_WRITE, feed)
        for pipe, buffer in ((process.stdout, self.stdout), (process.stderr, self.stderr)):
            if pipe is not None:
                fill = functools.partial(self._fill, buffer)
                selector.register(pipe.fileno(), selectors.EVENT_READ, fill)

    def _feed(self, pipe: IO[bytes], fd: int) -> bool:
        try:
            self.stdin = self.stdin[os.write(fd, self.stdin[:_CHUNK_BYTES]) :]
        except BrokenPipeError:  # nobody reads any more
            self.stdin = b""
        if not self.stdin:
            pipe.close()
        return not self.stdin

    def _fill(self, buffer: bytearray, fd: int) -> bool:
        chunk = os.read(fd, _CHUNK_BYTES)
        buffer += chunk[: self.max_bytes + 1 - len(buffer)]
        return not chunk

    def read(self, buffer: bytearray) -> str:
        """Return what may be kept of a buffer, as text."""
        return _decode(buffer[: self.max_bytes])


def _end(process: subprocess.Popen[bytes], init: int | None) -> None:
    """Kill whatever is left, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        if init is not None:
            signal.pidfd_send_signal(init, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for zombies
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    if init is not None:
        select.select([init], [], [], _EMPTYING_S)
        os.close(init)


def _decode(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "replace")
