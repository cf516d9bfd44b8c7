"""The demo's daily life of the house: readings, supplies, trips, closures, series; and what waits for the demo's accounts today."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from core import DemoWork, Money
from plugins.directory.demo import account, name_of
from plugins.facilities.demo_places import Places

_SUPPLIES = ("Printer paper", "Whiteboard pens", "Coffee beans", "Batteries", "Cleaning cloths", "Name badges", "Envelopes")
_SERIES = ("Monday planning", "Team review", "Open hour", "Training circle")


def fill(work: DemoWork, dice: random.Random, start: datetime, people: list[int], crew: list[int], places: Places, readings: int) -> None:
    """Write what happens again and again from ``start`` on; ``readings`` is how many each meter has."""
    _readings(work, dice, start, crew, places, readings)
    _supplies(work, dice, start, people, crew, places.rooms)
    _trips(work, dice, start, people, places.vans)
    _closures(work, crew, places)
    _cleaning(work, dice, start, crew, places.rooms)
    _series(work, dice, people, places)


def _readings(work: DemoWork, dice: random.Random, start: datetime, crew: list[int], places: Places, count: int) -> None:
    shown = {asset: Decimal(dice.randrange(0, 9_000)) for asset in places.metered}
    for turn in range(count):
        moment = start + (work.now_really - start) * turn / count
        work.at(moment)
        work.by(crew[turn % len(crew)])
        for asset in places.metered:
            shown[asset] += Decimal(dice.randrange(0, 240))
            work.create("facilities.meter_reading", asset=asset, meter="hours", at=moment, value=shown[asset], source="manual")


def _supplies(work: DemoWork, dice: random.Random, start: datetime, people: list[int], crew: list[int], rooms: list[int]) -> None:
    count = 300 if work.size == "full" else 36
    for turn in range(count):
        moment = start + (work.now_really - start) * (turn + 1) / count - timedelta(hours=30)
        work.at(moment)
        work.by(dice.choice(people))
        items = tuple({"item": item, "quantity": dice.randrange(1, 12)} for item in dice.sample(_SUPPLIES, dice.randrange(1, 4)))
        request = work.create("facilities.supply_request", deliver_to=dice.choice(rooms), items=items)
        if turn > count - 3:
            continue
        work.by(crew[0])
        if turn % 17 == 3:
            work.move("facilities.supply_request", request.id, "cancel", reason="Ordered twice.")
            continue
        work.at(moment + timedelta(hours=4))
        work.move("facilities.supply_request", request.id, "pick")
        if turn < count - 4:
            work.at(moment + timedelta(hours=28))
            work.move("facilities.supply_request", request.id, "deliver")


def _trips(work: DemoWork, dice: random.Random, start: datetime, people: list[int], vans: list[int]) -> None:
    count = 400 if work.size == "full" else 30
    shown = {van: 8_000 + 500 * at for at, van in enumerate(vans)}
    length = (work.now_really - start).days - 3
    for turn in range(count):
        day = (start + timedelta(days=1 + length * turn // count)).date()
        out = datetime.combine(day, time(7 + turn % 3), UTC)
        driver, van = dice.choice(people), vans[turn % len(vans)]
        work.at(out - timedelta(days=2))
        work.by(driver)
        booking = work.create(
            "facilities.booking",
            resource=van,
            title=dice.choice(("Delivery to the other house", "Visit to a customer", "Collecting spare parts")),
            start=out,
            end=out + timedelta(hours=6),
            licence_class="B",
        )
        work.move("facilities.booking", booking.id, "confirm")
        work.at(out)
        work.move("facilities.booking", booking.id, "check_in")
        work.at(out + timedelta(hours=6))
        work.move("facilities.booking", booking.id, "finish")
        driven = dice.randrange(12, 380)
        work.create(
            "facilities.trip",
            booking=booking.id,
            driver=driver,
            out_odometer=shown[van],
            in_odometer=shown[van] + driven,
            refuels=() if turn % 4 else ({"litres": Decimal(42), "amount": Money(Decimal(74), "EUR"), "odometer": shown[van] + driven},),
            damage="A scratch on the left door." if turn % 15 == 14 else None,
        )
        shown[van] += driven


def _closures(work: DemoWork, crew: list[int], places: Places) -> None:
    now = work.now_really
    work.by(crew[0])
    for number, (reason, days, length) in enumerate(
        (
            ("New carpet", -200, 3),
            ("Test of the fire alarm", -90, 1),
            ("Painting", -20, 2),
            ("Replacement of the projector", 12, 1),
            ("Deep cleaning", 25, 2),
        )
    ):
        begin = datetime.combine((now + timedelta(days=days)).date(), time(6), UTC)
        work.at(begin - timedelta(days=14))
        work.create(
            "facilities.blackout", resource=places.bookable[number * 3], start=begin, end=begin + timedelta(days=length), reason=reason
        )


def _cleaning(work: DemoWork, dice: random.Random, start: datetime, crew: list[int], rooms: list[int]) -> None:
    work.at(start)
    work.by(crew[0])
    for room in dice.sample(rooms, 60 if work.size == "full" else 12):
        work.create(
            "facilities.cleaning_plan",
            location=room,
            provider=dice.choice(("Falken Cleaning", "House services")),
            rule=dice.choice(("FREQ=WEEKLY;BYDAY=MO", "FREQ=WEEKLY;BYDAY=TU,FR", "FREQ=DAILY")),
            first_day=start.date(),
            tasks=({"task": "Floor", "minutes": 15}, {"task": "Bins", "minutes": 5}, {"task": "Desks and window sills", "minutes": 10}),
        )


def _series(work: DemoWork, dice: random.Random, people: list[int], places: Places) -> None:
    """Weekly meetings that began two months ago; the dates that were taken are left out."""
    now = work.now_really
    for number, title in enumerate(_SERIES * (5 if work.size == "full" else 1)):
        first = (now - timedelta(days=60)).date()
        first += timedelta(days=(number - first.weekday()) % 5 if first.weekday() < 5 else 7 - first.weekday())
        work.at(now - timedelta(days=62))
        work.by(dice.choice(people))
        made = work.create(
            "facilities.booking_series",
            title=title,
            resource=places.bookable[number],
            first_day=first,
            start_time=time(17 + number % 2),
            minutes=45,
            rule="FREQ=WEEKLY;COUNT=16",
            policy="skip_conflicts",
        )
        for booking in reversed(work.find("facilities.booking", series=made.id, limit=40)):
            work.move("facilities.booking", booking.id, "confirm")
        for booking in reversed(work.find("facilities.booking", series=made.id, end__lt=now, limit=40)):
            work.at(booking["start"])
            work.move("facilities.booking", booking.id, "check_in")
            work.at(booking["end"])
            work.move("facilities.booking", booking.id, "finish")


def today(work: DemoWork, dice: random.Random, crew: list[int], places: Places, categories: list[int]) -> None:
    """What whoever signs in with one of the demo's accounts finds to do."""
    now = work.now_really
    occupant, technician = account(work, "facilities.occupant"), account(work, "facilities.technician")
    orders = []
    for number, summary in enumerate(("The light in the corridor flickers", "The door to the yard sticks", "The radiator stays cold")):
        work.at(now - timedelta(days=4 - number))
        work.by(occupant)
        request = work.create(
            "facilities.request",
            summary=summary,
            description=f"{summary}, every morning until about ten.",
            location=places.rooms[number],
            category=categories[number],
        )
        if number == 2:
            break
        work.at(now - timedelta(days=3 - number))
        work.by(crew[0])
        work.move("facilities.request", request.id, "triage")
        work.move("facilities.request", request.id, "plan")
        planned = work.get("facilities.request", request.id)
        orders.append(planned["work_order"] if planned else None)
    for number, order in enumerate(filter(None, orders)):
        begin = (now + timedelta(days=number)).replace(hour=10, minute=0, second=0, microsecond=0)
        work.by(crew[0])
        work.move("facilities.work_order", order, "plan", due=now + timedelta(days=6))
        work.move(
            "facilities.work_order",
            order,
            "assign",
            assignee=technician or crew[1],
            scheduled_start=begin,
            scheduled_end=begin + timedelta(hours=1),
        )
        if number == 0:
            work.at(now - timedelta(days=1))
            work.by(technician or crew[1])
            work.move("facilities.work_order", order, "start")
            work.move("facilities.work_order", order, "finish", remedy="New starter and tube.")
            work.at(now - timedelta(hours=3))
            work.by(crew[0])
            work.move("facilities.work_order", order, "verify")
    work.at(now - timedelta(hours=2))
    work.by(occupant)
    start = datetime.combine((now + timedelta(days=1)).date(), time(17), UTC)
    booking = work.create(
        "facilities.booking", resource=places.bookable[-1], title="Review of the quarter", start=start, end=start + timedelta(hours=1)
    )
    work.move("facilities.booking", booking.id, "confirm")
    work.create(
        "facilities.booking",
        resource=places.bookable[-2],
        title="Interview",
        start=start + timedelta(days=1),
        end=start + timedelta(days=1, minutes=45),
    )
    visitor = name_of(dice)
    work.create(
        "facilities.visit", visitor_name=" ".join(visitor), company=f"{visitor[1]} Works", location=places.rooms[0], expected_from=start
    )
    for number in range(2):
        visitor = name_of(dice)
        work.by(occupant if number else crew[0])
        work.at(now - timedelta(days=1))
        visit = work.create(
            "facilities.visit",
            visitor_name=" ".join(visitor),
            company=f"{visitor[1]} Trading",
            location=places.rooms[number],
            expected_from=now - timedelta(minutes=50),
            purpose="Meeting",
        )
        work.at(now - timedelta(minutes=45))
        work.by(account(work, "facilities.reception"))
        work.move("facilities.visit", visit.id, "arrive", badge=f"{210 + number}", safety_signed=True)
    inspector = account(work, "facilities.inspector")
    work.by(inspector)
    for number, name in enumerate(("Floor", "Kitchen")):
        work.create(
            "facilities.inspection",
            location=places.rooms[number],
            inspector=inspector or crew[0],
            at=now + timedelta(days=number + 1),
            lines=({"point": name, "weight": 2}, {"point": "Escape route", "weight": 3, "critical": True}),
        )
