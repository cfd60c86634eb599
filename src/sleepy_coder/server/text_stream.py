"""An answer's text while its tokens come, given out as far as it is final. Pure text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# What decoding puts in the place of bytes that are no character, or not yet one.
_NO_CHARACTER = "\N{REPLACEMENT CHARACTER}"
# How many tokens may wait for what they are a part of. An incomplete character has at most three
# bytes, and so three tokens; behind more than these only the last of what is none may become one.
_MOST_WAITING = 8


class TextStream:
    """The text of one answer, token by token.

    A text is final when its last character is complete and it cannot be the beginning of a stop
    text. What `push` and `finish` return, joined, is the whole answer.

    Args:
        decode: Tokens to text.
        stop: The answer ends before the first of these; none of them is empty.

    Attributes:
        is_stopped: Whether one of them has come.
    """

    def __init__(self, decode: Callable[[list[int]], str], stop: Sequence[str] = ()) -> None:
        self._decode = decode
        self._stop = stop
        # Decoded again with every token: those that were given out last, since some tokenizers
        # write a token differently where a text begins, and behind them those still held back.
        self._tokens: list[int] = []
        self._num_given = 0
        self._given = ""
        self._held = ""
        self.is_stopped = False

    def push(self, token: int) -> str:
        """Take in a token; return what has become final, often nothing."""
        self._tokens.append(token)
        text = self._decode(self._tokens)
        is_cut = text.endswith(_NO_CHARACTER)
        if is_cut or len(text) <= len(self._given):
            if len(self._tokens) - self._num_given <= _MOST_WAITING:
                return ""
            if len(text) <= len(self._given):
                self._tokens.pop()  # as those before it, it has no text
                return ""
        new = text[len(self._given) : -1 if is_cut else None]
        self._tokens = self._tokens[self._num_given :]
        self._num_given = len(self._tokens)
        given = self._decode(self._tokens)
        self._given = given[:-1] if is_cut else given
        return self._release(new)

    def finish(self) -> str:
        """Return what was held back when no token follows; nothing after a stop text."""
        if self.is_stopped:
            return ""
        text = self._release(self._decode(self._tokens)[len(self._given) :])
        return text if self.is_stopped else text + self._held

    def _release(self, new: str) -> str:
        """Return the part of the text held back, and this behind it, that is final."""
        text = self._held + new
        found = [place for place in map(text.find, self._stop) if place >= 0]
        if found:
            self.is_stopped, self._held = True, ""
            return text[: min(found)]
        kept = max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of a text may be the beginning of a stop text."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
