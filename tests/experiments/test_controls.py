import math
from dataclasses import replace

import pytest
import torch

from sleepy_coder.experiments.ablation import draw_ablations
from sleepy_coder.experiments.controls import (
    NULLS,
    Bases,
    as_adapter,
    combine,
    first_directions,
    gaussian_like,
    mean_of,
    null_of,
    project_factors,
    random_like,
    redirected,
    relative_error,
    without_mean,
)
from sleepy_coder.experiments.leave_one_out import Arm, draw_left_out, make_arms, summarize_arms
from sleepy_coder.experiments.resident import factors_of_adapter
from sleepy_coder.experiments.subspace import (
    SubspaceConfig,
    _families,
    angles_of,
    compare_bases,
    draw_splits,
    explained,
    measure_spectra,
)
from sleepy_coder.metrics import mean_interval, pass_rate
from sleepy_coder.patterns import PATTERNS
from sleepy_coder.share.subspace import ModuleBasis, Subspace

SIZE = 9
BASES = Bases()


def axis(number, size=SIZE):
    return torch.eye(size)[:, number : number + 1]


def diagonal(values, size=SIZE):
    """Factors of a diagonal ΔW in the one module."""
    places = sorted(values)
    left = torch.cat([values[at] * axis(at, size) for at in places], dim=1)
    return {"m": (left, torch.cat([axis(at, size) for at in places], dim=1))}


def outer(row, column, value=1.0):
    return {"m": (value * axis(row), axis(column))}


def dense(factors, module="m"):
    left, right = factors[module]
    return left @ right.T


def drawn(seed, rank=3, size=SIZE):
    generator = torch.Generator().manual_seed(seed)
    return {
        "m": (
            torch.randn(size, rank, generator=generator),
            torch.randn(size + 2, rank, generator=generator),
        )
    }


def assert_diagonal(factors, values):
    torch.testing.assert_close(dense(factors), dense(diagonal(values)), atol=1e-5, rtol=1e-5)


def test_sums_and_means_are_those_of_the_products():
    assert_diagonal(
        combine([(2, diagonal({0: 1.0})), (-1, diagonal({0: 5.0, 1: 3.0}))]), {0: -3, 1: -3}
    )
    both = [diagonal({0: 2.0}), diagonal({1: 4.0})]
    assert_diagonal(mean_of(both, 2), {0: 1, 1: 2})
    assert_diagonal(mean_of(both, 1), {1: 2})
    assert mean_of(both, 1)["m"][0].shape == (SIZE, 1)
    own = without_mean({"a": both[0], "b": both[1]}, 2)
    assert_diagonal(own["a"], {0: 1, 1: -2})
    assert_diagonal(own["b"], {0: -1, 1: 2})


def test_an_adapter_of_factors_is_the_same():
    factors = drawn(1)
    torch.testing.assert_close(dense(factors_of_adapter(as_adapter("x", factors))), dense(factors))


def test_projecting_keeps_what_lies_in_both_bases():
    basis = Subspace({"m": ModuleBasis(axis(0), torch.cat([axis(1), axis(2)], dim=1))}, {})
    factors = {"m": (torch.ones(SIZE, 4), torch.full((SIZE, 4), 0.5))}  # 2 everywhere
    found = project_factors(basis, factors)
    expected = torch.zeros(SIZE, SIZE)
    expected[0, 1:3] = 2
    torch.testing.assert_close(dense(found), expected)
    assert found["m"][0].shape[1] == 1


def test_the_error_is_that_of_all_modules_together():
    own = {"m": diagonal({0: 3.0, 1: 4.0})["m"], "n": diagonal({0: 12.0})["m"]}
    found = {"m": diagonal({0: 3.0})["m"], "n": diagonal({0: 12.0})["m"]}
    assert relative_error(own, found) == pytest.approx(4 / 13)
    assert relative_error(own, own) == pytest.approx(0, abs=1e-7)
    assert relative_error(own, combine([(3, own)])) == pytest.approx(2)


