"""Caring for the database: destructive migrations, search indexes made anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from core.access.actor import Actor
from core.access.grant import grant
from core.services import backup, owncolumns
from core.services.instants import again_when_moved
from core.storage import migrate as migrations
from core.storage import search
from core.storage.query import Query
from core.storage.reading import Reader
from core.storage.tables import entity_table
from schemas.model import Entity

if TYPE_CHECKING:
    from core.services.platform import Platform

BATCH = 500


@dataclass(frozen=True, slots=True)
class Pending:
    """A step of a migration: in words, as SQL, and whether stored values are lost by it."""

    words: str
    sql: str
    destructive: bool


def pending(p: Platform) -> list[Pending]:
    """What ``migrate`` would do; additive steps are usually done already, by serving."""
    dialect = p.database.engine.dialect
    return [Pending(step.words, step.sql(dialect), step.destructive) for step in _plan(p)[0].steps]


def migrate(p: Platform, say: Callable[[str], None]) -> Path | None:
    """Do every pending step, the destructive ones after a backup, whose path is answered. May be repeated."""
    wanted, ids = _plan(p)
    saved = None
    if wanted.destructive:
        folder = p.settings.data_dir / "backups"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        saved = folder / f"before-migrate-{p.clock.now():%Y%m%d-%H%M%S}.tar.gz"
        backup.create(p, saved)
        say(f"Backup before dropping anything: {saved}")
    for step in wanted.steps:
        say(step.words)
    for entity in migrations.apply(p.database, wanted, destructive=True):
        reindex_one(p, entity)
    with p.database.begin(writing=True) as connection:
        owncolumns.forget(connection, ids)
    return saved


def reindex(p: Platform, say: Callable[[str], None]) -> None:
    """Make the search index of every entity anew."""
    for entity in p.generation().entities.values():
        say(f"{entity.full_name}: {reindex_one(p, entity)} records")


def reindex_one(p: Platform, entity: Entity) -> int:
    """Fill an entity's search index, in batches, while others read and write; answers the number of records."""
    system = Actor.system("search index made anew")
    after, count = 0, 0
    with p.database.begin(writing=True) as connection:
        search.ensure(connection, entity)
    while True:
        last, number = _reindex_batch(p, system, entity.full_name, after)
        count += number
        if last is None:
            return count
        after = last


@again_when_moved
def _reindex_batch(p: Platform, system: Actor, name: str, after: int) -> tuple[int | None, int]:
    generation = p.generation()
    entity = generation.entity(name)
    with p.write(system, generation) as unit:
        query = Query(expression=f"id > {int(after)}", sort=(("id", False),), limit=BATCH)
        records = Reader(unit, name, grant(entity, system)).page(query).items
        more = []
        for record in records:
            told = generation.hooks.call("search_text", entity=name, record=record)
            more.append(" ".join(str(words) for _, words in told))
        search.remove(unit, entity, [record.id for record in records])
        search.index_many(unit, entity, records, more)
    return (records[-1].id if len(records) == BATCH else None), len(records)


def _plan(p: Platform) -> tuple[migrations.Plan, set[int]]:
    with p.database.begin(writing=False) as connection:
        gone = owncolumns.droppable(connection, p.clock.now() - timedelta(days=p.settings.sweep_after))
    in_use = {
        (table.name, column.name)
        for entity in p.generation().entities.values()
        for table in entity_table(entity, p.database.dialect).all_tables()
        for column in table.columns
    }
    removed = [(table, column) for _, table, column in gone if (table, column) not in in_use]
    wanted = migrations.plan(p.database, p.generation().entities.values(), removed)
    return wanted, {id for id, table, column in gone if (table, column) not in in_use}
