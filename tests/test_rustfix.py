from sleepy_coder.rustfix import apply_rustfix


def test_rustfix_works_through_errors_that_only_show_once_others_are_gone(sandbox):
    # The unresolved name hides the borrow error from the first round.
    buggy = (
        "fn main() {\n    let map = HashMap::new();\n    map.insert(1, 2);\n"
        '    println!("{}", map.len());\n}\n'
    )
    fixed = apply_rustfix(
        buggy, crate_type="bin", edition="2021", sandbox=sandbox, allow_maybe_incorrect=True
    )
    assert "use std::collections::HashMap;" in fixed
    assert "let mut map" in fixed


def test_rustfix_leaves_what_the_compiler_cannot_mend(sandbox):
    buggy = "fn main() {\n    let count: u32 = undefined_name;\n}\n"
    assert (
        apply_rustfix(buggy, crate_type="bin", edition="2021", sandbox=sandbox).strip()
        == buggy.strip()
    )


def test_suggestions_that_the_compiler_is_unsure_of_need_consent(sandbox):
    buggy = "fn main() {\n    let map = HashMap::<u8, u8>::new();\n    drop(map);\n}\n"
    safe = apply_rustfix(buggy, crate_type="bin", edition="2021", sandbox=sandbox)
    assert safe == buggy
    unsure = apply_rustfix(
        buggy, crate_type="bin", edition="2021", sandbox=sandbox, allow_maybe_incorrect=True
    )
    assert unsure != buggy
