"""Requests that are turned down, as OpenAI's API tells it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sleepy_coder.server.answer import Progress

_RETRY_AFTER_S = 1
_GONE = 499  # of a client that went away; nobody reads it


class RefusedError(Exception):
    """A request that is turned down.

    Args:
        message: One line.
        status: Of the HTTP response.
        kind: `type` in the body.
        param: The field that is wrong.
        code: A word for programs.
        headers: Of the response.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        message = _escape_surrogates(message)
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        param = None if param is None else _escape_surrogates(param)
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _escape_surrogates(text: str) -> str:
    """Return a text whose halves of surrogate pairs, if it has any, are written as escapes."""
    return text.encode(errors="backslashreplace").decode()


def busy(message: str) -> RefusedError:
    """Return the refusal of a request for which there is no room now."""
    return RefusedError(
        message,
        status=HTTPStatus.TOO_MANY_REQUESTS,
        kind="rate_limit_error",
        code="queue_full",
        headers={"Retry-After": str(_RETRY_AFTER_S)},
    )


def unavailable(message: str) -> RefusedError:
    """Return the refusal of a server that answers nothing any more."""
    return RefusedError(
        message, status=HTTPStatus.SERVICE_UNAVAILABLE, kind="server_error", code="unavailable"
    )


def unknown_model(message: str) -> RefusedError:
    """Return the refusal of a request for a model, or task, that is not there."""
    return RefusedError(message, status=HTTPStatus.NOT_FOUND, param="model", code="model_not_found")


def no_answer(progress: Progress) -> RefusedError | None:
    """Return why a request has no answer; None where it has one, or may still get it."""
    match progress.outcome:
        case "unknown_task":
            return unknown_model(progress.reason)
        case "shutdown":
            return unavailable(progress.reason)
        case "failed":
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            message = f"the request failed ({progress.reason}); the server's log says why"
            return RefusedError(message, status=status, kind="server_error")
        case "cancelled":
            return RefusedError("the client has gone", status=_GONE)
        case _:
            return None
