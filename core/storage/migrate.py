"""From declared shapes to the database's: additive steps that can be repeated, and destructive ones apart."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

from core.errors import Busy
from core.storage import search
from core.storage.database import Database
from core.storage.models import metadata
from core.storage.tables import EntityTable, entity_table
from schemas.model import Entity

RETRIES = 10


class AddColumn(DDLElement):
    """ALTER TABLE ... ADD COLUMN."""

    inherit_cache = False

    def __init__(self, column: sa.Column[Any]) -> None:
        self.column = column


class DropColumn(DDLElement):
    """ALTER TABLE ... DROP COLUMN."""

    inherit_cache = False

    def __init__(self, table: str, column: str) -> None:
        self.table, self.column = table, column


class LedgerTrigger(DDLElement):
    """A trigger with which the database itself refuses to change or delete rows of a ledger."""

    inherit_cache = False

    def __init__(self, table: sa.Table, event: str, columns: Sequence[str] = ()) -> None:
        self.table, self.event, self.columns = table, event, tuple(columns)

    @property
    def name(self) -> str:
        return f"t_{self.table.name[:50]}_{self.event.lower()}"


class LedgerFunction(DDLElement):
    """The function PostgreSQL's ledger triggers call."""

    inherit_cache = False


@compiles(AddColumn)
def _add_column(element: AddColumn, compiler: Any, **_: Any) -> str:
    table = compiler.preparer.format_table(element.column.table)
    return f"ALTER TABLE {table} ADD COLUMN {compiler.get_column_specification(element.column)}"


@compiles(DropColumn)
def _drop_column(element: DropColumn, compiler: Any, **_: Any) -> str:
    return f"ALTER TABLE {compiler.preparer.quote(element.table)} DROP COLUMN {compiler.preparer.quote(element.column)}"


@compiles(LedgerTrigger, "sqlite")
def _sqlite_trigger(element: LedgerTrigger, compiler: Any, **_: Any) -> str:
    quote = compiler.preparer.quote
    columns = f" OF {', '.join(quote(name) for name in element.columns)}" if element.columns else ""
    return (f"CREATE TRIGGER {quote(element.name)} BEFORE {element.event}{columns} ON {compiler.preparer.format_table(element.table)} "
            "BEGIN SELECT RAISE(ABORT, 'rows of a ledger are never changed'); END")


@compiles(LedgerTrigger, "postgresql")
def _postgresql_trigger(element: LedgerTrigger, compiler: Any, **_: Any) -> str:
    quote = compiler.preparer.quote
    columns = f" OF {', '.join(quote(name) for name in element.columns)}" if element.columns else ""
    return (f"CREATE TRIGGER {quote(element.name)} BEFORE {element.event}{columns} ON {compiler.preparer.format_table(element.table)} "
            "FOR EACH ROW EXECUTE FUNCTION backoffice_ledger()")


@compiles(LedgerFunction)
def _function(element: LedgerFunction, compiler: Any, **_: Any) -> str:
    return ("CREATE OR REPLACE FUNCTION backoffice_ledger() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'rows of a ledger are never changed'; END $$")


@dataclass(frozen=True)
class Step:
    """One step in words, and the statement that does it."""

    words: str
    statement: DDLElement | sa.schema.ExecutableDDLElement
    destructive: bool = False

    def sql(self, dialect: sa.Dialect) -> str:
        """The statement as text, for people to read."""
        return str(self.statement.compile(dialect=dialect)).strip()


@dataclass
class Plan:
    """What has to be done, additive steps first. ``unsearched``: entities whose search index has to be made or filled."""

    steps: list[Step] = field(default_factory=list)
    unsearched: list[Entity] = field(default_factory=list)

    @property
    def additive(self) -> list[Step]:
        return [step for step in self.steps if not step.destructive]

    @property
    def destructive(self) -> list[Step]:
        return [step for step in self.steps if step.destructive]


def ensure_platform(database: Database) -> None:
    """Make the platform's own tables where they are missing, and add their new columns."""
    with database.begin(writing=True) as connection:
        if database.dialect == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x62616366)))
            connection.execute(LedgerFunction())
        inspector = sa.inspect(connection)
        there = set(inspector.get_table_names())
        missing = [table for table in metadata.sorted_tables if table.name not in there]
        metadata.create_all(connection, tables=missing, checkfirst=False)
        for table in metadata.sorted_tables:
            if table.name in there:
                have = {column["name"] for column in inspector.get_columns(table.name)}
                for column in table.columns:
                    if column.name not in have:
                        connection.execute(AddColumn(_nullable(column)))


def plan(database: Database, entities: Iterable[Entity], removed: Iterable[tuple[str, str]] = ()) -> Plan:
    """Compare the declared tables with those there are. ``removed``: (table, column) pairs that may be swept."""
    found = Plan()
    wanted = [(entity, entity_table(entity, database.dialect)) for entity in entities]
    names = [table.name for _, made in wanted for table in made.all_tables()]
    with database.begin(writing=False) as connection:
        inspector = sa.inspect(connection)
        there = set(inspector.get_table_names())
        known = [name for name in names if name in there]
        columns, indexes = _shape(inspector, known)
        for entity, made in wanted:
            _plan_entity(found, entity, made, there, columns, indexes)
            if search.layout(entity).name not in there:
                found.unsearched.append(entity)
        present = _shape(inspector, [table for table, _ in removed if table in there])[0] if removed else {}
    for table, column in removed:
        if column in present.get(table, set()):
            found.steps.append(Step(f"Drop the column {column} of {table}, whose field was removed", DropColumn(table, column), True))
    return found


