"""From a URL's parameters to a query: one reading of filters, sort, page and fields for pages and programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from core.access.actor import Actor
from core.errors import BadRequest
from core.fields import Parsing
from core.services.looking import reader
from core.services.platform import Platform
from core.storage.formulas import today
from core.storage.query import (
    OPERATORS,
    RESERVED,
    Condition,
    Group,
    Page,
    Query,
    known,
    pairs,
    parse_filters,
    parse_sort,
    unknown,
)
from core.storage.reading import Reader, default_view
from core.storage.unit import Unit
from schemas.model import View

LARGEST_LIMIT = 200
Args = Mapping[str, Any] | Iterable[tuple[str, str]]


def ask(p: Platform, actor: Actor, entity: str, args: Args, *, strict: bool, limit: int = 50) -> Query:
    """The query that URL parameters ask for.

    ``strict`` (programs): unknown and invisible names, bad values and limits are BadRequest. Without it (pages) they
    are left out, and ``view`` names a view whose filter, sort and page size hold where the parameters say nothing.
    """
    with p.read(actor) as unit:
        return read(reader(unit, entity), args, strict=strict, limit=limit)


def read(by: Reader, args: Args, *, strict: bool, limit: int = 50) -> Query:
    """The same for a reader at hand."""
    given = list(pairs(args))
    plain = {name: text for name, text in given if name in RESERVED}
    visible = by.visible()
    query = Query(
        where=parse_filters(given, by.entity, visible, _parsing(by), strict, by.sight().effective),
        q=plain.get("q", "").strip(),
        sort=parse_sort(plain.get("sort", ""), by.entity, visible, strict),
        limit=_limit(plain.get("limit"), strict, limit),
        after=plain.get("after") or None,
        before=plain.get("before") or None,
        last=_last(plain.get("page"), strict),
        count=plain.get("count") in {"1", "true"},
        fields=_fields(by, plain.get("fields"), visible, strict),
    )
    return query if strict else with_view(by, query, view_of(by, plain.get("view", "")), sized="limit" in plain)


def view_of(by: Reader, name: str = "") -> View | None:
    """The view of that name as this actor's department is shown it, else the default one."""
    shape = by.unit.generation.shape(by.entity.full_name, by.unit.actor.department_code)
    return shape.view(name) or default_view(shape)


def with_view(by: Reader, query: Query, view: View | None, *, sized: bool = False) -> Query:
    """The query narrowed by a view; the query's own sort and a size that was asked for stay."""
    if view is None:
        return query
    sort = query.sort or (() if query.q else parse_sort(",".join(view.sort), by.entity, by.visible(), False))
    limit = query.limit if sized else min(view.page_size, LARGEST_LIMIT)
    return replace(query, expression=view.where, sort=sort, limit=limit)


def _limit(text: str | None, strict: bool, usual: int) -> int:
    if text is None:
        return usual
    if text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= LARGEST_LIMIT:
        return int(text)
    if strict:
        raise BadRequest(f"“limit” is a number from 1 to {LARGEST_LIMIT}.")
    return usual


def _last(text: str | None, strict: bool) -> bool:
    if text in {None, "", "last"}:
        return text == "last"
    if strict:
        raise BadRequest("“page” can only be “last”; other pages are reached with after and before.")
    return False


def _fields(by: Reader, text: str | None, visible: frozenset[str], strict: bool) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    wrong = [name for name in names if not known(by.entity, name, visible)]
    if wrong and strict:
        raise unknown(wrong[0])
    return tuple(name for name in names if name not in wrong)


def _parsing(by: Reader) -> Parsing:
    unit = by.unit
    return Parsing(
        zone=unit.actor.zone,
        locale=unit.actor.locale if unit.actor.channel == "ui" else "en",
        today=today(unit),
        resolve_key=lambda entity, text: _keyed(unit, entity, text),
        comparing=True,
    )


def _keyed(unit: Unit, entity: str, text: str) -> int | None:
    """The record with that human key; ``me`` is the person who asks."""
    person = unit.generation.provider("person")
    if text == "me" and person is not None and entity == person.full_name:
        return unit.actor.person
    if text.isdecimal() or entity not in unit.generation.entities:
        return None  # digits are an id
    return Reader(unit, entity).find_key(text)


__all__ = ["OPERATORS", "RESERVED", "Condition", "Group", "Page", "Query", "ask", "read", "view_of", "with_view"]
