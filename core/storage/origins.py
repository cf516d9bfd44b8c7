"""Which documents are amendments, and of which."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from core.storage.tables import entity_table
from core.storage.unit import Unit
from schemas.model import Entity


def origins(unit: Unit, entity: Entity, numbers: Iterable[int]) -> dict[int, int]:
    """The ids of the documents that these were amended from, by their own ids; the others are left out."""
    table = entity_table(entity, unit.database.dialect).table.c
    chosen = sa.select(table.id, table.amended_from).where(table.id.in_(sorted(set(numbers))), table.amended_from.is_not(None))
    return {row.id: row.amended_from for row in unit.connection.execute(chosen)}
