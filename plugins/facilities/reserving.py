"""Bookings as they are made: what fits a resource, what it shares with others, and series of them (FA-R01 to FA-R07)."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core import Change, Panel, Record, Refusal, Work, hookimpl, on
from plugins.directory.calendar import is_zone
from plugins.facilities import booking as rooms

MOST = 1000
"""Bookings that are read at once."""


@hookimpl(specname="check_record")
@on("facilities.resource")
def check_the_resource(record: Record, work: Work) -> dict[str, str]:
    """The zone is known, opening comes before closing, and nothing is made of itself."""
    found: dict[str, str] = {}
    if record.get("zone") and not is_zone(record["zone"]):
        found["zone"] = "This time zone is not known: write it as Europe/Berlin."
    if record.get("opens") and record.get("closes") and record["opens"] >= record["closes"]:
        found["closes"] = "It has to close after it opens."
    if record.get("id") and record.get("combines") and record["id"] in _below(record["combines"], work):
        found["combines"] = "Nothing can be made of itself, also not through its parts."
    return found


@hookimpl(specname="before_save")
@on("facilities.booking")
def hold_the_buffers(record: Record, change: Change, work: Work) -> None:
    """A booking remembers what it blocks, and moves leave their time."""
    resource = work.get("facilities.resource", record["resource"])
    if resource is not None and record.get("start") and record.get("end"):
        taken = span(record, resource)
        record["blocked_from"], record["blocked_to"] = taken.blocked
    if change.transition == "check_in":
        record["checked_in_at"] = change.at
    if change.transition in ("release", "cancel", "decline"):
        record["released_at"] = change.at


@hookimpl(specname="check_record")
@on("facilities.booking")
def check_the_booking(record: Record, before: Record | None, change: Change, work: Work) -> dict[str, str]:
    """A booking fits the resource's rules; what it takes from others is checked again when it is stored (FA-R01 to R07)."""
    resource = work.get("facilities.resource", record.get("resource"))
    if resource is None or not record.get("start") or not record.get("end") or record["end"] <= record["start"]:
        return {}
    if before is not None and not (change.touches("start") or change.touches("end") or change.touches("resource")):
        return {}
    return _rules(record, resource, change, work)


@hookimpl(specname="after_save")
@on("facilities.booking")
def take_the_slot(record: Record, change: Change, work: Work) -> None:
    """Under the write's lock: nobody else has the slot, the parts or the whole (FA-R01, FA-R02, FA-X09)."""
    takes = change.is_new or change.transition in ("request", "confirm") or any(map(change.touches, ("start", "end", "resource")))
    resource = work.get("facilities.resource", record.get("resource"))
    if resource is None or not takes or record.get("state") not in rooms.LIVE:
        return
    sharing = sharing_with(resource, work)
    work.lock("facilities.resource", *sorted(one.id for one in sharing))
    wanted = span(record, resource)
    holds = [hold_of(one, wanted, record, work) for one in sharing]
    if all(hold.has_room(wanted) for hold in holds):
        return
    holds = [hold_of(one, wanted, record, work, later=True) for one in sharing]
    free = rooms.next_free_of_all(wanted, holds).astimezone(ZoneInfo(resource["zone"]))
    what = "It is" if not holds[0].has_room(wanted) else "A part of it, or what it is part of, is"
    raise Refusal(f"{what} taken at that time. It is free again from {free:%Y-%m-%d %H:%M} ({resource['zone']}).", "start")


@hookimpl(specname="allow_transition")
@on("facilities.booking")
def confirm_in_order(record: Record, transition: str, work: Work) -> str | None:
    """What needs approval is asked for; vehicles need valid papers and a driver with the licence (FA-R07)."""
    if transition not in ("confirm", "approve"):
        return None
    resource = work.get("facilities.resource", record["resource"])
    if resource is None:
        return None
    if transition == "confirm" and resource.get("needs_approval"):
        return "This resource needs approval: ask for it instead."
    if resource["type"] == "vehicle":
        last = record["end"].date()
        for name, what in (("inspection_due", "inspection"), ("insurance_end", "insurance")):
            if resource.get(name) and resource[name] < last:
                return f"The vehicle's {what} ends before the booking does."
        if resource.get("licence_class") and record.get("licence_class") != resource["licence_class"]:
            return f"The driver needs a licence of class {resource['licence_class']}."
    return None


