"""Stacking adapters: straight from their files, or from whole factors, with the same result."""

import json

import pytest
import torch
from safetensors.torch import save_file

from sleepy_coder.errors import StoreError
from sleepy_coder.share import columns
from sleepy_coder.share.columns import ColumnReader
from sleepy_coder.share.files import TensorFile
from sleepy_coder.share.peft_io import PeftAdapter

OUTPUTS, INPUTS = 30, 20


class WholeFactors:
    """An adapter that can only be loaded, whatever it wraps."""

    def __init__(self, adapter):
        self.name, self.module_names = adapter.name, adapter.module_names
        self.load_module = adapter.load_module


def write_adapters(folder, ranks, alphas, dtypes):
    generator = torch.Generator().manual_seed(0)
    for number, (rank, alpha, dtype) in enumerate(zip(ranks, alphas, dtypes, strict=True)):
        path = folder / f"t{number}"
        path.mkdir()
        a = torch.randn(rank, INPUTS, generator=generator).to(dtype)
        b = torch.randn(OUTPUTS, rank, generator=generator).to(dtype)
        save_file({"m.lora_A.weight": a, "m.lora_B.weight": b}, path / "adapter_model.safetensors")
        config = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "target_modules": ["m"]}
        (path / "adapter_config.json").write_text(json.dumps(config))
    return [PeftAdapter(path) for path in sorted(folder.iterdir())]


def read(sources):
    return [
        (block.names, block.ranks, block.b.clone(), block.a.clone(), block.energies)
        for block in ColumnReader(sources).blocks("m")
    ]


@pytest.mark.parametrize("stage_bytes", [1, 4 * OUTPUTS * 6, 2**20])
@pytest.mark.parametrize("alphas", [(8, 6, 4, 8, 2), (16, 12, 8, 16, 4), (7, 1, 30, 2, 9)])
def test_reading_in_place_equals_stacking_whole_factors(tmp_path, monkeypatch, alphas, stage_bytes):
    monkeypatch.setattr(columns, "STAGE_BYTES", stage_bytes)
    sources = write_adapters(tmp_path, (4, 3, 2, 4, 1), alphas, [torch.float32] * 5)
    monkeypatch.setattr(columns, "copy_parts", None)  # not to be called on the first way
    (first,) = read(sources)
    monkeypatch.undo()
    (second,) = read([WholeFactors(source) for source in sources])
    assert first[:2] == second[:2]
    assert torch.equal(first[2], second[2])
    assert torch.equal(first[3], second[3])
    assert first[4] == second[4]


def test_dtypes_may_differ_between_adapters(tmp_path):
    dtypes = [torch.float32, torch.bfloat16, torch.float16]
    sources = write_adapters(tmp_path, (2, 2, 2), (2, 4, 2), dtypes)
    ((_, _, b, a, _),) = read(sources)
    assert b.dtype == a.dtype == torch.float32
    lora = sources[1].load_module("m")
    assert torch.equal(b[:, 2:4], 2 * lora.b.float())
    assert torch.equal(a[:, 2:4], lora.a.float().T)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path):
    sources = write_adapters(tmp_path, (2, 2), (2, 2), [torch.float32] * 2)
    path = tmp_path / "t1" / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(StoreError, match="ends inside"):
        read(sources)


def test_bytes_of_another_size_are_refused(tmp_path):
    write_adapters(tmp_path, (2,), (2,), [torch.float32])
    opened = TensorFile(tmp_path / "t0" / "adapter_model.safetensors")
    with pytest.raises(StoreError, match="expected 8"):
        opened.read_into([("m.lora_A.weight", memoryview(bytearray(8)))])


def test_adapters_of_one_kind_share_one_parsed_header(tmp_path):
    first, second, third = write_adapters(tmp_path, (2, 2, 3), (2, 4, 3), [torch.float32] * 3)
    assert first._file.header is second._file.header
    assert first._file.header is not third._file.header
    assert first.load_module("m").scaling == 1.0
    assert second.load_module("m").scaling == 2.0
