"""Deleting and the way back: references, the trash, undo of whole operations, changes to many records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from core.services import audit, bulk, looking, records, trash, undo
from core.services.bulk import Selection
from core.services.work import Work
from core.storage import rows
from core.storage.query import Condition, Group, Query
from tests.houses import house as small_house
from tests.writing.world import NOW, Record, World


def gone(world: World, record: Record) -> bool:
    return world.raw(record).extra["trashed_at"] is not None


def operation(world: World, record: Record) -> str:
    return world.log(record)[0].operation


def test_deleting_moves_to_the_trash_and_restoring_brings_back(world: World) -> None:
    customer = world.customer()
    world.delete(customer, by=world.clerk)
    with pytest.raises(NotFound):
        world.get(customer)
    for attempt in (lambda: world.change(customer, city="x"), lambda: world.delete(customer)):
        with pytest.raises(NotFound):
            attempt()
    back = records.restore(world.platform, world.clerk, "works.customer", customer.id)
    assert (back["name"], back.version) == (customer["name"], 3)
    assert [one.action for one in world.log(customer)] == ["restore", "trash", "create"]


def test_deleting_needs_the_right_and_the_version(world: World) -> None:
    order = world.order(by=world.clerk)
    with pytest.raises(Forbidden):
        world.delete(order, by=world.porter)
    with pytest.raises(NotFound):
        world.delete(order, by=world.guest)
    with pytest.raises(StaleVersion):
        records.delete(world.platform, world.clerk, "works.order", order.id, 7)
    with pytest.raises(Conflict):
        records.delete(world.platform, world.system, "works.setup",
                       records.settings(world.platform, world.system, "works.setup"))


def test_a_record_in_use_is_not_deleted_and_not_told_by_whom(world: World) -> None:
    order = world.order()
    with pytest.raises(Conflict) as caught:
        records.delete(world.platform, world.clerk, "works.customer", order["customer"])
    assert caught.value.detail == trash.IN_USE and not caught.value.errors
    preview = records.preview_delete(world.platform, world.clerk, "works.customer", order["customer"])
    assert preview.refusing == [("works.order", "customer", 1)] and not preview.possible
    world.delete(order)
    records.delete(world.platform, world.clerk, "works.customer", order["customer"])


def test_a_tag_on_a_line_or_in_a_list_is_in_use(world: World) -> None:
    tag, other = world.create("tag", name="line"), world.create("tag", name="list")
    world.order(parts=[{"item": "x", "tag": tag.id}], tags=[other.id])
    for one in (tag, other):
        with pytest.raises(Conflict):
            world.delete(one)


def test_what_belongs_goes_along_and_what_points_is_cleared(world: World) -> None:
    room = world.room()
    booking = world.create("booking", room=room.id, start=NOW)
    stay = world.create("stay", room=room.id)
    preview = records.preview_delete(world.platform, world.clerk, "works.room", room.id)
    assert preview.along == [("works.booking", "room", 1)] and preview.cleared == [("works.stay", "room", 1)]
    world.delete(room, by=world.clerk)
    assert gone(world, booking) and world.get(stay)["room"] is None
    assert operation(world, room) == operation(world, booking) == operation(world, stay)
    records.restore(world.platform, world.clerk, "works.room", room.id)
    assert not gone(world, room) and not gone(world, booking)
    assert world.get(stay)["room"] is None


KEEPERS = """
plugin: keeping
label: Keeping
entities:
  client:
    label: Client
    fields: {name: {type: text}}
    access: &all {clerk: {read: all, create: all, write: all, delete: all}}
  paper:
    label: Paper
    kind: document
    fields:
      client: {type: reference, to: client, on_delete: clear}
      owner: {type: reference, to: client, on_delete: with_parent}
      remark: {type: reference, to: client, on_delete: clear, editable_after_posting: true}
    access: {chief: {read: all}}
  entry:
    label: Entry
    kind: ledger
    fields:
      client: {type: reference, to: client, on_delete: with_parent}
    access: {chief: {read: all}}
  note:
    label: Note
    fields:
      client: {type: reference, to: client, on_delete: clear}
    constraints:
      - {check: "client != None", message: A secret rule of notes.}
    access: {chief: {read: all}}
