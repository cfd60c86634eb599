"""What is taken while factors are read is what the whole columns would give."""

import pytest
import torch
from adapters import WholeFactors, relative, write_adapters

from sleepy_coder.share import columns, spans, stacking
from sleepy_coder.share.choice import FixedComponents
from sleepy_coder.share.columns import ColumnReader
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.sketch import row_signs, sketch_factors, sketch_rows
from sleepy_coder.share.spans import sketch_signs, top_span
from sleepy_coder.share.tasks import delta_weight
from sleepy_coder.share.weights import factor_grams

SHAPE = (173, 150)  # not a multiple of the sketch's rows
WANTED = 4
MIXED = [3, 3, 1, 8, 8, 8, 2, 3] * 6


@pytest.fixture(params=[MIXED, [4] * 40], ids=["mixed", "alike"])
def sources(request, tmp_path):
    ranks = request.param
    alphas = [2 * rank + number % 2 for number, rank in enumerate(ranks)]
    return write_adapters(tmp_path, ranks, alphas, [torch.float32] * len(ranks), SHAPE)


def one_block(sources, **options):
    (block,) = ColumnReader(sources, **options).blocks("m", (WANTED, WANTED))
    return block


@pytest.mark.parametrize("stage_bytes", [1, 9000, 2**22])
def test_a_digest_taken_while_reading_is_that_of_the_whole_columns(
    sources, monkeypatch, stage_bytes
):
    monkeypatch.setattr(columns, "STAGE_BYTES", stage_bytes)
    block = one_block(sources, with_grams=True)
    plain = one_block(sources)
    for side in "ba":
        whole, digest = block.side(side), block.digest(side)
        expected = sketch_rows(whole, sketch_signs(whole.shape, WANTED))
        assert expected.shape[0] < whole.shape[0]
        torch.testing.assert_close(digest.sketch, expected)
        grams = factor_grams(whole, block.ranks)
        assert [x.shape for x in digest.grams] == [x.shape for x in grams]
        for got, gram in zip(digest.grams, grams, strict=True):
            torch.testing.assert_close(got, gram, rtol=1e-5, atol=1e-4)
        energy = float(whole.double().square().sum())
        assert digest.energy == pytest.approx(energy, rel=1e-6)
        assert plain.digest(side).energy == pytest.approx(energy, rel=1e-6)
        assert plain.digest(side).grams == ()


def test_a_sketch_that_is_there_gives_the_span_that_top_span_would_find(sources, monkeypatch):
    block = one_block(sources)
    for side in "ba":
        whole, sketch = block.side(side), block.digest(side).sketch
        expected = top_span(whole, WANTED)
        wider = top_span(whole, WANTED + 1, sketch=sketch)  # which is not for so many
        torch.testing.assert_close(wider.energies, top_span(whole, WANTED + 1).energies)
        with monkeypatch.context() as patched:
            patched.setattr(spans, "sketch_rows", rows_of_rows_only(whole))
            got = top_span(whole, WANTED, sketch=sketch)
        torch.testing.assert_close(got.energies, expected.energies, rtol=1e-5, atol=0.0)
        assert relative(got.basis @ got.coordinates, expected.basis @ expected.coordinates) < 1e-3


def rows_of_rows_only(whole):
    """A ``sketch_rows`` that refuses the columns themselves."""

    def checked(columns, signs):
        assert columns.shape[0] < whole.shape[0]
        return sketch_rows(columns, signs)

    return checked


def test_there_is_a_sketch_only_where_it_can_be_used(sources):
    reader = ColumnReader(sources, block_bytes=40_000)
    blocks = list(reader.blocks("m", (WANTED, WANTED)))
    assert len(blocks) > 1
    assert all(block.digest(side).sketch is None for block in blocks for side in "ba")
    loaded = one_block([WholeFactors(source) for source in sources], with_grams=True)
    assert loaded.digest("b").sketch is None
    (exact,) = ColumnReader(sources).blocks("m", (50, WANTED))
    assert exact.digest("b").sketch is None
    assert exact.digest("a").sketch is not None
    (unasked,) = ColumnReader(sources).blocks("m")
    assert unasked.digest("a").sketch is None


@pytest.mark.parametrize("objective", ["factors", "product"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_phase_1_does_not_depend_on_how_adapters_are_read(tmp_path, objective, dtype):
    sources = write_adapters(tmp_path, MIXED, MIXED, [dtype] * len(MIXED), SHAPE)
    options = InitOptions(FixedComponents(WANTED), objective=objective)
    first = init_subspace(sources, options)
    second = init_subspace([WholeFactors(source) for source in sources], options)
    for name in ("t0", "t3", "t9"):
        got, expected = (delta_weight(subspace, name, "m") for subspace in (first, second))
        assert relative(got, expected) < 1e-2
    for side in "ba":
        known, other = (getattr(x.moments["m"], side) for x in (first, second))
        assert known.energy == pytest.approx(other.energy, rel=1e-5)
        torch.testing.assert_close(known.gram.trace(), other.gram.trace(), rtol=1e-4, atol=0.0)


@pytest.mark.parametrize("rank", [1, 3, 8])
@pytest.mark.parametrize(("n", "rows"), [(60, 20), (50, 20), (15, 20)])
def test_sketches_of_factors_do_not_depend_on_their_memory_order(rank, n, rows):
    signs = row_signs(n, rows, 0)
    factors = torch.randn(4, rank, n, generator=torch.Generator().manual_seed(0))
    expected = sketch_rows(factors.flatten(0, 1).T, signs).T
    for stored in (factors, factors.mT.contiguous().mT):
        out = torch.empty(4 * rank, signs.num_rows)
        sketch_factors(stored, signs, out)
        torch.testing.assert_close(out, expected)


def test_groups_keep_within_the_stage_on_both_sides(tmp_path):
    sources = write_adapters(tmp_path, MIXED, MIXED, [torch.float32] * len(MIXED), (10, 90))
    parts = [stacking.open_part(source, "m") for source in sources]
    groups = list(stacking._groups(parts, 1000))
    assert [part for group in groups for part in group] == parts
    assert all(90 * sum(part.rank for part in group) <= 1000 for group in groups)
    assert [len(group) for group in stacking._groups(parts, 1)] == [1] * len(parts)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ranks", [(8, 4, 12), (8, 2, 6), (2, 2, 4, 8), (3, 5)])
def test_factors_are_placed_bit_by_bit(tmp_path, dtype, ranks):
    sources = write_adapters(tmp_path, ranks, ranks, [dtype] * len(ranks), (11, 7))
    for source in sources:
        path = tmp_path / source.name / "adapter_model.safetensors"
        path.write_bytes(
            path.read_bytes()[:-12] + b"\x00\x00\x80\x7f\x01\x00\xc0\x7f\xff\xff\xff\xff"
        )
    parts = [stacking.open_part(source, "m") for source in sources]
    factors = [source.load_module("m").b for source in sources]
    staged = [factor[None].clone() for factor in factors]
    b = torch.empty(11, sum(ranks), dtype=dtype)
    stacking._place(parts, staged, b)
    bits = torch.int32 if dtype == torch.float32 else torch.int64
    assert torch.equal(b.view(bits), torch.cat(factors, dim=1).view(bits))
