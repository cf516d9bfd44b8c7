"""JSON Schemas of field values: as the API answers them, as it takes them, and as a query names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.fields import effective, kind
from core.fields.base import MOST_DIGITS
from schemas.model import Entity, Field

Json = dict[str, Any]
LARGEST = 2**53 - 1
ID: Json = {"type": "integer", "minimum": 1, "maximum": LARGEST}
_WHOLE = ("integer", "rating", "duration")
_MADE = ("computed", "lookup", "rollup", "sequence")


def out(one: Field, entities: Mapping[str, Entity], entity: Entity) -> Json:
    """The JSON Schema of a value as it is answered; everything but the id may be empty."""
    if one.name == "id":
        return dict(ID)
    held = kind(one)
    if held.family == "lines":
        children = {child.name: out(effective(child, entities, entity), entities, entity) for child in one.fields
                    if kind(child).name != "secret"}
        return {"type": ["array", "null"], "items": {"type": "object", "properties": {"id": dict(ID)} | children}}
    many: Json = {"type": ["array", "null"]}
    match held.name:
        case "money":
            return {"oneOf": [{"$ref": "#/components/schemas/Money"}, {"type": "null"}]}
        case "boolean":
            return {"type": ["boolean", "null"]}
        case "choices":
            return many | {"items": {"type": "string"}}
        case "references":
            return many | {"items": _target()}
        case "reference" | "person" | "department":
            return _target(True)
        case "any_reference":
            return {"type": ["object", "null"]}
        case "file" | "image" | "signature":
            return {"oneOf": [{"$ref": "#/components/schemas/File"}, {"type": "null"}]}
        case "location":
            return {"type": ["object", "null"], "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}}
        case "json":
            return {}
        case "date":
            return {"type": ["string", "null"], "format": "date"}
        case "datetime":
            return {"type": ["string", "null"], "format": "date-time"}
        case name if name in _WHOLE:
            return {"type": ["integer", "null"]}
    return {"type": ["string", "null"]}


def taken(one: Field) -> Json:
    """The JSON Schema of a value as a body may hold it. What has to be filled in takes no ``null``."""
    made = _taken(one)
    if not one.required or one.type == "boolean" or one.default is not None:
        return made
    if isinstance(made.get("type"), list):
        made["type"] = [name for name in made["type"] if name != "null"]
        if made["type"] == ["string"] and "format" not in made and "pattern" not in made:
            made |= {"pattern": r"\S"}
    if "enum" in made:
        made["enum"] = [name for name in made["enum"] if name is not None]
    if "oneOf" in made:
        made["oneOf"] = [held for held in (_filled(held) for held in made["oneOf"]) if held is not None]
    return made


def _filled(held: Json) -> Json | None:
    if isinstance(held.get("type"), list):
        return held | {"type": [name for name in held["type"] if name != "null"]}
    return None if held.get("type") == "null" else held


def _taken(one: Field) -> Json:
    held = kind(one)
    text: Json = {"type": ["string", "null"]}
    key: Json = {"$ref": "#/components/schemas/Key"}
    number: Json = dict(ID) | {"type": ["integer", "null"]}
    match held.name:
        case "lines":
            members = {"id": number} | {child.name: taken(child) for child in one.fields
                                        if not child.read_only and kind(child).name not in _MADE}
            needed = [child.name for child in one.fields if child.name in members and filled_in(child)]
            line: Json = {"type": "object", "properties": members, "additionalProperties": False}
            return {"type": ["array", "null"], "items": line | ({"required": needed} if needed else {})}
        case "integer":
            return {"type": ["integer", "null"], "minimum": _bound(one.min, -LARGEST), "maximum": _bound(one.max, LARGEST)}
        case "rating":
            return {"type": ["integer", "null"], "minimum": 0, "maximum": int(one.max or 5)}
        case "duration":
            return {"type": ["integer", "null"], "minimum": 0, "maximum": LARGEST}
        case "decimal" | "percent":
            return {"type": ["string", "integer", "null"], **_exact(one, 4 if held.name == "percent" else 2)}
        case "money":
            amount: Json = {"type": ["string", "integer"], **_exact(one, 2)}
            whole: Json = {"type": "object", "required": ["amount"], "additionalProperties": False, "properties": {
                "amount": amount, "currency": {"type": ["string", "null"], "pattern": "^[A-Z]{3}$"}}}
            return {"oneOf": [whole, amount, {"type": "null"}]}
        case "boolean":
            return {"type": ["boolean", "null"]}
        case "choice":
            names = [option.name for option in one.options]
            return {"enum": [*names, None]} if names else text
        case "choices":
            names = [option.name for option in one.options]
            return {"type": ["array", "null"], "items": {"enum": names} if names else {"type": "string"}}
        case "reference" | "person" | "department":
            return {"oneOf": [number, key]}
        case "references":
            return {"type": ["array", "null"], "items": {"oneOf": [dict(ID), key]}}
        case "any_reference":
            return {"oneOf": [{"type": "null"}, {"type": "object", "required": ["entity", "id"], "additionalProperties": False,
                                                 "properties": {"entity": {"type": "string"}, "id": dict(ID)}}]}
        case "file" | "image" | "signature":
            return number
        case "date":
            return text | {"format": "date"}
        case "datetime":
            return text | {"format": "date-time"}
        case "time":
            return text | {"pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$"}
        case "email":
            return text | {"format": "email"}
        case "url":
            return text | {"format": "uri", "pattern": "^https?://[^ /]+"}
        case "phone":
            return text | {"pattern": r"^\+?[0-9]{3,15}$"}
        case "colour":
            return text | {"pattern": "^#[0-9a-fA-F]{6}$"}
        case "location":
            return {"oneOf": [{"type": "null"}, {"type": "object", "required": ["lat", "lon"], "additionalProperties": False,
                                                 "properties": {"lat": _degrees(90), "lon": _degrees(180)}}]}
        case "json":
            return {}
        case _:
            return text | ({"maxLength": one.max_length} if one.max_length is not None else {})


def filled_in(one: Field) -> bool:
    """Whether a new record has to be given this field: nothing else fills it in."""
    return one.required and one.default is None and not one.show_if and one.type != "boolean"


def asked(one: Field) -> Json:
    """The JSON Schema of ``field=value`` in a query. Texts are read as filter boxes read them, so that few kinds say more."""
    held = kind(one)
    match held.name:
        case "integer" | "rating":
            return {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST}
        case "boolean":
            return {"type": "string", "enum": ["true", "false"]}
        case "choice" if one.options:
            return {"type": "string", "enum": [option.name for option in one.options]}
    return {"type": "string"}


def _bound(written: object, otherwise: int) -> int:
    return int(str(written)) if written is not None and str(written).lstrip("+-").isdigit() else otherwise


def _exact(one: Field, usual: int) -> Json:
    """Digits and a point, ``usual`` places where none are declared; JSON integers of the same size."""
    places = usual if one.places is None else one.places
    before = MOST_DIGITS - places
    point = rf"(\.[0-9]{{1,{places}}})?" if places else ""
    return {"pattern": rf"^[+-]?[0-9]{{1,{before}}}{point}$", "minimum": _bound(one.min, 1 - 10**before),
            "maximum": _bound(one.max, 10**before - 1)}


def _degrees(most: int) -> Json:
    """A number, or its digits as text."""
    digits = "[0-8]?[0-9]" if most == 90 else "([0-9]{1,2}|1[0-7][0-9])"
    return {"type": ["number", "string"], "minimum": -most, "maximum": most, "pattern": rf"^-?{digits}(\.[0-9]{{1,10}})?$"}


def _target(empty: bool = False) -> Json:
    """An id, or the record itself where the reference is expanded."""
    return {"type": ["integer", "object", "null"] if empty else ["integer", "object"]}
