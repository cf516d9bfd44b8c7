"""Places of everybody: home, the inbox, search over everything, the palette, and what may be made."""

from __future__ import annotations

import re
from dataclasses import replace

from flask import Response, request
from markupsafe import Markup

from core.errors import BackofficeError
from core.render import cells, navigation, words
from core.render.pages import Crumb, Plain
from core.services import desk, looking, notices
from core.storage.query import Query
from core.web import showing
from core.web.asking import Asking, asking, entered
from core.web.routing import Routes
from core.web.showing import respond
from schemas.model import Entity

SHOWN = 8
MADE_OFTEN = 6
MOST_INBOX = 50
PALETTE_RECORDS = 8
_FORM = re.compile(r"/([a-z0-9_]+)/([a-z0-9_]+)/(?:new(?:\?form=[a-z0-9_]+)?|([0-9]{1,16})/edit)\Z")
"""Where a draft of a record's form is kept: a new one's, or one of a number."""


def routes(made: Routes) -> None:
    """Pages that belong to no entity."""
    made.get("/")(home)
    made.get("/inbox")(inbox)
    made.get("/search")(search)
    made.get("/palette")(palette)
    made.get("/create")(create)
    made.get("/studio")(studio)


@entered
def home() -> Response:
    """What wants the person, and where they may go."""
    who = asking()
    page = Plain(
        showing.shell("Home", crumbs=[Crumb("Home")], here="/"),
        {
            "name": who.actor.name.split(" ")[0],
            "wants": _wanted(who, SHOWN),
            "create": _often(who),
            "drafts": _drafts(who),
            "unread": notices.unread(who.platform, who.actor),
        },
    )
    return respond("home.html", page, block="main")


def _drafts(who: Asking) -> list[tuple[str, str, str]]:
    """(label, address, when) of the forms that were left without saving, as far as they are still the person's."""
    found = []
    for place, at in desk.drafts(who.platform, who.actor):
        parts = _FORM.match(place)
        entity = who.generation.entities.get(f"{parts[1]}.{parts[2]}") if parts else None
        if parts is None or entity is None or not who.grant(entity).may("write" if parts[3] else "create"):
            continue
        label = f"New {words.singular(entity).lower()}"
        if parts[3]:
            record = looking.get_many(who.platform, who.actor, entity.full_name, [int(parts[3])], ()).get(int(parts[3]))
            if record is None:
                continue
            label = str(record.get("display_title") or f"#{record.id}")
        found.append((label, place, who.texts.stamp(at)))
    return found


def _often(who: Asking) -> list[tuple[str, str, str]]:
    """(label, url, function) of what people make day by day: what goes through states first."""
    every = [
        (label, url, group, flows) for group, _, offered in navigation.makes(who.generation, who.actor) for label, url, _, flows in offered
    ]
    chosen = sorted(every, key=lambda one: not one[3])[:MADE_OFTEN]
    labels = [one[0] for one in chosen]
    return [(label, url, group if labels.count(label) > 1 else "") for label, url, group, _ in chosen]


@entered
def inbox() -> Response:
    """Every record that wants the person: what its entity says by ``home``."""
    who = asking()
    page = Plain(showing.shell("Inbox", crumbs=[Crumb("Inbox")], here="/inbox"), {"wants": _wanted(who, MOST_INBOX)})
    return respond("inbox.html", page, block="main")


def _wanted(who: Asking, most: int) -> list[tuple[str, str, int, bool, list[tuple[str, str, Markup, str]]]]:
    found = []
    for entity in who.generation.entities.values():
        if not entity.home or not who.grant(entity).may("read"):
            continue
        fields = tuple(name for name in ("state" if entity.workflow else "", entity.due) if name)
        query = Query(expression=entity.home, limit=most, fields=fields, sort=((entity.due, False),) if entity.due else (("id", True),))
        try:
            page = looking.page(who.platform, who.actor, entity.full_name, query)
        except BackofficeError:
            try:
                page = looking.page(who.platform, who.actor, entity.full_name, replace(query, sort=(("id", True),), fields=fields[:1]))
            except BackofficeError:
                continue
        if page.items:
            rows = [
                (
                    f"/{entity.plugin}/{entity.name}/{one.id}",
                    str(one.get("display_title") or one.id),
                    Markup(cells.pill(entity, one["state"])) if one.get("state") else Markup(""),
                    _due(who, entity, one),
                )
                for one in page.items
            ]
            found.append((words.plural(entity), entity.icon or "list", len(rows), page.next is not None, rows))
    return found


def _due(who: Asking, entity: Entity, record: dict[str, object]) -> str:
    value = record.get(entity.due) if entity.due else None
    if value is None:
        return ""
    field = entity.field(entity.due)
    return Markup(cells.brief(field, value, who.texts)).striptags() if field else ""


@entered
def search() -> Response:
    """Search over every entity the person may read."""
    who = asking()
    q = request.args.get("q", "").strip()[:200]
    groups: dict[str, tuple[str, str, str, list[tuple[str, str]]]] = {}
    for hit in looking.search(who.platform, who.actor, q, 6) if q else ():
        entity = who.generation.entities[hit.entity]
        url = f"/{entity.plugin}/{entity.name}"
        group = groups.setdefault(hit.entity, (words.plural(entity), entity.icon or "list", f"{url}?q={q}", []))
        group[3].append((f"{url}/{hit.id}", hit.title or f"#{hit.id}"))
    page = Plain(showing.shell("Search", crumbs=[Crumb("Search")], here="/search"), {"q": q, "groups": list(groups.values())})
    return respond("search.html", page, block="results")


@entered
def palette() -> Response:
    """What fits the words typed so far: places, things to make, records."""
    who = asking()
    q = request.args.get("q", "").strip()[:100]
    folded = q.casefold()
    places = [
        (entry.label, entry.url, entry.icon, group.label)
        for group in navigation.groups(who.generation, who.actor)
        for entry in group.entries
    ]
    places += [
        ("Home", "/", "home", ""),
        ("Inbox", "/inbox", "inbox", ""),
        ("Notifications", "/inbox/notifications", "bell", ""),
        ("Account", "/account", "user", ""),
    ]
    if who.is_admin:
        places += [("Administration", "/admin", "settings", ""), ("Style page", "/styleguide", "palette", "")]
    makes = [(f"New {label.lower()}", url, "plus", "") for label, url in navigation.creatable(who.generation, who.actor)]
    groups = [
        ("Go to", [one for one in places if folded in f"{one[0]} {one[3]}".casefold()][:8]),
        ("Create", [one for one in makes if folded and folded in one[0].casefold()][:6]),
    ]
    if len(q) > 1:
        records = [
            (
                hit.title or f"#{hit.id}",
                f"/{hit.entity.replace('.', '/')}/{hit.id}",
                who.generation.entities[hit.entity].icon or "file",
                words.singular(who.generation.entities[hit.entity]),
            )
            for hit in looking.search(who.platform, who.actor, q, 3)
        ]
        groups.insert(0 if records and not groups[0][1] else 1, ("Records", records[:PALETTE_RECORDS]))
    page = Plain(showing.shell("Search"), {"groups": [group for group in groups if group[1]], "q": q})
    return respond("palette.html", page, block="options")


@entered
def create() -> Response:
    """Everything the person may make."""
    who = asking()
    page = Plain(showing.shell("New", crumbs=[Crumb("New")], here="/create"), {"create": navigation.makes(who.generation, who.actor)})
    return respond("create.html", page, block="entries")


@entered
def studio() -> Response:
    """Where the shape of things is looked at; for now the generations of the administration."""
    return showing.go("/admin/generations")
