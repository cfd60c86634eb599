"""What clients see, over real sockets."""

import json
import socket
from urllib.parse import urlsplit

import pytest
from live import (
    ASKED,
    TASKS,
    WAIT_S,
    Gate,
    Submissions,
    ask,
    in_background,
    make_engine,
    make_talker,
    serve,
    watch_outcome,
)

from sleepy_coder.errors import InputError
from sleepy_coder.server.app import AppConfig
from sleepy_coder.server.engine import Limits, StoppedError
from sleepy_coder.share.store import load_store, save_store
from tiny_model import END, make_model, make_store

SPOKEN = "naïve — 😀 and\n```rust\nfn 日本() {}\n```\nso it goes"
SCRIPT = SPOKEN + END
STAY = "the tasks in use stay: the store cannot be read or does not fit ({}); see the server's log"


@pytest.fixture(scope="module")
def talker():
    """A server whose model says SPOKEN to ASKED."""
    with serve(make_talker(SCRIPT)) as found:
        yield found


def test_the_base_model_and_each_task_are_models(client):
    status, _, found = client.get("/v1/models")
    assert (status, found["object"]) == (200, "list")
    assert [(m["id"], m["parent"]) for m in found["data"]] == [
        ("tiny", None),
        *((task, "tiny") for task in TASKS),
    ]
    assert client.get("/v1/models/calm")[2] == found["data"][1 + TASKS.index("calm")]
    assert client.get("/v1/models/nobody")[0] == 404


def test_an_answer_is_that_of_the_model_without_a_server(client):
    model = make_model()
    (plain,) = model.generate([ask()], max_new_tokens=24)
    status, found = client.chat()
    assert (status, found["object"], found["model"]) == (200, "chat.completion", "tiny")
    (choice,) = found["choices"]
    assert choice["message"] == {"role": "assistant", "content": plain.text}
    assert choice["finish_reason"] == ("length" if plain.tokens_out == 24 else "stop")
    assert found["usage"] == {
        "prompt_tokens": plain.tokens_in,
        "completion_tokens": plain.tokens_out,
        "total_tokens": plain.tokens_in + plain.tokens_out,
    }


def test_a_seed_gives_what_the_library_draws_with_it(client):
    options = {"temperature": 0.9, "top_p": 0.8, "seed": 11}
    (drawn,) = make_model().generate([ask()], max_new_tokens=24, **options)
    assert client.say(**options) == drawn.text
    assert client.say() != drawn.text


def test_requests_at_once_say_what_each_says_alone():
    asked = [(task, text) for task in ("tiny", *TASKS) for text in (ASKED, "something else")]
    engine = make_engine(limits=Limits(max_rows=len(asked)))
    with serve(engine) as client:
        alone = [client.say(task, text) for task, text in asked]
        assert len(set(alone)) == len(alone)
        gate, all_are_there = Gate(engine), Submissions(engine, len(asked))
        results = [in_background(lambda a=a: client.say(*a)) for a in asked]
        all_are_there.wait()
        gate.open()
        assert [result() for result in results] == alone
    assert max(gate.sizes) >= len(asked) - 1  # one may have been begun before


def test_a_text_is_continued_without_the_chat_template(client):
    model = make_model()
    model.tokenizer.chat_template = "{{ messages[0]['content'] }}"
    (plain,) = model.generate([ask("let x = ")], max_new_tokens=9, tasks=None)
    body = {"model": "tiny", "prompt": "let x = ", "max_tokens": 9}
    status, _, found = client.post("/v1/completions", body)
    assert (status, found["object"]) == (200, "text_completion")
    assert found["choices"][0]["text"] == plain.text
    assert found["usage"]["prompt_tokens"] == len("let x = ")
    stream = client.open("POST", "/v1/completions", {**body, "stream": True})
    *chunks, last = stream.events()
    assert last == "[DONE]"
    assert "".join(c["choices"][0]["text"] for c in chunks) == plain.text
    stream.close()


