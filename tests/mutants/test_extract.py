import pytest

from sleepy_coder.judge import compile_source
from sleepy_coder.mutants.extract import MAX_LINES, MIN_LINES, extract_programs, is_worthwhile
from sleepy_coder.mutants.prune import Checked, prune

FILE = """//! Bookings of a boat house.
use crate::weather::Forecast;
use std::collections::HashMap;
use std::io::Write;

/// A boat and who has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Boat {
    pub name: String,
    seats: usize,
}

impl Boat {
    pub fn new(name: &str, seats: usize) -> Self {
        Boat { name: name.to_string(), seats }
    }

    // Depends on another file.
    pub fn may_leave(&self, forecast: &Forecast) -> bool {
        forecast.is_calm()
    }

    pub fn seats(&self) -> usize {
        self.seats
    }
}

#[derive(Default)]
pub struct House {
    boats: HashMap<String, Boat>,
}

impl House {
    pub fn add(&mut self, boat: Boat) -> Option<Boat> {
        self.boats.insert(boat.name.clone(), boat)
    }

    pub fn seats(&self) -> usize {
        self.boats.values().map(Boat::seats).sum()
    }
}

pub fn report(forecast: Forecast) -> String {
    forecast.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_add_up() {
        let mut house = House::default();
        house.add(Boat::new("Ente", 3));
        assert_eq!(house.seats(), 3);
    }

    #[test]
    fn asks_the_weather() {
        assert!(report(Forecast::calm()).is_empty());
    }
}
"""


@pytest.fixture
def check(sandbox):
    def compile_(code):
        done = compile_source(code, crate_type="lib", edition="2021", sandbox=sandbox)
        return Checked(done.is_ok, done.diagnostics)

    return compile_


def test_a_file_is_pruned_to_what_compiles_alone(check):
    pruned = prune("use a::B;\nfn f(b: B) {}\nfn g() { f(1) }\nfn h() -> u8 { 2 }\n", check)
    assert pruned == "fn h() -> u8 { 2 }\n"


def test_a_file_of_nothing_usable_gives_nothing(check):
    assert prune("fn f(b: Missing) {}\n", check) is None


def test_an_error_in_a_method_costs_the_method_only(check):
    code = "pub struct S;\nimpl S {\n    pub fn a(&self) -> X { X }\n    pub fn b(&self) {}\n}\n"
    pruned = prune(code, check)
    assert pruned is not None
    assert "fn a" not in pruned
    assert "fn b" in pruned


def test_a_program_is_cut_out_with_its_tests(check):
    programs = extract_programs(FILE, "seed", check, limit=9)
    assert len(programs) == 1
    program = programs[0]
    assert check(program.code).is_ok
    assert "/// A boat and who has it." in program.code
    assert "may_leave" not in program.code
    assert "io::Write" not in program.code  # an unused import
    assert "seats_add_up" in program.tests
    assert "asks_the_weather" not in program.tests
    assert "mod tests" not in program.code


def test_a_long_file_gives_programs_that_share_no_seed(check):
    body = "    println!();\n" * 20
    code = "".join(f"pub fn f{n}() {{\n{body}    g{n}();\n}}\nfn g{n}() {{}}\n" for n in range(12))
    programs = [program.code for program in extract_programs(code, "seed", check, limit=99)]
    assert len(programs) > 2
    assert all(len(program.splitlines()) <= MAX_LINES for program in programs)
    for n in range(12):
        assert [f"fn f{n}()" in program for program in programs].count(True) == 1
        assert all((f" g{n}();" in p) == (f"fn g{n}()" in p) for p in programs)


def test_an_example_in_a_comment_becomes_a_test(check):
    example = """/// A boat and who has it.
///
/// ```
/// use boats::Boat;
/// # let seats = 2;
/// assert_eq!(Boat::new("Ente", seats).seats(), 2);
/// ```
"""
    source = FILE.replace("/// A boat and who has it.\n", example)
    program = extract_programs(source, "seed", check, limit=9)[0]
    assert "fn documented_example_1() {\n    let seats = 2;" in program.tests
    assert "use boats" not in program.tests
    assert "fn seats_add_up" in program.tests


def test_extraction_is_the_same_every_time(check):
    assert extract_programs(FILE, "s", check, limit=9) == extract_programs(
        FILE, "s", check, limit=9
    )


@pytest.mark.parametrize("num_lines", [MIN_LINES - 1, MAX_LINES + 1])
def test_a_program_has_a_length_that_people_mend(num_lines):
    def program(lines):
        return "struct S;\nfn f() {\n" + "    g();\n" * (lines - 3) + "}\n"

    assert is_worthwhile(program(40))
    assert not is_worthwhile(program(num_lines))


def test_unsafe_code_is_left_out():
    code = "struct S;\nfn f() {\n" + "    g();\n" * 20 + "    unsafe { h() }\n}\n"
    assert not is_worthwhile(code)
