"""The demo's organisation: two companies, departments, people named from syllables, teams, calendars and rates."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

from core import DemoWork

SEED = 20_26
PEOPLE = 200
_STARTS = ("Ba", "Ce", "Da", "El", "Fi", "Go", "Ha", "Il", "Jo", "Ka", "Li", "Mo", "Ne", "Ol", "Pa", "Ri", "Sa", "To", "Ul", "Ve")
_MIDDLES = ("la", "mi", "no", "ra", "si", "te", "vo", "ly", "ne", "ri")
_ENDS = ("n", "s", "ra", "la", "m", "d", "na", "k", "l", "r")
_FAMILY_ENDS = ("berg", "dal", "feld", "gard", "holm", "lund", "mark", "stad", "vik", "wood")
DEPARTMENTS = (
    ("NORTH", "Northern company", "N-ADMIN", None),
    ("OPS", "Operations", "N-ADMIN", "NORTH"),
    ("IT", "Information technology", "N-ADMIN", "NORTH"),
    ("SOUTH", "Southern company", "S-ADMIN", None),
    ("FIN", "Finance", "S-ADMIN", "SOUTH"),
    ("SALES", "Sales and service", "S-ADMIN", "SOUTH"),
)
SKILLS = (
    "First aid",
    "Forklift licence",
    "Spreadsheets",
    "French and Spanish",
    "Public speaking",
    "Network cabling",
    "Fire warden",
    "Contract law",
)
TITLES = ("Administrator", "Analyst", "Assistant", "Buyer", "Clerk", "Coordinator", "Engineer", "Officer", "Planner", "Technician")


def fill(work: DemoWork) -> None:
    """Write the organisation, as of a year and a half ago."""
    dice = random.Random(SEED)
    work.at(work.now - timedelta(days=540))
    calendars = _calendars(work)
    for code, name, digits in (("EUR", "Euro", 2), ("GBP", "Pound sterling", 2), ("USD", "US dollar", 2), ("JPY", "Yen", 0)):
        work.create("directory.currency", code=code, name=name, digits=digits)
    north = work.create(
        "directory.company",
        code="NORTH",
        legal_name="Northern Works GmbH",
        country="DE",
        base_currency="EUR",
        time_zone="Europe/Berlin",
        language="de",
    )
    south = work.create(
        "directory.company",
        code="SOUTH",
        legal_name="Southern Trading Ltd",
        country="GB",
        base_currency="GBP",
        time_zone="Europe/London",
        language="en",
    )
    centres = {
        code: work.create("directory.cost_centre", code=code, name=name, company=company.id).id
        for code, name, company in (("N-ADMIN", "Northern administration", north), ("S-ADMIN", "Southern administration", south))
    }
    departments: dict[str, int] = {}
    for code, name, centre, parent in DEPARTMENTS:
        company = north if centre == "N-ADMIN" else south
        departments[code] = work.create(
            "directory.department",
            code=code,
            name=name,
            company=company.id,
            parent=departments.get(parent or ""),
            cost_centre=centres[centre],
        ).id
    people = _people(work, dice, departments, calendars)
    for code, name in (("SWAP", "Exchange of a broken thing"), ("POLICY", "Change of policy"), ("REQ", "On request")):
        work.create("directory.reason_code", code=code, name=name)
    for code, name in (("PASSPORT", "Passport"), ("CONTRACT", "Contract"), ("CERT", "Certificate")):
        work.create("directory.document_type", code=code, name=name)
    for code, name, colour in (("VIP", "Board", "#8a5300"), ("REMOTE", "Works from home", "#0b6480"), ("NEW", "New starter", "#17723a")):
        work.create("directory.tag", code=code, name=name, colour=colour)
    for name, code, count in (
        ("Service desk", "IT", 5),
        ("Networks", "IT", 4),
        ("Workplace", "IT", 3),
        ("House services", "OPS", 6),
        ("Accounts", "FIN", 4),
        ("Purchasing", "FIN", 4),
    ):
        crew = dice.sample(people[code][:-1], count)  # the last one leaves
        work.create("directory.team", name=name, lead=crew[0], members=tuple(crew), calendar=calendars["DE-OFFICE"])
    _projects(work, (north.id, south.id), people)
    _rates(work, dice)
    _absences(work, dice, people)


def _projects(work: DemoWork, companies: tuple[int, int], people: dict[str, list[int]]) -> None:
    for number, (name, code, days) in enumerate(
        (
            ("Move to the new warehouse", "OPS", 300),
            ("One network for both companies", "IT", 420),
            ("Replacement of the telephones", "IT", 180),
            ("Closing the books in five days", "FIN", 240),
            ("Customer portal", "SALES", 600),
        ),
        1,
    ):
        work.create(
            "directory.project",
            code=f"PJ-{number:02d}",
            name=name,
            company=companies[code in ("FIN", "SALES")],
            manager=people[code][number],
            valid_from=work.today + timedelta(days=60 * number),
            valid_to=work.today + timedelta(days=60 * number + days),
        )


def _absences(work: DemoWork, dice: random.Random, people: dict[str, list[int]]) -> None:
    """Somebody stands in for whoever is away; some have left in the past year."""
    for number, code in enumerate(people, 1):
        start = work.now_really.date() + timedelta(days=dice.randrange(-40, 30))
        work.create(
            "directory.delegation",
            from_person=people[code][0],
            to_person=people[code][1],
            start=start,
            end=start + timedelta(days=dice.choice((7, 14, 21))),
            scope="approvals" if number % 2 else "everything",
            reason="Annual leave.",
        )
        left = work.now_really - timedelta(days=50 * number)
        work.at(left)
        work.change("directory.person", people[code][-1], active=False, end=left.date())
    work.at(None)


def _calendars(work: DemoWork) -> dict[str, int]:
    office = [
        ("monday", "09:00", "17:30"),
        ("tuesday", "09:00", "17:30"),
        ("wednesday", "09:00", "17:30"),
        ("thursday", "09:00", "17:30"),
        ("friday", "09:00", "17:30"),
    ]
    week = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    always = [(day, "00:00", "24:00") for day in week]
    night = [(day, start, end) for day in week for start, end in (("00:00", "06:00"), ("22:00", "24:00"))]
    made = {}
    for code, name, zone, hours in (
        ("DE-OFFICE", "Office hours, Germany", "Europe/Berlin", office),
        ("GB-OFFICE", "Office hours, England", "Europe/London", office),
        ("ALWAYS", "Day and night", "Europe/Berlin", always),
        ("DE-NIGHT", "Night shift", "Europe/Berlin", night),
    ):
        made[code] = work.create(
            "directory.calendar",
            code=code,
            name=name,
            zone=zone,
            weekly=tuple({"weekday": day, "start": start, "end": end} for day, start, end in hours),
        ).id
    return made


def _people(work: DemoWork, dice: random.Random, departments: dict[str, int], calendars: dict[str, int]) -> dict[str, list[int]]:
    made: dict[str, list[int]] = {code: [] for code in departments}
    seen: set[str] = set()
    codes = list(departments)
    while len(seen) < PEOPLE:
        given, family = name_of(dice)
        mail = f"{given}.{family}@example.org".lower()
        if mail in seen:
            continue
        code = codes[len(seen) % len(codes)]
        north = codes.index(code) < 3
        person = work.create(
            "directory.person",
            given_name=given,
            family_name=family,
            mail=mail,
            department=departments[code],
            manager=made[code][len(made[code]) // 8] if made[code] else None,
            job_title=dice.choice(TITLES),
            phone=f"+4930{dice.randrange(1_000_000, 9_999_999)}" if north else f"+4420{dice.randrange(10_000_000, 99_999_999)}",
            language="de" if north else "en",
            time_zone="Europe/Berlin" if north else "Europe/London",
            calendar=calendars["DE-OFFICE" if north else "GB-OFFICE"],
            start=work.today - timedelta(days=dice.randrange(30, 3_000)),
            skills=", ".join(dice.sample(SKILLS, 2)) if len(seen) % 3 == 0 else None,
        )
        seen.add(mail)
        made[code].append(person.id)
    for code, crew in made.items():
        house = "Berlin, house 1" if code in ("NORTH", "OPS", "IT") else "London, house 2"
        work.change("directory.department", departments[code], head=crew[0], deputies=(crew[1],), location=house)
    return made


def _rates(work: DemoWork, dice: random.Random) -> None:
    ids = {one["code"]: one.id for one in work.find("directory.currency")}
    values = {("GBP", "EUR"): Decimal("1.17"), ("USD", "EUR"): Decimal("0.86"), ("JPY", "EUR"): Decimal("0.0054")}
    work.at(None)
    today = work.today
    for back in range(30, 0, -1):
        for (source, target), value in values.items():
            drift = Decimal(dice.randrange(-80, 80)) / 10_000
            work.create(
                "directory.rate",
                source=ids[source],
                target=ids[target],
                on=today - timedelta(days=back),
                rate=(value * (1 + drift)).quantize(Decimal("0.000001")),
            )


def name_of(dice: random.Random) -> tuple[str, str]:
    """A given and a family name from syllables."""
    given = dice.choice(_STARTS) + dice.choice(_MIDDLES) + dice.choice(_ENDS)
    return given, dice.choice(_STARTS) + dice.choice(_MIDDLES) + dice.choice(_FAMILY_ENDS)


def staff(work: DemoWork) -> list[int]:
    """Who works here now; the persons of the demo's accounts, who have no job title, are not among them."""
    return [one.id for one in work.find("directory.person", active=True, limit=400) if one.get("job_title")]


def account(work: DemoWork, role: str) -> int | None:
    """The person of the demo's account for a role such as ``helpdesk.agent``, so that whoever signs in has something to do."""
    found = work.first("directory.person", mail=f"{role}@example.org")
    return found.id if found is not None else None
