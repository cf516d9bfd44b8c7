"""What is checked of a draft, field by field: when it may be given, its limits, what is required, and what is only unusual.

Each check puts its sentences into the draft; whoever prepares it refuses them together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from core.facts import Value
from core.fields import kind
from core.services.defaults import DERIVED, empty, nothing
from core.services.drafts import Draft
from core.storage import remembered, uploads
from schemas.model import Entity, Field

REQUIRED = "Please fill this in."


def rules_of_given(draft: Draft) -> None:
    """read_only_if, set_once and show_if: what may not be given although its field is writable."""
    for one in draft.shape.fields:
        if one.name not in draft.given or one.name in draft.errors:
            continue
        old = draft.before.get(one.name) if draft.before is not None else nothing(one)
        new = draft.record.get(one.name)
        if new == old:
            continue
        if one.set_once and draft.before is not None and not empty(old):
            draft.refuse(one.name, "This was set once and cannot be changed.")
            continue
        # The rule looks at the other new values, and at this field's old one: a value must not unlock itself.
        view = {**draft.record, one.name: old}
        if (
            one.read_only_if
            and draft.formulas.truth(draft.entity, one.read_only_if, view, before=draft.before) is not False
        ):
            draft.refuse(one.name, "This cannot be changed now.")
        elif one.show_if and draft.formulas.truth(draft.entity, one.show_if, view, before=draft.before) is not True:
            if draft.actor.channel == "ui":
                draft.record[one.name] = old  # a page may send a control that was hidden while others were filled in
            elif not empty(new):
                draft.refuse(one.name, "This does not apply with the other values.")


def known_lines(draft: Draft) -> None:
    """Lines that have an id are among those the record has, each once."""
    for one in lines_of(draft.entity):
        if one.name in draft.errors:
            continue
        old = {line["id"] for line in draft.old.get(one.name) or ()}
        numbers = [line["id"] for line in draft.record.get(one.name) or () if line.get("id") is not None]
        if not set(numbers) <= old or len(set(numbers)) != len(numbers):
            draft.refuse(one.name, "A line's id is not one of this record's lines.")


def choices_and_limits(draft: Draft, names: Collection[str]) -> None:
    """What the kinds and the declared limits say about these fields' values, lines included."""
    for one in draft.shape.fields:
        if one.name not in names or one.name in draft.errors or one.type in DERIVED:
            continue
        value = draft.record.get(one.name)
        if one.type == "lines":
            _line_limits(draft, one, value or ())
        elif value is not None and not empty(value):
            for sentence in refusals(one, value):
                draft.refuse(one.name, sentence)
            if one.type in uploads.KINDS and not uploads.usable(draft.unit, int(value), draft.old.get(one.name)):
                draft.refuse(one.name, uploads.NOT_YOURS)
            elif one.type == "image" and value != draft.old.get(one.name) and not uploads.is_picture(draft.unit, int(value)):
                draft.refuse(one.name, uploads.NO_PICTURE)
            elif one.type == "entity" and str(value) not in draft.unit.generation.entities and value != draft.old.get(one.name):
                draft.refuse(one.name, "There is no such entity. Write plugin.entity.")


def _line_limits(draft: Draft, one: Field, lines: Iterable[Mapping[str, Value]]) -> None:
    for number, line in enumerate(lines, start=1):
        for child in one.fields:
            value = line.get(child.name)
            if child.type in DERIVED:
                continue
            if value is None or empty(value):
                if child.required or (
                    child.required_if
                    and draft.formulas.truth(draft.entity, child.required_if, line, parent=draft.record, line=one)
                    is True
                ):
                    draft.refuse(one.name, f"Line {number}: {child.label or child.name} is missing.")
                continue
            for sentence in refusals(child, value):
                draft.refuse(one.name, f"Line {number}, {child.label or child.name}: {sentence}")
            if child.type in uploads.KINDS:
                held = {old["id"]: old for old in draft.old.get(one.name) or ()}
                if not uploads.usable(draft.unit, int(value), held.get(line.get("id"), {}).get(child.name)):
                    draft.refuse(one.name, f"Line {number}, {child.label or child.name}: {uploads.NOT_YOURS}")


def refusals(one: Field, value: Value) -> list[str]:
    """What the field's own limits say about a value that is there."""
    try:
        return kind(one).refuse(one, value)
    except (TypeError, AttributeError, ArithmeticError):
        return ["This value does not fit the field."]


def lines_of(entity: Entity) -> tuple[Field, ...]:
    """The fields that hold lines."""
    return remembered.statement(entity, "lines", lambda: tuple(one for one in entity.fields if one.type == "lines"))


def _needed(entity: Entity) -> tuple[Field, ...]:
    """Fields that are required, always or on a condition."""
    return tuple(one for one in entity.fields if (one.required or one.required_if) and one.type not in ("sequence", "boolean"))


def required(draft: Draft, relax: bool) -> None:
    """What has to be filled in; ``relax`` lets pass what was empty before and is not touched."""
    for one in remembered.statement(draft.shape, "required", lambda: _needed(draft.shape)):
        if one.name in draft.errors or not empty(draft.record.get(one.name)):
            continue
        untouched = draft.before is not None and empty(draft.before.get(one.name))
        if relax and untouched and one.name not in draft.given:
            continue
        needed = one.required
        if not needed and one.required_if:
            needed = draft.formulas.truth(draft.entity, one.required_if, draft.record, before=draft.before) is True
        if (
            needed
            and one.show_if
            and draft.formulas.truth(draft.entity, one.show_if, draft.record, before=draft.before) is not True
        ):
            needed = False
        if needed:
            draft.refuse(one.name, REQUIRED)


def soft(draft: Draft) -> None:
    """warn_if: said, not refused."""
    warned = remembered.statement(draft.shape, "warned", lambda: tuple(one for one in draft.shape.fields if one.warn_if))
    changed = draft.changed() if warned else frozenset()
    for one in warned:
        if (
            (draft.before is None or one.name in changed)
            and draft.formulas.truth(draft.entity, one.warn_if, draft.record, before=draft.before) is True
        ):
            draft.warnings[one.name] = [f"{one.label or one.name} is unusual here ({one.warn_if})."]
