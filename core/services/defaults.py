"""Values on their way in: brought to the form their kind has in Python, and filled in where a default is declared."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from core.facts import EntityRef, Money, Record, Value, same
from core.fields import Parsing, kind
from core.services.directory import structure
from core.storage import formulas as expressions
from core.storage import remembered, rows
from core.storage.formulas import Formulas
from core.storage.reading import Reader
from core.storage.stored import fit
from core.storage.unit import Unit
from schemas import Number
from schemas.model import Entity, Expression, Field

DERIVED = frozenset({"computed", "lookup", "rollup", "sequence"})
"""Kinds whose values nobody gives."""
TEXTS = frozenset(
    {"text", "long_text", "rich_text", "email", "phone", "url", "colour", "barcode", "entity", "choice", "secret"}
)
_READ_TEXTS = TEXTS - {"secret"}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "rating": (int,),
    "duration": (int,),
    "decimal": (Decimal,),
    "percent": (Decimal,),
    "money": (Money,),
    "date": (date,),
    "time": (time,),
    "datetime": (datetime,),
    "boolean": (bool,),
    "choices": (tuple,),
    "reference": (int,),
    "person": (int,),
    "department": (int,),
    "file": (int,),
    "image": (int,),
    "signature": (int,),
    "references": (tuple,),
    "any_reference": (EntityRef,),
    "lines": (tuple,),
    "location": (tuple,),
}


def empty(value: Value) -> bool:
    """Whether a field with this value has none: None, empty text, no members. False and zero are values."""
    return value is None or value == "" or value == ()


def nothing(field: Field) -> Value:
    """What a field holds that nobody has given a value."""
    if field.type == "boolean":
        return False
    return () if field.many or field.type in {"choices", "references", "lines"} else None


Assume = Callable[[Field, Mapping[str, Value]], str]
"""The currency that an amount on a line is in when none is said: (the line's field, the line) -> code or ""."""


def settle(field: Field, value: Value, parsing: Parsing, assume: Assume | None = None) -> Value:
    """The value in its kind's Python form (docs/internals.md). Plain Python and JSON forms are both understood.

    Raises ValueError with a sentence.
    """
    if isinstance(value, str) and field.type in _READ_TEXTS:
        value = kind(field).from_json(field, value, parsing)
        return unicodedata.normalize("NFC", value) if isinstance(value, str) and not value.isascii() else value
    if empty(value):
        return nothing(field)
    if field.type == "lines":
        if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
            raise ValueError("Lines are a list of objects.")
        return tuple(_line(field, number, line, parsing, assume) for number, line in enumerate(value, start=1))
    if isinstance(value, list) and (field.many or field.type in {"references", "choices", "location"}):
        value = tuple(value)
    if field.many and isinstance(value, tuple) and all(type(one) is int for one in value):
        return tuple(dict.fromkeys(value))
    wanted = _TYPES.get(field.type)
    if field.type in {"decimal", "percent"} and type(value) is int:
        value = Decimal(value)
    if wanted is None or not _is(value, wanted, field.type):
        try:
            value = kind(field).from_json(field, list(value) if isinstance(value, tuple) else value, parsing)
        except (TypeError, AttributeError, KeyError, InvalidOperation, OverflowError) as error:
            raise ValueError("This value does not fit the field.") from error
    return _canonical(field, value, parsing)


def _is(value: Value, wanted: tuple[type, ...], name: str) -> bool:
    if isinstance(value, bool) and name != "boolean":
        return False
    if name == "date" and isinstance(value, datetime):
        return False
    members = value if isinstance(value, tuple) else ()
    if name == "location":
        return len(members) == 2 and all(isinstance(one, Decimal) and one.is_finite() for one in members)
    return (
        isinstance(value, wanted)
        and not (name == "choices" and not all(isinstance(one, str) for one in members))
        and not (name == "references" and any(isinstance(one, Mapping | str) for one in members))
    )


def _canonical(field: Field, value: Value, parsing: Parsing) -> Value:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=ZoneInfo(getattr(parsing, "zone", "") or "UTC"))
        return value.astimezone(UTC)
    if isinstance(value, tuple) and field.type in {"references", "choices"}:
        return tuple(dict.fromkeys(value))
    return value


def _line(field: Field, number: int, line: Value, parsing: Parsing, assume: Assume | None) -> dict[str, Value]:
    if not isinstance(line, Mapping):
        raise ValueError(f"Line {number} is not an object of its fields.")
    made: dict[str, Value] = {}
    children = {child.name: child for child in field.fields}
    for name, value in line.items():
        if name == "id":
            if isinstance(value, float) and value.is_integer():
                value = int(value)  # JSON knows one kind of number: 3.0 is 3
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise ValueError(f"Line {number} has an id that is no number.")
            made["id"] = value
        elif name == "position":
            continue
        elif name not in children:
            raise ValueError(f"Line {number}: “{name}” cannot be given here.")
        elif children[name].type in DERIVED:
            continue  # a line sent back as it was read brings its derived values along
        else:
            try:
                reading = parsing
                if children[name].type == "money" and children[name].currency and assume is not None:
                    reading = replace(parsing, currency=assume(children[name], line) or parsing.currency)
                made[name] = settle(children[name], value, reading)
            except ValueError as error:
                raise ValueError(f"Line {number}, {children[name].label or name}: {error}") from error
    return made


