"""Hostile programs, compiled and run for real: each attack fails, and the host is as before."""

import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from sleepy_coder import judge
from sleepy_coder.judge import compile_source
from sleepy_coder.sandbox import Limits, Sandbox, confinement
from sleepy_coder.workspace import check_workspace

pytestmark = pytest.mark.skipif(
    not confinement().is_working, reason=f"no bubblewrap: {confinement().reason}"
)

SECRET = "the host's secret"  # noqa: S105 - no password
LIBC = 'extern "C" { fn fork() -> i32; fn setsid() -> i32; fn close(fd: i32) -> i32; }'


@pytest.fixture
def work_dir(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def secret(tmp_path):
    """A file of the host's that everyone may read."""
    path = tmp_path / "secret.txt"
    path.write_text(SECRET, encoding="utf-8")
    path.chmod(0o644)
    return path


def build(code, work_dir, name="attack", sandbox=None):
    (work_dir / "main.rs").write_text(code, encoding="utf-8")
    argv = ["rustc", "--edition=2021", "-o", name, "main.rs"]
    done = (sandbox or Sandbox()).run(argv, work_dir=work_dir)
    assert done.returncode == 0, done.stderr


def run(code, work_dir, *arguments, name="attack", limits=None, sandbox=None):
    sandbox = sandbox or Sandbox()
    build(code, work_dir, name, sandbox)
    argv = [f"./{name}", *map(str, arguments)]
    return sandbox.run(argv, work_dir=work_dir, limits=limits or Limits(wall_s=20))


def processes_named(name):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text(encoding="utf-8").strip() == name:
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_infinite_loop_is_stopped(work_dir):
    done = run("fn main() { loop { std::hint::spin_loop() } }", work_dir, limits=Limits(cpu_s=1))

    assert done.stop == "cpu"


def test_fork_bomb_stays_small_and_dies(work_dir):
    code = LIBC + "fn main() { loop { unsafe { fork(); } } }"
    build(code, work_dir, "forkbomb")
    counts, is_over = [], threading.Event()

    def sample():
        while not is_over.wait(0.05):
            counts.append(len(processes_named("forkbomb")))

    sampler = threading.Thread(target=sample)
    sampler.start()
    done = Sandbox().run(["./forkbomb"], work_dir=work_dir, limits=Limits(wall_s=1.5, processes=20))
    is_over.set()
    sampler.join()

    assert done.stop == "timeout"
    assert 2 <= max(counts) <= 20
    assert processes_named("forkbomb") == []


def test_ten_gib_of_output_are_not_buffered(work_dir):
    code = """
        use std::io::Write;
        fn main() {
            let chunk = vec![b'x'; 1 << 20];
            for _ in 0..10 << 10 { std::io::stdout().write_all(&chunk).unwrap(); }
        }
    """
    done = run(code, work_dir, limits=Limits(output_bytes=1 << 20))

    assert done.stop == "output"
    assert len(done.stdout) == 1 << 20
    assert done.seconds < 15


def test_64_gib_allocation_fails(work_dir):
    code = (
        'fn main() { println!("{}", vec![7u8; 64 << 30].iter().map(|b| *b as u64).sum::<u64>()) }'
    )

    done = run(code, work_dir)

    assert done.returncode == 128 + signal.SIGABRT
    assert "memory allocation of 68719476736 bytes failed" in done.stderr


def test_allocation_over_the_limit_fails(work_dir):
    code = """
        fn main() { println!("{}", Vec::<u8>::new().try_reserve(700 << 20).is_ok()); }
    """
    small = run(code, work_dir, limits=Limits(address_space_bytes=512 << 20))
    large = run(code, work_dir, limits=Limits(address_space_bytes=1024 << 20))

    assert (small.stdout, large.stdout) == ("false\n", "true\n")


@pytest.mark.parametrize("macro", ["include_str", "include_bytes", "include"])
def test_include_of_a_host_file_does_not_compile(macro, secret):
    secret.write_text('"a literal"', encoding="utf-8")
    code = f'pub fn f() {{ let _ = {macro}!("{secret}"); }}'

    assert compile_lib(code, Sandbox(confine=False)).is_ok  # the attack works where it may
    confined = compile_lib(code, Sandbox())
    assert not confined.is_ok
    assert "couldn't read" in confined.diagnostics[0]["message"]


def test_env_of_a_host_secret_does_not_compile(monkeypatch):
    monkeypatch.setenv("SLEEPY_TEST_TOKEN", SECRET)

    for sandbox in (Sandbox(), Sandbox(confine=False)):
        compiled = compile_lib('pub const T: &str = env!("SLEEPY_TEST_TOKEN");', sandbox)
        assert not compiled.is_ok
        assert "not defined" in compiled.diagnostics[0]["message"]


def compile_lib(code, sandbox):
    return compile_source(code, crate_type="lib", edition="2021", sandbox=sandbox)


# Returns what it could reach, for build scripts and macros to complain about.
SPY = """
fn spy() -> Option<String> {
    let secret = std::fs::read_to_string("SECRET").ok().map(|_| "read a host file".to_string());
    let write = std::fs::write("SECRET.new", "x").ok().map(|_| "wrote a host file".to_string());
    let token = std::env::var("SLEEPY_TEST_TOKEN").ok().map(|_| "read a token".to_string());
    secret.or(write).or(token)
}
"""


def write_crate(folder, name, *, manifest="", **sources):
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{manifest}',
        encoding="utf-8",
    )
    for source, text in sources.items():
        path = folder / ("build.rs" if source == "build" else f"src/{source}.rs")
        path.write_text(text, encoding="utf-8")


