"""Lists: one page of an entity with filters, search, sort, chosen fields and expanded references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.api.door import Call, Reply
from core.errors import BadRequest, Forbidden
from core.facts import EntityRef, Record
from core.fields import Parsing, effective, kind, target_of
from core.services import looking, records
from core.storage.query import Query, field_of, parse_filters, parse_sort, unknown
from schemas.model import Entity, Field

MOST = 200
_FOREIGN = ("view", "format")


def list_(call: Call, plugin: str, entity: str) -> Reply:
    """``GET /<plugin>/<entity>``."""
    shape = call.entity(plugin, entity)
    asked = query(call, shape)
    if shape.kind == "settings":
        records.settings(call.platform, call.actor, shape.full_name)
    page = looking.page(call.platform, call.actor, shape.full_name, asked)
    items = call.records(shape, page.items)
    if asked.fields is not None:
        items = chosen(call, items)
    expand(call, shape, page.items, items)
    return Reply(200, {"items": items, "next": page.next, "prev": page.prev, "total": page.total,
                       "total_is_capped": page.total_is_capped})


def chosen(call: Call, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each record what ``fields`` names, its id, and the names of those that are masked."""
    wanted = {"id", "masked", *_names(call.request.args.get("fields", ""))}
    kept = [{name: value for name, value in item.items() if name in wanted} for item in items]
    for item in kept:
        item["masked"] = [name for name in item["masked"] if name in wanted]
    return kept


def query(call: Call, shape: Entity) -> Query:
    """The query that the address asks for. Raises BadRequest."""
    args = call.request.args
    visible = looking.visible(call.platform, call.actor, shape.full_name)
    for name in _FOREIGN:
        if name in args:
            raise unknown(name)
    fields = None
    if args.get("fields"):
        fields = (*_names(args["fields"]), *(name for name in _names(args.get("expand", ""))))
        for name in fields:
            if not _nameable(shape, name, visible):
                raise unknown(name)
    declared = {one.name: one for one in shape.fields}

    def shown(one: Field) -> Field:
        return effective(one, call.generation.entities, shape) if one.name in declared else one

    return Query(
        where=parse_filters(args, shape, visible, _reading(call), True, shown),
        q=args.get("q", ""),
        sort=parse_sort(args.get("sort", ""), shape, visible, True),
        limit=limit_of(args),
        after=args.get("after") or None,
        before=args.get("before") or None,
        last=_last(args),
        count=_flag(args, "count"),
        fields=tuple(dict.fromkeys(fields)) if fields is not None else None,
    )


def expand(call: Call, shape: Entity, found: list[Record], items: list[dict[str, Any]]) -> None:
    """Put the targets of the references that ``expand`` names in place of their ids, one level deep. Raises BadRequest."""
    names = _names(call.request.args.get("expand", ""))
    if not names:
        return
    visible = looking.visible(call.platform, call.actor, shape.full_name)
    pointers: dict[str, str] = {}
    for name in names:
        declared = field_of(shape, name) if _nameable(shape, name, visible) else None
        held = effective(declared, call.generation.entities, shape) if declared is not None else None
        if held is None or kind(held).family not in ("reference", "references", "any_reference"):
            raise unknown(name)
        pointers[name] = target_of(held)
    wanted: dict[str, set[int]] = {}
    for record in found:
        for name, target in pointers.items():
            for entity, number in _pointed(record.get(name), target):
                wanted.setdefault(entity, set()).add(number)
    seen = {(entity, number): made for entity, numbers in wanted.items() for number, made in _targets(call, entity, numbers).items()}
    for record, item in zip(found, items, strict=True):
        for name, target in pointers.items():
            value = record.get(name)
            if name not in item or value is None:
                continue
            made = [seen.get(place) or {"id": place[1], "display_title": None} for place in _pointed(value, target)]
            item[name] = made if isinstance(value, tuple) else made[0]


def limit_of(args: Mapping[str, str]) -> int:
    """The ``limit`` of a list, 50 without one. Raises BadRequest."""
    text = args.get("limit")
    if text is None:
        return 50
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST):
        raise BadRequest(f"“limit” is a number from 1 to {MOST}.")
    return int(text)


def _targets(call: Call, entity: str, numbers: set[int]) -> dict[int, dict[str, Any]]:
    shape = call.generation.entities.get(entity)
    if shape is None:
        return {}
    try:
        found = looking.get_many(call.platform, call.actor, entity, numbers)
    except Forbidden:
        return {}
    ordered = list(found.values())
    return {record.id: item for record, item in zip(ordered, call.records(shape, ordered), strict=True)}


def _pointed(value: Any, target: str) -> list[tuple[str, int]]:
    if isinstance(value, EntityRef):
        return [(value.entity, value.id)]
    if isinstance(value, tuple):
        return [(target, number) for number in value]
    return [(target, value)] if isinstance(value, int) else []


def _nameable(shape: Entity, name: str, visible: frozenset[str]) -> bool:
    return name in visible and field_of(shape, name) is not None


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _last(args: Mapping[str, str]) -> bool:
    if args.get("page") not in (None, "last"):
        raise BadRequest("“page” takes only “last”; other pages are reached with “after” and “before”.")
    return args.get("page") == "last"


def _flag(args: Mapping[str, str], name: str) -> bool:
    if args.get(name) not in (None, "0", "1"):
        raise BadRequest(f"“{name}” takes 1 or 0.")
    return args.get(name) == "1"


def _reading(call: Call) -> Parsing:
    def resolve(entity: str, key: str) -> int | None:
        try:
            return looking.find_key(call.platform, call.actor, entity, key)
        except Forbidden:
            return None

    return Parsing(zone=call.actor.zone, locale="en", resolve_key=resolve, comparing=True)
