from dataclasses import replace

import pytest
import torch

from sleepy_coder import dialogue as dialogue_module
from sleepy_coder.errors import InputError
from sleepy_coder.judge import compile_source
from sleepy_coder.learning import course as course_module
from sleepy_coder.learning import exams
from sleepy_coder.learning.answers import Judged
from sleepy_coder.learning.config import LearnConfig
from sleepy_coder.learning.course import Course
from sleepy_coder.learning.gate import GateConfig
from sleepy_coder.learning.sets import LearningSets, as_set
from sleepy_coder.patterns import GENERAL, generate_problems
from sleepy_coder.problems import load_set
from sleepy_coder.share.layer import ShareLinear
from sleepy_coder.share.store import load_store, save_store
from sleepy_coder.share.subspace import width_of
from sleepy_coder.share.tasks import columns_beyond, convert, module_moments
from sleepy_coder.train.config import FitConfig
from sleepy_coder.train.pools import PoolConfig
from sleepy_coder.train.recipe import Recipe
from tiny_model import make_model

TASK = "missing_mut"
FIT = FitConfig(num_steps=2, rows_per_task=1, max_tokens=8000)
CONFIG = LearnConfig(
    basis_patterns=(TASK,),
    model="tiny",
    max_pair_tokens=8000,
    max_new_tokens=8,
    pool=PoolConfig(min_pairs=1, answer_form="edit", anchor_share=0),
    recipe=Recipe(
        components=4, rank=2, lora=FIT, coefficients=replace(FIT, num_steps=3, snapshots=(1,))
    ),
    gate=GateConfig(max_lost_frac=1.0, doubts=(2,), unseen_losses=1),
)


@pytest.fixture(scope="module")
def drawn(sandbox):
    """Six programs with real diagnostics."""
    problems = []
    for problem in generate_problems(TASK, 6, seed=5):
        kind = {"crate_type": problem.crate_type, "edition": problem.edition}
        said = compile_source(problem.buggy, **kind, sandbox=sandbox)
        check = replace(problem.check, expect="")
        problems.append(replace(problem, diagnostics=said.diagnostics, check=check))
    return problems


@pytest.fixture
def make_course(drawn, sandbox, tmp_path):
    def make(**changes):
        sets = LearningSets(
            generated=tuple(drawn[:3]),
            mutants=(),
            select=tuple(drawn[3:]),
            heldout=as_set("heldout", []),
            transfer=as_set("transfer", []),
            core=load_set("core"),
        )
        stages = []
        made = Course(
            config=changes.get("config", CONFIG),
            sets=replace(sets, **changes.get("sets", {})),
            model=make_model(),
            sandbox=changes.get("sandbox", sandbox),
            folder=tmp_path / "work",
            on_stage=stages.append,
        )
        return made, stages

    return make


def judge_as(base, routed):
    """Return a judge after whose word the base model and the task solve so many problems.

    The task is ten times surer of its answers.
    """

    def judge(problems, strategy, bench):
        solved, task = (base, None) if strategy == "base" else (routed, TASK)
        if strategy == "routed-alone":
            assert set(bench.learned.store.subspace.tasks) - {GENERAL, "other"} == {TASK}
        return {
            p.id: Judged(
                "pass" if i < solved else "compile_error", p.fixed, task, -0.1 if task else -2.0
            )
            for i, p in enumerate(problems)
        }

    return judge


def test_a_course_ends_in_a_store_of_what_passed(make_course, monkeypatch, tmp_path):
    monkeypatch.setattr(exams, "judge_strategy", judge_as(1, 3))
    made, stages = make_course()
    outcome = made.run()
    assert outcome.decision.heard == (TASK,)
    assert outcome.step == 1  # both snapshots gain the same: the earlier one
    assert len(outcome.training["losses"][TASK]) == 3
    save_store(outcome.store, tmp_path / "out")
    shipped = load_store(tmp_path / "out")
    assert shipped.base_model == "tiny"
    assert shipped.provenance[TASK]["answer_form"] == "edit"
    assert shipped.provenance[TASK]["min_doubt"] == 2
    assert shipped.provenance[TASK]["gate"] == {
        "total": 3,
        "solved": 1,
        "solved_alone": 3,
        "solved_second": 1,
        "gained": 2,
        "lost": 0,
    }
    assert not any(isinstance(m, ShareLinear) for m in made.model.hf_model.modules())
    assert made.model.decoder.use_tasks is None
    assert stages[0] == "base: 1 of 3 solved"


