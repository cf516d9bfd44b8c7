"""Imports: rows of a file become records, in batches, each row on its own, all under one operation."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

import sqlalchemy as sa

from core.access.actor import Actor
from core.access.grant import grant
from core.errors import BackofficeError, BadRequest, Conflict, Forbidden, Invalid
from core.facts import SYSTEM_FIELDS, Record, Value
from core.fields import Parsing, Showing, effective, kind, target_of
from core.render.serializers import dump_of, waits
from core.services import defaults, exporting, looking, preparing, sheets, writes
from core.services.drafts import Draft
from core.services.exporting import Sheet, unguarded
from core.services.platform import Platform
from core.services.sheets import Table
from core.storage import later
from core.storage.query import Condition, Group, Query, field_of
from core.storage.reading import Reader
from core.storage.unit import HeadMoved, Unit
from core.storage.writing import settle
from schemas.model import Field

BATCH = 250
AT_ONCE = 10_000
"""Rows a dry run tries together before it takes them back."""
KEPT_REFUSALS = 1_000
MOST_KEYS = 100_000
_UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Refusal:
    """A row that was not written: its number in the file (the first row under the headings is 1) and why, by column."""

    row: int
    reasons: Mapping[str, Sequence[str]]

    def __str__(self) -> str:
        said = [f"{name}: {one}" if name else one for name, sentences in self.reasons.items() for one in sentences]
        return f"row {self.row}: {' '.join(said)}"


@dataclass
class Report:
    """What an import did, or would do. ``refusals`` holds the first 1,000 of ``refused`` rows; ``operation`` undoes it."""

    operation: str
    dry_run: bool = False
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    written: bool = True
    """False when nothing was written: a dry run, or ``all_or_nothing`` with a refused row."""

    def refuse(self, row: int, reasons: Mapping[str, Sequence[str]]) -> None:
        """Count a refused row and keep its reasons."""
        self.refused += 1
        if len(self.refusals) < KEPT_REFUSALS:
            self.refusals.append(Refusal(row, reasons))

    @property
    def rows(self) -> int:
        """How many rows the file has so far."""
        return self.created + self.changed + self.unchanged + self.refused


@dataclass(frozen=True)
class _Plan:
    """One row on its way: the draft to store (None: nothing differs)."""

    row: int
    draft: Draft | None


@dataclass(frozen=True, slots=True)
class _Place:
    """What a column is: the field's name, and the field when its cells are given to records (None: they are compared;
    ``beside``: they are read along with another column's)."""

    name: str
    given: Field | None
    beside: bool = False


class _Refused(Exception):
    """A row of a batch was refused by the database."""


class _TakenBack(Exception):
    """Rolls a unit back that was never meant to be kept."""


