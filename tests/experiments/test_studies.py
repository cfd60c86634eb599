import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from sleepy_coder.errors import InputError
from sleepy_coder.experiments import ablation as ablation_module
from sleepy_coder.experiments import controls as controls_module
from sleepy_coder.experiments import lab as lab_module
from sleepy_coder.experiments import leave_one_out as leave_one_out_module
from sleepy_coder.experiments import questions as questions_module
from sleepy_coder.experiments.ablation import AblationConfig, run_ablation
from sleepy_coder.experiments.coefficients import CoefficientsConfig, _summarize, hard_patterns
from sleepy_coder.experiments.controls import NULLS, Bases
from sleepy_coder.experiments.lab import Lab, digest_problem, make_orthonormal
from sleepy_coder.experiments.leave_one_out import MEAN, OWN, choose_left_out, run_leave_one_out
from sleepy_coder.experiments.neighbours import NeighboursConfig, run_neighbours
from sleepy_coder.experiments.questions import Answer, ask_base
from sleepy_coder.experiments.resident import ResidentFactors, factors_of_task
from sleepy_coder.experiments.sequential import ARMS, SequentialConfig, choose_tasks
from sleepy_coder.experiments.stages import scale_to_tasks
from sleepy_coder.experiments.study import run_study
from sleepy_coder.experiments.subspace import SubspaceConfig, run_subspace
from sleepy_coder.judge import compile_source
from sleepy_coder.learning.config import LearnConfig
from sleepy_coder.learning.sets import LearningSets, as_set
from sleepy_coder.metrics import pass_rate
from sleepy_coder.patterns import GENERAL, PATTERNS, generate_problems
from sleepy_coder.problems import load_set
from sleepy_coder.share.layer import eject, inject, use_tasks
from sleepy_coder.share.linalg import principal_angles
from sleepy_coder.share.manifest import Store
from sleepy_coder.share.subspace import ModuleCoefficients
from sleepy_coder.share.tasks import delta_weight
from sleepy_coder.train.config import FitConfig
from sleepy_coder.train.pools import PoolConfig
from sleepy_coder.train.recipe import Recipe, learn_basis, mean_start
from tiny_model import make_model

TASKS = ("missing_clone", "missing_mut")
FOUR = (*TASKS, "missing_import", "missing_deref")
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
FIT = FitConfig(num_steps=1, rows_per_task=1, max_tokens=8000)
CONFIG = LearnConfig(
    basis_patterns=TASKS,
    model="tiny",
    max_pair_tokens=8000,
    max_new_tokens=4,
    pool=PoolConfig(min_pairs=1, answer_form="edit", anchor_share=0),
    recipe=Recipe(components=3, rank=2, lora=FIT, coefficients=FIT),
)


@pytest.fixture(scope="module")
def drawn(sandbox):
    found = {}
    for task in FOUR:
        found[task] = []
        for problem in generate_problems(task, 3, seed=5):
            kind = {"crate_type": problem.crate_type, "edition": problem.edition}
            said = compile_source(problem.buggy, **kind, sandbox=sandbox)
            found[task].append(replace(problem, diagnostics=said.diagnostics))
    return found


@pytest.fixture
def lab(drawn, sandbox, tmp_path, monkeypatch):
    """A tiny lab whose judge lets every readable answer pass but those to `bc_` problems."""

    def judge(pairs, _sandbox):
        return [
            SimpleNamespace(outcome="compile_error" if p.id.startswith("bc_") else "pass")
            for p, _ in pairs
        ]

    monkeypatch.setattr(questions_module, "judge_candidates", judge)
    core = load_set("core")
    few = [p for p in core.problems if p.id in {"bc_001", "rh_001", "tb_001"}]
    sets = LearningSets(
        generated=tuple(own[0] for own in drawn.values()),
        mutants=(),
        select=tuple(own[1] for own in drawn.values()),
        heldout=as_set("heldout", [own[2] for own in drawn.values()]),
        transfer=as_set("transfer", []),
        core=as_set("core", few),
    )
    model = make_model()
    made = Lab(model, sets, Store(None), CONFIG, sandbox, tmp_path / "work")
    subspace = learn_basis(model.hf_model, made.rows(TASKS), CONFIG.recipe, pad_id=made.pad_id)
    made.store = Store(replace(subspace, moments=None), "tiny")
    return made


