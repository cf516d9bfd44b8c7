"""What was, over the API: a record as of a moment, a whole operation taken back, and why somebody may or may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from core.testing import World
from tests.api.conftest import Client


def _thing(client: Client, **values: Any) -> dict[str, Any]:
    answer = client("POST", "/store/item", {"name": "Lamp", **values})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def test_a_record_is_told_as_it_was_at_a_moment(app: World, client: Callable[..., Client]) -> None:
    clerk = client("store.clerk")
    first, second = (clerk("POST", "/store/shelf", {"code": code}).json["id"] for code in "AB")
    thing = _thing(clerk, notes="one", place=first, others=[first], parts=[{"label": "bulb", "amount": 1}])
    here = f"/store/item/{thing['id']}"
    then = app.platform.clock.now()
    app.clock.advance(hours=1)
    part = thing["parts"][0]["id"]
    changed = clerk("PATCH", here, {"notes": "two", "place": second, "others": [second], "parts": [{"id": part, "amount": 2}]})
    assert changed.status_code == 200
    clerk("POST", f"{here}/transitions/release")
    was = clerk("GET", f"{here}/as-of?at={quote(then.isoformat())}").json
    # Lookups and formulas over the present day are kept nowhere: what was left out, nothing else is.
    assert was == {name: value for name, value in thing.items() if name in was}
    assert {"name", "notes", "place", "others", "state"} <= set(was)
    assert [(one["label"], one["amount"]) for one in was["parts"]] == [("bulb", 1)]
    now = clerk("GET", here).json
    same = clerk("GET", f"{here}/as-of?at={quote(app.platform.clock.now().isoformat())}").json
    assert same == {name: value for name, value in now.items() if name in was} and same["notes"] == "two"
    assert clerk("GET", f"{here}/as-of?at=2001-01-01").status_code == 404
    for bad in ("", "yesterday", "9999-99-99", "0001-01-01T00:00+23:59"):
        assert clerk("GET", f"{here}/as-of?at={quote(bad)}").status_code == 400, bad


def test_what_was_is_seen_with_todays_rights(app: World, client: Callable[..., Client]) -> None:
    clerk, guest = client("store.clerk"), client("store.guest")
    thing = _thing(clerk, fresh=True, price="12.50")
    here, then = f"/store/item/{thing['id']}", quote(app.platform.clock.now().isoformat())
    app.clock.advance(hours=1)
    clerk("PATCH", here, {"price": "99.00"})
    was = guest("GET", f"{here}/as-of?at={then}").json
    assert was["price"] is None and was["masked"] == ["price"] and "cost" not in was
    clerk("PATCH", here, {"fresh": False})
    assert guest("GET", f"{here}/as-of?at={then}").status_code == 404


def test_a_whole_operation_is_taken_back(client: Callable[..., Client]) -> None:
    clerk = client("store.clerk")
    thing = _thing(clerk, notes="one")
    here = f"/store/item/{thing['id']}"
    clerk("PATCH", here, {"notes": "two"})
    operation = clerk("GET", f"{here}/history").json["items"][0]["operation"]
    assert client("store.clerk", scopes=("read",))("POST", f"/-/undo/{operation}").json.get("done", 0) == 0
    assert client("store.guest")("POST", f"/-/undo/{operation}").status_code == 404
    answer = clerk("POST", f"/-/undo/{operation}")
    assert answer.status_code == 200 and answer.json["done"] == 1
    assert clerk("GET", here).json["notes"] == "one"
    assert clerk("POST", f"/-/undo/{answer.json['operation']}").json["done"] == 1
    assert clerk("GET", here).json["notes"] == "two"
    for unknown in ("0" * 32, "x", "%00"):
        assert clerk("POST", f"/-/undo/{unknown}").status_code == 404


def test_everybody_is_told_why_they_may_or_may_not_and_administrators_about_others(client: Callable[..., Client]) -> None:
    clerk, guest, admin = client("store.clerk"), client("store.guest"), client("core.admin")
    shown, hidden = _thing(clerk, fresh=True), _thing(clerk, name="zqsecretname")
    who = guest("GET", "/me").json["account"]
    said = guest("GET", f"/-/explain?entity=store.item&id={shown['id']}&action=write").json
    assert said["allowed"] is False and any("fresh" in one for one in said["sentences"])
    assert guest("GET", f"/-/explain?entity=store.item&id={hidden['id']}").status_code == 404
    assert guest("GET", f"/-/explain?entity=store.item&user={clerk('GET', '/me').json['account']}").status_code == 403
    moves = clerk("GET", f"/-/explain?entity=store.item&id={shown['id']}&action=move").json
    assert moves["allowed"] is True
    assert any("release" in one and "nothing stands in its way" in one for one in moves["sentences"])
    close = clerk("GET", f"/-/explain?entity=store.item&id={shown['id']}&action=move&transition=close").json
    assert close["allowed"] is False and "starts in open, and the record is in draft" in close["sentences"][-1]
    release = guest("GET", f"/-/explain?entity=store.item&id={shown['id']}&action=move&transition=release").json
    assert release["allowed"] is False and "store.clerk" in release["sentences"][-1]
    answer = admin("GET", f"/-/explain?entity=store.item&id={hidden['id']}&user={who}")
    assert answer.json["allowed"] is False and "zqsecretname" not in answer.text
    assert admin("GET", f"/-/explain?entity=store.item&field=price&user={who}").json["allowed"] is False
    for bad, status in (("entity=no.such", 404), ("entity=store.item&action=fly", 400), ("entity=store.item&more=1", 400), ("", 404)):
        assert guest("GET", f"/-/explain?{bad}").status_code == status, bad
