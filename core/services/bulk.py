"""One change to many records: shown before it is made, one operation id, reported record by record.

Fifty records share a unit of work, each behind a savepoint of its own: one refusal stops nobody else, and others wait no
longer than for these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import sqlalchemy as sa

from core.access.actor import Actor
from core.access.grant import grant
from core.errors import BackofficeError, BadRequest, Busy, Conflict, NotFound
from core.facts import Record, Value
from core.services import looking, moves, preparing, records, trash, writes
from core.services.drafts import Draft
from core.services.platform import Platform
from core.storage import later
from core.storage.query import Query
from core.storage.reading import Reader
from core.storage.unit import HeadMoved, Unit, refusal
from core.storage.writing import settle

MOST = 10_000
AT_ONCE = 50

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records: ``ids``, or all that match ``query`` (at most 10,000)."""

    ids: tuple[int, ...] = ()
    query: Query | None = None


@dataclass
class Row:
    """One record of a preview or report. ``changes`` maps fields to (before, after); ``why_not`` says why not."""

    id: int
    title: str
    changes: dict[str, tuple[Value, Value]] = field(default_factory=dict)
    why_not: str = ""
    done: bool = False


@dataclass
class Outcome:
    """What a bulk change will do or did. ``operation`` undoes it all ("" before); ``total`` counts the selection."""

    operation: str
    rows: list[Row]
    total: int

    @property
    def refused(self) -> list[Row]:
        """The records that stay as they are, each with its reason."""
        return [one for one in self.rows if one.why_not]

    @property
    def done(self) -> int:
        """How many records were changed."""
        return sum(one.done for one in self.rows)


def selected(p: Platform, actor: Actor, entity: str, selection: Selection) -> list[int]:
    """The ids of the selection that the actor may read, in order. BadRequest above 10,000."""
    with p.read(actor) as unit:
        shape = unit.generation.entity(entity)
        reader = Reader(unit, entity, grant(shape, actor))
        if selection.query is None:
            if len(selection.ids) > MOST:
                raise BadRequest(f"At most {MOST:,} records can be changed at once.")
            readable = reader.get_many(selection.ids, fields=())
            return [number for number in dict.fromkeys(selection.ids) if number in readable]
        found: list[int] = []
        for record in reader.walk(selection.query):
            found.append(record.id)
            if len(found) > MOST:
                raise BadRequest(f"More than {MOST:,} records match; narrow the filter.")
        return found


def preview_edit(p: Platform, actor: Actor, entity: str, selection: Selection, values: Mapping[str, Value]) -> Outcome:
    """What :func:`edit` would change and where not, for the first 200 of the selection; writes nothing."""

    def look(unit: Unit, number: int) -> Draft:
        draft, rights = preparing.start_change(unit, actor, entity, number)
        preparing.give(draft, values, preparing.writable_now(draft, rights))
        preparing.complete(draft, relax=True)
        return draft

    return _preview(p, actor, entity, selection, look)


def preview_move(
    p: Platform,
    actor: Actor,
    entity: str,
    selection: Selection,
    transition: str,
    values: Mapping[str, Value],
    reason: str = "",
) -> Outcome:
    """What :func:`move` would do and where not, for the first 200 of the selection; writes nothing."""
    return _preview(
        p,
        actor,
        entity,
        selection,
        lambda unit, number: moves.prepare(unit, actor, entity, number, transition, dict(values), reason, None),
    )


def preview_delete(p: Platform, actor: Actor, entity: str, selection: Selection) -> Outcome:
    """What :func:`delete` would do and where not, for the first 200 of the selection; deletes nothing."""
    numbers = selected(p, actor, entity, selection)
    rows = []
    with p.read(actor) as unit:
        titles = _titles(unit, entity, numbers[:SHOWN])
    for number in numbers[:SHOWN]:
        title = titles.get(number, "")
        try:
            rights = records.rights(p, actor, entity, number)
            found = trash.preview(p, actor, entity, number)
            why = "" if rights.may_delete else "You may not delete it."
            rows.append(Row(number, title, why_not=why or ("" if found.possible else trash.IN_USE)))
        except BackofficeError as problem:
            rows.append(Row(number, title, why_not=_said(problem)))
    return Outcome("", rows, len(numbers))


def _titles(unit: Unit, entity: str, numbers: Sequence[int]) -> dict[int, str]:
    """The titles of those records that the actor may read, as they are shown to the actor."""
    found = looking.reader(unit, entity).get_many(numbers, ("display_title",))
    return {number: str(one.get("display_title") or "") for number, one in found.items()}


