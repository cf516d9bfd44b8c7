"""Making and changing records: what is taken in, what is refused, what follows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from core.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from core.services import records
from core.services.preparing import NOT_HERE, REQUIRED
from tests.writing.world import Record, Refusal, World


def test_a_new_record_has_its_number_title_and_derived_values(world: World) -> None:
    customer = world.customer(city="Ghent")
    order = world.order(by=world.clerk, customer=customer.id, quantity=4)
    assert order["total"] == Decimal("6.00") and order["double"] == Decimal("12.00")
    assert order["number"].startswith("O-") and order["display_title"] == f"{order['number']} {customer['name']}"
    assert order["state"] == "new" and order.version == 1
    assert order["seller"] == world.clerk.person == order["created_by"]
    assert order["ship_to"] == "Ghent" == order["town"] and order["name_then"] == customer["name"]
    assert world.raw(order)["department_id"] == world.east


def test_unknown_invisible_and_read_only_fields_are_refused_with_one_sentence(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        world.create("customer", by=world.clerk, name="n", nonsense=1, secretly="x", orders=3)
    assert caught.value.errors == {name: [NOT_HERE] for name in ("nonsense", "secretly", "orders")}
    order = world.order()
    for name, value in {"fixed": "x", "total": 1, "number": "O-1", "state": "done", "id": 4, "none": 1}.items():
        with pytest.raises(Invalid) as caught:
            world.change(order, by=world.clerk, **{name: value})
        assert caught.value.errors == {name: [NOT_HERE]}, name


def test_all_problems_are_said_at_once(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        world.create("order", quantity=2000, kind="huge", parts=[{"count": 2}])
    assert set(caught.value.errors) == {"customer", "quantity", "kind", "parts", "why"}


def test_required_if_and_show_if_hold(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        world.order(quantity=101)
    assert caught.value.errors == {"why": [REQUIRED]}
    assert world.order(quantity=101, why="big")["why"] == "big"
    with pytest.raises(Invalid):
        world.order(by=world.clerk.via("api"), quantity=5, why="small")
    assert world.order(by=world.clerk, quantity=5, why="small")["why"] is None


def test_read_only_if_restricts_unless_it_is_false(world: World) -> None:
    order = world.order(terms="net 30")
    world.change(order, by=world.clerk, terms="net 60")
    world.change(order, by=world.clerk, locked=True)
    with pytest.raises(Invalid) as caught:
        world.change(order, by=world.clerk, terms="net 90")
    assert set(caught.value.errors) == {"terms"}


def test_set_once_holds(world: World) -> None:
    order = world.order()
    order = world.change(order, code="A")
    with pytest.raises(Invalid):
        world.change(order, code="B")
    assert world.change(order, code="A").version == order.version


def test_check_constraints_say_their_message(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        world.order(due=date(2026, 3, 1))
    assert caught.value.errors == {"": ["It cannot be due in the past."]}
    assert world.order(due=date(2026, 3, 2))["due"] == date(2026, 3, 2)


def test_soft_warnings_are_told_and_do_not_refuse(world: World) -> None:
    order = world.order(note="a note that is longer than twenty")
    assert set(order.extra["warnings"]) == {"note"}


def test_a_form_limits_what_a_role_may_give(world: World) -> None:
    customer = world.customer()
    order = world.create("order", by=world.guest, form="quick", customer=customer.id, quantity=1)
    assert order["seller"] == world.guest.person
    with pytest.raises(Invalid) as caught:
        world.create("order", by=world.guest, customer=customer.id, quantity=1, note="x")
    assert caught.value.errors == {"note": [NOT_HERE]}
    world.change(order, by=world.guest, note="mine")
    with pytest.raises(Forbidden):
        world.create("room", by=world.guest, code="R")


def test_records_out_of_sight_do_not_exist_and_rows_beyond_write_rows_are_forbidden(world: World) -> None:
    order = world.order(by=world.clerk)
    with pytest.raises(NotFound):
        world.change(order, by=world.guest, note="x")
    with pytest.raises(Forbidden):
        world.change(order, by=world.porter, note="x")
    with pytest.raises(NotFound):
        records.change(world.platform, world.clerk, "works.order", 2**53 + 1, {"note": "x"})


def test_a_snapshot_follows_the_choice_and_not_the_chosen(world: World) -> None:
    first, second = world.customer(city="Ghent"), world.customer(city="Lille")
    order = world.order(customer=first.id)
    world.change(first, name=world.name("renamed"), city="Bruges")
    now = world.get(order)
    assert now["name_then"] == first["name"] and now["ship_to"] == "Ghent"
    assert now["town"] == "Bruges" and now["display_title"] != order["display_title"]
    now = world.change(order, customer=second.id)
    assert now["name_then"] == second["name"] and now["ship_to"] == "Ghent"
    other = world.order(customer=first.id)
    assert world.change(other, customer=second.id)["ship_to"] == "Lille", "an untouched default is taken again"


def test_rollups_follow_their_children(world: World) -> None:
    customer = world.customer()
    assert customer["orders"] == 0 and customer["ordered"] == Decimal(0)
    first = world.order(customer=customer.id, quantity=2)
    second = world.order(customer=customer.id, quantity=4)
    now = world.get(customer)
    assert (now["orders"], now["ordered"], now.version) == (2, Decimal("9.00"), customer.version)
    world.change(second, quantity=6)
    assert world.get(customer)["ordered"] == Decimal("12.00")
    world.move(second, "cancel", reason="no more")
    assert world.get(customer)["ordered"] == Decimal("3.00")
    other = world.customer()
    world.change(first, customer=other.id)
    assert (world.get(customer)["orders"], world.get(other)["orders"]) == (1, 1)
    world.delete(first)
    assert world.get(other)["orders"] == 0 and world.get(other)["ordered"] == Decimal(0)
    records.restore(world.platform, world.system, "works.order", first.id)
    assert world.get(other)["orders"] == 1


def test_lines_are_updated_added_and_left_out_by_id(world: World) -> None:
    order = world.order(parts=[{"item": "bolt", "each": "0.10", "count": 3}, {"item": "nut"}])
    bolt, nut = order["parts"]
    assert bolt["sum"] == Decimal("0.30") and nut["count"] == 1 and nut["sum"] is None
    order = world.change(order, parts=[{"item": "washer"}, {"id": bolt["id"], "count": 5}])
    washer, changed = order["parts"]
    assert (washer["item"], washer["position"]) == ("washer", 1)
    assert (changed["id"], changed["item"], changed["sum"], changed["position"]) == (bolt["id"], "bolt", Decimal("0.50"), 2)
    with pytest.raises(Invalid):
        world.change(order, parts=[{"id": nut["id"], "item": "gone"}])
    assert world.change(order, parts=[])["parts"] == ()


def test_many_references_are_kept_in_their_order(world: World) -> None:
    tags = [world.create("tag", name=world.name("tag")).id for _ in range(3)]
    order = world.order(tags=[tags[2], tags[0], tags[2]])
    assert order["tags"] == (tags[2], tags[0])
    assert world.change(order, tags=(tags[1],))["tags"] == (tags[1],)


def test_a_target_out_of_sight_is_refused_like_one_that_does_not_exist(world: World) -> None:
    hidden = world.create("tag", name="hidden", hidden=True).id
    said = []
    for number in (hidden, 999_999):
        with pytest.raises(Invalid) as caught:
            world.order(by=world.chief, tags=[number])
        said.append(caught.value.errors)
        with pytest.raises(Invalid) as caught:
            world.order(by=world.chief, parts=[{"item": "x", "tag": number}])
        said.append(caught.value.errors)
    assert said[0] == said[2] and said[1] == said[3]
    order = world.order(by=world.clerk, tags=[hidden])
    assert world.change(order, by=world.chief, note="kept")["note"] == "kept"


def test_the_pickers_where_holds(world: World) -> None:
    asleep = world.customer(active=False)
    with pytest.raises(Invalid) as caught:
        world.order(by=world.clerk, customer=asleep.id)
    assert set(caught.value.errors) == {"customer"}


def test_an_unchanged_record_is_not_written(world: World) -> None:
    order = world.order(note="same")
    assert world.change(order, note="same", quantity=5).version == 1
    assert len(world.log(order)) == 1


def test_a_stale_version_is_refused_and_pages_merge_disjoint_edits(world: World) -> None:
    order = world.order(note="one", terms="t")
    world.change(order, by=world.chief, note="two")
    with pytest.raises(StaleVersion):
        world.change(order, version=1, terms="u")
    merged = world.change(order, version=1, merge=True, terms="u", note="one", quantity=5)
    assert (merged["note"], merged["terms"]) == ("two", "u") and merged.extra["merged"] == ("note",)
    with pytest.raises(StaleVersion) as caught:
        world.change(order, version=1, merge=True, note="three")
    assert caught.value.current["note"] == "two" and caught.value.base_values["note"] == "one"
    assert caught.value.fields == ("note",)


def test_hooks_set_refuse_and_see_what_is_touched(world: World) -> None:
    seen = []

    def save(record, before, change, work):  # type: ignore[no-untyped-def]
        seen.append((change.is_new, change.touches("quantity"), change.touches("note")))
        record["fixed"] = "by hook"
        record["price"] = 2
        if record["note"] == "no":
            raise Refusal("Not this note.", field="note")

    world.on_save = save
    order = world.order(by=world.clerk, quantity=3)
    assert order["fixed"] == "by hook" and order["total"] == Decimal("6.00")
    world.change(order, note="yes")
    assert seen == [(True, True, False), (False, False, True)]
    with pytest.raises(Invalid) as caught:
        world.change(order, note="no")
    assert caught.value.errors == {"note": ["Not this note."]}
    world.checks = lambda record, before, change: {"terms": "Odd terms.", "": ["First.", "Second."]}
    with pytest.raises(Invalid) as caught:
        world.change(order, note="again")
    assert caught.value.errors == {"terms": ["Odd terms."], "": ["First.", "Second."]}


def test_nobody_is_refused_for_the_writes_of_others(world: World) -> None:
    order = world.order(quantity=1)
    others = []

    def save(record, before, change, work):  # type: ignore[no-untyped-def]
        # Whenever the clerk's change has been prepared without the row's lock, somebody else is faster.
        if change.actor is world.clerk and not work._unit.writing:
            with ThreadPoolExecutor(1) as pool:
                others.append(pool.submit(world.change, order, note=f"other {len(others)}").result())

    world.on_save = save
    assert world.change(order, by=world.clerk, terms="mine")["terms"] == "mine"
    assert len(others) > 1 and world.get(order)["note"] == others[-1]["note"]
    assert [one.version for one in world.log(order)] == list(range(len(others) + 2, 0, -1))
    others.clear()
    world.move(order, "cancel", by=world.clerk, reason="done with it")
    assert len(others) > 1 and world.get(order)["note"] == others[-1]["note"]
    with pytest.raises(StaleVersion):
        world.change(order, by=world.clerk, version=1, terms="old")


def test_after_save_writes_in_the_same_operation(world: World) -> None:
    made = []

    def after(record, before, change, work):  # type: ignore[no-untyped-def]
        if before is None:
            made.append(work.create("works.tag", name=f"for {record['number']}"))
            work.change("works.order", record.id, fixed="set after")

    world.after = after
    order = world.order(by=world.guest, form="quick")
    assert world.get(order)["fixed"] == "set after"
    assert world.log(made[0])[0].operation == world.log(order)[0].operation
    assert world.raw(made[0])["created_by"] == world.guest.person


def test_a_refusal_inside_after_save_takes_everything_back(world: World) -> None:
    def after(record, before, change, work):  # type: ignore[no-untyped-def]
        work.create("works.tag", name="orphan")
        work.create("works.room")

    world.after = after
    customer = world.customer()
    with pytest.raises(Invalid):
        world.order(customer=customer.id)
    assert world.get(customer)["orders"] == 0


def test_a_copy_leaves_out_what_is_not_copied(world: World) -> None:
    order = world.order(by=world.clerk, stamp="s", note="n", parts=[{"item": "x"}])
    values = records.copy(world.platform, world.clerk, "works.order", order.id)
    assert values["note"] == "n" and "stamp" not in values and "number" not in values and "id" not in values["parts"][0]
    assert world.create("order", by=world.clerk, **values)["customer"] == order["customer"]


def test_a_record_as_of_an_instant(world: World) -> None:
    order = world.order(note="one")
    first = world.clock.now()
    world.clock.advance(hours=1)
    world.change(order, note="two", quantity=7)
    assert records.as_of(world.platform, world.clerk, "works.order", order.id, first)["note"] == "one"
    assert records.as_of(world.platform, world.clerk, "works.order", order.id, world.clock.now())["quantity"] == 7
    with pytest.raises(NotFound):
        records.as_of(world.platform, world.clerk, "works.order", order.id, first.replace(year=2020))


def test_settings_have_one_record(world: World) -> None:
    number = records.settings(world.platform, world.clerk, "works.setup")
    assert records.settings(world.platform, world.chief, "works.setup") == number
    with pytest.raises(Conflict):
        world.create("setup", greeting="two")
    changed = records.change(world.platform, world.clerk, "works.setup", number, {"greeting": "hello"})
    assert (changed["greeting"], changed["limit"]) == ("hello", 5)


def test_a_ledger_is_only_added_to(world: World) -> None:
    entry = world.create("entry", text="a")
    for attempt in (lambda: world.change(entry, text="b"), lambda: world.delete(entry)):
        with pytest.raises(Conflict):
            attempt()


def test_a_refusal_does_not_name_a_field_out_of_sight(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        world.create("veiled", by=world.clerk, name="n")
    assert caught.value.errors == {"": [REQUIRED]}
    with pytest.raises(Invalid) as caught:
        world.create("veiled", by=world.chief, name="n")
    assert caught.value.errors == {"code": [REQUIRED]}
    world.create("veiled", by=world.chief, name="n", code="taken")
    with pytest.raises(Conflict) as conflict:
        world.create("veiled", by=world.chief, name="m", code="taken")
    assert set(conflict.value.errors) == {"code"}


@pytest.mark.parametrize("bad", [("count", "abc"), ("count", True), ("count", 10**30), ("each", 1.5), ("item", None), ("nope", 1)])
def test_what_a_hook_writes_into_lines_is_brought_into_form_as_well(world: World, bad: tuple[str, Any]) -> None:
    order = world.order(parts=[{"item": "x", "count": 2, "each": "1.50"}])

    def save(record: Record, *_: Any) -> None:
        for line in record["parts"]:
            line[bad[0]] = bad[1]

    world.on_save = save
    with pytest.raises(Invalid) as caught:
        world.change(order, note="a")
    assert list(caught.value.errors) == ["parts"]
    assert world.raw(order)["parts"] == order["parts"]


def test_what_a_hook_changes_within_is_kept_and_logged(world: World) -> None:
    safe = world.create("safe", name="a", data={"on": 1, "more": [1]}, keys=[{"count": 1}])

    def save(record: Record, *_: Any) -> None:
        record["data"]["more"].append(2)
        record["keys"][0]["count"] = 5

    world.on_save = save
    world.change(safe, name="b")
    assert world.raw(safe)["data"] == {"on": 1, "more": [1, 2]} and world.raw(safe)["keys"][0]["count"] == 5
    told = {one.field: one.before for one in world.log(safe)[0].changes}
    assert told["data"] == {"on": 1, "more": [1]} and told["keys"][0]["count"] == 1


def test_a_float_that_equals_a_decimal_is_refused_like_any_other(world: World) -> None:
    order = world.order(price="1.50")

    def save(record: Record, *_: Any) -> None:
        record["price"] = 1.5

    world.on_save = save
    with pytest.raises(Invalid) as caught:
        world.change(order, note="a")
    assert list(caught.value.errors) == ["price"] and world.raw(order)["total"] == order["total"]
