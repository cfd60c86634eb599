"""OpenAI's request bodies, checked: what is asked for, or one line on why it cannot be had."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sleepy_coder.sampling import GREEDY, Sampling
from sleepy_coder.server.refusals import RefusedError

# As OpenAI has it; and what may become one is looked for after every token, in the one thread that
# owns the model.
_MOST_STOPS = 4
_LONGEST_STOP = 256  # characters
# Below this the likeliest token is as good as certain, and dividing by it may overflow.
_LEAST_TEMPERATURE = 0.01
_SEED_BITS = 63
_MOST_SHOWN = 60  # characters of a wrong value, in a message

# What may be in a body and has no influence on the answer here.
_IGNORED = frozenset(
    {
        *("user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"),
        "parallel_tool_calls",
    }
)
# What is not supported, with the values that ask for nothing; null never does.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "echo": (False,),
    "suffix": ("",),
}
_COMMON = frozenset(
    {"model", "stream", "stream_options", "max_tokens", "temperature", "top_p", "seed", "stop"}
)
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


@dataclass(frozen=True)
class Asked:
    """What a request body asks for.

    Attributes:
        model: The base model, or a task.
        messages: The conversation; empty if `text` is to be continued.
        max_tokens: The most tokens of the answer; None leaves it to the server.
        is_streamed: Whether the answer comes piece by piece.
        is_usage_included: Whether a stream tells its token counts at the end.
    """

    model: str
    messages: list[dict[str, str]] = field(default_factory=list)
    text: str = ""
    max_tokens: int | None = None
    sampling: Sampling = GREEDY
    stop: tuple[str, ...] = ()
    is_streamed: bool = False
    is_usage_included: bool = False


def parse_chat(body: Any) -> Asked:
    """Return what the body of a chat completion asks for.

    Raises:
        RefusedError: A field is missing, malformed or not supported; the message names it.
    """
    fields = _read_fields(body, {"messages", "max_completion_tokens"})
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _wrong("messages", messages, "a list of at least one message")
    parsed = [_parse_message(message, place) for place, message in enumerate(messages)]
    most = _integer(fields, "max_completion_tokens", least=1)
    return _finish(fields, messages=parsed, max_tokens=most)


def parse_completion(body: Any) -> Asked:
    """Return what the body of a plain completion asks for.

    Raises:
        RefusedError: A field is missing, malformed or not supported; the message names it.
    """
    fields = _read_fields(body, {"prompt"})
    prompt = fields.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str) or not prompt:
        raise _wrong("prompt", prompt, "one text; send a request for each")
    return _finish(fields, text=_encodable(prompt, "prompt"))


def _read_fields(body: Any, own: set[str]) -> dict[str, Any]:
    """Return a body's fields that are not null; none of them asks for what is not supported."""
    if not isinstance(body, dict):
        raise RefusedError(f"the body: got {_show(body)}, expected a JSON object")
    fields = {name: value for name, value in body.items() if value is not None}
    for name, value in fields.items():
        if name in _COMMON or name in own or name in _IGNORED:
            continue
        if not _asks_for_nothing(name, value):
            shown = f"{name[:60]}: {_show(value)}"
            raise RefusedError(f"{shown} is not supported; leave it out", param=name[:60])
    return fields


def _asks_for_nothing(name: str, value: Any) -> bool:
    """Whether a field that is not supported has a value that changes nothing."""
    return any(
        value == neutral and isinstance(value, bool) == isinstance(neutral, bool)
        for neutral in _NEUTRAL.get(name, ())
    )


