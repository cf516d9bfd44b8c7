"""Reading records: one actor's rows and fields of one entity, with labels, and nothing that the actor may not see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from core.access.grant import Grant, grant
from core.errors import NotFound
from core.facts import Record
from core.fields import Parsing, kind
from core.held import making
from core.storage import labels, paging, rows, search, shapes
from core.storage.filters import BEGINS
from core.storage.formulas import Formulas
from core.storage.paging import Found, Pager
from core.storage.planning import SMALL
from core.storage.query import Condition, Group, Page, Query
from core.storage.remembering import Remembered
from core.storage.sent import Sent, spread, within
from core.storage.shapes import Cell, Shape, shape_of
from core.storage.sight import Sight
from core.storage.stored import fit
from core.storage.unit import Unit
from schemas.model import Entity, Field, View

LARGEST_ID = 2**53 - 1
_CHUNK = 500


@dataclass
class Rows:
    """A page as plain rows for compiled views: ``rows[n][cell.index]`` is a value, ``rows[n][cell.label]`` its label.

    A value its reader may not see on that row is None. ``ids`` are the rows' ids.
    """

    cells: dict[str, Cell]
    rows: list[list[Any]]
    ids: list[int]
    next: str | None = None
    prev: str | None = None
    total: int | None = None
    total_is_capped: bool = False
    notes: tuple[str, ...] = ()


class Reader:
    """Records of one entity as the actor of ``unit`` may see them. Every statement begins with :meth:`readable`."""

    def __init__(self, unit: Unit, entity_name: str, rights: Grant | None = None) -> None:
        self.unit = unit
        self.entity: Entity = unit.generation.entity(entity_name)
        self.rights = rights if rights is not None else grant(self.entity, unit.actor)
        self.noted: dict[str, set[int]] = {}
        """Sensitive fields that were read, with the records whose values were there; whoever shows them logs it."""
        self.secret: bytes = unit.database.secret

    def sight(self) -> Sight:
        """A fresh alias of the entity's table with this actor's clauses."""
        return Sight(self.unit, self.entity, self.rights)

    def readable(self, sight: Sight, *, trashed: bool = False) -> ColumnElement[bool]:
        """The rows this actor reads, over the alias of ``sight``."""
        return sight.readable(trashed=trashed)

    def visible(self) -> frozenset[str]:
        """The fields the actor may name in sort, filter and fields: those that show on at least one row."""
        sight = self.sight()
        return frozenset().union(*(face.visible for face in sight.faces))

    def get(self, number: int, fields: tuple[str, ...] | None = None, *, trashed: bool = False) -> Record:
        """One record. NotFound when there is none, or the actor may not read it: the same answer."""
        found = self.get_many((number,), fields, trashed=trashed)
        if number not in found:
            raise NotFound
        return found[number]

    def get_many(
        self, numbers: Iterable[int], fields: tuple[str, ...] | None = None, *, trashed: bool = False
    ) -> dict[int, Record]:
        """Readable records by id; the others are left out."""
        wanted = [number for number in dict.fromkeys(numbers) if 0 < number <= LARGEST_ID]
        found: dict[int, Record] = {}
        if not wanted:
            return found
        for start in range(0, len(wanted), _CHUNK):
            size, values = spread(wanted[start : start + _CHUNK])
            shape, statement = self._by_id(fields, trashed, size)
            part_rows = statement.rows(self.unit.connection, values)
            found.update((record.id, record) for record in self._records(shape, part_rows))
        return found

    def page(self, query: Query) -> Page:
        """One page of records. BadRequest for unknown or invisible names and bad cursors."""
        found = self._pager(query).page()
        return Page(
            self._records(found.shape, found.rows),
            found.next,
            found.prev,
            found.total,
            found.total_is_capped,
            found.notes,
        )

    def rows(self, query: Query) -> Rows:
        """The same page as plain rows, without a mapping for each."""
        found = self._pager(query).page()
        done, ids = self._finished(found.shape, found.rows)
        return Rows(
            found.shape.by_name, done, ids, found.next, found.prev, found.total, found.total_is_capped, found.notes
        )

    def count(self, query: Query) -> tuple[int, bool]:
        """How many records match, at most 10,000, and whether there are more."""
        return self._pager(query).count()

    def walk(self, query: Query, batch: int = 500) -> Iterator[Record]:
        """All matching records in the query's order, page by page."""
        after: str | None = None
        while True:
            page = self.page(replace(query, limit=batch, after=after, before=None, last=False, count=False))
            yield from page.items
            if page.next is None:
                return
            after = page.next

    def default_sort(self) -> tuple[tuple[str, bool], ...]:
        """The order of the default view as this actor is shown it, else newest first."""
        view = default_view(self.unit.generation.shape(self.entity.full_name, self.unit.actor.department_code))
        sight = self.sight()
        names = ((part.lstrip("-+"), part.startswith("-")) for part in (view.sort if view else ()))
        return tuple((name, down) for name, down in names if sight.may_name(name)) or (("id", True),)

    def lookup(
        self, q: str, limit: int = 20, where: str = "", only: Group | None = None
    ) -> list[tuple[int, str | None]]:
        """(id, title) of records for a picker: titles that begin with ``q``, records whose words match, titles with ``q`` inside.

        ``where`` is the picker's filter over this entity; ``only`` further conditions.
        """
        base = Query(where=only, expression=where, limit=limit, fields=(), sort=(("display_title", False),))
        if not q.strip():
            return self._titles(base)
        begins = Condition("display_title", BEGINS, (q.strip(),))
        parts = (begins,) if only is None else (begins, only)
        found: list[tuple[int, str | None]] = []
        if self.sight().may_name("display_title"):
            found = self._titles(replace(base, where=Group(False, parts)))
        if len(found) < limit and search.words(q):
            known = {number for number, _ in found}
            hits = self._titles(replace(base, q=q, sort=(("id", True),)))
            found += [hit for hit in hits if hit[0] not in known]
        if len(found) < limit and self.sight().may_name("display_title"):
            # Titles are made of other records' titles too, which are not among the words of this one.
            inside = Condition("display_title", "contains", (q.strip(),))
            known = {number for number, _ in found}
            hits = self._titles(replace(base, where=Group(False, (inside,) if only is None else (inside, only))))
            found += [hit for hit in hits if hit[0] not in known]
        return found[:limit]

    def find_key(self, text: str) -> int | None:
        """The id of the readable record with this human key, or None. Several fields are joined by `` / ``."""
        names = key_fields(self.entity)
        parts = [part.strip() for part in text.split(" / ")] if len(names) > 1 else [text.strip()]
        if not names or len(parts) != len(names):
            return None
        statement, places = self._by_key(names)
        if statement is None:
            return None
        cells: dict[str, object] = {}
        for number, ((target, held), part) in enumerate(zip(places, parts, strict=True)):
            try:
                value = Reader(self.unit, target).find_key(part) if target else kind(held).from_text(held, part, Parsing())
            except ValueError:
                return None
            if value is None:
                return None
            cells[f"key{number}"] = kind(held).to_row(held, value, self.unit.database.dialect)[0]
        found = statement.rows(self.unit.connection, cells)
        return int(found[0][0]) if len(found) == 1 else None

    def _by_key(self, names: tuple[str, ...]) -> _ByKey:
        """The statement that finds a record by its human key (None: a part of it may not be named), and what each part is."""
        sight = self.sight()
        key = (sight.key, names)
        found = _KEYS.get(key)
        if found is not None:
            return found
        with making:
            places, clauses = [], []
            for number, name in enumerate(names):
                declared = sight.field(name)
                if declared is None or not sight.may_name(name):
                    return None, ()
                shown, cell = sight.shown(name), sight.cells(declared)[0]
                asked = cell == sa.bindparam(f"key{number}", type_=cell.type)
                clauses.append(asked if shown is None else sa.and_(shown, asked))
                places.append((sight.target(declared), sight.effective(declared)))
            chosen = sa.select(sight.at.c.id).where(sight.readable(), *clauses).limit(2)
            found = (Sent(chosen, bare=True), tuple(places))
            if not sight.moving:
                _KEYS.put(key, found)
            return found

    def _titles(self, query: Query) -> list[tuple[int, str | None]]:
        found = self.rows(query)
        place = found.cells["display_title"].index
        return [(number, row[place]) for number, row in zip(found.ids, found.rows, strict=True)]

    def _pager(self, query: Query) -> Pager:
        if not query.sort:
            query = replace(query, sort=(("id", True),) if query.q.strip() else self.default_sort())
        return Pager(self.unit, self.entity, self.rights, query, self.secret)

    def _by_id(self, fields: tuple[str, ...] | None, trashed: bool, size: int) -> tuple[Shape, Sent]:
        sight = self.sight()
        key = (sight.key, fields, trashed, size)
        found = _BY_ID.get(key)
        if found is not None:
            return found
        with making:
            found = _BY_ID.get(key)
            if found is None:
                shape = shape_of(sight, fields)
                over = Sight(self.unit, self.entity, self.rights, sight, shape.at)
                statement = sa.select(*shape.columns).where(within(shape.at.c.id, size), over.readable(trashed=trashed))
                found = (shape, Sent(statement, bare=True))
                if not sight.moving:
                    _BY_ID.put(key, found)
            return found

    def _finished(self, shape: Shape, found: Sequence[Any]) -> tuple[list[list[Any]], list[int]]:
        if not found:
            return [], []  # whoever may see no field at all has no row either
        done = [shape.finish(row) for row in found]
        place = shape.by_name["id"].index
        ids = [int(row[place]) for row in done]
        if done:
            for one in shape.beside:
                labels.fetch(self.unit, one, done, ids)
            if shape.anywhere:
                labels.titles(self.sight(), done, (cell.index for cell in shape.anywhere))
            if shape.late:
                self._compute(shape, done, ids)
            if (shape.beside or shape.late) and shape.bits:
                for row, raw in zip(done, found, strict=True):
                    shape.withhold(raw, row)
        for cell in shape.sensitive:
            seen = {number for number, row in zip(ids, done, strict=True) if row[cell.index] not in (None, ())}
            if seen:
                self.noted.setdefault(cell.name, set()).update(seen)
        return done, ids

    def _compute(self, shape: Shape, done: list[list[Any]], ids: list[int]) -> None:
        """Volatile formulas that only the interpreter can compute; what they read belongs to the rule."""
        whole, formulas = rows.load_many(self.unit, self.entity.full_name, ids), Formulas(self.unit)
        for row, number in zip(done, ids, strict=True):
            for cell in shape.late:
                value = formulas.value(self.entity, cell.field.formula, whole[number])
                row[cell.index] = fit(cell.shown, value)

    def _records(self, shape: Shape, found: Sequence[Any]) -> list[Record]:
        done, _ = self._finished(shape, found)
        return [shape.record(raw, row) for raw, row in zip(found, done, strict=True)]


def default_view(shape: Entity) -> View | None:
    """The view an entity opens with: the one marked so, else the first list."""
    return next((view for view in shape.views if view.default), None) or next(
        (view for view in shape.views if view.kind == "list"), None
    )


def key_fields(entity: Entity) -> tuple[str, ...]:
    """The human key: ``key``, else the sequence, else the only required unscoped unique text; () without one."""
    if entity.key:
        return entity.key
    sequence = [field.name for field in entity.fields if field.type == "sequence"]
    if sequence:
        return (sequence[0],)
    texts = [field.name for field in entity.fields if field.type == "text" and field.required and field.unique is True]
    return (texts[0],) if len(texts) == 1 else ()


_ByKey = tuple[Sent | None, tuple[tuple[str, Field], ...]]
_BY_ID: Remembered[tuple[Shape, Sent]] = Remembered(512)
_KEYS: Remembered[_ByKey] = Remembered(256)


def forget() -> None:
    """Forget the statements made for a generation; they are built anew when they are asked for."""
    _BY_ID.clear()
    _KEYS.clear()
    shapes.forget()
    paging.forget()


__all__ = ["Found", "Reader", "Rows", "SMALL", "default_view", "key_fields"]
