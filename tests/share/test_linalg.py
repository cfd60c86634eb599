"""The Share library's linear algebra against float64 references; shapes checked as they pass."""

# ruff: noqa: F722 - jaxtyping writes shapes as strings

import math

import pytest
import torch
from adapters import leading, projector, relative
from beartype import beartype
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float, Float64, jaxtyped
from torch import Tensor

from sleepy_coder.share import linalg, spans
from sleepy_coder.share.sketch import row_signs, sketch_rows

checked = jaxtyped(typechecker=beartype)


@checked
def orthonormalize(x: Float[Tensor, "n c"], **kw) -> Float[Tensor, "n k"]:
    return linalg.orthonormalize(x, **kw)


@checked
def complement(basis: Float[Tensor, "n k"], x: Float[Tensor, "n c"]) -> Float[Tensor, "n j"]:
    return linalg.complement(basis, x)


@checked
def top_span(
    x: Float[Tensor, "n c"], components: int, **kw
) -> tuple[Float[Tensor, "n k"], Float[Tensor, "k c"], Float64[Tensor, " k"]]:
    return spans.top_span(x, components, **kw)


@checked
def fold_columns(
    kept: Float[Tensor, "n _"], block: Float[Tensor, "n _"], width: int
) -> tuple[Float[Tensor, "n k"], float]:
    return spans.fold_columns(kept, block, width)


@checked
def gram(x: Float[Tensor, "n c"]) -> Float64[Tensor, "c c"]:
    return linalg.gram(x)


@checked
def reduce_product(
    left: Float[Tensor, "*t m r"], right: Float[Tensor, "*t n r"], rank: int
) -> tuple[Float[Tensor, "*t m p"], Float[Tensor, "*t n p"]]:
    return linalg.reduce_product(left, right, rank)


@checked
def product_norm(
    left: Float[Tensor, "*t m r"], right: Float[Tensor, "*t n r"]
) -> Float64[Tensor, "*t"]:
    return linalg.product_norm(left, right)


@checked
def principal_angles(x: Float[Tensor, "n k"], y: Float[Tensor, "n l"]) -> Float64[Tensor, " m"]:
    return linalg.principal_angles(x, y)


