"""What the database really looks like: its tables with column types, indexes, triggers and sequences, in few statements."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import sqlalchemy as sa

_master = sa.table("sqlite_master", sa.column("type"), sa.column("name"), sa.column("tbl_name"))
_class = sa.table("pg_class", sa.column("oid"), sa.column("relname"), sa.column("relkind"), sa.column("relnamespace"))
_namespace = sa.table("pg_namespace", sa.column("oid"), sa.column("nspname"))
_attribute = sa.table("pg_attribute", sa.column("attrelid"), sa.column("attname"), sa.column("atttypid"), sa.column("atttypmod"),
                      sa.column("attnum"), sa.column("attisdropped"), sa.column("attnotnull"))
_index = sa.table("pg_index", sa.column("indexrelid"), sa.column("indrelid"), sa.column("indisvalid"))
_trigger = sa.table("pg_trigger", sa.column("tgname"), sa.column("tgrelid"), sa.column("tgisinternal"))
_FEW = 200


@dataclass
class Shape:
    """``tables``: column types by table and column; ``indexes``: table by index; ``broken``: indexes left half built;
    ``holding``: on SQLite, (table, column) to the indexes that hold the column; ``required``: columns that are never empty.
    """

    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    indexes: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    triggers: dict[str, str] = field(default_factory=dict)
    sequences: set[str] = field(default_factory=set)
    required: set[tuple[str, str]] = field(default_factory=set)
    holding: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _by_table: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def indexes_of(self, table: str) -> list[str]:
        """The names of a table's indexes."""
        if not self._by_table:
            for name, of in self.indexes.items():
                self._by_table.setdefault(of, []).append(name)
        return [name for name in self._by_table.get(table, ()) if name in self.indexes]


def read(connection: sa.Connection, names: Collection[str] | None = None) -> Shape:
    """The shape as it is now; of these tables only, when ``names`` is given and short (others may be left out)."""
    wanted = sorted(names) if names is not None and len(names) <= _FEW else None
    return _sqlite(connection, wanted) if connection.dialect.name == "sqlite" else _postgresql(connection, wanted)


def plain(type_text: str) -> str:
    """A type's name so that declared and real ones can be compared."""
    text = type_text.upper().split(" COLLATE")[0].replace(" ", "")
    return {"TIMESTAMPWITHOUTTIMEZONE": "TIMESTAMP", "DATETIME": "TIMESTAMP"}.get(text, text)


def _sqlite(connection: sa.Connection, wanted: list[str] | None) -> Shape:
    found = Shape()
    chosen = sa.true() if wanted is None else _master.c.tbl_name.in_(wanted)
    for kind, name, table in connection.execute(sa.select(_master.c.type, _master.c.name, _master.c.tbl_name).where(chosen)):
        if kind == "index":
            found.indexes[name] = table
        elif kind == "trigger":
            found.triggers[name] = table
        elif kind == "table":
            found.tables[name] = {}
    info = sa.func.pragma_table_info(_master.c.name).table_valued("name", "type", "notnull", name="info", joins_implicitly=True)
    columns = sa.select(_master.c.name, info.c.name, info.c.type, info.c.notnull).where(_master.c.type == "table", chosen)
    for table, column, type_text, required in connection.execute(columns):
        found.tables[table][column] = plain(type_text or "")
        if required:
            found.required.add((table, column))
    parts = sa.func.pragma_index_info(_master.c.name).table_valued("name", name="parts", joins_implicitly=True)
    held = sa.select(_master.c.tbl_name, parts.c.name, _master.c.name).where(_master.c.type == "index", chosen)
    for table, column, index in connection.execute(held):
        found.holding.setdefault((table, column), []).append(index)
    return found


def _postgresql(connection: sa.Connection, wanted: list[str] | None) -> Shape:
    found = Shape()
    here = _class.join(_namespace, sa.and_(_namespace.c.oid == _class.c.relnamespace, _namespace.c.nspname == sa.func.current_schema()))
    chosen = sa.true() if wanted is None else _class.c.relname.in_(wanted)
    type_text = sa.func.format_type(_attribute.c.atttypid, _attribute.c.atttypmod)
    columns = (
        sa.select(_class.c.relname, _attribute.c.attname, type_text, _attribute.c.attnotnull)
        .select_from(here.join(_attribute, _attribute.c.attrelid == _class.c.oid))
        .where(_class.c.relkind == "r", _attribute.c.attnum > 0, sa.not_(_attribute.c.attisdropped), chosen)
    )
    for table, column, text, required in connection.execute(columns):
        found.tables.setdefault(table, {})[column] = plain(text)
        if required:
            found.required.add((table, column))
    of = _class.alias()
    indexes = (
        sa.select(of.c.relname, _class.c.relname, _index.c.indisvalid)
        .select_from(here.join(_index, _index.c.indrelid == _class.c.oid).join(of, of.c.oid == _index.c.indexrelid))
        .where(chosen)
    )
    for name, table, valid in connection.execute(indexes):
        if valid:
            found.indexes[name] = table
        else:
            found.broken.add(name)
    triggers = (
        sa.select(_trigger.c.tgname, _class.c.relname)
        .select_from(here.join(_trigger, _trigger.c.tgrelid == _class.c.oid))
        .where(sa.not_(_trigger.c.tgisinternal), chosen)
    )
    found.triggers = {str(name): str(table) for name, table in connection.execute(triggers)}
    found.sequences = set(connection.execute(sa.select(_class.c.relname).select_from(here).where(_class.c.relkind == "S")).scalars())
    return found
