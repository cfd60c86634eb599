from dataclasses import replace

import pytest

from scripted import BUGGY, FIXED, ScriptedModel
from sleepy_coder.dialogue import open_dialogue
from sleepy_coder.errors import InputError
from sleepy_coder.judge import accept
from sleepy_coder.prompt import extract_code, render_answer
from sleepy_coder.repair import STRATEGIES, resume_key
from sleepy_coder.workbench import Workbench


def run(strategy, problem, **bench):
    (generation,) = STRATEGIES[strategy].propose([problem], Workbench(**bench))
    return generation


def test_rustfix_applies_suggestions_until_the_program_compiles(problem, sandbox):
    assert extract_code(run("rustfix", problem, sandbox=sandbox).output) == FIXED


def test_base_shows_program_and_error_to_the_model(problem):
    model = ScriptedModel(lambda _: render_answer(FIXED))
    generation = run("base", problem, model=model)
    assert extract_code(generation.output) == FIXED
    assert "cannot assign twice" in model.asked[0][-1]["content"]
    assert "Advice" not in model.asked[0][-1]["content"]
    assert (generation.tokens_in, generation.tokens_out) == (10, 5)


def test_hints_add_advice_for_the_routed_pattern(problem):
    model = ScriptedModel(lambda _: render_answer(FIXED))
    generation = run("hints", problem, model=model)
    assert "Advice:" in model.asked[0][-1]["content"]
    assert generation.route["task"] == open_dialogue(problem, Workbench()).route.task


@pytest.mark.parametrize("said", [BUGGY, BUGGY.replace("1", "2")])
def test_hints_in_second_place_are_given_where_base_repeats_the_program(problem, said):
    model = ScriptedModel(lambda m: render_answer(FIXED if "Advice:" in m[-1]["content"] else said))
    generation = run("hints-second", problem, model=model)
    assert extract_code(generation.output) == (FIXED if said == BUGGY else said)
    assert len(model.asked) == (2 if said == BUGGY else 1)


@pytest.mark.parametrize(("name", "is_held_to_it"), [("base", False), ("base-again", True)])
def test_a_repeated_program_is_refused_only_where_a_strategy_says_so(problem, name, is_held_to_it):
    class Stubborn(ScriptedModel):
        def generate(self, conversations, *, is_refused, **options):
            said = render_answer(BUGGY)
            (refuses,) = is_refused
            assert refuses is None or (refuses(said) and not refuses(render_answer(FIXED)))
            self.answer = lambda _: said if refuses is None else render_answer(FIXED)
            return super().generate(conversations, **options)

    generation = run(name, problem, model=Stubborn(lambda _: ""))
    assert extract_code(generation.output) == (FIXED if is_held_to_it else BUGGY)


def test_a_later_attempt_may_repeat_neither_the_program_nor_an_earlier_answer(problem, sandbox):
    refused = []

    class Listening(ScriptedModel):
        def generate(self, conversations, *, is_refused, **options):
            refused.extend(is_refused)
            return super().generate(conversations, **options)

    wrong = render_answer(BUGGY.replace("+= 2", "+= 3"))
    run("base", problem, model=Listening(lambda _: wrong), sandbox=sandbox, attempts=2)
    assert refused[0] is None
    assert refused[1](wrong)
    assert refused[1](render_answer(BUGGY))
    assert not refused[1](render_answer(FIXED))


MAIN = "fn main() {"


@pytest.mark.parametrize(
    ("said", "is_refused"),
    [
        (FIXED, False),
        (BUGGY, True),
        (FIXED.replace(MAIN, f"struct Meter;\n{MAIN}"), False),
        ("// gone\n", True),
        (FIXED.replace("total = 1;", "total = 1"), True),
        (FIXED.replace(MAIN, f"{MAIN} std::process::exit(0);"), True),
        ("no program", True),
    ],
    ids=["fix", "repeats", "adds", "drops", "does not parse", "escapes", "none"],
)
def test_what_is_seen_to_be_wrong_without_compiling_is_refused(problem, said, is_refused):
    dialogue = open_dialogue(problem, Workbench())
    answer = said if said == "no program" else render_answer(said)
    assert dialogue.cannot_be_right(answer) == is_refused


