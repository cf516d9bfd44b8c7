"""A private PostgreSQL for tests: started in a temporary folder, gone afterwards, with an empty database for whoever asks."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from tests import ports

_FAST = ("fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB", "autovacuum=off",
         "listen_addresses=127.0.0.1", "log_min_messages=fatal")


def binaries() -> Path | None:
    """The newest installed server's programs, None where there is none."""
    found = (
        sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if Path("/usr/lib/postgresql").is_dir()
        else []
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Server:
    """A running server. :meth:`fresh` gives the address of a new, empty database."""

    def __init__(self, port: int, folder: Path, programs: Path) -> None:
        self.port, self.folder, self.programs = port, folder, programs

    def fresh(self) -> str:
        """The SQLAlchemy address of a database nobody has used."""
        name = f"t{uuid.uuid4().hex[:16]}"
        with self._admin() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def restart(self) -> None:
        """Stop at once, as a crash does, and start again on the same port."""
        self._control("restart", "-m", "immediate", "-w")

    def stop(self) -> None:
        self._control("stop", "-m", "immediate", "-w")

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", autocommit=True)

    def _control(self, *arguments: str) -> None:
        _run(self.programs / "pg_ctl", "-D", str(self.folder / "data"), *arguments)


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A server for as long as the block lasts. Raises RuntimeError where none is installed."""
    programs = binaries()
    if programs is None:
        raise RuntimeError("PostgreSQL is not installed (looked in /usr/lib/postgresql and on the path).")
    folder = Path(tempfile.mkdtemp(prefix="backoffice-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        _run(
            programs / "initdb", "-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"
        )
        port = ports.free()
        options = " ".join([f"-p {port}", f"-k {folder}", *(f"-c {one}" for one in _FAST)])
        _run(programs / "pg_ctl", "-D", str(folder / "data"), "-o", options, "-l", str(folder / "log"), "-w", "start")
        made = Server(port, folder, programs)
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: Path, *arguments: str) -> None:
    # The server refuses to run as root.
    before = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*before, str(program), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, cwd="/", check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{program.name} failed: {done.stderr.strip()}")
