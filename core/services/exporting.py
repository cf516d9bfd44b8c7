"""Exports: the records a query finds as CSV, XLSX or JSON, read batch by batch in short units."""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from core.access.actor import Actor
from core.access.grant import grant
from core.errors import BadRequest, Forbidden, TooLarge
from core.facts import Money, Record, Value
from core.fields import Showing, effective, kind, target_of
from core.render.serializers import dump_of, file_ids, file_places
from core.services import files, looking
from core.services.platform import Platform
from core.services.preparing import who_may
from core.storage.origins import origins
from core.storage.query import Query, field_of
from core.storage.reading import Reader, key_fields
from schemas.model import Entity, Field

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
BATCH = 500
MOST_ROWS = 1_048_575
MOST_TEXT = 32_767
_RISKY = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


@dataclass(frozen=True)
class Export:
    """A file to send: its name, media type and bytes in blocks."""

    name: str
    type: str
    blocks: Iterator[bytes]


@dataclass(frozen=True)
class Column:
    """One column of a sheet: its heading and the field it shows; ``currency`` is the second column of an amount."""

    heading: str
    field: str
    shown: Field
    currency: bool = False


def whole(p: Platform, actor: Actor, entity: str, format: str) -> Export:
    """Every record that may be exported, by id: ``id``, every readable field, ``state``, ``version``."""
    return listed(p, actor, entity, Query(sort=(("id", False),)), None, format)


def listed(p: Platform, actor: Actor, entity: str, query: Query, columns: Sequence[str] | None, format: str) -> Export:
    """The records of a list in its order, ``id`` first, then ``columns`` (None: as :func:`whole`).

    Raises Forbidden without the right to export, BadRequest for an unknown format or column.
    """
    if format not in FORMATS:
        raise BadRequest("An export is csv, xlsx or json.")
    shape = p.current.entity(entity)
    with p.read(actor) as unit:
        looking.reader(unit, entity)
        if not grant(shape, actor).may("export"):
            raise Forbidden(who_may(unit, shape, "export"))
    sheet = Sheet(p, actor, shape, columns)
    fields = None if columns is None and format == "json" else sheet.names
    found = looking.walk(p, actor, entity, replace(query, fields=fields), BATCH, "exported", "export")
    # The first batch is read now, so that a refusal is told before the first byte is sent.
    first = list(islice(found, BATCH))
    batches = _batches(first, found)
    writer: dict[str, Callable[[Sheet, Iterable[list[Record]]], Iterator[bytes]]] = {"csv": _csv, "xlsx": _xlsx, "json": _json}
    return Export(f"{shape.plugin}-{shape.name}.{format}", FORMATS[format], writer[format](sheet, batches))


