"""A database that cannot be written to at the moment: 503 with a sentence, and when to try again."""

from __future__ import annotations

from typing import Any

from core.testing.world import World
from tests.storage.test_turn import suspended


def test_a_write_behind_a_suspended_process_ends_in_503_and_reading_goes_on(app: World, clerk: Any) -> None:
    database = app.platform.database
    assert clerk("POST", "/store/shelf", {"code": "A"}).status_code == 201
    if database.dialect == "postgresql":
        # There nobody queues for the whole database: writers of other records are not held up at all.
        with suspended(database):
            assert clerk("POST", "/store/shelf", {"code": "B"}).status_code == 201
        return
    with suspended(database) as go_on:
        database.patience = 0.05
        refused = clerk("POST", "/store/shelf", {"code": "B"}, Idempotency_Key="b")
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) >= 1
        assert "try again" in refused.json["detail"]
        assert clerk("GET", "/store/shelf").status_code == 200
        database.patience = 10.0
        go_on()
        assert clerk("POST", "/store/shelf", {"code": "B"}, Idempotency_Key="b").status_code == 201
