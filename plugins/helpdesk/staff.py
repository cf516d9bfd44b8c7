"""Who can take a ticket: people who work here, and who work now (HD-R08, HD-R09)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from plugins.directory.calendar import is_open, of_record


def works_here(person: Mapping[str, Any], today: date) -> bool:
    """Whether the person is active, has begun, and has not left."""
    begun = person.get("start") is None or person["start"] <= today
    return bool(person.get("active")) and begun and (person.get("end") is None or today <= person["end"])


def works_now(calendar: Mapping[str, Any] | None, now: datetime) -> bool:
    """Whether ``now`` is working time of the calendar; without one everybody is on shift."""
    return calendar is None or is_open(of_record(calendar), now)