class Sheet:
    """Which columns of an entity stand in a file, and records as their cells."""

    def __init__(self, p: Platform, actor: Actor, shape: Entity, columns: Sequence[str] | None = None) -> None:
        self.p, self.actor, self.shape = p, actor, shape
        self.whole = columns is None
        self._ids: dict[tuple[str, int], str] = {}
        visible = looking.visible(p, actor, shape.full_name)
        if columns is None:
            names = [
                "id",
                *(one.name for one in shape.fields),
                *(("state",) if shape.workflow or shape.kind == "document" else ()),
                "version",
            ]
        else:
            names = list(dict.fromkeys(["id", *columns]))
        self.columns: list[Column] = []
        for name in names:
            one = field_of(shape, name)
            if one is None or name not in visible:
                if columns is None:
                    continue
                raise BadRequest(f"There is no field “{name[:80]}” here to filter, sort or show by. Check the name.")
            shown = effective(one, p.current.entities, shape) if shape.field(name) is one else one
            if kind(shown).name == "secret":
                continue
            self.columns.append(Column(name, name, shown))
            if kind(shown).family == "money":
                self.columns.append(Column(f"{name}_currency", name, shown, True))
        self.names = tuple(dict.fromkeys(one.field for one in self.columns))

    def rows(self, records: Sequence[Record]) -> list[list[str]]:
        """The cells of a batch as CSV texts, without the guard."""
        keys = self._keys(records)
        names = self._files(records)
        return [[self._cell(one, record, keys, names) for one in self.columns] for record in records]

    def _cell(self, one: Column, record: Record, keys: Mapping[str, Mapping[int, str]], names: Mapping[int, str]) -> str:
        value = record.get(one.field)
        if value is None:
            return ""
        family = kind(one.shown).family
        if family == "money":
            return value.currency if one.currency else kind(one.shown).to_text(one.shown, value)
        if family == "reference":
            return self.pointed(target_of(one.shown), value, keys.get(target_of(one.shown), {}))
        if family == "references":
            # A key that holds what separates keys could not be told apart again.
            known = {number: key for number, key in keys.get(target_of(one.shown), {}).items() if ";" not in key}
            return ";".join(self.pointed(target_of(one.shown), number, known) for number in value)
        if family == "file":
            return names.get(value, "")
        if family == "lines":
            made = dump_of(self.shape, self.p.current.entities).value(one.field, value, Showing())
            return json.dumps(made, ensure_ascii=False) if value else ""
        return kind(one.shown).to_text(one.shown, value)

    def pointed(self, target: str, number: int, known: Mapping[int, str]) -> str:
        """A record as an import finds it again: its key, else its id, with its entity where the bare id is another one's key."""
        key = known.get(number)
        if key is not None and not key.startswith(f"{target}:"):
            return key
        place = (target, number)
        if place not in self._ids:
            self._ids[place] = f"{target}:{number}" if self._is_key(target, str(number)) else str(number)
        return self._ids[place]

    def _is_key(self, target: str, text: str) -> bool:
        shape = self.p.current.entities.get(target)
        if shape is None or len(key_fields(shape)) != 1:
            return False
        # Whoever imports the file may read more than whoever exports it.
        with self.p.read(Actor.system("ids in an export")) as unit:
            return Reader(unit, target).find_key(text) is not None

    def _keys(self, records: Sequence[Record]) -> dict[str, dict[int, str]]:
        wanted: dict[str, set[int]] = {}
        for one in self.columns:
            if kind(one.shown).family in ("reference", "references"):
                for record in records:
                    held = record.get(one.field)
                    wanted.setdefault(target_of(one.shown), set()).update(
                        held if isinstance(held, tuple) else () if held is None else (held,)
                    )
        return {target: keys(self.p, self.actor, target, numbers) for target, numbers in wanted.items()}

    def _files(self, records: Sequence[Record]) -> dict[int, str]:
        wanted = {number for one in self.columns if kind(one.shown).family == "file" for record in records
                  if isinstance(number := record.get(one.field), int)}
        return {number: one.name for number, one in files.facts(self.p, self.actor, wanted).items()}


def keys(p: Platform, actor: Actor, entity: str, numbers: Iterable[int], depth: int = 2) -> dict[int, str]:
    """Human keys of those records that the actor may read and whose key shows; several fields are joined by `` / ``."""
    wanted, shape = set(numbers), p.current.entities.get(entity)
    names = key_fields(shape) if shape is not None else ()
    if not wanted or shape is None or not names or not depth or not grant(shape, actor).may("read"):
        return {}
    visible = looking.visible(p, actor, entity)
    if not set(names) <= visible:
        return {}
    found = looking.get_many(p, actor, entity, wanted, tuple(names))
    parts = {number: [_part(p, actor, shape, name, record.get(name), depth) for name in names] for number, record in found.items()}
    return {number: " / ".join(texts) for number, texts in parts.items() if all(texts)}


def as_json(p: Platform, actor: Actor, shape: Entity, records: Sequence[Record]) -> list[dict[str, Any]]:
    """Records as the API answers them."""
    dump = dump_of(shape, p.current.entities)
    has_files = bool(dump.files or dump.line_files)
    known = files.facts(p, actor, file_ids(dump, records)) if has_files else {}
    made = []
    for record in records:
        base = f"/api/v1/{shape.plugin}/{shape.name}/{record.id}/files/"
        urls = {number: base + place for number, place in file_places(dump, record)} if has_files else {}

        def facts(number: int, urls: dict[int, str] = urls) -> Mapping[str, Any] | None:
            return files.shown(known[number], urls[number]) if number in known and number in urls else None

        made.append(dump.record(record, Showing(zone=actor.zone, locale=actor.locale, file=facts)))
    if shape.kind == "document" and shape.field("amended_from") is None and made:
        with p.read(actor) as unit:
            amended = origins(unit, shape, (record.id for record in records))
        for item, record in zip(made, records, strict=True):
            item["amended_from"] = amended.get(record.id)
    return made


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one ``'`` in front of what could be one."""
    return f"'{text}" if _RISKY.match(text) else text


