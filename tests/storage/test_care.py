"""The whole house: backup and restore, the worker, tidying."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core import worker
from core.access.actor import Actor
from core.errors import BackofficeError, Conflict, Invalid
from core.facts import FixedClock
from core.services import accounts, audit, backup, files, jobs, looking, records, restoring, upkeep
from core.services.platform import Platform
from core.settings import Settings
from core.storage import seal
from core.storage.query import Query
from tests.storage.house import NOON

SYSTEM = Actor.system("test")
COMPANY = {"code": "ACME", "legal_name": "Acme Ltd", "country": "PL", "base_currency": "EUR", "time_zone": "Europe/Warsaw"}


def started(folder: Path, url: str = "", key: str = "") -> Platform:
    settings = Settings.for_tests(folder, url)
    made = Platform(replace(settings, secret_key=key or settings.secret_key), FixedClock(NOON))
    made.start()
    return made


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a small house on SQLite."""
    folder = tmp_path_factory.mktemp("source")
    p = started(folder / "data")
    try:
        company = records.create(p, SYSTEM, "directory.company", COMPANY)
        for number in range(3):
            records.create(p, SYSTEM, "directory.department", {"code": f"D{number}", "name": f"Department {number}", "company": company.id})
        files.put(p, SYSTEM, io.BytesIO(b"hello" * 1000), "note.txt")
        account = accounts.add(p, SYSTEM, email="ann@example.org", name="Ann", roles=("core.admin",), password="a-long-password-1")
        accounts.create_token(p, account, "test")
        accounts.open_session(p, account)
        backup.create(p, folder / "backup.tar.gz")
        with pytest.raises(Conflict):
            backup.create(p, folder / "backup.tar.gz")
    finally:
        p.close()
    return folder / "backup.tar.gz"


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_backup_restores_into_either_engine(source: Path, engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres").fresh() if engine == "postgresql" else ""
    key = "another-installations-key-0123456789" if engine == "postgresql" else ""
    settings = Settings.for_tests(tmp_path / "data", url)
    restoring.restore(replace(settings, secret_key=key or settings.secret_key), source)
    p = started(tmp_path / "data", url, key)
    try:
        assert audit.verify(p).good and audit.verify(p).unsealed == 0
        found = looking.page(p, SYSTEM, "directory.department", Query(limit=50)).items
        assert sorted(one["code"] for one in found) == ["D0", "D1", "D2"]
        kept = files.facts(p, SYSTEM, [1])[1]
        with files.open_bytes(p, kept) as stream:
            assert stream.read() == b"hello" * 1000
        account = accounts.find(p, "ann@example.org").id
        assert accounts.my_tokens(p, accounts.actor_for_account(p, account)) == []
        assert accounts.my_sessions(p, accounts.actor_for_account(p, account)) == []
        made = records.create(p, SYSTEM, "directory.department", {"code": "NEW", "name": "New", "company": found[0]["company"]})
        assert made.id == max(one.id for one in found) + 1
        upkeep.seal(p)
        assert audit.verify(p).good
        with pytest.raises(Conflict):
            restoring.restore(p.settings, source)
    finally:
        p.close()


def test_a_damaged_backup_is_refused_and_nothing_is_written(source: Path, tmp_path: Path) -> None:
    raw = source.read_bytes()
    target = tmp_path / "data"
    damaged = tmp_path / "damaged.tar.gz"
    tries = [raw[: len(raw) // 2], raw[:-4], b"", b"no backup at all", raw + b"x"]
    tries += [
        raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        for place in (0, 3, 5, 9, 12, len(raw) // 3, len(raw) // 2, len(raw) - 6, len(raw) - 1)
    ]
    for content in tries:
        damaged.write_bytes(content)
        with pytest.raises(BackofficeError):
            restoring.restore(Settings.for_tests(target), damaged)
        assert list(target.iterdir()) == []
    with pytest.raises(backup.Damaged):
        backup.check(tmp_path / "nowhere")


def test_the_worker_does_jobs_effects_and_seals_and_ends_when_told(tmp_path: Path) -> None:
    p = started(tmp_path / "data")
    told = threading.Event()
    seen: list[Any] = []

    def greet(p: Platform, actor: Actor, values: Any, run: jobs.Run) -> Any:
        seen.append((actor.email, values["name"], run.attempt))
        if values["name"] == "bad":
            raise Invalid({"name": ["no"]}, "This is no name.")
        told.set()
        return {"said": f"hello {values['name']}"}

    jobs._verbs["greet"] = greet
    stop = threading.Event()
    try:
        bad = jobs.put(p, SYSTEM, "greet", {"name": "bad"}, key="b")
        good = jobs.put(p, SYSTEM, "greet", {"name": "Ann"}, key="a")
        assert jobs.put(p, SYSTEM, "greet", {"name": "Ann"}, key="a") == good
        records.create(p, SYSTEM, "directory.company", COMPANY)
        thread = threading.Thread(target=worker.run, args=(p, stop))
        thread.start()
        assert told.wait(60)
        stop.set()
        thread.join(60)
        assert not thread.is_alive()
        assert seen == [("system", "bad", 1), ("system", "Ann", 1)]
        assert jobs.status(p, SYSTEM, bad).result == {"error": "This is no name."} and jobs.status(p, SYSTEM, bad).state == "failed"
        assert jobs.status(p, SYSTEM, good).result == {"said": "hello Ann"}
        assert audit.verify(p).unsealed == 0 and (p.settings.data_dir / seal.ANCHORS).exists()
        with pytest.raises(LookupError):
            jobs.put(p, SYSTEM, "unknown", {})
    finally:
        stop.set()
        del jobs._verbs["greet"]
        p.close()


def test_tidying_removes_what_is_over_and_only_bytes_that_nothing_names(tmp_path: Path) -> None:
    p = started(tmp_path / "data")
    try:
        assert isinstance(p.clock, FixedClock)
        account = accounts.add(p, SYSTEM, email="ann@example.org", name="Ann", password="a-long-password-1")
        accounts.open_session(p, account)
        named = files.put(p, SYSTEM, io.BytesIO(b"named"), "a.txt")
        p.files.put(io.BytesIO(b"nobody's"))
        p.clock.at = p.clock.at.max.replace(tzinfo=p.clock.at.tzinfo) - timedelta(days=365 * 100)
        upkeep.tidy(p)
        assert list(p.files.keys()) == [named.key]
        assert accounts.my_sessions(p, accounts.actor_for_account(p, account)) == []
    finally:
        p.close()