def _finish(
    fields: Mapping[str, Any],
    *,
    messages: Sequence[dict[str, str]] = (),
    text: str = "",
    max_tokens: int | None = None,
) -> Asked:
    """Return what is asked for, with the fields that both kinds of completion have."""
    model = fields.get("model")
    if not isinstance(model, str):
        raise _wrong("model", model, "the name of a model")
    options = fields.get("stream_options", {})
    if not isinstance(options, dict):
        raise _wrong("stream_options", options, "an object")
    options = {name: value for name, value in options.items() if value is not None}
    most = _integer(fields, "max_tokens", least=1)
    is_streamed = _boolean(fields, "stream")
    if options and not is_streamed:
        raise RefusedError("stream_options: only a stream has some", param="stream_options")
    return Asked(
        model=model,
        messages=list(messages),
        text=text,
        max_tokens=max_tokens or most,
        sampling=_parse_sampling(fields),
        stop=_parse_stop(fields.get("stop", [])),
        is_streamed=is_streamed,
        is_usage_included=_boolean(options, "include_usage"),
    )


def _parse_message(message: Any, place: int) -> dict[str, str]:
    where = f"messages[{place}]"
    if not isinstance(message, dict):
        raise _wrong(where, message, "an object")
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise _wrong(f"{where}.role", role, f"one of {', '.join(_ROLES)}")
    if message.get("tool_calls") or message.get("function_call"):
        raise RefusedError(f"{where}: calls of tools are not supported", param="messages")
    content = _parse_content(message.get("content"), f"{where}.content")
    return {"role": _ROLES[role], "content": _encodable(content, "messages")}


def _parse_content(content: Any, where: str) -> str:
    """Return a message's text; parts of a text are joined."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise _wrong(where, content, "a text or a list of texts")
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
        if not isinstance(text, str):
            raise _wrong(where, part, "parts of type text")
        texts.append(text)
    return "".join(texts)


def _parse_sampling(fields: Mapping[str, Any]) -> Sampling:
    """Return how tokens are drawn; without a temperature they are the likeliest."""
    temperature = _number(fields, "temperature", 0.0, most=2.0)
    top_p = _number(fields, "top_p", 1.0, most=1.0)
    if top_p == 0:
        raise _wrong("top_p", 0, "a number above 0, up to 1")
    seed = _integer(fields, "seed")
    if temperature < _LEAST_TEMPERATURE:
        return GREEDY
    if seed is None:
        seed = secrets.randbits(_SEED_BITS)
    return Sampling(temperature, top_p, seed % 2**64)


def _parse_stop(stop: Any) -> tuple[str, ...]:
    stops = [stop] if isinstance(stop, str) else stop
    expected = f"a text, or a list of up to {_MOST_STOPS}, each of 1 to {_LONGEST_STOP} characters"
    if not isinstance(stops, list) or len(stops) > _MOST_STOPS:
        raise _wrong("stop", stop, expected)
    if not all(isinstance(each, str) and 1 <= len(each) <= _LONGEST_STOP for each in stops):
        raise _wrong("stop", stop, expected)
    return tuple(stops)


def _number(fields: Mapping[str, Any], name: str, default: float, *, most: float) -> float:
    found = fields.get(name, default)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if not is_number or not 0 <= found <= most:
        raise _wrong(name, found, f"a number from 0 to {most:g}")
    return float(found)


def _integer(fields: Mapping[str, Any], name: str, *, least: int | None = None) -> int | None:
    found = fields.get(name)
    if found is None:
        return None
    if type(found) is not int or (least is not None and found < least):
        what = "an integer" if least is None else f"an integer from {least} on"
        raise _wrong(name, found, what)
    return found


def _boolean(fields: Mapping[str, Any], name: str) -> bool:
    found = fields.get(name, False)
    if not isinstance(found, bool):
        raise _wrong(name, found, "true or false")
    return found


def _encodable(text: str, param: str) -> str:
    """Return a text that is Unicode; JSON can hold halves of surrogate pairs, which are not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RefusedError(f"{param}: has half a surrogate pair in it", param=param) from None
    return text


def _wrong(name: str, found: Any, expected: str) -> RefusedError:
    return RefusedError(
        f"{name}: got {_show(found)}, expected {expected}", param=name.partition("[")[0]
    )


def _show(value: Any) -> str:
    """Return what was sent, shortly."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    shown = ascii(value[: _MOST_SHOWN + 1] if isinstance(value, str) else value)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"
