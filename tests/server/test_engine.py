import threading
from functools import cache

import pytest
from live import TASKS, WAIT_S, Gate, ask, make_engine, make_talker

from sleepy_coder.answer_row import Row
from sleepy_coder.errors import StoreError
from sleepy_coder.sampling import Sampling
from sleepy_coder.server.answer import Request
from sleepy_coder.server.batch import _Pace
from sleepy_coder.server.engine import BusyError, Limits, StoppedError
from tiny_model import make_model, make_store

NUM_TOKENS = 20


class Heard:
    """What is delivered of one answer."""

    def __init__(self, engine, text="abc", **options):
        self.text, self.last = "", None
        self._is_over = threading.Event()
        prompt = engine.model.encode_chat(ask(text))
        options.setdefault("max_tokens", NUM_TOKENS)
        self.answer = engine.submit(Request(prompt, **options), self._hear)

    def _hear(self, progress):
        assert self.last is None or self.last.outcome is None
        self.text += progress.text
        self.last = progress
        if progress.outcome:
            self._is_over.set()

    def wait(self):
        assert self._is_over.wait(WAIT_S)
        return self.last.outcome


def decode_alone(model, text="abc", sampling=Sampling()):  # noqa: B008 - frozen
    """What the model writes without any server."""
    row = Row(
        0,
        model.encode_chat(ask(text)),
        NUM_TOKENS,
        model.decoder.max_draft,
        sampling,
        ends_at_fence=False,
    )
    (done,) = model.decoder.run([row], 0)
    return done


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(0.8, 0.9, 5)])
def test_the_base_model_answers_bit_for_bit_as_without_any_tasks(sampling):
    expected = decode_alone(make_model(), sampling=sampling)
    with make_engine() as engine:
        heard = Heard(engine, sampling=sampling)
        assert heard.wait() in {"stop", "length"}
    assert heard.answer.row.tokens == expected.tokens  # log-probabilities too
    assert heard.text == engine.model.decoder.decode(expected.output)


def test_requests_of_all_tasks_share_a_batch_and_say_what_each_says_alone():
    asked = [
        (task, text, sampling)
        for task in (None, *TASKS)
        for text, sampling in (("abc", Sampling()), ("some more text", Sampling(0.7, 0.9, 3)))
    ]
    with make_engine(limits=Limits(max_rows=1)) as engine:
        alone = []
        for task, text, sampling in asked:
            heard = Heard(engine, text, task=task, sampling=sampling)
            heard.wait()
            alone.append(heard.text)
    assert len(set(alone)) == len(alone)
    engine = make_engine(limits=Limits(max_rows=len(asked)))
    gate = Gate(engine)
    with engine:
        first = Heard(engine, "first", task=TASKS[0])
        gate.wait()
        together = [
            Heard(engine, text, task=task, sampling=sampling) for task, text, sampling in asked[:-1]
        ]
        gate.open()
        assert [heard.wait() and heard.text for heard in together] == alone[:-1]
        first.wait()
    assert max(gate.sizes) == len(asked)
    assert engine.model.decoder.use_tasks is None  # the model is as it was


@pytest.mark.parametrize("max_tokens", [1, 300, 600])
def test_what_is_kept_stays_within_the_limit_and_nothing_is_lost(max_tokens, monkeypatch):
    texts = ["x" * length for length in (5, 40, 90, 20, 60, 5, 90)]
    expected = [text_alone(text) for text in texts]
    engine = make_engine(limits=Limits(max_rows=4, max_tokens=max_tokens))
    shapes = []
    inner = engine._batch.join

    def join(answers, *rest):
        inner(answers, *rest)
        cache = engine._batch._cache
        shapes.append((cache.max_rows, cache.capacity))

    monkeypatch.setattr(engine._batch, "join", join)
    gate = Gate(engine)
    with engine:
        heard = [Heard(engine, text) for text in texts]
        gate.wait()
        gate.open()
        assert [each.wait() and each.text for each in heard] == expected
    assert all(rows == 1 or rows * tokens <= max_tokens for rows, tokens in shapes)
    assert max(gate.sizes) <= 4
    assert (max(gate.sizes) > 1) == (max_tokens > 1)


