"""Lists: filters, order, pages, what others must not see, and what people keep of them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

import pytest

from core.testing.world import World
from tests.web.conftest import Browser, words


@pytest.fixture(scope="module", autouse=True)
def orders(house: World) -> None:
    """Sixty orders, every third small, one of them strange."""
    shelf = house.create("desk.shelf", code="A-1")
    for number in range(59):
        house.create(
            "desk.order",
            name=f"Order number {number}",
            kind="small" if number % 3 == 0 else "large",
            amount=f"{number}.50",
            place=shelf.id,
            secretly="canary-secretly",
        )
    house.create("desk.order", name="<script>alert(1)</script> & co", kind="large", secretly="canary-large")


def _ids(text: str) -> list[int]:
    return [int(one) for one in re.findall(r'<tr id="r(\d+)"', text)]


def test_a_list_shows_its_columns_and_escapes_what_people_wrote(clerk: Browser) -> None:
    answer = clerk.get("/desk/order")
    assert answer.status_code == 200 and len(_ids(answer.text)) == 50
    for heading in ("Number", "Name", "Kind", "Amount", "Due", "Place", "State"):
        assert heading in words(answer)
    assert "<script>alert(1)" not in answer.text and "&lt;script&gt;alert(1)" in answer.text
    assert "A-1" in answer.text and "1,204" not in answer.text


def test_a_part_is_the_list_without_its_shell(clerk: Browser) -> None:
    answer = clerk.part("/desk/order?kind=small")
    assert answer.status_code == 200 and answer.text.lstrip().startswith('<div id="list"') and "<html" not in answer.text
    assert answer.headers["HX-Push-Url"] == "/desk/order?kind=small"


def test_filters_sort_and_search_come_from_the_address(clerk: Browser) -> None:
    assert len(_ids(clerk.get("/desk/order?kind=small").text)) == 20
    assert len(_ids(clerk.get("/desk/order?amount__ge=50&amount__lt=55").text)) == 5
    ids = _ids(clerk.get("/desk/order?sort=amount&size=25").text)
    assert len(ids) == 25 and ids == sorted(ids)
    assert len(_ids(clerk.get("/desk/order?q=number+17").text)) == 1


def test_filters_of_one_group_are_alternatives(clerk: Browser) -> None:
    assert len(_ids(clerk.get("/desk/order?any1.name=Order+number+3&any1.name__contains=number+17&kind=small").text)) == 1
    assert len(_ids(clerk.get("/desk/order?any1.name=Order+number+3&any1.name__contains=number+17").text)) == 2


def test_pages_ignore_unknown_names_and_broken_cursors(clerk: Browser) -> None:
    for query in (
        "nix=1",
        "sort=nix",
        "after=rubbish",
        "view=nix",
        "amount__ge=abc",
        "cols=nix",
        "size=9999",
        "sort=parts",
        "_field=nix&_value=1",
    ):
        answer = clerk.client.get(f"/desk/order?{query}", follow_redirects=True)
        assert answer.status_code == 200 and len(_ids(answer.text)) == 50, query


def test_older_newer_first_and_last_lead_through_everything(clerk: Browser) -> None:
    first = clerk.get("/desk/order?size=25")
    seen = _ids(first.text)
    page = first
    while found := re.search(r'href="([^"]+)"[^>]*rel="next"', page.text):
        page = clerk.get(found[1].replace("&amp;", "&"))
        seen += _ids(page.text)
    assert len(seen) == len(set(seen)) == 60
    last = clerk.get("/desk/order?size=25&page=last")
    assert _ids(last.text) == sorted(seen)[:25][::-1]


def test_the_filters_form_leads_to_one_more_filter(clerk: Browser) -> None:
    answer = clerk.get("/desk/order?kind=small&_field=name&_op=contains&_value=1&_group=2")
    assert answer.status_code == 303 and answer.location == "/desk/order?kind=small&any2.name__contains=1"
    assert clerk.get("/desk/order?_col=name&_col=amount").location == "/desk/order?cols=name,amount"
    assert "begins with" in words(clerk.part("/desk/order/filter?_field=name"))


def test_counts_and_facets_are_parts(clerk: Browser) -> None:
    assert words(clerk.part("/desk/order/count?kind=small")) == "20 orders"
    facets = clerk.part("/desk/order/facets")
    assert "Small 20" in words(facets) and "Large 40" in words(facets) and "kind=small" in facets.text


def test_a_guest_sees_only_rows_and_fields_of_theirs_anywhere(guest: Browser) -> None:
    listed = guest.get("/desk/order?size=100")
    assert len(_ids(listed.text)) == 20
    one = _ids(listed.text)[0]
    for url in (
        "/desk/order?size=100&cols=name,secretly",
        "/desk/order?sort=secretly",
        f"/desk/order/{one}",
        f"/desk/order/{one}/history",
        "/desk/order/facets",
        "/desk/order/export?format=csv",
        "/desk/order/export?format=json",
        "/search?q=canary",
        "/palette?q=canary",
        "/desk/order?q=canary-secretly",
        "/inbox",
        "/",
        f"/desk/order/{one}/related",
    ):
        answer = guest.get(url)
        assert answer.status_code == 200 and "canary-secretly" not in answer.text.replace("?q=canary-secretly", "").replace(
            'value="canary-secretly"', ""
        ).replace("<b>canary-secretly", "").replace("q=canary-secretly", ""), url
        assert "canary-large" not in answer.text
    assert len(_ids(guest.get("/desk/order?secretly=canary-secretly&size=100").text)) == 20, "an invisible filter is left out"
    assert guest.get("/desk/order/export?format=csv&kind=large").data.count(b"\n") <= 1
    assert guest.get("/desk/shelf").status_code == 403


def test_an_export_is_this_list(clerk: Browser) -> None:
    answer = clerk.get("/desk/order/export?format=csv&kind=small&sort=amount&cols=name,amount")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0] == ["id", "name", "amount"] and len(rows) == 21 and rows[1][1] == "Order number 0"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert clerk.get("/desk/order/export?format=xlsx").data[:2] == b"PK"
    assert clerk.get("/desk/order/export?format=exe").status_code == 400


def test_saved_views_are_personal_or_shared(clerk: Browser, browser: Callable[..., Browser]) -> None:
    other = browser("desk.clerk")
    answer = clerk.post("/desk/order/views", {"label": "Small ones", "query": "kind=small&after=x"})
    assert answer.status_code == 303 and answer.location.startswith("/desk/order?kind=small&saved=")
    assert "Small ones" in words(clerk.get("/desk/order")) and "Small ones" not in words(other.get("/desk/order"))
    clerk.post("/desk/order/views", {"label": "For all", "query": "kind=large", "shared": "1"})
    assert "For all" in words(other.get("/desk/order"))
    number = answer.location.rpartition("=")[2]
    assert other.post(f"/desk/order/views/{number}/remove").status_code == 404
    assert clerk.post(f"/desk/order/views/{number}/remove").status_code == 303
    assert "Small ones" not in words(clerk.get("/desk/order"))
    assert clerk.post("/desk/order/views", {"label": " ", "query": ""}).status_code == 422


def test_a_board_has_a_lane_for_each_state_and_tells_legal_moves(clerk: Browser) -> None:
    answer = clerk.get("/desk/order?view=board")
    assert answer.status_code == 200
    assert re.search(r'data-value="new" data-targets="start:open big:closed"', answer.text)
    assert re.search(r'data-value="closed" data-targets=""', answer.text)


def test_search_and_palette_find_records_and_places(clerk: Browser) -> None:
    assert "Order number 17" in words(clerk.get("/search?q=17"))
    palette = words(clerk.part("/palette?q=order"))
    assert "Orders" in palette and "New order" in palette


def test_a_list_stays_light(clerk: Browser) -> None:
    answer = clerk.get("/desk/order", Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip" and len(answer.data) < 30_000


def test_days_that_move_with_today_filter_and_stay_in_the_address(house: World, clerk: Browser) -> None:
    """The clock of the house stands at 2026-06-01."""
    early, late = house.create("desk.order", name="Early", due="2026-05-20"), house.create("desk.order", name="Late", due="2026-07-20")
    found = _ids(clerk.get("/desk/order?due__ge=today-30d&due__le=eom").text)
    assert early.id in found and late.id not in found
    assert _ids(clerk.get("/desk/order?due__ge=%2B4w&sort=id").text) == [late.id]
    assert "Due is on or after today-30d (May 2, 2026)" in words(clerk.get("/desk/order?due__ge=today-30d"))
    assert len(_ids(clerk.get("/desk/order?created_at__ge=today").text)) == 50, "made at nine: the day begins at midnight"
    control = clerk.part("/desk/order/filter?_field=due")
    assert 'value="today-30d"' in control.text and "is on or before" in words(control)
    moments = words(clerk.part("/desk/order/filter?_field=created_at"))
    assert "is on or after" in moments and "is before" in moments and "is on or before" not in moments, "a day is its beginning here"
    assert clerk.get("/desk/order?_field=due&_op=ge&_value=today-30d").location == "/desk/order?due__ge=today-30d"
