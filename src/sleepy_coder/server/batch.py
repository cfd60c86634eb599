"""The answers that are decoded together, and the room that there is for more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch

from sleepy_coder.kv_cache import RowCache

if TYPE_CHECKING:
    from sleepy_coder.decoding import Decoder, Reading
    from sleepy_coder.server.answer import Answer

_CAPACITY_STEP = 64  # tokens


class _Pace(NamedTuple):
    """How much is done in one turn, in tokens with padding.

    Attributes:
        read: Of prompts; a longer one is read in pieces.
        beside: Of a longer one while others wait to go on.
        guessed: Checked in a step beside a token for each row. While reading the weights takes
            longest they cost next to nothing; beyond that as much as those that are sure.
    """

    read: int
    beside: int
    guessed: int


# On one core the 0.5B reads 300 tokens a second, and takes 25 ms a step and 4 ms for each of its
# tokens. The numbers for GPUs are estimates from their arithmetic and bandwidth.
_CPU = _Pace(read=512, beside=128, guessed=16)
_GPU = _Pace(read=8192, beside=2048, guessed=256)


class Batch:
    """Answers under way; between two steps some may leave and others join.

    Args:
        decoder: Writes them.
        max_rows: How many there may be.
        max_tokens: How many tokens keys and values may be kept for, with the rest of each answer
            and the padding to the longest; a single row may have more.

    Attributes:
        answers: Those under way, in the order of the rows.
        reading: The one whose long prompt is being read between their steps, if there is one.
    """

    def __init__(self, decoder: Decoder, max_rows: int, max_tokens: int) -> None:
        self._decoder = decoder
        self._max_rows = max_rows
        self._max_tokens = max_tokens
        self._pace = _CPU if decoder.device.type == "cpu" else _GPU
        self._cache = RowCache(0, 0)
        self.answers: list[Answer] = []
        self.reading: Answer | None = None
        self._read: Reading | None = None

    def is_long(self, answer: Answer) -> bool:
        """Whether an answer's prompt is read in pieces (`begin`)."""
        return len(answer.row.prompt) > self._pace.read

    def choose(self, waiting: Iterable[Answer]) -> list[Answer]:
        """Return the first of those waiting, as many as there is room for and are read at once.

        One with a long prompt comes alone; while another such one is being read, those behind it
        are chosen before it.
        """
        chosen: list[Answer] = []
        taken = [*self.answers, *([self.reading] if self.reading else [])]
        ready = (each for each in waiting if not (self.reading and self.is_long(each)))
        for answer in islice(ready, max(0, self._max_rows - len(taken))):
            longest = max(len(each.row.prompt) for each in [*chosen, answer])
            is_read = not chosen or longest * (len(chosen) + 1) <= self._pace.read
            if not is_read or not self._has_room([*taken, *chosen, answer]):
                break
            chosen.append(answer)
        return chosen

    def begin(self, answer: Answer) -> None:
        """Begin to read a long prompt."""
        self._read = self._decoder.begin(answer.row)
        self.reading = answer

    def read_on(self) -> bool:
        """Read a piece of the long prompt; return whether it was the last: the answer has joined.

        Whatever is raised, the answer has neither joined nor is it read any more then.
        """
        answer, read = self.reading, self._read
        if answer is None or read is None:
            return False
        size = self._pace.beside if self.answers else self._pace.read
        try:
            if self._decoder.read_on(read, size):
                return False
        except BaseException:
            self.stop_reading()
            raise
        self.stop_reading()
        self.join([answer], read)
        return True

    def stop_reading(self) -> None:
        """Leave the long prompt unread."""
        self.reading = self._read = None

    @torch.inference_mode()
    def join(self, answers: Sequence[Answer], read: Reading | None = None) -> None:
        """Read the prompts of answers that there is room for, and write their first tokens.

        Whatever is raised, none of them has joined then.
        """
        self._make_room([*self.answers, *answers])
        try:
            self._decoder.join([answer.row for answer in answers], self._cache, read)
        except BaseException:
            self._cache.drop(range(len(self.answers), self._cache.num_rows))
            for answer in answers:
                answer.restart()
            if not self.answers:  # as after the last one: the layers may be exchanged now
                self.clear()
            raise
        self.answers += answers

    def step(self) -> None:
        """Add to every answer; none of them may be done."""
        rows = [answer.row for answer in self.answers]
        self._decoder.step(rows, self._cache, self._pace.guessed)

    def leave(self, places: AbstractSet[int]) -> None:
        """Let answers go, by their place in `answers`."""
        rows = [answer.row for answer in self.answers]
        order = self._decoder.leave(places, rows, self._cache)
        self.answers = [self.answers[place] for place in order]
        if not self.answers:
            self.clear()

    def clear(self) -> None:
        """Let all answers go, and the memory that they took."""
        self.answers = []
        self._cache = RowCache(0, 0)
        self._decoder.rest()

    def _has_room(self, answers: Sequence[Answer]) -> bool:
        num_tokens = len(answers) * self._capacity(answers)
        return len(answers) == 1 or num_tokens <= self._max_tokens

    def _make_room(self, answers: Sequence[Answer]) -> None:
        """Make the cache large enough for these; it grows by doubling, so that little is moved."""
        count, capacity = len(answers), self._capacity(answers)
        if count <= self._cache.max_rows and capacity <= self._cache.capacity:
            return
        most = min(self._max_rows, self._max_tokens // capacity)
        self._cache.resize(capacity, max(count, min(2 * len(self.answers), most)))

    def _capacity(self, answers: Sequence[Answer]) -> int:
        tokens = self._decoder.capacity_for([answer.row for answer in answers])
        return -(-tokens // _CAPACITY_STEP) * _CAPACITY_STEP
