"""`sleepy fix` on projects as people lay them out; real rustc and cargo, the answers are given."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from sleepy_coder.cargo_config import read_outer_config
from sleepy_coder.cli import fix as cli_fix
from sleepy_coder.cli import main
from sleepy_coder.fix import repair_project
from sleepy_coder.project import CargoProject
from sleepy_coder.proposals import RUSTC, Proposal
from sleepy_coder.workspace import Build, check_workspace

PACKAGE = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'
GROWING = "pub fn grown(n: u32) -> u32 {\n    let k = n;\n    k += 1;\n    k\n}\n"
WRONG = 'pub fn wrong() -> u32 {\n    "x"\n}\n'


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def mend(root, sandbox, tmp_path, answers=(), build=None):
    """Mend a project; an answer is what takes the place of a text."""

    def propose(problem):
        for old, new in answers:
            if old in problem.buggy:
                yield Proposal(new, problem.buggy.replace(old, new))

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return repair_project(CargoProject(root, sandbox, scratch, build or Build()), propose)


def run(*arguments):
    return CliRunner().invoke(main, ["fix", *map(str, arguments), "--allow-unconfined"])


def test_a_link_that_a_build_puts_in_the_copys_place_leads_nowhere(sandbox, tmp_path):
    scratch, treasure, root = tmp_path / "scratch", tmp_path / "treasure", tmp_path / "p"
    scratch.mkdir()
    write(treasure, {"diary.txt": "mine", ".git/config": "mine"})
    write(root, {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": "pub fn f() {}\n"})
    assert check_workspace(root, sandbox, scratch=scratch).is_ok
    (scratch / "source").rename(scratch / "elsewhere")
    (scratch / "source").symlink_to(treasure)
    (scratch / "last").symlink_to(treasure)
    assert check_workspace(root, sandbox, scratch=scratch).is_ok
    assert not (scratch / "source").is_symlink()
    assert sorted(p.name for p in treasure.rglob("*")) == [".git", "config", "diary.txt"]


def test_files_outside_the_workspace_that_it_reads_are_there(sandbox, tmp_path):
    lib = (
        '#![doc = include_str!("../../docs/intro.md")]\n'
        'const SCHEMA: &str = include_str!("../../db/schema.sql");\n\n'
        "pub fn tables() -> usize {\n    SCHEMA.lines().count()\n}\n\n" + GROWING
    )
    repo = tmp_path / "repo"
    write(repo, {".git/HEAD": "", "docs/intro.md": "# It\n", "db/schema.sql": "a\nb\n"})
    write(repo / "ws", {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": lib})
    repair = mend(repo / "ws", sandbox, tmp_path)
    assert repair.is_ok
    assert repair.changes["src/lib.rs"][1] == lib.replace("let k", "let mut k")
    assert not (repo / "ws/target").exists()


@pytest.mark.parametrize("line", ['const A: &str = include_str!("gone.txt");', "pub mod gone;"])
def test_a_file_that_is_not_there_is_not_mended_away(sandbox, tmp_path, line):
    write(tmp_path / "p", {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": f"{line}\n\n{GROWING}"})
    away = [('include_str!("gone.txt")', '""'), ("pub mod gone;", "pub mod gone {}")]
    repair = mend(tmp_path / "p", sandbox, tmp_path, away)
    assert not repair.is_ok
    assert all(away[0][1] not in text for _, text in repair.changes.values())
    assert all(away[1][1] not in text for _, text in repair.changes.values())


def test_what_is_used_no_more_counts_before_all_is_mended(sandbox, tmp_path):
    lib = "const LIMIT: u32 = 10;\n\npub fn f(n: u32) -> u32 {\n    n + LIMIT + true\n}\n\n" + WRONG
    answers = [
        ("n + LIMIT + true", "n + 10"),
        ("n + LIMIT + true", "n + LIMIT"),
        ('"x"', "(0..3).sum()"),
    ]
    write(tmp_path / "p", {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": lib})
    repair = mend(tmp_path / "p", sandbox, tmp_path, answers)
    assert repair.is_ok
    assert {step.by for step in repair.steps} == {answers[1][1], answers[2][1]}


def test_a_build_script_that_fails_elsewhere_is_no_hindrance(sandbox, tmp_path):
    root = tmp_path / "ws"
    write(
        root,
        {
            "Cargo.toml": '[workspace]\nmembers = ["core", "gui"]\nresolver = "2"\n',
            "core/Cargo.toml": PACKAGE.format("core-of-it"),
            "core/src/lib.rs": WRONG + GROWING,
            "gui/Cargo.toml": PACKAGE.format("gui"),
            "gui/build.rs": 'fn main() {\n    panic!("no library of that name");\n}\n',
            "gui/src/lib.rs": "",
        },
    )
    repair = mend(root, sandbox, tmp_path, [('"x"', "(0..3).sum()")])
    assert not repair.is_ok
    assert repair.num_after == 0
    assert {step.by for step in repair.steps} == {RUSTC, "(0..3).sum()"}
    assert "build command" in repair.detail


def test_members_that_are_not_built_by_default_are_left_alone(tmp_path):
    root = tmp_path / "ws"
    names = '[workspace]\nmembers = ["server", "firmware"]\ndefault-members = ["server"]\n'
    write(
        root,
        {
            "Cargo.toml": names,
            "server/Cargo.toml": PACKAGE.format("server"),
            "server/src/lib.rs": GROWING,
            "firmware/Cargo.toml": PACKAGE.format("firmware"),
            "firmware/src/lib.rs": GROWING.replace("grown", "burnt"),
        },
    )
    assert run(root, "--rustc-only", "--apply").exit_code == 0
    assert "let mut" in (root / "server/src/lib.rs").read_text()
    assert "let mut" not in (root / "firmware/src/lib.rs").read_text()
    assert run(root / "firmware/src", "--rustc-only", "--apply").exit_code == 0
    assert "let mut" in (root / "firmware/src/lib.rs").read_text()


def test_a_root_package_that_is_not_built_by_default_is_where_it_is_named(tmp_path):
    root = tmp_path / "ws"
    names = '[workspace]\nmembers = ["server"]\ndefault-members = ["server"]\n'
    write(
        root,
        {
            "Cargo.toml": PACKAGE.format("ws") + names,
            "src/lib.rs": GROWING,
            "server/Cargo.toml": PACKAGE.format("server"),
            "server/src/lib.rs": "",
        },
    )
    assert "nothing to mend" in run(root, "--rustc-only").stderr
    assert "1 error mended" in run(root / "src/lib.rs", "--rustc-only").stderr


def test_a_file_of_tests_alone_is_mended_where_it_is_named(tmp_path):
    root = tmp_path / "p"
    lib = "pub fn f() {}\n\n#[cfg(test)]\nmod tests;\n"
    tests = "#[test]\nfn counts() {\n    let n = 1;\n    n += 1;\n    assert_eq!(n, 2);\n}\n"
    write(root, {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": lib, "src/tests.rs": tests})
    assert "nothing to mend" in run(root, "--rustc-only").stderr
    assert "1 error mended" in run(root / "src/tests.rs", "--rustc-only", "--apply").stderr
    assert "let mut n" in (root / "src/tests.rs").read_text()


def test_benchmarks_are_compiled_for_their_own_sake_only(tmp_path):
    root = tmp_path / "p"
    bench = "#![feature(test)]\nfn main() {\n    let n = 1;\n    n += 1;\n}\n"
    write(
        root,
        {
            "Cargo.toml": PACKAGE.format("p") + '[[bench]]\nname = "quick"\nharness = false\n',
            "src/lib.rs": GROWING,
            "benches/quick.rs": bench,
        },
    )
    assert run(root, "--test", "--rustc-only", "--apply").exit_code == 0
    assert "let mut" in (root / "src/lib.rs").read_text()
    (root / "benches/quick.rs").write_text(bench.partition("\n")[2])
    assert run(root / "benches", "--rustc-only", "--apply").exit_code == 0
    assert "let mut" in (root / "benches/quick.rs").read_text()


def test_configuration_above_the_workspace_holds(sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "cargo"))
    repo = tmp_path / "repo"
    config = (
        '[build]\nrustflags = ["--cfg", "wide"]\nrustc-wrapper = "/no/such/program"\n'
        '[env]\nGREETING = { value = "hi", force = true }\n'
        '[source.crates-io]\nreplace-with = "own"\n[source.own]\ndirectory = "vendor"\n'
    )
    lib = (
        '#[cfg(not(wide))]\ncompile_error!("narrow");\n\n'
        'pub const GREETING: &str = env!("GREETING");\n\npub use leaf::leaf;\n\n' + GROWING
    )
    needs = '[dependencies]\nleaf = "0.1"\n'
    write(
        repo,
        {
            ".cargo/config.toml": config,
            "vendor/leaf/Cargo.toml": PACKAGE.format("leaf"),
            "vendor/leaf/.cargo-checksum.json": '{"files": {}}',
            "vendor/leaf/src/lib.rs": "pub fn leaf() {}\n",
            "rust/Cargo.toml": PACKAGE.format("p") + needs,
            "rust/src/lib.rs": lib,
        },
    )
    repair = mend(repo / "rust", sandbox, tmp_path)
    assert repair.is_ok, repair.detail
    assert repair.changes["src/lib.rs"][1] == lib.replace("let k", "let mut k")


def test_of_outer_configuration_the_nearest_holds_and_the_workspaces_own_before_it(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "home"))
    registry = '[registries.own]\nindex = "sparse+https://own.example/"\ntoken = "secret"\n'
    write(
        tmp_path,
        {
            "home/config.toml": f'{registry}[build]\nrustflags = ["-A", "one"]\ntarget-dir = "x"\n',
            "a/.cargo/config.toml": '[target.x]\nlinker = "ld"\n'
            'rustflags = "-C link-arg=-s -Clinker=ld -C opt-level=1 --cfg link"\n'
            '[env]\nA = "far"\nB = { value = "b ↯", force = true }\n'
            'C = { value = "c", relative = true }\nD = "outer"\n',
            "a/b/.cargo/config": '[env]\nA = "near"\n[build]\nrustflags = ["-A", "two"]\n',
            "a/b/ws/.cargo/config.toml": '[env]\nD = "own"\n[build]\nrustflags = ["-A", "three"]\n',
        },
    )
    found = read_outer_config(tmp_path / "a/b/ws")
    assert set(found.options) == {
        '"registries"."own"."index"="sparse+https://own.example/"',
        '"build"."rustflags"=["-A", "one", "-A", "two"]',
        '"env"."A"="near"',
        '"target"."x"."rustflags"=["-C", "opt-level=1", "--cfg", "link"]',
        '"env"."B"."value"="b ↯"',
        '"env"."B"."force"=true',
    }
    assert found.folders == ()


def test_a_method_that_its_trait_has_not_may_be_renamed(sandbox, tmp_path):
    lib = (
        "pub struct Count(u32);\n\nimpl Iterator for Count {\n    type Item = u32;\n\n"
        "    fn nxt(&mut self) -> Option<u32> {\n"
        "        self.0 += 1;\n        Some(self.0)\n    }\n}\n"
    )
    write(tmp_path / "p", {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": lib})
    gone = lib[lib.index("    fn nxt") : lib.rindex("}")]
    answers = [(gone, "    fn next(&mut self) -> Option<u32> {\n        None\n    }\n"),
               ("fn nxt", "fn next")]  # fmt: skip
    repair = mend(tmp_path / "p", sandbox, tmp_path, answers)
    assert repair.is_ok
    assert "self.0 += 1" in repair.changes["src/lib.rs"][1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("thread_locl! { static A: u8 = 1; }", "thread_local! { static A: u8 = 1; }"),
        ("thread_locl! { static A: u8 = 1; }", "pub static A: u8 = 1;"),
    ],
)
def test_a_macro_that_there_is_not_may_be_another(sandbox, tmp_path, old, new):
    lib = f"{old}\n\npub fn f() -> u8 {{\n    1\n}}\n"
    write(tmp_path / "p", {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": lib})
    repair = mend(tmp_path / "p", sandbox, tmp_path, [(old, ""), (old, new)])
    assert repair.is_ok
    assert "A: u8 = 1" in repair.changes["src/lib.rs"][1]


def test_what_a_merge_left_twice_may_go_once(sandbox, tmp_path):
    part = "pub struct Part {\n    pub width: u32,\n}\n\n"
    other = "pub fn of(part: &Part) -> u32 {\n    part.width\n}\n"
    write(tmp_path / "p", {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": part + part + other})
    answers = [(part + part, ""), (part + part, part)]
    repair = mend(tmp_path / "p", sandbox, tmp_path, answers)
    assert repair.is_ok
    assert repair.changes["src/lib.rs"][1] == part + other


def test_of_two_that_differ_none_may_go(sandbox, tmp_path):
    one = "pub fn part() -> u32 {\n    1\n}\n\n"
    two = one.replace("    1", "    let n = 1;\n    n + 1")
    write(tmp_path / "p", {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": one + two})
    repair = mend(tmp_path / "p", sandbox, tmp_path, [(one, ""), (two, "")])
    assert (repair.is_ok, repair.changes) == (False, {})


def test_all_files_are_written_or_none(tmp_path, monkeypatch):
    write(tmp_path, {"a.rs": "old a", "b.rs": "old b"})
    changes = {name: (f"old {name[0]}", f"new {name[0]}") for name in ("a.rs", "b.rs")}
    repair = replace(_REPAIR, changes=changes)
    real, calls = os.replace, []

    def fail_once(old, new):
        calls.append(new)
        if len(calls) == 2:
            raise OSError(28, "No space left on device", str(new))
        real(old, new)

    monkeypatch.setattr(cli_fix.Path, "replace", fail_once)
    with pytest.raises(cli_fix.InputError, match="No space left"):
        cli_fix._write(tmp_path, repair)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        name: before for name, (before, _) in changes.items()
    }
    cli_fix._write(tmp_path, repair)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        name: after for name, (_, after) in changes.items()
    }


_REPAIR = cli_fix.Repair(is_ok=True, num_before=1, num_after=0, changes={})


UNUSED = """#![deny(warnings)]
use std::collections::HashMap;

