"""The names an expression may use over an entity: its fields, the system's, one hop over references, plugins' functions."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.expressions.tree import DEPARTMENT, PERSON, TEAM, Function, Type
from schemas.kinds import KINDS
from schemas.model import Entity, Field

_SYSTEM: dict[str, Type] = {
    "id": Type("number"),
    "display_title": Type("text"),
    "version": Type("number"),
    "created_at": Type("datetime"),
    "created_by": Type("reference", targets=frozenset({PERSON})),
    "updated_at": Type("datetime"),
    "updated_by": Type("reference", targets=frozenset({PERSON})),
}
_FAMILIES = {
    "text": "text",
    "choice": "text",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
    "boolean": "boolean",
    "choices": "choices",
    "reference": "reference",
    "references": "references",
    "any_reference": "any_reference",
    "lines": "lines",
    "file": "file",
}
_PROVIDED = {"person": PERSON, "department": DEPARTMENT, "team": TEAM}


@dataclass(frozen=True)
class Known:
    """A name that is known: its type, and the field's declaration (None for a system field)."""

    type: Type
    field: Field | None = None


@dataclass(frozen=True)
class Names:
    """What may be named over ``entity``; ``parent`` is the record that lines belong to."""

    entity: Entity
    entities: Mapping[str, Entity]
    parent: Entity | None = None
    functions: Mapping[str, Function] = field(default_factory=dict)
    _found: dict[str, Known | None] = field(default_factory=dict, repr=False, compare=False)

    def known(self, name: str) -> Known | None:
        """The field of that name."""
        if name not in self._found:
            self._found[name] = known_in(self.entity, name, self.entities)
        return self._found[name]

    def target(self, via: str) -> Entity | None:
        """The entity that a path over ``via`` leads to, when it leads to exactly one."""
        if via == "parent" and self.parent is not None and self.entity.field("parent") is None:
            return self.parent
        found = self.known(via)
        if found is None or found.type.family != "reference" or len(found.type.targets) != 1:
            return None
        (name,) = found.type.targets
        if name.startswith("@"):
            return next((one for one in self.entities.values() if one.provides == name[1:]), None)
        return self.entities.get(name)

    def all(self) -> list[str]:
        """Every field name."""
        return names_in(self.entity)

    def meant(self, name: str, among: Iterable[str] | None = None) -> str:
        """A remedy for an unknown name."""
        close = difflib.get_close_matches(name, list(among if among is not None else self.all()), 1)
        return f'Did you mean "{close[0]}"?' if close else ""


def names_of(
    entity: Entity, entities: Mapping[str, Entity], *, parent: Entity | None = None, functions: Mapping[str, Function] | None = None
) -> Names:
    """The names over ``entity`` (for lines: a twin that holds the line's fields, with the owner as ``parent``)."""
    return Names(entity, entities, parent, functions or {})


def names_in(entity: Entity) -> list[str]:
    """All field names of the entity, the system's last."""
    return [one.name for one in entity.fields] + [*_SYSTEM, *(("state",) if entity.workflow else ())]


def known_in(entity: Entity, name: str, entities: Mapping[str, Entity]) -> Known | None:
    """The field ``name`` of the entity with its type."""
    one = entity.field(name)
    if one is not None:
        return Known(type_of(one, entities, entity), one)
    if name == "state" and entity.workflow is not None:
        return Known(Type("text", options=tuple(state.name for state in entity.workflow.states)))
    found = _SYSTEM.get(name)
    return Known(found) if found is not None else None


def type_of(one: Field, entities: Mapping[str, Entity], entity: Entity | None = None, hops: int = 0) -> Type:
    """The type of a field's values; of a derived field, that of what it shows."""
    if hops > 4:
        return Type("opaque")
    if one.type == "computed":
        kind = one.as_kind or "text"
        return _plain(one, kind, entities)
    if one.type in ("lookup", "rollup"):
        return _shown(one, entities, entity, hops)
    return _plain(one, one.type, entities)


def type_of_kind(kind: str, places: int | None = None) -> Type:
    """The type of a kind named alone, as functions of plugins name it."""
    return _plain(Field("", kind, places=places), kind, {})


def _plain(one: Field, kind: str, entities: Mapping[str, Entity]) -> Type:
    known = KINDS.get(kind)
    if known is None:
        return Type("opaque")
    if kind == "duration":
        return Type("duration")
    if known.family in ("number", "money"):
        return Type(known.family, places=_places(one, kind))
    family = _FAMILIES.get(known.family, "opaque")
    if family in ("reference", "references"):
        family = "references" if one.many or family == "references" else "reference"
        return Type(family, targets=_targets(one, kind, entities))
    if known.family in ("choice", "choices") and one.options:
        return Type(family, options=None if one.open else tuple(option.name for option in one.options))
    return Type(family)


def _places(one: Field, kind: str) -> int:
    if kind in ("integer", "rating"):
        return 0
    if one.places is not None:
        return one.places
    return 4 if kind == "percent" else 2


def _targets(one: Field, kind: str, entities: Mapping[str, Entity]) -> frozenset[str]:
    if kind in ("person", "department"):
        return frozenset({f"@{kind}"})
    return frozenset(_PROVIDED.get(entities[name].provides if name in entities else "", name) for name in one.to)


def _shown(one: Field, entities: Mapping[str, Entity], entity: Entity | None, hops: int) -> Type:
    if one.type == "rollup":
        if one.how == "count":
            return Type("number")
        source = entities.get(one.from_entity)
        found = _through(source, one.of, entities, hops)
        if one.how == "average" and found.family == "number" and found.places == 0:
            return Type("number", places=2 if one.places is None else one.places)
        if one.places is not None and found.family in ("number", "money"):
            return Type(found.family, places=one.places)
        return found
    reference = entity.field(one.via) if entity is not None else None
    if reference is None:
        return Type("opaque")
    name = next(iter(_targets(reference, reference.type, entities)), "")
    target = next((each for each in entities.values() if each.provides == name[1:]), None) if name.startswith("@") else entities.get(name)
    return _through(target, one.of, entities, hops)


def _through(target: Entity | None, name: str, entities: Mapping[str, Entity], hops: int) -> Type:
    if target is None:
        return Type("opaque")
    one = target.field(name)
    if one is not None:
        return type_of(one, entities, target, hops + 1)
    found = known_in(target, name, entities)
    return found.type if found is not None else Type("opaque")
