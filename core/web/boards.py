"""Other ways to look at a list: a board of legal moves, a month, a tree and a gallery."""

from __future__ import annotations

from calendar import Calendar
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from flask import request
from markupsafe import Markup

from core.errors import BadRequest
from core.facts import Record
from core.fields import effective
from core.render import cells, words
from core.render.pages import ListPage
from core.services import looking
from core.storage.query import Condition, Group, field_of
from core.web import listing
from core.web.addresses import address, with_
from core.web.listing import Wanted
from core.web.routing import Routes
from schemas.model import Transition

BODIES = frozenset({"board", "calendar", "timeline", "tree", "gallery"})
MOST_CARDS = 50
MOST_ENTRIES = 500
MOST_NODES = 2000
NO_VALUE = "–"


@dataclass
class Card:
    """One record on a board: its title and a few facts. ``short`` is the title without the human key, ``at`` a time of the day."""

    id: int
    url: str
    title: str
    facts: list[tuple[str, Markup]] = field(default_factory=list)
    version: int = 0
    moves: str = ""
    short: str = ""
    at: str = ""


@dataclass
class Lane:
    """One column: the ``value`` that its cards have."""

    value: str
    label: str
    head: Markup
    cards: list[Card]
    more: str = ""
    targets: str = ""


@dataclass
class Board:
    """Lanes of the values of ``by``, a field or ``state``; ``label`` says what they are by."""

    lanes: list[Lane]
    by: str
    label: str
    draggable: bool
    template: str = "board.html"


@dataclass
class Day:
    date: date
    inside: bool
    today: bool
    entries: list[Card]


@dataclass
class Month:
    label: str
    before: str
    after: str
    weekdays: list[str]
    days: list[Day]
    template: str = "month.html"
    more: int = 0
    today: str = ""


@dataclass
class Node:
    card: Card
    children: list[Node] = field(default_factory=list)


@dataclass
class Tree:
    roots: list[Node]
    template: str = "tree.html"


@dataclass
class Gallery:
    cards: list[Card]
    template: str = "gallery.html"


def routes(made: Routes) -> None:
    """Boards have no addresses of their own: a view of a list is a list."""


def page(want: Wanted) -> ListPage:
    """The list's page with the body that its view asks for."""
    found = listing.frame(want)
    kind = want.view.kind
    if kind == "board":
        found.body = _board(want)
    elif kind in ("calendar", "timeline"):
        found.body = _month(want)
    elif kind == "tree":
        found.body = _tree(want)
    else:
        found.body = Gallery([_card(want, record) for record in _records(want, MOST_ENTRIES)])
    return found


def _facts(want: Wanted) -> tuple[str, ...]:
    names = want.view.card or want.view.columns
    visible = want.visible
    return tuple(name for name in names if listing.listable(want.shape, name, visible))


def _needed(want: Wanted) -> tuple[str, ...]:
    extra = [one for one in (want.view.by, want.view.start, want.view.end, want.shape.parent) if one]
    if want.view.kind in ("calendar", "timeline"):
        extra += [_start(want), *_numbers(want)]
    return tuple(dict.fromkeys([*_facts(want), *extra]))


def _start(want: Wanted) -> str:
    """The field that says on which day a record stands: the view's, else the first day the entity has."""
    return want.view.start or next((one.name for one in want.shape.fields if one.type in ("date", "datetime")), "created_at")


def _numbers(want: Wanted) -> list[str]:
    """The fields that hold human keys."""
    return [one.name for one in want.shape.fields if one.type == "sequence" and one.name in want.visible]


def _records(want: Wanted, limit: int, where: Group | None = None, sort: tuple[tuple[str, bool], ...] | None = None) -> list[Record]:
    who = want.asking
    parts = tuple(part for part in (want.query.where, where) if part is not None)
    query = replace(
        want.query, where=Group(False, parts) if parts else None, limit=limit, fields=_needed(want), after=None, before=None, last=False
    )
    if sort is not None:
        query = replace(query, sort=sort)
    try:
        return looking.page(who.platform, who.actor, want.entity.full_name, query).items
    except BadRequest:
        return looking.page(who.platform, who.actor, want.entity.full_name, replace(query, sort=())).items


def _card(want: Wanted, record: Record) -> Card:
    title = str(record.get("display_title") or f"#{record.id}")
    facts = []
    for name in _facts(want):
        declared = field_of(want.shape, name)
        if declared is None or name in record.masked or record.get(name) in (None, ()):
            continue
        if want.view.kind in ("tree", "gallery") and declared.type in ("text", "sequence") and str(record[name]) in title:
            continue  # the title says it already
        facts.append((words.field_label(declared), value(want, declared, record, name)))
    return Card(record.id, f"{want.url}/{record.id}", title, facts, record.version)


def value(want: Wanted, declared: Any, record: Record, name: str) -> Markup:
    """One field of a record as ready HTML."""
    if name == "state":
        return Markup(cells.pill(want.shape, record.get("state")))
    shown = effective(declared, want.asking.generation.entities, want.entity)
    label = record.labels.get(name)
    if shown.type in ("reference", "person", "department"):
        return Markup("{}").format(label) if label is not None else cells.WITHHELD
    return Markup(cells.brief(shown, record.get(name), want.asking.texts))


