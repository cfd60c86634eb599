from dataclasses import replace

import pytest

from sleepy_coder.experiments.summary import (
    check_untouched,
    falls_below,
    group_rates,
    summarize_arm,
    summarize_seeds,
)
from sleepy_coder.metrics import mean_interval
from sleepy_coder.paired import Paired
from sleepy_coder.results import ProblemResult, RunRecord


def record(outcomes, strategy="base", tasks=(), outputs=None):
    problems = [
        ProblemResult(
            id=name,
            family="f" if name < "c" else "g",
            pattern="p",
            route=None,
            outcome=outcome,
            detail="",
            output=(outputs or {}).get(name, "same"),
            tokens_in=1,
            tokens_out=2,
            attempts=1,
            seconds=0.1,
            task="t" if name in tasks else None,
        )
        for name, outcome in outcomes.items()
    ]
    return RunRecord(strategy, None, None, {}, {}, 0, problems, {})


BASE = record({"a": "pass", "b": "compile_error", "c": "pass", "d": "gutted"})


def test_only_problems_with_a_task_may_end_otherwise():
    outcomes = {"a": "pass", "b": "pass", "c": "compile_error", "d": "gutted"}
    found = check_untouched(BASE, record(outcomes, tasks="bc"))
    assert (found.total, found.differing, found.is_kept) == (2, (), True)
    found = check_untouched(BASE, record(outcomes, tasks="b"))
    assert (found.total, found.differing, found.is_kept) == (3, ("c",), False)


def test_another_kind_of_failure_is_another_outcome():
    outcomes = {"a": "pass", "b": "compile_error", "c": "pass", "d": "timeout"}
    assert check_untouched(BASE, record(outcomes)).differing == ("d",)


def test_an_answer_in_other_words_is_told_apart():
    outcomes = {p.id: p.outcome for p in BASE.problems}
    found = check_untouched(BASE, record(outcomes, tasks="b", outputs=dict.fromkeys("ab", "new")))
    assert found.is_kept
    assert found.reworded == ("a",)


def test_runs_over_other_problems_are_refused():
    with pytest.raises(ValueError, match="same problems"):
        check_untouched(BASE, record({"a": "pass"}))


def test_an_arm_is_told_by_family_and_against_base():
    outcomes = {"a": "pass", "b": "pass", "c": "compile_error", "d": "pass"}
    summary = summarize_arm(record(outcomes, "routed-alone", tasks="bcd"), BASE)
    assert (summary["totals"]["passed"], summary["totals"]["total"]) == (3, 4)
    assert 0 < summary["totals"]["low_frac"] < 0.75 < summary["totals"]["high_frac"] < 1
    assert [(n, f["passed"], f["total"]) for n, f in summary["families"].items()] == [
        ("f", 2, 2),
        ("g", 1, 2),
    ]
    change = summary["against_base"]
    assert (change["gained"], change["lost"], change["p_value"]) == (("b", "d"), ("c",), 1.0)
    assert summary["answered_by_a_task"] == 3
    assert summary["untouched"]["is_kept"]


@pytest.mark.parametrize("strategy", ["hints", "routed", "routed-hints", "averaged", "cascade"])
def test_where_the_prompt_or_the_way_is_another_nothing_is_claimed(strategy):
    assert "untouched" not in summarize_arm(replace(BASE, strategy=strategy), BASE)


def test_seeds_have_a_mean_with_its_interval():
    runs = {
        "one": record({"a": "pass", "b": "pass"}),
        "two": record({"a": "pass", "b": "gutted"}),
    }
    summary = summarize_seeds(runs)
    assert summary["solved_frac"] == {"one": 1.0, "two": 0.5}
    assert (summary["mean"], summary["low"], summary["high"]) == mean_interval([1.0, 0.5])
    assert summarize_seeds({"one": runs["one"]})["mean"] is None


def test_rates_by_group():
    groups = {"a": 2, "b": 1, "c": 2, "d": 1}
    rates = group_rates(BASE, groups)
    assert [(g, r.passed, r.total) for g, r in rates.items()] == [(1, 0, 2), (2, 2, 2)]


def test_patterns_below_base_are_those_with_enough_problems():
    groups = {
        "fell": Paired(10, 5, (), ("x",)),
        "small": Paired(9, 5, (), ("x",)),
        "even": Paired(10, 5, ("y",), ("x",)),
    }
    assert falls_below(groups, 10) == ["fell"]
