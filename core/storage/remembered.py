"""Statements that are built once: putting one together costs more than running it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

MOST = 20_000
_Statement = TypeVar("_Statement")
_kept: dict[tuple[int, Hashable], tuple[object, object]] = {}


def statement(owner: object, name: Hashable, build: Callable[[], _Statement]) -> _Statement:
    """What ``build`` made the first time for this owner (a table) under this name.

    Values must be bound by name when it is executed. The owner itself is kept with the statement, so that no other
    object can have its identity meanwhile.
    """
    key = (id(owner), name)
    found = _kept.get(key)
    if found is None or found[0] is not owner:
        if len(_kept) > MOST:
            _kept.clear()
        found = _kept[key] = (owner, build())
    return cast(_Statement, found[1])
