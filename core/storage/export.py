"""Whole tables as lines of JSON and back, the same from both engines: what backups are made of.

Tables are taken as they really are, with columns that no declaration names any more, so that nothing is left behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from core.storage import schema, sequences
from core.storage.database import Database
from core.storage.models import metadata
from core.storage.tables import Scaled

LEFT_OUT = frozenset({"session", "token", "invitation", "attempt", "idempotency_key"})
"""Tables whose rows are worth nothing elsewhere, or too much."""
_ROWS = 2_000


@dataclass(frozen=True)
class Column:
    """A column as both engines understand it. ``type``: text, integer, boolean, date, timestamp or scaled."""

    name: str
    type: str
    places: int = 0
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A table as it lies there."""

    name: str
    columns: tuple[Column, ...]

    def told(self) -> dict[str, Any]:
        """As plain JSON for a manifest."""
        return {"name": self.name, "columns": [asdict(one) for one in self.columns]}

    @staticmethod
    def read(raw: dict[str, Any]) -> Table:
        """Back from a manifest."""
        return Table(raw["name"], tuple(Column(**one) for one in raw["columns"]))


def tables(connection: sa.Connection) -> list[Table]:
    """Every table worth keeping, by name. Search indexes are made anew from the rows."""
    shape = schema.read(connection)
    found = []
    for name, columns in sorted(shape.tables.items()):
        # Search tables are called s_<plugin>_...; entities' tables have a double underscore after their plugin.
        searched = name.startswith("s_") and not name.startswith("s__")
        if name in LEFT_OUT or searched or name.startswith("sqlite_"):
            continue
        found.append(Table(name, tuple(_column(column, text, (name, column) in shape.required) for column, text in columns.items())))
    return found


def rows(connection: sa.Connection, table: Table) -> Iterator[bytes]:
    """The rows of a table, each a line of JSON: an array in the order of its columns."""
    raw = sa.table(table.name, *(sa.column(one.name) for one in table.columns))
    scaled = [(place, one.places) for place, one in enumerate(table.columns) if one.type == "scaled"]
    flags = [place for place, one in enumerate(table.columns) if one.type == "boolean"]
    result = connection.execute(sa.select(*raw.c).execution_options(yield_per=_ROWS))
    plain = connection.dialect.name == "sqlite"
    for chunk in result.partitions():
        for row in chunk:
            cells = list(row)
            if not plain:
                for place, places in scaled:
                    if cells[place] is not None:
                        cells[place] = int(cells[place].scaleb(places))
            for place in flags:
                if cells[place] is not None:
                    cells[place] = bool(cells[place])
            yield json.dumps(cells, ensure_ascii=False, separators=(",", ":"), default=_text).encode() + b"\n"


def create(connection: sa.Connection, table: Table) -> None:
    """Make the table unless it is there. Its indexes are a migration's matter."""
    if sa.inspect(connection).has_table(table.name):
        return
    names = {one.name for one in table.columns}
    key = {"id"} if "id" in names else {"owner_id", "target_id"} & names
    columns = [_real(one, key, connection.dialect.name) for one in table.columns]
    sa.Table(table.name, sa.MetaData(), *columns).create(connection)


def load(connection: sa.Connection, table: Table, lines: Iterable[bytes]) -> int:
    """Insert lines into an empty table; answers how many there were."""
    raw = sa.table(table.name, *(sa.column(one.name) for one in table.columns))
    readers = [(one.name, _reader(one, connection.dialect.name)) for one in table.columns]
    batch: list[dict[str, Any]] = []
    count = 0
    for line in lines:
        cells = json.loads(line)
        batch.append({name: read(cell) if cell is not None else None for (name, read), cell in zip(readers, cells, strict=True)})
        if len(batch) == _ROWS:
            connection.execute(raw.insert(), batch)
            count += len(batch)
            batch = []
    if batch:
        connection.execute(raw.insert(), batch)
    return count + len(batch)


def settle(database: Database, names: Sequence[str]) -> None:
    """Put every counter behind the ids that came with the rows."""
    with database.begin(writing=True) as connection:
        shape = schema.read(connection)
        for name in names:
            if "id" not in shape.tables.get(name, {}):
                continue
            last = int(connection.execute(sa.select(sa.func.max(sa.column("id"))).select_from(sa.table(name))).scalar() or 0)
            if sequences.id_sequence(name) in shape.sequences or (database.dialect == "sqlite" and "__" in name):
                sequences.settle(connection, name, last)
            elif name in metadata.tables and database.dialect == "postgresql" and last:
                own = sa.func.pg_get_serial_sequence(name, "id")
                if connection.execute(sa.select(own)).scalar() is not None:
                    connection.execute(sa.select(sa.func.setval(own, last)))


def _column(name: str, text: str, required: bool) -> Column:
    if text.startswith(("BIGINT(", "NUMERIC(")):
        return Column(name, "scaled", int(text.rstrip(")").rpartition("(")[2].rpartition(",")[2]), required)
    kinds = {"BIGINT": "integer", "INTEGER": "integer", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp"}
    return Column(name, kinds.get(text, "text"), 0, required)


def _real(one: Column, key: set[str], dialect: str) -> sa.Column[Any]:
    types: dict[str, Any] = {
        "integer": sa.Integer() if dialect == "sqlite" and one.name == "id" else sa.BigInteger(),
        "boolean": sa.Boolean(),
        "date": sa.Date(),
        "timestamp": sa.DateTime(),
        "text": sa.Text(collation="C") if dialect == "postgresql" else sa.Text(),
        "scaled": sa.Numeric(18, one.places) if dialect == "postgresql" else Scaled(one.places),
    }
    if one.name in ("version", "chain_length", "position"):
        types["integer"] = sa.Integer()
    default = None
    if one.required and one.type == "boolean":
        default = sa.text("false" if dialect == "postgresql" else "0")
    if one.name == "chain_length":
        default = sa.text("0")
    return sa.Column(one.name, types[one.type], primary_key=one.name in key, autoincrement=False, nullable=not one.required,
                     server_default=default)


def _reader(one: Column, dialect: str) -> Any:
    if dialect == "sqlite":
        return int if one.type == "boolean" else _as_is
    if one.type == "scaled":
        return lambda cell: Decimal(cell).scaleb(-one.places)
    return {"timestamp": datetime.fromisoformat, "date": date.fromisoformat}.get(one.type, _as_is)


def _as_is(cell: Any) -> Any:
    return cell


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"A cell of type {type(value).__name__} cannot be exported.")
