import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.metrics import pass_rate


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
