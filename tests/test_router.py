"""The router against rustc's own words: every case in router_cases is really compiled.

A case is named TASK__what.rs after the task that it must be sent to, or none__what.rs.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from sleepy_coder import router
from sleepy_coder.cli import main
from sleepy_coder.diagnostics import Diagnostic, Span, parse_diagnostics
from sleepy_coder.judge import compile_source
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.problems import load_set
from sleepy_coder.router import CERTAIN, CLEAR, LIKELY, RULES, Rule, order_errors, rank, route
from sleepy_coder.router.facts import Facts
from sleepy_coder.router.rule import always
from sleepy_coder.router.types import parse_type
from sleepy_coder.router.view import SourceView

CASES = sorted((Path(__file__).parent / "router_cases").glob("*.rs"))
CORE = load_set("core").problems


def case_source(case):
    return case.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def case_diagnostics(sandbox):
    """What rustc says of each case; two at a time, since the machine is shared."""

    def compile_case(case):
        compiled = compile_source(
            case_source(case), crate_type="bin", edition="2021", sandbox=sandbox
        )
        return case.stem, parse_diagnostics(compiled.diagnostics)

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(compile_case, CASES))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_case_goes_where_its_name_says(case, case_diagnostics):
    expected, _, _ = case.stem.partition("__")
    diagnostics = case_diagnostics[case.stem]
    assert order_errors(diagnostics), "the case compiles, so it shows nothing"
    found = route(diagnostics, case_source(case))
    assert (found.task if found is not None else "none") == expected


def test_every_rule_decides_a_case_and_is_silent_on_another(case_diagnostics):
    decided, silent = set(), set()
    for case in CASES:
        leading = order_errors(case_diagnostics[case.stem])[0]
        facts = Facts(leading, SourceView(case_source(case)))
        for position, rule in enumerate(RULES):
            if rule.matches(facts):
                decided.add(position)
            elif facts.code in rule.codes or rule.when is always:
                silent.add(position)
    unseen = [(RULES[i].task, RULES[i].reason) for i in range(len(RULES)) if i not in decided]
    blunt = [(RULES[i].task, RULES[i].reason) for i in range(len(RULES)) if i not in silent]
    assert (unseen, blunt) == ([], [])


@pytest.mark.parametrize("problem", CORE, ids=lambda problem: problem.id)
def test_a_core_problem_goes_to_its_own_pattern(problem):
    found = route(parse_diagnostics(problem.diagnostics), problem.buggy)
    assert found is not None
    assert found.task == problem.pattern


def test_every_pattern_has_a_rule_and_every_rule_a_pattern():
    assert {rule.task for rule in RULES} == set(PATTERNS)
    assert {rule.score for rule in RULES} == {CERTAIN, CLEAR, LIKELY}


def error(code, message="", at=0, **fields):
    span = Span("main.rs", at, at + 1, 1, 1, 1, 2, is_primary=True)
    return Diagnostic("error", code, message, (span,), **fields)


def test_unresolved_names_come_first_and_uninferred_types_last():
    errors = [
        error("E0282", at=1),
        error("E0502", at=9),
        error("E0433", at=20),
        error("E0499", at=5),
    ]
    assert [e.code for e in order_errors(errors)] == ["E0433", "E0499", "E0502", "E0282"]


def test_a_span_inside_a_library_macro_does_not_decide_the_order():
    inside = Span("/lib/macros.rs", 1, 2, 1, 1, 1, 2, is_primary=True, is_expansion=True)
    here = Span("main.rs", 50, 51, 3, 3, 1, 2, is_primary=False)
    late = Diagnostic("error", "E0308", "late", (inside, here))
    assert [e.message for e in order_errors([late, error("E0502", "early", at=9)])] == [
        "early",
        "late",
    ]


def test_an_unknown_leading_error_is_not_passed_over():
    assert route([error("E0505", at=1), error("E0502", at=9)], "fn main() {}") is None
    assert [c.route.task for c in rank([error("E0505", at=1), error("E0502", at=9)], "")] == [
        "mut_borrow_conflict"
    ]


def test_rules_of_equal_score_that_disagree_give_no_route(monkeypatch):
    rules = [Rule(task, CLEAR, ("E0502",), always, task) for task in ("one", "two")]
    monkeypatch.setattr(router, "RULES", tuple(rules))
    assert route([error("E0502")], "fn main() {}") is None
    monkeypatch.setattr(router, "RULES", (rules[0], Rule("two", LIKELY, ("E0502",), always, "")))
    assert route([error("E0502")], "fn main() {}").task == "one"


def test_warnings_and_silence_have_no_route():
    assert route([], "fn main() {}") is None
    assert route([Diagnostic("warning", "E0502", "not an error")], "fn main() {}") is None


@pytest.mark.parametrize("problem_id", ["bc_002"])
def test_without_the_program_rules_that_look_at_it_stay_silent(problem_id):
    problem = next(p for p in CORE if p.id == problem_id)
    assert route(parse_diagnostics(problem.diagnostics), "") is None


def test_diagnostics_of_another_program_do_no_harm():
    for problem in CORE:
        route(parse_diagnostics(problem.diagnostics), "fn main() {}")


@pytest.mark.parametrize(
    ("text", "refs", "head", "args"),
    [
        ("&'a mut Vec<Option<u32>>", 1, "Vec", ("Option<u32>",)),
        ("std::collections::HashMap<&'a str, (u8, f64)>", 0, "HashMap", ("&'a str", "(u8, f64)")),
        ("Result<Box<dyn Fn(u8) -> u8>, E>", 0, "Result", ("Box<dyn Fn(u8) -> u8>", "E")),
        ("&&{integer}", 2, "{integer}", ()),
        ("integer", 0, "{integer}", ()),
        ("()", 0, "()", ()),
        ("Chars<'_>", 0, "Chars", ()),
    ],
)
def test_types_are_taken_apart(text, refs, head, args):
    parsed = parse_type(text)
    assert (parsed.refs, parsed.head, parsed.args) == (refs, head, args)


def test_closures_are_found_inside_macros_and_after_wide_characters():
    source = 'fn main() { println!("é {}", vec![1].iter().filter(|n| n == 2).count()); }'
    at = source.encode().index(b"n == 2")
    span = Span("main.rs", at, at + 1, 1, 1, 1, 2, is_primary=True)
    assert SourceView(source).closure_callee(span) == "filter"


def run(*arguments):
    return CliRunner().invoke(main, ["route", *map(str, arguments)])


def test_the_self_test_prints_a_line_for_each_hard_problem():
    result = run("--self-test")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) == 8
    assert "rh_005  question_mark_in_unit_main  ok" in result.output


def test_the_self_test_fails_when_a_rule_is_lost(monkeypatch):
    kept = tuple(rule for rule in RULES if rule.task != "missing_hash")
    monkeypatch.setattr(router, "RULES", kept)
    result = run("--self-test", "--json")
    assert result.exit_code == 1
    assert [row["id"] for row in json.loads(result.output) if not row["is_right"]] == ["tb_007"]


CONFLICT = """fn main() {
    let mut v = vec![1];
    let first = &v[0];
    v.push(2);
    println!("{first}");
}
"""


def test_a_file_is_compiled_and_the_rule_explained(tmp_path):
    file = tmp_path / "main.rs"
    file.write_text(CONFLICT)
    result = run(file, "--allow-unconfined")
    assert result.exit_code == 0
    assert result.output.startswith("mut_borrow_conflict (0.95): `v` is borrowed both")
    assert "error[E0502] at line 4" in result.output
    assert "runner-up: none" in result.output


def test_recorded_diagnostics_need_no_compiler_and_name_the_runner_up(tmp_path):
    file, messages = tmp_path / "main.rs", tmp_path / "messages.json"
    file.write_text(CONFLICT)
    spans = [{"file_name": "main.rs", "byte_start": at, "is_primary": True} for at in (1, 2)]
    lines = [
        {"level": "error", "message": "m", "code": {"code": code}, "spans": [span]}
        for code, span in zip(("E0502", "E0384"), spans, strict=True)
    ]
    messages.write_text("\n".join(map(json.dumps, lines)))
    decision = json.loads(run(file, "--diagnostic", messages, "--json").output)
    assert decision["task"] == "mut_borrow_conflict"
    assert decision["runner_up"]["task"] == "assign_twice_immutable"


@pytest.mark.parametrize("wrapped", ["alone", "list"])
def test_one_json_document_is_read_too(tmp_path, wrapped):
    message = {"level": "error", "message": "m", "code": {"code": "E0384"}, "spans": []}
    file = tmp_path / "messages.json"
    file.write_text(json.dumps([message] if wrapped == "list" else message, indent=1))
    assert run("--diagnostic", file).output.startswith("assign_twice_immutable")


def test_a_program_without_errors_has_no_route(tmp_path):
    file = tmp_path / "lib.rs"
    file.write_text("pub fn one() -> u8 { 1 }\n")
    result = run(file, "--allow-unconfined")
    assert result.exit_code == 0
    assert result.output.startswith("none: the compiler reports no error")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to route"),
        (["missing.rs"], "missing.rs: cannot be read"),
        (["--diagnostic", __file__], "got no rustc message"),
    ],
)
def test_misuse_is_said_in_one_line(arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output
