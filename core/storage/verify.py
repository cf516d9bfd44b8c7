"""Verification of the log: every entry, every value, every record's chain head, every checkpoint and anchor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.errors import NotFound
from core.storage import seal
from core.storage.chains import FIRST, Chains
from core.storage.models import ChangeRow
from core.storage.roots import Roots
from core.storage.seal import Seal
from core.storage.streaming import ROWS, raw_part, raw_rows
from core.storage.tables import entity_table
from schemas.model import Entity

MOST_FAULTS = 20
LATE = timedelta(minutes=10)
_change = ChangeRow.__table__


@dataclass
class Verdict:
    """What verification found. ``faults`` are sentences, the first entry that is wrong first; ``notes`` say what is open."""

    entries: int = 0
    checkpoints: int = 0
    unsealed: int = 0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.faults

    @property
    def sentences(self) -> list[str]:
        """Everything to tell, faults first."""
        summary = f"{self.entries:,} entries, {self.checkpoints:,} checkpoints, unsealed: {self.unsealed:,} entries."
        return [*self.faults[:MOST_FAULTS], *self.notes, ("The log is whole. " if self.good else "The log is NOT whole. ") + summary]


def verify(connection: sa.Connection, entities: Iterable[Entity], key: bytes, now: datetime, anchors: Iterable[Path] = (), *,
           since: int | None = None) -> Verdict:
    """Read the log in one snapshot. ``key`` as in ``seal.key_of``; ``anchors`` are files kept elsewhere.

    With ``since``, the number of a checkpoint, only what followed it is read: entries it seals are counted, not read, and
    records that were not touched since are not compared. Raises NotFound when there is no such checkpoint.
    """
    verdict = Verdict()
    # Before the snapshot begins: whoever seals meanwhile anchors what the snapshot does not hold.
    anchored = _anchors(anchors, verdict.faults)
    sealed = seal.checkpoints(connection)
    start = _start(sealed, since)
    # Mostly ids and seals have the same order: then the roots come with the one reading of all entries.
    roots = Roots(sealed) if start is None else None
    chains = Chains(connection, verdict.faults, _first_after(connection, start), roots)
    chains.read()
    verdict.entries = chains.count
    _records(connection, entities, chains, verdict, whole=start is None)
    _checkpoints(connection, sealed, start, key, verdict, roots)
    _open(connection, sealed, now, verdict)
    _anchored(sealed, anchored, verdict)
    if start is not None:
        verdict.notes.append(f"The {start.count:,} entries up to checkpoint {start.id} of {start.at:%Y-%m-%d %H:%M} UTC were counted, "
                             "not read.")
    return verdict


def _start(sealed: Sequence[Seal], since: int | None) -> Seal | None:
    if since is None:
        return None
    for one in sealed:
        if one.id == since:
            return one
    there = f"there are {sealed[0].id} to {sealed[-1].id}" if sealed else "nothing was sealed yet"
    raise NotFound(f"There is no checkpoint {since}: {there}.")


def _position() -> sa.ColumnElement[Any]:
    return sa.tuple_(_change.c.xid, _change.c.id)


def _at(position: tuple[int, int]) -> sa.ColumnElement[Any]:
    return sa.tuple_(*(sa.literal(part, sa.BigInteger()) for part in position))


def _first_after(connection: sa.Connection, start: Seal | None) -> int:
    """The id behind which all entries are to be read. Some that are sealed already may follow it: ids and seals differ in order."""
    if start is None:
        return FIRST
    here = _position() > _at((start.last_xid, start.last_id))
    first = connection.execute(sa.select(sa.func.min(_change.c.id)).where(here)).scalar()
    last = connection.execute(sa.select(sa.func.max(_change.c.id))).scalar()
    return int(first) - 1 if first is not None else int(last or 0)


def _records(connection: sa.Connection, entities: Iterable[Entity], chains: Chains, verdict: Verdict, *, whole: bool) -> None:
    known: dict[str, set[str]] = {}
    for entity in entities:
        name = entity.full_name
        table = entity_table(entity, connection.dialect.name).table
        there = known.setdefault(name, set())
        for number, length, hashed in raw_rows(connection, sa.select(table.c.id, table.c.chain_length, table.c.chain_hash)):
            there.add(str(number))
            if not length:
                verdict.faults.append(f"The record {name} {number} was written past the log.")
                continue
            end = chains.heads.get((name, str(number)), (0, "") if whole else None)
            if end is not None and end != (length, hashed or ""):
                verdict.faults.append(f"The log of {name} {number} ends at another entry than its record says: "
                                      "its newest entries were removed, or the record was changed past the log.")
    for name, record in chains.heads:
        if name in known and record not in known[name] and (name, record) not in chains.purged:
            verdict.faults.append(f"The record {name} {record} is gone, and no entry says who removed it.")


def _checkpoints(connection: sa.Connection, sealed: Sequence[Seal], start: Seal | None, key: bytes, verdict: Verdict,
                 roots: Roots | None) -> None:
    """Each checkpoint's signature and place in its chain, and what it seals; of those up to ``start`` only the count."""
    mac, count = "", 0
    skipped = [one for one in sealed if start is not None and one.id <= start.id]
    if start is not None:
        until = _position() <= _at((start.last_xid, start.last_id))
        count = int(connection.execute(sa.select(sa.func.count()).select_from(_change).where(until)).scalar_one())
    if roots is not None and roots.ordered:
        found = iter(roots.each)
    else:
        after = (start.last_xid, start.last_id) if start is not None else (-1, -1)
        found = iter(_roots(connection, sealed[len(skipped) :], after))
    for one in sealed:
        read = start is None or one.id > start.id
        root, number = next(found) if read else (one.root, 0)
        count += number
        if one.mac != seal.signature(key, one):
            verdict.faults.append(f"Checkpoint {one.id} was not signed with this installation's key, or was changed.")
        elif one.previous != mac:
            verdict.faults.append(f"Checkpoint {one.id} does not follow the one before it: checkpoints were removed.")
        elif (one.root, one.count) != (root, count) and (read or one is start):
            verdict.faults.append(f"The entries up to {one.last_id} are not those that checkpoint {one.id} sealed: "
                                  "some were removed, added, changed or swapped.")
        mac = one.mac
    verdict.checkpoints = len(sealed)


