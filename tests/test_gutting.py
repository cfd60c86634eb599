"""A candidate keeps the program, on syntax alone."""

import pytest

from sleepy_coder.gutting import find_disuse, find_gutting

BUGGY = """
use std::fmt;

/// How full a tank is.
#[derive(Debug, PartialEq)]
pub struct Tank { litres: u32, name: String }

pub enum Level { Empty, Low(u32) }

trait Drain { fn drain(&mut self) -> u32; }

impl Tank {
    pub fn fill(&self, litres: u32) { self.litres += litres; }
    pub fn level(&self) -> Level { if self.litres == 0 { Level::Empty } else { Level::Low(3) } }
}

impl Drain for Tank { fn drain(&mut self) -> u32 { let l = self.litres; self.litres = 0; l } }

impl fmt::Display for Tank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}", self.name) }
}

fn main() {
    let mut tank = Tank { litres: 0, name: "north".to_string() };
    tank.fill(3);
    assert_eq!(tank.litres, 3, "filled");
    println!("{tank} {}", tank.drain());
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn starts_empty() { assert!(matches!(sample().level(), Level::Empty)); }
    fn sample() -> Tank { Tank { litres: 0, name: String::new() } }
}
"""
FIXED = BUGGY.replace("fill(&self", "fill(&mut self")


def change(old, new, code=FIXED):
    assert old in code
    return code.replace(old, new)


