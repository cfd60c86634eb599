"""The sandbox runs programs, keeps to its limits and says when it cannot confine."""

import contextlib
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sleepy_coder import sandbox as sandbox_module
from sleepy_coder.errors import SandboxError
from sleepy_coder.sandbox import Limits, Sandbox, confinement, toolchain

needs_bwrap = pytest.mark.skipif(
    not confinement().is_working, reason=f"no bubblewrap: {confinement().reason}"
)


@pytest.fixture(params=["confined", "unconfined"])
def sandbox(request):
    if request.param == "confined" and not confinement().is_working:
        pytest.skip(confinement().reason)
    return Sandbox(confine=request.param == "confined")


@pytest.fixture
def work_dir(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def sh(sandbox, work_dir, script, **options):
    return sandbox.run(["sh", "-c", script], work_dir=work_dir, **options)


def test_returns_status_and_both_streams(sandbox, work_dir):
    done = sh(sandbox, work_dir, "echo out; echo err >&2; exit 3")

    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert done.stop is None
    assert 0 < done.seconds < 30


def test_program_reads_stdin(sandbox, work_dir):
    assert sh(sandbox, work_dir, "tr a-z A-Z", stdin="grüße\n").stdout == "GRüßE\n"


def test_stdin_is_empty_by_default(sandbox, work_dir):
    assert sh(sandbox, work_dir, "cat; echo end").stdout == "end\n"


def test_large_stdin_that_nobody_reads_does_not_block(sandbox, work_dir):
    assert sh(sandbox, work_dir, "exit 0", stdin="x" * (1 << 20)).returncode == 0


def test_undecodable_output_is_kept_as_replacement_characters(sandbox, work_dir):
    assert sh(sandbox, work_dir, r"printf 'a\377b'").stdout == "a\ufffdb"


def test_what_a_program_said_as_it_ended_is_read(sandbox, work_dir, monkeypatch):
    """On a busy machine nothing is heard until the program is over."""

    class Late(selectors.DefaultSelector):
        def select(self, timeout=None):
            ready = super().select(timeout)
            if timeout:
                time.sleep(0.3)
            return [] if timeout else ready

    monkeypatch.setattr(selectors, "DefaultSelector", Late)
    done = sh(sandbox, work_dir, "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_program_ended_by_a_signal_has_the_shells_status(sandbox, work_dir):
    done = sh(sandbox, work_dir, "kill -ABRT $$")

    assert done.returncode == 128 + 6
    assert done.stop is None


def test_runs_in_the_work_dir_and_may_write_there(sandbox, work_dir):
    (work_dir / "given").write_text("text", encoding="utf-8")

    sh(sandbox, work_dir, "cp given made")

    assert (work_dir / "made").read_text(encoding="utf-8") == "text"


def test_second_run_may_change_what_was_put_in_between(sandbox, work_dir):
    sh(sandbox, work_dir, "mkdir kept")
    (work_dir / "kept" / "later").write_text("a", encoding="utf-8")

    done = sh(sandbox, work_dir, "echo b > kept/later && cat kept/later")

    assert done.stdout == "b\n"


@needs_bwrap
def test_a_program_that_ends_before_it_is_looked_at_is_no_failure(work_dir, monkeypatch):
    def open_late(pid):
        time.sleep(0.5)
        return open_pidfd(pid)

    open_pidfd = os.pidfd_open
    monkeypatch.setattr(os, "pidfd_open", open_late)
    done = Sandbox().run(["true"], work_dir=work_dir)
    assert (done.returncode, done.stop) == (0, None)


def test_work_dir_can_be_read_only(work_dir):
    done = sh(Sandbox(), work_dir, "touch made", is_writable=False)

    assert done.returncode != 0
    assert list(work_dir.iterdir()) == []


def test_wall_time_ends_a_program_that_sleeps(sandbox, work_dir):
    started = time.monotonic()

    done = sh(sandbox, work_dir, "echo before; sleep 30", limits=Limits(wall_s=0.5))

    assert done.stop == "timeout"
    assert done.is_timeout
    assert done.stdout == "before\n"
    assert time.monotonic() - started < 15


def test_wall_time_ends_a_program_that_closed_its_output(sandbox, work_dir):
    done = sh(sandbox, work_dir, "exec >&- 2>&-; sleep 30", limits=Limits(wall_s=0.5))

    assert done.stop == "timeout"


def test_cpu_time_ends_a_program_that_computes(sandbox, work_dir):
    done = sh(sandbox, work_dir, "while :; do :; done", limits=Limits(cpu_s=1))

    assert done.stop == "cpu"
    assert done.is_timeout


def test_output_up_to_the_limit_is_kept_whole(sandbox, work_dir):
    done = sh(sandbox, work_dir, "head -c 1000 /dev/zero", limits=Limits(output_bytes=1000))

    assert (len(done.stdout), done.stop) == (1000, None)


def test_output_over_the_limit_ends_the_run(sandbox, work_dir):
    done = sh(sandbox, work_dir, "head -c 1001 /dev/zero >&2", limits=Limits(output_bytes=1000))

    assert (len(done.stderr), done.stop) == (1000, "output")


def test_file_over_the_limit_ends_the_run(sandbox, work_dir):
    limits = Limits(file_bytes=1 << 20)

    done = sh(sandbox, work_dir, "exec head -c 2000000 /dev/zero > big", limits=limits)

    assert done.stop == "file"
    assert (work_dir / "big").stat().st_size == 1 << 20


def test_environment_holds_nothing_of_the_hosts(sandbox, work_dir, monkeypatch):
    monkeypatch.setenv("SLEEPY_TEST_TOKEN", "s3cret")

    done = sh(sandbox, work_dir, "env")

    assert "s3cret" not in done.stdout
    assert {line.split("=")[0] for line in done.stdout.splitlines()} <= {
        "CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_TERM_COLOR", "HOME", "LANG", "OLDPWD", "PATH",
        "PWD", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_WRAPPER", "SHLVL", "TMPDIR", "TZ", "_",
    }  # fmt: skip


def test_home_and_tmpdir_are_private_and_new_each_time(sandbox, work_dir):
    first = sh(sandbox, work_dir, "touch $HOME/a $TMPDIR/b && ls -A $HOME $TMPDIR")
    second = sh(sandbox, work_dir, "ls -A $HOME $TMPDIR")

    assert first.returncode == 0
    assert "a" in first.stdout
    assert "a" not in second.stdout.split()


def test_rustc_and_cargo_run(sandbox, work_dir):
    for tool in ("rustc", "cargo"):
        done = sandbox.run([tool, "--version"], work_dir=work_dir)
        assert done.stdout.startswith(tool)


@needs_bwrap
def test_confined_program_is_not_root_and_has_no_capabilities(work_dir):
    done = sh(
        Sandbox(), work_dir, "id -u; grep -E '^(CapInh|CapPrm|CapEff|NoNewPrivs)' /proc/self/status"
    )

    uid, *status = done.stdout.split("\n")
    assert uid != "0"
    assert [line.split()[1] for line in status if line] == ["0" * 16, "0" * 16, "0" * 16, "1"]


@needs_bwrap
def test_confined_program_sees_only_system_toolchain_and_work_dir(work_dir):
    done = sh(Sandbox(), work_dir, "ls /; pwd")

    *roots, cwd = done.stdout.split()
    assert set(roots) <= {
        "bin", "dev", "etc", "lib", "lib32", "lib64", "nix", "proc", "sbin", "tmp", "toolchain",
        "usr", "sandbox",
    }  # fmt: skip
    assert cwd == "/sandbox"


@needs_bwrap
def test_private_tmp_is_bounded(work_dir):
    limits = Limits(file_bytes=1 << 20)
    script = "for i in 1 2 3; do head -c 700000 /dev/zero > /tmp/$i || exit 1; done"

    assert sh(Sandbox(), work_dir, script, limits=limits).returncode == 1


@needs_bwrap
def test_nothing_but_work_dir_and_tmp_can_be_written(work_dir):
    script = "for d in / /etc /usr /dev /dev/shm /toolchain /proc; do touch $d/x && echo $d; done"

    assert sh(Sandbox(), work_dir, script).stdout == ""


def test_confinement_works_where_bubblewrap_does():
    """Otherwise most of what is here would be skipped without a word."""
    argv = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    try:
        does_work = subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        does_work = False

    assert confinement().is_working is does_work, confinement().reason


@needs_bwrap
def test_program_dies_with_the_one_that_started_it(work_dir):
    script = (
        "from pathlib import Path; from sleepy_coder.sandbox import Sandbox;"
        f"Sandbox().run(['sh', '-c', 'touch started; sleep 60; touch ended'], "
        f"work_dir=Path({str(work_dir)!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as starter:
        wait_until((work_dir / "started").exists)
        starter.kill()

    wait_until(lambda: not any_process_has(str(work_dir)))


def wait_until(is_so, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def any_process_has(argument):
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if argument.encode() in cmdline.read_bytes():
                return True
    return False


def test_missing_bwrap_is_an_error_that_says_what_to_do():
    with pytest.raises(SandboxError, match=r"no-such-bwrap was not found.*--allow-unconfined"):
        Sandbox(bwrap="no-such-bwrap")


def test_bwrap_that_does_not_work_is_an_error_with_its_words(tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho no user namespace >&2\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)

    found = confinement(str(broken))

    assert not found.is_working
    assert "no user namespace" in found.reason
    assert "allow user namespaces" in found.mend


def test_bwrap_that_only_pretends_is_not_trusted(tmp_path):
    """It runs nothing and reports success."""
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    fake.chmod(0o755)

    assert not confinement(str(fake)).is_working


def test_bwrap_is_looked_up_in_the_environment(monkeypatch):
    monkeypatch.setenv("SLEEPY_BWRAP", "no-such-bwrap")
    confinement.cache_clear()
    try:
        assert confinement().reason == "no-such-bwrap was not found"
    finally:
        confinement.cache_clear()


def test_missing_rust_is_an_error_that_says_what_to_do(sandbox, work_dir, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    toolchain.cache_clear()
    try:
        with pytest.raises(SandboxError, match="install Rust"):
            sandbox.run(["rustc", "--version"], work_dir=work_dir)
    finally:
        toolchain.cache_clear()


def test_missing_program_is_a_status_not_an_exception(sandbox, work_dir):
    done = sandbox.run(["no-such-program"], work_dir=work_dir)

    assert done.returncode in (126, 127)


def test_a_project_may_name_its_toolchain(tmp_path, monkeypatch):
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "rustc").write_text("#!/bin/sh\necho $PWD/sysroot\n")
    (bin_folder / "rustc").chmod(0o755)
    project = tmp_path / "project"
    (project / "sysroot/bin").mkdir(parents=True)
    (project / "sysroot/bin/rustc").write_text("#!/bin/sh\necho its own\n")
    (project / "sysroot/bin/rustc").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin_folder), prepend=os.pathsep)
    (tmp_path / "work").mkdir()
    sandbox = Sandbox(confine=False, project=project)
    assert sandbox.run(["rustc"], work_dir=tmp_path / "work").stdout == "its own\n"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_threads_of_the_user_are_counted():
    code = (
        "import sys, threading\n"
        "for _ in range(5):\n"
        "    threading.Thread(target=sys.stdin.read, daemon=True).start()\n"
        "print('ready', flush=True)\n"
        "threading.Event().wait()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as child:
        child.stdout.readline()
        count = sandbox_module._num_own_threads(Path(f"/proc/{child.pid}"))
        of_user = sandbox_module._num_threads_of_user()
        child.kill()
    assert count == 6
    assert of_user > count
    assert sandbox_module._num_own_threads(Path("/proc/0")) == 0
