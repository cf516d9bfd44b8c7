"""Pickers: search for what a reference may point to, in tables of any size."""

from __future__ import annotations

from flask import Response, request

from core.errors import BadRequest
from core.render.pages import Plain
from core.services import looking
from core.web import showing
from core.web.asking import asking, entered
from core.web.routing import Routes
from core.web.showing import respond

MOST = 20


def routes(made: Routes) -> None:
    """The route of every entity's pickers."""
    made.get("/<name:plugin>/<name:entity>/pick")(pick)


@entered
def pick(plugin: str, entity: str) -> Response:
    """Options for one reference field; ``field`` may be ``lines.field``."""
    who = asking()
    found = who.entity(plugin, entity)
    shape = who.shape(found)
    name, _, child = request.args.get("field", "").partition(".")
    field = shape.field(name)
    if field is not None and child:
        field = field.child(child)
    allowed = who.grant(found)
    known = (
        allowed.visible()
        | allowed.writable()
        | allowed.creatable(None)
        | {name for step in (shape.workflow.transitions if shape.workflow else ()) for name in (*step.form, *step.requires)}
    )
    targets = who.generation.targets(field) if field is not None and name in known else ()
    if field is None or not targets:
        raise BadRequest("There is nothing to pick from here.")
    where = field.where if "parent." not in field.where else ""
    options = looking.lookup(who.platform, who.actor, targets[0], request.args.get("q", "")[:100], MOST, where)
    page = Plain(showing.shell("Pick"), {"options": [(number, title or f"#{number}") for number, title in options]})
    return respond("pick.html", page, block="options")
