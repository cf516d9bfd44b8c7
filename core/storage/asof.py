"""A record as it was at an instant: today's values with every change since taken back, seen with today's rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from core.errors import NotFound
from core.facts import SYSTEM_FIELDS, EntityRef, Record, Value
from core.fields import kind
from core.storage import log
from core.storage.history import Meant, readable_titles
from core.storage.reading import Reader
from schemas.model import Field

Titles = Mapping[tuple[str, int], str | None]
_POINTING = frozenset({"reference", "references", "any_reference"})


def as_of(reader: Reader, number: int, at: datetime, meant: Meant = list) -> Record:
    """The record as it was at an aware instant. ``extra["changed"]`` names the fields that have changed since.

    ``meant`` puts the fields of entries under the names they have now.
    NotFound when it is not readable, or did not exist then. What no column keeps (a lookup, a formula over the present day)
    is left out: nobody wrote down what it was. So is a file that was replaced since: an address leads to today's file alone.
    """
    record = reader.get(number)
    if record["created_at"] > at:
        raise NotFound
    entity = reader.entity
    first: dict[str, Value] = {}
    since = meant(log.after(reader.unit, entity, number, at))
    for entry in since:
        first |= {change.field: change.before for change in entry.changes}
    table = reader.sight().table
    kept = table.columns.keys() | table.links.keys() | table.lines.keys() | SYSTEM_FIELDS.keys()
    for name in [name for name in record if name not in kept]:
        del record[name]
    then = {name: value for name, value in first.items() if name in record and name not in record.masked}
    declared = {name: field for name in then if (field := reader.sight().field(name)) is not None}
    wanted: dict[str, set[int]] = {}
    for name, field in declared.items():
        for target, id in _pointed(reader, field, then[name]):
            wanted.setdefault(target, set()).add(id)
    titles = readable_titles(reader, wanted)
    for name, value in then.items():
        record[name] = value
        if name in declared and kind(declared[name]).family == "file":
            del record[name]
        elif name in declared:
            _label(reader, record, declared[name], titles)
    if since:
        _stamp(reader, record, since[-1].id)
    record.extra["changed"] = frozenset(then)
    return record


def _stamp(reader: Reader, record: Record, before: int) -> None:
    """Version and last author as they were: those of the entry before the first change that was taken back."""
    former = log.entries(reader.unit, reader.entity.full_name, record.id, limit=1, before=before)
    if former:
        record["version"], record["updated_at"], record["updated_by"] = former[0].version, former[0].at, former[0].person
        record.labels.pop("updated_by", None)


def _pointed(reader: Reader, field: Field, value: Value) -> Iterator[tuple[str, int]]:
    if field.type == "lines":
        for line in _lines(value):
            for child in field.fields:
                yield from _pointed(reader, child, line.get(child.name))
        return
    if kind(field).family not in _POINTING:
        return
    target = reader.sight().target(field)
    for one in value if isinstance(value, tuple | list) else (value,):
        if isinstance(one, EntityRef):
            yield one.entity, one.id
        elif isinstance(one, int) and target:
            yield target, one


def _label(reader: Reader, record: Record, field: Field, titles: Titles) -> None:
    value = record[field.name]
    if field.type == "lines":
        record.labels[field.name] = tuple(
            {child.name: _said(reader, child, line.get(child.name), titles) for child in field.fields if kind(child).family in _POINTING}
            for line in _lines(value)
        )
    elif kind(field).family in _POINTING:
        record.labels[field.name] = _said(reader, field, value, titles)
    else:
        record.labels.pop(field.name, None)


def _said(reader: Reader, field: Field, value: Value, titles: Titles) -> Any:
    found = [titles.get(place) for place in _pointed(reader, field, value)]
    return tuple(found) if kind(field).family == "references" else next(iter(found), None)


def _lines(value: Value) -> Iterable[dict[str, Value]]:
    return value if isinstance(value, tuple | list) else ()
