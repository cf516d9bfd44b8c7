"""Two databases that differ only in what a reader may not see answer everything alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.storage import paging, planning
from core.storage.facets import facets
from core.storage.query import Condition, Group, Query
from core.storage.sight import Sight
from core.storage.unit import Unit
from tests.reading.world import World


class Other(World):
    """The same desk with other values wherever department 1's deputy may not look."""

    def put(self, unit: Unit, name: str, number: int, values: Mapping[str, Any]) -> None:
        changed = dict(values)
        if name == "desk.ticket":
            if values["department_id"] != 1:
                hours, cost = 9 - (values["hours"] or 0), Decimal("99.25") - number
                changed |= {"note": "otherword elsewhere", "hours": hours, "cost": cost}
        elif name == "desk.site" and number % 3 == 0:
            changed |= {"code": f"A{number}", "city": "Atlantis", "rent": Decimal(7)}
        elif name == "directory.person":
            changed["salary"] = Decimal(1)
        super().put(unit, name, number, changed)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def worlds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    made = []
    for kind in (World, Other):
        folder: Path = tmp_path_factory.mktemp(kind.__name__)
        if request.param == "sqlite":
            url = f"sqlite:///{folder / 'desk.db'}"
        else:
            url = request.getfixturevalue("postgres").fresh()
        world = kind(url, folder)
        world.database.secret = b"one key for both"
        world.fill(60)
        made.append(world)
    yield made[0], made[1]
    for world in made:
        world.database.dispose()


def only(*conditions: Condition, negate: bool = False) -> Group:
    return Group(False, conditions, negate)


QUERIES = [
    Query(),
    *(Query(sort=((name, down),), limit=7) for down in (False, True)
      for name in ("hours", "site", "city", "due", "display_title", "requester", "summary")),
    *(Query(sort=(("hours", True), ("site", False), ("id", True)), limit=9, last=last) for last in (False, True)),
    *(Query(where=only(Condition("hours", op, (3,)), negate=turned)) for op in ("eq", "ne", "lt", "ge")
      for turned in (False, True)),
    *(Query(where=only(Condition("hours", "empty", (empty,)))) for empty in (True, False)),
    *(Query(where=only(Condition("note", "contains", (word,)))) for word in ("secretword", "otherword", "e")),
    *(Query(where=only(Condition("city", op, ("a",)))) for op in ("contains", "starts")),
    *(Query(where=only(Condition("city", "empty", (empty,)))) for empty in (True, False)),
    *(Query(expression=source) for source in (
        "cost > 0", "cost == None", "hours > 3", "not (hours > 3)", "hours == None or due < today()", "site.city != None",
        "site.city == 'Atlantis'", "not (site.city == 'Atlantis')", "is_empty(note)", "len(note) > 3")),
    *(Query(q=text) for text in ("secretword1", "otherword", "paper", "elsewhere", "atlantis", "99", "lamp", "t")),
]  # fmt: skip


def answers(world: World, query: Query) -> Any:
    actor = world.actor("desk.reader", "desk.deputy", person=1, department=1)
    with world.reader(actor) as reader:
        page = reader.page(query)
        rows = reader.rows(query)
        told = [(dict(item), item.labels, item.masked) for item in page.items]
        counted = reader.count(query), facets(reader, query, ["site", "urgency", "state", "hours"])
        return told, rows.rows, page.next, page.prev, page.total, page.notes, counted


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_nothing_tells_two_worlds_apart(
    worlds: tuple[World, World], large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(planning, "SMALL", 5)
    paging.forget()
    for query in QUERIES:
        first, second = (answers(world, query) for world in worlds)
        assert first == second, query
    paging.forget()


def test_sites_and_pickers_tell_nothing_either(worlds: tuple[World, World]) -> None:
    def told(world: World) -> Any:
        actor = world.actor("desk.reader", person=1)
        with world.reader(actor, "desk.site") as reader:
            found = [reader.lookup(text) for text in ("", "a", "s", "atl", "city")]
            keys = [reader.find_key(text) for text in ("S3", "A3", "S1")]
            return found, keys, reader.count(Query()), reader.page(Query(sort=(("display_title", False),)))

    first, second = (told(world) for world in worlds)
    assert repr(first) == repr(second)


def test_the_two_worlds_do_differ(worlds: tuple[World, World]) -> None:
    def whole(world: World) -> list[Any]:
        return [dict(item) for item in world.page(world.actor("desk.chief"), Query(limit=100)).items]

    assert whole(worlds[0]) != whole(worlds[1])


@pytest.mark.parametrize("taken", ["shown", "titled"])
def test_without_a_restriction_they_would_be_told_apart(
    worlds: tuple[World, World], taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sight, taken, {"shown": lambda sight, name: None, "titled": lambda sight: sa.true()}[taken])
    paging.forget()
    told = [query for query in QUERIES if answers(worlds[0], query) != answers(worlds[1], query)]
    monkeypatch.undo()
    paging.forget()
    assert told
