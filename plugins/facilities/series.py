"""Series of bookings: made at the same local time, moved as one, all or from a day on; each date keeps its identity (FA-R04)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core import Change, Record, Refusal, Work, hookimpl, on
from plugins.facilities import booking as rooms
from plugins.facilities import recurrence
from plugins.facilities.reserving import closure, hold_of, sharing_with


@hookimpl(specname="after_save")
@on("facilities.booking_series")
def book_the_series(record: Record, change: Change, work: Work) -> None:
    """A new series makes its bookings at the same local time; taken and closed dates are refused or left out, by its policy."""
    if not change.is_new:
        return
    resource = work.get("facilities.resource", record["resource"])
    if resource is None:
        return
    sharing = sharing_with(resource, work)
    skipped: list[str] = []
    for start in _starts(record, resource):
        end = start + timedelta(minutes=record["minutes"])
        wanted = rooms.Span(start, end, int(resource.get("buffer_before") or 0), int(resource.get("buffer_after") or 0))
        if not all(hold_of(one, wanted, None, work).has_room(wanted) for one in sharing) or closure(resource, start, end, work):
            if record["policy"] == "all":
                raise Refusal(
                    f"The resource cannot be had on {start.date().isoformat()}: choose another time, or let such dates be left out.",
                    "policy",
                )
            skipped.append(start.date().isoformat())
            continue
        work.create(
            "facilities.booking",
            resource=resource.id,
            holder=record["holder"],
            title=record["title"],
            start=start,
            end=end,
            series=record.id,
            occurrence=start,
        )
    if skipped:
        work.change("facilities.booking_series", record.id, skipped=", ".join(skipped))


@hookimpl(specname="check_record")
@on("facilities.booking_series")
def understand_the_rule(record: Record, work: Work) -> dict[str, str]:
    """The rule is one we understand, and it ends."""
    resource = work.get("facilities.resource", record.get("resource"))
    if resource is None or not record.get("rule") or not record.get("first_day") or not record.get("start_time"):
        return {}
    try:
        _starts(record, resource)
    except ValueError as wrong:
        return {"rule": str(wrong)}
    return {}


@hookimpl(specname="after_save")
@on("facilities.booking_series")
def move_the_series(record: Record, before: Record | None, change: Change, work: Work) -> None:
    """Another time, length or title goes to all dates that have not begun, or to those from a day on (``change_from``).

    A date that somebody moved by itself stays where it is; taken dates are refused or left as they are, by the policy.
    """
    if before is None or not any(map(change.touches, ("start_time", "minutes", "title"))):
        return
    resource = work.get("facilities.resource", record["resource"])
    if resource is None:
        return
    zone = ZoneInfo(resource["zone"])
    sharing, skipped = sharing_with(resource, work), []
    for one in sorted(_to_come(record, zone, work), key=lambda item: item["start"]):
        day = one["occurrence"].astimezone(zone).date()
        start = recurrence.instant(datetime.combine(day, record["start_time"]), resource["zone"])
        wanted = rooms.Span(
            start,
            start + timedelta(minutes=record["minutes"]),
            int(resource.get("buffer_before") or 0),
            int(resource.get("buffer_after") or 0),
        )
        if not all(hold_of(other, wanted, one, work).has_room(wanted) for other in sharing) or closure(resource, start, wanted.end, work):
            if record["policy"] == "all":
                raise Refusal(
                    f"The resource cannot be had on {day.isoformat()}: choose another time, or let such dates be left out.", "policy"
                )
            skipped.append(day.isoformat())
            continue
        work.change("facilities.booking", one.id, start=start, end=wanted.end, occurrence=start, title=record["title"])
    work.change("facilities.booking_series", record.id, change_from=None, skipped=", ".join(skipped) or record.get("skipped"))


@hookimpl(specname="after_transition")
@on("facilities.booking")
def leave_the_date_out(record: Record, transition: str, work: Work) -> None:
    """A cancelled date of a series is one of those on which it does not take place (EXDATE)."""
    series = work.get("facilities.booking_series", record.get("series")) if transition == "cancel" else None
    resource = work.get("facilities.resource", record["resource"])
    if series is None or resource is None or not record.get("occurrence"):
        return
    day = record["occurrence"].astimezone(ZoneInfo(resource["zone"])).date().isoformat()
    known = [part.strip() for part in (series.get("except_days") or "").split(",") if part.strip()]
    if day not in known:
        work.change("facilities.booking_series", series.id, except_days=", ".join(sorted([*known, day])))


def _to_come(record: Record, zone: ZoneInfo, work: Work) -> list[Record]:
    """The series' live dates that have not begun, lie on or after ``change_from`` and were not moved by themselves."""
    first: date | None = record.get("change_from")
    after = work.now if first is None else max(work.now, datetime.combine(first, time(), zone))
    found = work.find("facilities.booking", series=record.id, state__in=rooms.LIVE, start__ge=after, limit=recurrence.MOST)
    return [one for one in found if one.get("occurrence") and one["occurrence"] == one["start"]]


def _starts(record: Record, resource: Record) -> list[datetime]:
    without = [date.fromisoformat(part.strip()) for part in (record.get("except_days") or "").split(",") if part.strip()]
    return recurrence.occurrences(record["rule"], record["first_day"], record["start_time"], resource["zone"], without)


@hookimpl(specname="check_record")
@on("facilities.cleaning_plan")
def understand_the_plan(record: Record) -> dict[str, str]:
    """The rule of a cleaning plan is one that is understood; it need not end."""
    if not record.get("rule") or not record.get("first_day"):
        return {}
    try:
        recurrence.days_of_rule(record["rule"], record["first_day"], record["first_day"])
    except (ValueError, KeyError, AttributeError):
        return {"rule": "The rule is not understood: write it as FREQ=WEEKLY;BYDAY=MO."}
    return {}
