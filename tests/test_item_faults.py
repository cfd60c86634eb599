"""Items that an error is about may change, as far as the error is about them; rustc says which."""

import pytest

from sleepy_coder.claims import Faults, find_faults
from sleepy_coder.diagnostics import parse_diagnostics
from sleepy_coder.gutting import find_gutting
from sleepy_coder.item_faults import ItemFaults
from sleepy_coder.judge import compile_source
from sleepy_coder.syntax import items

LIST = """struct Lap(u32);
struct Session { laps: Vec<Lap> }
trait Sheet { fn total(&self) -> u32; fn count(&self) -> u32 { 0 } }
impl Vec<Lap> {
    fn total(&self) -> u32 { self.iter().map(|lap| lap.0).sum() }
    fn count(&self) -> u32 { self.len() as u32 }
}
"""
ORPHAN = """struct Lap(u32);
struct Session { laps: Vec<Lap> }
impl std::fmt::Display for Vec<Lap> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} laps, first {}", self.len(), self[0].0)
    }
}
"""
ON_SESSION = ORPHAN.replace("for Vec<Lap>", "for Session").replace("self[0]", "self.laps[0]")
MISSPELT = ORPHAN.replace("Vec<Lap> {", "Session {").replace("Display", "Dsiplay")
KIND = """trait Deck { const CARDS: usize; }
struct Tarot;
impl Deck for Tarot { fn CARDS() -> usize { 78 } }
"""
NOT_A_MEMBER = """trait Vessel { fn name(&self) -> String; }
struct Ferry;
impl Vessel for Ferry {
    const DECKS: u32 = 3;
    fn name(&self) -> String { "Gull".into() }
    fn crew(&self) -> u32 { 7 * 2 }
}
"""
TWO = """trait Vessel { fn name(&self) -> String; }
struct Ferry(String);
impl Vessel for Ferry { fn name(&self) -> String { self.0.clone() } }
"""
TICKETS = """use std::sync::atomic::AtomicU32;
const NEXT: &AtomicU32 = &AtomicU32::new(100);
const OTHER: u32 = 5;
"""
SHADOWED = """static FULL: u32 = 12;
static HALF: u32 = 6;
fn name(n: u32) -> &'static str { match n { FULL => "full", _ => "open" } }
"""
RISKY = """unsafe fn at(n: usize) -> i32 { n as i32 }
fn rise() -> i32 { at(3) - 1 }
fn run() -> i32 { 4 }
"""
MARKER = """struct Beacon;
impl Sized for Beacon {}
impl Clone for Beacon { fn clone(&self) -> Self { Beacon } }
"""


EXTENDED = """pub struct Lap(u32);
impl Vec<Lap> {
    pub fn total(&self) -> u32 { self.iter().map(|lap| lap.0).sum() }
}
pub fn show(laps: &Vec<Lap>) -> u32 { laps.total() }
"""
TRAIT = "pub trait Laps { fn total(&self) -> u32; }\n"
BY_TRAIT = TRAIT + EXTENDED.replace("impl Vec", "impl Laps for Vec").replace("pub fn t", "fn t")
TESTED = (
    SHADOWED
    + """
#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn doubles() {
        let ok = match 12 { FULL => true, _ => false };
        assert!(ok);
    }
}
"""
)
TWO_RISKS = RISKY.replace("at(3) - 1", "at(3) - at(1)")
ERROR = """#[derive(Debug)]
pub struct AppError;
impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "failed") }
}
impl Eror for AppError {}
"""
DECOY = (
    BY_TRAIT.replace("self.iter().map(|lap| lap.0).sum()", "0")
    + """
pub struct All(pub Vec<Lap>);
impl All {
    pub fn total(&self) -> u32 { self.0.iter().map(|lap| lap.0).sum() }
}
"""
)
SPOKEN = """trait Speak { fn say(&self) -> String { String::new() } }
struct Dog;
impl Speek for Dog { fn say(&self) -> String { format!("{}", 3) } }
"""
MISSPELT_CONST = """trait Deck { const CARDS: usize = 0; fn area(&self) -> u32 { 0 } }
struct Tarot;
impl Deck for Tarot {
    const CARD: usize = 78;
    fn aera(&self) -> u32 { 9 * 2 }
}
"""
LENGTHS = """pub struct Len<U>(u32, std::marker::PhantomData<U>);
pub struct Cm;
impl Len<Cm> { pub fn raw(&self) -> u32 { self.0 } }
impl Len<Ich> { pub fn raw(&self) -> u32 { self.0 * 5 } }
"""
WITH_DEFAULT = """trait Deck { fn cards() -> usize { 0 } }
struct Tarot;
impl Deck for Tarot { const cards: usize = 78; }
"""
BOTH = (
    "#[derive(Clone, Copy)]\nstruct Handle(u8);\nimpl Drop for Handle { fn drop(&mut self) {} }\n"
)
TESTS = """#[test]
fn adds() { assert_eq!(1 + 1, 2); }
#[test]
fn adds() { assert_eq!(2 + 2, 4); }
"""


