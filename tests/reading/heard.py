"""What reaches the database, on either engine: SQLite itself tells it, for much is sent past SQLAlchemy."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

Heard = list[tuple[str, Any]]
"""Statements with their parameters; SQLite's hold them already."""
_AROUND = ("--", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@contextlib.contextmanager
def heard(connection: sa.Connection) -> Iterator[Heard]:
    """The statements of one open connection."""
    found: Heard = []
    if connection.dialect.name == "sqlite":
        raw: Any = connection.connection.driver_connection
        raw.set_trace_callback(_noting(found))
        try:
            yield found
        finally:
            raw.set_trace_callback(None)
        return

    def note(one: object, cursor: object, statement: str, parameters: object, *rest: object) -> None:
        found.append((statement, parameters))

    sa.event.listen(connection.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(connection.engine, "before_cursor_execute", note)


@contextlib.contextmanager
def heard_of(engine: sa.Engine) -> Iterator[Heard]:
    """The statements of every connection that begins meanwhile."""
    found: Heard = []
    with contextlib.ExitStack() as stack:

        def begun(connection: sa.Connection) -> None:
            if connection.dialect.name == "sqlite":
                connection.connection.driver_connection.set_trace_callback(_noting(found))  # type: ignore[union-attr]

        def note(one: object, cursor: object, statement: str, parameters: object, *rest: object) -> None:
            if engine.dialect.name != "sqlite":
                found.append((statement, parameters))

        def given_back(raw: Any, record: object) -> None:
            if engine.dialect.name == "sqlite" and raw is not None:
                raw.set_trace_callback(None)

        for name, listener in (("begin", begun), ("before_cursor_execute", note), ("checkin", given_back)):
            sa.event.listen(engine, name, listener)
            stack.callback(sa.event.remove, engine, name, listener)
        yield found


def _noting(found: Heard) -> Callable[[str], None]:
    def note(statement: str) -> None:
        if not statement.lstrip().upper().startswith(_AROUND):
            found.append((statement, None))

    return note
