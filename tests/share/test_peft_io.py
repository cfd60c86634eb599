"""PEFT adapters in and out: PEFT itself is the reference."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save, save_file
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, Qwen2Config, Qwen2ForCausalLM

from sleepy_coder.errors import StoreError
from sleepy_coder.share import files
from sleepy_coder.share.choice import ErrorBudget, FixedComponents
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.layer import inject, use_tasks
from sleepy_coder.share.peft_io import PeftAdapter, find_adapters, render_config, save_peft
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace
from sleepy_coder.share.tasks import delta_weight

# PEFT 0.21 with transformers 5.23
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")


def tiny_qwen():
    torch.manual_seed(0)
    config = Qwen2Config(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=64,
        initializer_range=0.2,
    )
    return Qwen2ForCausalLM(config).eval()


def saved_adapter(path, seed=1, **options):
    """Save a PEFT adapter whose weights were perturbed; return PEFT's own ΔW by module name."""
    settings = {"r": 4, "lora_alpha": 12, "target_modules": ["q_proj", "o_proj"], **options}
    model = get_peft_model(tiny_qwen(), LoraConfig(task_type="CAUSAL_LM", **settings))
    return _perturb_and_save(model, path, seed)


def _perturb_and_save(model, path, seed):
    generator = torch.Generator().manual_seed(seed)
    deltas = {}
    for name, module in model.named_modules():
        if hasattr(module, "lora_A") and hasattr(module, "get_delta_weight"):
            for side in (module.lora_A, module.lora_B):
                weight = side["default"].weight
                weight.data = torch.randn(weight.shape, generator=generator)
            deltas[name.removeprefix("base_model.model.")] = module.get_delta_weight("default")
    model.save_pretrained(path)
    return {name: delta.detach() for name, delta in deltas.items()}


def our_delta(adapter, module):
    lora = adapter.load_module(module)
    return lora.scaling * lora.b.float() @ lora.a.float()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_rslora": True},
        {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"layers.1.self_attn.o_proj": 3}},
        {"rank_pattern": {r"^model\.layers\.0\..*": 6}},
        {"layers_to_transform": [0, 2]},
        {"layers_to_transform": 1, "layers_pattern": "layers"},
    ],
    ids=["plain", "rslora", "patterns", "regex", "layers", "layers-pattern"],
)
def test_delta_is_what_peft_computes(tmp_path, options):
    deltas = saved_adapter(tmp_path / "task", **options)
    adapter = PeftAdapter(tmp_path / "task")
    assert adapter.name == "task"
    assert sorted(adapter.module_names()) == sorted(deltas)
    for module, delta in deltas.items():
        torch.testing.assert_close(our_delta(adapter, module), delta)


def test_peer_defect_alpha_is_honoured_with_mixed_ranks_and_alphas(tmp_path):
    deltas = saved_adapter(tmp_path / "one", r=4, lora_alpha=32)
    others = saved_adapter(tmp_path / "two", seed=2, r=2, lora_alpha=1)
    adapters = find_adapters(tmp_path)
    assert [adapter.name for adapter in adapters] == ["one", "two"]
    subspace = init_subspace(adapters, InitOptions(choice=FixedComponents(6)))
    for module, delta in deltas.items():
        torch.testing.assert_close(
            delta_weight(subspace, "one", module), delta, atol=1e-3, rtol=1e-3
        )
        torch.testing.assert_close(
            delta_weight(subspace, "two", module), others[module], atol=1e-3, rtol=1e-3
        )


def test_fan_in_fan_out_changes_the_base_layout_and_not_the_factors(tmp_path):
    torch.manual_seed(0)
    config = GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=32)
    lora = LoraConfig(r=3, target_modules=["c_attn"], fan_in_fan_out=True, task_type="CAUSAL_LM")
    deltas = _perturb_and_save(get_peft_model(GPT2LMHeadModel(config), lora), tmp_path / "t", 1)
    adapter = PeftAdapter(tmp_path / "t")
    assert adapter.module_names()
    for module in adapter.module_names():
        torch.testing.assert_close(our_delta(adapter, module).T, deltas[module])  # Conv1D is (d, n)


def test_peer_defect_bf16_adapters_are_read_in_their_dtype(tmp_path):
    saved_adapter(tmp_path / "t")
    file = tmp_path / "t" / "adapter_model.safetensors"
    save_file({key: value.bfloat16() for key, value in load_file(file).items()}, file)
    adapter = PeftAdapter(tmp_path / "t")
    module = adapter.module_names()[0]
    assert adapter.load_module(module).a.dtype == torch.bfloat16
    assert init_subspace([adapter]).tasks["t"][module].coef_a.dtype == torch.float32


def test_tensors_are_read_when_asked_for(tmp_path):
    saved_adapter(tmp_path / "t")
    adapter = PeftAdapter(tmp_path / "t")
    file = tmp_path / "t" / "adapter_model.safetensors"
    changed = {key: torch.full_like(value, 7.0) for key, value in load_file(file).items()}
    file.write_bytes(save(changed))
    assert adapter.load_module(adapter.module_names()[0]).a.unique().tolist() == [7.0]


