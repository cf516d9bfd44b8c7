"""From declared shapes to the database's: additive steps that can be repeated, and destructive ones apart."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateSequence, CreateTable, ExecutableDDLElement

from core.errors import Busy
from core.storage import head, identifiers, schema, search
from core.storage.database import Database, unlimited
from core.storage.ddl import AddColumn, DropColumn, DropIndex, LedgerFunction, LedgerTrigger, RenameColumn
from core.storage.models import metadata
from core.storage.schema import Shape
from core.storage.sequences import id_sequence
from core.storage.tables import EntityTable, Scaled, entity_table
from schemas.model import Entity

RETRIES = 12
MIGRATING = 0x62616366
"""PostgreSQL's advisory lock for whoever changes the schema: one process at a time."""
INDEXING = 0x62616378
"""The same for whoever builds an index beside the writers; it goes with the connection."""
PATIENCE = 60.0
"""Seconds that changes of the schema wait for other writers on SQLite: another process may be making all tables."""
_TOGETHER = 100


@dataclass(frozen=True)
class Step:
    """One step in words, and the statements that do it. ``needed`` asks the real shape whether it is still to be done.

    ``fresh`` steps concern a table that is new in the same plan; ``index`` steps make reading fast and nothing else.
    """

    words: str
    statements: tuple[ExecutableDDLElement | sa.Update, ...]
    table: str
    needed: Callable[[Shape], bool]
    destructive: bool = False
    fresh: bool = False
    index: sa.Index | None = None

    @property
    def moves(self) -> bool:
        """Whether it rewrites rows, which takes as long as there are rows."""
        return any(isinstance(one, sa.Update) for one in self.statements)

    def sql(self, dialect: sa.Dialect) -> str:
        """The statements as text, for people to read."""
        return ";\n".join(str(one.compile(dialect=dialect)).strip() for one in self.statements)


@dataclass
class Plan:
    """What has to be done, in order.

    ``unsearched``: entities whose search index has to be made; ``recompute``: stored fields that are new on tables with
    rows, by entity; ``failed``: sentences about indexes that the rows there are did not allow; ``later``: steps that
    :func:`perform` does in somebody else's transaction.
    """

    steps: list[Step] = field(default_factory=list)
    unsearched: list[Entity] = field(default_factory=list)
    recompute: dict[str, list[str]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    later: list[Step] = field(default_factory=list)

    def put_off(self, tables: Collection[str]) -> None:
        """Leave the triggers of ledgers among these tables for later: their new columns are still to be filled."""
        for one in self.steps:
            if one.table in tables and isinstance(one.statements[0], LedgerTrigger):
                self.later.append(one)
        self.steps = [one for one in self.steps if all(one is not waiting for waiting in self.later)]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is missing."""
        return not self.steps and not self.unsearched

    @property
    def additive(self) -> list[Step]:
        return [step for step in self.steps if not step.destructive]

    @property
    def destructive(self) -> list[Step]:
        return [step for step in self.steps if step.destructive]

    @property
    def indexes(self) -> list[Step]:
        """Indexes on tables that may hold many rows: they can wait until a publication is in force."""
        return [step for step in self.steps if step.index is not None and not step.fresh]


def ensure_platform(database: Database) -> None:
    """Make the platform's own tables where they are missing, and add their new columns and indexes."""
    with database.begin(writing=True, patience=PATIENCE) as connection:
        if database.dialect == "postgresql":
            unlimited(connection)
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATING)))
            connection.execute(LedgerFunction())
        shape = schema.read(connection, metadata.tables.keys())
        for table in metadata.sorted_tables:
            for step in _table_steps(table, shape, connection.dialect, "the platform"):
                for statement in step.statements:
                    connection.execute(statement)