@pytest.mark.parametrize("fixed", [FIXED, None])
def test_the_fix_itself_keeps_the_program(fixed):
    assert find_gutting(BUGGY, fixed, FIXED) is None
    assert find_disuse(BUGGY, fixed, FIXED) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("fn main", "fn helper(t: &Tank) -> u32 { t.litres }\nfn main", id="helper"),
        pytest.param("impl Tank {", "impl Tank {} impl Tank {", id="two impl blocks"),
        pytest.param("name: String }", "name: String, cap: Option<u32> }", id="new field"),
        pytest.param("#[derive(Debug", "#[derive(Clone, Debug", id="derive"),
        pytest.param("trait Drain {", "trait Drain: Sized {", id="bound"),
        pytest.param("fn level(&self)", "fn level(self: &Self)", id="signature"),
        pytest.param("impl fmt::Display for", "impl std::fmt::Display for", id="trait path"),
        pytest.param("struct Tank {", "struct Tank\n{ // a comment\n", id="layout"),
        pytest.param('3, "filled");', '3, "filled",);', id="trailing comma"),
        pytest.param("let l = self.litres;", "let l = self.litres.max(0);", id="body"),
        pytest.param("name: String }", "name: std::string::String }", id="type path"),
    ],
)
def test_harmless_edits_keep_the_program(old, new):
    assert find_gutting(BUGGY, FIXED, change(old, new)) is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("impl Drain for Tank { fn drain(&mut self) -> u32 { let l = self.litres; "
                     "self.litres = 0; l } }", "", "impl Drain for Tank", id="impl removed"),
        pytest.param(" Low(u32)", "", "Level::Low", id="variant removed"),
        pytest.param(", name: String }", " }", "Tank::name", id="field removed"),
        pytest.param('assert_eq!(tank.litres, 3, "filled");', "", "assert_eq", id="assertion gone"),
        pytest.param("tank.litres, 3,", "tank.litres, tank.litres,", "assert_eq", id="assertion"),
        pytest.param("#[test]", "#[test] #[ignore]", "starts_empty", id="test ignored"),
        pytest.param("#[test]", "#[test] #[should_panic]", "starts_empty", id="test inverted"),
        pytest.param("#[test]", "", "starts_empty", id="test demoted"),
        pytest.param("fn starts_empty", "fn starts_full", "starts_empty", id="test renamed"),
        pytest.param("trait Drain", "#[cfg(any())] trait Drain", "Drain", id="item behind cfg"),
        pytest.param("mod tests {", "mod tests { #![cfg(any())]", "tests", id="inner cfg"),
        pytest.param("impl Tank {", "#[cfg_attr(all(), cfg(any()))] impl Tank {", "Tank::fill",
                     id="cfg through cfg_attr"),
        pytest.param("use std::fmt;", "#![cfg_attr(all(), cfg(any()))] use std::fmt;", "",
                     id="crate behind cfg_attr"),
        pytest.param("trait Drain { fn drain(&mut self) -> u32; }",
                     "/* trait Drain { fn drain(&mut self) -> u32; } */", "Drain", id="comment"),
        pytest.param("pub enum Level { Empty, Low(u32) }",
                     'const S: &str = "pub enum Level { Empty, Low(u32) }";', "Level", id="string"),
        pytest.param("pub enum Level { Empty, Low(u32) }",
                     "macro_rules! level { () => { pub enum Level { Empty, Low(u32) } } }",
                     "Level", id="macro that nobody calls"),
        pytest.param("trait Drain", "mod aside { trait Drain { } } trait Other", "Drain",
                     id="moved into another module"),
        pytest.param("self.litres += litres;", "", "does nothing", id="emptied"),
        pytest.param("self.litres += litres;", 'panic!("later")', "does nothing", id="panics"),
        pytest.param("self.litres += litres;", "loop {}", "does nothing", id="hangs"),
        pytest.param("self.litres += litres;", "todo!()", "todo", id="todo"),
        pytest.param("self.litres += litres;", "unimplemented!()", "unimpl", id="unimplemented"),
        pytest.param("self.litres += litres;", "std::unreachable!()", "unreach", id="unreachable"),
        pytest.param("self.litres += litres;", "unsafe { std::hint::black_box(()) }", "unsafe",
                     id="unsafe"),
        pytest.param("use std::fmt;", "use std::fmt; use std::todo as later;", "todo", id="as"),
        pytest.param("tank.fill(3);", "std::process::exit(0);", "exit", id="exit"),
        pytest.param("tank.fill(3);", "{ use std::process as p; p::exit(0); }", "exit",
                     id="exit under another name"),
        pytest.param("use std::fmt;", "use std::{fmt, process::{exit as bye}};", "exit",
                     id="exit imported"),
        pytest.param("use std::fmt;",
                     "use std::fmt; macro_rules! m { ($a:ident $b:ident) => { std::$a::$b(0) } }\n"
                     "fn bye() { m!(process exit) }", "exit", id="exit through a macro"),
        pytest.param("use std::fmt;", "use std::fmt; extern crate self as std;", "extern",
                     id="std renamed"),
        pytest.param("use std::fmt;", "use std::fmt; macro_rules! assert_eq { ($($t:tt)*) => {} }",
                     "assert_eq", id="assert_eq shadowed"),
        pytest.param("use std::fmt;",
                     "use std::fmt; macro_rules! nop { ($($t:tt)*) => {} } use nop as assert;",
                     "assert", id="assert imported"),
        pytest.param("use std::fmt;",
                     "use std::fmt; macro_rules! def { ($n:ident) => "
                     "{ macro_rules! $n { ($($t:tt)*) => {} } } } def!(assert_eq);",
                     "assert_eq", id="assert_eq shadowed by a macro's macro"),
        pytest.param("use std::fmt;",
                     'use std::fmt; macro_rules! println { ($($t:tt)*) => { print!("north 3") } }',
                     "println", id="println shadowed"),
        pytest.param("use std::fmt;", "use std::fmt; struct Vec;", "Vec", id="prelude shadowed"),
        pytest.param("tank.fill(3);", "let _ = std::panic::catch_unwind(|| tank.fill(3));",
                     "catch_unwind", id="assertion caught"),
        pytest.param("use std::fmt;", '#[link_section = ".init_array"] static S: u8 = 0;',
                     "link_section", id="static constructor"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("fixed", [FIXED, None], ids=["reference", "no reference"])
def test_gutting_is_found(old, new, reason, fixed):
    found = find_gutting(BUGGY, fixed, change(old, new))

    assert found is not None
    assert reason in found


def test_what_the_reference_removes_may_go():
    fixed = change(" Low(u32)", "", change("Level::Low(3)", "Level::Empty"))

    assert find_gutting(BUGGY, fixed, fixed) is None
    assert find_gutting(BUGGY, fixed, FIXED) is None
    assert find_gutting(BUGGY, FIXED, fixed) is not None


def test_what_the_reference_renames_may_be_renamed():
    fixed = change("starts_empty", "is_empty_at_first")

    assert find_gutting(BUGGY, fixed, fixed) is None


def test_escapes_that_the_program_had_may_stay_but_not_spread():
    buggy = change("println!(", "unsafe { side() }; println!(", BUGGY)
    once = change("println!(", "unsafe { side() }; println!(")
    twice = change("println!(", "unsafe { side() }; unsafe { side() }; println!(")

    assert find_gutting(buggy, None, once) is None
    assert find_gutting(buggy, None, twice) is not None


def test_a_method_called_exit_is_the_programs_own():
    code = change("fn main() {", "impl Tank { fn exit(&self) {self.level();} }\nfn main() {")

    assert (
        find_gutting(BUGGY, FIXED, change("tank.fill(3);", "tank.fill(3); tank.exit();", code))
        is None
    )


def test_main_that_prints_the_answer_uses_nothing():
    start = FIXED.index("    tank.fill")
    hard_coded = FIXED[:start] + FIXED[FIXED.index("    assert_eq") :]
    hard_coded = change('println!("{tank} {}", tank.drain());', 'println!("north 3");', hard_coded)

    assert find_gutting(BUGGY, FIXED, hard_coded) is None
    assert find_disuse(BUGGY, FIXED, hard_coded) == "`drain` is declared but no longer used"


def test_program_that_does_not_parse_is_still_compared():
    assert find_gutting("fn a() { 1 } fn b( {", None, "fn a() { 1 }") is None
    assert "fn `a`" in find_gutting("fn a() { 1 } fn b( {", None, "fn b() {}")


LINTED = """
#![deny(warnings, unused)]
#[allow(dead_code)]
struct Spare { part: u32 }
#[cfg_attr(debug_assertions, derive(Debug))]
pub struct Pump { level: u32 }
impl Pump {
    pub fn run(&mut self) -> u32 {
        self.start(1);
        #[cfg(unix)]
        self.start(2);
        self.level
    }
    fn start(&mut self, by: u32) { self.level += by; }
}
#[cfg(test)]
mod tests {
    #[test]
    fn runs() { assert_eq!(super::Pump { level: 0 }.run(), 3); }
}
"""


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("self.start(1)", "#[cfg(any())] self.start(1)", "cfg(any", id="statement"),
        pytest.param("self.start(1)", "#[cfg(test)] self.start(1)", "cfg(test", id="but in tests"),
        pytest.param("self.start(1)", "#[cfg(unix)] self.start(1)", "cfg(unix", id="spread"),
        pytest.param("self.start(1)", "#[r#cfg(any())] self.start(1)", "cfg(any", id="raw name"),
        pytest.param("self.start(1)", "#[cfg_attr(all(), cfg(any()))] self.start(1)", "cfg_attr",
                     id="through cfg_attr"),
        pytest.param("self.start(1)", "skip! { #[cfg(any())] self.start(1) }", "cfg(any",
                     id="in a macro's arguments"),
        pytest.param("impl Pump {",
                     "macro_rules! m { ($a:ident $s:stmt) => { #[$a(any())] $s } } impl Pump {",
                     "$a", id="named by a macro's caller"),
        pytest.param("u32 {\n        self", "u32 { #![cfg(any())]\n self", "cfg(any", id="inner"),
        pytest.param("u32 {\n        self", "u32 { #![cfg(test)] fn f() {}\n self", "cfg(test",
                     id="inner, before an item"),
        pytest.param("impl Pump {", "#[cfg(any())] fn f(p: &mut Pump) { p.start(1) } impl Pump {",
                     "cfg(any", id="code kept for show"),
        pytest.param("impl Pump {", "#[allow(dead_code)] impl Pump {", "allow(dead_code)",
                     id="allow spread"),
        pytest.param("allow(dead_code)", "allow(dead_code, unused)", "allow(unused)",
                     id="allow widened"),
        pytest.param("#[allow(dead_code)]", "#![allow(dead_code)]", "#![allow(dead_code)]",
                     id="allow of all"),
        pytest.param("impl Pump {", "#[expect(unused)] impl Pump {", "expect(unused)", id="expect"),
        pytest.param("impl Pump {", "#[warn(unused)] impl Pump {", "warn(unused)", id="warn"),
        pytest.param("#![deny(warnings, unused)]", "", "deny(unused)", id="deny"),
        pytest.param("warnings, unused", "unused", "deny(warnings)", id="one of two denied"),
        pytest.param("#![deny(warnings, unused)]", "// #![deny(warnings, unused)]", "deny",
                     id="deny in a comment"),
        pytest.param("#![deny(warnings, unused)]", "#[deny(warnings, unused)]", "deny",
                     id="deny narrowed"),
    ],
)  # fmt: skip
def test_silencing_the_compiler_is_found(old, new, reason):
    code = change(old, new, LINTED)

    assert reason in find_gutting(LINTED, None, code)
    assert reason in find_gutting(LINTED, LINTED, code)
    assert find_gutting(LINTED, code, code) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("self.level += by;", "self.level = self.level + by;", id="untouched"),
        pytest.param("#[allow(dead_code)]\nstruct Spare { part: u32 }",
                     "struct Spare { #[allow(dead_code)] part: u32 }", id="allow moved"),
        pytest.param("self.start(1);\n        #[cfg(unix)]", "#[cfg(unix)]\n self.start(1);\n ",
                     id="cfg moved"),
        pytest.param("#[allow(dead_code)]", '#[ allow (dead_code, reason = "later") ]',
                     id="reason"),
        pytest.param("warnings, unused)]", "warnings)]\n#![deny(unused)]", id="deny in two"),
        pytest.param("#[allow(dead_code)]", "", id="allow gone"),
        pytest.param("#[cfg(unix)]", "", id="cfg gone"),
        pytest.param("impl Pump {", "// #[cfg(any())] #[allow(unused)]\nimpl Pump {",
                     id="comment"),
        pytest.param("self.start(1)", 'let _ = "#[cfg(any())]"; self.start(1)', id="string"),
        pytest.param("impl Pump {", "#[derive(Clone)] struct Seal; impl Pump {", id="derive"),
        pytest.param("impl Pump {", "#[cfg_attr(test, derive(Debug))] struct Seal; impl Pump {",
                     id="derive in tests"),
        pytest.param("#[cfg(test)]", "#[cfg(test)] fn two() -> u32 { 2 }\n#[cfg(test)]",
                     id="helper for tests"),
        pytest.param("impl Pump {", "#[cfg(unix)] use std::io::Read;\nimpl Pump {",
                     id="conditional import"),
    ],
)  # fmt: skip
def test_attributes_that_silence_nothing_are_no_gutting(old, new):
    assert find_gutting(LINTED, None, change(old, new, LINTED)) is None


