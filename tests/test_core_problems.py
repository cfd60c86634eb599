"""The 42 problems that come with the package, every one proved with the real compiler."""

import json
import re
from collections import Counter

import pytest

from sleepy_coder.judge import judge_candidate
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.problems import load_set
from sleepy_coder.proof import CORE_NUM_WRONG, first_error_code, prove_problem
from sleepy_coder.syntax import shape_sha256

CORE = load_set("core")
BY_ID = {problem.id: problem for problem in CORE.problems}

# What these ids have meant since before this project, each as far as it is said there.
LONG_KNOWN = {
    "bc_003": "mut_borrow_conflict",
    "bc_005": "double_mut_borrow",
    "bc_010": "return_local_ref",
    "tb_002": "missing_clone",
    "tb_007": "missing_hash",
    "tb_008": "missing_ord",
    "rh_004": "option_to_result",
    "rh_005": "question_mark_in_unit_main",
}

# Right answers other than the reference, as replacements in the broken program.
OTHER_FIXES = {
    "bc_001": [
        ("let admitted = harbour.admit(boat);", ""),
        ("boat.name, admitted)", "boat.name.clone(), harbour.admit(boat))"),
    ],
    "bc_003": [
        ("struct Parcel {", "#[derive(Clone)]\nstruct Parcel {"),
        ("let record = self.heaviest();", "let record = self.heaviest().cloned();"),
    ],
    "bc_005": [
        (
            "    let source = &mut barrels[from];\n    let target = &mut barrels[to];\n",
            "    let [source, target] = barrels.get_disjoint_mut([from, to]).unwrap();\n",
        ),
    ],
    "bc_009": [
        ('let mut longest = "";', "let mut longest = String::default();"),
        ("longest = &street;", "longest.clone_from(&street);"),
    ],
    "rh_004": [("fields.next()?;", 'fields.next().ok_or("too short")?;')],
    "rh_005": [("laps(line)?", "laps(line).expect(line)")],
    "tb_008": [
        ("stops.sort();", "stops.sort_by_key(|stop| (stop.aisle, stop.shelf, stop.bin));"),
    ],
    "lt_001": [
        (
            "fn quickest(crossings: &[Crossing], avoid: &str) -> Option<&Crossing>",
            "fn quickest<'c>(crossings: &'c [Crossing], avoid: &'_ str) -> Option<&'c Crossing>",
        ),
    ],
}

problems = pytest.mark.parametrize("problem", CORE.problems, ids=BY_ID)


def test_the_ids_are_those_of_the_benchmark():
    counts = {"bc": 10, "rh": 10, "tb": 10, "lt": 6, "tm": 6}
    assert list(BY_ID) == [
        f"{k}_{n:03}" for k, count in counts.items() for n in range(1, count + 1)
    ]
    assert load_set("frozen").problems == CORE.problems[:30]


def test_long_known_ids_keep_their_meaning():
    assert {i: BY_ID[i].pattern for i in LONG_KNOWN} == LONG_KNOWN


def test_each_family_is_spread_over_patterns():
    assert {p.pattern for p in CORE.problems} <= PATTERNS.keys()
    uses = Counter(p.pattern for p in CORE.problems)
    assert max(uses.values()) == 2
    assert len(uses) >= 36


@problems
def test_a_problem_is_sound(problem, sandbox):
    proof = prove_problem(problem, sandbox, num_wrong=CORE_NUM_WRONG, jobs=2)
    assert proof.failures == ()


@pytest.mark.parametrize("problem_id", OTHER_FIXES)
def test_another_right_answer_passes(problem_id, sandbox):
    code = BY_ID[problem_id].buggy
    for old, new in OTHER_FIXES[problem_id]:
        assert code.count(old) == 1
        code = code.replace(old, new)
    verdict = judge_candidate(BY_ID[problem_id], code, sandbox)
    assert (verdict.outcome, verdict.detail) == ("pass", "")


@problems
def test_a_program_is_short_enough_to_read(problem):
    lines = problem.buggy.splitlines()
    assert 8 <= len(lines) <= 40
    assert max(map(len, lines)) <= 100


@problems
def test_the_recorded_diagnostics_are_of_this_program(problem):
    assert first_error_code(problem.diagnostics) == problem.error_code
    errors = [m for m in problem.diagnostics if m["level"] == "error" and m["spans"]]
    assert len(errors) == 1
    source = problem.buggy.splitlines()
    for span in errors[0]["spans"]:
        if span["file_name"] in ("main.rs", "lib.rs"):
            quoted = [line["text"] for line in span["text"]]
            assert quoted == source[span["line_start"] - 1 : span["line_end"]]


@problems
def test_the_recorded_diagnostics_name_no_machine(problem):
    files = re.findall(r'"file_name": "(.+?)"', json.dumps(problem.diagnostics))
    rendered = "".join(message["rendered"] for message in problem.diagnostics)
    files += re.findall(r"(?:-->|:::) (\S+?):\d", rendered)
    assert files
    assert all(name in ("main.rs", "lib.rs") or name.startswith("/rustc/") for name in files)


def test_no_two_programs_have_the_same_shape():
    shapes = Counter(shape_sha256(problem.buggy) for problem in CORE.problems)
    assert max(shapes.values()) == 1
