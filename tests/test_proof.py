"""Proofs: whatever is not as a problem says comes out, and nothing else."""

from dataclasses import replace

import pytest

from sleepy_coder.errors import InputError
from sleepy_coder.problems import Check, WrongFix
from sleepy_coder.proof import (
    finish_problem,
    first_error_code,
    prove_problem,
    record_output,
    storable,
)


@pytest.fixture
def sound(problem):
    """The shared tiny problem with one wrong fix that is wrong as it says."""
    code = problem.buggy.replace("    total += 2;\n", "")
    return replace(problem, wrong=(WrongFix("drops the sum", code, "wrong_behavior"),))


def test_a_sound_problem_has_no_failures(sound, sandbox):
    proof = prove_problem(sound, sandbox)
    assert (proof.id, proof.failures, proof.is_sound) == (sound.id, (), True)
    assert first_error_code(proof.diagnostics) == "E0384"


def test_a_program_that_compiles_is_not_broken(sound, sandbox):
    proof = prove_problem(replace(sound, buggy=sound.fixed), sandbox)
    assert proof.failures[0] == "buggy compiles, expected an error"


def test_another_error_code_is_a_failure(sound, sandbox):
    proof = prove_problem(replace(sound, error_code="E0596"), sandbox)
    assert proof.failures == ("buggy fails with E0384, expected E0596",)


def test_an_error_code_need_not_be_recorded(sound, sandbox):
    assert prove_problem(replace(sound, error_code=None), sandbox).is_sound


def test_a_reference_that_misbehaves_is_a_failure(sound, sandbox):
    check = Check(kind="stdout", expect="4\n")
    (failure,) = prove_problem(replace(sound, check=check), sandbox).failures
    assert failure.startswith("fixed gives wrong_behavior, expected pass: stdout, line 1")


def test_a_reference_is_not_needed(sound, sandbox):
    assert prove_problem(replace(sound, fixed=None), sandbox).is_sound


def test_a_wrong_fix_that_passes_is_a_failure(sound, sandbox):
    wrong = WrongFix("is right", sound.fixed, "wrong_behavior")
    (failure,) = prove_problem(replace(sound, wrong=(wrong,)), sandbox).failures
    assert failure.startswith("wrong fix 'is right' gives pass, expected wrong_behavior")


def test_a_wrong_fix_must_be_wrong_for_the_recorded_reason(sound, sandbox):
    wrong = replace(sound.wrong[0], outcome="compile_error")
    (failure,) = prove_problem(replace(sound, wrong=(wrong,)), sandbox).failures
    assert "gives wrong_behavior, expected compile_error" in failure


def test_too_few_wrong_fixes_are_a_failure_where_they_are_asked_for(sound, sandbox):
    assert prove_problem(sound, sandbox, num_wrong=2).failures == (
        "has 1 wrong fixes, expected at least 2",
        "has no wrong fix that guts the program",
    )


def test_an_open_expectation_becomes_what_the_reference_prints(sound, sandbox):
    opened = replace(sound, check=Check(kind="stdout"))
    assert record_output(opened, sandbox) == sound


def test_a_known_expectation_is_left_alone(sound, sandbox):
    known = replace(sound, check=Check(kind="stdout", expect="by hand"))
    assert record_output(known, sandbox) is known


@pytest.mark.parametrize(
    ("fixed", "reason"),
    [
        (None, "got no fixed program"),
        ("fn main() { 1 }", "does not compile and run"),
        ("fn main() { std::process::exit(3) }", "does not compile and run"),
    ],
)
def test_no_output_comes_from_a_reference_that_does_not_run(sound, sandbox, fixed, reason):
    with pytest.raises(InputError, match=reason):
        record_output(replace(sound, fixed=fixed, check=Check(kind="stdout")), sandbox)


def test_no_output_comes_from_a_reference_that_prints_something_else_each_time(sound, sandbox):
    fixed = """
fn main() {
    println!("{:?}", std::time::SystemTime::now());
    std::thread::sleep(std::time::Duration::from_millis(2));
}
"""
    with pytest.raises(InputError, match="something else each time"):
        record_output(replace(sound, fixed=fixed, check=Check(kind="stdout")), sandbox)


def test_a_finished_problem_is_proved_as_one_whose_output_was_known(sound, sandbox):
    opened = replace(sound, check=Check(kind="stdout"), diagnostics=None)
    problem, proof = finish_problem(opened, sandbox)
    assert replace(problem, diagnostics=sound.diagnostics) == sound
    assert proof == prove_problem(sound, sandbox)


def test_stored_diagnostics_name_no_machine_and_quote_no_manual():
    source = "/home/me/.rustup/toolchains/x/lib/rustlib/src/rust/library/core/src/lib.rs"
    message = {
        "code": {"code": "E0382", "explanation": "a long text"},
        "spans": [{"file_name": source}],
        "rendered": f"  --> {source}:3:1",
    }
    assert storable([message, {"code": None}]) == (
        {
            "code": {"code": "E0382", "explanation": None},
            "spans": [{"file_name": "/rustc/library/core/src/lib.rs"}],
            "rendered": "  --> /rustc/library/core/src/lib.rs:3:1",
        },
        {"code": None},
    )
    assert message["code"]["explanation"] == "a long text"
