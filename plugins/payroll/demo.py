"""The demo's payroll: two groups, pay terms of some people, and monthly runs of the past year seen by two people."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from core import DemoWork, Record
from plugins.directory.demo import account
from plugins.payroll import demo_cases, published
from plugins.payroll.demo_cases import Span, first_of

SEED = 53
PEOPLE = {"small": 46, "full": 90}
"""Who is paid by the month; at full size 30 more are paid every two weeks."""
MONTHS = {"small": 12, "full": 14}


def fill(work: DemoWork) -> None:
    """Write tables and terms first, then run after run in the order of time."""
    dice = random.Random(SEED)
    months = MONTHS[work.size]
    begin = first_of(work.today, -months)
    work.at(_at(begin - timedelta(days=20), work))
    crew = _crew(work, "Accounts")
    known = account(work, "payroll.employee")
    people = [one for one in work.find("directory.person", active=True, limit=400) if one.get("job_title") or one.id == known]
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
    if work.size == "full":
        biweekly, fortnights = demo_cases.every_two_weeks(work, dice, south.id, people, paid, crew, begin)
    demo_cases.happen(work, dice, paid, crew, components, begin)
    for month in range(months + 1):
        for group in groups:
            _month(work, dice, group, first_of(begin, month), paid[group.id], crew, components)
        if work.size == "full":
            while fortnights and fortnights[0].start < first_of(begin, month + 1):
                _run(work, dice, biweekly, fortnights.pop(0), paid[biweekly.id], crew, components)
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
    drawn = dice.sample(people, min(len(people), PEOPLE[work.size] + 10))
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
    work: DemoWork, dice: random.Random, group: Record, first: date, people: list[int], crew: list[int], components: dict[str, int]
) -> None:
    last = first_of(first, 1) - timedelta(days=1)
    uk = group["pack"] == "uk"
    pay_day = last - timedelta(days=max(0, last.weekday() - 4) + 1)
    tax_start = first.year if first.month >= 4 else first.year - 1
    span = Span(first, last, pay_day, (first.month - 4) % 12 + 1 if uk else first.month, tax_start if uk else first.year)
    _run(work, dice, group, span, people, crew, components)


def _run(
    work: DemoWork, dice: random.Random, group: Record, span: Span, people: list[int], crew: list[int], components: dict[str, int]
) -> None:
    """One period from its inputs to the payment, as far as it has come by now."""
    now = work.now_really
    freeze = span.start + (span.pay_date - span.start) // 2
    work.at(min(_at(span.start + (freeze - span.start) * 2 // 3, work), now))
    work.by(crew[0])
    period = work.create(
        "payroll.pay_period",
        group=group.id,
        number=span.number,
        tax_year=span.tax_year,
        start=span.start,
        end=span.end,
        pay_date=span.pay_date,
    )
    for person in dice.sample(people, min(9, len(people))):
        work.create(
            "payroll.variable_input",
            employee=person,
            period=period.id,
            component=components[dice.choice(("OVERTIME", "BONUS", "MEALS"))],
            amount=Decimal(dice.randrange(20, 400)),
        )
    if _at(freeze, work) > now:
        return
    work.at(min(_at(freeze, work), now))
    run = work.create("payroll.pay_run", group=group.id, period=period.id)
    work.move("payroll.pay_run", run.id, "freeze")
    work.at(min(_at(freeze + timedelta(days=2), work), now))
    work.move("payroll.pay_run", run.id, "calculate")
    work.move("payroll.pay_run", run.id, "review")
    if _at(span.pay_date, work) > now:
        return
    for one in work.find("payroll.run_exception", run=run.id, state="open", limit=500):
        work.move("payroll.run_exception", one.id, "accept", note="Checked against the pay terms.")
    work.at(min(_at(span.pay_date - timedelta(days=2), work), now))
    work.by(crew[1])
    work.move("payroll.pay_run", run.id, "approve")
    work.by(crew[0])
    work.move("payroll.pay_run", run.id, "post")
    work.at(min(_at(span.pay_date, work), now))
    work.by(crew[2])
    work.move("payroll.pay_run", run.id, "pay")
    if span.pay_date < now.date() - timedelta(days=25):
        work.at(_at(span.pay_date + timedelta(days=20), work))
        work.by(crew[1])
        work.move("payroll.pay_run", run.id, "lock")


def _at(day: date, work: DemoWork) -> datetime:
    return datetime.combine(day, time(9), work.now.tzinfo)


def _crew(work: DemoWork, team: str) -> list[int]:
    found = work.first("directory.team", name=team)
    return list(found.get("members") or ()) if found is not None else []
