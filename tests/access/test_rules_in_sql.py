"""Row rules mean the same on one record in Python and over a table in SQL, on both engines; emptiness denies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.access.actor import Actor
from core.access.grant import ALL, NONE, Scope, grant, meet
from core.access.rows import holds
from core.registry.generation import Generation, build_from
from core.storage import migrate, rules
from core.storage.database import Database
from core.storage.tables import entity_table
from core.storage.unit import reading
from schemas.model import Entity, Plugin
from tests.access import model
from tests.access.cases import ACTORS, ENTITIES, WORDS, role_sets, rows

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROWS = {number: {**row, "id": number} for number, row in enumerate(rows(), 1)}
EXPRESSIONS = (
    "flag",
    "not flag",
    "created_by == me()",
    "not (created_by == me())",
    "created_by != me()",
    "created_by in my_team()",
    "title == 'x' and created_by == me()",
    "created_by == None",
    "no_such_field == 1",
    "title + 1 == 2",
    "changed(title)",
)


class Table:
    """One entity's rows on one database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.database = Database(url, folder)
        self.generation: Generation = build_from((Plugin("a", entities=ENTITIES),))
        migrate.apply(self.database, migrate.plan(self.database, self.generation.entities.values()))
        with self.database.begin(writing=True) as connection:
            for entity in ENTITIES:
                table = entity_table(self.generation.entity(entity.full_name), self.database.dialect)
                for row in ROWS.values():
                    moment = NOW.replace(tzinfo=None)
                    cells = {
                        "id": row["id"],
                        "version": 1,
                        "created_at": moment,
                        "updated_at": moment,
                        "created_by": row["created_by"],
                        "department_id": row["department_id"],
                        "chain_length": 0,
                        "f_flag": row["flag"],
                        "f_title": row["title"],
                    }
                    if entity.owner:
                        cells[f"f_{entity.owner}"] = row["holder"]
                    connection.execute(sa.insert(table.table).values(cells))

    def found(self, scope: Scope, entity: Entity, actor: Actor) -> set[int]:
        stored = self.generation.entity(entity.full_name)
        table = entity_table(stored, self.database.dialect)
        with reading(self.database, self.generation, actor, NOW) as unit:
            alias = table.table.alias()
            where = rules.clause(scope, stored, table, unit, at=alias)
            return set(unit.connection.scalars(sa.select(alias.c.id).where(where)))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    folder = tmp_path_factory.mktemp("rules")
    made = Table(f"sqlite:///{folder / 'rules.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres").fresh(), folder)
    yield made
    made.database.dispose()


def in_python(scope: Scope, entity: Entity, actor: Actor, table: Table) -> set[int]:
    entities = table.generation.entities
    stored = table.generation.entity(entity.full_name)

    def holding(row: model.Row) -> bool:
        return scope.holds(lambda source: holds(source, row, stored, actor, entities=entities, now=NOW))

    return {number for number, row in ROWS.items() if holding(row)}


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_words_reach_the_rows_that_the_model_says(table: Table, entity: Entity) -> None:
    for actor in ACTORS:
        for word in WORDS[:-1]:
            scope = {"none": NONE, "all": ALL}.get(word, Scope((word,)))
            expected = {number for number, row in ROWS.items() if model.in_scope(word, row, entity, actor)}
            assert table.found(scope, entity, actor) == expected, (word, actor)
            assert in_python(scope, entity, actor, table) == expected, (word, actor)


def test_expressions_reach_the_same_rows_in_sql(table: Table) -> None:
    for actor in ACTORS:
        for source in EXPRESSIONS:
            scope = Scope((source,))
            assert table.found(scope, ENTITIES[0], actor) == in_python(scope, ENTITIES[0], actor, table), (source, actor)


def test_a_rule_that_cannot_be_read_reaches_nothing(table: Table) -> None:
    for source in ("no_such_field == 1", "title + 1 == 2", "changed(title)", "import os", ""):
        assert table.found(Scope((source,)), ENTITIES[0], ACTORS[0]) == set()


def test_who_is_nobody_reaches_nothing_by_relation(table: Table) -> None:
    nobody = ACTORS[-1]
    for entity in ENTITIES:
        for word in ("own", "team", "department", "department_tree", "company", "created_by == me()", "not (created_by == me())"):
            assert table.found(Scope((word,)), entity, nobody) == set(), word


def test_each_right_lies_within_what_its_role_reads(table: Table) -> None:
    for entity in ENTITIES:
        for roles in role_sets():
            if len(roles) > 1 and table.database.dialect == "postgresql":
                continue
            actor = replace(ACTORS[0], roles=ACTORS[0].roles | roles)
            scope = grant(entity, actor).scope("delete")
            expected = {number for number, row in ROWS.items() if model.may("delete", row, entity, actor)}
            assert table.found(scope, entity, actor) == expected, sorted(roles)


def test_two_scopes_meet() -> None:
    assert meet(NONE, ALL) == NONE == meet(ALL, NONE)
    assert meet(ALL, Scope(("own",))) == Scope(("own",)) == meet(Scope(("own",)), ALL)
    assert meet(Scope(("own",)), Scope(("own",))) == Scope(("own",))
    both = meet(Scope(("own", "team")), Scope(("department",)))
    assert both.holds(lambda source: source != "nothing") is True
    assert len(both.sources) == 2
