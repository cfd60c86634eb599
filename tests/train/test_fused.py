import pytest
import torch
from transformers.models.qwen2 import modeling_qwen2

from sleepy_coder.train.fused import can_fuse, fused_layers
from tiny_model import make_hf_model

# What dynamo itself asks of tensors in the middle of a graph.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")


@pytest.fixture
def model():
    torch.compiler.reset()
    return make_hf_model(64).requires_grad_(requires_grad=False)


def input_gradient(model, length):
    embedded = torch.randn(2, length, 64, generator=torch.Generator().manual_seed(1))
    embedded.requires_grad_()
    hidden = model.model(inputs_embeds=embedded, use_cache=False).last_hidden_state
    (gradient,) = torch.autograd.grad(hidden.square().sum(), embedded)
    return hidden.detach(), gradient


def test_fused_layers_compute_the_same_for_batches_of_any_length(model):
    eager = [input_gradient(model, length) for length in (5, 9)]
    with fused_layers(model, backend="aot_eager"):
        fused = [input_gradient(model, length) for length in (5, 9)]
    torch.testing.assert_close(fused, eager)


def test_every_part_runs_compiled_inside_and_eager_again_after(model):
    seen = []

    def backend(graph, _):
        seen.append(graph)
        return graph.forward

    with fused_layers(model, backend=backend):
        input_gradient(model, 5)
    compiled = len(seen)
    assert compiled >= 3  # the norms, the MLP and the rotary embedding
    input_gradient(model, 7)
    assert len(seen) == compiled
    assert not any("forward" in vars(part) for part in model.modules())
    assert modeling_qwen2.apply_rotary_pos_emb.__module__ == modeling_qwen2.__name__
    assert not hasattr(modeling_qwen2.apply_rotary_pos_emb, "_torchdynamo_orig_callable")


def test_layers_are_put_back_when_training_fails(model):
    with pytest.raises(RuntimeError, match="halfway"), fused_layers(model, backend="eager"):
        raise RuntimeError("halfway")
    assert not any("forward" in vars(part) for part in model.modules())


def test_nothing_is_fused_without_a_cuda_device():
    assert not can_fuse(torch.device("cpu"))
