"""The file store: safe bytes under random keys; and keys under which the first answer is given again."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import Conflict, Invalid
from core.storage import idempotency
from core.storage.files import LocalFiles
from core.storage.idempotency import Answer
from tests.storage.house import House


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
