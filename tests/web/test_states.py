"""Pages in their less usual states: filters that cannot be read, boards without scripts, refusals in words, imports looked at first."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from core.testing.world import World
from tests.web.conftest import Browser, words

FILE = b"code\nQ-1\nQ-2\nQ-1\n"


def test_a_filter_that_cannot_be_read_is_told_and_left_out(clerk: Browser) -> None:
    clerk.made(name="Filtered", kind="small")
    said = words(clerk.get("/desk/order?due__ge=soonish&kind=small"))
    assert "“soonish” cannot be read as Due: the list is shown without this filter." in said
    assert "Filtered" in said
    assert "cannot be read" not in words(clerk.get("/desk/order?no_such=1&kind=small"))


def test_a_hidden_field_is_not_told_of_by_a_bad_filter(guest: Browser) -> None:
    assert "Secretly" not in words(guest.get("/desk/order?secretly__ge=x&due__ge=x"))


def test_an_empty_list_names_what_was_asked_for(clerk: Browser) -> None:
    said = words(clerk.get("/desk/order?kind=large&q=nowhere"))
    assert "none fits: Kind is Large and the words nowhere" in said and "Clear 2 filters" in said


def test_a_refusal_calls_roles_as_people_do(guest: Browser) -> None:
    said = words(guest.get("/desk/shelf"))
    assert "Clerk (Desk)" in said and "desk.clerk" not in said


def test_a_field_is_set_from_a_menu_and_the_board_comes_back(clerk: Browser, guest: Browser, house: World) -> None:
    url = clerk.made(kind="small")
    offered = clerk.get(f"{url}/set/kind").text
    assert "Kind: Large" in offered and "Kind: none" in offered and "Kind: Small" not in offered
    answer = clerk.post(f"{url}/set/kind?value=large", {"_back": "/desk/order?view=kinds"})
    assert answer.status_code == 303 and answer.location == "/desk/order?view=kinds"
    assert clerk.post(f"{url}/set/kind?value=", {"_back": "//evil.example/x"}).location == url
    assert clerk.post(f"{url}/set/kind?value=huge").status_code == 422
    assert clerk.get(f"{url}/set/secretly").status_code == 400
    small = clerk.made(kind="small")
    assert guest.post(f"{small}/set/kind?value=large").status_code in (403, 404, 422)
    assert house.get("desk.order", int(small.rsplit("/", 1)[1]))["kind"] == "small"


def test_a_new_record_for_a_picker_answers_with_its_id(clerk: Browser) -> None:
    token = clerk.token()

    def post(code: str) -> TestResponse:
        return clerk.client.post("/desk/shelf/new?quick=1", data={"csrf_token": token, "code": code}, headers={"HX-Request": "true"})

    assert "data-quick-form" in clerk.part("/desk/shelf/new?quick=1&code=S-9").text
    assert post("").status_code == 422 and "Please fill this in" in post("").text
    made = post("S-9")
    assert made.status_code == 204 and re.search(r'"ops:picked": {"value": \d+, "title": "S-9"}', made.headers["HX-Trigger"])


def _send(browser: Browser, name: str, body: bytes, **more: str) -> TestResponse:
    return browser.post("/desk/shelf/import", {"file": (io.BytesIO(body), name), **more}, content_type="multipart/form-data")


def test_an_import_is_looked_at_before_it_is_done_and_can_be_undone(clerk: Browser, house: World) -> None:
    assert clerk.get("/desk/shelf/import.csv").text == "code\r\n"
    answer = _send(clerk, "shelves.csv", FILE)
    said = words(answer)
    assert answer.status_code == 200 and "2 new" in said and "1 refused" in said and "Refused rows" in said and "Code :" in said
    assert house.find("desk.shelf", code="Q-1") == []
    kept = re.search(r'name="kept" value="(\d+)"', answer.text)
    assert kept is not None
    whole = clerk.post("/desk/shelf/import", {"kept": kept[1], "_do": "1", "whole": "1"})
    assert whole.status_code == 422 and "Nothing was written" in words(whole) and house.find("desk.shelf", code="Q-1") == []
    done = clerk.post("/desk/shelf/import", {"kept": kept[1], "_do": "1"})
    assert done.status_code == 303 and len(house.find("desk.shelf", code="Q-1")) == 1
    listed = clerk.get("/desk/shelf").text
    undo = re.search(r'action="(/undo/\w{32})"', listed)
    assert "2 created, 1 refused." in listed and undo is not None
    clerk.post(undo[1])
    assert house.find("desk.shelf", code="Q-1") == []


def test_a_file_that_cannot_be_imported_gets_a_sentence(clerk: Browser, guest: Browser, browser: Callable[..., Browser]) -> None:
    for name, body, said in (
        ("shelves.txt", FILE, ".csv, .xlsx and .json"),
        ("shelves.csv", b"nonsense\n1\n", "There is no column “nonsense”"),
        ("shelves.xlsx", b"no book", "."),
    ):
        answer = _send(clerk, name, body)
        assert 400 <= answer.status_code < 500 and said in words(answer), name
    assert "Choose a file first." in words(clerk.post("/desk/shelf/import"))
    kept = re.search(r'name="kept" value="(\d+)"', _send(clerk, "shelves.csv", FILE).text)
    assert kept is not None
    other = browser("desk.clerk")
    assert "Choose a file first." in words(other.post("/desk/shelf/import", {"kept": kept[1], "_do": "1"}))
    assert guest.get("/desk/shelf/import").status_code == 403
    assert guest.get("/desk/order/import").status_code == 403
    assert "/desk/order/import" not in guest.get("/desk/order").text


@pytest.mark.parametrize("view", ["kinds", "board"])
def test_boards_say_when_a_column_is_empty(clerk: Browser, view: str) -> None:
    assert "Nothing here" in words(clerk.get(f"/desk/order?view={view}&q=nobody+has+this"))


def test_a_view_without_rows_is_named_and_points_to_the_others(clerk: Browser) -> None:
    assert "No orders in “Dear” Other views of this list may hold some." in words(clerk.get("/desk/order?view=dear"))
    said = words(clerk.get("/desk/survey"))
    assert "No surveys here" in said and "Other views" not in said
