"""Values worked out once per object, for frozen objects whose content is too large to be hashed at every look."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class PerObject(Generic[V]):
    """One value for each object, kept as long as the object lives; threads may share it.

    Objects are told apart by identity: two equal ones have a value each.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[weakref.ref[Any], V]] = {}

    def get(self, one: object, make: Callable[[], V]) -> V:
        """The value of ``one``, made at the first call."""
        number = id(one)
        found = self._kept.get(number)
        if found is not None and found[0]() is one:
            return found[1]
        made = make()
        kept = self._kept

        def forget(gone: weakref.ref[Any]) -> None:
            held = kept.get(number)
            if held is not None and held[0] is gone:
                del kept[number]

        kept[number] = (weakref.ref(one, forget), made)
        return made
