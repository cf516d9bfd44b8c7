"""The door itself: tokens, scopes, idempotency keys, files, rates, and the description of the API."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from openapi_spec_validator import validate

from core.app import create_app
from core.errors import Busy
from core.services.platform import Platform
from core.storage import idempotency
from core.testing.world import World


def test_only_a_bearer_token_opens(app: World, clerk: Any) -> None:
    http = create_app(platform=app.platform).test_client()
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}):
        answer = http.get("/api/v1/me", headers=headers)
        assert answer.status_code == 401 and answer.content_type == "application/problem+json"
        assert "WWW-Authenticate" in answer.headers
    browser = app.client(app.actor("store.clerk"))
    assert browser.get("/api/v1/me").status_code == 401
    assert clerk("GET", "/me").json["roles"] == ["core.everyone", "store.clerk"]


def test_scopes_limit_a_token(client: Callable[..., Any]) -> None:
    reader = client("store.clerk", scopes=("store.item:read",))
    assert reader("GET", "/store/item").status_code == 200
    assert reader("POST", "/store/item", {"name": "x"}).status_code == 403
    assert reader("GET", "/store/shelf").status_code == 403
    writer = client("store.clerk", scopes=("write",))
    assert writer("POST", "/store/item", {"name": "x"}).status_code == 201


def test_an_idempotency_key_replays_the_first_answer(clerk: Any, client: Callable[..., Any]) -> None:
    first = clerk("POST", "/store/item", {"name": "Once"}, Idempotency_Key="k1")
    again = clerk("POST", "/store/item", {"name": "Once"}, Idempotency_Key="k1")
    assert first.status_code == again.status_code == 201 and first.json == again.json
    assert again.headers["Location"] == first.headers["Location"] and again.headers["ETag"] == first.headers["ETag"]
    assert clerk("POST", "/store/item", {"name": "Other"}, Idempotency_Key="k1").status_code == 422
    assert clerk("POST", "/store/shelf", {"code": "k"}, Idempotency_Key="k1").status_code == 201
    assert client("store.clerk")("POST", "/store/item", {"name": "Once"}, Idempotency_Key="k1").json["id"] != first.json["id"]
    refused = clerk("POST", "/store/item", {}, Idempotency_Key="k2")
    assert refused.status_code == 422 and clerk("POST", "/store/item", {}, Idempotency_Key="k2").json == refused.json
    assert clerk("GET", "/store/item?name=Once&count=1").json["total"] == 2


def test_what_is_done_is_answered_and_not_done_twice_when_its_answer_cannot_be_kept(
    app: World, clerk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any) -> None:
        raise Busy("The database is busy.")

    with monkeypatch.context() as patched:
        patched.setattr(idempotency, "keep", busy)
        assert clerk("POST", "/store/item", {"name": "Once"}, Idempotency_Key="kept").status_code == 201
    assert clerk("POST", "/store/item", {"name": "Once"}, Idempotency_Key="kept").status_code == 409
    assert len(app.find("store.item", name="Once")) == 1


def test_files_are_uploaded_then_named_by_a_record(clerk: Any, client: Callable[..., Any]) -> None:
    sent = clerk.http.post("/api/v1/files", data={"file": (io.BytesIO(b"hello"), "../../note.txt")}, headers=clerk.headers)
    assert sent.status_code == 201
    made = clerk("POST", "/store/item", {"name": "With file", "picture": sent.json["id"], "fresh": True})
    assert made.status_code == 201, made.json
    held = made.json["picture"]
    assert held["name"] == "note.txt" and held["size"] == 5 and held["type"] == "text/plain"
    got = clerk.http.get(held["url"], headers=clerk.headers)
    assert got.data == b"hello" and "attachment" in got.headers["Content-Disposition"]
    other = client("store.clerk")
    assert other("POST", "/store/item", {"name": "Stolen", "picture": sent.json["id"]}).status_code == 422
    assert clerk("POST", "/store/item", {"name": "None", "picture": 99999}).status_code == 422
    assert clerk.http.post("/api/v1/files", data=b"x", headers=clerk.headers).status_code == 415


@pytest.mark.parametrize("scopes", [("read",), ("store.item:read",), ("store.item:read", "store.shelf:read")])
def test_a_token_that_may_only_read_uploads_nothing(client: Callable[..., Any], app: World, scopes: tuple[str, ...]) -> None:
    reader = client("store.clerk", scopes=scopes)
    folder = app.platform.settings.data_dir
    before = sorted(path for path in folder.rglob("*") if path.is_file() and "files" in path.parts)
    for key in ({}, {"Idempotency-Key": "once"}):
        sent = reader.http.post("/api/v1/files", data={"file": (io.BytesIO(b"hello"), "note.txt")}, headers={**reader.headers, **key})
        assert sent.status_code == 403 and sent.content_type == "application/problem+json" and "may only read" in sent.json["detail"]
    assert sorted(path for path in folder.rglob("*") if path.is_file() and "files" in path.parts) == before
    assert "/files" not in reader("GET", "/openapi.json").json["paths"]


@pytest.mark.parametrize("scopes", [(), ("write",), ("store.item:read", "store.shelf:write")])
def test_a_token_that_may_write_something_uploads(client: Callable[..., Any], scopes: tuple[str, ...]) -> None:
    writer = client("store.clerk", scopes=scopes)
    sent = writer.http.post("/api/v1/files", data={"file": (io.BytesIO(b"hello"), "note.txt")}, headers=writer.headers)
    assert sent.status_code == 201
    assert "/files" in writer("GET", "/openapi.json").json["paths"]


def test_a_rate_setting_limits_a_token(app: World) -> None:
    slow = Platform(replace(app.platform.settings, api_rate=3), app.clock)
    slow.start()
    http = create_app(platform=slow).test_client()
    headers = app.token(app.actor("store.clerk"))
    codes = [http.get("/api/v1/me", headers=headers).status_code for _ in range(6)]
    assert codes[:3] == [200, 200, 200] and 429 in codes
    slow.close()


def test_the_description_validates_and_tells_what_the_owner_may(clerk: Any, client: Callable[..., Any]) -> None:
    whole = clerk("GET", "/openapi.json").json
    validate(whole)
    assert {"get", "post"} <= set(whole["paths"]["/store/item"])
    assert "/store/item/{id}/transitions/close" in whole["paths"]
    guest = client("store.guest")("GET", "/openapi.json").json
    validate(guest)
    assert set(guest["paths"]["/store/item"]) == {"get"} and "/store/shelf" not in guest["paths"]
    assert not any("transitions" in path and path.startswith("/store/") for path in guest["paths"])
    assert "cost" not in guest["components"]["schemas"]["StoreItem"]["properties"]
    nothing = client(scopes=("store.item:read",))("GET", "/openapi.json").json
    assert not any(path.startswith("/store") for path in nothing["paths"])
