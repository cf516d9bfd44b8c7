"""A record as it was: its values at an instant, in the layout its readers had then."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import Response, request
from markupsafe import Markup

from core.render import cells, words
from core.render.pages import Crumb, Plain
from core.services import past
from core.services.instants import asked
from core.web import showing
from core.web.asking import asking, entered
from core.web.records import sections
from core.web.routing import Routes
from core.web.showing import respond


def routes(made: Routes) -> None:
    """The route of every record's past."""
    made.get("/<name:plugin>/<name:entity>/<number:number>/as-of")(as_of)


@entered
def as_of(plugin: str, entity: str, number: int) -> Response:
    """The record at the instant ``at``: with an offset, or as the reader's own clock said; a day alone means its end."""
    who = asking()
    found = who.entity(plugin, entity)
    at = asked(request.args.get("at", ""), who.actor.zone)
    record = past.as_of(who.platform, who.actor, found.full_name, number, at)
    shape = past.shape_at(who.platform, found.full_name, who.actor.department_code, at) or who.shape(found)
    changed = record.extra["changed"]
    url, title = f"/{plugin}/{entity}", str(record.get("display_title") or f"#{number}")
    page = Plain(
        showing.shell(
            f"{title}, as it was",
            crumbs=[Crumb(words.plural(shape), url), Crumb(title, f"{url}/{number}"), Crumb("As it was")],
            here=url,
        ),
        {
            "title": title,
            "url": f"{url}/{number}",
            "sections": sections(who, found, shape, record),
            "state": Markup(cells.pill(shape, record["state"], large=True)) if record.get("state") else Markup(""),
            "when": who.texts.datetime(at),
            "input": at.astimezone(ZoneInfo(who.actor.zone)).strftime("%Y-%m-%dT%H:%M"),
            "version": record.version,
            "changed": [words.field_label(one) for one in shape.fields if one.name in changed and not one.hidden],
        },
    )
    return respond("as_of.html", page, block="main")
