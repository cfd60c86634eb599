"""`sleepy lora train` and `sleepy share train`, from problems to adapters and stores on disk."""

import importlib
import json
import re
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from peft import PeftModel
from transformers import AutoModelForCausalLM

from scripted import BUGGY, FIXED
from sleepy_coder.adapters import load_adapters
from sleepy_coder.cli import main
from sleepy_coder.problems import load_set, save_set
from sleepy_coder.share.files import sha256_of
from sleepy_coder.share.store import load_store, save_store
from sleepy_coder.share.tasks import convert, delta_weight, put_task
from sleepy_coder.train.recipe import learn_tasks
from tiny_model import make_hf_model, make_tokenizer

# One tiny step: enough to tell what was trained from what was not.
QUICK = ("--steps", 3, "--rows", 2, "--device", "cpu", "--dtype", "float32")


def sleepy(*arguments, code=0):
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture(scope="module")
def model_directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny"
    tokenizer = make_tokenizer()
    make_hf_model(len(tokenizer)).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture
def pairs(problem, tmp_path):
    """Four short programs of two patterns, with the real one's diagnostics."""
    problems = []
    for index, name in enumerate(("alpha", "beta", "gamma", "delta")):
        buggy, fixed = (code.replace("total", name) for code in (BUGGY, FIXED))
        pattern = ("assign_twice", "missing_mut")[index % 2]
        problems.append(replace(problem, id=f"p_{name}", pattern=pattern, buggy=buggy, fixed=fixed))
    save_set(problems, tmp_path / "pairs.jsonl")
    return tmp_path / "pairs.jsonl"


@pytest.fixture
def adapters(model_directory, pairs, tmp_path):
    sleepy(
        "lora", "train", "--pairs", pairs, "--model", model_directory, "--rank", 2,
        "--out", tmp_path / "adapters", "--learning-rate", 1e-2, *QUICK,
    )  # fmt: skip
    return tmp_path / "adapters"


@pytest.fixture
def store(adapters, tmp_path):
    sleepy("share", "init", adapters, "--components", 3, "--out", tmp_path / "store")
    return tmp_path / "store"


def test_a_folder_of_other_files_is_refused_before_training(model_directory, pairs, tmp_path):
    (tmp_path / "mine" / "missing_mut").mkdir(parents=True)
    (tmp_path / "mine" / "missing_mut" / "notes").write_text("precious")
    result = sleepy(
        "lora", "train", "--pairs", pairs, "--model", model_directory, "--rank", 2,
        "--out", tmp_path / "mine", *QUICK, code=1,
    )  # fmt: skip
    assert "missing_mut exists and is not a PEFT adapter" in result.stderr
    assert [file.name for file in (tmp_path / "mine").rglob("*")] == ["missing_mut", "notes"]


@pytest.fixture
def train(store, pairs, model_directory):
    """Run `share train` on the store with the usual arguments and some more."""

    def run(*more, code=0, pairs=pairs):
        return sleepy(
            "share", "train", store, "--pairs", pairs, "--model", model_directory, *QUICK, *more,
            code=code,
        )  # fmt: skip

    return run


