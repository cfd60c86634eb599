from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.diagnostics import Diagnostic
from sleepy_coder.prompt import (
    MAX_ERRORS,
    Attempt,
    extract_code,
    prompt_sha256,
    render_answer,
    render_messages,
)

ERROR = Diagnostic("error", "E0384", "cannot assign twice", rendered="error[E0384]: long form")
WARNING = Diagnostic("warning", "unused", "unused variable")


def test_prompt_holds_program_and_errors_but_no_warnings():
    _, user = render_messages("fn main() {}", [ERROR, WARNING])
    assert "fn main() {}" in user["content"]
    assert "cannot assign twice" in user["content"]
    assert "unused" not in user["content"]


def test_hint_comes_last_and_only_when_given():
    plain = render_messages("fn main() {}", [ERROR])[-1]["content"]
    advised = render_messages("fn main() {}", [ERROR], hint="make it mut")[-1]["content"]
    assert advised == plain + "\n\nAdvice: make it mut"


def test_full_rendering_replaces_the_compact_one():
    (_, user) = render_messages("fn main() {}", [ERROR], use_full_rendering=True)
    assert "long form" in user["content"]


def test_only_the_first_errors_are_named():
    errors = [Diagnostic("error", f"E{i:04}", "m") for i in range(MAX_ERRORS + 2)]
    content = render_messages("x", errors)[-1]["content"]
    assert f"E{MAX_ERRORS - 1:04}" in content
    assert f"E{MAX_ERRORS:04}" not in content


def test_history_alternates_roles_and_shows_the_new_error():
    messages = render_messages("x", [ERROR], history=[Attempt("```rust\ny\n```", [ERROR])])
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]
    assert "E0384" in messages[-1]["content"]


def test_hash_names_the_conversation():
    one, two = (render_messages(source, [ERROR]) for source in ("a", "b"))
    assert prompt_sha256(one) == prompt_sha256([dict(m) for m in one])
    assert prompt_sha256(one) != prompt_sha256(two)


def test_longest_rust_block_is_the_answer():
    output = "The line\n```rust\nlet x;\n```\nbecomes\n```rust\nfn main() { let x = 1; }\n```\n"
    assert extract_code(output) == "fn main() { let x = 1; }\n"


def test_block_that_the_token_limit_cut_off_runs_to_the_end():
    assert extract_code("```rust\nfn main() {") == "fn main() {\n"


def test_prose_alone_is_no_code():
    assert extract_code("Use `mut` in fn main() {}.") is None


def test_block_in_another_language_is_no_code():
    assert extract_code("```toml\n[package]\n```") is None


def test_backticks_inside_a_line_do_not_close_the_block():
    code = 'fn main() { println!("```"); }'
    assert extract_code(f"```rust\n{code}\n```") == code + "\n"


@given(st.text(st.characters(codec="utf-8", exclude_characters="`\r")).filter(str.strip))
def test_answer_round_trips(code):
    assert extract_code(render_answer(code)) == code.rstrip() + "\n"
