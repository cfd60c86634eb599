"""The store that is shipped for a model serves it by default, and no other model."""

import json
import tomllib

import pytest
import torch
from click.testing import CliRunner

from sleepy_coder import model as model_module
from sleepy_coder import serving
from sleepy_coder.cli import experiment as experiment_module
from sleepy_coder.cli import main
from sleepy_coder.cli.doctor import examine
from sleepy_coder.errors import StoreError
from sleepy_coder.experiments.routing import RoutingPlan
from sleepy_coder.experiments.transfer import TransferPlan
from sleepy_coder.patterns import GENERAL
from sleepy_coder.serving import TaskSources, shipped_store
from sleepy_coder.share.manifest import Store
from sleepy_coder.share.store import load_store, save_store
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace
from sleepy_coder.weights import DEFAULT_MODEL
from tiny_model import make_model, make_store

TASK = "assign_twice_immutable"
HUB_ID = "owner/tiny"


@pytest.fixture
def artifacts(tmp_path, monkeypatch):
    """Nothing is shipped but what a test puts here."""
    folder = tmp_path / "artifacts"
    monkeypatch.setattr(serving, "ARTIFACTS", (tmp_path / "in-no-wheel", folder))
    return folder


@pytest.fixture
def tiny(monkeypatch):
    model = make_model()
    monkeypatch.setattr(model_module, "load_model", lambda *_, **__: model)
    return model


@pytest.fixture
def set_path(problem, tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(problem.to_json()) + "\n")
    return path


def ship(path, model, base_model="tiny", size=3.0):
    """Write a store of one task that changes every answer; return its hash."""
    generator = torch.Generator().manual_seed(5)
    bases, task = {}, {}
    for name, layer in model.hf_model.named_modules():
        if name.endswith("o_proj"):
            b, _ = torch.linalg.qr(torch.randn(layer.out_features, 4, generator=generator))
            a, _ = torch.linalg.qr(torch.randn(layer.in_features, 4, generator=generator))
            bases[name] = ModuleBasis(basis_b=b, basis_a=a)
            coef = size * torch.randn(2, 4, 1, generator=generator)
            task[name] = ModuleCoefficients(coef_b=coef[0], coef_a=coef[1])
    save_store(Store(Subspace(bases, {TASK: task}), base_model=base_model), path)
    return load_store(path).sha256


def call(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments), "--max-new-tokens", "8"])


@pytest.mark.parametrize(
    ("folder", "base_model", "model", "is_found"),
    [
        ("tiny", "tiny", "tiny", True),
        ("tiny", "tiny", "tiny-2", False),
        ("tiny", "other", "tiny", False),  # whatever its folder is called
        ("other", "tiny", "tiny", False),
        ("tiny", "tiny", HUB_ID, False),
        ("tiny", "tiny", "./tiny", False),
        ("tiny", HUB_ID, HUB_ID, True),
        ("tiny", "", "", False),
    ],
)
def test_a_store_is_shipped_for_one_name(artifacts, folder, base_model, model, is_found):
    ship(artifacts / folder, make_model(), base_model)
    assert shipped_store(model) == (artifacts / folder if is_found else None)


def test_a_model_that_is_a_folder_serves_itself_nothing(artifacts, tmp_path):
    ship(tmp_path / "own", make_model(), "own")
    assert shipped_store(str(tmp_path / "own")) is None