@pytest.mark.parametrize("part", ["shared", "joint"])
def test_what_all_patterns_learned_together_is_a_task_of_the_store(part, make_course, monkeypatch):
    monkeypatch.setattr(exams, "judge_strategy", judge_as(1, 3))
    recipe = replace(CONFIG.recipe, **{part: replace(FIT, num_steps=5)})
    store = make_course(config=replace(CONFIG, recipe=recipe))[0].run().store
    assert set(store.subspace.tasks) == {TASK, GENERAL}
    said = store.provenance[GENERAL]
    assert (said["pairs"], said["steps"], said["min_doubt"]) == (3, 5, None)
    assert store.common == (GENERAL if part == "joint" else "")
    task, general = store.subspace.tasks[TASK], store.subspace.tasks[GENERAL]
    own = columns_beyond(task, general)
    assert (own is not None and width_of(own) == 1) == (part == "joint")


def test_general_is_taken_at_the_weight_that_solves_most(make_course, monkeypatch):
    solves = {0.25: {0, 1}, 0.5: {1, 2}, 1.0: set()}  # the base model solves 0
    asked, hashes = [], set()

    def judge(problems, strategy, bench):
        if strategy != "general":
            return judge_as(1, 2)(problems, strategy, bench)
        asked.append(norm_of(bench.learned.store.subspace.tasks[GENERAL]))
        hashes.add(bench.learned.store.sha256)
        assert bench.learned.answer_form(GENERAL) == CONFIG.pool.answer_form
        own = solves[sorted(solves)[len(asked) - 1]]
        outcomes = ["pass" if i in own else "compile_error" for i in range(len(problems))]
        answered = zip(problems, outcomes, strict=True)
        return {p.id: Judged(outcome, p.fixed, GENERAL, -0.1) for p, outcome in answered}

    def norm_of(task):
        return sum(float(entry.coef_b.float().norm()) for entry in task.values())

    def general_of(*weights, losses=0.0, chosen=None):
        asked.clear()
        recipe = replace(CONFIG.recipe, joint=FIT)
        gate = replace(CONFIG.gate, max_lost_frac=losses)
        config = replace(CONFIG, recipe=recipe, general_weights=weights, gate=gate)
        store = make_course(config=config)[0].run().store
        assert store.provenance[GENERAL].get("weight") == chosen
        return norm_of(store.subspace.tasks[GENERAL])

    monkeypatch.setattr(exams, "judge_strategy", judge)
    whole = general_of()
    assert general_of(0.25, chosen=0.25) == pytest.approx(whole / 4, rel=0.01)
    assert not asked  # there is nothing to choose
    found = general_of(1.0, 0.25, 0.5, losses=1.0, chosen=0.25)
    assert found == pytest.approx(whole / 4, rel=0.01)
    assert asked == pytest.approx([whole / 4, whole / 2, whole], rel=0.01)
    assert len(hashes - {""}) == 3  # answers at one weight are not taken for another's
    # One that loses a problem and gains two is better than one that does neither.
    solves.update({0.25: {0}, 0.5: {1, 2}, 1.0: {0}})
    found = general_of(0.25, 0.5, 1.0, losses=2.0, chosen=0.5)
    assert found == pytest.approx(whole / 2, rel=0.01)
    # Of equal ones the least is taken.
    solves[1.0] = {1, 2}
    general_of(0.5, 1.0, 0.25, losses=2.0, chosen=0.5)
    assert len(asked) == 3


