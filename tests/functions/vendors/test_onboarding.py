"""Vendors from the proposal to the first payment, through the engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import count

import pytest

from core.access.actor import Actor
from core.errors import BackofficeError, Conflict, Forbidden, Invalid
from core.facts import Record
from core.testing import World
from plugins.vendors.demo import iban

SERIAL = count(1)
PHONE = "+44 7700 900123"


@pytest.fixture
def staff(app: World, actor: Callable[..., Actor]) -> dict[str, Actor]:
    roles = ("requester", "vendor_manager", "buyer", "accounts_payable", "treasury", "compliance")
    return {role: actor(f"vendors.{role}") for role in roles}


def vendor(app: World, staff: dict[str, Actor], **more: object) -> Record:
    number = next(SERIAL)
    term = app.create("vendors.payment_term", code=f"N{number}", name="30 days net", lines=({"days": 30},))
    contacts = ({"name": "Front desk", "phone": PHONE, "email": f"desk@vendor{number}.example"},)
    given = {"legal_name": f"Alder {'X' * number} Works", "country": "DE", "payment_term": term.id, "contacts": contacts} | more
    return app.create("vendors.vendor", by=staff["requester"], form="proposal", **given)


def account(app: World, staff: dict[str, Actor], of: Record, by: str = "vendor_manager") -> Record:
    given = {"vendor": of.id, "holder": of["legal_name"], "iban": iban("DE", f"99999999{next(SERIAL):010d}")}
    return app.create("vendors.bank_account", by=staff[by], **given)


def go(app: World, record: Record, transition: str, by: Actor, **more: object) -> Record:
    return app.move(record.entity, record, transition, by=by, **more)  # type: ignore[arg-type]


CALL = ({"method": "callback", "called": PHONE, "result": "confirmed"},)


def paid_into(app: World, staff: dict[str, Actor], of: Record) -> Record:
    made = account(app, staff, of)
    go(app, made, "verify", staff["accounts_payable"], verification=CALL)
    go(app, made, "approve", staff["treasury"])
    app.clock.advance(days=5)
    return go(app, made, "activate", staff["treasury"])


def test_a_bank_account_is_seen_by_four_eyes_and_ve_r02_replaces_the_one_before(
    app: World, staff: dict[str, Actor], actor: Callable[..., Actor]
) -> None:
    of = vendor(app, staff)
    made = account(app, staff, of, by="accounts_payable")
    with pytest.raises((Conflict, Forbidden)):
        go(app, made, "verify", staff["accounts_payable"], verification=CALL)
    go(app, made, "verify", staff["vendor_manager"], verification=({"method": "bank_letter", "result": "confirmed"},))
    with pytest.raises(Conflict, match="call back"):
        go(app, made, "approve", staff["treasury"])
    go(app, made, "reject", staff["treasury"], reason="Nobody called.")
    first = paid_into(app, staff, of)
    second = account(app, staff, of)
    go(app, second, "verify", staff["accounts_payable"], verification=CALL)
    go(app, second, "approve", staff["treasury"])
    with pytest.raises(Conflict):
        go(app, second, "activate", staff["treasury"])
    app.clock.advance(days=5)
    go(app, second, "activate", staff["treasury"])
    assert [one.id for one in app.find("vendors.bank_account", vendor=of.id, state="active")] == [second.id]
    assert app.get("vendors.bank_account", first)["state"] == "retired"


def test_ve_r11_others_see_the_last_four_digits_only(app: World, staff: dict[str, Actor]) -> None:
    made = account(app, staff, vendor(app, staff))
    stored = app.get("vendors.bank_account", made, by=staff["treasury"])
    assert stored["iban"].startswith("DE")
    seen = app.get("vendors.bank_account", made, by=staff["buyer"])
    assert seen["last4"] == stored["iban"][-4:]
    assert seen.get("iban") is None
    assert "holder" not in seen


def test_ve_r03_a_wrong_iban_is_refused(app: World, staff: dict[str, Actor]) -> None:
    of = vendor(app, staff)
    with pytest.raises(Invalid) as refused:
        app.create("vendors.bank_account", by=staff["vendor_manager"], vendor=of.id, holder="X", iban="DE88370400440532013000")
    assert refused.value.errors


def test_possible_duplicates_are_listed(app: World, staff: dict[str, Actor]) -> None:
    vendor(app, staff, legal_name="Kestrel Furniture GmbH", country="SE")
    other = vendor(app, staff, legal_name="Kestrel Furnitures AB", country="SE")
    assert "Kestrel Furniture GmbH" in app.get("vendors.vendor", other)["similar"]
    assert "similar" not in app.get("vendors.vendor", other, by=staff["requester"])


def examined(app: World, staff: dict[str, Actor], of: Record, result: str) -> Record:
    go(app, of, "collect", staff["vendor_manager"])
    go(app, of, "examine", staff["vendor_manager"])
    file = app.create(
        "vendors.due_diligence", by=staff["compliance"], vendor=of.id, checks=({"check": "sanctions", "result": result},)
    )
    return go(app, file, "close", staff["compliance"])


def test_due_diligence_stops_a_vendor(app: World, staff: dict[str, Actor]) -> None:
    of = vendor(app, staff)
    assert examined(app, staff, of, "hit")["outcome"] == "stopped"
    with pytest.raises(Conflict, match="stopped this vendor"):
        go(app, of, "approve", staff["vendor_manager"])


def test_a_vendor_is_approved_by_another_and_needs_an_account(app: World, staff: dict[str, Actor]) -> None:
    of = vendor(app, staff)
    examined(app, staff, of, "clear")
    assert go(app, of, "approve", staff["vendor_manager"])["approved_by"] == staff["vendor_manager"].person
    with pytest.raises(Conflict, match="active bank account"):
        go(app, of, "activate", staff["vendor_manager"])
    paid_into(app, staff, of)
    assert go(app, of, "activate", staff["vendor_manager"])["state"] == "active"


def test_an_expired_paper_blocks_orders_and_ve_x06_the_tier_follows_the_assessment(app: World, staff: dict[str, Actor]) -> None:
    of = vendor(app, staff)
    lines = tuple({"dimension": name, "likelihood": likely, "impact": 3} for name, likely in (("financial", 2), ("security", 4)))
    made = app.create("vendors.risk_assessment", by=staff["compliance"], vendor=of.id, dimensions=lines)
    assert (made["residual"], made["level"], made["tier"]) == (12, "high", 2)
    assert app.get("vendors.vendor", of)["risk_tier"] == 2
    kind = app.create("vendors.document_type", code=f"D{next(SERIAL)}", name="Insurance", expires=True, mandatory_to_tier=2)
    paper = app.create("vendors.document", by=staff["buyer"], vendor=of.id, type=kind.id)
    today: date = app.clock.now().date()
    go(app, paper, "receive", staff["buyer"], issued=today, expires=today + timedelta(days=1))
    go(app, paper, "verify", staff["compliance"])
    app.clock.advance(days=1)
    with pytest.raises(BackofficeError):
        go(app, paper, "expire", staff["compliance"])
    app.clock.advance(days=1)
    go(app, paper, "expire", staff["compliance"])
    assert app.get("vendors.vendor", of)["block"] == "orders"
