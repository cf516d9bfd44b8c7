"""Plain values every room shares: money, references to any entity, records, and the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

Value = Any
"""A field's value in Python (docs/internals.md lists the type for each kind); None is empty."""


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one ISO 4217 currency."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class EntityRef:
    """A reference to a record of any entity: ``entity`` is ``plugin.entity``."""

    entity: str
    id: int


class Record(dict[str, Value]):
    """One row as a mapping from field names to values, with its system fields.

    Keys: every field of the entity, and id, version, created_at, created_by, updated_at, updated_by,
    display_title, department_id, and state where there is a workflow. ``entity`` is ``plugin.entity``. ``masked`` names the
    fields whose values are withheld (their keys hold None); fields the reader may not see at all have no key. ``labels`` maps
    reference fields to the target's readable title (None: not readable).
    """

    __slots__ = ("entity", "masked", "labels", "extra")

    def __init__(self, entity: str, values: dict[str, Value] | None = None) -> None:
        super().__init__(values or {})
        self.entity = entity
        self.masked: tuple[str, ...] = ()
        self.labels: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}

    @property
    def id(self) -> int:
        return int(self["id"])

    @property
    def version(self) -> int:
        return int(self["version"])

    def copy(self) -> Record:
        twin = Record(self.entity, dict(self))
        twin.masked, twin.labels = self.masked, dict(self.labels)
        return twin


def same(one: Value, other: Value) -> bool:
    """Whether two values are equal as they are stored: unlike for ``==``, true is not 1, and 1 not 1.0, however deep in JSON."""
    if one != other:
        return False
    if isinstance(one, dict):
        return all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return all(map(same, one, other))
    return type(one) is type(other) or not (isinstance(one, int | float) and isinstance(other, int | float))


def alike(one: Value, other: Value) -> bool:
    """Whether two values are equal and of one type, however deep: a float that a hook sets may equal a decimal, and is none."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def apart(value: Value) -> Value:
    """The value, sharing nothing with the given one that could be changed within."""
    if isinstance(value, dict):
        return {name: apart(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(apart, value))
    return value


class Clock(Protocol):
    """Where time comes from. Tests give their own."""

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands where it is put; ``advance`` moves it."""

    def __init__(self, at: datetime) -> None:
        self.at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self.at

    def advance(self, **delta: float) -> None:
        self.at += timedelta(**delta)


def today(clock: Clock, zone: str = "UTC") -> date:
    """The calendar day it is in ``zone``."""
    return clock.now().astimezone(ZoneInfo(zone or "UTC")).date()


SYSTEM_FIELDS: dict[str, str] = {
    "id": "integer",
    "display_title": "text",
    "version": "integer",
    "created_at": "datetime",
    "created_by": "person",
    "updated_at": "datetime",
    "updated_by": "person",
    "state": "choice",
}
"""The fields every record has, usable like declared ones in sort, fields, filters and expressions (contract.md 7)."""
