"""Filters: every operator against a plain reading, and what a URL may and may not ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from core.errors import BadRequest
from core.fields import Parsing
from core.storage.query import Condition, Group, Query, parse_filters, parse_sort
from tests.reading.test_sight import ids, live, only
from tests.reading.world import NOW, World

Test = Callable[[Any], bool]
DAY = date(2026, 1, 5)
CASES: list[tuple[str, str, tuple[Any, ...], Test]] = [
    ("due", "eq", (DAY,), lambda v: v == DAY),
    ("due", "ne", (DAY,), lambda v: v != DAY),
    ("due", "lt", (DAY,), lambda v: v < DAY),
    ("due", "le", (DAY,), lambda v: v <= DAY),
    ("due", "gt", (DAY,), lambda v: v > DAY),
    ("due", "ge", (DAY,), lambda v: v >= DAY),
    ("due", "between", (date(2026, 1, 3), DAY), lambda v: date(2026, 1, 3) <= v <= DAY),
    ("cost", "eq", (Decimal("2.50"),), lambda v: v == Decimal("2.5")),
    ("cost", "lt", (Decimal(0),), lambda v: v < 0),
    ("hours", "in", (1, 3), lambda v: v in (1, 3)),
    ("hours", "not_in", (1, 3), lambda v: v not in (1, 3)),
    ("hours", "in", (), lambda v: False),
    ("summary", "contains", ("LAMP",), lambda v: "lamp" in v.lower()),
    ("summary", "starts", ("é",), lambda v: v.startswith("É")),
    ("summary", "contains", ("%",), lambda v: False),
    ("summary", "contains", ("_",), lambda v: False),
    ("urgency", "eq", ("high",), lambda v: v == "high"),
    ("urgency", "ne", ("high",), lambda v: v != "high"),
    ("urgent", "eq", (True,), lambda v: v),
    ("state", "in", ("new", "open"), lambda v: v in ("new", "open")),
    ("requester", "eq", (3,), lambda v: v == 3),
    ("site", "in", (1, 2), lambda v: v in (1, 2)),
]


@pytest.mark.parametrize(
    ("name", "op", "values", "holds"), CASES, ids=[f"{c[0]}-{c[1]}-{n}" for n, c in enumerate(CASES)]
)
def test_an_operator_means_what_it_says_and_leaves_out_empties(
    world: World, name: str, op: str, values: tuple[Any, ...], holds: Test
) -> None:
    found = ids(world, world.actor("desk.chief"), only(name, op, *values))
    assert found == [n for n, v in live(world).items() if v[name] is not None and holds(v[name])]


@pytest.mark.parametrize("name", ["due", "summary", "site", "hours", "tags", "parts", "city"])
def test_emptiness_is_asked_for_by_name(world: World, name: str) -> None:
    chief = world.actor("desk.chief")
    source = "site" if name == "city" else name
    empty = [n for n, v in live(world).items() if v[source] in (None, ())]
    assert ids(world, chief, only(name, "empty", True)) == empty
    assert ids(world, chief, only(name, "empty", False)) == [n for n in live(world) if n not in empty]


def test_many_valued_fields_are_compared_value_by_value(world: World) -> None:
    chief = world.actor("desk.chief")
    assert ids(world, chief, only("tags", "eq", 2)) == [n for n, v in live(world).items() if 2 in v["tags"]]  # type: ignore[operator]
    assert ids(world, chief, only("tags", "ne", 2)) == [
        n for n, v in live(world).items() if v["tags"] and 2 not in v["tags"]
    ]  # type: ignore[operator]
    assert ids(world, chief, only("areas", "contains", "net")) == [
        n for n, v in live(world).items() if "net" in v["areas"]
    ]  # type: ignore[operator]


def test_groups_nest_and_turn_round(world: World) -> None:
    group = Group(
        True,
        (
            Condition("hours", "ge", (4,)),
            Group(False, (Condition("urgency", "eq", ("high",)), Condition("urgent", "eq", (True,)))),
            Group(False, (Condition("site", "eq", (1,)),), negate=True),
        ),
    )
    found = ids(world, world.actor("desk.chief"), Query(where=group, limit=200, sort=(("id", False),)))
    assert found == [
        n
        for n, v in live(world).items()
        if (v["hours"] or 0) >= 4
        or (v["urgency"] == "high" and v["urgent"])  # type: ignore[operator]
        or (v["site"] is not None and v["site"] != 1)
    ]


def read(world: World, args: dict[str, Any], strict: bool = True) -> Group | None:
    with world.reader(world.actor("desk.chief")) as reader:
        return parse_filters(args, reader.entity, reader.visible(), Parsing(), strict, reader.sight().effective)


def test_parameters_become_conditions(world: World) -> None:
    found = read(
        world,
        {
            "urgency": "high",
            "due__between": "2026-01-01,2026-01-05",
            "hours__in": "1, 3",
            "q": "x",
            "sort": "-due",
            "site__empty": "1",
            "summary__contains": "a,b",
            "id": "7",
        },
    )
    assert found == Group(
        False,
        (
            Condition("urgency", "eq", ("high",)),
            Condition("due", "between", (date(2026, 1, 1), DAY)),
            Condition("hours", "in", (1, 3)),
            Condition("site", "empty", (True,)),
            Condition("summary", "contains", ("a,b",)),
            Condition("id", "eq", (7,)),
        ),
    )
    assert read(world, {"urgency": ["high", "low"]}) == Group(False, (Condition("urgency", "in", ("high", "low")),))
    assert read(world, {"q": "x", "limit": "3"}) is None


@pytest.mark.parametrize(
    "args",
    [
        {"nothing": "1"},
        {"due__near": "2026-01-01"},
        {"due": "soon-ish"},
        {"due__between": "2026-01-01"},
        {"site__empty": "perhaps"},
        {"site": str(2**70)},
        {"id": "x"},
        {"hours": "²"},
        {"summary": "a\0b"},
        {"summary": "\ud800"},
        {"hours__in": ",".join(["1"] * 501)},
        {"summary__contains": "x" * 2001},
        {"parts": "1"},
        {"hours": "9" * 5000},
        {"trashed_at__empty": "1"},
        {"__": "1"},
        {"": "1"},
    ],
)
def test_what_cannot_be_asked_is_refused_by_programs_and_left_out_by_pages(world: World, args: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        read(world, args)
    assert read(world, args, strict=False) is None


def test_hidden_names_are_refused_like_unknown_ones(world: World) -> None:
    with world.reader(world.actor("desk.reader")) as reader:
        told = set()
        for name in ("cost", "nothing"):
            with pytest.raises(BadRequest) as caught:
                parse_filters({name: "1"}, reader.entity, reader.visible(), Parsing(), True)
            told.add(caught.value.detail.replace(name, "…"))
            with pytest.raises(BadRequest):
                parse_sort(f"-{name}", reader.entity, reader.visible(), True)
            assert parse_sort(f"-{name},due", reader.entity, reader.visible(), False) == (("due", False),)
        assert len(told) == 1


def test_a_time_given_to_a_filter_is_an_instant(world: World) -> None:
    later = ids(world, world.actor("desk.chief"), only("created_at", "gt", NOW))
    assert later == []
    earlier = ids(world, world.actor("desk.chief"), only("created_at", "lt", NOW))
    assert earlier == list(live(world))
