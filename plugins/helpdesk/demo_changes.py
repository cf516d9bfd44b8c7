"""The demo helpdesk's problems and changes, in every state that they can be found in."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from core import DemoWork
from plugins.directory.demo import account

PROBLEMS = {"small": 12, "full": 25}
CHANGES = {"small": 56, "full": 120}


def fill(work: DemoWork, dice: random.Random, start: datetime, crew: list[int], services: list[int], things: tuple[str, ...]) -> None:
    """Write problems, changes and a freeze."""
    days = (work.now_really - start).days
    work.by(crew[0])
    for count in range(PROBLEMS[work.size]):
        _problem(work, dice, start + timedelta(days=(days - 20) * count // PROBLEMS[work.size] + 3), count, crew, things)
    for count in range(CHANGES[work.size]):
        _change(work, dice, start + timedelta(days=(days + 1) * count // CHANGES[work.size]), crew, services, things)
    work.by(None)
    work.at(work.now_really - timedelta(days=3))
    work.create(
        "helpdesk.change_freeze",
        name="Year end",
        start=work.now_really + timedelta(days=20),
        end=work.now_really + timedelta(days=40),
    )
    _current(work, crew, services)
    work.by(None)
    work.at(None)


def _problem(work: DemoWork, dice: random.Random, moment: datetime, count: int, crew: list[int], things: tuple[str, ...]) -> None:
    thing = things[count % len(things)]
    work.at(moment)
    problem = work.create(
        "helpdesk.problem", title=f"The {thing} fails again and again", owner=dice.choice(crew), priority=f"P{dice.randrange(2, 5)}"
    )
    for ticket in work.find("helpdesk.ticket", subject__contains=f"The {thing} ", created_at__le=moment, limit=dice.randrange(2, 6)):
        work.change("helpdesk.ticket", ticket.id, problem=problem.id)
    if count % 6 == 5:
        return
    work.move("helpdesk.problem", problem.id, "investigate")
    if count % 3 == 0:
        return
    work.at(moment + timedelta(days=4))
    work.move("helpdesk.problem", problem.id, "know", workaround="Restart the service each morning.")
    if count % 3 == 1:
        work.at(moment + timedelta(days=12))
        cause = "A driver of the manufacturer leaks memory."
        work.move("helpdesk.problem", problem.id, "resolve", root_cause=cause, no_change_reason="The manufacturer sent another driver.")
        if count % 2:
            work.move("helpdesk.problem", problem.id, "close", review_note="Drivers are tried on two machines first.")


def _change(
    work: DemoWork, dice: random.Random, moment: datetime, crew: list[int], services: list[int], things: tuple[str, ...]
) -> None:
    now, day = work.now_really, timedelta(days=1)
    work.at(moment)
    work.by(crew[0])
    planned = (moment + 7 * day).replace(hour=19, minute=0, second=0, microsecond=0)
    change = work.create(
        "helpdesk.change",
        title=f"Update of the {dice.choice(things)} service",
        type=dice.choice(("standard", "normal", "normal")),
        reason="Security update of the manufacturer.",
        requester=crew[0],
        implementer=crew[1],
        services=(dice.choice(services),),
        risk_answers=tuple({"question": text, "points": dice.randrange(0, 3)} for text in ("Can it be undone?", "Was it tested?")),
    )
    if moment + day >= now:
        return
    work.move(
        "helpdesk.change",
        change.id,
        "submit",
        plan="<p>Update, restart, check.</p>",
        backout_plan="<p>Restore the snapshot.</p>",
        planned_start=planned,
        planned_end=planned + timedelta(hours=2),
    )
    if moment + 2 * day >= now:
        return
    work.at(moment + 2 * day)
    if dice.random() < 0.06:
        work.move("helpdesk.change", change.id, "reject", reason="Not tested well enough.")
        return
    work.move("helpdesk.change", change.id, "assess")
    if moment + 4 * day >= now:
        return
    work.at(moment + 4 * day)
    work.by(crew[2])
    work.move("helpdesk.change", change.id, "approve")
    work.move("helpdesk.change", change.id, "schedule")
    if planned + timedelta(hours=2) >= now:
        return
    work.at(planned)
    work.by(crew[1])
    work.move("helpdesk.change", change.id, "start")
    work.at(planned + timedelta(hours=2))
    if dice.random() < 0.06:
        work.move("helpdesk.change", change.id, "back_out", reason="The mail client lost its settings.")
        work.move("helpdesk.change", change.id, "close", outcome="backed_out")
        return
    work.move("helpdesk.change", change.id, "finish")
    if planned + 2 * day < now:
        work.move("helpdesk.change", change.id, "close", outcome=dice.choice(("successful", "successful", "with_issues")))


def _current(work: DemoWork, crew: list[int], services: list[int]) -> None:
    """One change that the demo's agent implements, one that waits for the advisory board."""
    now = work.now_really
    agent = account(work, "helpdesk.agent") or crew[1]
    for number, title in enumerate(("New certificates for the mail service", "Second line to the internet")):
        planned = (now + timedelta(days=3 + 4 * number)).replace(hour=18, minute=30, second=0, microsecond=0)
        work.at(now - timedelta(days=5))
        work.by(crew[0])
        change = work.create(
            "helpdesk.change",
            title=title,
            reason="The present ones end next month." if number == 0 else "One line is not enough when it is cut.",
            requester=crew[0],
            implementer=agent,
            services=(services[number],),
            risk_answers=({"question": "Can it be undone?", "points": number}, {"question": "Was it tested?", "points": 1}),
        )
        work.move(
            "helpdesk.change",
            change.id,
            "submit",
            plan="<ol><li>Announce it.</li><li>Change over.</li><li>Check with three users.</li></ol>",
            test_plan="<p>Done last week with the spare device.</p>",
            backout_plan="<p>Change back: ten minutes.</p>",
            planned_start=planned,
            planned_end=planned + timedelta(hours=1),
        )
        work.at(now - timedelta(days=2))
        work.move("helpdesk.change", change.id, "assess")
        if number == 0:
            work.by(crew[2])
            work.move("helpdesk.change", change.id, "approve")
            work.move("helpdesk.change", change.id, "schedule")
