"""Stacking adapters: straight from their files, or from whole factors, with the same result."""

import pytest
import torch
from adapters import WholeFactors, write_adapters

from sleepy_coder.errors import StoreError
from sleepy_coder.share import columns
from sleepy_coder.share.columns import ColumnReader
from sleepy_coder.share.files import TensorFile

SHAPE = (30, 20)


def energies(block):
    return [block.energy(side, "factors") for side in "ba"]


def read(sources):
    return [
        (block.names, block.ranks, block.b.clone(), block.a.clone(), energies(block))
        for block in ColumnReader(sources).blocks("m")
    ]


@pytest.mark.parametrize("stage_bytes", [1, 4 * SHAPE[0] * 6, 2**20])
@pytest.mark.parametrize("alphas", [(8, 6, 4, 8, 2), (16, 12, 8, 16, 4), (7, 1, 30, 2, 9)])
def test_reading_in_place_equals_stacking_whole_factors(tmp_path, monkeypatch, alphas, stage_bytes):
    monkeypatch.setattr(columns, "STAGE_BYTES", stage_bytes)
    sources = write_adapters(tmp_path, (4, 3, 2, 4, 1), alphas, [torch.float32] * 5, SHAPE)
    monkeypatch.setattr(columns, "copy_parts", None)  # not to be called on the first way
    (first,) = read(sources)
    monkeypatch.undo()
    (second,) = read([WholeFactors(source) for source in sources])
    assert first[:2] == second[:2]
    assert torch.equal(first[2], second[2])
    assert torch.equal(first[3], second[3])
    assert first[4] == pytest.approx(second[4], rel=1e-6)


def test_dtypes_may_differ_between_adapters(tmp_path):
    dtypes = [torch.float32, torch.bfloat16, torch.float16]
    sources = write_adapters(tmp_path, (2, 2, 2), (2, 4, 2), dtypes, SHAPE)
    ((_, _, b, a, _),) = read(sources)
    assert b.dtype == a.dtype == torch.float32
    lora = sources[1].load_module("m")
    assert torch.equal(b[:, 2:4], 2 * lora.b.float())
    assert torch.equal(a[:, 2:4], lora.a.float().T)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path):
    sources = write_adapters(tmp_path, (2, 2), (2, 2), [torch.float32] * 2, SHAPE)
    path = tmp_path / "t1" / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(StoreError, match="ends inside"):
        read(sources)


def test_bytes_of_another_size_are_refused(tmp_path):
    write_adapters(tmp_path, (2,), (2,), [torch.float32], SHAPE)
    opened = TensorFile(tmp_path / "t0" / "adapter_model.safetensors")
    with pytest.raises(StoreError, match="expected 8"):
        opened.read_into([("m.lora_A.weight", memoryview(bytearray(8)))])


def test_adapters_of_one_kind_share_one_parsed_header(tmp_path):
    first, second, third = write_adapters(
        tmp_path, (2, 2, 3), (2, 4, 3), [torch.float32] * 3, SHAPE
    )
    assert first._file.header is second._file.header
    assert first._file.header is not third._file.header
    assert first.load_module("m").scaling == 1.0
    assert second.load_module("m").scaling == 2.0