def test_over_a_store_only_what_is_asked_for_is_learned(make_course, monkeypatch, tmp_path):
    monkeypatch.setattr(exams, "judge_strategy", judge_as(1, 3))
    recipe = replace(CONFIG.recipe, shared=FIT)
    save_store(make_course(config=replace(CONFIG, recipe=recipe))[0].run().store, tmp_path / "s")
    over = load_store(tmp_path / "s")
    kept = dict(over.subspace.tasks) | {"other": over.subspace.tasks[TASK]}
    known = dict(over.provenance) | {"other": {"min_doubt": 7}}
    over = replace(over, subspace=replace(over.subspace, tasks=kept), provenance=known)

    monkeypatch.setattr(course_module, "learn_basis", None)

    def learn_again(rate):
        fit = replace(CONFIG.recipe.coefficients, learning_rate=rate)
        config = replace(CONFIG, gate=GateConfig(), recipe=replace(recipe, coefficients=fit))
        made = make_course(config=config)[0]
        made.over, made.tasks = over, (TASK,)
        return made.run().store

    same = learn_again(FIT.learning_rate)
    assert deltas(same.subspace.tasks[TASK]) == deltas(kept[TASK])
    store = learn_again(0.5)
    assert set(store.subspace.tasks) == {TASK, GENERAL, "other"}
    for name in (GENERAL, "other"):
        assert store.provenance[name] == known[name]
        assert deltas(store.subspace.tasks[name]) == deltas(kept[name])
    assert deltas(store.subspace.tasks[TASK]) != deltas(kept[TASK])
    assert store.provenance[TASK]["min_doubt"] == 7  # as was chosen for the store's tasks
    assert store.subspace.objective == over.subspace.objective == CONFIG.recipe.objective
    for module, basis in store.subspace.bases.items():
        assert basis.basis_b.equal(over.subspace.bases[module].basis_b)

    wide = convert(over.subspace, torch.float32)
    moments = {
        module: module_moments((task[module] for task in wide.tasks.values()), wide)
        for module in wide.bases
    }
    over = replace(over, subspace=replace(wide, moments=moments), sha256="wide")
    store = learn_again(0.5)
    for module, basis in store.subspace.bases.items():
        assert basis.basis_b.equal(wide.bases[module].basis_b)
        assert basis.basis_b.dtype == torch.float32
    for module, known in store.subspace.moments.items():
        entries = [task[module] for task in store.subspace.tasks.values()]
        assert torch.allclose(known.b.gram, module_moments(entries, store.subspace).b.gram)

    unheard = {name: {**origin, "min_doubt": None} for name, origin in over.provenance.items()}
    made = make_course()[0]
    made.over, made.tasks = replace(over, provenance=unheard), (TASK,)
    assert made.run().decision.min_doubt is None  # too few problems to choose it by

    strange = make_course()[0]
    strange.over, strange.tasks = over, ("missing_clone",)
    with pytest.raises(InputError, match="missing_clone has too few"):
        strange.run()


def deltas(task):
    """A task's coefficients as plain numbers."""
    return {m: (e.coef_b.tolist(), e.coef_a.tolist()) for m, e in task.items()}


def test_adapters_are_learned_from_the_same_pairs(make_course, drawn):
    made, _ = make_course()
    adapters, report = made.learn_lora()
    assert [adapter.name for adapter in adapters] == list(made.rows) == [TASK]
    assert len(report.losses[TASK]) == FIT.num_steps
    breach, _ = make_course(sets={"select": tuple(drawn[2:])})
    with pytest.raises(InputError, match="is the same program as select/"):
        breach.learn_lora()


def test_what_loses_is_not_heard_against_the_base_model(make_course, monkeypatch):
    monkeypatch.setattr(exams, "judge_strategy", judge_as(3, 2))
    outcome = make_course()[0].run()
    assert outcome.decision.rulings[TASK].lost == 1
    assert outcome.store.provenance[TASK]["min_doubt"] is None


def test_an_answer_that_is_no_repair_is_never_heard(make_course, monkeypatch):
    def judge(problems, strategy, bench):
        if strategy == "base":
            return {p.id: Judged("compile_error", p.fixed, None, -2.0) for p in problems}
        return {p.id: Judged("compile_error", p.buggy, TASK, -0.1) for p in problems}

    monkeypatch.setattr(exams, "judge_strategy", judge)
    outcome = make_course()[0].run()
    assert {trial.doubt for trial in outcome.trials[outcome.step].values()} == {0}


