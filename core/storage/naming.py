"""How the names of an expression become columns: fields of the row at hand, and of rows one reference away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.sql import FromClause

from core.fields import kind
from core.storage.tables import EntityTable, aliased, entity_table
from schemas.expressions import Function
from schemas.model import Entity, Field

if TYPE_CHECKING:
    from core.storage.unit import Unit

Cells = tuple[sa.ColumnElement[Any], ...]


class Naming(Protocol):
    """Where names lead."""

    def column(self, name: str) -> Cells:
        """The cells of a field of the row: one, or two for money and references to any entity."""
        ...

    def path(self, via: str, name: str) -> Cells:
        """The same of the row that a reference points at, as correlated scalar subqueries; NULL where there is none."""
        ...

    def several(self, name: str) -> tuple[FromClause, sa.ColumnElement[Any], sa.ColumnElement[bool]]:
        """The table behind a field that holds several, the column of what it holds, and the condition that ties it to the row."""
        ...


@dataclass(frozen=True)
class SqlContext:
    """What a compilation looks at: the engine, the names, the actor and the given clock."""

    dialect: str
    names: Naming
    actor: Any = None
    now: datetime | None = None
    today: date | None = None
    functions: Mapping[str, Function] = field(default_factory=dict)


def context(entity: Entity, table: EntityTable, unit: Unit, at: FromClause) -> SqlContext:
    """Names over one alias of the entity's table, for the unit's actor and instant."""
    day = unit.now.astimezone(ZoneInfo(unit.actor.zone or "UTC")).date()
    return SqlContext(unit.database.dialect, RowNames(entity, table, unit, at), unit.actor, unit.now, day, unit.generation.functions())


class RowNames:
    """Names over ``at``, an alias of an entity's table (or the table itself). Paths are followed with the system's eyes."""

    def __init__(self, entity: Entity, table: EntityTable, unit: Unit, at: FromClause) -> None:
        self.entity, self.table, self.unit, self.at = entity, table, unit, at

    def column(self, name: str) -> Cells:
        columns = self.table.columns.get(name)
        if columns is not None:
            return tuple(self.at.c[one.name] for one in columns)
        return (self.at.c[name],) if name in self.at.c else (sa.null(),)

    def path(self, via: str, name: str) -> Cells:
        target = self._target(via)
        if target is None:
            return (sa.null(),)
        table = entity_table(target, self.unit.database.dialect)
        there = aliased(table.table)
        inside = RowNames(target, table, self.unit, there)
        number = self.column(via)[0]
        return tuple(sa.select(cell).where(there.c.id == number).correlate_except(there).scalar_subquery() for cell in inside.column(name))

    def several(self, name: str) -> tuple[FromClause, sa.ColumnElement[Any], sa.ColumnElement[bool]]:
        if name in self.table.links:
            link = aliased(self.table.links[name])
            return link, link.c.target_id, link.c.owner_id == self.at.c.id
        lines = aliased(self.table.lines[name].table)
        return lines, lines.c.id, lines.c.owner_id == self.at.c.id

    def _target(self, via: str) -> Entity | None:
        one = self.entity.field(via) or (Field(via, "person") if via in ("created_by", "updated_by") else None)
        if one is None or kind(one).family != "reference":
            return None
        targets = self.unit.generation.targets(one)
        return self.unit.generation.entities.get(targets[0]) if len(targets) == 1 else None