def test_factors_answer_as_their_basis_does_and_no_task_as_the_base_model(lab):
    torch.manual_seed(1)
    subspace = lab.store.subspace
    for entry in (e for task in subspace.tasks.values() for e in task.values()):
        entry.coef_b.copy_(torch.randn_like(entry.coef_b))
    ids = torch.arange(12).view(3, 4)
    names = [TASKS[0], None, TASKS[1]]
    hf_model = lab.model.hf_model
    with torch.no_grad():
        base = hf_model(input_ids=ids).logits
        inject(hf_model, subspace)
        with use_tasks(hf_model, names):
            expected = hf_model(input_ids=ids).logits
        eject(hf_model)
        resident = ResidentFactors(lab.model, {t: factors_of_task(subspace, t) for t in TASKS})
        with resident.use(names):
            got = hf_model(input_ids=ids).logits
        resident.close()
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)
    assert torch.equal(got[1], base[1])
    assert not torch.allclose(got[0], base[0], atol=1e-2)
    assert torch.equal(hf_model(input_ids=ids).logits, base)


def test_a_rounded_basis_becomes_orthonormal_and_tasks_stay(lab):
    subspace = lab.store.subspace
    for basis in subspace.bases.values():
        basis.basis_a.mul_(1.01)
    mended = make_orthonormal(subspace)
    for module, basis in mended.bases.items():
        eye = torch.eye(basis.basis_a.shape[1])
        torch.testing.assert_close(basis.basis_a.T @ basis.basis_a, eye, atol=1e-5, rtol=0)
        before, after = (delta_weight(s, TASKS[0], module) for s in (subspace, mended))
        torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)


def refuse(*_, **__):
    raise AssertionError("ran again")


def read(path):
    return json.loads(path.read_text())


def read_only(paths):
    (path,) = paths
    return read(path)


def test_a_merge_begins_with_the_tasks_that_gave_the_basis_and_training_with_their_common_one(lab):
    recipe = replace(CONFIG.recipe, shared=FIT)
    together = learn_basis(lab.model.hf_model, lab.rows(TASKS), recipe, pad_id=lab.pad_id)
    known = {**lab.store.subspace.tasks, **together.tasks}
    known["another"] = known[TASKS[0]]
    lab.store = Store(replace(lab.store.subspace, tasks=known, objective="factors"), "tiny")
    founded = lab.basis()
    common = replace(founded, tasks={GENERAL: founded.tasks[GENERAL]})
    starts = (mean_start(each, 1).values() for each in (founded, common))
    for one, other in zip(*starts, strict=True):
        assert one.coef_b.equal(other.coef_b)
        assert one.coef_a.equal(other.coef_a)
    assert set(founded.tasks) == {GENERAL, *TASKS}
    assert founded.objective == CONFIG.recipe.objective
    for module in founded.bases:
        expected = delta_weight(lab.store.subspace, TASKS[1], module)
        torch.testing.assert_close(delta_weight(founded, TASKS[1], module), expected)


def test_coefficients_routes_only_what_is_routed(lab, tmp_path):
    config = CoefficientsConfig(TASKS, pseudo_ranks=(1, 2), anchor_frac=0)
    data = read_only(run_study("coefficients", lab, config, tmp_path / "out"))
    arms = data["arms"]
    assert arms["p = 2"]["parameters_per_task"] == 2 * arms["p = 1"]["parameters_per_task"]
    for arm in arms.values():
        for task, found in arm["tasks"].items():
            other = [i for i, to in data["routes"].items() if to != task]
            assert all(found["routed"]["solved"][i] == data["base"][i] for i in other)
    assert (tmp_path / "out" / "coefficients" / "tiny-forced.svg").is_file()


