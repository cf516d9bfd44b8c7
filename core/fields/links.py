"""Kinds that point: to records, to any record, to files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from core.facts import EntityRef, Value
from core.fields.base import ColumnSpec, FieldKind, Parsing, Showing, clean, column_name, second_column, text_type
from core.fields.numbers import LARGEST
from schemas.model import Field

UNKNOWN = "There is no such record, or you may not use it here."


def number_of(raw: Any, one: Field, target: str, ctx: Parsing) -> int | None:
    """The id meant by JSON: an id, digits, or ``{"key": "HD-1042"}``. ValueError with the one sentence for all that is unknown."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, dict):
        key = raw.get("key")
        if set(raw) != {"key"} or not isinstance(key, str):
            raise ValueError('A reference is an id or {"key": "..."}.')
        text = clean(key, one_line=True)
        found = ctx.resolve_key(target, text) if ctx.resolve_key and text else None
        if found is None:
            raise ValueError(UNKNOWN)
        return found
    if isinstance(raw, str) and re.fullmatch(r"[0-9]{1,16}", raw):
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise ValueError('A reference is an id or {"key": "..."}.')
    if not 1 <= raw <= LARGEST:
        raise ValueError(UNKNOWN)
    return raw


def target_of(one: Field) -> str:
    """The entity a reference leads to."""
    return one.to[0] if one.to else f"directory.{one.type}" if one.type in ("person", "department") else ""


class Reference(FieldKind):
    """Another record of one entity."""

    name = "reference"
    family = "reference"
    control = "picker"
    operators = ("eq", "ne", "in", "not_in", "empty")

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return (ColumnSpec(column_name(one), sa.BigInteger()),)

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        return number_of(raw, one, target_of(one), ctx)

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        plain = clean(text, one_line=True)
        if plain is None:
            return None
        marked = plain.removeprefix(f"{target_of(one)}:")
        if marked != plain and re.fullmatch(r"[0-9]{1,16}", marked):
            return number_of(int(marked), one, target_of(one), ctx)  # an export says so where the bare id is a key
        if ctx.resolve_key is not None:
            found = ctx.resolve_key(target_of(one), plain)
            if found is not None:
                return found
        if not re.fullmatch(r"[0-9]{1,16}", plain):
            raise ValueError(UNKNOWN)
        return number_of(int(plain), one, target_of(one), ctx)


class Person(Reference):
    """Somebody of the directory."""

    name = "person"


class Department(Reference):
    """A department of the directory."""

    name = "department"


class References(FieldKind):
    """Several records of one entity, in a link table."""

    name = "references"
    family = "references"
    control = "multipicker"
    operators = ("contains", "empty")
    sortable = False

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return ()

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        return ()

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        return ()

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        if raw is None or raw == "":
            return ()
        if not isinstance(raw, list | tuple) or len(raw) > 1_000:
            raise ValueError("This has to be a list of at most 1,000 references.")
        found = [number_of(item, one, target_of(one), ctx) for item in raw]
        return tuple(dict.fromkeys(item for item in found if item is not None))

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        return None if value is None else list(value)

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        single = Reference()
        found: list[Value] = []
        for part in filter(str.strip, text.split(";")):
            try:
                found.append(single.from_text(one, part, ctx))
            except ValueError:
                if "," not in part:
                    raise
                # People write commas; a key that holds one is tried first.
                found += [single.from_text(one, each, ctx) for each in part.split(",") if each.strip()]
        return tuple(dict.fromkeys(item for item in found if item is not None))

    def to_text(self, one: Field, value: Value) -> str:
        return ";".join(str(item) for item in value or ())


class AnyReference(FieldKind):
    """A record of one of several entities."""

    name = "any_reference"
    family = "any_reference"
    control = "anypicker"
    operators = ("eq", "ne", "empty")
    sortable = False

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return (ColumnSpec(column_name(one), sa.BigInteger()), ColumnSpec(second_column(one), text_type(dialect)))

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        return (None, None) if value is None else (value.id, value.entity)

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        return None if cells[0] is None or cells[1] is None else EntityRef(str(cells[1]), int(str(cells[0])))

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        if raw is None or raw == "":
            return None
        if not isinstance(raw, dict) or set(raw) != {"entity", "id"} or not isinstance(raw["entity"], str):
            raise ValueError('This has to be {"entity": "plugin.entity", "id": 1}.')
        if one.to and raw["entity"] not in one.to:
            raise ValueError(UNKNOWN)
        number = number_of(raw["id"], one, raw["entity"], ctx)
        return None if number is None else EntityRef(clean(raw["entity"], one_line=True) or "", number)

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        return None if value is None else {"entity": value.entity, "id": value.id}

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        plain = clean(text, one_line=True)
        if plain is None:
            return None
        entity, _, number = plain.partition(":")
        if not re.fullmatch(r"[0-9]{1,16}", number):
            raise ValueError("This is written as plugin.entity:id.")
        return self.from_json(one, {"entity": entity, "id": int(number)}, ctx)

    def to_text(self, one: Field, value: Value) -> str:
        return "" if value is None else f"{value.entity}:{value.id}"


class File(FieldKind):
    """An uploaded file, by its id."""

    name = "file"
    family = "file"
    control = "file"
    operators = ("empty",)
    sortable = False

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return (ColumnSpec(column_name(one), sa.BigInteger()),)

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        if isinstance(raw, dict) and isinstance(raw.get("id"), int):
            raw = raw["id"]
        if raw is None or raw == "":
            return None
        if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= LARGEST:
            raise ValueError("This has to be the id of an uploaded file.")
        return raw

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        if value is None:
            return None
        facts = ctx.file(value) if ctx.file else None
        return dict(facts) if facts else {"id": value, "name": None, "size": None, "type": None, "url": None}

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        plain = clean(text, one_line=True)
        if plain is None:
            return None
        if not re.fullmatch(r"[0-9]{1,16}", plain):
            raise ValueError("This has to be the id of an uploaded file.")
        return self.from_json(one, int(plain), ctx)


class Image(File):
    """An uploaded picture."""

    name = "image"
    control = "image"


class Signature(File):
    """A signature drawn on the screen."""

    name = "signature"
    control = "signature"
