"""Values of evaluations as SQL: bound in the type and scale of the columns they meet."""

from __future__ import annotations

from datetime import UTC
from decimal import Context, Decimal
from typing import Any

import sqlalchemy as sa

from schemas.expressions.tree import Type

Element = sa.ColumnElement[Any]
UNKNOWN: Element = sa.cast(sa.null(), sa.Boolean())
_WIDE = Context(prec=60)


def sql_type(kind: Type, dialect: str) -> sa.types.TypeEngine[Any]:
    """The column type of an expression's type."""
    if kind.family in ("number", "money", "days", "duration"):
        return sa.BigInteger() if dialect == "sqlite" or kind.places == 0 else sa.Numeric()
    if kind.family in ("reference", "file", "any_reference"):
        return sa.BigInteger()
    if kind.family == "boolean":
        return sa.Boolean()
    if kind.family == "date":
        return sa.Date()
    return sa.DateTime() if kind.family == "datetime" else sa.Text()


def empty_of(kind: Type, dialect: str) -> Element:
    """NULL of that type."""
    return sa.cast(sa.null(), sql_type(kind, dialect))


def bound(kind: Type, value: Any, dialect: str) -> tuple[Element, Element | None]:
    """A value as evaluations hold it (schemas.expressions.evaluating), bound; with its currency or entity where it has one."""
    column = sql_type(kind, dialect)
    if value is None:
        two = kind.family in ("money", "any_reference")
        return empty_of(kind, dialect), sa.cast(sa.null(), sa.Text()) if two else None
    if kind.family == "boolean":
        return (sa.true() if value else sa.false()), None
    if kind.family == "money":
        return _number(value[0], kind.places, column), sa.literal(value[1], sa.Text())
    if kind.family in ("number", "days", "duration"):
        return _number(value, kind.places, column), None
    if kind.family == "datetime":
        return sa.literal(value.astimezone(UTC).replace(tzinfo=None), column), None
    if kind.family == "time":
        return sa.literal(value.isoformat(), column), None
    if kind.family == "any_reference":
        return sa.literal(value.id, column), sa.literal(value.entity, sa.Text())
    return sa.literal(value, column), None


def _number(value: int, places: int, column: sa.types.TypeEngine[Any]) -> Element:
    if isinstance(column, sa.Numeric):
        return sa.literal(_WIDE.scaleb(Decimal(value), -places), column)
    return sa.literal(value, column)
