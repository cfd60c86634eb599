"""Write answers token by token: many rows at once, each guessing ahead from its own prompt.

Rows join the batch as others leave it, so that a few long answers keep nobody waiting.
`Decoder.run` answers a list; who has rows coming in all the time calls `join`, `step`, `leave` and
`rest`.

Every step checks one guess a row (`drafts.PromptLookup`) in one forward pass. The tokens kept are
those that the model itself chooses at each place, so the answer is the one that plain decoding
gives, up to floating-point ties; with a temperature too, since the randomness that decides a place
is drawn per row and place, not per step.

An answer may be refused (`Row.is_refused`). The row then turns back to where the next likely token
may lead to a likely answer (`Row.turn_back`), takes it and goes on from there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from sleepy_coder.answer_row import Row, Token
from sleepy_coder.kv_cache import PrefixStore, RowCache, shared_length
from sleepy_coder.sampling import Sampling

_CLOSED_FENCE = re.compile(r"^[ \t]*```[^\n]*\n.*?^[ \t]*```", re.MULTILINE | re.DOTALL)
_READ_AT_A_TIME = 65_536  # tokens of prompts in one forward pass, padding counted
_SCORED_AT_A_TIME = 1024  # rows of vocabulary-wide float32 numbers that are alive at once


@dataclass
class Reading:
    """A row whose prompt is being read in pieces, in a cache of its own.

    Attributes:
        num_read: Tokens of the prompt that the cache holds.
    """

    row: Row
    cache: RowCache
    num_read: int


class Decoder:
    """Answers batches of rows with one causal language model.

    Args:
        model: A Hugging Face causal language model with full attention.
        decode: Tokens to text, special tokens left out.
        stop_tokens: Tokens that end a turn.
        max_draft: The most tokens guessed ahead in one step; 0 is plain decoding.

    Attributes:
        use_tasks: Entered with the task of each row for as long as the batch holds the same rows:
            for layers that apply an adapter of its own to each row.
    """

    def __init__(
        self,
        model: Any,
        decode: Callable[[list[int]], str],
        stop_tokens: frozenset[int],
        *,
        max_draft: int,
    ) -> None:
        self._model = model
        self._body = model.get_decoder()
        self._head = model.get_output_embeddings()
        self.decode = decode
        self.stop_tokens = stop_tokens
        self.max_draft = max_draft
        self.prefixes = PrefixStore()
        self.use_tasks: Callable[[Sequence[str | None]], AbstractContextManager[None]] | None = None
        self._announced: list[str | None] | None = None
        self._announcement = ExitStack()

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        device: torch.device = self._model.device
        return device

    @torch.inference_mode()
    def run(self, rows: Sequence[Row], max_tokens: int) -> Iterator[Row]:
        """Yield each row when its answer is complete; the longest are begun first.

        Args:
            rows: What to answer.
            max_tokens: How many a batch may hold, padding and room for answers counted; a batch
                has at least one row.
        """
        waiting = sorted(rows, key=lambda row: (row.room, -row.index))
        batch: list[Row] = []
        try:
            while waiting or batch:
                if not batch:
                    capacity = self.capacity_for(waiting[-1:])
                    num_places = max(1, max_tokens // capacity)
                    cache = RowCache(capacity, min(num_places, len(waiting)))
                if waiting and len(batch) <= num_places // 2:
                    joining = [waiting.pop() for _ in range(num_places - len(batch)) if waiting]
                    for group in _groups_to_read(joining):
                        self.join(group, cache)
                        batch += group
                for row in [row for row in batch if row.is_done]:
                    row.seconds = time.perf_counter() - row.started
                    yield row
                if done := {place for place, row in enumerate(batch) if row.is_done}:
                    batch = [batch[place] for place in self.leave(done, batch, cache)]
                if batch:
                    self.step(batch, cache)
        finally:
            self.rest()

    def capacity_for(self, rows: Sequence[Row]) -> int:
        """Return how many tokens of a row a cache needs to hold for these rows' answers."""
        return max(row.room for row in rows) + self.max_draft + 1

    @torch.inference_mode()
    def join(self, rows: Sequence[Row], cache: RowCache, reading: Reading | None = None) -> None:
        """Read rows' prompts behind those in the cache, and choose their first tokens.

        Args:
            rows: Of whom each has room in the cache, see `capacity_for`.
            cache: What the rows before them have read.
            reading: Of the row, if that is one alone whose prompt was begun to be read.
        """
        started = time.perf_counter()
        first = self._prefill(rows, cache, reading)
        for row, token in zip(rows, first, strict=True):
            row.started = started
            self._take(row, [token])

    @torch.inference_mode()
    def begin(self, row: Row) -> Reading:
        """Begin to read a row's prompt in pieces, while others go on."""
        start, layers = self.prefixes.longest(row.prompt, row.task)
        cache = RowCache(len(row.prompt))
        cache.fill(0, layers, start)
        return Reading(row, cache, start)

    @torch.inference_mode()
    def read_on(self, reading: Reading, max_tokens: int) -> bool:
        """Read a piece of a prompt; return False, and read nothing, where one is all that is left.

        Attention takes memory for so many tokens times the prompt. `join` reads the last piece.
        """
        prompt, start = reading.row.prompt, reading.num_read
        if len(prompt) - start <= max_tokens:
            return False
        piece = prompt[start : start + max_tokens]
        self._forward([reading.row], [piece], 0, [start], reading.cache)
        reading.num_read += max_tokens
        return True

    @torch.inference_mode()
    def step(self, rows: Sequence[Row], cache: RowCache, max_tokens: int | None = None) -> None:
        """Add to the answers of all rows in the cache, none of which is done; one token or more.

        Args:
            rows: In the order of the cache.
            cache: What they have read.
            max_tokens: That the model reads at most, padding counted, beside one for each row: what
                is guessed is cut to that. None sets no limit.
        """
        most = self.max_draft if max_tokens is None else max_tokens // len(rows)
        guesses = [row.lookup.propose(min(most, row.limit - len(row.output) - 1)) for row in rows]
        inputs = [[row.output[-1], *g] for row, g in zip(rows, guesses, strict=True)]
        hidden = self._forward(rows, inputs, 0, [row.num_cached for row in rows], cache)
        places = [(i, j) for i, tokens in enumerate(inputs) for j in range(len(tokens))]
        index = torch.tensor(places, device=hidden.device)
        logits = self._head(hidden[index[:, 0], index[:, 1]])
        tokens = _choose(logits, rows, [len(each) for each in inputs])
        chosen: list[int] = tokens.tolist()
        at, kept, counts = 0, list[int](), list[int]()
        for guess in guesses:
            own = chosen[at : at + len(guess) + 1]
            counts.append(shared_length(guess, own) + 1)
            kept += range(at, at + counts[-1])
            at += len(own)
        taken = iter(_read_tokens(logits[kept], tokens[kept], rows))
        for row, count in zip(rows, counts, strict=True):
            self._take(row, list(islice(taken, count)))

    @torch.inference_mode()
    def leave(self, places: AbstractSet[int], rows: Sequence[Row], cache: RowCache) -> list[int]:
        """Drop rows from the cache; what a row that was alone in it has read is remembered.

        Returns:
            For each place that is left, which row lies there now, by its place before.
        """
        if len(rows) == 1:
            tokens = (rows[0].prompt + rows[0].output)[: rows[0].num_cached]
            self.prefixes.add(tokens, rows[0].task, cache.export(len(tokens)))
        return cache.drop(places)

    def rest(self) -> None:
        """Let the layers forget which tasks the rows have, when none is under way."""
        self._announced = None
        self._announcement.close()

    def _prefill(
        self, rows: Sequence[Row], cache: RowCache, reading: Reading | None
    ) -> list[Token]:
        start, first = 0, cache.num_rows
        if reading is not None:
            start = reading.num_read
            cache.fill(first, reading.cache.view(start), start)
        elif len(rows) == 1:
            start, layers = self.prefixes.longest(rows[0].prompt, rows[0].task)
            cache.fill(first, layers, start)
        inputs = [row.prompt[start:] for row in rows]
        hidden = self._forward(rows, inputs, first, [start] * len(rows), cache)
        last = torch.stack([hidden[i, len(tokens) - 1] for i, tokens in enumerate(inputs)])
        logits = self._head(last)
        return _read_tokens(logits, _choose(logits, rows, [1] * len(rows)), rows)

    def _forward(
        self,
        rows: Sequence[Row],
        inputs: list[list[int]],
        first_row: int,
        starts: list[int],
        cache: RowCache,
    ) -> torch.Tensor:
        """Return the hidden states (rows, tokens, size) of unlike numbers of new tokens."""
        self._announce([row.task for row in rows])
        width = max(map(len, inputs))
        ids = torch.tensor([t + [0] * (width - len(t)) for t in inputs], device=self.device)
        mask = cache.place(first_row, starts, width, self.device)
        hidden: torch.Tensor = self._body(
            input_ids=ids,
            attention_mask=mask,
            position_ids=cache.positions,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        return hidden

    def _announce(self, tasks: list[str | None]) -> None:
        """Tell the layers the rows' tasks, unless they know them already."""
        if self.use_tasks is None or tasks == self._announced:
            return
        self.rest()
        self._announcement.enter_context(self.use_tasks(tasks))
        self._announced = tasks

    def _take(self, row: Row, tokens: list[Token]) -> None:
        """Append tokens up to where the answer ends; turn back where that answer is refused."""
        before = len(row.output)
        row.extend(tokens)
        self._end(row, before)
        while row.is_done and row.turn_back(self.decode):
            self._end(row, len(row.output) - 1)

    def _end(self, row: Row, start: int) -> None:
        """Cut an answer where it ends, looking from `start` on; mark it as done if it does."""
        end = self._find_end(row, start)
        if end is not None:
            row.cut(end)
        row.is_done = end is not None or len(row.output) >= row.limit

    def _find_end(self, row: Row, start: int) -> int | None:
        """Return how many tokens the answer has, looking from `start` on, or None if it goes on."""
        output = row.output
        stop = next((i for i in range(start, len(output)) if output[i] in self.stop_tokens), None)
        end = None if stop is None else stop + 1
        upto = len(output) if stop is None else stop
        if not row.ends_at_fence or "`" not in self.decode(output[start:upto]):
            return end
        if _CLOSED_FENCE.search(self.decode(output[:upto])):
            for cut in range(start + 1, upto):
                if _CLOSED_FENCE.search(self.decode(output[:cut])):
                    return cut
            return upto
        return end


def _groups_to_read(rows: Sequence[Row]) -> list[list[Row]]:
    """Return rows in groups whose prompts are read together: of like length, not too many."""
    groups: list[list[Row]] = []
    for row in sorted(rows, key=lambda row: -len(row.prompt)):
        longest = len(groups[-1][0].prompt) if groups else 0
        if not groups or longest * (len(groups[-1]) + 1) > _READ_AT_A_TIME:
            groups.append([])
        groups[-1].append(row)
    return groups


def _choose(logits: torch.Tensor, rows: Sequence[Row], counts: Sequence[int]) -> torch.Tensor:
    """Return the token for each place, (places,), chosen as its row is sampled.

    Args:
        logits: (places, vocabulary), a row's places from its next token on, row after row.
        rows: Of the batch.
        counts: How many places each row has.
    """
    shares: dict[tuple[float, float], tuple[list[int], list[torch.Tensor]]] = {}
    at = 0
    for row, count in zip(rows, counts, strict=True):
        kind = (row.sampling.temperature, row.sampling.top_p)
        places, draws = shares.setdefault(kind, ([], []))
        places += range(at, at + count)
        if row.draws is not None:
            draws.append(row.draws[len(row.output) :][:count])
        at += count
    tokens = torch.empty(at, dtype=torch.long, device=logits.device)
    for kind, (places, draws) in shares.items():
        uniform = torch.cat(draws) if draws else None
        if len(shares) == 1:
            return Sampling(*kind).choose(logits, uniform)
        tokens[places] = Sampling(*kind).choose(logits[places], uniform)
    return tokens


def _read_tokens(logits: torch.Tensor, tokens: torch.Tensor, rows: Sequence[Row]) -> list[Token]:
    """Return the chosen tokens, with the likeliest others where a row may have to turn back.

    Args:
        logits: (places, vocabulary).
        tokens: (places,).
        rows: Of the batch.
    """
    read = _with_others if any(row.may_turn for row in rows) else _alone
    chunks = torch.split(logits, _SCORED_AT_A_TIME)
    chosen = torch.split(tokens, _SCORED_AT_A_TIME)
    parts = [read(chunk.float(), those) for chunk, those in zip(chunks, chosen, strict=True)]
    columns = [torch.cat(column).tolist() for column in zip(*parts, strict=True)]
    return list(map(Token, tokens.tolist(), *columns))


def _alone(logits: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return the log-probability of each token, (places,), whatever the temperature."""
    return (logits.gather(1, tokens[:, None]).squeeze(1) - logits.logsumexp(1),)


def _with_others(logits: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return that, the likeliest other token of each place, and its log-probability."""
    total = logits.logsumexp(1)
    values, ids = logits.topk(2, dim=1)
    place = (ids[:, :1] == tokens[:, None]).long()  # the second, where the first was chosen
    other, other_value = (each.gather(1, place).squeeze(1) for each in (ids, values))
    chosen = logits.gather(1, tokens[:, None]).squeeze(1)
    return chosen - total, other, other_value - total


def close_fence(text: str) -> str:
    """Return an answer without what follows its first closed code block."""
    match = _CLOSED_FENCE.search(text)
    return text if match is None else text[: match.end()]
