"""Idempotency keys: the first answer under a key is kept, and given again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from core.errors import Conflict, Invalid
from core.storage.database import Database
from core.storage.models import IdempotencyKey

_table = IdempotencyKey.__table__
KEPT = timedelta(days=7)
STALE = timedelta(minutes=5)
"""A request that has not answered by then has died; its key may be used again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A kept answer."""

    status: int
    headers: Mapping[str, str]
    body: str


def claim(database: Database, token: int, path: str, key: str, body: bytes, now: datetime) -> Answer | None:
    """Take the key for this request; the kept answer when it was used before.

    Raises Conflict while another request under it is in progress, Invalid for another body.
    """
    mark, at = hashlib.sha256(body).hexdigest(), now.astimezone(UTC).replace(tzinfo=None)
    with database.begin(writing=True) as connection:
        if database.dialect == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"{token}:{path}:{key}", 0))))
        row = connection.execute(sa.select(_table).where(*_of(token, path, key))).first()
        if row is not None and row.at < at - KEPT:
            row = None
        if row is not None and row.body != mark:
            raise Invalid({}, "This idempotency key was used for another body.")
        if row is not None and row.status is not None:
            return Answer(row.status, json.loads(row.headers or "{}"), row.answer or "")
        if row is not None and row.at > at - STALE:
            raise Conflict("A request under this idempotency key is in progress.")
        connection.execute(_table.delete().where(*_of(token, path, key)))
        connection.execute(_table.insert().values(token_id=token, path=path, key=key, body=mark, at=at, headers=""))
    return None


def keep(database: Database, token: int, path: str, key: str, answer: Answer) -> None:
    """Keep the first answer."""
    with database.begin(writing=True) as connection:
        connection.execute(_table.update().where(*_of(token, path, key)).values(
            status=answer.status, headers=json.dumps(dict(answer.headers)), answer=answer.body))


def release(database: Database, token: int, path: str, key: str) -> None:
    """Forget a claim whose request is not to be kept (it was busy, or broke)."""
    with database.begin(writing=True) as connection:
        connection.execute(_table.delete().where(*_of(token, path, key), _table.c.status.is_(None)))


def tidy(database: Database, now: datetime) -> None:
    """Forget answers that are no longer kept."""
    with database.begin(writing=True) as connection:
        connection.execute(_table.delete().where(_table.c.at < now.astimezone(UTC).replace(tzinfo=None) - KEPT))


def _of(token: int, path: str, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (_table.c.token_id == token, _table.c.path == path, _table.c.key == key)
