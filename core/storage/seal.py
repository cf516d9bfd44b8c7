"""Sealing: now and then the entries since the last seal get a checkpoint, signed with a key that the database has not.

Only entries that are certainly committed are sealed, so no writer ever waits. A checkpoint is also written outside the
database, as an anchor: without one, cutting the log's end together with its checkpoints could not be seen.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.storage.database import Database
from core.storage.files import owner_only
from core.storage.log import ERA
from core.storage.models import ChangeRow, Checkpoint, Setting
from core.storage.streaming import raw_rows

SEALER = 0x6261636C
"""PostgreSQL's advisory lock of the one process that seals."""
ANCHORS = "audit.anchors"
_change = ChangeRow.__table__
_checkpoint = Checkpoint.__table__
_log = logging.getLogger("backoffice.audit")


@dataclass(frozen=True, slots=True)
class Seal:
    """One checkpoint. ``count`` is how many entries it and all before it seal; ``root`` covers those it adds."""

    id: int
    last_xid: int
    last_id: int
    count: int
    root: str
    previous: str
    at: datetime
    mac: str

    @property
    def line(self) -> str:
        """The checkpoint as an anchor: number, time, position, count and signature."""
        return f"{self.id} {self.at.replace(tzinfo=UTC).isoformat()} {self.last_xid}:{self.last_id} {self.count} {self.mac}"


def key_of(secret_key: str) -> bytes:
    """The signing key, derived from the installation's secret key."""
    return hashlib.sha256(b"backoffice audit " + secret_key.encode()).digest()


def seal(database: Database, key: bytes, folder: Path, now: datetime) -> Seal | None:
    """Seal what was committed since the last checkpoint; None when there is nothing new, or another process is at it.

    ``folder`` holds the file of anchors.
    """
    with database.begin(writing=True) as connection:
        if database.dialect == "postgresql" and not connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(SEALER))).scalar():
            return None
        last = newest(connection)
        made = _next(connection, last, key, now)
        if made is not None:
            connection.execute(_checkpoint.insert().values(
                id=made.id, last_xid=made.last_xid, last_id=made.last_id, count=made.count, root=made.root, previous=made.previous,
                at=made.at, mac=made.mac))
    # A crash between the commit and the anchor leaves the anchor to the next time.
    known = made or last
    if known is not None:
        _anchor(folder / ANCHORS, known)
    return made


def newest(connection: sa.Connection) -> Seal | None:
    """The last checkpoint."""
    return next(iter(_seals(connection.execute(sa.select(_checkpoint).order_by(_checkpoint.c.id.desc()).limit(1)))), None)


def checkpoints(connection: sa.Connection) -> list[Seal]:
    """All checkpoints in order."""
    return list(_seals(connection.execute(sa.select(_checkpoint).order_by(_checkpoint.c.id))))


def positions(connection: sa.Connection, after: tuple[int, int], until: tuple[int, int] | None = None) -> Iterator[tuple[Any, ...]]:
    """Entries beyond a position in the order of sealing: (xid, id, hash), streamed."""
    here = sa.tuple_(_change.c.xid, _change.c.id)
    statement = sa.select(_change.c.xid, _change.c.id, _change.c.hash).where(here > sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
    if until is not None:
        statement = statement.where(here <= sa.tuple_(sa.literal(until[0]), sa.literal(until[1])))
    yield from raw_rows(connection, statement.order_by(_change.c.xid, _change.c.id))


def root_of(rows: Iterable[tuple[Any, ...]]) -> tuple[str, int, tuple[int, int] | None]:
    """The root over these entries, how many they are, and the last position."""
    digest, count, last = hashlib.sha256(), 0, None
    for xid, number, hashed in rows:
        digest.update(f"{xid}:{number}:{hashed}\n".encode())
        count += 1
        last = (xid, number)
    return digest.hexdigest(), count, last


def signature(key: bytes, one: Seal) -> str:
    """What the checkpoint's ``mac`` has to be."""
    text = f"{one.id}|{one.last_xid}|{one.last_id}|{one.count}|{one.root}|{one.previous}|{one.at.isoformat(' ', 'microseconds')}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def anchors(path: Path) -> Iterator[tuple[int, str, str]]:
    """The anchors of a file: (checkpoint, its time, its signature). Raises ValueError for a line that is none."""
    for number, line in enumerate(path.read_text(encoding="ascii", errors="replace").splitlines(), start=1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 5 or not parts[0].isdigit():
            raise ValueError(f"{path}, line {number}: this is no anchor.")
        yield int(parts[0]), parts[1], parts[4]


def _next(connection: sa.Connection, last: Seal | None, key: bytes, now: datetime) -> Seal | None:
    after = (last.last_xid, last.last_id) if last else (-1, -1)
    until = None
    if connection.dialect.name == "postgresql":
        # Transactions below the oldest running one are over, and no entry can appear among theirs any more.
        oldest = sa.cast(sa.cast(sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot()), sa.Text), sa.BigInteger)
        horizon = int(connection.execute(sa.select(oldest)).scalar_one())
        until = ((era(connection) << ERA) + horizon - 1, 2**62)
    root, count, position = root_of(positions(connection, after, until))
    if position is None:
        return None
    made = Seal((last.id if last else 0) + 1, position[0], position[1], (last.count if last else 0) + count, root,
                last.mac if last else "", now.astimezone(UTC).replace(tzinfo=None), "")
    return Seal(made.id, made.last_xid, made.last_id, made.count, made.root, made.previous, made.at, signature(key, made))


def era(connection: sa.Connection) -> int:
    """How many times this log was restored."""
    table = Setting.__table__
    return int(connection.execute(sa.select(table.c.value).where(table.c.name == "log.era")).scalar() or 0)


def begin_era(connection: sa.Connection) -> None:
    """Say that the log was restored: what follows is sealed after everything there is."""
    table = Setting.__table__
    number = era(connection) + 1
    connection.execute(table.delete().where(table.c.name == "log.era"))
    connection.execute(table.insert().values(name="log.era", value=str(number)))


def _seals(rows: Iterable[sa.Row[tuple[object, ...]]]) -> Iterator[Seal]:
    for row in rows:
        # By name of the column: a row has a method called count.
        one = row._mapping
        yield Seal(one["id"], one["last_xid"], one["last_id"], one["count"], one["root"], one["previous"], one["at"], one["mac"])


def _anchor(path: Path, one: Seal) -> None:
    lines = path.read_text(encoding="ascii", errors="replace").splitlines() if path.exists() else []
    if lines and lines[-1].split(" ")[0] == str(one.id):
        return
    with open(path, "a", encoding="ascii", opener=owner_only) as target:
        target.write(one.line + "\n")
        target.flush()
        os.fsync(target.fileno())
    _log.info("audit checkpoint %s", one.line)
