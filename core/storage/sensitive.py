"""The read log: who was shown or printed sensitive values, and who took an export of what; never one entry a row."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from core.storage.models import ReadLog
from core.storage.unit import Unit

_table = ReadLog.__table__
MOST_RECORDS = 200


@dataclass(frozen=True)
class Read:
    """Somebody was shown ``fields`` of ``number`` records, of which ``records`` names at most 200. ``at`` is aware, in UTC."""

    id: int
    at: datetime
    actor: str
    channel: str
    entity: str
    what: str
    fields: tuple[str, ...]
    records: tuple[int, ...]
    number: int


def note(unit: Unit, entity: str, what: str, fields: Collection[str], records: Collection[int], number: int | None = None) -> None:
    """Append an entry. ``what``: shown, exported or printed. Of many records 200 ids and the number stay; ``number`` where
    ``records`` are only the first of them.
    """
    numbers, count = sorted(records), number if number is not None else len(records)
    told: dict[str, object] = {"ids": numbers[:MOST_RECORDS]}
    if count > MOST_RECORDS:
        told["number"] = count
    unit.connection.execute(
        _table.insert().values(
            entity=entity,
            what=what,
            records=json.dumps(told, separators=(",", ":")),
            fields=json.dumps(sorted(fields), separators=(",", ":")),
            actor=unit.actor.email,
            person=unit.actor.person,
            channel=unit.channel,
            at=unit.now.replace(tzinfo=None),
        )
    )


def newest(unit: Unit, *, limit: int = 100, before: int | None = None, entity: str = "", actor: str = "", record: int | None = None
           ) -> list[Read]:
    """The newest entries, without any value. ``record`` keeps those that name the record; of the newest 10,000 then."""
    statement = sa.select(_table).order_by(_table.c.id.desc())
    for column, wanted in ((_table.c.entity, entity), (_table.c.actor, actor)):
        if wanted:
            statement = statement.where(column == wanted)
    if before is not None:
        statement = statement.where(_table.c.id < before)
    rows = unit.connection.execute(statement.limit(limit if record is None else 10_000)).mappings()
    found = []
    for row in rows:
        told = json.loads(row["records"] or "{}")
        ids = tuple(int(one) for one in told.get("ids", ()))
        if record is None or record in ids:
            found.append(Read(row["id"], row["at"].replace(tzinfo=UTC), row["actor"], row["channel"], row["entity"], row["what"],
                              tuple(json.loads(row["fields"] or "[]")), ids, int(told.get("number", len(ids)))))
    return found[:limit]