def test_random_bases_have_the_sizes_and_are_orthonormal():
    like = Subspace({"m": ModuleBasis(torch.zeros(SIZE, 3), torch.zeros(SIZE + 2, 4))}, {"t": {}})
    found = random_like(like, 1)
    for side, width in (("basis_b", 3), ("basis_a", 4)):
        basis = getattr(found.bases["m"], side)
        assert basis.shape == getattr(like.bases["m"], side).shape
        torch.testing.assert_close(basis.T @ basis, torch.eye(width), atol=1e-5, rtol=0)
        assert torch.equal(basis, getattr(random_like(like, 1).bases["m"], side))
        assert not torch.allclose(basis, getattr(random_like(like, 2).bases["m"], side))
    assert not found.tasks
    cut = first_directions(found, 2).bases["m"]
    assert torch.equal(cut.basis_b, found.bases["m"].basis_b[:, :2])
    assert torch.equal(cut.basis_a, found.bases["m"].basis_a[:, :2])


def test_gaussian_factors_have_shapes_and_norms_but_no_strengths_of_their_own():
    factors = {"m": (drawn(3)["m"][0] * torch.tensor([9.0, 1.0, 0.1]), drawn(3)["m"][1])}
    found = gaussian_like(factors, torch.Generator().manual_seed(0))
    for before, after in zip(factors["m"], found["m"], strict=True):
        assert after.shape == before.shape
        assert float(after.norm()) == pytest.approx(float(before.norm()), rel=1e-5)
    strengths = torch.linalg.svdvals(found["m"][0])
    assert strengths[-1] > strengths[0] / 10
    assert (
        abs(
            torch.nn.functional.cosine_similarity(
                *(f["m"][0].flatten() for f in (factors, found)), 0
            )
        )
        < 0.7
    )


