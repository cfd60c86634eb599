"""Keys and values of tokens already read: of the rows being answered, and of earlier prompts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
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
    left and a wrong guess is simply written over. `positions` (rows, tokens) says where the
    tokens of the coming forward pass go.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.positions = torch.empty(0, 0, dtype=torch.long)
        self._end = 0
        self._layers: list[KeysValues] = []

    def get_seq_length(self, _layer: int = 0) -> int:
        """Return how many places the attention looks at."""
        return self._end

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write (rows, heads, tokens, size) keys and values; return all up to the last place."""
        if layer == len(self._layers):
            rows, heads, _tokens, size = keys.shape
            shape = (rows, heads, self.capacity, size)
            self._layers.append((keys.new_zeros(shape), values.new_zeros(shape)))
        rows_at = torch.arange(len(keys), device=keys.device)[:, None]
        for buffer, new in zip(self._layers[layer], (keys, values), strict=True):
            buffer[rows_at, :, self.positions] = new.transpose(1, 2)
        all_keys, all_values = self._layers[layer]
        return all_keys[:, :, : self._end], all_values[:, :, : self._end]

    def place(self, starts: Sequence[int], num_tokens: int, device: torch.device) -> torch.Tensor:
        """Say where the next tokens go, and return the mask (rows, 1, tokens, places)."""
        first = torch.tensor(starts, device=device)
        self.positions = first[:, None] + torch.arange(num_tokens, device=device)
        self._end = max(starts) + num_tokens
        places = torch.arange(self._end, device=device)
        return (places <= self.positions[:, :, None])[:, None]

    def append(self, other: RowCache) -> None:
        """Add another cache's rows behind one's own; both must have the same capacity."""
        if self._layers:
            pairs = zip(self._layers, other._layers, strict=True)
            self._layers = [
                (torch.cat([keys, more_keys]), torch.cat([values, more_values]))
                for (keys, values), (more_keys, more_values) in pairs
            ]
        else:
            self._layers = other._layers

    def keep(self, rows: list[int]) -> None:
        """Drop every row but these."""
        self._layers = [(keys[rows], values[rows]) for keys, values in self._layers]

    def export(self, num_tokens: int) -> list[KeysValues]:
        """Return a copy of the only row's first keys and values, layer by layer."""
        return [
            (k[:, :, :num_tokens].clone(), v[:, :, :num_tokens].clone()) for k, v in self._layers
        ]

    def fill(self, layers: list[KeysValues], num_tokens: int) -> None:
        """Begin the only row with keys and values that `export` returned."""
        for keys, values in layers:
            shape = (*keys.shape[:2], self.capacity, keys.shape[3])
            buffers = (keys.new_zeros(shape), values.new_zeros(shape))
            for buffer, known in zip(buffers, (keys, values), strict=True):
                buffer[:, :, :num_tokens] = known[:, :, :num_tokens]
            self._layers.append(buffers)


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
