"""One conversation while it is answered: its tokens, and the way back from an answer that fails."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import torch

from sleepy_coder.drafts import PromptLookup
from sleepy_coder.sampling import GREEDY, Sampling

_MOST_TURNS = 4
_OPEN_FENCE = re.compile(r"^[ \t]*```[^\n]*\n", re.MULTILINE)


@dataclass(frozen=True)
class Token:
    """A token of an answer.

    Attributes:
        score: The logarithm of its probability, in nats.
        other: The likeliest token but this one, where the row may have to turn back.
        other_score: The logarithm of that one's probability.
    """

    token: int
    score: float
    other: int = -1
    other_score: float = -math.inf


@dataclass
class Row:
    """One conversation while it is answered.

    Attributes:
        index: Its place among the conversations handed in.
        prompt: The prompt's tokens.
        limit: The most tokens of its answer.
        max_draft: The most tokens guessed ahead in one step; 0 is plain decoding.
        sampling: How its tokens are chosen.
        task: What `Decoder.use_tasks` is told of this row.
        is_refused: Says of a complete answer's text that it will not do; None takes any.
        ends_at_fence: Whether its answer ends where its first code block closes.
        draws: One uniform number for each token of its answer, or None for greedy decoding.
        tokens: The answer.
        output: The same without how likely it was.
        num_turns: How often it turned back.
        num_dropped: Tokens of the answers that were refused and do not belong to this one.
    """

    index: int
    prompt: list[int]
    limit: int
    max_draft: int
    sampling: Sampling = GREEDY
    task: str | None = None
    is_refused: Callable[[str], bool] | None = None
    ends_at_fence: bool = True
    tokens: list[Token] = field(default_factory=list)
    output: list[int] = field(default_factory=list)
    num_turns: int = 0
    num_dropped: int = 0
    is_done: bool = False
    started: float = 0.0
    seconds: float = 0.0
    draws: torch.Tensor | None = field(init=False)

    def __post_init__(self) -> None:
        self.draws = self.sampling.draws(self.index, self.limit)
        self.lookup = PromptLookup(self.prompt, self.max_draft)

    @property
    def num_cached(self) -> int:
        """How many tokens have keys and values: all but the newest."""
        return len(self.prompt) + len(self.output) - 1

    @property
    def room(self) -> int:
        """How many tokens the prompt and the longest answer take."""
        return len(self.prompt) + self.limit

    @property
    def may_turn(self) -> bool:
        """Whether its answer may be refused, once more."""
        return self.is_refused is not None and self.num_turns < _MOST_TURNS

    def extend(self, tokens: Sequence[Token]) -> None:
        """Append tokens to the answer."""
        ids = [token.token for token in tokens]
        self.lookup.extend(ids)
        self.output += ids
        self.tokens += tokens

    def cut(self, length: int) -> None:
        """Keep the first tokens of an answer that is complete: nothing is guessed behind them."""
        del self.output[length:], self.tokens[length:]

    def turn_back(self, decode: Callable[[list[int]], str]) -> bool:
        """Take the other token where it may lead to the likeliest other answer, if it is refused.

        A greedy answer that only copies is often the likeliest by a little at a single place. An
        answer that leaves it at one place is at most as likely as the tokens up to there together
        with the other token; the place where this bound is highest is taken. It must lie in the
        code, behind the line that opens the fence, or be the end of the code.

        Args:
            decode: Tokens to text.

        Returns:
            Whether it turned: the answer was refused, not too often yet, and there is such a place.
        """
        if self.is_refused is None or not self.may_turn or not self.is_refused(decode(self.output)):
            return False
        lengths = range(1, len(self.output) + 1)
        first = next((n for n in lengths if _OPEN_FENCE.search(decode(self.output[:n]))), None)
        before = list(accumulate((token.score for token in self.tokens), initial=0.0))
        bounds = {
            place: before[place] + self.tokens[place].other_score
            for place in range(first or len(self.tokens), len(self.tokens))
        }
        place = max(bounds, key=bounds.__getitem__, default=None)
        if place is None or bounds[place] == -math.inf:
            return False
        turned = self.tokens[place]
        kept = [*self.tokens[:place], Token(turned.other, turned.other_score)]
        self.num_dropped += len(self.tokens) - place
        self.tokens, self.output = [], []
        self.lookup = PromptLookup(self.prompt, self.max_draft)
        self.extend(kept)
        self.num_turns += 1
        return True