def _roots(connection: sa.Connection, sealed: Sequence[Seal], after: tuple[int, int]) -> list[tuple[str, int]]:
    """The roots of checkpoints, their entries read for it in the order of sealing."""
    c = _change.c
    statement = (sa.select(c.xid, c.id, c.hash).where(_position() > sa.tuple_(sa.bindparam("xid", type_=sa.BigInteger()),
                                                                            sa.bindparam("number", type_=sa.BigInteger())))
                 .order_by(c.xid, c.id).limit(ROWS))  # fmt: skip
    roots = Roots(sealed)
    while len(roots.each) < len(sealed) and (rows := raw_part(connection, statement, {"xid": after[0], "number": after[1]})):
        roots.part(rows)
        after = (rows[-1][0], rows[-1][1])
    roots.finish()
    return roots.each


def _open(connection: sa.Connection, sealed: Sequence[Seal], now: datetime, verdict: Verdict) -> None:
    """Entries that nothing seals yet."""
    after = (sealed[-1].last_xid, sealed[-1].last_id) if sealed else (-1, -1)
    counted = sa.select(sa.func.min(_change.c.at), sa.func.count()).where(_position() > _at(after))
    oldest, verdict.unsealed = connection.execute(counted).one()
    late = now.astimezone(UTC).replace(tzinfo=None) - LATE
    if oldest is not None and oldest < late and (not sealed or sealed[-1].at < late):
        text = f"Entries since {oldest:%Y-%m-%d %H:%M} UTC are not sealed: no worker has sealed for more than ten minutes."
        # Before the first seal there is nothing that could have stopped.
        (verdict.faults if sealed else verdict.notes).append(text)


def _anchors(files: Iterable[Path], faults: list[str]) -> list[tuple[Path, int, str, str]]:
    """Every anchor of the files that are there: (file, checkpoint, its time, its signature)."""
    found: list[tuple[Path, int, str, str]] = []
    for path in files:
        try:
            if path.exists():
                found += [(path, *one) for one in seal.anchors(path)]
        except ValueError as error:
            faults.append(str(error))
    return found


def _anchored(sealed: Sequence[Seal], anchored: Sequence[tuple[Path, int, str, str]], verdict: Verdict) -> None:
    there = {one.id: one.mac for one in sealed}
    told: set[Path] = set()
    for path, number, at, mac in anchored:
        if path not in told and there.get(number) != mac:
            told.add(path)
            verdict.faults.append(f"The log was cut or replaced: checkpoint {number} of {at} is anchored in {path} and is not in it.")
    if not anchored:
        last = f"{sealed[-1].at:%Y-%m-%d %H:%M} UTC" if sealed else "the beginning"
        verdict.notes.append(f"Without an anchor it cannot be excluded that the newest entries were removed after {last}.")
