"""The roots that checkpoints have to have, worked out while the entries are read."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from core.storage.seal import Seal

_POSITION = itemgetter(0, 1)


class Roots:
    """Takes entries in the order of sealing, as rows that begin with (xid, id, hash), in parts of any size.

    ``each`` holds the root and the number of entries of every checkpoint, equal to ``seal.root_of`` of its entries, once
    :meth:`finish` was called. ``ordered`` becomes False when a part does not follow the one before it: the roots mean
    nothing then, and the entries have to be read in their order.
    """

    def __init__(self, sealed: Sequence[Seal]) -> None:
        self._sealed = sealed
        self._digest, self._count = hashlib.sha256(), 0
        self._last: tuple[int, int] | None = None
        self.ordered = True
        self.each: list[tuple[str, int]] = []

    def part(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """The next entries."""
        if not rows or not self.ordered:
            return
        xids = [row[0] for row in rows]
        if (self._last is not None and _POSITION(rows[0]) <= self._last) or xids != sorted(xids):
            self.ordered = False
            return
        self._last = _POSITION(rows[-1])
        at = 0
        while len(self.each) < len(self._sealed):
            one = self._sealed[len(self.each)]
            end = bisect_right(rows, (one.last_xid, one.last_id), lo=at, key=_POSITION)
            if end > at:
                self._digest.update("".join([f"{row[0]}:{row[1]}:{row[2]}\n" for row in rows[at:end]]).encode())
                self._count, at = self._count + end - at, end
            if end == len(rows):
                return
            self._close()

    def finish(self) -> None:
        """There are no more entries."""
        while len(self.each) < len(self._sealed):
            self._close()

    def _close(self) -> None:
        self.each.append((self._digest.hexdigest(), self._count))
        self._digest, self._count = hashlib.sha256(), 0
