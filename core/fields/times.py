"""Kinds whose value is a day, a time of day or an instant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from core.facts import Value
from core.fields.base import ColumnSpec, FieldKind, Parsing, Showing, clean, column_name
from core.fields.formatting import Formatter, wall_time
from schemas.model import Field

_COMPARED = ("eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "between", "empty")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_STEP = re.compile(r"([+-])([0-9]{1,4})([dwmy])")
_DAY = "A date is written as 2026-06-30, +3d, tomorrow, next fri or eom."


class DateKind(FieldKind):
    """A calendar day without a zone."""

    name = "date"
    family = "date"
    control = "date"
    operators = _COMPARED

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return (ColumnSpec(column_name(one), sa.Date()),)

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        return super().from_json(one, raw, replace(ctx, today=None))

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        return None if value is None else value.isoformat()

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        plain = (clean(text, one_line=True) or "").lower()
        if not plain:
            return None
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", plain):
            try:
                return date.fromisoformat(plain)
            except ValueError:
                raise ValueError(f"{plain} is not a day of the calendar.") from None
        found = smart_day(plain, ctx.today) if ctx.today else None
        if found is None:
            raise ValueError(_DAY)
        return found

    def to_text(self, one: Field, value: Value) -> str:
        return "" if value is None else value.isoformat()

    def refuse(self, one: Field, value: Value) -> list[str]:
        if value is None:
            return []
        if one.min is not None and value.isoformat() < str(one.min):
            return [f"Not before {one.min}."]
        if one.max is not None and value.isoformat() > str(one.max):
            return [f"Not after {one.max}."]
        return []

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else fmt.date(value)


class TimeKind(FieldKind):
    """A time of day."""

    name = "time"
    family = "time"
    control = "time"
    operators = _COMPARED

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return (ColumnSpec(column_name(one), sa.Text()),)

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        return (None if value is None else value.isoformat(),)

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        return None if cells[0] is None else time.fromisoformat(str(cells[0]))

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        return None if value is None else value.isoformat()

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        plain = clean(text, one_line=True)
        if plain is None:
            return None
        if not re.fullmatch(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?", plain):
            raise ValueError("A time is written as 14:30.")
        try:
            return time.fromisoformat(plain.zfill(5) if len(plain) == 4 else plain)
        except ValueError:
            raise ValueError(f"{plain} is not a time of the day.") from None

    def to_text(self, one: Field, value: Value) -> str:
        return "" if value is None else value.isoformat()

    def input(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else value.isoformat("seconds" if value.second else "minutes")

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else fmt.time(value)

    def refuse(self, one: Field, value: Value) -> list[str]:
        if value is None:
            return []
        if one.min is not None and value.isoformat() < str(one.min):
            return [f"Not before {one.min}."]
        return [f"Not after {one.max}."] if one.max is not None and value.isoformat() > str(one.max) else []


class DatetimeKind(FieldKind):
    """An instant; without an offset a text is meant in the person's zone."""

    name = "datetime"
    family = "datetime"
    control = "datetime"
    operators = _COMPARED

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return (ColumnSpec(column_name(one), sa.DateTime()),)

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        return (None if value is None else value.astimezone(UTC).replace(tzinfo=None),)

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        cell = cells[0]
        return cell.replace(tzinfo=UTC) if isinstance(cell, datetime) else None

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        return super().from_json(one, raw, replace(ctx, today=None))

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        return None if value is None else iso(value)

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        plain = clean(text, one_line=True)
        if plain is None:
            return None
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}.*)?", plain, re.I):
            found = _smart_moment(plain.lower(), ctx)
            if found is None:
                raise ValueError("A point in time is written as 2026-06-30 14:30, +3d or tomorrow 9:00.")
            return found
        try:
            moment = datetime.fromisoformat(plain.upper())
        except ValueError:
            raise ValueError(f"{plain} is not a point in time.") from None
        try:
            return moment.astimezone(UTC) if moment.tzinfo else wall_time(moment, ctx.zone)
        except OverflowError:
            raise ValueError("This lies outside the years 1 to 9999.") from None

    def to_text(self, one: Field, value: Value) -> str:
        return "" if value is None else iso(value)

    def input(self, one: Field, value: Value, fmt: Formatter) -> str:
        if value is None:
            return ""
        there = fmt.local(value).replace(tzinfo=None)
        return there.isoformat("T", "seconds" if there.second else "minutes")

    def refuse(self, one: Field, value: Value) -> list[str]:
        if value is None:
            return []
        if one.min is not None and iso(value) < str(one.min):
            return [f"Not before {one.min}."]
        return [f"Not after {one.max}."] if one.max is not None and iso(value) > str(one.max) else []

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else fmt.datetime(value)


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with Z; fractions only where they are not zero."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat("T", "microseconds" if moment.microsecond else "seconds")
    return (text.rstrip("0") if moment.microsecond else text) + "Z"


def smart_day(text: str, today: date) -> date | None:
    """The day a person means by tomorrow, +3d, today-30d, next fri, eom, 30.6.2026; None when it is not understood."""
    words = {"today": 0, "tod": 0, "tomorrow": 1, "tom": 1, "yesterday": -1}
    try:
        if text in words:
            return today + timedelta(days=words[text])
        if text == "eom":
            return _months(today.replace(day=1), 1) - timedelta(days=1)
        if text == "eoy":
            return date(today.year, 12, 31)
        if found := _STEP.fullmatch(text.replace(" ", "").removeprefix("today")):
            count = int(found[2]) * (1 if found[1] == "+" else -1)
            match found[3]:
                case "d":
                    return today + timedelta(days=count)
                case "w":
                    return today + timedelta(weeks=count)
                case "m":
                    return _months(today, count)
                case _:
                    return _months(today, 12 * count)
        name = text.removeprefix("next ").strip()[:3]
        if name in _DAYS and re.fullmatch(r"(next )?[a-z]+", text):
            return today + timedelta(days=(_DAYS.index(name) - today.weekday() - 1) % 7 + 1)
        if found := re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", text):
            return date(int(found[3]), int(found[2]), int(found[1]))
    except (ValueError, OverflowError):
        return None
    return None


def _months(day: date, count: int) -> date:
    month = day.month - 1 + count
    year, month = day.year + month // 12, month % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day.day, last))


def _smart_moment(text: str, ctx: Parsing) -> datetime | None:
    if ctx.today is None:
        return None
    day, _, clock = text.rpartition(" ")
    if not re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", clock):
        day, clock = text, "00:00" if ctx.comparing else "09:00"
    found = smart_day(day, ctx.today)
    if found is None:
        return None
    hour, minute = (int(part) for part in clock.split(":"))
    if hour > 23 or minute > 59:
        return None
    return wall_time(datetime.combine(found, time(hour, minute)), ctx.zone)
