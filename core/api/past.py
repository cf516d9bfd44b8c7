"""What was: a record as it was at an instant, and taking back a whole operation."""

from __future__ import annotations

import re

from core.api.door import Call, Reply, number_of
from core.errors import BadRequest, NotFound
from core.services import explain as explaining
from core.services import past, undo
from core.services.instants import asked

_OPERATION = re.compile(r"[0-9a-f]{32}")


def as_of(call: Call, plugin: str, entity: str, number: str) -> Reply:
    """``GET /<plugin>/<entity>/<id>/as-of?at=``: the record as it was then, with what its reader may see today."""
    shape = call.entity(plugin, entity)
    _only(call, "at")
    at = asked(call.request.args.get("at", ""), call.actor.zone)
    record = past.as_of(call.platform, call.actor, shape.full_name, number_of(number), at)
    return Reply(200, call.records(shape, [record])[0])


def take_back(call: Call, operation: str) -> Reply:
    """``POST /-/undo/<operation>``: take back everything the operation did, as new changes; says what could not be taken back."""
    if not _OPERATION.fullmatch(operation):
        raise NotFound("There is no such operation, or nothing of it that you may see.")
    outcome = undo.undo(call.platform, call.actor, operation)
    results = [
        {"entity": one.entity or None, "id": one.id or None, "title": one.title, "done": one.done, "sentences": one.sentences}
        for one in outcome.results
    ]
    return Reply(200, {"operation": outcome.operation, "done": outcome.done, "results": results})


def explain(call: Call) -> Reply:
    """``GET /-/explain?entity=&id=&action=&field=&transition=&user=``: the rule chain, for oneself or, by administrators, for others."""
    _only(call, "entity", "id", "action", "field", "transition", "user")
    given = {name: value for name, value in call.request.args.items() if value}
    entity = given.get("entity", "")
    plugin, _, name = entity.partition(".")
    call.entity(plugin, name)
    said = explaining.explain(
        call.platform,
        call.actor,
        given.get("user", call.actor.email),
        entity,
        number_of(given["id"]) if "id" in given else None,
        action=given.get("action", "read"),
        field=given.get("field"),
        transition=given.get("transition"),
    )
    return Reply(200, {"allowed": said.allowed, "sentences": list(said.sentences)})


def _only(call: Call, *names: str) -> None:
    for name in call.request.args:
        if name not in names:
            raise BadRequest(f"There is no parameter “{name[:80]}” here.")
