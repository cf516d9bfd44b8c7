"""One actor's sight of one entity: which rows, which fields on which rows, as SQL over one alias of its table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, FromClause

from core.access.grant import Grant, Scope, grant
from core.errors import BadRequest
from core.facts import SYSTEM_FIELDS
from core.fields import effective
from core.storage import compile, rules
from core.storage.formulas import check
from core.storage.query import field_of
from core.storage.tables import EntityTable, aliased, entity_table
from core.storage.unit import Unit
from schemas.expressions import ExpressionError, written
from schemas.model import Entity, Field

_NAMES = re.compile(r"[a-z_][a-z0-9_]*")
_BRACES = re.compile(r"\{([^{}]*)\}")
_MOVING = re.compile(r"\b(now|today)\s*\(")


@dataclass(frozen=True)
class Face:
    """The rows of some roles, and what these roles show there. ``rows`` empty means every row."""

    rows: tuple[Scope, ...]
    visible: frozenset[str]
    masked: frozenset[str]


class Sight:
    """Clauses and cells over ``at``, an alias of the entity's table; whatever is selected from records begins here."""

    def __init__(
        self, unit: Unit, entity: Entity, rights: Grant, root: Sight | None = None, at: FromClause | None = None
    ) -> None:
        self.unit = unit
        self.entity = entity
        self.rights = rights
        self.table: EntityTable = entity_table(entity, unit.database.dialect)
        self.faces = faces(entity, rights)
        self.moving = False
        """The clock went into a clause: a statement made of it is good for this instant only."""
        self._root = root or self
        self._at = at
        self._clauses: dict[Scope, ColumnElement[bool]] = {}

    @cached_property
    def at(self) -> FromClause:
        """This sight's own alias of the table, unless it was made over another's."""
        return aliased(self.table.table) if self._at is None else self._at

    @property
    def key(self) -> tuple[object, ...]:
        """By what statements over such a sight are remembered: alike keys, alike clauses and cells."""
        unit, actor = self.unit, self.unit.actor
        return (
            unit.generation.number,
            unit.database.likeness,
            self.entity.full_name,
            self.rights.purpose,
            actor.account,
            actor.person,
            actor.department,
            actor.department_code,
            actor.departments_below,
            actor.company,
            actor.company_departments,
            actor.teams,
            actor.teammates,
            actor.roles,
            actor.zone,
            actor.scopes,
            actor.is_system,
        )

    @property
    def alike(self) -> bool:
        """Every readable row shows the same fields."""
        return len(self.faces) <= 1

    def readable(self, *, trashed: bool = False) -> ColumnElement[bool]:
        """The rows this actor reads; the trash is another set of rows."""
        stamp = self.at.c.trashed_at
        return sa.and_(stamp.is_not(None) if trashed else stamp.is_(None), self.within(range(len(self.faces))))

    def within(self, numbers: Iterable[int]) -> ColumnElement[bool]:
        """The rows of any of these faces."""
        arms: list[ColumnElement[bool]] = []
        for number in numbers:
            if not self.faces[number].rows:
                return sa.true()
            arms.extend(self._clause(scope) for scope in self.faces[number].rows)
        return sa.or_(*arms) if arms else sa.false()

    def showing(self, name: str) -> tuple[int, ...]:
        """The numbers of the faces that show this field."""
        return tuple(number for number, face in enumerate(self.faces) if name in face.visible)

    def shown(self, name: str) -> ColumnElement[bool] | None:
        """Where this field shows: None for every readable row, else a clause (false when nowhere)."""
        numbers = self.showing(name)
        return None if len(numbers) == len(self.faces) and numbers else self.within(numbers)

    def may_name(self, name: str) -> bool:
        """Whether the actor may filter, sort or search by this field at all."""
        return bool(self.showing(name)) and self.field(name) is not None

    def field(self, name: str) -> Field | None:
        """The declared or system field."""
        return field_of(self.entity, name)

    def effective(self, field: Field) -> Field:
        """The field whose kind of value ``field`` shows."""
        return effective(field, self.unit.generation.entities, self.entity)

    def other(self, entity_name: str) -> Sight | None:
        """The same actor's sight of another entity over a fresh alias; None when there is no such entity."""
        entity = self.unit.generation.entities.get(entity_name)
        if entity is None:
            return None
        return Sight(self.unit, entity, grant(entity, self.unit.actor), self._root)

    def target(self, field: Field) -> str:
        """The entity a single or many reference points at, "" when it points at none or at several."""
        return target_of(field, self.unit)

    def cells(self, field: Field) -> tuple[ColumnElement[Any], ...]:
        """What stands on disk for this field, or is looked up or computed while reading, one expression per cell."""
        columns = self.table.columns.get(field.name)
        if columns is None and field.name in SYSTEM_FIELDS:
            return (self.at.c[field.name],)
        stored = tuple(self.at.c[column.name] for column in columns) if columns else ()
        if field.type == "lookup":
            looked = self._lookup(field)
            if stored and self.entity.kind == "document":
                frozen = self.at.c.posted_at.is_not(None)
                return tuple(sa.case((frozen, one), else_=two) for one, two in zip(stored, looked, strict=True))
            return looked
        if stored:
            return stored
        if field.type == "computed" and check(self.unit.generation, self.entity, field.formula).sql_able:
            self._watch(field.formula)
            # By its name: so the value has the places of the field.
            return (self.formula(written(field.name)),)
        return ()

    def condition(self, source: str) -> ColumnElement[bool]:
        """A filter in the expression language, kept from telling what this actor may not see.

        Where it reads a field that a row hides, or another record that is not readable, the row does not match.
        """
        try:
            typed = check(self.unit.generation, self.entity, source, "boolean")
        except ExpressionError as error:
            raise BadRequest(f"This filter cannot be read: {error.message} {error.remedy}".strip()) from error
        parts: list[ColumnElement[bool]] = [self.formula(source, "boolean")]
        for read in sorted(typed.reads):
            name, _, beyond = read.partition(".")
            shown = self.shown(name)
            if shown is not None:
                parts.append(shown)
            declared = self.field(name)
            if beyond and declared is not None:
                parts.append(self._open(declared, beyond))
        return sa.and_(*parts)

    def _open(self, reference: Field, name: str) -> ColumnElement[bool]:
        """Rows whose reference is empty, or leads to a record that shows the field ``name`` to this actor."""
        there = self.other(self.target(reference))
        if there is None:
            return sa.true()
        number = self.cells(reference)[0]
        seen = sa.select(sa.literal(1)).where(there.at.c.id == number, there.within(there.showing(name)))
        return sa.or_(number.is_(None), seen.correlate_except(there.at).exists())

    def formula(self, source: str, expect: str | None = None) -> ColumnElement[Any]:
        """An expression of the language over this alias."""
        self._watch(source)
        return compile.expression(source, self.entity, self.table, self.unit, at=self.at, expect=expect)

    def _watch(self, source: str) -> None:
        if _MOVING.search(source):
            self.watched()

    def watched(self) -> None:
        """What this sight is for has the clock in it."""
        self._root.moving = True

    def title(self, entity_name: str, number: ColumnElement[Any]) -> ColumnElement[Any]:
        """The readable title of the record ``number`` of that entity, else NULL."""
        return self._of_target(entity_name, number, "display_title")

    def title_key(self, entity_name: str, number: ColumnElement[Any]) -> ColumnElement[Any]:
        """The folded readable title, by which people's lists are sorted, else NULL."""
        return self._of_target(entity_name, number, "title_key")

    def _of_target(self, entity_name: str, number: ColumnElement[Any], column: str) -> ColumnElement[Any]:
        there = self.other(entity_name)
        if there is None:
            return sa.null()
        chosen = sa.select(there.at.c[column]).where(there.at.c.id == number, there.titled())
        return chosen.correlate_except(there.at).scalar_subquery()

    def titled(self) -> ColumnElement[bool]:
        """Live rows that are readable together with what their title tells."""
        return sa.and_(self.at.c.trashed_at.is_(None), self.within(self.showing("display_title")))

    def _lookup(self, field: Field) -> tuple[ColumnElement[Any], ...]:
        width = len(self.table.columns.get(field.name) or ()) or 1
        via = self.field(field.via)
        there = self.other(self.target(via)) if via is not None else None
        wanted = there.field(field.of) if there is not None else None
        if via is None or there is None or wanted is None:
            return (sa.null(),) * width
        reference = self.cells(via)[0]
        seen = there.within(there.showing(wanted.name))
        return tuple(
            sa.select(cell)
            .where(there.at.c.id == reference, there.at.c.trashed_at.is_(None), seen)
            .correlate_except(there.at)
            .scalar_subquery()
            for cell in there.cells(wanted)
        )

    def _clause(self, scope: Scope) -> ColumnElement[bool]:
        found = self._clauses.get(scope)
        if found is None:
            for source in scope.sources:
                self._watch(source)
            found = self._clauses[scope] = rules.clause(scope, self.entity, self.table, self.unit, at=self.at)
        return found


