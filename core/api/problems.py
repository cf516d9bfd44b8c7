"""Refusals as ``application/problem+json``."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from flask import Response
from werkzeug.exceptions import HTTPException

from core.errors import UNKEEPABLE, BackofficeError, BadRequest, Busy, Conflict, Invalid, NotFound, TooLarge, TooMany, WrongType
from core.storage.database import busy

TYPE = "application/problem+json"
_TITLES = {401: "not-signed-in", 403: "not-allowed", 404: "not-found", 405: "method-not-allowed", 409: "conflict", 412: "stale",
           413: "too-large", 415: "wrong-type", 422: "invalid", 429: "too-many", 503: "busy", 400: "bad-request"}


def encoded(value: Any) -> bytes:
    """JSON as the API sends it. Lone surrogates, which only a refused text can hold, stay escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "backslashreplace")


def problem(error: BackofficeError) -> Response:
    """The answer that tells of a refusal."""
    return answer(error.status, error.title, error.detail, error.errors, getattr(error, "retry_after", None))


def answer(status: int, title: str, detail: str, errors: dict[str, list[str]] | None = None, retry_after: int | None = None) -> Response:
    """A problem document with its status. ``retry_after`` is in seconds."""
    document: dict[str, Any] = {
        "type": f"urn:backoffice:{_TITLES.get(status, 'error')}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if errors or status == 422:
        document["errors"] = errors or {}
    response = Response(encoded(document), status, content_type=TYPE)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="api"'
    if retry_after is not None or status == 503:
        response.headers["Retry-After"] = str(retry_after or 1)
    return response


def known(error: Exception) -> BackofficeError | None:
    """The refusal that an exception means; None for what is a fault of ours."""
    if isinstance(error, BackofficeError):
        return error
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, sa.exc.IntegrityError):
        return Conflict("This value is not available.")
    if isinstance(error, sa.exc.DataError):  # what no field's rules looked at
        return BadRequest(UNKEEPABLE)
    if isinstance(error, sa.exc.TimeoutError):  # no connection of the pool came free
        return Busy()
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return busy(error)
    return None


def _of_http(error: HTTPException) -> BackofficeError | None:
    match error.code:
        case 404:
            return NotFound("There is nothing at this address.")
        case 413:
            return TooLarge("The request is larger than this server takes.")
        case 415:
            return WrongType("This type of body is not read here. Send application/json.")
        case 422:
            return Invalid({}, error.description or "")
        case 429:
            return TooMany("Too many requests.")
        case 503:
            return Busy()
        case code if code is not None and 400 <= code < 500:
            return BadRequest("The request cannot be read.")
    return None
