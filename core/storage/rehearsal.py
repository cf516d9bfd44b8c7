"""A private copy of a SQLite database: what would keep every writer waiting is tried out there, and the copy goes."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from core.storage.database import Database

PREFIX = "rehearsal-"
STALE = 3_600
"""Seconds after which a copy that nobody holds was left behind by a process that was killed."""
SPARE = 64 * 1024 * 1024
"""Bytes that have to stay free beside the copy and what is written to it."""


@contextlib.contextmanager
def copied(database: Database) -> Iterator[Database | None]:
    """The SQLite database as it is committed now, in a file of its own beside it; nobody waits for who writes there.

    None where there is no room for it, and where the database is another engine's: the caller tries things out in place.
    """
    folder = database.data_dir / "run"
    if database.dialect != "sqlite":
        yield None
        return
    folder.mkdir(exist_ok=True, mode=0o700)
    _sweep(folder)
    # A temporary folder is its owner's alone: the copy holds what the database holds.
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder, ignore_cleanup_errors=True) as name:
        place = Path(name)
        copy = _copy(database, place)
        try:
            with _held(place):
                yield copy
        finally:
            if copy is not None:
                copy.dispose()


def _copy(database: Database, place: Path) -> Database | None:
    with database.begin(writing=False) as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        pages, size = (int(raw.execute(f"pragma {name}").fetchone()[0]) for name in ("page_count", "page_size"))
        if shutil.disk_usage(place).free < 2 * pages * size + SPARE:
            return None
        path = place / "copy.db"
        with contextlib.closing(sqlite3.connect(path)) as target:
            try:
                raw.backup(target)
            except sqlite3.OperationalError:
                return None  # the room went to somebody else
    return database.twin(f"sqlite:///{path}", place)


@contextlib.contextmanager
def _held(place: Path) -> Iterator[None]:
    with (place / "held").open("wb") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _sweep(folder: Path) -> None:
    """Remove the copies of processes that are gone."""
    for left in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime < STALE:
                continue
            with (left / "held").open("ab") as mark:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
