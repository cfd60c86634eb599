"""The phases of Share: initialize, project, expand, merge, and what may happen to tasks."""

import dataclasses
import itertools

import pytest
import torch
from adapters import (
    SHAPES,
    MemoryAdapter,
    dense,
    leading,
    projector,
    random_adapter,
    relative,
    stacked,
)
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.errors import InputError, StoreError
from sleepy_coder.share.analysis import basis_defects, explained_variance
from sleepy_coder.share.choice import (
    ByteBudget,
    ErrorBudget,
    ExplainedVariance,
    FixedComponents,
)
from sleepy_coder.share.columns import ColumnReader
from sleepy_coder.share.expand import expand
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.merge import merge, update_bases
from sleepy_coder.share.subspace import LoraModule, ModuleCoefficients
from sleepy_coder.share.tasks import (
    add_task,
    average,
    blend,
    convert,
    delta_weight,
    lora_factors,
    project,
    remove_task,
)

seeds = st.integers(0, 2**16)
EVERYTHING = FixedComponents(99)


def fixed(count, **options):
    return InitOptions(FixedComponents(count), **options)


def adapters(count, seed=0, **options):
    return [random_adapter(f"task{i}", seed + i, **options) for i in range(count)]


def mixed(count, seed=0, **options):
    """Adapters of different ranks and scalings, one of them negative."""
    return [
        random_adapter(f"task{i}", seed + i, rank=1 + i % 3, scaling=(2.0, 0.25, -1.0)[i % 3])
        for i in range(count)
    ]


def worst_defect(subspace):
    return max(max(sides) for sides in basis_defects(subspace).values())


def same_tasks(first, second, tolerance=1e-5):
    for name, module in itertools.product(first.tasks, first.bases):
        expected = delta_weight(second, name, module)
        assert relative(delta_weight(first, name, module), expected) < tolerance


# phase 1


@given(seeds, st.integers(1, 5), st.sampled_from(["factors", "product"]))
def test_round_trip_is_exact_when_the_basis_holds_all(seed, count, objective):
    sources = mixed(count, seed)
    subspace = init_subspace(sources, fixed(99, objective=objective))
    assert worst_defect(subspace) < 1e-5
    for source, module in itertools.product(sources, SHAPES):
        assert relative(delta_weight(subspace, source.name, module), dense(source, module)) < 1e-5


@given(seeds, st.integers(1, 10))
def test_bases_are_the_leading_singular_vectors_of_the_stacked_factors(seed, k):
    sources = mixed(6, seed)
    subspace = init_subspace(sources, fixed(k))
    for module, basis in subspace.bases.items():
        for got, columns in zip(
            (basis.basis_b, basis.basis_a), stacked(sources, module), strict=True
        ):
            exact = leading(columns, k)
            captured = (got.double().T @ columns).square().sum()
            assert float(captured) == pytest.approx(
                float((exact.T @ columns).square().sum()), rel=1e-5
            )


