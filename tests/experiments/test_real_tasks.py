"""The whole way with a model, a store and adapters that are what they are in use, only tiny."""

from dataclasses import replace

import torch

from sleepy_coder.experiments import routing as routing_module
from sleepy_coder.experiments.routing import RoutingPlan, run_routing
from sleepy_coder.problems import ProblemSet, save_set
from sleepy_coder.results import load_run_record
from sleepy_coder.serving import TaskSources
from sleepy_coder.share.manifest import Store
from sleepy_coder.share.peft_io import save_factors
from sleepy_coder.share.store import save_store
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace
from tiny_model import make_model

TASK = "assign_twice_immutable"


def save_tasks(model, folder):
    """Write a store and adapters for the one task, both large enough to change every answer."""
    generator = torch.Generator().manual_seed(5)
    bases, task, factors = {}, {}, {}
    for name, layer in model.hf_model.named_modules():
        if name.endswith("o_proj"):
            b, _ = torch.linalg.qr(torch.randn(layer.out_features, 4, generator=generator))
            a, _ = torch.linalg.qr(torch.randn(layer.in_features, 4, generator=generator))
            bases[name] = ModuleBasis(basis_b=b, basis_a=a)
            coef = 3 * torch.randn(2, 4, 1, generator=generator)
            task[name] = ModuleCoefficients(coef_b=coef[0], coef_a=coef[1])
            factors[name] = (3 * b[:, :2], 3 * a[:, 2:])
    save_store(Store(Subspace(bases, {TASK: task}), base_model="tiny"), folder / "store")
    save_factors(factors, folder / "adapters" / TASK)
    return TaskSources(folder / "store", folder / "adapters")


def test_tasks_change_their_own_problems_and_leave_the_rest_to_the_base_model(
    runner, tiny_set, tmp_path, monkeypatch
):
    model = make_model()
    short = replace(tiny_set.problems[1], buggy=tiny_set.problems[1].buggy.partition("//")[0])
    save_set([tiny_set.problems[0], short], tmp_path / "heldout.jsonl")
    frozen = ProblemSet("frozen", (short,), "f" * 64)
    monkeypatch.setattr(routing_module, "load_set", lambda _: frozen)
    runner = replace(runner, bench=replace(runner.bench, model=model, max_new_tokens=12))
    before = dict(model.hf_model.named_modules())
    summary = run_routing(tmp_path, RoutingPlan(save_tasks(model, tmp_path)), runner)
    records = {
        name: load_run_record(runner.out / "heldout" / f"{name}.json")
        for name in ("base", "routed", "projected", "lora")
    }
    outputs = {name: [p.output for p in record.problems] for name, record in records.items()}
    assert len({answers[0] for answers in outputs.values()}) == 3
    assert outputs["projected"] == outputs["lora"]  # these adapters lie in the span of the basis
    assert len({answers[1] for answers in outputs.values()}) == 1
    for name in ("routed-alone", "projected", "lora"):
        strategy = summary["sets"]["heldout"]["strategies"][name]
        assert strategy["untouched"] == {
            "total": 1,
            "differing": (),
            "reworded": (),
            "is_kept": True,
        }
        assert strategy["answered_by_a_task"] == 1
    assert dict(model.hf_model.named_modules()) == before
