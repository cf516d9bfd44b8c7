"""Numbers: ids known before the insert, and human keys drawn as late as possible within the transaction."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from core.facts import Record, Value
from core.storage import identifiers
from core.storage.models import SequenceRow
from core.storage.sent import Sent
from core.storage.tables import EntityTable
from core.storage.unit import Unit
from schemas.model import Entity, Field

if TYPE_CHECKING:
    from core.storage.formulas import Formulas

_table = SequenceRow.__table__
_TOKEN = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([0-9]{1,2}))?\}")


def id_sequence(table: str) -> str:
    """The name of PostgreSQL's sequence of a table's ids."""
    return identifiers.fitted(f"sq_{table}")


def next_id(unit: Unit, table: EntityTable) -> int:
    """The id of the next row; never one that was used before, though the row may be gone.

    PostgreSQL has a sequence for each table, so that writers do not queue for ids. On SQLite they stand in line anyway.
    """
    name = str(table.table.name)
    if unit.database.dialect == "postgresql":
        return int(unit.connection.execute(_next_of(name)).scalar_one())
    number = _advance(unit.connection, "sqlite", f"id:{name}")
    if number == 1:
        # The first draw: rows may have come with ids of their own.
        largest = unit.connection.execute(sa.select(sa.func.max(table.table.c.id))).scalar() or 0
        if largest:
            number = int(largest) + 1
            settle(unit.connection, name, number)
    return number


def settle(connection: sa.Connection, table: str, last: int) -> None:
    """Say that ids of the table up to ``last`` are used."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.setval(id_sequence(table), max(last, 1), last > 0)))
        return
    name = f"id:{table}"
    connection.execute(_table.delete().where(_table.c.name == name))
    connection.execute(_table.insert().values(name=name, value=last))


def draw(unit: Unit, entity: Entity, field: Field, record: Record, formulas: Formulas) -> str:
    """The next human key by the field's pattern. The counter restarts when any other token of the pattern changes.

    A rolled back unit gives its number back, so the series has no gap; that holds the counter until the unit ends.
    """
    pattern = next((rule.pattern for rule in field.number if not rule.when or formulas.truth(entity, rule.when, record)), "{seq:5}")
    if "{seq" not in pattern:
        pattern += "{seq:5}"
    text = _TOKEN.sub(lambda found: found[0] if found[1] == "seq" else _token(unit, entity, field, record, formulas, found[1]), pattern)
    number = _advance(unit.connection, unit.database.dialect, f"{entity.full_name}.{field.name}:{text}")
    return _TOKEN.sub(lambda found: str(number).zfill(int(found[2] or 1)), text)


def _token(unit: Unit, entity: Entity, field: Field, record: Record, formulas: Formulas, token: str) -> str:
    now = unit.now
    match token:
        case "YYYY":
            found = f"{now.year:04d}"
        case "YY":
            found = f"{now.year % 100:02d}"
        case "MM":
            found = f"{now.month:02d}"
        case "DD":
            found = f"{now.day:02d}"
        case "scope":
            names = field.unique if isinstance(field.unique, tuple) else ()
            found = "-".join(_spoken(entity, record, formulas, name) for name in names)
        case "company" if entity.field("company") is None:
            found = _company(record, formulas)
        case _:
            found = _spoken(entity, record, formulas, token)
    # What a person typed must not look like a token.
    return found.replace("{", "").replace("}", "")


def _company(record: Record, formulas: Formulas) -> str:
    """The code of the company of the record's department."""
    generation = formulas.unit.generation
    department, company = generation.provider("department"), generation.provider("company")
    number = record.get("department_id")
    if department is None or company is None or number is None:
        return ""
    row = formulas.row(department.full_name, int(number))
    found = row.get("company") if row is not None else None
    named = formulas.row(company.full_name, int(found)) if isinstance(found, int) else None
    return "" if named is None else str(named.get("code") or "")


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


@lru_cache(maxsize=4_000)
def _next_of(table: str) -> sa.Select[Any]:
    return sa.select(sa.Sequence(id_sequence(table)).next_value())


def _advance(connection: sa.Connection, dialect: str, name: str) -> int:
    return int(_advancing(dialect).rows(connection, {"name": name})[0][0])


@lru_cache(maxsize=2)
def _advancing(dialect: str) -> Sent:
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert  # here: a start on SQLite need not wait for it
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    statement = insert(_table).values(name=sa.bindparam("name"), value=1)
    taken = statement.on_conflict_do_update(index_elements=[_table.c.name], set_={"value": _table.c.value + 1})
    return Sent(taken.returning(_table.c.value))
