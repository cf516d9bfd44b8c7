"""The trash: what a deletion takes along, clears or stumbles over, and the way back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from core.access.actor import Actor
from core.access.grant import grant
from core.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from core.facts import Record
from core.services import preparing, writes
from core.services.platform import Platform
from core.services.work import VERBS, acting
from core.storage import constraints, log, references, rows
from core.storage.formulas import Formulas
from core.storage.references import Inbound
from core.storage.unit import Unit
from core.storage.writing import Writer

IN_USE = "This record is still in use and cannot be deleted."
MOST_SHOWN = 100
DEEPEST = 20


@dataclass
class Preview:
    """What a deletion would do. Each entry of ``along``, ``cleared`` and ``refusing`` is (entity, field, how many).

    Only records that the actor may read are counted in ``titles``; ``hidden`` says that there are others.
    """

    along: list[tuple[str, str, int]] = field(default_factory=list)
    cleared: list[tuple[str, str, int]] = field(default_factory=list)
    refusing: list[tuple[str, str, int]] = field(default_factory=list)
    titles: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    hidden: bool = False

    @property
    def possible(self) -> bool:
        """Whether nothing refuses."""
        return not self.refusing


def delete(
    p: Platform,
    actor: Actor,
    entity: str,
    id: int,
    version: int | None = None,
    *,
    operation: str | None = None,
    reason: str = "",
    within: Unit | None = None,
) -> None:
    """Put a record into the trash, with what goes along; its dependents are cleared, or refuse. ``within`` an open write
    unit it happens there.

    Raises NotFound, Forbidden, StaleVersion, and Conflict where another record holds on to it.
    """

    def prepare(unit: Unit) -> Record:
        draft, rights = preparing.start_change(unit, actor, entity, id)
        assert draft.before is not None
        if draft.entity.kind in {"ledger", "settings"}:
            raise Conflict("Records of this kind are not deleted.")
        if not rights.may_delete:
            raise Forbidden(preparing.who_may(unit, draft.entity, "delete"))
        if version is not None and version != draft.before.version:
            raise StaleVersion(
                "The record has changed since you read it.",
                base=version,
                current=writes.as_seen(unit, draft.entity, actor, draft.before),
            )
        return draft.before

    writes.twice(
        p, actor, prepare, lambda unit, before: _trash_whole(unit, actor, before),
        within=within, operation=operation, reason=reason, one=True,
    )


def _trash_whole(unit: Unit, actor: Actor, before: Record) -> None:
    gone: dict[tuple[str, int], Record] = {}
    outer, unit.going = unit.going, gone
    try:
        _trash(unit, actor, before, gone)
    finally:
        unit.going = outer
    formulas = Formulas(unit)
    for one in gone.values():  # when all are gone: a sum whose parts go together has nothing left
        constraints.let_go(unit, formulas, unit.generation.entity(one.entity), one)


def _trash(unit: Unit, actor: Actor, before: Record, going: dict[tuple[str, int], Record], depth: int = 0) -> None:
    going[before.entity, before.id] = before
    locked = rows.load(unit, before.entity, before.id, lock="trash")
    if locked is None:
        raise NotFound
    system = acting(actor, "deletion")
    for one in references.inbound(unit.generation, before.entity):
        for number in references.pointing(unit, one, before.entity, before.id):
            if (one.entity.full_name, number) in going:
                continue
            if one.field.on_delete == "with_parent" and one.line is None and depth < DEEPEST:
                other = rows.load(unit, one.entity.full_name, number)
                if other is not None and other.extra.get("trashed_at") is None:
                    with _in_use():
                        _trash(unit, system, other, going, depth + 1)
            elif one.field.on_delete == "clear" or (one.field.on_delete == "with_parent" and one.line is not None):
                with _in_use():
                    _clear(unit, system, one, number, before)
            else:
                raise Conflict(IN_USE)
    entity = unit.generation.entity(before.entity)
    Writer(unit, before.entity, grant(entity, actor)).trash(before)


@contextlib.contextmanager
def _in_use() -> Iterator[None]:
    """What holds a dependent back (it is posted, or a rule of its own) is no business of whoever deletes another record."""
    try:
        yield
    except (Conflict, Invalid):
        raise Conflict(IN_USE) from None


def _clear(unit: Unit, system: Actor, one: Inbound, number: int, gone: Record) -> None:
    draft, _ = preparing.start_change(unit, system, one.entity.full_name, number)
    name = (one.line or one.field).name
    if one.line is not None and one.field.on_delete == "with_parent":
        draft.record[name] = tuple(line for line in draft.record.get(name) or () if line.get(one.field.name) != gone.id)
    else:
        draft.record[name] = references.without(draft.record, one, gone.id, gone.entity)
    if draft.changed():
        writes.store(unit, draft)


def preview(p: Platform, actor: Actor, entity: str, id: int) -> Preview:
    """What deleting the record would take along, clear, or stumble over; deletes nothing."""
    found = Preview()
    with p.read(actor) as unit:
        draft, _ = preparing.start_change(unit, actor, entity, id)
        assert draft.before is not None
        _look(unit, actor, draft.before, found, {(entity, id)}, 0)
    return found


def _look(unit: Unit, actor: Actor, record: Record, found: Preview, seen: set[tuple[str, int]], depth: int) -> None:
    for one in references.inbound(unit.generation, record.entity):
        numbers = [
            number
            for number in references.pointing(unit, one, record.entity, record.id)
            if (one.entity.full_name, number) not in seen
        ]
        if not numbers:
            continue
        entry = (one.entity.full_name, one.field.name, len(numbers))
        along = one.field.on_delete == "with_parent" and one.line is None
        if one.field.on_delete == "refuse" or _stays(unit, one, numbers, along):
            found.refusing.append(entry)
        else:
            (found.along if along else found.cleared).append(entry)
        titles = writes.titles(unit, one.entity, actor, numbers[:MOST_SHOWN])
        found.titles.setdefault(one.entity.full_name, []).extend(titles)
        found.hidden = found.hidden or len(titles) < len(numbers[:MOST_SHOWN])
        if along and depth < DEEPEST:
            seen |= {(one.entity.full_name, number) for number in numbers}
            for other in rows.load_many(unit, one.entity.full_name, numbers).values():
                _look(unit, actor, other, found, seen, depth + 1)


def _stays(unit: Unit, one: Inbound, numbers: list[int], along: bool) -> bool:
    """Whether one of these records neither goes along nor lets go: an entry of a ledger, or a document that is posted."""
    if one.entity.kind == "ledger":
        return True
    if one.entity.kind != "document" or (not along and (one.line or one.field).editable_after_posting):
        return False
    return any(preparing.is_posted(one.entity, other) for other in rows.load_many(unit, one.entity.full_name, numbers).values())


def restore(
    p: Platform, actor: Actor, entity: str, id: int, *, operation: str | None = None, reason: str = "", within: Unit | None = None
) -> Record:
    """Take a record out of the trash, with what went there along with it; under today's rights and constraints."""

    def prepare(unit: Unit) -> Record:
        draft, rights = preparing.start_change(unit, actor, entity, id, trashed=True)
        assert draft.before is not None
        if not rights.may_delete:
            raise Forbidden(preparing.who_may(unit, draft.entity, "delete"))
        return draft.before

    def commit(unit: Unit, before: Record) -> Record:
        record = bring_back(unit, actor, before)
        return writes.as_seen(unit, unit.generation.entity(entity), actor, record)

    return writes.twice(p, actor, prepare, commit, within=within, operation=operation, reason=reason, one=True)


