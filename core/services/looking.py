"""Looking at records: the reading verbs that doors call, each in its own short read-only unit of work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from core.access.actor import Actor
from core.access.grant import Grant, grant
from core.errors import Forbidden
from core.facts import Record
from core.render import words
from core.services import namesthen
from core.services.actors import renewed
from core.services.platform import Platform
from core.storage import facets as counting
from core.storage import history as past
from core.storage import log, sensitive
from core.storage import search as index
from core.storage.facets import Facet
from core.storage.history import History
from core.storage.query import Group, Page, Query
from core.storage.reading import Reader, Rows
from core.storage.sight import faces
from core.storage.unit import HeadMoved, Unit
from schemas.model import Entity

MOST_FOUND = 50


@dataclass(frozen=True)
class Hit:
    """One record that a search over everything found."""

    entity: str
    id: int
    title: str | None


def get(
    p: Platform, actor: Actor, entity: str, number: int, fields: tuple[str, ...] | None = None, *, trashed: bool = False
) -> Record:
    """One record as the actor may see it. NotFound for an unknown and for an unreadable one alike."""
    with p.read(actor) as unit:
        by = reader(unit, entity)
        found = by.get(number, fields, trashed=trashed)
    note(p, actor, by)
    return found


def get_many(
    p: Platform, actor: Actor, entity: str, numbers: Iterable[int], fields: tuple[str, ...] | None = None
) -> dict[int, Record]:
    """Readable records by id; the others are left out."""
    with p.read(actor) as unit:
        by = reader(unit, entity)
        found = by.get_many(numbers, fields)
    note(p, actor, by)
    return found


def page(p: Platform, actor: Actor, entity: str, query: Query) -> Page:
    """One page of records. BadRequest for unknown or invisible names and for cursors of another list."""
    with p.read(actor) as unit:
        by = reader(unit, entity)
        found = by.page(query)
    note(p, actor, by)
    return found


def rows(p: Platform, actor: Actor, entity: str, query: Query) -> Rows:
    """The same page as plain rows, for compiled views."""
    with p.read(actor) as unit:
        by = reader(unit, entity)
        found = by.rows(query)
    note(p, actor, by)
    return found


def count(p: Platform, actor: Actor, entity: str, query: Query) -> tuple[int, bool]:
    """How many records match, at most 10,000, and whether there are more."""
    with p.read(actor) as unit:
        return reader(unit, entity).count(query)


def facets(p: Platform, actor: Actor, entity: str, query: Query, names: Iterable[str] | None = None) -> list[Facet]:
    """Counts by value of the named fields, or of the state and the quick filters."""
    with p.read(actor) as unit:
        return counting.facets(reader(unit, entity), query, names)


def lookup(
    p: Platform, actor: Actor, entity: str, q: str, limit: int = 20, where: str = "", only: Group | None = None
) -> list[tuple[int, str | None]]:
    """(id, title) for a picker: titles that begin with ``q`` first, then records whose words match."""
    with p.read(actor) as unit:
        return reader(unit, entity).lookup(q, limit, where, only)


def history(
    p: Platform, actor: Actor, entity: str, number: int, *, limit: int = 50, after: str | None = None
) -> History:
    """What happened to a record, newest first, with the values that the actor may see on it now."""
    with p.read(actor) as unit:
        return past.history(reader(unit, entity), number, limit=limit, after=after, meant=partial(namesthen.today, p, unit))


def find_key(p: Platform, actor: Actor, entity: str, text: str) -> int | None:
    """The id of the readable record with this human key, or None."""
    with p.read(actor) as unit:
        return reader(unit, entity).find_key(text)


def visible(p: Platform, actor: Actor, entity: str) -> frozenset[str]:
    """The fields the actor may name in sort, filter and fields. Needs no database."""
    declared = p.current.entity(entity)
    rights = grant(declared, actor)
    _demand(actor, declared, rights)
    return frozenset().union(*(face.visible for face in faces(declared, rights)))


def walk(
    p: Platform, actor: Actor, entity: str, query: Query, batch: int = 500, what: str = "shown", action: str = "read"
) -> Iterator[Record]:
    """All matching records in order, each batch in a short unit of its own: a long export holds nothing open.

    ``what`` is what the read log says of sensitive values: shown, exported or printed. ``action`` (export, print) keeps
    only the rows that this right reaches as well.
    """
    generation = p.current
    after: str | None = None
    first: list[int] = []
    number, told = 0, True
    try:
        while True:
            with p.read(actor, generation) as unit:
                by = reader(unit, entity)
                if action != "read":
                    by = Reader(unit, entity, by.rights.narrowed(action))
                found = by.page(replace(query, limit=batch, after=after, before=None, last=False, count=False))
            note(p, actor, by, what)
            told = what == "shown" or bool(by.noted) or (told and number > 0)
            number += len(found.items)
            first += [one.id for one in found.items[: sensitive.MOST_RECORDS - len(first)]]
            yield from found.items
            if found.next is None:
                return
            after = found.next
            # What was taken from somebody meanwhile is theirs no longer.
            actor = renewed(p, actor)
    finally:
        if not told:
            # Nothing sensitive was in it: one entry says all the same who took how many.
            _write(p, actor, lambda unit: sensitive.note(unit, entity, what, (), first, number))


def search(p: Platform, actor: Actor, q: str, limit: int = 5, entities: Iterable[str] | None = None) -> list[Hit]:
    """The newest ``limit`` records of every entity the actor may read whose words match."""
    found: list[Hit] = []
    if not index.words(q):
        return found
    query = Query(q=q, limit=limit, fields=(), sort=(("id", True),))
    with p.read(actor) as unit:
        for name in entities if entities is not None else tuple(unit.generation.entities):
            entity = unit.generation.entities.get(name)
            if entity is None or not _readable(actor, entity) or not index.searchable(entity):
                continue
            page = Reader(unit, name).rows(query)
            place = page.cells["display_title"].index
            found += [Hit(name, number, row[place]) for number, row in zip(page.ids, page.rows, strict=True)]
            if len(found) >= MOST_FOUND * limit:
                break
    return found


def of_several(p: Platform, actor: Actor, operations: Collection[str]) -> set[str]:
    """Those of the actor's own operations that reached more than one record."""
    with p.read(actor) as unit:
        return log.several(unit, operations)


