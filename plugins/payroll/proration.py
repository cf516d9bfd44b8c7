"""Part of a period's pay: who joins, leaves, gets a raise or takes unpaid days is paid by the period's basis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from plugins.payroll.rounding import half_up

BASES = ("calendar_days", "working_days", "fixed_30")


def days_between(start: date, end: date) -> list[date]:
    """Every calendar day from ``start`` to ``end``, both included."""
    return [start + timedelta(days=count) for count in range((end - start).days + 1)]


def working_days(start: date, end: date, off: frozenset[date] = frozenset()) -> int:
    """Monday to Friday between two days, both included, but for ``off``."""
    return sum(1 for day in days_between(start, end) if day.weekday() < 5 and day not in off)


def days_on(basis: str, start: date, end: date, period_start: date, period_end: date, off: frozenset[date] = frozenset()) -> int:
    """Days paid from ``start`` to ``end`` inside the period, counted by ``basis``."""
    first, last = max(start, period_start), min(end, period_end)
    if last < first:
        return 0
    if basis == "working_days":
        return working_days(first, last, off)
    if basis == "fixed_30":
        closing = 30 if last == period_end else last.day
        return max(0, min(30, closing) - min(30, first.day) + 1)
    return (last - first).days + 1


def days_in(basis: str, period_start: date, period_end: date, off: frozenset[date] = frozenset()) -> int:
    """All days of the period by ``basis``."""
    return 30 if basis == "fixed_30" else days_on(basis, period_start, period_end, period_start, period_end, off)


def prorated(amount: Decimal, days: int, of: int) -> Decimal:
    """``amount`` for ``days`` of ``of`` days; a whole period pays the amount itself."""
    if of <= 0:
        raise ValueError("A period without days cannot be paid by days.")
    return amount if days == of else half_up(amount * days / of)


def reduced(amount: Decimal, unpaid: int, of: int) -> Decimal:
    """The amount less ``unpaid`` days: full less the deduction, never the sum of rounded days."""
    return amount - half_up(amount * unpaid / of)


def in_parts(parts: Sequence[tuple[Decimal, int]], of: int) -> Decimal:
    """Several rates within one period: each (amount, days) rounded on its own, then added."""
    return sum((prorated(amount, days, of) for amount, days in parts), Decimal(0))


def hourly(rate: Decimal, factor: Decimal, hours: Decimal) -> Decimal:
    """Hours at a rate with a factor, rounded once."""
    return half_up(rate * factor * hours)


def leave_payout(days: Decimal, monthly: Decimal) -> Decimal:
    """Unused leave paid at twelve monthly pays over 260 days a year."""
    return half_up(days * monthly * 12 / 260)
