"""One database: its engine by the recipe that keeps transactions honest, and the turn writers take on SQLite."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from core.errors import Busy
from core.storage.compile import register_functions

READ_ONLY = "backoffice_reading"
_PRAGMAS = ("synchronous=full", "foreign_keys=on", "busy_timeout=5000", "cache_size=-16000", "temp_store=memory", "mmap_size=134217728")


class Database:
    """The engine and its dialect, ``sqlite`` or ``postgresql``. ``secret`` signs cursors; doors set it from the settings."""

    def __init__(self, url: str, data_dir: Path, *, secret: str = "") -> None:
        parsed = make_url(url)
        self.dialect = parsed.get_backend_name()
        self.data_dir = data_dir
        self.secret = hashlib.sha256(f"cursor:{secret or url}".encode()).digest()
        self._turn = threading.Lock()
        self._holder: int | None = None
        self._lock_path = data_dir / "write.lock"
        self.engine = _sqlite(parsed) if self.dialect == "sqlite" else _postgresql(parsed)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for this process's and then this machine's turn to write; only SQLite needs it.

        SQLite's own busy handler starves writers; a queue in front of it is fair. The file is separate from the
        database's, because POSIX locks on the database file belong to SQLite.
        """
        if self.dialect != "sqlite":
            yield
            return
        me = threading.get_ident()
        if self._holder == me:
            raise RuntimeError("A writing unit is open in this thread already: use it instead of beginning another.")
        with self._turn:
            self._holder = me
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)
                self._holder = None

    @contextlib.contextmanager
    def begin(self, *, writing: bool) -> Iterator[sa.Connection]:
        """A transaction: committed when the block ends well, else rolled back. Raises Busy when the database is."""
        try:
            with self.turn() if writing else contextlib.nullcontext(), self.engine.connect() as connection:
                if not writing:
                    connection = connection.execution_options(**{READ_ONLY: True})
                with connection.begin():
                    yield connection
        except sa.exc.TimeoutError as error:
            raise Busy("Too many requests wait for the database. Please try again.") from error
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
            raise busy(error) from error

    def dispose(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    @property
    def version(self) -> str:
        """The engine's name and version, for the health page."""
        with self.begin(writing=False) as connection:
            if self.dialect == "sqlite":
                return f"SQLite {connection.scalar(sa.select(sa.func.sqlite_version()))}"
            return str(connection.scalar(sa.select(sa.func.version()))).split(" on ")[0]


def busy(error: Exception) -> Busy:
    """The refusal for an operational error, without any of its SQL."""
    said = str(getattr(error, "orig", error)).lower()
    if "full" in said and "disk" in said:
        return Busy("The disk is full: nothing was written. Please tell whoever runs this system.", retry_after=60)
    if "readonly" in said or "read-only" in said:
        return Busy("The database can only be read at the moment: nothing was written.", retry_after=60)
    return Busy()


def _sqlite(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(url, poolclass=QueuePool, pool_size=8, max_overflow=24, pool_timeout=10,
                              connect_args={"check_same_thread": False, "timeout": 5.0, "cached_statements": 512}, query_cache_size=2_000)

    @event.listens_for(engine, "connect")
    def connected(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # we say BEGIN ourselves: the driver would begin too late and keep DDL
        cursor = raw.cursor()
        if cursor.execute("pragma journal_mode").fetchone()[0] != "wal":
            cursor.execute("pragma journal_mode=wal")
        for pragma in _PRAGMAS:
            cursor.execute(f"pragma {pragma}")
        cursor.close()
        register_functions(raw)

    @event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get(READ_ONLY)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: sa.URL) -> sa.Engine:
    options = "-c timezone=UTC -c lock_timeout=10000 -c idle_in_transaction_session_timeout=120000 -c jit=off"
    # prepare_threshold: statements name their columns, so added columns do not break prepared ones.
    return sa.create_engine(url, pool_size=8, max_overflow=24, pool_timeout=10, pool_pre_ping=False, query_cache_size=2_000,
                            connect_args={"options": options, "connect_timeout": 5, "prepare_threshold": 5})
