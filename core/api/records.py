"""One record: create, read, change, delete, move, its history and its files."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import quote

from flask import Response

from core.access.grant import grant
from core.api import bodies, listing
from core.api.door import Call, Reply, number_of
from core.errors import BadRequest, Invalid
from core.facts import Record, Value
from core.fields import Showing
from core.fields.times import iso
from core.render.serializers import dump_of, load
from core.services import files, looking, moves, records
from core.services.defaults import DERIVED
from core.services.preparing import NOT_HERE
from core.workflow.documents import workflow_of
from schemas.model import Entity, Field

BLOCK = 256 * 1024


def create(call: Call, plugin: str, entity: str) -> Reply:
    """``POST /<plugin>/<entity>``."""
    shape = call.entity(plugin, entity)
    rights = grant(shape, call.actor)
    body = bodies.members(call.request, call.platform.settings.max_form)
    values = given(shape, body, rights.creatable())
    record = records.create(call.platform, call.actor, shape.full_name, values)
    where = f"/api/v1/{shape.plugin}/{shape.name}/{record.id}"
    return _record(call, shape, record, 201, {"Location": where})


def get(call: Call, plugin: str, entity: str, number: str) -> Reply:
    """``GET /<plugin>/<entity>/<id>``, with ``fields`` and ``expand`` like the list."""
    shape = call.entity(plugin, entity)
    _only(call, "fields", "expand")
    asked = listing.query(call, shape)
    found = looking.get(call.platform, call.actor, shape.full_name, number_of(number), asked.fields)
    items = call.records(shape, [found])
    if asked.fields is not None:
        items = listing.chosen(call, items)
    listing.expand(call, shape, [found], items)
    return Reply(200, items[0], {"ETag": bodies.tag(found["version"])} if "version" in found else {})


def patch(call: Call, plugin: str, entity: str, number: str) -> Reply:
    """``PATCH /<plugin>/<entity>/<id>``."""
    shape = call.entity(plugin, entity)
    body = bodies.members(call.request, call.platform.settings.max_form)
    rights = grant(shape, call.actor)
    values = given(shape, body, rights.writable())
    record = records.change(call.platform, call.actor, shape.full_name, number_of(number), values, bodies.version(call.request))
    return _record(call, shape, record, 200, {})


def delete(call: Call, plugin: str, entity: str, number: str) -> Reply:
    """``DELETE /<plugin>/<entity>/<id>``: into the trash."""
    shape = call.entity(plugin, entity)
    records.delete(call.platform, call.actor, shape.full_name, number_of(number), bodies.version(call.request))
    return Reply(204)


def restore(call: Call, plugin: str, entity: str, number: str) -> Reply:
    """``POST /<plugin>/<entity>/<id>/restore``: out of the trash again, with what went there along with it."""
    shape = call.entity(plugin, entity)
    record = records.restore(call.platform, call.actor, shape.full_name, number_of(number))
    return _record(call, shape, record, 200, {})


def move(call: Call, plugin: str, entity: str, number: str, transition: str) -> Reply:
    """``POST /<plugin>/<entity>/<id>/transitions/<name>``; the body holds the move's fields, and ``reason``."""
    shape = call.entity(plugin, entity)
    body = bodies.members(call.request, call.platform.settings.max_form, optional=True)
    workflow = workflow_of(shape)
    declared = workflow.transition(transition) if workflow is not None else None
    rights = grant(shape, call.actor)
    # Where the record has a field of that name, the word is the move's when the move asks for a reason and not for the field.
    asks = declared is not None and declared.reason and "reason" not in declared.form
    reason = body.pop("reason", None) if asks or shape.field("reason") is None else None
    if reason is not None and not isinstance(reason, str):
        raise Invalid({"reason": ["This has to be text."]})
    if isinstance(reason, str) and ("\x00" in reason or any("\ud800" <= sign <= "\udfff" for sign in reason) or len(reason) > 4_000):
        raise Invalid({"reason": ["The reason holds characters that cannot be kept, or is longer than 4,000."]})
    values = given(shape, body, rights.writable() | frozenset(declared.form if declared is not None else ()))
    record = moves.move(call.platform, call.actor, shape.full_name, number_of(number), transition, values, reason or "",
                        bodies.version(call.request))
    return _record(call, shape, record, 200, {})


def history(call: Call, plugin: str, entity: str, number: str) -> Reply:
    """``GET /<plugin>/<entity>/<id>/history``: newest first, one entry for each operation."""
    shape = call.entity(plugin, entity)
    _only(call, "limit", "after")
    limit = listing.limit_of(call.request.args)
    found = looking.history(call.platform, call.actor, shape.full_name, number_of(number), limit=limit,
                            after=call.request.args.get("after") or None)
    dump, ctx = dump_of(shape, call.generation.entities), Showing(zone=call.actor.zone)

    def told(name: str, value: Value) -> Any:
        return dump.value(name, value, ctx)

    items = [
        {"id": event.id, "at": iso(event.at), "actor": event.actor, "on_behalf_of": event.on_behalf_of, "channel": event.channel,
         "operation": event.operation, "transition": event.transition or None,
         "changes": [{"field": one.field, "before": told(one.field, one.before), "after": told(one.field, one.after)}
                     for one in event.changes],
         "reason": event.reason or None}
        for event in found.items
    ]
    return Reply(200, {"items": items, "next": found.next})


def file(call: Call, plugin: str, entity: str, number: str, field: str) -> Reply:
    """``GET /<plugin>/<entity>/<id>/files/<field>``: the bytes, always as something to save."""
    shape = call.entity(plugin, entity)
    found = files.of_record(call.platform, call.actor, shape.full_name, number_of(number), field)
    stream = files.open_bytes(call.platform, found)

    def blocks() -> Iterator[bytes]:
        with stream:
            while block := stream.read(BLOCK):
                yield block

    response = Response(blocks(), content_type=found.type)
    response.content_length = found.size
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.name)}"
    return Reply(response=response)


def given(shape: Entity, body: dict[str, Any], names: Collection[str]) -> dict[str, Value]:
    """The values of a body whose readable members are among ``names``; Invalid names every member that is not right."""
    values, errors = load(shape, body, names)
    for one in shape.fields:
        if one.type == "lines" and one.name in body and one.name in names and one.name not in errors:
            errors |= _derived_in_lines(one, body[one.name])
    if errors:
        raise Invalid(errors | {name: [NOT_HERE] for name in body if name not in names})
    return values


def _derived_in_lines(one: Field, lines: Any) -> dict[str, list[str]]:
    """New lines give no derived values; those with an id may bring along what they were read with."""
    derived = {child.name for child in one.fields if child.type in DERIVED}
    said = [
        f"Line {number}: “{name}” cannot be given here."
        for number, line in enumerate(lines if isinstance(lines, list) else (), start=1)
        if isinstance(line, dict) and line.get("id") is None
        for name in line if name in derived
    ]
    return {one.name: said} if said else {}


def _record(call: Call, shape: Entity, record: Record, status: int, headers: dict[str, str]) -> Reply:
    made = call.records(shape, [record])[0]
    return Reply(status, made, headers | {"ETag": bodies.tag(record.version)})


def _only(call: Call, *names: str) -> None:
    for name in call.request.args:
        if name not in names:
            raise BadRequest(f"There is no parameter “{name[:80]}” here.")
