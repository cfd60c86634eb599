"""What comes out of a crate, once and for all."""

from sleepy_coder.judge import Compiled
from sleepy_coder.mutants import harvest


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
