"""Series that are moved, visitors that are forgotten, keys, kilometres, and equipment that fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal as D

import pytest
import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import BackofficeError, Conflict, Invalid
from core.facts import Record
from core.storage.models import ChangeValue
from core.testing import World
from plugins.facilities.reliability import reliability
from tests.functions.facilities.test_operations import SERIAL, book, place, resource, staff

__all__ = ["staff"]

WEEKLY = "FREQ=WEEKLY;COUNT=4"


def series(app: World, staff: dict[str, Actor], room: Record, **more: object) -> Record:
    given = {"title": "Weekly", "resource": room.id, "first_day": date(2026, 10, 12), "start_time": time(9), "minutes": 60, "rule": WEEKLY}
    return app.create("facilities.booking_series", by=staff["occupant"], **(given | more))


def dates(app: World, made: Record) -> list[str]:
    found = sorted(app.find("facilities.booking", series=made.id), key=lambda one: one["start"])
    return [f"{one['start']:%m-%d %H:%M}" for one in found if one["state"] != "cancelled"]


def test_fa_r04_a_series_is_moved_from_a_day_on_and_keeps_its_local_time(app: World, staff: dict[str, Actor]) -> None:
    who, room = staff["occupant"], resource(app, zone="Europe/Berlin")
    made = series(app, staff, room)
    assert dates(app, made) == ["10-12 07:00", "10-19 07:00", "10-26 08:00", "11-02 08:00"]
    app.change("facilities.booking_series", made, by=who, start_time=time(10), change_from=date(2026, 10, 19))
    assert dates(app, made) == ["10-12 07:00", "10-19 08:00", "10-26 09:00", "11-02 09:00"]
    app.change("facilities.booking_series", made, by=who, start_time=time(14), minutes=30, title="Short")
    assert dates(app, made) == ["10-12 12:00", "10-19 12:00", "10-26 13:00", "11-02 13:00"]
    one = app.find("facilities.booking", series=made.id)[0]
    assert (one["title"], one["end"] - one["start"]) == ("Short", timedelta(minutes=30))


def test_fa_r04_a_moved_date_keeps_its_identity_and_a_cancelled_one_is_left_out(app: World, staff: dict[str, Actor]) -> None:
    who, room = staff["occupant"], resource(app)
    made = series(app, staff, room)
    first, second, *_ = sorted(app.find("facilities.booking", series=made.id), key=lambda one: one["start"])
    other_day = second["start"] + timedelta(days=1)
    app.change("facilities.booking", second, by=who, start=other_day, end=other_day + timedelta(hours=1))
    app.move("facilities.booking", first, "cancel", by=who)
    assert app.get("facilities.booking_series", made)["except_days"] == "2026-10-12"
    app.change("facilities.booking_series", made, by=who, start_time=time(15))
    moved = app.get("facilities.booking", second)
    assert (moved["start"], moved["occurrence"]) == (other_day, second["start"])
    assert dates(app, made) == ["10-20 09:00", "10-26 15:00", "11-02 15:00"]


def test_fa_r04_a_taken_date_refuses_another_time_or_stays_by_the_policy(app: World, staff: dict[str, Actor]) -> None:
    who, room = staff["occupant"], resource(app)
    strict, gentle = series(app, staff, room), series(app, staff, room, start_time=time(11), policy="skip_conflicts")
    book(app, who, room, "16:00", "17:00", datetime(2026, 10, 19, tzinfo=UTC))
    app.find("facilities.booking", resource=room.id)
    with pytest.raises(BackofficeError):
        app.change("facilities.booking_series", strict, by=who, start_time=time(16))
    assert dates(app, strict)[1] == "10-19 09:00"
    app.change("facilities.booking_series", gentle, by=who, start_time=time(16))
    assert dates(app, gentle) == ["10-12 16:00", "10-19 11:00", "10-26 16:00", "11-02 16:00"]
    assert app.get("facilities.booking_series", gentle)["skipped"] == "2026-10-19"


def remembered(app: World) -> str:
    """Everything that the log holds of before and after."""
    with app.platform.database.begin(writing=False) as connection:
        return str(connection.execute(sa.select(ChangeValue.before, ChangeValue.after)).all())


def test_a_host_is_told_of_the_visitor_by_whoever_lets_them_in(app: World, actor: Callable[..., Actor]) -> None:
    desk, host = actor("facilities.reception"), actor("facilities.occupant")
    visit = app.create(
        "facilities.visit", by=host, visitor_name="A guest", location=place(app).id, expected_from=app.clock.now(), host=host.person
    )
    assert not app.told(host), "nobody is told of their own deed"
    app.move("facilities.visit", visit, "arrive", by=desk, badge="12")
    assert app.told(host) == ["Your visitor has arrived"] and not app.told(desk)


def test_fa_r10_visitors_are_forgotten_after_a_month_and_still_counted(app: World, actor: Callable[..., Actor]) -> None:
    desk, site = actor("facilities.reception"), place(app)
    given = {"location": site.id, "expected_from": app.clock.now(), "email": "guest@visitor.example", "company": "Kestrel Ltd"}
    visit = app.create("facilities.visit", by=desk, visitor_name="Somebody Unforgettable", **given)
    app.move("facilities.visit", visit, "arrive", by=desk, badge="12")
    app.move("facilities.visit", visit, "leave", by=desk)
    page = app.client(app.actor("core.admin", "facilities.reception"))
    address = f"/facilities/visit/{visit.id}"
    assert "Unforgettable" in remembered(app)
    app.clock.advance(days=29)
    with pytest.raises(Conflict, match="kept until"):
        app.move("facilities.visit", visit, "erase", by=desk)
    app.clock.advance(days=2)
    app.move("facilities.visit", visit, "erase", by=desk)
    seen = app.get("facilities.visit", visit)
    assert (seen["visitor_name"], seen["email"], seen["company"], seen["state"]) == ("(erased)", None, None, "erased")
    assert seen["arrived_at"] is not None
    for path in (address, f"{address}/history", "/facilities/visit?view=all", "/search?q=Unforgettable"):
        assert b"Somebody Unforgettable" not in page.get(path).data, path
    assert "Unforgettable" not in remembered(app) and "guest@visitor.example" not in remembered(app)
    assert [one.id for one in app.find("facilities.visit", location=site.id)] == [visit.id]


def test_fa_r07_a_vehicle_leaves_with_the_kilometres_it_came_back_with(app: World, staff: dict[str, Actor]) -> None:
    who, van = staff["occupant"], resource(app, type="vehicle", odometer=1000)
    trips = [book(app, who, van, start, end) for start, end in (("08:00", "09:00"), ("10:00", "11:00"))]
    app.create("facilities.trip", by=who, booking=trips[0].id, driver=who.person, out_odometer=1000, in_odometer=1042)
    assert app.get("facilities.resource", van)["odometer"] == 1042
    with pytest.raises(Invalid) as refused:
        app.create("facilities.trip", by=who, booking=trips[1].id, driver=who.person, out_odometer=1041)
    assert "1042 km" in str(refused.value.errors["out_odometer"])
    made = app.create("facilities.trip", by=who, booking=trips[1].id, driver=who.person, out_odometer=1042, in_odometer=1050)
    assert made["distance"] == 8


def test_a_lost_key_makes_an_order_for_each_lock(app: World) -> None:
    doors = [place(app).id, place(app).id]
    key = app.create("facilities.key", number=f"L{next(SERIAL)}", opens=doors)
    issue = app.create("facilities.key_issue", key=key.id, holder=app.person().id)
    app.change("facilities.key_issue", issue, lost=True)
    orders = [one for one in app.find("facilities.work_order") if key["number"] in one["summary"]]
    assert sorted(one["location"] for one in orders) == sorted(doors)


def test_fa_x08_how_reliable_equipment_is(app: World, staff: dict[str, Actor]) -> None:
    found = reliability(D(720), [D("2.25"), D("1.5"), D(3)])
    assert (found.repair, found.between, found.availability) == (D("2.25"), D("237.75"), D("99.063"))
    assert reliability(D(720), []).between is None
    boiler = app.create("facilities.asset", tag=f"B{next(SERIAL)}", name="Boiler", location=place(app).id)
    stood = app.clock.now() - timedelta(days=3)
    app.create(
        "facilities.work_order",
        summary="It is cold",
        location=boiler["location"],
        asset=boiler.id,
        downtime_start=stood,
        downtime_end=stood + timedelta(hours=6),
    )
    page = app.client(staff["coordinator"]).get(f"/facilities/asset/{boiler.id}").data.decode()
    assert "Mean time to repair" in page and "6.00 h" in page and "99.932 %" in page


def test_what_the_law_demands_is_moved_within_its_grace(app: World, staff: dict[str, Actor]) -> None:
    given = {"location": place(app).id, "anchor": date(2026, 7, 1), "every": 12, "unit": "months", "statutory": True, "grace_days": 7}
    made = app.create("facilities.maintenance_schedule", by=staff["coordinator"], name=f"Lift {next(SERIAL)}", order_now=True, **given)
    (order,) = app.find("facilities.work_order", schedule=made.id)
    app.move("facilities.work_order", order, "plan", by=staff["coordinator"])
    late = datetime(2026, 7, 9, 9, tzinfo=UTC)
    with pytest.raises(Conflict, match="2026-07-08"):
        app.move("facilities.work_order", order, "reschedule", by=staff["safety_officer"], due=late, reason="Nobody has time.")
    moved = app.move(
        "facilities.work_order", order, "reschedule", by=staff["safety_officer"], due=late - timedelta(days=1), reason="A day later."
    )
    assert moved["due"] == late - timedelta(days=1)
