"""What people may not give within lines: the flags of a field hold for the fields of lines as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.facts import Value, same
from core.services.defaults import DERIVED, empty, nothing
from core.services.drafts import Draft
from core.storage import remembered
from schemas.model import Entity, Field

FIXED = "cannot be given here."


def hold(draft: Draft) -> None:
    """Refuse new values of line fields that are read-only, set once, or read-only by their rule.

    A line that is sent back as it was read brings such values along unchanged; those are no fault. Plugins are not asked
    this: what people may not give is theirs to set.
    """
    for one, guarded in remembered.statement(draft.entity, "guarded lines", lambda: _guarded(draft.entity)):
        if one.name in draft.errors or one.name not in draft.given:
            continue
        old = {line["id"]: line for line in draft.old.get(one.name) or ()}
        for number, line in enumerate(draft.record.get(one.name) or (), start=1):
            held = old.get(line.get("id"), {})
            for child in guarded:
                if child.name in line and child.type not in DERIVED and not same(line[child.name], held.get(child.name, nothing(child))):
                    said = _refusal(draft, one, child, line, held)
                    if said:
                        draft.refuse(one.name, f"Line {number}: “{child.label or child.name}” {said}")


def _guarded(entity: Entity) -> tuple[tuple[Field, tuple[Field, ...]], ...]:
    """The lines of an entity that have fields which may not always be given, with these fields."""
    found = []
    for one in entity.fields:
        guarded = tuple(child for child in one.fields if child.read_only or child.set_once or child.read_only_if)
        if guarded:
            found.append((one, guarded))
    return tuple(found)


def _refusal(draft: Draft, one: Field, child: Field, line: Mapping[str, Value], held: Mapping[str, Any]) -> str:
    before = held.get(child.name, nothing(child))
    if child.read_only:
        return FIXED
    if child.set_once and held and not empty(before):
        return "was set once and cannot be changed."
    if not child.read_only_if:
        return ""
    # As with the record's own fields: a value must not unlock itself.
    view = {**{each.name: nothing(each) for each in one.fields}, **held, **line, child.name: before}
    truth = draft.formulas.truth(draft.entity, child.read_only_if, view, parent=draft.record, line=one)
    return "" if truth is False else "cannot be changed now."
