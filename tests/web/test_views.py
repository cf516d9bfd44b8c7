"""Calendars, boards, trees and galleries: every record that fits stands somewhere, or the page says where the rest is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from core.app import create_app
from core.facts import FixedClock
from core.registry.discover import Discovery, discover
from core.services import accounts
from core.services.platform import Platform
from core.settings import Settings
from core.testing.world import World
from core.web import boards
from tests.web.conftest import Browser, words

TOURS = """
plugin: tours
label: Tours
version: 1.0.0
core: ">=1,<2"
roles: {clerk: {label: Clerk}}
entities:
  tour:
    label: Tour
    kind: tree
    title: "{name}"
    fields:
      name: {type: text, required: true}
      from_day: {type: date}
      to_day: {type: date}
      leaves: {type: datetime}
      returns: {type: datetime}
      bulk: {type: choice, options: [small, large, OPTION]}
      kind: {type: choice, quick_filter: true, options: [k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k10]}
      above: {type: reference, to: tour}
    parent: above
    views:
      all: {kind: list, columns: [name, from_day], default: true}
      days: {kind: calendar, start: from_day, end: to_day}
      hours: {kind: timeline, start: leaves, end: returns}
      starts: {kind: calendar, start: from_day}
      sizes: {kind: board, by: bulk}
      below: {kind: tree}
      cards: {kind: gallery}
    access:
      clerk: {read: all, create: all, write: all}
"""


class House:
    """A house that can start again with other declarations."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.clock = settings, FixedClock(datetime(2026, 6, 1, 9, 0, tzinfo=UTC))
        self.start("huge")
        self.account = self.world.actor("tours.clerk").account or 0

    def start(self, option: str) -> None:
        assert self.settings.plugins_dir is not None
        (self.settings.plugins_dir / "tours.yaml").write_text(TOURS.replace("OPTION", option), encoding="utf-8")
        self.platform = Platform(self.settings, self.clock, find=_only)
        self.platform.start()
        self.world = World(self.platform, self.clock)

    def browser(self) -> Browser:
        client = create_app(platform=self.platform).test_client()
        client.set_cookie("session", accounts.open_session(self.platform, self.account))
        return Browser(client)


def _only(settings: Settings) -> Discovery:
    found = discover(settings)
    return replace(found, plugins=[one for one in found.plugins if one.name in ("directory", "tours")])


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    folder = tmp_path / "plugins"
    folder.mkdir()
    return Settings(
        data_dir=tmp_path / "data", database_url=database_url, plugins_dir=folder, secret_key="for-tests-only-0123456789-abcdefgh"
    ).completed()


@pytest.fixture
def tours(settings: Settings) -> Iterator[House]:
    house = House(settings)
    try:
        yield house
    finally:
        house.platform.close()


def _days(page: str) -> dict[str, list[str]]:
    """What stands on the days of a month's page; days of the months around it begin with "out"."""
    found = re.findall(r'(?s)<div class="(out|)[^"]*"><b><span class="wd">[^<]*</span>(\d+)</b>(.*?)</div>', page)
    return {
        f"{out}{day}": [re.sub("<[^>]*>", "", one).strip() for one in re.findall(r"(?s)<a [^>]*>(.*?)</a>", inside)]
        for out, day, inside in found
        if "<a" in inside
    }


def test_an_entry_stands_on_each_of_its_days(tours: House) -> None:
    tours.world.create("tours.tour", name="Three", from_day=date(2026, 6, 3), to_day=date(2026, 6, 5))
    tours.world.create("tours.tour", name="Open", from_day=date(2026, 6, 20))
    tours.world.create("tours.tour", name="Wrong", from_day=date(2026, 6, 22), to_day=date(2026, 6, 21))
    tours.world.create("tours.tour", name="Over", from_day=date(2026, 5, 2), to_day=date(2026, 5, 9))
    browser = tours.browser()
    assert _days(browser.get("/tours/tour?view=days&month=2026-06").text) == {
        "3": ["Three"], "4": ["Three"], "5": ["Three"], "20": ["Open"], "22": ["Wrong"],
    }
    assert _days(browser.get("/tours/tour?view=starts&month=2026-06").text)["3"] == ["Three"]
    assert "4" not in _days(browser.get("/tours/tour?view=starts&month=2026-06").text)


