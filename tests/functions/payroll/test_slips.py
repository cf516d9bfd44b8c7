"""What stands on a payslip, and amounts that are given net."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D

from core.access.actor import Actor
from core.facts import Record
from core.testing import World
from plugins.payroll import grossing
from tests.functions.payroll.pdf_text import text_of
from tests.functions.payroll.test_runs import accept_all, go, group, hire, june, office, run

__all__ = ["group", "office"]


def component(app: World, office: dict[str, Actor], code: str, **more: object) -> Record:
    return app.create("payroll.pay_component", by=office["specialist"], code=code, name=code.capitalize(), **({"kind": "earning"} | more))


def given(app: World, office: dict[str, Actor], who: int, period: Record, of: Record, **more: object) -> Record:
    return app.create("payroll.variable_input", by=office["specialist"], employee=who, period=period.id, component=of.id, **more)


def test_the_printed_payslip_has_a_layout_of_its_own(
    app: World, group: Record, office: dict[str, Actor], actor: Callable[..., Actor]
) -> None:
    who = hire(app, group, office, "3000", person=office["employee"].person)
    made = run(app, group, june(app, group, office), office)
    go(app, made, "review", by=office["specialist"])
    accept_all(app, made, office)
    go(app, made, "approve", by=office["approver"])
    slip = app.find("payroll.payslip", by=office["employee"])[0]
    assert slip["employee"] == who
    answer = app.client(office["employee"]).get(f"/payroll/payslip/{slip.id}/print.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    told = text_of(answer.data)
    for text in (
        f"Payslip {slip['number']}",
        "Pay Works",
        "Earnings",
        "Taxes and deductions",
        "Year to date",
        "Paid on",
        "Jun 27, 2025",
        "3,000.00",
        "570.00",
        "285.00",
        "2,145.00",
        "How the figures came about",
    ):
        assert text in told, text
    assert app.client(actor("payroll.employee")).get(f"/payroll/payslip/{slip.id}/print.pdf").status_code == 404


def test_p12_a_net_bonus_is_grossed_up_by_the_same_calculation(app: World, group: Record, office: dict[str, Actor]) -> None:
    who, period = hire(app, group, office, "3000"), june(app, group, office)
    given(app, office, who, period, component(app, office, "BONUS"), amount=D(500), net=True)
    slip = app.find("payroll.payslip", run=run(app, group, period, office).id)[0]
    bonus = next(line for line in slip["lines"] if line["component"] == "BONUS")
    # 19 % tax and 9.5 % social insurance: 500.00 / 0.715 = 699.30
    assert (bonus["amount"], bonus["explanation"]) == (D("699.30"), "500.00 net")
    assert slip["net"] == D("2145.00") + D("500.00")


def test_p12_the_smallest_gross_that_reaches_the_net_is_found_to_the_cent() -> None:
    def net_of(gross: D) -> D:
        tax = (gross * D("0.2") if gross < 1000 else D(200) + (gross - 1000) * D("0.45")).quantize(D("0.01"))
        return gross - tax

    for target in (D("0.01"), D("799.99"), D("800.00"), D("800.01"), D("12345.67")):
        found = grossing.gross_up(target, net_of)
        assert target <= net_of(found) <= target + D("0.01")
        assert net_of(found - D("0.01")) < target


def test_p9_a_benefit_in_kind_is_taxed_and_not_paid(app: World, group: Record, office: dict[str, Actor]) -> None:
    who, period = hire(app, group, office, "3000"), june(app, group, office)
    given(app, office, who, period, component(app, office, "CAR", kind="benefit_in_kind", social=False), amount=D(250))
    slip = app.find("payroll.payslip", run=run(app, group, period, office).id)[0]
    assert (slip["gross"], slip["taxable"]) == (D("3000.00"), D("3250.00"))
    assert slip["net"] == D("2145.00") - D("47.50")
