"""Pages of what was: a record as of a moment, in the layout of that day, and a whole operation taken back from the history."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from core.access.actor import Actor
from core.errors import BadRequest
from core.services import publish
from core.services.instants import asked
from core.testing.world import World
from schemas import read_overlay
from tests.web.conftest import Browser


def test_a_record_is_shown_as_it_was_in_the_layout_of_that_day(clerk: Browser, guest: Browser, house: World) -> None:
    url = clerk.made(kind="small", notes="first words", secretly="zqsecretly")
    then = quote(house.clock.now().isoformat())
    house.clock.advance(hours=1)
    overlays, _ = read_overlay("overlay: desk.order\nchanges:\n  - relabel: {field: notes, label: Remarks}\n", "notes.yaml")
    publish.apply(house.platform, Actor.system("test"), overlays)
    clerk.post(f"{url}/edit", {"notes": "second words", "_v": clerk.version(f"{url}/edit")})
    page = clerk.get(f"{url}/as-of?at={then}").text
    assert "first words" in page and "second words" not in page and "As it was on" in page
    assert "<dt>Notes</dt>" in page and "<dt>Remarks</dt>" not in page
    assert "<dt>Remarks</dt>" in clerk.get(url).text
    assert f"{url}/as-of?at=" in clerk.get(f"{url}/history").text
    seen = guest.get(f"{url}/as-of?at={then}").text
    assert "first words" in seen and "zqsecretly" not in seen
    assert clerk.get(f"{url}/as-of?at=2020-01-01").status_code == 404
    assert clerk.get(f"{url}/as-of?at=soon").status_code == 400
    publish.revert(house.platform, Actor.system("test"))


def test_lines_name_what_they_point_to_now_and_then(clerk: Browser, guest: Browser, house: World) -> None:
    shelves = [str(clerk.post("/desk/shelf/new", {"code": code}).location).rpartition("/")[2] for code in ("Shelf-Old", "Shelf-New")]
    url = clerk.made(kind="small", **{"parts-0-label": "Leg", "parts-0-taken_from": shelves[0]})
    assert f'href="/desk/shelf/{shelves[0]}">Shelf-Old' in clerk.get(url).text
    assert "Shelf-Old" not in guest.get(url).text and f"/desk/shelf/{shelves[0]}" not in guest.get(url).text
    then = quote(house.clock.now().isoformat())
    house.clock.advance(hours=1)
    line = re.search(r'name="parts-0-id" value="(\d+)"', clerk.get(f"{url}/edit").text)
    assert line is not None
    new = {"_multi": "parts", "parts-0-id": line[1], "parts-0-label": "Leg", "parts-0-taken_from": shelves[1]}
    assert clerk.post(f"{url}/edit", new).status_code == 303
    assert "Shelf-New" in clerk.get(url).text.partition("Activity")[0]
    was = clerk.get(f"{url}/as-of?at={then}").text
    assert f'href="/desk/shelf/{shelves[0]}">Shelf-Old' in was and "Shelf-New" not in was
    seen = guest.get(f"{url}/as-of?at={then}").text
    assert "Leg" in seen and "Shelf-Old" not in seen


def test_who_changed_many_takes_all_of_it_back_from_the_history_of_one(clerk: Browser, guest: Browser) -> None:
    urls = [clerk.made(kind="small", notes="as it was") for _ in range(2)]
    ids = [url.rpartition("/")[2] for url in urls]
    answer = clerk.post("/desk/order/bulk/edit", {"id": ids, "_set": "notes", "notes": "swept", "_go": "do"})
    assert answer.status_code == 303, answer.text
    history = clerk.get(f"{urls[0]}/history").text
    found = re.search(r'action="(/undo/[0-9a-f]{32})"', history)
    assert found is not None
    assert "/undo/" not in guest.get(f"{urls[0]}/history").text
    assert clerk.post(found[1]).status_code == 303
    assert all("as it was" in clerk.get(url).text for url in urls)


@pytest.mark.parametrize(("text", "zone"), [("0001-01-01T00:00Z", "America/New_York"), ("9999-12-31T23:00Z", "Asia/Tokyo"),
                                            ("9999-12-31", "America/New_York")])
def test_a_moment_without_a_counterpart_in_the_readers_zone_is_refused(text: str, zone: str) -> None:
    with pytest.raises(BadRequest, match="Say the moment"):
        asked(text, zone)
