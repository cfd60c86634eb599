"""One thread owns the model and answers all requests, those of many tasks in one batch.

A turn of the engine lets requests join the batch as far as there is room, first come, first
served; reads a piece of a prompt that is too long to be read at once; takes one step, which gives
each answer a token or more; and hands out what is new. An answer leaves when it ends or nobody
waits for it any more. Other tasks are put in use between answers: nothing joins while some wait for
it, what is under way ends under the tasks that it began with, and then the tasks are exchanged.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sleepy_coder.errors import SleepyError
from sleepy_coder.learned import LearnedTasks
from sleepy_coder.server.answer import Answer, Deliver, Outcome, Progress, Request
from sleepy_coder.server.batch import Batch
from sleepy_coder.server.metrics import Counts

if TYPE_CHECKING:
    from sleepy_coder.model import RepairModel
    from sleepy_coder.share.manifest import Store

# Of a processor, whose models say of no limit: 1.9 GB for the 1.5B in float32.
_BATCH_TOKENS = 32_768
# What a request may have at least, though it then takes more than its share of the batch: a file
# of 300 lines and its repair.
_LEAST_CONTEXT = 4096
_CLOSING_S = 30  # a step of a very long prompt takes that long; the thread dies with the process
_logger = logging.getLogger(__name__)


class BusyError(SleepyError):
    """As many requests wait as may; the client should come again."""


class StoppedError(SleepyError):
    """The engine answers nothing any more: it failed, or the server ends."""


@dataclass(frozen=True)
class Limits:
    """What a server takes on at once.

    Attributes:
        max_rows: Answers that are decoded together.
        max_queue: Requests that wait beside those.
        max_tokens: Tokens, padding and room for answers counted, that keys and values are kept
            for; a single answer may take more. None is as many as the model says.
        max_context: Tokens of a prompt and its answer. None is a row's share of `max_tokens`, but
            4096 at least. The model's own limit holds too.
    """

    max_rows: int = 16
    max_queue: int = 64
    max_tokens: int | None = None
    max_context: int | None = None


class Engine:
    """Answers requests until it is closed; a context manager.

    Args:
        model: Nobody else may use it meanwhile.
        store: Its tasks; None serves the base model alone.
        limits: What it takes on at once.

    Attributes:
        context_tokens: The most tokens that a prompt and its answer may have together.
        counts: What it has done.
        failure: What kind of error ended it, which the log tells in full; None while it answers.
        task_bytes: What the tasks' coefficients take, and the basis that they share.

    Raises:
        StoreError: The store does not fit the model.
    """

    def __init__(
        self, model: RepairModel, store: Store | None = None, limits: Limits | None = None
    ) -> None:
        self.model = model
        self.limits = limits or Limits()
        self.counts = Counts()
        self.failure: str | None = None
        self.task_bytes = (0, 0)
        self._store: Store | None = None
        self._learned: LearnedTasks | None = None
        self._use(store)
        max_tokens = self.limits.max_tokens or model.batch_tokens or _BATCH_TOKENS
        share = max(_LEAST_CONTEXT, max_tokens // self.limits.max_rows)
        self.context_tokens = min(model.context_tokens, self.limits.max_context or share)
        self._batch = Batch(model.decoder, self.limits.max_rows, max_tokens)
        # Guards what follows; the thread sleeps on it when there is nothing to do.
        self._work = threading.Condition()
        self._waiting: deque[Answer] = deque()
        self._exchanges: deque[tuple[Store | None, Future[None]]] = deque()
        self._under_way: set[Answer] = set()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="sleepy-engine", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it; what is under way ends as `shutdown`."""
        self.stop()
        self._thread.join(_CLOSING_S)
        if self._learned is not None and not self._thread.is_alive():
            self._learned.close()

    def stop(self) -> None:
        """Take nothing more in, and have what is under way end as `shutdown`, soon."""
        with self._work:
            self._is_closing = True
            self._work.notify()

    @property
    def tasks(self) -> Sequence[str]:
        """The names of the tasks in use."""
        store = self._store
        return list(store.subspace.tasks) if store else []

    @property
    def store_sha256(self) -> str | None:
        """The hash of the store in use, if there is one."""
        store = self._store
        return store.sha256 if store else None

    @property
    def num_rows(self) -> int:
        """How many answers are being decoded."""
        return len(self._under_way)

    @property
    def num_waiting(self) -> int:
        """How many requests wait for a place among them."""
        return len(self._waiting)

    def require_room(self) -> None:
        """Do nothing if one more request would be taken in.

        Raises:
            BusyError: Too many wait already.
            StoppedError: None is taken in any more.
        """
        with self._work:
            if self.failure is not None:
                raise StoppedError(f"the engine has failed: {self.failure}")
            if self._is_closing:
                raise StoppedError("the server is shutting down")
            num_free = max(0, self.limits.max_rows - self.num_rows)
            if len(self._waiting) >= self.limits.max_queue + num_free:
                self.counts.add_outcome("refused")
                raise BusyError(
                    f"{self.num_rows} requests are being answered and {len(self._waiting)} wait; "
                    f"at most {self.limits.max_queue} may beside those that free rows are for; "
                    "try again later"
                )

    def submit(self, request: Request, deliver: Deliver) -> Answer:
        """Take in a request; its answer comes piece by piece, at last one with an outcome.

        Raises:
            BusyError: Too many wait already.
            StoppedError: None is taken in any more.
        """
        answer = Answer(request, self.model.decoder, deliver)
        with self._work:
            self.require_room()
            self._waiting.append(answer)
            self._work.notify()
        self.counts.add_request(request.task)
        return answer

    def cancel(self, answer: Answer) -> None:
        """End an answer that nobody waits for any more; nothing happens if it has ended."""
        with self._work:
            answer.is_cancelled = True
            is_waiting = answer in self._waiting
            if is_waiting:
                self._waiting.remove(answer)
        if is_waiting:
            self._end(answer, Progress("", 0, "cancelled"))

    def exchange_tasks(self, store: Store | None) -> Future[None]:
        """Put another store in use once nothing is being decoded; the future then has a result.

        Its exception is a StoreError if the store does not fit the model: the tasks in use stay.

        Raises:
            StoppedError: The engine does nothing any more.
        """
        future: Future[None] = Future()
        with self._work:
            if self.failure is not None or self._is_closing:
                raise StoppedError(self.failure or "the server is shutting down")
            self._exchanges.append((store, future))
            self._work.notify()
        return future

    def _run(self) -> None:
        reason = "the server is shutting down"
        outcome: Outcome = "shutdown"
        try:
            while self._turn():
                pass
        except BaseException as error:
            _logger.exception("the engine has failed")
            outcome, reason = "failed", type(error).__name__
        with self._work:  # from here on nothing more is taken in
            if outcome == "failed":
                self.failure = reason
            self._is_closing = True
            left = [*self._under_way, *self._waiting]
            exchanges = list(self._exchanges)
            self._waiting.clear()
            self._exchanges.clear()
        for answer in left:
            self._end(answer, Progress("", answer.num_tokens, outcome, reason))
        for _, future in exchanges:
            if future.set_running_or_notify_cancel():
                future.set_exception(StoppedError(reason))
        self._batch.stop_reading()
        self._batch.clear()

    def _turn(self) -> bool:
        """Let some join and all go on by a step; return whether there is to be another turn."""
        with self._work:
            self._work.wait_for(self._has_work)
            if self._is_closing:
                return False
            joining = [] if self._exchanges else self._batch.choose(self._waiting)
            for answer in joining:
                self._waiting.remove(answer)
            self._under_way.update(joining)
        if joining:
            self._join(self._drop_unknown(joining))
        if self._batch.reading:
            self._read_on(self._batch.reading)
        if self._batch.answers:
            self._batch.step()
            self._hand_out()
        elif self._exchanges and not self._batch.reading:
            self._exchange()
        return True

    def _has_work(self) -> bool:
        is_idle = not self._batch.answers and self._batch.reading is None
        return bool(self._is_closing or self._waiting or self._exchanges or not is_idle)

    def _drop_unknown(self, joining: Sequence[Answer]) -> list[Answer]:
        """Return those whose tasks are still there."""
        known = {None, *self.tasks}
        for answer in joining:
            if (task := answer.request.task) not in known:
                reason = f"task {task} is no longer there"
                self._end(answer, Progress("", 0, "unknown_task", reason))
        return [answer for answer in joining if answer.request.task in known]

    def _join(self, joining: Sequence[Answer]) -> None:
        """Let requests join the batch; one that cannot be read fails alone."""
        if not joining:
            return
        try:
            if self._batch.is_long(joining[0]):
                self._batch.begin(joining[0])
                return
            self._batch.join(joining)
        except Exception as error:
            if len(joining) > 1:
                for answer in joining:
                    self._join([answer])
                return
            _logger.exception("a request has failed")
            self._fail(joining[0], error)
            return
        self._has_joined(joining)

    def _read_on(self, answer: Answer) -> None:
        """Read a piece of a long prompt, unless nobody waits for its answer any more."""
        if answer.is_cancelled:
            self._batch.stop_reading()
            self._end(answer, Progress("", 0, "cancelled"))
            return
        try:
            has_joined = self._batch.read_on()
        except Exception as error:
            _logger.exception("a request has failed")
            self._fail(answer, error)
            return
        if has_joined:
            self._has_joined([answer])

    def _has_joined(self, answers: Sequence[Answer]) -> None:
        self.counts.add_tokens(tokens_in=sum(len(answer.row.prompt) for answer in answers))
        self._hand_out()

    def _fail(self, answer: Answer, error: Exception) -> None:
        """End an answer whose prompt could not be read."""
        self._end(answer, Progress("", 0, "failed", type(error).__name__))

    def _hand_out(self) -> None:
        """Let those leave that have ended, then tell everybody what is new."""
        news = [(answer, self._advance(answer)) for answer in self._batch.answers]
        ended = {place for place, (_, progress) in enumerate(news) if progress.outcome}
        if ended:
            self._batch.leave(ended)
        for answer, progress in news:
            if progress.outcome:
                self._end(answer, progress)
            elif progress.text:
                answer.deliver(progress)

    def _advance(self, answer: Answer) -> Progress:
        before = answer.num_tokens
        try:
            progress = answer.advance(self.model.decoder.stop_tokens)
        except Exception as error:
            _logger.exception("a request has failed")
            progress = Progress("", answer.num_tokens, "failed", type(error).__name__)
        self.counts.add_tokens(tokens_out=answer.num_tokens - before)
        return progress

    def _end(self, answer: Answer, progress: Progress) -> None:
        """Tell an answer's listener how it ended, once it takes no place any more."""
        with self._work:
            self._under_way.discard(answer)
        self.counts.add_outcome(progress.outcome or "failed")
        answer.deliver(progress)

    def _exchange(self) -> None:
        """Put the store in use that was asked for first; if it does not fit, the old one stays."""
        with self._work:
            store, future = self._exchanges.popleft()
        if not future.set_running_or_notify_cancel():
            return
        before = self._store
        try:
            self._use(store)
        except Exception as error:  # noqa: BLE001 - whoever waits is told of it
            future.set_exception(error)
            self._use(before)
        else:
            future.set_result(None)

    def _use(self, store: Store | None) -> None:
        if self._learned is not None:
            self._learned.close()
        self._learned = None
        if store is not None:
            self._learned = LearnedTasks(self.model, store)
        self._store = store
        self.task_bytes = self._learned.resident_bytes if self._learned else (0, 0)
