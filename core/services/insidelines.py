"""Columns of the fields within lines that an overlay adds: kept, brought back, or made new, like those of a plugin's own lines.

The registry learns of such a field when it leaves, changes its type or its places; one that was never touched has no row there
and the column named after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from core.fields import column_name
from core.registry.generation import Columns, Generation
from core.services.columns import Identity, added, kind_of
from core.storage.keys import new_id
from core.storage.models import FieldColumn
from schemas.model import Entity, Field, Overlay

_registry = FieldColumn.__table__.c


def registered(entity: str, lines: str, column: str) -> str:
    """What stands in the registry for a column of a child table; ``lines`` is the column name of the lines themselves."""
    return f"{entity} {lines} {column}"


def allot(
    connection: sa.Connection,
    bases: Mapping[str, Entity],
    overlays: Iterable[Overlay],
    generated: Mapping[Identity, Mapping[str, str]],
    before: Columns,
    restored: Columns | None,
    current: Generation | None,
) -> dict[Identity, dict[str, str]]:
    """The columns of the overlays with those within their lines, under ``lines.child``, where they are not named after them.

    ``generated`` are the columns of the overlays' fields themselves, ``before`` those in force with ``current``, ``restored``
    those of a generation whose documents are published again.
    """
    result = {identity: dict(names) for identity, names in generated.items()}
    for overlay in overlays:
        identity = overlay.identity
        base = bases.get(overlay.entity)
        lines = {name: one for name, one in added(base, overlay).items() if one.fields} if base is not None else {}
        former = _in_force(current, identity) if lines else {}
        for name, field in lines.items():
            stands = result[identity][name]
            was = former.get(name)
            same = was is not None and before.get(identity, {}).get(name) == stands
            there = {one.name: one for one in was.fields} if was is not None and same else {}
            for child in field.fields:
                key = f"{name}.{child.name}"
                place = _Place(connection, identity, key, stands)
                told = [names.get(identity, {}) for names in (restored, before) if names is not None]
                known = [names.get(key, "") for names in told if names.get(name) == stands]
                column = place.column(child, there.get(child.name), known)
                if column:
                    result[identity][key] = column
    return result


def _in_force(current: Generation | None, identity: Identity) -> dict[str, Field]:
    """What the overlay of that identity adds now."""
    if current is None or identity[0] not in current.entities:
        return {}
    for one in current.overlays_of(identity[0]):
        if one.identity == identity:
            return added(current.base(identity[0]), one)
    return {}


class _Place:
    """A field within lines: ``key`` is ``lines.child``, ``lines`` the column name of the lines."""

    def __init__(self, connection: sa.Connection, identity: Identity, key: str, lines: str) -> None:
        self.connection, self.identity, self.key, self.lines = connection, identity, key, lines

    def column(self, child: Field, was: Field | None, known: Sequence[str]) -> str:
        """Its column; "" is the one named after it. ``known`` are the columns it had, the wanted one first, the one in force last."""
        kind, own = kind_of(child), column_name(child)
        if was is not None and kind_of(was) != kind:
            # What the former type holds stays, for the day on which it comes back.
            self._know(known[-1] or own, kind_of(was))
        rows = self._rows()
        for column in known:
            one = rows.get(self._full(column or own))
            # Where nothing is registered, nothing ever left the column that is named after the field.
            if one is not None and one[0] == kind or not rows and not column:
                return column
        for full, (type, removed) in rows.items():
            if type == kind and not removed:
                dormant = full.rpartition(" ")[2]
                return "" if dormant == own else dormant
        return self._new(kind) if rows else ""

    def _rows(self) -> dict[str, tuple[str, bool]]:
        """The type of each registered column and whether it may be dropped, newest first."""
        entity, department, overlay = self.identity
        found = self.connection.execute(
            sa.select(_registry.column, _registry.type, _registry.removed_by)
            .where(
                _registry.entity == entity,
                _registry.department == department,
                _registry.overlay == overlay,
                _registry.name == self.key,
                _registry.column.startswith(self._full(""), autoescape=True),
            )
            .order_by(_registry.id.desc())
        )
        return {row.column: (row.type, row.removed_by is not None) for row in found}

    def _full(self, column: str) -> str:
        return registered(self.identity[0], self.lines, column)

    def _know(self, column: str, kind: str) -> None:
        if self._full(column) not in self._rows():
            self._insert(self._full(column), kind)

    def _new(self, kind: str) -> str:
        id = self._insert(self._full(f"new {self.key}"), kind)
        column = f"x_{id}"
        self.connection.execute(sa.update(FieldColumn).where(_registry.id == id).values(column=self._full(column)))
        return column

    def _insert(self, full: str, kind: str) -> int:
        entity, department, overlay = self.identity
        words = {"entity": entity, "department": department, "overlay": overlay, "name": self.key, "type": kind}
        return new_id(self.connection.execute(sa.insert(FieldColumn).values(**words, column=full)))
