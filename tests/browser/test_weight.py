"""What a first visit fetches: few requests, and not many bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from core.testing.world import World

pytestmark = pytest.mark.browser
KB = 1024


def test_a_list_of_fifty_is_light(opened: Callable[..., Page], house: World) -> None:
    clerk = house.actor("desk.clerk")
    for _ in range(60 - len(house.find("desk.order"))):
        house.create("desk.order", by=clerk, name="of many")
    page = opened("/account")
    fetched: list[Any] = []
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    page.on("requestfinished", lambda one: fetched.append(one))
    page.goto("/desk/order?size=50")
    page.wait_for_load_state("networkidle")
    assert page.locator("[data-rows] tbody tr").count() == 50
    sizes = {one.url.rpartition("/")[2].partition("?")[0]: one.sizes()["responseBodySize"] for one in fetched}
    assert len(fetched) <= 8, [one.url for one in fetched]
    assert sizes["order"] <= 30 * KB, sizes
    assert sizes["all.js"] + sizes["ops.css"] <= 50 * KB, sizes
