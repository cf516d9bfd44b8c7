"""Sentences of the contract about values, tried over the API: lines, pictures, names of entities, amounts in filters, versions."""

from __future__ import annotations

import io
import json
from typing import Any

from core.services import exporting, importing
from core.testing.world import World

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def upload(client: Any, content: bytes, name: str) -> int:
    answer = client.http.post("/api/v1/files", data={"file": (io.BytesIO(content), name)}, headers=client.headers,
                              content_type="multipart/form-data")
    assert answer.status_code == 201, answer.json
    return int(answer.json["id"])


def test_flags_hold_for_fields_of_lines_too(clerk: Any) -> None:
    refused = clerk("POST", "/store/item", {"name": "Chair", "parts": [{"label": "leg", "checked": "yes"}]})
    assert refused.status_code == 422 and set(refused.json["errors"]) == {"parts"}
    refused = clerk("POST", "/store/item", {"name": "Chair", "parts": [{"label": "leg", "twice": 8}]})
    assert refused.status_code == 422 and set(refused.json["errors"]) == {"parts"}
    made = clerk("POST", "/store/item", {"name": "Chair", "parts": [{"label": "leg", "amount": 9, "serial": "A"}]}).json
    path, line = f"/store/item/{made['id']}", made["parts"][0]
    for wrong in ({"checked": "yes"}, {"serial": "B"}, {"remark": "late"}, {"amount": 1, "checked": "yes"}):
        refused = clerk("PATCH", path, {"parts": [{"id": line["id"], **wrong}]})
        assert refused.status_code == 422 and set(refused.json["errors"]) == {"parts"}, wrong
    assert clerk("GET", path).json["parts"] == [line]
    # A line goes back as it came, with what is derived and what nobody may give.
    assert clerk("PATCH", path, {"parts": [line]}).json["parts"] == [line]
    freed = clerk("PATCH", path, {"parts": [{"id": line["id"], "amount": 2, "remark": "in time"}]})
    assert freed.json["parts"][0] | {"position": 1} == line | {"amount": 2, "twice": 4, "remark": "in time", "position": 1}


def test_an_image_is_a_picture_and_a_file_is_never_run(clerk: Any) -> None:
    text, picture = upload(clerk, b"<script>alert(1)</script>", "x.png"), upload(clerk, PNG, "x.png")
    refused = clerk("POST", "/store/item", {"name": "Chair", "photo": text})
    assert refused.status_code == 422 and set(refused.json["errors"]) == {"photo"}
    made = clerk("POST", "/store/item", {"name": "Chair", "photo": picture, "picture": text})
    assert made.status_code == 201 and set(made.json["photo"]) == {"id", "name", "size", "type", "url"}
    answer = clerk.http.get(made.json["picture"]["url"], headers=clerk.headers)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    policy = {part.strip() for part in answer.headers["Content-Security-Policy"].split(";")}
    assert {"default-src 'self'", "object-src 'none'", "sandbox"} <= policy


def test_an_entity_is_the_name_of_one(clerk: Any) -> None:
    assert clerk("POST", "/store/item", {"name": "Chair", "about": "store.shelf"}).json["about"] == "store.shelf"
    refused = clerk("POST", "/store/item", {"name": "Chair", "about": "store.nothing"})
    assert refused.status_code == 422 and set(refused.json["errors"]) == {"about"}


def test_an_amount_without_a_currency_is_compared_with_each_amount_in_its_own(clerk: Any) -> None:
    for name, amount, currency in (("a", "12", "EUR"), ("b", "12.50", "EUR"), ("c", "20", "USD")):
        assert clerk("POST", "/store/item", {"name": name, "price": {"amount": amount, "currency": currency}}).status_code == 201
    clerk("POST", "/store/item", {"name": "d"})
    for asked, names in (
        ("price__gt=12", "bc"), ("price=12", "a"), ("price__lt=12.50", "a"), ("price__ne=12", "bc"), ("price__between=12,13", "ab"),
        ("price__in=12,20", "ac"), ("price__in=12,20 EUR", "a"), ("price__gt=12 USD", "c"), ("price__gt=12 EUR", "b"),
        ("price__not_in=12,13 USD", "bc"), ("price__empty=1", "d"),
    ):
        answer = clerk("GET", f"/store/item?sort=name&{asked}")
        assert answer.status_code == 200, answer.json
        assert "".join(item["name"] for item in answer.json["items"]) == names, asked


def test_a_version_may_be_given_with_or_without_quotes(clerk: Any) -> None:
    number = clerk("POST", "/store/item", {"name": "Chair"}).json["id"]
    assert clerk("PATCH", f"/store/item/{number}", {"count": 1}, If_Match="1").status_code == 200
    assert clerk("PATCH", f"/store/item/{number}", {"count": 2}, If_Match="1").status_code == 412
    assert clerk("PATCH", f"/store/item/{number}", {"count": 2}, If_Match="two").status_code == 412


