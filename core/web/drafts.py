"""Drafts: what was typed into a form and not saved, kept every few seconds."""

from __future__ import annotations

import re

from flask import Response, jsonify, request

from core.errors import NotFound
from core.services import desk
from core.web.asking import Asking, asking, entered
from core.web.routing import Routes
from core.web.showing import go

_LEFT_OUT = frozenset({"csrf_token", "_place", "place"})
_FORM = re.compile(r"/([a-z][a-z0-9_]*)/([a-z][a-z0-9_]*)/")


def routes(made: Routes) -> None:
    """Keeping, reading and forgetting drafts."""
    made.post("/drafts")(keep)
    made.get("/drafts")(read)
    made.post("/drafts/forget")(forget)


@entered
def keep() -> Response:
    """Keep the form's texts; passwords, secrets and files are never among them."""
    who = asking()
    place = request.form.get("_place", "")[:200]
    secret = _secrets(who, place)
    values = {
        name: texts
        for name, texts in request.form.lists()
        if name not in _LEFT_OUT and "password" not in name and _field(name) not in secret
    }
    at = desk.keep_draft(who.platform, who.actor, place, values)
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


def _secrets(who: Asking, place: str) -> frozenset[tuple[str, ...]]:
    """The secret fields of the form at ``place``, as :func:`_field` tells them: what is encrypted at rest is kept nowhere in clear."""
    named = _FORM.match(place)
    entity = who.generation.entities.get(f"{named[1]}.{named[2]}") if named else None
    if entity is None:
        return frozenset()
    found: set[tuple[str, ...]] = {(one.name,) for one in who.shape(entity).fields if one.type == "secret"}
    found |= {(one.name, inner.name) for one in who.shape(entity).fields for inner in one.fields if inner.type == "secret"}
    return frozenset(found)


def _field(control: str) -> tuple[str, ...]:
    """A control's field: ``name``, or within lines (``parts-0-name``) the field of the lines and its own."""
    parts = control.split("-")
    return (parts[0], parts[2]) if len(parts) == 3 else (control,)
