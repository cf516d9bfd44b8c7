"""Pages: every row once, in the promised order, forwards and backwards, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.access.actor import Actor
from core.errors import BadRequest
from core.fields import kind
from core.storage import paging, planning
from core.storage.query import Condition, Group, Query
from schemas.model import Field
from tests.reading.world import NOW, START, World
from tests.soak import rounds

SORTS = (
    "id",
    "summary",
    "due",
    "cost",
    "hours",
    "urgent",
    "urgency",
    "state",
    "requester",
    "site",
    "city",
    "created_at",
    "display_title",
)


def chief(world: World) -> Actor:
    return world.actor("desk.chief", person=1)


def expected(
    world: World,
    actor: Actor,
    sort: tuple[tuple[str, bool], ...],
    holds: Callable[[dict[str, Any]], bool] = lambda values: True,
) -> list[int]:
    """A naive reading of the contract: sort in Python, empty last, ties by id in the direction of the first key."""
    keys = sort or (("id", True),)
    rows = [(number, values) for number, values in world.tickets.items() if not values["trashed_at"] and holds(values)]
    rows.sort(key=lambda row: row[0], reverse=keys[0][1])
    for name, descending in reversed(keys):  # Python's sorts keep equal rows in their order, reversed ones too
        filled = [row for row in rows if key_of(world, actor, name, *row) is not None]
        empty = [row for row in rows if key_of(world, actor, name, *row) is None]
        filled.sort(key=lambda row: key_of(world, actor, name, *row), reverse=descending)
        rows = filled + empty
    return [number for number, _ in rows]


def key_of(world: World, actor: Actor, name: str, number: int, values: dict[str, Any]) -> Any:
    if name == "id":
        return number
    if name == "created_at":
        return START.timestamp() + number
    if name == "display_title":
        return fold(f"{values['code']} {values['summary'] or ''}".strip())
    value = values[name if name != "city" else "site"]
    if name == "site":
        return None if value is None else (fold(world.titles[value]), value)
    if name == "city":
        return None if value is None else fold(world.titles[value].split(" ", 1)[1])
    if name == "requester":
        return None if value is None else (fold(f"Person {9 - value}"), value)
    return fold(value) if name == "summary" and value is not None else value


def fold(text: str) -> str:
    return str(kind("text").sort_key(Field("any", "text"), text))


@pytest.mark.parametrize("walking", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", SORTS)
def test_every_row_comes_once_and_in_order(
    world: World, name: str, descending: bool, walking: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if walking:
        monkeypatch.setattr(planning, "SMALL", 0)
    paging.forget()
    sort = ((name, descending),)
    wanted = expected(world, chief(world), sort)
    with world.reader(chief(world)) as reader:
        order = planning.order_of(reader.sight(), sort)
    if walking and order.walk == "other":
        pytest.skip("A large set is not sorted by a field without an index.")
    for limit in (4, 60):
        query = Query(sort=sort, limit=limit)
        assert world.all_pages(chief(world), query) == wanted
        assert world.all_pages(chief(world), query, backwards=True) == wanted[::-1]
    paging.forget()


@settings(max_examples=rounds(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    sort=st.lists(st.tuples(st.sampled_from(SORTS), st.booleans()), max_size=3, unique_by=lambda key: key[0]),
    limit=st.integers(1, 30),
    department=st.sampled_from([1, 2, 3]),
)
def test_any_sort_under_a_row_rule_equals_a_plain_sort(
    world: World, sort: list[tuple[str, bool]], limit: int, department: int
) -> None:
    clerk = world.actor("desk.clerk", person=2, department=department)
    named = tuple((name, down) for name, down in sort if name != "cost")
    wanted = expected(world, clerk, named, lambda values: values["department_id"] == department)
    assert world.all_pages(clerk, Query(sort=named, limit=limit)) == wanted
    assert world.all_pages(clerk, Query(sort=named, limit=limit), backwards=True) == wanted[::-1]


def test_the_middle_can_be_left_in_both_directions(world: World) -> None:
    query = Query(sort=(("due", False),), limit=9)
    first = world.page(chief(world), query)
    second = world.page(chief(world), replace(query, after=first.next))
    back = world.page(chief(world), replace(query, before=second.prev))
    assert [item.id for item in back.items] == [item.id for item in first.items]
    assert back.prev is None and back.next is not None
    assert first.prev is None and second.prev is not None


def test_the_last_page_stands_in_the_order_of_the_list(world: World) -> None:
    wanted = expected(world, chief(world), (("due", True),))
    page = world.page(chief(world), Query(sort=(("due", True),), limit=8, last=True))
    assert [item.id for item in page.items] == wanted[-8:]
    assert page.next is None and page.prev is not None


def test_a_cursor_is_good_for_its_own_list_only(world: World) -> None:
    page = world.page(chief(world), Query(sort=(("due", False),), limit=5))
    assert page.next is not None
    urgent = Group(False, (Condition("urgent", "eq", (True,)),))
    for query in (
        Query(sort=(("due", True),), after=page.next),
        Query(sort=(("cost", False),), after=page.next),
        Query(sort=(("due", False),), where=urgent, after=page.next),
        Query(q="lamp", after=page.next),
        Query(sort=(("due", False),), after=page.next[:-3] + "abc"),
        Query(after="§§"),
        Query(after="e30"),
        Query(before="x" * 5000),
    ):
        with pytest.raises(BadRequest):
            world.page(chief(world), query)


def test_totals_are_told_when_asked_or_when_one_page_holds_all(world: World) -> None:
    number = len(expected(world, chief(world), ()))
    assert world.page(chief(world), Query(limit=10)).total is None
    assert world.page(chief(world), Query(limit=10, count=True)).total == number
    assert world.page(chief(world), Query(limit=200)).total == number
    with world.reader(chief(world)) as reader:
        assert reader.count(Query()) == (number, False)


def test_a_large_set_sorted_without_an_index_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "SMALL", 10)
    paging.forget()
    page = world.page(chief(world), Query(sort=(("hours", False),), limit=50))
    newest = expected(world, chief(world), ())[:10]
    assert sorted(item.id for item in page.items) == sorted(newest)
    assert page.notes
    paging.forget()


def test_trash_is_another_set_of_rows(world: World) -> None:
    trashed = {number for number, values in world.tickets.items() if values["trashed_at"]}
    page = world.page(chief(world), Query(limit=200, trashed=True))
    assert {item.id for item in page.items} == trashed and trashed
    assert not trashed & set(world.all_pages(chief(world), Query(limit=50)))


def test_the_default_order_is_that_of_the_default_view(world: World) -> None:
    assert world.all_pages(chief(world), Query(limit=50)) == expected(world, chief(world), (("id", True),))


def test_a_view_that_looks_at_the_clock_is_asked_anew_each_time(world: World) -> None:
    from_view = Query(expression="due < today()", sort=(("due", False),), limit=200)
    wanted = expected(
        world, chief(world), (("due", False),), lambda values: values["due"] is not None and values["due"] < NOW.date()
    )
    assert world.all_pages(chief(world), from_view) == wanted
