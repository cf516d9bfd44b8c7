"""Working-time arithmetic: the worked examples of the helpdesk page, and what must hold for every calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.directory.calendar import WorkingCalendar, add_working, working_between, working_days_after
from tests.soak import rounds

LONDON = ZoneInfo("Europe/London")
ENGLAND = WorkingCalendar(
    "Europe/London",
    dict.fromkeys(range(5), (("09:00", "17:30"),)),
    frozenset(
        {
            date(2026, 1, 1),
            date(2026, 4, 3),
            date(2026, 4, 6),
            date(2026, 5, 4),
            date(2026, 5, 25),
            date(2026, 8, 31),
            date(2026, 12, 25),
            date(2026, 12, 28),
        }
    ),
)
ALWAYS = WorkingCalendar("Europe/London", dict.fromkeys(range(7), (("00:00", "24:00"),)))
NIGHT = WorkingCalendar("Europe/Berlin", dict.fromkeys(range(7), (("00:00", "06:00"), ("22:00", "24:00"))))
NEW_YORK = WorkingCalendar(
    "America/New_York",
    dict.fromkeys(range(5), (("08:00", "12:00"), ("13:00", "17:00"))),
    frozenset({date(2026, 7, 3), date(2026, 11, 26)}),
)


def at(text: str, zone: str = "Europe/London", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-04-02 16:00", 240, "2026-04-07 11:30"),
        ("2026-04-02 16:00", 180, "2026-04-07 10:30"),
        ("2026-12-24 15:00", 480, "2026-12-29 14:30"),
        ("2026-06-06 12:00", 60, "2026-06-08 10:00"),
        ("2026-06-05 16:30", 60, "2026-06-05 17:30"),
        ("2026-06-05 17:30", 1, "2026-06-08 09:01"),
        ("2026-06-01 10:15", 480, "2026-06-02 09:45"),
    ],
)
def test_hd_x01_hd_x02_hd_x03_hd_x04_due_times_in_england(start: str, minutes: int, due: str) -> None:
    assert add_working(ENGLAND, at(start), minutes * 60) == at(due)


def test_hd_x04_a_pause_moves_the_due_time() -> None:
    consumed = working_between(ENGLAND, at("2026-06-01 10:15"), at("2026-06-01 11:00"))
    assert consumed == 45 * 60
    assert working_between(ENGLAND, at("2026-06-01 11:00"), at("2026-06-02 14:00")) == 690 * 60
    assert add_working(ENGLAND, at("2026-06-02 14:00"), 480 * 60 - consumed) == at("2026-06-03 12:45")
    consumed += working_between(ENGLAND, at("2026-06-02 14:00"), at("2026-06-02 15:00"))
    assert consumed == 105 * 60
    assert add_working(ENGLAND, at("2026-06-02 15:00"), 240 * 60 - consumed) == at("2026-06-02 17:15")


def test_hd_x05_clocks_change_in_a_calendar_that_never_closes() -> None:
    assert add_working(ALWAYS, at("2026-03-28 20:00"), 480 * 60) == at("2026-03-29 05:00")
    assert working_between(ALWAYS, at("2026-03-28 20:00"), at("2026-03-29 08:00")) == 660 * 60
    assert add_working(ALWAYS, at("2026-10-24 20:00"), 480 * 60) == at("2026-10-25 03:00")
    assert working_between(ALWAYS, at("2026-10-24 20:00"), at("2026-10-25 08:00")) == 780 * 60


def test_hd_x06_a_night_shift() -> None:
    assert working_between(NIGHT, at("2026-03-28 12:00", "Europe/Berlin"), at("2026-03-29 12:00", "Europe/Berlin")) == 420 * 60
    assert working_between(NIGHT, at("2026-10-24 12:00", "Europe/Berlin"), at("2026-10-25 12:00", "Europe/Berlin")) == 540 * 60


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-07-02 11:30", 60, "2026-07-02 13:30"),
        ("2026-07-02 15:00", 240, "2026-07-06 10:00"),
        ("2026-11-25 16:00", 120, "2026-11-27 09:00"),
    ],
)
def test_hd_x07_new_york(start: str, minutes: int, due: str) -> None:
    # Wednesday 16:00 plus two hours ends exactly where Friday's first hour ends, at 09:00.
    assert add_working(NEW_YORK, at(start, "America/New_York"), minutes * 60) == at(due, "America/New_York")


def test_sh_x06_working_days() -> None:
    assert working_days_after(ENGLAND, date(2026, 4, 2), 10) == date(2026, 4, 20)
    assert working_days_after(ENGLAND, date(2026, 4, 2), 2) == date(2026, 4, 8)
    assert working_days_after(ENGLAND, date(2026, 12, 21), 5) == date(2026, 12, 30)


def test_a_calendar_that_never_opens_says_so() -> None:
    with pytest.raises(ValueError, match="not open in 400 days"):
        add_working(WorkingCalendar("UTC", {}), at("2026-06-01 10:00"), 60)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda moment: moment.replace(microsecond=0, tzinfo=UTC))


@settings(max_examples=rounds(60), deadline=None)
@given(start=moments, seconds=st.integers(1, 400_000), calendar=st.sampled_from([ENGLAND, ALWAYS, NIGHT, NEW_YORK]))
def test_sh_r06_adding_and_counting_agree(start: datetime, seconds: int, calendar: WorkingCalendar) -> None:
    due = add_working(calendar, start, seconds)
    assert working_between(calendar, start, due) == seconds
    middle = start + (due - start) / 2
    middle = middle.replace(microsecond=0)
    assert working_between(calendar, start, middle) + working_between(calendar, middle, due) == seconds


@settings(max_examples=rounds(15), deadline=None)
@given(start=moments, minutes=st.integers(1, 3_000), calendar=st.sampled_from([ENGLAND, NIGHT, NEW_YORK]))
def test_counting_minute_by_minute_agrees(start: datetime, minutes: int, calendar: WorkingCalendar) -> None:
    start = start.replace(second=0)
    end = start + timedelta(minutes=minutes)
    there = ZoneInfo(calendar.zone)
    open_minutes = 0
    for count in range(minutes):
        local = (start + timedelta(minutes=count)).astimezone(there)
        spans = () if local.date() in calendar.holidays else calendar.weekly.get(local.weekday(), ())
        open_minutes += any(opens <= local.strftime("%H:%M") < closes for opens, closes in spans)
    assert working_between(calendar, start, end) == open_minutes * 60
