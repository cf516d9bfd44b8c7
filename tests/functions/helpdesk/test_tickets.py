"""Tickets, catalogue requests, knowledge and changes as their people meet them, through the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pytest

from core.access.actor import Actor
from core.errors import BackofficeError, Conflict, Forbidden, Invalid
from core.facts import Record
from core.testing import World

SERIAL = count(1)


@dataclass(frozen=True)
class Desk:
    """A queue with two agents, their lead, and somebody who asks."""

    queue: int
    first: int
    second: int
    agent: Actor
    lead: Actor
    asker: Actor


@pytest.fixture
def desk(app: World, actor: Callable[..., Actor]) -> Desk:
    number = next(SERIAL)
    first, second = app.person().id, app.person().id
    team = app.create("directory.team", name=f"Team {number}", members=(first, second))
    queue = app.create("helpdesk.queue", name=f"Queue {number}", team=team.id)
    agent = app.actor("helpdesk.agent", person=first)
    return Desk(queue.id, first, second, agent, actor("helpdesk.team_lead"), actor("helpdesk.requester"))


def ticket(app: World, desk: Desk, **more: object) -> Record:
    return app.create(
        "helpdesk.ticket", by=desk.lead, **({"subject": "Printer", "requester": desk.asker.person, "queue": desk.queue} | more)
    )


def resolved(app: World, desk: Desk, made: Record) -> Record:
    code = app.create("helpdesk.resolution_code", code=f"C{next(SERIAL)}", name="Mended")
    app.move("helpdesk.ticket", made, "assign", by=desk.agent, assignee=desk.first)
    return app.move("helpdesk.ticket", made, "resolve", by=desk.agent, resolution_code=code.id, resolution="<p>Done.</p>")


def test_hd_r08_the_assignee_works_in_the_queue(app: World, desk: Desk) -> None:
    with pytest.raises(Invalid) as refused:
        ticket(app, desk, assignee=app.person().id)
    assert "does not work in the ticket's queue" in str(refused.value.errors["assignee"])


def test_hd_r09_the_round_robin_takes_turns(app: World, desk: Desk) -> None:
    app.change("helpdesk.queue", desk.queue, assignment="round_robin")
    turns = [ticket(app, desk)["assignee"] for _ in range(4)]
    assert sorted(turns[:2]) == sorted([desk.first, desk.second])
    assert turns[:2] == turns[2:]


def test_hd_r16_a_merge_is_undone_within_a_day(app: World, desk: Desk) -> None:
    target, one, other = ticket(app, desk), ticket(app, desk), ticket(app, desk)
    strange = ticket(app, desk, requester=desk.second)
    with pytest.raises(BackofficeError):
        app.move("helpdesk.ticket", strange, "merge", by=desk.lead, merged_into=target.id)
    for made in (one, other):
        app.move("helpdesk.ticket", made, "merge", by=desk.lead, merged_into=target.id)
    app.clock.advance(hours=23)
    assert app.move("helpdesk.ticket", one, "unmerge", by=desk.lead, reason="Another thing.")["merged_into"] is None
    app.clock.advance(hours=2)
    with pytest.raises(Conflict):
        app.move("helpdesk.ticket", other, "unmerge", by=desk.lead, reason="Too late.")


def test_hd_r16_an_undone_merge_restores_the_state_before_it(app: World, desk: Desk) -> None:
    target, fresh, waiting = ticket(app, desk), ticket(app, desk), ticket(app, desk)
    until = app.clock.now() + timedelta(days=2)
    app.move("helpdesk.ticket", waiting, "assign", by=desk.agent, assignee=desk.first)
    app.move("helpdesk.ticket", waiting, "wait", by=desk.agent, pending_reason="requester", pending_until=until)
    for made in (fresh, waiting):
        app.move("helpdesk.ticket", made, "merge", by=desk.agent, merged_into=target.id)
        app.move("helpdesk.ticket", made, "unmerge", by=desk.agent, reason="Another thing.")
    assert app.get("helpdesk.ticket", fresh)["state"] == "new"
    again = app.get("helpdesk.ticket", waiting)
    assert (again["state"], again["pending_reason"], again["pending_until"]) == ("pending", "requester", until)


def test_hd_r17_chosen_entries_become_a_ticket_of_their_own(app: World, desk: Desk) -> None:
    made, other = ticket(app, desk, impact="1", urgency="1"), ticket(app, desk)
    app.move("helpdesk.ticket", made, "assign", by=desk.agent, assignee=desk.first)
    said = [
        app.create("helpdesk.article", by=desk.agent, ticket=made.id, direction="in", visibility="public", body=f"<p>{text}</p>")
        for text in ("The printer.", "And the phone.")
    ]
    strange = app.create("helpdesk.article", by=desk.agent, ticket=other.id, body="<p>Else.</p>")
    with pytest.raises(Invalid) as refused:
        app.move("helpdesk.ticket", made, "split", by=desk.agent, split_subject="Phone", split_entries=(strange.id,))
    assert "belongs to another ticket" in str(refused.value.errors["split_entries"])
    app.move("helpdesk.ticket", made, "split", by=desk.agent, split_subject="Phone", split_entries=(said[1].id,))
    part = app.find("helpdesk.ticket", split_from=made.id)[0]
    assert (part["subject"], part["requester"], part["priority"]) == ("Phone", made["requester"], "P1")
    copies = app.find("helpdesk.article", ticket=part.id)
    assert [(one["body"], one["copied_from"]) for one in copies] == [("<p>And the phone.</p>", said[1].id)]
    source = app.get("helpdesk.ticket", made)
    assert (source["state"], source["split_subject"], source["split_entries"]) == ("open", None, ())


def test_hd_r09_nobody_gets_a_ticket_who_left_or_is_off_shift(app: World, desk: Desk) -> None:
    app.change("helpdesk.queue", desk.queue, assignment="round_robin")
    app.change("directory.person", desk.first, active=False)
    assert [ticket(app, desk)["assignee"] for _ in range(2)] == [desk.second] * 2
    hours = [{"weekday": "monday", "start": "10:00", "end": "18:00"}]
    night = app.create("directory.calendar", code=f"N{next(SERIAL)}", name="Late", zone="Europe/Berlin", weekly=hours)
    app.change("directory.person", desk.second, calendar=night.id)
    # It is Monday, 9 o'clock in London and 11 in Berlin; an hour earlier nobody is there, and the ticket waits for somebody.
    assert ticket(app, desk)["assignee"] == desk.second
    app.clock.advance(hours=-2)
    assert ticket(app, desk)["assignee"] is None


def test_hd_r08_whoever_leaves_has_no_open_ticket(app: World, desk: Desk) -> None:
    made, solved = ticket(app, desk, assignee=desk.first), resolved(app, desk, ticket(app, desk))
    app.change("directory.person", desk.first, active=False)
    assert app.get("helpdesk.ticket", made)["assignee"] is None
    assert app.get("helpdesk.ticket", solved)["assignee"] == desk.first
    with pytest.raises(Invalid) as refused:
        app.move("helpdesk.ticket", made, "assign", by=desk.lead, assignee=desk.first)
    assert "does not work here any more" in str(refused.value.errors["assignee"])


def test_hd_1_3_a_ticket_is_reopened_within_a_week(app: World, desk: Desk) -> None:
    made = resolved(app, desk, ticket(app, desk))
    app.clock.advance(days=6)
    made = app.move("helpdesk.ticket", made, "reopen", by=desk.asker, reason="Again.")
    assert app.get("helpdesk.ticket", made)["reopen_count"] == 1
    made = resolved(app, desk, made)
    app.clock.advance(days=8)
    with pytest.raises(Conflict, match="more than 7 days"):
        app.move("helpdesk.ticket", made, "reopen", by=desk.asker, reason="Again.")


def test_a_catalogue_request_makes_its_tasks_in_order(app: World, desk: Desk) -> None:
    item = app.create(
        "helpdesk.catalog_item",
        name=f"Laptop {next(SERIAL)}",
        owner=desk.first,
        tasks=(
            {"order": 1, "title": "Order it", "queue": desk.queue},
            {"order": 2, "title": "Install it", "queue": desk.queue, "after": 1},
        ),
    )
    app.move("helpdesk.catalog_item", item, "publish")
    made = ticket(app, desk, catalog_item=item.id, kind="request")
    first, second = app.find("helpdesk.request_task", ticket=made.id)
    assert (first["title"], second["title"], second["depends_on"]) == ("Order it", "Install it", first.id)
    with pytest.raises(Conflict, match="has to be done first"):
        app.move("helpdesk.request_task", second, "start", by=desk.agent)
    with pytest.raises(Conflict, match="still open"):
        resolved(app, desk, made)
    for task in (first, second):
        app.move("helpdesk.request_task", task, "finish", by=desk.agent)
    code = app.create("helpdesk.resolution_code", code=f"C{next(SERIAL)}", name="Delivered")
    done = app.move("helpdesk.ticket", made, "resolve", by=desk.agent, resolution_code=code.id, resolution="<p>Here.</p>")
    assert done["state"] == "resolved"


def test_hd_r15_a_requester_sees_no_internal_note_and_hd_r03_the_first_answer_counts(app: World, desk: Desk) -> None:
    made = ticket(app, desk)
    note = {"ticket": made.id, "direction": "internal", "visibility": "internal", "body": "<p>Between us.</p>"}
    app.create("helpdesk.article", by=desk.agent, **note)
    assert app.get("helpdesk.ticket", made)["first_response_at"] is None
    app.create("helpdesk.article", by=desk.agent, ticket=made.id, direction="out", visibility="public", body="<p>We look.</p>")
    assert app.get("helpdesk.ticket", made)["first_response_at"] == app.clock.now()
    seen = app.find("helpdesk.article", by=desk.asker, ticket=made.id)
    assert [one["visibility"] for one in seen] == ["public"]
    assert len(app.find("helpdesk.article", by=desk.agent, ticket=made.id)) == 2


def test_knowledge_is_published_by_another_person(app: World, desk: Desk, actor: Callable[..., Actor]) -> None:
    editor, second = actor("helpdesk.knowledge_editor"), actor("helpdesk.knowledge_editor")
    made = app.create("helpdesk.knowledge_article", by=editor, title="VPN", body="<p>Sign in again.</p>")
    app.move("helpdesk.knowledge_article", made, "submit", by=editor)
    with pytest.raises((Conflict, Forbidden)):
        app.move("helpdesk.knowledge_article", made, "publish", by=editor)
    assert app.move("helpdesk.knowledge_article", made, "publish", by=second)["reviewed_by"] == second.person


def test_hd_1_3_a_change_of_high_risk_needs_three_people_and_keeps_out_of_a_freeze(
    app: World, desk: Desk, actor: Callable[..., Actor]
) -> None:
    manager, board = actor("helpdesk.change_manager"), actor("helpdesk.advisory_board")
    service = app.create("helpdesk.service", name=f"Mail {next(SERIAL)}", owner=desk.first)
    start = app.clock.now() + timedelta(days=3)
    app.create("helpdesk.change_freeze", name="Year end", start=start, end=start + timedelta(days=1), services=(service.id,))
    made = app.create(
        "helpdesk.change",
        by=desk.agent,
        title="New mail server",
        reason="The old one is full.",
        implementer=board.person,
        services=(service.id,),
        risk_answers=tuple({"question": f"Question {at}", "points": 3} for at in range(4)),
    )
    assert made["risk"] == "high"
    plan = {"plan": "<p>Move.</p>", "backout_plan": "<p>Move back.</p>", "planned_start": start, "planned_end": start + timedelta(hours=2)}
    app.move("helpdesk.change", made, "submit", by=desk.agent, **plan)
    app.move("helpdesk.change", made, "assess", by=manager)
    with pytest.raises(Conflict, match="does not implement it"):
        app.move("helpdesk.change", made, "approve", by=board)
    app.move("helpdesk.change", made, "approve", by=actor("helpdesk.advisory_board"))
    with pytest.raises(Conflict, match="Year end"):
        app.move("helpdesk.change", made, "schedule", by=manager)
    done = app.move("helpdesk.change", made, "schedule", by=manager, freeze_override="The disk is full tomorrow.")
    assert done["state"] == "scheduled"
