"""A record's values as the columns of its row, and of its lines, hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.facts import Value
from core.fields import FieldKind, kind
from core.storage import remembered, rows
from core.storage.tables import EntityTable
from core.storage.unit import Unit
from schemas.model import Entity, Field


def cells_of(unit: Unit, entity: Entity, table: EntityTable, record: Mapping[str, Value], names: Iterable[str]) -> dict[str, object]:
    """The named fields as column values, sort keys included; secrets are locked."""
    cells: dict[str, object] = {}
    places = remembered.statement(table, ("places", id(entity)), lambda: _places(unit, entity, table))
    for name in names:
        shown, reader, columns, key, blank = places[name]
        value = record.get(name)
        if value is None:  # as most fields of most records are
            cells.update(blank)
            continue
        if shown.type == "secret":
            value = unit.database.vault.lock(value)
        for column, cell in zip(columns, reader.to_row(shown, value, unit.database.dialect), strict=True):
            cells[column] = cell
        if key:
            cells[key] = reader.sort_key(shown, value)
    return cells


_Place = tuple[Field, FieldKind, tuple[str, ...], str, Mapping[str, object]]


def _places(unit: Unit, entity: Entity, table: EntityTable) -> dict[str, _Place]:
    """For each field that has columns: what it shows, its kind, the columns' names, that of its sort key, and the cells of
    no value."""
    found: dict[str, _Place] = {}
    for field in entity.fields:
        columns = table.columns.get(field.name)
        if columns:
            shown, key = rows.shown_as(unit.generation, entity, field), table.key.get(field.name)
            reader, names = kind(shown), tuple(str(one.name) for one in columns)
            blank = dict(zip(names, reader.to_row(shown, None, unit.database.dialect), strict=True))
            if key is not None:
                blank[str(key.name)] = reader.sort_key(shown, None)
            found[field.name] = shown, reader, names, str(key.name) if key is not None else "", blank
    return found
