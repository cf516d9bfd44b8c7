"""What lies beside a page's rows: many-valued references, line items and titles of references to any entity.

Each is fetched for all rows of the page at once, and every title passes the target's own row clause for the same actor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, FromClause

from core.facts import EntityRef, Money, Value
from core.fields import effective, kind
from core.storage.sent import Sent, spread, within
from core.storage.sight import Sight
from core.storage.tables import aliased
from core.storage.unit import Unit
from schemas.model import Field

_CHUNK = 500


@dataclass(frozen=True)
class Beside:
    """The statement for one many-valued field, for all records; ``reads``: a line's (child, start, width, label).

    ``owner`` is the column of the statement by which it is narrowed to the records of a page.
    """

    name: str
    index: int
    statement: sa.Select[Any]
    owner: ColumnElement[Any]
    reads: tuple[tuple[Field, int, int, int], ...] | None
    _sent: dict[int, Sent] = field(default_factory=dict)

    def of(self, size: int) -> Sent:
        """The statement for so many records, named as :func:`core.storage.sent.spread` names them."""
        found = self._sent.get(size)
        if found is None:
            found = self._sent.setdefault(size, Sent(self.statement.where(within(self.owner, size)), bare=True))
        return found


def beside(sight: Sight, field: Field, index: int) -> Beside:
    """How to fetch a ``references`` or ``lines`` field for the rows of a page."""
    if field.type != "lines":
        link = aliased(sight.table.links[field.name])
        target = sight.target(field)
        title = sight.title(target, link.c.target_id) if target else sa.null()
        chosen = sa.select(link.c.owner_id, link.c.target_id, title).order_by(link.c.owner_id, link.c.position)
        return Beside(field.name, index, chosen, link.c.owner_id, None)
    table = sight.table.lines[field.name]
    at = aliased(table.table)
    cells: list[ColumnElement[Any]] = [at.c.owner_id, at.c.id, at.c.position]
    reads = []
    for child in field.fields:
        columns = table.columns.get(child.name)
        if not columns:
            continue
        start, label = len(cells), -1
        cells += [at.c[column.name] for column in columns]
        shown = effective(child, sight.unit.generation.entities, sight.entity)
        if kind(shown).family == "reference" and (target := sight.target(shown)):
            label = len(cells)
            cells.append(sight.title(target, at.c[columns[0].name]))
        width = len(columns)
        if shown.type == "money" and shown.currency and width == 1:
            width = 2
            cells.append(_currency(sight, field, shown.currency, at))
        reads.append((shown, start, width, label))
    chosen = sa.select(*cells).order_by(at.c.owner_id, at.c.position, at.c.id)
    return Beside(field.name, index, chosen, at.c.owner_id, tuple(reads))


def _currency(sight: Sight, field: Field, source: str, at: FromClause) -> ColumnElement[Any]:
    """What the record of a line, or the line itself, says about the currency of an amount."""
    above, _, name = source.rpartition(".")
    if above not in {"", "parent"}:
        return sa.null()
    if not above:
        columns = sight.table.lines[field.name].columns.get(name)
        return at.c[columns[0].name] if columns else sa.null()
    there = sight.other(sight.entity.full_name)
    assert there is not None
    chosen = sa.select(there.formula(name)).where(there.at.c.id == at.c.owner_id)
    return chosen.correlate_except(there.at).scalar_subquery()


def fetch(unit: Unit, one: Beside, rows: Sequence[list[Any]], numbers: Sequence[int]) -> None:
    """Put one field's values (at ``index``) and labels (after it) into finished rows. ``numbers``: the rows' ids."""
    values: dict[int, list[Value]] = {}
    labels: dict[int, list[Any]] = {}
    for start in range(0, len(numbers), _CHUNK):
        size, asked = spread(numbers[start : start + _CHUNK])
        for found in one.of(size).rows(unit.connection, asked):
            value, label = _line(unit, one, found) if one.reads is not None else (found[1], found[2])
            values.setdefault(found[0], []).append(value)
            labels.setdefault(found[0], []).append(label)
    for row, number in zip(rows, numbers, strict=True):
        row[one.index] = tuple(values.get(number, ()))
        row[one.index + 1] = tuple(labels.get(number, ()))


def titles(sight: Sight, rows: Sequence[list[Any]], indexes: Iterable[int]) -> None:
    """Put the readable titles of references to any entity beside them: the value at each index, its title after it."""
    wanted: dict[str, set[int]] = {}
    places = tuple(indexes)
    for row in rows:
        for index in places:
            if isinstance(row[index], EntityRef):
                wanted.setdefault(row[index].entity, set()).add(row[index].id)
    found = {
        (entity, number): title
        for entity, numbers in wanted.items()
        for number, title in _readable_titles(sight, entity, numbers)
    }
    for row in rows:
        for index in places:
            if isinstance(row[index], EntityRef):
                row[index + 1] = found.get((row[index].entity, row[index].id))


def _readable_titles(sight: Sight, entity: str, numbers: Iterable[int]) -> Iterable[tuple[int, str | None]]:
    there = sight.other(entity)
    if there is None:
        return ()
    chosen = sa.select(there.at.c.id, there.at.c.display_title).where(
        there.at.c.id.in_(sorted(numbers)), there.titled()
    )
    return [(int(row[0]), row[1]) for row in sight.unit.connection.execute(chosen)]


def _line(unit: Unit, one: Beside, found: Sequence[Any]) -> tuple[dict[str, Value], dict[str, Any]]:
    line: dict[str, Value] = {"id": found[1], "position": found[2]}
    labels: dict[str, Any] = {}
    for child, start, width, label in one.reads or ():
        cells = found[start : start + width]
        value = kind(child).from_row(child, cells, unit.database.dialect)
        if child.type == "money" and child.currency and value is not None:
            value = Money(value.amount, str(cells[1] or ""))
        line[child.name] = value
        if label >= 0:
            labels[child.name] = found[label]
    return line, labels
