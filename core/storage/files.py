"""Where uploaded bytes lie: an interface, and folders of this machine behind it."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that are safe on disk: their random key, length and SHA-256."""

    key: str
    size: int
    sha256: str


class FileStore(Protocol):
    """Keeps bytes under random keys; names are metadata and never paths."""

    def put(self, source: BinaryIO) -> Kept: ...
    def open(self, key: str) -> BinaryIO: ...
    def delete(self, key: str) -> None: ...
    def keys(self) -> Iterator[str]: ...


class LocalFiles:
    """Files below one folder, in subfolders by the first two characters of their key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, source: BinaryIO) -> Kept:
        """Write, sync, then give the key: a row that names it is written afterwards."""
        key = secrets.token_hex(16)
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        seen, size = hashlib.sha256(), 0
        part = path.with_suffix(".part")
        with part.open("wb") as target:
            while block := source.read(CHUNK):
                seen.update(block)
                size += len(block)
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        part.replace(path)
        return Kept(key, size, seen.hexdigest())

    def open(self, key: str) -> BinaryIO:
        """The bytes for reading; FileNotFoundError when they are gone."""
        return self._path(key).open("rb")

    def delete(self, key: str) -> None:
        """Remove the bytes, if they are there."""
        self._path(key).unlink(missing_ok=True)

    def keys(self) -> Iterator[str]:
        """Every key."""
        if self.folder.is_dir():
            for path in self.folder.glob("??/*"):
                if path.suffix != ".part":
                    yield path.name

    def _path(self, key: str) -> Path:
        if not key.isalnum():
            raise FileNotFoundError(key)
        return self.folder / key[:2] / key
