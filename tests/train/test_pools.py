from dataclasses import replace

from sleepy_coder.train.pools import PoolConfig, build_pools


def many(problem, pattern, count, start=0):
    return [replace(problem, id=f"{pattern}_{i}", pattern=pattern) for i in range(start, count)]


def test_a_task_gets_its_own_pairs_and_others_own_answers_as_anchors(problem):
    own, other = many(problem, "own", 8), many(problem, "other", 3)
    answers = {"own_0": "fn mine() {}", "other_1": "fn kept() {}"}
    config = PoolConfig(max_per_source=6, anchor_share=0.25, min_pairs=4)
    pools = build_pools([own, other], answers, [own[0], other[1]], config)
    assert list(pools) == ["own"]
    pairs = pools["own"]
    assert len(pairs) == 6 + 1  # 1.5 anchors asked for, one program there is
    assert all(pair.task == "own" for pair in pairs)
    assert "fn kept()" in pairs[-1].answer
    assert sum("let mut total" in pair.answer for pair in pairs) >= 5


def test_a_verified_answer_takes_the_references_place(problem):
    pools = build_pools(
        [many(problem, "own", 4)], {"own_2": "fn mine() {}"}, [], PoolConfig(min_pairs=1)
    )
    assert sum("fn mine()" in pair.answer for pair in pools["own"]) == 1


def test_equal_arguments_give_equal_pools(problem):
    sources = [many(problem, "own", 30)]
    config = PoolConfig(max_per_source=5, min_pairs=1)
    assert build_pools(sources, {}, [], config) == build_pools(sources, {}, [], config)


def test_sources_named_first_fill_a_tasks_pool_first(problem):
    first = [replace(p, fixed="fn first() {}") for p in many(problem, "own", 3)]
    config = PoolConfig(max_per_source=6, max_pairs=7, anchor_share=0, min_pairs=1)
    pairs = build_pools([first, many(problem, "own", 9)], {}, (), config)["own"]
    assert ["fn first()" in pair.answer for pair in pairs] == [True] * 3 + [False] * 4
