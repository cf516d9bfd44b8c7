"""Boards of a choice, the record beside the list, new records for a picker, rich text, the bell and lists that tell of changes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from core.services import accounts
from core.storage import outbox
from core.testing.world import World
from core.worker import once

pytestmark = pytest.mark.browser
Opened = Callable[..., Page]


def test_cards_of_a_choice_are_moved_by_drag_by_keys_and_by_menu(opened: Opened, house: World) -> None:
    order = house.create("desk.order", name="Walks", kind="small")
    page = opened("/desk/order?view=kinds&q=Walks")
    small, large, none = (page.locator(f".lane[data-value='{value}']") for value in ("small", "large", ""))
    card = page.locator(f"#r{order.id}")
    card.drag_to(large)
    expect(large.locator(f"#r{order.id}")).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("Kind is Large")
    expect(card).not_to_have_attribute("aria-busy", "true")
    card.focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(none.locator(f"#r{order.id}")).to_be_visible()
    expect(card).to_be_focused()
    page.keyboard.press("m")
    page.locator("#rowmenu button", has_text="Kind: Small").click()
    expect(page).to_have_url(re.compile(r"view=kinds"))
    expect(small.locator(f"#r{order.id}")).to_be_visible()
    assert house.get("desk.order", order)["kind"] == "small"


def test_a_refused_card_goes_back_and_says_why(opened: Opened, house: World) -> None:
    order = house.create("desk.order", name="Stays", amount="50.00")
    page = opened("/desk/order?view=board&q=Stays")
    card = page.locator(f"#r{order.id}")
    card.drag_to(page.locator(".lane[data-value=closed]"))
    expect(page.locator("#toasts .bad")).to_contain_text("less than 10")
    expect(page.locator(".lane[data-value=new]").locator(f"#r{order.id}")).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".lane[data-value=open]").locator(f"#r{order.id}")).to_be_visible()
    expect(card).not_to_have_attribute("aria-busy", "true")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator(".lane[data-value=open]").locator(f"#r{order.id}")).to_be_focused()


def test_a_board_of_a_choice_works_without_scripts(opened: Opened, house: World) -> None:
    order = house.create("desk.order", name="By hand only", kind="small")
    page = opened("/desk/order?view=kinds&q=hand+only", scripts=False)
    page.locator(f"#m{order.id}").click()
    page.locator("main button", has_text="Kind: Large").click()
    assert house.get("desk.order", order)["kind"] == "large"


def test_the_record_stands_beside_the_list_and_in_the_address(opened: Opened) -> None:
    page = opened("/desk/order?q=Order")
    page.keyboard.press("j")
    page.keyboard.press("Space")
    beside = page.locator("#peek")
    first = page.locator("[data-rows] tbody tr").first
    expect(beside.locator("h2")).to_have_text(re.compile("Order number"))
    expect(page).to_have_url(re.compile(rf"q=Order&peek={first.get_attribute('data-id')}"))
    expect(first).to_be_focused()
    before = beside.locator("h2").inner_text()
    page.keyboard.press("j")
    expect(beside.locator("h2")).not_to_have_text(before)
    second = page.locator("[data-rows] tbody tr").nth(1)
    page.reload()
    expect(beside.locator("h2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(beside).to_be_hidden()
    expect(page).not_to_have_url(re.compile("peek="))
    second.locator("[data-menu]").click()
    page.locator("#rowmenu a", has_text="Look beside").click()
    expect(beside).to_be_visible()
    page.locator("[data-peek-close]").click()
    expect(second).to_be_focused()


def test_the_record_beside_the_list_needs_no_scripts(opened: Opened) -> None:
    page = opened("/desk/order/1/actions", scripts=False)
    page.locator("main a", has_text="Look beside").click()
    expect(page.locator("#peek h2")).to_be_visible()
    page.locator("[data-peek-close]").click()
    expect(page.locator("#peek")).to_be_hidden()
    page.goto("/desk/order?peek=424242")
    expect(page.locator("h1")).to_have_text("Orders")


def test_a_new_record_for_a_picker_keeps_what_was_typed(opened: Opened) -> None:
    page = opened("/desk/order/new")
    page.fill("#name", "Typed before")
    page.click("#place")
    page.keyboard.type("B-77")
    page.locator(".opts [data-new]").first.click()
    box = page.locator("#quickbox")
    expect(box.locator("#q-code")).to_have_value("B-77")
    box.locator("#q-code").fill("")
    box.locator("button.primary").click()
    expect(box.locator(".summary")).to_contain_text("Please fill this in")
    box.locator("#q-code").fill("A-1")
    page.keyboard.press("Enter")
    expect(box.locator(".summary")).to_contain_text("not available")
    box.locator("#q-code").fill("B-78")
    page.keyboard.press("Enter")
    expect(box).to_be_hidden()
    expect(page.locator("#place")).to_have_value("B-78")
    expect(page.locator("#name")).to_have_value("Typed before")
    page.click("#save")
    expect(page).to_have_url(re.compile(r"/desk/order/\d+$"))
    expect(page.locator("main")).to_contain_text("B-78")


def test_rich_text_is_written_as_it_will_look(opened: Opened) -> None:
    page = opened("/desk/order/new")
    page.fill("#name", "With a story")
    page.locator("#story").click()
    page.locator(".richbar button[title=Bold]").click()
    page.keyboard.type("Loud")
    page.locator(".richbar button[title=Bold]").click()
    page.keyboard.type(" and <quiet>")
    page.click("#save")
    expect(page.locator("main dd b, main dd strong")).to_have_text("Loud")
    expect(page.locator("main")).to_contain_text("Loud and <quiet>")
    page.locator("#edit").click()
    expect(page.locator("#story")).to_have_text("Loud and <quiet>")


def test_the_bell_counts_and_reading_quiets_it(opened: Opened, house: World, cookie: str) -> None:
    person = accounts.signed_in(house.platform, cookie)
    assert person is not None
    with house.platform.write(house.system) as unit:
        outbox.put(unit, "notification", {"person": person.actor.person, "text": "Your chair came", "entity": "desk.order", "record": 1})
    once(house.platform)
    page = opened("/desk/order")
    expect(page.locator("#unread")).to_have_text("1")
    page.keyboard.press("g")
    page.keyboard.press("n")
    page.locator(".told a", has_text="Your chair came").click()
    expect(page).to_have_url(re.compile(r"/desk/order/1$"))
    expect(page.locator("#unread")).to_be_hidden()


def test_a_list_tells_of_changes_and_shows_them_when_asked(opened: Opened, house: World) -> None:
    page = opened("/desk/order?q=Order+number+1")
    row = page.locator("[data-rows] tbody tr").first
    number = int(row.get_attribute("data-id") or 0)
    before = row.inner_text()
    house.change("desk.order", number, name="Order number 1 by somebody else")
    house.change("desk.order", number, amount="3.00")
    page.evaluate("document.body.dispatchEvent(new Event('ops:pulse'))")
    expect(page.locator("#newer span")).to_have_text("1 change")
    assert row.inner_text() == before, "nothing moves before it is asked for"
    page.keyboard.press("r")
    expect(page.locator(f"#r{number}")).to_contain_text("by somebody else")
    expect(page.locator("#newer")).to_be_hidden()
    house.delete("desk.order", house.create("desk.order", name="Order number 1 to throw away"))
    page.evaluate("document.body.dispatchEvent(new Event('ops:pulse'))")
    expect(page.locator("#newer span")).to_have_text("1 deleted")
