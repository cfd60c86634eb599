from dataclasses import replace
from itertools import product

import pytest
import torch

from sleepy_coder.errors import InputError
from sleepy_coder.train import pairs as pairs_module
from sleepy_coder.train.pairs import Row, TrainingPair, collate, encode_rows, split_by_tokens


class CharacterTokenizer:
    """One token a character; the chat format is the bare contents."""

    eos_token_id = 1

    def apply_chat_template(self, conversations, *, tokenize, add_generation_prompt):
        assert not tokenize
        assert add_generation_prompt
        return ["".join(m["content"] for m in each) + ">" for each in conversations]

    def __call__(self, texts, *, add_special_tokens, return_offsets_mapping=False):
        assert not add_special_tokens
        encoded = {"input_ids": [[ord(c) for c in text] for text in texts]}
        if return_offsets_mapping:
            encoded["offset_mapping"] = [[(i, i + 1) for i in range(len(t))] for t in texts]
        return encoded


def edited_text(source, answer):
    pair = TrainingPair("t", [{"role": "user", "content": "ask"}], answer, source)
    row, other = encode_rows([pair, replace(pair, answer="x")], CharacterTokenizer())
    assert other.tokens[other.num_prompt :] == (ord("x"), 1)
    assert row.tokens[row.num_prompt :] == (*map(ord, answer), 1)
    return "".join(c for c, flag in zip(answer, row.is_edit, strict=False) if flag)


def test_a_changed_line_is_the_edit():
    assert edited_text("a\nb\nc\n", "a\nB\nc\n") == "B\n"


def test_an_added_line_is_the_edit():
    assert edited_text("a\nc\n", "a\nb\nc\n") == "b\n"


def test_behind_a_deleted_line_the_next_one_is_marked():
    assert edited_text("a\nb\nc\nd\n", "a\nc\nd\n") == "c\n"


def test_the_same_program_has_no_edit():
    assert edited_text("a\nb\n", "a\nb\n") == ""


def test_labels_follow_their_positions():
    row = Row("t", tokens=(5, 6, 7, 8), num_prompt=2, is_edit=(True, False))
    batch = collate([row, Row("u", (5, 9), 1, (True,))], pad_id=0, device="cpu")
    assert batch.input_ids.tolist() == [[5, 6, 7, 8], [5, 9, 0, 0]]
    assert batch.targets.tolist() == [[0, 1], [0, 2], [1, 0]]
    assert batch.labels.tolist() == [7, 8, 9]
    assert batch.is_edit.tolist() == [True, False, True]
    rows, positions = batch.targets.T
    assert torch.equal(batch.input_ids[rows, positions + 1], batch.labels)


def test_groups_stay_under_the_limit_with_padding_counted():
    rows = [Row("t", tuple(range(n)), 1, (True,) * (n - 1)) for n in (9, 2, 5, 3, 2)]
    groups = split_by_tokens(rows, max_tokens=10)
    assert sorted(len(r) for g in groups for r in g) == [2, 2, 3, 5, 9]
    assert all(max(map(len, g)) * len(g) <= 10 for g in groups)


def test_no_other_groups_compute_less(monkeypatch):
    monkeypatch.setattr(pairs_module, "_GROUP_COST", 4)
    lengths = [3, 11, 2, 7, 7, 4, 12, 3, 6]
    rows = [Row("t", tuple(range(n)), 1, (True,) * (n - 1)) for n in lengths]
    ordered = sorted(lengths)

    def cost(groups):
        return sum(max(g) * len(g) + 4 for g in groups)

    every = []
    for cuts in product((False, True), repeat=len(lengths) - 1):
        ends = [n for n, cut in enumerate(cuts, 1) if cut] + [len(lengths)]
        groups = [ordered[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]
        if all(max(g) * len(g) <= 24 for g in groups):
            every.append(cost(groups))
    found = [[len(row) for row in group] for group in split_by_tokens(rows, max_tokens=24)]
    assert [length for group in found for length in group] == ordered
    assert cost(found) == min(every)


def test_a_pair_longer_than_the_limit_is_refused():
    with pytest.raises(InputError, match="a pair of 9 tokens, expected at most 8"):
        split_by_tokens([Row("t", tuple(range(9)), 1, (True,) * 8)], max_tokens=8)