def test_sequential_measures_all_arms_and_goes_on_where_it_stopped(lab, tmp_path, monkeypatch):
    config = SequentialConfig(tasks=TASKS, num_orders=2, problems_per_task=1, num_transfer=0)
    (path,) = run_study("sequential", lab, config, tmp_path / "out")
    data = read(path)
    assert set(data["arms"]) == set(ARMS)
    for orders in data["arms"].values():
        assert [len(o["matrix"]) for o in orders] == [3, 3]
        assert all(o["curve"] and o["bytes"] for o in orders)
    assert data["arms"]["coefficients"][0]["forgetting"] == 0
    sizes = {name: orders[0]["bytes"] for name, orders in data["arms"].items()}
    assert sizes["single LoRA"][0] == sizes["single LoRA"][1] == sizes["LoRA per task"][0]
    assert sizes["coefficients"][1] - sizes["coefficients"][0] < sizes["LoRA per task"][0]

    monkeypatch.setattr(questions_module, "_answer", refuse)
    for name in ("lab.learn_tasks", "lab.learn_adapters", "stages.fit"):
        monkeypatch.setattr(f"sleepy_coder.experiments.{name}", refuse)
    assert read_only(run_study("sequential", lab, config, tmp_path / "out"))["arms"] == data["arms"]
    alone = replace(config, arms=ARMS[1:2])
    found = read_only(run_study("sequential", lab, alone, tmp_path / "alone"))["arms"]
    assert found == {ARMS[1]: data["arms"][ARMS[1]]}


def test_a_scaled_adapter_counts_as_much_as_a_known_task(lab):
    def energy(subspace, task):
        deltas = (delta_weight(subspace, task, module) for module in subspace.bases)
        return sum(float(delta.square().sum()) for delta in deltas)

    known = lab.basis()
    for weight, task in ((0.5, TASKS[0]), (2.0, TASKS[1])):
        for entry in known.tasks[task].values():
            entry.coef_b.copy_(torch.full_like(entry.coef_b, weight))
    adapter = lab.train_adapters(lab.rows(FOUR[2:3]), lab.config.recipe)[FOUR[2]]
    for module in adapter.modules.values():
        module.b.normal_()
    scaled = scale_to_tasks(adapter, known)
    deltas = {name: m.scaling * m.b @ m.a for name, m in scaled.modules.items()}
    mean = (energy(known, TASKS[0]) + energy(known, TASKS[1])) / 2
    assert sum(float(d.square().sum()) for d in deltas.values()) == pytest.approx(mean, rel=1e-4)
    factors = [
        float(deltas[name].norm() / (m.scaling * m.b @ m.a).norm())
        for name, m in adapter.modules.items()
    ]
    assert factors == pytest.approx([factors[0]] * len(factors), rel=1e-4)
    alone = scale_to_tasks(adapter, replace(known, tasks={}))
    assert all(alone.modules[m].b.equal(own.b) for m, own in adapter.modules.items())


def test_subspace_compares_adapters_with_what_has_no_meaning(lab, tmp_path, monkeypatch):
    config = SubspaceConfig(
        FOUR,
        components=2,
        num_splits=2,
        spectrum=8,
        family_size=2,
        left_out_components=(1, 2),
    )
    (path,) = run_study("subspace", lab, config, tmp_path / "out")
    data = read(path)
    kinds = ("", ", mean removed", *(f", {name}" for name in NULLS))
    assert set(data["angles"]) == {
        *(f"disjoint halves{kind}" for kind in kinds),
        *("two seeds", "two seeds, mean removed", "random"),
    }
    assert len(data["angles"]["disjoint halves"]["b"]["overlaps"]) == 2
    assert 0 < data["angles"]["random"]["a"]["overlap"] < 0.5
    for kind in ("adapters", *NULLS):
        for side in "ab":  # four adapters of rank 2 are eight directions
            held = data["explained"][kind][side]
            assert all(each == sorted(each) and len(each) == 8 for each in held)
            assert all(each[-1] == pytest.approx(1, abs=1e-4) for each in held)
            assert all(1 / 8 <= each[0] < 1 for each in held)
    arms = {(arm["arm"], arm["k"]): arm for arm in data["leave_one_out"]["arms"]}
    assert list(data["leave_one_out"]["patterns"]) == list(FOUR)
    assert len(arms) == 3 + 4 * 2
    assert all(arm["total"] == 8 for arm in arms.values())
    assert arms["own LoRA", None]["error"] == pytest.approx(0, abs=1e-6)
    assert arms["base", None]["error"] == 1
    assert 0 < arms["projected", 2]["error"] < 1
    assert (path.parent / "tiny-leave-one-out.svg").is_file()

    monkeypatch.setattr(questions_module, "_answer", refuse)
    monkeypatch.setattr(controls_module, "init_subspace", refuse)
    for name in ("learn_tasks", "learn_adapters"):
        monkeypatch.setattr(f"sleepy_coder.experiments.lab.{name}", refuse)
    assert (
        read_only(run_study("subspace", lab, config, tmp_path / "out"))["angles"] == data["angles"]
    )


