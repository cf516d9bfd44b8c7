"""Kinds with an inner structure, and kinds that are made from other fields."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from core.facts import Value
from core.fields.base import ColumnSpec, FieldKind, Parsing, Showing, clean
from core.fields.formatting import Formatter
from schemas.model import Field

MOST_LINES = 1_000
MOST_JSON = 64 * 1024


class Lines(FieldKind):
    """Line items, in a child table; their values are read and written field by field by whoever holds the kinds."""

    name = "lines"
    family = "lines"
    control = "lines"
    operators = ("empty",)
    sortable = False

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return ()

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        return ()

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        return ()

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if not value else f"{len(value)} lines" if len(value) != 1 else "1 line"


class Json(FieldKind):
    """Any JSON up to 64 KiB."""

    name = "json"
    family = "json"
    control = "json"
    operators = ("empty",)
    sortable = False

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        return (None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":")),)

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        return None if cells[0] is None else json.loads(str(cells[0]))

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        if raw is None:
            return None
        try:
            text = json.dumps(raw, ensure_ascii=False, allow_nan=False)
            text.encode()
        except (ValueError, RecursionError, UnicodeEncodeError):
            raise ValueError("This is not JSON that can be kept.") from None
        if len(text.encode()) > MOST_JSON:
            raise ValueError("JSON of at most 64 KiB can be kept.")
        clean(text.replace("\\u0000", "\x00"), one_line=False)
        return raw

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        if not text.strip():
            return None
        try:
            return self.from_json(one, json.loads(text), ctx)
        except (json.JSONDecodeError, RecursionError):
            raise ValueError("This is not valid JSON.") from None

    def to_text(self, one: Field, value: Value) -> str:
        return "" if value is None else json.dumps(value, ensure_ascii=False)


class Location(FieldKind):
    """A place on the map: latitude and longitude in degrees."""

    name = "location"
    family = "none"
    control = "location"
    operators = ("empty",)
    sortable = False

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        return (None if value is None else f"{value[0]:f} {value[1]:f}",)

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        if cells[0] is None:
            return None
        lat, _, lon = str(cells[0]).partition(" ")
        return Decimal(lat), Decimal(lon)

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        if raw is None or raw == "":
            return None
        if not isinstance(raw, dict) or set(raw) != {"lat", "lon"}:
            raise ValueError('A place is written as {"lat": "52.5", "lon": "13.4"}.')
        return self.from_text(one, f"{_degrees(raw['lat'])} {_degrees(raw['lon'])}", ctx)

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        return None if value is None else {"lat": float(value[0]), "lon": float(value[1])}

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        plain = clean(text, one_line=True)
        if plain is None:
            return None
        found = re.fullmatch(r"(-?[0-9]{1,2}(?:\.[0-9]{1,10})?)[ ,;]+(-?[0-9]{1,3}(?:\.[0-9]{1,10})?)", plain)
        if found is None or abs(Decimal(found[1])) > 90 or abs(Decimal(found[2])) > 180:
            raise ValueError("A place is a latitude and a longitude, such as 52.5 13.4.")
        return Decimal(found[1]), Decimal(found[2])

    def to_text(self, one: Field, value: Value) -> str:
        return "" if value is None else f"{value[0]:f} {value[1]:f}"


class Derived(FieldKind):
    """A computed, lookup or rollup field whose source could not be told; see ``core.fields.effective``."""

    name = "computed"
    family = "none"
    control = "none"
    operators = ("empty",)
    sortable = False

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return ()

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        return ()

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        return None


class Lookup(Derived):
    """A field of a referenced record, read by join."""

    name = "lookup"


class Rollup(Derived):
    """A figure over the records that point here."""

    name = "rollup"


def _degrees(raw: Any) -> str:
    """A JSON number or the text of one, with at most ten digits after the point, as floats have more."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise ValueError('A place is written as {"lat": "52.5", "lon": "13.4"}.')
    if not isinstance(raw, float):
        return str(raw)
    whole = f"{raw:.10f}".rstrip("0").rstrip(".")
    return "0" if whole == "-0" else whole
