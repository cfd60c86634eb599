import json
import math

import pytest

from sleepy_coder.sampling import Sampling
from sleepy_coder.server.protocol import RefusedError, parse_chat, parse_completion

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
TEXT = {"model": "m", "prompt": "hello"}


def test_a_plain_chat_is_answered_greedily_in_one_piece():
    asked = parse_chat(CHAT)
    assert (asked.model, asked.messages) == ("m", CHAT["messages"])
    assert asked.sampling == Sampling()
    assert (asked.max_tokens, asked.stop, asked.is_streamed) == (None, (), False)


def test_all_that_is_supported_arrives():
    asked = parse_chat(
        {
            "model": "m",
            "messages": [
                {"role": "developer", "content": "be brief"},
                {"role": "user", "content": [{"type": "text", "text": t} for t in ("a", "b")]},
                {"role": "assistant", "content": "c", "refusal": None, "tool_calls": []},
            ],
            "max_completion_tokens": 7,
            "temperature": 0.5,
            "top_p": 0.9,
            "seed": 3,
            "stop": ["x", "y"],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    )
    assert asked.messages == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "ab"},
        {"role": "assistant", "content": "c"},
    ]
    assert (asked.max_tokens, asked.sampling) == (7, Sampling(0.5, 0.9, 3))
    assert (asked.stop, asked.is_streamed, asked.is_usage_included) == (("x", "y"), True, True)


def test_null_in_the_options_of_a_stream_is_none_of_them():
    options = {"include_usage": None, "include_obfuscation": None}
    asked = parse_chat(
        {
            "model": "m",
            "messages": [{"role": "user", "content": "a"}],
            "stream": True,
            "stream_options": options,
        }
    )
    assert not asked.is_usage_included


@pytest.mark.parametrize("prompt", ["hello", ["hello"]])
def test_a_text_to_be_continued(prompt):
    assert parse_completion({**TEXT, "prompt": prompt}).text == "hello"


@pytest.mark.parametrize(("seed", "expected"), [(0, 0), (3, 3), (-1, 2**64 - 1), (2**70 + 5, 5)])
def test_any_integer_is_a_seed(seed, expected):
    assert parse_chat({**CHAT, "temperature": 1, "seed": seed}).sampling.seed == expected


def test_without_a_seed_two_requests_draw_differently():
    one, other = (parse_chat({**CHAT, "temperature": 1}).sampling.seed for _ in range(2))
    assert one != other


@pytest.mark.parametrize("temperature", [0, 1e-300, 0.009])
def test_a_temperature_near_zero_is_zero(temperature):
    assert parse_chat({**CHAT, "temperature": temperature, "seed": 1}).sampling == Sampling()


@pytest.mark.parametrize(
    "field",
    [
        {"n": 1, "logprobs": False, "tools": [], "tool_choice": "none", "logit_bias": {}},
        {"presence_penalty": 0, "frequency_penalty": 0.0, "response_format": {"type": "text"}},
        {"user": "someone", "metadata": {"a": "b"}, "store": True, "service_tier": "auto"},
        {"seed": None, "stop": None, "tools": None, "anything": None},
    ],
)
def test_what_asks_for_nothing_is_taken(field):
    asked = parse_chat({**CHAT, **field})
    assert asked == parse_chat(CHAT)


