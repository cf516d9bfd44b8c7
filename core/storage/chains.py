"""Entries of the log read in order, each held against its hash, its values and the entry before it.

This is what verification spends its time on: the database puts together the text that a hash covers, rows come as the driver
has them, in parts that are short enough for memory, and nothing is done twice in the loop.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Sequence
from contextlib import closing
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from core.storage.log import MEMBERS, NOTHING
from core.storage.models import ChangeRow, ChangeValue
from core.storage.roots import Roots
from core.storage.streaming import ROWS, ahead, joined, raw_part

Heads = dict[tuple[str, str], tuple[int, str]]
"""The newest entry of each record that was read, by (entity, record as text): its number and hash."""
_Rows = Sequence[tuple[Any, ...]]

FIRST = -(2**63)
"""Before every entry's id."""
_LAST = 2**63 - 1
_SEAM = "\x1f"
_MEMBERS = len(MEMBERS)
_change = ChangeRow.__table__
_value = ChangeValue.__table__
_AFTER, _UNTIL = sa.bindparam("after", type_=sa.BigInteger()), sa.bindparam("until", type_=sa.BigInteger())


class Chains:
    """A reading of the log from an id on. ``faults`` gathers sentences; ``heads`` and ``purged`` are known after :meth:`read`.

    ``roots`` is given every entry on the way.
    """

    def __init__(self, connection: sa.Connection, faults: list[str], after: int = FIRST, roots: Roots | None = None) -> None:
        self._connection = connection
        self._faults = faults
        self._after = after
        self._whole = after == FIRST
        self._roots = roots
        self._entries = _entries_statement(connection)
        self._values = _values_statement(connection)
        self.heads: Heads = {}
        self.purged: set[tuple[str, str]] = set()
        self.count = 0

    def read(self) -> None:
        """Read to the end."""
        after, stray = self._after, None
        # PostgreSQL puts the next part together while this one is worked out; SQLite works in this very process.
        parts = ahead(self._parts()) if self._whole and self._connection.dialect.name == "postgresql" else self._parts()
        with closing(parts):
            for entries, until, values in parts:
                digests = self._digests(values)
                if not self._whole:
                    self._enter(after, until)
                self._part(entries, digests, values)
                if self._roots is not None:
                    self._roots.part(entries)
                if digests and stray is None:
                    # Whatever an entry asked for was taken out.
                    stray = min(digests)
                after = until
        if self._roots is not None:
            self._roots.finish()
        if stray is not None:
            self._faults.append(f"There are values of entry {stray}, which is not in the log.")

    def _parts(self) -> Generator[tuple[_Rows, int, _Rows], None, None]:
        """Entries in order of id, the last id of the part, and their values; last of all the values that follow every entry."""
        after = self._after
        while True:
            entries = raw_part(self._connection, self._entries, {"after": after})
            until = entries[-1][1] if entries else _LAST
            yield entries, until, raw_part(self._connection, self._values, {"after": after, "until": until})
            if not entries:
                return
            after = until

    def _part(self, entries: _Rows, digested: dict[int, str], values: _Rows) -> None:
        sha256, heads, nothing = hashlib.sha256, self.heads, (0, "")
        for _xid, number, hashed, text in entries:
            members = text.split(_SEAM)
            previous, entity, record, place, _, _, action = members[:7]
            digests = members[-1]
            if sha256(text.encode()).hexdigest() != hashed or len(members) != _MEMBERS:
                self._fault(number, entity, record, "was changed after it was written")
            whose = (entity, record)
            length, head = heads.get(whose, nothing)
            length += 1
            if previous != head or place != str(length):
                self._fault(number, entity, record, "does not follow the entry before it: entries were removed, added or swapped")
                length = int(place) if place.isdecimal() else length
            heads[whose] = (length, hashed)
            if action == "purge":
                self.purged.add(whose)
            if digested.pop(number, "") != digests and not _same(number, digests, values):
                self._fault(number, entity, record, "has other values than those it was written with")
        self.count += len(entries)

    def _digests(self, values: _Rows) -> dict[int, str]:
        """The digests of values, as an entry has them, by the entry's id."""
        sha256 = hashlib.sha256
        found: dict[int, str] = {}
        last = None
        for number, field, text in values:
            if number != last:
                last = number
                found[number] = f"{field}={sha256(text.encode()).hexdigest()[:32]}"
            else:
                found[number] += f";{field}={sha256(text.encode()).hexdigest()[:32]}"
        return found

    def _enter(self, after: int, until: int) -> None:
        """Take the hash of the entry before it for every record of this part that has not been met yet."""
        for entity, record, number, hashed in raw_part(self._connection, _BEFORE, {"after": after, "until": until}):
            self.heads.setdefault((entity, str(record)), (number, hashed))

    def _fault(self, number: int, entity: str, record: str, what: str) -> None:
        self._faults.append(f"Entry {number} ({entity} {record}) {what}.")


_ENTRY = itemgetter(0)


def _same(number: int, digests: str, values: _Rows) -> bool:
    """The same in any order; values that were erased cannot be compared and are left out."""
    written = {field: digest for field, _, digest in (part.partition("=") for part in digests.split(";"))} if digests else {}
    rows = values[bisect_left(values, number, key=_ENTRY) : bisect_right(values, number, key=_ENTRY)]
    found = {field: written.get(field) if text.startswith(_SEAM) else hashlib.sha256(text.encode()).hexdigest()[:32]
             for _, field, text in rows}  # fmt: skip
    return len(found) == len(rows) and found == written


def _entries_statement(connection: sa.Connection) -> sa.Select[Any]:
    """A part of the entries in order of id: (xid, id, hash, the text the hash covers)."""
    whole = joined(connection, _SEAM, *(_cell(connection, name) for name in MEMBERS))
    c = _change.c
    return sa.select(c.xid, c.id, c.hash, whole).where(c.id > _AFTER).order_by(c.id).limit(ROWS)


def _cell(connection: sa.Connection, name: str) -> sa.ColumnElement[Any]:
    column: sa.ColumnElement[Any] = _change.c[name]
    if name != "at":
        return column
    if connection.dialect.name == "postgresql":
        written: sa.ColumnElement[Any] = sa.func.to_char(column, "YYYY-MM-DD HH24:MI:SS.US", type_=sa.Text())
        return written
    return sa.type_coerce(column, sa.Text())


def _values_statement(connection: sa.Connection) -> sa.Select[Any]:
    """Values in order of their entries: (entry, field, the text their digest covers, which begins with the salt)."""
    c = _value.c
    before, after = (sa.func.coalesce(column, sa.literal(NOTHING, sa.Text()), type_=sa.Text()) for column in (c.before, c.after))
    return (sa.select(c.change_id, c.field, joined(connection, _SEAM, c.salt, c.field, before, after))
            .where(c.change_id > _AFTER, c.change_id <= _UNTIL).order_by(c.change_id, c.field))  # fmt: skip


def _before_statement() -> sa.Select[Any]:
    """What stands before each entry of a part in its record's chain, the first of each record first."""
    one, before = _change.alias(), _change.alias()
    return (sa.select(before.c.entity, before.c.record, before.c.number, before.c.hash)
            .select_from(one.join(before, sa.and_(before.c.entity == one.c.entity, before.c.record == one.c.record,
                                                  before.c.number == one.c.number - 1)))
            .where(one.c.id > _AFTER, one.c.id <= _UNTIL).order_by(one.c.id))  # fmt: skip


_BEFORE = _before_statement()
