import pytest
import torch

from sleepy_coder.errors import StoreError
from sleepy_coder.train.lora import LoraTasks

IDS = torch.tensor([[1, 2, 3], [1, 2, 3], [4, 5, 6]])


def logits(model):
    with torch.no_grad():
        return model(input_ids=IDS).logits


def test_adapters_start_as_the_base_model(tiny_model):
    base = logits(tiny_model)
    tasks = LoraTasks(tiny_model, ["a", "b"])
    with tasks.use(["a", "b", "a"]):
        assert torch.equal(logits(tiny_model), base)


def test_each_row_uses_its_own_adapter(tiny_model):
    tasks = LoraTasks(tiny_model, ["a", "b"], rank=2)
    tasks.rows.data.normal_(std=0.2, generator=torch.Generator().manual_seed(3))
    with tasks.use(["a", "b", "b"]):
        mixed = logits(tiny_model)
    with tasks.use(["a", "a", "a"]):
        only_a = logits(tiny_model)
    torch.testing.assert_close(mixed[0], only_a[0])
    assert not torch.allclose(mixed[1], only_a[1], atol=1e-3)


def test_a_row_without_an_adapter_is_the_base_models(tiny_model):
    base = logits(tiny_model)
    tasks = LoraTasks(tiny_model, ["a", "b"], rank=2)
    tasks.rows.data.normal_(std=0.2, generator=torch.Generator().manual_seed(3))
    with tasks.use([None, "b", None]):
        mixed = logits(tiny_model)
    assert torch.equal(mixed[[0, 2]], base[[0, 2]])
    assert not torch.allclose(mixed[1], base[1], atol=1e-3)


def test_a_batch_of_another_size_than_announced_is_refused(tiny_model):
    tasks = LoraTasks(tiny_model, ["a"], rank=2)
    with tasks.use(["a", None]), pytest.raises(StoreError, match="batch has 3 rows, expected 2"):
        logits(tiny_model)


def test_exported_factors_say_what_the_layer_does(tiny_model):
    tasks = LoraTasks(tiny_model, ["a", "b"], rank=2, lora_alpha=6)
    tasks.rows.data.normal_(std=0.2, generator=torch.Generator().manual_seed(3))
    with tasks.use(["b", "b", "b"]):
        expected = logits(tiny_model)
    exported = tasks.adapters()[1].modules
    tasks.close()
    for name, factors in exported.items():
        tiny_model.get_submodule(name).weight.data += factors.scaling * factors.b @ factors.a
    torch.testing.assert_close(logits(tiny_model), expected, rtol=1e-4, atol=1e-5)


def test_closing_puts_the_same_modules_back(tiny_model):
    before = dict(tiny_model.named_modules())
    LoraTasks(tiny_model, ["a"]).close()
    after = dict(tiny_model.named_modules())
    assert after.keys() == before.keys()
    assert all(after[name] is module for name, module in before.items())


def test_unknown_targets_are_refused(tiny_model):
    with pytest.raises(StoreError, match="no modules named w_pack"):
        LoraTasks(tiny_model, ["a"], targets=["w_pack"])
