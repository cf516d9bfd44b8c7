"""What a record was: read back from its log, newest change first undone, through today's rights."""

from __future__ import annotations

from datetime import datetime

from core.access.actor import Actor
from core.access.grant import grant
from core.errors import NotFound
from core.facts import SYSTEM_FIELDS, Record, Value
from core.services import preparing, writes
from core.services.platform import Platform
from core.storage import log, rows
from core.storage.formulas import Formulas
from core.storage.unit import Unit
from schemas.model import Entity


def at_version(unit: Unit, entity: Entity, current: Record, version: int) -> dict[str, Value]:
    """The record's own fields as the given version had them (all fields, for the write path only)."""
    values = {one.name: current.get(one.name) for one in entity.fields}
    for entry in log.since_version(unit, entity, current.id, version):
        for changed in entry.changes:
            if changed.field in values:
                values[changed.field] = changed.before
    return values


def as_of(p: Platform, actor: Actor, entity: str, id: int, at: datetime) -> Record:
    """The record as it was at an instant, seen with today's rights. NotFound when it did not exist then."""
    with p.read(actor) as unit:
        shape = unit.generation.entity(entity)
        now = rows.load(unit, entity, id)
        if now is None or now["created_at"] > at:
            raise NotFound
        seen = writes.as_seen(unit, shape, actor, now)
        if "created_at" not in seen:
            raise NotFound
        entries = log.after(unit, shape, id, at)
        values: dict[str, Value] = dict(now)
        for entry in entries:
            for changed in entry.changes:
                values[changed.field] = changed.before
        made = Record(entity)
        rights = grant(shape, actor)
        then = Record(entity, {name: values.get(name) for name in now})
        allowed = preparing.rights_on(unit, Formulas(unit), shape, actor, now).visible
        for name in seen:
            if name in SYSTEM_FIELDS or name in allowed:
                made[name] = then.get(name) if name in then else seen.get(name)
        made.masked = seen.masked
        made.extra["rights"] = rights
        return made