def test_an_adapter_tells_in_which_form_it_answers(adapters):
    folder = load_adapters(adapters)
    for name, adapter in folder.adapters.items():
        assert folder.answer_form(name) == adapter.provenance["answer_form"] == "program"
        assert adapter.provenance["pairs"] > 0


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")  # PEFT asks
def test_each_patterns_adapter_loads_in_peft_and_does_something(adapters, model_directory):
    assert sorted(each.name for each in adapters.iterdir()) == ["assign_twice", "missing_mut"]
    ids = torch.tensor([[1, 2, 3, 4]])
    logits = []
    for name in ("assign_twice", "missing_mut"):
        base = AutoModelForCausalLM.from_pretrained(model_directory)
        with torch.no_grad():
            before = base(input_ids=ids).logits
            adapted = PeftModel.from_pretrained(base, adapters / name)
            logits.append(adapted(input_ids=ids).logits)
        assert not torch.allclose(logits[-1], before, atol=1e-4)
    assert not torch.allclose(*logits, atol=1e-5)
    config = json.loads((adapters / "missing_mut" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny"
    assert config["r"] == 2


def test_a_new_task_answers_as_the_stores_tasks_do(pairs, model_directory, tmp_path):
    adapters, store = tmp_path / "edits", tmp_path / "store-of-edits"
    places = ["--pairs", pairs, "--model", model_directory]
    sleepy(
        "lora", "train", *places, "--rank", 2, "--answer-form", "edit", "--out", adapters, *QUICK
    )
    sleepy("share", "init", adapters, "--components", 3, "--out", store)
    sleepy("share", "train", store, *places, "--task", "new", *QUICK)
    sleepy("share", "train", store, *places, "--task", "old", "--answer-form", "program", *QUICK)
    sleepy("share", "train", store, *places, "--task", "last", *QUICK)
    origins = load_store(store).provenance
    forms = {task: origins[task]["answer_form"] for task in ("missing_mut", "new", "old", "last")}
    # Where a store's tasks differ, it is the program.
    assert forms == {"missing_mut": "edit", "new": "edit", "old": "program", "last": "program"}


def test_a_task_is_learned_and_the_basis_and_old_tasks_stay(train, store, pairs, tmp_path):
    before = load_store(store)
    basis = sha256_of(store / "basis.safetensors")
    report = tmp_path / "runs" / "report.json"
    said = json.loads(
        train(
            "--task", "new", "--answer-form", "edit", "--pseudo-rank", 2, "--kl", 0.1,
            "--report", report, "--json",
        ).stdout
    )  # fmt: skip
    assert (said["tasks"], said["rows"][0]["pairs"], said["rows"][0]["steps"]) == (3, 4, 3)
    after = load_store(store)
    assert sha256_of(store / "basis.safetensors") == basis
    assert list(after.subspace.tasks) == [*before.subspace.tasks, "new"]
    for module, entry in after.subspace.tasks["new"].items():
        assert entry.coef_b.shape == (3, 2)
        assert entry.coef_b.abs().max() > 0, module
    origin = after.provenance["new"]
    assert origin["pairs_sha256"] == sha256_of(pairs)
    assert (origin["answer_form"], origin["steps"], origin["seed"]) == ("edit", 3, 0)
    assert (origin["kl_weight"], origin["pseudo_rank"]) == (0.1, 2)
    record = json.loads(report.read_text())
    assert len(record["losses"]["new"]) == 3
    assert record["num_tokens"] > 0
    assert record["environment"]["libraries"]["torch"] == torch.__version__


def test_what_others_put_into_the_store_meanwhile_stays(train, store, monkeypatch):
    real = learn_tasks

    def learn(*arguments, **options):
        learned = real(*arguments, **options)
        loaded = load_store(store)
        task = next(iter(loaded.subspace.tasks.values()))
        save_store(replace(loaded, subspace=put_task(loaded.subspace, "other", task)), store)
        return learned

    module = importlib.import_module("sleepy_coder.cli.share.train")
    monkeypatch.setattr(module, "learn_tasks", learn)
    train("--task", "new", "--out", store)
    assert {"new", "other"} < load_store(store).subspace.tasks.keys()
    said = train("--task", "newer", "--expansion", 1)
    assert "was changed meanwhile; writing" in said.stderr
    assert "newer" not in load_store(store).subspace.tasks
    assert "newer" in load_store(store.with_name(f"{store.name}.learned")).subspace.tasks


def test_a_task_has_the_number_format_of_its_store(train, store, tmp_path):
    loaded = load_store(store)
    half = convert(loaded.subspace, dtype=torch.bfloat16, device="cpu")
    save_store(replace(loaded, subspace=half), store)
    train("--task", "new")
    sleepy("share", "export", store, "new", "--out", tmp_path / "adapter")
    assert load_adapters(tmp_path / "adapter").adapters


def test_every_pattern_becomes_a_task_and_expansion_grows_the_basis(train, store, tmp_path):
    before = load_store(store).subspace
    out = tmp_path / "grown"
    train("--per-pattern", "--replace", "--expansion", 1, "--out", out)
    after = load_store(out).subspace
    assert sorted(after.tasks) == ["assign_twice", "missing_mut"]
    for module, basis in before.bases.items():
        grown = after.bases[module]
        assert grown.basis_a.shape[1] == basis.basis_a.shape[1] + 1
        assert torch.equal(grown.basis_a[:, :-1], basis.basis_a)
        old, new = (delta_weight(each, "missing_mut", module) for each in (before, after))
        assert not torch.allclose(old, new)
    assert load_store(store).provenance["missing_mut"]["format"] == "peft"


def test_the_same_arguments_learn_the_same(train, tmp_path):
    for name in ("one", "two"):
        train("--task", "new", "--out", tmp_path / name)
    files = [tmp_path / name / "coefficients" / "new.safetensors" for name in ("one", "two")]
    assert sha256_of(files[0]) == sha256_of(files[1])


def test_pairs_that_are_under_evaluation_are_refused(train, store, pairs, tmp_path):
    before = sha256_of(store / "manifest.json")
    core = load_set("core").problems[:1]
    save_set(core, tmp_path / "core.jsonl")
    result = train("--task", "new", code=2, pairs=tmp_path / "core.jsonl")
    assert f"same program as core/{core[0].id}" in result.stderr
    result = train("--task", "new", "--disjoint", pairs, code=2)
    assert "same program as pairs.jsonl/p_" in result.stderr
    result = train("--task", "new", "--anchors", tmp_path / "core.jsonl", code=2)
    assert "same program as core/" in result.stderr
    assert sha256_of(store / "manifest.json") == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "give either --task NAME or --per-pattern"),
        (["--task", "x", "--per-pattern"], 2, "give either --task NAME or --per-pattern"),
        (["--task", "missing_mut"], 2, "task missing_mut: is in the store; give --replace"),
        (["--task", "../x"], 1, "cannot be a file name"),
        (["--task", "x", "--max-tokens", 20], 2, "got no pairs of at most 20 tokens"),
        (["--task", "x", "--dtype", "int8"], 2, "'int8' is not one of"),
    ],
)
def test_errors_are_one_line_and_change_nothing(train, store, arguments, code, message):
    before = sha256_of(store / "manifest.json")
    result = train(*arguments, code=code)
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sha256_of(store / "manifest.json") == before


