"""Conditions as SQL: one clause of named parameters for each form of filter, whatever its values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from core.errors import BadRequest
from core.facts import EntityRef, Money
from core.fields import kind
from core.storage import compile
from core.storage.query import Condition, Group, unknown
from core.storage.sight import Sight
from core.storage.tables import aliased
from schemas.model import Field

Bound = tuple[object, ...]
"""The cells of one value, ready to bind."""
BEGINS = "begins"
"""What pickers ask: the folded sort key begins so. A range of an index, where ``starts`` reads every row."""
LAST = "\U0010ffff"
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
}


class Filter:
    """A group of conditions, checked against what one actor may name: ``key`` is its form, ``values`` what to bind."""

    def __init__(self, sight: Sight, group: Group | None) -> None:
        self.group = group
        self.values: dict[str, object] = {}
        self._sight = sight
        self.key: object = self._form(group) if group is not None and group.parts else None

    def __bool__(self) -> bool:
        return self.key is not None

    def clause(self, sight: Sight) -> ColumnElement[bool]:
        """The filter over the alias of ``sight`` (of the same entity and actor)."""
        if self.group is None or self.key is None:
            return sa.true()
        return _group(sight, self.group, _numbers(), negated=False)

    def equal(self, sight: Sight) -> list[ColumnElement[bool]]:
        """Those of the conditions that all rows must fulfil which say that a column of its own has one value."""
        if self.group is None or self.group.any or self.group.negate:
            return []
        numbers, found = _numbers(), []
        for part in self.group.parts:
            clause = (
                _group(sight, part, numbers, negated=False)
                if isinstance(part, Group)
                else _condition(sight, part, numbers, negated=False)
            )
            if isinstance(part, Condition) and part.op == "eq" and sight.shown(part.field) is None:
                found.append(clause)
        return found

    def _form(self, part: Condition | Group) -> object:
        if isinstance(part, Group):
            return (part.any, part.negate, tuple(self._form(one) for one in part.parts))
        if not self._sight.may_name(part.field):
            raise unknown(part.field)
        bound = bind(self._sight, part)
        for cells in bound:
            for cell in cells:
                self.values[f"v{len(self.values)}"] = cell
        return (part.field, part.op, part.values if part.op == "empty" else tuple(len(cells) for cells in bound))


def bind(sight: Sight, condition: Condition) -> list[Bound]:
    """The cells of each value of a condition."""
    declared = sight.field(condition.field)
    if declared is None:
        raise unknown(condition.field)
    shown = sight.effective(declared)
    family, dialect = kind(shown).family, sight.unit.database.dialect
    if condition.op == "empty":
        return []
    if condition.op == BEGINS:
        keys = [kind(shown).sort_key(shown, value) or "" for value in condition.values]
        return [(key, key + LAST) for key in keys]
    if condition.op in {"contains", "starts"} and family not in {"references", "choices"}:
        return [(compile.fold(str(value)),) for value in condition.values]
    if family == "choices":
        return [(_like_json(str(value)),) for value in condition.values]
    if family == "references":
        return [(_number(value, condition),) for value in condition.values]
    return [_cells(shown, value, dialect, condition) for value in condition.values if value is not None]


def _cells(shown: Field, value: object, dialect: str, condition: Condition) -> Bound:
    try:
        cells = kind(shown).to_row(shown, value, dialect)
    except (ValueError, TypeError, ArithmeticError, AttributeError) as error:
        raise BadRequest(f"“{condition.field}” cannot be compared with that value.") from error
    if isinstance(value, EntityRef) or (isinstance(value, Money) and value.currency):
        return cells
    return cells[:1]


def _number(value: object, condition: Condition) -> int:
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    raise BadRequest(f"“{condition.field}” is compared with the ids of records.")


def _like_json(name: str) -> str:
    inside = json.dumps(name, ensure_ascii=False)
    return "%" + inside.replace("~", "~~").replace("%", "~%").replace("_", "~_") + "%"


def _numbers() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def _group(sight: Sight, group: Group, numbers: Iterator[int], *, negated: bool) -> ColumnElement[bool]:
    negated = negated or group.negate
    parts = [
        _group(sight, part, numbers, negated=negated)
        if isinstance(part, Group)
        else _condition(sight, part, numbers, negated=negated)
        for part in group.parts
    ]
    if not parts:
        return sa.true()
    whole = sa.or_(*parts) if group.any else sa.and_(*parts)
    return sa.not_(whole) if group.negate else whole


def _condition(sight: Sight, condition: Condition, numbers: Iterator[int], *, negated: bool) -> ColumnElement[bool]:
    declared = sight.field(condition.field)
    assert declared is not None
    clause = _compare(sight, declared, condition, numbers)
    shown = sight.shown(condition.field)
    if shown is None:
        return clause
    # Under a negation a row that hides the field must stay unknown, else "not" would turn it into a yes.
    return sa.case((shown, clause), else_=None) if negated else sa.and_(shown, clause)


def _compare(sight: Sight, declared: Field, condition: Condition, numbers: Iterator[int]) -> ColumnElement[bool]:
    shown = sight.effective(declared)
    family = kind(shown).family
    bound: list[list[Any]] = [[sa.bindparam(f"v{next(numbers)}") for _ in cells] for cells in bind(sight, condition)]
    if family == "references":
        return _linked(sight, declared, condition, [cells[0] for cells in bound])
    if family == "lines":
        return _lined(sight, declared, condition)
    cells = sight.cells(declared)
    if not cells:
        raise BadRequest(f"“{condition.field}” is computed when it is read; a list cannot be filtered by it.")
    first = cells[0]
    if condition.op == BEGINS:
        return _begins(sight, declared, bound[0])
    if condition.op == "empty":
        return first.is_(None) if condition.values[0] else first.is_not(None)
    if family == "choices":
        return _chosen(first, condition, [values[0] for values in bound])
    if condition.op in {"contains", "starts"}:
        return sa.and_(
            *(compile.folded_match(first, values[0], condition.op, sight.unit.database.dialect) for values in bound)
        )
    if not bound:
        return sa.false()
    typed = [[_typed(param, cell) for param, cell in zip(params, cells, strict=False)] for params in bound]
    if condition.op == "between":
        low, high = typed
        return sa.and_(_whole(cells, low, "ge"), _whole(cells, high, "le"))
    if condition.op == "in":
        if all(len(params) == 1 for params in typed):
            return first.in_([params[0] for params in typed])
        return sa.or_(*(_whole(cells, params, "eq") for params in typed))
    if condition.op == "not_in":
        if all(len(params) == 1 for params in typed):
            return first.not_in([params[0] for params in typed])
        return sa.and_(first.is_not(None), *(sa.not_(_whole(cells, params, "eq")) for params in typed))
    return _whole(cells, typed[0], condition.op)


def _begins(sight: Sight, declared: Field, params: list[Any]) -> ColumnElement[bool]:
    title = declared.name == "display_title"
    column = sight.at.c.title_key if title else sight.at.c[sight.table.key[declared.name].name]
    low, high = (_typed(param, column) for param in params)
    return sa.and_(column >= low, column < high)


def _whole(cells: tuple[ColumnElement[Any], ...], params: list[Any], op: str) -> ColumnElement[bool]:
    """Compare the first cell; a second one (a currency, an entity) must be the same, or for ``ne`` may differ."""
    first: ColumnElement[bool] = _COMPARE[op](cells[0], params[0])
    if len(params) == 1:
        return first
    if op == "ne":
        return sa.or_(first, cells[1] != params[1])
    return sa.and_(first, cells[1] == params[1])


def _typed(param: sa.BindParameter[Any], cell: ColumnElement[Any]) -> sa.BindParameter[Any]:
    return sa.bindparam(param.key, type_=cell.type)


def _chosen(cell: ColumnElement[Any], condition: Condition, params: list[Any]) -> ColumnElement[bool]:
    hits = [cell.like(param, escape="~") for param in params]
    if condition.op in {"ne", "not_in"}:
        return sa.and_(cell.is_not(None), *(sa.not_(hit) for hit in hits))
    return sa.or_(*hits) if hits else sa.false()


def _linked(sight: Sight, declared: Field, condition: Condition, params: list[Any]) -> ColumnElement[bool]:
    link = aliased(sight.table.links[declared.name])
    mine = sa.select(sa.literal(1)).where(link.c.owner_id == sight.at.c.id).correlate_except(link)
    if condition.op == "empty":
        return sa.not_(mine.exists()) if condition.values[0] else mine.exists()
    hit = mine.where(link.c.target_id.in_(params)).exists() if params else sa.false()
    if condition.op in {"ne", "not_in"}:
        return sa.and_(mine.exists(), sa.not_(hit))
    return hit


def _lined(sight: Sight, declared: Field, condition: Condition) -> ColumnElement[bool]:
    lines = aliased(sight.table.lines[declared.name].table)
    some = sa.select(sa.literal(1)).where(lines.c.owner_id == sight.at.c.id).correlate_except(lines).exists()
    return sa.not_(some) if condition.values[0] else some
