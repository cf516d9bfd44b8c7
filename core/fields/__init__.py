"""Field kinds: one class says for each kind how it is stored, read, written, checked, shown, sorted and found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.fields.base import ColumnSpec, FieldKind, Parsing, Showing, column_name, fold, second_column
from core.fields.choices import Boolean, Choice, Choices, label_of
from core.fields.formatting import Formatter, formatter
from core.fields.identity import PerObject
from core.fields.links import AnyReference, Department, File, Image, Person, Reference, References, Signature, target_of
from core.fields.numbers import Decimals, Duration, Integer, MoneyKind, Percent, Rating
from core.fields.structures import Derived, Json, Lines, Location, Lookup, Rollup
from core.fields.texts import Barcode, Colour, Email, EntityName, LongText, Phone, RichText, Secret, Sequence, Text, Url, plain, sanitised
from core.fields.times import DateKind, DatetimeKind, TimeKind
from schemas.model import Entity, Field, Option

KINDS: dict[str, FieldKind] = {
    one.name: one for one in (
        Text(), LongText(), RichText(), Integer(), Decimals(), MoneyKind(), Percent(), DateKind(), TimeKind(), DatetimeKind(), Duration(),
        Boolean(), Choice(), Choices(), Reference(), References(), AnyReference(), Lines(), File(), Image(), Email(), Phone(), Url(),
        Colour(), Rating(), Barcode(), Signature(), Json(), Location(), EntityName(), Secret(), Sequence(), Derived(), Lookup(), Rollup(),
        Person(), Department(),
    )
}
_DERIVED = ("computed", "lookup", "rollup")
_effective: PerObject[Field] = PerObject()
_states: PerObject[Field] = PerObject()
"""The field ``state`` of each workflow."""
SYSTEM: dict[str, Field] = {
    "id": Field("id", "integer", "Id"),
    "version": Field("version", "integer", "Version"),
    "created_at": Field("created_at", "datetime", "Created"),
    "created_by": Field("created_by", "person", "Created by", to=("directory.person",)),
    "updated_at": Field("updated_at", "datetime", "Changed"),
    "updated_by": Field("updated_by", "person", "Changed by", to=("directory.person",)),
    "state": Field("state", "choice", "State"),
    "display_title": Field("display_title", "text", "Title"),
}
"""The system fields as declarations, so that they are compared, shown and exported like others."""


def kind(one: Field | str) -> FieldKind:
    """The kind of a field (a reference with ``many`` is ``references``) or of that name; KeyError for an unknown one."""
    if isinstance(one, str):
        return KINDS[one]
    if one.many and one.type in ("reference", "person", "department"):
        return KINDS["references"]
    return KINDS[one.type]


def effective(one: Field, entities: Mapping[str, Entity], entity: Entity | None = None) -> Field:
    """The field whose kind a computed, lookup or rollup field's value has, under the derived field's own name and column."""
    if one.type not in _DERIVED:
        return _effective.get(one, lambda: _as(one, one))
    seen = 0
    found = one
    while found.type in _DERIVED and seen < 4:
        seen += 1
        if found.type == "computed":
            found = replace(found, type=found.as_kind or "text", formula="")
        elif found.type == "lookup":
            source = _field_via(found, entities, entity)
            if source is None:
                return one
            found, entity = source
        else:
            if found.how == "count":
                return _as(one, Field(one.name, "integer"))
            source_entity = entities.get(found.from_entity)
            declared = source_entity.field(found.of) if source_entity and found.of else None
            if declared is None:
                return _as(one, SYSTEM.get(found.of, Field(one.name, "integer")))
            places = found.places
            if found.how == "average" and declared.type in ("integer", "duration", "rating"):
                declared = Field(one.name, "decimal", places=places if places is not None else 2)
            elif places is not None:
                declared = replace(declared, places=places)
            found, entity = declared, source_entity
    return _as(one, found)


def system_field(entity: Entity, name: str) -> Field | None:
    """A system field as a declaration; ``state`` with the workflow's states as options."""
    found = SYSTEM.get(name)
    if name == "state" and found is not None:
        if entity.workflow is None:
            return None
        workflow, states = entity.workflow, entity.workflow.states
        return _states.get(workflow, lambda: replace(SYSTEM["state"], options=tuple(_option(one.name, one.label) for one in states)))
    return found


def _option(name: str, label: str) -> Option:
    return Option(name, label or name)


def _as(one: Field, source: Field) -> Field:
    return replace(
        source,
        name=one.name,
        label=one.label or source.label,
        column=one.column,
        scope=one.scope,
        overlay=one.overlay,
        help=one.help,
        sensitive=one.sensitive,
        in_list=one.in_list,
        indexed=one.indexed,
        searchable=one.searchable,
        required=False,
        unique=False,
        default=None,
        read_only=True,
        places=source.places if source.places is not None else one.places,
        currency=one.currency or source.currency,
        show_if=one.show_if,
        required_if="",
        read_only_if="",
        # A derived value has no bounds of its own; a field's own say how it is written (years).
        min=one.min if one is source else None,
        max=one.max if one is source else None,
    )


def _field_via(one: Field, entities: Mapping[str, Entity], entity: Entity | None) -> tuple[Field, Entity] | None:
    reference = entity.field(one.via) if entity is not None else None
    target = entities.get(target_of(reference)) if reference is not None else None
    if target is None:
        return None
    source = target.field(one.of) or system_field(target, one.of)
    return None if source is None else (source, target)


__all__ = [
    "KINDS",
    "SYSTEM",
    "ColumnSpec",
    "FieldKind",
    "Formatter",
    "Parsing",
    "Showing",
    "column_name",
    "effective",
    "fold",
    "formatter",
    "kind",
    "label_of",
    "plain",
    "sanitised",
    "second_column",
    "system_field",
    "target_of",
]
