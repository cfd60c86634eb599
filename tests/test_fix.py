"""`sleepy fix`: which changes are kept, on real rustc and cargo; the model is scripted."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from scripted import ScriptedModel
from sleepy_coder.cli import fix as cli_fix
from sleepy_coder.cli import main
from sleepy_coder.cli.sources import ModelOptions
from sleepy_coder.episodes import Episode, episodes_path, load_episodes, record_episodes
from sleepy_coder.errors import InputError
from sleepy_coder.excerpt import cut_excerpt
from sleepy_coder.fix import MAX_ANSWERS_MENDED, repair_project
from sleepy_coder.path_dependencies import Surroundings, find_surroundings
from sleepy_coder.project import CargoProject, FileProject
from sleepy_coder.prompt import render_answer
from sleepy_coder.proposals import RUSTC, RUSTC_GUESS, Proposal, propose_answers
from sleepy_coder.verification import Verifier
from sleepy_coder.workbench import Workbench
from sleepy_coder.workspace import Build, check_workspace, copy_project

LIB = """\
//! What trees bear.

pub struct Tree {
    pub crates: Vec<u32>,
}

impl Tree {
    pub fn pick(&self, apples: u32) {
        self.crates.push(apples);
    }
}

pub fn best(trees: &[Tree]) -> Option<&Tree> {
    trees.iter().max_by_key(|tree| tree.crates.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_of_none() {
        assert!(best(&[]).is_none());
    }
}
"""
MAIN = """\
use orchard::{best, Tree};

fn main() {
    let trees = vec![Tree { crates: vec![1] }];
    let top = best(&trees);
    println!("{}", top.crates.len());
}
"""
# For its error rustc suggests nothing, not even what may be incorrect.
UNCLEAR = MAIN.replace("top.crates.len()", "top * 2")


@pytest.fixture
def workspace(tmp_path):
    """A workspace of two crates; the second one's error shows when the first one compiles."""
    root = tmp_path / "orchard ws"
    (root / "core/src").mkdir(parents=True)
    (root / "app/src").mkdir(parents=True)
    (root / "Cargo.toml").write_text('[workspace]\nmembers = ["core", "app"]\nresolver = "2"\n')
    package = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'
    (root / "core/Cargo.toml").write_text(package.format("orchard"))
    needs = '[dependencies]\norchard = { path = "../core" }\n'
    (root / "app/Cargo.toml").write_text(package.format("orchard-app") + needs)
    (root / "core/src/lib.rs").write_text(LIB)
    (root / "app/src/main.rs").write_text(MAIN)
    return root


def unwrapping(problem):
    yield Proposal("one", problem.buggy)  # no change
    yield Proposal("one", None)
    yield Proposal("one", problem.buggy.replace("top.crates", "top.sort"))
    yield Proposal("one", "fn main() {}\n")
    good = problem.buggy.replace("best(&trees);", "best(&trees).unwrap();")
    yield Proposal("two", good.replace("vec![1]", "vec![2]"))
    yield Proposal("three", good)


def test_a_workspace_is_mended_crate_by_crate(workspace, sandbox, tmp_path):
    files = {p: p.read_bytes() for p in workspace.rglob("*") if p.is_file()}
    steps = []
    project = CargoProject(workspace, sandbox, tmp_path / "scratch")
    (tmp_path / "scratch").mkdir()
    repair = repair_project(project, unwrapping, run_tests=True, on_step=steps.append)
    assert repair.is_ok
    assert (repair.num_before, repair.num_after) == (1, 0)
    assert [(s.file, s.line, s.by, s.num_left) for s in steps] == [
        ("core/src/lib.rs", 9, RUSTC, 1),
        ("app/src/main.rs", 6, "two", 0),
    ]
    assert repair.changes == {
        "core/src/lib.rs": (LIB, LIB.replace("pick(&self", "pick(&mut self")),
        # What the answer changed besides is left out again.
        "app/src/main.rs": (MAIN, MAIN.replace("best(&trees);", "best(&trees).unwrap();")),
    }
    assert {p: p.read_bytes() for p in workspace.rglob("*") if p.is_file()} == files


def test_failing_tests_are_no_repair(workspace, sandbox, tmp_path):
    (tmp_path / "scratch").mkdir()
    lib = workspace / "core/src/lib.rs"
    lib.write_text(LIB.replace("is_none", "is_some"))
    project = CargoProject(workspace, sandbox, tmp_path / "scratch")
    repair = repair_project(project, unwrapping, run_tests=True)
    assert not repair.is_ok
    assert repair.num_after == 0
    assert repair.detail


TESTED = """\
pub fn f(n: u32) -> u32 {
    BODY
}

#[cfg(test)]
mod tests {
    #[test]
    fn adds() {
        assert_eq!(super::f(1), 3);
    }
}
"""


@pytest.mark.parametrize(
    ("body", "answers", "expected"),
    [
        pytest.param("let k = 1;\n    n + k + true",
                     ["let k = 1;\n    n + k", "let k = 1;\n    n + k + 1"],
                     ("1", "let k = 1;\n    n + k + 1"), id="the next answer"),
        pytest.param("let k = 1;\n    n + k + true", ["let k = 2;\n    n + k"],
                     ("0", "let k = 2;\n    n + k"), id="all that the tests need of an answer"),
        pytest.param("let k = n;\n    k += 2;\n    k", [],
                     (RUSTC, "let mut k = n;\n    k += 2;\n    k"), id="rustc's suggestion"),
        pytest.param("let k = n;\n    k += 1;\n    k", ["let mut k = n + 1;\n    k += 1;\n    k"],
                     ("0", "let mut k = n + 1;\n    k += 1;\n    k"), id="the next after rustc's"),
        pytest.param("let k = n;\n    k += 1;\n    k", ["let mut k = n;\n    k += 3;\n    k"],
                     (None, "let mut k = n;\n    k += 1;\n    k"), id="none passes"),
    ],
)  # fmt: skip
def test_where_tests_fail_the_next_answer_is_tried(
    body, answers, expected, workspace, sandbox, tmp_path
):
    by, kept = expected
    (tmp_path / "scratch").mkdir()
    (workspace / "core/src/lib.rs").write_text(TESTED.replace("BODY", body))
    (workspace / "app/src/main.rs").write_text("fn main() {}\n")

    def propose(problem):
        for number, answer in enumerate(answers):
            yield Proposal(str(number), problem.buggy.replace(body, answer))

    project = CargoProject(workspace, sandbox, tmp_path / "scratch", Build(with_tests=True))
    repair = repair_project(project, propose, run_tests=True)
    assert repair.is_ok == (by is not None)
    assert [step.by for step in repair.steps] == [by or RUSTC]
    assert repair.num_after == 0
    assert repair.changes["core/src/lib.rs"][1] == TESTED.replace("BODY", kept)


def test_tests_that_do_not_compile_are_mended_where_they_are_asked_for(
    workspace, sandbox, tmp_path
):
    lib = LIB.replace("pick(&self", "pick(&mut self")
    broken = lib.replace("assert!(best", "let n = 0;\n        n += 1;\n        assert!(best")
    (workspace / "core/src/lib.rs").write_text(broken)
    (workspace / "app/src/main.rs").write_text("fn main() {}\n")
    for all_targets, changed in ((False, set()), (True, {"core/src/lib.rs"})):
        scratch = tmp_path / f"scratch-{all_targets}"
        scratch.mkdir()
        project = CargoProject(workspace, sandbox, scratch, Build(with_tests=all_targets))
        repair = repair_project(project, lambda _: ())
        assert repair.is_ok
        assert set(repair.changes) == changed
        assert len(repair.steps) == len(changed)


def test_an_error_that_two_targets_report_is_told_once(workspace, sandbox, tmp_path):
    (tmp_path / "scratch").mkdir()
    (workspace / "core/src/lib.rs").write_text(
        LIB.replace("tree.crates.len())", "tree.crates.len()).is_none()")
    )
    asked = []
    project = CargoProject(workspace, sandbox, tmp_path / "scratch", Build(with_tests=True))
    repair_project(project, lambda problem: asked.append(problem) or ())
    assert [[m["message"] for m in problem.diagnostics] for problem in asked] == [
        ["mismatched types"]
    ]


def test_what_makes_nothing_better_is_not_kept(workspace, sandbox, tmp_path):
    (workspace / "app/src/main.rs").write_text(UNCLEAR)
    (tmp_path / "scratch").mkdir()
    asked = []

    def propose(problem):
        asked.append(problem)
        yield Proposal("moved", problem.buggy.replace("top * 2", "top.unwrap().boxes"))
        yield Proposal("gutted", problem.buggy.replace("fn main() {", "fn main() {}\nfn old() {"))

    project = CargoProject(workspace, sandbox, tmp_path / "scratch")
    repair = repair_project(project, propose)
    assert not repair.is_ok
    assert [problem.error_code for problem in asked] == ["E0369", "E0609"]  # the answer's own
    assert [s.by for s in repair.steps] == [RUSTC, None]
    assert "app/src/main.rs" not in repair.changes
    assert repair.detail.startswith("error[E0369]")


def test_a_mistake_that_only_changes_its_name_goes_round_no_longer(sandbox, tmp_path):
    path = tmp_path / "a.rs"
    path.write_text("pub fn f(x: Option<u32>) -> u32 {\n    x\n}\n")
    asked = []

    def propose(problem):
        asked.append(problem.buggy)
        yield Proposal("a", problem.buggy.replace("    x\n", "    x.unwrapped()\n"))
        yield Proposal("b", problem.buggy.replace("    x\n", "    y\n"))

    repair = repair_project(FileProject(path, sandbox), propose)
    assert not repair.is_ok
    assert len(asked) == 1 + MAX_ANSWERS_MENDED
    assert not repair.changes


def test_errors_that_come_to_light_later_are_mended_too(sandbox, tmp_path):
    path = tmp_path / "a.rs"
    path.write_text(
        "pub fn f(x: Option<u32>) -> u32 {\n    x\n}\n\n"
        "pub fn g(a: Vec<u32>) -> Vec<u32> {\n    let b = a;\n    drop(b);\n    a\n}\n"
    )

    def propose(problem):
        good = problem.buggy.replace("    x\n", "    x.unwrap_or(0)\n")
        yield Proposal("model", good)
        yield Proposal("model", problem.buggy.replace("let b = a;", "let b = a.clone();"))

    repair = repair_project(FileProject(path, sandbox), propose)
    assert repair.is_ok
    text = path.read_text()
    text = text.replace("    x\n", "    x.unwrap_or(0)\n")
    assert repair.changes["a.rs"][1] == text.replace("let b = a;", "let b = a.clone();")


def test_an_answer_that_hides_errors_behind_another_is_not_kept(sandbox, tmp_path):
    path = tmp_path / "a.rs"
    path.write_text(
        "use std::collections::BTreeMap;\n\n"
        "pub fn f(x: Option<u32>) -> u32 {\n    x\n}\n\n"
        "pub fn g() -> BTreeMap<u32, u32> {\n    BTreeMap::from([(1, true)])\n}\n"
    )

    def propose(problem):
        # Without the import rustc stops at the name, and no longer at either type.
        yield Proposal("hides", problem.buggy.replace("use std::collections::BTreeMap;", "//"))
        yield Proposal("hides", problem.buggy.replace("    x\n", "    let y = nowhere;\n    y\n"))
        yield Proposal("mends", problem.buggy.replace("    x\n", "    x.unwrap_or(0)\n"))

    repair = repair_project(FileProject(path, sandbox), propose)
    assert [step.by for step in repair.steps] == ["mends", None]
    assert (repair.num_before, repair.num_after) == (2, 1)
    assert "use std::collections" in repair.changes["a.rs"][1]


def mend(text, propose, sandbox, tmp_path):
    path = tmp_path / "a.rs"
    path.write_bytes(text.encode())
    return repair_project(FileProject(path, sandbox), propose)


WITHOUT_SUM = (
    "pub struct Pile {\n    boxes: Vec<u32>,\n}\n\n"
    "pub fn total(pile: &Pile) -> u64 {\n    pile.sum()\n}\n"
)


def test_an_answers_own_mistake_is_mended_by_rustcs_suggestion(sandbox, tmp_path):
    def propose(problem):
        yield Proposal("model", problem.buggy.replace("pile.sum()", "pile.boxes.iter().sum()"))
        # i32 in place of u64, for which rustc suggests `.into()`.
        yield Proposal("other", problem.buggy.replace("pile.sum()", "pile.boxes[0]"))

    repair = mend(WITHOUT_SUM, propose, sandbox, tmp_path)
    assert repair.is_ok
    assert [step.by for step in repair.steps] == [f"other, then {RUSTC}"]
    assert "pile.boxes[0].into()" in repair.changes["a.rs"][1]


def test_an_answers_own_mistake_is_mended_by_a_second_answer(sandbox, tmp_path):
    asked = []

    def propose(problem):
        asked.append(problem.error_code)
        if problem.error_code == "E0599":
            yield Proposal("first", problem.buggy.replace("pile.sum()", "pile.boxes.iter().sum()"))
        else:
            yield Proposal("wrong", problem.buggy.replace(".sum()", ".sum::<u64>() as u64"))
            second = problem.buggy.replace(".iter()", ".iter().map(|&n| u64::from(n))")
            yield Proposal("second", second.replace("boxes:", "/* all of them */ boxes:"))

    repair = mend(WITHOUT_SUM, propose, sandbox, tmp_path)
    assert repair.is_ok
    assert asked == ["E0599", "E0277"]
    assert [step.by for step in repair.steps] == ["first, then second"]
    assert repair.changes["a.rs"][1] == WITHOUT_SUM.replace(
        "pile.sum()", "pile.boxes.iter().map(|&n| u64::from(n)).sum()"
    )
    (mended,) = repair.mended
    assert mended.problem.error_code == "E0599"
    assert [each.by for each in mended.failed] == ["first"]


def test_what_was_sound_is_not_mended_by_breaking_it(sandbox, tmp_path):
    text = (
        "pub fn f(x: Option<u32>) -> u32 {\n    x\n}\n\n"
        "pub fn check() {\n    assert_eq!(f(Some(1)), 1);\n}\n"
    )

    def propose(problem):
        yield Proposal("breaks", problem.buggy.replace("-> u32", "-> Option<u32>"))
        yield Proposal("follows", problem.buggy.replace("Some(1)), 1", "Some(1)), Some(1)"))

    repair = mend(text, propose, sandbox, tmp_path)
    assert not repair.is_ok
    assert not repair.changes


def test_the_mistake_that_is_mended_is_the_answers_own(sandbox, tmp_path):
    text = (
        "pub fn b(x: Option<u32>) -> u32 {\n    x\n}\n\n"
        "pub fn a(x: Option<u32>) -> u32 {\n    x.map_or(0, nowhere)\n}\n"
    )
    asked = []

    def propose(problem):
        asked.append(problem.diagnostics[0]["spans"][0]["text"][0]["text"].strip())
        yield Proposal("moves", problem.buggy.replace("map_or(0, nowhere)", "map(|n| n)"))
        if len(asked) > 1:
            yield Proposal("other", problem.buggy.replace("    x\n", "    x.unwrap_or(0)\n"))
            yield Proposal("own", problem.buggy.replace("map(|n| n)", "map_or(0, |n| n)"))

    repair = mend(text, propose, sandbox, tmp_path)
    assert repair.is_ok
    by_code = {step.error[6:11]: step.by for step in repair.steps if step.by}
    assert by_code == {"E0308": "other", "E0425": "moves, then own"}


def test_a_mistake_of_the_same_words_is_seen(sandbox, tmp_path):
    text = "pub fn f(x: Option<u32>) -> u64 {\n    x\n}\n"

    def propose(problem):
        yield Proposal("model", problem.buggy.replace("    x\n", "    x.unwrap_or(1)\n"))

    repair = mend(text, propose, sandbox, tmp_path)
    assert [step.by for step in repair.steps] == [f"model, then {RUSTC}"]
    assert "x.unwrap_or(1).into()" in repair.changes["a.rs"][1]


def test_a_second_answer_may_take_back_what_the_first_put_in(sandbox, tmp_path):
    text = "pub fn double(n: u32) -> u32 {\n    twofold(n)\n}\n"
    one, other = (f"\nfn twofold(n: u32) -> u32 {{\n    {how}\n}}\n" for how in ("n * 2", "n + n"))

    def propose(problem):
        if problem.error_code == "E0425":
            yield Proposal("twice", text + one + other)
        else:
            yield Proposal("once", text + one)

    repair = mend(text, propose, sandbox, tmp_path)
    assert [step.by for step in repair.steps] == ["twice, then once"]


def test_what_drops_code_on_a_second_answer_is_not_kept(sandbox, tmp_path):
    def propose(problem):
        if problem.error_code == "E0599":
            yield Proposal("first", problem.buggy.replace("pile.sum()", "pile.boxes.iter().sum()"))
        else:
            yield Proposal("second", "pub struct Pile {\n    boxes: Vec<u32>,\n}\n")
            yield Proposal("second", problem.buggy.replace("pile.boxes.iter().sum()", "todo!()"))

    repair = mend(WITHOUT_SUM, propose, sandbox, tmp_path)
    assert not repair.is_ok
    assert not repair.changes


def test_a_lint_that_comes_to_light_behind_an_error_is_mended_too(sandbox, tmp_path):
    text = "#![deny(unused_mut)]\n\npub fn one() -> u32 {\n    let mut n = 1;\n    n;\n}\n"
    repair = mend(text, lambda _: (), sandbox, tmp_path)
    assert repair.is_ok
    (_, after) = repair.changes["a.rs"]
    assert after == text.replace("mut n", "n").replace("n;", "n")
    assert [each.problem.error_code for each in repair.mended] == ["E0308", None]
    project = "0" * 64
    episodes = [Episode(each.problem, each.by, project) for each in repair.mended]
    routed = [replace(e, problem=replace(e.problem, family="f", pattern="p")) for e in episodes]
    assert record_episodes(routed) == 2


def test_packages_that_are_not_compiled_yet_are_not_mended(sandbox, tmp_path):
    root, scratch = tmp_path / "ws", tmp_path / "scratch"
    scratch.mkdir()
    for n in range(6):
        (root / f"c{n}/src").mkdir(parents=True)
        (root / f"c{n}/src/lib.rs").write_text("pub fn f() -> u32 {\n    let n = 1;\n    true\n}\n")
        package = f'[package]\nname = "c{n}"\nversion = "0.1.0"\nedition = "2021"\n'
        (root / f"c{n}/Cargo.toml").write_text(package)
    (root / "Cargo.toml").write_text('[workspace]\nmembers = ["c*"]\nresolver = "2"\n')

    def propose(problem):
        yield Proposal("nothing", problem.buggy.replace("let n = 1", "let n = 2"))

    repair = repair_project(CargoProject(root, sandbox, scratch), propose)
    assert (repair.num_before, repair.num_after) == (6, 6)
    assert not repair.changes


@pytest.mark.parametrize(
    "answer",
    [
        ("    self.add(1);\n", ""),
        ("    self.add(1);\n", "    #[cfg(any())]\n    self.add(1);\n"),
        ("    true\n", "    return 0;\n    #[allow(unreachable_code)]\n    self.n\n"),
        ("#![deny(warnings)]\n", ""),
    ],
)
def test_what_drops_or_silences_code_is_not_kept(answer, sandbox, tmp_path):
    text = (
        "#![deny(warnings)]\npub struct S {\n    n: u32,\n}\nimpl S {\n"
        "    fn add(&mut self, n: u32) {\n        self.n += n;\n    }\n"
        "    pub fn get(&mut self) -> u32 {\n    self.add(1);\n"
        "    true\n    }\n}\n"
    )

    def propose(problem):
        yield Proposal("a", problem.buggy.replace(*answer).replace("    true\n", "    self.n\n"))

    assert not mend(text, propose, sandbox, tmp_path).is_ok


def test_one_of_two_errors_in_a_line_may_be_mended_alone(sandbox, tmp_path):
    text = "pub fn f() {\n    let _x: (String, Vec<u8>) = (1, 2.5);\n}\n"

    def propose(problem):
        yield Proposal("a", problem.buggy.replace("(1,", "(String::new(),"))
        yield Proposal("b", problem.buggy.replace("2.5", "Vec::new()"))

    assert mend(text, propose, sandbox, tmp_path).is_ok


def test_borrows_may_come_to_light_while_another_type_is_wrong(sandbox, tmp_path):
    text = (
        "pub fn a(x: Option<u32>, v: Vec<u32>) -> (u32, Vec<u32>) {\n    let n: u32 = x;\n"
        "    drop(v);\n    (n, v)\n}\n\npub fn b() -> u32 {\n    true\n}\n"
    )

    def propose(problem):
        yield Proposal("a", problem.buggy.replace("= x;", "= x.unwrap_or(0);"))

    repair = mend(text, propose, sandbox, tmp_path)
    assert repair.steps[0].by == "a"
    assert "unwrap_or" in repair.changes["a.rs"][1]


def test_each_error_is_asked_about_as_itself(sandbox, tmp_path):
    asked = []

    def propose(problem):
        asked.append(problem.diagnostics[0]["spans"][0]["line_start"])
        return ()

    text = "".join(f"pub fn f{n}() -> u32 {{\n    true\n}}\n" for n in range(3))
    mend(text.replace("true", '"a"', 1).replace("true", '"b"', 1), propose, sandbox, tmp_path)
    assert len(set(asked)) == 3


def test_a_suggestion_that_does_not_hold_keeps_no_other_back(sandbox, tmp_path):
    path = tmp_path / "a.rs"
    path.write_text(
        '#[no_mangle]\npub extern "C" fn g() {}\n\npub fn f() -> i32 {\n    let n = 1;\n'
        "    n += 1;\n    n\n}\n"
    )
    repair = repair_project(FileProject(path, sandbox, "2024"), lambda _: ())
    assert "let mut n" in repair.changes["a.rs"][1]
    assert "unsafe" not in repair.changes["a.rs"][1]


def test_separators_that_end_no_line_do_no_harm(sandbox, tmp_path):
    text = 'pub fn f() -> usize {\n    let n = 1;\n    n += "\u2028\u0085\x0c".len();\n    n\n}\n'
    repair = mend(text, lambda _: (), sandbox, tmp_path)
    assert repair.is_ok
    (tmp_path / "a.rs").write_bytes(text.encode())
    diff = "".join(cli_fix._render_diffs(repair))
    subprocess.run(["patch", "-p1", "-s"], cwd=tmp_path, input=diff.encode(), check=True)
    assert (tmp_path / "a.rs").read_bytes().decode() == repair.changes["a.rs"][1]


def test_the_copy_can_be_written_and_holds_no_pipes(workspace, sandbox, tmp_path):
    (tmp_path / "scratch").mkdir()
    (workspace / "core/src/lib.rs").chmod(0o444)
    os.mkfifo(workspace / "core/pipe")
    repair = repair_project(CargoProject(workspace, sandbox, tmp_path / "scratch"), lambda _: ())
    assert repair.steps[0].by == RUSTC
    assert (tmp_path / "scratch/copy/core/src/lib.rs").stat().st_mode & 0o200
    assert not (tmp_path / "scratch/copy/core/pipe").exists()


def test_each_text_is_copied_and_compiled_once(workspace, sandbox, tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    lib = (
        'pub fn f() -> u8 {\n    "a"\n}\npub fn g(n: u8) -> u8 {\n    let x = 1;\n    n + true\n}\n'
    )
    (workspace / "core/src/lib.rs").write_text(lib)
    (workspace / "app/src/main.rs").write_text("fn main() {}\n")
    checked, copied = [], []

    class Watched(CargoProject):
        def check(self, changed, **options):
            checked.append({name: text for name, text in changed.items() if text != lib})
            return super().check(changed, **options)

    def copy(path, to):
        copied.append(path)
        copy_project(path, to)

    def propose(problem):  # the same about either error
        yield Proposal("a", lib.replace("let x = 1;", "let x = 2;"))
        yield Proposal("b", lib.replace("let x = 1;", "let x = 3;"))

    monkeypatch.setattr("sleepy_coder.workspace.copy_project", copy)
    monkeypatch.setattr("sleepy_coder.project.copy_project", copy)
    repair = repair_project(Watched(workspace, sandbox, tmp_path / "scratch"), propose)
    assert [step.by for step in repair.steps] == [None, None]
    assert len(checked) == len({str(changed) for changed in checked}) == 3
    assert copied == [workspace, *[tmp_path / "scratch/copy"] * 3]


def test_likeliest_answers_come_first_then_drawn_ones(problem):
    model = ScriptedModel(lambda _: render_answer("fn main() {}"))
    told = list(propose_answers(problem, Workbench(model=model), 2))
    assert [p.by for p in told] == ["base model", "base model", *["base model, drawn"] * 2]
    assert {p.code for p in told} == {"fn main() {}\n"}


def run(*arguments):
    return CliRunner().invoke(main, ["fix", *map(str, arguments), "--allow-unconfined"])


def test_command_shows_a_diff_and_writes_it_only_when_told(workspace, monkeypatch):
    monkeypatch.setattr(cli_fix._Asker, "__call__", lambda _, problem: unwrapping(problem))
    folder = workspace / "app" / "src"
    shown = run(folder)
    assert shown.exit_code == 0, shown.output
    assert "--apply writes the changes" in shown.stderr
    assert (workspace / "core/src/lib.rs").read_text() == LIB
    assert run(folder, "--apply").exit_code == 0
    assert not (workspace / "target").exists()
    copy = workspace.parent / "copy"
    shutil.copytree(workspace, copy)
    (copy / "core/src/lib.rs").write_text(LIB)
    (copy / "app/src/main.rs").write_text(MAIN)
    subprocess.run(["patch", "-p1", "--quiet"], cwd=copy, input=shown.stdout.encode(), check=True)
    for name in ("core/src/lib.rs", "app/src/main.rs"):
        assert (copy / name).read_text() == (workspace / name).read_text()
    again = run(folder)
    assert again.exit_code == 0
    assert "nothing to mend" in again.stderr


def test_command_writes_nothing_where_tests_fail(workspace, monkeypatch):
    monkeypatch.setattr(cli_fix._Asker, "__call__", lambda _, problem: unwrapping(problem))
    text = LIB.replace("is_none", "is_some")
    (workspace / "core/src/lib.rs").write_text(text)
    result = run(workspace, "--test", "--apply")
    assert result.exit_code == 1
    assert "but it fails" in result.stderr
    assert "nothing is written" in result.stderr
    assert (workspace / "core/src/lib.rs").read_text() == text
    assert run(workspace, "--apply").exit_code == 0
    assert (workspace / "core/src/lib.rs").read_text() != text


def test_command_tells_as_json_what_is_left(workspace):
    (workspace / "app/src/main.rs").write_text(UNCLEAR)
    result = run(workspace, "--rustc-only", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["is_ok"] is False
    assert told["num_after"] == 1
    assert [step["by"] for step in told["steps"]] == [RUSTC, None]


def test_command_leaves_a_file_alone_that_was_edited_meanwhile(workspace, monkeypatch):
    def propose(_, problem):
        (workspace / "core/src/lib.rs").write_text(LIB + "// mine\n")
        return unwrapping(problem)

    monkeypatch.setattr(cli_fix._Asker, "__call__", propose)
    result = run(workspace, "--apply")
    assert result.exit_code != 0
    assert "was edited" in result.stderr
    assert (workspace / "core/src/lib.rs").read_text() == LIB + "// mine\n"
    assert (workspace / "app/src/main.rs").read_text() == MAIN


def test_command_says_what_is_wrong_with_the_project(tmp_path, workspace):
    assert "could not find `Cargo.toml`" in run(tmp_path).stderr
    (workspace / "app/Cargo.toml").write_text("[package\n")
    result = run(workspace)
    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_a_single_file_is_mended_in_place(tmp_path):
    path = tmp_path / "one file.rs"
    path.write_text('fn main() {\n    let n = 1;\n    n += 1;\n    println!("{n}");\n}\n')
    assert run(path, "--rustc-only", "--apply").exit_code == 0
    assert "let mut n" in path.read_text()


def test_a_file_of_a_package_is_mended_in_its_workspace(workspace):
    result = run(workspace / "core/src/lib.rs", "--rustc-only", "--apply")
    assert "pick(&mut self" in (workspace / "core/src/lib.rs").read_text()
    assert "app/src/main.rs" in result.stderr


def test_what_cannot_be_done_with_a_single_file_is_said(tmp_path):
    path = tmp_path / "latin.rs"
    path.write_bytes(b"fn main() { let n = 1; n += 1; } // \xe4\n")
    assert "cannot be read" in run(path, "--rustc-only").stderr
    path.write_text("fn main() {}\n")
    assert run(path, "--test").exit_code == 2


def test_the_copy_is_checked_and_not_the_project(workspace, sandbox):
    assert not check_workspace(workspace, sandbox).is_ok
    assert cut_excerpt(LIB, [8]).code == LIB


def test_what_held_is_told_as_it_was_asked_and_as_it_is_in_the_end(sandbox, tmp_path):
    text = (
        "pub fn f(x: Option<u32>) -> u32 {\n    x\n}\n\n"
        "pub fn g(y: Option<u32>) -> u32 {\n    let mut n = 1;\n    n += 1;\n    y\n}\n"
    )
    half = text.replace("    x\n", "    x.unwrap_or(0)\n")
    whole = half.replace("    y\n", "    y.unwrap_or(0)\n")

    def propose(problem):
        yield Proposal("one", problem.buggy)
        yield Proposal("two", None)
        yield Proposal("three", problem.buggy.replace("    x\n", "    x.nothing()\n"))
        yield Proposal("four", problem.buggy.replace("    x\n", "    x.unwrap_or(0)\n"))
        yield Proposal("five", problem.buggy.replace("    y\n", "    y.unwrap_or(0)\n"))

    (tmp_path / "a.rs").write_text(text)
    repair = repair_project(FileProject(tmp_path / "a.rs", sandbox, "2018"), propose)
    assert repair.is_ok
    first, second = repair.mended
    assert (first.by, [each.by for each in first.failed]) == ("four", ["one", "two", "three"])
    assert (second.by, [each.by for each in second.failed]) == ("five", ["one", "two"])
    # What was asked first had both errors in it: both are mended in the end.
    assert (first.problem.buggy, first.problem.fixed) == (text, whole)
    assert (second.problem.buggy, second.problem.fixed) == (half, whole)
    problem = first.problem
    assert (problem.edition, problem.crate_type, problem.error_code) == ("2018", "lib", "E0308")
    assert [message["message"] for message in problem.diagnostics] == ["mismatched types"] * 2


def test_nothing_is_told_of_what_is_not_whole_in_the_end(workspace, sandbox, tmp_path):
    (workspace / "app/src/main.rs").write_text(UNCLEAR)
    (tmp_path / "scratch").mkdir()
    repair = repair_project(CargoProject(workspace, sandbox, tmp_path / "scratch"), lambda _: ())
    assert [step.by for step in repair.steps] == [RUSTC, None]
    assert repair.mended == ()


@pytest.mark.parametrize(
    ("package", "shared", "edition"),
    [
        ('edition = "2018"', "", "2018"),
        ("", "", "2015"),
        ("edition.workspace = true", '[workspace.package]\nedition = "2024"\n', "2024"),
        ("edition = { workspace = true }", "", "2015"),
        ("edition = [", "", "2015"),
    ],
)
def test_a_file_has_the_edition_of_its_package(package, shared, edition, tmp_path, sandbox):
    root, scratch = tmp_path / "ws", tmp_path / "scratch"
    (root / "a/src").mkdir(parents=True)
    scratch.mkdir()
    (root / "Cargo.toml").write_text(f'[workspace]\nmembers = ["a"]\n{shared}')
    (root / "a/Cargo.toml").write_text(f'[package]\nname = "a"\nversion = "0.1.0"\n{package}\n')
    project = CargoProject(root, sandbox, scratch)
    assert project.edition_of("a/src/lib.rs") == edition
    assert project.edition_of("") == "2015"


def test_command_records_once_what_it_mended(workspace, monkeypatch):
    monkeypatch.setattr(cli_fix._Asker, "__call__", lambda _, problem: unwrapping(problem))
    assert run(workspace, "--no-record").exit_code == 0
    assert load_episodes() == []
    told = json.loads(run(workspace, "--json").stdout)
    assert "mended" not in told
    assert run(workspace).exit_code == 0  # nothing was written: the same errors again
    rustc, model = load_episodes()
    assert (rustc.by, model.by) == (RUSTC, "two")
    assert model.problem.pattern == "unwrap_needed"
    assert model.problem.fixed == MAIN.replace("best(&trees);", "best(&trees).unwrap();")
    assert rustc.project_sha256 == model.project_sha256
    assert str(workspace) not in repr(rustc)
    assert workspace.name not in repr(model)
    assert model.model is None


def test_command_records_nothing_that_does_not_hold(workspace, monkeypatch):
    monkeypatch.setattr(cli_fix._Asker, "__call__", lambda _, problem: unwrapping(problem))
    (workspace / "core/src/lib.rs").write_text(LIB.replace("is_none", "is_some"))
    assert run(workspace, "--test").exit_code == 1
    (workspace / "app/src/main.rs").write_text(UNCLEAR)
    assert run(workspace, "--rustc-only").exit_code == 1
    assert load_episodes() == []


def test_a_damaged_record_does_not_keep_the_command_from_mending(workspace, monkeypatch):
    monkeypatch.setattr(cli_fix._Asker, "__call__", lambda _, problem: unwrapping(problem))
    episodes_path().parent.mkdir(parents=True)
    episodes_path().write_text("no database " * 100)
    result = run(workspace, "--apply")
    assert result.exit_code == 0
    assert "not all is recorded" in result.stderr
    assert "unwrap()" in (workspace / "app/src/main.rs").read_text()


def test_the_model_and_its_tasks_are_recorded(tmp_path, monkeypatch):
    path = tmp_path / "a.rs"
    path.write_text("pub fn f(x: Option<u32>) -> u32 {\n    x\n}\n")
    answer = render_answer(path.read_text().replace("    x\n", "    x.unwrap_or(0)\n"))
    model = ScriptedModel(lambda _: answer)
    monkeypatch.setattr(ModelOptions, "workbench", lambda *_: Workbench(model=model))
    result = run(path, "--no-store")
    assert result.exit_code == 0
    assert "asking the model about: mismatched types" in result.stderr
    (episode,) = load_episodes()
    assert (episode.by, episode.model, episode.model_sha256) == ("base model", "scripted", "0" * 64)
    assert (episode.store_sha256, episode.first_failed("base model")) == (None, False)


def test_a_guess_of_rustcs_is_tried_where_no_answer_holds(workspace, sandbox, tmp_path):
    (tmp_path / "scratch").mkdir()
    asked = []
    project = CargoProject(workspace, sandbox, tmp_path / "scratch")
    repair = repair_project(project, lambda problem: asked.append(problem) or ())
    assert repair.is_ok
    assert len(asked) == 1
    assert [step.by for step in repair.steps] == [RUSTC, RUSTC_GUESS]
    assert "top.unwrap().crates" in repair.changes["app/src/main.rs"][1]


def write_package(root, **files):
    """Write a package with the given files in its `src`."""
    (root / "src").mkdir(parents=True)
    (root / "Cargo.toml").write_text('[package]\nname = "p"\nversion = "0.1.0"\nedition = "2021"\n')
    for name, text in files.items():
        (root / f"src/{name}.rs").write_text(text)


def mend_package(root, sandbox, replacements):
    (root.parent / "scratch").mkdir()

    def propose(problem):
        code = problem.buggy
        for old, new in replacements.items():
            code = code.replace(old, new)
        yield Proposal("one", code)

    return repair_project(CargoProject(root, sandbox, root.parent / "scratch"), propose)


def test_another_targets_unknown_name_comes_to_light(sandbox, tmp_path):
    lib = 'pub fn id() -> u32 {\n    "seven"\n}\n'
    main = 'fn main() {\n    println!("{}", missing);\n    println!("{}", p::id());\n}\n'
    write_package(tmp_path / "p", lib=lib, main=main)
    repair = mend_package(tmp_path / "p", sandbox, {'"seven"': "7", "missing": "1"})
    assert repair.is_ok
    assert [step.file for step in repair.steps] == ["src/lib.rs", "src/main.rs"]


CODELESS = """\
pub fn longest<'a, 'b>(a: &'a str, b: &'b str) -> &'a str {
    let count: usize = a;
    if count > 1 { a } else { b }
}
"""
UNMATCHED = """\
pub fn name(at: Option<u32>) -> u32 {
    let zero: u32 = "0";
    match at {
        Some(n) => n + zero,
    }
}
"""
MATCHED_FIRST = """\
pub fn shout(name: Option<String>) -> String {
    let kept = name;
    let said = match name {
        Some(text) => text,
    };
    drop(kept);
    said
}
"""
UNCLOSED = """\
pub fn twice(n: u32) -> u32 {
    n * 2

pub fn thrice(n: u32) -> u32 {
    m * 3
}
"""
BORROWED = "&items[0];\n    items.push(n);\n    *first"
TWO_BODIES = """\
pub fn f(words: Vec<String>) -> usize {
    drop(words);
    words.len()
}

pub fn g(mut items: Vec<u32>) -> u32 {
    let n: u32 = items.len();
    let first = &items[0];
    items.push(n);
    *first
}
"""


@pytest.mark.parametrize(
    ("text", "replacements"),
    [
        pytest.param(CODELESS, {"= a;": "= a.len();", "'b str": "'a str"}, id="without-a-code"),
        pytest.param(UNMATCHED, {'"0"': "0", "+ zero,": "+ zero,\n        None => 0,"}, id="match"),
        pytest.param(
            MATCHED_FIRST,
            {
                "=> text,": "=> text,\n        None => String::new(),",
                "kept = name;": "kept = name.clone();",
            },
            id="borrows-behind-a-match",
        ),
        pytest.param(UNCLOSED, {"n * 2\n\n": "n * 2\n}\n\n", "m * 3": "n * 3"}, id="syntax"),
        pytest.param(
            TWO_BODIES,
            {"items.len();": "items.len() as u32;", "drop(words);": "drop(&words);"}
            | {BORROWED: BORROWED.replace("&", "").replace("*", "")},
            id="two-bodies",
        ),
    ],
)
def test_what_rustc_looks_for_later_comes_to_light(text, replacements, sandbox, tmp_path):
    path = tmp_path / "lib.rs"
    path.write_text(text)

    def propose(problem):
        for old, new in replacements.items():
            if old in problem.buggy:
                yield Proposal(old, problem.buggy.replace(old, new))

    assert repair_project(FileProject(path, sandbox), propose).is_ok


def test_of_a_file_with_modules_beside_it_a_package_is_to_be_made(tmp_path, sandbox):
    (tmp_path / "helper.rs").write_text("pub fn one() -> u8 { 1 }\n")
    path = tmp_path / "main.rs"
    path.write_text("mod helper;\n\nfn main() {\n    helper::one();\n}\n")
    repair = repair_project(FileProject(path, sandbox), lambda _: ())
    assert not repair.is_ok
    assert re.search("file not found for module `helper`; .*`cargo init`", repair.detail)


def test_an_error_in_a_librarys_macro_is_asked_about_where_that_is_called(sandbox, tmp_path):
    path = tmp_path / "lib.rs"
    text = "pub struct Coin(u32);\n\npub fn check(a: Coin, b: Coin) {\n    assert!(a.0 > 0);\n"
    path.write_text(text + "    assert_eq!(a, b);\n}\n")
    seen = []

    def propose(problem):
        seen.append(problem)
        yield Proposal("one", "#[derive(Debug, PartialEq)]\n" + problem.buggy)

    repair = repair_project(FileProject(path, sandbox), propose)
    assert repair.is_ok
    assert repair.steps[0].line == 5
    assert all(s["file_name"] == "lib.rs" for s in seen[0].diagnostics[0]["spans"])


def test_what_held_is_shown_when_the_work_is_stopped(workspace, monkeypatch):
    before = (workspace / "core/src/lib.rs").read_text()
    for stop, reason in ((KeyboardInterrupt(), "interrupted"), (InputError("no weights"), "no we")):
        monkeypatch.setattr(cli_fix._Asker, "__call__", Mock(side_effect=stop))
        result = run(workspace, "--apply")
        assert result.exit_code == 1
        assert "+    pub fn pick(&mut self" in result.stdout
        assert f"1 left: stopped: {reason}" in result.stderr
        assert (workspace / "core/src/lib.rs").read_text() == before


def test_what_was_given_up_is_tried_again_when_another_error_is_gone(sandbox, tmp_path):
    path = tmp_path / "lib.rs"
    path.write_text('pub fn a() -> u32 {\n    "1"\n}\n\npub fn b() -> u64 {\n    "2"\n}\n')
    both = path.read_text().replace('"', "")
    asked = []

    def propose(problem):
        asked.append(problem)
        if len(asked) > 1:
            yield Proposal("one", problem.buggy.replace('"2"', "2") if len(asked) == 2 else both)

    repair = repair_project(FileProject(path, sandbox), propose)
    assert repair.is_ok
    assert [step.by for step in repair.steps] == [None, "one", "one"]


def test_comments_that_an_answer_drops_stay(sandbox, tmp_path):
    path = tmp_path / "lib.rs"
    functions = "".join(
        f"// The number {n}.\npub fn f{n}() -> u32 {{\n    {n}\n}}\n\n" for n in range(20)
    )
    path.write_text(functions + 'pub fn last() -> u32 {\n    "20"\n}\n')

    def propose(problem):
        lines = [line for line in problem.buggy.splitlines() if not line.startswith("//")]
        yield Proposal("one", "\n".join(lines).replace('"20"', "20") + "\n")

    repair = repair_project(FileProject(path, sandbox), propose)
    assert repair.changes["lib.rs"][1] == path.read_text().replace('"20"', "20")


def test_a_projects_own_configuration_holds(sandbox, tmp_path):
    root = tmp_path / "p"
    write_package(root, lib='pub const V: &str = env!("APP_VERSION");\n')
    (root / ".cargo").mkdir()
    (root / ".cargo/config.toml").write_text(
        '[env]\nAPP_VERSION = "1"\n\n[build]\nrustc-wrapper = "nowhere"\ntarget-dir = "elsewhere"\n'
    )
    (root / "target").mkdir()
    for folder in ("data", "cache"):
        (root / folder).mkdir()
        (root / folder / "big").write_text("")
    (root / "cache/CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55")
    assert check_workspace(root, sandbox).is_ok
    copy_project(root, tmp_path / "copy")
    assert sorted(p.name for p in (tmp_path / "copy").iterdir()) == [
        ".cargo",
        "Cargo.toml",
        "data",
        "src",
    ]


def test_a_manifest_that_is_wrong_makes_no_lone_file_of_a_packages(tmp_path):
    root = tmp_path / "p"
    write_package(root, main="fn main() {}\n")
    (root / "Cargo.toml").write_text("[package\n")
    result = run(root / "src/main.rs")
    assert result.exit_code == 2
    assert "unclosed table" in result.stderr


def test_a_file_of_tests_is_compiled(tmp_path):
    root = tmp_path / "p"
    write_package(root, lib="")
    (root / "tests").mkdir()
    (root / "tests/it.rs").write_text("#[test]\nfn counts() {\n    let n = 1;\n    n = 2;\n}\n")
    assert "1 error mended" in run(root / "tests/it.rs", "--rustc-only").stderr
    assert "nothing to mend" in run(root, "--rustc-only").stderr


def test_what_rustcs_suggestions_mended_is_shown_when_the_work_is_stopped(tmp_path, monkeypatch):
    path = tmp_path / "lib.rs"
    path.write_text(
        "pub fn length(text: &str) -> usize {\n    text.len()\n}\n\n"
        "pub fn f(word: String) -> usize {\n    word.push('s');\n    length(word)\n}\n"
    )
    check, texts = FileProject.check, []

    def check_once_more(project, changed, **how):
        if len(texts) == 2:
            raise KeyboardInterrupt
        texts.append(changed)
        return check(project, changed, **how)

    monkeypatch.setattr(FileProject, "check", check_once_more)
    result = run(path, "--rustc-only")
    assert "+    length(&word)" in result.stdout
    assert "1 error mended, 1 left: stopped: interrupted" in result.stderr


def test_what_rustc_was_kept_from_saying_is_not_gone(sandbox, tmp_path, monkeypatch):
    path = tmp_path / "lib.rs"
    path.write_text('pub fn f() -> u32 {\n    "1"\n}\n\npub fn g() -> u32 {\n    "2"\n}\n')
    check = FileProject.check

    def crash(project, changed, **how):
        found = check(project, changed, **how)
        return replace(found, is_cut_short=bool(changed))

    def propose(problem):
        yield Proposal("one", problem.buggy.replace('"1"', "1"))

    project = FileProject(path, sandbox)
    assert repair_project(project, propose).num_after == 1
    monkeypatch.setattr(FileProject, "check", crash)
    assert repair_project(project, propose).num_after == 2


def test_a_target_that_compiled_is_not_broken_for_one_that_did_not(sandbox, tmp_path):
    config = 'pub fn depth() -> u32 {\n    1\n}\n\n#[cfg(feature = "never")]\npub fn none() {}\n'
    lib = "pub mod config;\n\npub fn twice() -> u32 {\n    config::depth() * 2\n}\n"
    main = "mod config;\n\nfn main() {\n    let text: &str = config::depth();\n    drop(text);\n}\n"
    write_package(tmp_path / "p", lib=lib, main=main, config=config)
    (tmp_path / "scratch").mkdir()
    project = CargoProject(tmp_path / "p", sandbox, tmp_path / "scratch")
    verifier = Verifier(project)
    before = verifier.check({})
    assert [error.primary.file_name for error in before.errors] == ["src/main.rs"]
    renamed = config.replace("depth", "height")
    for name in ("src/config.rs", "src/main.rs"):
        verifier.read(before, name)
    after = verifier.check({"src/config.rs": renamed})
    assert not verifier.is_kept(before, after)


def test_a_chain_that_ends_worse_is_not_kept(sandbox, tmp_path):
    stats = "pub struct S {\n    pub n: u32,\n}\n\nimpl S {\n    pub fn get(&self) -> u32 {\n"
    stats += "        self.n += 1;\n        self.n\n    }\n}\n"
    lib = "pub mod stats;\n\n"
    for n in range(3):
        lib += f"pub fn f{n}(one: &std::rc::Rc<stats::S>) -> u32 {{\n    one.get()\n}}\n\n"
    write_package(tmp_path / "p", lib=lib, stats=stats)
    repair = mend_package(tmp_path / "p", sandbox, {})
    assert not repair.is_ok
    assert (repair.num_before, repair.num_after, repair.changes) == (1, 1, {})


def test_what_a_build_script_writes_into_the_sources_stays(sandbox, tmp_path):
    root = tmp_path / "p"
    write_package(root, main="mod made;\n\nfn main() {\n    let n = 0;\n    n += made::N;\n}\n")
    (root / "schema.txt").write_text("1")
    (root / "build.rs").write_text(
        'fn main() {\n    println!("cargo:rerun-if-changed=schema.txt");\n'
        '    std::fs::write("src/made.rs", "pub const N: u32 = 1;\\n").unwrap();\n}\n'
    )
    repair = mend_package(root, sandbox, {})
    assert repair.is_ok
    assert list(repair.changes) == ["src/main.rs"]
    assert not (root / "src/made.rs").exists()


def test_a_lint_is_not_silenced_by_a_guess(sandbox, tmp_path):
    path = tmp_path / "lib.rs"
    path.write_text(
        "#![deny(unused_must_use)]\nuse std::io::{self, Write};\n\n"
        "pub fn save(mut w: impl Write, data: &[u8]) -> io::Result<()> {\n"
        "    w.write_all(data);\n    Ok(())\n}\n"
    )
    repair = repair_project(FileProject(path, sandbox), lambda _: ())
    assert (repair.is_ok, repair.changes) == (False, {})


def test_each_error_that_rustcs_suggestions_mend_is_told(sandbox, tmp_path):
    path = tmp_path / "lib.rs"
    mark = "pub fn mark(text: &str) -> usize {\r\n    text.len()\r\n}\r\n"
    calls = "".join(f"pub fn f{n}(t: String) -> usize {{\r\n    mark(t)\r\n}}\r\n" for n in "ab")
    path.write_bytes((mark + calls).encode())
    repair = repair_project(FileProject(path, sandbox), lambda _: ())
    assert [(step.line, step.by) for step in repair.steps] == [(5, RUSTC), (8, RUSTC)]
    assert len(repair.mended) == 2


def test_lines_that_rustc_adds_end_as_the_files_do(sandbox, tmp_path):
    path = tmp_path / "lib.rs"
    path.write_bytes(b"pub fn f() -> usize {\r\n    HashMap::<u8, u8>::new().len()\r\n}\r\n")
    repair = repair_project(FileProject(path, sandbox), lambda _: ())
    assert repair.is_ok
    text = repair.changes["lib.rs"][1]
    assert text.startswith("use std::collections::HashMap;\r\n")
    assert text.count("\n") == text.count("\r\n")


def test_an_assertion_may_be_mended_but_not_changed(tmp_path, sandbox):
    text = (
        "pub fn half(n: u32) -> Option<u32> {\n    (n % 2 == 0).then_some(n / 2)\n}\n\n"
        "fn main() {\n    let half_of = half(6);\n    assert_eq!(half_of, 3);\n}\n"
    )

    def propose(problem):
        yield Proposal("hollow", problem.buggy.replace("half_of, 3", "3, 3"))
        yield Proposal("other", problem.buggy.replace("half_of, 3", "half_of, Some(4)"))
        yield Proposal("right", problem.buggy.replace("half_of, 3", "half_of, Some(3)"))

    repair = mend(text, propose, sandbox, tmp_path)
    assert repair.is_ok
    assert [step.by for step in repair.steps] == ["right"]


def test_an_error_that_another_hides_in_an_assertion_is_mended_too(tmp_path, sandbox):
    text = (
        "fn main() {\n    let total = vec![1];\n"
        "    assert_eq!(\n        toal\n            .lenn(),\n        1\n    );\n}\n"
    )

    def propose(problem):
        yield Proposal("name", problem.buggy.replace("toal", "total"))
        yield Proposal("method", problem.buggy.replace("lenn", "len"))

    repair = mend(text, propose, sandbox, tmp_path)
    assert repair.is_ok
    assert repair.changes["a.rs"][1] == text.replace("toal", "total").replace("lenn", "len")


def test_path_dependencies_may_lie_outside_the_workspace(tmp_path):
    def package(place, name, more="", code=""):
        (tmp_path / place / "src").mkdir(parents=True)
        head = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
        (tmp_path / place / "Cargo.toml").write_text(head + more)
        (tmp_path / place / "src/lib.rs").write_text(code)

    package("work/app", "app", '[dependencies]\nunits = { path = "../../libs/units" }\n')
    package("libs/units", "units", '[target."cfg(unix)".dependencies]\nbase.workspace = true\n')
    package("libs/base", "base", code="pub fn one() -> u32 { 1 }\n")
    members = '[workspace]\nmembers = ["units", "base", "other"]\n'
    (tmp_path / "libs/Cargo.toml").write_text(
        members + '[workspace.package]\nlicense = "MIT"\n'
        '[workspace.dependencies]\nbase = { path = "base" }\n'
    )
    manifest = tmp_path / "libs/base/Cargo.toml"
    manifest.write_text(manifest.read_text() + "license.workspace = true\n")
    (tmp_path / "libs/units/src/lib.rs").write_text("pub use base::one;\n")
    lib = tmp_path / "work/app/src/lib.rs"
    lib.write_text("pub fn two() -> u32 {\n    let n = units::one();\n    n += 1;\n    n\n}\n")
    result = run(tmp_path / "work/app", "--rustc-only", "--apply")
    assert result.exit_code == 0, result.output
    assert "let mut n = units::one()" in lib.read_text()
    found = find_surroundings(tmp_path / "work/app")
    assert found.folders == tuple(tmp_path / p for p in ("libs/base", "libs/units", "work/app"))
    assert found.manifests == (tmp_path / "libs/Cargo.toml",)


@pytest.mark.parametrize(
    "text",
    [
        '[dependencies]\na = { path = "/etc" }\n',
        '[dependencies]\na = { path = "a\\u0000b" }\n',
        '[dependencies]\na = { path = "../not-there" }\n',
        "[dependencies]\na = 1\n[dependencies.b]\npath = 2\n",
        "[workspace]\nmembers = 1\n[patch]\nx = 3\n",
        '[workspace]\nmembers = ["/etc/*", "**x", "../*"]\n',
        "[package\n",
    ],
)
def test_nothing_is_followed_that_leads_to_no_package(tmp_path, text):
    (tmp_path / "p").mkdir()
    (tmp_path / "p/Cargo.toml").write_text(text)
    (tmp_path / "secret").mkdir()
    assert find_surroundings(tmp_path / "p") == Surroundings((tmp_path / "p",))


def test_a_workspace_in_a_package_that_it_needs_comes_with_that(tmp_path):
    (tmp_path / "tool").mkdir()
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "all"\n[workspace]\n')
    (tmp_path / "tool/Cargo.toml").write_text('[workspace]\n[dependencies]\nall.path = ".."\n')
    assert find_surroundings(tmp_path / "tool").folders == (tmp_path,)


def test_a_package_may_be_called_target(tmp_path, sandbox):
    for name in ("app", "target"):
        (tmp_path / name / "src").mkdir(parents=True)
        head = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
        (tmp_path / name / "Cargo.toml").write_text(head)
        (tmp_path / name / "src/lib.rs").write_text("pub fn one() -> u32 { 1 }\n")
    manifest = tmp_path / "app/Cargo.toml"
    manifest.write_text(manifest.read_text() + '[dependencies]\ntarget.path = "../target"\n')
    (tmp_path / "scratch").mkdir()
    project = CargoProject(tmp_path / "app", sandbox, tmp_path / "scratch")
    assert project.check({}).is_ok


def test_a_path_dependency_that_is_not_there_is_said(workspace):
    manifest = workspace / "app/Cargo.toml"
    manifest.write_text(manifest.read_text() + 'gone = { path = "../../gone" }\n')
    result = run(workspace, "--rustc-only")
    assert result.exit_code == 1
    assert "`gone`" in result.stderr
    assert "No such file" in result.stderr


def test_one_package_is_mended_with_the_features_that_are_named(workspace):
    manifest = workspace / "core/Cargo.toml"
    manifest.write_text(manifest.read_text() + "[features]\nextra = []\nmore = []\n")
    extra = "\n#[cfg(all({}))]\npub fn extra() -> u32 {{\n    let n = 1;\n    n += 1;\n    n\n}}\n"
    both, none = 'feature = "extra", feature = "more"', 'not(feature = "extra")'
    lib = workspace / "core/src/lib.rs"
    lib.write_text(LIB.replace("&self", "&mut self") + extra.format(both))
    one = ("--rustc-only", "-p", "orchard")
    assert "nothing to mend" in run(workspace, *one).stderr
    for chosen in (("-F", "extra,more"), ("-F", "extra", "-F", "more"), ("--all-features",)):
        assert "1 error mended: it compiles" in run(workspace, *one, *chosen).stderr
    lib.write_text(LIB.replace("&self", "&mut self") + extra.format(none))
    manifest.write_text(manifest.read_text() + 'default = ["extra"]\n')
    assert "nothing to mend" in run(workspace, *one).stderr
    assert "1 error mended" in run(workspace, *one, "--no-default-features").stderr
    assert "app/src/main.rs" in run(workspace, "--rustc-only").stderr


def test_packages_and_features_of_a_lone_file_are_refused(tmp_path):
    (tmp_path / "a.rs").write_text("fn main() {}\n")
    assert run(tmp_path / "a.rs", "--all-features").exit_code == 2
