"""Each operator makes the slip that it is named for; rustc sees the mistake that it aims at."""

import pytest

from sleepy_coder.judge import compile_source
from sleepy_coder.mutants.operators import OPERATORS, sites
from sleepy_coder.mutants.tree import apply_edits, parse
from sleepy_coder.proof import first_error_code

BY_NAME = {operator.name: operator for operator in OPERATORS}

TRIM = """pub fn f() -> usize {
    let s = String::new();
    let t = s.trim();
    t.len()
}
"""
# operator, a program that compiles, a text of the broken one, rustc's first error
CASES = [
    (
        "swap_statements",
        (
            "pub fn f(v: Vec<u8>) { println!(); let n = v.len(); take(v, n); }\n"
            "pub fn g(v: Vec<u8>) { show(&v); take(v, 1); }\n"
            "fn show(_: &[u8]) {}\nfn take(_: Vec<u8>, _: usize) {}\n"
        ),
        "take(v, 1); show(&v);",
        "E0382",
    ),
    (
        "hold_borrow",
        (
            "pub struct S { a: Vec<u8> }\nimpl S { pub fn f(&mut self) -> usize {\n"
            "    self.a.push(1);\n    self.a.len()\n} }\n"
        ),
        "let a = &self.a;\n    self.a.push(1);\n    a.len()",
        "E0502",
    ),
    (
        "hold_mut_borrow",
        (
            "pub struct S { a: Vec<u8> }\nimpl S { pub fn f(&mut self) {\n"
            "    self.a.push(1);\n    self.a.clear();\n} }\n"
        ),
        "let a = &mut self.a;\n    self.a.push(1);\n    a.clear();",
        "E0499",
    ),
    (
        "hold_value",
        "pub fn f(mut v: Vec<u8>) -> usize {\n    v.push(1);\n    v.len()\n}\n",
        "let last_v = v;\n    v.push(1);\n    last_v.len()",
        "E0382",
    ),
    (
        "hold_borrow",
        "pub struct S { n: u8 }\npub fn f(mut n: u8) -> S {\n    n += 1;\n    S { n }\n}\n",
        "S { n: *last_n }",
        "E0506",
    ),
    (
        "own_parameter",
        (
            "fn g(v: &Vec<u8>) -> usize { v.len() }\n"
            "pub fn f(v: Vec<u8>) -> usize { g(&v) + v.len() }"
        ),
        "g(v: Vec<u8>) -> usize { v.len() }\npub fn f(v: Vec<u8>) -> usize { g(v)",
        "E0382",
    ),
    (
        "narrow_scope",
        TRIM,
        "let t = {\n        let s = String::new();\n        s.trim()\n    };",
        "E0597",
    ),
    (
        "inline_temporary",
        TRIM,
        "let t = String::new().trim();",
        "E0716",
    ),
    (
        "return_local_ref",
        "pub fn f(a: &str) -> String {\n    let b = a.replace('x', \"\");\n    b\n}\n",
        "-> &str {\n    let b = a.replace('x', \"\");\n    &b",
        "E0515",
    ),
    ("drop_let_mut", "pub fn f() { let mut v = vec![1]; v.push(2); }", "let v", "E0596"),
    ("drop_parameter_mut", "pub fn f(mut v: Vec<u8>) { v.push(2); }", "f(v: ", "E0596"),
    (
        "share_self",
        "pub struct S(u8);\nimpl S { pub fn f(&mut self) { self.0 = 1; } }",
        "f(&self)",
        "E0594",
    ),
    (
        "own_self",
        (
            "pub struct S(u8);\nimpl S { fn f(&self) -> u8 { self.0 } "
            "pub fn g(&self) -> u8 { self.f() } }"
        ),
        "fn f(self)",
        "E0507",
    ),
    ("share_parameter", "pub fn f(v: &mut Vec<u8>) { v.push(2); }", "v: &Vec<u8>", "E0596"),
    (
        "share_argument",
        "fn g(_: &mut u8) {}\npub fn f() { let mut n = 1; g(&mut n); }",
        "g(&n)",
        "E0308",
    ),
    (
        "drop_clone",
        "pub fn f(s: String) -> [String; 2] { [s.clone(), s] }",
        "[s, s]",
        "E0382",
    ),
    (
        "borrow_the_original",
        (
            "pub fn f(v: &mut Vec<String>) {\n    let a = v[0].clone();\n    v.push(a.clone());\n"
            "    v.clear();\n    drop(a.len());\n}"
        ),
        "let a = &v[0];",
        "E0502",
    ),
    (
        "borrow_what_was_taken",
        (
            "pub struct S(Vec<u8>);\nimpl S { fn g(&mut self) {}\n"
            "pub fn f(&mut self) { let a = std::mem::take(&mut self.0); self.g(); drop(a); } }"
        ),
        "let a = &mut self.0;",
        "E0499",
    ),
    (
        "drop_as_ref",
        (
            "pub struct S(Option<String>);\n"
            "impl S { pub fn f(&self) -> usize { self.0.as_ref().map_or(0, |s| s.len()) } }"
        ),
        "self.0.map_or",
        "E0507",
    ),
    (
        "drop_ref",
        "pub fn f(a: &Option<String>) -> usize { match *a { Some(ref s) => s.len(), None => 0 } }",
        "Some(s)",
        "E0507",
    ),
    (
        "drop_scrutinee_borrow",
        (
            "pub struct S(Option<String>);\n"
            "impl S { pub fn f(&self) -> bool { if let Some(s) = &self.0 { s.len() > 1 } "
            "else { false } } }"
        ),
        "= self.0",
        "E0507",
    ),
    (
        "drop_loop_borrow",
        'pub fn f(v: Vec<String>) -> Vec<String> { for s in &v { println!("{s}"); } v }',
        "in v {",
        "E0382",
    ),
    ("drop_let_borrow", "pub fn f(v: &[String]) { let s = &v[0]; drop(s); }", "= v[0]", "E0508"),
    (
        "drop_index_borrow",
        "pub fn f(v: Vec<String>) -> usize { let s = &v[0]; s.len() }",
        "= v[0]",
        "E0507",
    ),
    (
        "iterate_by_value",
        "pub fn f(v: Vec<String>) -> usize { for s in v.iter() { drop(s); } v.len() }",
        "in v {",
        "E0382",
    ),
    (
        "drop_move",
        "pub fn f(n: u8) -> impl Fn(u8) -> u8 { move |m| m + n }",
        "{ |m| m + n }",
        "E0373",
    ),
    (
        "add_move",
        "pub fn f(s: String) -> usize { let g = || s.len(); g() + s.len() }",
        "= move || s.len()",
        "E0382",
    ),
    (
        "drop_take",
        (
            "pub struct S(Option<String>);\n"
            "impl S { pub fn f(&mut self) -> Option<String> { self.0.take() } }"
        ),
        "{ self.0 }",
        "E0507",
    ),
    (
        "drop_derive_clone",
        "#[derive(Debug, Clone)]\npub struct S;\npub fn f(s: &S) -> S { s.clone() }",
        "#[derive(Debug)]",
        "E0308",
    ),
    (
        "drop_derive_debug",
        '#[derive(Debug)]\npub struct S;\npub fn f(s: &S) { println!("{s:?}"); }',
        "pub struct S;",
        "E0277",
    ),
    (
        "drop_impl",
        (
            "pub struct S;\nimpl Default for S { fn default() -> S { S } }\n"
            "pub fn f() -> S { S::default() }"
        ),
        "pub struct S;\n\npub fn f",
        "E0599",
    ),
    (
        "drop_trait_method",
        (
            "pub struct S;\nimpl Iterator for S { type Item = u8; "
            "fn next(&mut self) -> Option<u8> { None } }"
        ),
        "type Item = u8;  }",
        "E0046",
    ),
    (
        "change_signature",
        (
            "pub struct S;\nimpl Iterator for S { type Item = u8; "
            "fn next(&mut self) -> Option<u8> { None } }"
        ),
        "next(&self)",
        "E0053",
    ),
    (
        "drop_bound",
        "pub fn f<T: Clone + PartialEq>(a: &T) -> bool { *a == a.clone() }",
        "<T: Clone>",
        "E0369",
    ),
    (
        "drop_outlives",
        "pub fn f<T: 'static>(a: T) -> Box<dyn std::any::Any> { Box::new(a) }",
        "f<T>",
        "E0310",
    ),
    (
        "tighten_closure",
        (
            "pub fn f<F: FnOnce() -> String>(g: F) -> String { g() }\n"
            "pub fn h(s: String) -> String { f(move || s) }"
        ),
        "F: Fn()",
        "E0507",
    ),
    (
        "drop_type_argument",
        "use std::collections::BTreeMap;\npub struct S(pub BTreeMap<u8, String>);",
        "BTreeMap<u8>",
        "E0107",
    ),
    (
        "drop_turbofish",
        'pub fn f() -> bool { "1".parse::<u8>().is_ok() }',
        "parse()",
        "E0284",
    ),
    (
        "drop_let_type",
        "pub fn f() -> usize { let v: Vec<u8> = (0..3).collect(); v.len() }",
        "let v =",
        "E0282",
    ),
    ("undeclare_lifetime", "pub fn f<'a>(a: &'a str) -> &'a str { a }", "fn f(a", "E0261"),
    ("elide_field_lifetime", "pub struct S<'a> { pub a: &'a str }", "a: &str", "E0106"),
    (
        "elide_result_lifetime",
        "pub fn f<'a>(a: &'a str, _: &str) -> &'a str { a }",
        "-> &str",
        "E0106",
    ),
    (
        "elide_parameter_lifetime",
        "pub fn f<'a>(a: &'a str, b: &'a str) -> &'a str { if a > b { a } else { b } }",
        "b: &str",
        "E0621",
    ),
    (
        "drop_lifetime_argument",
        "pub struct S<'a>(&'a str);\npub struct T<'a> { pub s: S<'a> }",
        "pub s: S }",
        "E0106",
    ),
    (
        "swap_lifetime",
        "pub fn f<'a, 'b>(a: &'a str, _: &'b str) -> &'a str { a }",
        "-> &'b str",
        None,
    ),
    (
        "drop_question",
        "pub fn f() -> Option<u8> { let n = Some(1)?; Some(n + 1) }",
        "let n = Some(1);",
        "E0369",
    ),
    (
        "drop_result_type",
        (
            "use std::io::Write;\npub fn f(w: &mut Vec<u8>) -> std::io::Result<()> {\n"
            '    w.write_all(b"x")?;\n    Ok(())\n}'
        ),
        "Vec<u8>) {",
        "E0277",
    ),
    ("drop_ok", "pub fn f() -> Result<u8, ()> { Ok(1) }", "{ 1 }", "E0308"),
    ("drop_some", "pub fn f() -> Option<u8> { Some(1) }", "{ 1 }", "E0308"),
    ("drop_unwrap", "pub fn f(a: Option<u8>) -> u8 { a.unwrap() }", "{ a }", "E0308"),
    (
        "drop_ok_or",
        "pub fn f(a: Option<u8>) -> Result<u8, ()> { let n = a.ok_or(())?; Ok(n) }",
        "= a?",
        "E0277",
    ),
    (
        "drop_to_option",
        "pub fn f(a: &str) -> Option<u8> { a.parse().ok() }",
        "{ a.parse() }",
        "E0308",
    ),
    (
        "drop_map_err",
        (
            "pub fn f(a: &str) -> Result<u8, String> { let n = a.parse::<u8>().map_err(|e| "
            "e.to_string())?; Ok(n) }"
        ),
        "parse::<u8>()?",
        "E0277",
    ),
    (
        "drop_arm",
        "pub fn f(a: Option<u8>) -> u8 { match a { Some(n) => n, None => 0 } }",
        "match a { Some(n) => n",
        "E0004",
    ),
    ("unwrap_return_type", "pub fn f() -> Option<u8> { Some(1) }", "-> u8", "E0308"),
    (
        "unwrap_arm",
        "pub fn f(a: u8) -> Option<u8> { match a { 0 => None, n => Some(n) } }",
        "n => n",
        "E0308",
    ),
    ("drop_to_string", 'pub fn f() -> String { "a".to_string() }', '{ "a" }', "E0308"),
    ("drop_string_from", 'pub fn f() -> String { String::from("a") }', '{ "a" }', "E0308"),
    (
        "drop_as_str",
        "fn g(_: &str) {}\npub fn f(a: String) { g(a.as_str()); }",
        "g(a)",
        "E0308",
    ),
    ("drop_reference", "fn g(_: &u8) {}\npub fn f() { g(&1); }", "g(1)", "E0308"),
    ("add_reference", "fn g(_: u8) {}\npub fn f(n: u8) { g(n); }", "g(&n)", "E0308"),
    ("drop_deref", "pub fn f(n: &u8) -> u8 { *n }", "{ n }", "E0308"),
    ("drop_cast", "pub fn f(n: u8) -> u32 { n as u32 }", "{ n }", "E0308"),
    ("swap_number_type", "pub fn f(n: u8) -> u8 { n }", "n: u32", "E0308"),
    ("integer_literal", "pub fn f(n: f64) -> f64 { n * 2.0 }", "n * 2 }", "E0277"),
    ("change_arguments", "fn g(_: u8) {}\npub fn f() { g(1); }", "g(1, 1)", "E0061"),
    ("add_semicolon", "pub fn f() -> u8 { 1 + 1 }", "1 + 1;", "E0308"),
    (
        "add_branch_semicolon",
        "pub fn f(a: bool) -> u8 { if a { 1 } else { 2 } }",
        "{ 1; }",
        "E0308",
    ),
    (
        "drop_collect",
        "pub fn f() -> Vec<u8> { (0..3).map(|n| n + 1).collect() }",
        "n + 1) }",
        "E0308",
    ),
    (
        "change_collection",
        "pub fn f() -> usize { let v: Vec<u8> = (0..3).collect(); v.len() }",
        "v: [u8]",
        "E0277",
    ),
    (
        "drop_cloned",
        "pub fn f(v: &[u8]) -> Option<u8> { v.first().copied() }",
        "v.first() }",
        "E0308",
    ),
    (
        "iterate_references",
        "pub fn f(v: Vec<u8>) -> Vec<u8> { v.into_iter().collect() }",
        "v.iter()",
        "E0277",
    ),
    (
        "drop_reference_pattern",
        "pub fn f(v: &[u8]) -> Option<usize> { v.iter().position(|&n| n == 3) }",
        "|n| n == 3",
        "E0277",
    ),
    ("range_to_number", "pub fn f(n: u8) { for _ in 0..n {} }", "in n {", "E0277"),
    (
        "drop_import",
        "use std::collections::HashSet;\npub fn f() -> HashSet<u8> { HashSet::new() }",
        "pub fn",
        "E0425",
    ),
    (
        "misspell_local",
        "pub fn f(letter: u8) -> u8 { letter + 1 }",
        "{ leter + 1 }",
        "E0425",
    ),
    ("misspell_method", "pub fn f(a: &str) -> &str { a.trim_end() }", "a.trimend", "E0599"),
    (
        "misspell_field",
        "pub struct S { items: u8 }\npub fn f(s: &S) -> u8 { s.items }",
        "s.item }",
        "E0609",
    ),
    (
        "misspell_type",
        "pub struct Harbor;\npub fn f(_: &Harbor) {}",
        "&Haror",
        "E0425",
    ),
    (
        "drop_field",
        "pub struct S { a: u8, b: u8 }\npub fn f(a: u8) -> S { S { a, b: 1 } }",
        "S { a }",
        "E0063",
    ),
    (
        "drop_self",
        "pub struct S { a: u8 }\nimpl S { pub fn f(&self) -> u8 { self.a } }",
        "{ a }",
        "E0425",
    ),
    (
        "hide",
        "mod m { pub fn g() {} }\npub fn f() { m::g(); }",
        "mod m { fn g() {} }",
        "E0603",
    ),
    (
        "share_between_threads",
        (
            "use std::sync::Arc;\npub fn f() { let a = Arc::new(1); "
            "std::thread::spawn(move || *a).join().unwrap(); }"
        ),
        "use std::rc::Rc;",
        "E0277",
    ),
]
# Operators that differ from one in the table by a trait's name alone.
LIKE_ANOTHER = {name for name in BY_NAME if name.startswith("drop_derive_")}


