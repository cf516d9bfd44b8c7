"""Verification of the log: every entry, every value, every record's chain head, every checkpoint and anchor."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.storage import seal
from core.storage.log import MEMBERS, NOTHING
from core.storage.models import ChangeRow, ChangeValue
from core.storage.seal import Seal
from core.storage.streaming import joined, raw_rows
from core.storage.tables import entity_table
from schemas.model import Entity

MOST_FAULTS = 20
LATE = timedelta(minutes=10)
_SEAM = "\x1f"
_SEAMS = len(MEMBERS) - 1
_change = ChangeRow.__table__
_value = ChangeValue.__table__


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


def verify(connection: sa.Connection, entities: Iterable[Entity], key: bytes, now: datetime, anchors: Iterable[Path] = ()) -> Verdict:
    """Read the whole log in one snapshot. ``key`` as in ``seal.key_of``; ``anchors`` are files kept elsewhere."""
    verdict = Verdict()
    heads, purged = _chains(connection, verdict)
    _records(connection, entities, heads, purged, verdict)
    sealed = _checkpoints(connection, key, now, verdict)
    _anchored(sealed, anchors, verdict)
    return verdict


def _chains(connection: sa.Connection, verdict: Verdict) -> tuple[dict[tuple[str, int], tuple[int, str]], set[tuple[str, int]]]:
    """Every entry and its values, in order of id. This is the loop that has to be fast: nothing is called in it twice."""
    heads: dict[tuple[str, int], tuple[int, str]] = {}
    purged: set[tuple[str, int]] = set()
    faults = verdict.faults
    sha256 = hashlib.sha256
    nothing = (0, "")
    count = stray = 0
    values = raw_rows(connection, _values_statement(connection))
    value = next(values, None)
    for number, entity, record, place, action, previous, digests, hashed, text in raw_rows(connection, _entries_statement(connection)):
        count += 1
        if sha256(text.encode()).hexdigest() != hashed or text.count(_SEAM) != _SEAMS:
            faults.append(_fault(number, entity, record, "was changed after it was written"))
        whose = (entity, record)
        length, head = heads.get(whose, nothing)
        if previous != head or place != length + 1:
            faults.append(_fault(number, entity, record, "does not follow the entry before it: entries were removed, added or swapped"))
        heads[whose] = (place, hashed)
        if action == "purge":
            purged.add(whose)
        while value is not None and value[0] < number:
            stray = stray or value[0]
            value = next(values, None)
        found = []
        while value is not None and value[0] == number:
            found.append(value)
            value = next(values, None)
        made = ";".join([f"{one[1]}={sha256(one[3].encode()).hexdigest()[:32]}" for one in found])
        if made != digests and not _same_values(found, digests):
            faults.append(_fault(number, entity, record, "has other values than those it was written with"))
    stray = stray or (value[0] if value is not None else 0)
    values.close()
    if stray:
        faults.append(f"There are values of entry {stray}, which is not in the log.")
    verdict.entries = count
    return heads, purged


def _fault(number: int, entity: str, record: int, what: str) -> str:
    return f"Entry {number} ({entity} {record}) {what}."


def _same_values(rows: list[tuple[Any, ...]], digests: str) -> bool:
    """The same in any order; values that were erased cannot be compared and are left out."""
    written = dict(part.split("=", 1) for part in digests.split(";")) if digests else {}
    found = {row[1]: hashlib.sha256(row[3].encode()).hexdigest()[:32] if row[2] else written.get(row[1]) for row in rows}
    return len(found) == len(rows) and found == written


def _entries_statement(connection: sa.Connection) -> sa.Select[Any]:
    """Entries in order of id; the last cell is the text their hash covers, put together by the database."""
    whole = joined(connection, _SEAM, *(_cell(connection, name) for name in MEMBERS))
    c = _change.c
    return sa.select(c.id, c.entity, c.record, c.number, c.action, c.previous, c.digests, c.hash, whole).order_by(c.id)


def _cell(connection: sa.Connection, name: str) -> sa.ColumnElement[Any]:
    column: sa.ColumnElement[Any] = _change.c[name]
    if name != "at":
        return column
    if connection.dialect.name == "postgresql":
        written: sa.ColumnElement[Any] = sa.func.to_char(column, "YYYY-MM-DD HH24:MI:SS.US", type_=sa.Text())
        return written
    return sa.type_coerce(column, sa.Text())


def _values_statement(connection: sa.Connection) -> sa.Select[Any]:
    """Values in order of their entries: (entry, field, salt, the text their digest covers)."""
    c = _value.c
    before, after = (sa.func.coalesce(column, sa.literal(NOTHING, sa.Text()), type_=sa.Text()) for column in (c.before, c.after))
    return sa.select(c.change_id, c.field, c.salt, joined(connection, _SEAM, c.salt, c.field, before, after)).order_by(c.change_id, c.field)


def _records(connection: sa.Connection, entities: Iterable[Entity], heads: Mapping[tuple[str, int], tuple[int, str]],
             purged: set[tuple[str, int]], verdict: Verdict) -> None:
    known: dict[str, set[int]] = {}
    for entity in entities:
        name = entity.full_name
        table = entity_table(entity, connection.dialect.name).table
        there = known.setdefault(name, set())
        statement = sa.select(table.c.id, table.c.chain_length, table.c.chain_hash)
        for number, length, hashed in raw_rows(connection, statement):
            there.add(number)
            if not length:
                verdict.faults.append(f"The record {name} {number} was written past the log.")
            elif heads.get((name, number), (0, "")) != (length, hashed or ""):
                verdict.faults.append(f"The log of {name} {number} ends at another entry than its record says: "
                                      "its newest entries were removed, or the record was changed past the log.")
    for (name, number), _ in heads.items():
        if name in known and number not in known[name] and (name, number) not in purged:
            verdict.faults.append(f"The record {name} {number} is gone, and no entry says who removed it.")


def _checkpoints(connection: sa.Connection, key: bytes, now: datetime, verdict: Verdict) -> list[Seal]:
    sealed = seal.checkpoints(connection)
    after, count, mac = (-1, -1), 0, ""
    for one in sealed:
        root, number, _ = seal.root_of(seal.positions(connection, after, (one.last_xid, one.last_id)))
        count += number
        if one.mac != seal.signature(key, one):
            verdict.faults.append(f"Checkpoint {one.id} was not signed with this installation's key, or was changed.")
        elif one.previous != mac:
            verdict.faults.append(f"Checkpoint {one.id} does not follow the one before it: checkpoints were removed.")
        elif (one.root, one.count) != (root, count):
            verdict.faults.append(f"The entries up to {one.last_id} are not those that checkpoint {one.id} sealed: "
                                  "some were removed, added, changed or swapped.")
        after, mac = (one.last_xid, one.last_id), one.mac
    verdict.checkpoints = len(sealed)
    c = _change.c
    open_ = sa.tuple_(c.xid, c.id) > sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
    oldest, verdict.unsealed = connection.execute(sa.select(sa.func.min(c.at), sa.func.count()).where(open_)).one()
    late = now.astimezone(UTC).replace(tzinfo=None) - LATE
    if oldest is not None and oldest < late and (not sealed or sealed[-1].at < late):
        text = f"Entries since {oldest:%Y-%m-%d %H:%M} UTC are not sealed: no worker has sealed for more than ten minutes."
        # Before the first seal there is nothing that could have stopped.
        (verdict.faults if sealed else verdict.notes).append(text)
    return sealed


def _anchored(sealed: list[Seal], files: Iterable[Path], verdict: Verdict) -> None:
    there = {one.id: one for one in sealed}
    seen = False
    for path in files:
        if not path.exists():
            continue
        try:
            for number, at, mac in seal.anchors(path):
                seen = True
                if number not in there or there[number].mac != mac:
                    verdict.faults.append(
                        f"The log was cut or replaced: checkpoint {number} of {at} is anchored in {path} and is not in it."
                    )
                    break
        except ValueError as error:
            verdict.faults.append(str(error))
    if not seen:
        last = f"{sealed[-1].at:%Y-%m-%d %H:%M} UTC" if sealed else "the beginning"
        verdict.notes.append(f"Without an anchor it cannot be excluded that the newest entries were removed after {last}.")
