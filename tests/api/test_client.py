"""A client that a public generator (openapi-python-client) makes from the description does a whole journey."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.testing.world import World


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [one for one in sys.modules if one.partition(".")[0] == "made"]:
            del sys.modules[name]


def generated(document: dict[str, Any], folder: Path) -> None:
    """The package ``made`` in the folder, without a word of complaint from the generator."""
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    programs = Path(sys.executable).parent
    # It formats what it made with ruff, which stands beside it.
    done = subprocess.run(
        [str(programs / "openapi-python-client"), "generate", "--path", "openapi.json", "--meta", "none", "--output-path", "made",
         "--fail-on-warning"],
        cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"})
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_generated_client_does_a_whole_journey(app: World, client: Callable[..., Any], tmp_path: Path) -> None:
    clerk = client("store.clerk")
    generated(clerk("GET", "/openapi.json").json, tmp_path)
    with importable(tmp_path):
        load = importlib.import_module
        models, types = load("made.models"), load("made.types")
        token = clerk.headers["Authorization"].partition(" ")[2]
        made = load("made.client").AuthenticatedClient(
            base_url="http://localhost/api/v1", token=token, httpx_args={"transport": httpx.WSGITransport(app=clerk.http.application)})

        def call(tag: str, operation: str, **given: Any) -> Any:
            return load(f"made.api.{tag}.{operation}").sync_detailed(client=made, **given)

        assert call("platform", "me").parsed.roles == ["core.everyone", "store.clerk"]
        shelf = call("store_shelf", "create_store_shelf", body=models.StoreShelfNew(code="A-1")).parsed.id
        sent = call("platform", "upload", body=models.UploadBody(types.File(BytesIO(b"hello"), "note.txt", "text/plain"))).parsed
        assert (sent.name, sent.size, sent.type_) == ("note.txt", 5, "text/plain")
        new = models.StoreItemNew(
            name="Chair", count=3, weight="1.5", place=models.Key("A-1"), others=[shelf], fresh=True, picture=sent.id,
            kind=models.StoreItemNewKindType1.SMALL, price=models.StoreItemNewPriceType0("12.50", "EUR"),
            parts=[models.StoreItemNewPartsType0Item("leg", amount=4)])
        answer = call("store_item", "create_store_item", body=new, idempotency_key="journey-1")
        assert answer.status_code == 201, answer.content
        item = answer.parsed
        assert (item.name, item.weight, item.place, item.state, item.version) == ("Chair", "1.500", shelf, "draft", 1)
        assert item.price.amount == "12.50" and item.parts[0].label == "leg" and item.picture.name == "note.txt"
        assert call("store_item", "create_store_item", body=new, idempotency_key="journey-1").parsed.id == item.id
        counted = models.ListStoreItemCount("1")
        page = call("store_item", "list_store_item", q="chair", count_eq=3, count=counted, sort="-name", limit=10).parsed
        assert [one.id for one in page.items] == [item.id] and page.total == 1 and page.next_ is None
        read = call("store_item", "get_store_item", id=item.id, expand="place")
        assert read.parsed.place["code"] == "A-1" and read.headers["ETag"] == '"1"'
        changed = call("store_item", "change_store_item", id=item.id, if_match='"1"', body=models.StoreItemChange(notes="one\r\ntwo"))
        assert changed.parsed.notes == "one\ntwo" and changed.headers["ETag"] == '"2"'
        stale = call("store_item", "change_store_item", id=item.id, if_match='"1"', body=models.StoreItemChange(count=9))
        assert stale.status_code == 412 and isinstance(stale.parsed, models.Problem) and stale.parsed.detail
        moved = call("store_item", "release_store_item", id=item.id, body=models.StoreItemRelease(reason="ready"), if_match='"2"')
        assert moved.parsed.state == "open"
        told = call("store_item", "history_store_item", id=item.id).parsed.items
        assert [(one.transition, one.reason) for one in told] == [("release", "ready"), (None, None), (None, None)]
        assert call("store_item", "file_picture_store_item", id=item.id).parsed.payload.read() == b"hello"
        assert call("store_item", "delete_store_item", id=item.id, if_match='"3"').status_code == 204
        assert call("store_item", "get_store_item", id=item.id).status_code == 404
        assert call("store_item", "list_store_item").parsed.items == []
        back = call("store_item", "restore_store_item", id=item.id)
        assert back.status_code == 200 and back.parsed.name == "Chair" and back.parsed.state == "open"
        assert call("store_item", "get_store_item", id=item.id).parsed.version == back.parsed.version


@pytest.mark.parametrize("roles", [("store.guest",), ("store.clerk",)])
def test_restoring_is_refused_like_deleting(client: Callable[..., Any], roles: tuple[str, ...]) -> None:
    clerk, other = client("store.clerk"), client(*roles)
    number = clerk("POST", "/store/item", {"name": "Chair", "fresh": True}).json["id"]
    path = f"/store/item/{number}/restore"
    assert clerk("POST", path).status_code == 404
    assert clerk("DELETE", f"/store/item/{number}").status_code == 204
    assert other("POST", path).status_code == (200 if roles == ("store.clerk",) else 403)
    documented = {name for name in other("GET", "/openapi.json").json["paths"] if name.startswith("/store/") and name.endswith("/restore")}
    assert documented == ({"/store/item/{id}/restore", "/store/shelf/{id}/restore"} if roles == ("store.clerk",) else set())