def _versions(name, code):
    return [apply_edits(code, edits) for edits in sites(BY_NAME[name], parse(code))]


@pytest.mark.parametrize(("name", "code", "broken", "error_code"), CASES, ids=[c[0] for c in CASES])
def test_an_operator_breaks_a_program(name, code, broken, error_code, sandbox):
    version = next((v for v in _versions(name, code) if v != code and broken in v), None)
    assert version is not None, _versions(name, code)
    got = compile_source(version, crate_type="lib", edition="2021", sandbox=sandbox)
    assert first_error_code(got.diagnostics) == error_code
    assert not got.is_ok


def test_the_programs_compile_before_they_are_broken(sandbox):
    modules = [f"pub mod case_{n} {{\n{case[1]}\n}}\n" for n, case in enumerate(CASES)]
    done = compile_source("".join(modules), crate_type="lib", edition="2021", sandbox=sandbox)
    assert done.is_ok, done.detail


def test_every_operator_is_in_the_table():
    assert {case[0] for case in CASES} | LIKE_ANOTHER == set(BY_NAME)


def test_no_two_operators_share_a_name():
    assert len(BY_NAME) == len(OPERATORS)


def test_tests_are_never_broken():
    code = "fn f() {}\n#[cfg(test)]\nmod tests { #[test] fn t() { let mut a = 1; a += 1; } }"
    assert all(_versions(name, code) == [] for name in ("drop_let_mut", "swap_number_type"))
