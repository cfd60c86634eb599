"""The judge passes what compiles, behaves and keeps the program, and nothing else."""

from dataclasses import replace

import pytest

from sleepy_coder import judge
from sleepy_coder.judge import (
    compile_source,
    judge_candidate,
    judge_candidates,
)
from sleepy_coder.problems import Check, Problem
from sleepy_coder.sandbox import Limits
from sleepy_coder.workspace import check_workspace

CART = """
use std::fmt;

#[derive(Debug)]
pub struct Cart { prices: Vec<u32> }

impl Cart {
    pub fn new() -> Self { Cart { prices: Vec::new() } }
    pub fn add(&self, price: u32) -> usize { self.prices.push(price); self.prices.len() }
    pub fn total(&self) -> u32 { self.prices.iter().sum() }
}

impl fmt::Display for Cart {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { write!(f, "{} in all", self.total()) }
}
"""
CART_FIXED = CART.replace("add(&self", "add(&mut self")
CART_TESTS = """
#[test]
fn adds_up() {
    let mut cart = Cart::new();
    assert_eq!(cart.add(3), 1);
    assert_eq!(cart.add(4), 2);
    assert_eq!(cart.total(), 7);
}

#[test]
fn starts_at_zero() { assert_eq!(Cart::new().to_string(), "0 in all"); }
"""
MAIN = """
fn main() {
    let mut cart = Cart::new();
    cart.add(3);
    cart.add(4);
    println!("{cart}");
}
"""


def problem_of(buggy, fixed, check, crate_type="lib"):
    return Problem(
        id="x_001",
        family="borrow_checker",
        pattern="immutable_ref_param",
        description="",
        crate_type=crate_type,
        edition="2021",
        error_code="E0596",
        buggy=buggy,
        fixed=fixed,
        check=check,
        diagnostics=None,
        wrong=(),
    )


TESTED = problem_of(CART, CART_FIXED, Check(kind="tests", expect=None, code=CART_TESTS))
PRINTED = problem_of(
    CART + MAIN, CART_FIXED + MAIN, Check(kind="stdout", expect="7 in all\n", code=None), "bin"
)


def outcome(problem, code, sandbox):
    return judge_candidate(problem, code, sandbox).outcome


@pytest.mark.parametrize("problem", [TESTED, PRINTED], ids=["tests", "stdout"])
def test_the_reference_passes_and_the_broken_program_does_not(problem, sandbox):
    passed = judge_candidate(problem, problem.fixed, sandbox)
    failed = judge_candidate(problem, problem.buggy, sandbox)

    assert (passed.outcome, passed.detail, passed.diagnostics) == ("pass", "", ())
    assert failed.outcome == "compile_error"
    assert failed.detail.startswith("error[E0596]: cannot borrow `self.prices` as mutable")
    assert failed.diagnostics[0]["code"]["code"] == "E0596"
    assert failed.seconds > 0


@pytest.mark.parametrize("code", [None, "", " \n"])
def test_no_code_is_said(code, sandbox):
    assert outcome(PRINTED, code, sandbox) == "no_code"


def test_output_that_is_not_known_yet_is_not_compared(sandbox):
    problem = replace(PRINTED, check=Check(kind="stdout", expect=None, code=None))

    assert outcome(problem, problem.fixed, sandbox) == "pass"


def test_text_that_is_not_rust_is_a_compile_error(sandbox):
    assert outcome(PRINTED, "Sure! Here is the fixed code: fn main( {", sandbox) == "compile_error"


def test_wrong_output_names_the_line(sandbox):
    verdict = judge_candidate(PRINTED, PRINTED.fixed.replace("add(4)", "add(5)"), sandbox)

    assert verdict.outcome == "wrong_behavior"
    assert verdict.detail == "stdout, line 1: got '8 in all', expected '7 in all'"


def test_output_that_goes_on_is_wrong(sandbox):
    code = PRINTED.fixed.replace('println!("{cart}");', 'println!("{cart}\\nmore");')

    verdict = judge_candidate(PRINTED, code, sandbox)

    assert verdict.detail == "stdout, line 2: got 'more', expected None"


def test_white_space_at_the_end_does_not_matter(sandbox):
    code = PRINTED.fixed.replace('println!("{cart}");', 'print!("{cart} \\n\\n");')

    assert outcome(PRINTED, code, sandbox) == "pass"


def test_right_output_with_a_panic_after_it_is_wrong(sandbox):
    code = PRINTED.fixed.replace('println!("{cart}");', 'println!("{cart}"); panic!("late");')

    verdict = judge_candidate(PRINTED, code, sandbox)

    assert verdict.outcome == "wrong_behavior"
    assert verdict.detail.startswith("exit status 101")