@pytest.fixture
def gutted(sandbox):
    """What `find_gutting` says of a candidate, told which errors rustc finds."""

    def find(buggy, code, expected):
        said = compile_source(buggy, crate_type="lib", edition="2021", sandbox=sandbox)
        diagnostics = parse_diagnostics(said.diagnostics)
        assert expected in {each.code for each in diagnostics}
        return find_gutting(buggy, None, code, find_faults(buggy, diagnostics))

    return find


@pytest.mark.parametrize(
    ("code", "buggy", "fixed"),
    [
        ("E0116", LIST, LIST.replace("impl Vec<Lap>", "impl Sheet for Vec<Lap>")),
        ("E0117", ORPHAN, ON_SESSION),
        ("E0405", MISSPELT, MISSPELT.replace("Dsiplay", "Display")),
        ("E0322", MARKER, MARKER.replace("impl Sized for Beacon {}", "")),
        ("E0324", KIND, KIND.replace("fn CARDS() -> usize { 78 }", "const CARDS: usize = 78;")),
        (
            "E0438",
            NOT_A_MEMBER,
            NOT_A_MEMBER.replace("    const DECKS: u32 = 3;\n", "").replace(
                "    fn crew", "}\nimpl Ferry {\n    pub fn crew"
            ),
        ),
        (
            "E0492",
            TICKETS,
            TICKETS.replace("const NEXT: &AtomicU32 = &", "static NEXT: AtomicU32 = "),
        ),
        ("E0530", SHADOWED, SHADOWED.replace("static FULL", "const FULL")),
        (
            "E0407",
            NOT_A_MEMBER.replace("fn name(&self) -> String {", "fn nmae(&self) -> String {"),
            NOT_A_MEMBER.replace('"Gull"', '"Gull".trim()'),
        ),
        ("E0133", RISKY, RISKY.replace("at(3)", "unsafe { at(3) }")),
        ("E0116", EXTENDED, BY_TRAIT),
        ("E0405", ERROR, ERROR.replace("Eror", "std::error::Error")),
        ("E0405", SPOKEN, SPOKEN.replace("Speek", "Speak")),
        ("E0438", MISSPELT_CONST, MISSPELT_CONST.replace("CARD:", "CARDS:")),
    ],
)
def test_what_an_error_is_about_may_change(code, buggy, fixed, gutted):
    assert gutted(buggy, fixed, code) is None
    assert find_gutting(buggy, None, fixed) is not None  # where no error says so


