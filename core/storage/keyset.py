"""The pieces of a walk by key: which runs a page is read in, what lies beyond a cursor, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.operators import custom_op

Keys = Sequence[tuple[ColumnElement[Any], bool]]
"""Sorted cells, each with whether it descends; the last is the id."""


@dataclass(frozen=True)
class Run:
    """One statement of a page: a phase, and where in it to begin."""

    phase: int
    start: str = ""
    """"" at its beginning; "after" the cursor; "same" within the target of the cursor (a sort by label)."""


def runs(walk: str, reverse: bool, keys: tuple[object, ...] | None, phases: int) -> Iterator[Run]:
    """The runs of a page in the order in which they are read; a later one is needed only while the page is not full."""
    numbers = list(range(phases))
    if keys is None:
        yield from (Run(number) for number in (reversed(numbers) if reverse else numbers))
        return
    if phases == 1:
        yield Run(0, "after")
        return
    at = 1 if keys[0] is None else 0
    if walk == "label" and at == 0:
        yield Run(0, "same")
    yield Run(at, "after")
    rest = numbers[:at][::-1] if reverse else numbers[at + 1 :]
    yield from (Run(number) for number in rest)


def aside(clause: ColumnElement[bool]) -> ColumnElement[bool]:
    """The clause as something that SQLite tests row by row and never looks for an index for: its unary plus."""
    return sa.UnaryExpression(Grouping(clause), operator=custom_op("+"), type_=sa.Boolean())


def limit() -> sa.BindParameter[int]:
    """How many rows a run may give; bound as ``n``."""
    return sa.bindparam("n", type_=sa.Integer)


def cursor(number: int, cell: ColumnElement[Any]) -> sa.BindParameter[Any]:
    """One cell of the cursor; bound as ``c0``, ``c1`` and so on."""
    return sa.bindparam(f"c{number}", type_=cell.type)


def cursor_values(keys: tuple[object, ...] | None) -> dict[str, object]:
    """What :func:`cursor` binds."""
    return {f"c{number}": key for number, key in enumerate(keys or ())}


def beyond(keys: Keys, first: int, reverse: bool) -> ColumnElement[bool]:
    """Rows after the cursor in a run whose keys are never empty; all keys go in one direction."""
    down = keys[0][1] != reverse
    params = [cursor(first + number, cell) for number, (cell, _) in enumerate(keys)]
    if len(keys) == 1:
        return keys[0][0] < params[0] if down else keys[0][0] > params[0]
    left, right = sa.tuple_(*(cell for cell, _ in keys)), sa.tuple_(*params)
    return left < right if down else left > right


def beyond_empties(
    keys: Keys, values: tuple[object, ...], reverse: bool
) -> ColumnElement[bool]:
    """Rows after the cursor where any key may be empty; good for small sets only."""
    arms: list[ColumnElement[bool]] = []
    alike: list[ColumnElement[bool]] = []
    for number, (cell, descending) in enumerate(keys):
        param = cursor(number, cell)
        if values[number] is None:
            # Empty stands last, so nothing comes after it and everything else before it.
            if reverse:
                arms.append(sa.and_(*alike, cell.is_not(None)))
            alike.append(cell.is_(None))
            continue
        later = cell < param if descending != reverse else cell > param
        if not reverse and number < len(keys) - 1:
            later = sa.or_(later, cell.is_(None))
        arms.append(sa.and_(*alike, later))
        alike.append(cell == param)
    return sa.or_(*arms)


def order_by(walk: str, keys: Keys, reverse: bool) -> list[ColumnElement[Any]]:
    found: list[ColumnElement[Any]] = []
    for number, (cell, descending) in enumerate(keys):
        down = descending != reverse
        if walk in {"small", "newest"}:
            if number < len(keys) - 1:
                found.append(cell.is_(None).desc() if reverse else cell.is_(None))
            else:
                # An expression in place of the bare id keeps the planner from walking the primary key for a few rows.
                cell = cell + sa.literal_column("0")
        found.append(cell.desc() if down else cell.asc())
    return found
