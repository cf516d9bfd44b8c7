"""Rows of jobs: what a worker has to do, leased while it does it, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from core.storage.database import Database
from core.storage.models import Job
from core.storage.unit import Unit

_table = Job.__table__
LEASE = timedelta(minutes=2)
MOST_TRIES = 3
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Task:
    """A job in a worker's hands: the name of a verb and plain values. ``key`` is the same at every try; ``attempt`` from 1."""

    id: int
    verb: str
    values: Mapping[str, Any]
    key: str
    account: int | None
    attempt: int


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as its owner sees it. ``state``: waiting, running, done or failed; instants are aware, in UTC."""

    id: int
    verb: str
    state: str
    account: int | None
    attempts: int
    created_at: datetime
    done_at: datetime | None
    progress: str
    result: Any


def put(unit: Unit, verb: str, values: Mapping[str, Any], *, key: str | None = None, account: int | None = None,
        due: datetime | None = None) -> int:
    """Add a job to the unit's transaction and answer its id; one whose key is there already is that job."""
    key = key or uuid4().hex
    known = unit.connection.execute(sa.select(_table.c.id).where(_table.c.key == key)).scalar()
    if known is not None:
        return int(known)
    made = unit.connection.execute(
        _table.insert().values(
            {
                "verb": verb,
                "values": json.dumps(values, ensure_ascii=False),
                "key": key,
                "account_id": account,
                "state": "waiting",
                "attempts": 0,
                "due": naive(due or unit.now),
                "worker": "",
                "created_at": naive(unit.now),
                "progress": "",
                "result": "",
            }
        )
    )
    key_of_row = made.inserted_primary_key
    assert key_of_row is not None
    return int(key_of_row[0])


def take(database: Database, now: datetime, worker: str) -> Task | None:
    """Lease one due job to this worker; a job whose worker died is due again when its lease ends, at most three times."""
    at = naive(now)
    due = sa.or_(sa.and_(_table.c.state == "waiting", _table.c.due <= at), sa.and_(_table.c.state == "running", _table.c.lease < at))
    chosen = sa.select(_table).where(due).order_by(_table.c.id).limit(1)
    with database.begin(writing=False) as connection:
        if connection.execute(chosen).first() is None:
            return None
    with database.begin(writing=True) as connection:
        row = (
            connection.execute(chosen.with_for_update(skip_locked=True) if database.dialect == "postgresql" else chosen).mappings().first()
        )
        if row is None:
            return None
        mine = _table.update().where(_table.c.id == row["id"])
        if row["attempts"] >= MOST_TRIES:
            connection.execute(
                mine.values(state="failed", done_at=at, lease=None, result=_error("Its worker ended each time it was tried."))
            )
            return None
        connection.execute(mine.values(state="running", lease=at + LEASE, worker=worker, attempts=row["attempts"] + 1))
    return Task(row["id"], row["verb"], json.loads(row["values"]), row["key"], row["account_id"], row["attempts"] + 1)


def beat(database: Database, task: Task, now: datetime, progress: str | None = None) -> None:
    """Say that the job is still being done, and how far it is."""
    values: dict[str, Any] = {"lease": naive(now) + LEASE}
    if progress is not None:
        values["progress"] = progress[:500]
    with database.begin(writing=True) as connection:
        connection.execute(_table.update().where(_table.c.id == task.id, _table.c.state == "running").values(**values))


def done(database: Database, task: Task, now: datetime, result: Any) -> None:
    """The job was done; ``result`` is plain JSON."""
    _end(database, task, state="done", done_at=naive(now), result=json.dumps(result, ensure_ascii=False))


def failed(database: Database, task: Task, now: datetime, sentence: str, *, for_good: bool) -> None:
    """The job was not done: tried again a little later, or failed for good."""
    if for_good or task.attempt >= MOST_TRIES:
        _end(database, task, state="failed", done_at=naive(now), result=_error(sentence))
    else:
        _end(database, task, state="waiting", due=naive(now) + timedelta(seconds=10 * 4**task.attempt), result=_error(sentence))


def reclaim(database: Database, worker: str) -> None:
    """Make jobs due again that a worker of this name had taken; whoever calls this is sure that it is no more."""
    with database.begin(writing=True) as connection:
        connection.execute(
            _table.update().where(_table.c.state == "running", _table.c.worker == worker).values(state="waiting", lease=None)
        )


def listed(unit: Unit, *, account: int | None = None, id: int | None = None, limit: int = 100) -> list[JobRow]:
    """Jobs, newest first: everybody's, or one account's."""
    statement = sa.select(_table).order_by(_table.c.id.desc()).limit(limit)
    if account is not None:
        statement = statement.where(_table.c.account_id == account)
    if id is not None:
        statement = statement.where(_table.c.id == id)
    return [JobRow(row["id"], row["verb"], row["state"], row["account_id"], row["attempts"], row["created_at"].replace(tzinfo=UTC),
                   row["done_at"].replace(tzinfo=UTC) if row["done_at"] else None, row["progress"],
                   json.loads(row["result"]) if row["result"] else None) for row in unit.connection.execute(statement).mappings()]


def tidy(database: Database, now: datetime) -> None:
    """Forget jobs that ended a month ago."""
    with database.begin(writing=True) as connection:
        connection.execute(_table.delete().where(_table.c.state.in_(("done", "failed")), _table.c.done_at < naive(now) - KEPT))


def naive(moment: datetime) -> datetime:
    """An aware instant as the database keeps it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _end(database: Database, task: Task, **values: Any) -> None:
    with database.begin(writing=True) as connection:
        connection.execute(_table.update().where(_table.c.id == task.id).values(lease=None, **values))


def _error(sentence: str) -> str:
    return json.dumps({"error": sentence[:2_000]}, ensure_ascii=False)
