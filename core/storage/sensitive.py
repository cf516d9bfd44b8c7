"""The read log: who was shown sensitive values, or took an export or a print; never one entry a row."""

from __future__ import annotations

import json
from collections.abc import Collection

from core.storage.models import ReadLog
from core.storage.unit import Unit

_table = ReadLog.__table__
MOST_RECORDS = 200


def note(unit: Unit, entity: str, what: str, fields: Collection[str], records: Collection[int]) -> None:
    """Append an entry. ``what``: shown, exported or printed. Of many records 200 ids and the number stay."""
    numbers = sorted(records)
    told: dict[str, object] = {"ids": numbers[:MOST_RECORDS]}
    if len(numbers) > MOST_RECORDS:
        told["number"] = len(numbers)
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