def plan(database: Database, entities: Iterable[Entity], removed: Iterable[tuple[str, str]] = ()) -> Plan:
    """Compare the declared tables with those there are. ``removed``: (table, column) pairs that may be swept."""
    found = Plan()
    removed = list(removed)
    wanted = [(entity, entity_table(entity, database.dialect)) for entity in entities]
    names = {table.name for _, made in wanted for table in made.all_tables()} | {search.layout(entity).name for entity, _ in wanted}
    with database.begin(writing=False) as connection:
        shape = schema.read(connection, names | {table for table, _ in removed})
    dialect = database.engine.dialect
    for entity, made in wanted:
        for table in made.all_tables():
            found.steps += _table_steps(table, shape, dialect, entity.full_name, numbered="id" in table.c)
            if entity.kind == "ledger":
                found.steps += _ledger_steps(entity, made, table, shape)
        fresh = [one.name for one in entity.fields if one.type in ("computed", "rollup") and one.name in made.columns
                 and made.table.name in shape.tables and made.columns[one.name][0].name not in shape.tables[made.table.name]]
        if fresh:
            found.recompute[entity.full_name] = fresh
        if search.layout(entity).name not in shape.tables:
            found.unsearched.append(entity)
    for table_name, column in removed:
        if column in shape.tables.get(table_name, {}):
            found.steps.append(_drop(table_name, column, shape))
    return found


def apply(database: Database, wanted: Plan, *, destructive: bool = False, indexes: bool = True) -> list[Entity]:
    """Do the steps, each so that it can be repeated; answers the entities whose search index is new and empty.

    SQLite does them in one transaction. PostgreSQL makes new tables in batches and does each change of an old table in a
    transaction of its own, with a short lock timeout and retries, so that readers never queue behind it for long; indexes
    of old tables are built beside the writers. Without ``indexes`` those are left for later.
    """
    steps = [step for step in wanted.steps if (destructive or not step.destructive) and (indexes or step.index is None or step.fresh)]
    if not steps and not wanted.unsearched:
        return []
    if database.dialect == "sqlite":
        with database.begin(writing=True, patience=PATIENCE) as connection:
            _perform(connection, steps, wanted)
            return [entity for entity in wanted.unsearched if search.ensure(connection, entity)]
    together = [step for step in steps if step.fresh]
    for start in range(0, len(together), _TOGETHER):
        _patiently(database, together[start : start + _TOGETHER], wanted)
    for step in steps:
        if not step.fresh and step.index is None:
            _patiently(database, [step], wanted)
    for step in steps:
        if not step.fresh and step.index is not None:
            _build_beside(database, step, wanted)
    fresh: list[Entity] = []
    for entity in wanted.unsearched:
        with database.begin(writing=True) as connection:
            unlimited(connection)
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATING)))
            if search.ensure(connection, entity):
                fresh.append(entity)
    return fresh


def _table_steps(table: sa.Table, shape: Shape, dialect: sa.Dialect, whose: str, *, numbered: bool = False) -> list[Step]:
    name = table.name
    made = sorted(table.indexes, key=lambda one: str(one.name))
    if name not in shape.tables:
        steps = [Step(f"Make the table {name} for {whose}", (CreateTable(table),), name, lambda now: name not in now.tables, fresh=True)]
        steps += [_index_step(index, fresh=True) for index in made]
    else:
        steps = _column_steps(table, shape, dialect, whose)
        steps += _stale_indexes(table, shape)
        steps += [_index_step(index) for index in made if str(index.name) not in shape.indexes]
    sequence = id_sequence(name)
    if numbered and dialect.name == "postgresql" and sequence not in shape.sequences:
        steps.append(Step(f"Make the sequence of the ids of {name}", (CreateSequence(sa.Sequence(sequence)),), name,
                          lambda now: sequence not in now.sequences, fresh=name not in shape.tables))
    return steps


def _column_steps(table: sa.Table, shape: Shape, dialect: sa.Dialect, whose: str) -> list[Step]:
    there = shape.tables[table.name]
    steps = []
    for column in table.columns:
        declared = type_name(column, dialect)
        if column.name not in there:
            steps.append(_adding(table, column))
        elif there[column.name] != declared:
            steps.append(_replacing(table, column, there, declared, whose))
            lost = [str(index.name) for index in table.indexes if column.name in index.columns]
            for index_name in lost:
                shape.indexes.pop(index_name, None)
    # A column that a plugin no longer declares stays, and must not refuse rows that do not know it.
    return steps


def _adding(table: sa.Table, column: sa.Column[Any]) -> Step:
    return Step(f"Add the column {column.name} to {table.name}", (AddColumn(column),), table.name,
                lambda now, name=column.name: name not in now.tables.get(table.name, {}))  # type: ignore[misc]