def test_a_task_is_asked_the_problems_of_those_most_like_it(lab, tmp_path, monkeypatch):
    four = ("missing_clone", "missing_debug", "missing_mut", "missing_import")
    families = {PATTERNS[name].family for name in four[:2]}
    assert len(families) == 1
    assert families.isdisjoint(PATTERNS[name].family for name in four[2:])
    known = lab.store.subspace
    start = known.tasks[TASKS[0]]
    tasks = {name: _turned(start, turn) for name, turn in zip(four, (0, 1, 2, 3), strict=True)}
    lab.store = replace(lab.store, subspace=replace(known, tasks={**tasks, GENERAL: start}))
    problems = [p for p in lab.sets.heldout.problems if p.pattern in four]
    drawn = [*problems, replace(problems[0], id="debug", pattern="missing_debug")]
    lab.sets = replace(lab.sets, heldout=as_set("heldout", drawn))

    def answer(_lab, variants, problems):
        solves = {"missing_clone": "missing_clone", "mean": "missing_mut"}
        pairs = zip(variants, problems, strict=True)
        return ["pass" if solves.get(v) == p.pattern else "fail" for v, p in pairs]

    monkeypatch.setattr(questions_module, "_answer", answer)
    config = NeighboursConfig(tasks=four[:1], kin=2, others=1)
    (path,) = run_study("neighbours", lab, config, tmp_path / "out")
    rows = read(path)["rows"]
    assert [(r["relation"], r["problems_of"], r["solved"]) for r in rows] == [
        ("own", "missing_clone", 1),
        ("kin", "missing_debug", 0),
        ("other", "missing_mut", 0),
    ]
    assert all((r["total"], r["base"], r["general"]) == (1, 0, 0) for r in rows)
    assert [r["mean"] for r in rows] == [0, 0, 1]
    cosines = [r["cosine"] for r in rows]
    assert cosines[0] == 1
    assert cosines == sorted(cosines, reverse=True)
    with pytest.raises(InputError, match="--tasks: missing_deref was not learned"):
        run_neighbours(lab, NeighboursConfig(tasks=("missing_deref",)))


def _turned(task, turn):
    """Return coefficients that lie the further from a task's, the larger the turn."""
    generator = torch.Generator().manual_seed(0)
    return {
        module: ModuleCoefficients(
            entry.coef_b + turn * torch.randn(entry.coef_b.shape, generator=generator),
            entry.coef_a,
        )
        for module, entry in task.items()
    }


def test_a_pattern_that_is_left_out_gives_nothing_to_the_others(lab, monkeypatch):
    seen = {}

    def arms(own, others, _bases, _components):
        seen[own["name"]] = sorted(others)
        return {OWN: own, MEAN: own}

    def answer(_lab, variants, questions):
        assert set(variants) == {"own LoRA/None", "mean/None"}
        return {
            (q.variant, q.problem.id): Answer("pass" if "own" in q.variant else "", by_base=False)
            for q in questions
        }

    monkeypatch.setattr(leave_one_out_module, "make_arms", arms)
    monkeypatch.setattr(leave_one_out_module, "relative_error", lambda own, _: len(own["name"]))
    monkeypatch.setattr(leave_one_out_module, "ask", answer)
    adapters = {task: {"name": task} for task in FOUR}
    data = run_leave_one_out(
        lab, adapters, Bases(), TASKS, (1,), problems_per_task=1, origin="made"
    )
    assert seen == {task: sorted(set(FOUR) - {task}) for task in TASKS}
    solved = {arm["arm"]: (arm["passed"], arm["error"]) for arm in data["arms"]}
    mean = (len(TASKS[0]) + len(TASKS[1])) / 2
    assert solved == {"base": (4, 1), "own LoRA": (4, mean), "mean": (0, mean)}
    assert data["patterns"][TASKS[0]]["problems"] == 2


