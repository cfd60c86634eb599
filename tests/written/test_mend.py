from click.testing import CliRunner
from test_harvest import PROGRAM

from sleepy_coder.cli import main
from sleepy_coder.problems import save_lines
from sleepy_coder.share.store import save_store
from sleepy_coder.workbench import Workbench
from sleepy_coder.written import mend
from sleepy_coder.written.harvest import WrittenProgram, break_programs, load_programs
from tiny_model import make_model, make_store


def test_programs_compile_are_mended_or_are_left_out(sandbox, monkeypatch):
    monkeypatch.setattr(mend, "MENDERS", ("rustfix", "routed"))
    broken = PROGRAM.replace("let mut kites", "let kites")
    programs = [
        WrittenProgram("sound", PROGRAM),
        WrittenProgram("broken", broken),
        WrittenProgram("hopeless", PROGRAM.replace("span_cm: 90", 'span_cm: "wide"')),
        WrittenProgram("panics", broken.replace("kites[0]", "kites[7]")),
        WrittenProgram("cut off", PROGRAM[:90]),
    ]
    found = mend.mend_programs(programs, Workbench(sandbox=sandbox), jobs=2)
    assert found == [
        WrittenProgram("sound", PROGRAM),
        WrittenProgram("broken", PROGRAM, broken),
    ]

    several = WrittenProgram("b", PROGRAM, broken.replace("let first", "let mut first; first"))
    assert "the model" not in {c.operator for c in break_programs([several], sandbox, jobs=1)}
    candidates = break_programs(found[1:], sandbox, jobs=1)
    own = [each for each in candidates if each.operator == "the model"]
    assert [(each.buggy, each.fixed) for each in own] == [(broken, PROGRAM)]
    assert len(candidates) > 1


def test_the_command_keeps_what_compiles_and_what_was_mended(tmp_path, monkeypatch):
    monkeypatch.setattr(mend, "MENDERS", ("rustfix", "general"))  # a store without general
    model = make_model()
    monkeypatch.setattr("sleepy_coder.model.load_model", lambda *_, **__: model)
    save_store(make_store(model), tmp_path / "store")
    broken = PROGRAM.replace("let mut kites", "let kites")
    written = [WrittenProgram("sound", PROGRAM), WrittenProgram("broken", broken)]
    save_lines((program.to_json() for program in written), tmp_path / "programs.jsonl")
    out = tmp_path / "new" / "mended.jsonl"
    places = [str(tmp_path / "programs.jsonl"), "--out", str(out)]
    call = ["programs", "mend", *places, "--store", str(tmp_path / "store")]
    done = CliRunner().invoke(main, [*call, "--allow-unconfined"])
    assert done.exit_code == 0, done.output
    assert "of 2 programs 1 compile and 1 were mended" in done.output
    assert load_programs(out) == [written[0], WrittenProgram("broken", PROGRAM, broken)]
