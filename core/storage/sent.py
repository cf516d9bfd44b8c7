"""Statements that go to the driver as text, compiled once: what a write sends again and again.

Between a statement and SQLite, SQLAlchemy's execution costs more than SQLite itself. Here the compiled text, the order of
the values and the conversions of their types are kept, so that what the driver gets is the same, and what it answers is read
the same way. PostgreSQL is asked through SQLAlchemy as always: there the way to the server is what counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ClauseElement

from core.held import making

Convert = Callable[[Any], Any]
_WRITTEN_OUT = 200


class Sent:
    """One statement with values bound by name. ``names``: the columns of an INSERT or UPDATE that says none itself.

    ``bare``: the statement is of one database alone, and is let go of once SQLite has its text: thousands are remembered,
    and each holds copies of whole tables.
    """

    def __init__(self, statement: Any, names: Sequence[str] = (), *, bare: bool = False) -> None:
        self.statement = statement
        self._bare = bare
        self._names = list(names) or None
        self._text = ""
        self._whole = False
        self._binds: tuple[tuple[str, Convert | None, Any], ...] = ()
        self._reads: tuple[tuple[int, Convert], ...] = ()

    def rows(self, connection: sa.Connection, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """All rows of the answer. A statement with lists of any length is not sent as text."""
        if connection.dialect.name != "sqlite" or self._is_whole(connection.dialect):
            return connection.execute(self.statement, values).all()
        found = self._send(connection, values).fetchall()
        if self._reads and found:
            return [self._read(row) for row in found]
        return found  # type: ignore[no-any-return]

    def run(self, connection: sa.Connection, values: Mapping[str, Any]) -> int:
        """How many rows were written."""
        if connection.dialect.name != "sqlite":
            return int(connection.execute(self.statement, values).rowcount)
        return int(self._send(connection, values).rowcount)

    def insert(self, connection: sa.Connection, values: Mapping[str, Any]) -> int:
        """The id that the database gave the new row."""
        if connection.dialect.name != "sqlite":
            made = connection.execute(self.statement, values).inserted_primary_key
            return int(made[0]) if made is not None else 0
        return int(self._send(connection, values).lastrowid)

    def many(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """The same for many rows of values."""
        if not rows:
            return
        if connection.dialect.name != "sqlite":
            connection.execute(self.statement, rows)
            return
        self._prepare(connection.dialect)
        given = [self._given(values) for values in rows]
        raw = connection.connection.driver_connection
        assert raw is not None
        try:
            raw.executemany(self._text, given)
        except sqlite3.Error as error:
            raise self._told(error, given, connection) from error

    def _send(self, connection: sa.Connection, values: Mapping[str, Any]) -> Any:
        if not self._text:
            self._prepare(connection.dialect)
        given = self._given(values)
        raw = connection.connection.driver_connection
        assert raw is not None
        try:
            return raw.execute(self._text, given)
        except sqlite3.Error as error:
            raise self._told(error, given, connection) from error

    def _given(self, values: Mapping[str, Any]) -> list[Any]:
        given = []
        for name, convert, fixed in self._binds:
            value = values[name] if fixed is _ASKED else fixed
            given.append(value if convert is None else convert(value))
        return given

    def _read(self, row: Sequence[Any]) -> list[Any]:
        read = list(row)
        for place, convert in self._reads:
            read[place] = convert(read[place])
        return read

    def _is_whole(self, dialect: sa.Dialect) -> bool:
        if not self._text:
            self._prepare(dialect)
        return self._whole

    def _prepare(self, dialect: sa.Dialect) -> None:
        with making:
            if not self._text:
                self._compile(dialect)

    def _compile(self, dialect: sa.Dialect) -> None:
        compiled = self.statement.compile(dialect=dialect, column_keys=self._names)
        self._whole = bool(compiled.post_compile_params)
        binds = []
        for name in compiled.positiontup or ():
            bind = compiled.binds[name]
            convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
            binds.append((bind.key, convert, _ASKED if bind.required else bind.effective_value))
        self._binds = tuple(binds)
        self._reads = tuple(_readers(self.statement, dialect))
        self._text = compiled.string
        if self._bare and not self._whole and dialect.name == "sqlite":
            self.statement = None

    def _told(self, error: sqlite3.Error, given: Sequence[Any], connection: sa.Connection) -> BaseException:
        return sa.exc.DBAPIError.instance(
            self._text, list(given), error, sqlite3.Error, hide_parameters=connection.engine.hide_parameters, dialect=connection.dialect
        )


def _readers(statement: ClauseElement, dialect: sa.Dialect) -> list[tuple[int, Convert]]:
    """The places of an answer's row that a type has to convert."""
    columns = statement.selected_columns if isinstance(statement, sa.Select) else ()
    found: list[tuple[int, Convert]] = []
    for place, column in enumerate(columns):
        convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if convert is not None:
            found.append((place, convert))
    return found


def within(column: sa.ColumnElement[Any], size: int) -> sa.ColumnElement[bool]:
    """``column`` is one of the numbers that :func:`spread` gives."""
    if size == 1:
        return column == sa.bindparam("i0", type_=sa.BigInteger)
    return column.in_([sa.bindparam(f"i{place}", type_=sa.BigInteger) for place in range(size)])


def among(column: sa.ColumnElement[Any], values: Collection[Any]) -> sa.ColumnElement[bool]:
    """``column`` is one of these values, which belong to the statement. So it can be sent as text, unless they are very many."""
    if len(values) > _WRITTEN_OUT:
        return column.in_(list(values))
    return column.in_([sa.literal(value, column.type) for value in values])


def spread(numbers: Sequence[int]) -> tuple[int, dict[str, int]]:
    """The values for a list of at least one number, and the list's size: the next power of two, the last one repeated.

    So there are few statements, whatever the lists' lengths.
    """
    size = 1 << (len(numbers) - 1).bit_length()
    last = len(numbers) - 1
    return size, {f"i{place}": numbers[min(place, last)] for place in range(size)}


class _Asked:
    """Stands for a value that is given with each execution."""


_ASKED = _Asked()
