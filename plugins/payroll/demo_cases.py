"""What happens to pay in the demo: joiners, leavers, raises, loans, and at full size a group that is paid every two weeks."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from core import DemoWork, Record
from plugins.payroll import published

CASES = {"small": (3, 2, 4, 3), "full": (8, 6, 10, 5)}
"""Joiners, leavers, raises within a period, loans."""


@dataclass(frozen=True)
class Span:
    """A pay period: its days, the day it is paid, its number in the tax year."""

    start: date
    end: date
    pay_date: date
    number: int
    tax_year: int


def first_of(day: date, months: int) -> date:
    """The first day of the month so many months after ``day``'s."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def happen(
    work: DemoWork, dice: random.Random, paid: dict[int, list[int]], crew: list[int], components: dict[str, int], begin: date
) -> None:
    """Change pay terms of some people during the time from ``begin`` on; nobody is in two cases."""
    joiners, leavers, raises, loans = CASES[work.size]
    drawn = dice.sample(sorted(one for people in paid.values() for one in people), joiners + leavers + raises + loans)
    months = (work.now_really.date() - begin).days // 30
    for number, person in enumerate(drawn):
        terms = work.first("payroll.employee_pay", employee=person, state="approved")
        if terms is None:
            continue
        day = first_of(begin, 2 + number * (months - 3) // len(drawn)) + timedelta(days=dice.randrange(4, 20))
        work.at(datetime.combine(begin - timedelta(days=12), time(10), work.now.tzinfo))
        work.by(crew[0])
        if number < joiners:
            work.change("payroll.employee_pay", terms.id, valid_from=day)
        elif number < joiners + leavers:
            work.change("payroll.employee_pay", terms.id, valid_to=day)
        elif number < joiners + leavers + raises:
            _raise(work, terms, day, crew)
        else:
            work.create(
                "payroll.recurring_item",
                employee=person,
                component=components["LOAN"],
                amount=Decimal(dice.randrange(5, 20) * 10),
                start=day,
                end=first_of(day, 10),
                reference=f"L-{number:03d}",
            )


def _raise(work: DemoWork, terms: Record, day: date, crew: list[int]) -> None:
    work.change("payroll.employee_pay", terms.id, valid_to=day - timedelta(days=1))
    kept = {name: terms.get(name) for name in ("employee", "contract", "group", "pay_type", "tax_code", "filing")}
    amount = (terms["amount"] * Decimal("1.04")).quantize(Decimal("0.01"))
    made = work.create("payroll.employee_pay", **kept, valid_from=day, amount=amount, reason="raise")
    work.by(crew[1])
    work.move("payroll.employee_pay", made.id, "approve")


def every_two_weeks(
    work: DemoWork, dice: random.Random, employer: int, people: list[Record], paid: dict[int, list[int]], crew: list[int], begin: date
) -> tuple[Record, list[Span]]:
    """A group of 30 by the rules of the United States; enters its people in ``paid``, answers it and its periods."""
    work.by(crew[0])
    table = work.create(
        "payroll.rate_table",
        code="US_SINGLE",
        jurisdiction="us",
        valid_from=date(2024, 1, 1),
        source=published.US_2025_SOURCE,
        rows=tuple({"start": one.start, "base": one.base, "percent": one.percent} for one in published.US_2025["single", False]),
        parameters=({"key": "wage_base", "value": published.US_WAGE_BASE[2025]},),
    )
    group = work.create(
        "payroll.pay_group",
        code="US-BW",
        name="Every two weeks, overseas",
        employer=employer,
        pack="us",
        frequency="biweekly",
        periods_per_year=26,
        currency="USD",
    )
    work.by(crew[1])
    work.move("payroll.rate_table", table.id, "verify")
    known = {one for group_ in paid.values() for one in group_} | set(crew)
    chosen = dice.sample([one.id for one in people if one.id not in known], 30)
    for person in chosen:
        work.by(crew[0])
        terms = work.create(
            "payroll.employee_pay",
            employee=person,
            group=group.id,
            valid_from=begin,
            amount=Decimal(dice.randrange(1_500, 4_200)),
            filing="single",
        )
        work.by(crew[1])
        work.move("payroll.employee_pay", terms.id, "approve")
    paid[group.id] = chosen
    monday = begin + timedelta(days=-begin.weekday() % 7)
    spans: list[Span] = []
    while monday <= work.now_really.date():
        pay_date = monday + timedelta(days=18)
        number = (pay_date.timetuple().tm_yday - 1) // 14 + 1
        spans.append(Span(monday, monday + timedelta(days=13), pay_date, number, pay_date.year))
        monday += timedelta(days=14)
    return group, spans
