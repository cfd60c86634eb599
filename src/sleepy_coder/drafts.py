"""Guess the next tokens of an answer from what stands in the prompt.

A repaired program is mostly a copy of the broken one, so the text after the last few tokens'
earlier occurrence is a good guess. The model checks a whole guess in one forward pass and keeps
the part it would have written itself: prompt-lookup decoding, a speculative decoding (Leviathan et
al. 2023, arXiv:2211.17192) without a second model. Pure Python, no tensors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

_LONGEST_NGRAM = 4
_FIRST_LENGTH = 4
# A single token is too weak a sign unless it stands just ahead of where the copy broke off.
_RESYNC_WINDOW = 24


class PromptLookup:
    """The tokens of one conversation, and where its answer is copying from.

    Args:
        tokens: The prompt.
        max_length: The most tokens that one guess may hold; 0 turns guessing off.
    """

    def __init__(self, tokens: Sequence[int], max_length: int) -> None:
        self._tokens: list[int] = []
        self._ends: dict[tuple[int, ...], list[int]] = defaultdict(list)
        self._pointer: int | None = None
        self._anchor = 0
        self._max_length = max_length
        self._length = min(_FIRST_LENGTH, max_length)
        self._guess: list[int] = []
        self._is_cut = False
        if max_length:
            for token in tokens:
                self._append(token)

    def propose(self, limit: int) -> list[int]:
        """Return the tokens that probably come next, at most `limit`, possibly none."""
        length = min(limit, self._length)
        self._is_cut = length < self._length
        if length <= 0:
            return []
        start = self._pointer if self._pointer is not None else self._find()
        self._guess = [] if start is None else self._tokens[start : start + length]
        self._pointer = start
        return list(self._guess)

    def extend(self, tokens: Sequence[int]) -> None:
        """Take in what the model really wrote after the last guess, and learn from it."""
        if not self._max_length:
            return
        agreed = 0
        while agreed < min(len(self._guess), len(tokens)) and self._guess[agreed] == tokens[agreed]:
            agreed += 1
        if self._guess:
            self._resize(agreed)
        start, self._guess = self._pointer, []
        for token in tokens:
            self._append(token)
        if start is None:
            return
        after = start + len(tokens)
        is_copy = self._tokens[start:after] == list(tokens)
        self._pointer = after if is_copy else None
        self._anchor = start + agreed

    def _resize(self, agreed: int) -> None:
        if agreed == len(self._guess):
            if not self._is_cut:  # of a longer one this says nothing
                self._length = min(self._length * 2, self._max_length)
        else:
            self._length = max(_FIRST_LENGTH, min(self._length // 2, self._max_length))

    def _append(self, token: int) -> None:
        self._tokens.append(token)
        end = len(self._tokens)
        for size in range(1, min(_LONGEST_NGRAM, end) + 1):
            self._ends[tuple(self._tokens[end - size :])].append(end)

    def _find(self) -> int | None:
        """Return where the latest tokens occurred before, longest match first, or None."""
        end = len(self._tokens)
        for size in range(min(_LONGEST_NGRAM, end), 0, -1):
            places = self._ends[tuple(self._tokens[end - size :])][:-1]
            ahead = [place for place in places if place >= self._anchor]
            if size == 1:
                ahead = [place for place in ahead if place <= self._anchor + _RESYNC_WINDOW]
                places = []
            if ahead or places:
                return ahead[0] if ahead else places[-1]
        return None
