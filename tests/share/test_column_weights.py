"""Weights that make the columns' energy that of ΔW: never applied to wide columns, yet the same."""

import pytest
import torch
from adapters import MemoryAdapter, dense, projector, random_adapter, relative
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.share.choice import FixedComponents
from sleepy_coder.share.columns import ColumnReader
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.spans import top_span
from sleepy_coder.share.subspace import LoraModule
from sleepy_coder.share.tasks import delta_weight
from sleepy_coder.share.weights import (
    factor_grams,
    join_runs,
    product_energy,
    pull,
    square_roots,
    tall_grams,
    traces,
    weigh,
)

ranks_of_adapters = st.lists(st.integers(1, 5), min_size=1, max_size=6)


def draw(seed, *shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype)


def some_weights(other, ranks):
    return square_roots(factor_grams(other, ranks))


@given(st.integers(0, 2**16), ranks_of_adapters, st.booleans())
def test_weighted_columns_have_the_second_moment_of_the_products(seed, ranks, has_zeros):
    columns = draw(seed, 9, sum(ranks), dtype=torch.float64)
    other = draw(seed + 1, 7, sum(ranks), dtype=torch.float64)
    if has_zeros:
        other[:, : ranks[0]] = 0.0
    pairs = zip(columns.split(ranks, 1), other.split(ranks, 1), strict=True)
    products = torch.cat([own @ across.T for own, across in pairs], dim=1)
    weights = some_weights(other, ranks)
    weighted = weigh(columns, weights)
    torch.testing.assert_close(weighted @ weighted.T, products @ products.T)
    energy = product_energy(factor_grams(columns, ranks), factor_grams(other, ranks))
    assert energy == pytest.approx(float(products.square().sum()))
    assert traces(factor_grams(columns, ranks)) == pytest.approx(float(columns.square().sum()))
    right = draw(seed + 2, sum(ranks), 3, dtype=torch.float64)
    torch.testing.assert_close(weighted @ right, columns @ pull(right, weights))


@pytest.mark.parametrize("rank", [1, 3, 8, 24])
@pytest.mark.parametrize("num_rows", [64, 50, 7])
def test_gram_matrices_of_staged_factors_are_those_of_each(rank, num_rows):
    factors = draw(0, 5, num_rows, rank)
    expected = factors.double().mT @ factors.double()
    torch.testing.assert_close(tall_grams(factors), expected, rtol=1e-5, atol=1e-4)
    side_by_side = factors.transpose(0, 1).reshape(num_rows, -1)
    (got,) = factor_grams(side_by_side, [rank] * 5)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-4)


def test_neighbours_of_one_rank_are_joined():
    blocks = [torch.zeros(2, 3, 3), torch.ones(1, 3, 3), torch.zeros(1, 2, 2), torch.ones(1, 3, 3)]
    assert [tuple(x.shape) for x in join_runs(blocks)] == [(3, 3, 3), (1, 2, 2), (1, 3, 3)]


