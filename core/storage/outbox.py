"""The outbox: effects written in the transaction of their cause and performed after it, once in effect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from core.storage.database import Database
from core.storage.models import Outbox
from core.storage.unit import Unit

_table = Outbox.__table__
LEASE = timedelta(minutes=5)
MOST_TRIES = 8
LATEST = timedelta(hours=1)
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect to perform. ``key`` is the same at every try and lets a receiver know a repetition; ``attempt`` is from 1."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    key: str
    attempt: int


def put(unit: Unit, kind: str, payload: Mapping[str, Any], key: str | None = None) -> None:
    """Add an effect to the unit's transaction; one with a key that is there already is not added again, and a quiet unit adds none."""
    if unit.quiet:
        return
    now = _naive(unit.now)
    values = {"kind": kind, "payload": json.dumps(payload, ensure_ascii=False), "key": key or uuid4().hex, "operation": unit.operation,
              "state": "waiting", "attempts": 0, "due": now, "worker": "", "created_at": now, "error": ""}
    # Looking first would not do: on PostgreSQL somebody else may be adding it at this moment.
    insert = postgresql.insert if unit.database.dialect == "postgresql" else sqlite.insert
    unit.connection.execute(insert(_table).values(values).on_conflict_do_nothing(index_elements=[_table.c.key]))


def take(database: Database, now: datetime, limit: int = 1, *, worker: str = "") -> list[Effect]:
    """Lease due effects to this worker; an effect whose worker died is due again when its lease ends.

    The fewer are taken at once, the fewer wait when a worker is killed.
    """
    at = _naive(now)
    due = sa.or_(sa.and_(_table.c.state == "waiting", _table.c.due <= at), sa.and_(_table.c.state == "running", _table.c.lease < at))
    with database.begin(writing=False) as connection:
        # Looking needs no turn among the writers: most of the time there is nothing.
        if connection.execute(sa.select(_table.c.id).where(due).limit(1)).first() is None:
            return []
    with database.begin(writing=True) as connection:
        chosen = sa.select(_table).where(due).order_by(_table.c.id).limit(limit)
        if database.dialect == "postgresql":
            chosen = chosen.with_for_update(skip_locked=True)
        rows = connection.execute(chosen).all()
        poison = [row.id for row in rows if row.attempts >= MOST_TRIES]
        if poison:
            connection.execute(_table.update().where(_table.c.id.in_(poison)).values(
                state="dead", lease=None, error="Its worker ended each time it was tried."))
            rows = [row for row in rows if row.attempts < MOST_TRIES]
        if rows:
            connection.execute(_table.update().where(_table.c.id.in_([row.id for row in rows])).values(
                state="running", lease=at + LEASE, worker=worker, attempts=_table.c.attempts + 1))
    return [Effect(row.id, row.kind, json.loads(row.payload), row.key, row.attempts + 1) for row in rows]


def reclaim(database: Database, worker: str) -> int:
    """Make effects due again that a worker of this name had taken; whoever calls this is sure that it is no more."""
    with database.begin(writing=True) as connection:
        done = connection.execute(_table.update().where(_table.c.state == "running", _table.c.worker == worker).values(
            state="waiting", lease=None))
    return int(done.rowcount)


def done(database: Database, effect: Effect, now: datetime) -> None:
    """Mark an effect as performed."""
    with database.begin(writing=True) as connection:
        mark_done(connection, effect, now)


def mark_done(connection: sa.Connection, effect: Effect, now: datetime) -> None:
    """The same within a transaction that holds the effect itself."""
    connection.execute(_table.update().where(_table.c.id == effect.id).values(state="done", done_at=_naive(now), lease=None, error=""))


def failed(database: Database, effect: Effect, now: datetime, reason: str, *, for_good: bool = False) -> None:
    """Try again later, twice as late each time, at most an hour; after eight tries, or ``for_good``, it is a dead letter."""
    dead = for_good or effect.attempt >= MOST_TRIES
    later = min(timedelta(seconds=5 * 2**effect.attempt), LATEST)
    with database.begin(writing=True) as connection:
        connection.execute(_table.update().where(_table.c.id == effect.id).values(
            state="dead" if dead else "waiting", due=_naive(now) + later, lease=None, error=reason[:2_000]))


def again(unit: Unit, id: int) -> None:
    """Let a dead or waiting effect be performed at once."""
    unit.connection.execute(_table.update().where(_table.c.id == id, _table.c.state != "done").values(
        state="waiting", attempts=0, due=_naive(unit.now), lease=None, error=""))


def tidy(database: Database, now: datetime) -> None:
    """Forget effects that were performed a month ago. Their keys are free again."""
    with database.begin(writing=True) as connection:
        connection.execute(_table.delete().where(_table.c.state == "done", _table.c.done_at < _naive(now) - KEPT))


def listed(unit: Unit, *, state: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Effects, newest first, as plain values for the administration page and for tests."""
    statement = sa.select(_table).order_by(_table.c.id.desc()).limit(limit)
    if state:
        statement = statement.where(_table.c.state == state)
    return [{**row, "payload": json.loads(row["payload"])} for row in unit.connection.execute(statement).mappings()]


def counts(unit: Unit) -> dict[str, int]:
    """How many effects there are in each state."""
    return {str(state): int(count) for state, count in unit.connection.execute(
        sa.select(_table.c.state, sa.func.count()).group_by(_table.c.state))}


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