def complete_lines(
    unit: Unit, formulas: Formulas, entity: Entity, field: Field, record: Record, before: Record | None
) -> None:
    """Lines with an id keep what they had and were not given; new ones get their defaults."""
    old = {line["id"]: line for line in (before.get(field.name) if before is not None else None) or ()}
    made: list[dict[str, Value]] = []
    for position, line in enumerate(record.get(field.name) or (), start=1):
        number = line.get("id")
        if number is not None and number in old:
            made.append({**old[number], **line, "position": position})
            continue
        whole: dict[str, Value] = {"id": number, "position": position}
        for child in field.fields:
            if child.name in line:
                whole[child.name] = line[child.name]
            elif child.type not in DERIVED:
                whole[child.name] = nothing(child)
                if child.default is not None:
                    whole[child.name] = default(unit, formulas, entity, child, whole, parent=record, line=field)
        made.append(whole)
    record[field.name] = tuple(made)


def default(
    unit: Unit,
    formulas: Formulas,
    entity: Entity,
    field: Field,
    values: Mapping[str, Value],
    *,
    before: Mapping[str, Value] | None = None,
    parent: Record | None = None,
    line: Field | None = None,
) -> Value:
    """What the field's ``default`` gives for these values."""
    if isinstance(field.default, Expression):
        value = formulas.value(entity, field.default.source, values, before=before, parent=parent, line=line)
        shown = rows.shown_as(unit.generation, entity, field)
        return nothing(field) if value is None else fit(shown, value)
    if field.default is None:
        return nothing(field)
    if field.type == "json":
        return _plain(field.default)
    return settle(field, field.default, parsing_money(unit, parent or values) if has_money(field) else parsing(unit))


def _plain(declared: Any) -> Any:
    """Declared JSON as Python reads JSON: numbers, which declarations keep as their source text, become numbers."""
    if isinstance(declared, Number):
        return int(declared) if declared.lstrip("+-").isdecimal() else float(declared)
    if isinstance(declared, Mapping):
        return {name: _plain(value) for name, value in declared.items()}
    return [_plain(value) for value in declared] if isinstance(declared, list | tuple) else declared


def fill(
    unit: Unit, formulas: Formulas, entity: Entity, record: Record, before: Record | None, given: frozenset[str]
) -> None:
    """Take declared defaults: at creation for every field not given; later when what an expression reads has changed
    and the field is empty, untouched, or a snapshot (``read_only``)."""
    changed: set[str] | None = None
    for field, reads in remembered.statement(entity, "defaults", lambda: _defaults(unit, entity)):
        if field.name in given:
            continue
        if before is None:
            if empty(record.get(field.name)) or field.type == "boolean":
                record[field.name] = default(unit, formulas, entity, field, record)
        elif reads:
            if changed is None:
                changed = {name for name in record if not same(record[name], before.get(name))}
            if not reads.isdisjoint(changed) and (
                field.read_only
                or empty(record.get(field.name))
                or record.get(field.name) == default(unit, formulas, entity, field, before)
            ):
                record[field.name] = default(unit, formulas, entity, field, record, before=before)


def _defaults(unit: Unit, entity: Entity) -> tuple[tuple[Field, frozenset[str]], ...]:
    """The fields that have a default, each with the fields of the record that it is computed from."""
    found = []
    for field in entity.fields:
        if field.default is None or field.type in DERIVED:
            continue
        reads: frozenset[str] = frozenset()
        if isinstance(field.default, Expression):
            typed = expressions.check(unit.generation, entity, field.default.source)
            reads = frozenset(name.split(".")[0] for name in typed.reads)
        found.append((field, reads))
    return tuple(found)


def parsing(unit: Unit) -> Parsing:
    """How texts of this actor are read: zone, locale, day and human keys; amounts must say their currency."""

    def resolve_key(entity: str, key: str) -> int | None:
        return Reader(unit, entity).find_key(key)

    return Parsing(
        zone=unit.actor.zone,
        locale=unit.actor.locale,
        today=expressions.today(unit),
        resolve_key=resolve_key,
    )


def parsing_money(unit: Unit, record: Mapping[str, Value]) -> Parsing:
    """The same, where an amount that says no currency is in that of the record's company."""
    return replace(parsing(unit), currency=company_currency(unit, record))


def has_money(one: Field) -> bool:
    """Whether the field, or one on its lines, holds amounts of money."""
    return any(field.type == "money" for field in (one, *one.fields))


def company_currency(unit: Unit, record: Mapping[str, Value]) -> str:
    """The currency of the record's company (that of its department, else the actor's); "" where there is none."""
    return str(_of_directory(unit, "company", company_of(unit, record) or unit.actor.company, "base_currency") or "")


def company_of(unit: Unit, record: Mapping[str, Value]) -> int | None:
    """The company a record names, else that of its department."""
    named = record.get("company")
    if isinstance(named, int):
        return named
    found = _of_directory(unit, "department", record.get("department_id"), "company")
    return found if isinstance(found, int) else None


def department_code(unit: Unit, number: int | None) -> str:
    """The code of a department, "" where there is none; the record's shape goes by it."""
    if number is not None and number == unit.actor.department and unit.actor.department_code:
        return unit.actor.department_code
    if number is not None and unit.actor.epoch and not unit.writing:
        return structure(unit, unit.actor.epoch).code_of(number)
    return str(_of_directory(unit, "department", number, "code") or "")


def _of_directory(unit: Unit, thing: str, number: Value, name: str) -> object:
    """A field of the department or company of that id; looked up once in a unit."""
    provider = unit.generation.provider(thing)
    if provider is None or not isinstance(number, int):
        return None
    key = (f"{thing}.{name}", number)
    if key not in unit.memory:
        found = rows.load(unit, provider.full_name, number)
        unit.memory[key] = found.get(name) if found is not None else None
    return unit.memory[key]
