"""One formatter for dates, numbers and money, by the person's locale and time zone (babel)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal, get_currency_precision, get_decimal_symbol

from core.facts import Money


@lru_cache(maxsize=64)
def locale_of(name: str) -> Locale:
    """The babel locale of a language tag; English when it is unknown."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name; UTC when it is unknown."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


@lru_cache(maxsize=512)
def minor_digits(currency: str) -> int:
    """The minor digits of an ISO 4217 currency; 2 for an unknown one."""
    return int(get_currency_precision(currency))


class Formatter:
    """Texts for people. Times are shown in ``zone``; a cached instance serves each (locale, zone)."""

    def __init__(self, locale: str = "en", zone: str = "UTC") -> None:
        self.locale_name = locale
        self.locale = locale_of(locale)
        self.zone = zone_of(zone)

    def date(self, value: dt.date) -> str:
        return str(format_date(value, "medium", locale=self.locale))

    def datetime(self, value: dt.datetime) -> str:
        there = self.local(value)
        return f"{self.date(there.date())} {there:%H:%M}{seconds(there)}{self.offset(there)}"

    def offset(self, there: dt.datetime) -> str:
        """What tells a wall time from another of the same name: its offset when it comes twice in autumn, UTC when it is not the zone's."""
        if there.tzinfo is not self.zone:
            return " (UTC)"
        if there.utcoffset() == there.replace(fold=1 - there.fold).utcoffset():
            return ""
        return f" (UTC{there.isoformat(timespec='hours')[13:]})"

    def time(self, value: dt.time) -> str:
        if not value.second and not value.microsecond:
            return str(format_time(value, "short", locale=self.locale))
        pattern = str(self.locale.time_formats["medium"].pattern)
        if value.microsecond:
            point = get_decimal_symbol(self.locale)
            pattern = pattern.replace("ss", f"ss'{point}{_fraction(value.microsecond)}'")
        return str(format_time(value, pattern, locale=self.locale))

    def number(self, value: Decimal | int, places: int | None = None) -> str:
        if places is None:
            return str(format_decimal(value, locale=self.locale))
        pattern = "#,##0" + ("." + "0" * places if places else "")
        return str(format_decimal(value, format=pattern, locale=self.locale))

    def money(self, value: Money) -> str:
        return str(format_currency(value.amount, value.currency, locale=self.locale, currency_digits=True, decimal_quantization=False)
                   if _odd(value) else format_currency(value.amount, value.currency, locale=self.locale))

    def percent(self, value: Decimal) -> str:
        return f"{format_decimal(value.normalize(), locale=self.locale, decimal_quantization=False)} %"

    def duration(self, seconds: int) -> str:
        sign, rest = ("-" if seconds < 0 else ""), abs(seconds)
        hours, minutes = divmod(rest // 60, 60)
        parts = [f"{hours} h"] if hours else []
        if minutes or not hours:
            parts.append(f"{minutes} min")
        if rest % 60:
            parts.append(f"{rest % 60} s")
        return sign + " ".join(part for part in parts if part != "0 min" or len(parts) == 1)

    def local(self, value: dt.datetime) -> dt.datetime:
        """The wall time in the person's zone; in UTC at the ends of time, where the zone's would leave the years 1 to 9999."""
        try:
            return value.astimezone(self.zone)
        except OverflowError:
            return value.astimezone(dt.UTC)


def seconds(value: dt.datetime) -> str:
    """What follows the minute of an instant: its seconds and their parts, as ``:45`` and ``:45.5``, where they are not zero.

    Nothing for what a clock has stamped: that has parts of a millisecond, which nobody types and nobody wants to read.
    """
    if not value.second and not value.microsecond or value.microsecond % 1000:
        return ""
    return f":{value.second:02}" + (f".{_fraction(value.microsecond)}" if value.microsecond else "")


def _fraction(microsecond: int) -> str:
    return f"{microsecond:06}".rstrip("0")


def _odd(value: Money) -> bool:
    exponent = value.amount.as_tuple().exponent
    return isinstance(exponent, int) and -exponent > minor_digits(value.currency) and value.amount != round(
        value.amount, minor_digits(value.currency))


@lru_cache(maxsize=256)
def formatter(locale: str, zone: str) -> Formatter:
    """The shared formatter of a locale and a zone."""
    return Formatter(locale, zone)


def wall_time(local: dt.datetime, zone: str) -> dt.datetime:
    """The instant of a naive wall time in ``zone``, in UTC; the first of two in autumn.

    Raises ValueError with the two valid neighbours for a time that spring leaves out.
    """
    there = zone_of(zone)
    instant = local.replace(tzinfo=there, fold=0).astimezone(dt.UTC)
    if instant.astimezone(there).replace(tzinfo=None) != local:
        after = instant.astimezone(there).replace(tzinfo=None)
        before = (local.replace(tzinfo=there, fold=1).astimezone(dt.UTC)).astimezone(there).replace(tzinfo=None)
        low, high = sorted((before, after))
        raise ValueError(f"{local:%H:%M} does not exist on that day in {zone}: clocks go forward. Use {low:%H:%M} or {high:%H:%M}.")
    return instant
