"""Bookings, orders, schedules, inspections and keys as their people meet them, through the engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count

import pytest

from core.access.actor import Actor
from core.errors import BackofficeError, Conflict, Invalid
from core.facts import Money, Record
from core.testing import World
from plugins.facilities import reserving

SERIAL = count(1)
DAY = datetime(2026, 6, 3, tzinfo=UTC)


@pytest.fixture
def staff(app: World, actor: Callable[..., Actor]) -> dict[str, Actor]:
    return {role: actor(f"facilities.{role}") for role in ("occupant", "coordinator", "technician", "inspector", "safety_officer")}


def resource(app: World, **more: object) -> Record:
    return app.create("facilities.resource", **({"name": f"Room {next(SERIAL)}", "type": "room"} | more))


def book(app: World, who: Actor, of: Record, start: str, end: str, day: datetime = DAY) -> Record:
    begin, until = (datetime.combine(day.date(), time.fromisoformat(at), UTC) for at in (start, end))
    return app.create("facilities.booking", by=who, form="book", resource=of.id, title="Talk", start=begin, end=until)


def place(app: World) -> Record:
    number = next(SERIAL)
    return app.create("facilities.location", code=f"S{number}", name="Site", kind="site")


def test_fa_x01_a_buffer_after_is_kept_free(app: World, staff: dict[str, Actor]) -> None:
    room = resource(app, buffer_after=15)
    book(app, staff["occupant"], room, "10:00", "11:00")
    for start, end in (("11:00", "12:00"), ("09:00", "10:00")):
        with pytest.raises(BackofficeError):
            book(app, staff["occupant"], room, start, end)
    book(app, staff["occupant"], room, "11:15", "12:00")
    made = book(app, staff["occupant"], room, "08:45", "09:45")
    assert app.get("facilities.booking", made)["blocked_to"] == DAY.replace(hour=10)


def test_fa_r01_later_bookings_do_not_hide_the_one_that_is_there(
    app: World, staff: dict[str, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserving, "MOST", 3)
    room = resource(app)
    for days in range(5):
        book(app, staff["occupant"], room, "10:00", "11:00", DAY + timedelta(days=days))
    with pytest.raises(BackofficeError, match="taken at that time"):
        book(app, staff["occupant"], room, "10:30", "11:30")
    book(app, staff["occupant"], room, "11:00", "12:00")


def test_fa_x09_a_combination_and_its_parts_block_each_other(app: World, staff: dict[str, Actor]) -> None:
    one, other = resource(app), resource(app)
    whole = resource(app, combines=(one.id, other.id))
    book(app, staff["occupant"], one, "10:00", "11:00")
    with pytest.raises(BackofficeError):
        book(app, staff["occupant"], whole, "10:30", "11:30")
    book(app, staff["occupant"], other, "10:00", "11:00")
    book(app, staff["occupant"], whole, "11:00", "12:00")
    for part in (one, other):
        with pytest.raises(BackofficeError):
            book(app, staff["occupant"], part, "11:00", "12:00")


def test_fa_x02_a_series_keeps_its_local_time(app: World, staff: dict[str, Actor]) -> None:
    room = resource(app, zone="Europe/Berlin")
    app.clock.at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    given = {"title": "Weekly", "resource": room.id, "first_day": date(2026, 3, 16), "start_time": time(9), "minutes": 60}
    made = app.create("facilities.booking_series", by=staff["occupant"], rule="FREQ=WEEKLY;COUNT=4", **given)
    starts = [one["start"] for one in app.find("facilities.booking", series=made.id)]
    assert [one.hour for one in starts] == [8, 8, 7, 7]
    with pytest.raises(BackofficeError):
        app.create("facilities.booking_series", by=staff["occupant"], rule="FREQ=WEEKLY;COUNT=2", **given)
    left = app.create("facilities.booking_series", by=staff["occupant"], rule="FREQ=WEEKLY;COUNT=5", policy="skip_conflicts", **given)
    assert len(app.find("facilities.booking", series=left.id)) == 1
    assert "2026-03-16" in app.get("facilities.booking_series", left)["skipped"]


def test_fa_r05_a_closure_refuses_new_bookings_and_lists_those_there(app: World, staff: dict[str, Actor]) -> None:
    room = resource(app)
    there = book(app, staff["occupant"], room, "10:00", "11:00")
    closed = app.create(
        "facilities.blackout", by=staff["coordinator"], resource=room.id, start=DAY, end=DAY + timedelta(days=1), reason="Painting"
    )
    assert there["number"] in app.get("facilities.blackout", closed)["affected"]
    assert app.told(staff["occupant"])[0] == "What you booked will be closed at that time" and not app.told(staff["coordinator"])
    with pytest.raises(Invalid) as refused:
        book(app, staff["occupant"], room, "14:00", "15:00")
    assert "closed at that time" in str(refused.value.errors)


def test_fa_r05_a_series_leaves_closed_dates_out(app: World, staff: dict[str, Actor]) -> None:
    room = resource(app)
    second = DAY + timedelta(days=7)
    closed = {"start": second, "end": second + timedelta(days=1), "reason": "Painting"}
    app.create("facilities.blackout", by=staff["coordinator"], resource=room.id, **closed)
    given = {"title": "Weekly", "resource": room.id, "first_day": DAY.date(), "start_time": time(9), "minutes": 60}
    with pytest.raises(BackofficeError, match=second.date().isoformat()):
        app.create("facilities.booking_series", by=staff["occupant"], rule="FREQ=WEEKLY;COUNT=3", **given)
    made = app.create("facilities.booking_series", by=staff["occupant"], rule="FREQ=WEEKLY;COUNT=3", policy="skip_conflicts", **given)
    assert len(app.find("facilities.booking", series=made.id)) == 2
    assert app.get("facilities.booking_series", made)["skipped"] == second.date().isoformat()


def test_fa_r06_a_quota_counts_confirmed_bookings_of_the_week(app: World, staff: dict[str, Actor]) -> None:
    room = resource(app, weekly_quota=1)
    app.move("facilities.booking", book(app, staff["occupant"], room, "10:00", "11:00"), "confirm", by=staff["occupant"])
    with pytest.raises(Invalid):
        book(app, staff["occupant"], room, "14:00", "15:00")
    book(app, staff["occupant"], room, "14:00", "15:00", DAY + timedelta(days=7))


def test_a_request_becomes_an_order_and_is_done_when_that_is_verified(app: World, staff: dict[str, Actor]) -> None:
    site, head, crew = place(app), staff["coordinator"], staff["technician"]
    kind = app.create("facilities.category", name=f"Water {next(SERIAL)}", priority="P2")
    given = {"summary": "Water drips", "description": "From the ceiling.", "location": site.id, "category": kind.id}
    made = app.create("facilities.request", by=staff["occupant"], form="report", safety=True, **given)
    assert app.get("facilities.request", made)["priority"] == "P1"
    app.move("facilities.request", made, "triage", by=head)
    app.move("facilities.request", made, "plan", by=head)
    order = app.get("facilities.work_order", app.get("facilities.request", made)["work_order"])
    assert (order["summary"], order["priority"]) == ("Water drips", "P1")
    app.change("facilities.work_order", order, by=head, checklist=({"task": "Valve shut", "mandatory": True},), lockout=True)
    app.move("facilities.work_order", order, "plan", by=head)
    app.move("facilities.work_order", order, "assign", by=head, assignee=crew.person)
    assert app.told(crew)[0] == "You have been given a work order"
    with pytest.raises(Conflict):
        app.move("facilities.work_order", order, "start", by=crew)
    app.change("facilities.work_order", order, by=head, permit_until=app.clock.now() + timedelta(days=1))
    app.move("facilities.work_order", order, "start", by=crew)
    with pytest.raises(Conflict, match="has to be checked first"):
        app.move("facilities.work_order", order, "finish", by=crew)
    began = app.clock.now()
    app.change(
        "facilities.work_order",
        order,
        by=crew,
        checklist=({"task": "Valve shut", "mandatory": True, "result": "done"},),
        labour=({"person": crew.person, "start": began, "end": began + timedelta(minutes=50), "rate": Money(Decimal(45), "EUR")},),
        parts=({"item": "Valve", "quantity": Decimal("1.5"), "price": Money(Decimal("9.99"), "EUR")},),
    )
    app.move("facilities.work_order", order, "finish", by=crew)
    assert app.get("facilities.work_order", order)["total_cost"] == Money(Decimal("52.49"), "EUR")
    app.move("facilities.work_order", order, "verify", by=head)
    assert app.get("facilities.request", made)["state"] == "done"
    assert app.move("facilities.request", made, "confirm", by=staff["occupant"])["state"] == "confirmed"


def test_a_schedule_has_one_open_order_and_learns_its_completion(app: World, staff: dict[str, Actor]) -> None:
    site, head, crew = place(app), staff["coordinator"], staff["technician"]
    given = {"location": site.id, "anchor": date(2026, 1, 31), "every": 1, "unit": "months", "statutory": True}
    made = app.create("facilities.maintenance_schedule", by=head, name=f"Lift {next(SERIAL)}", order_now=True, **given)
    (order,) = app.find("facilities.work_order", schedule=made.id)
    app.change("facilities.maintenance_schedule", made, by=head, order_now=True)
    assert len(app.find("facilities.work_order", schedule=made.id)) == 1
    assert app.get("facilities.maintenance_schedule", made)["skipped"] == 1
    with pytest.raises(Conflict):
        app.move("facilities.work_order", order, "cancel", by=head, reason="Not now.")
    app.move("facilities.work_order", order, "plan", by=head)
    app.move("facilities.work_order", order, "assign", by=head, assignee=crew.person)
    for transition in ("start", "finish"):
        app.move("facilities.work_order", order, transition, by=crew)
    app.move("facilities.work_order", order, "verify", by=staff["safety_officer"])
    now = app.get("facilities.maintenance_schedule", made)
    assert (now["last_done"], now["next_due"]) == (date(2026, 6, 1), date(2026, 6, 30))


def test_fa_x07_an_inspection_is_scored_and_a_failed_one_makes_an_order(app: World, staff: dict[str, Actor]) -> None:
    results = ((3, "pass"), (2, "pass"), (2, "partial"), (1, "fail"), (2, "na"))

    def lines(critical: bool) -> tuple[dict[str, object], ...]:
        return tuple(
            {"point": f"Point {at}", "weight": weight, "result": result, "comment": "Seen.", "critical": critical and result == "fail"}
            for at, (weight, result) in enumerate(results)
        )

    site, who = place(app), staff["inspector"]
    assert app.create("facilities.inspection", by=who, location=site.id, lines=lines(False))["score"] == Decimal("75.0")
    made = app.create("facilities.inspection", by=who, location=site.id, lines=lines(True))
    assert made["outcome"] == "failed"
    for transition in ("start", "submit", "fail"):
        app.move("facilities.inspection", made, transition, by=who)
    assert app.get("facilities.inspection", made)["follow_up"] is not None


def test_fa_r09_a_key_has_as_many_issues_as_copies(app: World) -> None:
    key = app.create("facilities.key", number=f"K{next(SERIAL)}", copies=1)
    issue = app.create("facilities.key_issue", key=key.id, holder=app.person().id)
    with pytest.raises(BackofficeError):
        app.create("facilities.key_issue", key=key.id, holder=app.person().id)
    app.change("facilities.key_issue", issue, returned_at=app.clock.now())
    app.create("facilities.key_issue", key=key.id, holder=app.person().id)
