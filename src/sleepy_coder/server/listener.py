"""Between the engine's thread and the event loop: news of an answer one way, its end the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from sleepy_coder.server.engine import BusyError, Engine, StoppedError
from sleepy_coder.server.refusals import busy, no_answer, unavailable
from sleepy_coder.server.replies import DONE, Reply, render_event

if TYPE_CHECKING:
    from starlette.types import Receive

    from sleepy_coder.server.answer import Answer, Progress, Request


@contextmanager
def engine_refusals() -> Iterator[None]:
    """Tell clients why the engine takes nothing in: its errors inside become RefusedErrors."""
    try:
        yield
    except BusyError as error:
        raise busy(str(error)) from None
    except StoppedError as error:
        raise unavailable(str(error)) from None


class Listener:
    """Waits for an answer on behalf of a client, and ends it when that has gone.

    Args:
        engine: Answers.
        receive: Of the ASGI server; the request's body must have been read.
    """

    def __init__(self, engine: Engine, receive: Receive) -> None:
        self._engine = engine
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[Progress] = asyncio.Queue()
        self._watcher: asyncio.Task[None] | None = None

    async def submit(self, request: Request) -> None:
        """Have a request answered.

        Raises:
            RefusedError: There is no room for it.
        """
        with engine_refusals():
            # In a thread of its own: a long prompt is indexed first.
            answer = await run_in_threadpool(self._engine.submit, request, self._deliver)
        self._watcher = self._loop.create_task(self._watch(answer))

    async def next(self) -> Progress:
        """Wait for what is new.

        Raises:
            RefusedError: There will be no answer.
        """
        progress = await self._news.get()
        if (error := no_answer(progress)) is not None:
            raise error
        return progress

    async def stream(self, reply: Reply, progress: Progress) -> AsyncIterator[bytes]:
        """Yield server-sent events, from the answer's first news on."""
        if (opening := reply.render_opening()) is not None:
            yield render_event(opening)
        while True:
            if progress.text:
                yield render_event(reply.render_piece(progress.text))
            if progress.outcome is not None:
                break
            progress = await self._news.get()
        if (error := no_answer(progress)) is not None:
            yield render_event(error.body)
            return
        yield render_event(reply.render_piece("", progress.outcome))
        if reply.is_usage_included:
            yield render_event(reply.render_usage(progress.num_tokens))
        yield DONE

    def _deliver(self, progress: Progress) -> None:
        self._loop.call_soon_threadsafe(self._news.put_nowait, progress)

    async def _watch(self, answer: Answer) -> None:
        """End an answer when the client has gone; the server says so after the response, too."""
        try:
            while (await self._receive())["type"] != "http.disconnect":
                pass
        finally:
            self._engine.cancel(answer)
