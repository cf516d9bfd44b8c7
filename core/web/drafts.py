"""Drafts: what was typed into a form and not saved, kept every few seconds."""

from __future__ import annotations

from flask import Response, jsonify, request

from core.errors import NotFound
from core.services import desk
from core.web.asking import asking, entered
from core.web.routing import Routes
from core.web.showing import go

_LEFT_OUT = frozenset({"csrf_token", "_place", "place"})


def routes(made: Routes) -> None:
    """Keeping, reading and forgetting drafts."""
    made.post("/drafts")(keep)
    made.get("/drafts")(read)
    made.post("/drafts/forget")(forget)


@entered
def keep() -> Response:
    """Keep the form's texts; passwords and files are never among them."""
    who = asking()
    values = {name: texts for name, texts in request.form.lists() if name not in _LEFT_OUT and "password" not in name}
    at = desk.keep_draft(who.platform, who.actor, request.form.get("_place", "")[:200], values)
    return jsonify(at=who.fmt.local(at).strftime("%H:%M"))


@entered
def read() -> Response:
    """The draft of one place."""
    who = asking()
    found = desk.draft(who.platform, who.actor, request.args.get("place", "")[:200])
    if found is None:
        raise NotFound("There is no draft here.")
    return jsonify(values=found.values)


@entered
def forget() -> Response:
    """Discard a draft."""
    who = asking()
    place = request.form.get("place", "")[:200]
    desk.forget_draft(who.platform, who.actor, place)
    return go(place if place.startswith("/") and not place.startswith("//") else "/")
