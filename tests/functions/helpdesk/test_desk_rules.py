"""Who is answered, what merging joins, who may order what, and what closes a problem or a major incident."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from core.access.actor import Actor
from core.errors import BackofficeError, Conflict, Invalid
from core.testing import World
from tests.functions.helpdesk.test_tickets import SERIAL, Desk, desk, resolved, ticket

__all__ = ["desk"]


def say(app: World, desk: Desk, number: int, text: str, **more: object) -> object:
    given = {"ticket": number, "direction": "out", "visibility": "public", "body": f"<p>{text}</p>"} | more
    return app.create("helpdesk.article", by=desk.agent, **given)


def test_hd_r11_the_requester_is_answered_and_not_who_wrote_last(app: World, desk: Desk) -> None:
    colleague, other = app.person().id, app.person().id
    made = ticket(app, desk, cc=(colleague,))
    say(app, desk, made.id, "Me too.", direction="in", author=colleague)
    answer = say(app, desk, made.id, "We look.")
    assert (answer["recipient"], answer["copies"]) == (desk.asker.person, (colleague,))
    chosen = say(app, desk, made.id, "And you?", recipient=other)
    assert (chosen["recipient"], chosen["copies"]) == (other, (colleague,))
    note = say(app, desk, made.id, "Between us.", direction="internal", recipient=other)
    assert (note["recipient"], note["copies"], note["visibility"]) == (None, (), "internal")


def test_hd_r16_a_merge_joins_who_follows_and_shows_the_entries_to_whoever_may_read_them(
    app: World, desk: Desk, actor: Callable[..., Actor]
) -> None:
    friend, stranger = app.person().id, actor("helpdesk.requester")
    target, source = ticket(app, desk), ticket(app, desk, requester=stranger.person, cc=(friend,))
    say(app, desk, source.id, "Seen by the other.")
    say(app, desk, source.id, "Kept between us.", direction="internal")
    with pytest.raises(Invalid):
        app.move("helpdesk.ticket", source, "merge", by=desk.agent, merged_into=target.id)
    app.move("helpdesk.ticket", source, "merge", by=desk.agent, merged_into=target.id, merge_across=True)
    assert app.get("helpdesk.ticket", target)["cc"] == (stranger.person, friend)
    seen = app.client(desk.agent).get(f"/helpdesk/ticket/{target.id}").data.decode()
    assert "Seen by the other." in seen and "Kept between us." in seen
    asked = app.client(desk.asker).get(f"/helpdesk/ticket/{target.id}").data.decode()
    assert "Seen by the other." not in asked and "Kept between us." not in asked


def test_hd_r09_a_queue_by_skill_finds_who_knows_the_subject(app: World, desk: Desk) -> None:
    app.change("helpdesk.queue", desk.queue, assignment="skill")
    subject = app.create("helpdesk.category", name=f"Printers {next(SERIAL)}")
    assert ticket(app, desk, category=subject.id)["assignee"] is None
    app.change("directory.person", desk.second, skills=f"Networks, {subject['name'].lower()}, mail")
    assert [ticket(app, desk, category=subject.id)["assignee"] for _ in range(2)] == [desk.second] * 2
    assert ticket(app, desk)["assignee"] == desk.first


def test_a_ticket_waits_three_working_days_for_its_requester(app: World, desk: Desk) -> None:
    made = ticket(app, desk)
    app.move("helpdesk.ticket", made, "assign", by=desk.agent, assignee=desk.first)
    app.clock.at = datetime(2026, 6, 4, 15, tzinfo=UTC)
    waiting = app.move("helpdesk.ticket", made, "wait", by=desk.agent, pending_reason="requester")
    assert waiting["pending_until"] == datetime(2026, 6, 9, 15, tzinfo=UTC)
    app.move("helpdesk.ticket", made, "resume", by=desk.agent)
    past = app.clock.now() - timedelta(hours=1)
    with pytest.raises(BackofficeError):
        app.move("helpdesk.ticket", made, "wait", by=desk.agent, pending_reason="vendor", pending_until=past)


def test_a_catalogue_item_is_for_its_departments_and_a_request_keeps_its_version(
    app: World, desk: Desk, actor: Callable[..., Actor]
) -> None:
    own = app.create("directory.department", code=f"D{next(SERIAL)}", name="Own", company=app.any("directory.company"))
    mine, other = actor("helpdesk.requester", department=own.id), actor("helpdesk.requester")
    item = app.create("helpdesk.catalog_item", name=f"Tablet {next(SERIAL)}", owner=desk.first, departments=(own.id,))
    app.move("helpdesk.catalog_item", item, "publish")
    assert [len(app.find("helpdesk.catalog_item", by=who, name=item["name"])) for who in (mine, other)] == [1, 0]
    with pytest.raises(Invalid):
        app.create("helpdesk.ticket", by=other, form="report", subject="A tablet", kind="request", catalog_item=item.id)
    app.create("helpdesk.queue", name=f"All {next(SERIAL)}", team=app.any("directory.team"), takes_all=True)
    asked = app.create("helpdesk.ticket", by=mine, form="report", subject="A tablet", kind="request", catalog_item=item.id)
    app.move("helpdesk.catalog_item", item, "revise")
    app.move("helpdesk.catalog_item", item, "publish")
    later = app.create("helpdesk.ticket", by=mine, form="report", subject="Another", kind="request", catalog_item=item.id)
    assert [app.get("helpdesk.ticket", one)["catalog_version"] for one in (asked, later)] == [1, 2]


def test_a_canned_reply_knows_its_placeholders(app: World, actor: Callable[..., Actor]) -> None:
    lead = actor("helpdesk.team_lead")
    with pytest.raises(Invalid) as refused:
        app.create("helpdesk.canned_reply", by=lead, title=f"R{next(SERIAL)}", body="<p>Dear {custommer}, thank you.</p>")
    assert "{custommer}" in str(refused.value.errors["body"])
    app.create("helpdesk.canned_reply", by=lead, title=f"R{next(SERIAL)}", body="<p>Dear {requester}, {number} is solved.</p>")


def test_the_assignee_and_the_requester_are_told_and_nobody_twice(app: World, desk: Desk, actor: Callable[..., Actor]) -> None:
    asker, agent = actor("helpdesk.requester"), actor("helpdesk.agent")
    app.change("directory.team", app.get("helpdesk.queue", desk.queue)["team"], members=(desk.agent.person, agent.person))
    made = ticket(app, desk, requester=asker.person)
    app.move("helpdesk.ticket", made, "assign", by=desk.agent, assignee=agent.person)
    app.move("helpdesk.ticket", made, "assign", by=desk.agent, assignee=desk.agent.person)
    app.move("helpdesk.ticket", made, "assign", by=desk.agent, assignee=agent.person)
    assert app.told(agent) == ["You have been given a ticket"]
    say(app, desk, made.id, "We look.", direction="internal", visibility="internal")
    assert not app.told(asker)
    say(app, desk, made.id, "It is done.")
    assert app.told(asker) == ["There is an answer to a ticket"]
    app.create("helpdesk.article", by=asker, ticket=made.id, body="<p>Thank you.</p>")
    assert app.told(agent)[0] == "The requester wrote to a ticket of yours"


def test_readers_say_whether_knowledge_helped_and_each_publication_is_a_version(app: World, actor: Callable[..., Actor]) -> None:
    editor, second, reader = actor("helpdesk.knowledge_editor"), actor("helpdesk.knowledge_editor"), actor()
    made = app.create("helpdesk.knowledge_article", by=editor, title=f"VPN {next(SERIAL)}", body="<p>Sign in again.</p>")
    for _ in range(2):
        app.move("helpdesk.knowledge_article", made, "submit", by=editor)
        app.move("helpdesk.knowledge_article", made, "publish", by=second)
        app.move("helpdesk.knowledge_article", made, "helped", by=reader)
        app.move("helpdesk.knowledge_article", made, "revise", by=editor)
    with pytest.raises(BackofficeError):
        app.move("helpdesk.knowledge_article", made, "did_not_help", by=reader)
    found = app.get("helpdesk.knowledge_article", made)
    assert (found["revision"], found["helpful"], found["unhelpful"]) == (2, 2, 0)


def test_a_problem_and_a_major_incident_are_closed_with_care(app: World, desk: Desk, actor: Callable[..., Actor]) -> None:
    manager = actor("helpdesk.problem_manager")
    problem = app.create("helpdesk.problem", by=manager, title="The line fails")
    made = resolved(app, desk, ticket(app, desk, major=True, problem=problem.id))
    with pytest.raises(Conflict, match="review note"):
        app.move("helpdesk.ticket", made, "close", by=desk.lead)
    assert app.move("helpdesk.ticket", made, "close", by=desk.lead, review_note="<p>A second line.</p>")["state"] == "closed"
    app.move("helpdesk.problem", problem, "investigate", by=manager)
    change = app.create("helpdesk.change", by=desk.agent, title="Second line", reason="It fails.")
    with pytest.raises(Conflict, match="closed first"):
        app.move("helpdesk.problem", problem, "resolve", by=manager, root_cause="One line.", change=change.id)
    with pytest.raises(Conflict, match="say why none"):
        app.move("helpdesk.problem", problem, "resolve", by=manager, root_cause="One line.", change=None)
    bought = {"root_cause": "One line.", "change": None, "no_change_reason": "Bought as a service."}
    app.move("helpdesk.problem", problem, "resolve", by=manager, **bought)
    with pytest.raises(Conflict, match="major incident"):
        app.move("helpdesk.problem", problem, "close", by=manager)
    assert app.move("helpdesk.problem", problem, "close", by=manager, review_note="Two ways in.")["state"] == "closed"


def test_a_panel_shows_nothing_of_what_its_reader_may_not_read_at_all(app: World, desk: Desk, actor: Callable[..., Actor]) -> None:
    owner = actor("helpdesk.service_owner")
    service = app.create("helpdesk.service", name=f"Web {next(SERIAL)}", owner=owner.person)
    target, source = (ticket(app, desk, service=service.id) for _ in range(2))
    say(app, desk, source.id, "An answer to nobody else.")
    app.move("helpdesk.ticket", source, "merge", by=desk.agent, merged_into=target.id)
    answer = app.client(owner).get(f"/helpdesk/ticket/{target.id}")
    assert answer.status_code == 200
    assert source["number"] in answer.data.decode() and "An answer to nobody else." not in answer.data.decode()