def _shape(inspector: sa.Inspector, names: Sequence[str]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    if not names:
        return {}, {}
    many = len(names) > 40
    wanted = None if many else list(names)
    columns = {key[1]: {str(one["name"]) for one in value} for key, value in inspector.get_multi_columns(filter_names=wanted).items()}
    indexes = {key[1]: {str(one["name"]) for one in value} for key, value in inspector.get_multi_indexes(filter_names=wanted).items()}
    return columns, indexes


def _plan_entity(found: Plan, entity: Entity, made: EntityTable, there: set[str], columns: dict[str, set[str]],
                 indexes: dict[str, set[str]]) -> None:
    for table in made.all_tables():
        if table.name not in there:
            found.steps.append(Step(f"Make the table {table.name} for {entity.full_name}", CreateTable(table)))
            for index in sorted(table.indexes, key=lambda one: str(one.name)):
                found.steps.append(Step(f"Make the index {index.name}", CreateIndex(index)))
            if entity.kind == "ledger":
                kept = [column.name for column in table.columns if column.name.startswith(("f_", "x", "c_")) or column.name in ("owner_id", "target_id")]
                found.steps.append(Step(f"Have the database refuse changes of {table.name}", LedgerTrigger(table, "UPDATE", kept)))
                found.steps.append(Step(f"Have the database refuse deletions from {table.name}", LedgerTrigger(table, "DELETE")))
            continue
        have = columns.get(table.name, set())
        for column in table.columns:
            if column.name not in have:
                found.steps.append(Step(f"Add the column {column.name} to {table.name}", AddColumn(_nullable(column))))
        now = indexes.get(table.name, set())
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            if index.name not in now:
                found.steps.append(Step(f"Make the index {index.name}", CreateIndex(index)))


def _nullable(column: sa.Column[Any]) -> sa.Column[Any]:
    if column.nullable or column.server_default is not None:
        return column
    copy = column.copy() if hasattr(column, "copy") else column._copy()
    copy.nullable = True
    sa.Table(column.table.name, sa.MetaData(), copy)
    return copy


def apply(database: Database, wanted: Plan, *, destructive: bool = False) -> list[Entity]:
    """Do the steps, each so that it can be repeated; answers the entities whose search index is new and empty.

    SQLite does them in one transaction. PostgreSQL does each in its own, with a short lock timeout and retries, so that
    readers never queue behind it for long.
    """
    steps = wanted.steps if destructive else wanted.additive
    if database.dialect == "sqlite":
        if not steps and not wanted.unsearched:
            return []
        with database.begin(writing=True) as connection:
            # Another process may have done them while this one waited for its turn.
            for step in steps:
                if not _done(connection, step):
                    connection.execute(step.statement)
            return [entity for entity in wanted.unsearched if search.ensure(connection, entity)]
    for step in steps:
        _patiently(database, step)
    fresh = []
    for entity in wanted.unsearched:
        with database.begin(writing=True) as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x62616366)))
            if search.ensure(connection, entity):
                fresh.append(entity)
    return fresh


def _patiently(database: Database, step: Step) -> None:
    for attempt in range(RETRIES):
        try:
            with database.begin(writing=True) as connection:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x62616366)))
                connection.execute(sa.select(sa.func.set_config("lock_timeout", "1s", True)))
                if not _done(connection, step):
                    connection.execute(step.statement)
            return
        except (Busy, sa.exc.DBAPIError):
            if attempt == RETRIES - 1:
                raise
            time.sleep(random.uniform(0.05, 0.3) * (attempt + 1))


def _done(connection: sa.Connection, step: Step) -> bool:
    inspector = sa.inspect(connection)
    statement = step.statement
    match statement:
        case CreateTable():
            return bool(inspector.has_table(statement.element.name))
        case CreateIndex():
            return any(one["name"] == statement.element.name for one in inspector.get_indexes(statement.element.table.name))
        case AddColumn():
            return any(one["name"] == statement.column.name for one in inspector.get_columns(statement.column.table.name))
        case DropColumn():
            return not inspector.has_table(statement.table) or all(
                one["name"] != statement.column for one in inspector.get_columns(statement.table))
        case LedgerTrigger():
            return _has_trigger(connection, statement)
    return False


def _has_trigger(connection: sa.Connection, wanted: LedgerTrigger) -> bool:
    if connection.dialect.name == "sqlite":
        master = sa.table("sqlite_master", sa.column("type"), sa.column("name"))
        return connection.execute(sa.select(master.c.name).where(master.c.type == "trigger", master.c.name == wanted.name)).first() is not None
    triggers = sa.table("pg_trigger", sa.column("tgname"))
    return connection.execute(sa.select(triggers.c.tgname).where(triggers.c.tgname == wanted.name)).first() is not None


