"""Reading a request's body and its precondition."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from flask import Request

from core.errors import BadRequest, StaleVersion, TooLarge, WrongType

DEEPEST = 64
_JSON = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json", re.I)
_TAG = re.compile(r'\s*(?:(?:W/)?"([0-9]{1,18})"|([0-9]{1,18}))\s*')


def members(request: Request, largest: int, *, optional: bool = False) -> dict[str, Any]:
    """The JSON object of a body. ``optional``: no body is an empty object.

    Raises WrongType for another type, TooLarge, BadRequest for what is not readable JSON or no object.
    """
    if (request.content_length or 0) > largest:
        raise TooLarge(f"A JSON body has at most {largest // 1024} KiB here.")
    raw = request.get_data(cache=True)
    if not raw and optional:
        return {}
    if not _JSON.fullmatch(request.mimetype or ""):
        raise WrongType("Send the body as application/json.")
    if len(raw) > largest:
        raise TooLarge(f"A JSON body has at most {largest // 1024} KiB here.")
    try:
        found = json.loads(raw.decode("utf-8"), parse_constant=_constant)
    except (ValueError, RecursionError):
        # ValueError covers broken UTF-8, broken JSON, NaN and numbers with thousands of digits.
        raise BadRequest("The body is not JSON that can be read.") from None
    if not isinstance(found, dict):
        raise BadRequest("The body has to be a JSON object of fields.")
    if _deep(found):
        raise BadRequest(f"The body is nested more than {DEEPEST} levels deep.")
    return found


def version(request: Request) -> int | None:
    """The record version that ``If-Match`` names; None without one or with ``*``. Raises StaleVersion for a foreign tag."""
    head = request.headers.get("If-Match")
    if head is None or head.strip() == "*":
        return None
    found = [int(match[1] or match[2]) for part in head.split(",") if (match := _TAG.fullmatch(part))]
    if not found:
        raise StaleVersion("If-Match holds no version of this record; send the ETag you were given.")
    return max(found)


def tag(number: int) -> str:
    """The ETag of a record's version."""
    return f'"{number}"'


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _deep(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        level = [one for held in level for one in (held.values() if isinstance(held, dict) else held) if isinstance(one, dict | list)]
        if not level:
            return False
    return True
