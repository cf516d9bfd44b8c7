"""Helpdesk: tickets find their priority and their agent, catalogue requests their tasks, changes their risk."""

from __future__ import annotations

from datetime import datetime, timedelta

from core import Change, DemoWork, Record, Work, hookimpl, on
from plugins.directory.calendar import WorkingCalendar, of_record, working_days_after
from plugins.helpdesk import assignment, priority, risk, staff
from plugins.helpdesk.demo import fill
from plugins.helpdesk.knowledge import close_a_problem_with_care, know_the_placeholders, name_the_reviewer
from plugins.helpdesk.merging import show_what_was_merged, stamp_the_merge, tell_both_sides, undo_within_a_day

__all__ = [
    "close_a_problem_with_care",
    "know_the_placeholders",
    "name_the_reviewer",
    "show_what_was_merged",
    "stamp_the_merge",
    "tell_both_sides",
    "undo_within_a_day",
]

LIVE = ("new", "open", "pending")
REOPEN = timedelta(days=7)
PATIENCE = 3
"""Working days for which a ticket waits for its requester when nobody says until when."""
DEPTH = 3
WEEKDAYS_ONLY = WorkingCalendar("UTC", dict.fromkeys(range(5), (("09:00", "17:00"),)))


@hookimpl(specname="before_save")
@on("helpdesk.ticket")
def sort_the_ticket(record: Record, change: Change, work: Work) -> None:
    """The matrix decides the priority unless a team lead overrides it (HD-R01); a free queue finds an agent (HD-R09)."""
    if not record.get("queue"):
        record["queue"] = _queue_for(record, work)
    if change.is_new and record.get("catalog_item"):
        item = work.get("helpdesk.catalog_item", record["catalog_item"])
        record["catalog_version"] = item.get("published_version") if item is not None else None
    record["priority"] = record.get("priority_override") or priority.priority(record["impact"], record["urgency"])
    if change.is_new and record.get("answered_on_phone") and record.get("channel") == "phone":
        record["first_response_at"] = change.at
    if change.is_new and not record.get("assignee"):
        record["assignee"] = _agent_for(record, work)


@hookimpl(specname="check_record")
@on("helpdesk.ticket")
def check_the_people(record: Record, change: Change, work: Work) -> dict[str, str]:
    """The assignee belongs to the queue's team (HD-R08), a category is a leaf, parts are at most three deep."""
    found: dict[str, str] = {}
    if record.get("assignee") and (change.touches("assignee") or change.touches("queue")):
        queue = work.get("helpdesk.queue", record["queue"])
        team = work.get("directory.team", queue["team"]) if queue else None
        person = work.get("directory.person", record["assignee"])
        if team is not None and record["assignee"] not in (team.get("members") or ()):
            found["assignee"] = "This person does not work in the ticket's queue."
        elif person is None or not staff.works_here(person, work.today):
            found["assignee"] = "This person does not work here any more."
    if record.get("parent") and change.touches("parent"):
        above, level = record["parent"], 1
        while above and level <= DEPTH:
            ticket = work.get("helpdesk.ticket", above)
            above, level = (ticket.get("parent") if ticket else None), level + 1
        if level > DEPTH:
            found["parent"] = f"Tickets can be parts of each other at most {DEPTH} levels deep."
    return found


@hookimpl(specname="allow_transition")
@on("helpdesk.ticket")
def hold_the_ticket(record: Record, transition: str, change: Change, work: Work) -> str | None:
    """Open tasks and parts hold a resolution, a week ends reopening, a major incident is reviewed before it is closed (HD 1.3)."""
    if transition == "resolve":
        tasks = work.find("helpdesk.request_task", ticket=record.id, mandatory=True)
        waiting = [task["title"] for task in tasks if task["state"] not in ("done", "skipped")]
        if waiting:
            return f"These tasks are still open: {', '.join(waiting)}."
        if record.get("block_on_children") and any(part["state"] in LIVE for part in work.find("helpdesk.ticket", parent=record.id)):
            return "Parts of this ticket are still open."
    if transition == "reopen" and record.get("resolved_at") and change.at - record["resolved_at"] > REOPEN:
        return "It was resolved more than 7 days ago: please report a new ticket."
    if transition == "close" and record.get("major") and not record.get("review_note"):
        return "A major incident is reviewed first: write the review note."
    return None


