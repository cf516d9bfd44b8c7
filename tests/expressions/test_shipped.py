"""Every rule, view and formula of the shipped functions runs on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.access.actor import Actor
from core.access.grant import Scope
from core.registry.generation import build_from
from core.storage import compile, migrate, rules
from core.storage.database import Database
from core.storage.tables import entity_table
from core.storage.unit import Unit, reading
from schemas import read_plugin
from schemas.model import Entity, Plugin

ROOT = Path(__file__).parents[2] / "plugins"
WORDS = frozenset({"none", "own", "team", "department", "department_tree", "company", "all", ""})
ACTOR = Actor(
    person=1,
    department=2,
    departments_below=frozenset({2}),
    company=3,
    company_departments=frozenset({2}),
    teams=frozenset({4}),
    teammates=frozenset({1}),
)


def shipped() -> tuple[Plugin, ...]:
    found = []
    for path in sorted(ROOT.glob("*/*.yaml")):
        plugin, problems = read_plugin(path.read_text(), str(path))
        assert plugin is not None, [str(one) for one in problems]
        found.append(plugin)
    return tuple(found)


@pytest.fixture(params=["sqlite", "postgresql"])
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Unit]:
    url = f"sqlite:///{tmp_path / 'all.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    generation = build_from(shipped())
    database = Database(url, tmp_path)
    migrate.ensure_platform(database)
    migrate.apply(database, migrate.plan(database, generation.entities.values()))
    with reading(database, generation, ACTOR, datetime(2026, 3, 2, tzinfo=UTC)) as unit:
        yield unit
    database.dispose()


def row_rules(entity: Entity) -> set[str]:
    named: set[str | None] = set()
    for rule in entity.access:
        named |= {rule.read, rule.write_rows, rule.delete, rule.export, rule.print_, rule.report, rule.share}
    return {word for word in named if word is not None} - {"none", "all", ""}


def test_every_rule_selects_rows(unit: Unit) -> None:
    seen = 0
    for entity in unit.generation.entities.values():
        table = entity_table(entity, unit.database.dialect)
        for source in sorted(row_rules(entity)):
            if source not in WORDS:
                assert compile.typed(source, entity, unit, "boolean").sql_able, (entity.full_name, source)
            where = rules.clause(Scope((source,)), entity, table, unit)
            unit.connection.execute(sa.select(table.table.c.id).where(where, sa.not_(where))).all()
            seen += 1
    assert seen > 30


def test_every_view_selects_rows(unit: Unit) -> None:
    for entity in unit.generation.entities.values():
        table = entity_table(entity, unit.database.dialect)
        for view in entity.views:
            if view.where:
                where = compile.expression(view.where, entity, table, unit, expect="boolean")
                unit.connection.execute(sa.select(table.table.c.id).where(where)).all()


def test_every_formula_gives_a_value_in_sql_where_it_can(unit: Unit) -> None:
    for entity in unit.generation.entities.values():
        table = entity_table(entity, unit.database.dialect)
        for field in entity.fields:
            if field.type == "computed":
                typed = compile.typed(field.formula, entity, unit, field.as_kind)
                if typed.sql_able:
                    unit.connection.execute(sa.select(compile.compile(typed, compile.context(entity, table, unit, table.table)))).all()
