"""The OpenAPI 3.1 description of what one actor may do over the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from core.access.actor import Actor
from core.access.grant import Grant, grant
from core.facts import SYSTEM_FIELDS
from core.fields import effective, kind, system_field
from core.render.jsontypes import ID, Json, asked, filled_in, out, taken
from schemas.model import Entity, Field, Transition, Workflow

_PROBLEMS = {
    "400": "Unreadable, or an unknown name.", "401": "No valid token.", "403": "Not allowed.", "404": "Unknown or invisible.",
    "409": "Conflict.", "412": "The record has changed.", "413": "Too large.", "415": "Wrong type of body.",
    "422": "Fields that cannot be taken.", "429": "Too many requests.", "503": "Busy; try again.", "405": "Not this method.",
}


def document(entities: Mapping[str, Entity], actor: Actor, workflow_of: Callable[[Entity], Workflow | None], base_url: str = "") -> Json:
    """The whole description: an operation stands in it exactly when the actor may call it with some success."""
    paths: Json = {}
    schemas: Json = dict(_common())
    for name in sorted(entities):
        entity = entities[name]
        rights = grant(entity, actor)
        if actor.scope_allows(name, write=False) and (rights.may("read") or rights.may("create")):
            _entity(paths, schemas, entity, entities, rights, workflow_of(entity))
    paths |= _own(actor)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Backoffice", "version": "1", "description": "Records of the functions this token may use. A list is filtered "
                 "with field=value and field__op=value; op is one of eq ne lt le gt ge in not_in contains starts between empty."},
        "servers": [{"url": f"{base_url}/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _entity(paths: Json, schemas: Json, entity: Entity, entities: Mapping[str, Entity], rights: Grant,
            workflow: Workflow | None) -> None:
    base, tag = f"/{entity.plugin}/{entity.name}", f"{entity.plugin}.{entity.name}"
    model = "".join(part.capitalize() for part in f"{entity.plugin}_{entity.name}".split("_"))
    reads = rights.may("read")
    visible, masked = rights.visible() if reads else frozenset(), rights.masked() if reads else frozenset()
    members: Json = {}
    for one in _fields(entity):
        shown = effective(one, entities, entity)
        if (one.name in visible or one.name in masked) and kind(shown).name != "secret":
            members[one.name] = out(shown, entities, entity) if one.name in visible else {"type": "null"}
    if entity.kind == "document":
        members.setdefault("amended_from", {"type": ["integer", "null"]})
    members["masked"] = {"type": "array", "items": {"type": "string"}}
    schemas[model] = {"type": "object", "properties": members, "required": ["id"]}
    schemas[f"{model}List"] = {
        "type": "object", "required": ["items", "next", "prev", "total", "total_is_capped"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{model}"}},
            "next": {"type": ["string", "null"]}, "prev": {"type": ["string", "null"]},
            "total": {"type": ["integer", "null"]}, "total_is_capped": {"type": "boolean"},
        },
    }
    label = entity.label or entity.name
    many: Json = {}
    if reads:
        many["get"] = _operation(f"list_{entity.plugin}_{entity.name}", tag, f"List {label}", f"{model}List", "200",
                                 ("400", "401", "403", "404", "429", "503"), parameters=_list_parameters(entity, entities, visible))
    names = rights.creatable()
    if names:
        schemas[f"{model}New"] = _body(entity, entities, names, required=True)
        many["post"] = _operation(f"create_{entity.plugin}_{entity.name}", tag, f"Create {label}", model, "201", _WRITE,
                                  body=f"{model}New", parameters=[_KEY])
    if many:
        paths[base] = many
    if reads:
        _one(paths, schemas, entity, entities, rights, workflow, base, model, tag)


def _one(paths: Json, schemas: Json, entity: Entity, entities: Mapping[str, Entity], rights: Grant, workflow: Workflow | None,
         base: str, model: str, tag: str) -> None:
    label, where = entity.label or entity.name, [_NUMBER]
    one: Json = {"parameters": where, "get": _operation(
        f"get_{entity.plugin}_{entity.name}", tag, f"Read {label}", model, "200", ("400", "401", "403", "404", "429", "503"),
        parameters=[_query("fields"), _query("expand")])}
    writable = rights.writable() if entity.kind != "ledger" else frozenset()
    if writable:
        schemas[f"{model}Change"] = _body(entity, entities, writable, required=False)
        one["patch"] = _operation(f"change_{entity.plugin}_{entity.name}", tag, f"Change {label}", model, "200", (*_WRITE, "412"),
                                  body=f"{model}Change", parameters=[_MATCH])
    if rights.may("delete") and entity.kind != "ledger":
        one["delete"] = _operation(f"delete_{entity.plugin}_{entity.name}", tag, f"Delete {label}", "", "204",
                                   ("401", "403", "404", "409", "412", "429", "503"), parameters=[_MATCH])
        paths[f"{base}/{{id}}/restore"] = {"parameters": where, "post": _operation(
            f"restore_{entity.plugin}_{entity.name}", tag, f"Take {label} out of the trash", model, "200",
            ("400", "401", "403", "404", "409", "422", "429", "503"), parameters=[_KEY])}
    paths[f"{base}/{{id}}"] = one
    paths[f"{base}/{{id}}/history"] = {"parameters": where, "get": _operation(
        f"history_{entity.plugin}_{entity.name}", tag, f"History of {label}", "History", "200",
        ("400", "401", "403", "404", "429", "503"), parameters=[_LIMIT, _query("after")])}
    paths[f"{base}/{{id}}/as-of"] = {"parameters": where, "get": _operation(
        f"as_of_{entity.plugin}_{entity.name}", tag, f"{label} as it was at a moment", model, "200",
        ("400", "401", "403", "404", "429", "503"), parameters=[_query("at") | {"required": True}])}
    shown = rights.visible()
    for field in entity.fields:
        if field.name in shown and kind(effective(field, entities, entity)).family == "file":
            read = _operation(f"file_{field.name}_{entity.plugin}_{entity.name}", tag, f"{field.label or field.name} of {label}", "", "200",
                              ("401", "403", "404", "429", "503"))
            read["responses"]["200"]["content"] = {kind_of: {"schema": {"type": "string", "format": "binary"}}
                                                   for kind_of in ("application/octet-stream", "*/*")}
            paths[f"{base}/{{id}}/files/{field.name}"] = {"parameters": where, "get": read}
    for transition in _moves(entity, rights, workflow):
        form = frozenset(transition.form)
        name = f"{model}{''.join(part.capitalize() for part in transition.name.split('_'))}"
        schemas[name] = _body(entity, entities, form | writable, required=False)
        schemas[name]["properties"].setdefault("reason", {"type": ["string", "null"], "maxLength": 4000})
        paths[f"{base}/{{id}}/transitions/{transition.name}"] = {"parameters": where, "post": _operation(
            f"{transition.name}_{entity.plugin}_{entity.name}", tag, transition.label or transition.name, model, "200", (*_WRITE, "412"),
            body=name, parameters=[_KEY, _MATCH], optional=True)}


def _moves(entity: Entity, rights: Grant, workflow: Workflow | None) -> Iterable[Transition]:
    if workflow is None or not rights.actor.scope_allows(entity.full_name, write=True):
        return
    held = rights.actor.roles
    named = frozenset().union(*(right.moves for right in rights.rights), frozenset())
    for one in workflow.transitions:
        free = not one.roles and bool(rights.writable())
        if one.approval is None and (rights.everything or held & set(one.roles) or one.name in named or free):
            yield one


def _fields(entity: Entity) -> Iterable[Field]:
    yield from entity.fields
    yield from (found for name in SYSTEM_FIELDS if (found := system_field(entity, name)) is not None)


def _list_parameters(entity: Entity, entities: Mapping[str, Entity], visible: Iterable[str]) -> list[Json]:
    found = [_LIMIT, *(_query(name) for name in ("after", "before", "sort", "q", "fields", "expand")),
             _query("page", {"type": "string", "enum": ["last"]}), _query("count", {"type": "string", "enum": ["0", "1"]})]
    own = {"limit", "after", "before", "sort", "q", "fields", "expand", "page", "count", "view", "format"}
    for one in _fields(entity):
        shown = effective(one, entities, entity)
        if one.name in visible and "eq" in kind(shown).operators:
            found.append(_query(f"{one.name}__eq" if one.name in own else one.name, asked(shown)))
    return found


def _body(entity: Entity, entities: Mapping[str, Entity], names: Iterable[str], *, required: bool) -> Json:
    wanted = set(names)
    members = {one.name: taken(one) for one in entity.fields if one.name in wanted}
    needed = [one.name for one in entity.fields if one.name in wanted and filled_in(one)]
    made: Json = {"type": "object", "properties": members, "additionalProperties": False}
    return made | {"required": needed} if required and needed else made


def _operation(name: str, tag: str, summary: str, model: str, status: str, refusals: Iterable[str], *, body: str = "",
               parameters: Iterable[Json] = (), optional: bool = False) -> Json:
    done: Json = {"description": "Done."}
    if model:
        done["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}
    responses: Json = {status: done} | {code: _problem(code) for code in dict.fromkeys(refusals)}
    made: Json = {"operationId": name, "tags": [tag], "summary": summary, "responses": responses}
    if listed := list(parameters):
        made["parameters"] = listed
    if body:
        made["requestBody"] = {"required": not optional,
                               "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}}}
    return made


def _problem(code: str) -> Json:
    return {"description": _PROBLEMS[code], "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _query(name: str, schema: Json | None = None) -> Json:
    return {"name": name, "in": "query", "schema": schema or {"type": "string"}}


def _own(actor: Actor) -> Json:
    usual = ("401", "429", "503")
    found: Json = {
        "/me": {"get": _operation("me", "platform", "Who am I", "Me", "200", usual)},
        "/openapi.json": {
            "get": {
                "operationId": "openapi",
                "tags": ["platform"],
                "summary": "This description",
                "responses": {"200": {"description": "Done.", "content": {"application/json": {"schema": {"type": "object"}}}}}
                | {c: _problem(c) for c in usual},
            }
        },
    }
    asked_for = [_query(name) for name in ("id", "action", "field", "transition", "user")]
    found["/-/explain"] = {"get": _operation(
        "explain", "platform", "Why may I, or why not", "Explanation", "200", ("400", "403", "404", *usual),
        parameters=[_query("entity") | {"required": True}, *asked_for])}
    if actor.scope_writes:
        found["/-/undo/{operation}"] = {
            "parameters": [{"name": "operation", "in": "path", "required": True,
                            "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}],
            "post": _operation("undo", "platform", "Take back what an operation did", "Undone", "200", ("400", "404", "409", "422", *usual),
                               parameters=[_KEY])}
        found["/files"] = {
            "post": {
                "operationId": "upload",
                "tags": ["platform"],
                "summary": "Upload a file",
                "parameters": [_KEY],
                "requestBody": {
                    "required": True,
                    "content": {
                        "multipart/form-data": {
                            "schema": {
                                "type": "object",
                                "required": ["file"],
                                "properties": {"file": {"type": "string", "format": "binary"}},
                            }
                        }
                    },
                },
                "responses": {
                    "201": {"description": "Kept.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Uploaded"}}}}
                }
                | {code: _problem(code) for code in ("400", "401", "409", "413", "415", "422", "429", "503")},
            }
        }
    return found


def _common() -> Json:
    text: Json = {"type": "string"}
    maybe: Json = {"type": ["string", "null"]}
    return {
        "Problem": {"type": "object", "required": ["type", "title", "status", "detail"], "properties": {
            "type": text, "title": text, "status": {"type": "integer"}, "detail": text,
            "errors": {"type": "object", "additionalProperties": {"type": "array", "items": text}}}},
        "Money": {"type": "object", "required": ["amount"], "additionalProperties": False, "properties": {
            "amount": {"type": ["string", "integer", "null"]}, "currency": {"type": ["string", "null"]}}},
        "File": {"type": "object", "required": ["id", "name", "size", "type", "url"], "properties": {
            "id": dict(ID), "name": text, "size": {"type": "integer"}, "type": text, "url": text}},
        "Key": {"type": "object", "required": ["key"], "additionalProperties": False, "properties": {"key": text}},
        "Me": {"type": "object", "required": ["account", "person", "department", "roles"], "properties": {
            "account": text, "person": {"type": ["integer", "null"]}, "department": {"type": ["integer", "null"]},
            "roles": {"type": "array", "items": text}}},
        "Explanation": {"type": "object", "required": ["allowed", "sentences"], "properties": {
            "allowed": {"type": ["boolean", "null"]}, "sentences": {"type": "array", "items": text}}},
        "Undone": {"type": "object", "required": ["operation", "done", "results"], "properties": {
            "operation": text, "done": {"type": "integer"}, "results": {"type": "array", "items": {"type": "object", "properties": {
                "entity": maybe, "id": {"type": ["integer", "null"]}, "title": text, "done": {"type": "boolean"},
                "sentences": {"type": "array", "items": text}}}}}},
        "Uploaded": {"type": "object", "required": ["id", "name", "size", "type"], "properties": {
            "id": dict(ID), "name": text, "size": {"type": "integer"}, "type": text}},
        "History": {"type": "object", "required": ["items", "next"], "properties": {
            "items": {"type": "array", "items": {"type": "object", "properties": {
                "id": {"type": "integer"}, "at": text, "actor": text, "on_behalf_of": {"type": ["integer", "null"]}, "channel": text,
                "operation": text, "transition": maybe, "reason": maybe,
                "changes": {"type": "array", "items": {"type": "object", "properties": {"field": text, "before": {}, "after": {}}}}}}},
            "next": maybe}},
    }


_WRITE = ("400", "401", "403", "404", "409", "413", "415", "422", "429", "503")
_NUMBER: Json = {"name": "id", "in": "path", "required": True, "schema": dict(ID)}
_LIMIT = _query("limit", {"type": "integer", "minimum": 1, "maximum": 200})
_KEY: Json = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"}}
_MATCH: Json = {"name": "If-Match", "in": "header", "schema": {"type": "string", "pattern": r'^(W/)?"[0-9]{1,15}"$'}}
