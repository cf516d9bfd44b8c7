"""United States: federal income tax by the percentage method for automated payroll, social security and Medicare.

Source: IRS Publication 15-T, Worksheet 1A, and Publication 15 of the year; the tables themselves are data (published.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from plugins.payroll.brackets import Bracket, tax_of
from plugins.payroll.rounding import half_up

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class W4:
    """What an employee's form W-4 says. ``filing`` is single, joint or head; amounts are per year but extra."""

    filing: str = "single"
    step2: bool = False
    credits: Decimal = ZERO
    other_income: Decimal = ZERO
    deductions: Decimal = ZERO
    extra: Decimal = ZERO
    exempt: bool = False


@dataclass(frozen=True, slots=True)
class Withholding:
    """The result with its steps, so that a payslip can explain it."""

    adjusted_annual: Decimal
    annual_tax: Decimal
    tentative: Decimal
    credit: Decimal
    amount: Decimal


def withhold(wages: Decimal, periods: int, w4: W4, table: Sequence[Bracket]) -> Withholding:
    """Federal income tax of one pay of ``wages`` (after pre-tax deductions) in a year of ``periods`` pays."""
    if w4.exempt:
        return Withholding(ZERO, ZERO, ZERO, ZERO, ZERO)
    standard = ZERO if w4.step2 else Decimal(12_900 if w4.filing == "joint" else 8_600)
    adjusted = max(ZERO, wages * periods + w4.other_income - w4.deductions - standard)
    annual = half_up(tax_of(table, adjusted))
    tentative = half_up(annual / periods)
    credit = half_up(w4.credits / periods)
    return Withholding(adjusted, annual, tentative, credit, max(ZERO, tentative - credit) + w4.extra)


def capped(pay: Decimal, year_to_date: Decimal, base: Decimal) -> Decimal:
    """The part of ``pay`` that still lies below the year's wage ``base``."""
    return max(ZERO, min(pay, base - year_to_date))


def social_security(pay: Decimal, year_to_date: Decimal, base: Decimal, percent: Decimal = Decimal("6.2")) -> Decimal:
    """Social security of one pay under the year's wage base."""
    return half_up(capped(pay, year_to_date, base) * percent / 100)


def medicare(pay: Decimal, percent: Decimal = Decimal("1.45")) -> Decimal:
    """Medicare of one pay, without a cap."""
    return half_up(pay * percent / 100)


def additional_medicare(
    pay: Decimal, year_to_date: Decimal, threshold: Decimal = Decimal(200_000), percent: Decimal = Decimal("0.9")
) -> Decimal:
    """The employee's additional Medicare on what lies over the threshold."""
    over = max(ZERO, year_to_date + pay - threshold) - max(ZERO, year_to_date - threshold)
    return half_up(over * percent / 100)


def unemployment(pay: Decimal, year_to_date: Decimal, base: Decimal = Decimal(7_000), percent: Decimal = Decimal("0.6")) -> Decimal:
    """The employer's net federal unemployment tax."""
    return half_up(capped(pay, year_to_date, base) * percent / 100)