@pytest.mark.parametrize("shape", [(900, 240), (240, 896), (60, 40)])  # the last one is exact
@pytest.mark.parametrize("is_mixed", [False, True])
@pytest.mark.parametrize("is_transposed", [False, True])
def test_weighing_as_one_goes_equals_weighing_first(shape, is_mixed, is_transposed):
    n, c = shape
    ranks = [6, 2] * (c // 8) if is_mixed else [4] * (c // 4)
    shared = draw(0, n, 9) @ draw(1, 9, c)
    columns, other = shared + draw(2, n, c), draw(3, 50, c)
    columns[:, :4] = 0.0
    other[:, 4:12] = 0.0
    columns = columns.T.contiguous().T if is_transposed else columns
    weights = some_weights(other, ranks)
    weighted = weigh(columns, weights)
    for steps in (1, 8):
        got = top_span(columns, 9, weights, max_steps=steps)
        expected = top_span(weighted, 9, max_steps=steps)  # with the same signs in its sketch
        assert relative(got.coordinates, got.basis.T @ columns) < 1e-5
        torch.testing.assert_close(got.energies[:9], expected.energies[:9], rtol=1e-4, atol=0.0)
        assert relative(projector(got.basis[:, :9]), projector(expected.basis[:, :9])) < 1e-3
    squares = torch.linalg.svdvals(weighted.double()).square()
    missing = float(squares.sum() - got.energies[:9].sum())
    assert missing < 1.01**2 * float(squares[9:].sum())


def test_a_reader_takes_the_gram_matrices_it_is_asked_for():
    sources = [random_adapter(f"task{i}", i, rank=1 + i // 2, scaling=2.0) for i in range(4)]
    (asked,) = ColumnReader(sources, with_grams=True).blocks("model.q_proj")
    (plain,) = ColumnReader(sources).blocks("model.q_proj")
    with pytest.raises(ValueError, match="with_grams"):
        plain.weights("b", "product")
    assert plain.weights("b", "factors") == ()
    for side in "ba":
        energies = [block.energy(side, "factors") for block in (asked, plain)]
        assert energies[0] == pytest.approx(energies[1], rel=1e-5)
    whole = sum(float(dense(source, "model.q_proj").square().sum()) for source in sources)
    assert asked.energy("b", "product") == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("block_bytes", [2**28, 60_000])
def test_zero_factors_and_mixed_ranks_go_through_phase_1(block_bytes):
    shapes = {"m": (150, 140)}
    sources = [
        random_adapter(f"task{i}", i, rank=2 + 3 * (i % 2), shapes=shapes) for i in range(60)
    ]
    for source in sources[::7]:
        source.modules["m"].b.zero_()
    options = InitOptions(FixedComponents(12), objective="product", block_bytes=block_bytes)
    subspace = init_subspace(sources, options)
    lost = sum(
        float((delta_weight(subspace, source.name, "m") - dense(source, "m")).square().sum())
        for source in sources
    )
    products = torch.cat([dense(source, "m") for source in sources], dim=1)
    turned = torch.cat([dense(source, "m").T for source in sources], dim=1)
    whole = float(products.square().sum())
    tails = [float(torch.linalg.svdvals(x)[12:].square().sum()) for x in (products, turned)]
    assert max(tails) <= lost <= 1.03 * sum(tails)
    for side in "ba":
        moments = getattr(subspace.moments["m"], side)
        assert moments.energy == pytest.approx(whole, rel=1e-5)
        assert float(moments.gram.trace()) <= whole
    assert not subspace.tasks["task0"]["m"].coef_b.any()
    assert subspace.tasks["task0"]["m"].coef_a.any()


@pytest.mark.parametrize("kind", ["mean", "no-mean", "common-init"])
def test_the_product_objective_has_the_lower_error_on_every_kind_of_data(kind):
    sources = like_trained(kind, count=40, shape=(320, 200), rank=4)
    lost = {}
    for objective in ("factors", "product"):
        options = InitOptions(FixedComponents(12), objective=objective)
        subspace = init_subspace(sources, options)
        lost[objective] = sum(
            float((delta_weight(subspace, source.name, "m") - dense(source, "m")).square().sum())
            for source in sources
        )
    assert lost["product"] < lost["factors"]


def like_trained(kind, *, count, shape, rank):
    """Adapters with eight directions in common, noise, and what the kind adds (as benchmarked)."""
    bases = [draw(i, rows, 8) for i, rows in enumerate(shape)]
    start = draw(90, shape[1], rank)
    mean = [draw(91, shape[0], 1), start[:, :1]]
    sources = []
    for i in range(count):
        b, a = (
            0.9 * basis @ draw(100 + 4 * i + j, 8, rank) / 8**0.5
            + 0.4 * draw(102 + 4 * i + j, basis.shape[0], rank)
            + (0.3 * mean[j] if kind == "mean" else 0.0)
            for j, basis in enumerate(bases)
        )
        a = 0.5 * a + 0.5 * start if kind == "common-init" else a
        sources.append(MemoryAdapter(f"task{i}", {"m": LoraModule(a.T.contiguous(), b, 2.0)}))
    return sources
