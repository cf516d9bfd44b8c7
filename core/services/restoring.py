"""Restoring: a backup fills an empty data directory, after every byte of it was checked, or nothing is written."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from core.errors import Conflict
from core.services import audit, backup, care
from core.services.backup import Damaged, Manifest
from core.services.platform import Platform
from core.settings import Settings
from core.storage import export, head, migrate, schema, seal
from core.storage.database import Database
from core.storage.files import own_folder, owner_only
from core.storage.models import Checkpoint

_MAY_BE_THERE = frozenset({"secret.key", "settings.toml"})
_STAGING = ".restoring"


def restore(settings: Settings, path: Path) -> Manifest:
    """Fill the empty data directory (and the empty database) of ``settings`` from a backup.

    Raises Damaged for a file that is not whole, Conflict when something is there already; nothing is written then.
    Accounts come back, sessions and tokens do not.
    """
    manifest = backup.check(path)
    folder = settings.data_dir
    there = sorted({one.name for one in folder.iterdir()} - _MAY_BE_THERE) if folder.is_dir() else []
    if there:
        raise Conflict(f"The data directory {folder} is not empty (it holds {there[0]}). Restore into an empty one.")
    _refuse_used(settings)
    staging = folder / _STAGING
    staging.mkdir(parents=True, mode=0o700)
    try:
        _fill(replace(settings, data_dir=staging, database_url=_staged_url(settings, staging)), path, manifest)
        _move(settings, staging)
    except BaseException:
        if not settings.database_url.startswith("sqlite"):
            _empty(settings)
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return manifest


def _refuse_used(settings: Settings) -> None:
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        if url.database and Path(url.database).exists():
            raise Conflict(f"The database {url.database} is there already. Restore into an empty data directory.")
        return
    database = Database(settings.database_url, settings.data_dir)
    try:
        with database.begin(writing=False) as connection:
            if schema.read(connection).tables:
                raise Conflict("The database is not empty. Restore into a new one.")
    finally:
        database.dispose()


def _staged_url(settings: Settings, staging: Path) -> str:
    return f"sqlite:///{staging / 'backoffice.db'}" if settings.database_url.startswith("sqlite") else settings.database_url


def _fill(settings: Settings, path: Path, manifest: Manifest) -> None:
    p = Platform(settings)
    try:
        migrate.ensure_platform(p.database)
        by_member = {manifest.file_of(table): table for table in manifest.tables}
        with p.database.begin(writing=True) as connection:
            for table in manifest.tables:
                export.create(connection, table)
            for name, stream in backup.members(path):
                held = by_member.get(name)
                if held is not None:
                    connection.execute(sa.table(held.name).delete())
                    if export.load(connection, held, stream) != manifest.rows[held.name]:
                        raise Damaged(f"{path} is damaged: {held.name} has another number of rows than the manifest says.")
                elif name.startswith("files/"):
                    _keep(settings.data_dir / "files", name.removeprefix("files/"), stream)
            same_key = manifest.key == backup.key_mark(settings.secret_key)
            if not same_key:
                # Seals of another key prove nothing here: everything is sealed anew below, after it was verified.
                connection.execute(sa.delete(Checkpoint))
            seal.begin_era(connection)
            if head.number(connection) != manifest.generation:
                raise Damaged(f"{path} is damaged: it does not hold generation {manifest.generation}.")
        export.settle(p.database, [table.name for table in manifest.tables])
        if same_key and manifest.anchor:
            with open(settings.data_dir / seal.ANCHORS, "w", encoding="ascii", opener=owner_only) as anchors:
                anchors.write(manifest.anchor + "\n")
        p.start()
        export.settle(p.database, [table.name for table in manifest.tables])
        care.reindex(p, lambda _: None)
        seal.seal(p.database, seal.key_of(settings.secret_key), settings.data_dir, p.clock.now())
        verdict = audit.verify(p)
        if not verdict.good:
            raise Damaged(f"The log in {path} is not whole. {verdict.faults[0]}")
        if p.database.dialect == "sqlite":
            _fold_wal(p)
    finally:
        p.close()


def _fold_wal(p: Platform) -> None:
    # Everything has to lie in the one file that is moved.
    with p.database.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.rollback()
        cursor = raw.cursor()
        cursor.execute("pragma wal_checkpoint(truncate)")
        cursor.close()


def _keep(folder: Path, key: str, stream: IO[bytes]) -> None:
    if not key.isalnum():
        raise Damaged(f"The backup holds a file of a name that no file has: {key[:40]!r}.")
    path = folder / key[:2] / key
    own_folder(path.parent)
    with open(path, "xb", opener=owner_only) as target:
        shutil.copyfileobj(stream, target)
        target.flush()
        os.fsync(target.fileno())


def _move(settings: Settings, staging: Path) -> None:
    """Put what was filled in its place; the database last, since it makes the restore count."""
    url = make_url(settings.database_url)
    for name in ("files", seal.ANCHORS):
        if (staging / name).exists():
            (staging / name).rename(settings.data_dir / name)
    if url.get_backend_name() == "sqlite":
        target = Path(url.database or settings.data_dir / "backoffice.db")
        shutil.move(staging / "backoffice.db", target)
    shutil.rmtree(staging)
    for folder in (settings.data_dir,):
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def _empty(settings: Settings) -> None:
    """Take back what was made in a database that had been empty."""
    database = Database(settings.database_url, settings.data_dir)
    try:
        with database.engine.begin() as connection:
            made = sa.MetaData()
            made.reflect(connection)
            made.drop_all(connection)
            for name in schema.read(connection).sequences:
                connection.execute(sa.schema.DropSequence(sa.Sequence(name)))
    finally:
        database.dispose()