def draw(seed, *shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def with_spectrum(seed, n, c, spectrum):
    left = torch.linalg.qr(draw(seed, n, len(spectrum), dtype=torch.float64))[0]
    right = torch.linalg.qr(draw(seed + 1, c, len(spectrum), dtype=torch.float64))[0]
    return ((left * torch.as_tensor(spectrum, dtype=torch.float64)) @ right.T).float()


def defect(basis):
    wide = basis.double()
    return float((wide.T @ wide - torch.eye(wide.shape[1])).abs().max()) if wide.numel() else 0.0


seeds = st.integers(0, 2**20)
sizes = st.integers(1, 24)


@given(seeds, sizes, sizes)
def test_orthonormalize_is_orthonormal_and_spans(seed, n, c):
    columns = draw(seed, n, min(n, c))
    basis = orthonormalize(columns)
    assert defect(basis) < 1e-5
    assert relative(basis @ (basis.T @ columns), columns) < 1e-4


def test_orthonormalize_holds_at_a_condition_number_that_a_float32_gram_matrix_loses():
    columns = with_spectrum(0, 200, 12, [10.0**-i for i in torch.linspace(0, 4.5, 12).tolist()])
    basis = orthonormalize(columns)
    assert basis.shape == (200, 12)
    assert defect(basis) < 1e-5


def test_the_second_pass_of_orthonormalize_mends_what_the_first_loses():
    spectrum = [10.0**-i for i in torch.linspace(0, 5.3, 12).tolist()]
    bases = [orthonormalize(with_spectrum(seed, 200, 12, spectrum)) for seed in range(4)]
    assert all(basis.shape == (200, 12) for basis in bases)
    assert max(defect(basis) for basis in bases) < 3e-6


def test_orthonormalize_finds_the_rank():
    columns = draw(1, 30, 4) @ draw(2, 4, 9)
    assert orthonormalize(columns).shape == (30, 4)
    assert orthonormalize(torch.zeros(5, 3)).shape == (5, 0)


def test_orthonormalize_drops_what_is_below_the_floor():
    columns = torch.diag(torch.tensor([1.0, 0.1, 0.01]))
    assert orthonormalize(columns, floor=0.05).shape == (3, 2)


@given(seeds, st.integers(1, 12), st.integers(1, 12))
def test_complement_completes_the_span(seed, k, c):
    basis = orthonormalize(draw(seed, 30, k))
    columns = draw(seed + 1, 30, c)
    extra = complement(basis, columns)
    both = torch.cat([basis, extra], dim=1)
    assert extra.shape[1] == min(c, 30 - k)
    assert defect(both) < 1e-5
    assert relative(both @ (both.T @ columns), columns) < 1e-5


@given(seeds, st.floats(1e-3, 1e3))
def test_complement_of_what_is_inside_is_empty(seed, scale):
    basis = orthonormalize(draw(seed, 40, 6))
    assert complement(basis, scale * (basis @ draw(seed + 1, 6, 9))).shape == (40, 0)


def test_complement_of_nearly_inside_is_orthogonal():
    basis = orthonormalize(draw(0, 100, 8))
    columns = basis @ draw(1, 8, 3) + 1e-3 * draw(2, 100, 3)
    both = torch.cat([basis, complement(basis, columns)], dim=1)
    assert both.shape == (100, 11)
    assert defect(both) < 1e-5


def test_gram_and_energy_sum_over_chunks():
    columns = draw(0, 2 * linalg.CHUNK_ROWS + 17, 3)
    wide = columns.double()
    torch.testing.assert_close(gram(columns), wide.T @ wide)
    for turned in (columns, columns.T, columns.T.contiguous().T, columns.T.contiguous()):
        assert linalg.energy(turned) == pytest.approx(float(wide.square().sum()), rel=1e-6)


@given(seeds, st.integers(2, 30), st.integers(2, 30), st.integers(1, 12))
def test_top_span_holds_the_leading_singular_vectors(seed, n, c, k):
    columns = draw(seed, n, c)
    span = top_span(columns, k, oversampling=0)
    count = min(k, n, c)
    assert defect(span[0]) < 1e-5
    assert relative(span[1], span[0].T @ columns) < 1e-5
    best = float(torch.linalg.svdvals(columns.double())[:count].square().sum())
    assert linalg.energy(span[1]) == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("shape", [(900, 160), (160, 900), (400, 400)])
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_randomized_span_is_within_one_percent_of_exact(shape, power):
    spectrum = torch.arange(1, 161, dtype=torch.float64) ** -power
    columns = with_spectrum(3, *shape, spectrum)
    span = top_span(columns, 16)
    assert span[0].shape[1] < 30  # the randomized way was taken
    assert defect(span[0]) < 1e-5
    kept = torch.linalg.svdvals(span[1].double())[:16].square().sum()
    squares = spectrum.square()
    ratio = float((squares.sum() - kept) / squares[16:].sum())
    assert 1.0 - 5e-3 < ratio < 1.01**2


def test_randomized_span_survives_energy_in_one_row():
    columns = with_spectrum(5, 900, 160, torch.ones(160))
    columns[417] *= 1000
    span = top_span(columns, 8)
    left = linalg.reject(span[0], columns[:, :]).square().sum()
    best = torch.linalg.svdvals(columns.double())[8:].square().sum()
    assert float(left / best) < 1.02


def test_span_of_nothing_is_empty():
    for dtype in (torch.float32, torch.float64):
        span = top_span(torch.zeros(300, 200, dtype=dtype), 8)
        assert span[0].shape == (300, 0)
        assert span[1].shape == (0, 200)


def test_randomized_span_of_low_rank_is_exact():
    columns = draw(0, 500, 5) @ draw(1, 5, 200)
    span = top_span(columns, 8)
    assert span[0].shape == (500, 5)
    assert relative(span[0] @ span[1], columns) < 1e-5


def test_randomized_span_of_transposed_memory_is_the_same():
    columns = with_spectrum(7, 500, 200, torch.arange(1, 201) ** -1.0)
    turned = columns.T.contiguous().T
    assert relative(projector(top_span(turned, 9)[0]), projector(top_span(columns, 9)[0])) < 1e-3


def test_sketch_has_the_gram_matrix_of_the_columns_in_expectation():
    columns = draw(0, 42, 5) + 1.0  # a mean, which signs must not let add up
    drawn = [sketch_rows(columns, row_signs(42, 11, seed)) for seed in range(500)]
    assert drawn[0].shape == (11, 5)
    mean = torch.stack([gram(sketched) for sketched in drawn]).mean(dim=0)
    assert relative(mean, gram(columns)) < 0.05


def test_iteration_stops_when_another_step_would_gain_nothing(monkeypatch):
    steps = []
    original = spans.capture
    monkeypatch.setattr(spans, "capture", lambda *x: steps.append(1) or original(*x))
    top_span(draw(0, 500, 6) @ draw(1, 6, 200) + 0.1 * draw(2, 500, 200), 6)
    assert len(steps) == 1
    top_span(with_spectrum(4, 900, 160, torch.arange(1, 161) ** -3.0), 16)
    assert len(steps) < 5  # what is missing is rounding noise: no reason to go on


@pytest.mark.parametrize("is_transposed", [False, True])
@pytest.mark.parametrize("has_onednn", [False, True])
def test_one_pass_gives_both_products(monkeypatch, has_onednn, is_transposed):
    if not has_onednn:
        monkeypatch.setattr(spans, "_ONEDNN_LINEAR", None)
    columns = draw(0, 2 * spans.CACHED_ROWS + 5, 30)
    columns = columns.T.contiguous().T if is_transposed else columns
    right = draw(1, 30, 7)
    found, across = spans.capture(columns, right)
    exact = columns.double() @ right.double()
    assert relative(found, exact) < 1e-6
    assert relative(across, exact.T @ columns.double()) < 1e-6


@pytest.mark.parametrize("turned", ["neither", "left", "right", "part"])
def test_products_with_a_transpose_do_not_depend_on_the_memory_order(turned):
    left, right = draw(0, 20, 9), draw(1, 13, 9)
    expected = left.double() @ right.double().T
    if turned == "left":
        left = left.T.contiguous().T
    elif turned == "right":
        right = right.T.contiguous().T
    elif turned == "part":
        right = draw(1, 13, 9).repeat(1, 2)[:, :9]
    assert relative(spans.times_transposed(left, right), expected) < 1e-6


@pytest.mark.parametrize("scales", [torch.ones(6), 10.0 ** -torch.arange(6.0)])
def test_orthonormalizing_keeps_what_was_found_and_its_sketch(scales):
    columns = draw(0, 300, 40)
    right = torch.linalg.qr(draw(1, 40, 6))[0] * scales
    found = columns @ right
    sketch = draw(2, 20, 300)
    got, across, seen, mixing = spans.well_conditioned(
        columns, right, found, found.T @ columns, sketch @ found
    )
    basis = got.double() @ mixing
    assert defect(basis) < 1e-5
    assert relative(projector(basis), projector(torch.linalg.qr(found.double())[0])) < 1e-4
    assert relative(across, got.T @ columns) < 1e-5
    assert relative(seen.double() @ mixing, sketch.double() @ basis) < 1e-3


def test_singular_vectors_over_values_are_made_orthonormal_at_any_condition_number():
    columns = with_spectrum(6, 400, 50, 10.0 ** -torch.linspace(0, 4, 50))
    _, values, right = torch.linalg.svd(columns.double(), full_matrices=False)
    scaled = (right[:9] / values[:9, None]).T.float()
    found, across = spans.capture(columns, scaled)
    got, _, _, mixing = spans.well_conditioned(columns, scaled, found, across, found[:20])
    assert got is found  # no further pass
    assert defect(got.double() @ mixing) < 1e-5


def test_spans_leave_the_global_random_state_alone():
    torch.manual_seed(4)
    before = torch.get_rng_state()
    top_span(draw(0, 500, 200), 8)
    assert torch.equal(before, torch.get_rng_state())


def test_a_span_turned_into_its_principal_axes_still_sees_the_columns():
    generator = torch.Generator().manual_seed(3)
    columns = torch.randn(40, 12, generator=generator)
    basis, _ = torch.linalg.qr(torch.randn(40, 5, generator=generator))
    span = spans.rotate_span(basis, basis.T @ columns)
    torch.testing.assert_close(span.coordinates, span.basis.T @ columns)
    inner = span.coordinates @ span.coordinates.T
    torch.testing.assert_close(inner, torch.diag(span.energies).float(), atol=1e-4, rtol=1e-4)


def test_eigenvectors_come_from_below_the_diagonal():
    square = torch.randn(6, 6, generator=torch.Generator().manual_seed(1))
    symmetric = square @ square.T
    found = linalg.descending_eigh(symmetric.tril() + 100 * torch.ones(6, 6).triu(1))
    for got, expected in zip(found, linalg.descending_eigh(symmetric), strict=True):
        torch.testing.assert_close(got, expected)


def test_exact_span_ignores_directions_that_are_rounding():
    for shape in ((40, 12), (12, 40)):
        for dtype in (torch.float32, torch.float64):
            columns = draw(0, shape[0], 3, dtype=dtype) @ draw(1, 3, shape[1], dtype=dtype)
            assert top_span(columns, 10)[0].shape[1] == 3


@given(seeds, st.integers(2, 10))
def test_folding_keeps_its_bound(seed, k):
    blocks = [draw(seed + i, 30, 12) * (i + 1) for i in range(4)]
    whole = torch.cat(blocks, dim=1).double()
    kept, dropped = blocks[0][:, :0], 0.0
    for block in blocks:
        kept, more = fold_columns(kept, block, 15)
        dropped += more
    missing = whole @ whole.T - kept.double() @ kept.double().T
    assert float(torch.linalg.eigvalsh(missing)[0]) > -1e-3
    assert float(missing.trace()) == pytest.approx(dropped, rel=1e-3)
    found = (leading(kept, k).T @ whole).square().sum()
    best = torch.linalg.svdvals(whole)[:k].square().sum()
    assert float(found) >= float(best) - dropped - 1e-3


def test_folding_few_columns_is_exact():
    kept, dropped = fold_columns(draw(0, 9, 4), draw(1, 9, 3), 7)
    assert dropped == 0.0
    assert torch.equal(kept, torch.cat([draw(0, 9, 4), draw(1, 9, 3)], dim=1))


@given(seeds, st.integers(1, 10), st.integers(1, 10), st.integers(1, 6), st.integers(1, 7))
def test_reduce_product_is_the_best_low_rank_approximation(seed, m, n, r, rank):
    left, right = draw(seed, m, r), draw(seed + 1, n, r)
    new_left, new_right = reduce_product(left, right, rank)
    whole = left.double() @ right.double().T
    u, s, vh = torch.linalg.svd(whole)
    best = (u[:, :rank] * s[:rank]) @ vh[:rank] if rank < len(s) else whole
    assert new_left.shape[1] <= rank
    assert float((new_left.double() @ new_right.double().T - best).norm()) < 1e-4 * float(s[0])


def test_reduce_product_of_many_is_that_of_each():
    left, right = draw(0, 5, 7, 4), draw(1, 5, 6, 4)
    many = reduce_product(left, right, 2)
    for i in range(5):
        one = reduce_product(left[i], right[i], 2)
        torch.testing.assert_close(many[0][i], one[0])
        torch.testing.assert_close(many[1][i], one[1])


def test_reduce_product_is_balanced_with_positive_largest_entries():
    left, right = reduce_product(draw(0, 9, 4), 100 * draw(1, 8, 4), 4)
    torch.testing.assert_close(left.norm(dim=0), right.norm(dim=0))
    assert bool((left.gather(0, left.abs().argmax(0, keepdim=True)) > 0).all())


@given(seeds)
def test_product_norm_and_distance(seed):
    x, u, y, v = draw(seed, 3, 7, 2), draw(seed + 1, 3, 5, 2), draw(seed + 2, 3, 7, 4), None
    v = draw(seed + 3, 3, 5, 4)
    gap = x.double() @ u.double().mT - y.double() @ v.double().mT
    torch.testing.assert_close(product_norm(x, u), (x.double() @ u.double().mT).norm(dim=(1, 2)))
    torch.testing.assert_close(linalg.product_distance((x, u), (y, v)), gap.norm(dim=(1, 2)))


def test_product_distance_does_not_cancel():
    x, u = draw(0, 50, 3, dtype=torch.float64), draw(1, 40, 3, dtype=torch.float64)
    moved = x + 1e-9 * draw(2, 50, 3, dtype=torch.float64)
    expected = float(((moved - x) @ u.T).norm())
    assert float(linalg.product_distance((moved, u), (x, u))) == pytest.approx(expected, rel=1e-4)


@given(seeds, st.lists(st.floats(0.0, math.pi / 2), min_size=1, max_size=4))
def test_principal_angles_are_those_built_in(seed, angles):
    frame = torch.linalg.qr(draw(seed, 12, 12, dtype=torch.float64))[0]
    k = len(angles)
    turn = torch.tensor(sorted(angles), dtype=torch.float64)
    other = frame[:, :k] * turn.cos() + frame[:, k : 2 * k] * turn.sin()
    torch.testing.assert_close(principal_angles(frame[:, :k], other), turn, atol=1e-7, rtol=0)


def test_principal_angles_of_unequal_dimensions_and_tiny_angles():
    frame = torch.linalg.qr(draw(0, 10, 10, dtype=torch.float64))[0]
    tilted = frame[:, :2] + 1e-9 * frame[:, 5:7]
    for pair in ((tilted, frame[:, :4]), (frame[:, :4], tilted)):
        angles = principal_angles(*pair)
        torch.testing.assert_close(angles, torch.full((2,), 1e-9).double(), rtol=1e-3, atol=0)


@given(seeds, st.integers(1, 8))
def test_signs_make_the_largest_entry_positive(seed, k):
    basis = draw(seed, 11, k)
    signed = basis * linalg.sign_of_largest(basis)
    assert bool((signed.gather(0, signed.abs().argmax(0, keepdim=True)) >= 0).all())
    assert torch.equal(signed, (-basis) * linalg.sign_of_largest(-basis))


def test_of_equal_entries_the_first_decides_the_sign():
    columns = torch.tensor([[0.0, 1.0, -1.0, -2.0], [3.0, -1.0, 1.0, 1.0]])
    assert linalg.sign_of_largest(columns).tolist() == [1.0, 1.0, -1.0, -1.0]


def test_random_directions_refuse_what_has_no_room():
    basis = orthonormalize(draw(0, 6, 4))
    both = torch.cat([basis, linalg.random_directions(basis, 2, torch.Generator())], dim=1)
    assert both.shape == (6, 6)
    assert defect(both) < 1e-5
    with pytest.raises(ValueError, match="at most 2"):
        linalg.random_directions(basis, 3, torch.Generator())


@pytest.mark.parametrize(("k", "count"), [(3, 3), (6, 3), (3, 1), (17, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_random_directions_are_as_many_as_asked_where_their_seed_drew_the_basis(k, count, dtype):
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(20, count, generator=generator, dtype=torch.float64) for _ in range(k)]
    basis = orthonormalize(torch.cat(draws, 1)[:, :k].to(dtype))
    extra = linalg.random_directions(basis, count, torch.Generator().manual_seed(0))
    assert extra.shape == (20, count)
    assert defect(torch.cat([basis, extra], dim=1)) < 1e-5


@pytest.mark.parametrize("value", [torch.nan, 1e30])
def test_random_directions_give_up_beside_what_is_no_basis(value):
    with pytest.raises(ValueError, match="not orthonormal"):
        linalg.random_directions(torch.full((6, 2), value), 2, torch.Generator())


def test_half_precision_is_worked_on_in_float32():
    assert linalg.working_dtype(torch.bfloat16) == torch.float32
    assert linalg.working_dtype(torch.float16) == torch.float32
    assert linalg.working_dtype(torch.float64) == torch.float64