def _preview(
    p: Platform, actor: Actor, entity: str, selection: Selection, look: Callable[[Unit, int], Draft]
) -> Outcome:
    numbers = selected(p, actor, entity, selection)
    rows: list[Row] = []
    with p.read(actor) as unit:
        visible = grant(unit.generation.entity(entity), actor).visible() | {"state"}
        titles = _titles(unit, entity, numbers[:SHOWN])
        for number in numbers[:SHOWN]:
            try:
                draft = look(unit, number)
                before = draft.before or Record(entity)
                changes = {
                    name: (before.get(name), draft.record.get(name)) for name in sorted(draft.changed() & visible)
                }
                rows.append(Row(number, titles.get(number, ""), changes))
            except BackofficeError as problem:
                rows.append(Row(number, titles.get(number, ""), why_not=_said(problem)))
    return Outcome("", rows, len(numbers))


def edit(
    p: Platform, actor: Actor, entity: str, selection: Selection, values: Mapping[str, Value], *, reason: str = ""
) -> Outcome:
    """Set the same fields on every selected record; those that refuse stay as they are and are reported."""
    return _each(
        p,
        actor,
        entity,
        selection,
        lambda unit, number: records.change(p, actor, entity, number, values, relax=True, within=unit),
        reason,
    )


def move(
    p: Platform,
    actor: Actor,
    entity: str,
    selection: Selection,
    transition: str,
    values: Mapping[str, Value] | None = None,
    *,
    reason: str = "",
) -> Outcome:
    """Make the same move with every selected record."""
    return _each(
        p,
        actor,
        entity,
        selection,
        lambda unit, number: moves.move(p, actor, entity, number, transition, values, reason, within=unit),
        reason,
    )


def delete(p: Platform, actor: Actor, entity: str, selection: Selection, *, reason: str = "") -> Outcome:
    """Put every selected record into the trash."""
    return _each(
        p,
        actor,
        entity,
        selection,
        lambda unit, number: trash.delete(p, actor, entity, number, within=unit),
        reason,
    )


def restore(p: Platform, actor: Actor, entity: str, ids: Sequence[int]) -> Outcome:
    """Take these records out of the trash."""
    return _all(p, actor, ids, lambda unit, number: trash.restore(p, actor, entity, number, within=unit), "")


_Verb = Callable[[Unit, int], object]


def _each(p: Platform, actor: Actor, entity: str, selection: Selection, verb: _Verb, reason: str) -> Outcome:
    return _all(p, actor, selected(p, actor, entity, selection), verb, reason)


def _all(p: Platform, actor: Actor, numbers: Sequence[int], verb: _Verb, reason: str) -> Outcome:
    outcome = Outcome(uuid4().hex, [], len(numbers))
    for start in range(0, len(numbers), AT_ONCE):
        outcome.rows += _some(p, actor, numbers[start : start + AT_ONCE], verb, outcome.operation, reason)
    return outcome


def _some(p: Platform, actor: Actor, numbers: Sequence[int], verb: _Verb, operation: str, reason: str) -> list[Row]:
    """One unit; from the beginning again when the configuration moved on, or two writers waited for each other."""
    for attempt in range(writes.TRIES):
        try:
            with p.write(actor, operation=operation, reason=reason) as unit:
                later.gather(unit)
                rows = [_one(unit, number, verb) for number in numbers]
                settle(unit)
                return rows
        except HeadMoved:
            p.generation()
        except Busy as busy:
            if not writes.deadlock(busy) or attempt == writes.TRIES - 1:
                raise
    raise Conflict(writes.MOVED)


def _one(unit: Unit, number: int, verb: _Verb) -> Row:
    """One record behind a savepoint: what it is refused for takes nothing else along."""
    gathered = later.of(unit)
    assert gathered is not None
    mark, point = gathered.mark(), unit.connection.begin_nested()
    try:
        done = verb(unit, number)
        point.commit()
        return Row(number, str(done.get("display_title") or "") if isinstance(done, Record) else "", done=True)
    except NotFound:
        why = "It is gone, or you may no longer see it."
    except Busy:
        raise
    except BackofficeError as problem:
        why = _said(problem)
    except sa.exc.DBAPIError as error:
        said = refusal(error)
        if said is None:
            raise
        why = _said(said)
    point.rollback()
    gathered.cut(mark)
    return Row(number, "", why_not=why)


def _said(problem: BackofficeError) -> str:
    sentences = [f"{name}: {one}" if name else one for name, said in problem.errors.items() for one in said]
    return " ".join(sentences) or problem.detail
