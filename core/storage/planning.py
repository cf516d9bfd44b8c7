"""How a page is found: its sort keys, the indexes they may lean on, and the phases and branches it is read in.

A page is planned, not just queried. A small set is sorted whatever the sort. A large one is walked along an index, the
rows with a value first and the empty ones afterwards: one predicate with OR over both makes engines read everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement, FromClause
from sqlalchemy.sql.selectable import Join

from core.errors import BadRequest
from core.facts import SYSTEM_FIELDS
from core.fields import kind
from core.storage.query import unknown
from core.storage.sight import Sight
from core.storage.tables import entity_table
from schemas.model import Entity

SMALL = 2_000
"""Sets up to this size may be sorted by anything."""
_UNSORTABLE = frozenset(
    {"references", "lines", "any_reference", "choices", "json", "location", "file", "secret", "none"}
)
_NEVER_EMPTY = frozenset({"id", "version", "created_at", "updated_at"})


@dataclass(frozen=True)
class Key:
    """One field of a sort. ``how``: id, column (an index leads with it), label (a reference, by its title) or other."""

    name: str
    descending: bool
    how: str
    nullable: bool


@dataclass(frozen=True)
class Order:
    """A whole sort: keys, then the id. ``walk`` is how a large set is read in it."""

    keys: tuple[Key, ...]
    walk: str
    id_descending: bool


@dataclass(frozen=True)
class Phase:
    """One run over an index. ``keys`` are its sorted cells (the id last), as (expression, descending).

    ``selects`` are all key cells of the order for a row of this phase, so that rows of all phases look alike.
    """

    source: FromClause
    where: tuple[ColumnElement[bool], ...]
    keys: tuple[tuple[ColumnElement[Any], bool], ...]
    selects: tuple[ColumnElement[Any], ...]
    either: tuple[ColumnElement[bool], ...] = ()
    """Further clauses of which each row meets exactly one: read as branches of their own, then merged."""


class CrossJoin(Join):
    """A join whose left side is walked first: SQLite takes CROSS JOIN as an order, others plan as they like."""

    inherit_cache = True


@compiles(CrossJoin)
def _plain_join(element: CrossJoin, compiler: Any, **kw: Any) -> str:
    return str(compiler.visit_join(element, **kw))


@compiles(CrossJoin, "sqlite")
def _cross_join(element: CrossJoin, compiler: Any, asfrom: bool = False, **kw: Any) -> str:
    left, right = (compiler.process(side, asfrom=True, **kw) for side in (element.left, element.right))
    return f"{left} CROSS JOIN {right} ON {compiler.process(element.onclause, **kw)}"


def order_of(sight: Sight, sort: Sequence[tuple[str, bool]]) -> Order:
    """The keys of a sort. An unknown or invisible name is the same BadRequest; a kind without an order is another."""
    keys: list[Key] = []
    id_descending: bool | None = None
    for name, descending in sort or (("id", True),):
        if name == "id":
            # Nothing after the id can matter.
            id_descending = descending
            break
        keys.append(_key(sight, name, descending))
    if not keys:
        return Order((Key("id", bool(id_descending), "id", False),), "id", bool(id_descending))
    down = keys[0].descending if id_descending is None else id_descending
    walk = keys[0].how if len(keys) == 1 and down == keys[0].descending else "other"
    return Order(tuple(keys), walk, down)


def cells_of(sight: Sight, key: Key) -> tuple[ColumnElement[Any], ...]:
    """The sorted cells of one key over this alias; what a row hides counts as empty."""
    if key.how == "id":
        return ()
    declared = sight.field(key.name)
    assert declared is not None
    if key.name == "display_title":
        cells: tuple[ColumnElement[Any], ...] = (sight.at.c.title_key,)
    elif target := _label_target(sight, key.name):
        number = sight.cells(declared)[0]
        there = sight.other(target)
        assert there is not None
        titled = sa.and_(there.at.c.id == number, there.titled(), there.at.c.title_key.is_not(None))
        cells = tuple(
            sa.select(column).where(titled).correlate_except(there.at).scalar_subquery()
            for column in (there.at.c.title_key, there.at.c.id)
        )
    else:
        folded = sight.table.key.get(key.name)
        cells = (sight.at.c[folded.name],) if folded is not None else sight.cells(declared)[:1]
    shown = sight.shown(key.name)
    return cells if shown is None else tuple(sa.case((shown, cell), else_=None) for cell in cells)


def indexed(entity: Entity, sight: Sight) -> frozenset[str]:
    """The fields whose sort cell leads an index (with nothing but the id, or nothing, after it)."""
    lead = {
        columns[0]
        for index in sight.table.table.indexes
        if (columns := tuple(column.name for column in index.columns)) and columns[1:] in {(), ("id",)}
    }
    names = (*(field.name for field in entity.fields), *SYSTEM_FIELDS)
    return frozenset(name for name in names if _column_name(sight, name) in lead)


def _column_name(sight: Sight, name: str) -> str:
    """The column by which a field is sorted, "" when it has none of its own."""
    if name == "display_title":
        return "title_key"
    folded = sight.table.key.get(name)
    if folded is not None:
        return str(folded.name)
    columns = sight.table.columns.get(name)
    return str(columns[0].name) if columns else (name if name in SYSTEM_FIELDS else "")


def after_branch(sight: Sight, order: Order, walk: str) -> tuple[str, ...] | None:
    """The columns an index must go on with behind a branch's column; None when the walk cannot be branched."""
    if walk == "id":
        return ("id",)
    return (_column_name(sight, order.keys[0].name),) if walk == "column" else None


