"""What a reader may not see does not show: not as value, label, order, filter, search, count or facet."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.errors import BadRequest, NotFound
from core.storage.facets import facets
from core.storage.query import Condition, Group, Query
from tests.reading.world import World


def only(field: str, op: str, *values: object) -> Query:
    return Query(where=Group(False, (Condition(field, op, values),)), limit=200, sort=(("id", False),))


def ids(world: World, actor: object, query: Query, entity: str = "desk.ticket") -> list[int]:
    return [item.id for item in world.page(actor, query, entity).items]  # type: ignore[arg-type]


def live(world: World) -> dict[int, dict[str, object]]:
    return {number: values for number, values in world.tickets.items() if not values["trashed_at"]}


def test_each_role_reads_its_rows(world: World) -> None:
    clerk = world.actor("desk.clerk", person=3, department=2)
    own = world.actor("desk.requester", person=3)
    worker = world.actor("desk.worker", person=3)
    nobody = world.actor("desk.clerk", "desk.requester", "desk.worker")
    everything = Query(limit=200, sort=(("id", False),))
    assert ids(world, clerk, everything) == [n for n, v in live(world).items() if v["department_id"] == 2]
    assert ids(world, own, everything) == [n for n, v in live(world).items() if v["requester"] == 3]
    assert ids(world, worker, everything) == [n for n, v in live(world).items() if v["assignee"] == 3]
    assert ids(world, nobody, everything) == []


def test_two_roles_add_up_row_by_row(world: World) -> None:
    both = world.actor("desk.reader", "desk.clerk", person=1, department=1)
    page = world.page(both, Query(limit=200))
    assert len(page.items) == len(live(world))
    for item in page.items:
        values = world.tickets[item.id]
        mine = values["department_id"] == 1
        assert ("note" in item) == mine and ("hours" in item) == mine
        assert item.masked == (("cost",) if mine else ())
        assert item.get("cost") is None and ("cost" in item) == mine
        if mine:
            assert item["note"] == values["note"] and item["hours"] == values["hours"]


def test_a_field_that_shows_on_some_rows_is_compared_on_these_only(world: World) -> None:
    both = world.actor("desk.reader", "desk.clerk", person=1, department=1)
    mine = {n: v for n, v in live(world).items() if v["department_id"] == 1}
    assert ids(world, both, only("hours", "ge", 2)) == [
        n for n, v in mine.items() if v["hours"] is not None and v["hours"] >= 2
    ]  # type: ignore[operator]
    assert ids(world, both, only("hours", "empty", True)) == [n for n, v in mine.items() if v["hours"] is None]
    turned = Query(
        where=Group(False, (Group(False, (Condition("hours", "ge", (2,)),), negate=True),)),
        limit=200,
        sort=(("id", False),),
    )
    assert ids(world, both, turned) == [n for n, v in mine.items() if v["hours"] is not None and v["hours"] < 2]  # type: ignore[operator]


def test_a_sort_counts_what_a_row_hides_as_empty(world: World) -> None:
    both = world.actor("desk.reader", "desk.clerk", person=1, department=1)
    found = world.all_pages(both, Query(sort=(("hours", False),), limit=7))
    shown = [n for n, v in live(world).items() if v["department_id"] == 1 and v["hours"] is not None]
    shown.sort(key=lambda n: (world.tickets[n]["hours"], n))
    assert found == shown + sorted(n for n in live(world) if n not in shown)


@pytest.mark.parametrize(
    "name", ["cost", "nothing", "note", "salary", "secret", "trashed_at", "title_key", "chain_hash"]
)
def test_hidden_masked_and_unknown_names_are_refused_alike(world: World, name: str) -> None:
    reader = world.actor("desk.reader", person=1)
    told = set()
    for query in (only(name, "eq", Decimal(1)), Query(sort=((name, True),)), Query(fields=(name,))):
        with pytest.raises(BadRequest) as caught:
            world.page(reader, query)
        told.add(caught.value.detail.replace(name, "…"))
    assert len(told) == 1


def test_unreadable_and_unknown_records_answer_alike(world: World) -> None:
    clerk = world.actor("desk.clerk", person=3, department=2)
    other = next(n for n, v in live(world).items() if v["department_id"] == 1)
    gone = next(n for n, v in world.tickets.items() if v["trashed_at"])
    told = set()
    for number in (other, gone, 99_999, 0, -1, 2**70):
        with world.reader(clerk) as reader, pytest.raises(NotFound) as caught:
            reader.get(number)
        told.add(caught.value.detail)
    assert len(told) == 1


def test_labels_show_readable_titles_only(world: World) -> None:
    for roles, readable in (
        (("desk.reader",), {1, 2, 4, 5}),
        (("desk.reader", "desk.clerk"), {1, 2, 3, 4, 5, 6}),
        (("desk.chief", "desk.blind"), {1, 2, 4, 5}),
    ):
        if "desk.chief" in roles:
            continue
        actor = world.actor(*roles, person=1, department=1)
        for item in world.page(actor, Query(limit=200)).items:
            site = world.tickets[item.id]["site"]
            assert item["site"] == site
            if site is not None:
                assert item.labels["site"] == (world.titles[site] if site in readable else None)
            for target, line in zip(item.labels["parts"], item["parts"], strict=True):
                place = line["from_site"]
                assert target["from_site"] == (world.titles[place] if place in readable else None)


def test_a_title_is_withheld_where_one_of_its_fields_is(world: World) -> None:
    blind = world.actor("desk.blind", person=1)
    shown = {item.id: item["display_title"] for item in world.page(blind, Query(limit=50), "desk.site").items}
    assert shown == {n: (world.titles[n] if n % 3 else None) for n in range(1, 7)}
    begins = only("display_title", "starts", "S3")
    assert ids(world, blind, begins, "desk.site") == []


def test_looked_up_values_follow_the_rights_of_their_source(world: World) -> None:
    reader = world.actor("desk.reader", person=1)
    for item in world.page(reader, Query(limit=200)).items:
        site = world.tickets[item.id]["site"]
        city = world.titles[site].split(" ", 1)[1] if site and site % 3 else None
        assert item["city"] == city
    hidden = [n for n, v in live(world).items() if v["site"] in {3, 6}]
    assert not set(ids(world, reader, only("city", "contains", "city"))) & set(hidden)


def test_many_values_come_with_their_labels(world: World) -> None:
    chief = world.actor("desk.chief")
    for item in world.page(chief, Query(limit=200)).items:
        values = world.tickets[item.id]
        assert item["tags"] == values["tags"]
        assert item.labels["tags"] == tuple(f"Tag {number}" for number in values["tags"])
        assert [(line["part"], line["count"], line["from_site"]) for line in item["parts"]] == [
            (line["part"], line["count"], line["from_site"]) for line in values["parts"]
        ]


def test_a_view_that_filters_by_something_hidden_tells_nothing(world: World) -> None:
    reader = world.actor("desk.reader", person=1)
    assert ids(world, reader, Query(expression="cost > 0", limit=200)) == []
    both = world.actor("desk.reader", "desk.clerk", person=1, department=1)
    assert set(ids(world, both, Query(expression="hours >= 0 or hours == None", limit=200))) == {
        n for n, v in live(world).items() if v["department_id"] == 1
    }
    through = Query(expression="site.city != None", limit=200)
    assert not {world.tickets[n]["site"] for n in ids(world, reader, through)} & {3, 6}


def test_facets_count_what_is_readable(world: World) -> None:
    clerk = world.actor("desk.clerk", person=3, department=2)
    with world.reader(clerk) as reader:
        by_name = {facet.field: facet for facet in facets(reader, Query())}
    mine = [v for v in live(world).values() if v["department_id"] == 2]
    assert {one.value: one.count for one in by_name["urgency"].values} == {
        name: number for name in ("low", "normal", "high") if (number := sum(v["urgency"] == name for v in mine))
    }
    assert set(by_name) == {"state", "urgency", "site"}
    with world.reader(world.actor("desk.reader")) as reader:
        hidden = next(facet for facet in facets(reader, Query(), ["site"]))
        assert {one.value for one in hidden.values if one.label is None} <= {3, 6}
        assert facets(reader, Query(), ["cost", "note", "nothing"]) == []


def test_a_facet_is_not_narrowed_by_its_own_filter(world: World) -> None:
    chief = world.actor("desk.chief")
    with world.reader(chief) as reader:
        (facet,) = facets(reader, only("urgency", "eq", "high"), ["urgency"])
    assert {one.value for one in facet.values} == {"low", "normal", "high"}


def test_a_page_takes_few_statements_whatever_its_size(world: World, statements: list[object]) -> None:
    both = world.actor("desk.reader", "desk.clerk", person=1, department=1)
    counts = []
    for limit in (2, 50):
        with world.reader(both) as reader:
            begin = len(statements)
            reader.page(Query(limit=limit, sort=(("due", True),)))
            counts.append(len(statements) - begin)
    assert max(counts) <= 5
    with world.reader(both) as reader:
        begin = len(statements)
        reader.rows(Query(limit=50, fields=("code", "summary", "due", "requester", "assignee", "site", "city")))
        assert len(statements) - begin <= 2


def test_plain_rows_withhold_what_records_withhold(world: World) -> None:
    both = world.actor("desk.reader", "desk.clerk", person=1, department=1)
    query = Query(limit=200)
    with world.reader(both) as reader:
        rows, page = reader.rows(query), reader.page(query)
    for number, row, record in zip(rows.ids, rows.rows, page.items, strict=True):
        assert number == record.id
        for name, cell in rows.cells.items():
            assert row[cell.index] == record.get(name)
            if cell.label >= 0 and name in record:
                assert row[cell.label] == record.labels[name]


def test_keys_and_pickers_find_readable_records_only(world: World) -> None:
    everyone, chief = world.actor(), world.actor("desk.chief")
    for actor, found in ((everyone, None), (chief, 3)):
        with world.reader(actor, "desk.site") as reader:
            assert reader.find_key("S3") == found
            assert reader.find_key("S1") == 1
            assert reader.find_key("nothing") is None
            assert [number for number, _ in reader.lookup("s3")] == ([3] if found else [])
            assert len(reader.lookup("city", 3)) == 3
            assert all(number % 3 for number, _ in reader.lookup("", 20, where="public"))
            inside = reader.lookup("1", 20)
            assert inside and all("1" in str(title) for _, title in inside)
            assert any(not str(title).startswith("1") for _, title in inside)