@hookimpl(specname="record_panels")
@on("facilities.booking")
def say_how_long_it_is_held(record: Record, work: Work) -> list[Panel]:
    """Whoever booked has to know that the time is held for ten minutes only."""
    if record.get("state") != "tentative":
        return []
    resource = work.get("facilities.resource", record.get("resource"))
    until = (record["updated_at"] + rooms.HELD).astimezone(ZoneInfo(resource["zone"] if resource else "UTC"))
    if until < work.now:
        return [
            Panel(
                "Held", text="It was held for ten minutes and may be taken by somebody else now. Confirm it to take it if it is still free."
            )
        ]
    return [
        Panel(
            "Held", text=f"The time is held until {until:%H:%M}. Confirm it, or ask for it where approval is needed; else it is free again."
        )
    ]


@hookimpl(specname="before_save")
@on("facilities.blackout")
def list_who_is_affected(record: Record, work: Work) -> None:
    """Bookings inside a new closure are listed, so that their holders can be told (FA-R05)."""
    if record.get("resource") and record.get("start") and record.get("end"):
        met = work.find("facilities.booking", resource=record["resource"], start__lt=record["end"], end__gt=record["start"], limit=200)
        live = [f"{one['number']} {one['title']}" for one in met if one["state"] in rooms.LIVE]
        record["affected"] = "\n".join(live) or None


@hookimpl(specname="after_save")
@on("facilities.blackout")
def tell_who_is_affected(record: Record, change: Change, work: Work) -> None:
    """Whoever booked what will be closed is told of it (FA-R05)."""
    if change.is_new and record.get("resource"):
        for one in work.find(
            "facilities.booking", resource=record["resource"], start__lt=record["end"], end__gt=record["start"], limit=200
        ):
            if one["state"] in rooms.LIVE:
                work.tell(one["holder"], "What you booked will be closed at that time", one)


def span(record: Record, resource: Record) -> rooms.Span:
    """The booking's interval with the buffers of its resource."""
    return rooms.Span(record["start"], record["end"], int(resource.get("buffer_before") or 0), int(resource.get("buffer_after") or 0))


def hold_of(resource: Record, wanted: rooms.Span, but: Record | None, work: Work, *, later: bool = False) -> rooms.Hold:
    """Who has the resource around the wanted time, or with ``later`` from that time on.

    Without one booking, and without holds that nobody confirmed in time.
    """
    own = (int(resource.get("buffer_before") or 0), int(resource.get("buffer_after") or 0))
    reach = timedelta(minutes=max(wanted.before, wanted.after, *own))
    until = {} if later else {"start__lt": wanted.end + reach}
    live = work.find(
        "facilities.booking", resource=resource.id, state__in=rooms.LIVE, end__gt=wanted.start - reach, limit=MOST, **until
    )
    mine = but.get("id") if but is not None else None
    kept = [one for one in live if one.id != mine and not (one["state"] == "tentative" and work.now - one["updated_at"] > rooms.HELD)]
    return rooms.Hold(tuple(span(one, resource) for one in kept), int(resource.get("quantity") or 1))


def sharing_with(resource: Record, work: Work) -> list[Record]:
    """The resource, then all that have a part in common with it: its parts, and what they or it are parts of."""
    found = {resource.id: resource}
    waiting = list(_below((resource.id,), work))
    while waiting:
        number = waiting.pop()
        one = found.get(number) or work.get("facilities.resource", number)
        if one is None:
            continue
        found[number] = one
        wholes = work.find("facilities.resource", combines=number, limit=1000)
        waiting += [whole.id for whole in wholes if whole.id not in found and whole.id not in waiting]
    return list(found.values())