def test_main_that_prints_the_expected_text_is_gutted(sandbox):
    code = CART_FIXED + 'fn main() { println!("7 in all"); }'

    assert outcome(PRINTED, code, sandbox) == "gutted"


def test_wrong_sum_fails_a_hidden_test(sandbox):
    code = CART_FIXED.replace("self.prices.iter().sum()", "self.prices.len() as u32")

    verdict = judge_candidate(TESTED, code, sandbox)

    assert verdict.outcome == "wrong_behavior"
    assert verdict.detail.startswith("1 of 2 hidden tests passed")


def test_hidden_tests_do_not_show_in_the_diagnostics(sandbox):
    code = CART_FIXED.replace("-> usize", "").replace("self.prices.len() }", "}")

    verdict = judge_candidate(TESTED, code, sandbox)

    assert verdict.outcome == "wrong_behavior"
    assert "do not compile" in verdict.detail
    assert "adds_up" not in str(verdict.diagnostics)


def test_the_programs_own_tests_must_pass_too(sandbox):
    own = "#[test] fn own() { assert_eq!(Cart::new().total(), 1); }"
    problem = replace(TESTED, buggy=CART + own, fixed=CART_FIXED + own)

    assert outcome(problem, CART_FIXED + own, sandbox) == "wrong_behavior"


TEST_FORMS = """
mod inner {
    use super::*;
    use std::fmt::Write as _;
    #[test]
    fn gives_a_result() -> Result<(), std::fmt::Error> {
        let mut text = String::new();
        write!(text, "{}", Cart::new())?;
        assert!(matches!(text.as_str(), "0 in all"), "{text}");
        Ok(())
    }
    #[test]
    #[should_panic(expected = "out of bounds")]
    fn panics() { let _ = Cart::new().prices[0]; }
    #[should_panic] #[test]
    fn panics_somehow() { panic!("{}", 1); }
}
"""


def with_tests(code):
    return replace(TESTED, check=Check(kind="tests", expect=None, code=code))


def test_hidden_tests_may_return_results_and_expect_panics(sandbox):
    assert judge_candidate(with_tests(TEST_FORMS), CART_FIXED, sandbox).detail == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [("Ok(())", "Err(std::fmt::Error)"), ("[0]", ".len()"), ("out of", "within"), ('"{}", 1', "")],
)
def test_each_form_of_hidden_test_can_fail(old, new, sandbox):
    tests = TEST_FORMS.replace(old, new)
    tests = tests.replace("panic!()", "()")

    assert outcome(with_tests(tests), CART_FIXED, sandbox) == "wrong_behavior"


def test_lints_do_not_apply_to_hidden_tests(sandbox):
    strict = "#![deny(warnings)]"
    problem = replace(TESTED, buggy=strict + CART, fixed=strict + CART_FIXED)
    tests = "#[test] fn t() { let unused = Cart::new(); }"
    problem = replace(problem, check=Check(kind="tests", expect=None, code=tests))

    assert outcome(problem, strict + CART_FIXED, sandbox) == "pass"


FAKE = 'print!("\\nok\\n\\ntest result: ok. 2 passed; 0 failed; 0 ignored\\n");'


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param("std::process::exit(0);", id="exit"),
        pytest.param(FAKE + "std::process::exit(0);", id="fake result and exit"),
        pytest.param(
            "use std::os::unix::process::CommandExt;"
            'std::process::Command::new("/bin/true").exec();',
            id="becomes another program",
        ),
    ],
)
def test_leaving_before_the_tests_end_is_not_passing(attack, sandbox):
    """Here the broken program has the escape too, so that only the receipts are in the way."""
    code = CART_FIXED.replace("self.prices.push(price);", attack + "self.prices.push(price);")
    allowed = replace(TESTED, buggy=code.replace("&mut self", "&self"), fixed=code)

    assert outcome(TESTED, code, sandbox) == "gutted"
    assert outcome(allowed, code, sandbox) == "wrong_behavior"


READ_RECEIPTS = """
    use std::{io::Write, os::unix::fs::PermissionsExt};
    let _ = std::fs::set_permissions("program", std::fs::Permissions::from_mode(0o755));
    for path in ["/proc/self/exe", "/sandbox/program", "program", "main.rs", "lib.rs"] {
        if let Ok(bytes) = std::fs::read(path) { std::io::stderr().write_all(&bytes).unwrap(); }
    }
    assert!(std::fs::File::open("/proc/self/mem").is_err());
    assert!(std::fs::File::open("/proc/self/exe").is_err());
    std::process::exit(0);
"""


