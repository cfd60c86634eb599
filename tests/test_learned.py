from dataclasses import replace
from math import inf

import pytest

from scripted import BUGGY, FIXED, ScriptedCompletion, ScriptedModel
from sleepy_coder.edits import render_edits
from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.learned import AVERAGE, LearnedTasks, check_base_model
from sleepy_coder.patterns import GENERAL
from sleepy_coder.prompt import extract_code, render_answer
from sleepy_coder.repair import STRATEGIES, resume_key
from sleepy_coder.router import Route
from sleepy_coder.weights import DEFAULT_MODEL
from sleepy_coder.workbench import Workbench
from tiny_model import make_model, make_store

TASK = "assign_twice_immutable"  # of `make_store`, too


def ask(model, tasks):
    conversation = [{"role": "user", "content": BUGGY}]
    answers = model.generate([conversation] * len(tasks), max_new_tokens=20, tasks=tasks)
    return [answer.text for answer in answers]


def test_a_row_without_a_task_answers_as_the_base_model_does():
    model = make_model()
    (before,) = ask(model, [None])
    learned = LearnedTasks(model, make_store(model))
    model.batch_tokens = 100_000
    plain, changed = ask(model, [None, TASK])
    assert plain == before
    assert changed != before
    assert ask(model, [None]) == [before]
    assert ask(model, [learned.use_average()]) == [changed]  # the mean of one task is that task


def test_another_store_on_the_same_model_answers_by_itself():
    shared, answers = make_model(), []
    for size in (3.0, 5.0):
        fresh = make_model()
        LearnedTasks(fresh, make_store(fresh, size=size))
        learned = LearnedTasks(shared, make_store(shared, size=size))
        answers.append(ask(shared, [TASK]))
        assert answers[-1] == ask(fresh, [TASK])  # nothing that was read under the other's tasks
        shared.decoder._announce([TASK])  # as after an answer that failed
        learned.close()
    assert answers[0] != answers[1]


def test_a_route_leads_to_its_task_or_to_none():
    model = make_model()
    learned = LearnedTasks(model, make_store(model))
    assert learned.task_of(Route(TASK, 0.9, "")) == TASK
    assert learned.task_of(Route("missing_clone", 0.9, "")) is None
    assert learned.task_of(None) is None
    assert learned.answer_form(TASK) == learned.answer_form(AVERAGE) == "edit"
    assert learned.answer_form(None) == "program"


def test_a_model_is_known_by_its_name_wherever_it_lies(tmp_path):
    (tmp_path / "tiny").mkdir()
    model = make_model()
    for name, public in [
        (tmp_path / "tiny", "tiny"),
        (tmp_path / "small.gguf", "small"),
        ("owner/name", "owner/name"),
        (DEFAULT_MODEL, DEFAULT_MODEL),
    ]:
        model.name = str(name)
        assert model.public_name == public
        check_base_model(replace(make_store(model), base_model=public), model)
    model.name = str(tmp_path / "small.gguf")
    check_base_model(replace(make_store(model), base_model="small.gguf"), model)


def test_a_store_of_another_model_is_refused():
    model = make_model()
    with pytest.raises(StoreError, match="made for other, the model is tiny"):
        LearnedTasks(model, replace(make_store(model), base_model="other"))


def test_stores_that_were_never_saved_are_told_apart():
    store = make_store(make_model())
    names = {LearnedTasks(make_model(), replace(store, sha256="")).sha256 for _ in range(3)}
    assert len(names) == 3
    assert LearnedTasks(make_model(), replace(store, sha256="a" * 64)).sha256 == "a" * 64


class ScriptedTasks:
    """Learned tasks without a model, for the strategies' own logic."""

    sha256 = "5" * 64

    def __init__(self, known, least=0.0, general=None):
        self.known, self.least, self.of_all = known, least, general

    def general(self):
        return self.of_all

    def task_of(self, route):
        return route.task if route and route.task in self.known else None

    def answer_form(self, task):
        return "edit" if task else "program"

    def min_doubt(self, _task):
        return self.least


