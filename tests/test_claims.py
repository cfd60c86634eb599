"""What may be put into an assertion that an error lies in."""

from collections import Counter

import pytest

from sleepy_coder.claims import Faults, find_faults, find_lost
from sleepy_coder.diagnostics import parse_diagnostics
from sleepy_coder.gutting import find_gutting
from sleepy_coder.judge import compile_source
from sleepy_coder.syntax import assertion_calls


def mends(before, after, names=()):
    before, after = (f"fn f() {{ {text}; }}" for text in (before, after))
    ((item, _),) = assertion_calls(before)
    return find_lost(Counter([item]), {item: frozenset(names)}, before, after) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("assert_eq!(total(list), 6)", "assert_eq!(total(&list).unwrap(), 6u64)"),
        ("assert_eq!(total(list), 6)", "assert_eq!(total(&mut list)?, 6)"),
        ("assert_eq!(total(list), 6)", 'assert_eq!(total(list).expect("one"), 6)'),
        ('assert_eq!(name, "x")', 'assert_eq!(name, Some("x"))'),
        ('assert_eq!(name, "x")', 'assert_eq!(name.as_deref(), Ok(String::from("x")),)'),
        ("assert!(list.contains(3))", "assert!(list.contains(&3))"),
        ("assert!(x == y)", "assert!(*x == y)"),
        ("assert_eq!(m, 2)", "assert_eq!(m, 2.0)"),
        ("assert_eq!(m, 2.0)", "assert_eq!(m, 2)"),
        ("assert_eq!(m, 1_000)", "assert_eq!(m, 1000_i64)"),
        ('assert!(a, "it is {}", b)', 'assert!(a, "it is {:?}", b)'),
        ("assert_eq!(self.n, 2)", "assert_eq!(self.n.clone(), 2)"),
        ("assert_eq!(m, 0xff)", "assert_eq!(m, 0xffu32)"),
        ("assert!(x > y)", "assert!(x > &y)"),
        ("assert!((0..n).contains(x))", "assert!((0..*n).contains(&x))"),
        ("assert_eq!(p, P { x: 1 })", "assert_eq!(p, P { x: Some(1) })"),
        ("assert!(v.len() == n)", "assert!(v.len() == n.try_into().unwrap())"),
        ("assert!(a == b)", "assert!(u64::from(a) == b)"),
        ('assert_eq!(a, b, "got {value}")', 'assert_eq!(a, b, "got {value:?}")'),
        ("assert_eq!(fetch(), 1)", "assert_eq!(fetch().await, 1)"),
    ],
)
def test_what_a_mend_may_add(before, after):
    assert mends(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("assert_eq!(a, 6)", "assert_eq!(a, 7)"),
        ("assert_eq!(a, 6)", "assert_ne!(a, 6)"),
        ("assert_eq!(a, 6)", "assert_eq!(6, 6)"),
        ("assert_eq!(a, b)", "assert_eq!(a, a)"),
        ("assert_eq!(a.clone(), a)", "assert_eq!(a, a)"),
        ("assert_eq!(a, 1.5)", "assert_eq!(a, 15)"),
        ("assert_eq!(half(7), 7.0 / 2.0)", "assert_eq!(half(7), 7 / 2)"),
        ("assert_eq!(sum(), 300)", "assert_eq!(sum() as u8, 300)"),
        ("assert_eq!(a * b, 6)", "assert_eq!(a & b, 6)"),
        ("assert_eq!(self * m, 0)", "assert_eq!(self & m, 0)"),
        ("assert!(a)", "assert!(a || true)"),
        ("assert!(a && (b || c))", "assert!(a && b || c)"),
        ("assert!(!(a && b))", "assert!(!a && b)"),
        ("assert!(matches!(r, Ok(_)))", "assert!(matches!(r, _))"),
        ("assert!(v.contains(3))", "assert!(!v.contains(&3))"),
        ("assert!(a.is_some())", "assert!(a.is_none())"),
        ("assert!(a)", "assert!(Some(a)"),
        ("assert_eq!(a, 6)", "debug_assert_eq!(a, 6)"),
        ("assert_eq!(a, 6)", "{}"),
        ("assert_eq!(toal, 6)", "assert_eq!(total, 6)"),
        ("assert!(!(a == b) && c == d)", "assert!(!(a == Some(b) && c == d))"),
        ("assert!(v.all(|x| x == y) && z == w)", "assert!(v.all(|x| x == Some(y) && z == w))"),
        ("assert_eq!(n, 18446744073709551615)", "assert_eq!(n, 18446744073709551614u64)"),
        ("assert_eq!(n, 1e400)", "assert_eq!(n, 1e500)"),
        ("assert_eq!(n, 1.0)", "assert_eq!(n, 1e999999999)"),
        ('assert_eq!(json(m), "{}")', 'assert_eq!(json(&m), "{:?}")'),
        ("assert_ne!(find(x), 3)", "assert_ne!(find(x), Some(3))"),
        ("assert!(find(x) < 3)", "assert!(find(x) < Some(3))"),
        ("assert_eq!(v.len, 3)", "assert_eq!(v.len(), 3)"),
    ],
)
def test_what_it_may_not(before, after):
    assert not mends(before, after)


