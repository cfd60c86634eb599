"""Keys and values of tokens already read: of the rows being answered, and of earlier prompts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import torch

# A layer's keys and values, each (rows, heads, tokens, size).
KeysValues = tuple[torch.Tensor, torch.Tensor]

# Kept for prompts that begin alike (the system prompt; the same program asked with a hint): 57 kB
# a token for the 1.5B in float32.
_PREFIX_STORE_BYTES = 2**30
_SHORTEST_SHARED_PREFIX = 16


class RowCache:
    """Keys and values of several rows of unlike length; what `past_key_values` needs to be.

    Row `i`'s token `t` lies at `[i, :, t, :]` of each layer's buffer, so nothing is padded on the
    left and a wrong guess is simply written over. Nothing is ever moved but the rows that take the
    place of those that leave: a cache is tens of gigabytes on a GPU, and in a large batch some row
    leaves at every step.

    Args:
        capacity: Tokens of a row.
        max_rows: Rows that there is room for.

    Attributes:
        num_rows: Rows that there are.
        positions: (rows, tokens), where the tokens of the coming forward pass go.
    """

    def __init__(self, capacity: int, max_rows: int = 1) -> None:
        self.num_rows = 0
        self.positions = torch.empty(0, 0, dtype=torch.long)
        self._shape = (max_rows, capacity)
        self._rows = slice(0, 0)
        self._end = 0
        self._layers: list[KeysValues] = []

    @property
    def max_rows(self) -> int:
        """Rows that there is room for."""
        return self._shape[0]

    @property
    def capacity(self) -> int:
        """Tokens of a row that there is room for."""
        return self._shape[1]

    def resize(self, capacity: int, max_rows: int) -> None:
        """Move to buffers of another size; the rows stay, and must fit.

        Layer by layer, so that only one of them is there twice. Where memory runs out on the way,
        there is as much room as the smaller size has.
        """
        old_rows, old_capacity = self._shape
        kept = min(capacity, old_capacity)
        self._shape = (min(max_rows, old_rows), kept)
        for number, pair in enumerate(self._layers):
            moved = [
                each.new_zeros(max_rows, each.shape[1], capacity, each.shape[3]) for each in pair
            ]
            for new, old in zip(moved, pair, strict=True):
                new[: self.num_rows, :, :kept] = old[: self.num_rows, :, :kept]
            self._layers[number] = (moved[0], moved[1])
        self._shape = (max_rows, capacity)

    def get_seq_length(self, _layer: int = 0) -> int:
        """Return how many places the attention looks at."""
        return self._end

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write (rows, heads, tokens, size) keys and values; return all up to the last place."""
        keys_before, values_before = (b[self._rows] for b in self._buffers(layer, keys, values))
        rows_at = torch.arange(len(keys), device=keys.device)[:, None]
        for buffer, new in ((keys_before, keys), (values_before, values)):
            buffer[rows_at, :, self.positions] = new.transpose(1, 2)
        return keys_before[:, :, : self._end], values_before[:, :, : self._end]

    def place(
        self, first_row: int, starts: Sequence[int], num_tokens: int, device: torch.device
    ) -> torch.Tensor:
        """Say where the next tokens go, and return the mask (rows, 1, tokens, places).

        Args:
            first_row: The rows from here on read them; behind the last one they are new.
            starts: How many tokens each of these rows has.
            num_tokens: That each of them reads.
            device: Of the model.
        """
        first = torch.tensor(starts, device=device)
        self.positions = first[:, None] + torch.arange(num_tokens, device=device)
        self._rows = slice(first_row, first_row + len(starts))
        self.num_rows = max(self.num_rows, self._rows.stop)
        self._end = max(starts) + num_tokens
        places = torch.arange(self._end, device=device)
        return (places <= self.positions[:, :, None])[:, None]

    def drop(self, rows: Iterable[int]) -> list[int]:
        """Drop rows; the last ones take their places.

        Returns:
            For each place that is left, which row lies there now, by its place before.
        """
        order = list(range(self.num_rows))
        for hole in sorted(rows, reverse=True):
            last = order.pop()
            if hole < len(order):
                order[hole] = last
                for buffer in (buffer for pair in self._layers for buffer in pair):
                    buffer[hole] = buffer[len(order)]
        self.num_rows = len(order)
        return order

    def export(self, num_tokens: int) -> list[KeysValues]:
        """Return a copy of the first row's first keys and values, layer by layer."""
        return [(keys.clone(), values.clone()) for keys, values in self.view(num_tokens)]

    def view(self, num_tokens: int) -> list[KeysValues]:
        """Return the first row's first keys and values as they lie here, layer by layer."""
        return [(k[:1, :, :num_tokens], v[:1, :, :num_tokens]) for k, v in self._layers]

    def fill(self, row: int, layers: list[KeysValues], num_tokens: int) -> None:
        """Begin a row with keys and values that `export` returned."""
        for layer, known in enumerate(layers):
            for buffer, values in zip(self._buffers(layer, *known), known, strict=True):
                buffer[row, :, :num_tokens] = values[0, :, :num_tokens]

    def _buffers(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> KeysValues:
        """Return a layer's buffers, made like these (…, heads, tokens, size) where it has none."""
        if layer == len(self._layers):
            rows, capacity = self._shape
            made = [
                each.new_zeros(rows, each.shape[1], capacity, each.shape[3])
                for each in (keys, values)
            ]
            self._layers.append((made[0], made[1]))
        return self._layers[layer]


class PrefixStore:
    """Keys and values of past conversations, oldest dropped first when they grow too many."""

    def __init__(self, max_bytes: int = _PREFIX_STORE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[tuple[str | None, tuple[int, ...]], list[KeysValues]]
        self._entries = OrderedDict()
        self._num_bytes = 0

    def longest(self, tokens: Sequence[int], task: str | None) -> tuple[int, list[KeysValues]]:
        """Return the longest known beginning of a task's `tokens` (the last token excepted)."""
        best, found = 0, None
        for key in self._entries:
            known_task, known = key
            shared = shared_length(known, tokens[:-1]) if known_task == task else 0
            if shared > best:
                best, found = shared, key
        if found is None or best < _SHORTEST_SHARED_PREFIX:
            return 0, []
        self._entries.move_to_end(found)
        return best, self._entries[found]

    def add(self, tokens: Sequence[int], task: str | None, layers: list[KeysValues]) -> None:
        """Remember a conversation."""
        key = (task, tuple(tokens))
        if key in self._entries:
            return
        self._entries[key] = layers
        self._num_bytes += _num_bytes(layers)
        while self._num_bytes > self._max_bytes and self._entries:
            _, dropped = self._entries.popitem(last=False)
            self._num_bytes -= _num_bytes(dropped)

    def forget_tasks(self) -> None:
        """Drop what was read under a task: its name may soon stand for other weights."""
        for key in [key for key in self._entries if key[0] is not None]:
            self._num_bytes -= _num_bytes(self._entries.pop(key))


def shared_length(known: Sequence[int], tokens: Sequence[int]) -> int:
    """Return how many tokens two sequences have in common at their beginning."""
    for place, (one, other) in enumerate(zip(known, tokens, strict=False)):
        if one != other:
            return place
    return min(len(known), len(tokens))


def _num_bytes(layers: list[KeysValues]) -> int:
    return sum(tensor.nbytes for pair in layers for tensor in pair)
