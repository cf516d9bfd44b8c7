"""One snapshot for all that a thread reads while it answers one request: opened at the first reading, gone before a write."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from core.storage.database import Database, refusing


class _Snapshot:
    """A reading transaction that several units share. Left behind while it is in use, its last user closes it."""

    def __init__(self, database: Database) -> None:
        self._stack = contextlib.ExitStack()
        self.connection = self._stack.enter_context(database.begin(writing=False))
        self.users = 0
        self.left = False

    def leave(self) -> None:
        self.left = True
        self.close()

    def close(self) -> None:
        if self.left and not self.users:
            self._stack.close()


@dataclass
class Moment:
    """What became of a block of :func:`shared`. ``lost``: a connection was lost in it, so that reading again may help."""

    lost: bool = False


class _Shared(threading.local):
    database: Database | None = None
    snapshot: _Snapshot | None = None
    moment: Moment | None = None


_shared = _Shared()


@contextlib.contextmanager
def shared(database: Database) -> Iterator[Moment]:
    """All that this thread reads from ``database`` within the block is of one moment, until it writes."""
    outer = _shared.database, _shared.moment
    _shared.database = database
    _shared.moment = made = Moment()
    try:
        yield made
    finally:
        renew(database)
        _shared.database, _shared.moment = outer


def renew(database: Database) -> None:
    """Let the thread's snapshot go: what is read from now on is newer."""
    if _shared.snapshot is not None and _shared.database is database:
        found, _shared.snapshot = _shared.snapshot, None
        found.leave()


@contextlib.contextmanager
def opened(database: Database) -> Iterator[sa.Connection]:
    """The connection of the thread's snapshot, or of one for this block alone. Raises Busy."""
    if _shared.database is not database:
        with database.begin(writing=False) as connection:
            yield connection
        return
    found = _shared.snapshot
    if found is None:
        found = _shared.snapshot = _Snapshot(database)
    found.users += 1
    try:
        with refusing():
            yield found.connection
    except BaseException as error:
        cause = error if isinstance(error, sa.exc.DBAPIError) else error.__cause__
        if isinstance(cause, sa.exc.DBAPIError):
            _spoilt(found)
            if cause.connection_invalidated and _shared.moment is not None:
                _shared.moment.lost = True
        raise
    finally:
        found.users -= 1
        found.close()


def _spoilt(found: _Snapshot) -> None:
    # PostgreSQL takes nothing more in a transaction in which a statement failed.
    if _shared.snapshot is found:
        _shared.snapshot = None
    found.left = True