def test_a_store_of_another_model_is_refused(adapters, pairs, model_directory, tmp_path):
    sleepy("share", "init", adapters, "--base-model", "other", "--out", tmp_path / "s")
    result = sleepy(
        "share", "train", tmp_path / "s", "--pairs", pairs, "--task", "new",
        "--model", model_directory, *QUICK, code=1,
    )  # fmt: skip
    assert "the store was made for other" in result.stderr


def test_an_interrupted_command_goes_on(train, tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    from sleepy_coder.train import fit

    step, calls = fit._step, []

    def interrupted(run, state):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return step(run, state)

    monkeypatch.setattr(fit, "_step", interrupted)
    train("--task", "new", "--checkpoint", path, "--out", tmp_path / "cut", code=1)
    assert not (tmp_path / "cut").exists()
    monkeypatch.setattr(fit, "_step", step)
    train("--task", "new", "--checkpoint", path, "--out", tmp_path / "cut")
    train("--task", "new", "--out", tmp_path / "whole")
    files = [tmp_path / name / "coefficients" / "new.safetensors" for name in ("cut", "whole")]
    assert sha256_of(files[0]) == sha256_of(files[1])


def test_without_a_terminal_training_tells_of_every_tenth(model_directory, pairs, tmp_path):
    where = ("--pairs", pairs, "--model", model_directory, "--out", tmp_path / "adapters")
    result = sleepy("lora", "train", *where, "--rank", 2, *QUICK, "--steps", 12)
    told = re.findall(r"^training: step (\d+) of 12, loss \d+\.\d{4}$", result.stderr, re.MULTILINE)
    assert told == ["2", "3", "4", "5", "6", "8", "9", "10", "11", "12"]


LEARN = """
basis_patterns = ["missing_mut"]
max_pair_tokens = 8000
max_new_tokens = 4
[pool]
min_pairs = 1
answer_form = "edit"
anchor_share = 0.0
[recipe]
components = 2
rank = 2
[recipe.lora]
num_steps = 2
rows_per_task = 1
[recipe.coefficients]
num_steps = 2
rows_per_task = 1
learning_rate = 0.5
"""


@pytest.fixture
def learn(problem, model_directory, tmp_path):
    """Run `sleepy learn` on a data folder of a few problems."""
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "learn.toml").write_text(LEARN)
    parts = {"generated": 2, "train": 0, "gate": 1, "heldout": 1, "transfer": 1}
    for part, count in parts.items():
        problems = []
        for number in range(count):
            line = f"    let {part} = [{number}{', 0' * (len(part) + 20 * number)}];\n"
            buggy, fixed = (code.replace("{\n", "{\n" + line, 1) for code in (BUGGY, FIXED))
            made = replace(problem, id=f"{part}_{number}", buggy=buggy, fixed=fixed)
            problems.append(replace(made, pattern=("missing_mut", "missing_clone")[number]))
        save_set(problems, data / f"{part}.jsonl")

    def run(*more, code=0):
        places = ("--data", data, "--work", tmp_path / "work", "--config", tmp_path / "learn.toml")
        model = ("--model", model_directory, "--device", "cpu", "--allow-unconfined")
        return sleepy("learn", *places, *model, *more, code=code)

    return run