def test_halves_have_two_adapters_at_least(lab):
    with pytest.raises(InputError, match="got 3, expected at least 4"):
        run_subspace(lab, SubspaceConfig(FOUR[:3]))


def test_hard_patterns_are_left_out_unless_others_are_named(lab):
    core = load_set("core")
    lab.sets = replace(lab.sets, core=core)
    hard = hard_patterns(lab)
    assert len(hard) == 8
    assert choose_left_out(lab, (), ["missing_mut", *hard[:2]]) == list(hard[:2])
    assert choose_left_out(lab, ["missing_mut"], ["missing_mut", *hard]) == ["missing_mut"]
    assert choose_left_out(lab, (), ["missing_mut"] * 5) == ["missing_mut"] * 4
    with pytest.raises(InputError, match="left_out: got missing_mut"):
        choose_left_out(lab, ["missing_mut"], hard)


def test_ablation_has_an_interval_for_each_setting(lab, tmp_path):
    config = AblationConfig(
        TASKS,
        components=(1, 2),
        pseudo_ranks=(1, 2),
        basis_components=(2,),
        num_adapters=(1,),
        family_size=1,
        pairs=(1,),
        problems_per_task=1,
    )
    paths = run_study("ablation", lab, config, tmp_path / "out")
    assert [path.name for path in paths] == [f"tiny-{axis}.json" for axis in config.axes]
    every = [s for path in paths for s in read(path)["settings"]]
    settings = {(s["axis"], s["setting"]): s for s in every}
    assert {name for axis, name in settings if axis == "k"} == {"1", "2", "60 %"}
    assert settings["adapters", "with family"]["total"] == 4
    totals = read(paths[0])["totals"]
    for s in every:
        rate = pass_rate(sum(s["tasks"].values()), sum(totals[t] for t in s["tasks"]))
        found = [s[name] for name in ("passed", "total", "low_frac", "high_frac")]
        assert found == [rate.passed, rate.total, rate.low_frac, rate.high_frac]


def test_ablation_tells_the_basis_from_the_start(lab, monkeypatch):
    trained, asked = [], {}

    def train(self, basis, rows, recipe):
        trained.append((basis, recipe.start))
        size = next(iter(basis.bases.values())).basis_b.shape[1]
        value = len(trained)
        return {
            task: {
                m: ModuleCoefficients(*torch.full((2, size, 1), float(value))) for m in basis.bases
            }
            for task in rows
        }

    def answer(lab, variants, questions):
        asked.update(variants)
        passed = {"learned basis, random start": TASKS[:1], "mean, untrained": TASKS}
        return {
            (q.variant, q.problem.id): Answer(
                "pass"
                if q.variant.split("/")[3] in passed.get(q.variant.split("/")[1], ())
                else "",
                by_base=False,
            )
            for q in questions
        }

    monkeypatch.setattr(Lab, "train_coefficients", train)
    monkeypatch.setattr(ablation_module, "ask", answer)
    config = AblationConfig(TASKS, axes=("basis",), basis_components=(1, 3), problems_per_task=1)
    data = run_ablation(lab, config)
    solved = {(s["arm"], s["setting"]): s["passed"] for s in data["settings"]}
    assert solved == {
        (arm, k): count
        for k in ("1", "3")
        for arm, count in (
            ("learned basis, mean start", 0),
            ("learned basis, random start", 2),
            ("random basis, random start", 0),
            ("mean, untrained", 4),
        )
    }
    assert [start for _, start in trained] == ["mean", "random", "random"] * 2
    learned, other, drawn = (basis.bases for basis, _ in trained[3:])
    for module, basis in learned.items():
        for side in ("basis_b", "basis_a"):
            here, there = getattr(basis, side), getattr(drawn[module], side)
            assert torch.equal(here, getattr(other[module], side))
            assert here.shape == there.shape
            assert principal_angles(here, there).cos().square().mean() < 0.5
    assert not trained[5][0].tasks
    assert trained[3][0].tasks
    basis = trained[3][0]
    left, right = asked[f"basis/mean, untrained/3/{TASKS[0]}"][module]
    mean = sum(delta_weight(basis, task, module) for task in basis.tasks) / len(basis.tasks)
    best = torch.linalg.svdvals(mean)[0]
    assert (left @ right.T).norm() == pytest.approx(float(best), rel=1e-4)


