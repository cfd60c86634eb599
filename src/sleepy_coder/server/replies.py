"""OpenAI's response bodies: plain data in, plain data out."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["chat", "text"]


@dataclass(frozen=True)
class Reply:
    """What all parts of one response have in common.

    Attributes:
        kind: A chat's answer or a text's continuation.
        model: As the client named it.
        tokens_in: Of the prompt.
        is_usage_included: Whether a stream tells its token counts.
    """

    kind: Kind
    model: str
    tokens_in: int
    is_usage_included: bool = False
    created: int = field(default_factory=lambda: int(time.time()))
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    def render_whole(self, text: str, finish_reason: str, tokens_out: int) -> dict[str, Any]:
        """Return the body of a response that is not streamed."""
        is_chat = self.kind == "chat"
        own = {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
        body = self._frame("chat.completion", [_choice(own, finish_reason)])
        return {**body, "usage": self._usage(tokens_out)}

    def render_opening(self) -> dict[str, Any] | None:
        """Return a stream's first chunk, if it has one before the text."""
        if self.kind != "chat":
            return None
        return self._chunk([_choice({"delta": {"role": "assistant", "content": ""}}, None)])

    def render_piece(self, text: str, finish_reason: str | None = None) -> dict[str, Any]:
        """Return the chunk of a piece of text, or the one that ends it."""
        delta = {"content": text} if text else {}
        own: dict[str, Any] = {"delta": delta} if self.kind == "chat" else {"text": text}
        return self._chunk([_choice(own, finish_reason)])

    def render_usage(self, tokens_out: int) -> dict[str, Any]:
        """Return the chunk that tells a stream's token counts."""
        return {**self._chunk([]), "usage": self._usage(tokens_out)}

    def _chunk(self, choices: Sequence[dict[str, Any]]) -> dict[str, Any]:
        frame = self._frame("chat.completion.chunk", choices)
        return {**frame, "usage": None} if self.is_usage_included else frame

    def _frame(self, chat_object: str, choices: Sequence[dict[str, Any]]) -> dict[str, Any]:
        is_chat = self.kind == "chat"
        return {
            "id": f"chatcmpl-{self.key}" if is_chat else f"cmpl-{self.key}",
            "object": chat_object if is_chat else "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": list(choices),
        }

    def _usage(self, tokens_out: int) -> dict[str, int]:
        return {
            "prompt_tokens": self.tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": self.tokens_in + tokens_out,
        }


def _choice(own: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, **own, "logprobs": None, "finish_reason": finish_reason}


def render_model(name: str, created: int, parent: str | None) -> dict[str, Any]:
    """Return an entry of the list of models; a task has the base model as its parent."""
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": "sleepy-coder",
        "parent": parent,
    }


def render_event(data: dict[str, Any]) -> bytes:
    """Return one server-sent event."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