def test_receipts_cannot_be_read_from_the_program(sandbox):
    if not sandbox.confine:
        pytest.skip("needs bubblewrap")
    code = CART_FIXED.replace("self.prices.push(price);", READ_RECEIPTS)
    problem = replace(TESTED, buggy=code.replace("&mut self", "&self"), fixed=code)

    verdict = judge_candidate(problem, code, sandbox)

    # The exit status shows that the program got as far as it could.
    assert (verdict.outcome, verdict.detail) == (
        "wrong_behavior",
        "0 of 2 hidden tests passed; exit status 0",
    )


@pytest.mark.parametrize("name", ["file!()", '"/dev/stdin"', '"/proc/self/fd/0"', '"lib.rs"'])
def test_hidden_tests_cannot_be_read_while_compiling(name, sandbox):
    """The program prints what the compiler reads, then leaves as if all were well."""
    own = f"const OWN: &str = include_str!({name});"
    leave = 'eprintln!("{OWN}"); std::process::exit(0);'
    code = own + CART_FIXED.replace("self.prices.push(price);", leave)
    problem = replace(TESTED, buggy=code.replace("&mut self", "&self"), fixed=code)

    assert outcome(problem, code, sandbox) in ("wrong_behavior", "compile_error")


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param("macro_rules! assert_eq { ($($t:tt)*) => {} }", id="textual"),
        pytest.param("#[macro_export] macro_rules! assert_eq { ($($t:tt)*) => {} }", id="exported"),
        pytest.param(
            "#[macro_use] mod m { macro_rules! assert_eq { ($($t:tt)*) => {} } }", id="mod"
        ),
    ],
)
def test_shadowed_assertions_are_not_called_by_hidden_tests(attack, sandbox):
    wrong = attack + CART_FIXED.replace("iter().sum()", "len() as u32")
    allowed = replace(TESTED, buggy=attack + CART, fixed=attack + CART_FIXED)

    assert outcome(TESTED, wrong, sandbox) == "gutted"
    assert outcome(allowed, wrong, sandbox) == "wrong_behavior"
    assert outcome(allowed, attack + CART_FIXED, sandbox) == "pass"


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param("\nfn main() { " + FAKE + " }", id="main of its own"),
        pytest.param("\n#[cfg(test)] fn main() { " + FAKE + " }", id="main for tests"),
        pytest.param("\n// swallow the rest", id="open line comment"),
        pytest.param('\n#[test] fn mine() { println!("test result: ok"); }', id="tests of its own"),
    ],
)
def test_harness_cannot_be_replaced(attack, sandbox):
    wrong = CART_FIXED.replace("iter().sum()", "len() as u32") + attack

    assert outcome(TESTED, wrong, sandbox) == "wrong_behavior"
    assert outcome(TESTED, CART_FIXED + attack, sandbox) == "pass"


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        ("\n/* swallow", "compile_error"),
        ('\nconst S: &str = r#"', "compile_error"),
        ("\n#[inline]", "compile_error"),
        ("\n#[cfg(any())]", "gutted"),
    ],
)
def test_unfinished_end_does_not_swallow_the_tests(attack, expected, sandbox):
    assert outcome(TESTED, CART_FIXED + attack, sandbox) == expected


def test_endless_program_is_a_timeout(sandbox, monkeypatch):
    monkeypatch.setattr(judge, "RUN_LIMITS", Limits(cpu_s=1))
    code = PRINTED.fixed.replace("cart.add(3);", "while cart.add(3) > 0 { cart.prices.clear(); }")
    code = code.replace("self.prices.len() }", "self.prices.len().max(1) }")

    verdict = judge_candidate(PRINTED, code, sandbox)

    assert (verdict.outcome, verdict.detail) == ("timeout", "ran out of CPU time")


def test_endless_hidden_test_is_a_timeout(sandbox, monkeypatch):
    monkeypatch.setattr(judge, "RUN_LIMITS", Limits(wall_s=1))
    sleep = "std::thread::sleep(std::time::Duration::from_secs(9)); self.prices.push(price);"

    code = CART_FIXED.replace("self.prices.push(price);", sleep)

    assert outcome(TESTED, code, sandbox) == "timeout"


def test_endless_compilation_is_a_timeout(sandbox, monkeypatch):
    monkeypatch.setattr(judge, "COMPILE_LIMITS", Limits(cpu_s=1))
    hang = "const H: u64 = { let mut i = 0; while i < u64::MAX { i += 1; } i };"

    fixed = f"#![allow(long_running_const_eval)] {CART_FIXED}"

    assert outcome(replace(TESTED, fixed=fixed), f"{fixed} {hang}", sandbox) == "timeout"