def read_stream(client, **fields):
    """Return a stream's pieces of text, how it ended and its last usage."""
    stream = client.stream(**fields)
    assert stream.status == 200
    assert stream.response.getheader("content-type").startswith("text/event-stream")
    first, *chunks, last = stream.events()
    assert last == "[DONE]"
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert len({chunk["id"] for chunk in (first, *chunks)}) == 1
    usage = None
    if fields.get("stream_options"):
        assert all(chunk["usage"] is None for chunk in (first, *chunks[:-1]))
        *chunks, counted = chunks
        assert counted["choices"] == []
        usage = counted["usage"]
    *pieces, end = [chunk["choices"][0] for chunk in chunks]
    assert end["delta"] == {}
    assert all(piece["finish_reason"] is None for piece in pieces)
    stream.close()
    return [piece["delta"]["content"] for piece in pieces], end["finish_reason"], usage


def test_pieces_joined_are_the_answer_and_no_character_is_cut(talker):
    whole = talker.chat(max_tokens=200)[1]
    assert whole["choices"][0]["message"]["content"] == SPOKEN
    pieces, reason, usage = read_stream(
        talker, max_tokens=200, stream_options={"include_usage": True}
    )
    assert "".join(pieces) == SPOKEN
    assert len(pieces) > 20
    assert not any("\N{REPLACEMENT CHARACTER}" in piece for piece in pieces)
    assert reason == "stop"
    assert usage == whole["usage"]
    assert usage["completion_tokens"] == len(SPOKEN.encode()) + 1


@pytest.mark.parametrize("task", TASKS[:2])
def test_pieces_of_a_task_joined_are_its_answer(client, task):
    pieces, reason, _ = read_stream(client, model=task, max_tokens=40)
    _, found = client.chat(task, max_tokens=40)
    assert "".join(pieces) == found["choices"][0]["message"]["content"]
    assert reason == found["choices"][0]["finish_reason"]


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        (["d\n```ru"], SPOKEN[: SPOKEN.index("d\n```ru")]),  # many tokens long
        ("日", SPOKEN[: SPOKEN.index("日")]),  # one character of three tokens
        (["nowhere", "so it goes on"], SPOKEN),  # only its beginning comes
        (["goes", "and"], SPOKEN[: SPOKEN.index("and")]),
        ("na", ""),
    ],
)
def test_an_answer_ends_before_a_stop_text(talker, stop, said):
    status, found = talker.chat(stop=stop, max_tokens=200)
    assert status == 200
    assert found["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": said},
        "logprobs": None,
        "finish_reason": "stop",
    }
    pieces, reason, _ = read_stream(talker, stop=stop, max_tokens=200)
    assert ("".join(pieces), reason) == (said, "stop")


def test_an_answer_ends_at_its_limit_or_where_the_context_does(talker, client):
    status, found = talker.chat(max_tokens=4)
    assert found["choices"][0]["message"]["content"] == SPOKEN[:3]  # ï has two tokens
    assert found["choices"][0]["finish_reason"] == "length"
    assert found["usage"]["completion_tokens"] == 4
    text = "x" * 2040
    status, found = client.chat(text=text, max_tokens=10_000)
    assert found["usage"]["total_tokens"] <= 2048
    status, found = client.chat(text=text + "x" * 10)
    assert status == 400
    assert found["error"]["code"] == "context_length_exceeded"
    assert "this server takes 2048" in found["error"]["message"]


def test_a_prompt_and_its_answer_have_at_most_the_operators_context():
    engine = make_talker("again and ", limits=Limits(max_context=80))
    with serve(engine) as client:
        for options in ({"max_tokens": 10_000}, {"max_tokens": None}):
            found = client.chat(**options)[1]
            assert found["usage"]["total_tokens"] == 80
            assert found["choices"][0]["finish_reason"] == "length"
        status, found = client.chat(text="x" * 80)
        assert (status, found["error"]["code"]) == (400, "context_length_exceeded")


