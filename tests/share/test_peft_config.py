"""adapter_config.json: what changes more than ΔW is refused, what does not is read as PEFT does."""

import json

import pytest
import torch
from safetensors.torch import save_file

from sleepy_coder.errors import StoreError
from sleepy_coder.share.peft_config import parse_config
from sleepy_coder.share.peft_io import PeftAdapter


def a_config(**fields):
    return {"peft_type": "LORA", "r": 2, "lora_alpha": 4, **fields}


@pytest.mark.parametrize(
    "change",
    [
        {"init_lora_weights": "lora_ga"},
        {"lora_ga_config": {"direction": "ArB2r"}},
        {"init_lora_weights": "loftq"},
        {"loftq_config": {"loftq_bits": 4}},
    ],
)
def test_starts_that_change_the_base_weights_are_refused(change):
    with pytest.raises(StoreError, match="changes the base weights"):
        parse_config(a_config(**change), "t")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"monteclora_config": {"num_samples": 8}}, "at random"),
        ({"surprise_config": {"strength": 1}}, "'surprise_config' is set"),
    ],
)
def test_configs_of_unknown_meaning_are_refused(change, reason):
    with pytest.raises(StoreError, match=reason):
        parse_config(a_config(**change), "t")


@pytest.mark.parametrize("key", ["eva_config", "corda_config", "velora_config", "runtime_config"])
def test_configs_that_concern_the_training_alone_are_accepted(key):
    assert parse_config(a_config(**{key: {"x": 1}}), "t") == parse_config(a_config(), "t")


@pytest.mark.parametrize("nothing", [None, {}])
def test_an_empty_config_of_unknown_meaning_is_accepted(nothing):
    assert parse_config(a_config(surprise_config=nothing), "t") == parse_config(a_config(), "t")


def test_no_layers_to_transform_are_all_layers():
    config = parse_config(a_config(layers_to_transform=[]), "t")
    assert config.includes("model.layers.7.self_attn.q_proj")
    some = parse_config(a_config(layers_to_transform=[0]), "t")
    assert some.includes("model.layers.0.self_attn.q_proj")
    assert not some.includes("model.layers.7.self_attn.q_proj")


@pytest.mark.parametrize("other", ["x.lora_A.default", "base_model.model.x.lora_A", "x.lora_A.b"])
def test_two_tensors_for_one_side_of_a_module_are_refused(tmp_path, other):
    (tmp_path / "adapter_config.json").write_text(json.dumps(a_config()))
    keys = ("x.lora_A", "x.lora_B", other)
    tensors = {f"{key}.weight": torch.ones(2, 2) for key in keys}
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    with pytest.raises(StoreError, match="module x has lora_A twice"):
        PeftAdapter(tmp_path, "t")