def test_a_file_that_is_replaced_is_read_as_it_was_opened(tmp_path):
    saved_adapter(tmp_path / "t")
    adapter = PeftAdapter(tmp_path / "t")
    module = adapter.module_names()[0]
    before = adapter.load_module(module).a
    file = tmp_path / "t" / "adapter_model.safetensors"
    new = tmp_path / "new"
    new.write_bytes(save({key: torch.full_like(v, 7.0) for key, v in load_file(file).items()}))
    new.replace(file)
    assert torch.equal(adapter.load_module(module).a, before)
    assert PeftAdapter(tmp_path / "t").load_module(module).a.unique().tolist() == [7.0]


def test_files_beyond_those_that_stay_open_are_read_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_OPEN", len(files._KEPT) + 1)
    saved_adapter(tmp_path / "t")
    first, second = (PeftAdapter(tmp_path / "t") for _ in range(2))
    module = first.module_names()[0]
    assert torch.equal(first.load_module(module).a, second.load_module(module).a)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"peft_type": "VERA"}, "VERA"),
        ({"use_dora": True}, "DoRA"),
        ({"bias": "all"}, "bias"),
        ({"lora_bias": True}, "lora_bias"),
        ({"modules_to_save": ["lm_head"]}, "no low-rank form"),
        ({"init_lora_weights": "pissa_niter_4"}, "changes the base weights"),
        ({"layer_replication": [[0, 2]]}, "layers"),
        ({"r": 0}, "positive integer"),
        ({"r": True}, "positive integer"),
        ({"r": 3}, "factors"),
        ({"lora_alpha": "16"}, "finite number"),
        ({"lora_alpha": 1e300}, "finite number"),
        ({"rank_pattern": {"(": 4}}, "no pattern"),
        ({"rank_pattern": {"q_proj": 5}}, "factors"),
        ({"rank_pattern": [4]}, "object"),
        ({"layers_to_transform": ["x"]}, "layer numbers"),
        ({"layers_to_transform": [17]}, "no LoRA factors"),
    ],
)
def test_configs_that_are_no_plain_lora_are_refused_with_a_reason(tmp_path, change, reason):
    saved_adapter(tmp_path / "t")
    file = tmp_path / "t" / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(StoreError, match=reason):
        PeftAdapter(tmp_path / "t")


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ("base_model.model.model.embed_tokens.lora_embedding_A", "embeddings"),
        ("base_model.model.lm_head.weight", "whole modules"),
        ("base_model.model.x.lora_A.weight", "lora_A only"),
        ("base_model.model.x.lora_magnitude_vector", "no LoRA factor"),
    ],
)
def test_tensors_that_are_no_lora_factors_are_refused(tmp_path, extra, reason):
    saved_adapter(tmp_path / "t")
    file = tmp_path / "t" / "adapter_model.safetensors"
    save_file({**load_file(file), extra: torch.zeros(4, 4)}, file)
    with pytest.raises(StoreError, match=reason):
        PeftAdapter(tmp_path / "t")


def test_a_pickle_is_refused_and_never_loaded(tmp_path):
    saved_adapter(tmp_path / "t")
    (tmp_path / "t" / "adapter_model.safetensors").unlink()
    (tmp_path / "t" / "adapter_model.bin").write_bytes(b"cos\nsystem\n(S'touch /tmp/pwned'\ntR.")
    with pytest.raises(StoreError, match=r"adapter_model\.bin is a pickle"):
        PeftAdapter(tmp_path / "t")


def test_an_empty_folder_is_no_adapter(tmp_path):
    with pytest.raises(StoreError, match="neither a PEFT adapter nor a folder"):
        find_adapters(tmp_path)


