"""Small things people come to rely on: copying a key, one press that takes back, coming back to the row, days in the filter box."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from core.testing.world import World

pytestmark = pytest.mark.browser
Opened = Callable[..., Page]


def test_a_point_copies_the_key_and_two_the_title(opened: Opened) -> None:
    page = opened("/desk/order/3")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    key, title = page.locator(".key [data-copy]").inner_text(), page.locator("h1").inner_text()
    page.keyboard.press(".")
    expect(page.locator("#toasts .toast").last).to_have_text(f"Copied: {key}")
    assert page.evaluate("navigator.clipboard.readText()") == key
    page.keyboard.press(".")
    expect(page.locator("#toasts .toast").last).to_have_text(f"Copied: {key} {title}")


def test_what_was_thrown_away_together_comes_back_by_one_key(opened: Opened, house: World) -> None:
    for number in range(3):
        house.create("desk.order", name=f"Doomed {number}")
    page = opened("/desk/order?q=Doomed")
    page.keyboard.press("Control+a")
    page.keyboard.press("#")
    page.locator("main form .btn.danger").last.click()
    expect(page.locator("#toasts")).to_contain_text("Undo")
    assert not house.find("desk.order", name="Doomed 1")
    page.keyboard.press("z")
    expect(page.locator("#toasts")).to_contain_text("Taken back (3 records).")
    expect(page.locator("[data-rows] tbody tr")).to_have_count(3)


def test_back_comes_to_the_row_that_was_opened(opened: Opened) -> None:
    page = opened("/desk/order?q=Order&size=50")
    row = page.locator("[data-rows] tbody tr").nth(24)
    name = row.get_attribute("id")
    row.locator("td.main a").click()
    expect(page).to_have_url(re.compile(r"/desk/order/\d+$"))
    page.go_back()
    expect(page.locator(f"#{name}")).to_be_focused()
    expect(page.locator(f"#{name}")).to_be_in_viewport()
    expect(page.locator("#q")).to_have_value("Order")


def test_the_filter_box_takes_a_day_that_moves_with_today(opened: Opened, house: World) -> None:
    house.create("desk.order", name="Due soon", due="2026-06-10")
    page = opened("/desk/order")
    page.keyboard.press("Shift+F")
    page.select_option("#filter-field", "due")
    expect(page.locator("#filter-text")).to_have_attribute("list", "filter-days")
    page.select_option("#filter-op", "ge")
    page.fill("#filter-text", "today+1w")
    page.keyboard.press("Enter")
    expect(page.locator(".chips")).to_contain_text("today+1w (Jun 8, 2026)")
    expect(page.locator("[data-rows] tbody tr")).to_have_count(1)
