"""The two halves of every write: prepared in a read unit, committed in a write unit that compares what was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from core.access.actor import Actor
from core.access.grant import grant
from core.errors import Busy, Conflict, Invalid, NotFound
from core.facts import Record
from core.hooks import Refusal
from core.services.drafts import Draft
from core.services.platform import Platform
from core.services.preparing import visible_errors
from core.services.work import Work
from core.storage.reading import Reader
from core.storage.unit import HeadMoved, Unit
from core.storage.writing import RowMoved, Writer
from schemas.model import Entity

TRIES = 8
PATIENT = 3
"""How often one record may move between the two halves before both happen under its lock."""
MOVED = "The record was changed by somebody else at the same time. Please try again."
_Plan = TypeVar("_Plan")
_Done = TypeVar("_Done")


def twice(
    p: Platform,
    actor: Actor,
    prepare: Callable[[Unit], _Plan],
    commit: Callable[[Unit, _Plan], _Done],
    *,
    within: Unit | None = None,
    operation: str | None = None,
    reason: str = "",
    one: bool = False,
) -> _Done:
    """Prepare outside any lock, then commit; again when head or record moved meanwhile, a few times, then Conflict.

    ``within`` an open write unit both halves happen there, and whoever opened it tries again. A plan that is None means
    that there is nothing to write: ``commit`` is then called in the read unit. ``one``: ``prepare`` begins with reading one
    record (``preparing.start_change``). Where others write it again and again, both halves happen in one write unit, in
    which that reading takes the row: nobody is refused for the writes of others.
    """
    if within is not None:
        return commit(within, prepare(within))
    moved = 0
    for attempt in range(TRIES):
        generation = p.generation() if attempt else p.current
        try:
            if one and moved >= PATIENT:
                with p.write(actor, generation, operation=operation, reason=reason) as unit:
                    return commit(unit, prepare(unit))
            with p.read(actor, generation) as unit:
                plan = prepare(unit)
                if plan is None:
                    return commit(unit, plan)
            with p.write(actor, generation, operation=operation, reason=reason) as unit:
                return commit(unit, plan)
        except HeadMoved:
            p.generation()
        except RowMoved:
            moved += 1
        except Busy as busy:
            if not deadlock(busy) or attempt == TRIES - 1:
                raise
    raise Conflict(MOVED)


def deadlock(busy: Busy) -> bool:
    """Whether PostgreSQL ended one of two writers that waited for each other; nothing of it was kept."""
    cause = busy.__cause__
    while cause is not None and not hasattr(cause, "sqlstate"):
        cause = getattr(cause, "orig", None) or cause.__cause__
    return getattr(cause, "sqlstate", "") in {"40P01", "40001"}


def store(unit: Unit, draft: Draft, *, action: str = "write") -> Record:
    """Commit a draft: write it, call the hooks that come after, and give the record as it now stands in full."""
    rights = grant(draft.entity, draft.actor)
    held = draft.unit is unit and unit.writing
    draft_unit_moved(draft, unit)
    writer = Writer(unit, draft.entity.full_name, rights, draft.formulas, words=search_words(unit, draft.record))
    try:
        if draft.before is None:
            record = writer.insert(draft.record, given=draft.given, shape=draft.shape, may=draft.may)
        else:
            record = writer.update(
                draft.before,
                draft.record,
                given=draft.given,
                transition=draft.transition,
                action=action,
                shape=draft.shape,
                opened=draft.opened,
                held=held,
            )
    except (Conflict, Invalid) as problem:
        visible_errors(problem, rights)
        raise
    call_after(unit, draft, record)
    return record


def draft_unit_moved(draft: Draft, unit: Unit) -> None:
    """Let the draft's rules be evaluated in the unit that commits it, with nothing remembered from the one before."""
    if draft.unit is not unit:
        draft.unit = unit
        draft.formulas = type(draft.formulas)(unit)


def call_after(unit: Unit, draft: Draft, record: Record) -> None:
    """after_save, then after_transition for a move; a plugin's writes are kept whole or taken back with its failure."""
    change = draft.change
    change = replace(change, record=record)
    arguments = {"record": record, "before": draft.before, "change": change}
    _each(unit, draft.actor, "after_save", draft.entity.full_name, arguments)
    if draft.transition:
        _each(
            unit,
            draft.actor,
            "after_transition",
            draft.entity.full_name,
            {"record": record, "transition": draft.transition, "change": change},
        )


def _each(unit: Unit, actor: Actor, hook: str, entity: str, arguments: Mapping[str, object]) -> None:
    hooks = unit.generation.hooks
    for plugin in dict.fromkeys(one.plugin for one in hooks.implementations(hook, entity)):
        work = Work(unit, actor, plugin)
        failed: list[str] = []
        try:
            hooks.call(hook, entity=entity, only=plugin, failed=failed, work=work, **arguments)
        except Refusal as refusal:
            raise Invalid({refusal.field or "": [refusal.sentence]}, refusal.sentence) from refusal
        work.close(keep=not failed)


def search_words(unit: Unit, record: Record) -> str:
    """What plugins add to the words by which a record is found."""
    answers = unit.generation.hooks.call("search_text", entity=record.entity, record=record)
    return " ".join(str(text) for _, text in answers)


def as_seen(unit: Unit, entity: Entity, actor: Actor, record: Record) -> Record:
    """The record through the actor's own eyes; just its id and version where the actor may not read it."""
    try:
        seen = Reader(unit, entity.full_name, grant(entity, actor)).get(record.id)
    except NotFound:
        return Record(entity.full_name, {"id": record.id, "version": record.version, "display_title": None})
    return seen


def titles(unit: Unit, entity: Entity, actor: Actor, numbers: Sequence[int]) -> list[tuple[int, str]]:
    """Ids and titles of those records that the actor may read."""
    found = Reader(unit, entity.full_name, grant(entity, actor)).get_many(numbers, fields=())
    return [(one.id, str(one.get("display_title") or "")) for one in found.values()]
