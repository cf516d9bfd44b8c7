"""What was read and proven before: declarations by their text, kept in the process and in a file of the data directory.

Reading YAML and proving a house is most of what a start computes, and hardly ever has anything changed. Whatever is
remembered is known by a hash of everything it was made of, this program's own reader included; a missing, damaged or older
file is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import schemas
from schemas import packed, read_plugin
from schemas.model import Plugin, Problem

KEPT = 64
"""Readings and proofs that a process remembers."""

_known: OrderedDict[str, Any] = OrderedDict()
_lock = threading.Lock()


class Remembered:
    """Readings and proofs of one look for plugins. ``file`` None keeps them in the process alone."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._there = _opened(file) if file is not None else {}
        self._used: dict[str, Any] = {}

    def read(self, text: str, file: str) -> tuple[Plugin | None, list[Problem]]:
        """What ``read_plugin`` gives for this text; equal texts of a file give the same plugin object."""
        plugin, problems = self._get(("read", file, text), lambda: _reading(text, file))
        return plugin, list(problems)

    def proof(self, made_of: Iterable[str], prove: Callable[[], list[Problem]]) -> list[Problem]:
        """What ``prove`` gives for a house that is made of these texts."""
        return list(self._get(("proof", *made_of), lambda: tuple(prove())))

    def save(self) -> None:
        """Write what was used, where it is not there already. A directory that cannot be written to is no mistake."""
        if self._file is None or self._used.keys() == self._there.keys():
            return
        told = {}
        for key, value in self._used.items():
            # A problem may hold more than a document can: it is found anew at the next start.
            with contextlib.suppress(TypeError):
                told[key] = self._there[key] if key in self._there else packed.pack(value)
        body = json.dumps(told, ensure_ascii=False)
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, name = tempfile.mkstemp(dir=self._file.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass") as out:
                out.write(f"{_hash([body])}\n{body}")
            os.replace(name, self._file)

    def _get(self, made_of: Iterable[str], make: Callable[[], Any]) -> Any:
        key = _hash([_reader(), *made_of])
        with _lock:
            found = _known.get(key)
        if found is None:
            found = _unpacked(self._there.get(key))
            if found is None:
                found = make()
                self._there.pop(key, None)
            with _lock:
                found = _known.setdefault(key, found)
                while len(_known) > KEPT:
                    _known.popitem(last=False)
        with _lock:
            _known.move_to_end(key)
        self._used[key] = found
        return found


def forget() -> None:
    """Let go of what this process remembers; files stay."""
    with _lock:
        _known.clear()


def _reading(text: str, file: str) -> tuple[Plugin | None, tuple[Problem, ...]]:
    plugin, problems = read_plugin(text, file)
    return plugin, tuple(problems)


def _opened(file: Path) -> dict[str, str]:
    try:
        told, _, body = file.read_text(encoding="utf-8", errors="surrogatepass").partition("\n")
        found = json.loads(body) if told == _hash([body]) else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _unpacked(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return packed.unpack(text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


@lru_cache(maxsize=1)
def _reader() -> str:
    """A hash of the program that reads: another version of it may read otherwise."""
    files = sorted(Path(root) for root in schemas.__path__)
    sources = (path.read_text(encoding="utf-8") for root in files for path in sorted(root.rglob("*.py")))
    return _hash([sys.version, *sources])


def _hash(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        told = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(told) + told)
    return digest.hexdigest()
