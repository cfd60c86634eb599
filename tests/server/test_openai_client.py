"""OpenAI's own client takes the server for what it knows."""

import openai
import pytest
from live import ASKED, TASKS, ask, make_engine, serve

from sleepy_coder.server.app import AppConfig


@pytest.fixture(scope="module")
def served():
    with (
        serve(make_engine(), config=AppConfig(api_key="right")) as client,
        openai.OpenAI(base_url=client.url, api_key="right", max_retries=0) as talks,
    ):
        yield talks


def test_it_lists_the_tasks(served):
    assert [model.id for model in served.models.list()] == ["tiny", *TASKS]
    assert served.models.retrieve("calm").id == "calm"


def test_it_chats_whole_and_in_pieces(served):
    options = {"model": "calm", "messages": ask(ASKED), "max_tokens": 24, "seed": 5}
    whole = served.chat.completions.create(**options, temperature=0.8)
    assert whole.usage.completion_tokens <= 24
    with served.chat.completions.create(
        **options, temperature=0.8, stream=True, stream_options={"include_usage": True}
    ) as stream:
        *chunks, last = stream
    assert last.usage == whole.usage
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(pieces) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason


def test_it_continues_a_text(served):
    options = {"model": "tiny", "prompt": "let x = ", "max_tokens": 9}
    whole = served.completions.create(**options)
    with served.completions.create(**options, stream=True) as stream:
        assert "".join(chunk.choices[0].text for chunk in stream) == whole.choices[0].text


def test_it_knows_what_went_wrong(served):
    with pytest.raises(openai.NotFoundError, match="'nobody' is unknown"):
        served.chat.completions.create(model="nobody", messages=ask())
    with pytest.raises(openai.BadRequestError, match="n: 2 is not supported"):
        served.chat.completions.create(model="tiny", messages=ask(), n=2)
    wrong = served.with_options(api_key="wrong")
    with pytest.raises(openai.AuthenticationError):
        wrong.models.list()
