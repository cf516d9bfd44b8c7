"""The demo's buildings: sites, rooms, equipment, and a year (full: two) of requests, orders, bookings, inspections and visits."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from core import DemoWork, Money
from plugins.directory.demo import account, name_of, staff
from plugins.facilities import demo_daily, demo_places
from plugins.facilities.demo_places import Places

SEED = 43
DAYS = {"small": 365, "full": 730}
REQUESTS = {"small": 200, "full": 5_200}
BOOKINGS = {"small": 500, "full": 84_000}
"""Slots that are drawn; those on a weekend stay free."""
INSPECTIONS = {"small": 50, "full": 900}
VISITS = {"small": 220, "full": 7_000}
KEYS = {"small": 60, "full": 800}
READINGS = {"small": 24, "full": 296}
"""For each meter."""
PREVENTIVE = {"small": 14, "full": 1_900}
_FAULTS = (
    "The lamp flickers",
    "The window does not close",
    "The heating stays cold",
    "Water drips from the ceiling",
    "The door sticks",
    "The socket has no power",
    "The blind is torn",
    "The tap drips",
    "It smells of smoke",
    "The carpet is loose",
)
_PURPOSES = ("Weekly review", "Interview", "Workshop", "Training", "Customer visit", "Planning", "One to one", "Budget round")


def fill(work: DemoWork) -> None:
    """Write places and equipment first, then the time up to today."""
    dice = random.Random(SEED)
    start = work.now - timedelta(days=DAYS[work.size])
    work.at(start - timedelta(days=5))
    people = staff(work)
    people += [*filter(None, [account(work, "facilities.occupant")])] * 12
    crew = _crew(work, "House services") or people[:6]
    crew += [*filter(None, [account(work, "facilities.technician")])]
    places = demo_places.build(work, dice, start)
    categories = [
        work.create("facilities.category", name=name, priority=rank).id
        for name, rank in (("Electricity", "P2"), ("Heating", "P2"), ("Water", "P1"), ("Furniture", "P4"), ("Doors and windows", "P3"))
    ]
    for moment in sorted(start + (work.now_really - start) * dice.random() for _ in range(REQUESTS[work.size])):
        _request(work, dice, moment, people, crew, places, categories)
    _preventive(work, dice, start, crew, places)
    _bookings(work, dice, start, people, places)
    _inspections(work, dice, start, crew, places.rooms)
    _visits(work, dice, start, people, places.rooms)
    _keys(work, dice, start, people, places.rooms)
    demo_daily.fill(work, dice, start, people, crew, places, READINGS[work.size])
    demo_daily.today(work, dice, crew, places, categories)
    work.by(None)
    work.at(None)


def _request(
    work: DemoWork,
    dice: random.Random,
    moment: datetime,
    people: list[int],
    crew: list[int],
    places: Places,
    categories: list[int],
) -> None:
    now = work.now_really
    recent = now - moment < timedelta(days=12)
    work.at(moment)
    work.by(dice.choice(people))
    fault = dice.choice(_FAULTS)
    request = work.create(
        "facilities.request",
        summary=fault,
        description=f"{fault} since yesterday.",
        location=dice.choice(places.rooms),
        category=dice.choice(categories),
        safety=dice.random() < 0.03,
        asset=dice.choice((None, None, dice.choice(places.assets))),
    )
    moment += timedelta(hours=dice.randrange(1, 20))
    if moment >= now or (recent and dice.random() < 0.15):
        return
    work.at(moment)
    work.by(crew[0])
    work.move("facilities.request", request.id, "triage")
    if recent and dice.random() < 0.2:
        return
    if dice.random() < 0.06:
        work.move("facilities.request", request.id, "reject", reason="Belongs to the landlord.")
        return
    work.move("facilities.request", request.id, "plan")
    planned = work.get("facilities.request", request.id)
    order = planned.get("work_order") if planned is not None else None
    if order is None or (recent and dice.random() < 0.2):
        return
    if not _work_off(work, dice, crew, order, moment):
        return
    work.by(request["requester"])
    work.move("facilities.request", request.id, "confirm")


def _work_off(work: DemoWork, dice: random.Random, crew: list[int], order: int, moment: datetime) -> bool:
    """Plan and do an order from ``moment`` on; answers whether it is done by now."""
    now = work.now_really
    technician = dice.choice(crew[1:])
    begin = (moment + timedelta(days=dice.randrange(1, 9))).replace(hour=dice.randrange(7, 16), minute=0, second=0, microsecond=0)
    work.at(moment)
    work.by(crew[0])
    work.move("facilities.work_order", order, "plan", due=moment + timedelta(days=10))
    work.move(
        "facilities.work_order", order, "assign", assignee=technician, scheduled_start=begin, scheduled_end=begin + timedelta(hours=2)
    )
    moment = begin
    if moment >= now:
        return False
    work.at(moment)
    work.by(technician)
    work.move("facilities.work_order", order, "start")
    if now - moment < timedelta(days=8) and dice.random() < 0.4:
        if dice.random() < 0.3:
            work.move("facilities.work_order", order, "hold", hold_reason="parts")
        return False
    minutes = dice.randrange(20, 240)
    work.change(
        "facilities.work_order",
        order,
        failure_code="wear",
        labour=({"person": technician, "start": begin, "end": begin + timedelta(minutes=minutes), "rate": Money(Decimal(45), "EUR")},),
        parts=({"item": "Spare part", "quantity": Decimal(1), "price": Money(Decimal(dice.randrange(5, 90)), "EUR")},),
    )
    work.move("facilities.work_order", order, "finish")
    if moment + timedelta(hours=20) >= now:
        return False
    work.at(moment + timedelta(hours=20))
    work.by(crew[0])
    work.move("facilities.work_order", order, "verify")
    if now - moment < timedelta(days=10) and dice.random() < 0.3:
        return False
    work.move("facilities.work_order", order, "close")
    return True


def _preventive(work: DemoWork, dice: random.Random, start: datetime, crew: list[int], places: Places) -> None:
    """Schedules make their orders, in the order of time."""
    count = PREVENTIVE[work.size]
    for turn in range(count):
        moment = start + (work.now_really - start) * turn / count
        work.at(moment)
        work.by(crew[0])
        schedule = places.schedules[turn % len(places.schedules)]
        work.change("facilities.maintenance_schedule", schedule, order_now=True)
        order = work.first("facilities.work_order", schedule=schedule)
        if order is not None and order["state"] == "draft":
            _work_off(work, dice, crew, order.id, moment)


def _bookings(work: DemoWork, dice: random.Random, start: datetime, people: list[int], places: Places) -> None:
    now = work.now_really
    there = ZoneInfo("Europe/Berlin")
    full = work.size == "full"
    hours, lengths = ((8, 9, 10, 11, 13, 14, 15, 16), (30, 45)) if full else ((8, 10, 13, 15), (30, 45, 60, 90))
    days = range(DAYS[work.size] + 20)
    slots = [(room, day, hour) for room in places.bookable for day in days for hour in hours]
    for room, day, hour in sorted(dice.sample(slots, BOOKINGS[work.size]), key=lambda one: one[1]):
        local = datetime.combine((start + timedelta(days=day)).date(), time(hour), there)
        if local.weekday() > 4:
            continue
        moment = min(local.astimezone(UTC) - timedelta(days=dice.randrange(1, 14)), now - timedelta(minutes=5))
        work.at(moment)
        work.by(dice.choice(people))
        booking = work.create(
            "facilities.booking",
            resource=room,
            title=dice.choice(_PURPOSES),
            start=local.astimezone(UTC),
            end=local.astimezone(UTC) + timedelta(minutes=dice.choice(lengths)),
            attendees=dice.choice((2, 3, 4)),
        )
        work.move("facilities.booking", booking.id, "confirm")
        if booking["end"] < now:
            if dice.random() < 0.9:
                work.at(booking["start"])
                work.move("facilities.booking", booking.id, "check_in")
                work.at(booking["end"])
                work.move("facilities.booking", booking.id, "finish")
            else:
                work.at(booking["start"] + timedelta(minutes=20))
                work.move("facilities.booking", booking.id, "release")


def _inspections(work: DemoWork, dice: random.Random, start: datetime, crew: list[int], rooms: list[int]) -> None:
    for count in range(INSPECTIONS[work.size]):
        work.at(start + timedelta(days=350 * count // INSPECTIONS[work.size] + 1))
        work.by(crew[0])
        results = [dice.choices(("pass", "partial", "fail"), (12, 2, 1))[0] for _ in range(5)]
        inspection = work.create(
            "facilities.inspection",
            location=dice.choice(rooms),
            inspector=crew[0],
            lines=tuple(
                {
                    "point": point,
                    "weight": weight,
                    "critical": weight == 3,
                    "result": result,
                    "comment": None if result == "pass" else "See the picture.",
                }
                for (point, weight), result in zip(
                    (("Floor", 2), ("Windows", 1), ("Kitchen", 2), ("Escape route", 3), ("Bins", 1)), results, strict=True
                )
            ),
        )
        work.move("facilities.inspection", inspection.id, "start")
        work.move("facilities.inspection", inspection.id, "submit")
        work.move("facilities.inspection", inspection.id, "pass_" if inspection["outcome"] == "passed" else "fail")


def _visits(work: DemoWork, dice: random.Random, start: datetime, people: list[int], rooms: list[int]) -> None:
    now = work.now_really
    for number in sorted(dice.randrange(0, DAYS[work.size] + 6) for _ in range(VISITS[work.size])):
        day = (start + timedelta(days=number)).date()
        moment = datetime(day.year, day.month, day.day, dice.randrange(7, 15), dice.choice((0, 15, 30, 45)), tzinfo=UTC)
        work.at(min(moment - timedelta(days=2), now - timedelta(minutes=1)))
        work.by(dice.choice(people))
        visit = work.create(
            "facilities.visit",
            visitor_name=" ".join(name_of(dice)),
            company=f"{name_of(dice)[1]} {dice.choice(('Works', 'Consulting', 'Trading', 'Logistics'))}",
            location=dice.choice(rooms),
            expected_from=moment,
            expected_to=moment + timedelta(hours=2),
            purpose=dice.choice(("Meeting", "Delivery of samples", "Interview", "Audit", "Service of a machine")),
        )
        if moment >= now:
            continue
        work.at(moment)
        if dice.random() < 0.06:
            work.move("facilities.visit", visit.id, "miss")
            continue
        work.move("facilities.visit", visit.id, "arrive", badge=str(dice.randrange(100, 999)), safety_signed=True)
        if moment + timedelta(hours=2) < now:
            work.at(moment + timedelta(hours=2))
            work.move("facilities.visit", visit.id, "leave")


def _keys(work: DemoWork, dice: random.Random, start: datetime, people: list[int], rooms: list[int]) -> None:
    work.by(None)
    for count in range(1, KEYS[work.size] + 1):
        moment = start + timedelta(days=30 * count // KEYS[work.size])
        work.at(moment)
        key = work.create(
            "facilities.key", number=f"K-{count:03d}", kind=dice.choice(("key", "card")), copies=2, opens=(dice.choice(rooms),)
        )
        due = (start + timedelta(days=DAYS[work.size] + dice.randrange(-20, 90))).date()
        issue = work.create("facilities.key_issue", key=key.id, holder=dice.choice(people), due=due, issued_at=moment)
        if count % 4 == 0:
            work.at(moment + timedelta(days=200))
            work.change("facilities.key_issue", issue.id, returned_at=moment + timedelta(days=200))


def _crew(work: DemoWork, team: str) -> list[int]:
    found = work.first("directory.team", name=team)
    return list(found.get("members") or ()) if found is not None else []
