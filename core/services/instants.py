"""What the verbs over the platform's own tables share: instants, fingerprints, and another try when the head moved."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

from core.errors import Conflict
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
