"""Numbers: ids known before the insert, and human keys drawn as late as possible within the transaction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from core.facts import Record, Value
from core.storage.models import SequenceRow
from core.storage.tables import EntityTable
from core.storage.unit import Unit
from schemas.model import Entity, Field

if TYPE_CHECKING:
    from core.storage.formulas import Formulas

_table = SequenceRow.__table__
_TOKEN = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([0-9]{1,2}))?\}")
_BLOCK = 50


def next_id(unit: Unit, table: EntityTable) -> int:
    """The id of the next row. On PostgreSQL a process takes ids in small blocks, so that writers do not queue for them."""
    name = f"id:{table.table.name}"
    if unit.database.dialect != "postgresql":
        return _next(unit, name)
    key = (id(unit.database), name)
    block = _blocks.get(key)
    if not block:
        # Its own short transaction: ids may have gaps, and nobody waits for the caller's commit.
        with unit.database.engine.connect() as connection, connection.begin():
            last = _advance(connection, "postgresql", name, _BLOCK)
        block = _blocks[key] = list(range(last, last - _BLOCK, -1))
    return block.pop()


_blocks: dict[tuple[int, str], list[int]] = {}


def draw(unit: Unit, entity: Entity, field: Field, record: Record, formulas: Formulas) -> str:
    """The next human key by the field's pattern. The counter restarts when any other token of the pattern changes."""
    pattern = next((rule.pattern for rule in field.number if not rule.when or formulas.truth(entity, rule.when, record)), "{seq:5}")
    places = {"width": 5}

    def fill(found: re.Match[str]) -> str:
        token, width = found[1], found[2]
        if token == "seq":
            places["width"] = int(width or 1)
            return "\x00"
        return _token(unit, entity, field, record, formulas, token)

    text = _TOKEN.sub(fill, pattern)
    number = _next(unit, f"{entity.full_name}.{field.name}:{text}")
    return text.replace("\x00", str(number).zfill(places["width"]))


def _token(unit: Unit, entity: Entity, field: Field, record: Record, formulas: Formulas, token: str) -> str:
    now = unit.now
    match token:
        case "YYYY":
            return f"{now.year:04d}"
        case "YY":
            return f"{now.year % 100:02d}"
        case "MM":
            return f"{now.month:02d}"
        case "DD":
            return f"{now.day:02d}"
        case "scope":
            names = field.unique if isinstance(field.unique, tuple) else ()
            return "-".join(_spoken(entity, record, formulas, name) for name in names)
    return _spoken(entity, record, formulas, token)


def _spoken(entity: Entity, record: Record, formulas: Formulas, name: str) -> str:
    value: Value = record.get(name)
    declared = entity.field(name)
    if declared is None or value is None:
        return "" if value is None else str(value)
    targets = formulas.unit.generation.targets(declared)
    if targets and isinstance(value, int):
        row = formulas.row(targets[0], value)
        return "" if row is None else str(row.get("code") or row.get("display_title") or value)
    return str(value)


def _next(unit: Unit, name: str) -> int:
    return _advance(unit.connection, unit.database.dialect, name, 1)


def _advance(connection: sa.Connection, dialect: str, name: str, by: int) -> int:
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(_table).values(name=name, value=by)
    statement = statement.on_conflict_do_update(index_elements=[_table.c.name], set_={"value": _table.c.value + by}).returning(_table.c.value)
    return int(connection.execute(statement).scalar_one())