def _below(parts: tuple[int, ...], work: Work) -> set[int]:
    """These resources and everything they are made of."""
    seen: set[int] = set()
    waiting = list(parts)
    while waiting:
        number = waiting.pop()
        if number not in seen:
            seen.add(number)
            one = work.get("facilities.resource", number)
            waiting += (one.get("combines") or ()) if one is not None else ()
    return seen


def _rules(record: Record, resource: Record, change: Change, work: Work) -> dict[str, str]:
    start, end, zone = record["start"], record["end"], resource["zone"]
    minutes = rooms.elapsed_minutes(start, end)
    found: dict[str, str] = {}
    local = start.astimezone(ZoneInfo(zone))
    if resource.get("slot_minutes") and (local.hour * 60 + local.minute) % resource["slot_minutes"]:
        found["start"] = f"Bookings start every {resource['slot_minutes']} minutes, counted from midnight."
    if resource.get("min_minutes") and minutes < resource["min_minutes"]:
        found["end"] = f"A booking takes at least {resource['min_minutes']} minutes."
    if resource.get("max_minutes") and minutes > resource["max_minutes"]:
        found["end"] = f"A booking takes at most {resource['max_minutes']} minutes."
    if resource.get("max_days") and rooms.calendar_days(start, end, zone) > resource["max_days"]:
        found["end"] = f"A booking takes at most {resource['max_days']} days."
    if resource.get("min_notice") and start < change.at + timedelta(hours=resource["min_notice"]):
        found["start"] = f"Please book at least {resource['min_notice']} hours ahead."
    if resource.get("horizon_days") and start > change.at + timedelta(days=resource["horizon_days"]):
        found["start"] = f"It can be booked at most {resource['horizon_days']} days ahead."
    if not rooms.within_hours(start, end, zone, resource.get("opens") or "00:00", resource.get("closes") or "24:00"):
        found["start"] = f"It is open from {resource['opens']} to {resource['closes']} ({zone})."
    if resource.get("capacity") and int(record.get("attendees") or 0) > resource["capacity"]:
        found["attendees"] = f"There is room for {resource['capacity']}."
    if resource.get("weekly_quota"):
        monday, following = rooms.week_of(start, zone)
        mine = [
            one
            for one in work.find("facilities.booking", resource=resource.id, holder=record["holder"], start__ge=monday, start__lt=following)
            if one["state"] in ("requested", "confirmed") and one.id != record.get("id")
        ]
        if len(mine) >= resource["weekly_quota"]:
            found["start"] = f"{resource['weekly_quota']} bookings in this week are the most for one person."
    if closed := closure(resource, start, end, work):
        found["start"] = closed
    return found


def closure(resource: Record, start: datetime, end: datetime, work: Work) -> str:
    """Why the resource cannot be had at that time though nobody has it, or nothing (FA-R05)."""
    closed = work.find("facilities.blackout", start__lt=end, end__gt=start, limit=200)
    places = _places(resource, work)
    around = {place.id for place in places}
    if any(one.get("resource") == resource.id or one.get("location") in around for one in closed):
        return "It is closed at that time."
    return "The place is closed at that time." if any(_is_closed(place, start, end) for place in places) else ""


def _places(resource: Record, work: Work) -> list[Record]:
    """Where the resource is, and every place around it."""
    found: list[Record] = []
    place = work.get("facilities.location", resource.get("location"))
    while place is not None and len(found) < 20:
        found.append(place)
        place = work.get("facilities.location", place.get("parent"))
    return found


def _is_closed(place: Record, start: datetime, end: datetime) -> bool:
    if place["status"] != "closed":
        return False
    begins, ends = place.get("closed_from"), place.get("closed_to")
    return not ((ends and start >= ends) or (begins and end <= begins))