def unguarded(text: str) -> str:
    """The text that :func:`guarded` was given."""
    return text[1:] if _GUARDED.match(text) else text


def is_text(shown: Field) -> bool:
    """Whether cells of this field hold text that a spreadsheet could take for a formula."""
    return kind(shown).family in ("text", "choice", "choices", "reference", "references", "file", "json")


def _part(p: Platform, actor: Actor, shape: Entity, name: str, value: Value, depth: int) -> str:
    one = field_of(shape, name)
    if one is None or value is None:
        return ""
    shown = effective(one, p.current.entities, shape)
    if kind(shown).family == "reference":
        return keys(p, actor, target_of(shown), (value,), depth - 1).get(value, "")
    return kind(shown).to_text(shown, value)


def _batches(first: list[Record], rest: Iterator[Record]) -> Iterator[list[Record]]:
    batch = first
    while batch:
        yield batch
        batch = list(islice(rest, BATCH)) if len(batch) == BATCH else []


class _Rows(list[str]):
    """Rows of CSV, each ended by a line feed.

    The writer puts quotes around what holds a sign of its line end, so that it has to end lines with both:
    else a carriage return within a text would break the row for every reader.
    """

    def write(self, row: str) -> None:
        self.append(row.removesuffix("\r\n") + "\n")


def _csv(sheet: Sheet, batches: Iterable[list[Record]]) -> Iterator[bytes]:
    text = [is_text(one.shown) for one in sheet.columns]
    out = _Rows()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([one.heading for one in sheet.columns])
    for batch in batches:
        for cells in sheet.rows(batch):
            writer.writerow([guarded(cell) if risky else cell for cell, risky in zip(cells, text, strict=True)])
        yield "".join(out).encode("utf-8")
        out.clear()
    yield "".join(out).encode("utf-8")


def _json(sheet: Sheet, batches: Iterable[list[Record]]) -> Iterator[bytes]:
    mark = "["
    for batch in batches:
        made = as_json(sheet.p, sheet.actor, sheet.shape, batch)
        yield "".join(f"{mark if not n else ','}\n{json.dumps(one, ensure_ascii=False)}" for n, one in enumerate(made)).encode("utf-8")
        mark = ","
    yield b"[]\n" if mark == "[" else b"\n]\n"


def _xlsx(sheet: Sheet, batches: Iterable[list[Record]]) -> Iterator[bytes]:
    import xlsxwriter  # heavy, and rarely asked for

    with tempfile.TemporaryFile() as target:
        book = xlsxwriter.Workbook(target, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                                            "strings_to_numbers": False, "default_date_format": "yyyy-mm-dd"})
        page = book.add_worksheet(sheet.shape.name[:31])
        bold = book.add_format({"bold": True})
        for place, one in enumerate(sheet.columns):
            page.write_string(0, place, one.heading, bold)
        number = 0
        for batch in batches:
            for record, cells in zip(batch, sheet.rows(batch), strict=True):
                number += 1
                if number > MOST_ROWS:
                    raise TooLarge(f"A worksheet holds at most {MOST_ROWS:,} rows. Export as csv or json, or narrow the list.")
                for place, (one, cell) in enumerate(zip(sheet.columns, cells, strict=True)):
                    _write(page, number, place, one, record.get(one.field), cell)
        book.close()
        target.seek(0)
        while block := target.read(256 * 1024):
            yield block


def _write(page: Any, row: int, place: int, one: Column, value: Value, cell: str) -> None:
    if cell == "":
        return
    if isinstance(value, Money) and not one.currency:
        page.write_number(row, place, float(value.amount))
    elif isinstance(value, int | Decimal) and not isinstance(value, bool) and kind(one.shown).family == "number":
        page.write_number(row, place, float(value) if isinstance(value, Decimal) else value)
    elif type(value) is date and value.year >= 1900:
        page.write_datetime(row, place, value)
    elif len(cell) > MOST_TEXT:
        raise TooLarge(f"{one.heading} of record {row} is longer than a worksheet's cell. Export as csv or json.")
    else:
        page.write_string(row, place, cell)


__all__ = ["FORMATS", "Column", "Export", "Sheet", "as_json", "guarded", "is_text", "keys", "listed", "unguarded", "whole"]
