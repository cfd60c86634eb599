import pytest

from sleepy_coder.mutants.pieces import find_pieces, import_at, without

CODE = """use std::fmt::{self, Display};

pub struct Tank { litres: u32 }

impl Tank {
    /// How full.
    pub fn level(&self) -> u32 { clamp(self.litres) }
    fn drain(&mut self) { self.litres = 0; }
}

impl Display for Tank {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { write!(f, "{}", self.level()) }
}

fn clamp(n: u32) -> u32 { n.min(9) }

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn clamps() { assert_eq!(clamp(12), 9); }
}
"""


def test_a_file_falls_into_named_pieces():
    kinds = [(p.kind, p.name, p.trait) for p in find_pieces(CODE)]
    assert kinds == [
        ("use", "", ""),
        ("type", "Tank", ""),
        ("inherent", "Tank", ""),
        ("impl", "Tank", "Display"),
        ("fn", "clamp", ""),
        ("tests", "tests", ""),
    ]


def test_methods_and_tests_are_pieces_below():
    inherent, tests = find_pieces(CODE)[2], find_pieces(CODE)[5]
    assert [m.name for m in inherent.members] == ["level", "drain"]
    assert "clamp" in inherent.members[0].refs
    assert "clamp" not in inherent.refs
    assert [m.is_test for m in tests.members] == [False, True]


def test_a_method_takes_its_doc_comment_along():
    level = find_pieces(CODE)[2].members[0]
    assert CODE[level.start : level.end].startswith("/// How full.")


def test_a_macro_argument_counts_as_a_reference():
    assert "level" in find_pieces(CODE)[3].refs


@pytest.mark.parametrize(
    ("code", "name", "left"),
    [
        ("use a::{b, c};\nfn f() {}", "c", "use a::{b};"),
        ("use a::{b, c};\nfn f() {}", "b", "use a::{c};"),
        ("use a::{x::{b}, c};\nfn f() {}", "b", "use a::{c};"),
        ("use a::b;\nfn f() {}", "b", "fn f() {}"),
    ],
)
def test_one_import_is_taken_out(code, name, left):
    found = import_at(code, code.index(name))
    assert found is not None
    assert without(code, {found}).splitlines()[0] == left


def test_no_gap_stays_where_something_was_taken_out():
    level = find_pieces(CODE)[2].members[0]
    assert "impl Tank {\n    fn drain" in without(CODE, {(level.start, level.end)})
