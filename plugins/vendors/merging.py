"""Duplicates become one vendor, by two people, and can be taken apart again for 30 days (VE-R04)."""

from __future__ import annotations

from datetime import timedelta

from core import Change, Record, Work, hookimpl, on

UNDO = timedelta(days=30)
OWNED = ("bank_account", "document", "due_diligence", "risk_assessment", "scorecard", "contract_link", "incident", "questionnaire")


@hookimpl(specname="check_record")
@on("vendors.merge")
def two_live_vendors(record: Record, work: Work) -> dict[str, str]:
    """A merge is of two vendors, none of which was merged before."""
    found: dict[str, str] = {}
    if record.get("duplicate") and record.get("duplicate") == record.get("survivor"):
        found["survivor"] = "Choose another vendor: nothing is merged into itself."
    for name in ("duplicate", "survivor"):
        vendor = work.get("vendors.vendor", record.get(name))
        if vendor is not None and vendor.get("alias_of") and not record.get("merged_at"):
            found[name] = f"{vendor['code']} was merged already."
    return found


@hookimpl(specname="allow_transition")
@on("vendors.merge")
def merge_with_care(record: Record, transition: str, change: Change, work: Work) -> str | None:
    """Two different active accounts have to be settled first; a month ends undoing."""
    if transition == "confirm":
        mine, theirs = (work.find("vendors.bank_account", vendor=record[name], state="active") for name in ("duplicate", "survivor"))
        places = {(one["currency"], one["purpose"]): one["fingerprint"] for one in theirs}
        if any(places.get((one["currency"], one["purpose"]), one["fingerprint"]) != one["fingerprint"] for one in mine):
            return "Both vendors have an active account, and they differ: find out which is right, and retire the other."
    if transition == "undo" and record.get("merged_at") and change.at - record["merged_at"] > UNDO:
        return "A merge can be undone within 30 days only."
    return None


@hookimpl(specname="before_save")
@on("vendors.merge")
def stamp_the_merge(record: Record, change: Change) -> None:
    """Who confirmed, and when."""
    if change.transition == "confirm":
        record["confirmed_by"], record["merged_at"] = change.actor.person, change.at


@hookimpl(specname="after_transition")
@on("vendors.merge")
def move_what_belongs(record: Record, transition: str, work: Work) -> None:
    """What pointed at the duplicate points at the survivor, and back when it is undone; the duplicate stays as an alias."""
    if transition == "confirm":
        survivor = work.get("vendors.vendor", record["survivor"])
        moved = []
        for kind in OWNED:
            for one in work.find(f"vendors.{kind}", vendor=record["duplicate"], limit=1000):
                if kind == "scorecard" and work.first("vendors.scorecard", vendor=record["survivor"], period=one["period"]):
                    continue
                work.change(f"vendors.{kind}", one.id, vendor=record["survivor"])
                moved.append({"kind": kind, "record": one.id})
        work.change("vendors.merge", record.id, moved=tuple(moved))
        told = f"Merged into {survivor['code'] if survivor else record['survivor']}."
        work.change("vendors.vendor", record["duplicate"], alias_of=record["survivor"], block="all", block_reason=told)
    if transition == "undo":
        for line in record.get("moved") or ():
            if work.get(f"vendors.{line['kind']}", line["record"]) is not None:
                work.change(f"vendors.{line['kind']}", line["record"], vendor=record["duplicate"])
        work.change("vendors.vendor", record["duplicate"], alias_of=None, block="none", block_reason=None)
