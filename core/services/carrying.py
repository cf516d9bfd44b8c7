"""Numbers whose places change under people's hands: they move to a column of their own, filled within the flip.

A scaled whole number means nothing without its places. The generation in force goes on reading and writing the former column
until the flip; only then are the values carried over, and likewise on the way back. So nobody ever meets a number by the
wrong measure, and readers are not held up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from core.fields import column_name
from core.registry.generation import Columns, Generation, own_identity
from core.services.columns import Identity, kind_of
from core.services.insidelines import registered
from core.services.instants import naive
from core.storage import migrate
from core.storage.database import Database
from core.storage.keys import new_id
from core.storage.models import FieldColumn
from core.storage.tables import EntityTable, Scaled, entity_table
from schemas.model import Entity, Field

_registry = FieldColumn.__table__.c


@dataclass(frozen=True)
class Carry:
    """Values that go from one column of a table to another; ``left`` and ``taken`` name them in the registry."""

    old: sa.Column[object]
    new: sa.Column[object]
    left: str
    taken: str

    @property
    def table(self) -> str:
        assert self.new.table is not None
        return self.new.table.name


@dataclass(frozen=True)
class Home:
    """Where a field of a stored shape lies; ``inside`` is the column name of the lines it stands in."""

    identity: Identity
    name: str
    declared: Field
    column: sa.Column[object]
    inside: str = ""

    @property
    def exact(self) -> bool:
        """Whether it holds exact numbers, whose places its column knows."""
        return isinstance(self.column.type, Scaled | sa.Numeric)

    @property
    def registered(self) -> str:
        """What stands in the registry for its column."""
        column = column_name(self.declared)
        if self.inside:
            return registered(self.identity[0], self.inside, column)
        return self.declared.column or f"{self.identity[0]} {column}"


def apart(current: Generation, made: Generation, entities: Iterable[str], dialect: sa.Dialect) -> list[Home]:
    """The fields in force that keep their column in ``made`` although its numbers would have other places there."""
    found = []
    for name in entities:
        if name not in current.entities:
            continue
        before = {one.registered: one for one in _homes(current.entities[name], current.columns, dialect)}
        for home in _homes(made.entities[name], made.columns, dialect):
            former = before.get(home.registered)
            if former is not None and home.exact and _type(former.column, dialect) != _type(home.column, dialect):
                found.append(home)
    return found


def housed(
    connection: sa.Connection, homes: Iterable[Home], columns: Columns, number: int, at: datetime
) -> dict[Identity, dict[str, str]]:
    """The columns with a new one for each of these fields."""
    result = {identity: dict(names) for identity, names in columns.items()}
    for home in homes:
        result.setdefault(home.identity, {})[home.name] = _another(connection, home, number, at)
    return result


def carries(
    database: Database, current: Generation, made: Generation, entities: Iterable[str], before: Columns
) -> list[Carry]:
    """Which values have to follow their field into another column, because one took over from the other."""
    dialect = database.engine.dialect
    found: list[Carry] = []
    for name in entities:
        if name not in current.entities or not _differ(name, before, made.columns):
            continue
        former = {(one.identity, one.name): one for one in _homes(current.entities[name], before, dialect)}
        for home in _homes(made.entities[name], made.columns, dialect):
            old = former.get((home.identity, home.name))
            if old is None or old.registered == home.registered or kind_of(old.declared) != kind_of(home.declared):
                continue
            found.append(Carry(old.column, home.column, old.registered, home.registered))
    if not found:
        return found
    with database.begin(writing=False) as connection:
        return [one for one in found if _root(connection, one.left) == _root(connection, one.taken)]


def carry(connection: sa.Connection, wanted: Iterable[Carry], number: int, at: datetime) -> None:
    """Within the flip: copy the values, exactly, or rounded half away from zero where places go. What was left may be swept."""
    for one in wanted:
        table = sa.table(one.table, sa.column(one.new.name))
        value = migrate.carried(one.new, _type(one.old, connection.dialect), one.old.name)
        connection.execute(sa.update(table).values({one.new.name: sa.column(one.old.name) if value is None else value}))
        for full, removed in ((one.left, number), (one.taken, None)):
            connection.execute(
                sa.update(FieldColumn)
                .where(_registry.column == full)
                .values(removed_by=removed, removed_at=naive(at) if removed else None)
            )


def _differ(entity: str, before: Columns, after: Columns) -> bool:
    return any(
        before.get(identity, {}) != after.get(identity, {}) for identity in {*before, *after} if identity[0] == entity
    )


def _homes(entity: Entity, columns: Columns, dialect: sa.Dialect) -> Iterator[Home]:
    """Every field with a column that may move."""
    made = entity_table(entity, dialect.name)
    for one in entity.fields:
        identity, name = _identity(entity, one, columns)
        if one.name in made.columns:
            yield Home(identity, name, one, made.columns[one.name][0])
        inside: EntityTable | None = made.lines.get(one.name)
        if inside is not None:
            place = column_name(one) if one.overlay else f"f_{one.name}"
            for child in one.fields:
                if child.name in inside.columns:
                    yield Home(
                        identity, f"{name}.{child.name}", child, inside.columns[child.name][0], place
                    )


def _identity(entity: Entity, one: Field, columns: Columns) -> tuple[Identity, str]:
    if not one.overlay:
        return own_identity(entity.full_name), one.name
    identity = (entity.full_name, one.scope, one.overlay)
    # In the stored shape a field may stand aside under another name; its column tells which it is.
    names = {column: name for name, column in columns.get(identity, {}).items()}
    return identity, names.get(one.column, one.name)


def _type(column: sa.Column[object], dialect: sa.Dialect) -> str:
    return migrate.type_name(column, dialect)


def _another(connection: sa.Connection, home: Home, number: int, at: datetime) -> str:
    """A new column for the field; it counts as removed until the flip, so that what a crash leaves behind is swept."""
    entity, department, overlay = home.identity
    known = sa.select(_registry.id).where(_registry.column == home.registered)
    words = {"entity": entity, "department": department, "overlay": overlay, "name": home.name, "type": kind_of(home.declared)}
    if connection.execute(known).first() is None:
        connection.execute(sa.insert(FieldColumn).values(**words, column=home.registered))
    made = connection.execute(
        sa.insert(FieldColumn).values(
            **words,
            column=f"new {entity} {department} {overlay} {home.name}",
            carries=_root(connection, home.registered),
            removed_by=number,
            removed_at=naive(at),
        )
    )
    id = new_id(made)
    column = f"x_{id}"
    full = registered(entity, home.inside, column) if home.inside else column
    connection.execute(sa.update(FieldColumn).where(_registry.id == id).values(column=full))
    return column


def _root(connection: sa.Connection, registered: str) -> str:
    """The first column of the line in which one took over from the other."""
    return connection.scalar(sa.select(_registry.carries).where(_registry.column == registered)) or registered
