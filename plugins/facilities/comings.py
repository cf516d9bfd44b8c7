"""Who comes and what goes out: visits and their erasure, keys, and the kilometres of vehicles (FA-R07, FA-R09, FA-R10)."""

from __future__ import annotations

from datetime import timedelta

from core import Change, Record, Refusal, Work, hookimpl, on

KEPT = timedelta(days=30)


@hookimpl(specname="before_save")
@on("facilities.visit")
def time_the_visit(record: Record, change: Change) -> None:
    """Arrival and leaving are stamped."""
    if change.transition == "arrive":
        record["arrived_at"] = change.at
    if change.transition == "leave":
        record["left_at"] = change.at


@hookimpl(specname="after_transition")
@on("facilities.visit")
def tell_the_host(record: Record, transition: str, work: Work) -> None:
    """The host learns at once that the visitor is there."""
    if transition == "arrive":
        work.tell(record["host"], "Your visitor has arrived", record)


@hookimpl(specname="allow_transition")
@on("facilities.visit")
def keep_for_a_while(record: Record, transition: str, change: Change) -> str | None:
    """A visitor's data are kept for thirty days after the visit (FA-R10)."""
    ended = record.get("left_at") or record.get("expected_to") or record["expected_from"]
    if transition == "erase" and change.at < ended + KEPT:
        return f"A visitor's data are kept until {ended + KEPT:%Y-%m-%d}."
    return None


@hookimpl(specname="after_transition")
@on("facilities.visit")
def erase_the_visitor(record: Record, transition: str, work: Work) -> None:
    """Who came is forgotten, here and in the history; that somebody came stays, and is counted (FA-R10)."""
    if transition == "erase":
        work.forget("facilities.visit", record.id)


@hookimpl(specname="after_save")
@on("facilities.key_issue")
def keep_a_copy_in_hand(record: Record, change: Change, work: Work) -> None:
    """No more issues are open than there are copies (FA-R09)."""
    if not change.is_new:
        return
    work.lock("facilities.key", record["key"])
    key = work.get("facilities.key", record["key"])
    out = [one for one in work.find("facilities.key_issue", key=record["key"], limit=500) if not one.get("returned_at")]
    if key is not None and len(out) > int(key["copies"]):
        raise Refusal("All copies of this key are out.", "key")


@hookimpl(specname="after_save")
@on("facilities.key_issue")
def change_the_lock(record: Record, change: Change, work: Work) -> None:
    """A lost key makes an order to change the locks that it opens."""
    if not record.get("lost") or not change.touches("lost"):
        return
    key = work.get("facilities.key", record["key"])
    if key is None:
        return
    for place in key.get("opens") or ():
        work.create(
            "facilities.work_order", summary=f"Change the lock: {key['number']} is lost", kind="corrective", location=place, priority="P2"
        )


@hookimpl(specname="before_save")
@on("facilities.trip")
def know_the_vehicle(record: Record, work: Work) -> None:
    """A trip is of the vehicle that was booked."""
    booking = work.get("facilities.booking", record.get("booking"))
    record["vehicle"] = booking["resource"] if booking is not None else None


@hookimpl(specname="check_record")
@on("facilities.trip")
def odometers_run_forward(record: Record, change: Change, work: Work) -> dict[str, str]:
    """A vehicle leaves with no fewer kilometres than it came back with before (FA-R07)."""
    booking = work.get("facilities.booking", record.get("booking"))
    if booking is None or record.get("out_odometer") is None or not change.touches("out_odometer"):
        return {}
    earlier = [one for one in work.find("facilities.trip", vehicle=booking["resource"], limit=50) if one.id != record.get("id")]
    shown = max((one["in_odometer"] or one["out_odometer"] for one in earlier), default=0)
    if change.is_new and record["out_odometer"] < shown:
        return {"out_odometer": f"The vehicle showed {shown} km after the last trip."}
    return {}


@hookimpl(specname="after_save")
@on("facilities.trip")
def show_the_kilometres(record: Record, work: Work) -> None:
    """The vehicle shows what it came back with."""
    vehicle = work.get("facilities.resource", record.get("vehicle"))
    if vehicle is not None and (record.get("in_odometer") or 0) > (vehicle.get("odometer") or 0):
        work.change("facilities.resource", vehicle.id, odometer=record["in_odometer"])
