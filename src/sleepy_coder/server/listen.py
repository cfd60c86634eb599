"""A socket to listen on, and the HTTP server behind it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import uvicorn

from sleepy_coder.errors import InputError

if TYPE_CHECKING:
    from starlette.types import ASGIApp


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


def make_server(app: ASGIApp, grace_s: int) -> uvicorn.Server:
    """Return a server; `run(sockets=[…])` serves until `should_exit` is set, or a signal comes.

    Args:
        app: Answers.
        grace_s: How long requests may still take then.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            http="h11",
            lifespan="off",
            log_level="warning",
            loop="asyncio",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=grace_s,
            ws="none",
        )
    )
