import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.learning.gate import GateConfig, Trial, decide


def trials(task, *, gained=0, lost=0, both=0, neither=0, log_probability=-1.0):
    kinds = [(False, True)] * gained + [(True, False)] * lost
    kinds += [(True, True)] * both + [(False, False)] * neither
    return [Trial(task, base, own, log_probability) for base, own in kinds]


CONFIG = GateConfig(max_lost_frac=0.01)


def test_a_task_that_gains_and_loses_nothing_ships():
    decision = decide(trials("good", gained=3, both=2, neither=1), 100, CONFIG)
    ruling = decision.rulings["good"]
    assert decision.shipped == ("good",)
    assert (ruling.total, ruling.solved, ruling.gained, ruling.lost) == (6, 2, 3, 0)
    assert ruling.reason == "ships"


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"both": 5, "neither": 2}, "gains 0"),
        ({"gained": 9, "lost": 1, "both": 5}, "loses 1"),
    ],
)
def test_a_task_that_gains_nothing_or_loses_something_does_not(counts, reason):
    decision = decide(trials("bad", **counts), 1000, CONFIG)
    assert decision.shipped == ()
    assert decision.rulings["bad"].reason == reason


def test_what_others_lose_counts_against_a_task_that_lost_nothing_yet():
    lossy = trials("lossy", gained=1, lost=5, both=5)
    assert decide(trials("lucky", gained=2, both=4), 100, CONFIG).shipped == ("lucky",)
    # Half of what the base model solves is lost elsewhere: of these four, one is to be expected.
    decision = decide([*trials("lucky", gained=2, both=4), *lossy], 100, CONFIG)
    ruling = decision.rulings["lucky"]
    rate = 5 / 14
    assert ruling.expected_lost == pytest.approx(4 * (4 * rate) / 8)
    assert decision.shipped == ("lucky",)
    assert decide([*trials("lucky", gained=2, both=4), *lossy], 70, CONFIG).shipped == ()


def test_the_budget_goes_to_those_that_gain_most_for_it():
    lossy = trials("lossy", lost=2, both=2)
    modest = trials("modest", gained=1, both=4)
    strong = trials("strong", gained=9, both=4)
    decision = decide([*lossy, *modest, *strong], 50, CONFIG)  # two of twelve are lost in all
    assert decision.shipped == ("strong",)
    assert "over the budget" in decision.rulings["modest"].reason


def test_a_threshold_leaves_unlikely_answers_to_the_base_model():
    sure = trials("task", gained=4, both=2, log_probability=-1.0)
    unsure = trials("task", gained=1, lost=1, log_probability=-9.0)
    config = GateConfig(max_lost_frac=0.01, thresholds=(-5.0,))
    decision = decide([*sure, *unsure], 100, config)
    assert decision.min_log_probability == -5.0
    assert decision.shipped == ("task",)
    assert decision.rulings["task"].gained == 4


def test_without_need_there_is_no_threshold():
    config = GateConfig(max_lost_frac=0.01, thresholds=(-5.0, -2.0))
    decision = decide(trials("task", gained=2, log_probability=-1.0), 10, config)
    assert decision.min_log_probability is None


_TRIAL = st.builds(
    Trial,
    st.sampled_from(["a", "b", "c"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([-0.1, -3.0, -20.0]),
)


@given(st.lists(_TRIAL, max_size=60), st.integers(0, 200))
def test_what_ships_gains_loses_nothing_and_stays_in_the_budget(tried, num_solved):
    config = GateConfig(max_lost_frac=0.02, thresholds=(-10.0, -1.0))
    decision = decide(tried, num_solved, config)
    shipped = [decision.rulings[name] for name in decision.shipped]
    assert all(r.gained > 0 and r.lost == 0 for r in shipped)
    assert sum(r.expected_lost for r in shipped) <= 0.02 * num_solved + 1e-9
    assert {r.task for r in decision.rulings.values()} == {t.task for t in tried}
