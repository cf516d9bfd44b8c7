"""When preventive maintenance is due: on a fixed grid, floating from the last completion, or by a meter (FA-R11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal

from plugins.facilities.recurrence import step


def next_fixed(anchor: date, every: int, unit: str, after: date) -> date:
    """The first day of the grid after ``after``, each computed from the anchor."""
    count = 0
    while (day := step(anchor, every * count, unit)) <= after:
        count += 1
    return day


def next_floating(done: date, every: int, unit: str) -> date:
    """``every`` units after the completion."""
    return step(done, every, unit)


def next_due(mode: str, anchor: date, every: int, unit: str, done: date | None) -> date:
    """The next due day; before the first completion it is the anchor, on both modes."""
    if done is None:
        return anchor
    return next_fixed(anchor, every, unit, done) if mode == "fixed" else next_floating(done, every, unit)


def predicted(readings: Sequence[tuple[date, Decimal]], due_value: Decimal) -> date | None:
    """The day a meter reaches ``due_value``, from the average use between the last readings at least 14 days apart.

    None when the readings are too close or the meter does not move.
    """
    if not readings:
        return None
    ordered = sorted(readings)
    last_day, last_value = ordered[-1]
    earlier = [one for one in ordered if (last_day - one[0]).days >= 14]
    if not earlier:
        return None
    first_day, first_value = earlier[-1]
    used, days = last_value - first_value, (last_day - first_day).days
    if used <= 0:
        return None
    left = max(Decimal(0), due_value - last_value)
    return last_day + timedelta(days=int((left * days / used).to_integral_value(ROUND_CEILING)))
