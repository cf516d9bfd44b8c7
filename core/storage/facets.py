"""Facets: how many of the matching records have each value of a field, within what the reader may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from core.facts import Value
from core.fields import kind
from core.storage.paging import Pager
from core.storage.planning import SMALL
from core.storage.query import Condition, Group, Query
from core.storage.reading import Reader
from core.storage.sight import Sight

CAP = 10_000
MOST_VALUES = 30
COUNTED = frozenset({"choice", "boolean", "reference"})


@dataclass(frozen=True)
class FacetValue:
    """One value with the number of matching records that have it; ``label`` is a reference's readable title."""

    value: Value
    label: str | None
    count: int


@dataclass(frozen=True)
class Facet:
    """The values of one field, most frequent first. ``capped``: counted among the first 10,000 matching records only.

    ``more``: there are further values than those listed.
    """

    field: str
    values: tuple[FacetValue, ...]
    capped: bool
    more: bool


def facets(reader: Reader, query: Query, names: Iterable[str] | None = None) -> list[Facet]:
    """Facets of the named fields, or of the state and all quick filters. A field's own conditions do not narrow it.

    Fields that the reader sees on some rows only are counted on these rows.
    """
    sight = reader.sight()
    wanted = names if names is not None else offered(sight)
    return [found for name in wanted if (found := _facet(reader, sight, query, name)) is not None]


def offered(sight: Sight) -> tuple[str, ...]:
    """The fields a list counts without being told: state and the quick filters, if they can be counted."""
    quick = [field.name for field in sight.entity.fields if field.quick_filter]
    return tuple(name for name in ("state", *quick) if countable(sight, name))


def countable(sight: Sight, name: str) -> bool:
    """Whether the reader may name the field and its kind has few values."""
    declared = sight.field(name)
    if declared is None or not sight.may_name(name):
        return False
    shown = sight.effective(declared)
    return kind(shown).family in COUNTED and bool(sight.cells(declared))


def _facet(reader: Reader, sight: Sight, query: Query, name: str) -> Facet | None:
    if not countable(sight, name):
        return None
    apart = replace(query, where=_without(query.where, name), sort=(("id", True),), fields=())
    pager = Pager(reader.unit, reader.entity, reader.rights, apart, reader.secret)
    if not sight.faces:
        return Facet(name, (), False, False)

    def build() -> sa.Select[Any]:
        at = pager.fresh()
        declared = at.field(name)
        assert declared is not None
        cell, shown = at.cells(declared)[0], at.shown(name)
        some = pager.selecting(at, cell.label("value")).where(sa.true() if shown is None else shown)
        counted = some.limit(CAP + 1).subquery()
        number = sa.func.count().label("number")
        grouped = sa.select(counted.c.value, number).group_by(counted.c.value).order_by(number.desc(), counted.c.value)
        return grouped.limit(SMALL)

    rows = pager.built(("facet", name), build).rows(reader.unit.connection, pager.values)
    capped = sum(row[1] for row in rows) > CAP
    filled = [row for row in rows if row[0] is not None]
    titles = _titles(sight, name, [int(row[0]) for row in filled[:MOST_VALUES]]) if _is_reference(sight, name) else {}
    boolean = _family(sight, name) == "boolean"
    values = tuple(
        FacetValue(bool(row[0]) if boolean else row[0], titles.get(row[0]), min(int(row[1]), CAP))
        for row in filled[:MOST_VALUES]
    )
    return Facet(name, values, capped, len(filled) > MOST_VALUES)


def _without(group: Group | None, name: str) -> Group | None:
    """The top conditions without those on the facet's own field; a group that was built by hand stays whole."""
    if group is None or group.any or group.negate:
        return group
    parts = tuple(part for part in group.parts if not (isinstance(part, Condition) and part.field == name))
    return Group(False, parts) if parts else None


def _family(sight: Sight, name: str) -> str:
    declared = sight.field(name)
    return kind(sight.effective(declared)).family if declared is not None else ""


def _is_reference(sight: Sight, name: str) -> bool:
    return _family(sight, name) == "reference"


def _titles(sight: Sight, name: str, numbers: list[int]) -> dict[int, str | None]:
    declared = sight.field(name)
    assert declared is not None
    there = sight.other(sight.target(sight.effective(declared)))
    if there is None or not numbers:
        return {}
    chosen = sa.select(there.at.c.id, there.at.c.display_title).where(there.at.c.id.in_(numbers), there.titled())
    return {int(row[0]): row[1] for row in sight.unit.connection.execute(chosen)}
