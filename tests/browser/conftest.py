"""A served house and a Chromium that is signed in."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from core.app import create_app
from core.services import accounts
from core.testing.world import World
from tests.web.conftest import house  # noqa: F401 - the same house

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The installed browser."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("There is no Chromium here. Install it (apt-get install chromium).")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(house: World) -> Iterator[str]:  # noqa: F811
    """The address at which the house is served."""
    shelf = house.create("desk.shelf", code="A-1")
    for number in range(30):
        house.create(
            "desk.order", name=f"Order number {number}", kind="small" if number % 3 else "large", amount=f"{number}.50", place=shelf.id
        )
    server = make_server("127.0.0.1", 0, create_app(platform=house.platform), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture(scope="module")
def cookie(house: World) -> str:  # noqa: F811
    """The session of somebody who may do everything, administration too."""
    return accounts.open_session(house.platform, house.actor("desk.clerk", "core.admin").account or 0)


EXPECTED = re.compile("status of 4|net::ERR_INTERNET_DISCONNECTED|Response Status Error Code 4|^htmx:(sendAbort|afterRequest), ")
"""Refusals that a test provokes, a connection that it cuts, and questions still on their way when somebody goes to the next page."""


@pytest.fixture
def opened(chromium: Chromium, served: str, cookie: str) -> Iterator[Callable[..., Page]]:
    """``opened("/desk/order")`` is a page at that address; anything the console complains of fails the test."""
    contexts: list[Any] = []
    said: list[str] = []

    def go(url: str, *, dark: bool = False, width: int = 1440, scripts: bool = True) -> Page:
        # A page that moves is cut short by whoever goes on before it has come to rest, and Chromium complains of that.
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            base_url=served,
            reduced_motion="reduce",
        )
        context.add_cookies([{"name": "session", "value": cookie, "url": served}])
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda one: said.append(one.text) if one.type == "error" and not EXPECTED.search(one.text) else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(url)
        page.wait_for_load_state("networkidle")
        return page

    yield go
    for context in contexts:
        context.close()
    assert not said, said
