import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.learning.gate import GateConfig, Trial, cross_validate, decide


def trials(task, *, gained=0, lost=0, both=0, neither=0, log_probability=-1.0, source=""):
    """Problems to which the base model says something of its own."""
    kinds = [(False, True)] * gained + [(True, False)] * lost
    kinds += [(True, True)] * both + [(False, False)] * neither
    return [Trial(task, base, own, False, log_probability, source) for base, own in kinds]


def within(budget, tried, **options):
    """A configuration whose budget for these problems is so many."""
    solved = sum(trial.is_solved_second for trial in tried)
    return GateConfig(max_lost_frac=budget / max(1, solved), **options)


def test_a_task_that_gains_and_loses_nothing_goes_first():
    decision = decide(trials("good", gained=3, both=2, neither=1), GateConfig())
    ruling = decision.rulings["good"]
    assert decision.first == ("good",)
    assert (ruling.total, ruling.solved, ruling.gained, ruling.lost) == (6, 2, 3, 0)
    assert ruling.reason == "goes first"


def test_what_the_base_model_repeats_is_gained_without_going_first():
    repeated = [Trial("t", False, own, True, -1.0) for own in (True, True, False)]
    decision = decide([*repeated, *trials("t", both=1)], GateConfig())
    ruling = decision.rulings["t"]
    assert (ruling.solved, ruling.solved_second) == (1, 3)
    assert (ruling.goes_first, ruling.reason) == (False, "gains 0")
    assert decision.net_gain == 2


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"both": 5, "neither": 2}, "gains 0"),
        ({"gained": 9, "lost": 1, "both": 5}, "loses 1"),
    ],
)
def test_a_task_that_gains_nothing_or_loses_something_does_not(counts, reason):
    tried = trials("bad", **counts)
    decision = decide(tried, within(10, tried))
    assert decision.first == ()
    assert decision.rulings["bad"].reason == reason


def test_what_others_lose_counts_against_a_task_that_lost_nothing_yet():
    lucky = trials("lucky", gained=2, both=4)
    tried = [*lucky, *trials("lossy", gained=1, lost=5, both=5)]
    assert decide(lucky, within(1, lucky)).rulings["lucky"].expected_lost == 0
    # Five of fourteen are lost in all: that rate weighs as four problems beside its own four, and
    # one more than the four that were solved may be next time.
    ruling = decide(tried, within(1, tried)).rulings["lucky"]
    assert ruling.expected_lost == pytest.approx((4 + 1) * (4 * 5 / 14) / 8)
    assert ruling.goes_first
    assert decide(tried, within(0.8, tried)).first == ()


def test_a_task_without_solved_problems_is_not_free_of_risk():
    tried = [*trials("new", gained=2), *trials("lossy", gained=1, lost=5, both=5)]
    ruling = decide(tried, within(9, tried)).rulings["new"]
    assert ruling.expected_lost == pytest.approx(5 / 10)


def test_the_budget_goes_to_those_that_gain_most_for_it():
    lossy = trials("lossy", lost=2, both=2)
    modest = trials("modest", gained=1, both=4)
    strong = trials("strong", gained=9, both=4)
    tried = [*lossy, *modest, *strong]  # two of twelve are lost in all
    decision = decide(tried, within(0.5, tried))
    assert decision.first == ("strong",)
    assert "over the budget" in decision.rulings["modest"].reason


def test_a_threshold_leaves_unlikely_answers_to_the_base_model():
    sure = trials("task", gained=4, both=2, log_probability=-1.0)
    unsure = trials("task", gained=1, lost=1, log_probability=-9.0)
    tried = [*sure, *unsure]
    ruling = decide(tried, within(1, tried, thresholds=(-5.0,))).rulings["task"]
    assert ruling.goes_first
    assert ruling.min_log_probability == -5.0
    assert ruling.gained == 4


def test_without_need_there_is_no_threshold():
    config = GateConfig(thresholds=(-5.0, -2.0))
    ruling = decide(trials("task", gained=2, log_probability=-1.0), config).rulings["task"]
    assert ruling.min_log_probability is None


def test_each_task_has_a_threshold_of_its_own():
    safe = trials("safe", gained=3, both=3, log_probability=-8.0)
    risky = trials("risky", gained=3, both=3, log_probability=-1.0)
    risky += trials("risky", lost=3, log_probability=-8.0)
    tried = [*safe, *risky]
    decision = decide(tried, within(10, tried, thresholds=(-5.0,)))
    assert decision.first == ("risky", "safe")
    assert decision.rulings["safe"].gained == 3
    assert decision.rulings["risky"].min_log_probability == -5.0


def test_cross_validation_counts_only_what_the_gate_did_not_see():
    good = [t for i in range(8) for t in trials("good", gained=1, both=1, source=f"s{i}")]
    result = cross_validate(good, GateConfig(), num_splits=5)
    assert (result.gained_frac, result.lost_frac, result.tasks) == (0.5, 0.0, 1.0)
    # It loses on one source alone: where that one is unseen, the gate cannot know.
    one_bad = [*good, *trials("good", lost=2, source="s8")]
    result = cross_validate(one_bad, GateConfig(), num_splits=40)
    assert 0 < result.lost_frac < 1
    assert 0 < result.tasks < 1
    assert cross_validate(one_bad, GateConfig(), num_splits=40) == result


def test_a_task_that_loses_everywhere_goes_first_in_no_split():
    bad = [t for i in range(8) for t in trials("bad", lost=1, gained=1, source=f"s{i}")]
    assert cross_validate(bad, GateConfig(0.5), num_splits=3).tasks == 0


_TRIAL = st.builds(
    Trial,
    st.sampled_from(["a", "b", "c"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([-0.1, -3.0, -20.0]),
)


@given(st.lists(_TRIAL, max_size=60), st.sampled_from([0.0, 0.02, 0.3]))
def test_what_goes_first_gains_loses_nothing_and_stays_in_the_budget(tried, frac):
    decision = decide(tried, GateConfig(frac, thresholds=(-10.0, -1.0)))
    first = [decision.rulings[name] for name in decision.first]
    assert all(r.gained > 0 and r.lost == 0 for r in first)
    solved = sum(trial.is_solved_second for trial in tried)
    assert sum(r.expected_lost for r in first) <= frac * solved + 1e-9
    assert {r.task for r in decision.rulings.values()} == {t.task for t in tried}