def run(strategy, problem, **bench):
    (generation,) = STRATEGIES[strategy].propose([problem], Workbench(**bench))
    return generation


def test_routed_reads_the_tasks_edits(problem):
    model = ScriptedModel(lambda _: render_edits(BUGGY, FIXED))
    generation = run("routed", problem, model=model, learned=ScriptedTasks([TASK]))
    assert "```edit" in model.asked[0][0]["content"]
    assert extract_code(generation.output) == FIXED


def test_routed_without_a_task_asks_as_base_does(problem):
    model, base = (ScriptedModel(lambda _: render_answer(FIXED)) for _ in range(2))
    run("routed", problem, model=model, learned=ScriptedTasks([]))
    run("base", problem, model=base)
    assert model.asked == base.asked


def test_general_answers_where_base_gives_no_repair_wherever_the_route_leads(problem):
    model = ScriptedModel(answer_to_edits_else_nothing)
    learned = ScriptedTasks([], least=inf, general=GENERAL)
    generation = run("general", problem, model=model, learned=learned)
    assert (generation.task, extract_code(generation.output)) == (GENERAL, FIXED)


def test_general_needs_a_task_of_that_name(problem):
    bench = {
        "model": ScriptedModel(lambda _: render_answer(FIXED)),
        "learned": ScriptedTasks([TASK]),
    }
    with pytest.raises(InputError, match="no task 'general'"):
        run("general", problem, **bench)


def test_the_mean_is_of_patterns_alone():
    model = make_model()
    store = make_store(model)
    double = {
        module: replace(entry, coef_b=2 * entry.coef_b)
        for module, entry in store.subspace.tasks[TASK].items()
    }
    subspace = replace(store.subspace, tasks={**store.subspace.tasks, GENERAL: double})
    alone = LearnedTasks(model, store)
    (changed,) = ask(model, [alone.use_average()])
    alone.close()
    learned = LearnedTasks(model, replace(store, subspace=subspace))
    assert learned.general() == GENERAL
    assert ask(model, [learned.use_average()]) == [changed]
    assert ask(model, [GENERAL]) != [changed]


def answer_to_edits_else_nothing(messages):
    is_edit = "```edit" in messages[0]["content"]
    return render_edits(BUGGY, FIXED) if is_edit else render_answer(BUGGY)


def answer_by_form(messages):
    is_edit = "```edit" in messages[0]["content"]
    return render_edits(BUGGY, BUGGY.replace("1", "2")) if is_edit else render_answer(FIXED)


def say_with(base, task):
    """A model that is so sure, in nats, of a wrong answer of its own and of a task's right one."""

    class Sure(ScriptedModel):
        def generate(self, conversations, *, on_done=None, **_):
            self.asked.extend(conversations)
            for row, messages in enumerate(conversations):
                is_task = "```edit" in messages[0]["content"]
                text = render_edits(BUGGY, FIXED) if is_task else render_answer(WRONG)
                on_done(row, ScriptedCompletion(text, log_probability=task if is_task else base))

    return Sure(lambda _: "")


WRONG = BUGGY.replace("1", "2")


@pytest.mark.parametrize(
    ("base", "task", "least", "is_heard", "num_asked"),
    [
        (-2.0, -0.3, 4.0, True, 2),
        (-2.0, -0.5, 4.0, False, 2),
        (-2.0, -0.3, 6.0, False, 2),
        (-0.3, -0.0, 4.0, False, 1),  # so sure that no task could be four times surer
        (-9.0, -0.0, float("inf"), False, 1),
        (-0.0, -9.0, 0.0, True, 1),  # no gate ruled on it: it answers alone
    ],
)
def test_a_task_is_heard_where_the_base_model_doubts(
    problem, base, task, least, is_heard, num_asked
):
    model = say_with(base, task)
    generation = run("routed", problem, model=model, learned=ScriptedTasks([TASK], least))
    assert extract_code(generation.output) == (FIXED if is_heard else WRONG)
    assert generation.task == (TASK if is_heard else None)
    assert generation.log_probability == (task if is_heard else base)
    assert (len(model.asked), generation.tokens_in) == (num_asked, 10 * num_asked)


