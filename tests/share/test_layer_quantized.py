"""ShareLinear over real quantized layers: ours in int8, bitsandbytes', GGUF kept packed.

On a processor, transformers keeps GGUF packed only where a kernel package is installed, and its
layer multiplies more than eight tokens at a time without that; so do these tests.
"""

import copy

import gguf
import pytest
import torch
from torch import nn

from sleepy_coder.quantized import (
    Int8Linear,
    is_int8_supported,
    quantize_linears,
    quantize_weight,
    replace_linears,
)
from sleepy_coder.share.layer import ShareLinear, eject, inject, use_tasks
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace
from sleepy_coder.share.tasks import delta_weight
from tiny_model import make_hf_model

D, N = 64, 48


def int8(linear, dtype):
    if not is_int8_supported():
        pytest.skip("needs an x86 processor")
    if dtype != torch.float32:
        pytest.skip("takes and returns float32 only")
    return Int8Linear(*quantize_weight(linear.weight), linear.bias)


def packed_gguf(kind):
    def make(linear, dtype):
        utils = pytest.importorskip("transformers.integrations.gguf.utils")
        weight = linear.weight.detach().numpy()
        layer = utils.GgufLinear(D, N, int(kind), bias=linear.bias is not None)
        layer.weight.data = torch.from_numpy(gguf.quants.quantize(weight, kind))
        if linear.bias is not None:
            layer.bias.data = linear.bias.detach().clone()
        return layer

    return make


def bitsandbytes(kind):
    def make(linear, dtype):
        bnb = pytest.importorskip("bitsandbytes")
        has_bias = linear.bias is not None
        if kind == "int8":
            layer = bnb.nn.Linear8bitLt(D, N, has_bias, has_fp16_weights=False)
        else:
            layer = bnb.nn.Linear4bit(D, N, has_bias, quant_type=kind, compute_dtype=dtype)
        layer.load_state_dict(linear.state_dict())
        return layer.to("cpu")  # quantizes

    return make


MAKERS = {
    "int8": int8,
    "gguf-q8_0": packed_gguf(gguf.GGMLQuantizationType.Q8_0),
    "gguf-q4_0": packed_gguf(gguf.GGMLQuantizationType.Q4_0),
    "bitsandbytes-int8": bitsandbytes("int8"),
    "bitsandbytes-nf4": bitsandbytes("nf4"),
    "bitsandbytes-fp4": bitsandbytes("fp4"),
}


def a_subspace(shapes, k=5, ranks=(1, 3)):
    """Tasks t0, t1, ... of the given pseudo-ranks; shapes are (outputs, inputs) by module."""
    generator = torch.Generator().manual_seed(1)

    def draw(*size):
        return torch.randn(*size, generator=generator)

    bases = {
        name: ModuleBasis(torch.linalg.qr(draw(n, k))[0], torch.linalg.qr(draw(d, k + 1))[0])
        for name, (n, d) in shapes.items()
    }
    tasks = {
        f"t{index}": {name: ModuleCoefficients(draw(k, p), draw(k + 1, p)) for name in shapes}
        for index, p in enumerate(ranks)
    }
    return Subspace(bases, tasks)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_rows_without_a_task_are_the_quantized_layer_and_others_get_their_delta(
    make, has_bias, dtype
):
    torch.manual_seed(0)
    linear = nn.Linear(D, N, bias=has_bias)
    layer = make(linear, dtype)
    model = nn.ModuleDict({"only": layer})
    names = ["t1", None, "t0", None]
    x = torch.randn(len(names), 3, D).to(dtype)
    subspace = a_subspace({"only": (N, D)})
    base = layer(x)
    assert base.dtype == dtype
    exact = linear(x.float()).detach()
    assert 1e-4 < (base - exact).norm() / exact.norm() < 0.2  # it is quantized
    inject(model, subspace)
    assert isinstance(model["only"], ShareLinear)
    with use_tasks(model, names), torch.no_grad():
        got = model["only"](x)
    assert got.dtype == dtype
    bits = torch.int32 if dtype == torch.float32 else torch.int16
    for row in (1, 3):
        assert torch.equal(got[row].view(bits), base[row].view(bits))
    for row in (0, 2):
        delta = x[row].double() @ delta_weight(subspace, names[row], "only").double().T
        expected = base[row].double() + delta
        error = (got[row] - expected).norm() / expected.norm()
        assert error < 3 * torch.finfo(dtype).eps
        assert delta.norm() > 0.1 * expected.norm()
    eject(model)
    assert model["only"] is layer


@pytest.mark.skipif(not is_int8_supported(), reason="needs an x86 processor")
@torch.no_grad()
def test_a_whole_int8_model_keeps_rows_without_a_task_and_adds_to_the_others():
    model = make_hf_model(vocab_size=64).eval()
    shapes = {
        name: (module.out_features, module.in_features)
        for name, module in model.named_modules()
        if name.endswith(("q_proj", "k_proj", "v_proj", "o_proj", "down_proj"))
    }
    replace_linears(model, quantize_linears(model))
    subspace = a_subspace(shapes)
    ids = torch.tensor([[5, 9, 33, 12, 7]]).repeat(3, 1)
    base = model(ids).logits
    added = copy.deepcopy(model)
    for name in shapes:  # each int8 layer with one task's ΔW beside it
        delta = delta_weight(subspace, "t1", name)
        layer = added.get_submodule(name)
        layer.register_forward_hook(lambda _, x, y, delta=delta: y + x[0] @ delta.T)
    expected = added(ids).logits
    inject(model, subspace)
    with use_tasks(model, [None, "t1", None]):
        got = model(ids).logits
    assert torch.equal(got[0].view(torch.int32), base[0].view(torch.int32))
    assert torch.equal(got[2].view(torch.int32), base[2].view(torch.int32))
    # a rounding to int8 that falls to the other side moves a logit by more than float32 would
    difference = (got[1] - expected[1]).norm() / expected[1].norm()
    assert difference < 0.01
    assert (got[1] - base[1]).norm() > 0.3 * base[1].norm()