def _replacing(table: sa.Table, column: sa.Column[Any], there: dict[str, str], declared: str, whose: str) -> Step:
    """The column has another type now: it is set aside with its values, and a new one takes its place.

    Exact numbers that only changed their places are carried over, rounded half away from zero where digits go.
    """
    was = there[column.name]
    number = next(n for n in range(1, 1_000) if identifiers.fitted(f"o{n}_{column.name}") not in there)
    aside = identifiers.fitted(f"o{number}_{column.name}")
    statements: list[ExecutableDDLElement | sa.Update] = [
        DropIndex(str(index.name)) for index in table.indexes if column.name in index.columns
    ]
    statements += [RenameColumn(table.name, column.name, aside), AddColumn(column)]
    carried_over = carried(column, was, aside)
    if carried_over is not None:
        rows = sa.table(table.name, sa.column(column.name))
        statements.append(sa.update(rows).values({column.name: carried_over}))
    return Step(f"Set the column {column.name} of {table.name} aside as {aside} ({whose} declares it anew: {was} becomes {declared})",
                tuple(statements), table.name,
                lambda now: now.tables.get(table.name, {}).get(column.name) == was)


def type_name(column: sa.Column[Any], dialect: sa.Dialect) -> str:
    """A column's type as :func:`schema.read` tells it of real ones."""
    return schema.plain(column.type.compile(dialect=dialect))


