"""Defects found in other implementations of Share, one test each, so that ours never has them.

Those of interchange (lost scaling on export, absolute paths) and of the layer (routing a whole
batch at once) are tested beside that code.
"""

import dataclasses
import itertools

import pytest
import torch
from adapters import SHAPES, dense, random_adapter, relative, stacked

from sleepy_coder.share.analysis import basis_defects, storage
from sleepy_coder.share.choice import ExplainedVariance, FixedComponents
from sleepy_coder.share.expand import expand
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.merge import merge
from sleepy_coder.share.subspace import ModuleCoefficients
from sleepy_coder.share.tasks import add_task, convert, delta_weight

MODULE = "model.up_proj"


def learn(sources, k=99, **options):
    return init_subspace(sources, InitOptions(FixedComponents(k), **options))


def some(count, **options):
    return [random_adapter(f"task{i}", i, **options) for i in range(count)]


def with_mean(sources, mean=2.0):
    for source in sources:
        for lora in source.modules.values():
            lora.b.add_(mean)
    return sources


def test_coefficients_are_not_cut_to_the_first_columns():
    source = random_adapter("task", 0, rank=4)
    source.modules[MODULE].b[:, 0] *= 0.01  # a cut to the first column would keep the least
    small = learn([source], pseudo_rank=1)
    values = torch.linalg.svdvals(dense(source, MODULE))
    best = float(values[1:].square().sum().sqrt() / values.square().sum().sqrt())
    error = relative(delta_weight(small, "task", MODULE), dense(source, MODULE))
    assert error == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize("center", [False, True])
def test_the_mean_is_restored(center):
    sources = with_mean(some(6), mean=20.0)
    subspace = learn(sources, k=1, center=center)
    for source in sources:
        columns, _ = stacked([source], MODULE)
        basis = subspace.bases[MODULE].basis_b.double()
        # dropping the mean would miss nearly everything
        assert relative(basis @ (basis.T @ columns), columns) < 0.15


def test_zero_coefficients_change_nothing_even_about_a_mean():
    subspace = learn(with_mean(some(4)), k=5, center=True)
    basis = subspace.bases[MODULE]
    zero = ModuleCoefficients(
        torch.zeros(basis.basis_b.shape[1], 1), torch.zeros(basis.basis_a.shape[1], 1)
    )
    assert not delta_weight(add_task(subspace, "zero", {MODULE: zero}), "zero", MODULE).any()


def test_every_side_and_module_has_its_own_k():
    flat, steep = some(6), some(6)
    for one, other in zip(flat, steep, strict=True):
        lora = other.modules[MODULE]
        shared = random_adapter("shared", 99, rank=1).modules[MODULE].b
        one.modules[MODULE] = dataclasses.replace(lora, b=shared @ torch.ones(1, 3) + lora.b * 1e-3)
    bases = init_subspace(flat, InitOptions(ExplainedVariance(0.9))).bases
    assert bases[MODULE].basis_b.shape[1] == 1
    assert bases[MODULE].basis_a.shape[1] > 8
    assert bases["model.q_proj"].basis_b.shape[1] > 8


def test_alpha_is_not_ignored():
    sources = [random_adapter("weak", 0, scaling=0.5), random_adapter("strong", 1, scaling=8.0)]
    subspace = learn(sources)
    for source in sources:
        assert relative(delta_weight(subspace, source.name, MODULE), dense(source, MODULE)) < 1e-5


def test_adapters_of_different_rank_and_alpha_mix():
    sources = [random_adapter(f"task{r}", r, rank=r, scaling=16 / r) for r in (1, 2, 4, 8)]
    subspace = learn(sources)
    for source in sources:
        assert relative(delta_weight(subspace, source.name, MODULE), dense(source, MODULE)) < 1e-5


def test_expanding_flips_no_sign():
    subspace = learn(some(3), k=5)
    for seed in range(5):
        larger = expand(subspace, 3, seed=seed)
        for module, basis in subspace.bases.items():
            assert torch.equal(larger.bases[module].basis_b[:, :5], basis.basis_b)
            for task in subspace.tasks:
                before = delta_weight(subspace, task, module)
                torch.testing.assert_close(delta_weight(larger, task, module), before)


def test_expanding_and_merging_keep_what_was_trained_in_the_new_directions():
    larger = expand(learn(some(2), k=4), 3)
    rows = larger.bases[MODULE].basis_b.shape[1]
    generator = torch.Generator().manual_seed(0)
    trained = ModuleCoefficients(
        torch.randn((rows, 1), generator=generator), torch.randn((rows, 1), generator=generator)
    )
    learned = add_task(larger, "trained", {MODULE: trained})
    merged = merge(learned, [], choice=FixedComponents(99)).subspace
    before = delta_weight(learned, "trained", MODULE)
    assert relative(delta_weight(merged, "trained", MODULE), before) < 1e-5


def test_more_components_than_the_data_has_rank():
    source = random_adapter("task", 0, rank=2)
    subspace = learn([source], k=16)
    assert subspace.bases[MODULE].basis_b.shape == (40, 2)  # no null-space directions
    assert subspace.bases[MODULE].basis_b.is_floating_point()
    assert max(max(sides) for sides in basis_defects(subspace).values()) < 1e-5
    wide = learn(some(12, rank=4), k=64)  # more columns than rows: the whole space, no more
    assert wide.bases[MODULE].basis_a.shape == (20, 20)
    assert max(max(sides) for sides in basis_defects(wide).values()) < 1e-5


def test_merging_works_where_inputs_and_outputs_differ_and_keeps_the_new_adapter():
    sources = some(4)
    merged = merge(learn(sources[:2]), sources[2:], choice=FixedComponents(99)).subspace
    assert set(merged.tasks) == {source.name for source in sources}
    for source, (module, shape) in itertools.product(sources, SHAPES.items()):
        got = delta_weight(merged, source.name, module)
        assert got.shape == shape
        assert relative(got, dense(source, module)) < 1e-5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_adapters_are_accepted(dtype):
    sources = some(3, dtype=dtype)
    merged = merge(learn(sources[:2]), sources[2:], choice=FixedComponents(99)).subspace
    for source in sources:
        assert relative(delta_weight(merged, source.name, MODULE), dense(source, MODULE)) < 1e-5


def test_half_precision_halves_the_bytes():
    subspace = learn(some(2))
    half = convert(subspace, torch.bfloat16)
    assert storage(half, 8).basis_bytes * 2 == storage(subspace, 8).basis_bytes
    assert storage(half, 8).task_bytes * 2 == storage(subspace, 8).task_bytes
