"""What the analysis of a subspace reports, against dense float64 references."""

import dataclasses
import itertools
import math

import pytest
import torch
from adapters import SHAPES, dense, projector, random_adapter, stacked
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.errors import InputError
from sleepy_coder.share import analysis
from sleepy_coder.share.choice import FixedComponents
from sleepy_coder.share.initialize import InitOptions, init_subspace
from sleepy_coder.share.merge import merge
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace
from sleepy_coder.share.tasks import add_task, blend, delta_weight, remove_task

seeds = st.integers(0, 2**16)


def learned(count, k, seed=0, **options):
    sources = [random_adapter(f"task{i}", seed + i) for i in range(count)]
    return sources, init_subspace(sources, InitOptions(FixedComponents(k), **options))


def test_explained_variance_is_the_captured_part_also_after_merging():
    sources, subspace = learned(4, 5)
    new = random_adapter("new", 40)
    merged = merge(subspace, [new]).subspace
    for module, basis in subspace.bases.items():
        columns, _ = stacked(sources, module)
        part = (basis.basis_b.double().T @ columns).square().sum() / columns.square().sum()
        assert analysis.explained_variance(subspace)[module].b == pytest.approx(float(part))
        after = analysis.explained_variance(merged)[module].b
        assert 0.0 < after < 1.0
        energy = merged.moments[module].b.energy
        assert energy == pytest.approx(float(stacked([*sources, new], module)[0].square().sum()))
    with pytest.raises(InputError, match="moments"):
        analysis.explained_variance(dataclasses.replace(subspace, moments=None))


@given(seeds, st.integers(1, 12), st.sampled_from([None, 1]))
def test_reconstruction_errors_are_those_of_the_dense_weights(seed, k, pseudo_rank):
    sources, subspace = learned(4, k, seed, pseudo_rank=pseudo_rank)
    for source in sources:
        for module, errors in analysis.reconstruction_errors(subspace, source).items():
            weight = dense(source, module)
            gap = delta_weight(subspace, source.name, module).double() - weight
            expected = float(gap.norm() / weight.norm())
            assert errors.product == pytest.approx(expected, abs=1e-5)
            b, a = stacked([source], module)
            basis = subspace.bases[module]
            for got, side, columns in ((errors.b, "basis_b", b), (errors.a, "basis_a", a)):
                missed = columns - projector(getattr(basis, side)) @ columns
                assert got == pytest.approx(float(missed.norm() / columns.norm()), abs=1e-5)


@given(seeds, st.integers(1, 12), st.sampled_from([None, 1]))
def test_a_tasks_error_is_that_of_all_its_dense_weights_together(seed, k, pseudo_rank):
    sources, subspace = learned(4, k, seed, pseudo_rank=pseudo_rank)
    for source in sources:
        weights = [dense(source, module).flatten() for module in SHAPES]
        stored = [delta_weight(subspace, source.name, module).flatten() for module in SHAPES]
        gap = (torch.cat(stored).double() - torch.cat(weights)).norm()
        expected = float(gap / torch.cat(weights).norm())
        assert analysis.task_error(subspace, source) == pytest.approx(expected, abs=1e-5)


def test_a_module_that_a_task_lacks_is_missed_whole():
    sources, subspace = learned(2, 99)
    entry = subspace.tasks["task0"]["model.q_proj"]
    less = add_task(remove_task(subspace, "task0"), "task0", {"model.q_proj": entry})
    errors = analysis.reconstruction_errors(less, sources[0])
    assert errors["model.up_proj"].product == pytest.approx(1.0)
    assert errors["model.q_proj"].product < 1e-5


@given(seeds, st.integers(1, 12))
def test_coverage_is_the_best_that_the_bases_can_do(seed, k):
    _, subspace = learned(4, k, seed)
    new = random_adapter("new", seed + 77)
    for module, missed in analysis.coverage(subspace, new).items():
        basis, weight = subspace.bases[module], dense(new, module)
        best = projector(basis.basis_b) @ weight @ projector(basis.basis_a)
        expected = float((weight - best).norm() / weight.norm())
        assert missed.product == pytest.approx(expected, abs=1e-5)


def test_what_lies_in_the_span_is_covered():
    _, subspace = learned(3, 6)
    inside = random_adapter("inside", 5, within=subspace.bases)
    assert all(max(missed) < 1e-5 for missed in analysis.coverage(subspace, inside).values())


def test_adapters_of_zeros_have_no_error():
    _, subspace = learned(3, 6)
    zero = random_adapter("zero", 5, scaling=0.0)
    assert analysis.coverage(subspace, zero)["model.q_proj"].product == 0.0
    assert analysis.reconstruction_errors(subspace, zero, "task0")["model.q_proj"].product == 0.0


def test_angles_between_a_subspace_and_itself_another_and_its_complement():
    first = Subspace({"m": ModuleBasis(torch.eye(6)[:, :2], torch.eye(6)[:, :3])}, {})
    turned = torch.eye(6)[:, :2].clone()
    turned[:2, 0] = torch.tensor([math.cos(0.3), 0.0])
    turned[5, 0] = math.sin(0.3)
    second = Subspace(
        {"m": ModuleBasis(turned, torch.eye(6)[:, 3:]), "other": first.bases["m"]}, {}
    )
    angles = analysis.subspace_angles(first, second)
    assert list(angles) == ["m"]
    torch.testing.assert_close(angles["m"].b, torch.tensor([0.0, 0.3]).double(), atol=1e-6, rtol=0)
    assert analysis.grassmann_distance(angles["m"].b) == pytest.approx(0.3, abs=1e-6)
    expected = math.sqrt(3) * math.pi / 2
    assert analysis.grassmann_distance(angles["m"].a) == pytest.approx(expected)


