"""What must hold of every run: nets that are paid out and never negative, arrears, floors, tables by date, journals that balance."""

from __future__ import annotations

import io
import re
from datetime import date
from decimal import Decimal as D

import pytest

from core.access.actor import Actor
from core.errors import BackofficeError, Forbidden, Invalid
from core.facts import Record
from core.services import importing
from core.storage.constraints import BACKWARDS
from core.testing import World
from plugins.payroll import published
from tests.functions.payroll.test_runs import accept_all, go, group, hire, june, office, run
from tests.functions.payroll.test_slips import component, given

__all__ = ["group", "office"]

Office = dict[str, Actor]


def period(app: World, group: Record, office: Office, month: int, year: int = 2025, **more: object) -> Record:
    last = {1: 31, 6: 30, 7: 31, 12: 31}[month]
    values = {"start": date(year, month, 1), "end": date(year, month, last), "pay_date": date(year, month, 27), "number": month}
    return app.create("payroll.pay_period", by=office["specialist"], group=group.id, **({"tax_year": year} | values | more))


def approved(app: World, made: Record, office: Office) -> Record:
    go(app, made, "review", by=office["specialist"])
    accept_all(app, made, office)
    return go(app, made, "approve", by=office["approver"])


def slip_of(app: World, made: Record, who: int) -> Record:
    return app.find("payroll.payslip", run=made.id, employee=who)[0]


def amounts(slip: Record) -> dict[str, D]:
    return {line["component"]: line["amount"] for line in slip["lines"]}


def test_i1_p5_the_net_is_paid_out_to_the_cent(app: World, group: Record, office: Office) -> None:
    person, specialist = app.person().id, office["specialist"]
    values = {"employee": person, "group": group.id, "valid_from": date(2025, 1, 1), "amount": D(3000)}
    shares = ({"account": "DE89370400440532013000", "amount": D(300)}, {"account": "Second", "percent": D(25)}, {"account": "Third"})
    for wrong in (shares[:2], (*shares, {"account": "Fourth"}), ({"account": "A", "amount": D(1), "percent": D(1)}, shares[2]), ({},)):
        with pytest.raises(Invalid):
            app.create("payroll.employee_pay", by=specialist, payments=wrong, **values)
    terms = app.create("payroll.employee_pay", by=specialist, payments=shares, **values)
    go(app, terms, "approve", by=office["hr_officer"])
    meal = component(app, office, "MEALS", kind="reimbursement", taxable=False, social=False)
    month = june(app, group, office)
    given(app, office, person, month, meal, amount=D("45.55"))
    slip = slip_of(app, run(app, group, month, office), person)
    kinds: dict[str, D] = {}
    for line in slip["lines"]:
        kinds[line["kind"]] = kinds.get(line["kind"], D(0)) + line["amount"]
    assert slip["net"] == D("2190.55") == kinds["earning"] + kinds["reimbursement"] - kinds["tax"]
    assert [line["amount"] for line in slip["payments"]] == [D("300.00"), D("472.64"), D("1417.91")]
    assert sum(line["amount"] for line in slip["payments"]) == slip["net"]
    assert "payments" not in app.find("payroll.payslip", by=office["treasurer"])[0]