def test_a_long_prompt_is_read_in_pieces_and_answered_the_same():
    engine = make_engine()
    engine._batch._pace = _Pace(read=16, beside=8, guessed=16)
    widths, inner = [], engine.model.decoder._forward

    def forward(rows, inputs, *rest):
        widths.append(max(map(len, inputs)))
        return inner(rows, inputs, *rest)

    engine.model.decoder._forward = forward
    texts = ["y" * 20, "x" * 90]
    with engine:
        heard = [Heard(engine, text) for text in texts]
        assert [each.wait() and each.text for each in heard] == [text_alone(t) for t in texts]
    assert widths.count(16) + widths.count(8) >= 5
    assert max(widths) <= 17  # a token and what is guessed


def test_others_go_on_and_join_while_a_long_prompt_is_read():
    engine = make_engine(limits=Limits(max_rows=4))
    engine._batch._pace = _Pace(read=16, beside=8, guessed=16)
    turns, inner = [], engine.model.decoder._forward

    def forward(rows, inputs, *rest):
        turns.append((len(rows[0].prompt), max(map(len, inputs))))
        return inner(rows, inputs, *rest)

    gate = Gate(engine)
    engine.model.decoder._forward = forward
    texts = ["y" * 9, "x" * 90, "z" * 6, "w" * 80]
    with engine:
        heard = [Heard(engine, text) for text in texts[:1]]
        gate.wait()
        heard += [Heard(engine, text) for text in texts[1:]]
        gate.open()
        assert [each.wait() and each.text for each in heard] == [text_alone(t) for t in texts]
    first, short, long = (len(heard[place].answer.row.prompt) for place in (0, 2, 1))
    pieces = [place for place, (prompt, size) in enumerate(turns) if (prompt, size) == (long, 8)]
    assert len(pieces) >= 5
    steps = [turns[place][0] for place in range(pieces[0], pieces[-1])]
    assert steps.count(first) >= 5  # between the pieces
    assert (short, short) in turns[pieces[0] : pieces[-1]]  # it was read in between


@pytest.mark.parametrize("outcome", ["begun", "read on"])
def test_a_long_prompt_that_cannot_be_read_fails_alone(outcome, monkeypatch):
    engine = make_engine()
    engine._batch._pace = _Pace(read=16, beside=8, guessed=16)

    def fail(*_):
        raise RuntimeError("out of memory")

    name = "begin" if outcome == "begun" else "read_on"
    monkeypatch.setattr(engine.model.decoder, name, fail)
    with engine:
        heard = [Heard(engine, text) for text in ("y" * 9, "x" * 90, "z" * 6)]
        assert [each.wait() == "failed" for each in heard] == [False, True, False]
        assert engine.num_rows == 0


@pytest.mark.parametrize("outcome", ["cancelled", "shutdown"])
def test_a_long_prompt_that_nobody_waits_for_is_not_read_to_its_end(outcome):
    engine = make_engine()
    engine._batch._pace = _Pace(read=16, beside=8, guessed=16)
    num_read, inner = [], engine.model.decoder._forward

    def forward(*arguments):
        num_read.append(1)
        if outcome == "cancelled":
            engine.cancel(heard.answer)
        else:
            engine.stop()
        return inner(*arguments)

    engine.model.decoder._forward = forward
    heard = Heard(engine, "x" * 90)
    with engine:
        assert heard.wait() == outcome
    assert len(num_read) == 1


@cache
def text_alone(text):
    model = make_model()
    return model.decoder.decode(decode_alone(model, text).output)


def test_what_finds_no_room_is_refused_and_what_waits_is_answered():
    engine = make_engine(limits=Limits(max_rows=1, max_queue=2))
    gate = Gate(engine)
    with engine:
        heard = [Heard(engine)]
        gate.wait()
        heard += [Heard(engine, task=task) for task in TASKS[:2]]
        with pytest.raises(
            BusyError, match="1 requests are being answered and 2 wait; at most 2 may"
        ):
            Heard(engine)
        assert (engine.num_rows, engine.num_waiting) == (1, 2)
        gate.open()
        assert all(each.wait() in {"stop", "length"} for each in heard)
        assert (engine.num_rows, engine.num_waiting) == (0, 0)
        assert engine.counts.outcomes["refused"] == 1


