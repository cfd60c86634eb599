"""What the application does with requests that it turns down, and who may ask at all."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from sleepy_coder.server.refusals import RefusedError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

_OPEN_PATHS = frozenset({"/health"})
# An IPv6 address in brackets or a name, which a dot may end, and a port.
_HOST = re.compile(rb"(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z._-]+?)\.?)(?::[0-9]{0,5})?")


def respond(error: RefusedError) -> Response:
    """Return the response that tells why a request is turned down."""
    return JSONResponse(error.body, error.status, headers=error.headers)


async def _tell_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101 - by the table below
    return respond(error)


async def _tell_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - by the table below
    message = f"{request.method} {request.url.path}: {error.detail}"
    return respond(RefusedError(message, status=error.status_code, headers=error.headers))


async def _tell_failure(_request: Request, _error: Exception) -> Response:
    message = "the request failed; the server's log says why"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return respond(RefusedError(message, status=status, kind="server_error"))


async def _tell_nobody(_request: Request, _error: Exception) -> Response:
    return Response()


EXCEPTION_HANDLERS: Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    RefusedError: _tell_refusal,
    HTTPException: _tell_http_error,
    ClientDisconnect: _tell_nobody,
    Exception: _tell_failure,
}


class KeyCheck:
    """Lets requests through that show the key; `/health` is open to all."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._digest = _digest(key.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or turn it down."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS or self._has_key(scope):
            await self._app(scope, receive, send)
            return
        error = RefusedError(
            "the API key is missing or wrong; send the header Authorization: Bearer KEY",
            status=HTTPStatus.UNAUTHORIZED,
            code="invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )
        await respond(error)(scope, receive, send)

    def _has_key(self, scope: Scope) -> bool:
        """Whether the right key is shown; comparing takes as long for any other."""
        scheme, _, key = _header(scope, b"authorization").partition(b" ")
        is_right = hmac.compare_digest(_digest(key.strip()), self._digest)
        return is_right and scheme.lower() == b"bearer"


class HostCheck:
    """Lets requests through that were meant for one of these hosts.

    A web page can have its own name resolve to this machine, and then talks to the server as to
    its own; but it cannot change the name that the browser says. Nor can it hide where it comes
    from itself, where it sends something to another name (`Origin`).
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or turn it down."""
        error = self._find_fault(scope) if scope["type"] == "http" else None
        await (respond(error) if error else self._app)(scope, receive, send)

    def _find_fault(self, scope: Scope) -> RefusedError | None:
        hosts = ", ".join(sorted(self._hosts))
        if _host_in(_header(scope, b"host")) not in self._hosts:
            message = f"the header Host names none of {hosts}; others need a key"
            return RefusedError(message, status=HTTPStatus.MISDIRECTED_REQUEST)
        origin = _header(scope, b"origin")
        if origin and _host_in(origin.partition(b"://")[2]) not in self._hosts:
            message = f"the header Origin names none of {hosts}; pages of others need a key"
            return RefusedError(message, status=HTTPStatus.FORBIDDEN)
        return None


def _header(scope: Scope, name: bytes) -> bytes:
    """Return a header of a request; nothing where it has none of that name."""
    return next((value for key, value in scope["headers"] if key == name), b"")


def _host_in(said: bytes) -> str | None:
    """Return the host in what names one, without its port."""
    found = _HOST.fullmatch(said)
    return (found[1] or found[2]).decode().lower() if found else None


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
