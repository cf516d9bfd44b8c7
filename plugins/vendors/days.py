"""The last valid day of a paper, as it ends where the vendor is (VE-R09)."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.core import get_global


def day_in(country: str, moment: datetime) -> date:
    """The calendar day of ``moment`` in a country (ISO 3166), where it lasts longest; in UTC for an unknown one."""
    zones = get_global("territory_zones").get(country) or ("UTC",)
    return min(moment.astimezone(ZoneInfo(zone)).date() for zone in zones)


def is_over(last_day: date, country: str, moment: datetime) -> bool:
    """Whether ``last_day`` has ended in the country: a paper is valid through its midnight."""
    return day_in(country, moment) > last_day
