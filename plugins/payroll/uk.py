"""United Kingdom: cumulative PAYE by tax code, and national insurance by bands.

Source: HMRC "Specification for PAYE Tax Table Routines" and "Rates and thresholds for employers" of the year;
thresholds and rates are data (published.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from plugins.payroll.rounding import down, drop_half_penny, up, whole_pounds

ZERO = Decimal(0)
_CODE = re.compile(r"(?P<k>K?)(?P<number>[0-9]{1,4})(?P<suffix>[LMNPTVY]?)")


@dataclass(frozen=True, slots=True)
class Rate:
    """One tax rate: ``percent`` up to the annual taxable ``limit`` (None: no limit)."""

    limit: Decimal | None
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Paye:
    """Tax of one period with its steps. ``adjustment`` is the free pay to date, negative for K codes."""

    adjustment: Decimal
    taxable: Decimal
    due_to_date: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Nics:
    """National insurance of one pay: the employee's and the employer's share."""

    employee: Decimal
    employer: Decimal


@dataclass(frozen=True, slots=True)
class Thresholds:
    """National insurance of category A for one pay frequency."""

    primary: Decimal
    upper: Decimal
    secondary: Decimal
    employee: Decimal = Decimal(8)
    employee_upper: Decimal = Decimal(2)
    employer: Decimal = Decimal(15)


def free_pay(code: str, period: int, periods: int) -> Decimal:
    """Free pay to date of a code such as 1257L; negative for K codes, zero for BR-like codes.

    Raises ValueError for a code this routine does not know.
    """
    found = _CODE.fullmatch(code.strip().upper())
    if found is None:
        raise ValueError(f'The tax code "{code}" is not of the form 1257L or K255.')
    number = int(found["number"])
    if number == 0:
        return ZERO
    times, rest = divmod(number - 1, 500)
    single = up(Decimal((rest + 1) * 10 + 9) / periods) + times * up(Decimal(5_000) / periods)
    return (-1 if found["k"] else 1) * single * period


def tax_to_date(taxable: Decimal, period: int, periods: int, rates: Sequence[Rate]) -> Decimal:
    """Tax due on ``taxable`` pay to date: whole pounds, band limits by period, cut to pennies."""
    pounds = max(ZERO, whole_pounds(taxable))
    tax, before = ZERO, ZERO
    for rate in rates:
        limit = None if rate.limit is None else down(rate.limit * period / periods, Decimal("0.0001"))
        if limit is None or pounds <= up(limit, Decimal(1)):
            tax += (pounds - before) * rate.percent / 100
            break
        tax += (limit - before) * rate.percent / 100
        before = limit
    return down(tax)


def paye(
    pay: Decimal,
    code: str,
    period: int,
    periods: int,
    rates: Sequence[Rate],
    *,
    pay_before: Decimal = ZERO,
    paid_before: Decimal = ZERO,
    cumulative: bool = True,
) -> Paye:
    """Income tax of one pay. ``period`` counts from 1; ``pay_before`` and ``paid_before`` are the year to date.

    Without ``cumulative`` the pay is taxed as in period 1. A negative amount is a refund. The tax of one period is
    at most half of that period's pay.
    """
    at = period if cumulative else 1
    to_date = pay + (pay_before if cumulative else ZERO)
    adjustment = free_pay(code, at, periods)
    taxable = to_date - adjustment
    due = tax_to_date(taxable, at, periods, rates)
    amount = due - (paid_before if cumulative else ZERO)
    return Paye(adjustment, max(ZERO, whole_pounds(taxable)), due, min(amount, down(max(pay, ZERO) / 2)))


def nics(pay: Decimal, limits: Thresholds) -> Nics:
    """National insurance of one pay, band by band to four decimals, a half-penny or less dropped at the end."""
    ten_thousandth = Decimal("0.0001")
    main = max(ZERO, min(pay, limits.upper) - limits.primary)
    over = max(ZERO, pay - limits.upper)
    employee = down(main * limits.employee / 100, ten_thousandth) + down(over * limits.employee_upper / 100, ten_thousandth)
    lower = max(ZERO, min(pay, limits.upper) - limits.secondary)
    employer = down(lower * limits.employer / 100, ten_thousandth) + down(over * limits.employer / 100, ten_thousandth)
    return Nics(drop_half_penny(employee), drop_half_penny(employer))