def faces(entity: Entity, rights: Grant) -> tuple[Face, ...]:
    """The grant's lenses, those alike put together, those that add nothing left out. No face: nothing is readable."""
    found = _faces.get(id(rights))
    # The grant lies in the entry: its id cannot be given to another one while the entry lives.
    if found is None or found[0] is not rights:
        if len(_faces) > 4_000:
            _faces.clear()
        found = _faces[id(rights)] = (rights, _made(entity, rights))
    return found[1]


_faces: dict[int, tuple[Grant, tuple[Face, ...]]] = {}


def _made(entity: Entity, rights: Grant) -> tuple[Face, ...]:
    title = title_fields(entity)
    together: dict[tuple[frozenset[str], frozenset[str]], list[Scope]] = {}
    for lens in rights.lenses:
        if lens.rows.is_none:
            continue
        visible = lens.visible | SYSTEM_FIELDS.keys()
        if not title <= lens.visible:
            # A title tells what its fields tell.
            visible -= {"display_title"}
        together.setdefault((frozenset(visible), lens.masked - visible), []).append(lens.rows)
    found = [
        Face(() if any(scope.is_all for scope in scopes) else tuple(dict.fromkeys(scopes)), *key)
        for key, scopes in together.items()
    ]
    kept = [
        face
        for number, face in enumerate(found)
        if not any(
            other is not face
            and not other.rows
            and face.visible <= other.visible
            and face.masked <= other.masked | other.visible
            and (face.rows or face.visible < other.visible or found.index(other) < number)
            for other in found
        )
    ]
    return tuple(kept)


def title_fields(entity: Entity) -> frozenset[str]:
    """The fields an entity's title is written from."""
    own = {field.name for field in entity.fields}
    if "{" not in entity.title:
        return frozenset({entity.title} & own)
    return frozenset(name for inside in _BRACES.findall(entity.title) for name in _NAMES.findall(inside) if name in own)


def target_of(field: Field, unit: Unit) -> str:
    """The one entity a reference, references, person or department field points at, else ""."""
    targets = unit.generation.targets(field)
    return targets[0] if len(targets) == 1 and field.type != "any_reference" else ""
