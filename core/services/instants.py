"""What the verbs over the platform's own tables share: instants, fingerprints, and another try when the head moved."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from core.errors import BadRequest, Conflict
from core.storage.unit import HeadMoved

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")
TRIES = 5


def naive(at: datetime) -> datetime:
    """An aware instant as the database keeps it: UTC without a zone."""
    return at.astimezone(UTC).replace(tzinfo=None)


def aware(at: datetime) -> datetime:
    """An instant read from the database, aware, in UTC."""
    return at.replace(tzinfo=UTC)


def fingerprint(secret: str) -> str:
    """What is stored of a secret of high entropy: its hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def again_when_moved(verb: Callable[_Given, _Answer]) -> Callable[_Given, _Answer]:
    """Do the verb once more when a publication came between: what it writes does not depend on any declaration."""

    @functools.wraps(verb)
    def call(*args: _Given.args, **kwargs: _Given.kwargs) -> _Answer:
        for _ in range(TRIES):
            try:
                return verb(*args, **kwargs)
            except HeadMoved:
                continue
        raise Conflict("The configuration is changing at this moment. Please try again.")

    return call


def asked(text: str, zone: str) -> datetime:
    """An instant that somebody asks for: ISO 8601 with an offset, or as the clock of ``zone`` says; a day alone is its last moment.

    Raises BadRequest.
    """
    said = text.strip()
    try:
        # A plus sign in an address that was not quoted arrives as a space.
        at = datetime.fromisoformat(said.replace(" ", "+") if "T" in said else f"{said}T23:59:59.999999")
        made = (at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
        made.astimezone(ZoneInfo(zone))  # the first and the last day of all have no counterpart in other zones
        return made
    except (ValueError, OverflowError):
        raise BadRequest("Say the moment as a date (2026-11-03) or a date and a time (2026-11-03T10:15).") from None
