from test_harvest import PROGRAM

from sleepy_coder.workbench import Workbench
from sleepy_coder.written import mend
from sleepy_coder.written.harvest import WrittenProgram, break_programs


def test_programs_compile_are_mended_or_are_left_out(sandbox, monkeypatch):
    monkeypatch.setattr(mend, "STRATEGIES", ("rustfix",))
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

    candidates = break_programs(found[1:], sandbox, jobs=1)
    own = [each for each in candidates if each.operator == "the model"]
    assert [(each.buggy, each.fixed) for each in own] == [(broken, PROGRAM)]
    assert len(candidates) > 1
