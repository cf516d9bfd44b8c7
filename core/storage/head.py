"""The head: which generation is in force, and the epoch that grows when rights or people change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.storage.models import Head
from core.storage.sent import Sent

if TYPE_CHECKING:
    from core.storage.unit import Unit
    from schemas.model import Entity

FENCE = 0x6261636B  # one advisory lock for the whole house: writers share it, a flip takes it alone
_table = Head.__table__
_number = Sent(sa.select(_table.c.generation).where(_table.c.id == 1))
_both = sa.select(_table.c.generation, _table.c.epoch).where(_table.c.id == 1)


def number(connection: sa.Connection) -> int:
    """The number of the generation in force; 0 before the first."""
    found = _number.rows(connection, {})
    return int(found[0][0]) if found else 0


def both(connection: sa.Connection) -> tuple[int, int]:
    """Generation and epoch."""
    row = connection.execute(_both).first()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def fence(connection: sa.Connection, *, shared: bool) -> None:
    """Take PostgreSQL's fence until the transaction ends; it comes first in every writing transaction."""
    lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
    connection.execute(sa.select(lock(FENCE)))


def bump_epoch(unit: Unit) -> None:
    """Say that accounts, grants or people changed: every process reads its actors again."""
    bump(unit.connection)


RIGHTS = frozenset({"person", "department", "company", "team"})
"""What an entity may provide so that rights look at it."""


def note_written(unit: Unit, entity: Entity) -> None:
    """A record of this entity is being written: when rights look at it, every process reads its actors again."""
    if entity.provides in RIGHTS:
        bump_epoch(unit)


def bump(connection: sa.Connection) -> None:
    """The same within a transaction that is no unit."""
    connection.execute(_table.update().where(_table.c.id == 1).values(epoch=_table.c.epoch + 1))


def move(connection: sa.Connection, generation: int, *, rights: bool = True) -> None:
    """Put a generation in force; the caller holds the fence and has compared the head.

    Without ``rights`` it changes nothing that rights look at, and nobody is read again.
    """
    epoch = _table.c.epoch + 1 if rights else _table.c.epoch
    done = connection.execute(_table.update().where(_table.c.id == 1).values(generation=generation, epoch=epoch))
    if done.rowcount == 0:
        connection.execute(_table.insert().values(id=1, generation=generation, epoch=1))
