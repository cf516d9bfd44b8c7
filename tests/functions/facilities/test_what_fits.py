"""What a booking has to fit, as people meet it: holds that run out, slots, closed places, resources that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from itertools import count

import pytest

from core.access.actor import Actor
from core.errors import BackofficeError, Conflict, Invalid
from core.facts import Record
from core.testing import World

SERIAL = count(1)
DAY = datetime(2026, 6, 4, tzinfo=UTC)


def resource(app: World, **more: object) -> Record:
    return app.create("facilities.resource", **({"name": f"Fit {next(SERIAL)}", "type": "room"} | more))


@pytest.fixture
def book(app: World, actor: Callable[..., Actor]) -> Callable[..., Record]:
    who = actor("facilities.occupant")

    def made(of: Record, start: str, end: str) -> Record:
        begin, until = (datetime.combine(DAY.date(), time.fromisoformat(at), UTC) for at in (start, end))
        return app.create("facilities.booking", by=who, form="book", resource=of.id, title="Talk", start=begin, end=until)

    return made


def test_fa_r01_a_hold_that_nobody_confirms_runs_out_after_ten_minutes(app: World, book: Callable[..., Record]) -> None:
    room = resource(app)
    first = book(room, "10:00", "11:00")
    app.clock.advance(minutes=9)
    with pytest.raises(Invalid):
        book(room, "10:00", "11:00")
    app.clock.advance(minutes=2)
    second = book(room, "10:30", "11:30")
    app.move("facilities.booking", second, "confirm")
    with pytest.raises(BackofficeError, match="taken"):
        app.move("facilities.booking", first, "confirm")


def test_fa_x01_a_refusal_names_the_next_free_time_in_the_zone_of_the_resource(app: World, book: Callable[..., Record]) -> None:
    room = resource(app, buffer_after=15, zone="Europe/Berlin")
    book(room, "10:00", "11:00")
    with pytest.raises(Invalid) as refused:
        book(room, "11:00", "12:00")
    assert refused.value.errors == {"start": ["It is taken at that time. It is free again from 2026-06-04 13:15 (Europe/Berlin)."]}


def test_bookings_start_on_the_resources_slots(app: World, book: Callable[..., Record]) -> None:
    room = resource(app, slot_minutes=30)
    book(room, "10:30", "11:00")
    with pytest.raises(Invalid) as refused:
        book(room, "11:10", "11:40")
    assert "every 30 minutes" in str(refused.value.errors["start"])


def test_fa_r05_a_closed_building_closes_its_rooms(app: World, book: Callable[..., Record]) -> None:
    site = app.create("facilities.location", code=f"S{next(SERIAL)}", name="Site", kind="site")
    house = app.create("facilities.location", code=f"H{next(SERIAL)}", name="House", kind="building", parent=site.id)
    room = resource(app, location=house.id)
    book(room, "08:00", "09:00")
    app.change("facilities.location", site, status="closed", closed_from=DAY.replace(hour=12), closed_to=DAY.replace(hour=18))
    book(room, "10:00", "11:00")
    with pytest.raises(Invalid) as refused:
        book(room, "14:00", "15:00")
    assert "closed" in str(refused.value.errors["start"])
    app.create("facilities.blackout", location=site.id, start=DAY.replace(hour=6), end=DAY.replace(hour=7), reason="Cleaning")
    with pytest.raises(Invalid):
        book(room, "06:15", "06:45")


def test_a_resource_that_cannot_be_is_refused_in_words(app: World) -> None:
    with pytest.raises(Invalid) as refused:
        resource(app, zone="Berlin", opens="18:00", closes="08:00")
    assert set(refused.value.errors) == {"zone", "closes"}
    part = resource(app)
    whole = resource(app, combines=(part.id,))
    with pytest.raises(Invalid) as refused:
        app.change("facilities.resource", part, combines=(whole.id,))
    assert "made of itself" in str(refused.value.errors["combines"])


def test_3_2_a_place_cannot_become_what_its_parts_are(app: World) -> None:
    house = app.create("facilities.location", code=f"H{next(SERIAL)}", name="House", kind="building")
    app.create("facilities.location", code=f"F{next(SERIAL)}", name="Floor", kind="floor", parent=house.id)
    with pytest.raises((Invalid, Conflict)) as refused:
        app.change("facilities.location", house, kind="room")
    assert "lies inside" in str(refused.value.errors["kind"])  # type: ignore[union-attr]


def test_fa_r07_a_vehicle_needs_valid_papers_and_a_driver_with_the_class(app: World, actor: Callable[..., Actor]) -> None:
    who = actor("facilities.occupant")

    def ride(of: Record, licence: str, hour: int) -> Record:
        begin = DAY.replace(hour=hour)
        given = {"resource": of.id, "title": "Trip", "start": begin, "end": begin.replace(minute=30), "licence_class": licence}
        made = app.create("facilities.booking", by=who, form="book", **given)
        return app.move("facilities.booking", made, "confirm", by=who)

    papers = {"type": "vehicle", "licence_class": "B", "insurance_end": date(2026, 12, 31)}
    van = resource(app, inspection_due=DAY.date(), **papers)
    assert ride(van, "B", 9)["state"] == "confirmed"
    with pytest.raises(Conflict, match="licence of class B"):
        ride(van, "C", 11)
    late = resource(app, inspection_due=date(2026, 6, 3), **papers)
    with pytest.raises(Conflict, match="inspection ends before"):
        ride(late, "B", 9)
