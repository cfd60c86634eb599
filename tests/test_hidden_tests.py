"""Hidden tests are appended so that each gives a receipt."""

import pytest

from sleepy_coder.errors import InputError
from sleepy_coder.hidden_tests import append_tests


def test_each_test_has_a_receipt_of_its_own():
    program = append_tests("fn f() {}", "#[test] fn a() { f() }\n#[test] fn b() {}")
    again = append_tests("fn f() {}", "#[test] fn a() { f() }\n#[test] fn b() {}")

    assert len({*program.receipts, *again.receipts}) == 4
    assert all(program.code.count(receipt) == 1 for receipt in program.receipts)


def test_candidate_comes_first_unchanged():
    code = "//! Docs come first.\n#![allow(dead_code)]\nfn f() {}"

    assert append_tests(code, "#[test] fn a() {}").code.startswith(code + "\n")


def test_standard_macros_in_the_tests_are_written_in_full():
    tests = """
        #[test] fn a() {
            assert_eq!(vec![1], f(matches!(g(), Some(1))), "not assert!(x)");
            std::assert!(a != b); own!(1);
        }
    """

    code = append_tests("", tests).code

    assert "::std::assert_eq!(::std::vec![1], f(::std::matches!(g()" in code
    assert '"not assert!(x)"' in code
    assert " std::assert!(a != b); own!(1);" in code


def test_text_that_is_not_ascii_stays_whole():
    tests = '#[test] fn größe() { assert!("ü" == "ü"); } // ß\n#[test] fn b() {}'

    code = append_tests("", tests).code

    assert 'fn größe() { ::std::assert!("ü" == "ü"); }' in code
    assert "fn größe_gives_receipt()" in code


def test_no_test_at_all_is_an_error():
    with pytest.raises(InputError, match="at least one"):
        append_tests("fn f() {}", "mod tests { fn helper() {} }")