def phases(sight: Sight, order: Order) -> tuple[Phase, ...]:
    """The runs of a large set in the order's direction: rows with a value, then the empty ones."""
    at, down = sight.at, order.id_descending
    number = (at.c.id, down)
    if order.walk == "id":
        return (Phase(at, (), (number,), (at.c.id,)),)
    key = order.keys[0]
    if order.walk == "column":
        (cell,) = cells_of(sight, key)
        full = Phase(at, (cell.is_not(None),) if key.nullable else (), ((cell, down), number), (cell, at.c.id))
        empty = Phase(at, (cell.is_(None),), (number,), (sa.cast(sa.null(), cell.type), at.c.id))
        return (full, empty) if key.nullable else (full,)
    if order.walk == "label":
        return _label_phases(sight, key)
    return (sorted_phase(sight, order),)


def _label_phases(sight: Sight, key: Key) -> tuple[Phase, ...]:
    declared = sight.field(key.name)
    assert declared is not None
    reference = sight.cells(declared)[0]
    there = sight.other(_label_target(sight, key.name))
    hidden = sight.other(_label_target(sight, key.name))
    assert there is not None and hidden is not None
    title, target = there.at.c.title_key, there.at.c.id
    number = (sight.at.c.id, key.descending)
    walk = Phase(
        CrossJoin(there.at, sight.at, reference == target),
        (there.titled(), title.is_not(None)),
        ((title, key.descending), (target, key.descending), number),
        (title, target, sight.at.c.id),
    )
    closed = sa.select(hidden.at.c.id).where(
        sa.or_(sa.not_(sa.func.coalesce(hidden.titled(), sa.false())), hidden.at.c.title_key.is_(None))
    )
    empty = Phase(
        sight.at,
        (),
        (number,),
        (sa.cast(sa.null(), title.type), sa.cast(sa.null(), target.type), sight.at.c.id),
        either=(reference.is_(None), reference.in_(closed)),
    )
    return (walk, empty)


def sorted_phase(sight: Sight, order: Order) -> Phase:
    """The one run of a small set: any keys, any of them empty."""
    keys: list[tuple[ColumnElement[Any], bool]] = []
    selects: list[ColumnElement[Any]] = []
    for key in order.keys:
        for cell in cells_of(sight, key):
            keys.append((cell, key.descending))
            selects.append(cell)
    keys.append((sight.at.c.id, order.id_descending))
    return Phase(sight.at, (), tuple(keys), (*selects, sight.at.c.id))


def _key(sight: Sight, name: str, descending: bool) -> Key:
    declared = sight.field(name)
    if declared is None or not sight.may_name(name):
        raise unknown(name)
    shown = sight.effective(declared)
    if not kind(shown).sortable:
        raise BadRequest(f"A list cannot be sorted by “{name}”: values of its kind have no order.")
    if name != "display_title" and not sight.cells(declared):
        raise BadRequest(f"“{name}” is computed when it is read; a list cannot be sorted by it.")
    nullable = name not in _NEVER_EMPTY and kind(shown).family != "boolean"
    if sight.shown(name) is not None:
        return Key(name, descending, "other", True)
    if _label_target(sight, name):
        stored = declared.type in {"reference", "person", "department"}
        return Key(name, descending, "label" if stored and _titles_indexed(sight, name) else "other", True)
    how = "column" if declared.type != "lookup" and name in indexed(sight.entity, sight) else "other"
    return Key(name, descending, how, nullable)


def _label_target(sight: Sight, name: str) -> str:
    declared = sight.field(name)
    if declared is None:
        return ""
    shown = sight.effective(declared)
    if kind(shown).family != "reference":
        return ""
    target = sight.target(shown)
    return target if target in sight.unit.generation.entities else ""


def _titles_indexed(sight: Sight, name: str) -> bool:
    target = sight.unit.generation.entities[_label_target(sight, name)]
    there = entity_table(target, sight.unit.database.dialect)
    return any(next(iter(index.columns)).name == "title_key" for index in there.table.indexes)