@pytest.mark.parametrize(
    ("code", "buggy", "candidate", "why"),
    [
        ("E0116", LIST, LIST[: LIST.index("impl")], "fn `Vec::count`"),
        (
            "E0116",
            LIST,
            LIST.replace("impl Vec<Lap>", "impl Sheet for Vec<Lap>").replace(
                "    fn count(&self) -> u32 { self.len() as u32 }\n", ""
            ),
            "fn `Vec::count`",
        ),
        ("E0117", ORPHAN, ORPHAN[: ORPHAN.index("impl")], "impl `impl Display for Vec`"),
        (
            "E0117",
            ORPHAN,
            ON_SESSION.replace(
                'write!(f, "{} laps, first {}", self.len(), self.laps[0].0)', "Ok(())"
            ),
            "does nothing any more",
        ),
        ("E0322", MARKER, "struct Beacon;\n", "impl `impl Clone for Beacon`"),
        (
            "E0324",
            KIND,
            KIND.replace("fn CARDS() -> usize { 78 }", "const CARDS: usize = 0;"),
            "fn `impl Deck for Tarot::CARDS`",
        ),
        (
            "E0438",
            NOT_A_MEMBER,
            NOT_A_MEMBER.replace("    fn crew(&self) -> u32 { 7 * 2 }\n", ""),
            "fn `impl Vessel for Ferry::crew`",
        ),
        ("E0492", TICKETS, TICKETS.replace("const OTHER", "static OTHER"), "const `OTHER`"),
        ("E0530", SHADOWED, SHADOWED.replace("static HALF", "const HALF"), "static `HALF`"),
        (
            "E0407",
            TWO.replace("{ fn name(&self) -> String {", "{ fn nmae(&self) -> String {"),
            TWO.replace("self.0.clone()", "String::new()"),
            "fn `impl Vessel for Ferry::nmae`",
        ),
        (
            "E0133",
            RISKY,
            RISKY.replace("at(3)", "unsafe { at(3) }").replace("{ 4 }", "{ unsafe { 4 } }"),
            "new `unsafe`",
        ),
        (
            "E0133",
            TWO_RISKS,
            TWO_RISKS.replace("at(3) - at(1)", "unsafe { at(3) - at(1) }").replace(
                "{ 4 }", "{ unsafe { 4 } }"
            ),
            "new `unsafe`",
        ),
        (
            "E0116",
            EXTENDED,
            BY_TRAIT.replace("self.iter().map(|lap| lap.0).sum()", "0"),
            "does nothing any more",
        ),
        (
            "E0116",
            EXTENDED,
            TRAIT
            + EXTENDED.replace("impl Vec<Lap> {", "").replace(
                "    pub fn total(&self) -> u32 { self.iter().map(|lap| lap.0).sum() }\n}\n", ""
            ),
            "fn `Vec::total`",
        ),
        (
            "E0530",
            TESTED,
            TESTED.replace("static FULL", "const FULL").replace("#[test]", ""),
            "test `tests::doubles`",
        ),
        ("E0405", ERROR, ERROR.replace("impl Eror for AppError {}", ""), "impl `impl Eror"),
        (
            "E0425",
            LENGTHS,
            LENGTHS.replace("impl Len<Ich> { pub fn raw(&self) -> u32 { self.0 * 5 } }", ""),
            "fn `Len::raw`",
        ),
        ("E0116", EXTENDED, DECOY, "does nothing any more"),
        (
            "E0405",
            ERROR,
            ERROR.replace("impl Eror for AppError {}", "impl Unpin for AppError {}"),
            "impl `impl Eror for AppError`",
        ),
        (
            "E0405",
            SPOKEN,
            SPOKEN.replace("impl Speek for", "impl Speak for Dog {}\nimpl"),
            "fn `impl Speek for Dog::say`",
        ),
        (
            "E0438",
            MISSPELT_CONST,
            MISSPELT_CONST.replace("    const CARD: usize = 78;\n", ""),
            "const `impl Deck for Tarot::CARD`",
        ),
        (
            "E0407",
            MISSPELT_CONST,
            MISSPELT_CONST.replace("    fn aera", "}\nimpl Tarot {\n    fn aera"),
            "fn `impl Deck for Tarot::aera`",
        ),
        ("E0323", WITH_DEFAULT, WITH_DEFAULT.replace("const cards: usize = 78;", ""), "const"),
        ("E0184", BOTH, BOTH[: BOTH.index("impl")], "impl `impl Drop for Handle`"),
    ],
)
def test_it_may_not_be_lost_and_nothing_else_may_change(code, buggy, candidate, why, gutted):
    assert why in gutted(buggy, candidate, code)


def test_a_test_of_another_name_keeps_its_assertions(sandbox):
    said = compile_source(
        TESTS.replace("#[test]\n", ""), crate_type="lib", edition="2021", sandbox=sandbox
    )
    assert "E0428" in {each.code for each in parse_diagnostics(said.diagnostics)}
    faults = ItemFaults(items=frozenset(items(TESTS)), twice=frozenset(items(TESTS)))
    renamed = TESTS.replace("fn adds() { assert_eq!(2", "fn adds_more() { assert_eq!(2")
    assert find_gutting(TESTS, None, renamed, Faults(items=faults)) is None
    emptied = renamed.replace("assert_eq!(2 + 2, 4);", "")
    assert "is gone" in find_gutting(TESTS, None, emptied, Faults(items=faults))


@pytest.mark.parametrize(
    "code",
    [
        "enum Signal {\n    Ring,\n    #[default],\n}\n",
        "propptest! { fn adds(a in 0..9u32) { prop_assert!(a < 9); } }\n",
        "struct S;\nimpl Name for fn() -> ! { fn nmae(&self) -> u32 { 7 } }\n",
    ],
)
def test_odd_programs_are_no_reason_to_fail(code, sandbox):
    said = compile_source(code, crate_type="lib", edition="2021", sandbox=sandbox)
    faults = find_faults(code, parse_diagnostics(said.diagnostics))
    other = "fn nine() -> u32 { 9 }\n" + code.replace("propptest", "proptest").replace(
        "nmae", "name"
    )
    assert find_gutting(code, None, code, faults) is None
    find_gutting(code, None, other, faults)
