"""Whether a booking fits: buffers, quantity, opening hours, limits (FA-R01 to FA-R07)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

LIVE = ("tentative", "requested", "confirmed", "checked_in")
HELD = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Span:
    """A booking's real interval [start, end) and its buffers in minutes."""

    start: datetime
    end: datetime
    before: int = 0
    after: int = 0

    @property
    def blocked(self) -> tuple[datetime, datetime]:
        """The interval with its buffers."""
        return self.start - timedelta(minutes=self.before), self.end + timedelta(minutes=self.after)


def clash(one: Span, other: Span) -> bool:
    """Whether one's buffered interval meets the other's real one, or the other way round; buffers may overlap."""
    first, last = one.blocked
    if first < other.end and other.start < last:
        return True
    first, last = other.blocked
    return first < one.end and one.start < last


def fits(wanted: Span, taken: Iterable[Span], quantity: int = 1) -> bool:
    """Whether one more booking leaves at every instant at most ``quantity`` (FA-R02)."""
    meeting = [span for span in taken if clash(wanted, span)]
    if len(meeting) < quantity:
        return True
    if quantity == 1:
        return False
    moments = [wanted.start, *(span.start for span in meeting if wanted.start <= span.start < wanted.end)]
    return all(1 + sum(span.start <= at < span.end for span in meeting) <= quantity for at in moments)


@dataclass(frozen=True, slots=True)
class Hold:
    """Who has a resource, and how many of it there are."""

    taken: tuple[Span, ...]
    quantity: int = 1

    def has_room(self, wanted: Span) -> bool:
        """Whether one more booking fits."""
        return fits(wanted, self.taken, self.quantity)


def next_free(wanted: Span, taken: Sequence[Span], quantity: int = 1) -> datetime:
    """The earliest start from the wanted one on at which a booking of the same length fits."""
    return next_free_of_all(wanted, [Hold(tuple(taken), quantity)])


def next_free_of_all(wanted: Span, holds: Sequence[Hold]) -> datetime:
    """The earliest start from the wanted one on at which a booking of the same length fits everywhere."""
    length = wanted.end - wanted.start
    starts = {span.end + timedelta(minutes=max(span.after, wanted.before)) for hold in holds for span in hold.taken}
    for at in sorted(start for start in starts | {wanted.start} if start >= wanted.start):
        if all(hold.has_room(Span(at, at + length, wanted.before, wanted.after)) for hold in holds):
            return at
    raise AssertionError("After the last booking there is always room.")


def elapsed_minutes(start: datetime, end: datetime) -> int:
    """Minutes that really pass, also in the nights when clocks change."""
    return int((end.astimezone(UTC) - start.astimezone(UTC)).total_seconds() // 60)


def calendar_days(start: datetime, end: datetime, zone: str) -> int:
    """The local days a booking touches; a whole day of 23 or 25 hours is one (FA-R03)."""
    there = ZoneInfo(zone)
    last = (end - timedelta(microseconds=1)).astimezone(there).date()
    return (last - start.astimezone(there).date()).days + 1


def within_hours(start: datetime, end: datetime, zone: str, opens: str, closes: str) -> bool:
    """Whether the booking lies inside the opening hours of each local day it touches."""
    if (opens, closes) == ("00:00", "24:00"):
        return True
    there = ZoneInfo(zone)
    first, last = start.astimezone(there), end.astimezone(there)
    if calendar_days(start, end, zone) > 1:
        return False
    opening = time.fromisoformat(opens)
    until = last.time() if last.date() == first.date() else time.max
    return first.time() >= opening and (closes == "24:00" or until <= time.fromisoformat(closes))


def week_of(moment: datetime, zone: str) -> tuple[datetime, datetime]:
    """Monday to Monday around ``moment`` in ``zone``, as instants (FA-R06)."""
    there = ZoneInfo(zone)
    local = moment.astimezone(there)
    monday = datetime.combine(local.date() - timedelta(days=local.weekday()), time(), there)
    following = datetime.combine(monday.date() + timedelta(days=7), time(), there)
    return monday.astimezone(UTC), following.astimezone(UTC)
