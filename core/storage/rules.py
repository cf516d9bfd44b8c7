"""Row rules in SQL: the clause with which every statement over records begins."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core.access.grant import Scope, pair_of
from core.storage import compile
from core.storage.sent import among
from core.storage.tables import EntityTable
from core.storage.unit import Unit
from schemas.expressions import ExpressionError
from schemas.model import Entity


def clause(scope: Scope, entity: Entity, table: EntityTable, unit: Unit, at: Any = None) -> sa.ColumnElement[bool]:
    """Rows of the scope, over ``at`` (an alias of the table, or the table). Emptiness denies: no source, no row."""
    over = table.table if at is None else at
    if scope.is_all:
        return sa.true()
    arms = [sa.and_(*(_source(part, entity, table, unit, over) for part in pair_of(source))) for source in scope.sources]
    return sa.or_(*arms) if arms else sa.false()


def _source(source: str, entity: Entity, table: EntityTable, unit: Unit, at: Any) -> sa.ColumnElement[bool]:
    actor = unit.actor
    match source:
        case "own":
            return _is(_owner(entity, table, at), actor.person)
        case "team":
            owner = _owner(entity, table, at)
            return _among(owner, actor.teammates | {actor.person} if actor.person is not None else frozenset())
        case "department":
            return _is(at.c.department_id, actor.department)
        case "department_tree":
            return _among(at.c.department_id, actor.departments_below)
        case "company":
            own = entity.field("company")
            if own is not None and own.type == "reference" and "company" in table.columns:
                return _is(at.c[table.columns["company"][0].name], actor.company)
            return _among(at.c.department_id, actor.company_departments if actor.company is not None else frozenset())
    try:
        return compile.expression(source, entity, table, unit, at=at, expect="boolean")
    except (ExpressionError, compile.NotInSql):
        # The checker has said what is wrong with the rule; a broken rule reaches nothing.
        return sa.false()


def _owner(entity: Entity, table: EntityTable, at: Any) -> sa.ColumnElement[Any]:
    if entity.owner and entity.owner in table.columns:
        return at.c[table.columns[entity.owner][0].name]  # type: ignore[no-any-return]
    return at.c.created_by  # type: ignore[no-any-return]


def _is(column: sa.ColumnElement[Any], value: int | None) -> sa.ColumnElement[bool]:
    return sa.false() if value is None else column == value


def _among(column: sa.ColumnElement[Any], values: frozenset[int]) -> sa.ColumnElement[bool]:
    return among(column, sorted(values)) if values else sa.false()
