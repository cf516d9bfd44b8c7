"""The keyboard map: verbs on a row, in a menu, in the palette; walking a list from record to record; a session that ends."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from core.services import accounts
from core.testing.world import World

pytestmark = pytest.mark.browser
Opened = Callable[..., Page]


def test_a_verb_of_the_menu_works_on_the_row_by_its_key(opened: Opened) -> None:
    page = opened("/desk/order")
    page.keyboard.press("j")
    row = page.evaluate("document.activeElement.dataset.id")
    page.keyboard.press("e")
    expect(page).to_have_url(re.compile(rf"/desk/order/{row}/edit$"))
    page.go_back()
    expect(page.locator(f"#r{row}")).to_be_focused()
    page.keyboard.press("m")
    expect(page.locator("#rowmenu a").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#rowmenu a").nth(1)).to_be_focused()
    page.keyboard.press("#")
    expect(page).to_have_url(re.compile(rf"/desk/order/{row}/delete$"))


def test_a_list_is_walked_from_record_to_record(opened: Opened) -> None:
    page = opened("/desk/order?kind=large&sort=id")
    ids = page.locator("[data-rows] tbody tr").evaluate_all("rows => rows.map(row => row.dataset.id)")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#walk")).to_contain_text(f"1 of {len(ids)}")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(rf"/desk/order/{ids[1]}$"))
    expect(page.locator("#walk")).to_contain_text(f"2 of {len(ids)}")
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile(rf"/desk/order/{ids[0]}$"))
    page.locator("#walk a", has_text="1 of").click()
    expect(page).to_have_url(re.compile("kind=large"))


def test_the_page_and_then_everything_that_matches_is_selected(opened: Opened) -> None:
    page = opened("/desk/order")
    page.keyboard.press("Control+a")
    expect(page.locator("[data-rows] input[name=id]:not(:checked)")).to_have_count(0)
    expect(page.locator("[data-bulk] [name=all]")).not_to_be_checked()
    page.keyboard.press("Control+a")
    expect(page.locator("[data-bulk] [name=all]")).to_be_checked()


def test_views_and_the_filter_have_keys(opened: Opened) -> None:
    page = opened("/desk/order")
    page.keyboard.press("v")
    page.keyboard.press("b")
    expect(page).to_have_url(re.compile("view=board"))
    page.keyboard.press("Shift+F")
    expect(page.locator("#filter-menu")).to_be_visible()


def test_the_palette_offers_what_the_page_can_do_and_where_one_was(opened: Opened) -> None:
    page = opened("/desk/order/2")
    title = page.locator("h1").inner_text()
    page.goto("/desk/order")
    page.keyboard.press("Control+k")
    options = page.locator("#palette [role=option]")
    expect(options.filter(has_text=title)).to_have_count(1)
    expect(options.filter(has_text="New order").first).to_be_visible()
    page.keyboard.type("filter")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#filter-menu")).to_be_visible()


def test_a_session_that_ends_loses_no_typing(opened: Opened, house: World) -> None:
    account = house.actor("desk.clerk").account or 0
    email = accounts.by_id(house.platform, account).email
    accounts.set_password(house.platform, house.system, account, "a long pass phrase")
    page = opened("/desk/order/new")
    page.fill("#name", "Typed before the session ended")
    page.context.clear_cookies(name="session")
    with page.expect_response(re.compile("/pulse")):
        page.evaluate("setTimeout(() => document.body.dispatchEvent(new Event('ops:pulse')), 0)")
    page.locator("#save").click()
    page.fill("#modal [name=email]", email)
    page.fill("#modal [name=password]", "a long pass phrase")
    page.locator("#modal button[type=submit]").click()
    expect(page.locator("h1")).to_contain_text("Typed before the session ended")


def test_a_key_can_be_changed_and_switched_off(opened: Opened) -> None:
    page = opened("/desk/order")
    focused = "document.activeElement.closest('tr') && document.activeElement.closest('tr').dataset.id"
    page.keyboard.press("j")
    first = page.evaluate(focused)
    page.keyboard.press("?")
    page.locator("#modal").get_by_role("button", name="Down, up: j. Change the key").click()
    page.keyboard.press("k")
    expect(page.locator("#modal [role=status]")).to_contain_text("k already stands for")
    page.keyboard.press("w")
    expect(page.locator("#modal").get_by_role("button", name="Down, up: w. Change the key")).to_be_focused()
    page.locator("#modal").get_by_role("button", name="Theme: d. Change the key").click()
    page.keyboard.press("Backspace")
    page.keyboard.press("Escape")
    theme = page.evaluate("document.documentElement.dataset.theme || ''")
    page.reload()
    page.keyboard.press("d")
    page.keyboard.press("j")
    assert page.evaluate(focused) is None and page.evaluate("document.documentElement.dataset.theme || ''") == theme
    page.keyboard.press("w")
    assert page.evaluate(focused) == first
    page.keyboard.press("?")
    page.get_by_label("Single keys work").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.keyboard.press("w")
    page.keyboard.press("?")
    expect(page.locator("#modal")).not_to_be_visible()
    page.locator("header [popovertarget]").last.click()
    page.locator("[data-keys]").click()
    page.get_by_role("button", name="All as they were").click()
    expect(page.get_by_label("Single keys work")).to_be_checked()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.evaluate(focused) == first


def test_offline_nothing_is_sent_and_nothing_lost(opened: Opened) -> None:
    page = opened("/desk/order/new")
    page.fill("#name", "Typed on a train")
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_contain_text("You are offline")
    page.locator("#save").click()
    page.get_by_role("link", name="Home").first.click()
    expect(page.locator("#name")).to_have_value("Typed on a train")
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_have_count(0)
    page.locator("#save").click()
    expect(page.locator("h1")).to_contain_text("Typed on a train")