def test_an_entry_that_began_long_before_stands_in_every_month_until_it_ends(tours: House) -> None:
    tours.world.create("tours.tour", name="Long", from_day=date(2024, 5, 20), to_day=date(2026, 7, 20))
    tours.world.create("tours.tour", name="Long", leaves=datetime(2026, 5, 20, 8, tzinfo=UTC), returns=datetime(2026, 7, 20, tzinfo=UTC))
    browser = tours.browser()
    for view in ("days", "hours"):
        assert len(_days(browser.get(f"/tours/tour?view={view}&month=2026-06").text)) == 35, view
    assert "20" in _days(browser.get("/tours/tour?view=days&month=2026-07").text)
    july = _days(browser.get("/tours/tour?view=hours&month=2026-07").text)
    assert "19" in july and "20" not in july  # it is over at midnight
    assert not _days(browser.get("/tours/tour?view=hours&month=2026-09").text)


def test_an_entry_over_midnight_tells_its_time_on_the_first_day(tours: House) -> None:
    tours.world.create(
        "tours.tour", name="Night", leaves=datetime(2026, 6, 10, 20, tzinfo=UTC), returns=datetime(2026, 6, 11, 4, tzinfo=UTC)
    )
    found = _days(tours.browser().get("/tours/tour?view=hours&month=2026-06").text)
    assert list(found) == ["10", "11"] and found["10"][0].endswith("Night") and found["10"] != ["Night"] and found["11"] == ["Night"]


@pytest.mark.parametrize("view", ["days", "starts", "cards", "below"])
def test_a_view_says_that_there_is_more_and_where(tours: House, view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MOST_ENTRIES", 3)
    monkeypatch.setattr(boards, "MOST_NODES", 3)
    for number in range(5):
        tours.world.create("tours.tour", name=f"Tour {number}", from_day=date(2026, 6, 10 + number), bulk="small")
    tours.world.create("tours.tour", name="Large one", from_day=date(2026, 6, 12), bulk="large")
    tours.world.create("tours.tour", name="August", from_day=date(2026, 8, 12), bulk="large" if view in ("cards", "below") else "small")
    browser = tours.browser()
    page = browser.get(f"/tours/tour?view={view}&month=2026-06&bulk=small")
    assert "The first 3 are shown." in words(page)
    link = re.search(r'<a href="([^"]+)">All of them as a list', page.text)
    assert link is not None
    listed = words(browser.get(link[1].replace("&amp;", "&")))
    assert all(f"Tour {number}" in listed for number in range(5)) and "Large one" not in listed and "August" not in listed
    assert "are shown" not in words(browser.get(f"/tours/tour?view={view}&month=2026-06&bulk=large&name__ne=August"))


def test_a_month_of_too_many_entries_fills_every_day(tours: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MOST_ENTRIES", 80)
    for number in range(90):
        tours.world.create("tours.tour", name=f"Early {number}", from_day=date(2026, 6, 2), bulk="small")
    tours.world.create("tours.tour", name="Late one", from_day=date(2026, 6, 29), bulk="small")
    page = tours.browser().get("/tours/tour?view=starts&month=2026-06")
    assert "Late one" in words(page) and "Of each day these are the earliest." in words(page)


def test_a_board_holds_cards_whose_option_is_gone(tours: House) -> None:
    tours.world.create("tours.tour", name="Huge one", bulk="huge")
    tours.world.create("tours.tour", name="No size")
    page = tours.browser().get("/tours/tour?view=sizes")
    assert "Huge one" in words(page) and "No size" in words(page) and 'aria-label="Other"' not in page.text
    tours.platform.close()
    tours.start("tiny")
    page = tours.browser().get("/tours/tour?view=sizes")
    lane = re.search(r'(?s)<section class="lane"[^>]*aria-label="Other">(.*?)</section>', page.text)
    assert lane is not None and "Huge one" in lane[1] and "No size" not in lane[1]


def test_every_value_of_a_quick_filter_can_be_found(tours: House) -> None:
    for number in range(11):
        for _ in range(number + 1):
            tours.world.create("tours.tour", name="Tour", kind=f"k{number}")
    browser = tours.browser()
    said = words(browser.part("/tours/tour/facets"))
    assert "3 more" in said and all(f"K{number} {number + 1}" in said for number in range(11))
    first = browser.part("/tours/tour/facets?kind=k0").text.partition("<details")[0]
    assert 'aria-pressed="true">K0' in first  # what is pressed can be taken back
