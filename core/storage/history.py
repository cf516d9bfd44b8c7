"""A record's history as one reader may see it: what happened, and values of fields that show now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby

import sqlalchemy as sa

from core.errors import BadRequest
from core.facts import EntityRef, Record, Value, same
from core.fields import kind
from core.storage import log
from core.storage.log import Entry
from core.storage.reading import Reader

Meant = Callable[[Sequence[Entry]], list[Entry]]
_BEYOND = 50
_TRASHED = "trashed"


@dataclass(frozen=True)
class Difference:
    """One field's values before and after, with the readable titles of what they refer to (None: not readable)."""

    field: str
    before: Value
    after: Value
    before_label: str | None = None
    after_label: str | None = None


@dataclass(frozen=True)
class Event:
    """One operation on the record. ``hidden`` counts changes of fields that the reader may not see."""

    id: int
    at: datetime
    actor: str
    person: int | None
    on_behalf_of: int | None
    channel: str
    operation: str
    action: str
    transition: str
    reason: str
    version: int
    changes: tuple[Difference, ...]
    hidden: int = 0


@dataclass(frozen=True)
class History:
    """Events, newest first; ``next`` continues with older ones."""

    items: tuple[Event, ...]
    next: str | None


def history(
    reader: Reader, number: int, *, limit: int = 50, after: str | None = None, trashed: bool = False, meant: Meant = list
) -> History:
    """The record's events. NotFound when the record is not readable, BadRequest for a bad cursor.

    ``meant`` puts the fields of entries under the names they have now.
    """
    record = reader.get(number, trashed=trashed)
    limit = max(1, min(limit, 200))
    found = meant(log.entries(reader.unit, reader.entity.full_name, number, limit=limit + _BEYOND, before=_place(after)))
    # One operation may have changed the record several times (a hook, a roll-up): it is one event.
    events = [list(group) for _, group in groupby(found, key=lambda entry: entry.operation)]
    shown, more = events[:limit], len(events) > limit or len(found) == limit + _BEYOND
    titles = _titles(reader, record, shown)
    items = tuple(_event(reader, record, group, titles) for group in shown)
    return History(items, str(shown[-1][-1].id) if shown and more else None)


def _place(after: str | None) -> int | None:
    if not after:
        return None
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise BadRequest("This place in the history is not known. Start again at its newest entry.")
    return int(after)


def _event(reader: Reader, record: Record, group: list[Entry], titles: dict[tuple[str, int], str | None]) -> Event:
    newest, first = group[0], group[-1]
    before: dict[str, Value] = {}
    after: dict[str, Value] = {}
    for entry in reversed(group):
        for change in entry.changes:
            before.setdefault(change.field, change.before)
            after[change.field] = change.after
    names = [name for name in after if name != _TRASHED and not same(before[name], after[name])]
    seen = [name for name in names if name in record and name not in record.masked]
    transition = next((entry.transition for entry in group if entry.transition), "")
    changes = tuple(
        Difference(
            name,
            before[name],
            after[name],
            _label(reader, name, before[name], titles),
            _label(reader, name, after[name], titles),
        )
        for name in seen
    )
    return Event(
        newest.id,
        newest.at,
        newest.actor,
        newest.person,
        newest.on_behalf_of,
        newest.channel,
        newest.operation,
        first.action,
        transition,
        next((entry.reason for entry in group if entry.reason), ""),
        newest.version,
        changes,
        len(names) - len(seen),
    )


def _titles(reader: Reader, record: Record, groups: Iterable[list[Entry]]) -> dict[tuple[str, int], str | None]:
    """The readable titles of everything that visible values refer to, one statement for each entity."""
    wanted: dict[str, set[int]] = {}
    for group in groups:
        for entry in group:
            for change in entry.changes:
                if change.field in record and change.field not in record.masked:
                    for entity, number in _pointed(reader, change.field, (change.before, change.after)):
                        wanted.setdefault(entity, set()).add(number)
    return readable_titles(reader, wanted)


def readable_titles(reader: Reader, wanted: Mapping[str, Collection[int]]) -> dict[tuple[str, int], str | None]:
    """The titles of records of other entities, as far as the reader may read them; one statement for each entity."""
    found: dict[tuple[str, int], str | None] = {}
    for entity, numbers in wanted.items():
        there = reader.sight().other(entity)
        if there is not None:
            chosen = sa.select(there.at.c.id, there.at.c.display_title)
            chosen = chosen.where(there.at.c.id.in_(numbers), there.titled())
            found.update(((entity, int(row[0])), row[1]) for row in reader.unit.connection.execute(chosen))
    return found


def _pointed(reader: Reader, name: str, values: Iterable[Value]) -> Iterator[tuple[str, int]]:
    sight = reader.sight()
    declared = sight.field(name)
    if declared is None or kind(declared).family not in {"reference", "references", "any_reference"}:
        return
    target = sight.target(declared)
    for value in chain.from_iterable(one if isinstance(one, tuple) else (one,) for one in values):
        if isinstance(value, EntityRef):
            yield value.entity, value.id
        elif isinstance(value, int) and target:
            yield target, value


def _label(reader: Reader, name: str, value: Value, titles: dict[tuple[str, int], str | None]) -> str | None:
    found = [titles.get(place) for place in _pointed(reader, name, (value,))]
    if isinstance(value, tuple):
        return ", ".join(one or "…" for one in found) if found else None  # one that may not be read stays unnamed
    return next(iter(found), None)