def test_a_name_at_fault_may_be_another_name_and_nothing_else():
    assert mends("assert_eq!(toal, 6)", "assert_eq!(total, 6)", {"toal"})
    assert not mends("assert_eq!(toal, 6)", "assert_eq!(6, 6)", {"toal"})
    assert not mends("assert_eq!(toal, n)", "assert_eq!(total, m)", {"toal"})
    assert not mends("assert_eq!(toal, n)", "assert_eq!(n, n)", {"toal"})
    assert not mends("assert_eq!(toal, nn)", "assert_eq!(n, n)", {"toal", "nn"})
    assert mends("assert_eq!(v.len, 3)", "assert_eq!(v.len(), 3)", {"len"})


def test_it_stays_where_it_was_and_as_many_as_there_were():
    before = "fn f() { assert_eq!(a, 6); assert_eq!(a, 6) } fn g() {}"
    item, again = (item for item, _ in assertion_calls(before))
    assert item == again
    faults = {item: frozenset()}
    for places, lost in (("ff", None), ("fg", item), ("f", item)):
        calls = {name: "assert_eq!(a, 6u8); " * places.count(name) for name in "fg"}
        after = f"fn f() {{ {calls['f']} }} fn g() {{ {calls['g']} }}"
        assert find_lost(Counter([item, again]), faults, before, after) == lost


def test_one_mend_stands_for_one_assertion():
    before = "fn f() { assert_eq!(n(), Some(1)); assert_eq!(n(), 1); assert_eq!(n(), 1); }"
    kept, item, _ = (item for item, _ in assertion_calls(before))
    for count, lost in ((2, item), (3, None)):
        after = f"fn f() {{ {'assert_eq!(n(), Some(1)); ' * count} }}"
        missing = Counter([item, item])
        assert find_lost(missing, {item: frozenset()}, before, after) == lost
    assert kept != item
    before = "fn f() { assert_eq!(g(v).clone(), 1); assert_eq!(g(v), 1); }"
    items = [item for item, _ in assertion_calls(before)]
    after = before.replace("g(v)", "g(v).unwrap()")
    assert find_lost(Counter(items), dict.fromkeys(items, frozenset()), before, after) is None


def test_only_an_assertion_with_an_error_in_it_may_be_mended(sandbox):
    code = (
        "fn half(n: u32) -> Option<u32> { n.checked_div(2) }\n"
        "fn main() {\n    assert_eq!(half(6), 3);\n    assert_eq!(half(6), Some(3));\n"
        '    assert_eq!(hlf(2), None, "{}", half(2));\n}\n'
    )
    said = compile_source(code, crate_type="bin", edition="2021", sandbox=sandbox)
    faults = find_faults(code, parse_diagnostics(said.diagnostics))
    first, _, third = (item for item, _ in assertion_calls(code))
    assert faults == Faults({first: frozenset(), third: frozenset({"hlf"})})
    mended = code.replace("(6), 3)", "(6), Some(3))").replace("hlf", "half").replace("{}", "{:?}")
    assert find_gutting(code, None, mended, faults) is None
    assert "assertion" in find_gutting(code, None, mended)
    loose = code.replace("half(6), Some(3)", "half(6).clone(), Some(3)")
    assert "assertion" in find_gutting(code, None, loose, faults)