pub fn counted() -> usize {
    let mut n = 0;
    #[cfg(test)]
    {
        n += 1;
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds() {
        let empty: HashMap<i32, i32> = HashMap::new();
        assert_eq!(empty.len() + 1, counted());
    }
}
"""


def test_what_a_lint_would_have_go_stays_where_the_tests_need_it(tmp_path):
    write(tmp_path, {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": UNUSED})
    result = run(tmp_path, "--rustc-only", "--apply")
    assert result.exit_code == 1, result.stderr
    assert (tmp_path / "src/lib.rs").read_text() == UNUSED
    alone = UNUSED.partition("#[cfg(test)]\nmod")[0].replace(
        "    #[cfg(test)]\n", "    #[cfg(any())]\n"
    )
    (tmp_path / "src/lib.rs").write_text(alone)
    result = run(tmp_path, "--rustc-only", "--apply")
    assert result.exit_code == 0, result.stderr
    assert "HashMap" not in (tmp_path / "src/lib.rs").read_text()
    assert result.stderr.count(": mended (") == 2  # each lint once: the tests had no objection


def test_what_a_lint_would_have_go_goes_where_the_tests_fail_for_another_reason(tmp_path):
    tests = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn holds() {\n        nope();\n    }\n}\n"
    unused = f"#![deny(unused_mut)]\npub fn f() -> u8 {{\n    let mut n = 0;\n    n\n}}\n\n{tests}"
    write(tmp_path, {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": unused})
    result = run(tmp_path, "--rustc-only", "--apply")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "src/lib.rs").read_text() == unused.replace("let mut", "let")


def test_what_stopped_it_does_not_start_it_again(tmp_path, monkeypatch):
    write(tmp_path, {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": UNUSED + WRONG})
    asked = []

    def interrupt(_self, problem):
        asked.append(problem)
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_fix._Asker, "__call__", interrupt)
    result = run(tmp_path)
    assert result.exit_code == 1
    assert len(asked) == 1
    assert "interrupted" in result.stderr


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (
            {"Cargo.toml": '[workspace]\nmembers = ["../sib"]\nresolver = "2"\n'},
            "../sib/src/lib.rs",
        ),
        (
            {
                "Cargo.toml": PACKAGE.format("p"),
                "src/lib.rs": "",
                ".cargo/config.toml": '[build]\nbuild-dir = "elsewhere"\n',
            },
            "src/lib.rs",
        ),
    ],
)
def test_a_file_that_is_compiled_is_found(tmp_path, files, named):
    root = tmp_path / "ws"
    manifest = PACKAGE.format("sib").replace("[package]", '[package]\nworkspace = "../ws"')
    write(tmp_path / "sib", {"Cargo.toml": manifest, "src/lib.rs": ""})
    write(root, files)
    result = run(root / named, "--rustc-only")
    assert (result.exit_code, result.stderr) == (0, "nothing to mend: it compiles\n")
    assert not (root / "elsewhere").exists()


def test_a_file_that_nothing_compiles_is_not_called_sound(tmp_path):
    files = {"src/main.rs": "mod found;\nfn main() {\n    found::f();\n}\n", "src/lost.rs": WRONG}
    write(tmp_path, {"Cargo.toml": PACKAGE.format("p"), "src/found.rs": "pub fn f() {}\n", **files})
    result = run(tmp_path / "src/lost.rs", "--rustc-only")
    assert result.exit_code == 2
    assert "nothing that is built here holds it; is a `mod` missing, or a feature?" in result.stderr
    for name in ("main", "found"):
        result = run(tmp_path / f"src/{name}.rs", "--rustc-only")
        assert (result.exit_code, result.stderr) == (0, "nothing to mend: it compiles\n")


def test_flags_of_the_environment_hold(tmp_path, monkeypatch):
    hidden = f"fn main() {{}}\n\n#[cfg(seen)]\n{GROWING}"
    write(tmp_path, {"Cargo.toml": PACKAGE.format("p"), "src/main.rs": hidden})
    assert "nothing to mend" in run(tmp_path, "--rustc-only").stderr
    monkeypatch.setenv("RUSTFLAGS", "--cfg seen -C linker=nowhere")
    assert "1 error mended" in run(tmp_path, "--rustc-only").stderr


def test_of_flags_those_of_the_environment_take_the_others_place(tmp_path, monkeypatch):
    write(tmp_path, {".cargo/config.toml": '[build]\nrustflags = ["--cfg", "above"]\n'})
    root = tmp_path / "p"
    root.mkdir()
    assert any("above" in option for option in read_outer_config(root).options)
    monkeypatch.setenv("CARGO_ENCODED_RUSTFLAGS", '--cfg\x1fa="b c"')
    assert read_outer_config(root).options == (r'"build"."rustflags"=["--cfg", "a=\"b c\""]',)
    monkeypatch.delenv("CARGO_ENCODED_RUSTFLAGS")
    monkeypatch.setenv("RUSTFLAGS", "")
    assert read_outer_config(root).options == ('"build"."rustflags"=[]',)
    monkeypatch.delenv("RUSTFLAGS")
    monkeypatch.setenv("CARGO_BUILD_RUSTFLAGS", "-Dwarnings")  # of a configuration, as files are
    (option,) = read_outer_config(root).options
    assert option == '"build"."rustflags"=["--cfg", "above", "-Dwarnings"]'


def test_the_target_of_the_environment_takes_the_others_place(tmp_path, monkeypatch):
    write(tmp_path, {".cargo/config.toml": '[build]\ntarget = "above"\n'})
    write(tmp_path, {"p/.cargo/config.toml": '[build]\ntarget = "own"\n'})
    assert read_outer_config(tmp_path / "p").options == ()
    monkeypatch.setenv("CARGO_BUILD_TARGET", "wasm32-unknown-unknown")
    (option,) = read_outer_config(tmp_path / "p").options
    assert option == '"build"."target"="wasm32-unknown-unknown"'


def test_an_error_that_is_out_of_reach_is_told(tmp_path):
    write(tmp_path / "near", {"Cargo.toml": PACKAGE.format("near"), "src/lib.rs": GROWING})
    manifest = PACKAGE.format("p") + '[dependencies]\nnear = { path = "../near" }\n'
    write(tmp_path / "p", {"Cargo.toml": manifest, "src/lib.rs": ""})
    result = run(tmp_path / "p", "--rustc-only")
    assert result.exit_code == 1
    assert result.stderr.startswith("../near/src/lib.rs:3: error[E0384]")


def test_a_place_where_nothing_can_be_written_is_named(tmp_path, monkeypatch):
    write(tmp_path, {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": GROWING})

    def refuse(self, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    for method in ("write_bytes", "unlink"):
        real = getattr(Path, method)

        def only_here(self, *rest, _real=real, **named):
            is_here = self.is_relative_to(tmp_path / "src")
            return (refuse if is_here else _real)(self, *rest, **named)

        monkeypatch.setattr(Path, method, only_here)
    result = run(tmp_path, "--rustc-only", "--apply")
    assert result.exit_code == 2, result.exception
    assert "cannot be written: Read-only file system" in result.stderr


def test_it_says_that_it_stopped_before_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("sleepy_coder.fix.MAX_ERRORS_TRIED", 2)
    wrong = "".join(f"pub fn f{n}() -> String {{\n    {n}\n}}\n" for n in range(4))
    write(tmp_path, {"Cargo.toml": PACKAGE.format("p"), "src/lib.rs": wrong})
    result = run(tmp_path, "--rustc-only")
    assert result.exit_code == 1
    assert "2 were worked on" in result.stderr
