"""What a record has beside its row: the links of many-valued references, and its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.facts import Record, Value, same
from core.storage import sequences
from core.storage.cells import cells_of
from core.storage.formulas import line_entity
from core.storage.tables import EntityTable
from core.storage.unit import Unit
from schemas.model import Entity, Field


def write(unit: Unit, entity: Entity, table: EntityTable, record: Record, before: Record | None) -> None:
    """Bring links and lines to what ``record`` says; new lines get their ids, in the record too."""
    for field in entity.fields if table.links or table.lines else ():
        if field.name not in table.links and field.name not in table.lines:
            continue
        value, old = record.get(field.name) or (), (before.get(field.name) if before is not None else None) or ()
        if same(value, old):
            continue
        if field.name in table.links:
            _write_links(unit, table, record.id, field, value, old)
        else:
            record[field.name] = _write_lines(unit, entity, table, record.id, field, value, old)


def _write_links(unit: Unit, table: EntityTable, owner: int, field: Field, value: Sequence[int], old: Sequence[int]) -> None:
    link = table.links[field.name]
    if old:
        unit.connection.execute(link.delete().where(link.c.owner_id == owner))
    if value:
        unit.connection.execute(
            link.insert(),
            [{"owner_id": owner, "target_id": target, "position": position} for position, target in enumerate(value, start=1)],
        )


def _write_lines(
    unit: Unit,
    entity: Entity,
    table: EntityTable,
    owner: int,
    field: Field,
    value: Sequence[Mapping[str, Value]],
    old: Sequence[Mapping[str, Value]],
) -> tuple[dict[str, Value], ...]:
    lines = table.lines[field.name]
    twin = line_entity(entity, field)
    names = [child.name for child in field.fields if child.name in lines.columns]
    before = {line["id"]: line for line in old}
    gone = before.keys() - {line.get("id") for line in value}
    if gone:
        unit.connection.execute(lines.table.delete().where(lines.table.c.owner_id == owner, lines.table.c.id.in_(gone)))
    written: list[dict[str, Value]] = []
    for position, line in enumerate(value, start=1):
        made = {**line, "position": position}
        cells = cells_of(unit, twin, lines, made, names) | {"position": position}
        number = made.get("id")
        if number is None:
            made["id"] = sequences.next_id(unit, lines)
            unit.connection.execute(lines.table.insert(), {"id": made["id"], "owner_id": owner, **cells})
        elif not same(made, before.get(number)):
            unit.connection.execute(
                lines.table.update().where(lines.table.c.owner_id == owner, lines.table.c.id == number).values(**cells)
            )
        written.append(made)
    return tuple(written)
