"""The demo's helpdesk: queues, a catalogue, knowledge, and a year of tickets with the rhythm of working weeks."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from core import DemoWork, Record
from plugins.directory.demo import account, staff
from plugins.helpdesk import demo_changes, demo_lists

SEED = 41
DAYS = {"small": 365, "full": 548}
TICKETS = {"small": 580, "full": 4_000}
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
_TALK = (
    "Thank you, we are looking into it.",
    "Could you tell us since when, and whether colleagues have it too?",
    "We have found the cause and are mending it.",
    "Please try again now.",
)
_REPLY = "It began yesterday, and a colleague has it too."
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
    start = work.now - timedelta(days=DAYS[work.size])
    work.at(start - timedelta(days=5))
    people = staff(work)
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
    items = demo_lists.catalogue(work, dice, queues, members, services)
    demo_lists.knowledge(work, dice, categories, members[queues[0].id], _THINGS, _TROUBLES)
    demo_lists.canned_replies(work, queues)
    moments = _moments(dice, start, work.now_really, TICKETS[work.size])
    for moment in moments:
        _ticket(work, dice, moment, people, queues, members, categories, services, codes, items)
    demo_changes.fill(work, dice, start, members[queues[1].id], services, _THINGS)
    if work.size == "full":
        _major(work, dice, start, people, queues[1].id, members[queues[1].id], codes)
    _today(work, queues[0].id, members[queues[0].id], categories, services, codes, items)
    work.by(None)
    work.at(None)


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
    items: list[int],
) -> None:
    requester = dice.choice(people)
    work.at(moment)
    work.by(requester)
    wish = dice.random() < 0.3
    thing = dice.choice(_THINGS)
    subject = dice.choice(_WISHES).format(thing) if wish else f"The {thing} {dice.choice(_TROUBLES)}"
    queue = dice.choices(queues, (6, 3, 3))[0]
    item = dice.choice(items) if wish and dice.random() < 0.35 else None
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
        catalog_item=item,
        channel=dice.choices(("portal", "mail", "phone"), (5, 4, 2))[0],
        description=f"<p>Since this morning the {thing} {dice.choice(_TROUBLES)}.</p>",
    )
    agent = ticket.get("assignee") or dice.choice(members[queue.id])
    now, age = work.now_really, work.now_really - moment
    later = moment + timedelta(minutes=dice.randrange(5, 300))
    if later >= now or (age < timedelta(days=4) and dice.random() < 0.4):
        return
    work.at(later)
    work.by(agent)
    work.move("helpdesk.ticket", ticket.id, "assign", assignee=agent)
    if dice.random() < 0.85:
        _say(work, ticket.id, _TALK[0])
    if work.size == "full" or dice.random() < 0.1:
        for turn in range(1, dice.randrange(2, 4)):
            work.at(later + timedelta(minutes=2 * turn))
            asks = turn % 2 == 1
            work.by(requester if asks else agent)
            _say(work, ticket.id, _REPLY if asks else _TALK[turn], "in" if asks else "out")
        work.by(agent)
    later += timedelta(minutes=dice.randrange(20, 3_000))
    if later >= now or (age < timedelta(days=14) and dice.random() < 0.45):
        return
    work.at(later)
    if dice.random() < 0.12:
        work.move("helpdesk.ticket", ticket.id, "wait", pending_reason="requester", pending_until=later + timedelta(days=3))
        later += timedelta(hours=dice.randrange(2, 60))
        if later >= now:
            return
        work.at(later)
        work.move("helpdesk.ticket", ticket.id, "resume")
    if item is not None:
        for task in reversed(work.find("helpdesk.request_task", ticket=ticket.id)):
            work.change("helpdesk.request_task", task.id, assignee=dice.choice(members[task["queue"]]))
            work.move("helpdesk.request_task", task.id, "finish")
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


def _say(work: DemoWork, ticket: int, text: str, direction: str = "out") -> None:
    """An entry of the ticket, by whom the work stands for."""
    work.create("helpdesk.article", ticket=ticket, direction=direction, visibility="public", body=f"<p>{text}</p>")


def _major(
    work: DemoWork, dice: random.Random, start: datetime, people: list[int], queue: int, crew: list[int], codes: list[int]
) -> None:
    """One major incident with its 34 parts, solved the same day."""
    moment = start + timedelta(days=200)
    made: list[int] = []
    for number in range(35):
        work.at(moment + timedelta(minutes=3 * number))
        work.by(dice.choice(people))
        made.append(
            work.create(
                "helpdesk.ticket",
                subject="No network in any house" if number == 0 else "I cannot reach the shared drive",
                queue=queue,
                major=number == 0,
                parent=made[0] if made else None,
                impact="1" if number == 0 else "3",
                urgency="1",
            ).id
        )
    work.by(crew[0])
    for number, ticket in enumerate(reversed(made)):
        work.at(moment + timedelta(hours=4, minutes=number))
        work.move("helpdesk.ticket", ticket, "assign", assignee=crew[0])
        work.move("helpdesk.ticket", ticket, "resolve", resolution_code=codes[0], resolution="<p>The line was mended.</p>")
        review = {"review_note": "<p>One line, one way in: a second one is ordered.</p>"} if ticket == made[0] else {}
        work.move("helpdesk.ticket", ticket, "close", **review)


def _today(
    work: DemoWork, queue: int, crew: list[int], categories: list[int], services: list[int], codes: list[int], items: list[int]
) -> None:
    """What whoever signs in as requester or as agent finds: a new ticket, one in work, one that waits, one just resolved."""
    now = work.now_really
    requester, agent = account(work, "helpdesk.requester"), account(work, "helpdesk.agent") or crew[0]
    for number, (subject, urgency) in enumerate(
        (
            ("The projector in the meeting room stays dark", "1"),
            ("How do I share a calendar with another team?", "3"),
            ("The docking station forgets the second screen", "2"),
            ("A laptop for the colleague who starts in January", "3"),
            ("Access to the shared drive of the project", "2"),
        )
    ):
        work.at(now - timedelta(hours=30 - 6 * number))
        work.by(requester)
        ticket = work.create(
            "helpdesk.ticket",
            subject=subject,
            kind=("incident", "question", "incident", "request", "request")[number],
            catalog_item=items[0] if number == 3 else None,
            queue=queue,
            impact="2" if number == 0 else "3",
            urgency=urgency,
            category=categories[number],
            service=services[number % 4],
            description="<p>A standard one will do.</p>" if number == 3 else "<p>It worked last week. Thank you for looking into it.</p>",
        )
        if number == 4:
            break
        work.at(now - timedelta(hours=29 - 6 * number))
        work.by(agent)
        work.move("helpdesk.ticket", ticket.id, "assign", assignee=agent)
        _say(work, ticket.id, _TALK[number % 3])
        if number == 1:
            work.move("helpdesk.ticket", ticket.id, "resolve", resolution_code=codes[1], resolution="<p>Explained on the phone.</p>")
        elif number == 3:
            first = work.find("helpdesk.request_task", ticket=ticket.id)[-1]
            work.change("helpdesk.request_task", first.id, assignee=agent)
            work.move("helpdesk.request_task", first.id, "start")
        elif number == 2:
            work.move("helpdesk.ticket", ticket.id, "wait", pending_reason="vendor", pending_until=now + timedelta(days=2))