@hookimpl(specname="before_save")
@on("helpdesk.ticket")
def stamp_the_move(record: Record, change: Change, work: Work) -> None:
    """Moves leave their time behind; a reopened ticket counts it."""
    match change.transition:
        case "take":
            record["assignee"] = change.actor.person
        case "resolve":
            record["resolved_at"] = change.at
            record["first_resolved_at"] = record.get("first_resolved_at") or change.at
            record["first_response_at"] = record.get("first_response_at") or change.at
        case "reopen":
            record["reopen_count"] = int(record.get("reopen_count") or 0) + 1
            record["resolved_at"] = None
        case "close":
            record["closed_at"] = change.at
        case "wait" if not record.get("pending_until"):
            record["pending_until"] = _in_three_days(record, work)
        case "resume":
            record["pending_until"] = record["pending_reason"] = None


@hookimpl(specname="after_save")
@on("helpdesk.ticket")
def begin_the_work(record: Record, before: Record | None, change: Change, work: Work) -> None:
    """Whoever is given the ticket is told, the round robin moves on, a catalogue request gets its tasks at the version it starts with."""
    if record.get("assignee") and change.touches("assignee"):
        work.tell(record["assignee"], "You have been given a ticket", record)
    if not change.is_new:
        return
    if record.get("assignee"):
        queue = work.get("helpdesk.queue", record["queue"])
        if queue and queue.get("assignment") == "round_robin":
            work.change("helpdesk.queue", queue.id, last_assigned=record["assignee"])
    if record.get("catalog_item"):
        item = work.get("helpdesk.catalog_item", record["catalog_item"])
        made: dict[int, int] = {}
        for line in sorted(item.get("tasks") or () if item else (), key=lambda one: one["order"]):
            task = work.create(
                "helpdesk.request_task",
                ticket=record.id,
                title=line["title"],
                queue=line["queue"],
                order=line["order"],
                depends_on=made.get(line.get("after") or 0),
            )
            made[line["order"]] = task.id


@hookimpl(specname="after_save")
@on("helpdesk.article")
def tell_the_other_side(record: Record, change: Change, work: Work) -> None:
    """An answer is told to those it goes to, what the requester writes to the assignee; notes are told to nobody."""
    ticket = work.get("helpdesk.ticket", record["ticket"]) if change.is_new else None
    if ticket is None or record["visibility"] != "public" or record.get("copied_from"):
        return
    if record["direction"] == "out":
        work.tell((record.get("recipient"), *(record.get("copies") or ())), "There is an answer to a ticket", ticket)
    elif record["direction"] == "in":
        work.tell(ticket.get("assignee"), "The requester wrote to a ticket of yours", ticket)


@hookimpl(specname="after_save")
@on("directory.person")
def free_the_tickets(record: Record, change: Change, work: Work) -> None:
    """Whoever leaves has no open ticket: those go back to their queue (HD-R08)."""
    if (change.touches("active") or change.touches("end")) and not staff.works_here(record, work.today):
        for ticket in work.find("helpdesk.ticket", assignee=record.id, state__in=LIVE, limit=1000):
            work.change("helpdesk.ticket", ticket.id, assignee=None)


@hookimpl(specname="allow_transition")
@on("helpdesk.request_task")
def keep_the_order(record: Record, transition: str, work: Work) -> str | None:
    """A task waits for the one it depends on."""
    if transition in ("start", "finish") and record.get("depends_on"):
        first = work.get("helpdesk.request_task", record["depends_on"])
        if first and first["state"] not in ("done", "skipped"):
            return f'"{first["title"]}" has to be done first.'
    return None


@hookimpl(specname="after_save")
@on("helpdesk.article")
def note_the_first_answer(record: Record, change: Change, work: Work) -> None:
    """The first public answer of an agent is the first response (HD-R03); a note or an incoming text is not."""
    if record["direction"] == "out" and record["visibility"] == "public":
        ticket = work.get("helpdesk.ticket", record["ticket"])
        if ticket and not ticket.get("first_response_at") and record.get("author") != ticket["requester"]:
            work.change("helpdesk.ticket", ticket.id, first_response_at=change.at)


@hookimpl(specname="before_save")
@on("helpdesk.article")
def tell_notes_from_answers(record: Record, change: Change, work: Work) -> None:
    """What a requester writes is public and incoming; an internal note never becomes public (HD-R15)."""
    ticket = work.get("helpdesk.ticket", record["ticket"])
    if ticket and change.actor.person is not None and ticket["requester"] == change.actor.person:
        record["direction"], record["visibility"] = "in", "public"
    elif record["direction"] == "internal":
        record["visibility"] = "internal"
    if ticket is None or (record["direction"], record["visibility"]) != ("out", "public"):
        record["recipient"], record["copies"] = None, ()
    elif change.is_new:
        # Whoever wrote last is not who is answered: the requester is, and whoever was to be informed (HD-R11).
        record["recipient"] = record.get("recipient") or ticket["requester"]
        record["copies"] = record.get("copies") or tuple(one for one in ticket.get("cc") or () if one != record["recipient"])


