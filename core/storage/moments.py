"""Dates and instants in SQL: only whole days and seconds are added, and what leaves the years 1 to 9999 is NULL."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

Element = sa.ColumnElement[Any]
_FIRST, _LAST = date.min, date.max
_FIRST_SECOND, _LAST_SECOND = Decimal(-62135596800), Decimal("253402300799.999999")
_DAY = 86_400


def add_days(start: Element, days: Element, *, sqlite: bool) -> Element:
    """The date some days later."""
    if sqlite:
        return sa.func.x_add_days(start, days, type_=sa.Date())
    back, ahead = _apart(sa.literal(_FIRST, sa.Date()), start), _apart(sa.literal(_LAST, sa.Date()), start)
    later = start.op("+", return_type=sa.Date())(sa.cast(days, sa.Integer()))
    return sa.case((sa.and_(days >= back, days <= ahead), later), else_=sa.cast(sa.null(), sa.Date()))


def add_seconds(start: Element, seconds: Element, *, sqlite: bool) -> Element:
    """The instant some seconds later."""
    if sqlite:
        return sa.func.x_add_seconds(start, seconds, type_=sa.DateTime())
    exact = sa.cast(seconds, sa.Numeric())
    reached = sa.extract("epoch", start) + exact
    within = sa.and_(reached >= sa.literal(_FIRST_SECOND, sa.Numeric()), reached <= sa.literal(_LAST_SECOND, sa.Numeric()))
    # Whole days and the rest apart: an interval of seconds alone would pass through floating point.
    days: Element = sa.cast(sa.func.div(exact, _DAY), sa.Integer())
    rest: Element = sa.cast(sa.func.mod(exact, _DAY), sa.Double())
    later = start.op("+", return_type=sa.DateTime())(sa.func.make_interval(0, 0, 0, days, 0, 0, rest))
    return sa.case((within, later), else_=sa.cast(sa.null(), sa.DateTime()))


def days_apart(later: Element, earlier: Element, *, sqlite: bool) -> Element:
    """Days from ``earlier`` to ``later``."""
    if sqlite:
        return sa.func.x_days(later, earlier, type_=sa.BigInteger())
    return _apart(later, earlier)


def seconds_apart(later: Element, earlier: Element, *, sqlite: bool) -> Element:
    """Whole seconds from ``earlier`` to ``later``, cut toward zero."""
    if sqlite:
        return sa.func.x_seconds(later, earlier, type_=sa.BigInteger())
    apart = sa.extract("epoch", later.op("-", return_type=sa.Interval())(earlier))
    return sa.cast(sa.func.trunc(apart), sa.BigInteger())


def whole_days(seconds: Element, *, sqlite: bool) -> Element:
    """Whole days in a number of seconds, cut toward zero."""
    if sqlite:
        return seconds.op("/", return_type=sa.BigInteger())(_DAY)
    return sa.cast(sa.func.div(sa.cast(seconds, sa.Numeric()), _DAY), sa.BigInteger())


def _apart(later: Element, earlier: Element) -> Element:
    return later.op("-", return_type=sa.BigInteger())(earlier)
