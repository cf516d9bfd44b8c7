"""References as a write meets them: what may be pointed at, and who points here.

An id that the actor may not read is refused with the same sentence as one that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from core.access.actor import Actor
from core.access.grant import grant
from core.errors import Invalid
from core.facts import EntityRef, Record, Value
from core.registry.generation import Generation
from core.storage import later, remembered, rows
from core.storage.formulas import Formulas
from core.storage.sent import Sent, spread, within
from core.storage.sight import Sight
from core.storage.tables import entity_table
from core.storage.unit import Unit
from schemas.model import Entity, Field

UNAVAILABLE = "This value is not available."
POINTERS = frozenset({"reference", "references", "person", "department", "any_reference"})


@dataclass(frozen=True, slots=True)
class Pointer:
    """One reference given in a record: where it stands, what it names, and whether the actor chose it."""

    error: str
    field: Field
    entity: str
    id: int
    given: bool
    values: Value = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """A field of ``entity`` that may point elsewhere; ``line`` is the lines field it stands in, else None."""

    entity: Entity
    field: Field
    line: Field | None = None


def check(
    unit: Unit,
    formulas: Formulas,
    entity: Entity,
    record: Record,
    before: Record | None,
    given: frozenset[str],
    actor: Actor,
) -> None:
    """Hold every new target until the unit ends, and raise Invalid for those that are not available.

    ``given``: fields whose values the actor chose; those targets must be readable for the actor and satisfy the
    picker's ``where``. Values set by rules and hooks need only exist.
    """
    pointers = list(_new_pointers(unit, entity, record, before, given))
    errors: dict[str, list[str]] = {}
    for name in {one.entity for one in pointers}:
        wanted = [one for one in pointers if one.entity == name]
        readable, alive = _available(unit, name, {one.id for one in wanted}, actor)
        for one in wanted:
            good = one.id in (readable if one.given else alive)
            if good and one.given and one.field.where:
                good = _fits(unit, formulas, entity, one, record)
            if not good:
                errors.setdefault(one.error, [UNAVAILABLE])
    if errors:
        raise Invalid(errors)


def _available(unit: Unit, name: str, numbers: set[int], actor: Actor) -> tuple[set[int], set[int]]:
    target = unit.generation.entities.get(name)
    if target is None:
        return set(), set()
    rights = grant(target, actor)
    readable, alive = set(), set()
    wanted = sorted(number for number in numbers if 0 < number < 2**63)
    if rights.scope("read").is_all:
        alive = _alive(unit, target, wanted)
        return alive, alive
    sight = Sight(unit, target, rights)
    for start in range(0, len(wanted), rows.CHUNK):
        select = (
            sa.select(sight.at.c.id, sight.readable())
            .where(sight.at.c.id.in_(wanted[start : start + rows.CHUNK]), sight.at.c.trashed_at.is_(None))
            .order_by(sight.at.c.id)
        )
        # A target held this way can change meanwhile, but cannot go to the trash before we commit.
        for number, seen in unit.connection.execute(rows.locked(unit, select, "key")):
            alive.add(number)
            if seen:
                readable.add(number)
    return readable, alive


def _alive(unit: Unit, target: Entity, wanted: Sequence[int]) -> set[int]:
    """Live records among ``wanted``, held as above; one statement for each table, compiled once."""
    row = entity_table(target, unit.database.dialect).table
    gathered = later.of(unit)
    held = {number for number in wanted if gathered is not None and (row.name, number) in gathered.alive}
    asked = [number for number in wanted if number not in held]
    seen: set[int] = set()
    for start in range(0, len(asked), rows.CHUNK):
        size, values = spread(asked[start : start + rows.CHUNK])
        living = remembered.statement(row, ("alive", size, unit.writing), lambda size=size: _living(unit, row, size))  # type: ignore[misc]
        seen.update(int(found[0]) for found in living.rows(unit.connection, values))
    if gathered is not None:
        gathered.alive.update((row.name, number) for number in seen)
    return held | seen


def _living(unit: Unit, row: sa.Table, size: int) -> Sent:
    chosen = sa.select(row.c.id).where(within(row.c.id, size), row.c.trashed_at.is_(None)).order_by(row.c.id)
    return Sent(rows.locked(unit, chosen, "key"))


def _fits(unit: Unit, formulas: Formulas, entity: Entity, one: Pointer, record: Record) -> bool:
    target = formulas.row(one.entity, one.id)
    return target is not None and formulas.truth(unit.generation.entity(one.entity), one.field.where, target) is True


def _new_pointers(
    unit: Unit, entity: Entity, record: Record, before: Record | None, given: frozenset[str]
) -> Iterator[Pointer]:
    for field in remembered.statement(entity, "pointers", lambda: _pointing_fields(entity)):
        value, old = record.get(field.name), before.get(field.name) if before is not None else None
        if value is None or value == old:
            continue
        chosen = field.name in given
        if field.type in POINTERS:
            yield from _pointers(unit, field, field.name, value, old, chosen, record)
        elif field.type == "lines":
            olds = {line.get("id"): line for line in old or ()}
            for line in value:
                previous = olds.get(line.get("id"), {})
                for child in field.fields:
                    if child.type in POINTERS and line.get(child.name) != previous.get(child.name):
                        yield from _pointers(
                            unit, child, field.name, line.get(child.name), previous.get(child.name), chosen, line
                        )


def _pointing_fields(entity: Entity) -> tuple[Field, ...]:
    return tuple(one for one in entity.fields if one.type in POINTERS or any(child.type in POINTERS for child in one.fields))


def _pointers(
    unit: Unit, field: Field, error: str, value: Value, old: Value, given: bool, values: Value
) -> Iterator[Pointer]:
    if value is None:
        return
    if isinstance(value, EntityRef):
        allowed = (values.get(field.chosen_by),) if field.chosen_by else field.to
        name = value.entity if not allowed or value.entity in allowed else ""
        yield Pointer(error, field, name, value.id, given, values)
        return
    name = next(iter(unit.generation.targets(field)), "")
    had = set(old) if isinstance(old, tuple) else set()
    for number in value if isinstance(value, tuple) else (value,):
        if number not in had:
            yield Pointer(error, field, name, int(number), given, values)


def inbound(generation: Generation, target: str) -> tuple[Inbound, ...]:
    """Every declared field, of records or of their lines, that may point at records of ``target``."""
    return (
        *(Inbound(entity, field) for entity, field in generation.referrers(target)),
        *(Inbound(entity, child, lines) for entity, lines, child in generation.line_referrers(target)),
    )


def pointing(unit: Unit, one: Inbound, target: str, number: int, *, trashed: bool = False) -> list[int]:
    """Ids of live (or trashed) records whose field points at that record, in order."""
    table = entity_table(one.entity, unit.database.dialect)
    record = table.table
    if one.line is not None:
        lines = table.lines[one.line.name]
        if one.field.name not in lines.columns:
            return []
        matches = _match(lines.columns[one.field.name], target, number)
        select = sa.select(record.c.id).where(record.c.id.in_(sa.select(lines.table.c.owner_id).where(matches)))
    elif one.field.name in table.links:
        link = table.links[one.field.name]
        select = sa.select(record.c.id).where(
            record.c.id.in_(sa.select(link.c.owner_id).where(link.c.target_id == number))
        )
    elif one.field.name in table.columns:
        select = sa.select(record.c.id).where(_match(table.columns[one.field.name], target, number))
    else:
        return []
    gone = record.c.trashed_at
    return list(
        unit.connection.execute(
            select.where(gone.is_not(None) if trashed else gone.is_(None)).order_by(record.c.id)
        ).scalars()
    )


def _match(columns: tuple[sa.Column[Value], ...], target: str, number: int) -> sa.ColumnElement[bool]:
    if len(columns) > 1:
        return sa.and_(columns[0] == number, columns[1] == target)
    return columns[0] == number


def without(record: Record, one: Inbound, number: int, target: str) -> Value:
    """The value of the pointing field (or of its lines field) with every mention of that record taken out."""
    if one.line is not None:
        return tuple(
            {**line, one.field.name: _less(line.get(one.field.name), number, target)}
            for line in record.get(one.line.name) or ()
        )
    return _less(record.get(one.field.name), number, target)


def _less(value: Value, number: int, target: str) -> Value:
    if isinstance(value, tuple):
        return tuple(one for one in value if one != number)
    if isinstance(value, EntityRef):
        return None if value == EntityRef(target, number) else value
    return None if value == number else value