def test_a_doubted_answer_stands_where_the_task_has_no_repair(problem):
    class Repeats(ScriptedModel):
        def generate(self, conversations, *, on_done=None, **_):
            is_task = "```edit" in conversations[0][0]["content"]
            text = render_edits(BUGGY, BUGGY + "\n") if is_task else render_answer(WRONG)
            on_done(0, ScriptedCompletion(text, log_probability=-0.1 if is_task else -9.0))

    learned = ScriptedTasks([TASK], 2.0)
    generation = run("routed", problem, model=Repeats(str), learned=learned)
    assert (extract_code(generation.output), generation.task) == (WRONG, None)


def test_where_no_edit_fits_the_base_model_answers(problem):
    nowhere = "<<<<<<<\nnowhere\n=======\nelse\n>>>>>>>"
    model = ScriptedModel(lambda m: nowhere if "```edit" in m[0]["content"] else answer_by_form(m))
    generation = run("routed", problem, model=model, learned=ScriptedTasks([TASK]))
    assert extract_code(generation.output) == FIXED
    assert len(model.asked) == 2


def test_how_much_doubt_a_task_needs_is_in_its_provenance():
    store = make_store(make_model())
    for known, least in (({}, 0), ({"min_doubt": 3}, 3), ({"min_doubt": None}, float("inf"))):
        provenance = {TASK: {"answer_form": "edit", **known}}
        learned = LearnedTasks(make_model(), replace(store, provenance=provenance))
        assert learned.min_doubt(TASK) == least


@pytest.mark.parametrize("found", ["4", -1, float("nan"), True, [4]])
def test_a_doubt_that_is_no_number_is_refused(found):
    store = make_store(make_model())
    store = replace(store, provenance={TASK: {"min_doubt": found}})
    with pytest.raises(StoreError, match=f"task {TASK}: min_doubt: got"):
        LearnedTasks(make_model(), store)


@pytest.mark.parametrize("form", ["diff", ["edit"], None])
def test_a_form_of_answers_that_there_is_not_is_refused(form):
    store = make_store(make_model())
    store = replace(store, provenance={TASK: {"answer_form": form}})
    with pytest.raises(StoreError, match=f"task {TASK}: answer_form: got"):
        LearnedTasks(make_model(), store)


def test_a_module_outside_the_models_layers_is_refused():
    model = make_model()
    store = make_store(model)
    bases = {**store.subspace.bases, "lm_head": next(iter(store.subspace.bases.values()))}
    store = replace(store, subspace=replace(store.subspace, bases=bases))
    with pytest.raises(StoreError, match="module lm_head: lies outside the model's layers"):
        LearnedTasks(model, store)


SECOND = ScriptedTasks([TASK], least=float("inf"))
REPEATED = BUGGY.replace("    ", "  ") + "// as it was\n"


@pytest.mark.parametrize("said", [render_answer(REPEATED), render_answer(BUGGY), "no program"])
def test_a_task_answers_where_the_base_model_has_no_answer(problem, said):
    model = ScriptedModel(
        lambda m: render_edits(BUGGY, FIXED) if "```edit" in m[0]["content"] else said
    )
    generation = run("routed", problem, model=model, learned=SECOND)
    assert extract_code(generation.output) == FIXED
    assert (generation.task, generation.tokens_in) == (TASK, 20)
    assert "```edit" not in model.asked[0][0]["content"]