def test_build_script_reaches_nothing(tmp_path, secret, monkeypatch):
    monkeypatch.setenv("SLEEPY_TEST_TOKEN", SECRET)
    script = SPY.replace("SECRET", str(secret)) + "fn main() { assert_eq!(spy(), None) }"
    write_crate(tmp_path / "crate", "victim", lib="", build=script)

    unconfined = check_workspace(tmp_path / "crate", Sandbox(confine=False))
    (tmp_path / "secret.txt.new").unlink()
    confined = check_workspace(tmp_path / "crate", Sandbox())

    assert not unconfined.is_ok  # the attack works where it may
    assert confined.is_ok, confined.detail
    assert not (tmp_path / "secret.txt.new").exists()


def test_procedural_macro_reaches_nothing(tmp_path, secret):
    macro = (
        SPY.replace("SECRET", str(secret))
        + """
        #[proc_macro]
        pub fn snoop(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
            assert_eq!(spy(), None);
            proc_macro::TokenStream::new()
        }
    """
    )
    manifest = '[dependencies]\nsnoop = { path = "snoop" }\n[workspace]\n'
    write_crate(tmp_path / "crate", "victim", manifest=manifest, lib="snoop::snoop!();")
    snoop = tmp_path / "crate" / "snoop"
    write_crate(snoop, "snoop", manifest="[lib]\nproc-macro = true\n", lib=macro)

    unconfined = check_workspace(tmp_path / "crate", Sandbox(confine=False))
    confined = check_workspace(tmp_path / "crate", Sandbox())

    assert "proc macro panicked" in unconfined.detail
    assert confined.is_ok, confined.detail


def test_links_left_by_a_build_script_are_not_followed(tmp_path, secret):
    """The next check copies the workspace anew: not through a link to a file of the host's."""
    script = f"""
        fn main() {{
            let _ = std::fs::remove_file("src/lib.rs");
            std::os::unix::fs::symlink("{secret}", "src/lib.rs").unwrap();
        }}
    """
    write_crate(tmp_path / "crate", "victim", lib="pub fn f() {}", build=script)
    (tmp_path / "scratch").mkdir()

    for _ in range(2):
        check_workspace(tmp_path / "crate", Sandbox(), scratch=tmp_path / "scratch")

    assert secret.read_text(encoding="utf-8") == SECRET
    assert (tmp_path / "crate/src/lib.rs").read_text(encoding="utf-8") == "pub fn f() {}"


def test_links_in_a_workspace_are_not_followed_out_of_it(tmp_path, secret):
    lib = 'pub const S: &str = include_str!("linked.txt");'
    write_crate(tmp_path / "crate", "victim", lib=lib)
    (tmp_path / "crate/src/linked.txt").symlink_to(secret)

    checked = check_workspace(tmp_path / "crate", Sandbox())

    assert "couldn't read `src/linked.txt`" in checked.detail


