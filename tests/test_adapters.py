from dataclasses import replace

import pytest
import torch

from scripted import BUGGY, FIXED, ScriptedModel
from sleepy_coder.adapters import AdapterTasks, load_adapters, project_adapters
from sleepy_coder.edits import render_edits
from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.learned import LearnedTasks
from sleepy_coder.prompt import extract_code, render_answer
from sleepy_coder.repair import STRATEGIES
from sleepy_coder.router import Route
from sleepy_coder.serving import TaskSources
from sleepy_coder.share.manifest import Store
from sleepy_coder.share.peft_io import save_factors
from sleepy_coder.share.store import save_store
from sleepy_coder.share.subspace import ModuleBasis, Subspace
from sleepy_coder.workbench import Workbench
from tiny_model import make_model

TASK, OTHER = "assign_twice_immutable", "missing_clone"


def save_adapters(folder, model, ranks, targets=("o_proj",), form="edit"):
    generator = torch.Generator().manual_seed(7)
    for task, rank in ranks.items():
        factors = {
            name: (
                torch.randn(layer.out_features, rank, generator=generator),
                torch.randn(layer.in_features, rank, generator=generator) / 4,
            )
            for name, layer in model.hf_model.named_modules()
            if name.endswith(targets)
        }
        save_factors(factors, folder / task, provenance={"answer_form": form})
    return load_adapters(folder)


def full_store(model):
    """A store whose basis is the whole space: what is projected onto it stays what it was."""
    bases = {
        name: ModuleBasis(torch.eye(layer.out_features), torch.eye(layer.in_features))
        for name, layer in model.hf_model.named_modules()
        if name.endswith("o_proj")
    }
    return Store(Subspace(bases, {}), base_model="tiny", sha256="5" * 64)


def ask(model, tasks):
    conversation = [{"role": "user", "content": BUGGY}]
    answers = model.generate([conversation] * len(tasks), max_new_tokens=20, tasks=tasks)
    return [(answer.text, answer.log_probability) for answer in answers]


def hidden(model, tasks):
    ids = torch.arange(20, 32).repeat(len(tasks), 1)
    with torch.no_grad(), model.decoder.use_tasks(tasks):
        return model.hf_model(input_ids=ids).logits


def test_rows_of_one_batch_have_adapters_of_their_own_and_a_row_without_is_the_base_model(tmp_path):
    model = make_model()
    ids = torch.arange(20, 32).repeat(4, 1)
    with torch.no_grad():
        before = model.hf_model(input_ids=ids).logits
    folder = save_adapters(tmp_path, model, {TASK: 2, OTHER: 3})  # the first is filled up
    AdapterTasks(model, folder)
    mixed = hidden(model, [None, TASK, OTHER, None])
    assert torch.equal(mixed[[0, 3]], before[[0, 3]])
    for row, task in ((1, TASK), (2, OTHER)):
        merged = make_model()
        for name in folder.adapters[task].module_names():
            lora = folder.adapters[task].load_module(name)
            merged.hf_model.get_submodule(name).weight.data += lora.scaling * lora.b @ lora.a
        with torch.no_grad():
            expected = merged.hf_model(input_ids=ids[:1]).logits
        torch.testing.assert_close(mixed[row], expected[0], rtol=1e-3, atol=1e-3)
        assert not torch.allclose(mixed[row], before[row], atol=1e-1)


def test_alpha_over_r_is_folded_in(tmp_path):
    model = make_model()
    save_adapters(tmp_path, model, {TASK: 2})
    config = tmp_path / TASK / "adapter_config.json"
    config.write_text(config.read_text().replace('"lora_alpha": 2', '"lora_alpha": 6'))
    folder = load_adapters(tmp_path)
    tasks = AdapterTasks(model, folder)
    name = folder.adapters[TASK].module_names()[0]
    _, b = tasks._layout.views(tasks._rows)[name]
    assert torch.equal(b[0], 3 * folder.adapters[TASK].load_module(name).b)


def test_without_its_adapters_the_model_is_as_before(tmp_path):
    model = make_model()
    before = dict(model.hf_model.named_modules())
    plain = ask(model, [None])
    tasks = AdapterTasks(model, save_adapters(tmp_path, model, {TASK: 2}))
    assert ask(model, [TASK]) != plain
    assert ask(model, [None])[0][0] == plain[0][0]
    tasks.close()
    assert dict(model.hf_model.named_modules()) == before
    assert model.decoder.use_tasks is None


