"""Facilities: orders that follow requests and schedules, costs and scores that add up; bookings are in reserving."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from core import Change, DemoWork, Money, Panel, Record, Refusal, Work, hookimpl, on
from plugins.directory.calendar import is_zone
from plugins.facilities import inspections, maintenance
from plugins.facilities.comings import (
    change_the_lock,
    erase_the_visitor,
    keep_a_copy_in_hand,
    keep_for_a_while,
    know_the_vehicle,
    odometers_run_forward,
    show_the_kilometres,
    tell_the_host,
    time_the_visit,
)
from plugins.facilities.demo import fill
from plugins.facilities.reliability import reliability
from plugins.facilities.reserving import (
    check_the_booking,
    check_the_resource,
    confirm_in_order,
    hold_the_buffers,
    list_who_is_affected,
    say_how_long_it_is_held,
    take_the_slot,
    tell_who_is_affected,
)
from plugins.facilities.series import book_the_series, leave_the_date_out, move_the_series, understand_the_plan, understand_the_rule

__all__ = [
    "book_the_series",
    "change_the_lock",
    "check_the_booking",
    "check_the_resource",
    "confirm_in_order",
    "erase_the_visitor",
    "hold_the_buffers",
    "keep_a_copy_in_hand",
    "keep_for_a_while",
    "know_the_vehicle",
    "leave_the_date_out",
    "list_who_is_affected",
    "move_the_series",
    "odometers_run_forward",
    "say_how_long_it_is_held",
    "show_the_kilometres",
    "take_the_slot",
    "tell_the_host",
    "tell_who_is_affected",
    "time_the_visit",
    "understand_the_plan",
    "understand_the_rule",
]

ORDER = ("site", "building", "floor", "room", "desk")
CENT = Decimal("0.01")
OPEN_ORDERS = ("draft", "planned", "assigned", "in_progress", "on_hold", "done")


@hookimpl(specname="check_record")
@on("facilities.location")
def keep_places_in_order(record: Record, change: Change, work: Work) -> dict[str, str]:
    """A site holds buildings, a building floors, a floor rooms and zones, a room desks; the time zone is known."""
    found: dict[str, str] = {}
    if record.get("zone") and not is_zone(record["zone"]):
        found["zone"] = "This time zone is not known: write it as Europe/Berlin."
    if record.get("kind"):
        found |= _misplaced(record, change, work)
    return found


@hookimpl(specname="after_save")
@on("facilities.location")
def keep_the_order_together(record: Record, change: Change, work: Work) -> None:
    """The same under the lock of the place above: nobody may have changed what it is meanwhile."""
    if change.touches("kind") or change.touches("parent"):
        work.lock("facilities.location", *filter(None, [record.get("parent")]))
        for field, sentence in _misplaced(record, change, work).items():
            raise Refusal(sentence, field)


@hookimpl(specname="check_record")
@on("facilities.meter_reading")
def meters_run_forward(record: Record, work: Work) -> dict[str, str]:
    """A reading is not below the one before, unless the meter was replaced or rolled over."""
    if record.get("replaced") or any(record.get(name) is None for name in ("asset", "meter", "at", "value")):
        return {}
    earlier = work.find("facilities.meter_reading", asset=record["asset"], meter=record["meter"], at__le=record["at"], limit=200)
    highest = max(earlier, key=lambda one: one["at"], default=None)
    if highest is not None and record["value"] < highest["value"]:
        return {"value": f"The meter showed {highest['value']} before: tick that it was replaced if it was."}
    return {}


@hookimpl(specname="before_save")
@on("facilities.request")
def rank_the_request(record: Record, change: Change, work: Work) -> None:
    """The category gives the priority, danger makes it P1."""
    category = work.get("facilities.category", record.get("category"))
    record["priority"] = "P1" if record.get("safety") else (category["priority"] if category else "P3")
    if change.transition == "finish":
        record["done_at"] = change.at


@hookimpl(specname="allow_transition")
@on("facilities.request")
def refuse_in_time(record: Record, transition: str, change: Change) -> str | None:
    """A fix may be refused within five days."""
    if transition == "refuse" and record.get("done_at") and change.at - record["done_at"] > timedelta(days=5):
        return "It was done more than 5 days ago: please report it again."
    return None


@hookimpl(specname="after_transition")
@on("facilities.request")
def order_the_work(record: Record, transition: str, work: Work) -> None:
    """A planned request has a work order; a refused fix makes a linked rework order."""
    if transition not in ("plan", "refuse") or (transition == "plan" and record.get("work_order")):
        return
    earlier = record.get("work_order")
    order = work.create(
        "facilities.work_order",
        summary=record["summary"],
        kind="corrective",
        location=record["location"],
        asset=record.get("asset"),
        description=record.get("description"),
        priority=record["priority"],
        rework_of=earlier if transition == "refuse" else None,
        requested_by=record["requester"],
    )
    work.change("facilities.request", record.id, work_order=order.id)


@hookimpl(specname="before_save")
@on("facilities.work_order")
def add_up_the_costs(record: Record, change: Change) -> None:
    """Labour by the minute, parts by quantity and what others charged make the order's cost."""
    currency = "EUR"
    total = Decimal(0)
    labour = []
    for line in record.get("labour") or ():
        minutes = max(0, int((line["end"] - line["start"]).total_seconds() // 60))
        currency = line["rate"].currency
        cost = (line["rate"].amount * minutes / 60).quantize(CENT, "ROUND_HALF_UP")
        labour.append({**line, "minutes": minutes, "cost": Money(cost, currency)})
        total += cost
    parts = []
    for line in record.get("parts") or ():
        currency = line["price"].currency
        cost = (line["price"].amount * line["quantity"]).quantize(CENT, "ROUND_HALF_UP")
        parts.append({**line, "cost": Money(cost, currency)})
        total += cost
    if labour:
        record["labour"] = tuple(labour)
    if parts:
        record["parts"] = tuple(parts)
    if record.get("external_cost"):
        currency = record["external_cost"].currency
        total += record["external_cost"].amount
    record["total_cost"] = Money(total, currency) if labour or parts or record.get("external_cost") else None
    if change.transition == "finish":
        record["done_at"], record["done_by"] = change.at, change.actor.person
    if change.transition == "resume":
        record["hold_reason"] = None


@hookimpl(specname="check_record")
@on("facilities.work_order")
def costs_in_one_currency(record: Record) -> dict[str, str]:
    """All costs of an order are in one currency, and working time runs forward."""
    seen = {line["rate"].currency for line in record.get("labour") or () if line.get("rate")}
    seen |= {line["price"].currency for line in record.get("parts") or () if line.get("price")}
    if record.get("external_cost"):
        seen.add(record["external_cost"].currency)
    found: dict[str, str] = {}
    if len(seen) > 1:
        found["external_cost"] = f"The costs of one order are in one currency, not in {' and '.join(sorted(seen))}."
    if any(line["end"] <= line["start"] for line in record.get("labour") or () if line.get("end") and line.get("start")):
        found["labour"] = "Working time must end after it starts."
    return found


@hookimpl(specname="allow_transition")
@on("facilities.work_order")
def finish_properly(record: Record, transition: str, change: Change) -> str | None:
    """Mandatory checks, failure codes and a second pair of eyes where they are due."""
    if transition == "finish":
        for line in record.get("checklist") or ():
            if line.get("mandatory") and not line.get("result"):
                return f'"{line["task"]}" has to be checked first.'
            if line.get("answer") == "value" and line.get("result") and not line.get("note") and _outside(line):
                return f'"{line["task"]}" is outside its limits: write a note.'
        if record["kind"] == "corrective" and record.get("asset") and not record.get("failure_code"):
            return "Give the failure code: the order is about equipment."
    if transition == "verify" and (record.get("statutory") or record["priority"] == "P1"):
        person = change.actor.person
        if person is not None and person in (record.get("done_by"), record.get("assignee")):
            return "Somebody else than the technician has to verify this order."
    return None


@hookimpl(specname="after_transition")
@on("facilities.work_order")
def tell_request_and_schedule(record: Record, transition: str, work: Work) -> None:
    """The technician learns of a new order; a finished one finishes its request, and its schedule learns the completion."""
    if transition == "assign":
        work.tell(record.get("assignee"), "You have been given a work order", record)
    if transition != "verify":
        return
    for request in work.find("facilities.request", work_order=record.id, state="planned"):
        work.move("facilities.request", request.id, "finish")
    if record.get("schedule") and record.get("done_at"):
        work.change("facilities.maintenance_schedule", record["schedule"], last_done=record["done_at"].date())


@hookimpl(specname="before_save")
@on("facilities.maintenance_schedule")
def say_when_it_is_due(record: Record, work: Work) -> None:
    """Fixed schedules keep their grid, floating ones count from the completion, meters predict (FA-R11)."""
    dates: list[date] = []
    if record["trigger"] in ("calendar", "both"):
        dates.append(maintenance.next_due(record["mode"], record["anchor"], record["every"], record["unit"], record.get("last_done")))
    if record["trigger"] in ("meter", "both") and record.get("asset") and record.get("meter_every"):
        readings = work.find("facilities.meter_reading", asset=record["asset"], meter=record["meter"], limit=200)
        due_value = (record.get("last_service_value") or Decimal(0)) + record["meter_every"]
        day = maintenance.predicted([(one["at"].date(), one["value"]) for one in readings], due_value)
        dates += [day] if day else []
    record["next_due"] = min(dates, default=None)


@hookimpl(specname="after_save")
@on("facilities.maintenance_schedule")
def make_the_next_order(record: Record, work: Work) -> None:
    """At most one open order for each schedule; asking again while one is open counts as skipped."""
    if not record.get("order_now"):
        return
    is_open = any(order["state"] in OPEN_ORDERS for order in work.find("facilities.work_order", schedule=record.id))
    if is_open:
        work.change("facilities.maintenance_schedule", record.id, order_now=False, skipped=int(record.get("skipped") or 0) + 1)
        return
    asset = work.get("facilities.asset", record.get("asset"))
    place = record.get("location") or (asset["location"] if asset else None)
    if place is None:
        raise Refusal("The schedule needs equipment or a place before an order can be made.", "location")
    day = record.get("next_due") or work.today
    work.create(
        "facilities.work_order",
        summary=record["name"],
        kind="preventive",
        location=place,
        asset=record.get("asset"),
        schedule=record.id,
        description=record.get("instruction"),
        statutory=bool(record.get("statutory")),
        due=datetime(day.year, day.month, day.day, 16, 0, tzinfo=work.now.tzinfo),
    )
    work.change("facilities.maintenance_schedule", record.id, order_now=False)


@hookimpl(specname="before_save")
@on("facilities.inspection")
def score_the_inspection(record: Record) -> None:
    """Weights decide the score, a critical failure fails it (FA-R08)."""
    lines = [(int(one["weight"]), one.get("result"), bool(one.get("critical"))) for one in record.get("lines") or ()]
    record["score"], record["outcome"] = inspections.score(lines)


@hookimpl(specname="check_record")
@on("facilities.inspection")
def explain_what_failed(record: Record) -> dict[str, str]:
    """What did not pass needs a comment."""
    bare = [one["point"] for one in record.get("lines") or () if one.get("result") in ("partial", "fail") and not one.get("comment")]
    return {"lines": f"Say what is wrong with: {', '.join(bare)}."} if bare else {}


@hookimpl(specname="after_transition")
@on("facilities.inspection")
def follow_up(record: Record, transition: str, work: Work) -> None:
    """A failed inspection makes a work order."""
    if transition == "fail" and not record.get("follow_up"):
        order = work.create(
            "facilities.work_order", summary=f"Follow up {record['number']}", kind="corrective", location=record["location"], priority="P2"
        )
        work.change("facilities.inspection", record.id, follow_up=order.id)


@hookimpl(specname="allow_transition")
@on("facilities.work_order")
def within_its_grace(record: Record, transition: str, change: Change, work: Work) -> str | None:
    """What the law demands is moved within the days of grace of its schedule."""
    schedule = work.get("facilities.maintenance_schedule", record.get("schedule")) if transition == "reschedule" else None
    if schedule is None or not record.get("statutory") or schedule.get("next_due") is None:
        return None
    latest = schedule["next_due"] + timedelta(days=int(schedule.get("grace_days") or 0))
    if record["due"].date() > latest:
        return f"The law demands it, and its days of grace end on {latest.isoformat()}."
    return None


@hookimpl(specname="record_panels")
@on("facilities.asset")
def say_how_reliable_it_is(record: Record, work: Work) -> list[Panel]:
    """Failures of the last year, from the orders that say since when and until when the equipment stood still."""
    begin = work.now - timedelta(days=365)
    orders = work.find("facilities.work_order", asset=record["id"], kind="corrective", downtime_end__ge=begin, limit=500)
    hours = [
        Decimal(int((one["downtime_end"] - max(one["downtime_start"], begin)).total_seconds())) / 3600
        for one in orders
        if one.get("downtime_start") and one.get("downtime_end")
    ]
    if not hours:
        return []
    found = reliability(Decimal(365 * 24), hours)
    return [
        Panel(
            "Reliability in the last year",
            rows=(
                ("Failures", str(found.failures)),
                ("Mean time to repair", f"{found.repair} h"),
                ("Mean time between failures", f"{found.between} h"),
                ("Availability", f"{found.availability} %"),
            ),
        )
    ]


@hookimpl
def demo(work: DemoWork) -> None:
    """Three sites with rooms, equipment, requests, orders and bookings."""
    fill(work)


def _misplaced(record: Record, change: Change, work: Work) -> dict[str, str]:
    above = work.get("facilities.location", record.get("parent"))
    if above is not None and _level(record) <= _level(above):
        return {"parent": f"A {record['kind']} cannot lie inside a {above['kind']}."}
    inside = work.find("facilities.location", parent=record["id"], limit=1000) if record.get("id") and change.touches("kind") else []
    if wrong := [one for one in inside if _level(one) <= _level(record)]:
        return {"kind": f"{wrong[0]['code']} lies inside: a {wrong[0]['kind']} cannot lie inside a {record['kind']}."}
    return {}


def _level(place: Record) -> int:
    return ORDER.index({"zone": "room", "parking": "building", "outdoor": "building"}.get(place["kind"], place["kind"]))


def _outside(line: Record | dict[str, object]) -> bool:
    try:
        value = Decimal(str(line["result"]).replace(",", "."))
    except ArithmeticError:
        return True
    low, high = line.get("low"), line.get("high")
    return (isinstance(low, Decimal) and value < low) or (isinstance(high, Decimal) and value > high)
