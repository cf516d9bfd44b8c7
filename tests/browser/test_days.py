"""Working days in the four functions, in a browser, each by the people whose task it is."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from core.access.actor import Actor
from core.app import create_app
from core.facts import FixedClock, Record
from core.services import accounts
from core.services.platform import Platform
from core.settings import Settings
from core.testing import World
from core.testing.plugin import START
from plugins.vendors.demo import iban

pytestmark = pytest.mark.browser
Enter = Callable[[Actor], Page]
PICTURES = os.environ.get("BACKOFFICE_TEST_PICTURES", "")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A small organisation with the four functions."""
    clock = FixedClock(START)
    platform = Platform(Settings.for_tests(tmp_path_factory.mktemp("days") / "data", ""), clock)
    platform.start()
    yield World(platform, clock)
    platform.close()


@pytest.fixture(scope="module")
def address(office: World) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(platform=office.platform), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture
def enter(chromium: Chromium, office: World, address: str, request: pytest.FixtureRequest) -> Iterator[Enter]:
    """``enter(actor)`` is a page of that person; an error of a script fails the test, a page left before it faded in is none."""
    contexts: list[Any] = []
    pages: list[Page] = []
    said: list[str] = []

    def go(actor: Actor) -> Page:
        context = chromium.new_context(viewport={"width": 1440, "height": 900}, base_url=address)
        context.add_cookies([{"name": "session", "value": accounts.open_session(office.platform, actor.account or 0), "url": address}])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)) if "Transition was aborted" not in str(error) else None)
        pages.append(page)
        return page

    yield go
    if PICTURES:
        for number, page in enumerate(pages):
            page.screenshot(path=Path(PICTURES) / f"{request.node.name}-{number}.png", full_page=True)
    for context in contexts:
        context.close()
    assert not said, said


def see(page: Page, url: str) -> Page:
    page.goto(url)
    return page


def pick(page: Page, field: str, words: str) -> None:
    """Search in a picker and take the first that is found."""
    page.click(f"#{field}")
    with page.expect_response(lambda answer: f"q={quote(words)}" in answer.url):
        page.keyboard.type(words)
    page.locator(f"#{field}-opts [role=option]", has_text=words).first.click()
    expect(page.locator(f"#{field}-opts")).to_be_hidden()
    expect(page.locator(f"#{field}")).to_have_value(re.compile(re.escape(words)))


def save(page: Page) -> None:
    page.click("#save")
    page.wait_for_url(re.compile(r"/\d+(\?.*)?$"))


def move(page: Page, transition: str, **fields: str) -> None:
    """Press a move of the record; where it asks for something, fill that in and go on."""
    with page.expect_response(lambda answer: f"/move/{transition}" in answer.url) as answered:
        page.locator(f"form[action$='/move/{transition}'] button, a[href*='/move/{transition}']").first.click()
    if answered.value.request.method == "GET":
        page.wait_for_url(re.compile(f"/move/{transition}"))
        for name, text in fields.items():
            page.fill(f"[name='{name}']", text)
        save(page)


def state(page: Page, label: str) -> None:
    expect(page.locator(".rechead")).to_contain_text(label)


