"""What pickers need besides the form: the readable titles of what is chosen, and where to search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from core.facts import EntityRef, Record, Value
from core.fields import Parsing
from core.render import words
from core.render.forms import Entry, LinesSlot, Slot
from core.services import defaults, files, looking
from core.storage.unit import Unit
from core.web.asking import Asking
from schemas.model import Entity


def form_parsing(unit: Unit, shape: Entity, record: Mapping[str, Value] | None) -> Parsing:
    """How a form's texts are read. The digits of a picker are an id; a key of digits alone is never meant."""
    money = any(defaults.has_money(field) for field in shape.fields)
    made = defaults.parsing_money(unit, record or {}) if money else defaults.parsing(unit)
    resolve = made.resolve_key
    return replace(made, resolve_key=lambda target, text: None if text.isdecimal() or resolve is None else resolve(target, text))


def fill_choices(who: Asking, entity: Entity, made: Entry, record: Record | None = None) -> None:
    """Give every picker of the form its titles (``title``, ``chosen``), its search (``pick``) and quick-create (``quick``).

    ``record`` is the one that is changed, as this person reads it: its labels are such titles already.
    """
    wanted: dict[str, set[int]] = {}
    known = _labels(who, record)
    held: list[int] = []
    slots = list(_slots(made))
    for slot, path in slots:
        slot.pick, slot.quick, slot.quick_field, slot.chosen, slot.several = "", "", "", [], ()
        field = slot.declared
        if slot.control in ("picker", "multipicker"):
            targets = who.generation.targets(field)
            target = targets[0] if targets else ""
            slot.several = (target,)
            if target and _may_read(who, target):
                slot.pick = f"/{entity.plugin}/{entity.name}/pick?field={path}"
                there = who.generation.entities[target]
                if who.grant(there).may("create") and there.kind != "ledger":
                    slot.quick = f"/{there.plugin}/{there.name}/new"
                    slot.quick_label = words.singular(there).lower()
                    slot.quick_field = next((name for name in there.key if (key := there.field(name)) and key.type == "text"), "")
            for number in _numbers(slot):
                if (target, number) not in known:
                    wanted.setdefault(target, set()).add(number)
        elif slot.control == "anypicker":
            slot.several = tuple(name for name in who.generation.targets(field) if _may_read(who, name))
            slot.labels = {name: words.singular(who.generation.entities[name]) for name in slot.several}
            if isinstance(slot.data, EntityRef):
                wanted.setdefault(slot.data.entity, set()).add(slot.data.id)
        elif slot.control in ("file", "image", "signature") and isinstance(slot.data, int):
            held.append(slot.data)
        elif field.type == "entity":
            slot.several = tuple((name, words.singular(one)) for name, one in who.generation.entities.items() if _may_read(who, name))
    titles = {target: _titles(who, target, numbers) for target, numbers in wanted.items() if target}
    kept = files.facts(who.platform, who.actor, held) if held else {}
    for slot, _ in slots:
        if slot.control in ("picker", "multipicker"):
            target = slot.several[0] if slot.several else ""
            read = titles.get(target, {})
            slot.chosen = [(number, known.get((target, number)) or read.get(number) or "restricted") for number in _numbers(slot)]
        elif slot.control == "anypicker" and isinstance(slot.data, EntityRef):
            slot.chosen = [(f"{slot.data.entity}:{slot.data.id}", titles.get(slot.data.entity, {}).get(slot.data.id) or "restricted")]
        elif isinstance(slot.data, int) and slot.data in kept:
            slot.chosen = [(slot.data, kept[slot.data].name)]


def _labels(who: Asking, record: Record | None) -> dict[tuple[str, int], str]:
    """The titles of what the record's single references point to, by entity and id."""
    found: dict[tuple[str, int], str] = {}
    shape = who.generation.entities.get(record.entity) if record is not None else None
    if record is None or shape is None:
        return found
    for name, label in record.labels.items():
        field, number = shape.field(name), record.get(name)
        if field is not None and isinstance(number, int) and isinstance(label, str) and field.type in ("reference", "person", "department"):
            targets = who.generation.targets(field)
            if len(targets) == 1 and not field.many:
                found[(targets[0], number)] = label
    return found


def _slots(made: Entry) -> Iterator[tuple[Any, str]]:
    for slot in made:
        yield slot, slot.declared.name
        if isinstance(slot, LinesSlot):
            slot.blank_rows = [slot.blank(slot.next_index), slot.blank(slot.next_index + 1)]
            slot.empty_row = slot.blank(9999)
            for row in [*slot.rows, *slot.blank_rows, slot.empty_row]:
                for cell in row.slots:
                    yield cell, f"{slot.declared.name}.{cell.declared.name}"


def _numbers(slot: Slot) -> list[int]:
    if isinstance(slot.data, int):
        return [slot.data]
    if isinstance(slot.data, tuple):
        return [one for one in slot.data if isinstance(one, int)]
    return []


def _may_read(who: Asking, target: str) -> bool:
    entity = who.generation.entities.get(target)
    return entity is not None and who.grant(entity).may("read")


def _titles(who: Asking, target: str, numbers: set[int]) -> dict[int, str]:
    if not _may_read(who, target):
        return {}
    found = looking.get_many(who.platform, who.actor, target, numbers, ())
    return {number: str(record.get("display_title") or f"#{number}") for number, record in found.items()}
