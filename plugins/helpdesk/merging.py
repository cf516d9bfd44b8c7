"""Tickets become one and can be taken apart again, and parts of a ticket become tickets (HD-R16, HD-R17)."""

from __future__ import annotations

import html
import re
from datetime import timedelta

from core import Change, Panel, Record, Refusal, Work, hookimpl, on

LIVE = ("new", "open", "pending")
UNMERGE = timedelta(hours=24)
EXCERPT = 160
_TAG = re.compile(r"<[^>]*>")


@hookimpl(specname="allow_transition")
@on("helpdesk.ticket")
def undo_within_a_day(record: Record, transition: str, change: Change) -> str | None:
    """A day ends undoing a merge (HD-R16)."""
    if transition == "unmerge" and record.get("merged_at") and change.at - record["merged_at"] > UNMERGE:
        return "A merge can be undone within 24 hours only."
    return None


@hookimpl(specname="before_save")
@on("helpdesk.ticket")
def stamp_the_merge(record: Record, before: Record | None, change: Change, work: Work) -> None:
    """What is merged is open and of one requester, or of two by intent; entries that move belong to the ticket."""
    match change.transition:
        case "merge":
            _check_merge(record, work)
            record["merged_at"], record["state_before"] = change.at, before["state"] if before else None
        case "unmerge":
            record["merged_into"] = record["merged_at"] = None
        case "split":
            if wrong := [one for one in _entries(record, work) if one["ticket"] != record.id]:
                raise Refusal(f"{wrong[0]['display_title']} belongs to another ticket.", "split_entries")


@hookimpl(specname="after_transition")
@on("helpdesk.ticket")
def tell_both_sides(record: Record, transition: str, work: Work) -> None:
    """Who followed the merged ticket follows the other; an undone merge restores the state; a split makes a ticket."""
    if transition == "merge":
        target = work.get("helpdesk.ticket", record["merged_into"])
        if target is not None:
            everybody = dict.fromkeys([*(target.get("cc") or ()), record["requester"], *(record.get("cc") or ())])
            work.change("helpdesk.ticket", target.id, cc=tuple(one for one in everybody if one != target["requester"]))
    if transition == "unmerge":
        waits_on = record.get("pending_until") and record["pending_until"] > work.now
        if record.get("state_before") == "new":
            work.move("helpdesk.ticket", record.id, "take_back")
        elif record.get("state_before") == "pending" and waits_on:
            work.move(
                "helpdesk.ticket", record.id, "wait", pending_until=record["pending_until"], pending_reason=record["pending_reason"]
            )
        work.change("helpdesk.ticket", record.id, state_before=None)
    if transition == "split":
        kept = ("kind", "requester", "queue", "service", "category", "impact", "urgency", "channel", "assignee")
        made = work.create(
            "helpdesk.ticket", subject=record["split_subject"], split_from=record.id, **{name: record.get(name) for name in kept}
        )
        for one in sorted(_entries(record, work), key=lambda entry: entry.id):
            copied = {name: one.get(name) for name in ("direction", "visibility", "author", "subject", "body", "attachment", "time_spent")}
            work.create("helpdesk.article", ticket=made.id, requester=record["requester"], copied_from=one.id, **copied)
        work.change("helpdesk.ticket", record.id, split_subject=None, split_entries=())


@hookimpl(specname="record_panels")
@on("helpdesk.ticket")
def show_what_was_merged(record: Record, work: Work) -> list[Panel]:
    """Entries of merged tickets stay there and are shown here, to whoever may read them."""
    rows: list[tuple[str, str, str]] = []
    for source in reversed(work.find("helpdesk.ticket", merged_into=record["id"], limit=20)):
        rows.append((source["number"], source["subject"], f"/helpdesk/ticket/{source.id}"))
        for one in reversed(work.find("helpdesk.article", ticket=source.id, limit=20)):
            rows.append((one["number"], _plain(one.get("body") or ""), f"/helpdesk/article/{one.id}"))
    return [Panel("Merged into this ticket", rows=tuple(rows))] if rows else []


def _plain(body: str) -> str:
    text = " ".join(html.unescape(_TAG.sub(" ", body)).split())
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


def _entries(record: Record, work: Work) -> list[Record]:
    found = (work.get("helpdesk.article", number) for number in record.get("split_entries") or ())
    return [one for one in found if one is not None]


def _check_merge(record: Record, work: Work) -> None:
    target = work.get("helpdesk.ticket", record.get("merged_into"))
    if target is None or target.id == record.id:
        raise Refusal("Choose another ticket to merge into.", "merged_into")
    if target["state"] not in LIVE:
        raise Refusal(f"{target['number']} is not open any more.", "merged_into")
    if target["requester"] != record["requester"] and not record.get("merge_across"):
        raise Refusal(f"{target['number']} belongs to another requester: tick that both know, or choose another.", "merged_into")