def test_writing_outside_fails(tmp_path, work_dir):
    code = """
        fn main() {
            for path in std::env::args().skip(1) {
                if std::fs::write(&path, "x").is_ok() { println!("{path}"); }
            }
        }
    """
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o777)

    done = run(code, work_dir, outside / "a", "../b", "/usr/c", "/toolchain/d", "/etc/e", "in")

    assert done.stdout == "in\n"
    assert list(outside.iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["outside", "work"]


def test_sockets_reach_nobody(tmp_path, work_dir):
    code = """
        use std::{net::TcpStream, os::unix::net::UnixStream};
        fn main() {
            let arguments: Vec<String> = std::env::args().collect();
            println!("tcp {}", TcpStream::connect(&arguments[1]).is_ok());
            println!("unix {}", UnixStream::connect(&arguments[2]).is_ok());
        }
    """
    path = tmp_path / "socket"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))
        path.chmod(0o777)
        unix.listen()
        address = f"127.0.0.1:{tcp.getsockname()[1]}"
        unconfined = run(code, work_dir, address, path, sandbox=Sandbox(confine=False))
        confined = run(code, work_dir, address, path)

    assert unconfined.stdout == "tcp true\nunix true\n"  # the attack works where it may
    assert confined.stdout == "tcp false\nunix false\n"


def test_home_of_the_user_is_not_there(tmp_path, work_dir, monkeypatch):
    code = """
        fn main() {
            let home = std::env::var("HOME").unwrap();
            println!("{:?}", std::fs::read_dir(home).unwrap().count());
            println!("{:?}", std::fs::read_dir(std::env::args().nth(1).unwrap()).is_ok());
        }
    """
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text(SECRET, encoding="utf-8")
    build(code, work_dir)
    monkeypatch.setenv("HOME", str(home))

    done = Sandbox().run(["./attack", str(home)], work_dir=work_dir)

    assert done.stdout == "0\nfalse\n"


def test_symlink_in_the_work_dir_leads_nowhere(work_dir, secret):
    code = """
        fn main() {
            println!("{}", std::fs::read_to_string("link").is_ok());
            println!("{}", std::fs::write("link", "overwritten").is_ok());
            println!("{}", std::fs::read_to_string("folder/secret.txt").is_ok());
        }
    """
    (work_dir / "link").symlink_to(secret)
    (work_dir / "folder").symlink_to(secret.parent)

    done = run(code, work_dir)

    assert done.stdout == "false\nfalse\nfalse\n"
    assert secret.read_text(encoding="utf-8") == SECRET


def test_owner_of_a_linked_file_stays(work_dir, secret):
    """Root hands the work dir to an uid of no one; not what links in it point to."""
    before = secret.stat().st_uid
    (work_dir / "link").symlink_to(secret)

    Sandbox().run(["true"], work_dir=work_dir)

    assert secret.stat().st_uid == before


def test_const_evaluation_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr(judge, "COMPILE_LIMITS", Limits(cpu_s=1))
    code = """
        #![allow(long_running_const_eval)]
        pub const HANG: u64 = { let mut i = 0; while i < u64::MAX { i += 1; } i };
    """
    compiled = compile_lib(code, Sandbox())

    assert compiled.is_timeout
    assert not compiled.is_ok


def test_macro_that_doubles_for_ever_is_stopped(monkeypatch):
    monkeypatch.setattr(judge, "COMPILE_LIMITS", Limits(wall_s=4, cpu_s=1))
    code = "macro_rules! m { ($($t:tt)*) => { m!($($t)* $($t)*); } } m!(a);"

    compiled = compile_lib(code, Sandbox())

    assert not compiled.is_ok
    assert compiled.detail


DAEMON = (
    LIBC
    + """
    fn main() {
        unsafe {
            if fork() > 0 { return; }
            setsid();
            for fd in 0..3 { close(fd); }
            if fork() > 0 { return; }
        }
        std::fs::write("pid", std::process::id().to_string()).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(20));
    }
"""
)


def test_daemon_does_not_survive(work_dir):
    done = run(DAEMON + "// confined", work_dir, name="daemon_confined")

    assert done.returncode == 0
    assert processes_named("daemon_confined") == []


def test_daemon_survives_without_bubblewrap_as_documented(work_dir):
    done = run(DAEMON, work_dir, name="daemon_free", sandbox=Sandbox(confine=False))
    time.sleep(0.2)
    survivors = processes_named("daemon_free")
    for pid in survivors:
        os.kill(pid, signal.SIGKILL)

    assert done.returncode == 0
    assert survivors


def test_daemon_that_holds_the_pipes_does_not_delay_the_end(work_dir):
    code = DAEMON.replace("close(fd);", "let _ = fd;")

    done = run(code, work_dir, name="daemon_pipes")

    assert done.seconds < 15
    assert processes_named("daemon_pipes") == []
