"""Every kind of page in its states, light and dark, wide and narrow: nothing overflows, and axe finds nothing serious.

A page is opened once for each width; its colours are turned while it is open, because they change nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

import pytest
from playwright.sync_api import Page

from core.services import accounts
from core.storage import outbox
from core.testing.world import World
from core.worker import once

pytestmark = pytest.mark.browser
PAGES = {
    "home": "/",
    "list": "/desk/order",
    "empty": "/desk/survey",
    "filtered": "/desk/order?kind=small&q=nothing",
    "error in a filter": "/desk/order?due__ge=soonish&kind=small",
    "beside": "/desk/order?peek=1",
    "board": "/desk/order?view=board",
    "board of a choice": "/desk/order?view=kinds",
    "record": "/desk/order/1",
    "form": "/desk/order/1/edit",
    "new": "/desk/order/new",
    "steps": "/desk/survey/new",
    "choose": "/desk/order/1/set/kind",
    "delete": "/desk/order/1/delete",
    "move": "/desk/order/1/move/close",
    "history": "/desk/order/1/history",
    "trash": "/desk/order/trash",
    "bulk": "/desk/order/bulk/edit?id=1&id=2",
    "search": "/search?q=order",
    "inbox": "/inbox",
    "notifications": "/inbox/notifications",
    "create": "/create",
    "import": "/desk/shelf/import",
    "account": "/account",
    "style": "/styleguide",
    "missing": "/desk/order/424242",
    "admin": "/admin",
    "people": "/admin/people",
    "roles": "/admin/roles",
    "role": "/admin/roles/desk/guest",
    "explain": "/admin/explain",
    "plugins": "/admin/plugins",
    "generations": "/admin/generations",
    "log": "/admin/audit",
    "jobs": "/admin/jobs",
    "mail": "/admin/mail",
    "health": "/admin/health",
}
REFUSED = {"not allowed": "/desk/order/new", "not readable": "/desk/shelf", "few rights": "/desk/order", "nothing to do": "/create"}
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


class Looks:
    """Faults of one page after the other."""

    def __init__(self, page: Page, width: int) -> None:
        self.page = page
        self.width = width
        self.source = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
        self.faults: list[str] = []
        page.emulate_media(reduced_motion="reduce")  # colours that are under way from light to dark are neither

    def try_(self, name: str) -> None:
        """What is open now, light and dark."""
        page = self.page
        page.evaluate(self.source)
        self._axe(name)
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        self._axe(f"{name}, dark")
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.faults.append(f"{name}: wider than the window")

    def _axe(self, name: str) -> None:
        found = self.page.evaluate("options => axe.run(document, {...options, resultTypes: ['violations']})", RULES)
        for one in found["violations"]:
            if one["impact"] in ("serious", "critical"):
                self.faults.append(f"{name}: {one['id']} {one['help']} {[node['html'][:140] for node in one['nodes'][:3]]}")


@pytest.fixture(scope="module")
def told(house: World, cookie: str, served: str) -> None:
    """Something was told, something lies in the trash, something waits in the outbox."""
    who = accounts.signed_in(house.platform, cookie)
    assert who is not None
    with house.platform.write(house.system) as unit:
        outbox.put(unit, "notification", {"person": who.actor.person, "text": "Your chair came", "entity": "desk.order", "record": 1})
        outbox.put(unit, "mail", {"to": "ann@example.org", "subject": "Chair", "text": "It came."}, key="mail-test:looks")
    once(house.platform)
    house.delete("desk.order", house.create("desk.order", name="Thrown away"))


@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_is_accessible_and_fits(opened: Callable[..., Page], told: None, width: int) -> None:
    page = opened("/", width=width)
    looks = Looks(page, width)
    for name, url in PAGES.items():
        page.goto(url, wait_until="domcontentloaded")
        if page.locator("main [hx-trigger=load]").count():
            page.wait_for_load_state("networkidle")
        looks.try_(name)
    assert not looks.faults, "\n".join(looks.faults)


@pytest.mark.parametrize("width", [1440, 390])
def test_refusals_conflicts_and_layers_are_accessible_and_fit(opened: Callable[..., Page], house: World, told: None, width: int) -> None:
    page = opened("/desk/order/new", width=width)
    looks = Looks(page, width)
    page.locator("#save").click()
    page.locator(".summary").wait_for()
    looks.try_("validation error")
    page.fill("#name", "Gold")
    page.fill("#amount", "999000")
    page.locator("#save").click()
    page.locator("#warned").wait_for()
    looks.try_("warning to accept")
    page.locator("#save").click()
    page.wait_for_url("**/desk/order/*")
    order = house.create("desk.order", name="Before")
    page.goto(f"/desk/order/{order.id}/edit")
    page.fill("#name", "Mine")
    house.change("desk.order", order, name="Theirs")
    page.locator("#save").click()
    page.locator(".mine").wait_for()
    looks.try_("conflict")
    page.goto("/desk/order/new")
    page.click("#place")
    page.locator(".opts [data-new]").first.click()
    page.locator("#quickbox form").wait_for()
    looks.try_("new for a picker")
    page.goto("/desk/order")
    page.keyboard.press("?")
    page.locator("#modal[open]").wait_for()
    looks.try_("keys")
    page.keyboard.press("Escape")
    page.locator("[data-menu]").first.click()
    page.locator("#rowmenu a").first.wait_for()
    looks.try_("row menu")
    page.keyboard.press("Escape")
    page.locator("[data-rows] input[name=id]").first.check()
    looks.try_("selection")
    page.goto("/desk/shelf/import")
    page.set_input_files("#file", files=[{"name": "shelves.csv", "mimeType": "text/csv", "buffer": b"code\nL-1\nA-1\n"}])
    page.locator("#look").click()
    page.locator("#import-now").wait_for()
    looks.try_("import looked at")
    guest = accounts.open_session(house.platform, house.actor("desk.guest").account or 0)
    page.context.add_cookies([{"name": "session", "value": guest, "url": page.url}])
    for name, url in REFUSED.items():
        page.goto(url, wait_until="domcontentloaded")
        looks.try_(name)
    page.context.clear_cookies()
    for name, url in {"sign in": "/login", "forgotten": "/login/forgotten"}.items():
        page.goto(url, wait_until="domcontentloaded")
        looks.try_(name)
    assert not looks.faults, "\n".join(looks.faults)


def test_paper_is_white_whatever_the_theme(opened: Callable[..., Page], told: None) -> None:
    page = opened("/desk/order/1", dark=True)
    page.emulate_media(media="print", color_scheme="dark")
    colours = "[...document.querySelectorAll('.main .card')].map(card => getComputedStyle(card)).map(at => [at.backgroundColor, at.color])"
    assert {tuple(pair) for pair in page.evaluate(colours)} == {("rgb(255, 255, 255)", "rgb(0, 0, 0)")}
    assert not page.locator(".nav, .top, #walk, .formfoot").filter(visible=True).count()
