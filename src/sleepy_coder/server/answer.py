"""One request while it is answered."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sleepy_coder.answer_row import Row
from sleepy_coder.sampling import GREEDY, Sampling
from sleepy_coder.server.text_stream import TextStream

if TYPE_CHECKING:
    from sleepy_coder.decoding import Decoder

# `stop` and `length` are answers. The client has gone; the task left with a reload before the
# answer began; the model failed; the server ends.
Outcome = Literal["stop", "length", "cancelled", "unknown_task", "failed", "shutdown"]


@dataclass(frozen=True)
class Request:
    """What is to be answered.

    Attributes:
        prompt: Tokens, at least one.
        max_tokens: The most tokens of the answer.
        task: A learned task; None is the base model.
        sampling: How tokens are chosen.
        stop: Texts before which the answer ends.
    """

    prompt: list[int]
    max_tokens: int
    task: str | None = None
    sampling: Sampling = GREEDY
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """What has come of an answer since the last time.

    Attributes:
        text: What is new and final.
        num_tokens: Written so far, the one that ended the turn included.
        outcome: How it ended; None while it goes on.
        reason: Of an outcome that is no answer; of a failure, what kind of error it was.
    """

    text: str
    num_tokens: int
    outcome: Outcome | None = None
    reason: str = ""


# Told of what is new, from the engine's thread; the last call has an outcome.
Deliver = Callable[[Progress], None]


class Answer:
    """The answer to a request, a row of the batch.

    Attributes:
        request: What it answers.
        row: Its tokens.
        num_tokens: Those that were taken into the text.
        is_cancelled: Whether nobody waits for it any more.
    """

    def __init__(self, request: Request, decoder: Decoder, deliver: Deliver) -> None:
        self.request = request
        self.is_cancelled = False
        self._decoder = decoder
        self._deliver = deliver
        self.restart()

    def restart(self) -> None:
        """Begin anew, before anything of it was delivered."""
        request = self.request
        self.row = Row(
            index=0,
            prompt=request.prompt,
            limit=request.max_tokens,
            max_draft=self._decoder.max_draft,
            sampling=request.sampling,
            task=request.task,
            ends_at_fence=False,
        )
        self.num_tokens = 0
        self._text = TextStream(self._decoder.decode, request.stop)

    def advance(self, stop_tokens: AbstractSet[int]) -> Progress:
        """Take the row's new tokens into the text; return what is new of it."""
        if self.is_cancelled:
            return Progress("", self.num_tokens, "cancelled")
        text = ""
        outcome: Outcome | None = None
        for token in self.row.output[self.num_tokens :]:
            self.num_tokens += 1
            if token in stop_tokens:
                outcome = "stop"
                break
            text += self._text.push(token)
            if self._text.is_stopped:
                outcome = "stop"
                break
        if outcome is None and self.row.is_done:
            outcome = "length"
        if outcome is not None:
            text += self._text.finish()
            if self._text.is_stopped:
                outcome = "stop"
        return Progress(text, self.num_tokens, outcome)

    def deliver(self, progress: Progress) -> None:
        """Tell whoever waits what is new; if that fails, nobody does."""
        try:
            self._deliver(progress)
        except Exception:  # noqa: BLE001 - whatever it is, it is the listener's
            self.is_cancelled = True