def test_defects_are_seen():
    _, subspace = learned(2, 3)
    assert max(max(sides) for sides in analysis.basis_defects(subspace).values()) < 1e-5
    bent = {
        module: ModuleBasis(1.01 * basis.basis_b, basis.basis_a)
        for module, basis in subspace.bases.items()
    }
    defects = analysis.basis_defects(dataclasses.replace(subspace, bases=bent))
    assert defects["model.q_proj"].b == pytest.approx(0.0201, rel=1e-3)


@given(seeds)
def test_similarity_is_the_cosine_of_the_dense_changes(seed):
    sources, subspace = learned(4, 99, seed)
    names, similarity = analysis.task_similarity(subspace)
    assert names == tuple(subspace.tasks)
    flat = torch.stack([torch.cat([dense(s, m).flatten() for m in SHAPES]) for s in sources])
    flat /= flat.norm(dim=1, keepdim=True)
    torch.testing.assert_close(similarity, flat @ flat.T, atol=1e-5, rtol=0)


def test_similarity_counts_a_missing_module_as_no_change():
    _, subspace = learned(2, 99)
    half = {"model.q_proj": subspace.tasks["task0"]["model.q_proj"]}
    _, similarity = analysis.task_similarity(add_task(subspace, "half", half))
    sizes = [float(delta_weight(subspace, "task0", m).square().sum()) for m in SHAPES]
    assert float(similarity[0, 2]) == pytest.approx(math.sqrt(sizes[0] / sum(sizes)), rel=1e-4)


def similar_and_odd():
    _, subspace = learned(3, 99)
    for i in range(5):
        weights = {"task0": 1.0, "task1": 0.05 * i}
        subspace = add_task(subspace, f"near{i}", blend(subspace, weights))
    return remove_task(remove_task(subspace, "task1"), "task0")


def test_clusters_are_what_is_linked():
    names, similarity = analysis.task_similarity(similar_and_odd())
    clusters = analysis.cluster_tasks(names, similarity, 0.9)
    assert clusters == [("task2",), tuple(f"near{i}" for i in range(5))]
    assert analysis.cluster_tasks(names, similarity, 1.1) == [(name,) for name in names]
    assert analysis.cluster_tasks(names, similarity, -1.1) == [names]


def test_clusters_are_linked_through_others():
    similarity = torch.tensor([[1.0, 0.9, 0.1], [0.9, 1.0, 0.9], [0.1, 0.9, 1.0]])
    assert analysis.cluster_tasks(("a", "b", "c"), similarity, 0.8) == [("a", "b", "c")]


@given(st.permutations(range(6)))
def test_clusters_do_not_depend_on_the_order(order):
    names, similarity = analysis.task_similarity(similar_and_odd())
    shuffled = tuple(names[i] for i in order)
    clusters = analysis.cluster_tasks(shuffled, similarity[order][:, order], 0.9)
    expected = {frozenset(c) for c in analysis.cluster_tasks(names, similarity, 0.9)}
    assert {frozenset(c) for c in clusters} == expected


def test_the_odd_one_is_an_outlier():
    names, similarity = analysis.task_similarity(similar_and_odd())
    assert list(analysis.outlier_tasks(names, similarity)) == ["task2"]
    assert analysis.outlier_tasks(names[:2], similarity[:2, :2]) == {}


def test_storage_and_break_even():
    shapes = {"m": (300, 500)}
    sources = [random_adapter(f"t{i}", i, rank=8, shapes=shapes) for i in range(4)]
    subspace = init_subspace(sources, InitOptions(FixedComponents(20), pseudo_rank=1))
    report = analysis.storage(subspace, rank=8)
    assert report.basis_bytes == 20 * 800 * 4
    assert report.task_bytes == 2 * 20 * 4
    assert report.lora_bytes == 8 * 800 * 4
    assert report.ratio == pytest.approx(160.0)
    tasks = report.break_even_tasks
    total = [report.basis_bytes + t * report.task_bytes for t in (tasks - 1, tasks)]
    assert total[1] < tasks * report.lora_bytes
    assert total[0] >= (tasks - 1) * report.lora_bytes
    assert analysis.storage(subspace, rank=8, pseudo_rank=3).task_bytes == 3 * report.task_bytes
    never = analysis.storage(subspace, rank=8, pseudo_rank=160)
    assert never.break_even_tasks is None


def test_storage_of_the_1_5b_is_a_three_hundredth():
    # q, k, v, o of 28 layers, k=32, p=1 against LoRA r=8, as the paper's tables count
    layer = {"q": (1536, 1536), "k": (256, 1536), "v": (256, 1536), "o": (1536, 1536)}
    bases = {
        f"{i}.{name}": ModuleBasis(torch.empty(n, 32), torch.empty(d, 32))
        for i, (name, (n, d)) in itertools.product(range(28), layer.items())
    }
    one = ModuleCoefficients(torch.zeros(32, 1), torch.zeros(32, 1))
    report = analysis.storage(Subspace(bases, {"t": dict.fromkeys(bases, one)}), rank=8)
    assert report.task_bytes == 7168 * 4
    assert report.lora_bytes == 2_179_072 * 4
    assert report.ratio > 300
    assert report.break_even_tasks == 5
