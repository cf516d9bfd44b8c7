"""Large sets are walked along an index: twenty thousand tickets, clustered by department and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.access.actor import Actor
from core.storage import paging, planning
from core.storage.query import Condition, Group, Query
from core.storage.reading import Reader
from core.storage.tables import entity_table
from schemas.model import Plugin, View
from tests.reading.bulk import fill
from tests.reading.heard import heard
from tests.reading.world import DESK, World

COUNT = 20_000


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Many tickets; every department's rows lie together, the first department's are the oldest."""
    folder: Path = tmp_path_factory.mktemp("large")
    if request.param == "sqlite":
        url = f"sqlite:///{folder / 'large.db'}"
    else:
        url = request.getfixturevalue("postgres").fresh()
    made = World(url, folder, _by_state())
    made.fill(0)
    fill(made, COUNT)
    if request.param == "postgresql":
        with made.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("analyze"))  # as its own housekeeping does after a load
    yield made
    made.database.dispose()


def _by_state() -> Plugin:
    """The desk whose list of tickets opens with those that are not done."""
    entities = []
    for entity in DESK.entities:
        if entity.name == "ticket":
            opening = View("open", sort=("due",), where="state in ['new', 'open']", default=True)
            entity = replace(entity, views=(opening, *(replace(view, default=False) for view in entity.views)))
        entities.append(entity)
    return replace(DESK, entities=tuple(entities))


def picks(world: World, actor: Actor, query: Query) -> list[list[str]]:
    """How the engine finds the ids of a page, for each statement that looks for some."""
    paging.forget()
    with world.reader(actor) as reader:
        with heard(reader.unit.connection) as seen:
            reader.page(query)
        found: list[list[str]] = []
        for statement, parameters in seen:
            if world.database.dialect == "postgresql":
                told = reader.unit.connection.exec_driver_sql(f"explain {statement}", parameters)  # type: ignore[arg-type]
                found.append([str(row[0]) for row in told])
                continue
            rows = reader.unit.connection.exec_driver_sql(f"explain query plan {statement}").all()
            inside = {row[0] for row in rows if row[3] in {"CO-ROUTINE p", "MATERIALIZE p"}}
            for row in rows:
                if row[1] in inside:
                    inside.add(row[0])
            if inside:
                found.append([row[3] for row in rows if row[1] in inside])
        return found


@pytest.mark.parametrize("name", ["id", "due", "summary", "site", "requester", "cost"])
@pytest.mark.parametrize("descending", [False, True])
def test_an_indexed_sort_of_everything_sorts_nothing(large: World, name: str, descending: bool) -> None:
    chief = large.actor("desk.chief", person=1)
    sort = ((name, descending),)
    if large.database.dialect == "postgresql" and name in {"site", "requester"}:
        pytest.skip("With eight targets a fifth of the table each, reading all of it is PostgreSQL's better plan.")
    # Rows without a readable label come last, gathered from two indexes, so the end of such a list sorts a page of ids.
    queries = [Query(sort=sort)] if name in {"site", "requester"} else [Query(sort=sort), Query(sort=sort, last=True)]
    for query in queries:
        found = picks(large, chief, query)
        assert found
        for plan in found:
            assert not [step for step in plan if "TEMP B-TREE" in step or "Seq Scan on desk__ticket" in step], plan


def test_row_rules_by_department_are_read_department_by_department(large: World) -> None:
    clerk = large.actor("desk.clerk", person=1, department=1)
    for sort in ((("due", False),), (("id", True),)):
        query = Query(sort=sort, limit=50)
        page = large.page(clerk, query)
        assert len(page.items) == 50 and all(item["department_id"] == 1 for item in page.items)