def test_i1_p4_deductions_go_by_priority_and_arrears_are_taken_from_the_next_pay(app: World, group: Record, office: Office) -> None:
    app.change("payroll.pay_group", group, flat_tax=D(0), flat_social=D(0))
    who = hire(app, group, office, "180")
    loan = component(app, office, "LOAN", kind="deduction", priority=10, arrears="partial")
    club = component(app, office, "CLUB", kind="deduction", priority=20)
    for of, amount, more in ((loan, "120", {"total_limit": D(200)}), (club, "90", {"end": date(2025, 6, 30)})):
        values = {"employee": who, "component": of.id, "amount": D(amount), "start": date(2025, 6, 1)}
        app.create("payroll.recurring_item", by=office["specialist"], **values, **more)
    made = run(app, group, june(app, group, office), office)
    slip = slip_of(app, made, who)
    assert (amounts(slip)["LOAN"], amounts(slip)["CLUB"], slip["net"]) == (D(120), D(0), D(60))
    assert [(line["component"], line["amount"]) for line in slip["arrears"]] == [("CLUB", D(90))]
    approved(app, made, office)
    later = run(app, group, period(app, group, office, 7), office)
    slip = slip_of(app, later, who)
    # Of the loan 80.00 are left of 200.00; the club's 90.00 come from June.
    assert (amounts(slip)["LOAN"], amounts(slip)["CLUB"], slip["net"], slip["arrears"]) == (D(80), D(90), D(10), ())
    told = next(line["explanation"] for line in slip["lines"] if line["component"] == "CLUB")
    assert told == f"90.00 left from {made['number']}-0001"


def test_i8_i1_bases_and_net_are_never_below_zero(app: World, group: Record, office: Office) -> None:
    who = hire(app, group, office, "1000")
    pension = component(app, office, "SAVINGS", kind="deduction", before_tax=True, arrears="partial")
    month = june(app, group, office)
    given(app, office, who, month, pension, amount=D(1500))
    slip = slip_of(app, run(app, group, month, office), who)
    # Social insurance is due on 1,000.00: 95.00. With 882.72 saved, 117.28 are taxed with 22.28: nothing is left, nothing is owed.
    assert (amounts(slip)["SAVINGS"], slip["taxable"], slip["net"]) == (D("882.72"), D("117.28"), D("0.00"))
    assert amounts(slip)["SOCIAL"] + amounts(slip)["TAX"] + amounts(slip)["SAVINGS"] == D("1000.00")
    assert slip["arrears"][0]["amount"] == D("617.28")


@pytest.fixture
def american(app: World, office: Office) -> Record:
    company = app.create("directory.company", code="US", legal_name="Pay Inc", country="US", base_currency="USD", time_zone="UTC")
    return app.create(
        "payroll.pay_group",
        by=office["specialist"],
        code="B",
        name="Biweekly",
        employer=company.id,
        pack="us",
        periods_per_year=26,
        currency="USD",
    )


@pytest.mark.parametrize(("basis", "tax"), [("pay_date", "227.46"), ("period_end", "236.19")])
def test_i6_tables_are_chosen_by_pay_date_or_period_end(app: World, american: Record, office: Office, basis: str, tax: str) -> None:
    tables = {2024: published.US_2024_SINGLE_START, 2025: published.US_2025["single", False]}
    for year, rows in tables.items():
        app.create(
            "payroll.rate_table",
            by=office["specialist"],
            code="US_SINGLE",
            jurisdiction="us",
            valid_from=date(year, 1, 1),
            valid_to=date(year, 12, 31),
            basis=basis,
            source=published.US_2025_SOURCE,
            rows=tuple({"start": row.start, "base": row.base, "percent": row.percent} for row in rows),
        )
    who = hire(app, american, office, "2500", date(2024, 1, 1))
    month = period(app, american, office, 12, 2024, start=date(2024, 12, 16), pay_date=date(2025, 1, 3), number=1, tax_year=2025)
    made = run(app, american, month, office)
    # 2,500.00 x 26 - 8,600.00 = 56,400.00 in the year: one table for the whole period, the one of the date that counts.
    assert amounts(slip_of(app, made, who))["FIT"] == D(tax)
    waiting = app.find("payroll.run_exception", run=made.id, kind="unverified_table")
    assert len(waiting) == 1
    with pytest.raises((BackofficeError, Forbidden)):
        go(app, waiting[0], "accept", by=office["specialist"], note="Never mind.")


