import pytest

from sleepy_coder.mutants.clean import prepare_file


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("#![no_std]\nfn f() {}", "fn f() {}"),
        ("//! A crate.\nfn f() {}", "fn f() {}"),
        ("mod other;\nfn f() {}", "fn f() {}"),
        ("extern crate alloc;\nuse alloc::vec::Vec;", "use std::vec::Vec;"),
        ("use crate::Error;\nuse super::x;\nuse std::fmt;", "use std::fmt;"),
        ("pub(super) fn f() {}", "pub(crate) fn f() {}"),
        ('#[cfg(feature = "std")]\nfn f() {}', "fn f() {}"),
        ('#[cfg(feature = "gpu")]\nfn f() {}\nfn g() {}', "fn g() {}"),
        ("#[cfg(test)]\nmod tests { fn f() {} }", "#[cfg(test)]\nmod tests { fn f() {} }"),
        ("#[derive(Clone, Serialize)]\nstruct S;", "#[derive(Clone)]\nstruct S;"),
        ("#[derive(Serialize)]\nstruct S;", "struct S;"),
        ("#[serde(default)]\nstruct S;", "struct S;"),
        ("#[must_use]\nfn f() -> u8 { 1 }", "#[must_use]\nfn f() -> u8 { 1 }"),
        ('struct S { #[cfg(feature = "x")] a: u8, b: u8 }', "struct S { b: u8 }"),
    ],
)
def test_what_a_file_needs_of_its_crate_is_taken_away(code, expected):
    assert prepare_file(code).strip() == expected


def test_words_and_layout_stay():
    code = "/// Adds.\nfn   add(a:u8)->u8 { a+1 } // one more\n"
    assert prepare_file(code) == code