def test_rules_of_several_arms_are_read_arm_by_arm_and_each_row_once(large: World) -> None:
    keeper = large.actor("desk.keeper", person=2)
    wanted = {n for n, site, requester in _people(large) if site in {1, 3, 5} or requester == 2}
    for sort in ((("id", True),), (("due", False),)):
        found = large.all_pages(keeper, Query(sort=sort, limit=900))
        assert len(found) == len(wanted) and set(found) == wanted
        assert large.all_pages(keeper, Query(sort=sort, limit=900), backwards=True) == found[::-1]
    for plan in picks(large, keeper, Query(sort=(("id", True),)))[-1:]:
        assert not [step for step in plan if "SCAN desk__ticket" in step or "Seq Scan on desk__ticket" in step], plan


def test_what_is_asked_for_among_what_may_be_read_is_read_from_one_index(large: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "SMALL", 20)
    clerk = large.actor("desk.clerk", person=1, department=1)
    chief = large.actor("desk.chief", person=1)
    state = Group(False, (Condition("state", "in", ("new", "open")),))
    with large.reader(chief) as reader:
        wanted = {item.id for item in reader.walk(Query(limit=1000, where=state, fields=("department_id",))) if item["department_id"] == 1}
    query = Query(sort=(("due", False),), where=state, limit=300)
    found = large.all_pages(clerk, query)
    assert len(found) == len(wanted) > 300 and set(found) == wanted
    assert large.all_pages(clerk, query, backwards=True) == found[::-1]
    table = entity_table(large.generation.entity("desk.ticket"), large.database.dialect).table
    both = [tuple(column.name for column in index.columns)[:2] for index in table.indexes]
    assert ("department_id", "state") in both and ("f_requester", "state") in both
    if large.database.dialect == "sqlite":
        for plan in picks(large, clerk, query):
            assert any("department_id=? AND state=?" in step for step in plan), plan


def _people(world: World) -> list[tuple[int, int | None, int | None]]:
    with world.reader(world.actor("desk.chief")) as reader:
        fields = ("site", "requester")
        return [(item.id, item["site"], item["requester"]) for item in reader.walk(Query(limit=1000, fields=fields))]


def test_pages_of_a_large_set_lose_and_double_nothing(large: World) -> None:
    chief = large.actor("desk.chief", person=1)
    urgent = Group(False, (Condition("urgency", "eq", ("high",)),))
    for sort in ((("due", True),), (("site", False),), (("id", True),)):
        found = large.all_pages(chief, Query(sort=sort, limit=500, where=urgent))
        back = large.all_pages(chief, Query(sort=sort, limit=500, where=urgent), backwards=True)
        assert len(found) == len(set(found)) and found == back[::-1]
    with large.reader(chief) as reader:
        assert reader.count(Query()) == (10_000, True)
        assert len(found) == sum(1 for _ in reader.walk(Query(where=urgent)))


def test_plans_for_small_and_for_large_sets_give_the_same_pages(
    large: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chief = large.actor("desk.chief", person=1)
    where = Group(False, (Condition("id", "le", (1500,)),))
    for sort in ((("due", True),), (("site", False),), (("summary", True),), (("id", False),)):
        small = large.all_pages(chief, Query(sort=sort, limit=400, where=where))
        monkeypatch.setattr(planning, "SMALL", 0)
        paging.forget()
        assert large.all_pages(chief, Query(sort=sort, limit=400, where=where)) == small
        monkeypatch.undo()
        paging.forget()


def test_a_cursor_made_by_one_plan_is_good_for_the_other(large: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chief = large.actor("desk.chief", person=1)
    query = Query(sort=(("due", False),), limit=40, where=Group(False, (Condition("id", "le", (1500,)),)))
    with large.reader(chief) as reader:
        assert isinstance(reader, Reader)
        first = reader.page(query)
        rest = [item.id for item in reader.walk(query)][40:80]
    monkeypatch.setattr(planning, "SMALL", 0)
    paging.forget()
    from_there = large.page(chief, Query(sort=query.sort, limit=40, where=query.where, after=first.next))
    assert [item.id for item in from_there.items] == rest
    paging.forget()
