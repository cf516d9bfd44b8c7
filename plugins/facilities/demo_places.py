"""The demo's buildings and what stands in them: sites down to desks, equipment with its upkeep, what can be booked, keys."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from core import DemoWork

SITES = (("B", "Berlin", "Europe/Berlin"), ("L", "London", "Europe/London"), ("H", "Hamburg", "Europe/Berlin"))
ROOMS = {"small": 24, "full": 44}
"""Rooms that can be booked."""
_CLASSES = (
    ("Boiler", "heating", 12),
    ("Lift", "lift", 3),
    ("Air handler", "ventilation", 6),
    ("Extinguisher", "fire_safety", 12),
    ("Main switch", "electrical", 12),
    ("Pump", "plumbing", 6),
)
_MAKERS = ("Norfab", "Helwig", "Tessen", "Brakla")


@dataclass
class Places:
    """Ids of what was made: rooms, equipment, equipment with a meter, bookable rooms, vans."""

    rooms: list[int] = field(default_factory=list)
    assets: list[int] = field(default_factory=list)
    metered: list[int] = field(default_factory=list)
    schedules: list[int] = field(default_factory=list)
    bookable: list[int] = field(default_factory=list)
    vans: list[int] = field(default_factory=list)


def build(work: DemoWork, dice: random.Random, start: datetime) -> Places:
    """Write all places, as of ``start``."""
    places = Places()
    _locations(work, dice, places)
    _equipment(work, dice, places, start)
    _resources(work, dice, places)
    return places


def _locations(work: DemoWork, dice: random.Random, places: Places) -> None:
    full = work.size == "full"
    floors = 0
    for number, (site, city, zone) in enumerate(SITES):
        top = work.create("facilities.location", code=site, name=f"Site {city}", kind="site", zone=zone)
        for house in range(1, 4 if full and not number else 3):
            building = work.create("facilities.location", code=f"{site}{house}", name=f"House {house}", kind="building", parent=top.id)
            for level in range((6 if number == 0 else 5) if full else 3):
                floors += 1
                floor = work.create(
                    "facilities.location",
                    code=f"{site}{house}-{level}",
                    name=f"Floor {level}",
                    kind="floor",
                    parent=building.id,
                    floor_no=level,
                )
                for room in range(1, (18 if floors <= 32 else 17) if full else 6):
                    made = work.create(
                        "facilities.location",
                        code=f"{site}{house}-{level}{room:02d}",
                        name=f"Room {level}{room:02d}",
                        kind="room",
                        parent=floor.id,
                        capacity=dice.choice((2, 4, 6, 8, 12)),
                        area_m2=Decimal(dice.randrange(900, 6_000)) / 100,
                    )
                    places.rooms.append(made.id)
                    for desk in range(1, _desks(full, floors, room) + 1):
                        work.create(
                            "facilities.location",
                            code=f"{site}{house}-{level}{room:02d}-{desk}",
                            name=f"Desk {desk}",
                            kind="desk",
                            parent=made.id,
                        )


def _desks(full: bool, floor: int, room: int) -> int:
    """How many desks a room has, 900 in all at full size."""
    if not full:
        return 2 if room == 5 else 0
    return 2 if room <= (6 if floor <= 32 else 11 + (floor > 36)) else 1


def _equipment(work: DemoWork, dice: random.Random, places: Places, start: datetime) -> None:
    count = 410 if work.size == "full" else 48
    schedules = 520 if work.size == "full" else 24
    for number in range(1, count + 1):
        name, kind, months = _CLASSES[number % len(_CLASSES)]
        installed = (start - timedelta(days=dice.randrange(100, 3_000))).date()
        asset = work.create(
            "facilities.asset",
            tag=f"EQ-{number:04d}",
            name=name,
            location=dice.choice(places.rooms),
            **{"class": kind},
            maker=dice.choice(_MAKERS),
            serial=f"{dice.randrange(100_000, 999_999)}",
            installed_on=installed,
            warranty_end=date(installed.year + 5, installed.month, min(installed.day, 28)),
            criticality=dice.randrange(1, 5),
            statutory_inspection=kind == "lift",
            meters=({"name": "hours", "unit": "h"},) if kind in ("heating", "ventilation") else (),
        )
        places.assets.append(asset.id)
        if kind in ("heating", "ventilation"):
            places.metered.append(asset.id)
        for turn in range(schedules * number // count - schedules * (number - 1) // count):
            made = work.create(
                "facilities.maintenance_schedule",
                name=f"{('Service', 'Cleaning')[turn]} of {name} EQ-{number:04d}",
                asset=asset.id,
                mode="floating" if number % 3 == 0 else "fixed",
                anchor=(start + timedelta(days=dice.randrange(0, 60))).date(),
                every=(months, 1)[turn],
                unit="months",
                statutory=kind == "lift",
                instruction="Isolate it, look at seals and bearings, clean it, run it for five minutes.",
            )
            places.schedules.append(made.id)


def _resources(work: DemoWork, dice: random.Random, places: Places) -> None:
    for number, room in enumerate(dice.sample(places.rooms, ROOMS[work.size]), 1):
        made = work.create(
            "facilities.resource",
            name=f"Meeting room {number}",
            type="room",
            location=room,
            zone="Europe/Berlin",
            capacity=dice.choice((4, 6, 8, 12)),
            opens="07:00",
            closes="20:00",
            buffer_after=dice.choice((0, 0, 15)),
            features=tuple(dice.sample(("projector", "video", "whiteboard", "step_free"), 2)),
        )
        places.bookable.append(made.id)
    work.create(
        "facilities.resource",
        name="Great hall",
        type="room",
        zone="Europe/Berlin",
        capacity=60,
        needs_approval=True,
        combines=(places.bookable[0], places.bookable[1]),
    )
    for number in range(1, (12 if work.size == "full" else 5) + 1):
        van = work.create(
            "facilities.resource",
            name=f"Van {number}",
            type="vehicle",
            zone="Europe/Berlin",
            plate=f"B-OF {number:04d}",
            odometer=10_000 * number,
            inspection_due=work.now_really.date() + timedelta(days=500),
            insurance_end=work.now_really.date() + timedelta(days=600),
            licence_class="B",
        )
        places.vans.append(van.id)
