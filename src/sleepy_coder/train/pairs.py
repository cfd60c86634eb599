"""Training pairs as token rows: what is read, what is answered, and how much each token counts."""

from __future__ import annotations

import difflib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sleepy_coder.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

Message = dict[str, str]


@dataclass(frozen=True)
class TrainingPair:
    """One broken program with its verified answer.

    Attributes:
        task: Name of the task whose coefficients learn from it.
        messages: The prompt, as it will be asked.
        answer: The text that the model should give.
        source: The broken program; where the answer repeats it, tokens count as kept.
    """

    task: str
    messages: Sequence[Message]
    answer: str
    source: str


@dataclass(frozen=True)
class Row:
    """A pair in tokens.

    Attributes:
        tokens: Prompt, answer and end of turn.
        num_prompt: How many of them the prompt takes.
        is_edit: One flag a token of the answer: it stands where the answer departs from the source.
    """

    task: str
    tokens: tuple[int, ...]
    num_prompt: int
    is_edit: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.tokens)


def encode_rows(pairs: Sequence[TrainingPair], tokenizer: Any) -> list[Row]:
    """Return the pairs as tokens, in the tokenizer's chat format; many at once take all cores.

    Raises:
        InputError: The tokenizer has no end-of-turn token.
    """
    if tokenizer.eos_token_id is None:
        raise InputError("tokenizer has no eos_token; expected a chat model's tokenizer")
    prompts = tokenizer.apply_chat_template(
        [list(pair.messages) for pair in pairs], tokenize=False, add_generation_prompt=True
    )
    answers = tokenizer(
        [pair.answer for pair in pairs], add_special_tokens=False, return_offsets_mapping=True
    )
    encoded = zip(
        pairs,
        tokenizer(prompts, add_special_tokens=False)["input_ids"],
        answers["input_ids"],
        answers["offset_mapping"],
        strict=True,
    )
    return [
        Row(
            task=pair.task,
            tokens=(*prompt_ids, *answer_ids, tokenizer.eos_token_id),
            num_prompt=len(prompt_ids),
            is_edit=(*_flags(offsets, _changed_stretches(pair.source, pair.answer)), False),
        )
        for pair, prompt_ids, answer_ids, offsets in encoded
    ]


def _flags(offsets: Sequence[tuple[int, int]], stretches: Iterable[tuple[int, int]]) -> list[bool]:
    """Return for each token, given its first and last character, whether a stretch touches it."""
    starts, ends = ([offset[side] for offset in offsets] for side in (0, 1))
    flags = [False] * len(offsets)
    for begin, stop in stretches:
        touched = range(bisect_right(ends, begin), bisect_left(starts, stop))
        flags[touched.start : touched.stop] = [True] * len(touched)
    return flags


def _changed_stretches(source: str, answer: str) -> list[tuple[int, int]]:
    """Return the character ranges of an answer's lines that the source does not have there.

    A deletion changes no line of the answer; the line behind it is marked in its place, because
    that is where the model must depart from copying.
    """
    lines = answer.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    matcher = difflib.SequenceMatcher(None, source.splitlines(keepends=True), lines, autojunk=False)
    stretches = []
    for tag, _, _, begin, end in matcher.get_opcodes():
        if tag == "equal" or begin >= len(lines):
            continue
        stretches.append((starts[begin], starts[max(end, begin + 1)]))
    return stretches


# What a group costs besides its tokens, in tokens: filling the device, and starting kernels, which
# takes the processor 0.06 to 0.2 s, as long as an H200 needs for 4 to 14 thousand tokens.
_GROUP_COST = 1500


@dataclass(frozen=True)
class Batch:
    """Rows padded on the right to one length.

    Attributes:
        tasks: One name a row.
        input_ids: (rows, tokens).
        targets: (answers, 2), row and position of each token whose successor is an answer's.
        labels: (answers,), those successors.
        is_edit: (answers,), whether the successor belongs to an edit.
    """

    tasks: tuple[str, ...]
    input_ids: Tensor
    targets: Tensor
    labels: Tensor
    is_edit: Tensor


def collate(rows: Sequence[Row], pad_id: int, device: Any) -> Batch:
    """Return rows as one right-padded batch on a device."""
    import torch

    width = max(map(len, rows))
    ids = torch.full((len(rows), width), pad_id)
    targets: list[tuple[int, int]] = []
    labels: list[int] = []
    edits: list[bool] = []
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row.tokens)
        targets += [(index, at) for at in range(row.num_prompt - 1, len(row) - 1)]
        labels += row.tokens[row.num_prompt :]
        edits += row.is_edit
    return Batch(
        tasks=tuple(row.task for row in rows),
        input_ids=ids.to(device),
        targets=torch.tensor(targets, device=device),
        labels=torch.tensor(labels, device=device),
        is_edit=torch.tensor(edits, device=device),
    )


def split_by_tokens(rows: Sequence[Row], max_tokens: int) -> list[list[Row]]:
    """Split rows into groups of like length that hold at most `max_tokens` each, padding counted.

    Of all ways to cut the rows, sorted by length, the one that computes least: the tokens with
    their padding, and for each group what a forward and backward cost besides.

    Raises:
        InputError: One row alone is longer.
    """
    ordered = sorted(rows, key=len)
    for row in ordered[-1:]:
        if len(row) > max_tokens:
            raise InputError(
                f"task {row.task}: a pair of {len(row)} tokens, expected at most {max_tokens}; "
                "leave it out or raise the limit"
            )
    costs, starts = [0], [0]  # of the first rows: the least cost, and where their last group starts
    for end, row in enumerate(ordered, 1):
        first = max(0, end - max_tokens // len(row))
        cost, start = min((costs[at] + len(row) * (end - at), at) for at in range(first, end))
        costs.append(cost + _GROUP_COST)
        starts.append(start)
    groups: list[list[Row]] = []
    end = len(ordered)
    while end:
        groups.append(ordered[starts[end] : end])
        end = starts[end]
    return groups[::-1]
