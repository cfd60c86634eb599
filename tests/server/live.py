"""A server on a real socket, and a client that sees what goes over it."""

import json
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from types import SimpleNamespace
from urllib.parse import urlsplit

from sleepy_coder.server.app import create_app
from sleepy_coder.server.engine import Engine, Limits
from sleepy_coder.server.listen import bind, listen, make_server, url_of
from tiny_model import make_model, make_scripted, make_store

WAIT_S = 20  # nothing here takes that long
TASKS = ("bold", "calm", "dry", "eager", "fond")
ASKED = "fn main() { let total = 1; total += 2; }"


def ask(text=ASKED):
    return [{"role": "user", "content": text}]


def make_engine(tasks=TASKS, limits=None, **options):
    """Return an engine over the tiny model with some tasks that each change every answer."""
    model = make_model()
    store = make_store(model, tasks, **options) if tasks else None
    return Engine(model, store, limits)


def make_talker(text, conversation=None, limits=None):
    """Return an engine over a model that says this text, and its last character for ever."""
    model = make_scripted(text, conversation or ask())
    sizes = SimpleNamespace(max_position_embeddings=10**6)
    model.name = "tiny"
    model.hf_model.config = SimpleNamespace(get_text_config=lambda: sizes)
    return Engine(model, None, limits or Limits(max_context=10**6))


class Stream:
    """A response that comes piece by piece."""

    def __init__(self, connection, response):
        self.connection, self.response = connection, response
        self.status = response.status

    def events(self):
        for line in self.response:
            if line.startswith(b"data: "):
                said = line.removeprefix(b"data: ").strip()
                yield said.decode() if said == b"[DONE]" else json.loads(said)

    def close(self):
        self.response.close()
        self.connection.close()


class Client:
    """Talks to a server; each request has a connection of its own."""

    def __init__(self, url, engine=None, server=None):
        self.url, self.engine, self.server = url, engine, server
        self._at = urlsplit(url).netloc

    def open(self, method, path, body=None, headers=None):
        connection = HTTPConnection(self._at, timeout=WAIT_S)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        connection.request(method, path, data, {**sent, **(headers or {})})
        return Stream(connection, connection.getresponse())

    def send(self, method, path, body=None, headers=None):
        """Return a response's status, headers and text, read as JSON if it is."""
        stream = self.open(method, path, body, headers)
        text = stream.response.read().decode()
        is_json = stream.response.getheader("content-type", "").startswith("application/json")
        found = stream.status, dict(stream.response.getheaders())
        stream.close()
        return (*found, json.loads(text) if is_json else text)

    def get(self, path, **options):
        return self.send("GET", path, **options)

    def post(self, path, body, **options):
        return self.send("POST", path, body, **options)

    def chat(self, model="tiny", text=ASKED, **fields):
        """Return the status and body of a chat completion."""
        body = {"model": model, "messages": ask(text), "max_tokens": 24, **fields}
        status, _, found = self.post("/v1/chat/completions", body)
        return status, found

    def say(self, model="tiny", text=ASKED, **fields):
        """Return an answer's text."""
        status, found = self.chat(model, text, **fields)
        assert status == 200, found
        return found["choices"][0]["message"]["content"]

    def stream(self, model="tiny", text=ASKED, **fields):
        body = {"model": model, "messages": ask(text), "stream": True, **fields}
        return self.open("POST", "/v1/chat/completions", body)


@contextmanager
def serve(engine, load_store=lambda: None, config=None, grace_s=5):
    """Serve an engine; yield a client."""
    with engine:
        app = create_app(engine, load_store, config)
        listening = bind("127.0.0.1", 0)
        listen(listening)
        server = make_server(app, grace_s, engine.stop)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Client(url_of(listening), engine, server)
        finally:
            server.should_exit = True
            thread.join(WAIT_S)
            listening.close()
            assert not thread.is_alive()


class Gate:
    """Holds the engine before each step until it is opened.

    Attributes:
        is_reached: Set once the engine waits there.
        sizes: How many rows each step had.
    """

    def __init__(self, engine):
        self.is_reached, self._is_open = threading.Event(), threading.Event()
        self.sizes = []
        decoder = engine.model.decoder
        inner = decoder.step

        def step(rows, cache, *limit):
            self.is_reached.set()
            assert self._is_open.wait(WAIT_S)
            self.sizes.append(len(rows))
            inner(rows, cache, *limit)

        decoder.step = step

    def wait(self):
        assert self.is_reached.wait(WAIT_S)

    def open(self):
        self._is_open.set()


class Submissions:
    """Tells when so many requests more have been taken in."""

    def __init__(self, engine, count):
        self._left, self._is_done = count, threading.Event()
        inner = engine.counts.add_request

        def add_request(task):
            inner(task)
            self._left -= 1
            if self._left == 0:
                self._is_done.set()

        engine.counts.add_request = add_request

    def wait(self):
        assert self._is_done.wait(WAIT_S)


def watch_outcome(engine, outcome):
    """Return an event that is set when a request ends so."""
    seen, inner = threading.Event(), engine.counts.add_outcome

    def add_outcome(found):
        inner(found)
        if found == outcome:
            seen.set()

    engine.counts.add_outcome = add_outcome
    return seen


def in_background(work):
    """Start something; return what waits for its result."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()

    def result():
        thread.join(WAIT_S)
        assert found, "it failed, or hangs"
        return found[0]

    return result