@hookimpl(specname="before_save")
@on("helpdesk.change")
def weigh_the_change(record: Record, change: Change, work: Work) -> None:
    """The questionnaire decides the risk; moves leave their time and who approved."""
    record["risk"] = risk.risk([int(line["points"]) for line in record.get("risk_answers") or ()])
    match change.transition:
        case "approve" | "fast_track":
            record["approved_by"] = change.actor.person
        case "start":
            record["actual_start"] = change.at
        case "finish" | "back_out":
            record["actual_end"] = change.at


@hookimpl(specname="allow_transition")
@on("helpdesk.change")
def keep_changes_apart(record: Record, transition: str, change: Change, work: Work) -> str | None:
    """High risk needs three people, a freeze needs a reason, and two changes of one service may not meet (HD 1.3)."""
    person = change.actor.person
    if record.get("risk") == "high" and person is not None:
        if transition in ("approve", "fast_track") and person == record.get("implementer"):
            return "A change of high risk is approved by somebody who does not implement it."
        if transition == "start" and person in (record.get("requester"), record.get("approved_by")):
            return "A change of high risk is implemented by somebody who neither asked for it nor approved it."
    if transition == "schedule":
        services = set(record.get("services") or ())
        for freeze in work.find("helpdesk.change_freeze", limit=200):
            frozen = set(freeze.get("services") or ())
            meets = record["planned_start"] < freeze["end"] and freeze["start"] < record["planned_end"]
            if meets and (not frozen or frozen & services) and not record.get("freeze_override"):
                return f'"{freeze["name"]}" forbids changes at that time: plan another, or give the reason for an exception.'
        if record.get("risk") == "high":
            for other in work.find("helpdesk.change", state="scheduled", limit=200):
                if (
                    other.id != record.id
                    and set(other.get("services") or ()) & services
                    and record["planned_start"] < other["planned_end"]
                    and other["planned_start"] < record["planned_end"]
                ):
                    return f"{other['number']} changes the same service at that time."
    return None


@hookimpl(specname="before_save")
@on("helpdesk.catalog_item")
def count_the_versions(record: Record, change: Change) -> None:
    """Each publication is a version."""
    if change.transition == "publish":
        record["published_version"] = int(record.get("published_version") or 0) + 1


@hookimpl
def demo(work: DemoWork) -> None:
    """A year of tickets in three queues."""
    fill(work)


def _queue_for(record: Record, work: Work) -> int | None:
    """The queue of the service, else the one that takes what nobody sorted; whoever asks need not know queues."""
    service = work.get("helpdesk.service", record.get("service"))
    if service is not None and service.get("queue"):
        return int(service["queue"])
    found = work.first("helpdesk.queue", takes_all=True, active=True)
    return found.id if found is not None else None


def _agent_for(record: Record, work: Work) -> int | None:
    queue = work.get("helpdesk.queue", record.get("queue"))
    if queue is None or queue.get("assignment") not in ("round_robin", "least_open", "skill"):
        return None
    team = work.get("directory.team", queue["team"])
    people = [work.get("directory.person", person) for person in (team.get("members") or () if team else ())]
    here = [one for one in people if one is not None and _on_shift(one, queue, team, work)]
    if queue["assignment"] == "skill":
        wanted = [work.get("helpdesk.category", record.get("category")), work.get("helpdesk.service", record.get("service"))]
        here = [one for one in here if assignment.knows(one.get("skills"), [thing["name"] for thing in wanted if thing is not None])]
    members = [one.id for one in here]
    load = {person: work.count("helpdesk.ticket", assignee=person, state__in=LIVE) for person in members}
    if queue["assignment"] == "round_robin":
        return assignment.next_in_turn(members, queue.get("last_assigned"), load, queue.get("max_open"))
    return assignment.least_open(members, load, queue.get("max_open"))


def _in_three_days(record: Record, work: Work) -> datetime:
    """Three working days from now by the queue's calendar, else from Monday to Friday."""
    queue = work.get("helpdesk.queue", record.get("queue"))
    calendar = work.get("directory.calendar", queue.get("calendar") if queue is not None else None)
    hours = of_record(calendar) if calendar is not None else WEEKDAYS_ONLY
    return datetime.combine(working_days_after(hours, work.today, PATIENCE), work.now.timetz())


def _on_shift(person: Record, queue: Record, team: Record | None, work: Work) -> bool:
    """Whether the person works here, and now: by the own calendar, else by the queue's, else by the team's."""
    number = person.get("calendar") or queue.get("calendar") or (team.get("calendar") if team else None)
    return staff.works_here(person, work.today) and staff.works_now(work.get("directory.calendar", number), work.now)
