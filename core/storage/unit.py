"""Units of work: the only place where transactions begin and commit."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import Conflict, Invalid
from core.registry.generation import Generation
from core.storage import head, snapshots
from core.storage.database import Database, unlimited
from core.storage.ddl import REFUSAL


class HeadMoved(Exception):
    """The generation in force is another one than the unit was begun for. ``number`` is the one in force."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Generation {number} is in force.")
        self.number = number


@dataclass
class Unit:
    """One transaction and what it is for. ``operation`` groups its changes for history and undo."""

    connection: sa.Connection
    database: Database
    generation: Generation
    actor: Actor
    now: datetime
    operation: str
    channel: str
    reason: str = ""
    writing: bool = False
    transition: str = ""
    quiet: bool = False
    """The past is being made up: what would tell somebody something is dropped."""
    going: Collection[tuple[str, int]] = ()
    """Records on their way to the trash together: what they follow from one another on the way breaks no rule."""
    memory: dict[tuple[str, int], object] = field(default_factory=dict)
    """What was looked up in this unit and does not change within it (codes of departments, currencies of companies)."""


@contextlib.contextmanager
def reading(database: Database, generation: Generation, actor: Actor, now: datetime) -> Iterator[Unit]:
    """A read-only unit in one snapshot; it never queues behind writers."""
    with snapshots.opened(database) as connection:
        yield Unit(connection, database, generation, actor, now, uuid4().hex, actor.channel)


@contextlib.contextmanager
def writing(database: Database, generation: Generation, actor: Actor, now: datetime, *, operation: str | None = None,
            reason: str = "") -> Iterator[Unit]:
    """A writing unit under the fence. Raises HeadMoved when another generation is in force, Busy, Conflict."""
    snapshots.renew(database)
    try:
        with database.begin(writing=True) as connection:
            if database.dialect == "postgresql":
                head.fence(connection, shared=True)
            number = head.number(connection)
            if number != generation.number:
                raise HeadMoved(number)
            unit = Unit(connection, database, generation, actor, now, operation or uuid4().hex, actor.channel, reason or actor.reason,
                        writing=True)
            yield unit
    except sa.exc.DBAPIError as error:
        said = refusal(error)
        if said is None:
            raise
        raise said from error


def refusal(error: sa.exc.DBAPIError) -> Conflict | Invalid | None:
    """What it means to people that the database did not take a statement; None when no value of theirs is to blame."""
    if isinstance(error, sa.exc.IntegrityError):
        ledger = REFUSAL in str(error.orig)
        return Conflict("Entries of a ledger stay as they were written." if ledger else "The value is not available.")
    if isinstance(error, sa.exc.DataError):
        return Invalid({"": ["A value is too large or of a form that the database does not take."]})
    if isinstance(error, sa.exc.OperationalError) and getattr(error.orig, "sqlstate", "") == "54000":
        # An index of PostgreSQL takes no more than about 2,700 bytes.
        return Invalid({"": ["A value that has to be unique, or by which lists are sorted, is too long."]})
    return None


@contextlib.contextmanager
def flipping(database: Database, expected: int, patience: int = 1) -> Iterator[sa.Connection]:
    """The one short transaction that puts another generation in force: alone behind the fence, the head compared.

    Raises HeadMoved when ``expected`` is no longer in force, Busy when writers do not let go in ``patience`` seconds.
    """
    snapshots.renew(database)
    with database.begin(writing=True) as connection:
        if database.dialect == "postgresql":
            # Writers queue behind a waiting flip: it must not wait long.
            connection.execute(sa.select(sa.func.set_config("lock_timeout", f"{patience}s", True)))
            unlimited(connection)
            head.fence(connection, shared=False)
        number = head.number(connection)
        if number != expected:
            raise HeadMoved(number)
        yield connection
