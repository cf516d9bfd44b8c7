"""Columns of plugins' own fields over the plugin's versions: a field that comes back with another type gets a new column.

The registry learns of a field when it leaves or changes its type; a field that was never touched has no row there and the
column named after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from core.fields.base import column_name, second_column
from core.registry.generation import own_identity
from core.services.columns import Identity, kind_of
from core.services.insidelines import registered
from core.services.instants import naive
from core.storage import identifiers
from core.storage.keys import new_id
from core.storage.models import FieldColumn
from schemas.model import Entity, Field

_registry = FieldColumn.__table__.c


def flattened(entity: Entity) -> Iterator[tuple[str, Field]]:
    """The plugin's own fields, those within lines under ``lines.child``."""
    for one in entity.fields:
        if not one.overlay:
            yield one.name, one
            for child in one.fields:
                yield f"{one.name}.{child.name}", child


def allot(
    connection: sa.Connection,
    former: Mapping[str, Entity],
    wanted: Mapping[str, Entity],
    before: Mapping[Identity, Mapping[str, str]],
) -> dict[Identity, dict[str, str]]:
    """The columns of own fields that are not simply named after them.

    ``former`` are the stored shapes in force, ``wanted`` the next ones; both know the kinds that derived fields show.
    """
    result: dict[Identity, dict[str, str]] = {}
    for name, field, declared, _ in _leaving(former, wanted):
        _know(connection, name, field, declared)
    for name in former:
        if name not in wanted and before.get(own_identity(name)):
            result[own_identity(name)] = dict(before[own_identity(name)])
    for name, entity in wanted.items():
        was = dict(flattened(former[name])) if name in former else {}
        names: dict[str, str] = {}
        for field, declared in flattened(entity):
            if field in was and kind_of(was[field]) == kind_of(declared):
                column = before.get(own_identity(name), {}).get(field, "")
            else:
                column = _column(connection, name, field, declared)
            if column:
                names[field] = column
        if names:
            result[own_identity(name)] = names
    # What waits for a plugin that is away already stays as it is.
    waiting = {
        identity: dict(names)
        for identity, names in before.items()
        if identity[1:] == ("", "") and identity[0] not in former and identity[0] not in wanted
    }
    return {**waiting, **result}


def mark(
    connection: sa.Connection, former: Mapping[str, Entity], wanted: Mapping[str, Entity], number: int, at: datetime
) -> None:
    """Within the flip: the columns of fields that leave may be dropped from now on. Those of entities that are away stay."""
    for name, field, declared, present in _leaving(former, wanted):
        if present:
            connection.execute(
                sa.update(FieldColumn)
                .where(_registry.column == _full(name, field, declared))
                .values(removed_by=number, removed_at=naive(at))
            )


def _leaving(former: Mapping[str, Entity], wanted: Mapping[str, Entity]) -> Iterator[tuple[str, str, Field, bool]]:
    """Fields that leave or change their type, and whether their entity is still there."""
    for name, entity in former.items():
        now = dict(flattened(wanted[name])) if name in wanted else {}
        for field, declared in flattened(entity):
            if field not in now or kind_of(now[field]) != kind_of(declared):
                yield name, field, declared, name in wanted


def droppable(connection: sa.Connection, older_than: datetime) -> list[tuple[int, str, str]]:
    """Registry id, table and column of everything a destructive migration may drop: own fields that left, at once, and
    overlays' fields removed before ``older_than``."""
    rows = connection.execute(
        sa.select(
            _registry.id, _registry.entity, _registry.name, _registry.column, _registry.overlay, _registry.removed_at
        )
        .where(_registry.removed_by.is_not(None))
        .order_by(_registry.id)
    ).all()
    found = []
    for row in rows:
        if row.overlay and row.removed_at > naive(older_than):
            continue
        column = row.column.rpartition(" ")[2]
        for name in _physical(row.name.rpartition(".")[2], column):
            found.append((row.id, _table(row.entity, row.name, row.column), name))
    return found


def forget(connection: sa.Connection, ids: set[int]) -> None:
    """The columns are gone: a field of that name is a new one."""
    if ids:
        connection.execute(sa.delete(FieldColumn).where(_registry.id.in_(ids)))


def _table(entity: str, field: str, column: str) -> str:
    plugin, _, name = entity.partition(".")
    if "." in field and " " in column:
        return identifiers.lines_name(plugin, name, column.split(" ")[1])
    return identifiers.entity_name(plugin, name)


def _physical(field: str, column: str) -> tuple[str, ...]:
    probe = Field(field, "text", column="" if column == f"f_{field}" else column)
    return (column, second_column(probe), identifiers.fitted(f"k_{probe.column or probe.name}"))


def _full(entity: str, name: str, field: Field) -> str:
    """What stands in the registry, which is unique in the whole database: entity, the lines' column, the column."""
    lines = name.rpartition(".")[0]
    if lines:
        return registered(entity, f"f_{lines}", column_name(field))
    return field.column or f"{entity} {column_name(field)}"


def _know(connection: sa.Connection, entity: str, name: str, field: Field) -> None:
    full = _full(entity, name, field)
    if connection.execute(sa.select(_registry.id).where(_registry.column == full)).first() is None:
        connection.execute(
            sa.insert(FieldColumn).values(
                entity=entity, department="", overlay="", name=name, type=kind_of(field), column=full
            )
        )


def _column(connection: sa.Connection, entity: str, name: str, field: Field) -> str:
    """The column of a field that is new or has another type now; "" is the one named after it."""
    rows = connection.execute(
        sa.select(_registry.id, _registry.type, _registry.column)
        .where(_registry.entity == entity, _registry.overlay == "", _registry.name == name)
        .order_by(_registry.id.desc())
    ).all()
    wanted = kind_of(field)
    default = _full(entity, name, replace(field, column=""))
    for row in rows:
        if row.type == wanted:
            connection.execute(
                sa.update(FieldColumn).where(_registry.id == row.id).values(removed_by=None, removed_at=None)
            )
            return "" if row.column == default else str(row.column).rpartition(" ")[2]
    if default not in {row.column for row in rows}:
        return ""
    made = connection.execute(
        sa.insert(FieldColumn).values(
            entity=entity, department="", overlay="", name=name, type=wanted, column=f"new {entity} {name}"
        )
    )
    id = new_id(made)
    column = f"x_{id}"
    full = _full(entity, name, replace(field, column=column))
    connection.execute(sa.update(FieldColumn).where(_registry.id == id).values(column=full if "." in name else column))
    return column
