"""Our PEFT export against the rules by which vLLM takes adapters, restated from vLLM 0.33.0.

Without vLLM: what its LoRA loader checks of names and config, what it multiplies by, and how it
lays the tensors into its buffers, for a dense Qwen2 on one device. Serving itself is not tested.
"""

import json
import math
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from sleepy_coder.share.peft_io import save_peft
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace
from sleepy_coder.share.tasks import delta_weight
from tiny_model import make_hf_model

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
ALL_LINEAR = (*ATTENTION, "gate_proj", "up_proj", "down_proj")
DEFAULT_MAX_RANK = 16  # of --max-lora-rank
# vLLM's Qwen2 fuses these; an adapter names the parts, and the rest keeps its name.
FUSED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}
OWN_NAMES = ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")
EXPECTED = {part for name in OWN_NAMES for part in FUSED.get(name, (name,))}
REQUIRED = ("r", "lora_alpha", "target_modules")
# Config fields that must be absent or empty.
REFUSED = (
    "modules_to_save",  # but for the heads of classifiers
    "use_dora",
    "lora_bias",
    "alora_invocation_tokens",
    "layer_replication",
    "use_bdlora",
    "use_qalora",
)
KNOWN_STARTS = {"gaussian", "eva", "orthogonal", "mica", "lora_ga"}


class RefusedError(Exception):
    """vLLM would not load the adapter."""


def check_config(config, max_rank):
    if missing := [key for key in REQUIRED if key not in config]:
        raise RefusedError(f"lacks {missing}")
    ranks = [config["r"], *(config.get("rank_pattern") or {}).values()]
    if not all(isinstance(rank, int) and rank > 0 for rank in ranks):
        raise RefusedError("a rank is no positive integer")
    if max(ranks) > max_rank:
        raise RefusedError(f"rank {max(ranks)} above {max_rank}")
    if filled := [key for key in REFUSED if config.get(key)]:
        raise RefusedError(f"{filled} set")
    if config.get("bias", "none") != "none":
        raise RefusedError("bias")
    start = config.get("init_lora_weights", True)
    if isinstance(start, str) and start.lower() not in KNOWN_STARTS:
        raise RefusedError(f"init_lora_weights {start}")


def parse_name(key):
    """Return (module, side) of a tensor's name."""
    parts = key.split(".")
    if parts[-1] != "weight" or parts[-2] not in ("lora_A", "lora_B"):
        raise RefusedError(f"{key} is no LoRA weight")
    if parts[:2] == ["base_model", "model"]:
        parts = parts[2:]
    return ".".join(parts[:-2]), parts[-2]


def scaling_of(config, module):
    """Return alpha over rank, by the first pattern that matches the end of the name."""

    def lookup(field, default):
        for pattern, value in (config.get(field) or {}).items():
            if re.match(rf"(.*\.)?({pattern})$", module):
                return value
        return default

    rank = lookup("rank_pattern", config["r"])
    alpha = lookup("alpha_pattern", config["lora_alpha"])
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def load_as_vllm(path, model, max_rank=DEFAULT_MAX_RANK):
    """Return what vLLM would add to each module's weight; raise RefusedError where it would not."""
    config = json.loads((path / "adapter_config.json").read_text())
    check_config(config, max_rank)
    sides = {}
    for key, tensor in load_file(path / "adapter_model.safetensors").items():
        module, side = parse_name(key)
        if module.rsplit(".", 1)[-1] not in EXPECTED:
            raise RefusedError(f"unexpected module {module}")
        sides.setdefault(module, {})[side] = tensor
    deltas = {}
    for name, linear in model.named_modules():  # a module that the model lacks is never asked for
        if name in sides:
            # Buffers of the largest rank, zeros where the adapter has less.
            buffer_a = torch.zeros(max_rank, linear.in_features)
            buffer_b = torch.zeros(linear.out_features, max_rank)
            a, b = sides[name]["lora_A"], sides[name]["lora_B"]
            buffer_a[: a.shape[0], : a.shape[1]] = a
            buffer_b[: b.shape[0], : b.shape[1]] = b * scaling_of(config, name)
            deltas[name] = buffer_b @ buffer_a
    return deltas


