"""Records over the API: contract of lists, creation, change, deletion, moves and history."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Item = dict[str, Any]


def test_a_record_is_created_read_changed_and_deleted(clerk: Any) -> None:
    made = clerk("POST", "/store/item", {"name": "Chair", "count": 3})
    assert made.status_code == 201, made.json
    number = made.json["id"]
    assert made.headers["Location"] == f"/api/v1/store/item/{number}"
    assert made.headers["ETag"] == '"1"'
    assert made.json["state"] == "draft" and made.json["display_title"] == "Chair" and made.json["version"] == 1
    read = clerk("GET", f"/store/item/{number}")
    assert read.json == made.json and read.headers["ETag"] == '"1"'
    changed = clerk("PATCH", f"/store/item/{number}", {"count": 4})
    assert changed.status_code == 200 and changed.json["count"] == 4 and changed.json["version"] == 2
    assert clerk("PATCH", f"/store/item/{number}", {"count": 5}, If_Match='"1"').status_code == 412
    assert clerk("PATCH", f"/store/item/{number}", {"count": 5}, If_Match='"2"').status_code == 200
    assert clerk("DELETE", f"/store/item/{number}").status_code == 204
    assert clerk("GET", f"/store/item/{number}").status_code == 404
    assert clerk("DELETE", f"/store/item/{number}").status_code == 404


def test_every_kind_goes_out_as_the_contract_says(clerk: Any) -> None:
    shelf = clerk("POST", "/store/shelf", {"code": "A-1"}).json["id"]
    body = {
        "name": " Chair ",
        "notes": "one\r\ntwo",
        "count": "7",
        "weight": "1.5",
        "share": 15,
        "price": {"amount": "12.5", "currency": "EUR"},
        "bought": "2026-05-01",
        "at": "14:30",
        "seen": "2026-05-01T12:00:00+02:00",
        "took": "PT1H30M",
        "fresh": True,
        "kind": "small",
        "tags": ["a", "b"],
        "place": {"key": "A-1"},
        "others": [shelf],
        "parts": [{"label": "leg", "amount": 4}],
        "mail": "a@example.org",
        "colour": "#AABBCC",
        "stars": 4,
        "data": {"deep": [1, None]},
        "where": {"lat": 52.5, "lon": 13.4},
        "token": "hidden-value",
    }
    made = clerk("POST", "/store/item", body)
    assert made.status_code == 201, made.json
    got = made.json
    assert got["name"] == "Chair" and got["notes"] == "one\ntwo" and got["count"] == 7
    assert got["weight"] == "1.500" and got["share"] == "15.0000" and got["price"] == {"amount": "12.50", "currency": "EUR"}
    assert got["bought"] == "2026-05-01" and got["at"] == "14:30:00" and got["seen"] == "2026-05-01T10:00:00Z" and got["took"] == 5400
    assert got["fresh"] is True and got["kind"] == "small" and got["tags"] == ["a", "b"]
    assert got["place"] == shelf and got["others"] == [shelf]
    assert got["parts"][0]["label"] == "leg" and got["parts"][0]["amount"] == 4 and isinstance(got["parts"][0]["id"], int)
    assert got["colour"] == "#aabbcc" and got["stars"] == 4 and got["data"] == {"deep": [1, None]}
    assert got["where"] == {"lat": 52.5, "lon": 13.4}
    assert "token" not in got and "hidden-value" not in made.get_data(as_text=True)
    assert got["masked"] == []


def test_wrong_values_are_refused_all_at_once_and_nothing_is_written(clerk: Any) -> None:
    wrong = {"name": "two\nlines", "count": 2**70, "weight": 1.5, "price": "1.2k", "bought": "tomorrow", "fresh": "yes", "kind": "huge",
             "place": 2**70, "took": "1h30", "stars": 9, "colour": "red", "where": {"lat": 99, "lon": 0}, "mail": "nobody",
             "nonsense": 1, "version": 3, "state": "open", "tags": "a"}
    answer = clerk("POST", "/store/item", wrong)
    assert answer.status_code == 422 and answer.content_type == "application/problem+json"
    first = set(answer.json["errors"])
    assert {"name", "count", "weight", "bought", "fresh", "place", "took", "nonsense", "version", "state"} <= first
    assert answer.json["errors"]["nonsense"] == answer.json["errors"]["state"] == answer.json["errors"]["version"]
    assert clerk("GET", "/store/item?count=1").json["total"] == 0


def test_a_whole_number_may_be_written_as_json_likes(clerk: Any) -> None:
    body = {"name": "Whole", "count": 3.0, "took": 60.0, "stars": 2.0, "where": {"lat": 1e-7, "lon": 13.123456789012}}
    made = clerk("POST", "/store/item", body)
    assert made.status_code == 201, made.json
    assert [made.json[name] for name in ("count", "took", "stars")] == [3, 60, 2]
    assert made.json["where"] == {"lat": 1e-7, "lon": 13.123456789}
    again = clerk("PATCH", f"/store/item/{made.json['id']}", {"where": made.json["where"]})
    assert again.status_code == 200 and again.json["where"] == made.json["where"]
    wrong = {"name": "x", "count": 3.5, "stars": 1e300, "place": 1.0, "weight": 1.0, "where": {"lat": True, "lon": 1}}
    refused = clerk("POST", "/store/item", wrong)
    assert set(refused.json["errors"]) == {"count", "stars", "place", "weight", "where"}


def test_naughty_texts_are_kept_or_refused_with_a_sentence(clerk: Any) -> None:
    for text in ("\u0000", "\ud800", "a\nb"):
        answer = clerk("POST", "/store/item", {"name": text})
        assert answer.status_code == 422 and answer.json["errors"]["name"]
    for text in ("<script>alert(1)</script>", "'; drop table item; --", "=1+1", "Ω≈ç√∫", "\u202etest", "🏳️‍🌈", "null", "NaN"):
        made = clerk("POST", "/store/item", {"name": text})
        assert made.status_code == 201 and made.json["name"] == text


def test_unreadable_bodies_get_a_sentence(clerk: Any) -> None:
    send = clerk.http.post
    head = {**clerk.headers, "Content-Type": "application/json"}
    for raw in (
        b"{",
        b"\xff",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"count": ' + b"9" * 5000 + b"}",
        b"[1]",
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
    ):
        answer = send("/api/v1/store/item", data=raw, headers=head)
        assert answer.status_code == 400, (raw[:20], answer.status_code)
        assert answer.content_type == "application/problem+json" and answer.json["detail"]
    assert send("/api/v1/store/item", data=b"a=1", headers=clerk.headers).status_code == 415
    assert send("/api/v1/store/item", data=b"{" + b" " * 3_000_000 + b"}", headers=head).status_code == 413


def test_a_list_pages_sorts_filters_and_chooses_fields(clerk: Any) -> None:
    for number in range(7):
        assert clerk("POST", "/store/item", {"name": f"Item {number}", "count": number % 3}).status_code == 201
    page = clerk("GET", "/store/item?limit=3&sort=name").json
    assert [one["name"] for one in page["items"]] == ["Item 0", "Item 1", "Item 2"] and page["prev"] is None
    after = clerk("GET", f"/store/item?limit=3&sort=name&after={page['next']}").json
    assert [one["name"] for one in after["items"]] == ["Item 3", "Item 4", "Item 5"]
    before = clerk("GET", f"/store/item?limit=3&sort=name&before={after['prev']}").json
    assert before["items"] == page["items"]
    last = clerk("GET", "/store/item?limit=3&sort=name&page=last").json
    assert [one["name"] for one in last["items"]] == ["Item 4", "Item 5", "Item 6"]
    assert clerk("GET", "/store/item?count__in=0,1&count=1").json["total"] == 5
    assert clerk("GET", "/store/item?name__contains=item+3").json["items"][0]["name"] == "Item 3"
    assert clerk("GET", "/store/item?name__contains=item+3").json["total"] == 1
    chosen = clerk("GET", "/store/item?fields=name,version").json["items"][0]
    assert set(chosen) == {"id", "name", "version", "masked"}
    for bad in (
        "nonsense=1",
        "sort=nonsense",
        "fields=nonsense",
        "expand=nonsense",
        "after=broken",
        "limit=0",
        "limit=201",
        "limit=x",
        "page=3",
        "count=2",
        "name__regex=a",
        "count__gt=abc",
        f"count__eq={2**70}",
        "view=all",
        f"after={page['next']}&sort=-count",
    ):
        answer = clerk("GET", f"/store/item?{bad}")
        assert answer.status_code == 400 and answer.json["detail"], bad


def test_expand_puts_the_target_in_place(clerk: Any, client: Callable[..., Any]) -> None:
    shelf = clerk("POST", "/store/shelf", {"code": "B-1"}).json
    number = clerk("POST", "/store/item", {"name": "Box", "place": shelf["id"], "others": [shelf["id"]], "fresh": True}).json["id"]
    got = clerk("GET", f"/store/item/{number}?expand=place,others").json
    assert got["place"] == clerk("GET", f"/store/shelf/{shelf['id']}").json and got["others"] == [got["place"]]
    seen = client("store.guest")("GET", "/store/item?expand=place").json["items"][0]
    assert seen["place"] == {"id": shelf["id"], "display_title": None}


def test_masked_and_hidden_fields_tell_nothing(clerk: Any, client: Callable[..., Any]) -> None:
    clerk("POST", "/store/item", {"name": "Old", "price": {"amount": "99", "currency": "EUR"}})
    number = clerk("POST", "/store/item", {"name": "New", "fresh": True, "price": {"amount": "77", "currency": "EUR"},
                                           "cost": {"amount": "55", "currency": "EUR"}}).json["id"]
    guest = client("store.guest")
    page = guest("GET", "/store/item").json
    assert [one["name"] for one in page["items"]] == ["New"]
    assert page["items"][0]["price"] is None and page["items"][0]["masked"] == ["price"] and "cost" not in page["items"][0]
    for name in ("price", "cost", "nonsense"):
        refusals = [guest("GET", f"/store/item?{query}") for query in (f"{name}=1", f"sort={name}", f"fields={name}")]
        assert [one.status_code for one in refusals] == [400, 400, 400]
        assert "no field" in refusals[1].json["detail"]
    assert guest("PATCH", f"/store/item/{number}", {"name": "x"}).status_code == 403
    assert guest("POST", "/store/item", {"name": "x"}).status_code == 403
    assert guest("GET", "/store/shelf").status_code == 403
    assert guest("GET", "/store/item/999999").json == guest("GET", "/store/item/1").json


def test_moves_and_history(clerk: Any) -> None:
    number = clerk("POST", "/store/item", {"name": "Lamp"}).json["id"]
    path = f"/store/item/{number}"
    assert clerk("POST", f"{path}/transitions/close").status_code == 409
    assert clerk("POST", f"{path}/transitions/nonsense").status_code == 404
    moved = clerk("POST", f"{path}/transitions/release")
    assert moved.status_code == 200 and moved.json["state"] == "open" and moved.headers["ETag"] == '"2"'
    missing = clerk("POST", f"{path}/transitions/close", {})
    assert missing.status_code == 422
    closed = clerk("POST", f"{path}/transitions/close", {"notes": "done", "reason": "worn out"})
    assert closed.status_code == 200 and closed.json["state"] == "closed" and closed.json["notes"] == "done"
    events = clerk("GET", f"{path}/history").json
    assert [one["transition"] for one in events["items"]] == ["close", "release", None]
    newest = events["items"][0]
    assert newest["reason"] == "worn out" and newest["channel"] == "api" and newest["at"].endswith("Z")
    assert {"field": "state", "before": "open", "after": "closed"} in newest["changes"]
    first = clerk("GET", f"{path}/history?limit=1").json
    assert len(first["items"]) == 1 and first["next"]
    assert clerk("GET", f"{path}/history?limit=1&after={first['next']}").json["items"][0]["transition"] == "release"


def test_a_taken_unique_value_is_a_conflict(clerk: Any) -> None:
    assert clerk("POST", "/store/shelf", {"code": "X"}).status_code == 201
    answer = clerk("POST", "/store/shelf", {"code": "X"})
    assert answer.status_code == 409


def test_unknown_addresses_and_methods(clerk: Any) -> None:
    assert clerk("GET", "/nothing/here").status_code == 404
    assert clerk("GET", "/store/item/0").status_code == 404
    assert clerk("GET", f"/store/item/{2**70}").status_code == 404
    assert clerk("GET", "/store/item/abc").status_code == 404
    assert clerk("GET", "/a/b/c/d/e").status_code == 404
    wrong = clerk("PUT", "/store/item/1", {})
    assert wrong.status_code == 405 and "PATCH" in wrong.headers["Allow"] and wrong.content_type == "application/problem+json"


def test_json_that_only_differs_in_its_types_is_a_change(clerk: Any) -> None:
    number = clerk("POST", "/store/item", {"name": "Chair", "data": {"on": 1, "list": [0, 1]}}).json["id"]
    for version, data in enumerate(({"on": True, "list": [0, 1]}, {"on": True, "list": [False, 1]}, 1, True, {"a": 0, "b": 1}), start=2):
        made = clerk("PATCH", f"/store/item/{number}", {"data": data})
        assert (made.status_code, made.json["version"]) == (200, version), made.json
        held = clerk("GET", f"/store/item/{number}").json["data"]
        assert json.dumps(held, sort_keys=True) == json.dumps(data, sort_keys=True)
    assert clerk("PATCH", f"/store/item/{number}", {"data": {"b": 1, "a": 0}}).json["version"] == version
