"""The worked examples of facilities that need no database."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal as D
from zoneinfo import ZoneInfo

import pytest

from plugins.facilities import booking, inspections, maintenance, recurrence

DAY = datetime(2026, 6, 1, tzinfo=UTC)


def span(start: str, end: str, after: int = 0, before: int = 0) -> booking.Span:
    hours = [DAY + timedelta(hours=int(text[:2]), minutes=int(text[3:])) for text in (start, end)]
    return booking.Span(hours[0], hours[1], before, after)


def test_fa_x01_buffers() -> None:
    taken = [span("10:00", "11:00", 15)]
    assert not booking.fits(span("11:00", "12:00", 15), taken)
    assert booking.next_free(span("11:00", "12:00", 15), taken) == DAY + timedelta(hours=11, minutes=15)
    assert not booking.fits(span("09:00", "10:00", 15), taken)
    assert booking.fits(span("08:45", "09:45", 15), taken)


def test_fa_r02_quantity() -> None:
    taken = [span("10:00", "12:00"), span("11:00", "13:00")]
    assert booking.fits(span("10:00", "11:00"), taken, 2)
    assert not booking.fits(span("11:30", "12:30"), taken, 2)
    assert booking.fits(span("11:30", "12:30"), taken, 3)


def test_fa_r01_agrees_with_a_grid_of_minutes() -> None:
    dice = random.Random(7)
    for _ in range(300):
        spans = []
        for _ in range(2):
            start = dice.randrange(0, 200)
            spans.append((start, start + dice.randrange(1, 60), dice.randrange(0, 20), dice.randrange(0, 20)))
        (s1, e1, b1, a1), (s2, e2, b2, a2) = spans
        meets = bool(set(range(s1 - b1, e1 + a1)) & set(range(s2, e2)) or set(range(s2 - b2, e2 + a2)) & set(range(s1, e1)))
        one, other = (booking.Span(DAY + timedelta(minutes=s), DAY + timedelta(minutes=e), b, a) for s, e, b, a in spans)
        assert booking.clash(one, other) is meets


def test_fa_x02_a_series_keeps_its_local_time() -> None:
    starts = recurrence.occurrences("FREQ=WEEKLY;COUNT=4", date(2026, 3, 16), time(9), "Europe/Berlin")
    assert [start.hour for start in starts] == [8, 8, 7, 7]


def test_fa_x03_rules() -> None:
    assert [day.isoformat()[5:] for day in recurrence.days_of_rule("FREQ=MONTHLY;BYDAY=-1FR", date(2026, 1, 1), date(2026, 5, 31))] == [
        "01-30",
        "02-27",
        "03-27",
        "04-24",
        "05-29",
    ]
    assert [day.isoformat()[5:] for day in recurrence.days_of_rule("FREQ=MONTHLY;BYMONTHDAY=31", date(2026, 1, 1), date(2026, 8, 31))] == [
        "01-31",
        "03-31",
        "05-31",
        "07-31",
        "08-31",
    ]
    assert [day.isoformat()[5:] for day in recurrence.grid(date(2026, 1, 31), 1, "months", 5)] == [
        "01-31",
        "02-28",
        "03-31",
        "04-30",
        "05-31",
    ]


def test_fa_x04_nights_when_clocks_change() -> None:
    london = ZoneInfo("Europe/London")
    start = datetime(2026, 10, 25, 1, 30, tzinfo=london, fold=0)
    assert booking.elapsed_minutes(start, datetime(2026, 10, 25, 2, 30, tzinfo=london)) == 120
    assert not recurrence.exists(datetime(2026, 3, 29, 1, 30), "Europe/London")
    assert recurrence.instant(datetime(2026, 3, 29, 1, 30), "Europe/London").astimezone(london).time() == time(2, 30)


def test_fa_r03_a_whole_day_of_25_hours_is_one_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert booking.calendar_days(datetime(2026, 10, 25, tzinfo=berlin), datetime(2026, 10, 26, tzinfo=berlin), "Europe/Berlin") == 1
    assert booking.calendar_days(datetime(2026, 3, 29, tzinfo=berlin), datetime(2026, 3, 30, tzinfo=berlin), "Europe/Berlin") == 1


def test_fa_x05_floating_and_fixed() -> None:
    done = date(2026, 3, 10)
    assert maintenance.next_due("floating", date(2026, 1, 1), 90, "days", done) == date(2026, 6, 8)
    assert maintenance.next_due("fixed", date(2026, 1, 1), 3, "months", done) == date(2026, 4, 1)


def test_fa_r11_fa_x06_a_meter_predicts() -> None:
    day = date(2026, 5, 1)
    readings = [(day, D(1180)), (day + timedelta(days=15), D(1240))]
    assert maintenance.predicted(readings, D(1270)) == day + timedelta(days=15 + 8)
    assert maintenance.predicted([(day, D(1180)), (day + timedelta(days=13), D(1240))], D(1270)) is None


def test_fa_r08_fa_x07_weights_and_a_critical_failure() -> None:
    lines = [(3, "pass", False), (2, "pass", False), (2, "partial", False), (1, "fail", False), (2, "na", False)]
    assert inspections.score(lines) == (D("75.0"), "failed")
    assert inspections.score([*lines[:3], (1, "fail", True), lines[4]]) == (D("75.0"), "failed")
    assert inspections.score([(2, "na", False)]) == (None, "not_scored")
    assert inspections.score([(4, "pass", False), (1, "fail", False)]) == (D("80.0"), "passed")


@pytest.mark.parametrize(("start", "end", "inside"), [("08:00", "09:00", True), ("07:30", "09:00", False), ("17:00", "18:30", False)])
def test_fa_r05_opening_hours(start: str, end: str, inside: bool) -> None:
    wanted = span(start, end)
    assert booking.within_hours(wanted.start, wanted.end, "UTC", "08:00", "18:00") is inside