def bring_back(unit: Unit, actor: Actor, before: Record) -> Record:
    """Restore one trashed record within an open unit, and those that went to the trash along with it."""
    entity = unit.generation.entity(before.entity)
    shape = preparing.shape_of(unit, entity, before)
    record = Writer(unit, before.entity, grant(entity, actor)).restore(before, shape=shape)
    operation = log.operation_of(unit, before.entity, before.id, "trash")
    if operation:
        system = acting(actor, "restoring")
        for one in references.inbound(unit.generation, before.entity):
            if one.field.on_delete != "with_parent" or one.line is not None:
                continue
            for number in references.pointing(unit, one, before.entity, before.id, trashed=True):
                if log.operation_of(unit, one.entity.full_name, number, "trash") == operation:
                    child = rows.load(unit, one.entity.full_name, number, lock="update")
                    if child is not None:
                        bring_back(unit, system, child)
    return record


def purge(p: Platform, actor: Actor, entity: str, id: int) -> None:
    """Remove a trashed record for good. Its log stays."""

    def prepare(unit: Unit) -> Record:
        draft, rights = preparing.start_change(unit, actor, entity, id, trashed=True)
        assert draft.before is not None
        if not rights.may_delete:
            raise Forbidden(preparing.who_may(unit, draft.entity, "delete"))
        return draft.before

    writes.twice(
        p,
        actor,
        prepare,
        lambda unit, before: Writer(unit, entity, grant(unit.generation.entity(entity), actor)).purge(before),
    )


def _delete_within(unit: Unit, actor: Actor, entity: str, id: int) -> None:
    draft, _ = preparing.start_change(unit, actor, entity, id)
    assert draft.before is not None
    _trash_whole(unit, actor, draft.before)


VERBS["delete"] = _delete_within
