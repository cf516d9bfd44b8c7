"""The rules of vendor management as their people meet them: standing, sign-off, counted scores, last days, renewals, accounts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D

import pytest

from core.access.actor import Actor
from core.errors import BackofficeError, Conflict, Forbidden, Invalid
from core.facts import Money, Record
from core.testing import World
from plugins.vendors import standing
from plugins.vendors.demo import iban
from tests.functions.vendors.test_onboarding import CALL, PHONE, SERIAL, account, examined, go, paid_into, staff, vendor

__all__ = ["staff"]


def active(app: World, staff: dict[str, Actor], **more: object) -> Record:
    of = vendor(app, staff, **more)
    examined(app, staff, of, "clear")
    go(app, of, "approve", staff["vendor_manager"])
    paid_into(app, staff, of)
    return go(app, of, "activate", staff["vendor_manager"])


def test_ve_r01_only_an_active_vendor_that_is_not_blocked_may_be_used(app: World, staff: dict[str, Actor]) -> None:
    proposed, of = vendor(app, staff), active(app, staff)

    def may(action: standing.Action, one: Record) -> bool:
        return not standing.refusal(app.get("vendors.vendor", one), action)

    assert (may("order", proposed), may("receipt", proposed), may("payment", proposed)) == (False, True, True)
    assert "not an active vendor" in standing.refusal(app.get("vendors.vendor", proposed), "order")
    seen = {}
    for block in ("none", "orders", "payments", "all"):
        app.change("vendors.vendor", of, by=staff["compliance"], block=block, block_reason=None if block == "none" else "Looked into.")
        shown = app.get("vendors.vendor", of, by=staff["buyer"])
        seen[block] = (shown["may_order"], shown["may_pay"])
        assert seen[block] == (may("order", of), may("payment", of))
        assert may("receipt", of)
    assert seen == {"none": (True, True), "orders": (False, True), "payments": (True, False), "all": (False, False)}
    assert app.find("vendors.vendor", by=staff["buyer"], may_order=True, legal_name=of["legal_name"]) == []


def test_whoever_pays_stops_payments_and_not_orders(app: World, staff: dict[str, Actor]) -> None:
    of = vendor(app, staff)
    for role in ("accounts_payable", "treasury"):
        with pytest.raises(Invalid):
            app.change("vendors.vendor", of, by=staff[role], block="orders", block_reason="No.")
        stopped = app.change("vendors.vendor", of, by=staff[role], block="payments", block_reason="Unclear.")
        assert stopped["blocked_by"] == staff[role].person
        assert app.change("vendors.vendor", of, by=staff[role], block="none", block_reason=None)["blocked_by"] is None
    with pytest.raises((Forbidden, Invalid)):
        app.change("vendors.vendor", of, by=staff["buyer"], block="payments", block_reason="No.")


def test_only_compliance_signs_a_finding_off_and_a_changed_line_loses_it(app: World, staff: dict[str, Actor]) -> None:
    of = vendor(app, staff)
    go(app, of, "collect", staff["vendor_manager"])
    go(app, of, "examine", staff["vendor_manager"])
    checks = ({"check": "sanctions", "result": "hit", "signed_off": True}, {"check": "tax", "result": "review"})
    made = app.create("vendors.due_diligence", by=staff["vendor_manager"], vendor=of.id, checks=checks[1:])
    assert (made["outcome"], made["checks"][0]["by"]) == ("conditional", staff["vendor_manager"].person)
    with pytest.raises(Conflict, match="Compliance has to sign off"):
        go(app, made, "close", staff["vendor_manager"])
    with pytest.raises((Forbidden, Conflict)):
        go(app, made, "sign_off", staff["vendor_manager"], reason="Fine.")
    signed = go(app, made, "sign_off", staff["compliance"], reason="The number was mistyped.")
    assert (signed["outcome"], signed["signed_by"]) == ("clear", staff["compliance"].person)
    assert signed["signed_because"] == "The number was mistyped."
    again = app.change("vendors.due_diligence", made, by=staff["vendor_manager"], checks=({"check": "tax", "result": "hit"},))
    assert again["outcome"] == "stopped"
    go(app, made, "sign_off", staff["compliance"], reason="Another company of that name.")
    go(app, made, "close", staff["vendor_manager"])
    assert go(app, of, "approve", staff["vendor_manager"])["state"] == "approved"


def test_ve_r07_ve_x03_counted_criteria_give_their_score(app: World, staff: dict[str, Actor]) -> None:
    criteria = (
        {"criterion": "delivery", "weight": D(50), "source": "auto", "good": D(171), "base": D(200), "score": D(1)},
        {"criterion": "quality", "weight": D(50), "source": "auto", "good": D(9800 - 176), "base": D(9800)},
    )
    given = {"vendor": vendor(app, staff).id, "period": "2026-Q2"}
    made = app.create("vendors.scorecard", by=staff["vendor_manager"], criteria=criteria, **given)
    assert [(line["value"], line["score"]) for line in made["criteria"]] == [(D("85.5"), D("85.50")), (D("98.2"), D("98.20"))]
    assert (made["total"], made["grade"]) == (D("91.9"), "A")
    empty = ({**criteria[0], "good": D(0), "base": D(0)}, criteria[1])
    nothing_due = app.change("vendors.scorecard", made, by=staff["vendor_manager"], criteria=empty)
    assert (nothing_due["criteria"][0]["score"], nothing_due["missing"], nothing_due["grade"]) == (None, D(50), None)
    with pytest.raises(Invalid):
        app.change("vendors.scorecard", made, by=staff["vendor_manager"], criteria=({**criteria[0], "good": D(201)}, criteria[1]))


@pytest.mark.parametrize(("country", "hours"), [("GB", 23), ("US", 24 + 10), ("NZ", 12)])
def test_ve_r09_a_paper_is_valid_through_its_last_day_where_the_vendor_is(
    app: World, staff: dict[str, Actor], country: str, hours: int
) -> None:
    of = vendor(app, staff, country=country)
    kind = app.create("vendors.document_type", code=f"L{next(SERIAL)}", name="Letter", expires=True)
    paper = app.create("vendors.document", by=staff["buyer"], vendor=of.id, type=kind.id)
    go(app, paper, "receive", staff["buyer"], issued=date(2026, 5, 1), expires=date(2026, 6, 2))
    go(app, paper, "verify", staff["compliance"])
    # 2 June ends in Britain at 23:00 UTC, in the United States last of all on Hawaii at 10:00, in New Zealand at noon of that very day.
    app.clock.at = datetime(2026, 6, 2, tzinfo=UTC) + timedelta(hours=hours, minutes=-1)
    with pytest.raises(Conflict, match="valid through 2026-06-02"):
        go(app, paper, "expire", staff["compliance"])
    app.clock.advance(minutes=2)
    assert go(app, paper, "expire", staff["compliance"])["state"] == "expired"


def test_ve_r08_a_renewed_contract_counts_from_its_first_end(app: World, staff: dict[str, Actor]) -> None:
    given = {"number": f"C{next(SERIAL)}", "title": "Frame", "start": date(2025, 1, 1), "end": date(2026, 1, 31)}
    made = app.create(
        "vendors.contract_link", by=staff["vendor_manager"], vendor=vendor(app, staff).id, auto_renew=True, renew_months=1, **given
    )
    ends = [app.change("vendors.contract_link", made, by=staff["vendor_manager"], renewals=times)["end"] for times in (1, 2)]
    assert ends == [date(2026, 2, 28), date(2026, 3, 31)]
    assert app.get("vendors.contract_link", made)["notice_deadline"] == date(2025, 12, 31)


def test_ve_r10_the_account_of_a_one_time_vendor_belongs_to_nobody_else(app: World, staff: dict[str, Actor]) -> None:
    once, other = vendor(app, staff), vendor(app, staff)
    assert app.change("vendors.vendor", once, one_time=True)["one_time_limit"] == Money(D("2500.00"), "EUR")
    number = iban("DE", f"88888888{next(SERIAL):010d}")

    def open_one(of: Record) -> Record:
        given = {"vendor": of.id, "holder": of["legal_name"], "iban": number}
        return app.create("vendors.bank_account", by=staff["vendor_manager"], **given)

    open_one(once)
    with pytest.raises(Invalid, match="marked") as refused:
        open_one(other)
    assert "one-time vendor" in str(refused.value.errors)
    app.change("vendors.vendor", once, one_time=False)
    open_one(other)
    app.change("vendors.vendor", other, one_time=True)
    assert len(app.find("vendors.bank_account", vendor=other.id)) == 1


def test_ve_r02_a_number_called_was_on_file_before_and_every_red_flag_is_answered(app: World, staff: dict[str, Actor]) -> None:
    of = vendor(app, staff)
    given = {"vendor": of.id, "holder": "Somebody Else", "iban": iban("DE", f"77777777{next(SERIAL):010d}"), "sender": "pay@alder.example"}
    made = app.create("vendors.bank_account", by=staff["vendor_manager"], **given)
    flags = [line["flag"] for line in made["answers"]]
    assert ["holder" in flags[0], "alder.example" in flags[1], len(flags)] == [True, True, 2]
    desk = {"name": "Front desk", "phone": PHONE}
    app.change("vendors.vendor", of, by=staff["vendor_manager"], contacts=(desk, {"name": "New", "phone": "+44 7700 900999"}))
    late = ({"method": "callback", "called": "+44 7700 900999", "result": "confirmed"},)
    go(app, made, "verify", staff["accounts_payable"], verification=(*late, {"method": "bank_letter", "result": "confirmed"}))
    with pytest.raises(Conflict, match="not on file before the request"):
        go(app, made, "approve", staff["treasury"])
    go(app, made, "reject", staff["treasury"], reason="Nobody we know.")
    given["iban"] = iban("DE", f"77777777{next(SERIAL):010d}")
    made = app.create("vendors.bank_account", by=staff["vendor_manager"], **given)
    go(app, made, "verify", staff["accounts_payable"], verification=CALL)
    with pytest.raises(Conflict, match="Answer every red flag"):
        go(app, made, "approve", staff["treasury"])
    answers = tuple({"flag": flag, "answer": "Asked and explained."} for flag in flags)
    assert go(app, made, "approve", staff["treasury"], answers=answers[::-1])["state"] == "cooling"
    assert [line["flag"] for line in app.get("vendors.bank_account", made)["answers"]] == flags


def test_a_rolled_back_account_stops_payments_until_another_is_verified(app: World, staff: dict[str, Actor]) -> None:
    of = vendor(app, staff)
    first = paid_into(app, staff, of)
    with pytest.raises((Forbidden, BackofficeError)):
        go(app, first, "roll_back", staff["accounts_payable"], reason="Fraud.")
    go(app, first, "roll_back", staff["treasury"], reason="The call was answered by somebody else.")
    assert app.get("vendors.vendor", of)["block"] == "payments"
    assert not app.get("vendors.vendor", of)["may_pay"]
    paid_into(app, staff, of)
    assert app.get("vendors.vendor", of)["block"] == "none"


def test_ve_r03_an_american_account_has_a_routing_number(app: World, staff: dict[str, Actor]) -> None:
    of = vendor(app, staff, country="US")
    given = {"vendor": of.id, "holder": of["legal_name"], "currency": "USD", "account_number": "000123456789"}
    for wrong in ({}, {"routing": "021000022"}):
        with pytest.raises(Invalid):
            app.create("vendors.bank_account", by=staff["vendor_manager"], **given, **wrong)
    made = app.create("vendors.bank_account", by=staff["vendor_manager"], routing="021000021", **given)
    assert (made["last4"], made["bank_country"], made["red_flags"]) == ("6789", "US", None)
    assert app.get("vendors.bank_account", made, by=staff["buyer"]).get("account_number") is None
    with pytest.raises(Invalid):
        account(app, staff, of) and app.create("vendors.bank_account", by=staff["vendor_manager"], vendor=of.id, holder="X")


def test_vendors_of_one_domain_are_possible_duplicates(app: World, staff: dict[str, Actor]) -> None:
    site = f"same{next(SERIAL)}.example"
    first = vendor(app, staff, legal_name=f"Quartz {site}", country="NO", website=f"https://www.{site}/about")
    second = vendor(app, staff, legal_name="Ember Tools", country="NO", contacts=({"name": "Desk", "email": f"desk@{site}"},))
    assert first["code"] in app.get("vendors.vendor", second)["similar"]


def test_a_questionnaire_is_scored_by_weight(app: World, staff: dict[str, Actor]) -> None:
    answers = ({"question": "Backups?", "weight": 3, "score": D(100)}, {"question": "Tests?", "weight": 1, "score": D(50)},
               {"question": "Open?", "weight": 2})
    made = app.create(
        "vendors.questionnaire", by=staff["compliance"], vendor=vendor(app, staff).id, template="Security", answers=answers
    )
    assert made["score"] == D("87.5")
