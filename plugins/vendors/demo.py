"""The demo's vendors: companies with papers, accounts, risks and scores."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal

from core import DemoWork, Money
from plugins.directory.demo import name_of, staff
from plugins.vendors import demo_cases
from plugins.vendors.demo_cases import Crew, iban

SEED = 47
VENDORS = {"small": 120, "full": 420}
_FIRST = (
    "Alder",
    "Birken",
    "Corvin",
    "Delta",
    "Ester",
    "Falken",
    "Grano",
    "Helio",
    "Indigo",
    "Jasper",
    "Kestrel",
    "Linden",
    "Marlin",
    "Nordic",
    "Orion",
)
_LAST = ("Logistics", "Supplies", "Office", "Cleaning", "Systems", "Foods", "Print", "Energy", "Security", "Furniture")
_COUNTRIES = (
    ("DE", "GmbH"),
    ("GB", "Ltd"),
    ("NL", "BV"),
    ("FR", "SARL"),
    ("SE", "AB"),
    ("ES", "SL"),
    ("AT", "GmbH"),
    ("IE", "Ltd"),
    ("DK", "ApS"),
    ("PL", "Sp. z o.o."),
    ("IT", "SRL"),
    ("BE", "BVBA"),
    ("PT", "SA"),
    ("FI", "Oy"),
)
_ACCOUNTS = {"DE": "99999999{:010d}", "GB": "TEST{:014d}", "NL": "TEST{:010d}", "SE": "{:020d}", "AT": "{:016d}", "IE": "TEST{:014d}"}
"""Forms of account numbers with bank codes that no bank has; other countries' vendors have an account in Germany."""
_CITIES = ("Hafenstadt", "Bergheim", "Newbridge", "Nieuwdorp", "Villeneuve", "Sjostad")
_PAPERS = {"small": 3, "full": 5}


def fill(work: DemoWork) -> None:
    """Write lists first, then vendors through their onboarding."""
    dice = random.Random(SEED)
    work.at(work.now - timedelta(days=368))
    people = staff(work)
    buyers = list(_crew(work, "Purchasing") or people[:4])
    payers = list(_crew(work, "Accounts") or people[4:8])
    # Whoever asks for a vendor does not approve it.
    people = [one for one in people if one not in (*buyers, *payers)]
    terms = [
        work.create("vendors.payment_term", code=code, name=name, lines=({"base": base, "days": days},)).id
        for code, name, base, days in (
            ("N30", "30 days net", "invoice", 30),
            ("N14", "14 days net", "invoice", 14),
            ("EOM30", "30 days, end of month", "end_of_month", 30),
        )
    ]
    categories = [
        work.create("vendors.category", code=f"C{at:02d}", name=name, owner=buyers[at % len(buyers)]).id
        for at, name in enumerate(_LAST, 1)
    ]
    types = [
        work.create("vendors.document_type", code=code, name=name, expires=expires, mandatory_to_tier=tier).id
        for code, name, expires, tier in (
            ("INSURANCE", "Liability insurance", True, 2),
            ("REGISTER", "Extract of the register", False, None),
            ("ISO9001", "Quality certificate", True, None),
            ("ISO27001", "Certificate of information security", True, None),
            ("TAX", "Tax clearance", True, None),
        )
    ]
    crew = Crew(people, buyers, payers)
    for number in range(VENDORS[work.size]):
        _vendor(work, dice, number, crew, terms, categories, types)
    demo_cases.fill(work, dice, crew, terms)
    work.by(None)
    work.at(None)