def carried(column: sa.Column[Any], was: str, aside: str) -> sa.ColumnElement[Any] | None:
    """The value of the column ``aside``, whose type is ``was``, with the places of ``column``: exact, or rounded half away
    from zero. None when both are not exact numbers."""
    if isinstance(column.type, Scaled) and was.startswith("BIGINT("):
        whole = sa.column(aside, sa.BigInteger())
        steps = column.type.places - int(was[len("BIGINT(") : -1])
        unit = sa.literal_column(str(10 ** abs(steps)), sa.BigInteger())
        if steps >= 0:
            return whole * unit
        half = sa.literal_column(str(10**-steps // 2), sa.BigInteger())
        return sa.case((whole >= 0, (whole + half) // unit), else_=(whole - half) // unit)
    if isinstance(column.type, sa.Numeric) and was.startswith("NUMERIC"):
        return sa.func.round(sa.column(aside), sa.literal_column(str(column.type.scale or 0)))
    return None


def _index_step(index: sa.Index, *, fresh: bool = False) -> Step:
    assert index.table is not None
    kind = "unique index" if index.unique else "index"
    return Step(f"Make the {kind} {index.name} ({', '.join(column.name for column in index.columns)})", (CreateIndex(index),),
                index.table.name, lambda now: str(index.name) not in now.indexes, fresh=fresh, index=index)


def _stale_indexes(table: sa.Table, shape: Shape) -> list[Step]:
    """Indexes that an earlier declaration asked for. A unique one that is no longer meant would refuse good rows."""
    if "__" not in table.name:
        return []
    wanted = {str(index.name) for index in table.indexes}
    ours = [name for name in shape.indexes_of(table.name) if name[:3] in ("ix_", "ux_") and name not in wanted]
    return [Step(f"Drop the index {name}, which nothing asks for any more", (DropIndex(name),), table.name,
                 lambda now, name=name: name in now.indexes) for name in sorted(ours)]  # type: ignore[misc]


def _ledger_steps(entity: Entity, made: EntityTable, table: sa.Table, shape: Shape) -> list[Step]:
    moving = {column.name for one in entity.fields if one.type == "rollup" for column in made.columns.get(one.name, ())}
    moving |= {"display_title", "title_key", "chain_hash", "chain_length"}
    kept = [column.name for column in table.columns if column.name not in moving]
    steps = []
    for trigger in (LedgerTrigger(table.name, "UPDATE", kept), LedgerTrigger(table.name, "DELETE")):
        if trigger.name not in shape.triggers:
            verb = "changes of" if trigger.event == "UPDATE" else "deletions from"
            steps.append(Step(f"Have the database refuse {verb} {table.name}", (trigger,), table.name,
                              lambda now, name=trigger.name: name not in now.triggers, fresh=table.name not in shape.tables))  # type: ignore[misc]
    return steps


def _drop(table: str, column: str, shape: Shape) -> Step:
    # SQLite refuses to drop a column that an index holds.
    indexes = [DropIndex(name) for name in shape.holding.get((table, column), ())]
    statements: Sequence[ExecutableDDLElement] = (*indexes, DropColumn(table, column))
    return Step(f"Drop the column {column} of {table}, whose field was removed", tuple(statements), table,
                lambda now: column in now.tables.get(table, {}), destructive=True)


def perform(connection: sa.Connection, steps: Sequence[Step]) -> None:
    """Do steps in a transaction that is open already."""
    if steps:
        _perform(connection, steps, Plan())


def _perform(connection: sa.Connection, steps: Sequence[Step], wanted: Plan) -> None:
    """Do what is still to be done: another process may have been here while this one waited for its turn."""
    shape = schema.read(connection, {step.table for step in steps})
    for step in steps:
        if not step.needed(shape):
            continue
        if step.index is None or step.fresh:
            # On a new table no row can refuse an index, so that it needs no savepoint.
            for statement in step.statements:
                connection.execute(statement)
            if len(step.statements) > 1 and not step.fresh:
                # It has dropped indexes, which later steps make again.
                shape = schema.read(connection, {step.table for step in steps})
            continue
        try:
            with connection.begin_nested():
                connection.execute(step.statements[0])
        except (sa.exc.IntegrityError, sa.exc.OperationalError) as error:
            wanted.failed.append(_refused(step, error))


def _refused(step: Step, error: sa.exc.DBAPIError) -> str:
    """What to tell of an index that could not be made; anything but the rows' own fault goes on."""
    if isinstance(error, sa.exc.IntegrityError):
        return (
            f"{step.words}: records that are there already have equal values. New ones are refused; correct the old ones and run migrate."
        )
    if getattr(error.orig, "sqlstate", "") == "54000":
        return f"{step.words}: a value is too long for an index (about 2,700 bytes). Shorten it and run migrate."
    raise error


def _patiently(database: Database, steps: Sequence[Step], wanted: Plan) -> None:
    for attempt in range(RETRIES):
        try:
            with database.begin(writing=True) as connection:
                unlimited(connection)
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATING)))
                if not all(step.fresh or step.moves for step in steps):
                    # Readers queue behind a change that waits for its table: writers, who hold it longest, are let out first.
                    connection.execute(sa.select(sa.func.set_config("lock_timeout", "1s", True)))
                    head.fence(connection, shared=False)
                moment = min(1_000, 60 * 2**attempt)
                connection.execute(sa.select(sa.func.set_config("lock_timeout", f"{moment}ms", True)))
                _perform(connection, steps, wanted)
            return
        except (Busy, sa.exc.DBAPIError):
            if attempt == RETRIES - 1:
                raise
            time.sleep(random.uniform(0.05, 0.3) * (attempt + 1))  # noqa: S311 - spreads the tries, no secret


def _build_beside(database: Database, step: Step, wanted: Plan) -> None:
    """Build one index of PostgreSQL without holding writers up. What an interrupted try left half built goes first."""
    index = step.index
    assert index is not None and index.table is not None
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        shape = schema.read(connection, {step.table})
        if not step.needed(shape):
            return
        connection.detach()  # with limits of its own it does not go back to the pool
        connection.execute(sa.select(sa.func.set_config("lock_timeout", "0", False)))
        unlimited(connection, always=True)
        # Two that build at once wait for each other's snapshots. Whoever waited within a statement would hold one too.
        while not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(INDEXING))):
            time.sleep(0.1)
        shape = schema.read(connection, {step.table})
        if not step.needed(shape):
            return
        try:
            if str(index.name) in shape.broken:
                connection.execute(DropIndex(str(index.name)))
            twin = next(one for one in index.table.to_metadata(sa.MetaData()).indexes if one.name == index.name)
            twin.dialect_options["postgresql"]["concurrently"] = True
            connection.execute(CreateIndex(twin))
        except (sa.exc.IntegrityError, sa.exc.OperationalError) as error:
            wanted.failed.append(_refused(step, error))
            connection.execute(DropIndex(str(index.name)))