@pytest.fixture(scope="module")
def model():
    return make_hf_model(vocab_size=64)


def a_subspace(model, targets, ranks):
    """One task on the targets of all layers, with p as listed in turn."""
    generator = torch.Generator().manual_seed(0)
    bases, task = {}, {}
    for name, module in model.named_modules():
        if name.endswith(targets):
            sizes = (module.out_features, module.in_features)
            k, p = 20, ranks[len(task) % len(ranks)]
            sides = [torch.linalg.qr(torch.randn(n, k, generator=generator))[0] for n in sizes]
            bases[name] = ModuleBasis(*sides)
            draws = (torch.randn(k, p, generator=generator) for _ in range(2))
            task[name] = ModuleCoefficients(*draws)
    return Subspace(bases, {"fix": task})


@pytest.mark.parametrize("ranks", [(1,), (4,), (2, 5, 1)], ids=["p1", "p4", "mixed-p"])
@pytest.mark.parametrize("targets", [ATTENTION, ALL_LINEAR], ids=["attention", "all-linear"])
def test_vllm_would_add_our_delta_to_every_module(model, tmp_path, targets, ranks):
    subspace = a_subspace(model, targets, ranks)
    save_peft(subspace, "fix", tmp_path / "fix", base_model="org/base")
    got = load_as_vllm(tmp_path / "fix", model)
    assert set(got) == set(subspace.bases)
    assert len(got) == 2 * len(targets)
    for module, delta in got.items():
        expected = delta_weight(subspace, "fix", module)
        torch.testing.assert_close(delta, expected, atol=1e-5, rtol=1e-5)


def test_the_scaling_is_one_for_readers_with_and_without_patterns(model, tmp_path):
    save_peft(a_subspace(model, ATTENTION, (2, 5, 1)), "fix", tmp_path / "fix")
    config = json.loads((tmp_path / "fix" / "adapter_config.json").read_text())
    modules = config["target_modules"]
    assert {scaling_of(config, module) for module in modules} == {1.0}
    plain = {**config, "rank_pattern": {}, "alpha_pattern": {}}  # vLLM of before
    assert {scaling_of(plain, module) for module in modules} == {1.0}


def test_a_rank_above_the_default_needs_max_lora_rank(model, tmp_path):
    subspace = a_subspace(model, ATTENTION, (17, 2))
    save_peft(subspace, "fix", tmp_path / "fix")
    with pytest.raises(RefusedError, match="rank 17 above 16"):
        load_as_vllm(tmp_path / "fix", model)
    assert set(load_as_vllm(tmp_path / "fix", model, max_rank=32)) == set(subspace.bases)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "bias"),
        ({"init_lora_weights": "pissa"}, "pissa"),
        ({"rank_pattern": {"q_proj": 0}}, "positive"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_the_restated_rules_refuse_configs(model, tmp_path, change, message):
    save_peft(a_subspace(model, ATTENTION, (1,)), "fix", tmp_path / "fix")
    file = tmp_path / "fix" / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(RefusedError, match=message):
        load_as_vllm(tmp_path / "fix", model)


@pytest.mark.parametrize(
    "key",
    [
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight",
        "base_model.model.model.layers.0.self_attn.rotary.lora_A.weight",
    ],
)
def test_the_restated_rules_refuse_names(model, tmp_path, key):
    save_peft(a_subspace(model, ATTENTION, (1,)), "fix", tmp_path / "fix")
    file = tmp_path / "fix" / "adapter_model.safetensors"
    save_file({**load_file(file), key: torch.zeros(1, 64)}, file)
    with pytest.raises(RefusedError):
        load_as_vllm(tmp_path / "fix", model)
