"""What each thread is calling right now, kept in a shared file, so that a watchdog outside can name a hanging hook."""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ENTRY = struct.Struct("<dd60s60s")
_ENTRIES = 64
_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Busy:
    """A hook that is running: since when in seconds of the machine's monotonic clock."""

    plugin: str
    hook: str
    since: float


class Slot:
    """The running hooks of one process. Threads beyond 64 are not watched."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, _ENTRY.size * _ENTRIES)
            self._map = mmap.mmap(descriptor, _ENTRY.size * _ENTRIES)
        finally:
            os.close(descriptor)
        self._lock = threading.Lock()
        self._free = list(range(_ENTRIES))
        self._local = threading.local()

    @contextlib.contextmanager
    def busy(self, plugin: str, hook: str) -> Iterator[None]:
        """Say that this thread is inside ``plugin``'s ``hook``; hooks nest, the innermost is shown."""
        outer: list[tuple[float, str, str]] = self._local.__dict__.setdefault("stack", [])
        if not outer:
            with self._lock:
                self._local.index = self._free.pop() if self._free else None
        index = self._local.index
        entry = (time.monotonic(), plugin, hook)
        outer.append(entry)
        self._show(index, entry)
        try:
            yield
        finally:
            outer.pop()
            # An outer hook is measured from its own beginning again.
            self._show(index, outer[-1] if outer else None)
            if not outer and index is not None:
                with self._lock:
                    self._free.append(index)

    def _show(self, index: int | None, entry: tuple[float, str, str] | None) -> None:
        if index is None:
            return
        # The time goes in last and comes out first: a reader never pairs a name with another entry's time.
        _ENTRY.pack_into(self._map, index * _ENTRY.size, 0.0, 0.0, b"", b"")
        if entry is not None:
            since, plugin, hook = entry
            _ENTRY.pack_into(self._map, index * _ENTRY.size, 0.0, 0.0, plugin.encode()[:_LIMIT], hook.encode()[:_LIMIT])
            struct.pack_into("<d", self._map, index * _ENTRY.size, since)


def running(path: Path) -> list[Busy]:
    """The hooks that run in the process whose slot file this is; empty when the file is gone."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    found = []
    for offset in range(0, len(content) - _ENTRY.size + 1, _ENTRY.size):
        since, _, plugin, hook = _ENTRY.unpack_from(content, offset)
        if since:
            found.append(
                Busy(plugin.rstrip(b"\0").decode(errors="replace"), hook.rstrip(b"\0").decode(errors="replace"), since)
            )
    return found
