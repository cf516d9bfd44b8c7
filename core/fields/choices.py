"""Kinds with a fixed set of values: yes or no, one option, several options."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from core.facts import Value
from core.fields.base import ColumnSpec, FieldKind, Parsing, Showing, clean, column_name, fold, text_type
from core.fields.formatting import Formatter
from schemas.model import Field

_YES = {"true", "1", "yes", "on", "y", "ja", "oui"}
_NO = {"false", "0", "no", "off", "n", "nein", "non", ""}


class Boolean(FieldKind):
    """Yes or no; never empty."""

    name = "boolean"
    family = "boolean"
    control = "checkbox"
    operators = ("eq", "ne")

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return (ColumnSpec(column_name(one), sa.Boolean(), nullable=False, server_default="false" if dialect == "postgresql" else "0"),)

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        return (bool(value),)

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        return bool(cells[0])

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        if raw is None:
            return False
        if isinstance(raw, bool):
            return raw
        raise ValueError("This has to be true or false.")

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        return None if value is None else bool(value)

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        plain = text.strip().lower()
        if plain in _YES:
            return True
        if plain in _NO:
            return False
        raise ValueError("This has to be true or false.")

    def to_text(self, one: Field, value: Value) -> str:
        return "" if value is None else "true" if value else "false"

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else "Yes" if value else "No"


class Choice(FieldKind):
    """One of the declared options."""

    name = "choice"
    family = "choice"
    control = "select"
    operators = ("eq", "ne", "in", "not_in", "contains", "starts", "empty")

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        if raw is None or isinstance(raw, str):
            return clean(raw, one_line=True) if raw else None
        raise ValueError("This has to be the name of a choice.")

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        value = clean(text, one_line=True)
        if value is None or any(option.name == value for option in one.options):
            return value
        by_label = [option.name for option in one.options if option.label.casefold() == value.casefold()]
        return by_label[0] if len(by_label) == 1 else value

    def refuse(self, one: Field, value: Value) -> list[str]:
        if value is None or not one.options or any(option.name == value for option in one.options):
            return []
        return [f'"{str(value)[:60]}" is not one of the choices: {_listed(one)}.']

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return "" if value is None else label_of(one, value)

    def sort_key(self, one: Field, value: Value) -> str | None:
        return fold(label_of(one, value)) if value else None

    def words(self, one: Field, value: Value) -> str:
        return label_of(one, value) if value else ""


class Choices(FieldKind):
    """Several of the declared options, replaced whole."""

    name = "choices"
    family = "choices"
    control = "checks"
    operators = ("contains", "empty")
    sortable = False

    def columns(self, one: Field, dialect: str) -> tuple[ColumnSpec, ...]:
        return (ColumnSpec(column_name(one), text_type(dialect)),)

    def to_row(self, one: Field, value: Value, dialect: str) -> tuple[object, ...]:
        return (json.dumps(list(value), ensure_ascii=False) if value else None,)

    def from_row(self, one: Field, cells: Sequence[object], dialect: str) -> Value:
        return tuple(json.loads(str(cells[0]))) if cells[0] else ()

    def from_json(self, one: Field, raw: Any, ctx: Parsing) -> Value:
        if raw is None or raw == "":
            return ()
        if not isinstance(raw, list | tuple) or not all(isinstance(item, str) for item in raw):
            raise ValueError("This has to be a list of choices.")
        return tuple(dict.fromkeys(item for item in (clean(item, one_line=True) for item in raw) if item))

    def to_json(self, one: Field, value: Value, ctx: Showing) -> Any:
        return None if value is None else list(value)

    def from_text(self, one: Field, text: str, ctx: Parsing) -> Value:
        parts = [clean(part, one_line=True) for part in text.split(";")]
        return tuple(dict.fromkeys(part for part in parts if part))

    def to_text(self, one: Field, value: Value) -> str:
        return ";".join(value or ())

    def refuse(self, one: Field, value: Value) -> list[str]:
        known = {option.name for option in one.options}
        wrong = [item for item in value or () if known and item not in known]
        return [f'"{wrong[0][:60]}" is not one of the choices: {_listed(one)}.'] if wrong else []

    def display(self, one: Field, value: Value, fmt: Formatter) -> str:
        return ", ".join(label_of(one, item) for item in value or ())

    def words(self, one: Field, value: Value) -> str:
        return " ".join(label_of(one, item) for item in value or ())


def label_of(one: Field, name: str) -> str:
    """What people read for an option; the name itself for one that left the choices."""
    return next((option.label or option.name for option in one.options if option.name == name), str(name))


def _listed(one: Field) -> str:
    names = [option.name for option in one.options]
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
