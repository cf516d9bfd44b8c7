"""The outbox: effects written in the transaction of their cause and performed after it, once in effect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from core.storage.database import Database
from core.storage.models import Outbox
from core.storage.unit import Unit

_table = Outbox.__table__
LEASE = timedelta(minutes=5)
MOST_TRIES = 8


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect to perform. ``key`` lets a receiver know a repetition."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    key: str
    attempt: int


def put(unit: Unit, kind: str, payload: Mapping[str, Any], key: str | None = None) -> None:
    """Add an effect to the unit's transaction; one with a key that is there already is not added again."""
    key = key or uuid4().hex
    if unit.connection.execute(sa.select(_table.c.id).where(_table.c.key == key)).first() is not None:
        return
    now = _naive(unit.now)
    unit.connection.execute(_table.insert().values(
        kind=kind, payload=json.dumps(payload, ensure_ascii=False), key=key, operation=unit.operation, state="waiting", attempts=0,
        due=now, created_at=now, error=""))


def take(database: Database, now: datetime, limit: int = 20) -> list[Effect]:
    """Lease due effects to this worker; an effect whose worker died is due again when its lease ends."""
    at = _naive(now)
    due = sa.or_(sa.and_(_table.c.state == "waiting", _table.c.due <= at), sa.and_(_table.c.state == "running", _table.c.lease < at))
    with database.begin(writing=True) as connection:
        chosen = sa.select(_table).where(due).order_by(_table.c.id).limit(limit)
        if database.dialect == "postgresql":
            chosen = chosen.with_for_update(skip_locked=True)
        rows = connection.execute(chosen).all()
        if rows:
            connection.execute(_table.update().where(_table.c.id.in_([row.id for row in rows])).values(
                state="running", lease=at + LEASE, attempts=_table.c.attempts + 1))
    return [Effect(row.id, row.kind, json.loads(row.payload), row.key, row.attempts + 1) for row in rows]


def done(database: Database, effect: Effect, now: datetime) -> None:
    """Mark an effect as performed."""
    with database.begin(writing=True) as connection:
        connection.execute(_table.update().where(_table.c.id == effect.id).values(state="done", done_at=_naive(now), lease=None, error=""))


def failed(database: Database, effect: Effect, now: datetime, reason: str) -> None:
    """Try again later, twice as late each time; after eight tries it is a dead letter."""
    dead = effect.attempt >= MOST_TRIES
    with database.begin(writing=True) as connection:
        connection.execute(_table.update().where(_table.c.id == effect.id).values(
            state="dead" if dead else "waiting", due=_naive(now) + timedelta(seconds=10 * 2**effect.attempt), lease=None, error=reason[:2_000]))


def again(unit: Unit, id: int) -> None:
    """Let a dead or waiting effect be performed at once."""
    unit.connection.execute(_table.update().where(_table.c.id == id, _table.c.state != "done").values(
        state="waiting", attempts=0, due=_naive(unit.now), error=""))


def listed(unit: Unit, *, state: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Effects, newest first, as plain values for the administration page and for tests."""
    statement = sa.select(_table).order_by(_table.c.id.desc()).limit(limit)
    if state:
        statement = statement.where(_table.c.state == state)
    return [{**row, "payload": json.loads(row["payload"])} for row in unit.connection.execute(statement).mappings()]


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
