"""The demo's payroll: two groups, pay terms of some people, and monthly runs of the past year seen by two people."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from core import DemoWork, Record
from plugins.directory.demo import account
from plugins.payroll import published

SEED = 53
PEOPLE = {"small": 46, "full": 120}
MONTHS = 12


def fill(work: DemoWork) -> None:
    """Write tables and terms first, then run after run in the order of time."""
    dice = random.Random(SEED)
    begin = _first_of(work.today, -MONTHS)
    work.at(_at(begin - timedelta(days=20), work))
    crew = _crew(work, "Accounts")
    people = list(work.find("directory.person", active=True, limit=400))
    if len(crew) < 4:
        crew = [one.id for one in people[:4]]
    work.by(crew[0])
    components = _components(work)
    north = work.find("directory.company", code="NORTH")[0]
    south = work.find("directory.company", code="SOUTH")[0]
    groups = [
        work.create(
            "payroll.pay_group",
            code="DE-M",
            name="Monthly, north",
            employer=north.id,
            pack="generic",
            currency="EUR",
            flat_tax=Decimal(19),
            flat_social=Decimal("9.5"),
        ),
        work.create(
            "payroll.pay_group", code="GB-M", name="Monthly, south", employer=south.id, pack="uk", currency="GBP", proration="calendar_days"
        ),
    ]
    _table(work, crew)
    paid = _terms(work, dice, groups, people, crew, begin)
    for month in range(MONTHS + 1):
        for group in groups:
            _month(work, dice, group, _first_of(begin, month), month, paid[group.id], crew, components)
    work.by(None)
    work.at(None)


def _components(work: DemoWork) -> dict[str, int]:
    made = {}
    for values in (
        {"code": "OVERTIME", "name": "Overtime", "kind": "earning", "value": "manual"},
        {"code": "BONUS", "name": "Bonus", "kind": "earning", "value": "manual"},
        {"code": "MEALS", "name": "Meal allowance", "kind": "reimbursement", "value": "manual", "taxable": False, "social": False},
        {"code": "CLUB", "name": "Sports club", "kind": "deduction", "value": "manual", "priority": 20},
        {"code": "LOAN", "name": "Staff loan", "kind": "deduction", "value": "manual", "priority": 10, "arrears": "partial"},
        {
            "code": "PENSION",
            "name": "Company pension",
            "kind": "employer_contribution",
            "value": "formula",
            "formula": "comp('BASIC') * 0.03",
        },
    ):
        made[str(values["code"])] = work.create("payroll.pay_component", **values).id
    return made


def _table(work: DemoWork, crew: list[int]) -> None:
    limits = published.UK_NICS["2025-26", "monthly"]
    table = work.create(
        "payroll.rate_table",
        code="UK_PAYE",
        jurisdiction="uk",
        valid_from=date(2024, 4, 6),
        source=published.UK_SOURCE,
        rows=(
            {"start": Decimal(0), "base": Decimal(0), "percent": Decimal(20)},
            {"start": Decimal(37_700), "base": Decimal(7_540), "percent": Decimal(40)},
            {"start": Decimal(125_140), "base": Decimal(42_516), "percent": Decimal(45)},
        ),
        parameters=tuple(
            {"key": key, "value": getattr(limits, key)}
            for key in ("primary", "upper", "secondary", "employee", "employee_upper", "employer")
        ),
    )
    work.by(crew[1])
    work.move("payroll.rate_table", table.id, "verify")
    work.by(crew[0])


def _terms(
    work: DemoWork, dice: random.Random, groups: list[Record], people: list[Record], crew: list[int], begin: date
) -> dict[int, list[int]]:
    paid: dict[int, list[int]] = {group.id: [] for group in groups}
    departments = {one.id: one["code"] for one in work.find("directory.department")}
    known = account(work, "payroll.employee")
    drawn = dice.sample(people, PEOPLE[work.size] + 10)
    for one in [*(one for one in people if one.id == known), *(one for one in drawn if one.id != known)]:
        group = groups[departments.get(one["department"], "") in ("SOUTH", "FIN", "SALES")]
        if one.id in crew[:2] or len(paid[groups[0].id]) + len(paid[groups[1].id]) >= PEOPLE[work.size]:
            continue
        work.by(crew[0])
        terms = work.create(
            "payroll.employee_pay",
            employee=one.id,
            group=group.id,
            valid_from=begin,
            amount=Decimal(dice.randrange(2_400, 6_800)),
            tax_code="1257L" if group["pack"] == "uk" else None,
        )
        work.by(crew[1])
        work.move("payroll.employee_pay", terms.id, "approve")
        paid[group.id].append(one.id)
    work.by(crew[0])
    return paid


def _month(
    work: DemoWork,
    dice: random.Random,
    group: Record,
    first: date,
    month: int,
    people: list[int],
    crew: list[int],
    components: dict[str, int],
) -> None:
    last = _first_of(first, 1) - timedelta(days=1)
    tax_start = first.year if first.month >= 4 else first.year - 1
    number = (first.month - 4) % 12 + 1 if group["pack"] == "uk" else first.month
    pay_day = last - timedelta(days=max(0, last.weekday() - 4) + 1)
    now = work.now_really
    work.at(min(_at(first + timedelta(days=10), work), now))
    work.by(crew[0])
    period = work.create(
        "payroll.pay_period",
        group=group.id,
        number=number,
        tax_year=tax_start if group["pack"] == "uk" else first.year,
        start=first,
        end=last,
        pay_date=pay_day,
    )
    for person in dice.sample(people, min(9, len(people))):
        work.create(
            "payroll.variable_input",
            employee=person,
            period=period.id,
            component=components[dice.choice(("OVERTIME", "BONUS", "MEALS"))],
            amount=Decimal(dice.randrange(20, 400)),
        )
    if _at(first + timedelta(days=15), work) > now:
        return
    run = work.create("payroll.pay_run", group=group.id, period=period.id)
    work.move("payroll.pay_run", run.id, "freeze")
    work.at(min(_at(first + timedelta(days=18), work), now))
    work.move("payroll.pay_run", run.id, "calculate")
    work.move("payroll.pay_run", run.id, "review")
    if _at(pay_day, work) > now:
        return
    for one in work.find("payroll.run_exception", run=run.id, state="open", limit=500):
        work.move("payroll.run_exception", one.id, "accept", note="Checked against the pay terms.")
    work.at(min(_at(pay_day - timedelta(days=3), work), now))
    work.by(crew[1])
    work.move("payroll.pay_run", run.id, "approve")
    work.by(crew[0])
    work.move("payroll.pay_run", run.id, "post")
    work.at(min(_at(pay_day, work), now))
    work.by(crew[2])
    work.move("payroll.pay_run", run.id, "pay")
    if month < MONTHS - 1:
        work.by(crew[1])
        work.move("payroll.pay_run", run.id, "lock")


def _first_of(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _at(day: date, work: DemoWork) -> datetime:
    return datetime.combine(day, time(9), work.now.tzinfo)


def _crew(work: DemoWork, team: str) -> list[int]:
    found = work.first("directory.team", name=team)
    return list(found.get("members") or ()) if found is not None else []