def test_flood_of_output_is_wrong_behaviour(sandbox, monkeypatch):
    monkeypatch.setattr(judge, "RUN_LIMITS", Limits(output_bytes=1000))
    code = PRINTED.fixed.replace("cart.add(3);", 'for _ in 0..999 { println!("{cart}"); }')

    assert judge_candidate(PRINTED, code, sandbox).detail == "wrote too much"


def test_compile_check_asks_for_no_behaviour_but_for_the_items(sandbox):
    problem = replace(TESTED, fixed=None, check=Check(kind="compile", expect=None, code=None))
    without_sum = CART_FIXED.replace("self.prices.iter().sum()", "self.prices[0]")
    without_total = CART_FIXED.replace("pub fn total", "pub fn sum").replace(".total()", ".sum()")

    assert outcome(problem, without_sum, sandbox) == "pass"
    assert outcome(problem, without_total, sandbox) == "gutted"
    assert outcome(problem, CART, sandbox) == "compile_error"


def test_compile_source_returns_raw_messages_with_relative_names(sandbox):
    compiled = compile_source(CART, crate_type="lib", edition="2021", sandbox=sandbox)

    (message,) = [m for m in compiled.diagnostics if m["code"]]
    assert message["spans"][0]["file_name"] == "lib.rs"
    assert message["level"] == "error"
    assert not compiled.is_ok


def test_compile_source_keeps_warnings_of_code_that_compiles(sandbox):
    compiled = compile_source("fn f() {}", crate_type="lib", edition="2021", sandbox=sandbox)

    assert compiled.is_ok
    assert compiled.diagnostics[0]["code"]["code"] == "dead_code"


@pytest.mark.parametrize(("edition", "is_ok"), [("2015", True), ("2021", False)])
def test_compile_source_obeys_the_edition(edition, is_ok, sandbox):
    code = "pub fn f() -> u8 { let async = 1; async }"

    assert compile_source(code, crate_type="lib", edition=edition, sandbox=sandbox).is_ok is is_ok


def test_source_that_is_not_unicode_is_a_compile_error(sandbox):
    assert outcome(TESTED, CART_FIXED + "\ud800", sandbox) == "compile_error"


def test_candidates_keep_their_order_and_equal_ones_are_judged_once(sandbox, monkeypatch):
    judged = []

    def count(problem, code, _sandbox):
        judged.append((problem.id, code))
        return judge_candidate(problem, code, sandbox)

    monkeypatch.setattr(judge, "judge_candidate", count)
    other = replace(PRINTED, id="x_002")
    pairs = [(PRINTED, None), (PRINTED, PRINTED.fixed), (other, PRINTED.fixed), (PRINTED, "")] * 3

    verdicts = judge_candidates(pairs, sandbox, jobs=3)

    assert [v.outcome for v in verdicts] == ["no_code", "pass", "pass", "no_code"] * 3
    assert sorted(judged, key=str) == sorted(set(pairs_of(pairs)), key=str)


def pairs_of(pairs):
    return [(problem.id, code) for problem, code in pairs]


def write_workspace(folder, lib):
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n', encoding="utf-8"
    )
    (folder / "src" / "lib.rs").write_text(lib, encoding="utf-8")


def test_workspace_is_checked_and_left_alone(tmp_path, sandbox):
    shop = tmp_path / "shop"
    write_workspace(shop, CART)

    checked = check_workspace(shop, sandbox)

    assert not checked.is_ok
    assert checked.detail.startswith("error[E0596]")
    assert checked.diagnostics[0]["spans"][0]["file_name"] == "src/lib.rs"
    assert sorted(p.name for p in shop.iterdir()) == ["Cargo.toml", "src"]


def test_workspace_tests_are_run_when_asked_and_scratch_is_reused(tmp_path, sandbox):
    shop, scratch = tmp_path / "shop", tmp_path / "scratch"
    scratch.mkdir()
    write_workspace(shop, CART_FIXED + "#[test] fn t() { assert_eq!(Cart::new().total(), 1) }")

    assert check_workspace(shop, sandbox, scratch=scratch).is_ok
    tested = check_workspace(shop, sandbox, run_tests=True, scratch=scratch)
    (shop / "src" / "lib.rs").write_text(CART_FIXED, encoding="utf-8")
    mended = check_workspace(shop, sandbox, run_tests=True, scratch=scratch)

    assert not tested.is_ok
    assert mended.is_ok, mended.detail
