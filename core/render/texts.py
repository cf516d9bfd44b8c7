"""Texts of values for lists of many rows: what babel says, but worked out once for each locale instead of each cell."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache

from core.fields.formatting import Formatter, formatter, seconds

_TOKEN = re.compile(r"'[^']*'|[a-zA-Z]+|[^a-zA-Z']+")


class Texts:
    """Quick texts of one locale and zone. What it cannot do quickly it leaves to the Formatter."""

    def __init__(self, fmt: Formatter) -> None:
        self.fmt = fmt
        names = fmt.locale.months["format"]["abbreviated"]
        self._months = ("", *(str(names[number]) for number in range(1, 13)))
        self.date = self._dates(str(fmt.locale.date_formats["medium"].pattern))
        self._day = lru_cache(maxsize=4096)(self._whole_day)
        self._grouped = fmt.number(1234567, 0)
        point = fmt.number(Decimal("1.5"), 1).strip("15")
        group = self._grouped.replace("1", "", 1).split("2")[0] if len(self._grouped) > 7 else ""
        self._plain = self._grouped == f"1{group}234{group}567" and len(point) == 1
        self._table = str.maketrans({",": group, ".": point})
        self.money = lru_cache(maxsize=4096)(fmt.money)
        self.percent = lru_cache(maxsize=1024)(fmt.percent)
        self.duration = lru_cache(maxsize=1024)(fmt.duration)

    def stamp(self, value: datetime) -> str:
        """When the system did something, to the minute: day and time in the person's zone."""
        there = self.fmt.local(value)
        return f"{self.date(there.date())} {there.hour:02}:{there.minute:02}"

    def datetime(self, value: datetime) -> str:
        """Day and time in the person's zone, such as Nov 3, 2026 14:05; seconds and an offset where they tell something."""
        try:
            there = value.astimezone(self.fmt.zone)
            day, twice = self._day(there.date())
        except OverflowError:
            return self.fmt.datetime(value)
        if twice or there.second or there.microsecond:
            return f"{day} {there.hour:02}:{there.minute:02}{seconds(there)}{self.fmt.offset(there)}"
        return f"{day} {there.hour:02}:{there.minute:02}"

    def number(self, value: Decimal | int, places: int | None = None) -> str:
        """A number with its grouping; ``places`` digits after the point, or as many as it has."""
        if not self._plain:
            return self.fmt.number(value, places)
        if places is None:
            return f"{value:,}".translate(self._table) if isinstance(value, int) else self.fmt.number(value)
        return f"{value:,.{places}f}".translate(self._table)

    def time(self, value: time) -> str:
        """A time of day."""
        return self.fmt.time(value)

    def _whole_day(self, day: date) -> tuple[str, bool]:
        """The day's text, and whether some of its hours come twice since clocks go back."""
        start, end = (datetime.combine(day, at, self.fmt.zone).utcoffset() for at in (time.min, time.max))
        return self.date(day), start != end

    def _dates(self, pattern: str) -> Callable[[date], str]:
        parts: list[Callable[[date], str]] = []
        for token in _TOKEN.findall(pattern):
            made = self._part(token)
            if made is None:
                return lru_cache(maxsize=4096)(self.fmt.date)
            parts.append(made)
        steps = tuple(parts)
        return lru_cache(maxsize=4096)(lambda value: "".join([step(value) for step in steps]))

    def _part(self, token: str) -> Callable[[date], str] | None:
        months = self._months
        known: dict[str, Callable[[date], str]] = {
            "d": lambda value: str(value.day),
            "dd": lambda value: f"{value.day:02}",
            "M": lambda value: str(value.month),
            "MM": lambda value: f"{value.month:02}",
            "MMM": lambda value: months[value.month],
            "y": lambda value: str(value.year),
            "yy": lambda value: f"{value.year % 100:02}",
            "yyyy": lambda value: str(value.year),
        }
        if token[0].isalpha():
            return known.get(token)
        text = token.strip("'") if token.startswith("'") else token
        return lambda value: text


@lru_cache(maxsize=256)
def texts(locale: str, zone: str) -> Texts:
    """The shared texts of a locale and a zone."""
    return Texts(formatter(locale, zone))
