"""The demo's helpdesk: queues, a catalogue, knowledge, and a year of tickets with the rhythm of working weeks."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from core import DemoWork, Record
from plugins.directory.demo import account

SEED = 41
TICKETS = {"small": 600, "full": 4_000}
PROBLEMS = {"small": 12, "full": 25}
CHANGES = {"small": 60, "full": 120}
_THINGS = (
    "printer",
    "laptop",
    "screen",
    "headset",
    "mail client",
    "calendar",
    "VPN",
    "shared drive",
    "badge reader",
    "phone",
    "expense system",
    "time sheet",
    "wireless network",
    "docking station",
    "projector",
)
_TROUBLES = (
    "does not start",
    "is very slow",
    "lost its settings",
    "shows an error",
    "cannot be reached",
    "asks for a password again",
    "stopped after an update",
    "makes a noise",
    "is missing a driver",
    "prints empty pages",
)
_WISHES = ("Access to the {} for a new colleague", "Please install the {}", "Another {} for the meeting room", "How do I set up the {}?")
_ANSWERS = (
    "Restarted the service and checked with the requester.",
    "Replaced the part from stock.",
    "Reset the profile; works again.",
    "Explained the setting over the phone.",
    "Updated the driver to the current version.",
)


def fill(work: DemoWork) -> None:
    """Write queues and lists first, then tickets in the order of time."""
    dice = random.Random(SEED)
    start = work.now - timedelta(days=365)
    work.at(start - timedelta(days=5))
    people = [one.id for one in work.find("directory.person", limit=400)]
    people += [*filter(None, [account(work, "helpdesk.requester")])] * 12
    teams = {one["name"]: one for one in work.find("directory.team")}
    queues = []
    for name, team, how in (
        ("First line", "Service desk", "round_robin"),
        ("Networks", "Networks", "least_open"),
        ("Workplace", "Workplace", "manual"),
    ):
        crew = (*teams[team]["members"], *filter(None, [account(work, "helpdesk.agent") if team == "Service desk" else None]))
        teams[team] = work.change("directory.team", teams[team].id, members=crew)
        queue = work.create("helpdesk.queue", name=name, team=teams[team].id, lead=teams[team]["lead"], assignment=how)
        queues.append(work.change("helpdesk.queue", queue.id, takes_all=team == "Service desk"))
    members = {
        queue.id: list(teams[team]["members"]) for queue, team in zip(queues, ("Service desk", "Networks", "Workplace"), strict=True)
    }
    categories = _categories(work)
    codes = [
        work.create("helpdesk.resolution_code", code=code, name=name).id
        for code, name in (
            ("FIXED", "Mended"),
            ("ADVICE", "Explained"),
            ("REPLACED", "Replaced"),
            ("NONE", "No fault found"),
            ("NOANSWER", "No answer"),
        )
    ]
    services = [
        work.create("helpdesk.service", name=name, owner=members[queues[0].id][0], queue=queue.id).id
        for name, queue in (
            ("Mail and calendar", queues[0]),
            ("Network", queues[1]),
            ("Workplace computers", queues[2]),
            ("Printing", queues[2]),
        )
    ]
    _catalogue(work, queues, members)
    _knowledge(work, dice, categories, members[queues[0].id])
    moments = _moments(dice, start, work.now_really, TICKETS[work.size])
    for moment in moments:
        _ticket(work, dice, moment, people, queues, members, categories, services, codes)
    _problems_and_changes(work, dice, start, members[queues[1].id], services)


def _categories(work: DemoWork) -> list[int]:
    leaves = []
    for name, parts in (
        ("Hardware", ("Computer", "Printer", "Phone")),
        ("Software", ("Office", "Mail", "Business systems")),
        ("Network", ("Wireless", "VPN")),
    ):
        root = work.create("helpdesk.category", name=name, leaf=False)
        leaves += [work.create("helpdesk.category", name=part, parent=root.id).id for part in parts]
    return leaves


def _catalogue(work: DemoWork, queues: list[Record], members: dict[int, list[int]]) -> None:
    for name, tasks in (
        ("Laptop", ("Order the laptop", "Install it", "Hand it over")),
        ("New account", ("Create the account", "Grant access")),
        ("Phone", ("Order the phone", "Port the number")),
        ("Software licence", ("Buy the licence", "Install the software")),
    ):
        item = work.create(
            "helpdesk.catalog_item",
            name=name,
            owner=members[queues[0].id][0],
            tasks=tuple(
                {"order": at, "title": title, "queue": queues[(at - 1) % 3].id, "after": at - 1 or None}
                for at, title in enumerate(tasks, 1)
            ),
        )
        work.move("helpdesk.catalog_item", item.id, "publish")


def _knowledge(work: DemoWork, dice: random.Random, categories: list[int], authors: list[int]) -> None:
    for thing in _THINGS:
        article = work.create(
            "helpdesk.knowledge_article",
            title=f"When the {thing} {dice.choice(_TROUBLES)}",
            category=dice.choice(categories),
            body=f"<p>Switch the {thing} off and on again. If it still {dice.choice(_TROUBLES)}, report it.</p>",
            owner=authors[0],
            review_due=work.today + timedelta(days=dice.randrange(360, 700)),
        )
        work.move("helpdesk.knowledge_article", article.id, "submit")
        work.by(authors[1])
        work.move("helpdesk.knowledge_article", article.id, "publish")
        work.by(None)


def _moments(dice: random.Random, start: datetime, end: datetime, most: int) -> list[datetime]:
    found: list[datetime] = []
    while len(found) < most:
        moment = start + (end - start) * dice.random()
        busy = 1.0 if moment.weekday() < 5 else 0.08
        busy *= 1.0 if 7 <= moment.hour < 17 else 0.1
        if dice.random() < busy:
            found.append(moment.replace(microsecond=0))
    return sorted(found)


def _ticket(
    work: DemoWork,
    dice: random.Random,
    moment: datetime,
    people: list[int],
    queues: list[Record],
    members: dict[int, list[int]],
    categories: list[int],
    services: list[int],
    codes: list[int],
) -> None:
    requester = dice.choice(people)
    work.at(moment)
    work.by(requester)
    wish = dice.random() < 0.3
    thing = dice.choice(_THINGS)
    subject = dice.choice(_WISHES).format(thing) if wish else f"The {thing} {dice.choice(_TROUBLES)}"
    queue = dice.choices(queues, (6, 3, 3))[0]
    ticket = work.create(
        "helpdesk.ticket",
        subject=subject,
        kind="request" if wish else "incident",
        requester=requester,
        queue=queue.id,
        impact=dice.choices("123", (1, 3, 9))[0],
        urgency=dice.choices("123", (1, 4, 8))[0],
        category=dice.choice(categories),
        service=dice.choice(services),
        channel=dice.choices(("portal", "mail", "phone"), (5, 4, 2))[0],
        description=f"<p>Since this morning the {thing} {dice.choice(_TROUBLES)}.</p>",
    )
    agent = ticket.get("assignee") or dice.choice(members[queue.id])
    now, age = work.now_really, work.now_really - moment
    later = moment + timedelta(minutes=dice.randrange(5, 300))
    if later >= now or (age < timedelta(days=2) and dice.random() < 0.4):
        return
    work.at(later)
    work.by(agent)
    work.move("helpdesk.ticket", ticket.id, "assign", assignee=agent)
    if dice.random() < 0.85:
        work.create(
            "helpdesk.article",
            ticket=ticket.id,
            direction="out",
            visibility="public",
            author=agent,
            body="<p>Thank you, we are looking into it.</p>",
        )
    later += timedelta(minutes=dice.randrange(20, 3_000))
    if later >= now or (age < timedelta(days=9) and dice.random() < 0.3):
        return
    work.at(later)
    if dice.random() < 0.12:
        work.move("helpdesk.ticket", ticket.id, "wait", pending_reason="requester", pending_until=later + timedelta(days=3))
        later += timedelta(hours=dice.randrange(2, 60))
        if later >= now:
            return
        work.at(later)
        work.move("helpdesk.ticket", ticket.id, "resume")
    work.move("helpdesk.ticket", ticket.id, "resolve", resolution_code=dice.choice(codes), resolution=f"<p>{dice.choice(_ANSWERS)}</p>")
    if dice.random() < 0.05 and later + timedelta(days=2) < now:
        work.at(later + timedelta(days=1))
        work.by(requester)
        work.move("helpdesk.ticket", ticket.id, "reopen", reason="It happened again.")
        work.at(later + timedelta(days=2))
        work.by(agent)
        work.move("helpdesk.ticket", ticket.id, "resolve", resolution_code=dice.choice(codes), resolution="<p>Replaced.</p>")
        later += timedelta(days=2)
    if later + timedelta(days=7) < now:
        work.at(later + timedelta(days=7))
        work.move("helpdesk.ticket", ticket.id, "close")


def _problems_and_changes(work: DemoWork, dice: random.Random, start: datetime, crew: list[int], services: list[int]) -> None:
    work.by(crew[0])
    problems, changes = PROBLEMS[work.size], CHANGES[work.size]
    for count in range(problems):
        work.at(start + timedelta(days=336 * count // problems + 3))
        problem = work.create(
            "helpdesk.problem", title=f"The {_THINGS[count % len(_THINGS)]} fails again and again", owner=dice.choice(crew)
        )
        work.move("helpdesk.problem", problem.id, "investigate")
        if count % 3:
            work.move("helpdesk.problem", problem.id, "know", workaround="Restart the service each morning.")
    for count in range(changes):
        moment = start + timedelta(days=360 * count // changes)
        work.at(moment)
        work.by(crew[0])
        change = work.create(
            "helpdesk.change",
            title=f"Update of the {dice.choice(_THINGS)} service",
            type=dice.choice(("standard", "normal", "normal")),
            reason="Security update of the manufacturer.",
            requester=crew[0],
            implementer=crew[1],
            services=(dice.choice(services),),
            risk_answers=tuple({"question": text, "points": dice.randrange(0, 3)} for text in ("Can it be undone?", "Was it tested?")),
        )
        work.move(
            "helpdesk.change",
            change.id,
            "submit",
            plan="<p>Update, restart, check.</p>",
            backout_plan="<p>Restore the snapshot.</p>",
            planned_start=moment + timedelta(days=7),
            planned_end=moment + timedelta(days=7, hours=2),
        )
        if moment + timedelta(days=8) < work.now_really:
            work.move("helpdesk.change", change.id, "assess")
            work.by(crew[2])
            work.move("helpdesk.change", change.id, "approve")
            work.move("helpdesk.change", change.id, "schedule")
            work.at(moment + timedelta(days=7))
            work.by(crew[1])
            work.move("helpdesk.change", change.id, "start")
            work.move("helpdesk.change", change.id, "finish")
            work.move("helpdesk.change", change.id, "close", outcome="successful")
    work.by(None)
    work.at(None)
    work.create("helpdesk.change_freeze", name="Year end", start=work.now + timedelta(days=20), end=work.now + timedelta(days=40))
