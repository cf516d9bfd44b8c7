"""Where uploaded bytes lie: an interface, and folders of this machine behind it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO, Protocol

CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that are safe on disk: their random key, length and SHA-256."""

    key: str
    size: int
    sha256: str


class FileStore(Protocol):
    """Keeps bytes under random keys; names are metadata and never paths."""

    def put(self, source: IO[bytes]) -> Kept: ...
    def open(self, key: str) -> BinaryIO: ...
    def delete(self, key: str) -> None: ...
    def keys(self) -> Iterator[str]: ...
    def old_keys(self, before: datetime) -> Iterator[str]: ...


def owner_only(path: str, flags: int) -> int:
    """An ``opener`` for :func:`open`: a file that this makes is its owner's alone."""
    return os.open(path, flags, 0o600)


def own_folder(folder: Path) -> None:
    """Make a folder of the data directory, and the one above it, for their owner alone; what is there stays as it is."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)


class LocalFiles:
    """Files below one folder, in subfolders by the first two characters of their key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, source: IO[bytes]) -> Kept:
        """Write, sync, then give the key: a row that names it is written afterwards."""
        key = secrets.token_hex(16)
        path = self._path(key)
        own_folder(path.parent)
        seen, size = hashlib.sha256(), 0
        part = path.with_suffix(".part")
        try:
            with open(part, "wb", opener=owner_only) as target:
                while block := source.read(CHUNK):
                    seen.update(block)
                    size += len(block)
                    target.write(block)
                target.flush()
                os.fsync(target.fileno())
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        part.replace(path)
        _sync_folder(path.parent)
        return Kept(key, size, seen.hexdigest())

    def open(self, key: str) -> BinaryIO:
        """The bytes for reading; FileNotFoundError when they are gone."""
        return self._path(key).open("rb")

    def delete(self, key: str) -> None:
        """Remove the bytes, if they are there."""
        self._path(key).unlink(missing_ok=True)

    def keys(self) -> Iterator[str]:
        """Every key."""
        for path in self._paths():
            if path.suffix != ".part":
                yield path.name

    def old_keys(self, before: datetime) -> Iterator[str]:
        """Keys of bytes written before then. What an interrupted upload left is removed on the way."""
        for path in self._paths():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    if path.suffix == ".part":
                        path.unlink(missing_ok=True)
                    else:
                        yield path.name

    def _paths(self) -> Iterator[Path]:
        if self.folder.is_dir():
            yield from self.folder.glob("??/*")

    def _path(self, key: str) -> Path:
        if not key.isalnum():
            raise FileNotFoundError(key)
        return self.folder / key[:2] / key


def _sync_folder(folder: Path) -> None:
    # The name must be as safe as the bytes before a row speaks of it.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
