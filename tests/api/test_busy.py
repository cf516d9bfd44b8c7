"""A database that cannot be written to at the moment: 503 with a sentence, and when to try again."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy.engine import make_url

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


def test_a_database_that_is_gone_is_not_called_busy(app: World, clerk: Any) -> None:
    url = make_url(app.platform.settings.database_url)
    if url.get_backend_name() != "postgresql":
        return
    page = app.client(app.actor("store.clerk"))
    assert page.get("/store/shelf").status_code == clerk("GET", "/store/shelf").status_code == 200
    with psycopg.connect(host=url.host, port=url.port, user=url.username, dbname="postgres", autocommit=True) as other:
        other.execute(f'DROP DATABASE "{url.database}" WITH (FORCE)')
    for _ in range(2):  # once with connections that were cut, once with new ones that are not let in
        for answer in (clerk("GET", "/store/shelf"), clerk("POST", "/store/shelf", {"code": "B"}), page.get("/store/shelf")):
            assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
            assert "The database cannot be reached." in answer.text
            assert str(url.port) not in answer.text and str(url.database) not in answer.text
    assert clerk("GET", "/store/shelf").json["title"] == "Database away"


def test_reading_does_not_notice_that_all_connections_were_cut(app: World, clerk: Any) -> None:
    url = make_url(app.platform.settings.database_url)
    if url.get_backend_name() != "postgresql":
        return
    page = app.client(app.actor("store.clerk"))
    assert clerk("POST", "/store/shelf", {"code": "A"}).status_code == 201
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    for ask in (lambda: clerk("GET", "/store/shelf"), lambda: page.get("/store/shelf")):
        with psycopg.connect(host=url.host, port=url.port, user=url.username, dbname=url.database, autocommit=True) as other:
            assert len(other.execute(cut).fetchall()) >= 1
        answer = ask()
        assert answer.status_code == 200, answer.text
        assert ask().status_code == 200
