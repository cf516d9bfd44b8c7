"""Making, changing and deleting records: what every door, job and plugin calls."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from core.access.actor import Actor
from core.access.grant import RowRights, grant
from core.errors import Conflict, NotFound, StaleVersion, Unaccepted
from core.facts import SYSTEM_FIELDS, Record, Value, same
from core.services import past, preparing, trash, writes
from core.services.defaults import DERIVED, nothing
from core.services.drafts import Draft
from core.services.platform import Platform
from core.services.work import VERBS
from core.storage import log, rows
from core.storage.formulas import Formulas
from core.storage.unit import Unit

FORGOTTEN = "(erased)"
"""What stands where a personal text was that may not be empty."""

STALE = "The record has changed since you read it."


def create(
    p: Platform,
    actor: Actor,
    entity: str,
    values: Mapping[str, Value],
    form: str | None = None,
    *,
    operation: str | None = None,
    reason: str = "",
    origin: int | None = None,
    accepted: Collection[str] | None = None,
) -> Record:
    """A new record, as the actor may see it. ``form`` names the form it was entered in, where a role may only use that.

    ``extra["warnings"]`` holds soft warnings by field. Raises Forbidden, Invalid (all problems at once), Conflict.
    ``origin`` is the record that a document amends. With ``accepted`` a warning of a field not named there raises Unaccepted.
    """

    def prepare(unit: Unit) -> Draft:
        draft = preparing.start_new(unit, actor, entity, values, form)
        draft.record.extra["amended_from"] = origin
        preparing.complete(draft)
        _heed(draft, accepted)
        return draft

    def commit(unit: Unit, draft: Draft) -> Record:
        record = writes.store(unit, draft)
        return _told(draft, writes.as_seen(unit, draft.entity, actor, record))

    return writes.twice(p, actor, prepare, commit, operation=operation, reason=reason)


def change(
    p: Platform,
    actor: Actor,
    entity: str,
    id: int,
    values: Mapping[str, Value],
    version: int | None = None,
    merge: bool = False,
    *,
    operation: str | None = None,
    reason: str = "",
    accepted: Collection[str] | None = None,
    relax: bool = False,
    within: Unit | None = None,
) -> Record:
    """Change fields of a record and give it as the actor now sees it; without a difference nothing is written.

    With ``version`` a record that has moved on raises StaleVersion (``current``, ``base``, ``base_values``,
    ``fields``). With ``merge`` as well, values equal to those of that version count as not edited, edits of other
    fields are kept and named in ``extra["merged"]``, and only fields that both sides changed raise StaleVersion.
    With ``accepted`` a warning of a field not named there raises Unaccepted. ``relax``: required fields that are empty and
    not touched stay allowed. ``within`` an open write unit it happens there.
    """

    def prepare(unit: Unit) -> Draft:
        draft, rights = preparing.start_change(unit, actor, entity, id)
        assert draft.before is not None
        mine = values
        if version is not None and version != draft.before.version:
            if not merge:
                raise _stale(unit, draft, version, {}, ())
            mine = _merge(p, unit, draft, values, version)
        preparing.give(draft, mine, preparing.writable_now(draft, rights) if mine else ())
        preparing.complete(draft, relax=relax)
        _heed(draft, accepted)
        return draft

    return _commit_change(p, actor, prepare, operation, reason, within)


def _heed(draft: Draft, accepted: Collection[str] | None) -> None:
    waiting = {} if accepted is None else {name: said for name, said in draft.warnings.items() if name not in accepted}
    if waiting:
        raise Unaccepted(waiting, "Please look at this once more.")


def _commit_change(
    p: Platform, actor: Actor, prepare: Any, operation: str | None, reason: str, within: Unit | None = None
) -> Record:
    unchanged: list[Draft] = []

    def plan(unit: Unit) -> Draft | None:
        draft: Draft = prepare(unit)
        if draft.changed():
            return draft
        unchanged.append(draft)
        return None

    def commit(unit: Unit, draft: Draft | None) -> Record:
        if draft is None:
            draft = unchanged[-1]
            return _told(draft, writes.as_seen(unit, draft.entity, actor, draft.record))
        record = writes.store(unit, draft)
        return _told(draft, writes.as_seen(unit, draft.entity, actor, record))

    return writes.twice(p, actor, plan, commit, within=within, operation=operation, reason=reason, one=True)


def _told(draft: Draft, record: Record) -> Record:
    record.extra["warnings"] = dict(draft.warnings)
    record.extra["merged"] = draft.merged
    return record


def _merge(p: Platform, unit: Unit, draft: Draft, values: Mapping[str, Value], version: int) -> dict[str, Value]:
    """Those of the given values that were edited since ``version``; StaleVersion where both sides edited one field."""
    current = draft.before
    assert current is not None
    base = past.at_version(p, unit, draft.entity, current, version)
    given = preparing.settled(draft, values)
    mine = {name: value for name, value in given.items() if not same(value, base.get(draft.names.get(name, name)))}
    theirs = {name for name in current if name in base and not same(current[name], base[name])} - SYSTEM_FIELDS.keys()
    both = [
        name
        for name, value in mine.items()
        if draft.names.get(name, name) in theirs and not same(value, current.get(draft.names.get(name, name)))
    ]
    if both:
        raise _stale(unit, draft, version, base, tuple(both))
    derived = {one.name for one in draft.entity.fields if one.type in DERIVED}
    visible = grant(draft.entity, draft.actor).visible()
    draft.merged = tuple(sorted((theirs - derived - set(mine)) & visible))
    return {name: values[name] for name in mine}


def _stale(unit: Unit, draft: Draft, version: int, base: Mapping[str, Value], fields: tuple[str, ...]) -> StaleVersion:
    assert draft.before is not None
    current = writes.as_seen(unit, draft.entity, draft.actor, draft.before)
    seen = {name: value for name, value in base.items() if name in current and name not in current.masked}
    return StaleVersion(STALE, current=current, base=version, base_values=seen, fields=fields)


def delete(
    p: Platform,
    actor: Actor,
    entity: str,
    id: int,
    version: int | None = None,
    *,
    operation: str | None = None,
    reason: str = "",
) -> None:
    """Move a record to the trash, with what goes along. Raises NotFound, Forbidden, StaleVersion, Conflict."""
    trash.delete(p, actor, entity, id, version, operation=operation, reason=reason)


def restore(
    p: Platform, actor: Actor, entity: str, id: int, *, operation: str | None = None, reason: str = ""
) -> Record:
    """Take a record, and what went to the trash with it, out of the trash again."""
    return trash.restore(p, actor, entity, id, operation=operation, reason=reason)


def preview_delete(p: Platform, actor: Actor, entity: str, id: int) -> trash.Preview:
    """What deleting the record would take along, clear, or stumble over."""
    return trash.preview(p, actor, entity, id)


def rights(p: Platform, actor: Actor, entity: str, id: int) -> RowRights:
    """What the actor may do with the record; NotFound when it may not be read."""
    with p.read(actor) as unit:
        shape = unit.generation.entity(entity)
        record = rows.load(unit, entity, id)
        if record is None or record.extra.get("trashed_at") is not None:
            raise NotFound
        found = preparing.rights_on(unit, Formulas(unit), shape, actor, record)
        if not found.readable:
            raise NotFound
        return found


def as_of(p: Platform, actor: Actor, entity: str, id: int, at: Any) -> Record:
    """The record as it was at an instant, with today's rights; NotFound when it did not exist then."""
    return past.as_of(p, actor, entity, id, at)


