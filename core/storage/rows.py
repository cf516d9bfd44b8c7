"""Whole rows as records, for the write path only: every field, no person's eyes.

Whatever leaves for a person is read through ``core.storage.reading``; what is read here is compared, judged and
written back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from core.facts import Money, Record, Value
from core.fields import FieldKind, effective, kind
from core.registry.generation import Generation
from core.storage import remembered
from core.storage.sent import Sent, spread, within
from core.storage.tables import EntityTable, entity_table
from core.storage.unit import Unit
from schemas.model import Entity, Field

SYSTEM = (
    "id",
    "version",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
    "state",
    "department_id",
    "display_title",
)
BESIDE = ("workflow_version", "trashed_at", "trashed_by", "posted_at", "amended_from", "chain_hash", "chain_length")
"""System columns that are no fields; they lie in ``record.extra``."""
_INSTANTS = frozenset({"created_at", "updated_at", "trashed_at", "posted_at"})
CHUNK = 500
DERIVED = frozenset({"computed", "rollup", "lookup"})


def load(unit: Unit, entity_name: str, number: int, *, lock: str = "") -> Record | None:
    """One record with all its fields, trashed or not; None where there is none. ``lock`` as in :func:`load_many`."""
    return load_many(unit, entity_name, (number,), lock=lock).get(number)


def load_many(unit: Unit, entity_name: str, numbers: Iterable[int], *, lock: str = "") -> dict[int, Record]:
    """Records by id, ids without a record left out.

    ``lock`` keeps others, until the unit ends, from changing the rows (``update``; ``share`` when we only read them), also
    from pointing at them (``trash``), or just from trashing them (``key``). Rows are locked in order of id: two writers do
    not wait for each other for ever.
    """
    entity = unit.generation.entity(entity_name)
    table = entity_table(entity, unit.database.dialect)
    wanted = sorted(set(numbers))
    found: dict[int, Record] = {}
    plan = _plan(unit, entity, table)
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        size, values = spread(part)
        whole = remembered.statement(
            table.table, ("whole", size, lock, unit.writing), lambda size=size: _whole(unit, table.table, size, lock)  # type: ignore[misc]
        )
        for row in whole.rows(unit.connection, values):
            record = plan.record(unit, row)
            found[record.id] = record
        if found:
            _add_many(unit, entity, table, {number: found[number] for number in part if number in found})
    if plan.named_currencies:
        for record in found.values():
            _name_currencies(unit, entity, record)
    return found


def _whole(unit: Unit, table: sa.Table, size: int, lock: str) -> Sent:
    return Sent(locked(unit, sa.select(*table.c).where(within(table.c.id, size)).order_by(table.c.id), lock))


def hold(unit: Unit, table: sa.Table, numbers: Iterable[int], lock: str) -> None:
    """Lock rows in order of id without reading them."""
    ids: sa.BindParameter[int] = sa.bindparam("ids", expanding=True)
    select = remembered.statement(
        table, ("hold", lock), lambda: locked(unit, sa.select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id), lock)
    )
    unit.connection.execute(select, {"ids": sorted(set(numbers))}).all()


def locked(unit: Unit, select: sa.Select[Any], lock: str) -> sa.Select[Any]:
    """The statement with its row lock, where the engine has row locks."""
    if not lock or unit.database.dialect != "postgresql" or not unit.writing:
        return select
    # Whoever changes a row leaves it to be pointed at (NO KEY UPDATE beside KEY SHARE): a child's writer holds its
    # parent as a target first and counts on it afterwards.
    return select.with_for_update(read=lock in {"key", "share"}, key_share=lock not in {"trash", "share"})


Convert = Callable[[Sequence[object]], Value]


class _Plan:
    """Where a whole row of an entity holds what, and how it is read."""

    def __init__(self, unit: Unit, entity: Entity, table: EntityTable) -> None:
        places = {column.name: place for place, column in enumerate(table.table.c)}
        self.entity = entity.full_name
        self.named_currencies = _named_currencies(entity)
        self.plain: list[tuple[str, int]] = []
        self.converted: list[tuple[str, tuple[int, ...], Convert]] = []
        self.locked: list[tuple[str, int]] = []
        for field in entity.fields:
            columns = table.columns.get(field.name)
            if not columns:
                continue
            shown = shown_as(unit.generation, entity, field)
            where = tuple(places[column.name] for column in columns)
            if shown.type == "secret":
                self.locked.append((field.name, where[0]))
            elif type(kind(shown)).from_row is FieldKind.from_row:
                self.plain.append((field.name, where[0]))
            else:
                self.converted.append((field.name, where, _converter(shown, unit.database.dialect)))
        self.order = tuple(field.name for field in entity.fields if table.columns.get(field.name))
        self.plain += [(name, places[name]) for name in SYSTEM if name in places and name not in _INSTANTS]
        self.instants = tuple((name, places[name]) for name in SYSTEM if name in places and name in _INSTANTS)
        self.beside = tuple((name, places[name], name in _INSTANTS) for name in BESIDE if name in places)

    def record(self, unit: Unit, row: Sequence[Any]) -> Record:
        """The row as a record, without what lies in tables of its own."""
        record = Record(self.entity, dict.fromkeys(self.order))
        for name, place in self.plain:
            record[name] = row[place]
        for name, where, convert in self.converted:
            record[name] = convert([row[place] for place in where])
        for name, place in self.locked:
            record[name] = unit.database.vault.unlock(row[place])
        for name, place in self.instants:
            record[name] = instant(row[place])
        for name, place, moment in self.beside:
            record.extra[name] = instant(row[place]) if moment else row[place]
        return record


def _converter(shown: Field, dialect: str) -> Convert:
    reader = kind(shown)
    return lambda cells: reader.from_row(shown, cells, dialect)


def _plan(unit: Unit, entity: Entity, table: EntityTable) -> _Plan:
    return remembered.statement(entity, ("plan", unit.database.dialect), lambda: _Plan(unit, entity, table))


def read(unit: Unit, entity: Entity, field: Field, columns: Sequence[sa.Column[Value]], row: Mapping[str, Any]) -> Value:
    """A stored field's value from a row; what a computed field, rollup or lookup holds is read as that kind."""
    shown = shown_as(unit.generation, entity, field)
    if shown.type == "secret":
        return unit.database.vault.unlock(row[columns[0].name])
    return kind(shown).from_row(shown, [row[column.name] for column in columns], unit.database.dialect)


