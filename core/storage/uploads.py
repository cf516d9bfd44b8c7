"""What is known of uploaded files, and who may put one into a record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from core.facts import Value
from core.storage.models import FileRow
from core.storage.unit import Unit

KINDS = frozenset({"file", "image", "signature"})
"""Field kinds whose values are ids of uploaded files."""
NOT_YOURS = "There is no such file, or you may not use it here."
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Types a browser may show in place; everything else is only ever offered for saving."""
NO_PICTURE = "This file is no picture. Choose a PNG, JPEG, GIF or WebP file."


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an uploaded file. ``size`` is in bytes; ``account`` is who uploaded it."""

    id: int
    name: str
    type: str
    size: int
    key: str
    account: int | None


def facts(unit: Unit, numbers: Iterable[int]) -> dict[int, Facts]:
    """What is known of these files, by id."""
    table = FileRow.__table__.c
    chosen = sa.select(table.id, table.name, table.type, table.size, table.key, table.account_id)
    rows = unit.connection.execute(chosen.where(table.id.in_(sorted(set(numbers)))))
    return {row.id: Facts(row.id, row.name, row.type, row.size, row.key, row.account_id) for row in rows}


def is_picture(unit: Unit, number: int) -> bool:
    """Whether the file's bytes begin like a picture that is shown in place."""
    found = facts(unit, [number]).get(number)
    return found is not None and found.type in PICTURES


def usable(unit: Unit, number: int, before: Value = None) -> bool:
    """Whether the unit's actor may put this file into a field: who uploaded it may, and what stands there may stay.

    Otherwise the id of somebody else's file would be a way to read it.
    """
    if before == number:
        return True
    found = facts(unit, [number]).get(number) if 0 < number < 2**53 else None
    return found is not None and (unit.actor.is_system or (unit.actor.account is not None and found.account == unit.actor.account))
