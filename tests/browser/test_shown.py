"""What stands on a page, on paper and in a list is what was written: line breaks, seconds, digits, words, and the ends of time."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from decimal import Decimal

import pytest
from playwright.sync_api import Page
from werkzeug.serving import make_server

from core.access.actor import Actor
from core.app import create_app
from core.fields import formatter
from core.render import cells
from core.render.texts import texts
from core.services import accounts
from core.testing.world import World
from schemas.model import Field
from tests.whole.naughty_house import house

DECLARED = """
plugin: naughty
label: Shown
version: 1.0.0
core: ">=1,<2"
needs: [directory]
entities:
  sheet:
    label: Sheet
    title: "{name}"
    fields:
      name: {type: text, required: true, in_list: true}
      long: {type: long_text}
      rich: {type: rich_text}
      share: {type: percent}
      clock: {type: time}
      moment: {type: datetime}
      parts: {type: lines, fields: {name: {type: text}, long: {type: long_text}}}
    views:
      all: {kind: list, columns: [name, long, rich, share, clock, moment, parts], sort: id, default: true}
      gallery: {kind: gallery, card: [name, rich, share, moment]}
    access:
      clerk: {read: all, create: all, write: all, delete: all, export: all, print: all}
"""
LONG = "First paragraph.\n\nSecond paragraph:\n  - indented\tpoint\n    - two    more\n\nThird."


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with house(tmp_path_factory.mktemp("shown"), "", DECLARED) as world:
        yield world


@pytest.fixture(scope="module")
def clerk(app: World) -> Actor:
    return app.actor("naughty.clerk")


@pytest.fixture(scope="module")
def served(app: World) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(platform=app.platform), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture(scope="module")
def cookie(app: World, clerk: Actor) -> str:
    return accounts.open_session(app.platform, clerk.account or 0)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _seen(page: Page, selector: str) -> list[str]:
    return [text for text in page.eval_on_selector_all(selector, "all => all.map(one => one.innerText)") if "First paragraph" in text]


@pytest.mark.browser
@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_a_long_text_keeps_its_lines_and_indents_wherever_it_is_read(
    app: World, opened: Callable[..., Page], width: int, dark: bool  # noqa: F811
) -> None:
    rich = "<p>One\n   two</p><ul><li>x</li></ul>"
    made = app.create("naughty.sheet", name="a    b", long=LONG, rich=rich, parts=({"name": "x", "long": LONG},))
    app.change("naughty.sheet", made.id, long=LONG + "\nmore")
    here = f"/naughty/sheet/{made.id}"
    page = opened(here, width=width, dark=dark)
    for medium in ("screen", "print"):
        page.emulate_media(media=medium)
        assert _seen(page, ".facts td") == [LONG]
        assert LONG + "\nmore" in _seen(page, ".facts dd")
        assert page.locator(".facts dd", has_text=re.compile("^a    b$")).inner_text() == "a    b"
        assert page.locator(".facts dd .rich p").inner_text() == "One two"
    page.emulate_media(media="screen")
    assert LONG in _seen(page, ".timeline del") and LONG + "\nmore" in _seen(page, ".timeline ins")
    page.goto(here + "/as-of?at=2026-06-01T09:00:00%2B00:00")
    assert LONG + "\nmore" in _seen(page, ".facts dd")
    page.goto(f"/naughty/sheet?peek={made.id}")
    page.wait_for_load_state("networkidle")
    assert LONG + "\nmore" in _seen(page, ".facts dd")


def test_a_percentage_is_read_with_all_its_digits() -> None:
    said = texts("de", "UTC")
    for value, text in (("12.3456", "12,3456 %"), ("0.0001", "0,0001 %"), ("1E+2", "100 %"), ("50.00", "50 %"), ("0.00", "0 %")):
        assert said.percent(Decimal(value)) == said.fmt.percent(Decimal(value)) == text


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        ("2026-01-01T13:30", "Jan 1, 2026 14:30"),
        ("2026-01-01T13:30:45", "Jan 1, 2026 14:30:45"),
        ("2026-01-01T13:30:00.500", "Jan 1, 2026 14:30:00.5"),
        ("2026-01-01T13:30:45.123456", "Jan 1, 2026 14:30"),  # by a clock: nobody types it
        ("2026-10-25T00:30", "Oct 25, 2026 02:30 (UTC+02:00)"),
        ("2026-10-25T01:30", "Oct 25, 2026 02:30 (UTC+01:00)"),
        ("2026-10-25T02:30", "Oct 25, 2026 03:30"),
        ("2026-03-29T01:30", "Mar 29, 2026 03:30"),
        ("9999-12-31T23:30", "Dec 31, 9999 23:30 (UTC)"),
    ],
)
def test_two_instants_read_alike_only_when_a_clock_made_them(instant: str, text: str) -> None:
    said = texts("en", "Europe/Berlin")
    assert said.datetime(_instant(instant)) == said.fmt.datetime(_instant(instant)) == text


def test_what_the_system_stamps_is_read_to_the_minute() -> None:
    said, instant = texts("en", "Europe/Berlin"), _instant("2026-01-01T13:30:45")
    for field in (Field("created_at", "datetime"), Field("updated_at", "datetime")):
        assert "Jan 1, 2026 14:30<" in cells.show(field, instant, said)
    assert "Jan 1, 2026 14:30:45<" in cells.show(Field("begins", "datetime"), instant, said)
    assert said.stamp(_instant("9999-12-31T23:30")) == "Dec 31, 9999 23:30"


@pytest.mark.parametrize(
    ("locale", "clock", "text"),
    [
        ("en", time(14, 30), "2:30 PM"),
        ("en", time(14, 30, 45), "2:30:45 PM"),
        ("de", time(14, 30), "14:30"),
        ("de", time(14, 30, 0, 500), "14:30:00,0005"),
        ("fi", time(14, 30, 45), "14.30.45"),
    ],
)
def test_a_time_of_day_shows_its_seconds(locale: str, clock: time, text: str) -> None:
    assert formatter(locale, "UTC").time(clock).replace("\u202f", " ") == text


@pytest.mark.parametrize(("zone", "instant"), [("Europe/Berlin", "9999-12-31T23:30"), ("America/New_York", "0001-01-01T00:00")])
def test_the_ends_of_time_stop_no_page_of_another_zone(app: World, zone: str, instant: str) -> None:
    who = app.actor("naughty.clerk")
    app.change("directory.person", who.person or 0, time_zone=zone)
    made = app.create("naughty.sheet", name="end", moment=_instant(instant), clock=time(14, 30, 45), share="12.3456")
    try:
        browser = app.client(accounts.actor_for_account(app.platform, who.account or 0))
        here = f"/naughty/sheet/{made.id}"
        every = "/naughty/sheet"
        for url in (every, f"{every}?view=gallery", f"{every}/export?format=csv", here, f"{here}/edit", f"{here}/print.pdf"):
            assert browser.get(url).status_code == 200, url
        listed = browser.get(every).text
        assert f"{instant[-5:]} (UTC)" in listed and f"{instant[-5:]} (UTC)" in browser.get(here).text
        assert "12.3456 %" in listed and "2:30:45" in listed
    finally:
        app.change("naughty.sheet", made.id, moment=None)