def test_p8_i4_i7_the_journal_balances_and_splits_costs_without_losing_a_cent(app: World, group: Record, office: Office) -> None:
    app.change("payroll.pay_group", group, flat_tax=D(0), flat_social=D(0))
    centres = [app.create("directory.cost_centre", code=f"C{at}", name=f"Centre {at}").id for at in range(3)]
    first, second = app.person().id, app.person().id
    split = tuple({"cost_centre": centre, "percent": D(share)} for centre, share in zip(centres, (60, 30, 10), strict=True))
    values = {"group": group.id, "valid_from": date(2025, 1, 1)}
    with pytest.raises(Invalid):
        app.create("payroll.employee_pay", by=office["specialist"], employee=first, amount=D(1), cost_split=split[:2], **values)
    for who, amount, more in ((first, "7400.55", {"cost_split": split}), (second, "599.45", {})):
        terms = app.create("payroll.employee_pay", by=office["specialist"], employee=who, amount=D(amount), **values, **more)
        go(app, terms, "approve", by=office["hr_officer"])
    month = june(app, group, office)
    for code, kind, amount in (("LEVY", "employer_contribution", "1600"), ("INCOME", "tax", "1450"), ("HEALTH", "tax", "720")):
        given(app, office, first, month, component(app, office, code, kind=kind), amount=D(amount))
    made = approved(app, run(app, group, month, office), office)
    assert app.find("payroll.journal") == []
    owed = {one["kind"]: one["amount"].amount for one in app.find("payroll.authority_liability", run=made.id)}
    assert owed == {"income_tax": D("2170.00"), "social": D("1600.00")}
    go(app, made, "post", by=office["controller"])
    (journal,) = app.find("payroll.journal", by=office["controller"])
    sums: dict[str, D] = {}
    for line in journal["lines"]:
        sums[line["account"]] = sums.get(line["account"], D(0)) + line["debit"] - line["credit"]
    assert sums == {"6000": D("8000.00"), "6010": D("1600.00"), "2210": D("-3770.00"), "2200": D("-5830.00")}
    assert journal["total"] == D("9600.00") == sum(line["credit"] for line in journal["lines"])
    wages = {line["cost_centre"]: line["debit"] for line in journal["lines"] if line["account"] == "6000"}
    assert [wages[centre] for centre in centres] == [D("4440.33"), D("2220.17"), D("740.05")]
    assert app.get("payroll.pay_run", made)["journal"] == journal.id
    # Accountants see no individual pay: one line for each account and cost centre.
    assert len(journal["lines"]) == len({(line["account"], line["cost_centre"]) for line in journal["lines"]})
    go(app, made, "reverse", by=office["approver"], reason="Wrong month.")
    mirror = app.find("payroll.journal", reverses=journal.id)[0]
    assert [(line["debit"], line["credit"]) for line in mirror["lines"]] == [(line["credit"], line["debit"]) for line in journal["lines"]]


def test_i2_two_contracts_have_two_slips_and_one_year(app: World, group: Record, office: Office) -> None:
    cap = {"kind": "employer_contribution", "value": "percent_of_base", "base": "gross", "percent": D(10), "cap_year": D(350)}
    component(app, office, "FUND", **cap)
    bonus = component(app, office, "BONUS")
    who, month = hire(app, group, office, "3000"), june(app, group, office)
    values = {"employee": who, "group": group.id, "contract": "b", "valid_from": date(2025, 1, 1), "amount": D(1000)}
    terms = app.create("payroll.employee_pay", by=office["specialist"], **values)
    go(app, terms, "approve", by=office["hr_officer"])
    given(app, office, who, month, bonus, amount=D(100))
    made = run(app, group, month, office)
    slips = {slip["contract"]: slip for slip in app.find("payroll.payslip", run=made.id, employee=who)}
    # What is given for the person is paid once. Of the second contract's 300.00 only 240.00 are left in the year.
    assert {contract: slip["gross"] for contract, slip in slips.items()} == {"b": D(1100), "main": D(3000)}
    assert (amounts(slips["b"])["FUND"], amounts(slips["main"])["FUND"]) == (D("110.00"), D("240.00"))
    approved(app, made, office)
    entries = [entry["amount"] for entry in app.find("payroll.balance_entry", employee=who, component="FUND")]
    assert sum(entries) == D("350.00")


