"""Whether the database still has the shape it was last brought to: a cheap look, before every column is compared.

A mark says which generation was found to lack nothing, by which program, and how the database's own schema looked then. It
holds as long as all three are the same: any statement that changes a table, by whomever, ends it.
"""

from __future__ import annotations

import hashlib
import sys
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa

import core
import schemas
from core.errors import Busy
from core.storage import head
from core.storage.database import Database
from core.storage.models import Setting

_NAME = "settled"
_PROGRAM = ("storage", "fields")
"""The rooms of the core that decide how tables look."""

_class = sa.table("pg_class", sa.column("oid"), sa.column("relname"), sa.column("relnamespace"))
_namespace = sa.table("pg_namespace", sa.column("oid"), sa.column("nspname"))
_attribute = sa.table("pg_attribute", sa.column("attrelid"), sa.column("attname"), sa.column("atttypid"), sa.column("atttypmod"),
                      sa.column("attnum"), sa.column("attnotnull"), sa.column("attisdropped"))
_index = sa.table("pg_index", sa.column("indexrelid"), sa.column("indisvalid"))
_trigger = sa.table("pg_trigger", sa.column("oid"), sa.column("tgrelid"))


def is_settled(database: Database) -> bool:
    """Whether the generation in force was found to lack nothing, and nobody changed a table since."""
    with database.begin(writing=False) as connection:
        if not sa.inspect(connection).has_table(Setting.__tablename__):
            return False
        told = connection.scalar(sa.select(Setting.value).where(Setting.name == _NAME))
        return told is not None and told == _mark(connection)


def note(database: Database, number: int) -> None:
    """Say that the generation ``number`` lacks nothing, if it is still in force. When others are writing, the next start says it."""
    try:
        with database.begin(writing=True) as connection:
            if head.number(connection) == number:
                connection.execute(sa.delete(Setting).where(Setting.name == _NAME))
                connection.execute(sa.insert(Setting).values(name=_NAME, value=_mark(connection)))
    except Busy:
        return


def _mark(connection: sa.Connection) -> str:
    look = _sqlite(connection) if connection.dialect.name == "sqlite" else _postgresql(connection)
    return f"{head.number(connection)} {_program()} {look}"


def _sqlite(connection: sa.Connection) -> str:
    """SQLite counts every change of its schema."""
    version = sa.func.pragma_schema_version().table_valued("schema_version")
    return str(connection.scalar(sa.select(version.c.schema_version)))


def _postgresql(connection: sa.Connection) -> str:
    """A hash of all columns of all tables and indexes, and how many indexes are whole and how many triggers there are."""
    from sqlalchemy.dialects import postgresql  # here: a start on SQLite need not wait for it

    here = (
        sa.select(_class.c.oid)
        .join_from(_class, _namespace, _namespace.c.oid == _class.c.relnamespace)
        .where(_namespace.c.nspname == sa.func.current_schema())
    )
    one = _attribute.c
    told = sa.func.concat_ws(" ", one.attrelid, one.attname, one.atttypid, one.atttypmod, one.attnotnull, one.attisdropped)
    ordered = postgresql.aggregate_order_by(sa.literal("\n"), one.attrelid, one.attnum)
    columns = sa.select(sa.func.md5(sa.func.string_agg(told, ordered))).where(one.attrelid.in_(here), one.attnum > 0)
    whole = sa.select(sa.func.count()).where(_index.c.indexrelid.in_(here), _index.c.indisvalid)
    triggers = sa.select(sa.func.count()).where(_trigger.c.tgrelid.in_(here))
    row = connection.execute(sa.select(columns.scalar_subquery(), whole.scalar_subquery(), triggers.scalar_subquery())).one()
    return " ".join(str(one) for one in row)


@lru_cache(maxsize=1)
def _program() -> str:
    """A hash of the program that says how tables look: another version of it may say otherwise."""
    roots = [*(Path(root) for root in schemas.__path__), *(Path(root) / room for root in core.__path__ for room in _PROGRAM)]
    seen = hashlib.sha256(f"{sys.version} {sa.__version__}".encode())
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            seen.update(path.read_bytes())
    return seen.hexdigest()[:16]