def _vendor(
    work: DemoWork, dice: random.Random, number: int, crew: Crew, terms: list[int], categories: list[int], types: list[int]
) -> None:
    now, buyers, payers = work.now_really, crew.buyers, crew.payers
    moment = now - timedelta(days=365) + timedelta(days=365 * number / VENDORS[work.size])
    country, form = _COUNTRIES[number % (len(_COUNTRIES) if work.size == "full" else 6)]
    work.at(moment)
    work.by(dice.choice(crew.people))
    turn = number // (len(_FIRST) * len(_LAST))
    name = " ".join(
        filter(None, (_FIRST[number % len(_FIRST)], ("", "North", "South")[turn], _LAST[number // len(_FIRST) % len(_LAST)], form))
    )
    contacts = tuple(
        {
            "name": " ".join(name_of(dice)),
            "role": role,
            "email": f"{role}@vendor{number}.example",
            "phone": f"+4930{dice.randrange(1_000_000, 9_999_999)}",
        }
        for role in ("sales", "accounts")[: 1 + (number % 3 > 0)]
    )
    vendor = work.create(
        "vendors.vendor",
        legal_name=name,
        country=country,
        registration_no=f"R{100_000 + number}",
        payment_term=dice.choice(terms),
        categories=(dice.choice(categories),),
        owner=buyers[number % 3],
        criticality=dice.randrange(1, 5),
        preferred=number % 7 == 0,
        website=f"https://vendor{number}.example",
        contacts=contacts,
        addresses=({"kind": "legal", "street": f"Market {number + 1}", "city": dice.choice(_CITIES), "country": country},),
    )
    moment += timedelta(days=2)
    if moment >= now:
        return
    work.at(moment)
    work.by(buyers[1])
    work.move("vendors.vendor", vendor.id, "collect")
    if dice.random() < 0.03:
        work.move("vendors.vendor", vendor.id, "reject", reason="Does not answer.")
        return
    for kind in types[: dice.randrange(1, _PAPERS[work.size] + 1) if work.size == "small" else 5 - (number % 2)]:
        document = work.create("vendors.document", vendor=vendor.id, type=kind)
        issued = (moment - timedelta(days=dice.randrange(5, 60))).date()
        valid = dice.choice((200, 400, 500, 500))
        work.move(
            "vendors.document",
            document.id,
            "receive",
            number=f"D-{number:03d}-{kind}",
            issued=issued,
            expires=issued + timedelta(days=valid) if kind != types[1] else None,
            coverage=Money(Decimal(2_000_000), "EUR") if kind == types[0] else None,
        )
        work.by(buyers[2])
        work.move("vendors.document", document.id, "verify")
        work.by(buyers[1])
    work.move("vendors.vendor", vendor.id, "examine")
    file = work.create(
        "vendors.due_diligence",
        vendor=vendor.id,
        checks=tuple({"check": check, "result": "clear"} for check in ("registry", "sanctions", "tax")),
    )
    work.move("vendors.due_diligence", file.id, "close")
    work.create(
        "vendors.risk_assessment",
        vendor=vendor.id,
        assessed_on=moment.date(),
        dimensions=tuple(
            {"dimension": name, "likelihood": dice.randrange(1, 5), "impact": dice.randrange(1, 5)}
            for name in ("financial", "operational", "security")
        ),
    )
    place = country if country in _ACCOUNTS else "DE"
    account = work.create(
        "vendors.bank_account",
        vendor=vendor.id,
        holder=name,
        iban=iban(place, _ACCOUNTS[place].format(number)),
        currency="GBP" if country == "GB" else "EUR",
        received_by="letter",
    )
    work.by(payers[0])
    work.move(
        "vendors.bank_account",
        account.id,
        "verify",
        verification=({"method": "callback", "result": "confirmed", "called": contacts[0]["phone"]},),
    )
    if moment + timedelta(days=12) >= now or (now - moment < timedelta(days=60) and dice.random() < 0.3):
        return
    work.by(payers[1])
    demo_cases.approve(work, account)
    work.at(moment + timedelta(days=12))  # cooling is over
    work.move("vendors.bank_account", account.id, "activate")
    work.by(buyers[2])
    work.move("vendors.vendor", vendor.id, "approve")
    work.move("vendors.vendor", vendor.id, "activate")
    if number % (7 if work.size == "full" else 4) == 0:
        for quarter in range(24 if work.size == "full" else 1):
            _score(work, dice, vendor.id, (moment - timedelta(days=91 * quarter)).date())
    if number % 5 == 0:
        work.create(
            "vendors.contract_link",
            vendor=vendor.id,
            number=f"CT-{number:04d}",
            title=f"Frame contract {name}",
            kind="frame",
            start=moment.date(),
            end=moment.date() + timedelta(days=730),
            owner=buyers[0],
            value=Money(Decimal(dice.randrange(1, 90) * 1000), "EUR"),
        )


def _score(work: DemoWork, dice: random.Random, vendor: int, day: date) -> None:
    card = work.create(
        "vendors.scorecard",
        vendor=vendor,
        period=f"{day.year}-Q{(day.month - 1) // 3 + 1}",
        criteria=tuple(
            {"criterion": name, "weight": Decimal(weight), "score": Decimal(dice.randrange(55, 100))}
            for name, weight in (("quality", 40), ("delivery", 30), ("price", 15), ("service", 15))
        ),
    )
    work.move("vendors.scorecard", card.id, "publish")


def _crew(work: DemoWork, team: str) -> list[int]:
    found = work.first("directory.team", name=team)
    return list(found.get("members") or ()) if found is not None else []
