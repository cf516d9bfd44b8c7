"""The demo's vendors: companies with papers, accounts, risks and scores."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

from core import DemoWork, Money

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
_COUNTRIES = (("DE", "GmbH"), ("GB", "Ltd"), ("NL", "BV"), ("FR", "SARL"), ("SE", "AB"), ("ES", "SL"))


def fill(work: DemoWork) -> None:
    """Write lists first, then vendors through their onboarding."""
    dice = random.Random(SEED)
    start = work.now - timedelta(days=365)
    work.at(start - timedelta(days=3))
    people = [one.id for one in work.find("directory.person", limit=400)]
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
    categories = [work.create("vendors.category", code=f"C{at:02d}", name=name).id for at, name in enumerate(_LAST, 1)]
    types = [
        work.create("vendors.document_type", code=code, name=name, expires=expires, mandatory_to_tier=tier).id
        for code, name, expires, tier in (
            ("INSURANCE", "Liability insurance", True, 2),
            ("REGISTER", "Extract of the register", False, None),
            ("ISO9001", "Quality certificate", True, None),
        )
    ]
    for number in range(VENDORS[work.size]):
        _vendor(work, dice, start, number, people, buyers, payers, terms, categories, types)
    work.by(None)
    work.at(None)


def _vendor(
    work: DemoWork,
    dice: random.Random,
    start: object,
    number: int,
    people: list[int],
    buyers: list[int],
    payers: list[int],
    terms: list[int],
    categories: list[int],
    types: list[int],
) -> None:
    now = work.now_really
    moment = now - timedelta(days=365) + timedelta(days=365 * number / VENDORS[work.size])
    country, form = _COUNTRIES[number % len(_COUNTRIES)]
    work.at(moment)
    work.by(dice.choice(people))
    name = f"{_FIRST[number % len(_FIRST)]} {_LAST[number // len(_FIRST) % len(_LAST)]} {number // 150 + 1} {form}"
    vendor = work.create(
        "vendors.vendor",
        legal_name=name,
        country=country,
        registration_no=f"R{100_000 + number}",
        payment_term=dice.choice(terms),
        categories=(dice.choice(categories),),
        owner=buyers[0],
        criticality=dice.randrange(1, 5),
        website=f"https://vendor{number}.example",
        contacts=(
            {"name": f"Contact {number}", "role": "sales", "email": f"contact@vendor{number}.example", "phone": _phone(number)},
        ),
        addresses=({"kind": "legal", "city": "Hafenstadt", "country": country},),
    )
    moment += timedelta(days=2)
    if moment >= now:
        return
    work.at(moment)
    work.by(buyers[1])
    work.move("vendors.vendor", vendor.id, "collect")
    for kind in types[: dice.randrange(1, 4)]:
        document = work.create("vendors.document", vendor=vendor.id, type=kind)
        issued = (moment - timedelta(days=dice.randrange(5, 60))).date()
        work.move(
            "vendors.document", document.id, "receive", number=f"D-{number}-{kind}", issued=issued, expires=issued + timedelta(days=500)
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
    account = work.create(
        "vendors.bank_account", vendor=vendor.id, holder=name, iban=iban("DE", f"99999999{number:010d}"), received_by="letter"
    )
    work.by(payers[0])
    work.move(
        "vendors.bank_account",
        account.id,
        "verify",
        verification=({"method": "callback", "result": "confirmed", "called": _phone(number)},),
    )
    if moment + timedelta(days=5) >= now or dice.random() < 0.08:
        return
    work.by(payers[1])
    answers = tuple({**line, "answer": "The contact confirmed it on the phone."} for line in account.get("answers") or ())
    work.move("vendors.bank_account", account.id, "approve", answers=answers)
    work.at(moment + timedelta(days=5))
    work.move("vendors.bank_account", account.id, "activate")
    work.by(buyers[2])
    work.move("vendors.vendor", vendor.id, "approve")
    work.move("vendors.vendor", vendor.id, "activate")
    if number % 4 == 0:
        card = work.create(
            "vendors.scorecard",
            vendor=vendor.id,
            period=f"{moment.year}-Q{(moment.month - 1) // 3 + 1}",
            criteria=tuple(
                {"criterion": name, "weight": Decimal(weight), "score": Decimal(dice.randrange(55, 100))}
                for name, weight in (("quality", 40), ("delivery", 30), ("price", 15), ("service", 15))
            ),
        )
        work.move("vendors.scorecard", card.id, "publish")
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


def iban(country: str, account: str) -> str:
    """An account number with right check digits."""
    digits = "".join(str(int(sign, 36)) for sign in f"{account}{country}00")
    return f"{country}{98 - int(digits) % 97:02d}{account}"


def _phone(number: int) -> str:
    """A number of the range that is kept for stories and films."""
    return f"+44 7700 900{number % 1000:03d}"


def _crew(work: DemoWork, team: str) -> list[int]:
    found = work.first("directory.team", name=team)
    return list(found.get("members") or ()) if found is not None else []
