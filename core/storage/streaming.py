"""Long results as the driver gives them: for reading whole tables, where a row object for each row would cost most."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import sqlalchemy as sa

ROWS = 5_000
T = TypeVar("T")


def raw_rows(connection: sa.Connection, statement: sa.Select[Any]) -> Generator[tuple[Any, ...], None, None]:
    """The rows in plain tuples, in parts, without any conversion: dates come as the driver has them. Close it when you stop early."""
    fast = connection.dialect.name == "sqlite"
    result = connection.execute(statement if fast else statement.execution_options(yield_per=ROWS))
    try:
        if not fast:
            for part in result.partitions():
                yield from part
            return
        cursor = result.cursor
        assert cursor is not None
        while rows := cursor.fetchmany(ROWS):
            yield from rows
    finally:
        result.close()


def raw_part(connection: sa.Connection, statement: sa.Select[Any], values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    """All rows of a statement that bounds itself, in plain tuples, without any conversion; ``values`` are its parameters."""
    result = connection.execute(statement, values)
    try:
        cursor = result.cursor
        assert cursor is not None
        return cursor.fetchall()
    finally:
        result.close()


def ahead(items: Generator[T, None, None]) -> Generator[T, None, None]:
    """The same items; the next is made in a thread of its own while one is used. The generator's connection is that thread's until
    all is read, or this one is closed.
    """
    with ThreadPoolExecutor(1, "ahead") as thread:
        coming = thread.submit(next, items, None)
        try:
            while (item := coming.result()) is not None:
                coming = thread.submit(next, items, None)
                yield item
        finally:
            coming.cancel()


def joined(connection: sa.Connection, seam: str, *parts: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """The parts as one text with a seam between them, an empty part as no text: put together by the database in one step."""
    make = sa.func.printf if connection.dialect.name == "sqlite" else sa.func.format
    # Both engines read %s alike, and take numbers and NULL for it.
    return make(sa.literal(seam.join(["%s"] * len(parts)), sa.Text()), *parts, type_=sa.Text())