_shown: dict[int, tuple[Field, Entity, Field]] = {}


def shown_as(generation: Generation, entity: Entity, field: Field) -> Field:
    """The field whose kind of value the field holds: of a computed field, rollup or lookup, what it shows."""
    if field.type not in DERIVED:
        return field
    found = _shown.get(id(field))
    if found is None or found[0] is not field or found[1] is not entity:
        if len(_shown) > 20_000:
            _shown.clear()
        found = _shown[id(field)] = (field, entity, effective(field, generation.entities, entity))
    return found[2]


def instant(value: object) -> object:
    """A stored instant (naive, UTC) as an aware one."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value


def _named_currencies(entity: Entity) -> bool:
    return any(one.currency and one.type == "money" for field in entity.fields for one in (field, *field.fields))


def _name_currencies(unit: Unit, entity: Entity, record: Record) -> None:
    """Amounts whose currency another field names are read with it."""
    for field in entity.fields:
        if field.type == "money" and field.currency:
            record[field.name] = _in(unit, field, record[field.name], record, entity.field, record)
        elif field.type == "lines":
            for line in record[field.name]:
                for child in field.fields:
                    if child.type == "money" and child.currency:
                        line[child.name] = _in(unit, child, line[child.name], line, field.child, record)


def _in(
    unit: Unit,
    field: Field,
    value: Value,
    values: Mapping[str, Value],
    declared: Callable[[str], Field | None],
    parent: Record,
) -> Value:
    if not isinstance(value, Money):
        return value
    reference, dot, name = field.currency.partition(".")
    if not dot:
        found = values.get(reference)
    elif reference == "parent":
        found = parent.get(name)
    else:
        pointing, number = declared(reference), values.get(reference)
        targets = unit.generation.targets(pointing) if pointing is not None else ()
        target = load(unit, targets[0], int(number)) if targets and number is not None else None
        found = target.get(name) if target is not None else None
    return replace(value, currency=str(found or ""))


def _add_many(unit: Unit, entity: Entity, table: EntityTable, records: Mapping[int, Record]) -> None:
    for field in entity.fields:
        if field.name in table.links:
            link = table.links[field.name]
            targets: dict[int, list[int]] = {}
            for part in _parts(list(records)):
                size, values = spread(part)
                of = remembered.statement(link, ("of", size), lambda link=link, size=size: _links_of(link, size))  # type: ignore[misc]
                for owner, target in of.rows(unit.connection, values):
                    targets.setdefault(owner, []).append(target)
            for number, record in records.items():
                record[field.name] = tuple(targets.get(number, ()))
        elif field.name in table.lines:
            lines = read_lines(unit, entity, field, table.lines[field.name], list(records))
            for number, record in records.items():
                record[field.name] = tuple(lines.get(number, ()))


def _links_of(link: sa.Table, size: int) -> Sent:
    chosen = sa.select(link.c.owner_id, link.c.target_id).where(within(link.c.owner_id, size))
    return Sent(chosen.order_by(link.c.owner_id, link.c.position))


def _lines_of(lines: sa.Table, size: int) -> Sent:
    chosen = sa.select(*lines.c).where(within(lines.c.owner_id, size))
    return Sent(chosen.order_by(lines.c.owner_id, lines.c.position, lines.c.id))


def _parts(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK)]


def read_lines(unit: Unit, entity: Entity, field: Field, lines: EntityTable, owners: Sequence[int]) -> dict[int, list[dict[str, Value]]]:
    """The lines of some records by owner, in their order."""
    found: dict[int, list[dict[str, Value]]] = {}
    names = [column.name for column in lines.table.c]
    for part in _parts(owners):
        size, values = spread(part)
        of = remembered.statement(lines.table, ("of", size), lambda size=size: _lines_of(lines.table, size))  # type: ignore[misc]
        for cells in of.rows(unit.connection, values):
            row = dict(zip(names, cells, strict=True))
            line: dict[str, Value] = {"id": row["id"], "position": row["position"]}
            for child in field.fields:
                columns = lines.columns.get(child.name)
                if columns:
                    line[child.name] = read(unit, entity, child, columns, row)
            found.setdefault(int(row["owner_id"]), []).append(line)
    return found


def first_id(unit: Unit, entity_name: str) -> int | None:
    """The oldest live record's id, None where there is none."""
    table = entity_table(unit.generation.entity(entity_name), unit.database.dialect).table
    return unit.connection.execute(sa.select(table.c.id).where(table.c.trashed_at.is_(None)).order_by(table.c.id).limit(1)).scalar()
