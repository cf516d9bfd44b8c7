"""Valid example values for any declared field, so that a test can make a record of an entity it has never seen."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from core.facts import EntityRef, Money
from schemas import Entity, Expression, Field

_serial = itertools.count(1)
_CURRENCIES = itertools.cycle(("EUR", "GBP", "USD", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "CAD", "AUD"))


def value_for(field: Field, now: datetime, pick: Callable[[str], int]) -> Any:
    """One valid value for ``field``. ``pick(entity)`` gives the id of some record of that entity."""
    serial = next(_serial)
    kind = "references" if field.type == "reference" and field.many else field.type
    if kind in ("reference", "person", "department"):
        return pick(field.to[0] if field.to else f"directory.{kind}")
    if kind == "references":
        return (pick(field.to[0]),)
    if kind == "any_reference":
        return EntityRef(field.to[0], pick(field.to[0])) if field.to else None
    if kind == "choice":
        return field.options[0].name if field.options else None
    if kind == "choices":
        return (field.options[0].name,) if field.options else ()
    if kind == "lines":
        return ({child.name: value_for(child, now, pick) for child in field.fields if wanted(child)},)
    makers: dict[str, Callable[[], Any]] = {
        "text": lambda: _text(field, serial),
        "long_text": lambda: f"Sample {serial}",
        "rich_text": lambda: f"<p>Sample {serial}</p>",
        "barcode": lambda: f"B{serial:08d}",
        "integer": lambda: int(field.min or 0) + 1 if field.max is None else int(field.min or field.max),
        "rating": lambda: 3,
        "duration": lambda: 3600,
        "decimal": lambda: _number(field),
        "percent": lambda: _number(field),
        "money": lambda: Money(_number(field), "EUR"),
        "date": lambda: now.date() + timedelta(days=serial % 300),
        "time": lambda: now.time().replace(microsecond=0, tzinfo=None),
        "datetime": lambda: now + timedelta(hours=serial),
        "boolean": lambda: False,
        "email": lambda: f"sample{serial}@example.org",
        "phone": lambda: f"+4930{1_000_000 + serial}",
        "url": lambda: f"https://example.org/{serial}",
        "colour": lambda: "#2453c9",
        "json": lambda: {"sample": serial},
        "location": lambda: (Decimal("52.5"), Decimal("13.4")),
        "secret": lambda: f"secret-{serial}",
        "entity": lambda: "directory.person",
    }
    return makers[kind]() if kind in makers else None


def wanted(field: Field) -> bool:
    """Whether a record cannot be made without a value for the field."""
    personal = isinstance(field.default, Expression) and "me()" in field.default.source  # nobody is "me" here
    return bool(field.required and not field.read_only and (field.default is None or personal)
                and field.type not in ("computed", "lookup", "rollup", "sequence", "file", "image", "signature"))


def values_for(entity: Entity, now: datetime, pick: Callable[[str], int]) -> dict[str, Any]:
    """The least that a new record of ``entity`` needs."""
    return {field.name: value_for(field, now, pick) for field in entity.fields if wanted(field)}


def _text(field: Field, serial: int) -> str:
    known = {"[A-Z]{2}": "DE", "[A-Z]{3}": next(_CURRENCIES) if field.unique else "EUR"}
    if field.pattern in known:
        return known[field.pattern]
    if field.pattern and "[0-5][0-9]" in field.pattern:
        return "09:00"
    return f"Sample {serial}"[: field.max_length or 100]


def _number(field: Field) -> Decimal:
    low = Decimal(str(field.min)) if field.min is not None else Decimal(0)
    high = Decimal(str(field.max)) if field.max is not None else low + 10
    return min(low + 1, high)