def test_as_many_as_the_batch_holds_need_no_queue():
    engine = make_engine(limits=Limits(max_rows=3, max_queue=0))
    gate = Gate(engine)
    with engine:
        heard = [Heard(engine)]
        gate.wait()
        heard += [Heard(engine) for _ in range(2)]
        with pytest.raises(BusyError):
            Heard(engine)
        gate.open()
        assert all(each.wait() for each in heard)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), 4096),
        (Limits(max_rows=2), 16_384),
        (Limits(max_rows=2, max_tokens=20_000), 10_000),
        (Limits(max_context=50), 50),
        (Limits(max_context=10**7), 10**6),  # the model's
    ],
)
def test_a_request_has_its_share_of_the_batch_and_a_file_at_least(limits, expected):
    assert make_talker("a", limits=limits).context_tokens == expected


def test_who_goes_leaves_the_batch_or_the_queue():
    engine = make_talker("again and ", limits=Limits(max_rows=2, max_tokens=10**8))
    gate = Gate(engine)
    gone, stays = (Heard(engine, max_tokens=n) for n in (10**6 - 100, 300))
    with engine:
        gate.wait()
        waits = Heard(engine)
        engine.cancel(waits.answer)
        assert waits.wait() == "cancelled"
        engine.cancel(gone.answer)
        gate.open()
        assert gone.wait() == "cancelled"
        assert stays.wait() == "length"
    assert engine.counts.outcomes["cancelled"] == 2
    assert (gate.sizes[0], gate.sizes[-1]) == (2, 1)


def test_one_that_fails_fails_alone(monkeypatch):
    engine = make_engine()
    decoder = engine.model.decoder
    inner = decoder.join

    def join(rows, *rest):
        inner(rows, *rest)
        if any(row.task == "dry" for row in rows):
            raise RuntimeError("out of memory\nin line 2")

    monkeypatch.setattr(decoder, "join", join)
    asked = {"calm": "some text", None: "t", "fond": "t"}
    with make_engine() as fresh:
        expected = [Heard(fresh, text, task=task) for task, text in asked.items()]
        assert all(each.wait() for each in expected)
    gate = Gate(engine)
    with engine:
        heard = [Heard(engine, asked["calm"], task="calm")]
        gate.wait()
        bad = Heard(engine, "t", task="dry")
        heard += [Heard(engine, asked[task], task=task) for task in (None, "fond")]
        gate.open()
        assert bad.wait() == "failed"
        assert bad.last.reason == "RuntimeError"
        assert {each.wait() for each in heard} <= {"stop", "length"}
        assert engine.failure is None
        assert engine.num_rows == 0
    assert [each.text for each in heard] == [each.text for each in expected]


def test_a_listener_that_fails_ends_its_own_answer_only():
    with make_talker("again and ") as engine:
        prompt = engine.model.encode_chat(ask())

        def hear(_progress):
            raise RuntimeError("the loop is closed")

        engine.submit(Request(prompt, 10**5), hear)
        assert Heard(engine, max_tokens=100).wait() == "length"
    assert engine.counts.outcomes["cancelled"] == 1


def test_an_engine_that_fails_tells_everybody(monkeypatch):
    engine = make_engine(limits=Limits(max_rows=1))
    gate = Gate(engine)

    def step(*_):
        raise ValueError("no more memory")

    inner = engine.model.decoder.step
    monkeypatch.setattr(
        engine.model.decoder, "step", lambda *a: step() if gate.sizes else inner(*a)
    )
    with engine:
        heard = [Heard(engine)]
        gate.wait()
        heard += [Heard(engine) for _ in range(2)]
        exchange = engine.exchange_tasks(None)
        gate.open()
        assert [each.wait() for each in heard] == ["failed"] * 3
        assert {each.last.reason for each in heard} == {"ValueError"}
        with pytest.raises(StoppedError, match="ValueError"):
            exchange.result(WAIT_S)
        assert engine.failure == "ValueError"
        with pytest.raises(StoppedError, match="ValueError"):
            Heard(engine)
        with pytest.raises(StoppedError):
            engine.exchange_tasks(None)


def test_closing_ends_what_is_under_way_and_what_waits():
    engine = make_talker("again and ", limits=Limits(max_rows=1))
    gate = Gate(engine)
    with engine:
        heard = [Heard(engine, max_tokens=10**5) for _ in range(3)]
        gate.wait()
        gate.open()
    assert [each.wait() for each in heard] == ["shutdown"] * 3
    with pytest.raises(StoppedError, match="shutting down"):
        Heard(engine)


