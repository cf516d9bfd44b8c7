"""Making, changing, moving, deleting: by plain forms, with nothing typed ever lost."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import unescape

import pytest

from core.testing.world import World
from tests.web.conftest import Browser, words


def test_a_record_is_made_by_its_form_and_shown(clerk: Browser) -> None:
    form = clerk.get("/desk/order/new")
    for name in ("name", "kind", "amount", "urgent", "due", "notes", "place"):
        assert re.search(rf'name="{name}"', form.text), name
    url = clerk.made(name="Desk lamp", kind="large", amount="12.5", due="2026-07-01", urgent="true", why="Dark")
    page = clerk.get(url)
    assert page.status_code == 200
    for text in ("O-0", "Desk lamp", "Large", "12.50", "New", "Start", "Edit", "made."):
        assert text in words(page), text
    assert "made." not in words(clerk.get(url)), "a toast is told once"


def test_a_long_text_is_whole_on_the_record_and_begun_in_history_and_list(clerk: Browser) -> None:
    text = "\n".join(f"Line {number} of a long note" for number in range(30))
    url = clerk.made(name="Long", notes=text, story="<p>" + text + "</p>")
    facts = words(clerk.get(url))
    assert facts.count("Line 29 of a long note") == 2
    clerk.post(url + "/edit", {"name": "Long", "notes": "Short", "story": ""})
    page = words(clerk.get(url + "/history"))
    assert "Line 6 of a long note Line…" in page and "Line 29 of a long note" not in page
    clerk.post(url + "/edit", {"name": "Long", "notes": text})
    row = words(clerk.get("/desk/order?cols=number,notes&sort=-id"))
    assert "Line 6 of a long note Line…" in row and "Line 29" not in row
    clerk.post(url + "/edit", {"name": "Long", "story": "<p>Salt &amp; <b>pepper</b></p><p>1 &lt; 2</p>"})
    for page in (url, url + "/history", "/desk/order?cols=number,story&sort=-id"):
        assert re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", " ", clerk.get(page).text))).count("Salt & pepper 1 < 2"), page


def test_a_refused_form_keeps_everything_and_names_the_fields(clerk: Browser) -> None:
    answer = clerk.post(
        "/desk/order/new", {"name": "", "amount": "twelve", "notes": "A long note", "parts-0-label": "", "parts-0-count": "3"}
    )
    assert answer.status_code == 422
    assert 'value="twelve"' in answer.text and "A long note" in answer.text and 'value="3"' in answer.text
    summary = re.search(r'(?s)class="summary".*?</ul>', answer.text)
    assert summary is not None and 'href="#name"' in summary[0] and 'href="#amount"' in summary[0]
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize("text", [b"%00", b"a%ED%A0%80b", b"x" * 41, b"two%0Alines", b"%ff%fe"])
def test_strange_texts_never_break_a_page(clerk: Browser, text: bytes) -> None:
    body = b"csrf_token=" + clerk.token().encode() + b"&notes=Kept+text&name=" + text
    answer = clerk.client.post("/desk/order/new", data=body, content_type="application/x-www-form-urlencoded")
    # What cannot be decoded arrives as replacement signs and may stand; all else is refused with everything kept.
    assert answer.status_code == 303 if b"%ff" in text or b"%ED" in text else (answer.status_code == 422 and "Kept text" in answer.text)


@pytest.mark.parametrize(
    "url",
    [
        "/desk/order/0",
        "/desk/order/-1",
        "/desk/order/9999999999999999",
        "/desk/order/99999999999999999999",
        "/desk/order/1e3",
        "/desk/nix",
        "/desk/order/1/nix",
        "/desk/order/999999/edit",
    ],
)
def test_an_unknown_record_is_not_found(clerk: Browser, url: str) -> None:
    assert clerk.get(url).status_code == 404


def test_a_change_touches_only_what_was_sent(clerk: Browser) -> None:
    url = clerk.made(name="Cupboard", kind="small", amount="5", urgent="true")
    answer = clerk.post(f"{url}/edit", {"name": "Big cupboard"})
    assert answer.status_code == 303 and answer.location == url
    text = words(clerk.get(url))
    assert "Big cupboard" in text and "Small" in text and "5.00" in text and "Yes" in text


def test_two_people_who_change_different_fields_both_keep_theirs(clerk: Browser) -> None:
    url = clerk.made(name="Bench", amount="1")
    seen = clerk.version(f"{url}/edit")
    assert clerk.post(f"{url}/edit", {"_v": seen, "amount": "2"}).status_code == 303
    answer = clerk.post(f"{url}/edit", {"_v": seen, "name": "Long bench", "amount": "1"})
    assert answer.status_code == 303
    page = words(clerk.get(url))
    print(page)
    assert "Long bench" in page and "2.00" in page and "Amount" in page and "that was kept" in page


def test_two_people_who_change_one_field_are_asked_whose_stands(clerk: Browser) -> None:
    url = clerk.made(name="Sofa")
    seen = clerk.version(f"{url}/edit")
    clerk.post(f"{url}/edit", {"_v": seen, "name": "Their sofa"})
    answer = clerk.post(f"{url}/edit", {"_v": seen, "name": "My sofa", "notes": "typed too"})
    assert answer.status_code == 409
    assert "My sofa" in words(answer) and "Their sofa" in words(answer)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
    assert hidden["name"] == "My sofa" and hidden["notes"] == "typed too"
    kept = {name: hidden[name] for name in ("_v", "name", "notes")}
    assert clerk.post(f"{url}/edit", {**kept, "_take.name": "theirs"}).status_code == 303
    page = words(clerk.get(url))
    print(page)
    assert "Their sofa" in page and "typed too" in page


def test_lines_are_added_changed_and_removed(clerk: Browser) -> None:
    url = clerk.made(**{"parts-0-label": "Leg", "parts-0-count": "4", "parts-1-label": "Top", "parts-1-count": "1"})
    form = clerk.get(f"{url}/edit").text
    ids = re.findall(r'name="parts-\d+-id" value="(\d+)"', form)
    assert len(ids) == 2
    answer = clerk.post(
        f"{url}/edit",
        {
            "_multi": "parts",
            "parts-1-id": ids[1],
            "parts-1-label": "Round top",
            "parts-1-count": "1",
            "parts-5-label": "Screw",
            "parts-5-count": "16",
        },
    )
    assert answer.status_code == 303
    page = words(clerk.get(url))
    print(page)
    assert "Round top" in page and "Screw" in page and "Leg" not in page
    assert clerk.post(f"{url}/edit", {"_multi": "parts"}).status_code == 303
    assert "Round top" not in words(clerk.get(url)).split("Activity")[0]


def test_a_condition_shows_a_field_and_hidden_values_are_dropped(clerk: Browser) -> None:
    shown = clerk.client.post(
        "/desk/order/new?partial=1", data={"urgent": "true", "why": "Soon"}, headers={"X-CSRF-Token": clerk.token(), "HX-Request": "true"}
    )
    assert shown.status_code == 200 and not re.search(r'id="f-why" hidden', shown.text)
    hidden = clerk.client.post(
        "/desk/order/new?partial=1", data={"urgent": "false", "why": "Soon"}, headers={"X-CSRF-Token": clerk.token(), "HX-Request": "true"}
    )
    assert re.search(r'id="f-why" hidden', hidden.text) and 'value="Soon"' in hidden.text
    url = clerk.made(urgent="false", why="Soon")
    assert "Soon" not in words(clerk.get(url))


def test_steps_are_pages_that_carry_what_was_typed(clerk: Browser) -> None:
    first = clerk.get("/desk/survey/new")
    assert "Step 1 of 2" in words(first)
    refused = clerk.post("/desk/survey/new", {"_step": "0", "_go": "next", "first": ""})
    assert refused.status_code == 422 and "Step 1 of 2" in words(refused)
    second = clerk.post("/desk/survey/new", {"_step": "0", "_go": "next", "first": "Blue"})
    assert second.status_code == 200 and "Step 2 of 2" in words(second) and 'value="Blue"' in second.text
    done = clerk.post("/desk/survey/new", {"_step": "1", "first": "Blue", "second": "Green"})
    assert done.status_code == 303


def test_moves_are_buttons_and_say_why_not(clerk: Browser) -> None:
    url = clerk.made(amount="50")
    page = clerk.get(url)
    assert f'action="{url}/move/start"' in page.text and "Close at once" in words(page)
    assert f'action="{url}/move/big"' not in page.text
    assert clerk.post(f"{url}/move/big").status_code == 409
    assert clerk.post(f"{url}/move/start").status_code == 303
    assert "Open" in words(clerk.get(url))
    form = clerk.get(f"{url}/move/close")
    assert 'name="notes"' in form.text and 'name="reason"' in form.text
    refused = clerk.post(f"{url}/move/close", {"notes": "Kept", "reason": ""})
    assert refused.status_code == 422 and "Kept" in refused.text
    assert clerk.post(f"{url}/move/close", {"notes": "All done", "reason": "Finished"}).status_code == 303
    history = words(clerk.get(f"{url}/history"))
    assert "moved it from Open to Closed" in history and "Finished" in history


def test_a_card_is_dropped_only_where_it_may_go(clerk: Browser) -> None:
    url = clerk.made(amount="50")
    token = clerk.token()
    headers = {"X-CSRF-Token": token, "HX-Request": "true"}
    refused = clerk.client.post(f"{url}/move/big?part=1", headers=headers)
    assert refused.status_code == 409 and "ops:toast" in refused.headers["HX-Trigger"]
    assert clerk.client.post(f"{url}/move/start?part=1", headers=headers).status_code == 204
    assert clerk.client.post(f"{url}/set/kind?part=1", data={"value": "large"}, headers=headers).status_code == 204
    assert clerk.client.post(f"{url}/set/kind?part=1", data={"value": "huge"}, headers=headers).status_code in (409, 422)


def test_deleting_shows_first_and_can_be_undone_and_restored(clerk: Browser) -> None:
    url = clerk.made(name="Old table")
    assert "moves to the trash" in words(clerk.get(f"{url}/delete"))
    answer = clerk.post(f"{url}/delete")
    assert answer.status_code == 303
    undo = re.search(r'action="(/undo/[0-9a-f]{32})"', clerk.get(answer.location).text)
    assert clerk.get(url).status_code == 404
    assert undo is not None and "Old table" in words(clerk.get("/desk/order/trash"))
    assert clerk.post(undo[1]).status_code == 303 and clerk.get(url).status_code == 200
    clerk.post(f"{url}/delete")
    assert clerk.post(f"{url}/restore").status_code == 303 and clerk.get(url).status_code == 200


def test_history_is_sentences_and_one_entry_can_be_reverted(clerk: Browser) -> None:
    url = clerk.made(name="Red chair", amount="10")
    clerk.post(f"{url}/edit", {"amount": "20"})
    page = clerk.get(f"{url}/history")
    assert "changed Amount" in words(page) and "10.00" in words(page) and "20.00" in words(page)
    revert = re.search(rf'action="({url}/revert/\d+)"', page.text)
    assert revert is not None and clerk.post(revert[1]).status_code == 303
    assert "10.00" in words(clerk.get(url)).split("Activity")[0]


def test_comments_and_files_stand_beside_the_record(clerk: Browser, browser: Callable[..., Browser]) -> None:
    url = clerk.made()
    assert clerk.post(f"{url}/comments", {"body": "Looks <b>good</b>"}).status_code == 303
    page = clerk.get(f"{url}/history")
    assert "Looks &lt;b&gt;good" in page.text
    remove = re.search(rf'action="({url}/comments/\d+/remove)"', page.text)
    assert remove is not None
    assert browser("desk.clerk").post(remove[1]).status_code == 404
    assert clerk.post(remove[1]).status_code == 303
    assert clerk.post(f"{url}/comments", {"body": "  "}).status_code == 422
    sent = clerk.post(
        f"{url}/attachments", {"file": (io.BytesIO(b"<script>alert(1)</script>"), "page.html")}, content_type="multipart/form-data"
    )
    assert sent.status_code == 303
    link = re.search(rf'href="({url}/attachments/\d+)"', clerk.get(url).text)
    assert link is not None
    file = clerk.get(link[1])
    assert file.headers["Content-Disposition"].startswith("attachment") and file.headers["Content-Type"] == "application/octet-stream"


def test_what_points_here_is_counted_and_linked(clerk: Browser) -> None:
    shelf = clerk.post("/desk/shelf/new", {"code": "B-7"}).location
    clerk.made(name="On the shelf", place=shelf.rpartition("/")[2])
    page = clerk.get(f"{shelf}/related")
    assert "Orders 1" in words(page) and "On the shelf" in words(page)
    assert "B-7" in words(clerk.part("/desk/order/pick?field=place&q=B-"))
    assert clerk.get("/desk/order/pick?field=name").status_code == 400


def test_a_reference_is_given_by_id_or_by_key(clerk: Browser) -> None:
    clerk.post("/desk/shelf/new", {"code": "KEY-9"})
    url = clerk.made(place="KEY-9")
    assert "KEY-9" in words(clerk.get(url))
    assert clerk.post("/desk/order/new", {"name": "x", "place": "no such shelf"}).status_code == 422


def test_a_draft_is_kept_offered_and_forgotten(clerk: Browser) -> None:
    kept = clerk.post("/drafts", {"_place": "/desk/order/new", "name": "Half typed"})
    assert kept.status_code == 200 and kept.json == {"at": "09:00"}
    page = clerk.get("/desk/order/new")
    assert "You left something unsaved" in words(page)
    assert clerk.get("/drafts?place=/desk/order/new").json == {"values": {"name": ["Half typed"]}}
    assert "Not saved yet New order" in words(clerk.get("/"))
    clerk.made(name="Half typed")
    assert "Not saved yet" not in words(clerk.get("/"))
    lost = clerk.made(name="Thrown away while edited")
    clerk.post("/drafts", {"_place": f"{lost}/edit", "name": "Typed"})
    assert "Thrown away while edited Jun 1" in words(clerk.get("/"))
    clerk.post(f"{lost}/delete")
    assert "Not saved yet" not in words(clerk.get("/")), "what is gone is not offered"
    assert "You left something unsaved" not in words(clerk.get("/desk/order/new"))


def test_a_draft_keeps_no_secret(clerk: Browser) -> None:
    place = "/desk/safe/new"
    typed = {"code": "S-1", "pin": "4711", "boxes-0-label": "left", "boxes-0-pin": "0815", "boxes-1-pin": "0816"}
    assert clerk.post("/drafts", {"_place": place, **typed}).status_code == 200
    kept = clerk.get(f"/drafts?place={place}").get_json()["values"]
    assert kept == {"code": ["S-1"], "boxes-0-label": ["left"]}
    assert clerk.post("/drafts/forget", {"place": place}).status_code == 303


def test_a_copy_begins_with_the_same_values(clerk: Browser) -> None:
    url = clerk.made(name="Twin", amount="7")
    form = clerk.get(f"/desk/order/new?copy={url.rpartition('/')[2]}").text
    assert 'value="Twin"' in form and "7.00" in form


def test_bulk_work_shows_first_and_is_one_undo(clerk: Browser) -> None:
    urls = [clerk.made(name=f"Bulk {number}", amount="1") for number in range(3)]
    ids = [url.rpartition("/")[2] for url in urls]
    shown = clerk.post("/desk/order/bulk/edit", {"id": ids, "_set": "amount", "amount": "9"})
    assert shown.status_code == 200 and "3 of 3 will change" in words(shown)
    assert "1.00" in words(clerk.get(urls[0])).split("Activity")[0]
    done = clerk.post("/desk/order/bulk/edit", {"id": ids, "_set": "amount", "amount": "9", "_go": "do"})
    assert done.status_code == 303 and "9.00" in words(clerk.get(urls[2]))
    undo = re.search(r'action="(/undo/[0-9a-f]{32})"', done.text) or re.search(
        r'action="(/undo/[0-9a-f]{32})"', clerk.get("/desk/order").text
    )
    moved = clerk.post("/desk/order/bulk/move/start", {"id": ids, "_go": "do"})
    assert moved.status_code == 303 and "Open" in words(clerk.get(urls[1]))
    gone = clerk.post("/desk/order/bulk/delete", {"all": "1", "query": "q=Bulk"})
    assert gone.status_code == 303 and clerk.get(urls[0]).status_code == 404
    assert undo is None or clerk.post(undo[1]).status_code in (303, 404)


def test_a_guest_may_look_and_is_told_why_not_more(clerk: Browser, guest: Browser) -> None:
    url = clerk.made(name="Small one", kind="small")
    page = guest.get(url)
    assert page.status_code == 200 and f'href="{url}/edit"' not in page.text and f'{url}/move/start"' not in page.text
    for verb in ("edit", "delete"):
        answer = guest.get(f"{url}/{verb}")
        assert answer.status_code == 403 and ("desk.clerk" in words(answer) or "Clerk" in words(answer)), verb
    assert guest.post(f"{url}/edit", {"name": "x"}).status_code == 403
    assert guest.post(f"{url}/move/start").status_code in (403, 409)
    assert guest.get("/desk/order/new").status_code == 403
    large = clerk.made(name="Large one", kind="large")
    for tail in ("", "/edit", "/delete", "/history", "/related", "/actions", "/print.pdf", "/move/start"):
        assert guest.get(large + tail).status_code == 404, tail


def test_the_inbox_holds_what_wants_somebody(clerk: Browser) -> None:
    url = clerk.made(name="Wants you")
    clerk.post(f"{url}/move/start")
    assert "Wants you" in words(clerk.get("/inbox"))


def test_the_own_account_shows_devices_and_makes_tokens(house: World, browser: Callable[..., Browser]) -> None:
    mine = browser("desk.clerk")
    assert "this one" in words(mine.get("/account"))
    made = mine.post("/account/tokens", {"name": "script", "scopes": "read"})
    token = re.search(r"bo_[\w-]+", made.text)
    assert token is not None and token[0] not in mine.get("/account").text
    assert mine.client.get("/api/v1/me", headers={"Authorization": f"Bearer {token[0]}"}).status_code == 200
    assert mine.post("/account/tokens", {"name": "", "scopes": "nix"}).status_code == 422
    assert mine.post("/account/password", {"old": "wrong", "new": "a-long-new-password"}).status_code == 422
    assert mine.post("/account/password", {"old": "demo-password", "new": "a-long-new-password"}).status_code == 303


def test_a_warning_is_accepted_once_for_the_value_it_was_about(clerk: Browser) -> None:
    asked = clerk.post("/desk/order/new", {"name": "Gold", "amount": "999000"})
    assert asked.status_code == 422 and "Is this meant?" in words(asked) and "anyway" in words(asked)
    token = re.search(r'name="_accept" value="([^"]+)"', asked.text)
    assert token is not None
    again = clerk.post("/desk/order/new", {"name": "Gold", "amount": "999001", "_accept": token[1]})
    assert again.status_code == 422, "what was accepted is another value"
    made = clerk.post("/desk/order/new", {"name": "Gold", "amount": "999000", "_accept": token[1]})
    assert made.status_code == 303
    url = str(made.location)
    same = clerk.post(f"{url}/edit", {"name": "Gold bar", "amount": "999000", "_v": clerk.version(f"{url}/edit")})
    assert same.status_code == 303, "a value that stays is not asked about again"
    more = clerk.post(f"{url}/edit", {"name": "Gold bar", "amount": "999500", "_v": clerk.version(f"{url}/edit")})
    assert more.status_code == 422 and "999,000" in words(clerk.get(url))
    wrong = clerk.post("/desk/order/new", {"name": "", "amount": "999000"})
    assert wrong.status_code == 422 and "Is this meant?" not in words(wrong), "what is wrong comes first"
