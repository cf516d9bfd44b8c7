"""Migrations: additive, repeatable, never half; what was there keeps its values."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest
import sqlalchemy as sa

from core.registry.generation import build_from
from core.storage import migrate
from schemas.model import Field, Option, Plugin
from tests.storage.house import BOOKING, ITEM, SHOP, House, with_field


def test_a_second_plan_finds_nothing_to_do(house: House) -> None:
    assert migrate.plan(house.database, house.generation.entities.values()).steps == []
    migrate.ensure_platform(house.database)


def test_an_added_field_is_a_column_that_old_rows_show_empty(house: House) -> None:
    with house.writing() as unit:
        number = house.add(unit, "shop.item", {"name": "Lamp", "price": Decimal("12.50")})
    plan = house.become(with_field(SHOP, "item", Field("colour", "choice", options=(Option("red", "Red"),)), Field("old", "boolean")))
    assert any("f_colour" in step.words for step in plan.additive)
    with house.reading() as unit:
        row = house.values(unit, "shop.item", number)
    assert (row["name"], row["price"], row["colour"], row["old"]) == ("Lamp", Decimal("12.50"), None, False)


def test_a_plan_reads_as_words_and_sql(house: House) -> None:
    changed = with_field(SHOP, "item", Field("floor", "integer"))
    house.generation = replace(house.generation, entities={"shop.item": changed.entities[0]})
    plan = migrate.plan(house.database, house.generation.entities.values())
    assert [step.words for step in plan.additive] == ["Add the column f_floor to shop__item"]
    assert plan.additive[0].sql(house.database.engine.dialect) == "ALTER TABLE shop__item ADD COLUMN f_floor BIGINT"


def test_more_decimal_places_carry_the_values_over_exactly(house: House) -> None:
    with house.writing() as unit:
        number = house.add(unit, "shop.item", {"name": "Lamp", "price": Decimal("-12.45")})
    house.become(with_field(SHOP, "item", Field("price", "decimal", places=4, indexed=True)))
    with house.reading() as unit:
        assert house.values(unit, "shop.item", number)["price"] == Decimal("-12.4500")
    house.become(with_field(SHOP, "item", Field("price", "decimal", places=1, indexed=True)))
    with house.reading() as unit:
        assert house.values(unit, "shop.item", number)["price"] == Decimal("-12.5")
    assert migrate.plan(house.database, house.generation.entities.values()).steps == []


def test_a_field_that_changed_its_kind_is_new_and_its_former_values_are_kept_aside(house: House) -> None:
    with house.writing() as unit:
        number = house.add(unit, "shop.item", {"name": "Lamp", "price": Decimal("12.50")})
    house.become(with_field(SHOP, "item", Field("price", "text", indexed=True)))
    with house.reading() as unit:
        row = house.values(unit, "shop.item", number)
        aside = unit.connection.execute(sa.select(sa.column("o1_f_price")).select_from(sa.table("shop__item"))).scalar()
    assert row["price"] is None
    assert aside in (1250, Decimal("12.50"))


def test_live_rows_are_unique_and_the_trash_frees_their_values(house: House) -> None:
    with house.writing() as unit:
        number = house.add(unit, "shop.item", {"name": "Lamp"})
    with pytest.raises(Exception, match="not available"), house.writing() as unit:
        house.add(unit, "shop.item", {"name": "Lamp"})
    with house.writing() as unit:
        table = house.table().table
        unit.connection.execute(table.update().where(table.c.id == number).values(trashed_at=unit.now.replace(tzinfo=None)))
        house.add(unit, "shop.item", {"name": "Lamp"})


def test_a_unique_rule_that_old_rows_break_is_told_and_stops_nothing(house: House) -> None:
    with house.writing() as unit:
        for name in ("Lamp", "Desk"):
            house.add(unit, "shop.item", {"name": name, "price": Decimal(1)})
    plan = house.become(with_field(SHOP, "item", Field("price", "decimal", places=2, unique=True), Field("note", "text")))
    assert len(plan.failed) == 1 and "equal values" in plan.failed[0]
    assert "note" in house.table().columns


def test_an_index_that_nothing_asks_for_any_more_is_dropped(house: House) -> None:
    house.become(with_field(SHOP, "item", Field("name", "text")))
    with house.writing() as unit:
        house.add(unit, "shop.item", {"name": "Lamp"})
        house.add(unit, "shop.item", {"name": "Lamp"})


def test_two_that_build_indexes_at_once_do_not_end_each_other(house: House) -> None:
    with house.writing() as unit:
        for number in range(300):
            house.add(unit, "shop.item", {"name": f"n{number}"})
    names = [f"extra{number}" for number in range(6)]
    house.become(with_field(SHOP, "item", *(Field(name, "text") for name in names)))
    wanted = build_from([with_field(SHOP, "item", *(Field(name, "text", indexed=True) for name in names))])
    plan = migrate.plan(house.database, wanted.entities.values())
    assert len(plan.indexes) >= 6

    def build(number: int) -> list[str]:
        mine = migrate.Plan(steps=plan.indexes[number:] + plan.indexes[:number])
        migrate.apply(house.database, mine)
        return mine.failed

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(build, range(3))) == [[], [], []]
    assert migrate.plan(house.database, wanted.entities.values()).steps == []


def test_the_database_refuses_to_change_or_delete_rows_of_a_ledger(house: House) -> None:
    with house.writing() as unit:
        number = house.add(unit, "shop.booking", {"text": "Opening", "amount": Decimal(5)})
    table = house.table("shop.booking").table
    for statement in (table.update().values(f_amount=7), table.delete(), table.update().values(trashed_at=None)):
        with pytest.raises(Exception, match="(?i)ledger|not available"), house.writing() as unit:
            unit.connection.execute(statement)
    house.become(with_field(SHOP, "booking", Field("later", "text")))
    with pytest.raises(Exception, match="(?i)ledger|not available"), house.writing() as unit:
        unit.connection.execute(house.table("shop.booking").table.update().values(f_later="x"))
    with house.writing() as unit:
        unit.connection.execute(table.update().where(table.c.id == number).values(display_title="Opening"))


def test_swept_columns_go_only_when_asked(house: House) -> None:
    house.become(with_field(SHOP, "item", Field("floor", "integer", indexed=True)))
    house.generation = build_from((SHOP,))
    plan = migrate.plan(house.database, house.generation.entities.values(), [("shop__item", "f_floor")])
    assert [step.words for step in plan.destructive] == ["Drop the column f_floor of shop__item, whose field was removed"]
    migrate.apply(house.database, plan)
    assert migrate.plan(house.database, [], [("shop__item", "f_floor")]).destructive
    migrate.apply(
        house.database, migrate.plan(house.database, house.generation.entities.values(), [("shop__item", "f_floor")]), destructive=True
    )
    migrate.apply(house.database, migrate.plan(house.database, house.generation.entities.values()))
    again = migrate.plan(house.database, house.generation.entities.values(), [("shop__item", "f_floor")])
    assert again.steps == []


def test_honest_names_become_tables(house: House) -> None:
    words = Plugin("order", entities=(replace(ITEM, plugin="order", name="select", fields=(
        Field("from", "text", unique=True), Field("user", "text", unique=("from",)), Field("a" * 60, "text", indexed=True),
        Field("b" * 60, "money"), Field("group", "references", to=("order.select",)),
        Field("c" * 60, "lines", fields=(Field("order", "text"),)))), replace(BOOKING, plugin="order", name="x" * 40)))
    house.become(words)
    assert migrate.plan(house.database, house.generation.entities.values()).steps == []