@pytest.mark.parametrize(
    ("field", "param", "told"),
    [
        ({"n": 2}, "n", "n: 2 is not supported; leave it out"),
        ({"logprobs": True}, "logprobs", "logprobs: True is not supported"),
        ({"logprobs": 0}, "logprobs", "logprobs: 0 is not supported"),
        ({"tools": [{}]}, "tools", "tools: a list of 1 is not supported"),
        ({"response_format": {"type": "json_object"}}, "response_format", "an object of 1 is not"),
        ({"presence_penalty": 0.5}, "presence_penalty", "0.5 is not supported"),
        ({"top_k": 5}, "top_k", "top_k: 5 is not supported"),
        ({"model": None}, "model", "model: got nothing, expected the name of a model"),
        ({"model": 5}, "model", "model: got 5"),
        ({"messages": []}, "messages", "messages: got a list of 0, expected a list of at least"),
        ({"messages": ["hello"]}, "messages", "messages[0]: got 'hello', expected an object"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages", "messages[0].role: got"),
        ({"messages": [{"role": [], "content": "x"}]}, "messages", "messages[0].role: got a list"),
        ({"messages": [{"role": "user"}]}, "messages", "messages[0].content: got nothing"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages",
            "expected parts of type text",
        ),
        (
            {"messages": [{"role": "assistant", "content": "", "tool_calls": [{}]}]},
            "messages",
            "calls of tools are not supported",
        ),
        (
            {"messages": [{"role": "user", "content": "\ud800"}]},
            "messages",
            "half a surrogate pair",
        ),
        ({"max_tokens": 0}, "max_tokens", "max_tokens: got 0, expected an integer from 1 on"),
        ({"max_tokens": 1.5}, "max_tokens", "max_tokens: got 1.5"),
        ({"max_tokens": True}, "max_tokens", "max_tokens: got True"),
        ({"max_completion_tokens": 5, "max_tokens": -1}, "max_tokens", "max_tokens: got -1"),
        ({"max_completion_tokens": "5"}, "max_completion_tokens", "got '5'"),
        ({"temperature": -1}, "temperature", "expected a number from 0 to 2"),
        ({"temperature": math.nan}, "temperature", "got nan"),
        ({"temperature": "hot"}, "temperature", "got 'hot'"),
        ({"top_p": 0}, "top_p", "top_p: got 0, expected a number above 0"),
        ({"top_p": 1.1}, "top_p", "expected a number from 0 to 1"),
        ({"seed": 1.0}, "seed", "seed: got 1.0, expected an integer"),
        ({"stop": [""]}, "stop", "each of 1 to 256 characters"),
        ({"stop": ["x", "y" * 257]}, "stop", "each of 1 to 256 characters"),
        ({"stop": "y" * 257}, "stop", "each of 1 to 256 characters"),
        ({"stop": ["x"] * 5}, "stop", "a list of up to 4"),
        ({"\ud800zz": 1}, r"\ud800zz", r"\ud800zz: 1 is not supported"),
        ({"stop": 5}, "stop", "stop: got 5"),
        ({"stream": "yes"}, "stream", "expected true or false"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "only a stream has"),
        ({"stream": True, "stream_options": []}, "stream_options", "expected an object"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "include_usage", "got 1"),
    ],
)
def test_what_is_wrong_or_not_supported_is_told_in_one_line(field, param, told):
    with pytest.raises(RefusedError) as refused:
        parse_chat({**CHAT, **field})
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.status == 400
    json.dumps(refused.value.body, ensure_ascii=False).encode()
    error = refused.value.body["error"]
    assert (error["param"], error["type"]) == (param, "invalid_request_error")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([], "the body: got a list of 0, expected a JSON object"),
        ("hello", "the body: got 'hello'"),
        (None, "the body: got nothing"),
        ({"model": "m"}, "prompt: got nothing"),
        ({**TEXT, "prompt": ""}, "prompt: got ''"),
        ({**TEXT, "prompt": ["a", "b"]}, "prompt: got a list of 2, expected one text"),
        ({**TEXT, "prompt": [1, 2]}, "prompt: got a list of 2"),
        ({**TEXT, "prompt": "\udfff"}, "half a surrogate pair"),
        ({**TEXT, "echo": True}, "echo: True is not supported"),
        ({**TEXT, "logprobs": 3}, "logprobs: 3 is not supported"),
        ({**TEXT, "max_completion_tokens": 3}, "max_completion_tokens: 3 is not supported"),
    ],
)
def test_a_text_that_cannot_be_continued(body, told):
    with pytest.raises(RefusedError) as refused:
        parse_completion(body)
    assert told in str(refused.value)


def test_a_long_wrong_value_is_told_shortly():
    with pytest.raises(RefusedError) as refused:
        parse_chat({**CHAT, "seed": "é" * 10_000, "x": 1})
    assert len(str(refused.value)) < 200
