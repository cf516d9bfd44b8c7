"""Backups: the database at one point, every file it names, and a manifest by which each byte is checked."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import sqlalchemy as sa

from core.errors import BackofficeError, Conflict
from core.storage import export, head, seal
from core.storage.models import FileRow

if TYPE_CHECKING:
    from core.services.platform import Platform

FORMAT = 1
MANIFEST = "manifest.json"
_CHUNK = 1024 * 1024
_START = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""How every backup begins; the one part that gzip's own check does not cover."""


class Damaged(BackofficeError):
    """The file is no backup, or not as it was written."""

    status, title = 422, "Damaged backup"


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: ``members`` maps names to (size, SHA-256), ``rows`` tables to their number of rows."""

    created: str
    generation: int
    dialect: str
    key: str
    tables: tuple[export.Table, ...]
    rows: dict[str, int]
    members: dict[str, tuple[int, str]]
    anchor: str
    missing: tuple[str, ...] = ()
    format: int = FORMAT
    more: dict[str, Any] = field(default_factory=dict)

    def file_of(self, table: export.Table) -> str:
        """The member that holds a table's rows."""
        return f"tables/{table.name}.jsonl"


def create(p: Platform, path: Path) -> Manifest:
    """Write a backup while others write; it appears under its name when it is whole. Raises Conflict when it is there already."""
    if path.exists():
        raise Conflict(f"{path} is there already. Backups never replace a file: give another name.")
    # What is committed now is sealed, so that the manifest's anchor covers all the backup holds.
    seal.seal(p.database, seal.key_of(p.settings.secret_key), p.settings.data_dir, p.clock.now())
    part = path.with_name(path.name + ".part")
    try:
        with part.open("xb") as raw:
            os.fchmod(raw.fileno(), 0o600)
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed, tarfile.open(
                    fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
                manifest = _write(p, tar)
            raw.flush()
            os.fsync(raw.fileno())
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return manifest


def check(path: Path) -> Manifest:
    """Read a whole backup, compare every byte with its manifest and answer that. Raises Damaged."""
    found: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    with readable(path):
        for name, stream in members(path):
            if name == MANIFEST:
                manifest = _manifest(path, stream.read())
                continue
            digest, size = hashlib.sha256(), 0
            while block := stream.read(_CHUNK):
                digest.update(block)
                size += len(block)
            if name in found:
                raise Damaged(f"{path} holds {name} twice.")
            found[name] = (size, digest.hexdigest())
    if manifest is None:
        raise Damaged(f"{path} has no manifest: it was cut, or is no backup.")
    for name in sorted({*found, *manifest.members}):
        if found.get(name) != manifest.members.get(name):
            raise Damaged(f"{path} is damaged: {name} is not as the manifest says.")
    return manifest


def members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The members of a backup, one after the other, each to be read before the next, within :func:`readable`."""
    with path.open("rb") as raw:
        if raw.read(len(_START)) != _START:
            raise Damaged(f"{path} is no backup, or its beginning is damaged.")
        raw.seek(0)
        with gzip.GzipFile(fileobj=raw) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.isreg() else None
                if stream is None:
                    raise Damaged(f"{path} holds {member.name!r}, which is no file.")
                yield member.name, stream
            # The packed stream's own check stands at its end.
            while packed.read(_CHUNK):
                pass


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say that the file is damaged, whatever it was that stumbled over it while it was read."""
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise Damaged(f"{path} is damaged: {error}.") from error
    except FileNotFoundError as error:
        raise Damaged(f"{path} is not there.") from error


def key_mark(secret_key: str) -> str:
    """What tells whether two installations have the same key, without telling the key."""
    return hashlib.sha256(b"mark" + seal.key_of(secret_key)).hexdigest()[:16]


def _write(p: Platform, tar: tarfile.TarFile) -> Manifest:
    sizes: dict[str, tuple[int, str]] = {}
    counts: dict[str, int] = {}
    with p.database.begin(writing=False) as connection:
        tables = export.tables(connection)
        generation = head.number(connection)
        last = seal.newest(connection)
        for table in tables:
            counts[table.name] = _add_table(tar, connection, table, sizes)
        named = connection.execute(sa.select(FileRow.key, FileRow.size, FileRow.sha256).order_by(FileRow.key)).all()
    missing = [row.key for row in named if not _add_file(p, tar, row, sizes)]
    manifest = Manifest(
        p.clock.now().isoformat(),
        generation,
        p.database.dialect,
        key_mark(p.settings.secret_key),
        tuple(tables),
        counts,
        sizes,
        last.line if last else "",
        tuple(missing),
    )
    told = {"format": FORMAT, "created": manifest.created, "generation": generation, "dialect": manifest.dialect, "key": manifest.key,
            "tables": [one.told() for one in tables], "rows": counts, "members": sizes, "anchor": manifest.anchor, "missing": missing}
    _add(tar, MANIFEST, io.BytesIO(json.dumps(told, indent=1).encode()))
    return manifest


def _add_table(tar: tarfile.TarFile, connection: sa.Connection, table: export.Table, sizes: dict[str, tuple[int, str]]) -> int:
    count = 0
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as kept:
        for line in export.rows(connection, table):
            kept.write(line)
            digest.update(line)
            count += 1
        size = kept.tell()
        kept.seek(0)
        name = f"tables/{table.name}.jsonl"
        _add(tar, name, kept, size)
    sizes[name] = (size, digest.hexdigest())
    return count


def _add_file(p: Platform, tar: tarfile.TarFile, row: Any, sizes: dict[str, tuple[int, str]]) -> bool:
    try:
        stream = p.files.open(row.key)
    except FileNotFoundError:
        return False
    with stream:
        _add(tar, f"files/{row.key}", stream, row.size)
    sizes[f"files/{row.key}"] = (row.size, row.sha256)
    return True


def _add(tar: tarfile.TarFile, name: str, stream: IO[bytes], size: int | None = None) -> None:
    member = tarfile.TarInfo(name)
    member.size = size if size is not None else len(stream.getbuffer())  # type: ignore[attr-defined]
    member.mode = 0o600
    tar.addfile(member, stream)


def _manifest(path: Path, raw: bytes) -> Manifest:
    try:
        told = json.loads(raw)
        if told["format"] != FORMAT:
            raise Damaged(f"{path} was written in format {told['format']}; this version reads format {FORMAT}.")
        return Manifest(
            told["created"],
            int(told["generation"]),
            told["dialect"],
            told["key"],
            tuple(export.Table.read(one) for one in told["tables"]),
            dict(told["rows"]),
            {name: (int(size), str(digest)) for name, (size, digest) in told["members"].items()},
            told["anchor"],
            tuple(told["missing"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"The manifest of {path} is damaged.") from error
