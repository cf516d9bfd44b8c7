"""Notifications: what a person should know, told inside the application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from core.effects.mail import Undeliverable
from core.storage import outbox
from core.storage.database import Database
from core.storage.models import Notification
from core.storage.outbox import Effect
from core.storage.unit import Unit

_table = Notification.__table__


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification. ``at`` is aware, in UTC; ``entity`` and ``record`` say what it is about, if anything."""

    id: int
    text: str
    entity: str
    record: int | None
    at: datetime
    read: bool


def tell(database: Database, effect: Effect, now: datetime) -> None:
    """Keep the notification of an effect and mark the effect done, both in one transaction.

    Payload: ``person`` (an id, or a list of them), ``text``, perhaps ``entity`` and ``record``.
    """
    payload: Mapping[str, Any] = effect.payload
    persons = payload.get("person")
    persons = persons if isinstance(persons, list) else [persons]
    text = str(payload.get("text") or "").strip()
    if not text or not all(isinstance(one, int) for one in persons):
        raise Undeliverable("A notification needs a person (an id) and a text.")
    at = now.astimezone(UTC).replace(tzinfo=None)
    with database.begin(writing=True) as connection:
        for person in dict.fromkeys(persons):
            key = f"{effect.key}:{person}"
            if connection.execute(sa.select(_table.c.id).where(_table.c.key == key)).first() is None:
                connection.execute(
                    _table.insert().values(
                        key=key,
                        person=person,
                        text=text[:1_000],
                        entity=str(payload.get("entity") or ""),
                        record=payload.get("record"),
                        at=at,
                    )
                )
        outbox.mark_done(connection, effect, now)


def of_person(unit: Unit, person: int, *, limit: int = 50) -> list[Notice]:
    """A person's notifications, newest first."""
    statement = sa.select(_table).where(_table.c.person == person).order_by(_table.c.id.desc()).limit(limit)
    return [Notice(row.id, row.text, row.entity, row.record, row.at.replace(tzinfo=UTC), row.read_at is not None)
            for row in unit.connection.execute(statement)]


def unread(unit: Unit, person: int) -> int:
    """How many notifications the person has not read, at most 100."""
    some = sa.select(_table.c.id).where(_table.c.person == person, _table.c.read_at.is_(None)).limit(100).subquery()
    return int(unit.connection.execute(sa.select(sa.func.count()).select_from(some)).scalar() or 0)


def mark_read(unit: Unit, person: int, numbers: Iterable[int]) -> None:
    """Say that the person has read these; those of others stay as they are."""
    unit.connection.execute(
        _table.update()
        .where(_table.c.person == person, _table.c.id.in_(list(numbers)), _table.c.read_at.is_(None))
        .values(read_at=unit.now.astimezone(UTC).replace(tzinfo=None))
    )