def test_a_recurring_amount_is_paid_by_the_days_worked_and_formulas_read_parameters(app: World, group: Record, office: Office) -> None:
    who = hire(app, group, office, "3000", date(2025, 6, 17))
    app.change("directory.person", who, start=date(2020, 5, 1))
    car = component(app, office, "CAR", prorate=True)
    app.create(
        "payroll.recurring_item", by=office["specialist"], employee=who, component=car.id, amount=D(210), start=date(2025, 1, 1)
    )
    app.create(
        "payroll.rate_table",
        by=office["specialist"],
        code="LOYAL",
        jurisdiction="de",
        valid_from=date(2025, 1, 1),
        source="Works agreement",
        parameters=({"key": "year", "value": D("12.50")},),
    )
    component(app, office, "LOYALTY", value="formula", formula="rate('LOYAL', 'year') * years_of_service")
    slip = slip_of(app, run(app, group, june(app, group, office), office), who)
    told = {line["component"]: (line["amount"], line["explanation"]) for line in slip["lines"]}
    assert told["CAR"] == (D("100.00"), "210.00 x 10/21 = 100.00")
    assert told["LOYALTY"][0] == D("62.50")


def test_an_approval_taken_back_is_calculated_again(app: World, group: Record, office: Office) -> None:
    who, month = hire(app, group, office, "3000"), june(app, group, office)
    made = approved(app, run(app, group, month, office), office)
    back = go(app, made, "withdraw", by=office["approver"], reason="A bonus is missing.")
    assert (back["state"], slip_of(app, made, who)["state"]) == ("calculated", "draft")
    assert sum(one["amount"] for one in app.find("payroll.balance_entry", employee=who, component="GROSS")) == 0
    again = approved(app, go(app, made, "calculate", by=office["specialist"]), office)
    assert again["state"] == "approved"
    assert sum(one["amount"] for one in app.find("payroll.balance_entry", employee=who, component="GROSS")) == D(3000)


def test_a_period_that_ends_before_it_starts_is_refused_once_at_its_end_by_every_door(app: World, group: Record, office: Office) -> None:
    who = office["specialist"]
    said = "A period cannot end before it starts."
    period_ = {"group": group.id, "tax_year": 2025, "number": 6, "start": "2025-06-30", "end": "2025-06-01", "pay_date": "2025-06-30"}
    answer = app.client(who).post("/api/v1/payroll/pay_period", json=period_, headers=app.token(who))
    assert answer.status_code == 422 and answer.get_json()["errors"] == {"end": [said]}, "the plugin's own sentence, not both"
    table = {"code": "T", "jurisdiction": "DE", "valid_from": "2025-06-30", "valid_to": "2025-06-01", "source": "A gazette"}
    answer = app.client(who).post("/api/v1/payroll/rate_table", json=table, headers=app.token(who))
    assert answer.status_code == 422 and answer.get_json()["errors"] == {"valid_to": [BACKWARDS]}, "where it says nothing, ours"
    browser = app.client(who)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/payroll/pay_period/new").text)
    assert token is not None
    page = browser.post("/payroll/pay_period/new", data={"csrf_token": token[1], **period_})
    assert page.status_code == 422 and page.text.count(said) == 2, "in the summary and at the field"
    rows = ",".join(period_) + "\n" + ",".join(str(one) for one in period_.values()) + "\n"
    report = importing.run(app.platform, app.system, "payroll.pay_period", io.BytesIO(rows.encode()), "csv")
    assert report.created == 0 and [one.reasons for one in report.refusals] == [{"end": [said]}]
    assert not app.find("payroll.pay_period") and not app.find("payroll.rate_table", code="T")