def test_advice_goes_to_the_task_in_second_place_not_to_the_base_model(problem):
    model = ScriptedModel(
        lambda m: (
            render_edits(BUGGY, FIXED) if "```edit" in m[0]["content"] else render_answer(BUGGY)
        )
    )
    run("routed-hints", problem, model=model, learned=SECOND)
    assert ["Advice:" in asked[-1]["content"] for asked in model.asked] == [False, True]


def test_alone_a_task_answers_without_the_base_models_being_heard(problem):
    model = ScriptedModel(
        lambda m: render_edits(BUGGY, FIXED) if "```edit" in m[0]["content"] else "no program"
    )
    generation = run("routed-alone", problem, model=model, learned=SECOND)
    assert extract_code(generation.output) == FIXED
    assert (generation.task, len(model.asked)) == (TASK, 1)


@pytest.mark.parametrize("said", [FIXED, BUGGY.replace("1", "2")])
def test_what_the_base_model_changes_stands(problem, said):
    model = ScriptedModel(lambda _: render_answer(said))
    generation = run("routed", problem, model=model, learned=SECOND)
    assert extract_code(generation.output) == said
    assert (generation.task, len(model.asked)) == (None, 1)


def test_an_answer_has_a_limit_that_its_form_and_its_program_set(problem):
    limits = []

    class Limited(ScriptedModel):
        def generate(self, conversations, *, max_new_tokens, **options):
            limits.extend(max_new_tokens)
            return super().generate(conversations, **options)

    for known, most in (([TASK], 1024), ([], 1024), ([], 200)):
        model = Limited(lambda _: render_edits(BUGGY, FIXED))
        run("routed", problem, model=model, learned=ScriptedTasks(known), max_new_tokens=most)
    assert limits == [320, 2 * len(BUGGY) + 256, 200]


def test_after_a_learned_answer_that_failed_the_base_model_goes_on(problem, sandbox):
    def answer(messages):
        if len(messages) == 2:
            return render_edits(BUGGY, BUGGY.replace("let total = 1", "let sum = 1"))
        assert "complete corrected program" in messages[0]["content"]
        assert "let sum" in messages[2]["content"]
        return render_answer(FIXED)

    bench = {"model": ScriptedModel(answer), "learned": ScriptedTasks([TASK]), "sandbox": sandbox}
    generation = run("routed", problem, attempts=2, **bench)
    assert extract_code(generation.output) == FIXED
    assert generation.attempts == 2


def test_cascade_asks_the_learned_task_before_the_base_model(problem, sandbox, monkeypatch):
    monkeypatch.setattr("sleepy_coder.repair.apply_rustfix", lambda code, **_: code)
    model = ScriptedModel(lambda _: render_edits(BUGGY, FIXED))
    bench = {"model": model, "learned": ScriptedTasks([TASK]), "sandbox": sandbox}
    assert extract_code(run("cascade", problem, **bench).output) == FIXED
    assert len(model.asked) == 1


def test_cascade_asks_the_general_task_where_no_other_is(problem, sandbox, monkeypatch):
    monkeypatch.setattr("sleepy_coder.repair.apply_rustfix", lambda code, **_: code)
    model = ScriptedModel(answer_to_edits_else_nothing)
    learned = ScriptedTasks([], least=inf, general=GENERAL)
    generation = run("cascade", problem, model=model, learned=learned, sandbox=sandbox)
    assert (generation.task, extract_code(generation.output)) == (GENERAL, FIXED)


def test_a_strategy_without_its_store_says_so(problem):
    with pytest.raises(InputError, match="routed: got no learned tasks; pass --store"):
        run("routed", problem, model=ScriptedModel(lambda _: ""))


def test_another_store_is_another_answer(problem):
    one, other = ScriptedTasks([TASK]), ScriptedTasks([TASK])
    other.sha256 = "6" * 64
    benches = [Workbench(model=ScriptedModel(str), learned=learned) for learned in (one, other)]
    assert resume_key(problem, "base", benches[0]) == resume_key(problem, "base", benches[1])
    assert resume_key(problem, "routed", benches[0]) != resume_key(problem, "routed", benches[1])