def test_redirected_factors_keep_every_singular_value_and_no_direction():
    factors = drawn(4, size=60)
    found = redirected(factors, torch.Generator().manual_seed(0))
    for before, after in zip(factors["m"], found["m"], strict=True):
        torch.testing.assert_close(torch.linalg.svdvals(after), torch.linalg.svdvals(before))
        spans = [torch.linalg.qr(each).Q for each in (before, after)]
        assert (spans[0].T @ spans[1]).square().mean() < 0.1
    torch.testing.assert_close(
        *(torch.linalg.svdvals(dense(f))[:3] for f in (found, factors)), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("kind", NULLS)
def test_nulls_follow_from_their_seed_and_differ_among_each_other(kind):
    adapters = {"a": drawn(1), "b": drawn(1)}
    first = null_of(kind, adapters, 0)
    again = null_of(kind, dict(reversed(adapters.items())), 0)
    assert all(torch.equal(first[n]["m"][0], again[n]["m"][0]) for n in "ab")
    assert not torch.allclose(first["a"]["m"][0], first["b"]["m"][0])
    assert not torch.allclose(first["a"]["m"][0], null_of(kind, adapters, 1)["a"]["m"][0])


def test_without_the_mean_the_bases_hold_the_own_parts_alone():
    adapters = {
        "one": combine([(10, outer(0, 1)), (3, outer(2, 3))]),
        "two": combine([(10, outer(0, 1)), (-3, outer(2, 3))]),
    }
    for objective in ("product", "factors"):
        with_mean = Bases(objective).of(adapters, 1).bases["m"]
        torch.testing.assert_close(with_mean.basis_b, axis(0), atol=1e-5, rtol=0)
        own = Bases(objective).of_own_parts(adapters, 1).bases["m"]
        torch.testing.assert_close(own.basis_b, axis(2), atol=1e-5, rtol=0)
        torch.testing.assert_close(own.basis_a, axis(3), atol=1e-5, rtol=0)


def test_each_arm_of_leave_one_out_holds_what_it_says():
    others = {"x": diagonal({0: 10.0, 1: 3.0}), "y": diagonal({0: 10.0, 1: -3.0})}
    own = diagonal({0: 10.0, 1: 4.0, 2: 5.0})
    arms = make_arms(own, others, BASES, (1, 2))
    expected = {
        Arm("own LoRA"): {0: 10, 1: 4, 2: 5},
        Arm("mean"): {0: 10},
        Arm("projected", 1): {0: 10},
        Arm("own part", 1): {1: 4},
        Arm("mean + own part", 1): {0: 10, 1: 4},
        Arm("projected", 2): {0: 10, 1: 4},
        Arm("own part", 2): {1: 4},
        Arm("mean + own part", 2): {0: 10, 1: 4},
    }
    for arm, values in expected.items():
        assert_diagonal(arms[arm], values)
    assert set(arms) - set(expected) == {Arm("random", 1), Arm("random", 2)}
    assert 0.5 < relative_error(own, arms["random", 1]) <= 1
    shared = Subspace({"m": ModuleBasis(torch.zeros(SIZE, 2), torch.zeros(SIZE, 2))}, {})
    expected = project_factors(random_like(shared, 1), own)
    torch.testing.assert_close(dense(arms["random", 2]), dense(expected))


def entry(arm, k, error, **solved):
    return {"arm": arm, "k": k, "error": error, "solved": solved}


LEFT_OUT = [
    [
        entry("base", None, 1.0, a=False, b=False),
        entry("mean", None, 0.8, a=True, b=False),
        entry("projected", 8, 0.5, a=False, b=True),
    ],
    [
        entry("base", None, 1.0, c=False),
        entry("mean", None, 0.6, c=False),
        entry("projected", 8, 0.1, c=True),
    ],
]


def test_arms_are_summarized_over_patterns_and_against_the_mean():
    found = {each["arm"]: each for each in summarize_arms(LEFT_OUT)}
    assert [found[n]["error"] for n in found] == pytest.approx([1.0, 0.7, 0.3])
    assert [(found[n]["passed"], found[n]["total"]) for n in found] == [(0, 3), (1, 3), (2, 3)]
    assert found["projected"]["against_mean"] == {"gained": 2, "lost": 1, "p_value": 1.0}
    assert found["mean"]["against_mean"]["gained"] == 0
    rate = pass_rate(2, 3)
    assert found["projected"]["low_frac"] == rate.low_frac
    assert found["projected"]["high_frac"] == rate.high_frac


def line_of(figure, number):
    lines = figure.axes[0].get_lines()
    return next(list(each.get_ydata()) for each in lines if each.get_gid() == f"line-{number}")


def test_arms_without_a_basis_are_drawn_at_every_k():
    arms = [*summarize_arms(LEFT_OUT), {"arm": "projected", "k": 16, "passed": 3, "total": 3}]
    figure = draw_left_out(arms)
    assert line_of(figure, 0) == pytest.approx([1 / 3, 1 / 3])
    assert line_of(figure, 1) == pytest.approx([2 / 3, 1])


def test_an_axis_has_a_line_for_each_arm():
    point = {"axis": "basis", "total": 4}
    settings = [
        {**point, "arm": "learned", "setting": "8", "passed": 1},
        {**point, "arm": "random", "setting": "8", "passed": 2},
        {**point, "arm": "learned", "setting": "24", "passed": 3},
        {**point, "arm": "random", "setting": "24", "passed": 4},
    ]
    figures = draw_ablations({"settings": settings, "base": {"passed": 0, "total": 4}})
    assert list(figures) == ["basis"]
    assert line_of(figures["basis"], 0) == [0.25, 0.75]
    assert line_of(figures["basis"], 1) == [0.5, 1.0]


def tilted(degrees):
    """Bases of one direction: on side B so far from the first axis, on side A upon it."""
    angle = math.radians(degrees)
    b = math.cos(angle) * axis(0) + math.sin(angle) * axis(1)
    return Subspace({"m": ModuleBasis(b, axis(0))}, {})


def test_angles_have_the_mean_overlap_of_all_pairs_with_its_interval():
    found = angles_of([(tilted(0), tilted(30)), (tilted(0), tilted(60))])
    assert found["b"]["overlaps"] == pytest.approx([0.75, 0.25])
    assert found["b"]["overlap"] == pytest.approx(0.5)
    assert found["b"]["angles"] == pytest.approx([math.radians(45)])
    interval = mean_interval([0.75, 0.25])
    assert (found["b"]["low"], found["b"]["high"]) == pytest.approx((interval.low, interval.high))
    assert found["a"]["overlap"] == pytest.approx(1)
    single = angles_of([(tilted(0), tilted(60))])["b"]
    assert single["overlap"] == pytest.approx(0.25)
    assert (single["low"], single["high"]) == (None, None)


def test_splits_are_several_and_their_halves_disjoint():
    tasks = list("abcdefg")
    splits = draw_splits(tasks, SubspaceConfig(num_splits=4, seed=3))
    for one, other in splits:
        assert len(one) == len(other) == 3
        assert not set(one) & set(other)
    assert len({frozenset(one) for one, _ in splits}) > 1
    assert splits == draw_splits(tasks, SubspaceConfig(num_splits=4, seed=3))
    assert splits != draw_splits(tasks, SubspaceConfig(num_splits=4, seed=4))


def columns():
    """Adapters whose ΔW has one column: a large one that all share, and one of their own."""
    return {n: combine([(10, outer(0, 8)), (1, outer(at, 8))]) for at, n in enumerate("abcd", 1)}


def test_a_common_mean_makes_halves_overlap_and_is_taken_out_of_each_half_by_itself():
    adapters = columns()
    config = SubspaceConfig(components=1)
    splits = [[["a", "b"], ["c", "d"]], [["a", "c"], ["b", "d"]]]
    found = compare_bases(BASES, adapters, adapters, splits, config)
    overlaps = {name: sides["b"]["overlap"] for name, sides in found.items()}
    # Of 10 on the common axis and a half on each of two own ones.
    assert overlaps["disjoint halves"] == pytest.approx((100 / 100.5) ** 2, abs=1e-4)
    assert overlaps["two seeds"] == pytest.approx(1, abs=1e-4)
    assert all(overlaps[f"disjoint halves, {name}"] < 0.9 for name in NULLS)
    assert overlaps["random"] < 0.9
    assert len(found["random"]["a"]["overlaps"]) == 2
    # Less one mean of all, the halves would share the direction a + b - c - d.
    wide = compare_bases(BASES, adapters, adapters, splits, replace(config, components=2))
    assert wide["disjoint halves, mean removed"]["b"]["overlap"] == pytest.approx(0, abs=1e-4)
    assert wide["two seeds, mean removed"]["b"]["overlap"] == pytest.approx(1, abs=1e-4)


def test_two_seeds_are_compared_with_each_other():
    first = columns()
    second = {n: combine([(10, outer(5, 8)), (1, outer(at, 8))]) for at, n in enumerate("abcd", 3)}
    found = compare_bases(BASES, first, second, [[["a", "b"], ["c", "d"]]], SubspaceConfig())
    # Both sides have five directions with the mean: of 1 to 4 and 3 to 6, the axes 3 and 4 are
    # common, and 5 is an axis of the second. Without it, three directions: 3 - 4 is common, and
    # (1 + 2) - (3 + 4) meets (5 + 6) - (3 + 4) at half.
    assert found["two seeds, mean removed"]["b"]["overlap"] == pytest.approx(
        (1 + 0.5**2 + 0) / 3, abs=1e-4
    )
    assert found["two seeds"]["b"]["overlap"] < 0.6
    assert found["two seeds"]["a"]["overlap"] == pytest.approx(1, abs=1e-4)


def test_families_are_compared_with_each_other_in_equal_numbers():
    by_family = {}
    for task, pattern in PATTERNS.items():
        by_family.setdefault(pattern.family, []).append(task)
    names = [own for own in by_family.values() if len(own) > 2][:2]
    adapters = dict(zip(names[0][:3], (outer(0, 3, 2), outer(1, 4), outer(7, 7, 9)), strict=True))
    adapters |= dict(zip(names[1][:2], (outer(0, 4, 2), outer(2, 5)), strict=True))
    found = _families(BASES, adapters, 1, 2)  # half of the directions that two adapters have
    one, other = (PATTERNS[own[0]].family for own in names)
    assert found["members"] == {one: names[0][:2], other: names[1][:2]}
    assert found["overlaps"] == {
        f: {g: pytest.approx({"b": 1, "a": 0}, abs=1e-4)} for f, g in ((one, other), (other, one))
    }


def test_explained_is_the_part_of_the_energy_of_each_side():
    adapters = {"x": outer(0, 0, 2.0), "y": outer(1, 0)}
    found = explained(BASES.of(adapters, 2))
    assert found["b"] == [pytest.approx([0.8, 1.0], abs=1e-5)]
    assert found["a"] == [pytest.approx([1.0], abs=1e-5)]
    assert explained(BASES.of(adapters, 1))["b"] == [pytest.approx([0.8], abs=1e-5)]


def test_spectra_lose_the_mean_and_the_nulls_have_none():
    found = measure_spectra(BASES, columns(), SubspaceConfig(spectrum=4))
    # The mean holds 4 · (10² + 4/4²) of 4 · (10² + 1); the rest lies evenly in three directions.
    expected = [401 / 404, 402 / 404, 403 / 404, 1]
    assert found["adapters"]["b"][0] == pytest.approx(expected, abs=1e-4)
    assert found["mean removed"]["b"][0] == pytest.approx([1 / 3, 2 / 3, 1], abs=1e-4)
    for name in NULLS:
        assert found[name]["b"][0][0] < 0.9
