"""A payroll run from pay terms to the locked slip, seen by two people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal as D

import pytest

from core.access.actor import Actor
from core.errors import BackofficeError, Conflict, Forbidden
from core.facts import Record
from core.testing import World


def go(app: World, record: Record, transition: str, **more: object) -> Record:
    return app.move(record.entity, record, transition, **more)  # type: ignore[arg-type]


@pytest.fixture
def office(app: World, actor: Callable[..., Actor]) -> dict[str, Actor]:
    """One person for each part in a run."""
    return {name: actor(f"payroll.{name}") for name in ("specialist", "approver", "treasurer", "controller", "hr_officer", "employee")}


@pytest.fixture
def group(app: World, office: dict[str, Actor]) -> Record:
    company = app.create(
        "directory.company", code="PAY", legal_name="Pay Works", country="DE", base_currency="EUR", time_zone="Europe/Berlin"
    )
    return app.create(
        "payroll.pay_group", by=office["specialist"], code="M", name="Monthly", employer=company.id, flat_tax=D(19), flat_social=D("9.5")
    )


def june(app: World, group: Record, office: dict[str, Actor]) -> Record:
    return app.create(
        "payroll.pay_period",
        by=office["specialist"],
        group=group.id,
        number=6,
        tax_year=2025,
        start=date(2025, 6, 1),
        end=date(2025, 6, 30),
        pay_date=date(2025, 6, 27),
    )


def hire(
    app: World, group: Record, office: dict[str, Actor], amount: str, start: date = date(2025, 1, 1), person: int | None = None
) -> int:
    who = person or app.person().id
    terms = app.create(
        "payroll.employee_pay", by=office["specialist"], employee=who, group=group.id, valid_from=start, amount=D(amount)
    )
    go(app, terms, "approve", by=office["hr_officer"])
    return who


def run(app: World, group: Record, period: Record, office: dict[str, Actor]) -> Record:
    made = app.create("payroll.pay_run", by=office["specialist"], group=group.id, period=period.id)
    go(app, made, "freeze", by=office["specialist"])
    return go(app, made, "calculate", by=office["specialist"])


def accept_all(app: World, made: Record, office: dict[str, Actor]) -> None:
    for one in app.find("payroll.run_exception", run=made.id, state="open"):
        go(app, one, "accept", by=office["specialist"], note="Looked at.")


def test_p1_a_joiner_is_paid_by_working_days(app: World, group: Record, office: dict[str, Actor]) -> None:
    hire(app, group, office, "3000", date(2025, 6, 17))
    made = run(app, group, june(app, group, office), office)
    slip = app.find("payroll.payslip", run=made.id)[0]
    assert slip["gross"] == D("1428.57")
    basic = slip["lines"][0]
    assert (basic["component"], basic["amount"]) == ("BASIC", D("1428.57"))
    assert basic["explanation"] == "3000.00 x 10/21 = 1428.57"
    assert slip["net"] == slip["gross"] - D("271.43") - D("135.71")


def test_i2_a_run_exists_once_for_a_group_and_period(app: World, group: Record, office: dict[str, Actor]) -> None:
    hire(app, group, office, "3000")
    period = june(app, group, office)
    run(app, group, period, office)
    with pytest.raises(Conflict):
        app.create("payroll.pay_run", by=office["specialist"], group=group.id, period=period.id)


def test_a_run_needs_a_second_person_and_worked_off_exceptions(app: World, group: Record, office: dict[str, Actor]) -> None:
    hire(app, group, office, "3000")
    made = run(app, group, june(app, group, office), office)
    go(app, made, "review", by=office["specialist"])
    with pytest.raises((Forbidden, Conflict)):
        go(app, made, "approve", by=office["specialist"])
    with pytest.raises(BackofficeError, match="exceptions are open"):
        go(app, made, "approve", by=office["approver"])
    accept_all(app, made, office)
    done = go(app, made, "approve", by=office["approver"])
    assert (done["state"], done["approved_by"]) == ("approved", office["approver"].person)


def test_i5_year_to_date_grows_with_the_slip_and_i3_a_posted_slip_never_changes(
    app: World, group: Record, office: dict[str, Actor]
) -> None:
    who = hire(app, group, office, "3000")
    made = run(app, group, june(app, group, office), office)
    go(app, made, "review", by=office["specialist"])
    accept_all(app, made, office)
    go(app, made, "approve", by=office["approver"])
    slip = app.find("payroll.payslip", run=made.id)[0]
    assert (slip["state"], slip["number"]) == ("final", f"{made['number']}-0001")
    entries = {one["component"]: one["amount"] for one in app.find("payroll.balance_entry", employee=who)}
    assert entries["GROSS"] == slip["gross"]
    assert entries["BASIC"] == D("3000.00")
    go(app, made, "post", by=office["controller"])
    with pytest.raises(BackofficeError, match="marked fields") as refused:
        app.change("payroll.payslip", slip, net=D(1))
    assert "never changes" in str(refused.value.errors)
    go(app, made, "reverse", by=office["approver"], reason="Wrong period.")
    left = sum((one["amount"] for one in app.find("payroll.balance_entry", employee=who) if one["component"] == "GROSS"), D(0))
    assert left == 0


def test_inputs_changed_after_freezing_stop_the_calculation(app: World, group: Record, office: dict[str, Actor]) -> None:
    who = hire(app, group, office, "3000")
    period = june(app, group, office)
    made = run(app, group, period, office)
    bonus = app.create("payroll.pay_component", by=office["specialist"], code="BONUS", name="Bonus", kind="earning")
    app.create(
        "payroll.variable_input", by=office["specialist"], employee=who, period=period.id, component=bonus.id, amount=D(100)
    )
    with pytest.raises(BackofficeError, match="Inputs have changed"):
        go(app, made, "calculate", by=office["specialist"])


def test_a_formula_is_checked_when_it_is_saved(app: World, office: dict[str, Actor]) -> None:
    keep = {"kind": "employer_contribution", "value": "formula"}
    for wrong in ("comp('NOWHERE') * 2", "gross +", "unknown_name * 2", "comp('A_B') * 0.5"):
        with pytest.raises(BackofficeError):
            app.create("payroll.pay_component", by=office["specialist"], code="A_B", name="X", formula=wrong, **keep)
    app.create("payroll.pay_component", by=office["specialist"], code="PENSION", name="Pension", formula="comp('BASIC') * 0.03", **keep)


def test_a_formula_explains_its_figures(app: World, group: Record, office: dict[str, Actor]) -> None:
    app.create(
        "payroll.pay_component",
        by=office["specialist"],
        code="PENSION",
        name="Pension",
        kind="employer_contribution",
        value="formula",
        formula="comp('BASIC') * 0.03",
    )
    hire(app, group, office, "3000")
    made = run(app, group, june(app, group, office), office)
    line = next(one for one in app.find("payroll.payslip", run=made.id)[0]["lines"] if one["component"] == "PENSION")
    assert (line["amount"], line["explanation"]) == (D("90.00"), "comp('BASIC')[3000.00] * 0.03 = 90.00")


def test_p10_a_salary_below_the_minimum_wage_blocks_approval(app: World, group: Record, office: dict[str, Actor]) -> None:
    app.change("payroll.pay_group", group, by=office["specialist"], minimum_hourly={"amount": "12.21", "currency": "EUR"})
    hire(app, group, office, "2000")
    made = run(app, group, june(app, group, office), office)
    found = app.find("payroll.run_exception", run=made.id, kind="below_minimum_wage")
    assert len(found) == 1
    with pytest.raises(BackofficeError):
        go(app, found[0], "accept", by=office["specialist"], note="Never mind.")


def test_an_employee_sees_the_own_final_slip_and_nobody_elses(app: World, group: Record, office: dict[str, Actor]) -> None:
    mine = hire(app, group, office, "3000", person=office["employee"].person)
    hire(app, group, office, "4000")
    made = run(app, group, june(app, group, office), office)
    assert app.find("payroll.payslip", by=office["employee"]) == []
    go(app, made, "review", by=office["specialist"])
    accept_all(app, made, office)
    go(app, made, "approve", by=office["approver"])
    seen = app.find("payroll.payslip", by=office["employee"])
    assert [one["employee"] for one in seen] == [mine]
    assert seen[0]["net"] is not None
    assert "net" not in app.find("payroll.employee_pay", by=office["controller"])[0]
    assert "amount" not in app.find("payroll.employee_pay", by=office["controller"])[0]


def test_nobody_approves_the_own_pay(app: World, group: Record, office: dict[str, Actor]) -> None:
    hr = office["hr_officer"]
    terms = app.create(
        "payroll.employee_pay", by=office["specialist"], employee=hr.person, group=group.id, valid_from=date(2025, 1, 1), amount=D(9000)
    )
    with pytest.raises((Forbidden, Conflict)):
        go(app, terms, "approve", by=hr)


def test_pay_terms_of_a_contract_never_overlap(app: World, group: Record, office: dict[str, Actor]) -> None:
    who = hire(app, group, office, "3000")
    with pytest.raises(Conflict):
        app.create(
            "payroll.employee_pay", by=office["specialist"], employee=who, group=group.id, valid_from=date(2025, 3, 1), amount=D(3300)
        )
