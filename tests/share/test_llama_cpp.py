"""Our GGUF adapters against those that llama.cpp's own converter made of the same factors.

`foreign/llama_cpp.json` keeps what its `convert_lora_to_gguf.py` wrote for a random model's
config and the adapters below; with LLAMA_CPP set to a checkout of llama.cpp, it writes them once
more.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import gguf
import pytest
import torch
from safetensors.torch import save_file

from sleepy_coder.share.choice import ErrorBudget
from sleepy_coder.share.gguf_io import save_gguf
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.peft_io import PeftAdapter, save_peft
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace

KEPT = Path(__file__).parent / "foreign" / "llama_cpp.json"
BASE_MODEL = "some-org/Tiny-Coder-7B-Instruct"
CLASSES = {
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
}
SHAPES = {  # (outputs, inputs): two heads of four, one of keys and values
    "self_attn.q_proj": (8, 8),
    "self_attn.k_proj": (4, 8),
    "self_attn.v_proj": (4, 8),
    "self_attn.o_proj": (8, 8),
    "mlp.gate_proj": (12, 8),
    "mlp.up_proj": (12, 8),
    "mlp.down_proj": (8, 12),
}
MODULES = {f"model.layers.{layer}.{name}": SHAPES[name] for layer in (0, 1) for name in SHAPES}
# What may differ: the converter makes names of the folder's and of the model card it finds there;
# ours are the task's name and the base model's as the caller has it. llama.cpp reads none of them.
NAMES = {
    "general.name",
    "general.base_model.count",
    "general.base_model.0.name",
    "general.base_model.0.organization",
    "general.base_model.0.repo_url",
}


def a_config(model_type):
    return {
        "architectures": [CLASSES[model_type]],
        "model_type": model_type,
        "hidden_size": 8,
        "intermediate_size": 12,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 4,
        "vocab_size": 32,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
    }


def eighths(rows, columns, start):
    """A matrix of eighths, which float16 holds exactly."""
    steps = torch.arange(rows * columns) * 7 + 5 * start
    return ((steps % 23 - 11) / 8).reshape(rows, columns)


def factors(rank):
    """(n, r) and (d, r) by module."""
    return {
        module: (eighths(n, rank, index), eighths(d, rank, index + 3))
        for index, (module, (n, d)) in enumerate(MODULES.items())
    }


def a_subspace(ranks=(2,)):
    """One task whose factors are those above, columns of zeros left out of some modules."""
    bases, task = {}, {}
    for index, (module, (left, right)) in enumerate(factors(2).items()):
        bases[module] = ModuleBasis(torch.eye(left.shape[0]), torch.eye(right.shape[0]))
        rank = ranks[index % len(ranks)]
        task[module] = ModuleCoefficients(left[:, :rank], right[:, :rank])
    return Subspace(bases, {"fix": task})


def write_peft_by_hand(path, rank, alpha):
    tensors = {}
    for module, (left, right) in factors(rank).items():
        tensors[f"base_model.model.{module}.lora_A.weight"] = right.T.contiguous()
        tensors[f"base_model.model.{module}.lora_B.weight"] = left
    path.mkdir()
    save_file(tensors, path / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": BASE_MODEL,
        "r": rank,
        "lora_alpha": alpha,
        "target_modules": [name.rsplit(".", 1)[1] for name in SHAPES],
    }
    (path / "adapter_config.json").write_text(json.dumps(config))
    (path / "README.md").write_text(f"---\nbase_model: {BASE_MODEL}\nlibrary_name: peft\n---\n")


def read_gguf(path):
    """Return metadata as key -> [type, value] and tensors as name -> dtype, shape, values."""
    reader = gguf.GGUFReader(path)
    metadata = {
        key: [field.types[0].name, field.contents()]
        for key, field in reader.fields.items()
        if not key.startswith("GGUF.")
    }
    tensors = {
        tensor.name: {
            "dtype": tensor.tensor_type.name,
            "shape": list(map(int, tensor.shape)),
            "values": tensor.data.flatten().tolist(),
        }
        for tensor in reader.tensors
    }
    return {"metadata": metadata, "tensors": tensors}


def convert(folder, adapter, model_type, dtype):
    """Run llama.cpp's converter."""
    base, out = folder / "base", folder / "theirs.gguf"
    base.mkdir()
    (base / "config.json").write_text(json.dumps(a_config(model_type)))
    script = Path(os.environ["LLAMA_CPP"]) / "convert_lora_to_gguf.py"
    options = ["--base", base, "--outfile", out, "--outtype", dtype]
    subprocess.run([sys.executable, script, *options, adapter], check=True, capture_output=True)
    return read_gguf(out)


