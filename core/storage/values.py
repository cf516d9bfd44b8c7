"""Values as text, whole and exact, apart from any declaration: what the log keeps must be readable for ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from core.facts import EntityRef, Money, Value

_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def encode(value: Value) -> str | None:
    """Canonical JSON: the same value is the same text; None for None. Kinds without a JSON form are tagged."""
    if value is None:
        return None
    if type(value) is int:
        return str(value)
    return _CANONICAL.encode(_out(value))


def decode(text: str | None) -> Value:
    """The value that :func:`encode` wrote; None for None."""
    return None if text is None else _in(json.loads(text))


def _out(value: Value) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return {"d": f"{value:f}"}
    if isinstance(value, Money):
        return {"m": [f"{value.amount:f}", value.currency]}
    if isinstance(value, datetime):
        return {"i": value.astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"D": value.isoformat()}
    if isinstance(value, time):
        return {"T": value.isoformat()}
    if isinstance(value, EntityRef):
        return {"r": [value.entity, value.id]}
    if isinstance(value, tuple):
        return {"t": [_out(one) for one in value]}
    if isinstance(value, list):
        return [_out(one) for one in value]
    if isinstance(value, dict):
        return {"o": {str(name): _out(one) for name, one in value.items()}}
    if isinstance(value, float):
        return {"f": repr(value)}
    raise TypeError(f"A value of type {type(value).__name__} cannot be kept in the log.")


def _in(raw: Any) -> Value:
    if isinstance(raw, list):
        return [_in(one) for one in raw]
    if not isinstance(raw, dict):
        return raw
    [(tag, inside)] = raw.items()
    return _READ[tag](inside)


_READ: dict[str, Callable[[Any], Value]] = {
    "d": Decimal,
    "m": lambda inside: Money(Decimal(inside[0]), inside[1]),
    "i": datetime.fromisoformat,
    "D": date.fromisoformat,
    "T": time.fromisoformat,
    "r": lambda inside: EntityRef(inside[0], inside[1]),
    "t": lambda inside: tuple(_in(one) for one in inside),
    "o": lambda inside: {name: _in(one) for name, one in inside.items()},
    "f": float,
}