LIST = """
pub struct Todo { pub name: String, done: bool }
pub fn add(list: &mut Vec<Todo>, todo: Todo) { list.push(tood); }
pub fn stop(exit: bool) -> bool { exti || exit }
"""


def test_names_of_macros_and_functions_may_be_those_of_variables():
    assert find_gutting(LIST, None, LIST.replace("tood", "todo")) is None
    assert find_gutting(LIST, None, LIST.replace("exti", "exit")) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("list.push(tood);", "todo!()"),
        ("list.push(tood);", "std::todo!()"),
        ("list.push(tood);", "use std::{todo as later}; later!()"),
        ("exti", "{ use std::process::{exit, id}; let end = exit; end(0) }"),
        ("exti", "std::process::exit(0)"),
        ("exti", "{ use std::process::exit as end; end(0) }"),
    ],
)
def test_what_ends_a_program_or_is_left_undone_is_found_all_the_same(old, new):
    assert find_gutting(LIST, None, change(old, new, LIST)) is not None


CONFIG = """
pub struct Config { pub port: u16, name: String }
impl Config {
    pub fn new() -> Self { Self { port: 1, name: String::nwe() } }
    pub fn fresh() -> Self { Self::nwe() }
    pub fn name(&self) -> &str { self.nmae }
    pub fn none() -> Option<u8> { Nnoe }
    pub fn read(text: &str) -> Result<Config, String> {
        let port = text.trim().parse().map_err(|_| "no")?;
        Ok(Config { port, name: text })
    }
}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.nmae", '""'),
        (CONFIG[CONFIG.index("let port") : CONFIG.index("    }\n}")], "Ok(Config::new())"),
        ("Self { port: 1, name: String::nwe() }", "Default::default()"),
    ],
)
def test_a_constant_in_place_of_work_is_gutting(old, new):
    assert "return a constant" in find_gutting(CONFIG, None, change(old, new, CONFIG))


@pytest.mark.parametrize(("old", "new"), [("Self::nwe()", "Self::new()"), ("Nnoe", "None")])
def test_a_constant_that_was_misspelt_is_none(old, new):
    assert find_gutting(CONFIG, None, change(old, new, CONFIG)) is None


def test_tests_and_assertions_of_crates_are_kept():
    code = "#[rstest] #[case(1)] fn t(#[case] n: u8) { assert_matches!(n, 1); step(); }"
    assert find_gutting(code, None, code.replace("step()", "steps()")) is None
    for old in ("#[rstest]", "#[case(1)]", "assert_matches!(n, 1);"):
        assert find_gutting(code, None, code.replace(old, "")) is not None
    code = "proptest! { #[test] fn adds(x in 0..3) { step(x); } }"
    assert find_gutting(code, None, "proptest! { }") is not None
    assert find_gutting(code, None, "") is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('fn f() -> &\'static str { let s = String::from("hi"); &s }', '"hi" }'),
        ("fn f() -> Vec<i32> { let mut v: Vec<i32> = vec![]; return &v; }", "Vec::new() }"),
        ("fn f() -> S { let mut s = S::neww(); s }", "S::new() }"),
    ],
)
def test_what_is_made_of_nothing_may_be_made_shorter(old, new):
    assert find_gutting(old, None, old[: old.index("{") + 1] + new) is None


def test_work_without_input_is_not_put_off_either():
    old = "fn f() -> Config { let text = read(PATH)?; parse(text) }"
    assert find_gutting(old, None, "fn f() -> Config { Config::default() }") is not None


def test_a_macro_that_leaves_work_undone_is_seen_by_its_bare_name():
    old = "macro_rules! c { ($m:ident) => { $m!() } } fn f() -> u8 { let b: u8 = 1u16; b }"
    assert find_gutting(old, None, old.replace("1u16", "c!(todo)")) is not None
