"""What the names in a record's log mean today.

The log tells fields by the names their stored shape had. One name may have meant another field then: that of another department,
of another type, or one that has left since. Only such names are looked up in the generations that were in force.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.facts import Value
from core.services.columns import kind_of
from core.services.flipping import loaded
from core.services.instants import naive
from core.storage.log import Changed, Entry
from core.storage.models import FieldColumn, Revision
from core.storage.unit import Unit
from schemas.model import Entity, Field

if TYPE_CHECKING:
    from core.services.platform import Platform

_registry = FieldColumn.__table__.c
_revision = Revision.__table__.c


def today(p: Platform, unit: Unit, entries: Sequence[Entry]) -> list[Entry]:
    """Entries of one record with each field under the name it has now; a field that is no more has a name that no field has."""
    entity = unit.generation.entities.get(entries[0].entity) if entries else None
    several = _several(unit, entity) if entity is not None else set()
    if entity is None or not several:
        return list(entries)
    now = {identity(one): one for one in entity.fields}
    then: dict[int, dict[str, Field]] = {}
    published = unit.connection.execute(sa.select(_revision.number, _revision.at)).all()
    found = []
    for entry in entries:
        if any(_bare(one.field) in several for one in entry.changes):
            moment = naive(entry.at)
            number = max((number for number, at in published if at <= moment), default=1)
            if number not in then:
                former = loaded(p, number, unit.generation, unit.generation.hooks).entities.get(entity.full_name)
                then[number] = {one.name: one for one in former.fields} if former is not None else {}
            changes = tuple(_meant(one, then[number], now) if _bare(one.field) in several else one for one in entry.changes)
            entry = replace(entry, changes=changes)
        found.append(entry)
    return found


def _several(unit: Unit, entity: Entity) -> set[str]:
    """The names that meant more than one field of the entity."""
    rows = unit.connection.execute(
        sa.select(_registry.name, _registry.department, _registry.overlay, _registry.type).where(_registry.entity == entity.full_name)
    )
    meanings = {(row.name, row.department, bool(row.overlay), row.type) for row in rows}
    meanings |= {(one.name, "", False, kind_of(one)) for one in entity.fields if not one.overlay}
    names = [name for name, *_ in meanings]
    return {name.partition(".")[0] for name in names if names.count(name) > 1}


def _bare(name: str) -> str:
    # In the union, a department's field may be called ``name__department``.
    return name.partition("__")[0]


def identity(one: Field) -> tuple[str, str, bool, str]:
    """What makes it the same field in two generations, whatever the union calls it."""
    return (_bare(one.name), one.scope, bool(one.overlay), kind_of(one))


def _meant(changed: Changed, then: dict[str, Field], now: dict[tuple[str, str, bool, str], Field]) -> Changed:
    was = then.get(changed.field)
    field = now.get(identity(was)) if was is not None else None
    if was is None or field is None:
        return replace(changed, field=f"{changed.field} (former)")
    if field.fields:
        kinds = {one.name: kind_of(one) for one in field.fields}
        gone = {one.name for one in was.fields if kinds.get(one.name) != kind_of(one)}
        return Changed(field.name, _without(changed.before, gone), _without(changed.after, gone))
    return replace(changed, field=field.name)


def _without(lines: Value, gone: set[str]) -> Value:
    if not gone or not isinstance(lines, tuple | list):
        return lines
    return tuple({name: cell for name, cell in line.items() if name not in gone} for line in lines)
