"""What is worth keeping between requests: the most recently used values, a bounded number of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Remembered(Generic[V]):
    """The most recently used values; threads may share it. At most ``most`` of them are kept, or, with ``weigh``, as many as
    weigh that much together."""

    def __init__(self, most: int, weigh: Callable[[V], int] = lambda _: 1) -> None:
        self._most, self._weigh = most, weigh
        self._weight = 0
        self._lock = threading.Lock()
        self._values: OrderedDict[object, V] = OrderedDict()

    def get(self, key: object) -> V | None:
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
            return found

    def put(self, key: object, value: V) -> None:
        with self._lock:
            self._take(key)
            self._values[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._most and len(self._values) > 1:
                self._weight -= self._weigh(self._values.popitem(last=False)[1])

    def drop(self, key: object) -> None:
        with self._lock:
            self._take(key)

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._weight = 0

    def _take(self, key: object) -> None:
        found = self._values.pop(key, None)
        if found is not None:
            self._weight -= self._weigh(found)
