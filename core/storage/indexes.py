"""Which indexes an entity gets: found from its declarations, at most twelve unless ``indexed`` asks for more.

Beside them, at most four hold what a row rule looks at together with the state that the default list looks at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from schemas.model import Entity, Field, View

MOST = 12
MOST_OF_LINES = 6
MOST_RULED = 4
_MINE = re.compile(r"(?<![.\w])([a-z][a-z0-9_]*)(?:\.[a-z][a-z0-9_]*)?\s*(?:==\s*me\(\)|in\s+my_team\(\))")
_OF_STATE = re.compile(r"(?<![.\w])state\s*(?:==|in)\s")
_SYSTEM_SORTS = frozenset({"created_at", "updated_at", "state", "created_by", "updated_by"})
_REFERENCES = frozenset({"reference", "person", "department", "any_reference"})

Columns = Mapping[str, tuple[sa.Column[Any], ...]]
Keys = Mapping[str, sa.Column[Any]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An index to be: its columns in order. A ``unique`` one holds live rows only, so that the trash frees values."""

    columns: tuple[str, ...]
    unique: bool = False


def wanted_indexes(entity: Entity, columns: Columns, keys: Keys) -> list[Wanted]:
    """Unique rules and ``indexed`` fields first, which always count; then, up to twelve, what is read most."""
    found: dict[tuple[str, ...], Wanted] = {}
    for one in _asked(entity, columns, keys):
        found.setdefault(one.columns, one)
    for one in _useful(entity, columns, keys):
        if len(found) >= MOST:
            break
        found.setdefault(one.columns, one)
    for one in list(_ruled(entity, columns, keys))[:MOST_RULED]:
        found.setdefault(one.columns, one)
    return list(found.values())


def lines_indexes(field: Field, columns: Columns) -> list[Wanted]:
    """By owner and place, and by the records that lines point at."""
    found = [Wanted(("owner_id", "position"))]
    for child in field.fields:
        if child.indexed or child.type in _REFERENCES:
            mine = columns.get(child.name)
            if mine and (child.indexed or len(found) < MOST_OF_LINES):
                found.append(Wanted((mine[0].name, "owner_id")))
    return found


def _asked(entity: Entity, columns: Columns, keys: Keys) -> Iterator[Wanted]:
    for names in _unique_keys(entity):
        mine = [column.name for name in names for column in columns.get(name, ())]
        if mine and all(name in columns for name in names):
            yield Wanted(tuple(mine), unique=True)
    for field in entity.fields:
        if field.indexed:
            yield from _sorted_by(field.name, columns, keys)


def _unique_keys(entity: Entity) -> Iterator[tuple[str, ...]]:
    for field in entity.fields:
        if field.unique:
            yield (field.name, *(field.unique if isinstance(field.unique, tuple) else ()))
    for one in entity.constraints:
        # A conditional one is held by the lock alone: the condition is written in the expression language.
        if one.kind == "unique" and not one.where:
            yield one.fields


def _useful(entity: Entity, columns: Columns, keys: Keys) -> Iterator[Wanted]:
    sources = [source for rule in entity.access for source in (rule.read, rule.write_rows, rule.delete) if source]
    departments = any(source in ("department", "department_tree", "company") for source in sources)
    view = default_view(entity)
    first = view.sort[0].lstrip("-") if view is not None and view.sort else ""
    yield Wanted(("title_key", "id"))
    if departments:
        yield Wanted(("department_id", "id"))
    for sort in _sorted_by(first, columns, keys):
        yield sort
        if departments:
            yield Wanted(("department_id", *sort.columns))
        if view is not None and entity.workflow is not None and _OF_STATE.search(view.where):
            # The list people open reads state by state: the open ones are few among the closed.
            yield Wanted(("state", *sort.columns))
    for other in entity.views:
        if other.sort:
            yield from _sorted_by(other.sort[0].lstrip("-"), columns, keys)
    if any(source in ("own", "team") for source in sources):
        owner = columns.get(entity.owner)
        yield Wanted((owner[0].name if owner else "created_by", "id"))
    for source in sources:
        for name in _MINE.findall(source):
            yield from _by(name, columns)
    if entity.parent:
        yield from _by(entity.parent, columns)
    for name in entity.key:
        yield from _sorted_by(name, columns, keys)
        if name in columns:
            yield Wanted((columns[name][0].name,))
    for key in _constraint_keys(entity):
        mine = [column.name for name in key for column in columns.get(name, ())[:1]]
        if mine:
            yield Wanted(tuple(mine))
    if entity.workflow is not None:
        yield Wanted(("state", "id"))
    for other in entity.views:
        yield from _by(other.by or other.start, columns)
    for field in entity.fields:
        if field.quick_filter:
            yield from _by(field.name, columns)
    for field in entity.fields:
        if field.type in _REFERENCES:
            yield from _by(field.name, columns)


def _ruled(entity: Entity, columns: Columns, keys: Keys) -> Iterator[Wanted]:
    """By what row rules look at and the state, in the order of the default list, where that reads state by state.

    Somebody who may read a few of very many records would look at all that are open else.
    """
    view = default_view(entity)
    if view is None or not view.sort or entity.workflow is None or not _OF_STATE.search(view.where):
        return
    sources = [rule.read for rule in entity.access if rule.read]
    ruled: dict[str, None] = {}
    if any(source in ("department", "department_tree", "company") for source in sources):
        ruled["department_id"] = None
    if any(source in ("own", "team") for source in sources):
        ruled[columns[entity.owner][0].name if entity.owner in columns else "created_by"] = None
    for source in sources:
        ruled.update(dict.fromkeys(columns[name][0].name for name in _MINE.findall(source) if columns.get(name)))
    for sort in _sorted_by(view.sort[0].lstrip("-"), columns, keys):
        for name in ruled:
            yield Wanted((name, "state", *sort.columns))


def default_view(entity: Entity) -> View | None:
    """The one marked ``default``, else the first list."""
    marked = next((one for one in entity.views if one.default), None)
    return marked or next((one for one in entity.views if one.kind == "list"), None)


def _constraint_keys(entity: Entity) -> Iterator[tuple[str, ...]]:
    for one in entity.constraints:
        if one.kind == "no_overlap":
            yield (*one.fields, one.start)
        elif one.kind == "sum_at_most":
            yield (one.by,)
        elif one.kind == "unique" and one.where:
            yield one.fields
        elif one.kind == "acyclic":
            yield one.fields[:1]
    if entity.effective is not None:
        yield (*entity.effective.by, entity.effective.start)


def _sorted_by(name: str, columns: Columns, keys: Keys) -> Iterator[Wanted]:
    if name in keys:
        yield Wanted((keys[name].name, "id"))
    elif name in columns:
        yield Wanted((columns[name][0].name, "id"))
    elif name in _SYSTEM_SORTS:
        yield Wanted((name, "id"))


def _by(name: str, columns: Columns) -> Iterator[Wanted]:
    if name == "state":
        yield Wanted(("state", "id"))
    elif name in columns:
        yield Wanted((columns[name][0].name, "id"))
