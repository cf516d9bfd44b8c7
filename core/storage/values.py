"""Values as canonical JSON text and back: what the log keeps, exactly and without guessing."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from core.facts import EntityRef, Money, Value


def encode(value: Value) -> str | None:
    """Canonical text of a value; None for an empty one."""
    if value is None or value == ():
        return None
    return json.dumps(_out(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def decode(text: str | None) -> Value:
    """The value of a canonical text."""
    return None if text is None else _in(json.loads(text))


def _out(value: Any) -> Any:
    match value:
        case Money():
            return {"$m": [f"{value.amount:f}", value.currency]}
        case EntityRef():
            return {"$r": [value.entity, value.id]}
        case Decimal():
            return {"$n": f"{value:f}"}
        case datetime():
            return {"$t": value.astimezone(UTC).isoformat()}
        case date():
            return {"$d": value.isoformat()}
        case time():
            return {"$h": value.isoformat()}
        case tuple():
            return {"$l": [_out(one) for one in value]}
        case dict():
            return {str(name): _out(one) for name, one in value.items()}
        case list():
            return [_out(one) for one in value]
    return value


def _in(raw: Any) -> Any:
    if isinstance(raw, list):
        return [_in(one) for one in raw]
    if not isinstance(raw, dict):
        return raw
    if len(raw) == 1:
        (mark, inner), = raw.items()
        match mark:
            case "$m":
                return Money(Decimal(inner[0]), inner[1])
            case "$r":
                return EntityRef(inner[0], inner[1])
            case "$n":
                return Decimal(inner)
            case "$t":
                return datetime.fromisoformat(inner)
            case "$d":
                return date.fromisoformat(inner)
            case "$h":
                return time.fromisoformat(inner)
            case "$l":
                return tuple(_in(one) for one in inner)
    return {name: _in(one) for name, one in raw.items()}
