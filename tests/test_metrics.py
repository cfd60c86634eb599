import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.metrics import mean_interval, pass_rate, t_probability, t_quantile


def test_wilson_interval_of_22_in_30():
    # Computed by hand from Wilson's formula with z = 1.96.
    rate = pass_rate(22, 30)
    assert rate.low_frac == pytest.approx(0.5555, abs=1e-4)
    assert rate.high_frac == pytest.approx(0.8582, abs=1e-4)


def test_all_of_30_is_not_certainty():
    rate = pass_rate(30, 30)
    assert rate.high_frac == pytest.approx(1.0)
    assert rate.low_frac == pytest.approx(0.8865, abs=1e-4)


def test_an_empty_set_says_nothing():
    rate = pass_rate(0, 0)
    assert (rate.frac, rate.low_frac, rate.high_frac) == (0.0, 0.0, 1.0)


@given(st.integers(1, 10_000), st.data())
def test_interval_holds_the_fraction_and_mirrors(total, data):
    passed = data.draw(st.integers(0, total))
    rate, mirror = pass_rate(passed, total), pass_rate(total - passed, total)
    assert 0 <= rate.low_frac <= rate.frac + 1e-12
    assert rate.frac - 1e-12 <= rate.high_frac <= 1
    assert rate.low_frac == pytest.approx(1 - mirror.high_frac)


@pytest.mark.parametrize(("passed", "total"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(passed, total):
    with pytest.raises(ValueError, match="passed must lie in"):
        pass_rate(passed, total)


@pytest.mark.parametrize(
    ("degrees", "expected"),
    # Any printed table of the two-sided 95 % quantiles.
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (10, 2.228), (30, 2.042)],
)
def test_t_quantile_is_that_of_the_printed_table(degrees, expected):
    assert t_quantile(0.95, degrees) == pytest.approx(expected, abs=5e-4)


def test_t_quantile_tends_to_the_normal_distributions():
    assert t_quantile(0.95, 100_000) == pytest.approx(1.959964, abs=5e-5)


@given(st.floats(0, 20), st.integers(1, 40))
def test_t_probability_is_the_integral_of_the_density(t, degrees):
    # Simpson's rule over the density of Student's distribution, an independent way to the value.
    log_scale = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)
    scale = math.exp(log_scale) / math.sqrt(degrees * math.pi)
    steps = 600

    def density(x):
        return scale * (1 + x * x / degrees) ** (-(degrees + 1) / 2)

    inner = sum((4 if i % 2 else 2) * density(t * i / steps) for i in range(1, steps))
    integral = 2 * (density(0) + inner + density(t)) * t / steps / 3
    assert t_probability(t, degrees) == pytest.approx(integral, abs=1e-6)


@given(st.floats(0.01, 0.999), st.integers(1, 60))
def test_t_quantile_inverts_t_probability(confidence, degrees):
    assert t_probability(t_quantile(confidence, degrees), degrees) == pytest.approx(confidence)


def test_mean_interval_of_five_seeds():
    # By hand: mean 3, s = sqrt(10/4) = 1.5811, t(4) = 2.7764, half = 2.7764 * 1.5811 / sqrt(5).
    value, low, high = mean_interval([1, 2, 3, 4, 5])
    assert value == 3
    assert low == pytest.approx(3 - 1.9632, abs=1e-4)
    assert high == pytest.approx(3 + 1.9632, abs=1e-4)


def test_equal_seeds_leave_no_doubt():
    assert mean_interval([0.5, 0.5, 0.5]) == (0.5, 0.5, 0.5)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8), st.floats(0.1, 5), st.floats(-3, 3))
def test_mean_interval_moves_and_scales_with_its_values(values, factor, offset):
    plain = mean_interval(values)
    moved = mean_interval([factor * value + offset for value in values])
    assert moved == pytest.approx([factor * part + offset for part in plain], abs=1e-9)


def test_one_seed_gives_no_interval():
    with pytest.raises(ValueError, match="at least 2 values: got 1"):
        mean_interval([0.9])


@pytest.mark.parametrize(("confidence", "degrees"), [(0.0, 3), (1.0, 3), (0.95, 0)])
def test_t_quantile_refuses_what_has_none(confidence, degrees):
    with pytest.raises(ValueError, match="expected 0 < confidence < 1"):
        t_quantile(confidence, degrees)


def test_estimate_of_a_pass_rate_is_its_interval():
    rate = pass_rate(22, 30)
    assert rate.estimate == (rate.frac, rate.low_frac, rate.high_frac)