def note(p: Platform, actor: Actor, by: Reader, what: str = "shown") -> None:
    """Log, in a short unit of its own, that sensitive values were read; nothing to do where there were none."""
    if not by.noted:
        return
    records = set().union(*by.noted.values())
    _write(p, actor, lambda unit: sensitive.note(unit, by.entity.full_name, what, tuple(by.noted), records))


def _write(p: Platform, actor: Actor, entry: Callable[[Unit], None]) -> None:
    for generation in (p.current, None):
        try:
            with p.write(actor, generation or p.generation()) as unit:
                entry(unit)
            return
        except HeadMoved:
            if generation is None:
                raise


def reader(unit: Unit, entity_name: str) -> Reader:
    """A reader for the unit's actor; Forbidden where no role or token scope reads the entity at all."""
    entity = unit.generation.entity(entity_name)
    rights = grant(entity, unit.actor)
    _demand(unit.actor, entity, rights)
    return Reader(unit, entity_name, rights)


def _readable(actor: Actor, entity: Entity) -> bool:
    return actor.scope_allows(entity.full_name, write=False) and grant(entity, actor).may("read")


def _demand(actor: Actor, entity: Entity, rights: Grant) -> None:
    if not actor.scope_allows(entity.full_name, write=False):
        raise Forbidden(
            f"This token does not cover reading {entity.full_name}; it needs the scope “read” "
            f"or “{entity.full_name}:read”."
        )
    if not rights.may("read"):
        readers = sorted(rule.role for rule in entity.access if rule.read != "none")
        whom = f"Roles that may: {', '.join(readers)}." if readers else "No role may."
        raise Forbidden(f"You may not read {words.plural(entity).lower()}. {whom} Ask an administrator for a role.")


__all__ = [
    "Hit",
    "count",
    "facets",
    "find_key",
    "get",
    "get_many",
    "history",
    "lookup",
    "page",
    "reader",
    "rows",
    "search",
    "visible",
    "walk",
]
