"""What a record was: read back from its log, newest change first undone, through today's rights."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

from core.access.actor import Actor
from core.facts import Record, Value
from core.services import looking, namesthen, publish
from core.services.platform import Platform
from core.storage import asof, log
from core.storage.unit import Unit
from schemas.model import Entity
from schemas.overlays import renamed


def at_version(p: Platform, unit: Unit, entity: Entity, current: Record, version: int) -> dict[str, Value]:
    """The record's own fields as the given version had them (all fields, for the write path only)."""
    values = {one.name: current.get(one.name) for one in entity.fields}
    for entry in namesthen.today(p, unit, log.since_version(unit, entity, current.id, version)):
        for changed in entry.changes:
            if changed.field in values:
                values[changed.field] = changed.before
    return values


def as_of(p: Platform, actor: Actor, entity: str, id: int, at: datetime) -> Record:
    """The record as it was at an instant, seen with today's rights. NotFound when it did not exist then."""
    with p.read(actor) as unit:
        by = looking.reader(unit, entity)
        record = asof.as_of(by, id, at, partial(namesthen.today, p, unit))
    looking.note(p, actor, by)
    return record


def shape_at(p: Platform, entity: str, department: str, at: datetime) -> Entity | None:
    """The entity as that department was shown it at an instant, by the generation in force then; None when there was none yet.

    Fields that are of another type today are left out: their values would be read wrong.
    """
    today = p.generation().entity(entity)
    number = max((one.number for one in publish.listed(p) if one.at <= at), default=1)
    former = publish.at(p, number)
    if entity not in former.entities:
        return None
    shape = former.shape(entity, department)
    now = {namesthen.identity(one): one.name for one in today.fields}
    shape = replace(shape, fields=tuple(one for one in shape.fields if namesthen.identity(one) in now))
    # A field may have stepped aside since for another department's, or have its plain name back.
    moved = {one.name: now[namesthen.identity(one)] for one in shape.fields}
    return renamed(shape, moved) if any(old != new for old, new in moved.items()) else shape
