"""The demo's buildings: sites, rooms, equipment, and a year of requests, orders, bookings, inspections and visits."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from core import DemoWork, Money
from plugins.directory.demo import account

SEED = 43
REQUESTS = {"small": 210, "full": 5_200}
BOOKINGS = {"small": 560, "full": 84_000}
"""Slots that are drawn; those on a weekend stay free."""
ROOMS = {"small": 24, "full": 44}
INSPECTIONS = {"small": 50, "full": 900}
VISITS = {"small": 230, "full": 7_000}
KEYS = {"small": 60, "full": 800}
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
    """Write places and equipment first, then the year in the order of time."""
    dice = random.Random(SEED)
    start = work.now - timedelta(days=365)
    work.at(start - timedelta(days=5))
    people = [one.id for one in work.find("directory.person", limit=400)]
    people += [*filter(None, [account(work, "facilities.occupant")])] * 12
    crew = _crew(work, "House services") or people[:6]
    crew += [*filter(None, [account(work, "facilities.technician")])]
    rooms = _places(work, dice)
    assets = _equipment(work, dice, rooms, start)
    categories = [
        work.create("facilities.category", name=name, priority=rank).id
        for name, rank in (("Electricity", "P2"), ("Heating", "P2"), ("Water", "P1"), ("Furniture", "P4"), ("Doors and windows", "P3"))
    ]
    resources = _resources(work, dice, rooms)
    for _ in range(REQUESTS[work.size]):
        _request(work, dice, start, people, crew, rooms, assets, categories)
    _bookings(work, dice, start, people, resources)
    _inspections(work, dice, start, crew, rooms)
    _visits_and_keys(work, dice, start, people, rooms)
    work.by(None)
    work.at(None)


def _places(work: DemoWork, dice: random.Random) -> list[int]:
    rooms = []
    for site, city, zone in (("B", "Berlin", "Europe/Berlin"), ("L", "London", "Europe/London"), ("H", "Hamburg", "Europe/Berlin")):
        top = work.create("facilities.location", code=site, name=f"Site {city}", kind="site", zone=zone)
        for house in range(1, 3):
            building = work.create("facilities.location", code=f"{site}{house}", name=f"House {house}", kind="building", parent=top.id)
            for level in range(3):
                floor = work.create(
                    "facilities.location",
                    code=f"{site}{house}-{level}",
                    name=f"Floor {level}",
                    kind="floor",
                    parent=building.id,
                    floor_no=level,
                )
                for number in range(1, 6):
                    rooms.append(
                        work.create(
                            "facilities.location",
                            code=f"{site}{house}-{level}{number:02d}",
                            name=f"Room {level}{number:02d}",
                            kind="room",
                            parent=floor.id,
                            capacity=dice.choice((2, 4, 6, 8, 12)),
                            area_m2=Decimal(dice.randrange(900, 6_000)) / 100,
                        ).id
                    )
    return rooms


def _equipment(work: DemoWork, dice: random.Random, rooms: list[int], start: datetime) -> list[int]:
    assets = []
    for number, (name, kind) in enumerate(
        (
            ("Boiler", "heating"),
            ("Lift", "lift"),
            ("Air handler", "ventilation"),
            ("Extinguisher", "fire_safety"),
            ("Main switch", "electrical"),
            ("Pump", "plumbing"),
        )
        * 8,
        1,
    ):
        asset = work.create(
            "facilities.asset",
            tag=f"EQ-{number:04d}",
            name=name,
            location=dice.choice(rooms),
            **{"class": kind},
            installed_on=(start - timedelta(days=dice.randrange(100, 3_000))).date(),
            criticality=dice.randrange(1, 5),
            meters=({"name": "hours", "unit": "h"},) if kind in ("heating", "ventilation") else (),
        )
        assets.append(asset.id)
        if number % 2:
            work.create(
                "facilities.maintenance_schedule",
                name=f"Service of {name} EQ-{number:04d}",
                asset=asset.id,
                mode=("fixed", "floating")[number % 3 == 0],
                anchor=(start + timedelta(days=dice.randrange(0, 60))).date(),
                every=dice.choice((1, 3, 6)),
                unit="months",
                statutory=kind == "lift",
            )
    return assets


def _resources(work: DemoWork, dice: random.Random, rooms: list[int]) -> list[int]:
    made = []
    for number, room in enumerate(dice.sample(rooms, ROOMS[work.size]), 1):
        made.append(
            work.create(
                "facilities.resource",
                name=f"Meeting room {number}",
                type="room",
                location=room,
                zone="Europe/Berlin",
                capacity=dice.choice((4, 6, 8, 12)),
                opens="07:00",
                closes="20:00",
                buffer_after=dice.choice((0, 0, 15)),
            ).id
        )
    work.create("facilities.resource", name="Great hall", type="room", zone="Europe/Berlin", capacity=60, combines=(made[0], made[1]))
    for number in range(1, 6):
        made.append(
            work.create(
                "facilities.resource",
                name=f"Van {number}",
                type="vehicle",
                zone="Europe/Berlin",
                plate=f"B-OF {number:04d}",
                odometer=10_000 * number,
                inspection_due=work.today + timedelta(days=500),
                insurance_end=work.today + timedelta(days=600),
                licence_class="B",
            ).id
        )
    return made


def _request(
    work: DemoWork,
    dice: random.Random,
    start: datetime,
    people: list[int],
    crew: list[int],
    rooms: list[int],
    assets: list[int],
    categories: list[int],
) -> None:
    now = work.now_really
    moment = start + (now - start) * dice.random()
    work.at(moment)
    work.by(dice.choice(people))
    fault = dice.choice(_FAULTS)
    request = work.create(
        "facilities.request",
        summary=fault,
        description=f"{fault} since yesterday.",
        location=dice.choice(rooms),
        category=dice.choice(categories),
        safety=dice.random() < 0.03,
        asset=dice.choice((None, None, dice.choice(assets))),
    )
    moment += timedelta(hours=dice.randrange(1, 20))
    if moment >= now:
        return
    work.at(moment)
    work.by(crew[0])
    work.move("facilities.request", request.id, "triage")
    if dice.random() < 0.06:
        work.move("facilities.request", request.id, "reject", reason="Belongs to the landlord.")
        return
    work.move("facilities.request", request.id, "plan")
    planned = work.get("facilities.request", request.id)
    order = planned.get("work_order") if planned is not None else None
    if order is None or dice.random() < 0.08:
        return
    technician = dice.choice(crew[1:])
    work.move("facilities.work_order", order, "plan", due=moment + timedelta(days=10))
    work.move("facilities.work_order", order, "assign", assignee=technician)
    moment += timedelta(days=dice.randrange(1, 9))
    if moment >= now:
        return
    work.at(moment)
    work.by(technician)
    work.move("facilities.work_order", order, "start")
    began = moment.replace(microsecond=0)
    minutes = dice.randrange(20, 240)
    work.change(
        "facilities.work_order",
        order,
        failure_code="wear",
        labour=({"person": technician, "start": began, "end": began + timedelta(minutes=minutes), "rate": Money(Decimal(45), "EUR")},),
        parts=({"item": "Spare part", "quantity": Decimal(1), "price": Money(Decimal(dice.randrange(5, 90)), "EUR")},),
    )
    work.move("facilities.work_order", order, "finish")
    work.at(moment + timedelta(hours=20))
    work.by(crew[0])
    work.move("facilities.work_order", order, "verify")
    work.move("facilities.work_order", order, "close")
    work.by(request["requester"])
    work.move("facilities.request", request.id, "confirm")


def _bookings(work: DemoWork, dice: random.Random, start: datetime, people: list[int], resources: list[int]) -> None:
    now = work.now_really
    there = ZoneInfo("Europe/Berlin")
    full = work.size == "full"
    hours, lengths = ((8, 9, 10, 11, 13, 14, 15, 16), (30, 45)) if full else ((8, 10, 13, 15), (30, 45, 60, 90))
    slots = [(room, day, hour) for room in resources[: ROOMS[work.size]] for day in range(385) for hour in hours]
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


def _visits_and_keys(work: DemoWork, dice: random.Random, start: datetime, people: list[int], rooms: list[int]) -> None:
    now = work.now_really
    for count in range(VISITS[work.size]):
        moment = start + timedelta(days=dice.randrange(0, 370), hours=dice.randrange(8, 16))
        work.at(min(moment - timedelta(days=2), now - timedelta(minutes=1)))
        work.by(dice.choice(people))
        visit = work.create(
            "facilities.visit",
            visitor_name=f"Visitor {count + 1}",
            company=f"Company {dice.randrange(1, 60)}",
            location=dice.choice(rooms),
            expected_from=moment,
            purpose="Meeting",
        )
        if moment < now:
            work.at(moment)
            work.move("facilities.visit", visit.id, "arrive", badge=str(dice.randrange(100, 999)), safety_signed=True)
            if moment + timedelta(hours=2) < now:
                work.at(moment + timedelta(hours=2))
                work.move("facilities.visit", visit.id, "leave")
    work.by(None)
    for count in range(1, KEYS[work.size] + 1):
        work.at(start + timedelta(days=30 * count // KEYS[work.size]))
        key = work.create(
            "facilities.key", number=f"K-{count:03d}", kind=dice.choice(("key", "card")), copies=2, opens=(dice.choice(rooms),)
        )
        work.create("facilities.key_issue", key=key.id, holder=dice.choice(people), due=(start + timedelta(days=400)).date())


def _crew(work: DemoWork, team: str) -> list[int]:
    found = work.first("directory.team", name=team)
    return list(found.get("members") or ()) if found is not None else []
