from sleepy_coder.mutants.tree import Edit, apply_edits, leading_start, parse, walk, with_comma


def test_edits_count_bytes_not_characters():
    code = 'let s = "ü"; let n = 1;'
    start = code.encode().index(b"1")
    assert apply_edits(code, [Edit(start, start + 1, "2")]) == 'let s = "ü"; let n = 2;'


def test_of_overlapping_edits_the_outer_one_is_made():
    assert apply_edits("abcdef", [Edit(1, 3, "x"), Edit(1, 5, "y"), Edit(2, 3, "z")]) == "ayf"


def test_an_entry_leaves_a_list_with_one_comma():
    code = "fn f(a: u8, b: u8, c: u8) {}"
    parameters = [n for n in walk(parse(code)) if n.type == "parameter"]
    without_each = [apply_edits(code, [with_comma(p)]) for p in parameters]
    assert without_each == [
        "fn f(b: u8, c: u8) {}",
        "fn f(a: u8, c: u8) {}",
        "fn f(a: u8, b: u8) {}",
    ]


def test_an_item_begins_with_its_comments_and_attributes():
    code = "fn f() {}\n// a heading\n\n/// about S\n#[derive(Clone)]\nstruct S;\n"
    item = next(n for n in walk(parse(code)) if n.type == "struct_item")
    assert code[leading_start(item) :].startswith("/// about S")


def test_a_comment_behind_code_belongs_to_that_code():
    code = "fn f() {} // about f\nstruct S;\n"
    item = next(n for n in walk(parse(code)) if n.type == "struct_item")
    assert code[leading_start(item) :] == "struct S;\n"
