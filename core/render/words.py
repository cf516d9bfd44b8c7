"""What things are called on screens: labels of entities, fields, views, states and choices; never names."""

from __future__ import annotations

from core.facts import SYSTEM_FIELDS
from schemas.model import Entity, Field, Form, Plugin, Transition, View

SYSTEM_LABELS = {
    "id": "Id",
    "display_title": "Title",
    "version": "Version",
    "created_at": "Created",
    "created_by": "Created by",
    "updated_at": "Changed",
    "updated_by": "Changed by",
    "state": "State",
}
OPERATORS = {
    "eq": "is",
    "ne": "is not",
    "lt": "is less than",
    "le": "is at most",
    "gt": "is more than",
    "ge": "is at least",
    "in": "is any of",
    "not_in": "is none of",
    "contains": "contains",
    "starts": "begins with",
    "between": "is between",
    "empty": "is empty",
}
DATE_OPERATORS = {"lt": "is before", "le": "is on or before", "gt": "is after", "ge": "is on or after", "eq": "is on"}


def human(name: str) -> str:
    """A name as words: ``work_order`` becomes Work order."""
    return name.replace("_", " ").strip().capitalize()


def singular(entity: Entity) -> str:
    """What one record is called."""
    return entity.label or human(entity.name)


def plural(entity: Entity) -> str:
    """What several records are called."""
    if entity.plural:
        return entity.plural
    if entity.kind == "settings":
        return singular(entity)
    one = singular(entity)
    if one.endswith(("s", "x", "ch", "sh", "z")):
        return one + "es"
    if one.endswith("y") and one[-2:-1] not in "aeiou":
        return one[:-1] + "ies"
    return one + "s"


def plugin_label(plugin: Plugin) -> str:
    """What a plugin is called."""
    return plugin.label or human(plugin.name)


def field_label(field: Field) -> str:
    """What a field is called; system fields have their own words."""
    return field.label or (SYSTEM_LABELS.get(field.name) if field.name in SYSTEM_FIELDS else None) or human(field.name)


def view_label(view: View) -> str:
    """What a view is called."""
    return view.label or human(view.name)


def form_label(form: Form, entity: Entity) -> str:
    """What a form is called."""
    return form.label or singular(entity)


def move_label(transition: Transition) -> str:
    """What a move is called."""
    return transition.label or human(transition.name)


def state_label(entity: Entity, name: object) -> str:
    """What a state is called."""
    found = entity.workflow.state(str(name)) if entity.workflow and name else None
    return (found.label if found else "") or human(str(name or ""))


def state_meaning(entity: Entity, name: object) -> str:
    """new, progress, waiting, done or cancelled: how the state is drawn."""
    found = entity.workflow.state(str(name)) if entity.workflow and name else None
    return found.meaning if found else "progress"


def option_label(field: Field, name: object) -> str:
    """What a choice is called."""
    found = next((one for one in field.options if one.name == name), None)
    return (found.label if found else "") or str(name)


def operator_label(op: str, family: str) -> str:
    """An operator between a field and a value, as words."""
    if family in ("date", "datetime", "time"):
        return DATE_OPERATORS.get(op, OPERATORS[op])
    return OPERATORS[op]