def test_another_source_of_a_task_of_the_same_name_answers_by_itself(tmp_path):
    shared, answers = make_model(), []
    for size in (1, 3):
        folder = save_adapters(tmp_path / str(size), shared, {TASK: size})
        fresh = make_model()
        AdapterTasks(fresh, folder)
        served = AdapterTasks(shared, folder)
        answers.append(ask(shared, [TASK]))
        assert answers[-1] == ask(fresh, [TASK])  # nothing that was read under the other's weights
        shared.decoder._announce([TASK])  # as after an answer that failed
        served.close()
    assert answers[0] != answers[1]


def test_adapters_of_another_model_are_refused(tmp_path):
    model = make_model()
    save_factors(
        {"model.layers.0.self_attn.o_proj": (torch.ones(9, 1), torch.ones(64, 1))}, tmp_path / TASK
    )
    with pytest.raises(
        StoreError, match=r"got \(inputs, outputs\) \(64, 9\), the model has \(64, 64\)"
    ):
        AdapterTasks(model, load_adapters(tmp_path))
    assert model.decoder.use_tasks is None


def test_projected_onto_the_whole_space_an_adapter_answers_as_it_is(tmp_path):
    model = make_model()
    folder = save_adapters(tmp_path, model, {TASK: 2, OTHER: 3})
    served = AdapterTasks(model, folder)
    expected = hidden(model, [TASK, None, OTHER])
    served.close()
    store = project_adapters(full_store(model), folder)
    learned = LearnedTasks(model, store)
    torch.testing.assert_close(hidden(model, [TASK, None, OTHER]), expected, rtol=1e-3, atol=1e-3)
    assert learned.answer_form(TASK) == "edit"
    assert learned.task_of(Route(OTHER, 1.0, "")) == OTHER
    assert learned.sha256 not in {"5" * 64, folder.sha256}


def test_other_adapters_have_another_hash(tmp_path):
    model = make_model()
    one = save_adapters(tmp_path / "one", model, {TASK: 2})
    assert save_adapters(tmp_path / "same", model, {TASK: 2}).sha256 == one.sha256
    assert save_adapters(tmp_path / "form", model, {TASK: 2}, form="program").sha256 != one.sha256
    assert save_adapters(tmp_path / "rank", model, {TASK: 3}).sha256 != one.sha256


@pytest.mark.parametrize("kind", ["store", "adapters", "projected"])
def test_what_is_served_leaves_the_model_again(tmp_path, kind):
    model = make_model()
    save_adapters(tmp_path / "adapters", model, {TASK: 2})
    save_store(full_store(model), tmp_path / "store")
    sources = TaskSources(tmp_path / "store", tmp_path / "adapters")
    with sources.serve(kind, Workbench(model=model)) as bench:
        learned = bench.require_learned("any")
        assert learned.task_of(Route(TASK, 1.0, "")) == (None if kind == "store" else TASK)
        assert learned.describe()["sha256"] == learned.sha256
        assert learned.min_doubt(TASK) == 0
    assert model.decoder.use_tasks is None
    with replace(sources, store=None, adapters=None).serve(kind, bench) as empty:
        assert empty.learned is None


@pytest.mark.parametrize(
    ("strategy", "options"),
    [("lora", "--adapters"), ("projected", "--store and --adapters"), ("routed-hints", "--store")],
)
def test_a_strategy_without_its_tasks_says_what_to_pass(problem, strategy, options):
    bench = Workbench(model=ScriptedModel(str))
    with pytest.raises(InputError, match=f"{strategy}: got no learned tasks; pass {options}"):
        STRATEGIES[strategy].propose([problem], bench)


def test_adapters_have_no_mean(tmp_path, problem):
    model = make_model()
    served = AdapterTasks(model, save_adapters(tmp_path, model, {TASK: 2}))
    with pytest.raises(InputError, match="averaged: got tasks without a mean; pass --store"):
        STRATEGIES["averaged"].propose([problem], Workbench(model=model, learned=served))


def answer_in_form(messages):
    is_edit = "```edit" in messages[0]["content"]
    return render_edits(BUGGY, FIXED) if is_edit else render_answer(FIXED)


def test_routed_hints_gives_the_advice_beside_the_task(problem, tmp_path):
    served = AdapterTasks(make_model(), save_adapters(tmp_path, make_model(), {TASK: 2}))
    asked = {}
    for strategy in ("routed-hints", "lora", "hints"):
        model = ScriptedModel(answer_in_form)
        learned = None if strategy == "hints" else served
        bench = Workbench(model=model, learned=learned)
        (answer,) = STRATEGIES[strategy].propose([problem], bench)
        assert extract_code(answer.output) == FIXED
        assert answer.task == (None if strategy == "hints" else TASK)
        asked[strategy] = model.asked[0][1]["content"]
    assert len(asked["routed-hints"]) > len(asked["lora"])
    extra = set(asked["routed-hints"].splitlines()) - set(asked["lora"].splitlines())
    assert extra
    assert extra <= set(asked["hints"].splitlines())
