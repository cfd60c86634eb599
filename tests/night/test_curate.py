from dataclasses import replace

import pytest

from scripted import BUGGY, FIXED
from sleepy_coder.episodes import UNROUTED, Episode
from sleepy_coder.night.curate import can_judge_alone, deal, sift
from sleepy_coder.problems import Check, load_set
from sleepy_coder.proposals import RUSTC
from sleepy_coder.versions import Pairs

CORE = load_set("core").problems


def make(problem, number, by="task missing_mut", **fields):
    """Return an episode whose program has a shape of its own for each number."""
    more = "".join(f"    let _x{n} = {n};\n" for n in range(number))
    codes = {"buggy": BUGGY, "fixed": FIXED}
    codes = {name: code.replace("{\n", "{\n" + more, 1) for name, code in codes.items()}
    check = Check("compile")
    own = replace(problem, id=f"p{number:02}", check=check, **{**codes, **fields})
    return Episode(own, by, "a" * 64)


def every(pairs):
    return [True] * len(pairs)


def test_only_new_shapes_that_somebody_mended_are_learned(problem):
    again = make(problem, 1)
    renamed = {"buggy": again.problem.buggy.replace("total", "sum")}
    core = next(p for p in CORE if p.fixed)
    found = sift(
        [
            make(problem, 1),
            make(problem, 1, **renamed),  # the same shape
            make(problem, 2, by=RUSTC),
            make(problem, 3, pattern=UNROUTED),
            make(problem, 4, buggy=core.buggy.replace("a", "a"), fixed=core.fixed),
            make(problem, 1, pattern="missing_clone"),
            make(problem, 5, by="base model, drawn"),
        ],
        CORE,
    )
    assert {name: [p.id for p in own] for name, own in found.lessons.items()} == {
        "missing_mut": ["p01", "p05"],
        "missing_clone": ["p01"],
    }
    counts = (found.num_rustc, found.num_unrouted, found.num_colliding, found.num_duplicates)
    assert counts == (1, 1, 1, 1)


def test_a_quarter_of_the_new_pairs_is_held_back_for_good(problem):
    lessons = [make(problem, n).problem for n in range(8)]
    first = deal(lessons, Pairs(), every)
    assert [p.id for p in first.held_back] == ["p00", "p01"]
    assert [p.id for p in first.trained] == [f"p{n:02}" for n in range(2, 8)]
    assert deal(list(reversed(lessons)), Pairs(), every).pairs.all == first.pairs.all
    more = [make(problem, n).problem for n in range(12)]
    second = deal(more, first.pairs, every)
    assert (second.num_new, [p.id for p in second.held_back]) == (4, ["p00", "p01", "p08"])
    assert set(first.pairs.trained) < set(second.pairs.trained)


def test_one_pair_is_trained_and_one_of_two_is_held_back(problem):
    lessons = [make(problem, n).problem for n in range(2)]
    dealt = deal(lessons, Pairs(), every)
    assert (len(dealt.trained), len(dealt.held_back)) == (1, 1)
    assert len(deal(lessons[:1], Pairs(), every).trained) == 1


def test_what_no_lone_file_can_judge_is_trained_and_counted(problem):
    lessons = [make(problem, n).problem for n in range(8)]
    dealt = deal(lessons, Pairs(), lambda pairs: [p.id == "p07" for p in pairs])
    assert [p.id for p in dealt.held_back] == ["p07"]
    assert (dealt.num_unjudged, len(dealt.trained)) == (7, 7)


def test_no_pair_teaches_the_fix_of_one_that_is_held_back(problem):
    lessons = [make(problem, n).problem for n in range(8)]
    broken_otherwise = replace(lessons[0], id="p99", buggy=lessons[0].fixed.replace("mut", ""))
    shares = replace(broken_otherwise, buggy=broken_otherwise.buggy.replace("+=", "-="))
    dealt = deal([*lessons, shares], Pairs(), every)
    assert "p00" in dealt.pairs.held_back
    assert dealt.pairs.left_out == ("p99",)
    assert "p99" not in dealt.pairs.trained + dealt.pairs.held_back
    again = deal([*lessons, shares], dealt.pairs, every)
    assert (again.num_new, again.pairs) == (0, dealt.pairs)


def test_what_shares_a_fix_that_was_learned_is_not_held_back(problem):
    lessons = [make(problem, n).problem for n in range(8)]
    seen = deal(lessons, Pairs(), every).pairs
    known = next(p for p in lessons if p.id in seen.trained)
    otherwise = known.buggy.replace("+=", "-=")
    first = replace(known, id="a", buggy=otherwise)
    other = replace(make(problem, 9).problem, id="b")
    dealt = deal([*lessons, first, other], seen, every)
    assert set(dealt.pairs.held_back) - set(seen.held_back) == {"b"}
    assert "a" in dealt.pairs.trained


def test_what_was_learned_and_forgotten_is_known_again(problem):
    lessons = [make(problem, n).problem for n in range(8)]
    first = deal(lessons, Pairs(), every)
    seen = first.pairs_after(first.pairs.trained)
    known = next(p for p in lessons if p.id in seen.trained)
    renamed = {name: getattr(known, name).replace("total", "sum") for name in ("buggy", "fixed")}
    twin, other = replace(known, id="a", **renamed), replace(make(problem, 9).problem, id="b")
    dealt = deal([twin, other], seen, every)  # all others are forgotten
    assert [p.id for p in dealt.held_back] == ["b"]
    assert Pairs.__or__(Pairs(), seen) == seen
    assert seen.all == first.pairs.all


@pytest.mark.parametrize(
    ("change", "is_judged"),
    [(("total", "total"), True), (("fn main", "use crate::elsewhere::Thing;\n\nfn main"), False)],
)
def test_an_excerpt_that_needs_its_project_cannot_be_judged_alone(
    problem, sandbox, change, is_judged
):
    codes = {name: code.replace(*change) for name, code in (("buggy", BUGGY), ("fixed", FIXED))}
    own = make(problem, 0, **codes).problem
    assert list(can_judge_alone(sandbox)([own])) == [is_judged]
