"""The demo's vendors when something happens: incidents, changed bank accounts, duplicates, blocks, and what waits today."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from core import DemoWork, Record
from plugins.directory.demo import account

INCIDENTS = {"small": 14, "full": 90}
PAIRS = {"small": 3, "full": 18}
NEW_ACCOUNTS = {"small": 4, "full": 40}
_EVENTS = (
    ("Half of the delivery was missing", "delivery", "medium", "Missing goods delivered within two days."),
    ("The goods were damaged", "quality", "medium", "New packaging agreed on."),
    ("A week late without a word", "delivery", "low", "They call when they are late."),
    ("A drive with our data was lost", "security", "critical", "Drives are encrypted from now on."),
    ("A present for the buyer", "ethics", "high", "Sent back; their management was told."),
)

_QUESTIONS = (("Is access reviewed each quarter?", 2), ("Are drives encrypted?", 3), ("Who is told of a breach?", 1))


@dataclass(frozen=True)
class Crew:
    """Who asks for vendors, who buys, who pays; nobody is in two of them."""

    people: list[int]
    buyers: list[int]
    payers: list[int]


def fill(work: DemoWork, dice: random.Random, crew: Crew, terms: list[int]) -> None:
    """Write what happened to the vendors there are."""
    active = [*reversed(work.find("vendors.vendor", state="active", updated_at__lt=work.now_really - timedelta(days=20), limit=400))]
    _incidents(work, dice, crew, active)
    _new_accounts(work, dice, crew, active)
    _duplicates(work, crew, active, terms)
    _near_hits(work, crew, active)
    _blocks(work, crew, active)
    _expired(work, crew)
    _questionnaires(work, dice, crew, active)
    _today(work, crew, active, terms)


def _incidents(work: DemoWork, dice: random.Random, crew: Crew, vendors: list[Record]) -> None:
    count = INCIDENTS[work.size]
    for number in range(count):
        vendor = vendors[len(vendors) * number // count]
        moment = vendor["updated_at"] + (work.now_really - vendor["updated_at"]) * dice.random()
        summary, kind, severity, action = _EVENTS[number % len(_EVENTS)]
        work.at(moment)
        work.by(dice.choice(crew.people))
        incident = work.create(
            "vendors.incident",
            vendor=vendor.id,
            summary=summary,
            type=kind,
            severity=severity,
            details=f"{summary}. Goods-in has pictures.",
        )
        if number % 5 == 4:
            continue
        work.at(min(moment + timedelta(days=1), work.now_really))
        work.by(crew.buyers[0])
        work.move("vendors.incident", incident.id, "handle")
        if moment + timedelta(days=9) < work.now_really:
            work.at(moment + timedelta(days=9))
            work.move("vendors.incident", incident.id, "close", corrective_action=action)


def _new_accounts(work: DemoWork, dice: random.Random, crew: Crew, vendors: list[Record]) -> None:
    """Vendors that ask for another account; every fourth request is a fraud, found out by calling back."""
    for number in range(min(NEW_ACCOUNTS[work.size], len(vendors) // 2)):
        vendor = vendors[number * 2]
        fraud = number % 4 == 3
        moment = vendor["updated_at"] + (work.now_really - timedelta(days=14) - vendor["updated_at"]) * dice.random()
        work.at(moment)
        work.by(crew.payers[0])
        made = work.create(
            "vendors.bank_account",
            vendor=vendor.id,
            holder="Fast Payments" if fraud else vendor["legal_name"],
            iban=iban("DE", f"99999999{7_000_000 + number:010d}"),
            received_by="mail" if fraud else "letter",
        )
        work.by(crew.buyers[1])
        method = {"method": "callback", "result": "denied" if fraud else "confirmed", "called": vendor["contacts"][0]["phone"]}
        work.at(moment + timedelta(days=1))
        work.move("vendors.bank_account", made.id, "verify", verification=(method,))
        work.by(crew.payers[1])
        if fraud:
            work.move("vendors.bank_account", made.id, "reject", reason="The vendor knows nothing of it: attempted fraud.")
        elif number % 4 != 2:
            approve(work, made)
            work.at(moment + timedelta(days=13))
            work.move("vendors.bank_account", made.id, "activate")


def _duplicates(work: DemoWork, crew: Crew, vendors: list[Record], terms: list[int]) -> None:
    """The same company proposed twice: one merged, one declined, the others wait."""
    for number in range(min(PAIRS[work.size], len(vendors))):
        known = vendors[number * 3 % len(vendors)]
        work.at(work.now_really - timedelta(days=20 - number))
        work.by(crew.people[number])
        again = work.create(
            "vendors.vendor",
            legal_name=known["legal_name"].replace(" ", " & ", 1) if number % 2 else known["legal_name"].upper(),
            country=known["country"],
            payment_term=terms[0],
            owner=crew.buyers[0],
        )
        work.by(crew.buyers[0])
        merge = work.create("vendors.merge", duplicate=again.id, survivor=known.id, reason="The same company, proposed again.")
        work.by(crew.payers[0])
        if number == 0:
            work.move("vendors.merge", merge.id, "confirm")
        elif number == 1:
            work.move("vendors.merge", merge.id, "decline", reason="Two companies of one group.")


def _near_hits(work: DemoWork, crew: Crew, vendors: list[Record]) -> None:
    """A later look at the lists finds names that are alike: compliance has to say whether it is they."""
    for number in range(4 if work.size == "full" else 1):
        work.at(work.now_really - timedelta(days=5 + 30 * number))
        work.by(crew.buyers[1])
        work.create(
            "vendors.due_diligence",
            vendor=vendors[7 + number].id,
            scope="enhanced",
            checks=(
                {"check": "sanctions", "result": "review", "note": "A name that is alike; another country and year of founding."},
                {"check": "adverse_media", "result": "clear"},
            ),
        )


def _questionnaires(work: DemoWork, dice: random.Random, crew: Crew, vendors: list[Record]) -> None:
    work.by(crew.buyers[1])
    for vendor in vendors[:: 3 if work.size == "full" else 8]:
        work.at(vendor["updated_at"])
        work.create(
            "vendors.questionnaire",
            vendor=vendor.id,
            template="Information security",
            version_name="3",
            answered_on=vendor["updated_at"].date(),
            answers=tuple(
                {"question": question, "weight": weight, "answer": "See the annex.", "score": Decimal(dice.randrange(50, 101))}
                for question, weight in _QUESTIONS
            ),
        )


def _blocks(work: DemoWork, crew: Crew, vendors: list[Record]) -> None:
    work.by(crew.buyers[1])
    cases = (
        ("block", "Goods of bad quality, three times."),
        ("block", "The insurance is not renewed."),
        ("deactivate", "Went out of business."),
    )
    for number, (verb, reason) in enumerate(cases):
        work.at(work.now_really - timedelta(days=9 * (number + 1)))
        work.move("vendors.vendor", vendors[5 + 4 * number].id, verb, reason=reason)


def _expired(work: DemoWork, crew: Crew) -> None:
    """Papers whose last day is over are marked, but for two that somebody has yet to see."""
    work.by(crew.buyers[1])
    over = work.find("vendors.document", state="verified", expires__lt=work.now_really.date() - timedelta(days=1), limit=1000)
    for document in sorted(over, key=lambda one: one["expires"])[:-2]:
        work.at(work.now_really - (work.now_really.date() - document["expires"]) + timedelta(days=1))
        work.move("vendors.document", document.id, "expire")


def _today(work: DemoWork, crew: Crew, vendors: list[Record], terms: list[int]) -> None:
    """What the demo's requester has asked for, and what waits for others."""
    asks = account(work, "vendors.requester") or crew.people[0]
    for number, name in enumerate(("Seeland Catering ApS", "Oakfield Removals Ltd")):
        work.at(work.now_really - timedelta(days=3 - number))
        work.by(asks)
        made = work.create(
            "vendors.vendor",
            legal_name=name,
            country=("DK", "GB")[number],
            payment_term=terms[number],
            owner=account(work, "vendors.vendor_manager") or crew.buyers[0],
        )
        if number == 0:
            work.by(crew.buyers[1])
            work.move("vendors.vendor", made.id, "collect")
    for number, kind in enumerate(work.find("vendors.document_type", limit=3)):
        work.at(work.now_really - timedelta(days=4))
        work.by(crew.buyers[1])
        document = work.create("vendors.document", vendor=vendors[2 + number].id, type=kind.id)
        if number == 0:
            today = work.now_really.date()
            values = {"number": "D-2-NEW", "issued": today - timedelta(days=6), "expires": today + timedelta(days=359)}
            work.move("vendors.document", document.id, "receive", **values)
    work.by(asks)
    work.at(work.now_really - timedelta(hours=20))
    work.create(
        "vendors.incident",
        vendor=vendors[1].id,
        summary="The wrong toner, twice",
        type="quality",
        severity="low",
        details="The number on the box is right, the toner in it is not.",
    )


def approve(work: DemoWork, made: Record) -> None:
    """Approve a bank account; every red flag has its answer."""
    answers = tuple({**line, "answer": "The contact confirmed it on the phone."} for line in made.get("answers") or ())
    work.move("vendors.bank_account", made.id, "approve", **({"answers": answers} if answers else {}))


def iban(country: str, account: str) -> str:
    """An account number with right check digits."""
    digits = "".join(str(int(sign, 36)) for sign in f"{account}{country}00")
    return f"{country}{98 - int(digits) % 97:02d}{account}"
