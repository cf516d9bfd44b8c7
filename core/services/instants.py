"""Small conversions that accounts share: instants as the database keeps them, and what is stored of a secret."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime


def naive(at: datetime) -> datetime:
    """An aware instant as the database keeps it: UTC without a zone."""
    return at.astimezone(UTC).replace(tzinfo=None)


def aware(at: datetime) -> datetime:
    """An instant read from the database, aware, in UTC."""
    return at.replace(tzinfo=UTC)


def fingerprint(secret: str) -> str:
    """What is stored of a secret of high entropy: its hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
