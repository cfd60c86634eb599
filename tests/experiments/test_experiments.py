import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from sleepy_coder import model as model_module
from sleepy_coder.cli import main
from sleepy_coder.errors import InputError
from sleepy_coder.experiments import routing as routing_module
from sleepy_coder.experiments.routing import RoutingPlan, run_routing
from sleepy_coder.experiments.transfer import TransferPlan, bins_of, run_transfer
from sleepy_coder.problems import save_set
from sleepy_coder.serving import TaskSources

BOTH = TaskSources(Path("store"), Path("adapters"))


@pytest.fixture
def data(tiny_set, tmp_path, monkeypatch):
    frozen = replace(tiny_set, name="frozen", problems=tiny_set.problems[:1])
    monkeypatch.setattr(routing_module, "load_set", lambda _: frozen)
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("heldout", "transfer", "gate"):
        save_set(tiny_set.problems, folder / f"{name}.jsonl")
    return folder


def passed(runs):
    return {name: run["totals"]["passed"] for name, run in runs.items()}


def test_routing_compares_all_strategies_and_seeds(runner, data, served):
    plan = RoutingPlan(BOTH, [Path("seed-1"), Path("seed-2")])
    summary = run_routing(data, plan, runner)
    heldout = summary["sets"]["heldout"]
    assert passed(heldout["strategies"]) == {
        "base": 1,
        "hints": 1,
        "base-again": 1,
        "hints-second": 1,
        "averaged": 2,  # its edits do not fit the second program: the base model answers
        "projected": 2,
        "routed": 2,
        "routed-hints": 2,
        "routed-alone": 2,
        "lora": 2,
        "rustfix": 1,
        "cascade": 2,
    }
    routed = heldout["strategies"]["routed"]
    assert routed["against_base"]["gained"] == ("t_001",)
    alone = heldout["strategies"]["routed-alone"]
    assert alone["untouched"] == {"total": 1, "differing": (), "reworded": (), "is_kept": True}
    assert heldout["seeds"]["mean"] == 1.0
    assert set(heldout["seeds"]["runs"]) == {"routed-seed-1", "routed-seed-2"}
    assert summary["sets"]["frozen"]["size"] == 1
    assert json.loads((runner.out / "summary.json").read_text())["model"]["name"] == "scripted"
    names = {path.name for path in runner.out.glob("*.svg")}
    assert names == {"strategies.svg", "frozen-by-pattern.svg", "heldout-by-pattern.svg"}
    assert {tasks.sha256.split()[0] for tasks in served} == {"store", "adapters", "projected"}


def test_without_adapters_there_is_nothing_to_project():
    arms = [arm.name for arm in RoutingPlan(TaskSources(Path("store"))).arms()]
    assert "routed" in arms
    assert not {"projected", "lora"} & set(arms)


def test_seed_stores_of_one_name_are_refused(runner, data, served):
    with pytest.raises(InputError, match="'routed-store': got it twice"):
        run_routing(data, RoutingPlan(BOTH, [Path("a/store"), Path("b/store")]), runner)


def test_transfer_compares_stores_by_pattern_and_length(runner, data, served):
    stores = {"plain": Path("one"), "kl": Path("two")}
    summary = run_transfer(data, TransferPlan(stores, Path("adapters")), runner)
    runs = summary["sets"]["transfer"]["runs"]
    assert list(runs) == [
        *("base", "base-again", "hints", "hints-second", "rustfix"),
        *("routed-plain", "alone-plain", "routed-kl", "alone-kl", "projected", "lora", "cascade"),
    ]
    routed = runs["routed-kl"]
    assert routed["store"]["sha256"].startswith("store two")
    assert runs["cascade"]["store"]["sha256"].startswith("store one")
    assert [(n, g["gained"], g["total"]) for n, g in routed["lengths"].items()] == [
        ("1-40", ("t_001",), 1),
        ("41-80", (), 1),
    ]
    assert routed["length_rates"]["41-80"]["passed"] == 1
    assert routed["patterns"]["missing_mut"]["num_before"] == 0
    assert routed["patterns_below_base"] == []
    assert list(summary["sets"]) == ["transfer", "gate"]
    names = {path.name for path in runner.out.glob("transfer-*.svg")}
    assert names == {
        "transfer-by-length.svg",
        "transfer-plain-by-pattern.svg",
        "transfer-kl-by-pattern.svg",
    }


def test_programs_are_binned_by_lines(tiny_set):
    problem = tiny_set.problems[0]
    lengths = {"a": 1, "b": 40, "c": 41, "d": 80, "e": 81}
    problems = [replace(problem, id=i, buggy="x\n" * size) for i, size in lengths.items()]
    bins = bins_of(replace(tiny_set, problems=tuple(problems)))
    assert [str(found) for found in bins.values()] == ["1-40", "1-40", "41-80", "41-80", "81+"]


def call(*arguments):
    return CliRunner().invoke(main, ["experiment", *map(str, arguments), "--allow-unconfined"])


@pytest.fixture
def loaded(runner, monkeypatch):
    monkeypatch.setattr(model_module, "load_model", lambda *_, **__: runner.bench.model)


def test_the_commands_run_and_go_on(data, tmp_path, loaded, served):
    store = tmp_path / "store"
    store.mkdir()
    out = ["--out", tmp_path / "r", "--data", data]
    done = call("routing", "--store", store, *out)
    assert done.exit_code == 0, done.output
    assert "heldout, routed: 2 of 2 solved" in done.output
    assert "heldout, routed: 2 of 2 solved, found" in call("routing", "--store", store, *out).output
    out = ["--out", tmp_path / "t", "--data", data, "--set", "gate", "--json"]
    done = call("transfer", "--store", f"mine={store}", *out)
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert list(summary["sets"]) == ["gate"]
    assert summary["sets"]["gate"]["runs"]["routed-mine"]["totals"]["passed"] == 2
    everything = "".join(path.read_text() for path in (tmp_path / "t").rglob("*.json"))
    assert "secret_name" not in everything
    assert "fn main" not in everything


@pytest.mark.parametrize("value", ["nowhere", "a=/no/such/folder", "=."])
def test_a_store_needs_a_name_and_a_folder(data, tmp_path, loaded, value):
    done = call("transfer", "--store", value, "--out", tmp_path / "r", "--data", data)
    assert done.exit_code == 2
    assert "expected NAME=FOLDER" in done.output
