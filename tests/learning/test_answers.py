from dataclasses import replace

from scripted import BUGGY, FIXED, ScriptedModel
from sleepy_coder.learning.answers import collect_own_answers, judge_strategy
from sleepy_coder.prompt import render_answer
from sleepy_coder.workbench import Workbench

TALKATIVE = FIXED.replace('println!("{total}");', 'println!("{total}"); // shown')


def test_answers_are_judged_with_their_likelihood(problem, sandbox):
    model = ScriptedModel(lambda _: render_answer(FIXED))
    judged = judge_strategy([problem], "base", Workbench(model=model, sandbox=sandbox))[problem.id]
    assert (judged.outcome, judged.code) == ("pass", FIXED)
    assert (judged.task, judged.log_probability) == (None, -0.5)


def test_own_answers_keep_what_the_repair_needs_alone(problem, sandbox):
    model = ScriptedModel(lambda _: render_answer(TALKATIVE))
    bench = Workbench(model=model, sandbox=sandbox)
    assert collect_own_answers([problem], bench) == {problem.id: FIXED}


def test_hints_are_given_for_what_failed_without(problem, sandbox):
    def answer(messages):
        return render_answer(FIXED if "Advice:" in messages[-1]["content"] else BUGGY)

    other = replace(problem, id="t_002", pattern="none", diagnostics=())
    model = ScriptedModel(answer)
    found = collect_own_answers([problem, other], Workbench(model=model, sandbox=sandbox))
    assert found == {problem.id: FIXED}
    assert len(model.asked) == 4