"""


def test_what_keeps_a_dependent_says_nothing_of_it(database_url: str, tmp_path: Path) -> None:
    with small_house(tmp_path, "keeping", KEEPERS, database_url) as kept:
        clerk = kept.actor("keeping.clerk")

        def refused(entity: str, field: str, *, post: bool = False, seen: bool = True) -> None:
            client = kept.create("keeping.client", name=field)
            made = kept.create(f"keeping.{entity}", **{field: client.id})
            if post:
                kept.move(f"keeping.{entity}", made, "post")
            preview = records.preview_delete(kept.platform, clerk, "keeping.client", client.id)
            assert preview.refusing == ([(f"keeping.{entity}", field, 1)] if seen else [])
            with pytest.raises(Conflict) as caught:
                kept.delete("keeping.client", client, by=clerk)
            assert caught.value.detail == trash.IN_USE and not caught.value.errors

        refused("paper", "client", post=True)
        refused("paper", "owner", post=True)
        refused("entry", "client")
        refused("note", "client", seen=False)  # what a rule will say is known when it is tried
        free = kept.create("keeping.client", name="free")
        paper = kept.create("keeping.paper", remark=free.id)
        kept.move("keeping.paper", paper, "post")
        assert records.preview_delete(kept.platform, clerk, "keeping.client", free.id).possible
        kept.delete("keeping.client", free, by=clerk)
        assert kept.get("keeping.paper", paper)["remark"] is None


def test_undoing_a_deletion_also_restores_what_was_cleared(world: World) -> None:
    room = world.room()
    booking = world.create("booking", room=room.id, start=NOW)
    stay = world.create("stay", room=room.id)
    world.delete(room, by=world.clerk)
    outcome = undo.undo(world.platform, world.clerk, operation(world, room))
    assert not gone(world, room) and not gone(world, booking), outcome
    assert world.get(stay)["room"] == room.id


def test_purging_removes_for_good_and_keeps_the_log(world: World) -> None:
    tag = world.create("tag", name="short-lived")
    with pytest.raises(NotFound):
        trash.purge(world.platform, world.clerk, "works.tag", tag.id)
    world.delete(tag)
    trash.purge(world.platform, world.clerk, "works.tag", tag.id)
    assert [one.action for one in world.log(tag)] == ["purge", "trash", "create"]
    assert world.create("tag", name="next").id > tag.id


def test_an_edit_is_undone_unless_it_was_edited_since(world: World) -> None:
    order = world.order(by=world.clerk, note="one", terms="a")
    world.change(order, by=world.clerk, note="two", terms="b")
    edit = operation(world, order)
    world.change(order, by=world.chief, terms="c")
    outcome = undo.undo(world.platform, world.clerk, edit)
    now = world.get(order)
    assert (now["note"], now["terms"]) == ("one", "c")
    assert outcome.done == 1 and outcome.results[0].sentences == ["Terms: edited since, left as it is."]
    again = undo.undo(world.platform, world.clerk, outcome.operation)
    assert world.get(order)["note"] == "two" and again.done == 1


def test_what_may_be_edited_after_posting_is_undone_after_posting(world: World) -> None:
    paper = world.move(world.create("paper", text="t", remark="r"), "post")
    world.change(paper, by=world.clerk, remark="s")
    outcome = undo.undo(world.platform, world.clerk, operation(world, paper))
    assert outcome.done == 1 and world.get(paper)["remark"] == "r"
    posting = next(one for one in world.log(paper) if one.transition == "post")
    outcome = undo.undo(world.platform, world.clerk, posting.operation)
    assert outcome.done == 0 and world.get(paper)["state"] == "posted"
    made = world.create("paper", text="u", remark="v")
    world.change(made, text="w", remark="x")
    edited = operation(world, made)
    world.move(made, "post")
    undo.undo(world.platform, world.clerk, edited)
    assert (world.get(made)["text"], world.get(made)["remark"]) == ("w", "v"), "what is posted stays"


def test_undo_goes_by_todays_rights(world: World) -> None:
    order = world.order(by=world.clerk, note="one")
    world.change(order, by=world.clerk, note="two")
    outcome = undo.undo(world.platform, world.porter, operation(world, order))
    assert outcome.done == 0 and world.get(order)["note"] == "two" and outcome.results[0].sentences
    with pytest.raises(NotFound):
        undo.undo(world.platform, world.guest, operation(world, order))
    with pytest.raises(NotFound):
        undo.undo(world.platform, world.clerk, "nonsense")


def test_a_creation_and_a_move_are_undone(world: World) -> None:
    order = world.order(by=world.clerk)
    first = operation(world, order)
    world.move(order, "porterage", by=world.chief)
    with pytest.raises(AssertionError):
        assert undo.undo(world.platform, world.clerk, first).done
    outcome = undo.undo(world.platform, world.chief, operation(world, order))
    assert world.get(order)["state"] == "new", outcome
    other = world.order(by=world.clerk)
    assert undo.undo(world.platform, world.clerk, operation(world, other)).done == 1 and gone(world, other)


def test_one_entry_of_the_history_is_reverted(world: World) -> None:
    order = world.order(note="one", parts=[{"item": "a"}])
    world.change(order, note="two", parts=[])
    entry = world.log(order)[0].id
    world.change(order, terms="later")
    result = undo.revert(world.platform, world.clerk, "works.order", order.id, entry)
    now = world.get(order)
    assert result.done and (now["note"], now["terms"], now["parts"][0]["item"]) == ("one", "later", "a")


def test_many_are_edited_with_a_preview_and_undone_together(world: World) -> None:
    customer = world.customer()
    orders = [world.order(customer=customer.id, quantity=number, locked=number == 2) for number in range(4)]
    chosen = Selection(query=Query(where=Group(False, (Condition("customer", "eq", (customer.id,)),))))
    shown = bulk.preview_edit(world.platform, world.clerk, "works.order", chosen, {"terms": "net"})
    assert shown.total == 4 and len(shown.refused) == 1 and shown.operation == ""
    assert {tuple(row.changes) for row in shown.rows if not row.why_not} == {("terms",)}
    assert world.get(orders[0])["terms"] is None
    done = bulk.edit(world.platform, world.clerk, "works.order", chosen, {"terms": "net"})
    assert done.done == 3 and [row.id for row in done.refused] == [orders[2].id]
    assert world.get(orders[0])["terms"] == "net" and world.get(orders[2])["terms"] is None
    assert {operation(world, one) for one in orders if one is not orders[2]} == {done.operation}
    assert undo.undo(world.platform, world.clerk, done.operation).done == 3
    assert world.get(orders[0])["terms"] is None


def test_one_bad_record_of_many_loses_nobody_else(world: World) -> None:
    """What the database or a rule refuses in the middle of a unit is taken back alone; log, index and undo agree."""
    orders = [world.order(quantity=number, locked=number in (7, 55)) for number in range(60)]
    chosen = Selection(tuple(one.id for one in orders))
    done = bulk.edit(world.platform, world.clerk, "works.order", chosen, {"terms": "net"})
    bad = [orders[7].id, orders[55].id]
    assert (done.total, done.done) == (60, 58) and [row.id for row in done.refused] == bad
    assert all(row.title for row in done.rows if row.done)
    assert {one.id for one in orders if world.get(one)["terms"] == "net"} == {one.id for one in orders} - set(bad)
    assert {operation(world, one) for one in orders if one.id not in bad} == {done.operation}
    assert {len(world.log(one)) for one in orders if one.id not in bad} == {2} and len(world.log(orders[7])) == 1
    same = [world.customer() for _ in range(3)]
    named = bulk.edit(world.platform, world.chief, "works.customer", Selection(tuple(one.id for one in same)), {"name": "The same"})
    assert (named.done, len(named.refused)) == (1, 2) and named.rows[0].done and "name" in named.rows[1].why_not
    assert audit.verify(world.platform).faults == []


def test_many_are_moved_and_deleted(world: World) -> None:
    orders = [world.order(quantity=1) for _ in range(3)]
    world.move(orders[0], "cancel", reason="x")
    chosen = Selection(tuple(one.id for one in orders) + (999_999,))
    moved = bulk.move(world.platform, world.chief, "works.order", chosen, "porterage")
    assert (moved.total, moved.done, len(moved.refused)) == (3, 2, 1)
    assert len(bulk.preview_delete(world.platform, world.porter, "works.order", chosen).refused) == 3
    shown = bulk.preview_delete(world.platform, world.chief, "works.order", chosen).rows
    assert [row.title for row in shown] == [str(one["display_title"]) for one in orders] and all(row.title for row in shown)
    deleted = bulk.delete(world.platform, world.chief, "works.order", chosen)
    assert deleted.done == 3 and all(gone(world, one) for one in orders)
    assert bulk.restore(world.platform, world.chief, "works.order", [one.id for one in orders]).done == 3


def test_an_undo_that_breaks_a_rule_is_reported(world: World) -> None:
    one = world.customer()
    old = one["name"]
    world.change(one, name=world.name("new"))
    world.customer(name=old)
    outcome = undo.undo(world.platform, world.clerk, operation(world, one))
    assert outcome.done == 0 and outcome.results[0].sentences == ["Name: This value is not available."]


def test_a_failing_plugin_takes_back_its_own_writes_only(world: World) -> None:
    made = []

    def after(record, before, change, work):  # type: ignore[no-untyped-def]
        made.append(work.create("works.tag", name="half done"))
        raise RuntimeError("a mistake of the plugin")

    world.after = after
    order = world.order()
    assert world.get(order)["state"] == "new"
    with world.reading() as unit:
        assert rows.load(unit, "works.tag", made[0].id) is None
    assert len(world.platform.ledger.failures.pop("works")) == 1


def test_invalid_values_name_the_record_in_a_bulk_report(world: World) -> None:
    order = world.order()
    done = bulk.edit(world.platform, world.clerk, "works.order", Selection((order.id,)), {"kind": "huge"})
    assert done.done == 0 and "kind" in done.rows[0].why_not
    with pytest.raises(Invalid):
        world.change(order, kind="huge")


def test_a_panel_reads_with_the_viewers_own_rights(world: World) -> None:
    order = world.order(by=world.clerk)
    with world.reading() as unit:
        assert Work(unit, world.guest, "works", writing=False).get("works.order", order.id) is not None
        guest = replace(unit, actor=world.guest)
        assert Work(guest, world.guest, "works", writing=False, own=True).get("works.order", order.id) is None
        with pytest.raises(RuntimeError):
            Work(unit, world.guest, "works").create("works.tag", name="x")


def test_undo_puts_no_stars_in_the_place_of_a_secret(world: World) -> None:
    safe = world.create("safe", name="a", token="t0p", keys=[{"count": 1, "code": "c1"}, {"count": 2, "code": "c2"}])
    world.change(safe, name="b", token=None)
    [result] = undo.undo(world.platform, world.clerk, operation(world, safe)).results
    assert result.done and result.sentences == [f"Token: {undo.NOT_KEPT}."]
    assert (world.raw(safe)["name"], world.raw(safe)["token"]) == ("a", None)
    first, second = world.raw(safe)["keys"]
    world.change(safe, keys=[{"id": first["id"], "count": 7}, {"id": second["id"]}])
    [result] = undo.undo(world.platform, world.clerk, operation(world, safe)).results
    assert result.done and not result.sentences and world.raw(safe)["keys"] == (first, second)
    world.change(safe, keys=[{"id": second["id"]}])
    [result] = undo.undo(world.platform, world.clerk, operation(world, safe)).results
    assert result.done and result.sentences == [f"Keys: {undo.LINES_NOT_KEPT}."]
    assert [(one["count"], one["code"]) for one in world.raw(safe)["keys"]] == [(1, None), (2, "c2")]
    world.change(safe, keys=[{"id": one["id"], "code": "c3"} for one in world.raw(safe)["keys"]])
    [result] = undo.undo(world.platform, world.clerk, operation(world, safe)).results
    assert [one["code"] for one in world.raw(safe)["keys"]] == ["c3", "c3"] and result.sentences == [f"Keys: {undo.NOT_KEPT}."]


def test_what_an_undo_brings_back_along_was_not_restored_since(world: World) -> None:
    top = world.create("safe", name="top")
    inner = world.create("safe", name="inner", over=top.id)
    world.delete(top)
    outcome = undo.undo(world.platform, world.clerk, operation(world, top))
    assert [(one.done, one.sentences) for one in outcome.results] == [(True, []), (True, [])] and not gone(world, inner)
    outcome = undo.undo(world.platform, world.clerk, outcome.operation)
    assert [(one.done, one.sentences) for one in outcome.results] == [(True, []), (True, [])] and gone(world, inner)
    records.restore(world.platform, world.clerk, "works.safe", top.id)
    again = undo.undo(world.platform, world.clerk, outcome.operation)
    assert [one.sentences for one in again.results] == [["It was restored since."], ["It was restored since."]]


def test_history_tells_json_that_differs_in_its_types_alone(world: World) -> None:
    safe = world.create("safe", name="a", data={"on": 1})
    world.change(safe, data={"on": True})
    [change] = looking.history(world.platform, world.clerk, "works.safe", safe.id).items[0].changes
    assert (change.field, change.before, change.after) == ("data", {"on": 1}, {"on": True})
    assert change.after["on"] is True


def test_what_may_be_edited_after_posting_is_taken_back_there(world: World) -> None:
    paper = world.create("paper", text="a")
    world.move(paper, "post")
    world.change(paper, remark="b")
    [result] = undo.undo(world.platform, world.clerk, operation(world, paper)).results
    assert result.done and (world.raw(paper)["remark"], world.raw(paper)["state"]) == (None, "posted")
    posting = next(one.operation for one in world.log(paper) if one.transition == "post")
    [result] = undo.undo(world.platform, world.clerk, posting).results
    assert not result.done and result.sentences == ["What was posted stays. Reverse it instead."]


def test_undo_tells_a_stranger_nothing_of_what_became_of_records(world: World) -> None:
    restored, edited, deleted = (world.create("safe", name=name) for name in "abc")
    made, made_too = operation(world, edited), operation(world, deleted)
    world.delete(restored)
    went = operation(world, restored)
    records.restore(world.platform, world.clerk, "works.safe", restored.id)
    world.change(edited, name="d")
    world.delete(deleted)
    for one in (went, made, made_too):
        with pytest.raises(NotFound):
            undo.undo(world.platform, world.guest, one)
        assert undo.undo(world.platform, world.clerk, one).results[0].sentences


def test_an_edit_of_what_was_deleted_since_says_so(world: World) -> None:
    safe = world.create("safe", name="a")
    world.change(safe, name="b")
    edit = operation(world, safe)
    world.delete(safe)
    [result] = undo.undo(world.platform, world.clerk, edit).results
    assert not result.done and result.sentences == ["It was deleted since."]


def test_a_refused_undo_names_the_field_and_no_form(world: World) -> None:
    order = world.order()
    world.change(order, code="c")
    [result] = undo.undo(world.platform, world.clerk, operation(world, order)).results
    assert not result.done and result.sentences == ["Code: This was set once and cannot be changed."]
    assert undo.revert(world.platform, world.clerk, "works.order", order.id, world.log(order)[0].id) == result
