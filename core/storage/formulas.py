"""Expressions as a write meets them: checked once per entity, evaluated over one record and its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core.facts import Record, Value, same
from core.held import Held
from core.registry.generation import Generation
from core.storage import compile, later, rows
from core.storage.tables import EntityTable
from core.storage.unit import Unit
from schemas import expressions
from schemas.model import Entity, Field


class Formulas:
    """Evaluates declared expressions within one unit; remembers the neighbouring rows it read.

    Paths are followed with the system's eyes: what a declared rule reads belongs to the rule, not to the person.
    """

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._rows: dict[tuple[str, int], Record | None] = _shared(unit)

    def truth(
        self,
        entity: Entity,
        source: str,
        values: Mapping[str, Value],
        *,
        before: Mapping[str, Value] | None = None,
        parent: Record | None = None,
        line: Field | None = None,
    ) -> bool | None:
        """Three-valued outcome of a condition: True, False, or None for unknown."""
        found = self.value(entity, source, values, expect="boolean", before=before, parent=parent, line=line)
        return None if found is None else bool(found)

    def value(
        self,
        entity: Entity,
        source: str,
        values: Mapping[str, Value],
        *,
        expect: str | None = None,
        before: Mapping[str, Value] | None = None,
        parent: Record | None = None,
        line: Field | None = None,
    ) -> Value:
        """What the expression gives for these values; ``line`` and ``parent`` when it stands on a line."""
        typed = check(self.unit.generation, entity, source, expect, line)
        return expressions.evaluate(typed, self.env(entity, values, before=before, parent=parent, line=line))

    def env(
        self,
        entity: Entity,
        values: Mapping[str, Value],
        *,
        before: Mapping[str, Value] | None = None,
        parent: Record | None = None,
        line: Field | None = None,
    ) -> expressions.Env:
        """The environment of one record: its values, its neighbours, the actor and the given clock."""
        return expressions.Env(
            values=values,
            path=self.path(entity, values, parent=parent, line=line),
            actor=self.unit.actor,
            now=self.unit.now,
            today=today(self.unit),
            changed=lambda name: before is None or not same(before.get(name), values.get(name)),
            is_new=before is None,
            functions=self.unit.generation.functions(),
        )

    def path(
        self, entity: Entity, values: Mapping[str, Value], *, parent: Record | None = None, line: Field | None = None
    ) -> Callable[[str, str], Value]:
        """A reader of one-hop paths: ``(reference field, name of the target) -> value``."""

        def read(reference: str, name: str) -> Value:
            if reference == "parent" and parent is not None:
                return parent.get(name)
            declared = line.child(reference) if line is not None else field_of(entity, reference)
            target = values.get(reference)
            if declared is None or target is None or isinstance(target, tuple):
                return None
            if hasattr(target, "entity"):
                found = self.row(target.entity, target.id)
            else:
                to = self.unit.generation.targets(declared)
                found = self.row(to[0], int(target)) if to else None
            return None if found is None else found.get(name)

        return read

    def row(self, entity: str, number: int) -> Record | None:
        """A neighbouring record as it stands, trashed or not; None where there is none."""
        key = (entity, number)
        if key not in self._rows:
            self._rows[key] = rows.load(self.unit, entity, number)
        return self._rows[key]

    def forget(self, entity: str, number: int) -> None:
        """Read that neighbour again next time."""
        self._rows.pop((entity, number), None)


def _shared(unit: Unit) -> dict[tuple[str, int], Record | None]:
    """Neighbours already read in this unit: of a snapshot they stay as they are; a batch forgets those it writes."""
    if unit.writing:
        gathered = later.of(unit)
        return {} if gathered is None else gathered.rows
    found = unit.memory.setdefault(("neighbours", 0), {})
    return found if isinstance(found, dict) else {}


def check(
    generation: Generation, entity: Entity, source: str, expect: str | None = None, line: Field | None = None
) -> expressions.Typed:
    """The expression typed against the entity; kept for as long as the entity is served."""

    def prove() -> expressions.Typed:
        names = (
            expressions.names_of(entity, generation.entities, functions=generation.functions())
            if line is None
            else expressions.names_of(
                line_entity(entity, line), generation.entities, parent=entity, functions=generation.functions()
            )
        )
        return expressions.check(expressions.parse(source), names, expect)

    return _checked.get(entity, (source, expect, line.name if line is not None else ""), prove)


def line_entity(entity: Entity, line: Field) -> Entity:
    """A lines field seen as an entity of its own, so that rules over lines read like any other."""
    return _lines.get(
        entity,
        line.name,
        lambda: Entity(plugin=entity.plugin, name=f"{entity.name}.{line.name}", label=line.label, fields=line.fields),
    )


def today(unit: Unit) -> date:
    """The actor's calendar day at the unit's instant."""
    place = (f"today {unit.actor.zone}", 0)
    found = unit.memory.get(place)
    if not isinstance(found, tuple) or found[0] is not unit.now:  # demo data lets the clock of a unit run
        found = unit.memory[place] = (unit.now, unit.now.astimezone(ZoneInfo(unit.actor.zone or "UTC")).date())
    day: date = found[1]
    return day


def field_of(entity: Entity, name: str) -> Field | None:
    """The declared field of that name."""
    return entity.field(name)


_checked: Held[expressions.Typed] = Held(20_000)
_lines: Held[Entity] = Held(5_000, lambda line: (line,))


def clause(unit: Unit, entity: Entity, table: EntityTable, source: str) -> sa.ColumnElement[bool]:
    """The condition over the entity's own table, in SQL."""
    return compile.expression(source, entity, table, unit, at=table.table, expect="boolean")
