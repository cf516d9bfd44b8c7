"""Whether anything changed behind an open page: asked often, so it costs two small statements."""

from __future__ import annotations

from dataclasses import dataclass

from core.access.actor import Actor
from core.services.looking import reader
from core.services.platform import Platform
from core.storage import log

MOST = 200
"""More changes than this are no longer counted."""


@dataclass(frozen=True, slots=True)
class News:
    """``mark`` is where to ask on from; ``changed`` the ids of readable records that changed, ``gone`` of those that were moved
    to the trash, ``more`` that there were too many."""

    mark: int
    changed: tuple[int, ...] = ()
    more: bool = False
    gone: tuple[int, ...] = ()


def since(p: Platform, actor: Actor, entity: str, mark: int | None) -> News:
    """What of an entity changed after a mark; without one, the mark of this moment. Forbidden when it may not be read.

    Only records that the actor may read are told of, so that nobody can count what they may not see.
    """
    with p.read(actor) as unit:
        by = reader(unit, entity)
        newest = log.newest_id(unit)
        if mark is None or mark >= newest:
            return News(newest)
        numbers = log.changed_since(unit, entity, mark, MOST + 1)
        seen = by.get_many(numbers[:MOST], ())
        rest = [number for number in numbers[:MOST] if number not in seen]
        gone = by.get_many(rest, (), trashed=True) if rest else {}
    changed = tuple(number for number in numbers[:MOST] if number in seen)
    return News(newest, changed, len(numbers) > MOST, tuple(number for number in rest if number in gone))