def test_without_a_limit_of_its_own_an_answer_has_the_servers():
    with serve(make_talker("again and "), config=AppConfig(max_new_tokens=7)) as client:
        body = {"model": "tiny", "messages": ask()}
        found = client.post("/v1/chat/completions", body)[2]
        assert found["usage"]["completion_tokens"] == 7


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "told"),
    [
        ("/v1/chat/completions", b"{", {}, 400, "not valid JSON"),
        ("/v1/chat/completions", b"\xff", {}, 400, "not valid JSON"),
        ("/v1/chat/completions", b"[" * 10_000, {}, 400, "not valid JSON"),
        ("/v1/chat/completions", b"[]", {}, 400, "expected a JSON object"),
        ("/v1/chat/completions", {"messages": 5}, {}, 400, "messages: got 5"),
        ("/v1/chat/completions", {"n": 2}, {}, 400, "n: 2 is not supported"),
        ("/v1/chat/completions", {"\ud800zz": 1}, {}, 400, r"\ud800zz: 1 is not supported"),
        ("/v1/chat/completions", b" " * 30_000, {}, 413, "more than 20000 bytes"),
        ("/v1/chat/completions", {}, {"Content-Type": "text/plain"}, 415, "got text/plain"),
        ("/v1/completions", {"model": "tiny", "prompt": ["a", "b"]}, {}, 400, "got a list of 2"),
        ("/v1/completions", {"model": "hot", "prompt": "a"}, {}, 404, "model 'hot' is unknown"),
        ("/metrics/", {}, {}, 404, "POST /metrics/: Not Found"),
        ("/v1/embeddings", {}, {}, 404, "POST /v1/embeddings: Not Found"),
        ("/v1/models", {}, {}, 405, "POST /v1/models: Method Not Allowed"),
    ],
)
def test_what_cannot_be_answered_is_told_as_openai_tells_it(
    client, path, body, headers, status, told
):
    found_status, found_headers, found = client.post(path, body, headers=headers)
    assert found_status == status
    assert found_headers["content-type"] == "application/json"
    error = found["error"]
    assert told in error["message"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "access-control-allow-origin" not in found_headers


def test_a_template_that_refuses_a_conversation_is_told(monkeypatch):
    engine = make_engine(())
    template = "{{ raise_exception('roles must alternate') }}"
    monkeypatch.setattr(engine.model.tokenizer, "chat_template", template)
    with serve(engine) as client:
        status, found = client.chat()
        assert status == 400
        assert "roles must alternate" in found["error"]["message"]


def test_only_who_has_the_key_is_answered():
    with serve(make_engine(()), config=AppConfig(api_key="schlüssel")) as client:
        assert client.get("/health")[0] == 200
        for shown in ("", "Bearer", "Bearer wrong", "Basic schlüssel", "schlüssel"):
            for path in ("/v1/models", "/metrics", "/nothing"):
                sent = {"Authorization": shown.encode()} if shown else {}
                status, headers, found = client.get(path, headers=sent)
                assert (status, found["error"]["code"]) == (401, "invalid_api_key")
                assert headers["www-authenticate"] == "Bearer"
        right = {"Authorization": "Bearer schlüssel".encode()}
        assert client.get("/v1/models", headers=right)[0] == 200
        assert client.post("/v1/tasks/reload", {})[0] == 401


def test_a_page_that_gives_this_machine_its_own_name_is_refused():
    config = AppConfig(hosts=frozenset({"localhost", "::1"}))
    with serve(make_engine(()), config=config) as client:
        for host, status in [
            ("localhost", 200),
            ("LOCALHOST:8000", 200),
            ("[::1]:8000", 200),
            ("evil.example", 421),
            ("evil.example:8000", 421),
            ("localhost.evil.example", 421),
            ("LOCALHOST.", 200),
            ("[::1", 421),
            ("[::1].evil.com", 421),
            ("[::1]evil.com:80", 421),
            ("localhost:evil.com", 421),
            ("localhost@evil.com", 421),
            ("evil.com@localhost", 421),
            ("", 421),
        ]:
            found, _, body = client.get("/v1/models", headers={"Host": host})
            assert found == status, host
            assert ("error" in body) == (status != 200)


def test_a_page_of_another_origin_makes_it_do_nothing():
    config = AppConfig(hosts=frozenset({"localhost", "::1"}))
    with serve(make_engine(()), config=config) as client:
        for origin, status in [
            ("http://localhost:3000", 200),
            ("http://[::1]", 200),
            ("https://evil.example", 403),
            ("http://localhost.evil.example", 403),
            ("null", 403),
        ]:
            headers = {"Host": "localhost", "Origin": origin}
            assert client.post("/v1/tasks/reload", {}, headers=headers)[0] == status, origin


@pytest.mark.parametrize("is_streamed", [True, False])
def test_who_goes_away_frees_the_row(is_streamed):
    engine = make_talker("again and ")
    began, cancelled = Submissions(engine, 1), watch_outcome(engine, "cancelled")
    with serve(engine) as client:
        body = {"model": "tiny", "messages": ask(), "max_tokens": 900_000}
        if is_streamed:
            stream = client.stream(max_tokens=900_000)
            next(stream.events())
            stream.close()
        else:
            connection = socket.create_connection(
                (urlsplit(client.url).hostname, urlsplit(client.url).port), timeout=WAIT_S
            )
            with connection:
                data = json.dumps(body).encode()
                connection.sendall(
                    b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                    b"Content-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(data), data)
                )
                began.wait()
        assert cancelled.wait(WAIT_S)
        assert (engine.num_rows, engine.num_waiting) == (0, 0)
        assert client.chat(max_tokens=5)[0] == 200


def test_a_full_queue_refuses_with_a_time_to_come_again():
    engine = make_engine(("calm",), limits=Limits(max_rows=1, max_queue=1))
    gate, both_are_there = Gate(engine), Submissions(engine, 2)
    with serve(engine) as client:
        first = in_background(client.chat)
        gate.wait()
        second = in_background(lambda: client.chat("calm"))
        both_are_there.wait()
        status, headers, found = client.post(
            "/v1/chat/completions", {"model": "tiny", "messages": ask()}
        )
        assert (status, headers["retry-after"]) == (429, "1")
        assert found["error"]["code"] == "queue_full"
        gate.open()
        assert (first()[0], second()[0]) == (200, 200)
        assert client.chat()[0] == 200


def test_a_reload_exchanges_the_tasks_between_two_answers(tmp_path, caplog):
    store = tmp_path / "store"
    engine = make_engine(("calm", "dry"))
    save_store(make_store(engine.model, ("calm", "dry")), store)
    with serve(engine, lambda: load_store(store)) as client:
        assert client.post("/v1/tasks/reload", b"")[2]["is_changed"]  # it came from no file before
        assert not client.post("/v1/tasks/reload", b"")[2]["is_changed"]
        before = client.say("calm")
        save_store(make_store(make_model(), ("calm", "new"), size=5.0), store)
        gate = Gate(engine)
        under_way = in_background(lambda: client.say("calm"))
        gate.wait()
        reloaded = in_background(lambda: client.post("/v1/tasks/reload", b""))
        gate.open()
        status, _, found = reloaded()
        assert (status, found["is_changed"], found["tasks"]) == (200, True, 2)
        assert found["store_sha256"] == load_store(store).sha256
        assert under_way() == before
        after = client.say("calm")
        assert after not in {before, client.say("new")}
        assert client.chat("dry")[0] == 404
        assert [m["id"] for m in client.get("/v1/models")[2]["data"]] == ["tiny", "calm", "new"]
        (store / "manifest.json").write_text("{")
        status, _, found = client.post("/v1/tasks/reload", b"")
        assert status == 409
        assert found["error"]["message"] == STAY.format("StoreError")
        assert "manifest.json" in caplog.text
        assert client.say("calm") == after


@pytest.mark.parametrize("error", [InputError("/home/me: is gone"), PermissionError("/home/me")])
def test_a_store_that_cannot_be_found_leaves_the_tasks_in_use_and_tells_no_path(error, caplog):
    def load():
        raise error

    with serve(make_engine(("calm",)), load) as client:
        status, _, found = client.post("/v1/tasks/reload", b"")
        assert (status, found["error"]["message"]) == (409, STAY.format(type(error).__name__))
        assert "/home/me" in caplog.text
        assert client.chat("calm")[0] == 200


def test_a_task_that_left_while_its_request_waited_is_not_found():
    engine = make_engine(("calm", "dry"))
    gate, both_are_there = Gate(engine), Submissions(engine, 2)
    with serve(engine) as client:
        first = in_background(client.chat)
        gate.wait()
        exchange = engine.exchange_tasks(None)
        second = in_background(lambda: client.chat("dry"))
        both_are_there.wait()
        gate.open()
        assert first()[0] == 200
        exchange.result(WAIT_S)
        status, found = second()
        assert (status, found["error"]["code"]) == (404, "model_not_found")


def test_a_failed_engine_is_told_to_who_waits_and_who_looks(monkeypatch):
    engine = make_talker("again and ")
    gate, both_are_there = Gate(engine), Submissions(engine, 2)
    inner = engine.model.decoder.step

    def step(*arguments):
        inner(*arguments)
        raise RuntimeError("the device was lost")

    monkeypatch.setattr(engine.model.decoder, "step", step)
    failed = "the request failed (RuntimeError); the server's log says why"
    with serve(engine) as client:
        assert client.get("/health")[2]["status"] == "ok"
        stream = client.stream(max_tokens=90)
        events = stream.events()
        assert next(events)["choices"][0]["delta"]["role"] == "assistant"
        waits = in_background(client.chat)
        both_are_there.wait()
        gate.wait()
        gate.open()
        *_, last = events
        assert last["error"]["message"] == failed
        assert last["error"]["type"] == "server_error"
        stream.close()
        status, found = waits()
        assert (status, found["error"]["message"]) == (500, failed)
        status, _, found = client.get("/health")
        assert (status, found["status"]) == (503, "failed")
        assert found["error"] == "RuntimeError"
        assert client.chat()[0] == 503
        assert "sleepy_up 0" in client.get("/metrics")[2]


def test_the_end_is_told_to_all_whose_answers_have_none():
    engine = make_talker("again and ", limits=Limits(max_rows=1, max_context=10**6))
    all_are_there = Submissions(engine, 3)
    with serve(engine, grace_s=1) as client:
        stream = client.stream(max_tokens=900_000)
        events = stream.events()
        next(events)
        waiting = [in_background(lambda: client.chat(max_tokens=900_000)) for _ in range(2)]
        all_are_there.wait()
        exchange = engine.exchange_tasks(None)
        client.server.should_exit = True
        *_, last = events
        assert last["error"]["message"] == "the server is shutting down"
        for result in waiting:
            status, found = result()
            assert (status, found["error"]["code"]) == (503, "unavailable")
        assert isinstance(exchange.exception(WAIT_S), StoppedError)
    assert engine.counts.outcomes["shutdown"] == 3
    stream.close()


def test_metrics_count_what_was_asked_by_task(client):
    def read():
        status, headers, text = client.get("/metrics")
        assert status == 200
        assert headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    before = read()
    _, found = client.chat("calm", max_tokens=5)
    client.chat("nobody")
    after = read()
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    reason = found["choices"][0]["finish_reason"]
    assert grown == {
        'sleepy_requests_by_model_total{model="calm"}': 1,
        f'sleepy_requests_total{{outcome="{reason}"}}': 1,
        'sleepy_requests_total{outcome="invalid"}': 1,
        "sleepy_prompt_tokens_total": found["usage"]["prompt_tokens"],
        "sleepy_completion_tokens_total": found["usage"]["completion_tokens"],
    }
    models = {name for name in after if name.startswith("sleepy_requests_by_model_total")}
    assert len(models) == 1 + len(TASKS)
    assert (after["sleepy_up"], after["sleepy_rows_decoding"]) == (1, 0)
    assert after["sleepy_tasks"] == len(TASKS)
    assert after["sleepy_coefficient_bytes"] > 0
    assert after["sleepy_basis_bytes"] > 0
