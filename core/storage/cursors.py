"""Cursors: where a page ended, signed, so that nobody can ask for keys they were never shown."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from core.errors import BadRequest

_SIGNATURE = 12
_LONGEST = 4000


def seal(secret: bytes, mark: str, keys: Sequence[object]) -> str:
    """A cursor holding the key cells of one row. ``mark`` is the fingerprint of its shape, sort and filters."""
    body = json.dumps([mark, [_pack(cell) for cell in keys]], ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_sign(secret, body) + body).decode().rstrip("=")


def unseal(secret: bytes, mark: str, cursor: str) -> tuple[object, ...]:
    """The key cells of a cursor; BadRequest when it is broken, forged, or of another sort, filter or shape."""
    if len(cursor) > _LONGEST or not cursor.isascii():
        raise _refusal()
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refusal() from error
    signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
    if not hmac.compare_digest(signature, _sign(secret, body)):
        raise _refusal()
    found_mark, cells = json.loads(body)
    if found_mark != mark:
        raise _refusal()
    return tuple(_unpack(cell) for cell in cells)


def fingerprint(parts: object) -> str:
    """A short hash over anything with a stable ``repr``."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "backslashreplace"), digest_size=9).hexdigest()


def _sign(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, b"cursor:" + body, "sha256")[:_SIGNATURE]


def _refusal() -> BadRequest:
    return BadRequest(
        "This place in the list is not known here: the list, its sort or its filter has changed. "
        "Start again at the first page."
    )


def _pack(cell: object) -> Any:
    # bool before int: True is an int, and comes back as the same cell either way
    if cell is None or isinstance(cell, (bool, int, str)):
        return cell
    if isinstance(cell, Decimal):
        return {"n": str(cell)}
    if isinstance(cell, datetime):
        return {"m": cell.isoformat()}
    if isinstance(cell, date):
        return {"d": cell.isoformat()}
    if isinstance(cell, time):
        return {"t": cell.isoformat()}
    raise TypeError(f"A cursor cannot hold {type(cell).__name__}.")


def _unpack(cell: Any) -> object:
    if not isinstance(cell, dict):
        return cell
    ((kind, text),) = cell.items()
    if kind == "n":
        return Decimal(text)
    if kind == "m":
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if kind == "d" else time.fromisoformat(text)
