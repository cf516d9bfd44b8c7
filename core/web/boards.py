"""Other ways to look at a list: a board of legal moves, a month, a tree and a gallery."""

from __future__ import annotations

from calendar import Calendar
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from flask import request
from markupsafe import Markup

from core.errors import BadRequest
from core.facts import Record
from core.fields import effective
from core.render import cells, words
from core.render.pages import ListPage
from core.services import looking
from core.storage.query import Condition, Group, Query, field_of
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
OTHERS = "Other"
"""The lane of cards whose value is no option any more; nothing can be put there."""


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
    """One column: the ``value`` that its cards have (None: any that is not offered)."""

    value: str | None
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
    """A month's days. ``more`` is the list that holds all of it when only the first ``most`` are shown, as of trees and galleries."""

    label: str
    before: str
    after: str
    weekdays: list[str]
    days: list[Day]
    template: str = "month.html"
    today: str = ""
    most: int = MOST_ENTRIES
    more: str = ""


@dataclass
class Node:
    card: Card
    children: list[Node] = field(default_factory=list)


@dataclass
class Tree:
    roots: list[Node]
    template: str = "tree.html"
    most: int = MOST_NODES
    more: str = ""


@dataclass
class Gallery:
    cards: list[Card]
    template: str = "gallery.html"
    most: int = MOST_ENTRIES
    more: str = ""


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
        records, more = _cut(want, _records(want, MOST_ENTRIES + 1), MOST_ENTRIES)
        found.body = Gallery([_card(want, record) for record in records], most=MOST_ENTRIES, more=more)
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
    parts = tuple(part for part in (want.query.where, where) if part is not None)
    query = replace(
        want.query, where=Group(False, parts) if parts else None, limit=limit, fields=_needed(want), after=None, before=None, last=False
    )
    if sort is not None:
        query = replace(query, sort=sort)
    try:
        return _pages(want, query)
    except BadRequest:
        return _pages(want, replace(query, sort=()))


def _pages(want: Wanted, query: Query) -> list[Record]:
    """As many records as asked for, which may be more than a page holds."""
    who = want.asking
    found = looking.page(who.platform, who.actor, want.entity.full_name, query)
    items = list(found.items)
    while found.next and len(items) < query.limit:
        found = looking.page(who.platform, who.actor, want.entity.full_name, replace(query, after=found.next))
        items += found.items
    return items[: query.limit]


def _cut(want: Wanted, found: list[Record], most: int, *conditions: tuple[str, str]) -> tuple[list[Record], str]:
    """The first ``most`` records, and where all of them are listed ("" when these are all)."""
    if len(found) <= most:
        return found, ""
    kept = [pair for pair in want.found if pair[0] not in listing.OWN or pair[0] == "q"]
    return found[:most], address(want.url, [("view", _list_view(want)), *kept, *conditions])


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
    lanes: list[tuple[str | None, str, Markup]] = []
    if by == "state" and workflow is not None:
        lanes = [
            (state.name, words.state_label(want.shape, state.name), Markup(cells.pill(want.shape, state.name))) for state in workflow.states
        ]
    elif declared is not None and by in want.visible:
        lanes = [(option.name, option.label or option.name, Markup(cells.tag(declared, option.name))) for option in declared.options]
        lanes.append(("", NO_VALUE, Markup('<span class="muted">None</span>')))
        lanes.append((None, OTHERS, Markup('<span class="muted">Other</span>')))
    offered = tuple(name for name, _, _ in lanes if name)
    made = []
    for name, label, head in lanes:
        only, narrowed = _lane(by, name, offered)
        found = _records(want, MOST_CARDS + 1, Group(False, (only,)))
        if not found and name is None:
            continue
        if not found and name and by == "state" and workflow is not None and not _in_view(want, name):
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
        more = address(want.url, [("view", _list_view(want)), narrowed]) if len(found) > MOST_CARDS else ""
        made.append(Lane(name, label, head, [_card(want, record) for record in found[:MOST_CARDS]], more, targets))
    drag = by == "state" or by in want.rights.writable()
    label = words.field_label(declared) if declared is not None else words.human(by)
    return Board(made, by, label, drag)