def test_an_amendment_is_a_new_draft_that_says_what_it_amends(clerk: Any) -> None:
    made = clerk("POST", "/store/bill", {"name": "Chairs", "rows": [{"what": "four"}]}).json
    path = f"/store/bill/{made['id']}"
    assert made["amended_from"] is None and clerk("POST", f"{path}/transitions/post").json["state"] == "posted"
    assert clerk("PATCH", path, {"name": "Tables"}).status_code == 422
    # The record has a field of that name; where the move asks for a reason, the word is the move's.
    reversed_ = clerk("POST", f"{path}/transitions/reverse", {"reason": "counted wrongly"})
    assert reversed_.json["state"] == "reversed" and reversed_.json["reason"] is None
    assert clerk("GET", f"{path}/history?limit=1").json["items"][0]["reason"] == "counted wrongly"
    draft = clerk("POST", f"{path}/transitions/amend").json
    assert draft["id"] != made["id"] and draft["state"] == "draft" and draft["amended_from"] == made["id"]
    assert draft["name"] == "Chairs" and [one["what"] for one in draft["rows"]] == ["four"]
    assert [one["amended_from"] for one in clerk("GET", "/store/bill?sort=id").json["items"]] == [None, made["id"]]


def test_chosen_fields_are_the_same_of_one_record_and_of_a_list(clerk: Any) -> None:
    number = clerk("POST", "/store/item", {"name": "Chair", "count": 3}).json["id"]
    one = clerk("GET", f"/store/item/{number}?fields=count")
    assert one.json == {"id": number, "count": 3, "masked": []} and one.headers["ETag"] == '"1"'
    assert clerk("GET", "/store/item?fields=count").json["items"] == [one.json]


def test_declared_json_has_numbers(clerk: Any) -> None:
    assert clerk("POST", "/store/item", {"name": "Chair"}).json["extra"] == {"size": 1, "more": [2.5, "x", True]}


def test_what_is_exported_goes_in_again_unchanged(app: World, clerk: Any) -> None:
    shelves = [clerk("POST", "/store/shelf", {"code": code}).json["id"] for code in ("A;1", "B, 2", "C3")]
    made = clerk("POST", "/store/item", {"name": "'=Chair", "price": "12.50", "notes": "one\ntwo", "place": shelves[1], "others": shelves,
                                         "bought": "2020-01-01", "parts": [{"label": "leg", "amount": 4}]}).json
    assert made["old"] is True and made["where_code"] == "B, 2"
    clerk("POST", "/store/bill", {"name": "Chairs"})
    for entity, form in (("store.item", "csv"), ("store.item", "json"), ("store.bill", "json")):
        whole = b"".join(exporting.whole(app.platform, app.system, entity, form).blocks)
        again = importing.run(app.platform, app.system, entity, io.BytesIO(whole), form, upsert="id")
        assert (again.created, again.changed, again.unchanged, again.refused) == (0, 0, 1, 0), (entity, form, again.refusals)
    whole = b"".join(exporting.whole(app.platform, app.system, "store.item", "csv").blocks)
    fresh = importing.run(app.platform, app.system, "store.item", io.BytesIO(whole), "csv")
    assert (fresh.created, fresh.refused) == (1, 0), fresh.refusals
    newest = clerk("GET", "/store/item?limit=1").json["items"][0]
    own = {"id", "parts", "created_by", "updated_by"}
    assert {k: v for k, v in newest.items() if k not in own} == {k: v for k, v in made.items() if k not in own}
    clerk("DELETE", f"/store/item/{newest['id']}")
    # As new records they keep all that may be given; what nobody gives is made anew.
    held = json.loads(b"".join(exporting.whole(app.platform, app.system, "store.item", "json").blocks))
    copy = [{name: value for name, value in one.items() if name != "state"} for one in held]
    copy[0]["parts"][0]["checked"] = "forged"
    fresh = importing.run(app.platform, app.system, "store.item", io.BytesIO(json.dumps(copy).encode()), "json")
    assert (fresh.created, fresh.refused) == (1, 0), fresh.refusals
    newest = clerk("GET", "/store/item?limit=1").json["items"][0]
    assert newest["id"] != made["id"] and newest["parts"][0]["label"] == "leg" and newest["parts"][0]["checked"] is None


def test_views_name_only_what_is_not_as_usual(app: World, clerk: Any) -> None:
    clerk("POST", "/store/item", {"name": "Findable", "bought": f"{app.clock.now():%Y-%m-%d}"})
    browser = app.client(app.actor("store.clerk"))
    for view in ("all", "lanes", "month", "span"):
        page = browser.get(f"/store/item?view={view}")
        assert page.status_code == 200 and "Findable" in page.get_data(as_text=True), view
