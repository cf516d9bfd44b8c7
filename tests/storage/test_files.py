"""The file store: safe bytes under random keys; and keys under which the first answer is given again."""

from __future__ import annotations

import hashlib
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import Conflict, Invalid
from core.services import backup, restoring
from core.services.platform import Platform
from core.settings import Settings
from core.storage import idempotency
from core.storage.files import LocalFiles
from core.storage.idempotency import Answer
from tests.storage.house import House


@pytest.mark.skipif(os.name != "posix", reason="Modes are POSIX's.")
def test_what_is_made_is_its_owners_alone_and_what_was_there_keeps_its_mode(tmp_path: Path) -> None:
    former = os.umask(0o022)
    try:
        there = tmp_path / "there"
        there.mkdir(mode=0o755)
        for folder in (tmp_path / "new", there):
            platform = Platform(Settings.for_tests(folder))
            platform.start()
            try:
                platform.files.put(io.BytesIO(b"payslip"))
                backup.create(platform, tmp_path / f"{folder.name}.tar.gz")
                assert {"backoffice.db", "backoffice.db-wal", "backoffice.db-shm"} <= {one.name for one in folder.iterdir()}
                assert open_to_others(folder) == []
            finally:
                platform.close()
        restoring.restore(Settings.for_tests(tmp_path / "back"), tmp_path / "new.tar.gz")
        assert open_to_others(tmp_path / "back") == [] and (tmp_path / "new.tar.gz").stat().st_mode & 0o777 == 0o600
        assert [one.stat().st_mode & 0o777 for one in (tmp_path / "new", tmp_path / "back", there)] == [0o700, 0o700, 0o755]
    finally:
        os.umask(former)


def open_to_others(folder: Path) -> list[str]:
    """What lies below ``folder`` and is not its owner's alone."""
    return [str(one.relative_to(folder)) for one in sorted(folder.rglob("*")) if one.stat().st_mode & 0o077]


def test_bytes_come_back_under_a_random_key(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path / "files")
    content = b"hello" * 100_000
    kept = store.put(io.BytesIO(content))
    assert kept.size == len(content) and kept.sha256 == hashlib.sha256(content).hexdigest()
    with store.open(kept.key) as stream:
        assert stream.read() == content
    assert list(store.keys()) == [kept.key]
    store.delete(kept.key)
    store.delete(kept.key)
    with pytest.raises(FileNotFoundError):
        store.open(kept.key)


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "a/b", "a.b", "..", "\x00"])
def test_a_key_is_never_a_path(tmp_path: Path, key: str) -> None:
    with pytest.raises(FileNotFoundError):
        LocalFiles(tmp_path).open(key)


def test_an_interrupted_upload_leaves_no_key(tmp_path: Path) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ConnectionError("gone")

    store = LocalFiles(tmp_path)
    with pytest.raises(ConnectionError):
        store.put(Broken())  # type: ignore[arg-type]
    assert list(store.keys()) == []


def test_old_keys_are_those_written_before(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path)
    kept = store.put(io.BytesIO(b"x"))
    now = datetime.now(UTC)
    assert list(store.old_keys(now - timedelta(hours=1))) == []
    assert list(store.old_keys(now + timedelta(hours=1))) == [kept.key]


def test_the_first_answer_is_given_again_for_the_same_body_only(house: House) -> None:
    now = house.clock.now()
    assert idempotency.claim(house.database, 1, "/a", "k", b"body", now) is None
    with pytest.raises(Conflict):
        idempotency.claim(house.database, 1, "/a", "k", b"body", now)
    answer = Answer(201, {"Location": "/a/1"}, "{}")
    idempotency.keep(house.database, 1, "/a", "k", answer)
    assert idempotency.claim(house.database, 1, "/a", "k", b"body", now) == answer
    with pytest.raises(Invalid):
        idempotency.claim(house.database, 1, "/a", "k", b"other", now)
    assert idempotency.claim(house.database, 2, "/a", "k", b"other", now) is None
    assert idempotency.claim(house.database, 1, "/b", "k", b"other", now) is None


def test_a_claim_that_is_let_go_or_whose_request_died_may_be_used_again(house: House) -> None:
    now = house.clock.now()
    idempotency.claim(house.database, 1, "/a", "k", b"body", now)
    idempotency.release(house.database, 1, "/a", "k")
    assert idempotency.claim(house.database, 1, "/a", "k", b"body", now) is None
    assert idempotency.claim(house.database, 1, "/a", "k", b"body", now + idempotency.STALE * 2) is None
    idempotency.tidy(house.database, now + idempotency.KEPT * 2)
    assert idempotency.claim(house.database, 1, "/a", "k", b"other", now) is None
