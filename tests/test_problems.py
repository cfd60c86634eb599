"""Reading and writing of problems: what comes back, and what is said of malformed input."""

import dataclasses
import json

import pytest

from sleepy_coder.errors import InputError
from sleepy_coder.problems import (
    Check,
    WrongFix,
    hash_problems,
    load_set,
    parse_problem,
    save_set,
)

WELL_FORMED = {
    "id": "mine-1",
    "family": "moves",
    "pattern": "use_after_move",
    "description": "a crate is shipped twice",
    "crate_type": "lib",
    "edition": "2021",
    "error_code": "E0382",
    "buggy": "pub fn f() {}\n",
    "fixed": "pub fn f() { /* ß\u2028\t */ }\r\n",
    "check": {"kind": "tests", "code": "#[cfg(test)]\nmod t {}\n"},
    "wrong": [{"description": "gone", "outcome": "gutted", "code": "// nothing\n"}],
    "diagnostics": [{"message": "E: ß", "level": "error", "code": None}],
}


def changed(**fields):
    return {**WELL_FORMED, **fields}


def without(field):
    return {name: value for name, value in WELL_FORMED.items() if name != field}


def test_every_field_is_read():
    problem = parse_problem(WELL_FORMED, "here")
    assert problem.check == Check(kind="tests", expect=None, code="#[cfg(test)]\nmod t {}\n")
    assert problem.wrong == (WrongFix("gone", "// nothing\n", "gutted"),)
    assert problem.diagnostics == ({"message": "E: ß", "level": "error", "code": None},)
    assert (problem.id, problem.error_code, problem.crate_type) == ("mine-1", "E0382", "lib")


def test_a_problem_survives_its_own_json():
    problem = parse_problem(WELL_FORMED, "here")
    assert problem.to_json() == WELL_FORMED
    assert parse_problem(json.loads(json.dumps(problem.to_json())), "here") == problem


@pytest.mark.parametrize("field", ["error_code", "fixed", "wrong", "diagnostics"])
def test_what_is_optional_may_be_absent(field):
    assert not getattr(parse_problem(without(field), "here"), field)


@pytest.mark.parametrize(
    "field",
    ["id", "family", "pattern", "description", "crate_type", "edition", "buggy", "check"],
)
def test_what_is_required_is_missed_by_name(field):
    with pytest.raises(InputError, match=rf"^F\.jsonl:7: field {field}: got nothing"):
        parse_problem(without(field), "F.jsonl:7")


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (changed(buggy="  "), "buggy"),
        (changed(id=3), "id"),
        (changed(crate_type="cdylib"), "crate_type"),
        (changed(edition="2020"), "edition"),
        (changed(error_code="0382"), "error_code"),
        (changed(fixed=[]), "fixed"),
        (changed(check={"kind": "guess"}), "check.kind"),
        (changed(check={"kind": "tests"}), "check.code"),
        (changed(check={"kind": "stdout", "expect": "1"}), "check.kind"),
        (changed(crate_type="bin"), "check.kind"),
        (changed(crate_type="bin", check={"kind": "stdout"}), "check.expect"),
        (changed(check={"kind": "compile", "timeout": 3}), "check.timeout"),
        (changed(wrong=["todo!()"]), "wrong"),
        (changed(wrong=[WELL_FORMED["wrong"][0], {"description": ""}]), "wrong[1].code"),
        (
            changed(wrong=[{"description": "", "code": "x", "outcome": "pass"}]),
            "wrong[0].outcome",
        ),
        (changed(diagnostics={"level": "error"}), "diagnostics"),
        (changed(diagnostic=[]), "diagnostic"),
    ],
)
def test_a_malformed_field_is_named_with_its_place(raw, field):
    with pytest.raises(InputError) as caught:
        parse_problem(raw, "F.jsonl:7")
    assert str(caught.value).startswith(f"F.jsonl:7: field {field}: got ")
    assert ", expected " in str(caught.value)


@pytest.mark.parametrize("raw", [None, [], "a problem", 3])
def test_a_problem_is_an_object(raw):
    with pytest.raises(InputError, match=r"^F\.jsonl:7: got .*, expected an object$"):
        parse_problem(raw, "F.jsonl:7")


def test_a_set_survives_its_file(tmp_path):
    problems = [parse_problem(changed(id=f"mine-{n}"), "here") for n in range(3)]
    save_set(problems, tmp_path / "mine.jsonl")
    loaded = load_set(tmp_path / "mine.jsonl")
    assert list(loaded.problems) == problems
    assert (loaded.name, loaded.sha256) == ("mine.jsonl", hash_problems(problems))
    assert [file.name for file in tmp_path.iterdir()] == ["mine.jsonl"]


def test_blank_lines_are_skipped_but_counted(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(f"\n{json.dumps(WELL_FORMED)}\n\n{{'id': 1}}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.jsonl:4: not JSON: "):
        load_set(path)


def test_a_malformed_line_is_named(tmp_path):
    path = tmp_path / "mine.jsonl"
    lines = [WELL_FORMED, changed(id="other", edition="21")]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with pytest.raises(InputError, match=r'mine\.jsonl:2: field edition: got "21", expected one'):
        load_set(path)


def test_an_id_is_taken_once(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(f"{json.dumps(WELL_FORMED)}\n" * 2, encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.jsonl:2: field id: 'mine-1' is taken by line 1"):
        load_set(path)


def test_a_file_that_is_not_text_is_said_to_be_so(tmp_path):
    (tmp_path / "mine.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"mine\.jsonl: cannot be read"):
        load_set(tmp_path / "mine.jsonl")


def test_an_unknown_set_names_the_known_ones():
    with pytest.raises(InputError, match=r"set 'forzen': got no such file, expected core, frozen"):
        load_set("forzen")


def test_the_hash_is_of_everything_but_diagnostics():
    problem = parse_problem(WELL_FORMED, "here")
    same = dataclasses.replace(problem, diagnostics=None)
    other = dataclasses.replace(problem, check=Check(kind="compile"))
    assert hash_problems([problem]) == hash_problems([same])
    assert hash_problems([problem]) != hash_problems([other])
    assert hash_problems([problem, other]) != hash_problems([other, problem])
