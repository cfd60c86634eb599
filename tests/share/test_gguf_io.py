"""GGUF LoRA adapters, read back by the `gguf` package as llama.cpp would apply them."""

import gguf
import pytest
import torch

from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.share.gguf_io import permute_heads, save_gguf
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace
from sleepy_coder.share.tasks import delta_weight

QWEN = {"model_type": "qwen2"}
LLAMA = {"model_type": "llama", "num_attention_heads": 4, "num_key_value_heads": 2}


def a_subspace(ranks=(2, 1, 3, 1)):
    """One task on q, k, o and down of layers 0 and 11, with p as listed."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"q_proj": (32, 24), "k_proj": (16, 24), "o_proj": (24, 32)}
    modules = {
        f"model.layers.{layer}.self_attn.{name}": shape
        for layer in (0, 11)
        for name, shape in shapes.items()
    } | {"model.layers.11.mlp.down_proj": (24, 40)}
    bases = {}
    task = {}
    for index, (name, (n, d)) in enumerate(modules.items()):
        bases[name] = ModuleBasis(
            basis_b=torch.linalg.qr(torch.randn(n, 4, generator=generator))[0],
            basis_a=torch.linalg.qr(torch.randn(d, 5, generator=generator))[0],
        )
        rank = ranks[index % len(ranks)]
        task[name] = ModuleCoefficients(
            coef_b=torch.randn(4, rank, generator=generator),
            coef_a=torch.randn(5, rank, generator=generator),
        )
    return Subspace(bases, {"fix": task})


def read_back(path):
    """Return (metadata, GGUF weight name -> ΔW as llama.cpp computes it)."""
    reader = gguf.GGUFReader(path)
    metadata = {name: field.contents() for name, field in reader.fields.items()}
    # llama.cpp: scale = alpha / rank of the tensor when alpha is not zero, then B (A x)
    tensors = {tensor.name: torch.tensor(tensor.data).float() for tensor in reader.tensors}
    deltas = {}
    for name, a in tensors.items():
        if name.endswith(".lora_a"):
            b = tensors[name.removesuffix("a") + "b"]
            scale = metadata["adapter.lora.alpha"] / b.shape[1]
            deltas[name.removesuffix(".lora_a")] = scale * b @ a
    assert len(tensors) == 2 * len(deltas)
    return metadata, deltas


GGUF_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.o_proj": "attn_output",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(module):
    _, _, layer, rest = module.split(".", 3)
    return f"blk.{layer}.{GGUF_NAMES[rest]}.weight"


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float16, 2e-2)])
def test_llama_cpp_would_add_our_delta_to_qwen2(tmp_path, dtype, tolerance):
    subspace = a_subspace()
    save_gguf(subspace, "fix", tmp_path / "a.gguf", config=QWEN, dtype=dtype)
    _, deltas = read_back(tmp_path / "a.gguf")
    assert set(deltas) == {gguf_name(module) for module in subspace.bases}
    for module in subspace.bases:
        expected = delta_weight(subspace, "fix", module)
        torch.testing.assert_close(deltas[gguf_name(module)], expected, atol=tolerance, rtol=0.01)


def test_metadata_names_architecture_task_base_model_and_rank(tmp_path):
    save_gguf(a_subspace(), "fix", tmp_path / "a.gguf", config=QWEN, base_model="org/base")
    metadata, _ = read_back(tmp_path / "a.gguf")
    assert metadata["general.architecture"] == "qwen2"
    assert metadata["general.type"] == "adapter"
    assert metadata["adapter.type"] == "lora"
    assert metadata["adapter.lora.alpha"] == 3.0  # the padded rank
    assert metadata["general.name"] == "fix"
    assert metadata["general.base_model.0.name"] == "org/base"


def test_llama_q_and_k_rows_are_reordered_as_the_base_weights_are(tmp_path):
    subspace = a_subspace()
    save_gguf(subspace, "fix", tmp_path / "a.gguf", config=LLAMA)
    _, deltas = read_back(tmp_path / "a.gguf")
    for module in subspace.bases:
        expected = delta_weight(subspace, "fix", module)
        heads = {"q_proj": 4, "k_proj": 2}.get(module.rsplit(".", 1)[1])
        if heads:
            size = expected.shape[0] // heads
            # row 2i of a head is row i of its first half, row 2i + 1 row i of its second half
            order = [
                head * size + half * size // 2 + i
                for head in range(heads)
                for i in range(size // 2)
                for half in (0, 1)
            ]
            assert not torch.allclose(expected, expected[order])
            expected = expected[order]
        torch.testing.assert_close(deltas[gguf_name(module)], expected, atol=1e-5, rtol=1e-4)


def test_reordering_moves_rows_and_nothing_else():
    rows = torch.arange(24.0).reshape(12, 2)
    moved = permute_heads(rows, 2)
    assert not torch.equal(moved, rows)
    assert torch.equal(moved.sort(0)[0], rows)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "t5"}, "model_type 't5'"),
        ({}, "model_type None"),
        ({"model_type": "llama"}, "number of heads"),
    ],
)
def test_models_without_names_are_refused(tmp_path, config, message):
    with pytest.raises(StoreError, match=message):
        save_gguf(a_subspace(), "fix", tmp_path / "a.gguf", config=config)
    assert not list(tmp_path.iterdir())


def test_unknown_modules_tasks_and_dtypes_are_refused(tmp_path):
    subspace = a_subspace()
    basis, coef = next(zip(subspace.bases.values(), subspace.tasks["fix"].values(), strict=True))
    odd = Subspace({"model.layers.0.strange": basis}, {"fix": {"model.layers.0.strange": coef}})
    with pytest.raises(StoreError, match="strange"):
        save_gguf(odd, "fix", tmp_path / "a.gguf", config=QWEN)
    with pytest.raises(InputError, match="nope"):
        save_gguf(subspace, "nope", tmp_path / "a.gguf", config=QWEN)
    with pytest.raises(StoreError, match="bfloat16"):
        save_gguf(subspace, "fix", tmp_path / "a.gguf", config=QWEN, dtype=torch.bfloat16)
    assert not list(tmp_path.iterdir())
