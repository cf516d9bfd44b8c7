"""What scripts shorten, tried in a browser: keys, parts of pages, pickers, lines, drafts, the board."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Opened = Callable[..., Page]


def test_typing_in_the_search_narrows_the_list_and_the_address(opened: Opened) -> None:
    page = opened("/desk/order")
    page.keyboard.press("/")
    page.keyboard.type("number 17")
    expect(page.locator("[data-rows] tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=number"))
    page.reload()
    expect(page.locator("[data-rows] tbody tr")).to_have_count(1)


def test_the_keyboard_walks_selects_and_opens(opened: Opened) -> None:
    page = opened("/desk/order")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    bar = page.locator("[data-bulk]")
    expect(bar).to_be_visible()
    expect(bar.locator("[data-count]")).to_have_text("2")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/desk/order/\d+$"))


def test_the_palette_finds_places_and_records(opened: Opened) -> None:
    page = opened("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("order number 7")
    option = page.locator("#palette [role=option]", has_text="Order number 7").first
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/desk/order"))


def test_a_condition_shows_a_field_while_typing_is_kept(opened: Opened) -> None:
    page = opened("/desk/order/new")
    page.fill("#name", "Half")
    expect(page.locator("#f-why")).to_be_hidden()
    page.check("#urgent")
    expect(page.locator("#f-why")).to_be_visible()
    expect(page.locator("#name")).to_have_value("Half")


def test_a_picker_searches_and_the_record_is_made(opened: Opened) -> None:
    page = opened("/desk/order/new")
    page.fill("#name", "Picked")
    page.click("#place")
    page.keyboard.type("A-")
    page.locator(".opts [role=option]", has_text="A-1").first.click()
    page.click("[data-line-add]")
    page.locator("[data-line] input[name$='-label']").last.fill("Leg")
    page.click("#save")
    expect(page).to_have_url(re.compile(r"/desk/order/\d+$"))
    expect(page.locator("main")).to_contain_text("A-1")
    expect(page.locator("main")).to_contain_text("Leg")
    expect(page.locator("#toasts")).to_contain_text("made")


def test_undo_takes_back_by_a_key(opened: Opened) -> None:
    page = opened("/desk/order/1/edit")
    page.fill("#name", "Renamed for a moment")
    page.click("#save")
    expect(page.locator("h1")).to_contain_text("Renamed for a moment")
    page.keyboard.press("z")
    expect(page.locator("h1")).not_to_contain_text("Renamed for a moment")


def test_a_draft_comes_back(opened: Opened) -> None:
    page = opened("/desk/order/new")
    page.fill("#notes", "A long thought")
    expect(page.locator("#draft-status")).to_contain_text("Draft kept", timeout=8000)
    again = opened("/desk/order/new")
    again.click("[data-draft-take]")
    expect(again.locator("#notes")).to_have_value("A long thought")


def test_the_theme_stays_without_a_flash(opened: Opened) -> None:
    page = opened("/desk/order")
    page.keyboard.press("d")
    page.keyboard.press("d")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_card_is_dragged_to_a_legal_lane(opened: Opened) -> None:
    page = opened("/desk/order?view=board")
    card = page.locator(".lane[data-value=new] .kard").first
    number = card.get_attribute("data-id")
    card.drag_to(page.locator(".lane[data-value=open]"))
    expect(page.locator(f".lane[data-value=open] #r{number}")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator(f".lane[data-value=open] #r{number}")).to_be_visible()


def test_a_row_menu_opens_beside_its_row(opened: Opened) -> None:
    page = opened("/desk/order")
    page.locator("[data-menu]").first.click()
    expect(page.locator("#rowmenu")).to_contain_text("Edit")
    page.keyboard.press("Escape")
    expect(page.locator("#rowmenu")).to_be_hidden()


def test_everything_works_without_scripts(opened: Opened) -> None:
    page = opened("/desk/order/new", scripts=False)
    page.fill("#name", "By hand")
    page.fill("#place", "A-1")
    page.locator("input[name='parts-0-label']").fill("Leg")
    page.click("#save")
    expect(page.locator("h1")).to_contain_text("By hand")
    page.locator("form[action$='/move/start'] button").click()
    expect(page.locator(".rechead")).to_contain_text("Open")
    page.goto("/desk/order?kind=small")
    expect(page.locator("[data-rows] tbody tr").first).to_be_visible()