def test_a_broken_program_that_does_not_parse_may_get_an_answer_that_does_not(problem):
    unparsed = replace(problem, buggy=BUGGY.replace("= 1;", "= 1"))
    dialogue = open_dialogue(unparsed, Workbench())
    assert not dialogue.cannot_be_right(render_answer(FIXED.replace("= 1;", "= 1")))


def test_strategies_never_see_reference_or_expectation(problem, sandbox):
    marked = replace(
        problem,
        fixed=FIXED.replace("total", "reference_name"),
        check=replace(problem.check, expect="secret expectation"),
    )
    model = ScriptedModel(lambda _: "no idea")
    for name in ("base", "hints", "cascade"):
        run(name, marked, model=model, sandbox=sandbox)
    seen = str(model.asked)
    assert "reference_name" not in seen
    assert "secret expectation" not in seen


def test_a_second_attempt_sees_what_the_compiler_said_of_the_first(problem, sandbox):
    def answer(messages):
        if len(messages) == 2:
            return render_answer(BUGGY.replace("println", "printline"))
        assert "printline" in messages[-1]["content"]
        return render_answer(FIXED)

    done = []
    generation = run(
        "base",
        problem,
        model=ScriptedModel(answer),
        sandbox=sandbox,
        attempts=3,
        on_done=done.append,
    )
    assert extract_code(generation.output) == FIXED
    assert (generation.attempts, generation.tokens_in) == (2, 20)
    assert done == [generation]


def test_attempts_end_with_the_last_answer_when_none_is_accepted(problem, sandbox):
    model = ScriptedModel(lambda messages: render_answer(f"fn idea{len(messages)}("))
    generation = run("base", problem, model=model, sandbox=sandbox, attempts=2)
    assert extract_code(generation.output) == "fn idea4(\n"
    assert len(model.asked) == 2


def test_cascade_asks_no_model_where_the_compiler_knows(problem, sandbox):
    model = ScriptedModel(lambda _: "never asked")
    generation = run("cascade", problem, model=model, sandbox=sandbox)
    assert generation.strategy == "cascade"
    assert extract_code(generation.output) == FIXED
    assert model.asked == []


def test_cascade_falls_to_the_model_and_adds_up_costs(problem, sandbox):
    hard = replace(problem, buggy=BUGGY.replace("+= 2", "+= missing()"))
    model = ScriptedModel(lambda _: render_answer(FIXED))
    generation = run("cascade", hard, model=model, sandbox=sandbox)
    assert extract_code(generation.output) == FIXED
    assert generation.attempts == 2


def test_acceptance_refuses_a_program_that_lost_its_parts(problem, sandbox):
    two = replace(problem, buggy=BUGGY + "\nfn helper() -> u32 {\n    7\n}\n", fixed=None)
    kept = FIXED + "\nfn helper() -> u32 {\n    7\n}\n"
    assert accept([(two, kept), (two, FIXED), (two, None)], sandbox) == [True, False, False]


def test_acceptance_does_not_look_at_the_hidden_check(problem, sandbox):
    assert accept([(problem, FIXED.replace("+= 2", "+= 3"))], sandbox) == [True]


def test_a_model_strategy_without_a_model_says_so(problem):
    with pytest.raises(InputError, match="pass --model"):
        run("base", problem)


def test_a_problem_without_diagnostics_says_how_to_get_them(problem):
    with pytest.raises(InputError, match="problems check --write"):
        open_dialogue(replace(problem, diagnostics=None), Workbench())


@pytest.mark.parametrize(
    "change",
    [
        {"attempts": 2},
        {"max_new_tokens": 7},
        {"use_full_rendering": True},
        {"model": ScriptedModel(str, sha256="1" * 64)},
    ],
)
def test_an_answer_made_under_other_settings_is_not_taken_over(problem, change):
    bench = Workbench(model=ScriptedModel(str))
    assert resume_key(problem, "base", bench) == resume_key(problem, "base", bench)
    assert resume_key(problem, "base", bench) != resume_key(
        problem, "base", replace(bench, **change)
    )
