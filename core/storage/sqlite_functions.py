"""The functions SQLite is given for expressions: what its own arithmetic and calendar do not do exactly.

They stand in queries only, never in an index, a trigger or a view.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from schemas.expressions import fold, numbers
from schemas.expressions.evaluating import seconds_between, shift_date, shift_instant

_FAR = 400_000_000_000


def register_functions(connection: Any) -> None:
    """Give a DBAPI connection of SQLite the functions that compiled expressions call."""
    for name, count, function in (
        ("x_div", 4, numbers.divide),
        ("x_round", 2, numbers.rounded),
        ("x_floor", 2, numbers.floored),
        ("x_ceil", 2, numbers.ceiled),
        ("x_fold", 1, _fold),
        ("x_add_days", 2, _add_days),
        ("x_add_seconds", 2, _add_seconds),
        ("x_days", 2, _days),
        ("x_seconds", 2, _seconds),
    ):
        connection.create_function(name, count, function, deterministic=True)


def stored_instant(moment: datetime) -> str:
    """A naive instant as SQLite keeps it: always with six decimals, so that text sorts like time."""
    return moment.isoformat(" ", "microseconds")


def _fold(text: str | None) -> str | None:
    return None if text is None else fold(str(text))


def _add_days(start: str | None, days: int | None) -> str | None:
    if start is None or days is None or abs(days) > _FAR:
        return None
    found = shift_date(date.fromisoformat(start), days)
    return None if found is None else found.isoformat()


def _add_seconds(start: str | None, seconds: int | None) -> str | None:
    if start is None or seconds is None or abs(seconds) > _FAR:
        return None
    found = shift_instant(datetime.fromisoformat(start), seconds)
    return None if found is None else stored_instant(found)


def _days(later: str | None, earlier: str | None) -> int | None:
    if later is None or earlier is None:
        return None
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days


def _seconds(later: str | None, earlier: str | None) -> int | None:
    if later is None or earlier is None:
        return None
    return seconds_between(datetime.fromisoformat(later), datetime.fromisoformat(earlier))
