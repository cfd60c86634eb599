"""Rows of a cache: where they lie, and what becomes of them when others leave."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.kv_cache import RowCache

CPU = torch.device("cpu")


def make_cache(num_rows, max_rows=8):
    """A cache of one layer whose row i holds 10 i and 10 i + 1."""
    cache = RowCache(capacity=4, max_rows=max_rows)
    cache.place(0, [0] * num_rows, 2, CPU)
    values = torch.tensor([[10.0 * i, 10.0 * i + 1] for i in range(num_rows)])
    cache.update(values[:, None, :, None], -values[:, None, :, None], 0)
    return cache


def read(cache, row):
    """What a row holds, read by a pass that adds the token 99 to each."""
    cache.place(0, [2] * cache.num_rows, 1, CPU)
    new = torch.full((cache.num_rows, 1, 1, 1), 99.0)
    keys, values = cache.update(new, -new, 0)
    assert torch.equal(keys, -values)
    return keys[row, 0, :, 0].tolist()


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_what_is_left_is_where_the_order_says(case):
    num_rows, gone = case
    cache = make_cache(num_rows)
    order = cache.drop(gone)
    assert sorted(order) == sorted(set(range(num_rows)) - gone)
    assert cache.num_rows == len(order)
    for place, row in enumerate(order):
        assert read(cache, place) == [10 * row, 10 * row + 1, 99]


def test_only_the_last_rows_move():
    assert make_cache(6).drop([1, 4]) == [0, 5, 2, 3]
    assert make_cache(3).drop([2]) == [0, 1]


def test_new_rows_are_read_behind_the_others():
    cache = make_cache(3)
    cache.drop([0])
    cache.place(2, [0], 3, CPU)
    new = torch.tensor([7.0, 8.0, 9.0])[None, None, :, None]
    keys, _ = cache.update(new, -new, 0)
    assert keys.shape == (1, 1, 3, 1)
    assert cache.num_rows == 3
    cache.place(0, [2, 2, 3], 1, CPU)
    added = torch.full((3, 1, 1, 1), 99.0)
    keys, _ = cache.update(added, -added, 0)
    assert keys[:, 0, :, 0].tolist() == [[20, 21, 99, 0], [10, 11, 99, 0], [7, 8, 9, 99]]


@pytest.mark.parametrize("num_tokens", [1, 2])
def test_a_row_begins_with_what_was_exported(num_tokens):
    known = make_cache(1).export(num_tokens)
    cache = make_cache(2)
    cache.fill(2, known, num_tokens)
    mask = cache.place(2, [num_tokens], 1, CPU)
    assert mask.tolist() == [[[[True] * (num_tokens + 1)]]]
    new = torch.full((1, 1, 1, 1), 5.0)
    keys, values = cache.update(new, -new, 0)
    assert keys[0, 0, :, 0].tolist() == [*[0.0, 1.0][:num_tokens], 5.0]
    assert torch.equal(values, -keys)


@pytest.mark.parametrize(("capacity", "max_rows"), [(9, 8), (4, 20), (9, 3), (3, 3)])
def test_rows_stay_where_the_cache_becomes_larger_or_smaller(capacity, max_rows):
    cache = make_cache(3)
    cache.resize(capacity, max_rows)
    assert (cache.capacity, cache.max_rows, cache.num_rows) == (capacity, max_rows, 3)
    assert [read(cache, row) for row in range(3)] == [[10 * i, 10 * i + 1, 99] for i in range(3)]
    if max_rows > 3:
        cache.place(3, [0], 3, CPU)
        new = torch.tensor([7.0, 8.0, 9.0])[None, None, :, None]
        cache.update(new, -new, 0)
        assert read(cache, 3) == [7, 8, 99]


def test_a_cache_that_could_not_grow_has_room_for_what_it_had(monkeypatch):
    cache = make_cache(2)
    values = torch.zeros(2, 1, 2, 1)
    cache.place(0, [0, 0], 2, CPU)
    cache.update(values, values, 1)
    inner, left = torch.Tensor.new_zeros, [2]

    def new_zeros(tensor, *shape):
        left[0] -= 1
        if left[0] < 0:
            raise MemoryError
        return inner(tensor, *shape)

    monkeypatch.setattr(torch.Tensor, "new_zeros", new_zeros)
    with pytest.raises(MemoryError):
        cache.resize(9, 3)
    assert (cache.capacity, cache.max_rows) == (4, 3)
    assert read(cache, 1) == [10, 11, 99]
