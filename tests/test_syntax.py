"""Programs are read by a parser: items, assertions, tokens, shapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.syntax import (
    Item,
    assertions,
    bodies,
    content_sha256,
    find_tests,
    has_syntax_error,
    items,
    normalized,
    references,
    shape_sha256,
    token_shape,
    tokens,
)


def paths(code):
    return {(item.kind, item.path) for item in items(code)}


def test_every_kind_of_item_has_its_qualified_path():
    code = """
        mod shop {
            pub struct Cart<'a, T: Clone> { pub name: &'a str, items: Vec<T> }
            pub(crate) enum State { Open, Paid { on: u64 }, Sent(u8) }
            pub union Bits { whole: u32 }
            impl<'a, T: Clone> Cart<'a, T> {
                const MAX: usize = 3;
                pub fn total(&self) -> u32 { fn helper() {} 0 }
            }
            impl<'a, T: Clone> std::fmt::Display for Cart<'a, T> {
                type Unused = u8;
                fn fmt(&self) {}
            }
            impl From<&Bits> for State { fn from(_: &Bits) -> State { State::Open } }
            impl Priced for &Bits {}
            pub trait Priced { const FEE: u32; type Out; fn price(&self) -> u32; fn free() {} }
            #[cfg(test)] mod tests { #[test] fn adds() {} #[tokio::test] async fn waits() {} }
        }
        static GREETING: &str = "hi";
        type Pair = (u8, u8);
        macro_rules! twice { ($x:expr) => { $x + $x } }
    """

    assert paths(code) == {
        ("mod", "shop"),
        ("struct", "shop::Cart"),
        ("field", "shop::Cart::name"),
        ("field", "shop::Cart::items"),
        ("enum", "shop::State"),
        ("variant", "shop::State::Open"),
        ("variant", "shop::State::Paid"),
        ("field", "shop::State::Paid::on"),
        ("variant", "shop::State::Sent"),
        ("union", "shop::Bits"),
        ("field", "shop::Bits::whole"),
        ("const", "shop::Cart::MAX"),
        ("fn", "shop::Cart::total"),
        ("fn", "shop::Cart::total::helper"),
        ("impl", "shop::impl Display for Cart"),
        ("type", "shop::impl Display for Cart::Unused"),
        ("fn", "shop::impl Display for Cart::fmt"),
        ("impl", "shop::impl From for State"),
        ("fn", "shop::impl From for State::from"),
        ("impl", "shop::impl Priced for &Bits"),
        ("trait", "shop::Priced"),
        ("const", "shop::Priced::FEE"),
        ("type", "shop::Priced::Out"),
        ("fn", "shop::Priced::price"),
        ("fn", "shop::Priced::free"),
        ("mod", "shop::tests"),
        ("test", "shop::tests::adds"),
        ("test", "shop::tests::waits"),
        ("static", "GREETING"),
        ("type", "Pair"),
        ("macro", "twice"),
    }


def test_items_are_counted():
    code = "impl From<u8> for A { } impl From<u16> for A { }"

    assert items(code) == {Item("impl", "impl From for A"): 2}


def test_items_in_comments_strings_and_macros_do_not_count():
    code = '// fn a() {}\n/* fn b() {} */ const S: &str = "fn c() {}"; fn e() { m! { fn d() {} } }'

    assert paths(code) == {("const", "S"), ("fn", "e")}


def test_conditions_are_those_of_the_item_and_of_what_surrounds_it():
    code = "#[cfg(unix)] mod a { #![cfg(test)] #[ignore] #[test] fn t() {} } fn free() {}"

    conditions = {item.path: item.conditions for item in items(code)}

    assert conditions["a"] == ("# [ cfg ( unix ) ]",)
    assert conditions["a::t"] == (
        "# ! [ cfg ( test ) ]", "# [ cfg ( unix ) ]", "# [ ignore ]",
    )  # fmt: skip
    assert conditions["free"] == ()


def test_documentation_about_cfg_is_no_condition():
    assert items('#[doc = "x"] #[doc(cfg(unix))] fn a() {}') == {Item("fn", "a"): 1}


def test_assertions_have_their_place_and_normal_form():
    code = """
        fn a() { assert_eq!(x,  1, "why",); std::assert!(ok /* really */); println!("assert!(x)"); }
        impl T { fn b() { if c { debug_assert_ne!(1, 2) } } }
    """

    assert {item.path for item in assertions(code)} == {
        'a: assert_eq ! ( x , 1 , "why" )',
        "a: std :: assert ! ( ok )",
        "T::b: debug_assert_ne ! ( 1 , 2 )",
    }


def test_references_are_names_used_beyond_their_declaration():
    code = 'struct A; fn used() {} fn unused() {} fn main() { let a: A; m!("{}", used()) }'

    assert references(code) == {"A", "used"}


def test_hollow_functions_are_empty_panicking_or_hanging():
    code = """
        fn empty() { /* nothing */ }
        fn panics() -> u8 { panic!("x"); }
        fn panics_too() -> u8 { std::panic!() }
        fn hangs() -> ! { loop {} }
        fn works() { step(); }
        fn checks(x: u8) { if x == 0 { panic!() } }
        fn repeats() { loop { step(); } }
        trait T { fn declared(&self); }
    """

    hollow = {path for path, found in bodies(code).items() if found[0].is_hollow}
    assert hollow == {"empty", "panics", "panics_too", "hangs"}


def test_constants_are_written_out_or_new():
    code = """
        mod m { impl A { fn a() -> u8 { 3 } fn b() -> R { return Ok(Some(())); } } }
        fn c() -> Vec<u8> { vec![] }
        fn d() -> Self { Self::default() }
        fn e() -> String { "x".to_string() }
        fn f() -> R { Err(String::from("x")) }
        fn g() -> i8 { -1 }
        fn h() -> Vec<u8> { std::vec::Vec::new() }
        fn other_a() -> u8 { 1 + 2 }
        fn other_b(&self) -> u8 { self.x }
        fn other_c() -> A { A::new(3) }
        fn other_d() -> Vec<u8> { vec![1] }
        fn other_e() -> A { step(); A::new() }
        fn other_f() -> String { name().to_string() }
        fn other_g() {}
        fn other_h(x: i32) -> i32 { -x / 2 }
    """
    found = bodies(code)
    constant = {path for path, of in found.items() if of[0].is_constant}
    assert constant == {"m::A::a", "m::A::b", *"cdefgh"}
    assert found["other_e"][0].num_statements == 2
    assert found["h"][0].names == {"std", "vec", "Vec", "new"}


def test_items_in_a_call_of_a_macro_and_tests_of_crates_are_seen():
    code = """
        proptest! { #[test] fn adds(x in 0..3) { prop_assert!(x < 4); } }
        mod m { std::thread_local!(static B: u8 = 2); }
        made!(A);
        #[rstest] #[case(1)] #[case(2)] fn doubles(#[case] n: u8) { assert_matches!(n, 1 | 2); }
        #[tokio::test] async fn waits() {}
        fn tests() {}
    """
    assert paths(code) == {
        ("call", "proptest!"), ("fn", "proptest!::adds"),
        ("mod", "m"), ("call", "m::thread_local!"), ("call", "made!"),
        ("test", "doubles"), ("test", "waits"), ("fn", "tests"),
    }  # fmt: skip
    (doubles,) = (item for item in items(code) if item.path == "doubles")
    assert doubles.conditions == ("# [ case ]", "# [ case ]")
    assert [item.path.partition(":")[0] for item in assertions(code)] == ["doubles"]


def test_tests_are_found_with_their_attributes_and_expected_panic():
    code = """
        #[test] fn a() {}
        mod m { #[ignore = "slow"] #[test] #[should_panic(expected = "no")] fn b() {} }
        #[should_panic] #[inline] #[test] fn c() {}
        fn d() {}
    """

    a, b, c = find_tests(code)

    assert [t.name for t in (a, b, c)] == ["a", "b", "c"]
    assert [t.expected_panic for t in (a, b, c)] == [None, '"no"', '""']
    assert [code[start:end] for start, end in b.attributes] == [
        '#[ignore = "slow"]', "#[test]", '#[should_panic(expected = "no")]',
    ]  # fmt: skip
    assert code[: c.byte_end].endswith("fn c() {}")


def test_normalized_ignores_comments_layout_and_trailing_commas():
    one = "fn f(a: u8,) -> Vec<u8,> { // why\n  g(a, /* b */ 1,)\n}\n"
    other = "/// Doc.\nfn f(a:u8)->Vec<u8>{g(a,1)}"

    assert normalized(one) == normalized(other) == "fn f ( a : u8 ) -> Vec < u8 > { g ( a , 1 ) }"
    assert content_sha256(one) == content_sha256(other)


@pytest.mark.parametrize(
    "other", ["fn f() { 2 }", "fn g() { 1 }", 'fn f() { "1" }', "fn f() { 1; }", "pub fn f() { 1 }"]
)
def test_normalized_tells_programs_apart(other):
    assert content_sha256("fn f() { 1 }") != content_sha256(other)


def test_literals_are_kept_as_written():
    code = (
        r"""let s = "a  // b"; let r = r#"c "d" /* e */"#; let c = '\''; let b = b"f"; 1.5e3_f64;"""
    )

    texts = [t.text for t in tokens(code)]

    assert {'"a  // b"', 'r#"c "d" /* e */"#', r"'\''", 'b"f"', "1.5e3_f64"} <= set(texts)


def test_token_shape_masks_names_and_literals_only():
    assert token_shape("pub fn f<'a>(x: &'a str) -> u8 { x.len() as u8 + 1 }") == (
        "pub fn I < I > ( I : & I I ) -> I { I . I ( ) as I + L }"
    )


def test_shape_is_that_of_a_renamed_program_and_not_of_another():
    program = 'struct Cart { total: u32 } fn main() { println!("{}", Cart { total: 1 }.total); }'
    renamed = 'struct Jar { ml: i64 } fn main() { println!("{} ml", Jar { ml: 250 }.ml); }'
    other = program.replace("}.total", "}.total.pow(2)")

    assert shape_sha256(program) == shape_sha256(renamed)
    assert shape_sha256(program) != shape_sha256(other)
    assert content_sha256(program) != content_sha256(renamed)


def test_tokens_have_byte_places_in_text_that_is_not_ascii():
    code = 'fn größe() { "ü" }'

    for token in tokens(code):
        assert code.encode()[token.byte_start : token.byte_end].decode() == token.text


def test_syntax_errors_are_seen_and_survived():
    assert has_syntax_error("fn a() { ")
    assert not has_syntax_error("fn a() {}")
    assert ("fn", "b") in paths("fn a( { } } fn b() {}")


def test_deep_nesting_does_not_exhaust_the_stack():
    depth = 5000
    code = "fn f() { " + "(" * depth + "1" + ")" * depth + " }"

    assert paths(code) == {("fn", "f")}
    assert len(tokens(code)) == 2 * depth + 7


@given(st.text(max_size=80))
def test_any_text_can_be_read(text):
    items(text)
    assertions(text)
    references(text)
    bodies(text)
    find_tests(text)
    assert len(shape_sha256(text)) == len(content_sha256(text)) == 64


PROGRAM = """
    pub fn f<'a>(x: &'a mut Vec<Vec<u8>>) -> u8 { if x.len() >= 2 { x[0][1] } else { m!(x >> 1) } }
    impl<T: Clone> From<T> for A { fn from(t: T) -> A { A { s: "a b", c: 'c', r: r#"d"#, ..t } } }
"""


@given(st.lists(st.sampled_from([" ", "\n", "\t// c\n", " /* x */ "]), min_size=120, max_size=120))
def test_layout_never_matters(separators):
    texts = [token.text for token in tokens(PROGRAM)]
    assert len(texts) <= len(separators)

    relaid = "".join(t + s for t, s in zip(texts, separators, strict=False))

    assert normalized(relaid) == normalized(PROGRAM)