@pytest.fixture(params=["kept", "written"])
def converted(request, tmp_path):
    """What the converter wrote for a case, or writes now."""

    def get(case, adapter, *, model_type="qwen2", dtype="f32"):
        if request.param == "kept":
            return json.loads(KEPT.read_text())["files"][case]
        if "LLAMA_CPP" not in os.environ:
            pytest.skip("LLAMA_CPP names no checkout of llama.cpp")
        return convert(tmp_path, adapter, model_type, dtype)

    return get


def without_names(metadata):
    return {key: value for key, value in metadata.items() if key not in NAMES}


def deltas(file):
    """GGUF weight name -> what llama.cpp adds: alpha over the tensor's own rank, times B A."""
    found = {}
    tensors = {
        name: torch.tensor(entry["values"]).reshape(entry["shape"][::-1])
        for name, entry in file["tensors"].items()
    }
    for name, a in tensors.items():
        if name.endswith(".lora_a"):
            b = tensors[name.removesuffix("a") + "b"]
            scale = file["metadata"]["adapter.lora.alpha"][1] / b.shape[1]
            found[name.removesuffix(".lora_a")] = scale * b @ a
    return found


@pytest.mark.parametrize(
    ("model_type", "dtype"),
    [("qwen2", "f32"), ("qwen2", "f16"), ("qwen3", "f32"), ("llama", "f32"), ("mistral", "f32")],
)
def test_a_task_is_the_file_that_the_converter_makes_of_its_peft_adapter(
    converted, tmp_path, model_type, dtype
):
    save_peft(a_subspace(), "fix", tmp_path / "fix", base_model=BASE_MODEL)
    theirs = converted(
        f"task-{model_type}-{dtype}", tmp_path / "fix", model_type=model_type, dtype=dtype
    )
    save_gguf(
        a_subspace(),
        "fix",
        tmp_path / "ours.gguf",
        config=a_config(model_type),
        dtype={"f32": torch.float32, "f16": torch.float16}[dtype],
    )
    ours = read_gguf(tmp_path / "ours.gguf")
    assert len(ours["tensors"]) == 2 * len(MODULES)
    assert ours["tensors"] == theirs["tensors"]
    assert without_names(ours["metadata"]) == without_names(theirs["metadata"])


def test_an_alpha_that_is_not_the_rank_is_folded_in(converted, tmp_path):
    write_peft_by_hand(tmp_path / "fix", rank=2, alpha=3)
    theirs = converted("peft-alpha-3", tmp_path / "fix")
    subspace = init_subspace([PeftAdapter(tmp_path / "fix")], InitOptions(choice=ErrorBudget(1e-6)))
    out = tmp_path / "ours.gguf"
    save_gguf(subspace, "fix", out, config=a_config("qwen2"), base_model=BASE_MODEL)
    ours = read_gguf(out)
    shapes = [
        {name: (entry["dtype"], entry["shape"]) for name, entry in file["tensors"].items()}
        for file in (ours, theirs)
    ]
    assert shapes[0] == shapes[1]
    assert (ours["metadata"].keys() ^ theirs["metadata"].keys()) <= NAMES
    assert theirs["metadata"]["adapter.lora.alpha"] == ["FLOAT32", 3.0]
    assert ours["metadata"]["adapter.lora.alpha"] == ["FLOAT32", 2.0]
    expected = deltas(theirs)
    for name, delta in deltas(ours).items():
        torch.testing.assert_close(delta, expected[name], atol=1e-5, rtol=1e-5)


def test_peer_defect_one_alpha_for_all_ranks_ours_pads_to_one_rank(converted, tmp_path):
    subspace = a_subspace(ranks=(2, 1))
    save_peft(subspace, "fix", tmp_path / "fix")
    theirs = deltas(converted("task-mixed-ranks", tmp_path / "fix"))
    save_gguf(subspace, "fix", tmp_path / "ours.gguf", config=a_config("qwen2"))
    ours = deltas(read_gguf(tmp_path / "ours.gguf"))
    for name in ("attn_q", "attn_k"):  # of rank 2 and 1
        module = f"model.layers.0.self_attn.{name[-1]}_proj"
        entry = subspace.tasks["fix"][module]
        delta = entry.coef_b @ entry.coef_a.T
        assert torch.equal(ours[f"blk.0.{name}.weight"], delta)
        # the converter takes lora_alpha and no alpha_pattern
        assert torch.equal(theirs[f"blk.0.{name}.weight"], delta * 2 / entry.coef_a.shape[1])