def _board(want: Wanted) -> Board:
    by = want.view.by or "state"
    declared = field_of(want.shape, by)
    workflow = want.shape.workflow
    lanes: list[tuple[str, str, Markup]] = []
    if by == "state" and workflow is not None:
        lanes = [
            (state.name, words.state_label(want.shape, state.name), Markup(cells.pill(want.shape, state.name))) for state in workflow.states
        ]
    elif declared is not None and by in want.visible:
        lanes = [(option.name, option.label or option.name, Markup(cells.tag(declared, option.name))) for option in declared.options]
        lanes.append(("", NO_VALUE, Markup('<span class="muted">None</span>')))
    made = []
    for name, label, head in lanes:
        only = Condition(by, "empty", (True,)) if not name else Condition(by, "eq", (name,))
        found = _records(want, MOST_CARDS + 1, Group(False, (only,)))
        if not found and by == "state" and workflow is not None and not _in_view(want, name):
            continue
        targets = (
            " ".join(
                f"{one.name}:{one.to}"
                for one in workflow.transitions
                if (name in one.from_states or ("any" in one.from_states and name != one.to)) and _offered(want, one)
            )
            if by == "state" and workflow
            else ""
        )
        more = address(want.url, [("view", _list_view(want)), (by, name)]) if len(found) > MOST_CARDS else ""
        made.append(Lane(name, label, head, [_card(want, record) for record in found[:MOST_CARDS]], more, targets))
    drag = by == "state" or by in want.rights.writable()
    label = words.field_label(declared) if declared is not None else words.human(by)
    return Board(made, by, label, drag)


def _offered(want: Wanted, one: Transition) -> bool:
    """Whether the reader holds a role of the move; what its guard says is asked when a card is put."""
    actor = want.rights.actor
    if "core.everything" in actor.roles or not one.roles or actor.roles & set(one.roles):
        return True
    return any(one.name in right.moves for right in want.rights.rights)


def _in_view(want: Wanted, state: str) -> bool:
    return not want.view.where or f"'{state}'" in want.view.where


def _list_view(want: Wanted) -> str:
    return next((view.name for view in want.shape.views if view.kind == "list" and not view.where), "all")


def _month(want: Wanted) -> Month:
    who = want.asking
    today = who.platform.clock.now().astimezone(who.fmt.zone).date()
    first = _asked_month(today)
    start = _start(want)
    days = list(Calendar(who.fmt.locale.first_week_day).itermonthdates(first.year, first.month))
    declared = field_of(want.shape, start)
    timed = declared is not None and effective(declared, who.generation.entities, want.entity).type == "datetime"
    low, high = days[0], days[-1]
    bounds: tuple[Any, Any] = (low, high)
    if timed:
        bounds = (datetime.combine(low, datetime.min.time(), who.fmt.zone), datetime.combine(high, datetime.max.time(), who.fmt.zone))
    found = _records(
        want, MOST_ENTRIES, Group(False, (Condition(start, "ge", (bounds[0],)), Condition(start, "le", (bounds[1],)))), ((start, False),)
    )
    numbers = _numbers(want)
    by_day: dict[date, list[Card]] = {}
    for record in found:
        moment, card = record.get(start), _card(want, record)
        key = next((str(record.get(name) or "") for name in numbers), "")
        card.short = card.title.removeprefix(f"{key} ") if key else card.title
        if isinstance(moment, datetime):
            moment = moment.astimezone(who.fmt.zone)
            card.at, moment = who.fmt.time(moment.time().replace(second=0, microsecond=0)), moment.date()
        if moment is not None:
            by_day.setdefault(moment, []).append(card)
    names = who.fmt.locale.days["stand-alone"]["abbreviated"]
    month = who.fmt.locale.months["stand-alone"]["wide"][first.month]

    def step(months: int) -> str:
        number = first.year * 12 + first.month - 1 + months
        return address(want.url, with_(want.found, month=f"{number // 12:04}-{number % 12 + 1:02}"))

    return Month(
        f"{month} {first.year}",
        step(-1),
        step(1),
        [str(names[day.weekday()]) for day in days[:7]],
        [Day(day, day.month == first.month, day == today, by_day.get(day, [])) for day in days],
        today="" if (first.year, first.month) == (today.year, today.month) else address(want.url, with_(want.found, month=None)),
    )


def _asked_month(today: date) -> date:
    year, _, month = request.args.get("month", "").partition("-")
    if year.isdecimal() and month.isdecimal() and 1900 <= int(year) <= 2200 and 1 <= int(month) <= 12:
        return date(int(year), int(month), 1)
    return today.replace(day=1)


def _tree(want: Wanted) -> Tree:
    parent = want.shape.parent or want.view.by
    found = _records(want, MOST_NODES, sort=(("display_title", False),))
    nodes = {record.id: Node(_card(want, record)) for record in found}
    roots = []
    for record in found:
        above = nodes.get(record.get(parent) or 0) if parent else None
        if above is None or above is nodes[record.id]:
            roots.append(nodes[record.id])
        else:
            above.children.append(nodes[record.id])
    return Tree(roots)