def test_each_setting_of_an_axis_is_what_its_name_says(lab, monkeypatch):
    short = {task: [f"{task}-{n}" for n in range(3)] for task in TASKS}
    long = {task: [f"{task}-{n}" for n in range(9)] for task in TASKS}
    chosen = lab.train_adapters(lab.rows(FOUR), lab.config.recipe)
    monkeypatch.setattr(Lab, "rows", lambda *_, pool=None, **__: long if pool else short)
    monkeypatch.setattr(Lab, "train_adapters", lambda *_: chosen)
    lab.config = replace(lab.config, basis_patterns=FOUR)
    config = AblationConfig(
        TASKS,
        axes=("k", "p", "adapters", "pairs"),
        components=(1, 2),
        pseudo_ranks=(1, 2),
        num_adapters=(1, 3),
        family_size=3,
        pairs=(2, 4),
    )
    settings = ablation_module._settings(lab, TASKS, config)
    by_axis = {}
    for s in settings:
        by_axis.setdefault(s.axis, []).append(s)
    widths = [next(iter(s.basis.bases.values())).basis_b.shape[1] for s in by_axis["k"]]
    assert [s.name for s in by_axis["k"]] == ["1", "2", "60 %"]
    assert widths[:2] == [1, 2]
    assert [(s.name, s.pseudo_rank) for s in by_axis["p"]] == [("1", 1), ("2", 2)]
    assert {s.pseudo_rank for s in settings if s.axis != "p"} == {lab.config.recipe.pseudo_rank}
    assert {tuple(s.rows) for s in by_axis["k"]} == {TASKS}
    assert [list(s.rows.values()) for s in by_axis["pairs"]] == [
        [[f"{task}-{n}" for n in places] for task in TASKS] for places in ((0, 4), (0, 2, 4, 6))
    ]
    made_of = [(s.name, set(s.basis.tasks), set(s.rows)) for s in by_axis["adapters"]]
    assert made_of[:2] == [("1", {FOUR[0]}, set(TASKS)), ("3", set(FOUR[:3]), set(TASKS))]
    families = {task: PATTERNS[task].family for task in FOUR}
    for name, members, rows in made_of[2:]:
        (family,) = {families[task] for task in rows}
        kin = {task for task in FOUR if families[task] == family}
        assert not members & kin if name == "without family" else kin <= members


def test_modules_are_adapted_apart_and_together(lab, monkeypatch):
    recipes = []
    train = Lab.train_adapters
    monkeypatch.setattr(
        Lab, "train_adapters", lambda *args: recipes.append(args[-1]) or train(*args)
    )
    recipe = replace(lab.config.recipe, targets=ATTENTION)
    lab.config = replace(lab.config, recipe=recipe)
    config = AblationConfig(TASKS, axes=("modules",), problems_per_task=1)
    settings = ablation_module._settings(lab, TASKS, config)
    found = {s.name: {m.rsplit(".", 1)[1] for m in s.basis.bases} for s in settings}
    assert found["attention"] == set(ATTENTION)
    assert found["MLP"] == {"gate_proj", "up_proj", "down_proj"}
    assert found["both"] == found["attention"] | found["MLP"]
    assert [r.lora.fuse_layers for r in recipes[-3:]] == [True, False, False]
    assert [s.fit.fuse_layers for s in settings] == [True, False, False]
    totals = run_ablation(lab, config)["settings"]
    assert [entry["setting"] for entry in totals] == list(found)


