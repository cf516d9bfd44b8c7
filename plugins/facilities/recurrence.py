"""Series of bookings keep their local time over daylight saving (RFC 5545 rules, python-dateutil; FA-R04)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrulestr

MOST = 400


def exists(local: datetime, zone: str) -> bool:
    """Whether the wall time (naive) occurs in ``zone``; an hour is missing in spring."""
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local


def instant(local: datetime, zone: str) -> datetime:
    """The instant of a wall time: the first of two, and the offset before the gap for one that does not exist."""
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def occurrences(rule: str, first: date, at: time, zone: str, without: Iterable[date] = ()) -> list[datetime]:
    """The starts of a series in UTC. ``rule`` is an RFC 5545 rule such as ``FREQ=WEEKLY;COUNT=4``.

    Raises ValueError with a sentence for a rule that is not understood or never ends.
    """
    try:
        dates = rrulestr(rule, dtstart=datetime.combine(first, at), ignoretz=True)
    except (ValueError, KeyError, AttributeError):
        raise ValueError("The rule is not understood: write it as FREQ=WEEKLY;BYDAY=MO;COUNT=10.") from None
    left_out = set(without)
    found: list[datetime] = []
    for local in dates:
        if len(found) >= MOST:
            raise ValueError(f"The series has more than {MOST} dates: give COUNT or UNTIL.")
        if local.date() not in left_out:
            found.append(instant(local, zone))
    return found


def days_of_rule(rule: str, first: date, until: date) -> list[date]:
    """The days of a rule from ``first`` to ``until``, both included."""
    return [
        at.date()
        for at in rrulestr(rule, dtstart=datetime.combine(first, time())).between(
            datetime.combine(first, time()), datetime.combine(until, time()), inc=True
        )
    ]


def grid(anchor: date, every: int, unit: str, count: int) -> list[date]:
    """``count`` days from ``anchor`` on, each computed from the anchor: 31 Jan, 28 Feb, 31 Mar (SH-R05)."""
    return [step(anchor, every * at, unit) for at in range(count)]


def step(day: date, count: int, unit: str) -> date:
    """``day`` plus ``count`` days, weeks or months (clamped to the month's last day)."""
    match unit:
        case "months":
            return day + relativedelta(months=count)
        case "weeks":
            return day + timedelta(weeks=count)
        case _:
            return day + timedelta(days=count)
