"""The demo helpdesk's catalogue, knowledge and canned replies."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

from core import DemoWork, Money, Record

_ITEMS = (
    ("Laptop", 1_290, ("Order the laptop", "Install it", "Hand it over")),
    ("New account", None, ("Create the account", "Grant access")),
    ("Phone", 420, ("Order the phone", "Port the number")),
    ("Software licence", 95, ("Buy the licence", "Install the software")),
    ("Second screen", 210, ("Order the screen", "Set it up")),
    ("Meeting room equipment", 1_800, ("Plan with House services", "Order", "Install", "Show it to the users")),
)
_TEAMS = ("Operations", "Finance", "Sales", "Warehouse", "Service", "Administration", "Board")


def catalogue(
    work: DemoWork, dice: random.Random, queues: list[Record], members: dict[int, list[int]], services: list[int]
) -> list[int]:
    """What can be ordered, published; 45 things at full size. Answers their ids."""
    made = []
    wanted = [*_ITEMS]
    if work.size == "full":
        wanted += [(f"{name} for {team}", price, tasks) for team in _TEAMS for name, price, tasks in _ITEMS][: 45 - len(wanted)]
    for name, price, tasks in wanted:
        item = work.create(
            "helpdesk.catalog_item",
            name=name,
            description=f"Ask for it here; your head of department is told. {len(tasks)} steps.",
            owner=members[queues[0].id][0],
            service=dice.choice(services),
            price=Money(Decimal(price), "EUR") if price else None,
            delivery_hours=8 * len(tasks),
            tasks=tuple(
                {"order": at, "title": title, "queue": queues[(at - 1) % 3].id, "after": at - 1 or None}
                for at, title in enumerate(tasks, 1)
            ),
        )
        work.move("helpdesk.catalog_item", item.id, "publish")
        made.append(item.id)
    draft = work.create("helpdesk.catalog_item", name="Headset for open offices", owner=members[queues[0].id][0], service=services[2])
    work.change("helpdesk.catalog_item", draft.id, description="Not offered yet: the contract is being made.")
    return made


def knowledge(
    work: DemoWork, dice: random.Random, categories: list[int], authors: list[int], things: tuple[str, ...], troubles: tuple[str, ...]
) -> None:
    """Articles on things and their troubles, most of them published; 80 at full size."""
    count = 80 if work.size == "full" else len(things)
    for number in range(count):
        thing, trouble = things[number % len(things)], troubles[(number * 3 + number // len(things)) % len(troubles)]
        article = work.create(
            "helpdesk.knowledge_article",
            title=f"When the {thing} {trouble}",
            category=dice.choice(categories),
            body=f"<p>First switch the {thing} off and on again.</p><p>If it still {trouble}, report it, and say:</p>"
            "<ul><li>since when,</li><li>whether colleagues have it too,</li><li>what was changed last.</li></ul>",
            audience=("employees", "public", "agents")[number % 3],
            owner=authors[0],
            review_due=work.now_really.date() + timedelta(days=dice.randrange(5, 340)),
        )
        if number % 15 == 4:
            continue
        work.move("helpdesk.knowledge_article", article.id, "submit")
        if number % 15 == 9:
            continue
        work.by(authors[1])
        work.move("helpdesk.knowledge_article", article.id, "publish")
        work.by(None)


def canned_replies(work: DemoWork, queues: list[Record]) -> None:
    """Texts that agents need every day."""
    for title, text, queue in (
        ("We are on it", "Thank you for {number}. Somebody is looking into it and will write to you today.", 0),
        ("More information, please", "Could you tell us since when, and whether colleagues have it too?", 0),
        ("Solved: please try again", "We have mended it. If it comes back within a week, simply answer to this message.", 0),
        ("Works at the network", "We work at the network in this house until tonight. Wireless may be slow meanwhile.", 1),
        ("Part ordered", "The part is ordered and arrives within three working days.", 2),
        ("Not ours", "This is a matter of House services: please report it there, they know where the keys are.", None),
    ):
        work.create(
            "helpdesk.canned_reply", title=title, body=f"<p>{text}</p>", queue=queues[queue].id if queue is not None else None
        )