def test_a_requester_asks_and_an_agent_triages_from_the_board_with_keys_only(office: World, enter: Enter) -> None:
    someone = office.person().id
    team = office.create("directory.team", name="Service desk", members=(someone,))
    queue = office.create("helpdesk.queue", name="First line", team=team.id, takes_all=True)
    office.create("helpdesk.resolution_code", code="FIXED", name="Mended")
    asker, agent = office.actor("helpdesk.requester"), office.actor("helpdesk.agent", person=someone)

    page = see(enter(asker), "/helpdesk/ticket/new")
    expect(page.locator("#queue")).to_have_count(0)
    page.fill("#subject", "My screen stays dark")
    save(page)
    state(page, "New")
    made = office.find("helpdesk.ticket", subject="My screen stays dark")[0]
    assert (made["requester"], made["queue"], made["priority"]) == (asker.person, queue.id, "P5")

    page = see(enter(agent), "/")
    expect(page.locator("main")).to_contain_text("My screen stays dark")
    see(page, "/helpdesk/ticket?view=board")
    card = page.locator(f"#r{made.id}")
    page.locator("[data-board]").focus()
    page.keyboard.press("ArrowDown")
    expect(card).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".lane[data-value=open]").locator(f"#r{made.id}")).to_be_visible()
    expect(card).not_to_have_attribute("aria-busy", "true")
    assert office.get("helpdesk.ticket", made)["assignee"] == someone
    card.focus()
    page.keyboard.press("m")
    resolve = page.locator("#rowmenu :is(a, button)", has_text="Resolve")
    expect(resolve).to_be_visible()
    resolve.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/move/resolve"))
    page.locator("#resolution_code").focus()
    page.keyboard.type("Mended")
    expect(page.locator(".opts [role=option]", has_text="Mended").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.locator("[contenteditable=true]").first.focus()
    page.keyboard.type("The cable was loose.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: "/move/" not in url)
    done = office.get("helpdesk.ticket", made)
    assert done["state"] == "resolved"
    assert "The cable was loose." in done["resolution"]

    page = see(enter(asker), f"/helpdesk/ticket/{made.id}")
    state(page, "Resolved")
    expect(page.locator("main")).to_contain_text("The cable was loose.")


def test_a_coordinator_books_a_room_and_dispatches_a_work_order(office: World, enter: Enter) -> None:
    coordinator, occupant, technician = (office.actor(f"facilities.{role}") for role in ("coordinator", "occupant", "technician"))
    office.create("facilities.resource", name="Large room", type="room", buffer_after=15)
    office.create("facilities.location", code="B1", name="House one", kind="building")
    office.create("facilities.category", name="Heating", priority="P2")

    page = see(enter(coordinator), "/facilities/booking/new")
    pick(page, "resource", "Large room")
    expect(page.locator("#f-licence_class")).to_be_hidden()
    page.fill("#title", "Planning")
    page.fill("#start", "2026-06-03T10:00")
    page.fill("#end", "2026-06-03T11:00")
    save(page)
    expect(page.locator("main")).to_contain_text("held until 09:10")
    move(page, "confirm")
    state(page, "Confirmed")
    see(page, "/facilities/booking/new")
    pick(page, "resource", "Large room")
    page.fill("#title", "Too close")
    page.fill("#start", "2026-06-03T11:00")
    page.fill("#end", "2026-06-03T12:00")
    page.click("#save")
    expect(page.locator("main")).to_contain_text("It is free again from 2026-06-03 11:15 (UTC).")

    page = see(enter(occupant), "/facilities/request/new")
    page.fill("#summary", "The heating stays cold")
    page.fill("#description", "Since this morning.")
    pick(page, "location", "House one")
    pick(page, "category", "Heating")
    save(page)
    asked = page.url
    page = see(enter(coordinator), asked)
    move(page, "triage")
    move(page, "plan")
    state(page, "Planned")
    order = office.find("facilities.work_order", summary="The heating stays cold")[0]
    see(page, f"/facilities/work_order/{order.id}")
    move(page, "plan")
    page.locator("a[href*='/move/assign'], form[action$='/move/assign'] button").first.click()
    page.wait_for_url(re.compile("/move/assign"))
    pick(page, "assignee", office.get("directory.person", technician.person or 0)["display_name"])
    save(page)
    state(page, "Assigned")

    page = see(enter(technician), "/")
    expect(page.locator("main")).to_contain_text("The heating stays cold")
    see(page, f"/facilities/work_order/{order.id}")
    move(page, "start")
    move(page, "finish")
    state(page, "Done")
    page = see(enter(coordinator), f"/facilities/work_order/{order.id}")
    move(page, "verify")
    state(page, "Verified")
    page = see(enter(occupant), asked)
    state(page, "Done")
    move(page, "confirm")
    state(page, "Confirmed")


def test_a_buyer_onboards_a_vendor_with_others(office: World, enter: Enter) -> None:
    roles = {
        "buyer": ("vendors.requester", "vendors.buyer"),
        "manager": ("vendors.vendor_manager",),
        "payable": ("vendors.accounts_payable",),
    }
    roles |= {"treasury": ("vendors.treasury",), "compliance": ("vendors.compliance",)}
    people = {name: office.actor(*those) for name, those in roles.items()}
    office.create("vendors.payment_term", code="N30", name="30 days net", lines=({"days": 30},))
    office.create("vendors.document_type", code="INS", name="Insurance", mandatory_to_tier=4)

    page = see(enter(people["buyer"]), "/vendors/vendor/new")
    page.fill("#legal_name", "Alder Works GmbH")
    page.fill("#country", "DE")
    pick(page, "payment_term", "30 days net")
    page.locator("[data-lines=contacts] [data-line-add]").click()
    page.locator("[data-lines=contacts] [data-line] [name$='-name']").last.fill("Desk of accounts")
    page.locator("[data-lines=contacts] [data-line] [name$='-phone']").last.fill("+49 30 5550101")
    save(page)
    state(page, "Proposed")
    vendor = office.find("vendors.vendor", legal_name="Alder Works GmbH")[0]
    place = f"/vendors/vendor/{vendor.id}"

    manager = see(enter(people["manager"]), place)
    move(manager, "collect")
    move(manager, "examine")
    state(manager, "Due diligence")

    see(manager, f"/vendors/due_diligence/new?vendor={vendor.id}")
    manager.click("[data-line-add]")
    manager.locator("[data-line] select[name$='-check']").last.select_option("registry")
    manager.locator("[data-line] select[name$='-result']").last.select_option("clear")
    save(manager)
    file = manager.url
    compliance = see(enter(people["compliance"]), file)
    move(compliance, "close")
    state(compliance, "Closed")
    see(compliance, place)
    move(compliance, "approve")
    state(compliance, "Approved")

    see(manager, f"/vendors/bank_account/new?vendor={vendor.id}")
    manager.fill("#holder", "Alder Works GmbH")
    manager.fill("#iban", iban("DE", "999999990000000042"))
    save(manager)
    account = manager.url
    payable = see(enter(people["payable"]), account)
    payable.locator("a[href*='/move/verify'], form[action$='/move/verify'] button").first.click()
    payable.wait_for_url(re.compile("/move/verify"))
    payable.click("[data-line-add]")
    payable.locator("[data-line] select[name$='-method']").last.select_option("callback")
    payable.locator("[data-line] [name$='-called']").last.fill("+49 30 5550101")
    payable.locator("[data-line] select[name$='-result']").last.select_option("confirmed")
    save(payable)
    state(payable, "Verified")
    expect(payable.locator("form[action$='/move/approve']")).to_have_count(0)
    treasury = see(enter(people["treasury"]), account)
    move(treasury, "approve")
    state(treasury, "Cooling")
    office.clock.advance(days=3)
    payable = see(enter(people["payable"]), account)
    move(payable, "activate")
    state(payable, "Active")
    manager = see(enter(people["manager"]), place)
    move(manager, "activate")
    state(manager, "Active")
    assert office.get("vendors.vendor", vendor)["approved_by"] == people["compliance"].person
    office.clock.advance(days=-3)


def test_a_payroll_officer_runs_a_month_and_a_second_person_approves_it(office: World, enter: Enter) -> None:
    specialist, approver, hr, employee = (office.actor(f"payroll.{role}") for role in ("specialist", "approver", "hr_officer", "employee"))
    month, slip = _month(office, specialist, hr, employee)

    page = see(enter(specialist), "/payroll/pay_run/new")
    pick(page, "group", "Monthly")
    pick(page, "period", "M Monthly")
    save(page)
    place = page.url
    move(page, "freeze")
    move(page, "calculate")
    state(page, "Calculated")
    see(page, f"/payroll/run_exception?view=open&run={place.rpartition('/')[2]}")
    page.locator("[data-rows] tbody tr a").first.click()
    page.wait_for_url(re.compile(r"/\d+$"))
    move(page, "accept", note="New here since June.")
    state(page, "Accepted")
    see(page, place)
    move(page, "review")
    state(page, "In review")
    expect(page.locator("form[action$='/move/approve']")).to_have_count(0)

    page = see(enter(approver), "/")
    expect(page.locator("main")).to_contain_text("PR-M-2026-001")
    see(page, place)
    move(page, "approve")
    state(page, "Approved")

    page = see(enter(employee), "/payroll/payslip")
    page.locator("[data-rows] tbody tr a").first.click()
    page.wait_for_url(re.compile(r"/\d+$"))
    expect(page.locator("main")).to_contain_text("2,145.00")
    link = page.locator("a[href$='/print.pdf']").first.get_attribute("href")
    answer = page.request.get(link or "")
    assert (answer.status, answer.headers["content-type"], answer.body()[:5]) == (200, "application/pdf", b"%PDF-")


def _month(office: World, specialist: Actor, hr: Actor, employee: Actor) -> tuple[Record, datetime]:
    """A group with one approved pay and one open period."""
    company = office.create(
        "directory.company", code="PAY", legal_name="Pay Works", country="DE", base_currency="EUR", time_zone="Europe/Berlin"
    )
    group = office.create(
        "payroll.pay_group", code="M", name="Monthly", employer=company.id, flat_tax=Decimal(19), flat_social=Decimal("9.5")
    )
    period = office.create(
        "payroll.pay_period",
        group=group.id,
        number=6,
        tax_year=2026,
        start=date(2026, 6, 1),
        end=date(2026, 6, 30),
        pay_date=date(2026, 6, 26),
    )
    terms = office.create(
        "payroll.employee_pay", by=specialist, employee=employee.person, group=group.id, valid_from=date(2026, 1, 1), amount=Decimal(3000)
    )
    office.move("payroll.employee_pay", terms, "approve", by=hr)
    return period, datetime(2026, 6, 26, tzinfo=UTC)
