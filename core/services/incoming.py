"""Rows of a file as drafts of records: what each cell means, and whether it may stand there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.access.actor import Actor
from core.access.grant import grant
from core.errors import BadRequest, Forbidden, Invalid
from core.facts import SYSTEM_FIELDS, Record, Value, same
from core.fields import Parsing, Showing, effective, kind, target_of
from core.render.serializers import dump_of, waits
from core.services import defaults, exporting, looking, preparing, sheets
from core.services.defaults import DERIVED
from core.services.drafts import Draft
from core.services.exporting import Sheet, unguarded
from core.services.platform import Platform
from core.services.sheets import Numeral, Table
from core.storage.query import Condition, Group, Query, field_of
from core.storage.reading import Reader
from core.storage.tables import entity_table
from core.storage.unit import Unit
from schemas.model import Field

CHUNK = 250
"""How many records are looked for at once."""
MOST_KEYS = 100_000
CUT = "This is a number of more than 15 digits, of which a worksheet keeps 15. Format the column as text and write it again."


@dataclass(frozen=True, slots=True)
class _Place:
    """What a column is: the field's name, and the field when its cells are given to records (None: they are compared;
    ``beside``: they are read along with another column's)."""

    name: str
    given: Field | None
    beside: bool = False


class Incoming:
    """One file's columns as fields of one entity, with one actor's rights.

    Raises Forbidden without the right to import, BadRequest for columns that are unknown or not the actor's.
    """

    def __init__(self, p: Platform, actor: Actor, entity: str, table: Table, upsert: str | None) -> None:
        self.p, self.actor, self.name, self.table, self.upsert = p, actor, entity, table, upsert
        self.shape = p.current.entity(entity)
        rights = grant(self.shape, actor)
        if not rights.may("import"):
            with p.read(actor) as unit:
                raise Forbidden(preparing.who_may(unit, self.shape, "import"))
        self.visible = looking.visible(p, actor, entity) if rights.may("read") else frozenset()
        self.creatable = frozenset(one.name for one in self.shape.fields if preparing.may_be_given(one)) & rights.creatable()
        self.writable = rights.writable()
        self.columns = self._columns()
        self.sheet = Sheet(p, actor, self.shape, tuple(dict.fromkeys(one for one in self.columns.values() if one in self.visible)))
        self._keys: dict[tuple[str, str], int] = {}
        self._lost: set[tuple[str, str]] = set()
        self._places: dict[frozenset[str], dict[str, _Place]] = {}
        self._fields: dict[str, Field] = {}
        self._parsing: tuple[Unit, Parsing] | None = None

    def _columns(self) -> dict[str, str]:
        """From headings to fields. Unknown and invisible columns are refused with one sentence."""
        found: dict[str, str] = {}
        wrong = []
        for heading in self.table.headings:
            name = heading
            if field_of(self.shape, heading) is None and heading.endswith("_currency"):
                held = self.shape.field(heading.removesuffix("_currency"))
                money = held is not None and effective(held, self.p.current.entities, self.shape).type == "money"
                name = held.name if held is not None and money else heading
            one = field_of(self.shape, name)
            if self.table.is_json and one is None and heading in _BESIDE:
                continue
            if one is None or (name not in self.visible and name not in self.creatable):
                wrong.append(heading)
            else:
                found[heading] = name
        if wrong:
            listed = ", ".join(f"“{name[:60]}”" for name in wrong[:10])
            raise BadRequest(f"There is no column {listed} here. The columns are the names of fields; leave the others out.")
        if self.upsert is not None and self.upsert not in found.values():
            raise BadRequest(f"The file has no column “{self.upsert[:60]}” to find records by.")
        one = field_of(self.shape, self.upsert) if self.upsert is not None else None
        if one is not None and "eq" not in kind(effective(one, self.p.current.entities, self.shape)).operators:
            raise BadRequest(f"Records cannot be found by “{self.upsert}”.")
        return found
    def key(self, cells: Mapping[str, Any]) -> str | None:
        """The text by which the row finds its record; None when records are not looked for."""
        return str(cells.get(self.upsert)) if self.upsert is not None else None

    def found(self, unit: Unit, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[str, list[Record]]:
        """The records that rows with an ``upsert`` field mean, by the text in their cell."""
        if self.upsert is None:
            return {}
        one = field_of(self.shape, self.upsert)
        assert one is not None
        shown = effective(one, self.p.current.entities, self.shape)
        texts: dict[Value, str] = {}
        for _, cells in rows:
            try:
                value = self._value(shown, cells.get(self.upsert), self._reading(unit))
            except ValueError:
                continue
            if value not in (None, ()):
                texts[value] = str(cells.get(self.upsert))
        found: dict[str, list[Record]] = {}
        reader = looking.reader(unit, self.name)
        listed = list(texts)
        for start in range(0, len(listed), CHUNK):
            condition = Condition(self.upsert, "in", tuple(listed[start:start + CHUNK]))
            for record in reader.walk(Query(where=Group(False, (condition,)), sort=(("id", False),))):
                if record.get(self.upsert) in texts:
                    found.setdefault(texts[record[self.upsert]], []).append(record)
        return found

    def draft(self, unit: Unit, cells: Mapping[str, Any], found: Mapping[str, list[Record]]) -> Draft | None:
        """The row as a draft; None when nothing differs. Raises what refuses it."""
        if self.upsert is not None:
            text = cells.get(self.upsert)
            known = found.get(str(text), [])
            if text in (None, ""):
                raise Invalid({self.upsert: ["This is empty, so that no record can be found by it."]})
            if len(known) > 1:
                raise Invalid({self.upsert: [f"{len(known)} records have this value."]})
            if known:
                return self._changed(unit, cells, known[0])
            if self.upsert == "id" or field_of(self.shape, self.upsert) is None or self.shape.field(self.upsert) is None or \
                    self.shape.field(self.upsert).type == "sequence":  # type: ignore[union-attr]
                raise Invalid({self.upsert: ["There is no such record, and an import never invents this value."]})
        return self._new(unit, cells)

    def _new(self, unit: Unit, cells: Mapping[str, Any]) -> Draft:
        values, fixed = self._split(unit, cells, self.creatable)
        declared = preparing.declared_by(self.shape)
        for name, value in values.items():
            if declared[name].type == "lines":
                # Their ids, like the record's own, belong to where they come from; what nobody gives follows from the rest.
                left = {"id", *(child.name for child in declared[name].fields if child.read_only)}
                values[name] = tuple({key: cell for key, cell in line.items() if key not in left} if isinstance(line, dict) else line
                                     for line in value or ())
        draft = preparing.start_new(unit, self.actor, self.name, values, None)
        draft.reason = "import"
        preparing.complete(draft)
        for heading, name in fixed.items():
            if name in SYSTEM_FIELDS and name != "state" or (held := declared.get(name)) is not None and held.type == "sequence":
                continue  # what is given to a new record only when it is stored
            if held is not None and held.type in DERIVED and draft.record.get(name) is None and not self._is_stored(unit, held):
                continue  # what is worked out when a record is read
            if not self._same(name, cells.get(heading), self._shown(draft.record, heading, name)):
                raise Invalid({heading: [preparing.NOT_HERE]})
        return draft

    def _is_stored(self, unit: Unit, one: Field) -> bool:
        return bool(entity_table(self.shape, unit.database.dialect).columns.get(one.name)) and one.type == "computed"

    def _changed(self, unit: Unit, cells: Mapping[str, Any], record: Record) -> Draft | None:
        now = self._current(record)
        differing = {heading: value for heading, value in cells.items()
                     if heading in self.columns and not self._same(self.columns[heading], value, now.get(heading))}
        if not differing:
            return None
        names = {self.columns[heading] for heading in differing}
        values, fixed = self._split(unit, {heading: value for heading, value in cells.items()
                                           if self.columns.get(heading) in names}, self.writable)
        wrong = [heading for heading in fixed if heading in differing]
        if wrong:
            raise Invalid({heading: [preparing.NOT_HERE] for heading in wrong})
        draft, rights = preparing.start_change(unit, self.actor, self.name, record.id)
        draft.reason = "import"
        preparing.give(draft, values, preparing.writable_now(draft, rights))
        preparing.complete(draft)
        return draft if draft.changed() else None

    def _split(self, unit: Unit, cells: Mapping[str, Any], givable: frozenset[str]) -> tuple[dict[str, Value], dict[str, str]]:
        """The values to give, and the headings (with their fields) that are only compared. Invalid for unreadable cells."""
        values: dict[str, Value] = {}
        fixed: dict[str, str] = {}
        errors: dict[str, list[str]] = {}
        reading = self._reading(unit)
        places = self._places.get(givable)
        if places is None:
            places = self._places[givable] = {heading: self._place(heading, name, givable) for heading, name in self.columns.items()}
        for heading, raw in cells.items():
            place = places.get(heading)
            if place is None or place.beside:
                continue
            if place.given is None:
                fixed[heading] = place.name
                continue
            try:
                values[place.name] = self._given(place.given, raw, cells, reading)
            except ValueError as refused:
                errors[heading] = [str(refused)]
        if errors:
            raise Invalid(errors)
        return values, fixed

    def _place(self, heading: str, name: str, givable: frozenset[str]) -> _Place:
        one = self.shape.field(name)
        if one is None or name not in givable or one.type in ("file", "image", "signature") and not self.table.is_json:
            return _Place(name, None)
        return _Place(name, one, beside=name != heading)

    def _given(self, one: Field, raw: Any, cells: Mapping[str, Any], reading: Parsing) -> Value:
        if self.table.is_json:
            return raw if waits(one, raw) else kind(one).from_json(one, raw, reading)
        if isinstance(raw, Numeral) and raw.is_cut and kind(one).family in ("text", "reference", "references"):
            raise ValueError(CUT)
        if one.type == "money" and raw:
            return self._text(one, f"{raw} {cells.get(f'{one.name}_currency') or ''}".strip(), reading)
        return self._text(one, str(raw), reading)

    def _value(self, shown: Field, raw: Any, reading: Parsing) -> Value:
        if raw is None:
            return None
        return kind(shown).from_json(shown, raw, reading) if self.table.is_json else self._text(shown, str(raw), reading)

    def _text(self, shown: Field, text: str, reading: Parsing) -> Value:
        if self.table.is_csv and exporting.is_text(shown):
            text = unguarded(text)
        if shown.type == "lines":
            return sheets.lines_of(text)
        return kind(shown).from_text(shown, text, reading)

    def _reading(self, unit: Unit) -> Parsing:
        """How cells are read in this unit; made once for it."""
        if self._parsing is None or self._parsing[0] is not unit:
            self.forget()
            self._parsing = (unit, self._made_reading(unit))
        return self._parsing[1]

    def forget(self) -> None:
        """Forget which keys lead nowhere: a row that was just stored may have one of them."""
        self._lost.clear()

    def _made_reading(self, unit: Unit) -> Parsing:
        def resolve(entity: str, key: str) -> int | None:
            place = (entity, key)
            found = self._keys.get(place)
            if found is None and place not in self._lost:
                found = Reader(unit, entity).find_key(key)
                if found is None:
                    self._lost.add(place)
                else:
                    if len(self._keys) > MOST_KEYS:
                        self._keys.clear()
                    self._keys[place] = found
            return found

        return Parsing(zone=self.actor.zone, locale="en", currency=defaults.parsing(unit).currency, resolve_key=resolve)

    def _current(self, record: Record) -> dict[str, Any]:
        """What an export would show of the record, by heading."""
        if self.table.is_json:
            return exporting.as_json(self.p, self.actor, self.shape, [record])[0]
        cells = self.sheet.rows([record])[0]
        return {one.heading: cell for one, cell in zip(self.sheet.columns, cells, strict=True)}

    def _shown(self, record: Record, heading: str, name: str) -> Any:
        """What a record not yet stored would show in this column, for columns that nobody gives."""
        one = field_of(self.shape, name)
        assert one is not None
        shown, value = effective(one, self.p.current.entities, self.shape), record.get(name)
        if self.table.is_json:
            return dump_of(self.shape, self.p.current.entities).value(name, value, Showing())
        if value is None:
            return ""
        if kind(shown).family == "reference":
            return self.sheet.pointed(target_of(shown), value, exporting.keys(self.p, self.actor, target_of(shown), (value,)))
        return value.currency if heading != name else kind(shown).to_text(shown, value)

    def _same(self, name: str, given: Any, held: Any) -> bool:
        """Whether a cell says what the record says already. Only numbers are compared as such: ``007`` is another text than ``7``."""
        if self.table.is_json:
            return same(given, held) or bool(given in (None, "") and held in (None, [], ""))
        shown = self._effective(name)
        text, held = str(given or ""), held or ""
        if self.table.is_csv and exporting.is_text(shown):
            text = unguarded(text)
        if text == held:
            return True
        if isinstance(given, Numeral):  # what a worksheet made of the text, which it does not say
            return _number(text) == _number(held) is not None
        return kind(shown).family in ("number", "money") and _exact(text) == _exact(held) is not None

    def _effective(self, name: str) -> Field:
        found = self._fields.get(name)
        if found is None:
            one = field_of(self.shape, name)
            assert one is not None
            found = self._fields[name] = effective(one, self.p.current.entities, self.shape)
        return found


_PLAIN = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_BESIDE = frozenset({"masked", "amended_from"})
"""Members of records in JSON that are no fields."""


def _number(text: str) -> float | None:
    """A plain number, for comparing what a spreadsheet made of it; None for anything else."""
    return float(text) if len(text) <= 17 and _PLAIN.fullmatch(text) else None


def _exact(text: str) -> Decimal | None:
    """A plain number with all its digits; None for anything else."""
    return Decimal(text) if len(text) <= 40 and _PLAIN.fullmatch(text) else None


__all__ = ["Incoming"]
