"""Statements that are built once: putting one together costs more than running it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from core.held import Held

MOST = 20_000
_Statement = TypeVar("_Statement")
_kept: Held[object] = Held(MOST)


def statement(owner: object, name: Hashable, build: Callable[[], _Statement]) -> _Statement:
    """What ``build`` made the first time for this owner (a table) under this name.

    Values must be bound by name when it is executed. It is kept as long as the owner is served.
    """
    return cast(_Statement, _kept.get(owner, name, build))
