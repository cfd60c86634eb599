"""Run rustc, cargo and the programs they build, confined, on code that nobody has read.

Covered, with bubblewrap (`Sandbox()`, Linux):

- files: only /usr, the linker's configuration and the Rust toolchain are visible, read-only. The
  working directory is the one place on disk that can be written, and can be made read-only too.
  HOME and /tmp are one private, size-limited tmpfs. A symbolic link resolves inside the sandbox.
- network: a namespace without interfaces but its own loopback; none of the host's Unix sockets.
- processes: own pid namespace, emptied by the kernel when the run ends, whatever was daemonized;
  no capabilities, no new privileges. Started by root, programs run as an uid of no one.
- secrets: the environment holds a few fixed names; build scripts and `env!` see nothing else.
- amounts: wall time, CPU time, address space and file size per process, number of processes,
  bytes read from stdout and from stderr. Passing one ends the run.

Covered without bubblewrap (`Sandbox(confine=False)`; any Unix): the environment, a private HOME and
TMPDIR, the process group, and the amounts as far as the system enforces them (macOS enforces
neither address space nor number of processes, and root is exempt from the latter).

NOT covered, ever: holes in the kernel (there is no seccomp filter), timing side channels, memory
summed over processes (each has its own limit, and their number is bounded), many files in a
writable working directory, CPU time summed over processes (at most wall time times cores), and
reading what lies in /usr.

NOT covered without bubblewrap: reading and writing whatever the user can, the network, other
processes, and a program that leaves its process group (`setsid`), which outlives the run.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sleepy_coder.errors import SandboxError
from sleepy_coder.supervise import Completed, Limits, supervise

__all__ = [
    "Completed",
    "Confinement",
    "Limits",
    "Sandbox",
    "confinement",
    "host_cargo_home",
    "toolchain",
]

# Where things appear inside. Fixed places: the host's paths would name the user.
WORK_DIR = "/sandbox"
_TOOLCHAIN = "/toolchain"
_TMP = "/tmp"  # noqa: S108 - a tmpfs of the sandbox's own
_CARGO_HOME = f"{_TMP}/cargo"
# For programs that root starts: above users and services, below systemd's dynamic uids.
_UIDS = range(30_000, 60_000)
_OWN_COUNT_SINCE = (5, 14)  # the Linux in which a user namespace counts its own processes
_PROBE_STATUS = 42


@dataclass(frozen=True)
class Confinement:
    """Whether bubblewrap confines programs on this machine; if not, why and what to do.

    Attributes:
        bwrap: The program's path, or None where there is none.
        mend: What to do about it; empty when it works.
    """

    bwrap: str | None
    is_working: bool
    reason: str
    mend: str = ""


@dataclass(frozen=True)
class Sandbox:
    """Runs programs within limits, and confined unless told otherwise.

    Attributes:
        confine: Insist on bubblewrap. Without it a program can do whatever the user can.
        bwrap: The bubblewrap program; by default `$SLEEPY_BWRAP`, else `bwrap` on the PATH.
        project: Folder whose toolchain is used, where rustup keeps several; by default the current
            one.

    Raises:
        SandboxError: `confine` is set and bubblewrap does not work here.
    """

    confine: bool = True
    bwrap: str | None = None
    project: Path | None = None
    _bwrap_path: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        if not self.confine:
            return
        found = confinement(self.bwrap)
        if not found.is_working or found.bwrap is None:
            raise SandboxError(
                f"programs cannot be confined here: {found.reason}; {found.mend}, "
                "or let them run with all your rights: --allow-unconfined"
            )
        object.__setattr__(self, "_bwrap_path", found.bwrap)

    def run(
        self,
        argv: Sequence[str],
        *,
        work_dir: Path,
        folder: str = ".",
        limits: Limits | None = None,
        stdin: str | None = None,
        is_writable: bool = True,
        needs_registry: bool = False,
    ) -> Completed:
        """Run one program in `work_dir` and return how it ended; nothing of it stays alive.

        Args:
            argv: Program and arguments; files are named relative to the current directory.
            work_dir: All that the run sees beside the system and the toolchain. Started by root, it
                and what is in it change owner: hand in a directory made for the purpose.
            folder: Current directory of the run, relative to `work_dir`.
            limits: What the run may use; by default `Limits()`.
            stdin: Text for standard input; by default it is empty.
            is_writable: Let the program write to `work_dir`.
            needs_registry: Show cargo the crates that were downloaded before, read-only.

        Raises:
            SandboxError: The program could not be started at all.
        """
        limits = limits or Limits()
        rust = toolchain(self.project)
        if argv[0] in ("rustc", "cargo") and rust is None:
            raise SandboxError("rustc was not found; install Rust from https://rustup.rs")
        work_dir = work_dir.resolve(strict=True)
        if not self.confine:
            with _private_folder() as home:
                command = _limit(argv, limits, _num_threads_of_user(), cwd=folder)
                rust_bin = str(rust / "bin") if rust else "/usr/bin"
                env = _environment(rust_bin, str(home), str(host_cargo_home()))
                return supervise(command, limits=limits, env=env, cwd=work_dir, stdin=stdin)
        mounts = _registry_mounts() if needs_registry else []
        mounts += ["--bind" if is_writable else "--ro-bind", str(work_dir), WORK_DIR]
        mounts += ["--ro-bind", str(rust), _TOOLCHAIN] if rust else []
        return _run_confined(
            self._bwrap_path,
            argv,
            work_dir,
            folder=folder,
            mounts=mounts,
            limits=limits,
            stdin=stdin,
        )


@functools.cache
def confinement(bwrap: str | None = None) -> Confinement:
    """Return whether bubblewrap works here, found out by running a program under it.

    Args:
        bwrap: The program; by default `$SLEEPY_BWRAP`, else `bwrap` on the PATH.
    """
    name = bwrap or os.environ.get("SLEEPY_BWRAP") or "bwrap"
    path = shutil.which(name)
    if sys.platform != "linux":
        return Confinement(None, False, "bubblewrap exists for Linux only", "use a Linux machine")
    if path is None:
        return Confinement(None, False, f"{name} was not found", "sudo apt install bubblewrap")
    # The subshell forks: a limit that counts the user's other processes would show here.
    script = f"(touch made) && exit {_PROBE_STATUS}"
    with _private_folder() as folder:
        mounts = ["--bind", str(folder), WORK_DIR]
        argv = ["/bin/sh", "-c", script]
        try:
            done = _run_confined(path, argv, folder, mounts=mounts, limits=Limits())
        except SandboxError as error:
            return Confinement(path, False, str(error), _mend(str(error)))
    if done.returncode != _PROBE_STATUS:
        reason = f"{path} ended with {done.returncode}: {done.stderr.strip()[-300:]}"
        return Confinement(path, False, reason, _mend(reason))
    return Confinement(path, True, "works")


@functools.cache
def toolchain(project: Path | None = None) -> Path | None:
    """Return the sysroot of the `rustc` on the PATH, or None where there is none that works.

    Args:
        project: Folder that may say which toolchain it wants; by default the current one.
    """
    rustc = shutil.which("rustc")
    if rustc is None:
        return None
    command = [rustc, "--print", "sysroot"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    path = Path(done.stdout.strip())
    return path if done.returncode == 0 and (path / "bin" / "rustc").exists() else None


def _run_confined(
    bwrap: str,
    argv: Sequence[str],
    work_dir: Path,
    *,
    mounts: Sequence[str],
    limits: Limits,
    folder: str = ".",
    stdin: str | None = None,
) -> Completed:
    uid = _uid_for(work_dir)
    if uid is None:
        privileges, become = ["--unshare-user", "--disable-userns", "--cap-drop", "ALL"], []
        num_others = _num_threads_of_user() if _kernel_version() < _OWN_COUNT_SINCE else 0
    else:
        # Two capabilities for `setpriv`, which loses them as it changes the uid.
        privileges = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        ids = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all"]
        become = ["setpriv", *ids, "--"]
        num_others = 0
    view = [*_namespaces(), *privileges, *_system_mounts(limits.file_bytes), *mounts]
    command = [bwrap, *view, "--remount-ro", "/", "--", *become]
    command += _limit(argv, limits, num_others, cwd=f"{WORK_DIR}/{folder}")
    env = _environment(f"{_TOOLCHAIN}/bin", _TMP, _CARGO_HOME)
    return supervise(command, limits=limits, env=env, stdin=stdin, is_bwrap=True)


def _namespaces() -> list[str]:
    names = ("ipc", "net", "pid", "uts", "cgroup-try")
    return [*(f"--unshare-{name}" for name in names), "--die-with-parent"]


@functools.lru_cache(maxsize=8)
def _system_mounts(tmp_bytes: int) -> tuple[str, ...]:
    """Return bwrap's arguments for what every program sees: the system and a private /tmp."""
    argv = ["--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if Path(name).is_symlink():
            argv += ["--symlink", str(Path(name).readlink()), name]
        elif Path(name).exists():
            argv += ["--ro-bind", name, name]
    argv += ["--perms", "0755", "--dir", "/etc"]
    for name in ("/etc/alternatives", "/etc/ld.so.cache", "/nix/store"):
        argv += ["--ro-bind-try", name, name]
    argv += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    return (*argv, "--perms", "1777", "--size", str(tmp_bytes), "--tmpfs", _TMP)


def _registry_mounts() -> list[str]:
    """Return bwrap's arguments that show cargo the downloaded crates, and no token of its user."""
    argv = ["--perms", "1777", "--dir", _CARGO_HOME]
    for name in ("registry", "git"):
        argv += ["--ro-bind-try", str(host_cargo_home() / name), f"{_CARGO_HOME}/{name}"]
    return argv


def _uid_for(work_dir: Path) -> int | None:
    """Return the uid that root hands `work_dir` to; None when an ordinary user runs this.

    The limit on processes does not bind root, so programs must not be root. Each directory gets an
    uid of its own, hence a count of processes of its own, and keeps it.
    """
    if os.geteuid() != 0 or not _has_spare_uids() or shutil.which("setpriv") is None:
        return None
    owner = work_dir.stat().st_uid
    uid = owner if owner in _UIDS else random.SystemRandom().choice(_UIDS)
    try:
        os.chown(work_dir, uid, uid)
        for folder, folders, files in os.walk(work_dir):
            for name in (*folders, *files):
                path = Path(folder, name)
                if path.lstat().st_uid != uid:
                    os.chown(path, uid, uid, follow_symlinks=False)
    except OSError as error:
        raise SandboxError(f"root cannot hand {work_dir} to uid {uid}: {error}") from error
    return uid


@functools.cache
def _has_spare_uids() -> bool:
    """Whether the user namespace that this runs in (a container's, say) maps all of `_UIDS`."""
    try:
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    ranges = [[int(number) for number in line.split()] for line in lines]
    return any(low <= _UIDS.start and _UIDS.stop <= low + count for low, _, count in ranges)


def _limit(argv: Sequence[str], limits: Limits, num_others: int, *, cwd: str = ".") -> list[str]:
    """Return a command that sets the limits on itself, enters `cwd`, then becomes `argv`.

    The shell's `ulimit` does it, inside the sandbox: a user namespace counts its own processes
    only, and Python's `preexec_fn` is not safe in a program with threads.
    """
    steps = [
        "ulimit -c 0",
        f"ulimit -f {limits.file_bytes // 512}",  # POSIX counts blocks of 512 bytes
        f"ulimit -S -t {limits.cpu_s}",
        f"ulimit -H -t {limits.cpu_s + 1}",
    ]
    if sys.platform == "linux":
        processes = limits.processes + num_others
        steps.append(f"ulimit -v {limits.address_space_bytes // 1024}")
        # bash says -u; dash and busybox say -p.
        steps.append(f"{{ ulimit -u {processes} 2>&- || ulimit -p {processes}; }}")
    steps += [f"cd {shlex.quote(cwd)}", 'exec "$@"']
    return ["/bin/sh", "-c", " && ".join(steps), "sh", *argv]


def _environment(rust_bin: str, home: str, cargo_home: str) -> dict[str, str]:
    """Return all that a program sees of the environment."""
    return {
        "PATH": f"{rust_bin}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "CARGO_HOME": cargo_home,
        "CARGO_NET_OFFLINE": "true",
        "CARGO_TERM_COLOR": "never",
        "RUSTC_WRAPPER": "",  # whatever a project's configuration names; it is not to be seen
        "RUSTC_WORKSPACE_WRAPPER": "",
    }


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    # What a surviving program still writes there must not make the run fail.
    with tempfile.TemporaryDirectory(prefix="sleepy-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def host_cargo_home() -> Path:
    """Return where the user's cargo keeps crates and its configuration."""
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def _kernel_version() -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    return tuple(int(part) for part in found.groups()) if found else (0, 0)


def _num_threads_of_user() -> int:
    """Return how many threads the user has, which a limit without a namespace counts too."""
    if sys.platform != "linux":
        return 0
    with os.scandir("/proc") as entries:
        processes = [Path(entry) for entry in entries if entry.name.isdecimal()]
    return sum(map(_num_own_threads, processes))


def _num_own_threads(process: Path) -> int:
    """Return how many threads a process in /proc has; 0 where it is another user's, or gone."""
    try:
        threads = (process / "task").stat()
    except OSError:
        return 0
    # The links to a folder: its name, its `.`, and `..` in each of a thread's folders.
    return max(1, threads.st_nlink - 2) if threads.st_uid == os.getuid() else 0


def _mend(reason: str) -> str:
    """Return what usually helps when bubblewrap says this."""
    if "user namespace" in reason or "uid map" in reason or "Operation not permitted" in reason:
        return (
            "allow user namespaces (Ubuntu: sudo sysctl -w "
            "kernel.apparmor_restrict_unprivileged_userns=0; in a container: --privileged)"
        )
    return "sudo apt install bubblewrap (0.8 or newer)"