def random_subspace(model, ranks, seed=3):
    """Random bases for q and down; a task per entry of `ranks`, which lists its modules' p."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    targets = {
        name: module
        for name, module in model.named_modules()
        if name.endswith(("self_attn.q_proj", "mlp.down_proj"))
    }
    bases = {
        name: ModuleBasis(
            basis_b=torch.linalg.qr(draw(module.out_features, 6))[0],
            basis_a=torch.linalg.qr(draw(module.in_features, 5))[0],
        )
        for name, module in targets.items()
    }
    tasks = {
        f"t{index}": {
            name: ModuleCoefficients(
                coef_b=draw(6, widths[i % len(widths)]), coef_a=draw(5, widths[i % len(widths)])
            )
            for i, name in enumerate(targets)
        }
        for index, widths in enumerate(ranks)
    }
    return Subspace(bases, tasks)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_exported_adapters_under_peft_have_our_logits(tmp_path, dtype):
    subspace = random_subspace(tiny_qwen(), [(1,), (2, 3)])
    ids = torch.randint(0, 64, (1, 9), generator=torch.Generator().manual_seed(0))
    model = tiny_qwen()
    base = model(ids).logits
    inject(model, subspace)
    for task in ("t0", "t1"):
        save_peft(subspace, task, tmp_path / task, dtype=dtype)
        with use_tasks(model, [task]):
            ours = model(ids).logits
        theirs = PeftModel.from_pretrained(tiny_qwen(), tmp_path / task)(ids).logits
        tolerance = 1e-4 if dtype == torch.float32 else 0.05 * ours.abs().max().item()
        torch.testing.assert_close(theirs, ours, atol=tolerance, rtol=0)
        assert (ours - base).abs().max() > 10 * tolerance


def test_peer_defect_export_loses_alpha_every_module_is_adapted_and_scaled_by_one(tmp_path):
    subspace = random_subspace(tiny_qwen(), [(2, 3)])
    save_peft(subspace, "t0", tmp_path / "t0")
    model = PeftModel.from_pretrained(tiny_qwen(), tmp_path / "t0")
    adapted = {
        name.removeprefix("base_model.model."): module
        for name, module in model.named_modules()
        if hasattr(module, "lora_A") and hasattr(module, "get_delta_weight")
    }
    assert set(adapted) == set(subspace.bases)
    for name, module in adapted.items():
        assert module.scaling["default"] == 1.0
        torch.testing.assert_close(
            module.get_delta_weight("default"), delta_weight(subspace, "t0", name)
        )


def test_export_holds_nothing_that_vllm_refuses():
    config = render_config({"a.q_proj": 1, "b.q_proj": 1}, "base")
    assert config["r"] == config["lora_alpha"] == 1
    assert config["bias"] == "none"
    assert not config["modules_to_save"]
    assert not config["use_dora"]
    assert config["target_modules"] == ["a.q_proj", "b.q_proj"]
    mixed = render_config({"a": 2, "b": 5}, "")
    assert mixed["r"] == mixed["lora_alpha"] == 5
    assert mixed["rank_pattern"] == mixed["alpha_pattern"] == {"a": 2}


def test_peft_to_subspace_to_peft_is_exact_in_the_span(tmp_path):
    deltas = saved_adapter(tmp_path / "in" / "one", r=4)
    saved_adapter(tmp_path / "in" / "two", seed=2, r=2)
    subspace = init_subspace(find_adapters(tmp_path / "in"), InitOptions(choice=ErrorBudget(1e-6)))
    save_peft(subspace, "one", tmp_path / "out" / "one")
    back = PeftAdapter(tmp_path / "out" / "one")
    assert sorted(back.module_names()) == sorted(deltas)
    for module, delta in deltas.items():
        torch.testing.assert_close(our_delta(back, module), delta, atol=1e-4, rtol=1e-4)


def test_export_replaces_an_adapter_whole(tmp_path):
    subspace = random_subspace(tiny_qwen(), [(1,), (2,)])
    save_peft(subspace, "t1", tmp_path / "a")
    save_peft(subspace, "t0", tmp_path / "a")
    assert json.loads((tmp_path / "a" / "adapter_config.json").read_text())["r"] == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a"]


def photos(place):
    place.mkdir()
    (place / "one").write_text("precious")


def a_file(place):
    place.write_text("precious")


def a_link_to_photos(place):
    photos(place.with_name("elsewhere"))
    place.symlink_to(place.with_name("elsewhere"))


def a_dangling_link(place):
    place.symlink_to(place.with_name("nowhere"))


@pytest.mark.parametrize("make", [photos, a_file, a_link_to_photos, a_dangling_link])
def test_a_place_that_is_not_an_adapter_is_not_replaced(tmp_path, make):
    make(tmp_path / "there")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreError, match="exists and is not a PEFT adapter; choose another"):
        save_peft(random_subspace(tiny_qwen(), [(1,)]), "t0", tmp_path / "there")
    assert sorted(tmp_path.rglob("*")) == before


def test_checkpoints_beside_an_adapter_are_not_deleted_with_it(tmp_path):
    place, subspace = tmp_path / "run", random_subspace(tiny_qwen(), [(1,)])
    save_peft(subspace, "t0", place)
    (place / "checkpoint-1").mkdir()
    (place / "checkpoint-1" / "adapter_config.json").write_text("{}")
    with pytest.raises(StoreError, match=r"holds checkpoint-1/adapter_config\.json"):
        save_peft(subspace, "t0", place)


def test_an_empty_directory_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    save_peft(random_subspace(tiny_qwen(), [(1,)]), "t0", tmp_path / "empty")
    assert PeftAdapter(tmp_path / "empty").module_names()


@given(st.binary(max_size=200))
def test_random_bytes_are_no_adapter(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("adapter")
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 1, "lora_alpha": 1}')
    (folder / "adapter_model.safetensors").write_bytes(content)
    with pytest.raises(StoreError):
        PeftAdapter(folder, "t")


def test_a_linear_layer_outside_a_transformer_works_too(tmp_path):
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 4))
    peft_model = get_peft_model(model, LoraConfig(r=2, target_modules=["0", "1"]))
    deltas = _perturb_and_save(peft_model, tmp_path / "t", 1)
    adapter = PeftAdapter(tmp_path / "t")
    for module, delta in deltas.items():
        torch.testing.assert_close(our_delta(adapter, module), delta)
