"""The few statements on schemas that SQLAlchemy does not have: columns added, dropped and set aside, ledger triggers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import DDLElement

REFUSAL = "rows of a ledger are never changed"


class AddColumn(DDLElement):
    """ALTER TABLE ... ADD COLUMN; what cannot be empty and has no default becomes nullable for the rows there are."""

    inherit_cache = False

    def __init__(self, column: sa.Column[Any]) -> None:
        self.column = column


class DropColumn(DDLElement):
    """ALTER TABLE ... DROP COLUMN."""

    inherit_cache = False

    def __init__(self, table: str, column: str) -> None:
        self.table, self.column = table, column


class RenameColumn(DDLElement):
    """ALTER TABLE ... RENAME COLUMN."""

    inherit_cache = False

    def __init__(self, table: str, column: str, to: str) -> None:
        self.table, self.column, self.to = table, column, to


class DropIndex(DDLElement):
    """DROP INDEX by its name."""

    inherit_cache = False

    def __init__(self, name: str) -> None:
        self.name = name


class LedgerTrigger(DDLElement):
    """A trigger with which the database itself refuses to change (given columns) or to delete rows of a ledger."""

    inherit_cache = False

    def __init__(self, table: str, event: str, columns: Sequence[str] = ()) -> None:
        self.table, self.event, self.columns = table, event, tuple(sorted(columns))
        # The name holds the columns: when a column is added, another trigger stands beside the first.
        mark = hashlib.sha256(",".join((table, *self.columns)).encode()).hexdigest()[:8]
        self.name = f"t_{table[:42]}_{event.lower()}_{mark}"


class LedgerFunction(DDLElement):
    """The function that PostgreSQL's ledger triggers call."""

    inherit_cache = False


@compiles(AddColumn)
def _add_column(element: AddColumn, compiler: Any, **_: Any) -> str:
    column = element.column
    table = compiler.preparer.format_table(column.table)
    if not column.nullable and column.server_default is None:
        column = sa.Column(column.name, column.type)
        sa.Table(element.column.table.name, sa.MetaData(), column)
    return f"ALTER TABLE {table} ADD COLUMN {compiler.get_column_specification(column)}"


@compiles(DropColumn)
def _drop_column(element: DropColumn, compiler: Any, **_: Any) -> str:
    quote = compiler.preparer.quote
    return f"ALTER TABLE {quote(element.table)} DROP COLUMN {quote(element.column)}"


@compiles(RenameColumn)
def _rename_column(element: RenameColumn, compiler: Any, **_: Any) -> str:
    quote = compiler.preparer.quote
    return f"ALTER TABLE {quote(element.table)} RENAME COLUMN {quote(element.column)} TO {quote(element.to)}"


@compiles(DropIndex)
def _drop_index(element: DropIndex, compiler: Any, **_: Any) -> str:
    return f"DROP INDEX IF EXISTS {compiler.preparer.quote(element.name)}"


@compiles(LedgerTrigger, "sqlite")
def _sqlite_trigger(element: LedgerTrigger, compiler: Any, **_: Any) -> str:
    return f"{_trigger_head(element, compiler)} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"


@compiles(LedgerTrigger, "postgresql")
def _postgresql_trigger(element: LedgerTrigger, compiler: Any, **_: Any) -> str:
    return f"{_trigger_head(element, compiler)} FOR EACH ROW EXECUTE FUNCTION backoffice_ledger()"


def _trigger_head(element: LedgerTrigger, compiler: Any) -> str:
    quote = compiler.preparer.quote
    columns = f" OF {', '.join(quote(name) for name in element.columns)}" if element.columns else ""
    return f"CREATE TRIGGER {quote(element.name)} BEFORE {element.event}{columns} ON {quote(element.table)}"


@compiles(LedgerFunction)
def _function(element: LedgerFunction, compiler: Any, **_: Any) -> str:
    return ("CREATE OR REPLACE FUNCTION backoffice_ledger() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$")
