import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sleepy_coder.errors import InputError
from sleepy_coder.patterns import generate_problems
from sleepy_coder.problems import Check, save_set
from tiny_model import make_model

PATH = Path(__file__).parents[1] / "benchmarks" / "train_gpu.py"
spec = importlib.util.spec_from_file_location("train_gpu", PATH)
bench = sys.modules["train_gpu"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)

SETTING = bench.Setting(num_steps=2, rows_per_task=2, components=4, max_tokens=2000, peak_size=64)


@pytest.fixture(scope="module")
def model():
    made = make_model()
    made.hf_model.requires_grad_(requires_grad=False)
    return made


@pytest.fixture
def data(tmp_path, problem):
    problems = [
        replace(each, check=Check("compile"), diagnostics=problem.diagnostics)
        for name in ("missing_mut", "missing_clone")
        for each in generate_problems(name, 4, seed=1)
    ]
    save_set(problems, tmp_path / "generated.jsonl")
    return tmp_path


@pytest.fixture
def rows(data, model):
    return bench.load_rows(data, model.tokenizer, 2, "edit", 4000)


# transformers deprecates a name that PEFT 0.21 still asks for.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
def test_all_sides_train_the_same_rows_and_leave_the_model_as_it_was(model, rows):
    hf_model = model.hf_model
    before = {name: tensor.clone() for name, tensor in hf_model.state_dict().items()}
    record = bench.measure(hf_model, rows, SETTING, pad_id=0)
    assert list(record["sides"]) == list(bench.SIDES)
    for name, side in record["sides"].items():
        assert side["last_loss"] < side["first_loss"], name
        assert side["seconds"] > 0
        assert side["model_flops_frac"] > 0, name
    first = {name: side["first_loss"] for name, side in record["sides"].items()}
    assert first["coefficients"] == first["lora"]  # both start as the base model
    assert first["peft"] == pytest.approx(first["lora"], rel=0.05)  # a mean of tokens, not of rows
    assert (
        max(record["sides"]["peft"]["times_peft"], record["sides"]["peft_same_dtype"]["times_peft"])
        == 1
    )
    json.dumps(record)
    assert hf_model.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, before[n]) for n, tensor in hf_model.state_dict().items())


def test_peft_learns_from_what_our_sides_learn_from(rows):
    drawn = bench.draw_steps(rows, SETTING)["missing_mut"][1]
    batch = bench.collate_for_peft(drawn, 0, torch.device("cpu"))
    for index, row in enumerate(drawn):
        answer = batch["labels"][index] != bench.NO_LABEL
        assert batch["labels"][index][answer].tolist() == list(row.tokens[row.num_prompt :])
        assert batch["attention_mask"][index].sum() == len(row)
        assert batch["input_ids"][index, : len(row)].tolist() == list(row.tokens)


def test_the_step_that_warms_up_is_not_counted(rows):
    drawn = bench.draw_steps(rows, SETTING)
    work = bench.count_work(drawn)
    timed = [row for steps in drawn.values() for step in steps[1:] for row in step]
    assert len(timed) == 2 * 2 * 2
    assert work.num_tokens == sum(len(row) for row in timed)
    assert work.num_answer_tokens == sum(len(row.is_edit) for row in timed)


def test_operations_follow_from_weights_and_tokens(model):
    num_weights, num_head_weights = bench.count_weights(model.hf_model)
    layer = 64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128
    assert (num_weights, num_head_weights) == (2 * layer, 64 * len(model.tokenizer))
    work = bench.Work(num_tasks=1, num_tokens=10, num_answer_tokens=3, longest_row=10)
    once = 2 * (num_weights * 10 + num_head_weights * 3)
    assert bench.count_flops(model.hf_model, work, with_base=False) == 2 * once
    assert bench.count_flops(model.hf_model, work, with_base=True) == 3 * once


def test_too_few_tasks_are_refused(data, model):
    with pytest.raises(InputError, match="has 2 tasks to train, expected 3"):
        bench.load_rows(data, model.tokenizer, 3, "edit", 4000)


def test_the_command_is_recorded_without_folders(model, data, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train_gpu.py", "--data", str(data), "--tasks", "2"])
    run = bench.describe_run(model, data, "program")
    assert str(data) not in json.dumps(run)
    assert run["environment"]["command"].endswith(f"--data {data.name} --tasks 2")
    assert list(run["data_sha256"]) == ["generated.jsonl"]