def _lane(by: str, name: str | None, offered: tuple[str, ...]) -> tuple[Condition, tuple[str, str]]:
    """Which records stand in a lane, as a condition and as a list's filter: by an option, without one, or with one of none."""
    if name:
        return Condition(by, "eq", (name,)), (by, name)
    if name is not None:
        return Condition(by, "empty", (True,)), (f"{by}__empty", "1")
    if not offered:
        return Condition(by, "empty", (False,)), (f"{by}__empty", "0")
    return Condition(by, "not_in", offered), (f"{by}__not_in", ",".join(offered))


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
    low, high = days[0], days[-1]
    after = high + timedelta(days=1)
    end = want.view.end if want.view.end and listing.listable(want.shape, want.view.end, want.visible) else ""
    found = _records(
        want,
        MOST_ENTRIES + 1,
        Group(False, (Condition(start, "ge", (_bound(want, start, low),)), Condition(start, "lt", (_bound(want, start, after),)))),
        ((start, False),),
    )
    lasting: list[Record] = []
    if end:
        # Apart from the month's own, so that these are found along the index of the start.
        began = (Condition(start, "lt", (_bound(want, start, low),)), Condition(end, "ge", (_bound(want, end, low),)))
        lasting = _records(want, MOST_ENTRIES + 1, Group(False, began), ((start, True),))[::-1]
    found, more = _cut(want, [*lasting, *found], MOST_ENTRIES, *_within(want, start, end, low, after))
    if more:
        found = _earliest(want, start, days, lasting)
    numbers = _numbers(want)
    by_day: dict[date, list[Card]] = {}
    for record in found:
        moment, card = record.get(start), _card(want, record)
        key = next((str(record.get(name) or "") for name in numbers), "")
        card.short = card.title.removeprefix(f"{key} ") if key else card.title
        if isinstance(moment, datetime):
            moment = who.fmt.local(moment)
            card.at, moment = who.fmt.time(moment.time().replace(second=0, microsecond=0)), moment.date()
        if moment is None:
            continue
        by_day.setdefault(moment, []).append(card)
        later, last = replace(card, at=""), min(_last_day(record.get(end), moment, who.fmt.zone), high)
        day = max(moment + timedelta(days=1), low)
        while day <= last:
            by_day.setdefault(day, []).append(later)
            day += timedelta(days=1)
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
        most=len(found),
        more=more,
    )


def _earliest(want: Wanted, start: str, days: list[date], lasting: list[Record]) -> list[Record]:
    """Of a month with too many entries the earliest of each day, so that no day is empty because those before it are full."""
    each = max(1, MOST_ENTRIES // (len(days) + 1))
    found = lasting[-each:]
    for day in days:
        within = (
            Condition(start, "ge", (_bound(want, start, day),)),
            Condition(start, "lt", (_bound(want, start, day + timedelta(days=1)),)),
        )
        found += _records(want, each, Group(False, within), ((start, False),))
    return found[:MOST_ENTRIES]


def _bound(want: Wanted, name: str, day: date) -> date | datetime:
    """The beginning of a day as a value of the field."""
    declared = field_of(want.shape, name)
    timed = declared is not None and effective(declared, want.asking.generation.entities, want.entity).type == "datetime"
    return datetime.combine(day, datetime.min.time(), want.asking.fmt.zone) if timed else day


def _last_day(ends: Any, first: date, zone: tzinfo) -> date:
    """The last day on which a record stands. What ends at midnight is over before that day; what ends before it starts has one day."""
    if isinstance(ends, datetime):
        ends = (ends - timedelta(microseconds=1)).astimezone(zone).date()
    return max(first, ends) if isinstance(ends, date) else first


def _within(want: Wanted, start: str, end: str, low: date, after: date) -> list[tuple[str, str]]:
    """A month as filters of a list."""
    before = (f"{start}__lt", after.isoformat())
    if not end:
        return [("sort", start), (f"{start}__ge", low.isoformat()), before]
    taken = {name.partition(".")[0] for name, _ in want.found}
    group = next((f"any{number}" for number in range(1, 10) if f"any{number}" not in taken), "any9")
    return [("sort", start), before, (f"{group}.{start}__ge", low.isoformat()), (f"{group}.{end}__ge", low.isoformat())]


def _asked_month(today: date) -> date:
    year, _, month = request.args.get("month", "").partition("-")
    if year.isdecimal() and month.isdecimal() and 1900 <= int(year) <= 2200 and 1 <= int(month) <= 12:
        return date(int(year), int(month), 1)
    return today.replace(day=1)


def _tree(want: Wanted) -> Tree:
    parent = want.shape.parent or want.view.by
    found, more = _cut(want, _records(want, MOST_NODES + 1, sort=(("display_title", False),)), MOST_NODES)
    nodes = {record.id: Node(_card(want, record)) for record in found}
    roots = []
    for record in found:
        above = nodes.get(record.get(parent) or 0) if parent else None
        if above is None or above is nodes[record.id]:
            roots.append(nodes[record.id])
        else:
            above.children.append(nodes[record.id])
    return Tree(roots, most=MOST_NODES, more=more)
