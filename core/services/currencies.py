"""Amounts whose currency another field names: they have that one, and another one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.facts import Money, Value
from core.services.drafts import Draft
from core.storage import remembered
from schemas.model import Entity, Field


def settle_currencies(draft: Draft) -> None:
    """A money whose currency another field names has that one; another one is refused."""
    for one in remembered.statement(draft.shape, "currencies", lambda: _in_currencies(draft.shape)):
        value = draft.record.get(one.name)
        if one.type == "money" and one.currency and isinstance(value, Money):
            currency = currency_of(draft, one)
            if not currency or value.currency == currency:
                continue
            given = one.name in draft.given and value != draft.old.get(one.name)
            if given and value.currency:
                draft.refuse(one.name, f"This amount is in {currency}.")
            else:
                draft.record[one.name] = replace(value, currency=currency)
        elif one.type == "lines":
            draft.record[one.name] = tuple(
                _line_currencies(draft, one, line) for line in draft.record.get(one.name) or ()
            )


def _in_currencies(entity: Entity) -> tuple[Field, ...]:
    """Amounts whose currency another field names, and lines with such ones."""
    return tuple(
        one
        for one in entity.fields
        if (one.type == "money" and one.currency)
        or (one.type == "lines" and any(child.type == "money" and child.currency for child in one.fields))
    )


def _line_currencies(draft: Draft, lines: Field, line: Mapping[str, Value]) -> dict[str, Value]:
    made = dict(line)
    old = {held["id"]: held for held in draft.old.get(lines.name) or ()}.get(line.get("id"), {})
    for child in lines.fields:
        value = made.get(child.name)
        if child.type != "money" or not child.currency or not isinstance(value, Money):
            continue
        said = draft.formulas.value(draft.entity, child.currency, made, parent=draft.record, line=lines)
        if said and value.currency != said:
            if value.currency and value != old.get(child.name):
                draft.refuse(lines.name, f"{child.label or child.name} is in {said}.")
            made[child.name] = replace(value, currency=str(said))
    return made


def currency_of(draft: Draft, one: Field) -> str:
    """The currency that the money field's source names for this record, "" when it is empty."""
    return str(draft.formulas.value(draft.entity, one.currency, draft.record) or "")