def run(
    p: Platform,
    actor: Actor,
    entity: str,
    source: BinaryIO,
    format: str,
    *,
    upsert: str | None = None,
    dry_run: bool = False,
    all_or_nothing: bool = False,
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Import a file (csv, xlsx, json). Rows stand alone: bad ones are refused with reasons, the others are written.

    ``upsert`` names the field by which a row finds its record. ``progress`` is called after each batch. Raises Forbidden,
    and BadRequest for a file that cannot be read or an unknown column; rows written before that stay.
    """
    table = sheets.read(source, format)
    work = _Import(p, actor if actor.is_system else actor.via("import"), entity, table, upsert, Report(uuid.uuid4().hex, dry_run))
    numbered = enumerate(table.rows, start=1)
    if dry_run or all_or_nothing:
        work.together(numbered, keep=not dry_run, progress=progress)
    else:
        while batch := list(islice(numbered, BATCH)):
            work.batch(batch)
            if progress is not None:
                progress(work.report)
    return work.report


class _Import:
    """One file being imported."""

    def __init__(self, p: Platform, actor: Actor, entity: str, table: Table, upsert: str | None, report: Report) -> None:
        self.p, self.actor, self.name, self.table, self.upsert, self.report = p, actor, entity, table, upsert, report
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
        self._parsing: tuple[Unit, Parsing] | None = None
        self._fresh = False

    def _columns(self) -> dict[str, str]:
        """From headings to fields. Unknown and invisible columns are refused with one sentence."""
        found: dict[str, str] = {}
        wrong = []
        for heading in self.table.headings:
            name = heading
            if field_of(self.shape, heading) is None and heading.endswith("_currency"):
                held = self.shape.field(heading.removesuffix("_currency"))
                name = held.name if held is not None and held.type == "money" else heading
            one = field_of(self.shape, name)
            if heading == "masked" and self.table.is_json:
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

    def batch(self, rows: list[tuple[int, Mapping[str, Any]]]) -> None:
        """Write a batch: rows are prepared together and stored in one unit. A row that cannot be prepared while others
        wait is tried again when these are stored, for it may name one of them."""
        waiting = rows
        while waiting:
            before = len(waiting)
            waiting = self._some(waiting)
            assert len(waiting) < before, "each round finishes at least one row"

    def _some(self, rows: list[tuple[int, Mapping[str, Any]]]) -> list[tuple[int, Mapping[str, Any]]]:
        refused: dict[int, Mapping[str, Sequence[str]]] = {}
        rest: list[tuple[int, Mapping[str, Any]]] = []

        def prepare(unit: Unit) -> list[_Plan]:
            refused.clear()
            rest.clear()
            plans: list[_Plan] = []
            found = self._found(unit, rows)
            seen: set[object] = set()
            for place, (number, cells) in enumerate(rows):
                key = self._key(cells)
                if key is not None and key in seen:
                    rest.extend(rows[place:])
                    break
                seen.add(key)
                try:
                    plans.append(_Plan(number, self._draft(unit, cells, found)))
                except (BackofficeError, ValueError) as problem:
                    if any(plan.draft is not None for plan in plans):
                        rest.extend(rows[place:])
                        break
                    refused[number] = _reasons(problem)
            return plans

        def commit(unit: Unit, plans: list[_Plan]) -> dict[int, str | Mapping[str, Sequence[str]]]:
            later.gather(unit)
            done = {plan.row: self._store(unit, plan, careful) for plan in plans}
            settle(unit)
            return done

        # Nearly always the database takes every row. Where it refuses one, the batch is taken back and stored again with a
        # savepoint around each row.
        careful = False
        try:
            done = writes.twice(self.p, self.actor, prepare, commit, operation=self.report.operation, reason="import")
        except _Refused:
            careful = True
            done = writes.twice(self.p, self.actor, prepare, commit, operation=self.report.operation, reason="import")
        for number, outcome in done.items():
            self._count(number, outcome)
        for number, reasons in refused.items():
            self.report.refuse(number, reasons)
        return list(rest)

    def together(self, rows: Iterator[tuple[int, Mapping[str, Any]]], *, keep: bool,
                 progress: Callable[[Report], None] | None) -> None:
        """All rows in one unit, one after the other: kept when none is refused, or (``keep`` False) taken back in any case."""
        for _ in range(writes.TRIES):
            try:
                self._together(rows, keep, progress)
                return
            except HeadMoved:
                if self.report.rows:
                    raise Conflict("The configuration changed during the import; nothing was written. Please try again.") from None
                self.p.generation()
        raise Conflict(writes.MOVED)

    def _together(self, rows: Iterator[tuple[int, Mapping[str, Any]]], keep: bool, progress: Callable[[Report], None] | None) -> None:
        while True:
            try:
                with self.p.write(self.actor, operation=self.report.operation, reason="import") as unit:
                    some = list(islice(rows, AT_ONCE)) if not keep else None
                    for count, (number, cells) in enumerate(rows if some is None else some, start=1):
                        self._count(number, self._alone(unit, number, cells))
                        if progress is not None and count % BATCH == 0:
                            progress(self.report)
                    if not keep or self.report.refused:
                        raise _TakenBack
                return
            except _TakenBack:
                self.report.written = False
            if keep or not some or len(some) < AT_ONCE:
                return

    def _alone(self, unit: Unit, number: int, cells: Mapping[str, Any]) -> str | Mapping[str, Sequence[str]]:
        try:
            if self._fresh:
                self._forget()
                self._fresh = False
            return self._store(unit, _Plan(number, self._draft(unit, cells, self._found(unit, [(number, cells)]))), True)
        except (BackofficeError, ValueError) as problem:
            return _reasons(problem)

    def _store(self, unit: Unit, plan: _Plan, careful: bool) -> str | Mapping[str, Sequence[str]]:
        """Store one draft; ``careful``: within a savepoint, so that its refusal takes nothing else along."""
        if plan.draft is None:
            return _UNCHANGED
        gathered = later.of(unit)
        mark = gathered.mark() if gathered is not None else (0, 0)
        point = unit.connection.begin_nested() if careful else None
        try:
            writes.store(unit, plan.draft)
            if point is not None:
                point.commit()
        except (BackofficeError, sa.exc.IntegrityError, sa.exc.DataError, sa.exc.OperationalError) as problem:
            # 54000: a value is too long for an index of PostgreSQL.
            if isinstance(problem, sa.exc.OperationalError) and getattr(problem.orig, "sqlstate", "") != "54000":
                raise
            if point is None:
                raise _Refused from problem
            point.rollback()
            if gathered is not None:
                gathered.cut(mark)
            return _reasons(problem)
        if plan.draft.before is None:
            self._fresh = True
            return "created"
        return "changed"

    def _count(self, row: int, outcome: str | Mapping[str, Sequence[str]]) -> None:
        if not isinstance(outcome, str):
            self.report.refuse(row, outcome)
        elif outcome == "created":
            self.report.created += 1
        elif outcome == "changed":
            self.report.changed += 1
        else:
            self.report.unchanged += 1

    def _key(self, cells: Mapping[str, Any]) -> object | None:
        return str(cells.get(self.upsert)) if self.upsert is not None else None

    def _found(self, unit: Unit, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[str, list[Record]]:
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
        for start in range(0, len(listed), BATCH):
            condition = Condition(self.upsert, "in", tuple(listed[start:start + BATCH]))
            for record in reader.walk(Query(where=Group(False, (condition,)), sort=(("id", False),))):
                if record.get(self.upsert) in texts:
                    found.setdefault(texts[record[self.upsert]], []).append(record)
        return found

    def _draft(self, unit: Unit, cells: Mapping[str, Any], found: Mapping[str, list[Record]]) -> Draft | None:
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
            if declared[name].type == "lines":  # their ids, like the record's own, belong to where they come from
                values[name] = tuple({key: cell for key, cell in line.items() if key != "id"} if isinstance(line, dict) else line
                                     for line in value or ())
        draft = preparing.start_new(unit, self.actor, self.name, values, None)
        draft.reason = "import"
        preparing.complete(draft)
        for heading, name in fixed.items():
            if name in SYSTEM_FIELDS and name != "state" or (held := declared.get(name)) is not None and held.type == "sequence":
                continue  # what is given to a new record only when it is stored
            if not self._same(cells.get(heading), self._shown(draft.record, heading, name)):
                raise Invalid({heading: [preparing.NOT_HERE]})
        return draft

    def _changed(self, unit: Unit, cells: Mapping[str, Any], record: Record) -> Draft | None:
        now = self._current(record)
        differing = {heading: value for heading, value in cells.items()
                     if heading in self.columns and not self._same(value, now.get(heading))}
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
            self._forget()
            self._parsing = (unit, self._made_reading(unit))
        return self._parsing[1]

    def _forget(self) -> None:
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
            return exporting.keys(self.p, self.actor, target_of(shown), (value,)).get(value, str(value))
        return value.currency if heading != name else kind(shown).to_text(shown, value)

    def _same(self, given: Any, held: Any) -> bool:
        """Whether a cell says what the record says already."""
        if self.table.is_json:
            return bool(given == held or (given in (None, "") and held in (None, [], "")))
        text = unguarded(str(given or "")) if self.table.is_csv else str(given or "")
        held = held or ""
        return text == held or str(given or "") == held or _number(text) == _number(held) is not None


def _number(text: str) -> float | None:
    """A plain number, for comparing what a spreadsheet made of it; None for anything else."""
    try:
        return float(text) if len(text) <= 17 and text.replace(".", "", 1).removeprefix("-").isdecimal() and text.isascii() else None
    except ValueError:
        return None


def _reasons(problem: Exception) -> Mapping[str, Sequence[str]]:
    if isinstance(problem, BackofficeError):
        return problem.errors or {"": [problem.detail]}
    if isinstance(problem, sa.exc.IntegrityError):
        return {"": ["A value is not available."]}
    if isinstance(problem, sa.exc.DBAPIError):
        return {"": ["A value is too large or of a form that the database does not take."]}
    return {"": [str(problem)]}


__all__ = ["Refusal", "Report", "run"]