def test_where_the_base_model_repeats_the_program_a_task_needs_no_doubt(make_course, monkeypatch):
    def judge(problems, strategy, bench):
        is_base = strategy == "base"
        return {
            p.id: Judged("compile_error", p.buggy + "\n// again", None, -0.1)
            if is_base
            else Judged("pass", p.fixed, TASK, -0.1)
            for p in problems
        }

    monkeypatch.setattr(exams, "judge_strategy", judge)
    outcome = make_course()[0].run()
    ruling = outcome.decision.rulings[TASK]
    assert (ruling.solved, ruling.solved_second, ruling.min_doubt) == (0, 3, None)


def test_a_finished_stage_is_not_run_again(make_course, monkeypatch):
    monkeypatch.setattr(exams, "judge_strategy", judge_as(1, 3))
    first = make_course()[0].run()

    def refuse(*_, **__):
        raise AssertionError("ran again")

    for module, name in (
        (exams, "judge_strategy"),
        (course_module, "learn_basis"),
        (course_module, "learn_tasks"),
    ):
        monkeypatch.setattr(module, name, refuse)
    again = make_course()[0].run()
    assert (again.decision, again.training) == (first.decision, first.training)
    strict = make_course(config=replace(CONFIG, gate=GateConfig()))[0].run()
    assert strict.decision.heard == ()
    with pytest.raises(AssertionError, match="ran again"):
        make_course(config=replace(CONFIG, max_new_tokens=9))[0].run()


def test_what_was_asked_without_rust_is_judged_where_it_is(make_course, monkeypatch, sandbox):
    asked, stages = make_course(sandbox=None)
    asked.ask()
    assert not any(isinstance(m, ShareLinear) for m in asked.model.hf_model.modules())
    said = [line for line in stages if "judged" in line]
    assert said == [
        "base: 3 answers, not judged",
        *2 * ["routed-alone: 3 answers, not judged"],  # of each snapshot
    ]
    judged, _ = make_course(sandbox=sandbox)

    def refuse(*_, **__):
        raise AssertionError("asked or learned again")

    monkeypatch.setattr(judged.model, "generate", refuse)
    for name in ("learn_basis", "learn_tasks"):
        monkeypatch.setattr(course_module, name, refuse)
    outcome = judged.run()
    assert {step: len(tried) for step, tried in outcome.trials.items()} == {1: 3, 3: 3}


@pytest.mark.parametrize(
    ("field", "value"), [("uses_own_answers", True), ("general_weights", (0.5, 1.0))]
)
def test_what_depends_on_a_verdict_cannot_be_asked_without_rust(field, value, make_course):
    recipe = replace(CONFIG.recipe, joint=FIT)
    made, _ = make_course(config=replace(CONFIG, recipe=recipe, **{field: value}), sandbox=None)
    with pytest.raises(InputError, match=f"{field}: .* needs Rust"):
        made.ask()


def test_a_pair_under_evaluation_is_refused(make_course, drawn):
    made, _ = make_course(sets={"select": tuple(drawn[2:])})
    with pytest.raises(InputError, match="is the same program as select/"):
        made.run()


def test_with_the_real_judge_nothing_untrained_is_heard(make_course):
    made, stages = make_course()
    outcome = made.run()
    assert outcome.decision.heard == ()
    assert stages[-1].startswith("trials-3: 0 of 3")


def test_what_the_model_wrote_is_learned_from_and_held_to_the_wall(make_course, drawn):
    made, _ = make_course()
    written, _ = make_course(sets={"written": (replace(drawn[2], id="w"),), "generated": ()})
    both, _ = make_course(sets={"written": (replace(drawn[2], id="w"),)})
    assert len(both.rows[TASK]) == len(made.rows[TASK]) + 1
    assert len({made._key, written._key, both._key}) == 3

    breach, _ = make_course(sets={"written": (replace(drawn[3], id="w"),)})
    with pytest.raises(InputError, match="w"):
        breach.run()


def test_stages_are_kept_for_the_prompts_that_they_were_made_with(make_course, monkeypatch):
    key = make_course()[0]._key
    assert make_course()[0]._key == key
    render = dialogue_module.render_messages
    monkeypatch.setattr(dialogue_module, "render_messages", lambda *a, **k: render(*a, **k)[1:])
    assert make_course()[0]._key != key
