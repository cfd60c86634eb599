"""adapter_config.json: what changes more than ΔW is refused, what does not is read as PEFT does."""

import pytest

from sleepy_coder.errors import StoreError
from sleepy_coder.share.peft_config import parse_config


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