def test_sources_are_told_apart(lab, monkeypatch):
    def answer(problems, bench, strategies):
        return {p.id: f"own {p.id}" for p in problems[::2]}

    monkeypatch.setattr(lab_module, "collect_own_answers", answer)
    rows = {}

    def keep(self, tasks, *, own_answers=None, sources=None, **_):
        found = sources or self.sources(tasks)
        rows[len(rows)] = [(p.id, p.id in (own_answers or {})) for s in found for p in s]
        return dict.fromkeys(tasks, rows[len(rows) - 1])

    monkeypatch.setattr(Lab, "rows", keep)
    written = [replace(p, id=f"written {p.id}") for p in lab.sets.generated[:1]]
    lab.sets = replace(lab.sets, written=tuple(written))
    config = AblationConfig(TASKS, axes=("sources",), own_answers=2)
    settings = {s.name: s.rows for s in ablation_module._settings(lab, TASKS, config)}
    assert list(settings) == [
        "generated",
        "mutants",
        "own answers",
        "mutants, generated",
        "mutants, generated, own answers",
        "written",
        "mutants, written, generated",
    ]
    told = {name: next(iter(found.values())) for name, found in settings.items()}
    mutants, own, generated = ({p.id for p in source} for source in lab.sources(TASKS))
    assert own == {i for i, _ in told["written"]} != set()
    assert mutants | own | generated == {i for i, _ in told["mutants, written, generated"]}
    assert {i for i, _ in told["generated"]} == generated
    assert {i for i, _ in told["mutants"]} == mutants
    assert {i for i, _ in told["mutants, generated"]} == mutants | generated
    assert all(own for _, own in told["own answers"])
    assert (
        0
        < len(told["own answers"])
        == sum(own for _, own in told["mutants, generated, own answers"])
    )
    assert not any(own for _, own in told["mutants, generated"])


def test_each_fit_over_the_store_is_trained_as_its_name_says(lab, monkeypatch):
    config = AblationConfig(TASKS, axes=("weights", "steps"), weights=((2, 0.5),), steps=(3,))
    weighed, longer = ablation_module._settings(lab, TASKS, config)
    recipes = []
    monkeypatch.setattr(Lab, "train_coefficients", lambda *args: recipes.append(args[-1]) or {})
    assert (weighed.name, longer.name) == ("2 : 0.5", "3")
    for s in (weighed, longer):
        assert ablation_module._learn(lab, s).bases.keys() == lab.basis().bases.keys()
        assert set(s.basis.tasks) == set(lab.basis().tasks)
    assert [recipe.coefficients for recipe in recipes] == [
        replace(FIT, edit_weight=2, kept_weight=0.5),
        replace(FIT, num_steps=3),
    ]


def test_sequential_learns_what_did_not_give_the_basis(lab):
    config = SequentialConfig()
    assert choose_tasks(lab, config) == ["missing_deref", "missing_import"]
    assert choose_tasks(lab, replace(config, tasks=TASKS)) == sorted(TASKS)
    lab.config = replace(lab.config, basis_patterns=FOUR[:3])
    with pytest.raises(InputError, match="1 patterns with pairs and held-out"):
        choose_tasks(lab, config)


def test_a_loss_elsewhere_counts_forced_and_not_routed():
    base, routes = {"p": True, "q": False}, {"p": "other", "q": "own"}
    answers = {("arm/own", "p"): Answer("no_code", False), ("arm/own", "q"): Answer("pass", False)}
    found = _summarize("arm", ["own"], base, routes, answers)
    assert (found["mean_lost_forced"], found["mean_lost_routed"]) == (1, 0)
    assert found["tasks"]["own"]["routed"]["gained"] == ["q"]


def test_another_prompt_is_another_question(lab, monkeypatch):
    problem = lab.sets.heldout.problems[0]
    ask_base(lab, [problem])
    monkeypatch.setattr(questions_module, "_answer", None)
    ask_base(lab, [problem])  # its answer is kept
    assert digest_problem(problem, "edit") != digest_problem(problem)
    monkeypatch.setattr(lab_module, "render_messages", lambda *_, **__: ["otherwise"])
    with pytest.raises(TypeError):
        ask_base(lab, [problem])


@pytest.mark.parametrize(
    "config", [SequentialConfig(tasks=TASKS[:1]), SequentialConfig(num_tasks=1)]
)
def test_one_task_is_no_order(lab, config):
    lab.config = replace(lab.config, basis_patterns=())
    with pytest.raises(InputError, match="expected at least 2"):
        choose_tasks(lab, config)
