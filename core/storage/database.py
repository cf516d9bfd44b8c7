"""One database: its engine by the recipe that keeps transactions honest, and the turn writers take on SQLite."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from core.errors import Away, Busy
from core.storage.compile import register_functions
from core.storage.turn import LONGEST_WAIT, Turn
from core.storage.vault import Vault

READ_ONLY = "backoffice_reading"
_PRAGMAS = ("synchronous=full", "foreign_keys=on", "busy_timeout=5000", "cache_size=-16000", "temp_store=memory", "mmap_size=134217728")

_TRIES = 20


class Database:
    """The engine and its dialect, ``sqlite`` or ``postgresql``. ``secret`` signs cursors, ``vault`` locks secrets: both
    come from the installation's secret key. ``patience``: seconds a writer waits for its turn on SQLite."""

    def __init__(self, url: str, data_dir: Path, *, secret: str = "") -> None:
        parsed = make_url(url)
        self.dialect = parsed.get_backend_name()
        self.data_dir = data_dir
        self.secret = hashlib.sha256(f"cursor:{secret or url}".encode()).digest()
        self.vault = Vault(secret or url)
        self.patience = LONGEST_WAIT
        self._turn = Turn(data_dir / "write.lock")
        self._remembered: dict[str, int] = {}
        self._reading: dict[str, Any] = (
            {READ_ONLY: True} if self.dialect == "sqlite" else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        self.engine = _sqlite(parsed) if self.dialect == "sqlite" else _postgresql(parsed)
        self.likeness: object = self.engine
        """What statements are remembered for: a copy of this database takes the same."""
        _open.add(self)

    def twin(self, url: str, data_dir: Path) -> Database:
        """A copy of this database that lies at ``url``: its secrets are read alike, and it takes the same statements."""
        made = Database(url, data_dir)
        made.secret, made.vault, made.likeness = self.secret, self.vault, self.likeness
        return made

    @property
    def url(self) -> str:
        """The address without its password, which tells one database from another."""
        return self.engine.url.render_as_string(hide_password=True)

    def remembered(self, name: str, read: Callable[[], int]) -> int:
        """A number that never changes while the program runs, read once."""
        if name not in self._remembered:
            self._remembered[name] = read()
        return self._remembered[name]

    def after_fork(self) -> None:
        """Begin anew in a child process: connections and a held turn belong to the parent."""
        self._turn.after_fork()
        self.engine.dispose(close=False)

    @contextlib.contextmanager
    def begin(self, *, writing: bool, patience: float | None = None) -> Iterator[sa.Connection]:
        """A transaction: committed when the block ends well, else rolled back. Raises Busy when the database is busy or away.

        Reading is one snapshot on both engines. ``patience``: seconds to wait for the turn to write on SQLite, if not the
        database's own.
        """
        queue = writing and self.dialect == "sqlite"
        with (
            refusing(),
            self._turn.taken(self.patience if patience is None else patience) if queue else contextlib.nullcontext(),
            self.engine.connect() as connection,
        ):
            if not writing:
                connection = connection.execution_options(**self._reading)
            with connection.begin():
                yield connection

    def answer_within(self, seconds: float) -> None:
        """Have PostgreSQL end each statement of this process that runs longer: whoever asked gets a refusal, and the thread is
        free for others. Changes of tables lift the limit (``unlimited``). SQLite has no such limit."""
        if self.dialect != "postgresql":
            return

        @event.listens_for(self.engine, "do_connect")
        def limited(_dialect: Any, _record: Any, _args: Any, options: dict[str, Any]) -> None:
            options["options"] = f"{options['options']} -c statement_timeout={round(seconds * 1000)}"

        self.engine.dispose()

    def forget_compiled(self) -> None:
        """Let go of the statements that SQLAlchemy compiled, also while other threads compile.

        Its cache takes one entry after the other and falls over one that another thread puts in meanwhile; what a last try
        leaves behind takes room, and is found by nobody.
        """
        for _ in range(_TRIES):
            with contextlib.suppress(RuntimeError, KeyError):
                self.engine.clear_compiled_cache()
                return

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


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Turn the driver's errors of a busy or absent database into Busy, and Away, which is one too."""
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise Busy("Too many requests wait for the database. Please try again.") from error
    except sa.exc.PendingRollbackError as error:  # the connection was lost within the block, and the block ended well
        raise Away() from error
    except sa.exc.DBAPIError as error:
        refusal = busy(error)
        if refusal is None:
            raise
        raise refusal from error


def busy(error: sa.exc.DBAPIError) -> Busy | None:
    """The refusal for a database that is busy, full or away, without its SQL or address; None when the statement is to blame."""
    said = str(error.orig).lower()
    if "disk is full" in said or "no space left" in said:
        return Busy("The disk is full: nothing was written. Please tell whoever runs this system.", retry_after=60)
    if "readonly database" in said or "read-only file system" in said:
        return Busy("The database can only be read at the moment: nothing was written.", retry_after=60)
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state:
        if state == "57014":
            return Busy("This took too long and was ended; nothing was changed. A filter, or fewer records at a time, make it quicker.")
        if state[:2] == "08" or state in ("57P01", "57P02", "57P03"):
            return Away()
        held_up = error.connection_invalidated or state[:2] in ("53", "57") or state in ("40001", "40P01", "55P03", "25P03", "25P04")
        return Busy() if held_up else None
    if any(word in said for word in _HELD_UP):
        return Busy()
    if isinstance(error.orig, sqlite3.Error):
        return Busy() if error.connection_invalidated else None
    return Away() if error.connection_invalidated or any(word in said for word in _AWAY) else None


def unlimited(connection: sa.Connection, *, always: bool = False) -> None:
    """Let the statements of this transaction, or ``always`` of this connection, run as long as they take."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.set_config("statement_timeout", "0", not always)))


_HELD_UP = ("locked", "busy", "unable to open", "disk i/o", "interrupted", "too many clients", "connection slots")
"""What either engine says that is there and cannot take us now."""
_AWAY = ("connection", "resolve host", "translate host name", "server closed", "consuming input failed")
"""What PostgreSQL's driver says without a code when nobody answers, or nobody lets us in."""
_open: weakref.WeakSet[Database] = weakref.WeakSet()


def _forked() -> None:
    for one in list(_open):
        one.after_fork()


os.register_at_fork(after_in_child=_forked)


def _sqlite(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(url, poolclass=QueuePool, pool_size=8, max_overflow=24, pool_timeout=10, pool_use_lifo=True,
                              connect_args={"check_same_thread": False, "timeout": 5.0, "cached_statements": 512}, query_cache_size=2_000)

    @event.listens_for(engine, "do_connect")
    def made(_dialect: Any, _record: Any, _args: Any, _options: Any) -> None:
        # SQLite would make the file for all to read; what it lays beside it has the file's own mode.
        if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
            with contextlib.suppress(OSError):  # there already, or SQLite itself says why it cannot be
                os.close(os.open(url.database, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))

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
        raw = connection.connection.driver_connection
        if connection.get_execution_options().get(READ_ONLY) and raw is not None:
            raw.execute("BEGIN")  # takes no lock and cannot be refused
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql(url: sa.URL) -> sa.Engine:
    options = "-c timezone=UTC -c lock_timeout=10000 -c idle_in_transaction_session_timeout=120000 -c jit=off"
    # prepare_threshold: statements name their columns, so added columns do not break prepared ones.
    engine = sa.create_engine(url, pool_size=8, max_overflow=24, pool_timeout=10, pool_use_lifo=True, query_cache_size=2_000,
                              connect_args={"options": options, "connect_timeout": 5, "prepare_threshold": 5})

    @event.listens_for(engine, "handle_error")
    def failed(context: Any) -> None:
        # A column was set aside and made anew with another type: what connections have prepared is worth nothing now.
        if getattr(context.original_exception, "sqlstate", None) == "0A000" and "cached plan" in str(context.original_exception):
            context.is_disconnect = True

    return engine
