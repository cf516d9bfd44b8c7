"""Numbers: each drawn once, gap-free where that is promised, whoever fails meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import sqlalchemy as sa

from schemas.model import Field, NumberRule
from tests.functions.together import CLIENTS, together
from tests.soak import amount, lengthened
from tests.storage.house import SHOP, House, with_field


class ChangedMind(Exception):
    pass


@lengthened
def test_eight_processes_draw_every_number_once_and_leave_no_gap(house: House) -> None:
    each = amount(25, 500)

    def attempts_of(client: int) -> list[Callable[[], str]]:
        dice, names = random.Random(client), (f"{client}-{number}" for number in range(each))

        def one(name: str) -> str:
            while True:
                try:
                    with house.writing() as unit:
                        number = house.draw(unit)
                        house.add(unit, "shop.item", {"name": name, "code": number})
                        if dice.random() < 0.1:
                            raise ChangedMind
                    return number
                except ChangedMind:
                    continue

        return [partial(one, name) for name in names]

    outcomes = together(attempts_of)
    assert sorted(outcomes) == [("done", f"IT-2026-{number:04d}") for number in range(1, CLIENTS * each + 1)]
    with house.reading() as unit:
        ids = list(unit.connection.execute(sa.select(house.table().table.c.id)).scalars())
    assert len(ids) == len(set(ids)) == CLIENTS * each


def test_an_id_is_never_given_twice_though_its_row_is_gone(house: House) -> None:
    with house.writing() as unit:
        house.add(unit, "shop.item", {"name": "One"})
        last = house.add(unit, "shop.item", {"name": "Two"})
        unit.connection.execute(house.table().table.delete())
    with house.writing() as unit:
        assert house.add(unit, "shop.item", {"name": "Three"}) > last


@pytest.mark.parametrize(
    ("pattern", "values", "wanted"),
    [
        ("HD-{seq}", {}, ["HD-1", "HD-2"]),
        ("{YYYY}/{MM}/{seq:3}", {}, ["2026/05/001", "2026/05/002"]),
        ("{YY}{DD}-{seq:2}", {}, ["2604-01", "2604-02"]),
        ("{name}-{seq:2}", {"name": "A{seq}"}, ["Aseq-01", "Aseq-02"]),
        ("INV", {}, ["INV00001", "INV00002"]),
    ],
)
def test_patterns_are_filled(house: House, pattern: str, values: dict[str, str], wanted: list[str]) -> None:
    house.become(with_field(SHOP, "item", Field("code", "sequence", number=(NumberRule(pattern),))))
    with house.writing() as unit:
        assert [house.draw(unit, values), house.draw(unit, values)] == wanted


def test_a_counter_begins_anew_when_its_other_tokens_change(house: House) -> None:
    house.become(with_field(SHOP, "item", Field("code", "sequence", unique=("name",), number=(NumberRule("{scope}-{seq:2}"),))))
    with house.writing() as unit:
        assert [house.draw(unit, {"name": name}) for name in ("A", "B", "A")] == ["A-01", "B-01", "A-02"]
    house.clock.advance(days=365)
    house.become(SHOP)
    with house.writing() as unit:
        assert house.draw(unit) == "IT-2027-0001"


def test_ids_follow_rows_that_came_with_their_own(house: House) -> None:
    at = house.clock.now().replace(tzinfo=None)
    if house.database.dialect == "postgresql":
        pytest.skip("there, whoever writes ids settles the sequence")
    with house.writing() as unit:
        unit.connection.execute(house.table().table.insert().values(id=41, version=1, created_at=at, updated_at=at, f_name="Old"))
        assert house.add(unit, "shop.item", {"name": "New"}) == 42


def test_without_any_matching_rule_the_plain_pattern_counts(house: House) -> None:
    plugin = with_field(SHOP, "item", Field("code", "sequence"))
    house.become(replace(plugin))
    with house.writing() as unit:
        assert house.draw(unit) == "00001"
