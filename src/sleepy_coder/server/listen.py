"""A socket to listen on, and the HTTP server behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

from sleepy_coder.errors import InputError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_CLOSING_S = 5  # for responses to go out once all answers have ended


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that nobody can connect to yet; port 0 takes any that is free.

    Raises:
        InputError: The address is not one of this machine, or is taken.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise _taken(host, port, error) from None
    return bound


def listen(bound: socket.socket) -> None:
    """Let clients connect; they are answered once a server runs.

    Raises:
        InputError: Another process was quicker.
    """
    try:
        bound.listen()
    except OSError as error:
        host, port = bound.getsockname()[:2]
        raise _taken(host, port, error) from None


def _taken(host: str, port: int, error: OSError) -> InputError:
    reason = error.strerror or error
    return InputError(f"--host {host} --port {port}: cannot be listened on: {reason}")


def url_of(bound: socket.socket) -> str:
    """Return where clients find the API."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


class _Server(uvicorn.Server):
    """Has all answers end when the time is up, so that clients are told before it leaves them."""

    def __init__(self, config: uvicorn.Config, grace_s: int, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._grace_s = grace_s
        self._stop = stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait until the requests under way have a response."""
        timer = asyncio.get_running_loop().call_later(self._grace_s, self._stop)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()


def make_server(app: ASGIApp, grace_s: int, stop: Callable[[], None]) -> uvicorn.Server:
    """Return a server; `run(sockets=[…])` serves until `should_exit` is set, or a signal comes.

    Args:
        app: Answers.
        grace_s: How long requests may still take then.
        stop: Has those that are left end; returns at once.
    """
    return _Server(
        uvicorn.Config(
            app,
            access_log=False,
            http="h11",
            lifespan="off",
            log_level="warning",
            loop="asyncio",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=grace_s + _CLOSING_S,
            ws="none",
        ),
        grace_s,
        stop,
    )