def test_a_wheel_has_its_stores_within_the_package():
    package, clone = serving.ARTIFACTS
    assert package.parent.name == "sleepy_coder"
    project = tomllib.loads((clone.parent / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["sources"][clone.name] == f"{package.parent.name}/{package.name}"
    assert clone.name in wheel["only-include"]


def test_a_shipped_store_that_is_damaged_is_not_passed_over(artifacts):
    ship(artifacts / "tiny", make_model())
    (artifacts / "tiny" / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match=r"manifest\.json: not valid JSON"):
        shipped_store("tiny")


def test_the_model_decides_the_store_unless_another_is_named(artifacts, tiny, set_path, tmp_path):
    shipped = ship(artifacts / "tiny", tiny)
    ship(artifacts / DEFAULT_MODEL, tiny, DEFAULT_MODEL)
    named = ship(tmp_path / "named", tiny, size=5.0)
    out = tmp_path / "r.json"
    common = ["--set", set_path, "--model", "tiny", "--out", out, "--allow-unconfined"]
    for strategy, options, sha256 in [
        *((name, [], shipped) for name in ("routed", "averaged", "routed-hints", "cascade")),
        ("routed", ["--store", tmp_path / "named"], named),
        ("cascade", ["--no-store"], None),
        ("base", [], None),
    ]:
        done = call("eval", "--strategy", strategy, *options, *common)
        assert done.exit_code == 0, done.output
        store = json.loads(out.read_text())["store"]
        assert (store and store["sha256"]) == sha256, (strategy, options)


def test_generate_takes_the_shipped_store_too(artifacts, tiny, set_path, tmp_path):
    ship(artifacts / "tiny", tiny)
    out = tmp_path / "a.jsonl"
    options = ["--set", set_path, "--model", "tiny", "--out", out]
    done = call("generate", "--strategy", "routed", *options)
    assert done.exit_code == 0, done.output
    assert json.loads(out.read_text())["task"] == TASK


@pytest.mark.parametrize("strategy", ["routed", "averaged", "routed-hints"])
def test_a_store_that_is_not_there_is_named_before_the_model_loads(
    artifacts, set_path, tmp_path, strategy
):
    ship(artifacts / "other", make_model(), "other")
    options = ["--set", set_path, "--model", "no-such-model", "--out", tmp_path / "a.jsonl"]
    done = call("generate", "--strategy", strategy, *options)
    assert done.exit_code == 2
    assert done.stderr == (
        f"sleepy: strategy {strategy}: no store of learned tasks is shipped for model "
        "no-such-model; pass --store\n"
    )


def test_cascade_does_without_a_store(artifacts, tiny, set_path, tmp_path):
    out = tmp_path / "r.json"
    options = ["--set", set_path, "--model", "tiny", "--out", out, "--allow-unconfined"]
    done = call("eval", "--strategy", "cascade", *options)
    assert done.exit_code == 0, done.output
    assert json.loads(out.read_text())["store"] is None


def test_no_store_means_none(artifacts, tiny, set_path, tmp_path):
    ship(artifacts / "tiny", tiny)
    options = ["--set", set_path, "--model", "tiny", "--out", tmp_path / "a.jsonl", "--no-store"]
    done = call("generate", "--strategy", "routed", *options)
    assert done.exit_code == 2
    assert "strategy routed: got no learned tasks; pass --store" in done.stderr
    done = call("generate", "--strategy", "routed", *options, "--store", artifacts / "tiny")
    assert done.exit_code == 2
    assert "--store and --no-store exclude each other" in done.stderr


@pytest.mark.parametrize("name", ["routing", "transfer"])
def test_experiments_are_about_the_shipped_store(artifacts, tiny, tmp_path, monkeypatch, name):
    plans = []

    def note(_data, plan, *_):
        plans.append(plan)
        return {"sets": {}}

    monkeypatch.setattr(experiment_module, f"run_{name}", note)
    options = ["--model", "tiny", "--out", tmp_path / "r", "--data", tmp_path, "--allow-unconfined"]
    done = call("experiment", name, *options)
    assert done.exit_code == 2
    assert f"{name}: no store of learned tasks is shipped for model tiny" in done.stderr
    ship(artifacts / "tiny", tiny)
    done = call("experiment", name, *options)
    assert done.exit_code == 0, done.output
    (plan,) = plans
    if name == "routing":
        assert plan == RoutingPlan(serving.TaskSources(artifacts / "tiny"))
    else:
        assert plan == TransferPlan({"shipped": artifacts / "tiny"})


def find_store():
    (finding,) = [found for found in examine() if found.name == "store"]
    return finding


def test_the_doctor_counts_the_default_models_tasks(artifacts):
    assert (find_store().is_ok, find_store().is_required) == (False, False)
    assert find_store().detail == f"no learned tasks are shipped for {DEFAULT_MODEL}"
    path = artifacts / DEFAULT_MODEL
    ship(path, make_model(), DEFAULT_MODEL)
    assert find_store().is_ok
    assert find_store().detail == f"tasks learned for {DEFAULT_MODEL}: 1, in {path}"
    (path / "basis.safetensors").write_bytes(b"")
    assert not find_store().is_ok
    assert "restore the file" in find_store().detail


def test_general_is_compared_where_the_store_has_it(tmp_path):
    model = make_model()
    without, with_it = tmp_path / "without", tmp_path / "with"
    save_store(make_store(model), without)
    save_store(make_store(model, tasks=(TASK, GENERAL)), with_it)
    for path, is_there in ((without, False), (with_it, True)):
        routing, transfer = RoutingPlan(TaskSources(path)), TransferPlan({"a": path})
        for plan in (routing, transfer):
            assert ("general" in {arm.name for arm in plan.arms()}) == is_there
