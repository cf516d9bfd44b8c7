"""Dates that follow from terms: when an invoice is due, when a contract must be given notice, when cooling ends."""

from __future__ import annotations

from datetime import date, timedelta

from dateutil.relativedelta import relativedelta


def due(base: str, invoice: date, days: int, receipt: date | None = None) -> date:
    """The day a payment is due; ``end_of_month`` adds the days first and then goes to that month's last day."""
    if base == "receipt" and receipt is not None:
        return receipt + timedelta(days=days)
    day = invoice + timedelta(days=days)
    return day + relativedelta(day=31) if base == "end_of_month" else day


def notice_deadline(end: date, notice_days: int) -> date:
    """The last day on which notice may be given (VE-R08)."""
    return end - timedelta(days=notice_days)


def first_reminder(deadline: date, days: int = 60) -> date:
    """When to remind of a notice deadline: counted from the deadline, not from the contract's end."""
    return deadline - timedelta(days=days)


def renewed(end: date, months: int, times: int = 1) -> date:
    """The new end after automatic renewal, computed from the original end."""
    return end + relativedelta(months=months * times)


def working_days_after(day: date, count: int) -> date:
    """The day ``count`` working days (Monday to Friday) after ``day``, which itself does not count."""
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day
