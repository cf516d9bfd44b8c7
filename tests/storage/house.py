"""Two plain entities on one database, for tests of tables, units, log and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.access.actor import Actor
from core.facts import FixedClock, Record, Value
from core.fields import kind
from core.registry.generation import Generation, build_from
from core.storage import head, log, migrate, sequences
from core.storage.database import Database
from core.storage.formulas import Formulas
from core.storage.tables import EntityTable, entity_table
from core.storage.unit import Unit, reading, writing
from schemas.model import Entity, Field, NumberRule, Plugin

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ITEM = Entity("shop", "item", label="Item", title="{name}", fields=(
    Field("name", "text", required=True, unique=True),
    Field("price", "decimal", places=2, indexed=True),
    Field("sold", "boolean"),
    Field("tags", "references", to=("shop.item",)),
    Field("parts", "lines", fields=(Field("part", "text"), Field("weight", "decimal", places=3))),
    Field("code", "sequence", number=(NumberRule("IT-{YYYY}-{seq:4}"),), gap_free=True, unique=True),
))
BOOKING = Entity("shop", "booking", label="Booking", kind="ledger", title="{text}", fields=(
    Field("text", "text"), Field("amount", "decimal", places=2)))
SHOP = Plugin("shop", entities=(ITEM, BOOKING))


def with_field(plugin: Plugin, entity: str, *fields: Field) -> Plugin:
    """The plugin with fields of one entity added, or put in place of those of the same name."""
    names = {one.name for one in fields}
    made = [replace(one, fields=(*(old for old in one.fields if old.name not in names), *fields)) if one.name == entity else one
            for one in plugin.entities]
    return replace(plugin, entities=tuple(made))


class House:
    """A database with a generation in force; ``clock`` stands until it is moved."""

    def __init__(self, url: str, folder: Path, plugin: Plugin = SHOP) -> None:
        self.url, self.folder = url, folder
        self.database = Database(url, folder)
        self.clock = FixedClock(NOON)
        self.actor = Actor.system("test")
        self.generation: Generation = build_from((plugin,))
        migrate.ensure_platform(self.database)
        with self.database.begin(writing=True) as connection:
            if head.number(connection) != 1:
                head.move(connection, 1)
        self.migrate()

    def migrate(self) -> migrate.Plan:
        plan = migrate.plan(self.database, self.generation.entities.values())
        migrate.apply(self.database, plan)
        return plan

    def become(self, plugin: Plugin) -> migrate.Plan:
        """Serve another declaration under the same number, its tables made."""
        self.generation = build_from((plugin,))
        return self.migrate()

    @contextmanager
    def writing(self, *, operation: str | None = None, reason: str = "") -> Iterator[Unit]:
        with writing(self.database, self.generation, self.actor, self.clock.now(), operation=operation, reason=reason) as unit:
            yield unit

    @contextmanager
    def reading(self) -> Iterator[Unit]:
        with reading(self.database, self.generation, self.actor, self.clock.now()) as unit:
            yield unit

    def table(self, name: str = "shop.item") -> EntityTable:
        return entity_table(self.generation.entity(name), self.database.dialect)

    def add(self, unit: Unit, name: str, values: Mapping[str, Value]) -> int:
        """A new row with its log entry, as the writer makes them."""
        entity, table = self.generation.entity(name), self.table(name)
        number = sequences.next_id(unit, table)
        at = unit.now.replace(tzinfo=None)
        changes = [(field, None, value) for field, value in values.items()]
        hashed, length = log.append(unit, entity, number, (None, 0), changes, action="create", version=1)
        unit.connection.execute(table.table.insert().values(
            id=number, version=1, created_at=at, updated_at=at, chain_hash=hashed, chain_length=length, **self.cells(name, values)))
        return number

    def change(self, unit: Unit, name: str, number: int, values: Mapping[str, Value]) -> None:
        """Change fields of a row, logged."""
        entity, table = self.generation.entity(name), self.table(name)
        before = self.values(unit, name, number)
        changes = [(field, before.get(field), value) for field, value in values.items()]
        hashed, length = log.append(unit, entity, number, (before["chain_hash"], before["chain_length"]), changes, action="update",
                                    version=before["version"] + 1)
        unit.connection.execute(table.table.update().where(table.table.c.id == number).values(
            version=before["version"] + 1, chain_hash=hashed, chain_length=length, **self.cells(name, values)))

    def values(self, unit: Unit, name: str, number: int) -> dict[str, Any]:
        """A row with its fields as values, system columns as they lie there; empty when there is none."""
        table = self.table(name)
        row = unit.connection.execute(sa.select(table.table).where(table.table.c.id == number)).mappings().first()
        if row is None:
            return {}
        found = dict(row)
        for field in self.generation.entity(name).fields:
            if field.name in table.columns:
                cells = [row[column.name] for column in table.columns[field.name]]
                found[field.name] = kind(field).from_row(field, cells, self.database.dialect)
        return found

    def cells(self, name: str, values: Mapping[str, Value]) -> dict[str, object]:
        table, cells = self.table(name), {}
        for field in self.generation.entity(name).fields:
            if field.name in values and field.name in table.columns:
                row = kind(field).to_row(field, values[field.name], self.database.dialect)
                cells.update({column.name: cell for column, cell in zip(table.columns[field.name], row, strict=True)})
        return cells

    def draw(self, unit: Unit, values: Mapping[str, Value] | None = None, field: str = "code") -> str:
        entity = self.generation.entity("shop.item")
        declared = entity.field(field)
        assert declared is not None
        return sequences.draw(unit, entity, declared, Record("shop.item", dict(values or {})), Formulas(unit))

    def close(self) -> None:
        self.database.dispose()
