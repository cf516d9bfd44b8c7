"""Working time: add working seconds to an instant, and count them between two (conventions SH-R06).

Both functions walk local days, convert each interval's ends to UTC and count elapsed seconds, so that the days on which
clocks change are right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

HORIZON = 400
"""Days after which a calendar without an open interval is an error instead of an endless search."""

Interval = tuple[str, str]
"""Start and end as ``HH:MM`` of one local day; the end may be 24:00."""


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Intervals for each weekday (0 is Monday), days off, and exceptions that replace a day's intervals.

    ``half_days`` maps a day to the time its work ends.
    """

    zone: str
    weekly: Mapping[int, tuple[Interval, ...]]
    holidays: frozenset[date] = frozenset()
    half_days: Mapping[date, str] = field(default_factory=dict)
    exceptions: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict)

    def open_on(self, day: date) -> list[tuple[datetime, datetime]]:
        """The open intervals of a local day, as instants."""
        if day in self.exceptions:
            spans: tuple[Interval, ...] = self.exceptions[day]
        elif day in self.holidays:
            spans = ()
        else:
            spans = self.weekly.get(day.weekday(), ())
            if day in self.half_days:
                until = self.half_days[day]
                spans = tuple((start, min(end, until)) for start, end in spans if start < until)
        there = ZoneInfo(self.zone)
        return [(_instant(day, start, there), _instant(day, end, there)) for start, end in spans]


def is_zone(name: str) -> bool:
    """Whether a time zone is known by this name, such as Europe/Berlin."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def of_record(record: Mapping[str, Any]) -> WorkingCalendar:
    """The calendar that a record of ``directory.calendar`` describes."""
    weekly: dict[int, tuple[Interval, ...]] = {}
    for line in record.get("weekly") or ():
        weekday = WEEKDAYS.index(line["weekday"])
        weekly[weekday] = (*weekly.get(weekday, ()), (line["start"], line["end"]))
    exceptions: dict[date, tuple[Interval, ...]] = {}
    for line in record.get("exceptions") or ():
        spans = exceptions.setdefault(line["date"], ())
        if line["kind"] == "open":
            exceptions[line["date"]] = (*spans, (line["start"], line["end"]))
    holidays = list(record.get("holidays") or ())
    return WorkingCalendar(
        record["zone"],
        {day: tuple(sorted(spans)) for day, spans in weekly.items()},
        frozenset(line["date"] for line in holidays if not line.get("half_day_end")),
        {line["date"]: line["half_day_end"] for line in holidays if line.get("half_day_end")},
        exceptions,
    )


def is_open(calendar: WorkingCalendar, at: datetime) -> bool:
    """Whether ``at`` is working time; a calendar without any hours says nothing, and is open."""
    if not calendar.weekly and not calendar.exceptions:
        return True
    today = at.astimezone(ZoneInfo(calendar.zone)).date()
    return any(opens <= at < closes for opens, closes in calendar.open_on(today))


def add_working(calendar: WorkingCalendar, start: datetime, seconds: int) -> datetime:
    """The instant at which ``seconds`` of working time have passed; a target on an interval's end stays there.

    Raises ValueError when the calendar has no open interval in 400 days.
    """
    if seconds <= 0:
        return start
    left = timedelta(seconds=seconds)
    for opens, closes in _intervals(calendar, start):
        begin = max(opens, start)
        if closes - begin >= left:
            return begin + left
        left -= closes - begin
    raise ValueError(f"The working calendar is not open in {HORIZON} days: please check its hours.")


def working_between(calendar: WorkingCalendar, start: datetime, end: datetime) -> int:
    """Working seconds from ``start`` to ``end``; never negative."""
    total = timedelta()
    there = ZoneInfo(calendar.zone)
    day = start.astimezone(there).date() - timedelta(days=1)
    last = end.astimezone(there).date()
    while day <= last:
        for opens, closes in calendar.open_on(day):
            if closes > start and opens < end:
                total += min(closes, end) - max(opens, start)
        day += timedelta(days=1)
    return int(total.total_seconds())


def working_days_after(calendar: WorkingCalendar, day: date, count: int) -> date:
    """The day ``count`` working days after ``day``, which itself does not count."""
    searched = 0
    while count and searched < HORIZON:
        day += timedelta(days=1)
        searched = 0 if calendar.open_on(day) else searched + 1
        count -= bool(calendar.open_on(day))
    if count:
        raise ValueError(f"The working calendar is not open in {HORIZON} days: please check its hours.")
    return day


def _intervals(calendar: WorkingCalendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    day = start.astimezone(ZoneInfo(calendar.zone)).date() - timedelta(days=1)
    closed = 0
    while closed <= HORIZON:
        spans = [(opens, closes) for opens, closes in calendar.open_on(day) if closes > start]
        closed = 0 if spans else closed + 1
        yield from spans
        day += timedelta(days=1)


def _instant(day: date, clock: str, there: ZoneInfo) -> datetime:
    if clock == "24:00":
        return datetime.combine(day + timedelta(days=1), time(), there).astimezone(UTC)
    return datetime.combine(day, time.fromisoformat(clock), there).astimezone(UTC)