def copy(p: Platform, actor: Actor, entity: str, id: int) -> dict[str, Value]:
    """The values of a new record like this one: what the actor may give, less ``no_copy`` and unique fields."""
    with p.read(actor) as unit:
        draft, found = preparing.start_change(unit, actor, entity, id)
        rights = grant(draft.entity, actor)
        values: dict[str, Value] = {}
        for one in draft.entity.fields:
            if not preparing.may_be_given(one) or one.no_copy or one.unique is True or one.name not in found.visible:
                continue
            if one.name in rights.creatable(None) and draft.record.get(one.name) != nothing(one):
                value = draft.record.get(one.name)
                if one.type == "lines":
                    value = tuple(
                        {name: cell for name, cell in line.items() if name not in {"id", "position"}}
                        for line in value or ()
                    )
                values[one.name] = value
        return values


def settings(p: Platform, actor: Actor, entity: str) -> int:
    """The id of a settings entity's one record, made with its defaults the first time it is asked for."""
    with p.read(actor) as unit:
        shape = unit.generation.entity(entity)
        if shape.kind != "settings":
            raise Conflict(f"{entity} is no settings entity.")
        found = rows.first_id(unit, entity)
    if found is not None:
        return found
    system = Actor.system("the one record of a settings entity")

    def prepare(unit: Unit) -> Draft:
        draft = preparing.start_new(unit, system, entity, {}, None, anything=True)
        preparing.complete(draft, relax=True, bare=True)
        return draft

    try:
        return writes.twice(p, system, prepare, lambda unit, draft: writes.store(unit, draft).id)
    except Conflict:
        with p.read(actor) as unit:
            found = rows.first_id(unit, entity)
        if found is None:
            raise
        return found


def _create_within(unit: Unit, actor: Actor, entity: str, values: Mapping[str, Value]) -> Record:
    draft = preparing.start_new(unit, actor, entity, values, None, anything=True)
    preparing.complete(draft)
    return writes.store(unit, draft)


def _change_within(unit: Unit, actor: Actor, entity: str, id: int, values: Mapping[str, Value]) -> Record:
    draft, _ = preparing.start_change(unit, actor, entity, id)
    preparing.give(draft, values, preparing.by_rules(draft), anything=True)
    preparing.complete(draft, relax=True)
    return writes.store(unit, draft) if draft.changed() else draft.record


def _forget_within(unit: Unit, actor: Actor, entity: str, id: int) -> Record:
    """Empty the personal fields of a record, and forget what they held in its history; the chain of the log stays whole."""
    personal = [one for one in unit.generation.entity(entity).fields if one.personal]
    blank = {one.name: FORGOTTEN if one.required and one.type == "text" else nothing(one) for one in personal}
    made = _change_within(unit, actor, entity, id, blank)
    log.erase(unit, entity, id, list(blank))
    return made


VERBS["create"] = _create_within
VERBS["change"] = _change_within
VERBS["forget"] = _forget_within