def test_other_tasks_are_used_once_nothing_is_decoded():
    engine = make_engine(tasks=("calm", "dry"), limits=Limits(max_rows=2))
    other = make_store(engine.model, ("calm", "new"), size=5.0)
    with make_engine(tasks=("calm", "new"), size=5.0) as fresh:
        later = Heard(fresh, task="calm")
        later.wait()
    with make_engine(tasks=("calm", "dry")) as fresh:
        before = Heard(fresh, task="calm")
        before.wait()
    assert before.text != later.text
    gate = Gate(engine)
    with engine:
        under_way = Heard(engine, task="calm")
        gate.wait()
        exchange = engine.exchange_tasks(other)
        waits, gone = Heard(engine, task="calm"), Heard(engine, task="dry")
        assert list(engine.tasks) == ["calm", "dry"]
        gate.open()
        exchange.result(WAIT_S)
        assert list(engine.tasks) == ["calm", "new"]
        assert [under_way.wait() and under_way.text, waits.wait() and waits.text] == [
            before.text,
            later.text,
        ]
        assert gone.wait() == "unknown_task"
        assert "dry" in gone.last.reason
        assert max(gate.sizes) == 1
        engine.exchange_tasks(None).result(WAIT_S)
        assert (list(engine.tasks), engine.task_bytes) == ([], (0, 0))


def test_tasks_that_do_not_fit_leave_those_in_use():
    engine = make_engine(tasks=("calm",))
    other = make_engine(tasks=("new",))._store
    wrong = type(other)(other.subspace, base_model="another", provenance={})
    with engine:
        before = Heard(engine, task="calm")
        before.wait()
        with pytest.raises(StoreError, match="made for another"):
            engine.exchange_tasks(wrong).result(WAIT_S)
        after = Heard(engine, task="calm")
        after.wait()
        assert after.text == before.text
        assert list(engine.tasks) == ["calm"]


def break_head(engine):
    """Have prompts be read and then fail; return what mends it."""
    decoder = engine.model.decoder
    inner = decoder._head

    def fail(_hidden):
        raise RuntimeError("out of memory")

    decoder._head = fail
    return lambda: setattr(decoder, "_head", inner)


def test_after_a_failed_request_the_next_store_is_used():
    engine = make_engine(tasks=("calm",))
    again = make_store(engine.model, ("calm",))
    with engine:
        before = Heard(engine, task="calm")
        before.wait()
        mend = break_head(engine)
        assert Heard(engine, "other text", task="calm").wait() == "failed"
        assert engine.model.decoder._announced is None
        mend()
        engine.exchange_tasks(again).result(WAIT_S)
        after = Heard(engine, task="calm")
        assert after.wait() in {"stop", "length"}
        assert after.text == before.text


def test_an_exchange_that_nobody_waits_for_is_left_out():
    engine = make_engine(tasks=("calm",))
    gate = Gate(engine)
    with engine:
        heard = Heard(engine)
        gate.wait()
        assert engine.exchange_tasks(None).cancel()
        gate.open()
        heard.wait()
        engine.exchange_tasks(make_store(engine.model, ("new",))).result(WAIT_S)
        assert list(engine.tasks) == ["new"]


def test_tokens_and_requests_are_counted():
    with make_engine() as engine:
        heard = [Heard(engine, task=task) for task in (None, "calm", "calm")]
        assert all(each.wait() for each in heard)
        counts = engine.counts
        assert counts.requests == {None: 1, "calm": 2}
        assert counts.tokens_in == 3 * len(engine.model.encode_chat(ask("abc")))
        assert counts.tokens_out == sum(each.last.num_tokens for each in heard)
        assert sum(counts.outcomes.values()) == 3


@pytest.mark.parametrize(("num_rows", "widest"), [(1, 17), (5, 4), (20, 1)])
def test_the_more_rows_a_step_has_the_less_is_guessed(num_rows, widest):
    text = "".join(f"line {number};\n" for number in range(12))
    engine = make_talker(text, ask(text), limits=Limits(max_rows=num_rows))
    widths = []
    inner = engine.model.decoder._forward

    def forward(rows, inputs, *arguments):
        if len(rows) == num_rows and rows[0].output:  # no prompts, and all are there
            widths.append(max(map(len, inputs)))
        return inner(rows, inputs, *arguments)

    engine.model.decoder._forward = forward
    heard = [Heard(engine, text, max_tokens=90) for _ in range(num_rows)]
    with engine:
        assert [each.wait() and each.text for each in heard] == [text[:90]] * num_rows
    assert max(widths) == widest
