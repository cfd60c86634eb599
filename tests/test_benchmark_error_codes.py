import importlib.util
import sys
from pathlib import Path

import pytest

from sleepy_coder.prompt import is_no_repair

FOLDER = Path(__file__).parents[1] / "benchmarks"
# An attribute's own text is at fault (three), and a function's name (one): their repairs are
# refused where nothing tells that they are right.
REFUSED = {"E0452", "E0537", "E0710", "E0754"}


@pytest.fixture(scope="module")
def bench():
    sys.path.insert(0, str(FOLDER))
    spec = importlib.util.spec_from_file_location("error_codes", FOLDER / "error_codes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(FOLDER))


@pytest.mark.slow
def test_every_program_is_sound_and_its_repair_is_seen_to_be_one(bench, sandbox):
    problems = bench.read_programs(FOLDER / "error_codes", sandbox).problems
    assert len(problems) > 300
    assert {p.id for p in problems if is_no_repair(p.fixed, p)} == REFUSED


def test_a_program_that_fails_otherwise_is_told(bench, sandbox, tmp_path):
    text = '=== E0308\nfn main() {\n    println!("{}", ⟦nowhere⇒1⟧);\n}\n'
    (tmp_path / "E03.txt").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="E0308: buggy fails with E0425, expected E0308"):
        bench.read_programs(tmp_path, sandbox)
