"""What comes out of a crate, once and for all."""

from sleepy_coder.judge import Compiled
from sleepy_coder.mutants import harvest
from sleepy_coder.mutants.crates import Crate
from sleepy_coder.mutants.extract import Program
from sleepy_coder.mutants.mutate import Mutant


def test_a_compilation_that_a_busy_machine_cut_short_is_tried_again(monkeypatch):
    ends = iter([(False, True), (True, False), (False, False)])
    asked = []

    def compile_source(code, **_):
        asked.append(code)
        is_ok, is_short = next(ends)
        return Compiled(is_ok, (), is_cut_short=is_short)

    monkeypatch.setattr(harvest, "compile_source", compile_source)
    check = harvest.make_checker(None, "lib")
    assert check("a").is_ok
    assert not check("b").is_ok
    assert asked == ["a", "a", "b"]


def test_only_programs_to_learn_from_get_heads(monkeypatch):
    def mutate(code, *_, **__):
        return [Mutant("operator", "aim", code, "E0000", ())]

    monkeypatch.setattr(harvest, "mutate", mutate)
    programs = [Program("pub fn f() {}\n")] * 40

    def whole_of(part):
        crate = Crate("some", part, "MIT", "package", "1", "0")
        return [c.fixed for c in harvest._mutants(crate, 0, programs, None, 1)]

    assert whole_of("gate") == whole_of("transfer") == [program.code for program in programs]
    headed = [code for code in whole_of("train") if not code.startswith("pub fn")]
    assert 5 < len(headed) < 25
    assert all(code.endswith("pub fn f() {}\n") for code in headed)
