"""What holds of subspaces whatever their tasks: expand, remove, convert, allocate, distances."""

import itertools
import math

import pytest
import torch
from adapters import SHAPES, random_adapter
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.share.analysis import basis_defects, explained_variance, grassmann_distance
from sleepy_coder.share.choice import ByteBudget, FixedComponents, SideSpectrum, allocate
from sleepy_coder.share.expand import expand
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.linalg import principal_angles
from sleepy_coder.share.tasks import add_task, convert, delta_weight, module_moments, remove_task

seeds = st.integers(0, 2**16)
counts = st.integers(2, 5)
components = st.integers(1, 8)


def learned(seed, count, k, **options):
    sources = [random_adapter(f"task{i}", seed + i, rank=1 + i % 3) for i in range(count)]
    return init_subspace(sources, InitOptions(FixedComponents(k), **options))


def assert_same_moments(first, second):
    assert set(first) == set(second)
    for module, side in itertools.product(first, ("a", "b")):
        got, expected = getattr(first[module], side), getattr(second[module], side)
        torch.testing.assert_close(got.gram, expected.gram)
        torch.testing.assert_close(got.total, expected.total)
        assert got.count == expected.count
        assert got.energy == pytest.approx(expected.energy)


@given(seeds, counts, components, st.integers(1, 30), st.booleans())
def test_expanding_adds_directions_and_changes_nothing_else(seed, count, k, phi, has_toward):
    subspace = learned(seed, count, k)
    toward = [random_adapter("new", seed + 99, rank=2)] if has_toward else []
    larger = expand(subspace, phi, toward=toward, seed=2**20 + seed)  # not the adapters' numbers
    assert max(max(sides) for sides in basis_defects(larger).values()) < 1e-5
    for module, basis in subspace.bases.items():
        for side in ("basis_a", "basis_b"):
            old, new = getattr(basis, side), getattr(larger.bases[module], side)
            assert new.shape[1] == min(old.shape[1] + phi, len(old))
            assert torch.equal(new[:, : old.shape[1]], old)
    for name, module in itertools.product(subspace.tasks, SHAPES):
        torch.testing.assert_close(
            delta_weight(larger, name, module), delta_weight(subspace, name, module)
        )
    assert explained_variance(larger) == explained_variance(subspace)


@given(seeds, counts, components, st.sampled_from(["factors", "product"]), st.data())
def test_removing_tasks_in_any_order_leaves_the_others_and_their_moments(
    seed, count, k, objective, data
):
    subspace = learned(seed, count, k, objective=objective)
    going = data.draw(st.lists(st.sampled_from(sorted(subspace.tasks)), min_size=1, unique=True))
    less = subspace
    for name in going:
        less = remove_task(less, name)
    left = {name: task for name, task in subspace.tasks.items() if name not in going}
    assert less.tasks == left
    assert less.bases == subspace.bases
    if left:
        expected = {
            module: module_moments([task[module] for task in left.values()], subspace)
            for module in SHAPES
        }
        assert_same_moments(less.moments, expected)


@given(seeds, counts, components, st.sampled_from(["factors", "product"]))
def test_adding_back_what_was_removed_gives_the_same_moments(seed, count, k, objective):
    subspace = learned(seed, count, k, objective=objective)
    recounted = remove_task(add_task(subspace, "copy", subspace.tasks["task0"]), "copy")
    back = add_task(remove_task(recounted, "task0"), "task0", subspace.tasks["task0"])
    assert_same_moments(back.moments, recounted.moments)


@given(seeds, counts, components)
def test_converting_to_a_wider_dtype_and_back_changes_no_bit(seed, count, k):
    subspace = learned(seed, count, k)
    back = convert(convert(subspace, torch.float64), torch.float32)
    for module, basis in subspace.bases.items():
        assert torch.equal(back.bases[module].basis_a, basis.basis_a)
        assert torch.equal(back.bases[module].basis_b, basis.basis_b)
        for name, task in subspace.tasks.items():
            assert torch.equal(back.tasks[name][module].coef_a, task[module].coef_a)
            assert torch.equal(back.tasks[name][module].coef_b, task[module].coef_b)
    assert back.moments == subspace.moments


@given(seeds, counts, components, st.sampled_from([torch.bfloat16, torch.float16]))
def test_converting_to_half_precision_rounds_every_number_once(seed, count, k, dtype):
    subspace = learned(seed, count, k)
    half = convert(subspace, dtype)
    info = torch.finfo(dtype)
    for module, basis in half.bases.items():
        pairs = [(basis, subspace.bases[module], ("basis_a", "basis_b"))]
        pairs += [
            (task[module], subspace.tasks[name][module], ("coef_a", "coef_b"))
            for name, task in half.tasks.items()
        ]
        for new, old, fields in pairs:
            for field in fields:
                got, expected = getattr(new, field), getattr(old, field)
                assert got.dtype == dtype
                bound = info.eps / 2 * expected.abs() + info.smallest_normal
                assert bool(((got.float() - expected).abs() <= bound).all())


gains = st.lists(st.floats(0.0, 1e3), min_size=1, max_size=6)
offers = st.lists(st.tuples(gains, st.integers(1, 50)), min_size=1, max_size=5)


def spectra_of(offered):
    return {
        (f"m{i}", "a"): SideSpectrum(torch.tensor(sorted(gains, reverse=True)).double(), cost)
        for i, (gains, cost) in enumerate(offered)
    }


@given(offers, st.integers(0, 400))
def test_a_byte_budget_is_kept_and_what_is_left_buys_no_direction(offered, more):
    spectra = spectra_of(offered)
    budget = sum(cost for _, cost in offered) + more
    chosen = allocate(spectra, ByteBudget(budget))
    assert set(chosen) == set(spectra)
    left = budget - sum(n * spectra[key].bytes_per_direction for key, n in chosen.items())
    assert left >= 0
    for key, count in chosen.items():
        assert 1 <= count <= len(spectra[key].gains)
        assert count == len(spectra[key].gains) or spectra[key].bytes_per_direction > left


@given(st.lists(gains, min_size=1, max_size=5), st.integers(1, 50), st.integers(0, 10))
def test_a_byte_budget_buys_the_largest_gains_where_all_cost_the_same(many, cost, extra):
    spectra = spectra_of([(gains, cost) for gains in many])
    chosen = allocate(spectra, ByteBudget(cost * (len(many) + extra)))
    bought = sum(float(spectra[key].gains[1:n].sum()) for key, n in chosen.items())
    rest = sorted((float(g) for s in spectra.values() for g in s.gains[1:]), reverse=True)
    assert bought == pytest.approx(sum(rest[:extra]))


def distance(first, second):
    return grassmann_distance(principal_angles(first, second))


@given(seeds, st.integers(1, 5))
def test_grassmann_distance_is_a_metric_of_spans(seed, k):
    generator = torch.Generator().manual_seed(seed)
    x, y, z = torch.linalg.qr(torch.randn(3, 11, k, generator=generator).double())[0]
    turn = torch.linalg.qr(torch.randn(k, k, generator=generator).double())[0]
    move = torch.linalg.qr(torch.randn(11, 11, generator=generator).double())[0]
    between = distance(x, y)
    assert 1e-3 < between <= math.sqrt(k) * math.pi / 2
    assert distance(x, x @ turn) < 1e-7
    assert distance(y, x) == pytest.approx(between)
    assert distance(x @ turn, y) == pytest.approx(between)
    assert distance(move @ x, move @ y) == pytest.approx(between)
    assert between <= distance(x, z) + distance(z, y) + 1e-9
