"""What was made for a declaration is kept as long as the declaration is served, and let go of when it is replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

_V = TypeVar("_V")
_every: list[Held[Any]] = []
_lock = threading.Lock()
making = threading.RLock()
"""One thread makes what is remembered while the others wait for it: after a publication all want the same at once, and would
share one processor to make it several times. What is made under it asks no database and takes no other lock."""


class Held(Generic[_V]):
    """Values made for owners (entities, tables), each under a key. An owner is known by its identity and kept meanwhile,
    so that no other object can have that identity. ``inner`` tells which owners of others a value brought with it: they
    leave together. Threads may share it; ``most`` values are held at once, then all are made anew.
    """

    def __init__(self, most: int, inner: Callable[[_V], Iterable[object]] = lambda _: ()) -> None:
        self._most, self._inner = most, inner
        self._kept: dict[int, tuple[object, dict[Hashable, _V]]] = {}
        self._count = 0
        _every.append(self)

    def get(self, owner: object, key: Hashable, make: Callable[[], _V]) -> _V:
        """The value of this owner under this key; ``make`` is called when there is none yet."""
        found = self._kept.get(id(owner))
        if found is not None and found[0] is owner:
            values = found[1]
            if key in values:
                return values[key]
        with making:
            found = self._kept.get(id(owner))
            if found is not None and found[0] is owner and key in found[1]:
                return found[1][key]
            return self._keep(owner, key, make())

    def _keep(self, owner: object, key: Hashable, made: _V) -> _V:
        with _lock:
            if self._count >= self._most:
                self._kept.clear()
                self._count = 0
            found = self._kept.get(id(owner))
            if found is None or found[0] is not owner:
                found = self._kept[id(owner)] = (owner, {})
            self._count += key not in found[1]
            return found[1].setdefault(key, made)

    def pop(self, owner: object) -> list[object]:
        """Let go of one owner's values; the answer is what they brought with them."""
        with _lock:
            found = self._kept.get(id(owner))
            if found is None or found[0] is not owner:
                return []
            del self._kept[id(owner)]
            self._count -= len(found[1])
        return [one for value in found[1].values() for one in self._inner(value)]


def release(owners: Iterable[object]) -> None:
    """Let go of everything that was made for these owners, and for what was made for them."""
    waiting = list(owners)
    while waiting:
        owner = waiting.pop()
        for one in _every:
            waiting += one.pop(owner)