def test_coefficients_are_the_projections():
    sources = mixed(4)
    subspace = init_subspace(sources, fixed(5))
    for source, (module, basis) in itertools.product(sources, subspace.bases.items()):
        left, right = projector(basis.basis_b), projector(basis.basis_a)
        expected = left @ dense(source, module) @ right
        assert relative(delta_weight(subspace, source.name, module), expected) < 1e-5
        projected = project(subspace, source)[module]
        kept = subspace.tasks[source.name][module]
        torch.testing.assert_close(projected.coef_b, kept.coef_b, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(projected.coef_a, kept.coef_a, atol=1e-5, rtol=1e-5)


@given(seeds, st.permutations(range(5)))
def test_order_of_adapters_does_not_matter(seed, order):
    sources = mixed(5, seed)
    first = init_subspace(sources, fixed(6))
    second = init_subspace([sources[i] for i in order], fixed(6))
    for module, basis in first.bases.items():
        torch.testing.assert_close(
            basis.basis_b, second.bases[module].basis_b, atol=2e-3, rtol=2e-3
        )
    same_tasks(first, second, 1e-3)


def test_signs_and_order_are_deterministic():
    sources = adapters(4)
    flipped = [
        MemoryAdapter(
            source.name,
            {m: LoraModule(-x.a, -x.b, x.scaling) for m, x in source.modules.items()},
        )
        for source in sources
    ]
    first, second = init_subspace(sources, fixed(5)), init_subspace(flipped, fixed(5))
    for module, basis in first.bases.items():
        torch.testing.assert_close(basis.basis_b, second.bases[module].basis_b)
        assert bool((basis.basis_a.gather(0, basis.basis_a.abs().argmax(0)[None]) > 0).all())
        gram = first.moments[module].b.gram
        assert bool((gram.diagonal().diff() <= 0).all())
        assert float((gram - gram.diagonal().diag()).abs().max()) < 1e-4 * float(gram.max())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_adapters_are_summed_in_float32(dtype):
    sources = adapters(4, dtype=dtype)
    subspace = init_subspace(sources, fixed(99))
    assert worst_defect(subspace) < 1e-5
    for source, module in itertools.product(sources, SHAPES):
        assert relative(delta_weight(subspace, source.name, module), dense(source, module)) < 1e-5


def test_product_objective_does_not_depend_on_how_the_product_is_split():
    sources = adapters(5)
    split = []
    for i, source in enumerate(sources):
        turn = torch.linalg.qr(random_adapter("x", i).modules["model.q_proj"].b[:3])[0] * (i + 1)
        split.append(
            MemoryAdapter(
                source.name,
                {
                    m: LoraModule(torch.linalg.inv(turn) @ x.a, x.b @ turn, x.scaling)
                    for m, x in source.modules.items()
                },
            )
        )
    options = fixed(6, objective="product")
    same_tasks(init_subspace(split, options), init_subspace(sources, options), 1e-3)
    paper = init_subspace(split, fixed(6)), init_subspace(sources, fixed(6))
    module = "model.q_proj"
    assert (
        relative(
            projector(paper[0].bases[module].basis_b), projector(paper[1].bases[module].basis_b)
        )
        > 0.1
    )


def test_product_objective_loses_less_of_the_product():
    # as LoRA is trained: A starts large and random, B at zero
    sources = adapters(8)
    for source in sources:
        for module, lora in source.modules.items():
            lora.b[:, 1:] *= 0.01
            source.modules[module] = dataclasses.replace(lora, b=lora.b)
    lost = {}
    for objective in ("factors", "product"):
        subspace = init_subspace(sources, fixed(6, objective=objective))
        lost[objective] = sum(
            float((delta_weight(subspace, s.name, m).double() - dense(s, m)).square().sum())
            for s, m in itertools.product(sources, SHAPES)
        )
    assert lost["product"] < 0.9 * lost["factors"]


@pytest.mark.parametrize("objective", ["factors", "product"])
def test_blocks_give_what_all_columns_at_once_give(objective):
    sources = adapters(9)
    whole = init_subspace(sources, fixed(7, objective=objective))
    blocks = init_subspace(sources, fixed(7, objective=objective, block_bytes=3000))
    same_tasks(blocks, whole, 1e-3)
    for module, known in whole.moments.items():
        torch.testing.assert_close(
            blocks.moments[module].b.gram, known.b.gram, atol=1e-2, rtol=1e-3
        )
        assert blocks.moments[module].a.energy == pytest.approx(known.a.energy, rel=1e-6)


def test_a_thousand_adapters_are_folded_in_bounded_memory():
    shapes = {"m": (320, 300)}
    shared = init_subspace([random_adapter("shared", 0, rank=12, shapes=shapes)], fixed(12)).bases
    sources = []
    for i in range(1000):
        one = random_adapter(f"task{i}", i, rank=2, shapes=shapes, within=shared)
        noise = random_adapter("noise", 5000 + i, rank=2, shapes=shapes).modules["m"]
        lora = one.modules["m"]
        lora.b.add_(0.1 * noise.b)
        lora.a.add_(0.1 * noise.a)
        sources.append(one)
    reader = ColumnReader(sources, block_bytes=10**6)
    sizes = [(block.b.numel() + block.a.numel()) * 4 for block in reader.blocks("m")]
    assert len(sizes) > 4
    assert max(sizes) <= 10**6
    subspace = init_subspace(sources, fixed(16, block_bytes=10**6))
    for side, columns in zip("ba", stacked(sources, "m"), strict=True):
        best = torch.linalg.svdvals(columns)[:16].square().sum() / columns.square().sum()
        found = getattr(explained_variance(subspace)["m"], side)
        assert (1 - found) ** 0.5 < 1.01 * (1 - float(best)) ** 0.5


def test_modules_are_streamed_one_at_a_time():
    sources = adapters(3)
    order = []
    init_subspace(sources, fixed(4), on_module=order.append)
    assert order == list(SHAPES)
    for source in sources:
        assert source.reads == list(SHAPES)  # each once: a single block is not read again


def test_adapters_may_target_different_modules():
    first, second = adapters(2)
    del first.modules["model.up_proj"], second.modules["model.q_proj"]
    subspace = init_subspace([first, second], fixed(99))
    assert list(subspace.tasks["task0"]) == ["model.q_proj"]
    assert list(subspace.tasks["task1"]) == ["model.up_proj"]


# k


@given(seeds, st.floats(0.1, 1.0))
def test_explained_variance_takes_the_fewest_directions(seed, frac):
    sources = mixed(6, seed)
    subspace = init_subspace(sources, InitOptions(ExplainedVariance(frac)))
    for module, basis in subspace.bases.items():
        for side, columns in zip(("b", "a"), stacked(sources, module), strict=True):
            k = getattr(basis, f"basis_{side}").shape[1]
            energies = torch.linalg.svdvals(columns).square()
            cumulative = energies.cumsum(0) / energies.sum()
            assert float(cumulative[k - 1]) >= frac - 1e-4
            assert k == 1 or float(cumulative[k - 2]) < frac
            got = getattr(explained_variance(subspace)[module], side)
            assert got == pytest.approx(float(cumulative[k - 1]), abs=1e-4)


def test_explained_variance_asks_for_more_directions_until_it_has_enough():
    source = random_adapter("wide", 0, rank=90, shapes={"m": (150, 200)})
    subspace = init_subspace([source], InitOptions(ExplainedVariance(0.95)))
    assert subspace.bases["m"].basis_b.shape[1] > 64


@given(seeds, st.floats(0.05, 0.9))
def test_error_budget_bounds_the_product(seed, error):
    sources = mixed(5, seed)
    options = InitOptions(ErrorBudget(error), objective="product")
    subspace = init_subspace(sources, options)
    for module in SHAPES:
        gaps = [delta_weight(subspace, s.name, module).double() - dense(s, module) for s in sources]
        lost = sum(float(gap.square().sum()) for gap in gaps)
        whole = sum(float(dense(s, module).square().sum()) for s in sources)
        assert lost <= error**2 * whole * 1.0001


def total_bytes(subspace):
    bases = [x for basis in subspace.bases.values() for x in (basis.basis_b, basis.basis_a)]
    entries = [entry for task in subspace.tasks.values() for entry in task.values()]
    return sum(x.nbytes for x in bases) + sum(e.coef_b.nbytes + e.coef_a.nbytes for e in entries)


@pytest.mark.parametrize("pseudo_rank", [None, 1])
@pytest.mark.parametrize("budget", [1400, 2000, 3000])
def test_byte_budget_is_spent_and_kept(budget, pseudo_rank):
    options = InitOptions(ByteBudget(budget), pseudo_rank=pseudo_rank)
    subspace = init_subspace(mixed(4), options)
    assert budget - 400 <= total_bytes(subspace) <= budget


def test_byte_budget_beyond_need_keeps_everything():
    sources = mixed(4)
    subspace = init_subspace(sources, InitOptions(ByteBudget(10**6)))
    for source, module in itertools.product(sources, SHAPES):
        assert relative(delta_weight(subspace, source.name, module), dense(source, module)) < 1e-5


def test_byte_budget_goes_where_the_energy_is():
    sources = adapters(4)
    for source in sources:
        lora = source.modules["model.up_proj"]
        source.modules["model.up_proj"] = dataclasses.replace(lora, scaling=0.01)
    bases = init_subspace(sources, InitOptions(ByteBudget(4000))).bases
    assert bases["model.up_proj"].basis_b.shape[1] == 1
    assert bases["model.q_proj"].basis_b.shape[1] > 5


def test_byte_budget_that_buys_nothing_is_refused():
    with pytest.raises(InputError, match="byte budget"):
        init_subspace(adapters(2), InitOptions(ByteBudget(100)))


# the mean


@given(seeds, st.integers(1, 6))
def test_centring_keeps_the_mean(seed, k):
    sources = mixed(5, seed)
    for source in sources:
        for lora in source.modules.values():
            lora.b.add_(2.0 / lora.scaling)
    subspace = init_subspace(sources, fixed(k, center=True))
    assert worst_defect(subspace) < 1e-5
    for module, basis in subspace.bases.items():
        columns, _ = stacked(sources, module)
        mean = columns.mean(dim=1, keepdim=True)
        centred = leading(columns - mean, k)
        assert basis.basis_b.shape[1] == k + 1
        # the paper's directions and the mean are in the span, so it misses no more than they do
        assert relative(projector(basis.basis_b) @ mean, mean) < 1e-5
        assert relative(projector(basis.basis_b) @ centred, centred) < 1e-2
        missed = (columns - projector(basis.basis_b) @ columns).norm()
        paper = (columns - mean - centred @ (centred.T @ (columns - mean))).norm()
        assert float(missed) <= float(paper) * 1.0001


@given(seeds, st.floats(0.2, 0.95))
def test_explained_variance_about_the_mean_is_that_of_the_centred_columns(seed, frac):
    sources = mixed(5, seed)
    for source in sources:
        for lora in source.modules.values():
            lora.b.add_(2.0 / lora.scaling)
    subspace = init_subspace(sources, InitOptions(ExplainedVariance(frac), center=True))
    for module, basis in subspace.bases.items():
        columns, _ = stacked(sources, module)
        centred = columns - columns.mean(dim=1, keepdim=True)
        energies = torch.linalg.svdvals(centred).square()
        fewest = int((energies.cumsum(0) / energies.sum() < frac - 1e-6).sum()) + 1
        assert basis.basis_b.shape[1] == fewest + 1  # and the mean


def test_centring_on_blocks_is_about_the_mean_of_all():
    sources = adapters(9)
    for i, source in enumerate(sources):
        for lora in source.modules.values():
            lora.b.add_(float(i))
    whole = init_subspace(sources, fixed(5, center=True))
    blocks = init_subspace(sources, fixed(5, center=True, block_bytes=3000))
    same_tasks(blocks, whole, 1e-3)


def test_centring_with_what_has_no_mean_is_refused():
    with pytest.raises(InputError, match="center"):
        InitOptions(center=True, objective="product")


# phase 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_expanding_changes_no_task(dtype):
    sources = adapters(3)
    subspace = init_subspace(sources, fixed(5, dtype=dtype))
    larger = expand(subspace, 4)
    assert worst_defect(larger) < 1e-5
    for module, basis in subspace.bases.items():
        grown = larger.bases[module]
        assert grown.basis_b.shape[1] == basis.basis_b.shape[1] + 4
        assert torch.equal(grown.basis_b[:, :5], basis.basis_b)
        assert torch.equal(grown.basis_a[:, :5], basis.basis_a)
    for name, task in larger.tasks.items():
        for module, entry in task.items():
            assert torch.equal(entry.coef_b[:5], subspace.tasks[name][module].coef_b)
            assert torch.equal(entry.coef_a[:5], subspace.tasks[name][module].coef_a)
            assert not entry.coef_b[5:].any()
            assert not entry.coef_a[5:].any()
    same_tasks(larger, subspace, 1e-6)


def test_expanding_toward_an_adapter_covers_what_it_needs():
    subspace = init_subspace(adapters(3), fixed(4))
    new = random_adapter("new", 50, rank=2)
    larger = expand(subspace, 5, toward=[new])
    assert worst_defect(larger) < 1e-5
    for module, entry in project(larger, new).items():
        larger_task = add_task(larger, f"in {module}", {module: entry})
        got = delta_weight(larger_task, f"in {module}", module)
        assert relative(got, dense(new, module)) < 1e-5


def test_expanding_toward_an_adapter_takes_its_strongest_directions_first():
    subspace = init_subspace(adapters(2, rank=1), fixed(2))
    new = random_adapter("new", 50, rank=4)
    module = "model.q_proj"
    columns = stacked([new], module)[0]
    missing = columns - projector(subspace.bases[module].basis_b) @ columns
    extra = expand(subspace, 2, toward=[new]).bases[module].basis_b[:, 2:]
    assert relative(projector(extra), projector(leading(missing, 2))) < 1e-4


def test_expanding_stops_where_the_space_ends():
    subspace = init_subspace(adapters(5), fixed(15))
    larger = expand(subspace, 20)
    assert larger.bases["model.q_proj"].basis_a.shape == (20, 20)
    assert worst_defect(larger) < 1e-5


def test_expanding_adds_as_many_directions_where_its_seed_drew_the_adapters():
    generator = torch.Generator().manual_seed(7)
    b, a = (torch.randn(20, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    source = MemoryAdapter("task", {"model.o_proj": LoraModule(a.T.contiguous(), b, 1.0)})
    larger = expand(init_subspace([source], fixed(3)), 3, seed=7)
    basis = larger.bases["model.o_proj"]
    assert basis.basis_b.shape == basis.basis_a.shape == (20, 6)
    assert worst_defect(larger) < 1e-5


def test_merging_after_expanding_drops_what_no_task_uses():
    subspace = init_subspace(adapters(2, rank=2), fixed(99))
    larger = expand(subspace, 3)
    merged = merge(larger, [], choice=EVERYTHING)
    assert merged.subspace.bases["model.q_proj"].basis_b.shape[1] == 4
    same_tasks(merged.subspace, subspace)
    assert max(merged.losses.values()) < 1e-6


# phase 3


@given(seeds, st.integers(1, 4), st.sampled_from(["factors", "product"]))
def test_merging_what_lies_in_the_span_is_exact(seed, count, objective):
    sources = mixed(4, seed)
    subspace = init_subspace(sources, fixed(99, objective=objective))
    new = [
        random_adapter(f"new{i}", seed + 90 + i, rank=2, within=subspace.bases)
        for i in range(count)
    ]
    merged = merge(subspace, new, choice=EVERYTHING)
    assert worst_defect(merged.subspace) < 1e-5
    assert max(merged.losses.values()) < 1e-5
    same_tasks(subspace, merged.subspace)
    for source, module in itertools.product(new, SHAPES):
        got = delta_weight(merged.subspace, source.name, module)
        assert relative(got, dense(source, module)) < 1e-5
        shape = subspace.bases[module].basis_b.shape
        assert merged.subspace.bases[module].basis_b.shape == shape


@given(seeds, st.integers(2, 6), st.sampled_from(["factors", "product"]))
def test_merging_equals_full_recomputation(seed, k, objective):
    sources = [random_adapter(f"task{i}", seed + i, rank=2) for i in range(6)]
    known = init_subspace(sources[:4], fixed(99, objective=objective))
    merged = merge(known, sources[4:], choice=FixedComponents(k))
    full = init_subspace(sources, fixed(k, objective=objective))
    for module, basis in full.bases.items():
        got, expected = merged.subspace.moments[module], full.moments[module]
        for side in ("b", "a"):
            got_gram, gram = getattr(got, side).gram, getattr(expected, side).gram
            torch.testing.assert_close(
                got_gram.diagonal(), gram.diagonal(), rtol=1e-5, atol=1e-5 * float(gram.max())
            )
            assert getattr(got, side).energy == pytest.approx(getattr(expected, side).energy)
        assert basis.basis_b.shape == merged.subspace.bases[module].basis_b.shape


def test_merging_equals_full_recomputation_in_float64():
    for objective in ("factors", "product"):
        sources = adapters(6, rank=2, dtype=torch.float64)
        options = fixed(99, objective=objective, dtype=torch.float64)
        merged = merge(init_subspace(sources[:4], options), sources[4:], choice=FixedComponents(5))
        full = init_subspace(sources, dataclasses.replace(options, choice=FixedComponents(5)))
        same_tasks(merged.subspace, full, 1e-9)


def test_merging_equals_full_recomputation_about_the_mean():
    sources = adapters(6, rank=2, dtype=torch.float64)
    for source in sources:
        for lora in source.modules.values():
            lora.b.add_(1.5)
    options = fixed(99, center=True, dtype=torch.float64)
    merged = merge(init_subspace(sources[:4], options), sources[4:], choice=FixedComponents(4))
    full = init_subspace(sources, dataclasses.replace(options, choice=FixedComponents(4)))
    same_tasks(merged.subspace, full, 1e-8)


def test_merging_one_by_one_in_any_order_gives_the_same():
    sources = adapters(5, rank=2, dtype=torch.float64)
    options = fixed(99, dtype=torch.float64)
    results = []
    for order in ((1, 2, 3, 4), (4, 2, 1, 3)):
        subspace = init_subspace(sources[:1], options)
        for i in order:
            subspace = merge(subspace, [sources[i]], choice=EVERYTHING).subspace
        results.append(merge(subspace, [], choice=FixedComponents(4)).subspace)
    same_tasks(*results, 1e-9)


def test_merging_states_what_each_task_loses():
    sources = adapters(5, rank=2)
    known = init_subspace(sources[:4], fixed(99))
    merged = merge(known, sources[4:], choice=FixedComponents(5))
    before = {s.name: {m: dense(s, m) for m in SHAPES} for s in sources}
    for name, weights in before.items():
        gaps = [delta_weight(merged.subspace, name, m).double() - w for m, w in weights.items()]
        lost = sum(float(gap.square().sum()) for gap in gaps)
        whole = sum(float(w.square().sum()) for w in weights.values())
        assert merged.losses[name] == pytest.approx((lost / whole) ** 0.5, rel=1e-4)


def test_merged_coefficients_are_the_projections_of_what_was():
    subspace = init_subspace(mixed(4), fixed(6))
    merged = merge(subspace, [random_adapter("new", 9)], choice=FixedComponents(4)).subspace
    for name, module in itertools.product(subspace.tasks, SHAPES):
        old, new = subspace.tasks[name][module], merged.tasks[name][module]
        for side in ("b", "a"):
            before = getattr(subspace.bases[module], f"basis_{side}")
            before = before @ getattr(old, f"coef_{side}")
            expected = getattr(merged.bases[module], f"basis_{side}").T @ before
            torch.testing.assert_close(getattr(new, f"coef_{side}"), expected, atol=1e-4, rtol=1e-4)


def test_merging_reduces_new_tasks_and_states_that_loss_too():
    sources = adapters(3)
    merged = merge(
        init_subspace(sources[:2], fixed(99)), sources[2:], choice=EVERYTHING, pseudo_rank=1
    )
    new = sources[2]
    assert merged.subspace.tasks[new.name]["model.q_proj"].coef_b.shape[1] == 1
    lost = whole = 0.0
    for module in SHAPES:
        values = torch.linalg.svdvals(dense(new, module)).square()
        lost, whole = lost + float(values[1:].sum()), whole + float(values.sum())
    assert merged.losses[new.name] == pytest.approx((lost / whole) ** 0.5, rel=1e-4)


def test_merging_without_a_rule_does_not_grow_the_bases():
    subspace = init_subspace(adapters(3), fixed(4))
    for i in range(3):
        subspace = merge(subspace, [random_adapter(f"new{i}", 70 + i)]).subspace
    assert {b.basis_b.shape[1] for b in subspace.bases.values()} == {4}
    centred = init_subspace(adapters(3), fixed(4, center=True))
    merged = merge(centred, [random_adapter("new", 70)]).subspace
    assert {b.basis_b.shape[1] for b in merged.bases.values()} == {5}


def test_moments_stand_for_the_tasks():
    sources = mixed(4)
    subspace = init_subspace(sources, fixed(99))
    new = random_adapter("new", 60)
    with_moments = merge(subspace, [new], choice=FixedComponents(6)).subspace
    without = dataclasses.replace(subspace, moments=None)
    same_tasks(merge(without, [new], choice=FixedComponents(6)).subspace, with_moments, 1e-4)


def test_the_new_bases_are_found_without_looking_at_a_task():
    subspace = init_subspace(adapters(4), fixed(6))
    blind = dataclasses.replace(subspace, tasks={})
    new = [random_adapter("new", 60)]
    for module, update in update_bases(blind, new).items():
        assert torch.equal(update.b.basis, update_bases(subspace, new)[module].b.basis)


def test_merging_brings_new_modules():
    subspace = init_subspace(adapters(2), fixed(4))
    new = random_adapter("new", 60, rank=2, shapes={"model.k_proj": (8, 20)})
    merged = merge(subspace, [new])
    assert (
        relative(delta_weight(merged.subspace, "new", "model.k_proj"), dense(new, "model.k_proj"))
        < 1e-5
    )
    assert list(merged.subspace.tasks["task0"]) == list(SHAPES)
    assert merged.losses["new"] < 1e-5


def test_merging_brings_new_modules_to_a_centred_store():
    subspace = init_subspace(adapters(3), fixed(4, center=True))
    new = random_adapter("new", 60, rank=2, shapes={"model.k_proj": (8, 20)})
    merged = merge(subspace, [new]).subspace
    assert relative(delta_weight(merged, "new", "model.k_proj"), dense(new, "model.k_proj")) < 1e-5


# tasks


@given(seeds, st.integers(1, 3))
def test_pseudo_rank_is_the_best_low_rank_product(seed, p):
    sources = mixed(3, seed)
    full = init_subspace(sources, fixed(99))
    small = init_subspace(sources, fixed(99, pseudo_rank=p))
    for source, module in itertools.product(sources, SHAPES):
        u, s, vh = torch.linalg.svd(dense(source, module))
        best = (u[:, :p] * s[:p]) @ vh[:p]
        assert small.tasks[source.name][module].coef_b.shape[1] <= p
        assert relative(delta_weight(small, source.name, module), best) < 1e-3
        entry = project(full, source, p)[module]
        assert entry.coef_b.shape[1] <= p


@given(seeds, st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_blending_is_linear_in_the_products(seed, weights):
    sources = mixed(3, seed)
    subspace = init_subspace(sources, fixed(99))
    named = {source.name: weight for source, weight in zip(sources, weights, strict=True)}
    blended = add_task(subspace, "blend", blend(subspace, named))
    for module in SHAPES:
        expected = sum(w * dense(s, module) for s, w in zip(sources, weights, strict=True))
        scale = max(float(dense(s, module).norm()) for s in sources)
        gap = delta_weight(blended, "blend", module).double() - expected
        assert float(gap.norm()) < 1e-5 * scale


def test_averaging_is_the_mean_of_the_products_at_any_rank():
    sources = mixed(7)
    subspace = init_subspace(sources, fixed(99))
    whole = add_task(subspace, "mean", average(subspace))
    for module in SHAPES:
        mean = sum(dense(s, module) for s in sources) / 7
        assert relative(delta_weight(whole, "mean", module), mean) < 1e-5
        u, s, vh = torch.linalg.svd(mean)
        one = ModuleCoefficients(*dataclasses.astuple(average(subspace, pseudo_rank=1)[module]))
        got = add_task(subspace, "one", {module: one})
        assert relative(delta_weight(got, "one", module), s[0] * u[:, :1] @ vh[:1]) < 1e-4


def test_adding_a_task_counts_for_later_merges():
    sources = adapters(3)
    subspace = init_subspace(sources[:2], fixed(99))
    larger = expand(subspace, 6, toward=sources[2:])
    learned = add_task(larger, "task2", project(larger, sources[2]))
    merged = merge(learned, [], choice=EVERYTHING).subspace
    for source, module in itertools.product(sources, SHAPES):
        assert relative(delta_weight(merged, source.name, module), dense(source, module)) < 1e-4


@pytest.mark.parametrize("objective", ["factors", "product"])
def test_removing_a_task_makes_merges_forget_it(objective):
    sources = adapters(3)
    options = fixed(99, objective=objective)
    less = remove_task(init_subspace(sources, options), "task1")
    assert set(less.tasks) == {"task0", "task2"}
    merged = merge(less, [], choice=EVERYTHING).subspace
    assert {b.basis_b.shape[1] for b in merged.bases.values()} == {6}
    same_tasks(merged, init_subspace([sources[0], sources[2]], options))


def test_removing_the_last_task_leaves_the_bases():
    subspace = init_subspace(adapters(1), fixed(2))
    empty = remove_task(subspace, "task0")
    assert empty.bases == subspace.bases
    assert not empty.moments["model.q_proj"].b.gram.any()


def test_converting_changes_dtypes_only():
    subspace = init_subspace(adapters(2), fixed(99))
    half = convert(subspace, torch.bfloat16)
    assert half.bases["model.q_proj"].basis_b.dtype == torch.bfloat16
    assert half.tasks["task0"]["model.q_proj"].coef_a.dtype == torch.bfloat16
    assert half.moments["model.q_proj"].b.gram.dtype == torch.float64
    same_tasks(half, subspace, 2e-2)
    same_tasks(convert(half, torch.float32, "cpu"), half, 2e-2)
    assert project(half, adapters(1)[0])["model.q_proj"].coef_b.dtype == torch.bfloat16


def test_factors_multiply_to_the_change():
    subspace = init_subspace(mixed(2), fixed(4))
    left, right = lora_factors(subspace, "task1", "model.up_proj")
    torch.testing.assert_close(left @ right.T, delta_weight(subspace, "task1", "model.up_proj"))


# refusals


def test_malformed_adapters_are_refused():
    good = adapters(2)
    wrong = random_adapter("wrong", 9, shapes={"model.q_proj": (24, 21)})
    nan = random_adapter("nan", 9)
    nan.modules["model.up_proj"].b[3, 1] = torch.nan
    ragged = MemoryAdapter("ragged", {"m": LoraModule(torch.ones(2, 5), torch.ones(6, 3), 1.0)})
    flat = MemoryAdapter("flat", {"m": LoraModule(torch.ones(5), torch.ones(6, 1), 1.0)})
    empty = MemoryAdapter("empty", {"m": LoraModule(torch.ones(0, 5), torch.ones(6, 0), 1.0)})
    for source, message in (
        (wrong, r"wrong, module model.q_proj: got 21 inputs and 24 outputs, expected 20 and 24"),
        (nan, "nan, module model.up_proj: got non-finite values"),
        (ragged, r"A \(2, 5\) and B \(6, 3\)"),
        (flat, r"A \(5,\)"),
        (empty, "r >= 1"),
    ):
        with pytest.raises(StoreError, match=message):
            init_subspace([*good, source], fixed(3))
    subspace = init_subspace(good, fixed(3))
    for call in (merge, lambda s, sources: project(s, sources[0])):
        with pytest.raises(StoreError, match=r"wrong, module|module model.q_proj"):
            call(subspace, [wrong])
    with pytest.raises(StoreError, match="expected one of the subspace's"):
        project(subspace, random_adapter("other", 1, shapes={"lm_head": (4, 4)}))


def test_names_are_checked():
    sources = adapters(2)
    subspace = init_subspace(sources, fixed(3))
    with pytest.raises(InputError, match="task0: more than one has this name"):
        init_subspace([sources[0], sources[0]], fixed(3))
    with pytest.raises(InputError, match="at least one"):
        init_subspace([], fixed(3))
    with pytest.raises(InputError, match="task0 twice"):
        merge(subspace, sources[:1])
    with pytest.raises(InputError, match="got nobody"):
        remove_task(subspace, "nobody")
    with pytest.raises(InputError, match="which exists"):
        add_task(subspace, "task0", {})
    with pytest.raises(InputError, match="at least one"):
        blend(subspace, {})


def test_malformed_coefficients_are_refused():
    subspace = init_subspace(adapters(2), fixed(3))
    good = subspace.tasks["task0"]["model.q_proj"]
    for module, entry, message in (
        ("lm_head", good, "got module lm_head"),
        ("model.q_proj", ModuleCoefficients(good.coef_b[:2], good.coef_a), "expected"),
        ("model.q_proj", ModuleCoefficients(good.coef_b[:, :1], good.coef_a), "expected"),
        ("model.q_proj", ModuleCoefficients(good.coef_b * torch.inf, good.coef_a), "non-finite"),
    ):
        with pytest.raises(StoreError, match=message):
            add_task(subspace, "new", {module: entry})


def test_half_precision_bases_are_not_merged():
    half = convert(init_subspace(adapters(2), fixed(3)), torch.bfloat16)
    with pytest.raises(InputError, match="float32"):
        merge(half, [random_adapter("new", 5)])


def test_rules_for_k_are_checked():
    for build in (
        lambda: FixedComponents(0),
        lambda: ExplainedVariance(0.0),
        lambda: ExplainedVariance(60),
        lambda: ErrorBudget(1.0),
    ):
        with pytest.raises(InputError, match="expected"):
            build()
    with pytest.raises(InputError, match="at least 1"):
        expand(init_subspace(adapters(1), fixed(1)), 0)


def test_adapters_of_zeros_are_a_task_that_changes_nothing():
    zero = random_adapter("zero", 0)
    for lora in zero.modules.values():
        lora.b.zero_()
    subspace = init_subspace([zero], InitOptions())
    assert not delta_weight(subspace, "zero", "model.q_proj").any()
    merged = merge(subspace, adapters(1), choice=EVERYTHING)
    assert merged.losses["zero"] == 0.0
