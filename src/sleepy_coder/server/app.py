"""OpenAI's API over the engine: the routes and what each does."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from sleepy_coder.errors import SleepyError, StoreError
from sleepy_coder.server.answer import Request
from sleepy_coder.server.engine import Engine
from sleepy_coder.server.handlers import EXCEPTION_HANDLERS, HostCheck, KeyCheck
from sleepy_coder.server.listener import Listener, engine_refusals
from sleepy_coder.server.metrics import render_metrics
from sleepy_coder.server.protocol import Asked, parse_chat, parse_completion
from sleepy_coder.server.refusals import RefusedError, unknown_model
from sleepy_coder.server.replies import Kind, Reply, render_model

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest

    from sleepy_coder.share.manifest import Store

LoadStore = Callable[[], "Store | None"]
_logger = logging.getLogger(__name__)
_STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@dataclass(frozen=True)
class AppConfig:
    """What the server is told.

    Attributes:
        api_key: What clients have to show; None asks for nothing.
        max_new_tokens: The most tokens of an answer where the request does not say.
        max_body_bytes: Of a request.
        hosts: Names under which clients may reach it; None lets them use any.
    """

    api_key: str | None = None
    max_new_tokens: int = 1024
    max_body_bytes: int = 2 * 2**20
    hosts: frozenset[str] | None = None


def create_app(engine: Engine, load_store: LoadStore, config: AppConfig | None = None) -> Starlette:
    """Return the ASGI application over an engine that has been started.

    Args:
        engine: Answers.
        load_store: Reads the store in use anew, for `/v1/tasks/reload`.
        config: What the server is told.

    Raises:
        StoreError: A task has the base model's name.
    """
    config = config or AppConfig()
    api = _Api(engine, load_store, config)
    routes = [
        Route("/health", api.health),
        Route("/metrics", api.metrics),
        Route("/v1/models", api.list_models),
        Route("/v1/models/{name:path}", api.show_model),
        Route("/v1/chat/completions", api.complete_chat, methods=["POST"]),
        Route("/v1/completions", api.complete_text, methods=["POST"]),
        Route("/v1/tasks/reload", api.reload, methods=["POST"]),
    ]
    middleware = []
    if config.hosts is not None:
        middleware.append(Middleware(HostCheck, hosts=config.hosts))
    if config.api_key is not None:
        middleware.append(Middleware(KeyCheck, key=config.api_key))
    app = Starlette(
        routes=routes,
        middleware=middleware,
        exception_handlers=EXCEPTION_HANDLERS,
    )
    app.router.redirect_slashes = False  # to whatever host the request names
    return app


class _Api:
    """The endpoints."""

    def __init__(self, engine: Engine, load_store: LoadStore, config: AppConfig) -> None:
        self._engine = engine
        self._load_store = load_store
        self._config = config
        self._base = engine.model.public_name
        self._created = int(time.time())
        self._reloading = asyncio.Lock()
        self._check_names(engine.tasks)

    async def health(self, _request: HttpRequest) -> Response:
        """Tell whether requests are answered."""
        engine = self._engine
        is_ok = engine.failure is None
        state = {
            "status": "ok" if is_ok else "failed",
            "error": engine.failure,
            "model": self._base,
            "tasks": len(engine.tasks),
            "rows_decoding": engine.num_rows,
            "requests_waiting": engine.num_waiting,
        }
        return JSONResponse(state, HTTPStatus.OK if is_ok else HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics(self, _request: HttpRequest) -> Response:
        """Return counts and gauges as Prometheus reads them."""
        engine = self._engine
        coefficient_bytes, basis_bytes = engine.task_bytes
        gauges = {
            "up": int(engine.failure is None),
            "rows_decoding": engine.num_rows,
            "requests_waiting": engine.num_waiting,
            "tasks": len(engine.tasks),
            "coefficient_bytes": coefficient_bytes,
            "basis_bytes": basis_bytes,
        }
        names: dict[str | None, str] = {None: self._base}
        names.update((task, task) for task in engine.tasks)
        text = render_metrics(engine.counts, gauges, names)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    async def list_models(self, _request: HttpRequest) -> Response:
        """List the base model and the tasks."""
        names = [self._base, *self._engine.tasks]
        return JSONResponse({"object": "list", "data": [self._render_model(n) for n in names]})

    async def show_model(self, request: HttpRequest) -> Response:
        """Show the base model or a task."""
        name = request.path_params["name"]
        self._find_task(name)
        return JSONResponse(self._render_model(name))

    async def complete_chat(self, request: HttpRequest) -> Response:
        """Answer a conversation."""
        return await self._complete(request, "chat", parse_chat)

    async def complete_text(self, request: HttpRequest) -> Response:
        """Go on with a text."""
        return await self._complete(request, "text", parse_completion)

    async def reload(self, _request: HttpRequest) -> Response:
        """Read the store in use again, and put its tasks in use if it is another one."""
        engine = self._engine
        async with self._reloading:
            try:
                store = await run_in_threadpool(self._load_store)
                is_changed = (store.sha256 if store else None) != engine.store_sha256
                if is_changed:
                    self._check_names(store.subspace.tasks if store else ())
                    with engine_refusals():
                        await asyncio.wrap_future(engine.exchange_tasks(store))
            except (SleepyError, OSError) as error:
                _logger.warning("the tasks in use stay: %s", error)
                message = (
                    "the tasks in use stay: the store cannot be read or does not fit "
                    f"({type(error).__name__}); see the server's log"
                )
                raise RefusedError(message, status=HTTPStatus.CONFLICT) from None
            found = {
                "is_changed": is_changed,
                "tasks": len(engine.tasks),
                "store_sha256": engine.store_sha256,
            }
        return JSONResponse(found)

    async def _complete(
        self, request: HttpRequest, kind: Kind, parse: Callable[[Any], Asked]
    ) -> Response:
        with engine_refusals():
            self._engine.require_room()  # before any work is done for it
        try:
            asked = parse(await self._read_json(request))
            task = self._find_task(asked.model)
            prompt = await run_in_threadpool(self._encode, asked)
        except RefusedError:
            self._engine.counts.add_outcome("invalid")
            raise
        limit = min(
            asked.max_tokens or self._config.max_new_tokens,
            self._engine.context_tokens - len(prompt),
        )
        listener = Listener(self._engine, request.receive)
        await listener.submit(Request(prompt, limit, task, asked.sampling, asked.stop))
        reply = Reply(kind, asked.model, len(prompt), asked.is_usage_included)
        # Even a stream begins with the first news, so that what goes wrong before has a status.
        progress = await listener.next()
        if asked.is_streamed:
            events = listener.stream(reply, progress)
            return StreamingResponse(
                events, media_type="text/event-stream", headers=_STREAM_HEADERS
            )
        text = progress.text
        while progress.outcome is None:
            progress = await listener.next()
            text += progress.text
        return JSONResponse(reply.render_whole(text, progress.outcome, progress.num_tokens))

    async def _read_json(self, request: HttpRequest) -> Any:
        """Return a request's body, which must be JSON and not too large."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":  # which no web page can send here without asking
            raise RefusedError(
                f"content-type: got {media_type[:60] or 'none'}, expected application/json",
                status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            )
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._config.max_body_bytes:
                raise RefusedError(
                    f"the body: got more than {self._config.max_body_bytes} bytes, the limit",
                    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                )
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise RefusedError(f"the body: not valid JSON: {error}") from None

    def _find_task(self, name: str) -> str | None:
        """Return the task of that name, None for the base model."""
        if name == self._base:
            return None
        if name in self._engine.tasks:
            return name
        raise unknown_model(
            f"model {name[:120]!r} is unknown: expected {self._base} or one of "
            f"{len(self._engine.tasks)} tasks; GET /v1/models lists them"
        )

    def _encode(self, asked: Asked) -> list[int]:
        """Return the prompt's tokens."""
        model = self._engine.model
        try:
            chat = asked.messages
            prompt = model.encode_chat(chat) if chat else model.encode_text(asked.text)
        except TemplateError as error:
            message = f"messages: the model's chat template refuses them: {error}"
            raise RefusedError(message, param="messages") from None
        if not prompt:
            raise RefusedError("the prompt has no tokens", param="prompt")
        if len(prompt) >= (most := self._engine.context_tokens):
            raise RefusedError(
                f"the prompt has {len(prompt)} tokens; this server takes {most}, answer included",
                code="context_length_exceeded",
            )
        return prompt

    def _render_model(self, name: str) -> dict[str, Any]:
        parent = None if name == self._base else self._base
        return render_model(name, self._created, parent)

    def _check_names(self, tasks: Iterable[str]) -> None:
        if self._base in tasks:
            raise StoreError(f"task {self._base} has the model's own name; rename it")