def test_a_store_is_learned_and_one_of_its_tasks_again(learn, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    report = tmp_path / "report.json"
    learn("--out", first, "--report", report)
    assert json.loads(report.read_text())["gate"]["rulings"] is not None
    again = ("--over", first, "--tasks", "missing_clone", "--seed", 3)
    learn("--out", second, "--report", report, *again)
    said = json.loads(report.read_text())
    assert (said["over"], said["tasks"]) == (load_store(first).sha256, ["missing_clone"])
    assert said["config"]["recipe"]["coefficients"]["seed"] == 3
    before, after = (load_store(path).subspace for path in (first, second))
    assert set(before.tasks) == set(after.tasks) == {"missing_mut", "missing_clone"}
    for module, basis in before.bases.items():
        assert basis.basis_b.equal(after.bases[module].basis_b)
        kept = (delta_weight(each, "missing_mut", module) for each in (before, after))
        assert torch.equal(*kept)
        new = (delta_weight(each, "missing_clone", module) for each in (before, after))
        assert not torch.equal(*new)
    refused = learn("--out", first, "--tasks", "missing_clone", code=2)
    assert "--tasks: needs --over" in refused.stderr


def test_adapters_are_learned_from_what_the_store_learns_from(learn, tmp_path):
    out, report = tmp_path / "lora", tmp_path / "lora.json"
    learn("--lora", "--out", out, "--report", report, "--seed", 4)
    folder = load_adapters(out)
    assert set(folder.adapters) == {"missing_mut", "missing_clone"}
    assert folder.answer_form("missing_mut") == "edit"
    said = json.loads(report.read_text())
    assert said["config"]["recipe"]["lora"]["seed"] == 4
    assert len(said["training"]["losses"]["missing_mut"]) == 2
    refused = learn("--lora", "--out", out, "--over", tmp_path, code=2)
    assert "leave it out with --lora" in refused.stderr


def test_a_store_is_learned_on_two_machines(learn, tmp_path, monkeypatch):
    """One without Rust learns and asks; one with it judges what it finds."""
    out, work = tmp_path / "out", tmp_path / "work"

    def refuse(**_):
        raise AssertionError("there is no Rust here")

    with monkeypatch.context() as without_rust:
        without_rust.setattr("sleepy_coder.cli.learn.open_sandbox", refuse)
        said = learn("--out", out, "--ask-only").stderr
    assert "routed-alone: 1 answers, not judged" in said
    assert not out.exists()
    answers = (work / "answers.jsonl").read_bytes()
    said = learn("--out", out).stderr
    assert "step 1" not in said  # of training
    assert (work / "answers.jsonl").read_bytes() == answers
    assert set(load_store(out).subspace.tasks) == {"missing_mut", "missing_clone"}
    refused = learn("--out", out, "--ask-only", "--lora", code=2)
    assert "leave it out with --lora" in refused.stderr


@pytest.mark.parametrize(
    ("command", "config"),
    [(["learn"], "learn"), (["experiment", "sequential"], "experiments")],
)
def test_what_ships_and_what_studies_have_a_configuration_each(command, config):
    shown = " ".join(CliRunner().invoke(main, [*command, "--help"]).output.split())
    assert f"What to learn, and how. [default: configs/{config}.toml]" in shown
