"""Taking back what an operation did, as new changes under today's rights; what was edited since is left alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from core.access.actor import Actor
from core.access.grant import RowRights
from core.errors import BackofficeError, Conflict, Invalid, NotFound
from core.facts import Record, Value, same
from core.services import namesthen, preparing, trash, writes
from core.services.defaults import DERIVED
from core.services.drafts import Draft
from core.services.platform import Platform
from core.storage import log, rows
from core.storage.log import Entry
from core.storage.unit import Unit
from core.workflow.documents import workflow_of

UNDONE = "taken back"
EDITED = "edited since, left as it is"
NOT_KEPT = "secrets are not kept in the log, and are left as they are"
LINES_NOT_KEPT = "secrets of removed lines are not kept in the log, and have to be given again"


@dataclass
class Result:
    """What became of one record: ``done`` when something was taken back, ``sentences`` what could not be and why."""

    entity: str
    id: int
    title: str
    done: bool
    sentences: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """The report of an undo. ``operation`` is the undo's own id, so that it can be undone as well."""

    operation: str
    results: list[Result] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many records were changed."""
        return sum(one.done for one in self.results)


def undo(p: Platform, actor: Actor, operation: str) -> Outcome:
    """Take back everything an operation did, record by record, the last change first.

    NotFound when there is no such operation or the actor may read none of its records.
    """
    with p.read(actor) as unit:
        entries = log.of_operation(unit, operation)
    outcome = Outcome(uuid4().hex)
    by_record: dict[tuple[str, int], list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: one.id, reverse=True):
        if entry.action not in {"derive", "purge"}:
            by_record.setdefault((entry.entity, entry.record), []).append(entry)
    hidden = 0
    for (entity, number), mine in by_record.items():
        try:
            outcome.results.append(_take_back(p, actor, entity, number, mine, outcome.operation))
        except NotFound:
            hidden += 1
        except BackofficeError as problem:
            outcome.results.append(Result(entity, number, _title(p, actor, entity, number), False, _said(p, entity, problem)))
    if not outcome.results:
        raise NotFound("There is no such operation, or nothing of it that you may see.")
    if hidden:
        outcome.results.append(Result("", 0, "", False, [f"{hidden} more could not be taken back."]))
    return outcome


def revert(p: Platform, actor: Actor, entity: str, id: int, entry: int) -> Result:
    """Take back one entry of a record's history."""
    with p.read(actor) as unit:
        found = [one for one in log.entries(unit, entity, id) if one.id == entry]
    if not found:
        raise NotFound
    try:
        return _take_back(p, actor, entity, id, found, uuid4().hex)
    except (Conflict, Invalid) as problem:
        return Result(entity, id, _title(p, actor, entity, id), False, _said(p, entity, problem))


def _title(p: Platform, actor: Actor, entity: str, number: int) -> str:
    with p.read(actor) as unit:
        found = writes.titles(unit, unit.generation.entity(entity), actor, (number,))
    return found[0][1] if found else ""


def _said(p: Platform, entity: str, problem: BackofficeError) -> list[str]:
    """Why something was refused; no form is there in which a field could be marked, so that each sentence names its own."""
    shape = p.current.entities.get(entity)
    said = []
    for name, sentences in problem.errors.items():
        one = shape.field(name) if shape is not None else None
        said += [f"{one.label or one.name}: {sentence}" if one is not None else sentence for sentence in sentences]
    return list(dict.fromkeys(said)) or [problem.detail]


def _take_back(p: Platform, actor: Actor, entity: str, number: int, entries: Sequence[Entry], operation: str) -> Result:
    actions = {one.action for one in entries}
    with p.read(actor) as unit:
        now = rows.load(unit, entity, number)
        if now is None:
            raise NotFound
        trashed = now.extra.get("trashed_at") is not None
        preparing.start_change(unit, actor, entity, number, trashed=trashed)  # NotFound: not even what became of it is told
        # What belongs to another record went the same way along with it, in this very undo.
        along = log.operation_of(unit, entity, number, "trash" if trashed else "restore") == operation
        entries = namesthen.today(p, unit, entries)
    reason = "undo"
    if along and ("trash" in actions) != trashed:
        return Result(entity, number, _title(p, actor, entity, number), True)
    if "create" in actions:
        if trashed:
            return Result(entity, number, "", False, ["It was deleted since."])
        _unless_edited(now, entries)
        title = _title(p, actor, entity, number)
        trash.delete(p, actor, entity, number, operation=operation, reason=reason)
        return Result(entity, number, title, True)
    if "trash" in actions:
        if trashed:
            trash.restore(p, actor, entity, number, operation=operation, reason=reason)
            return Result(entity, number, _title(p, actor, entity, number), True)
        return Result(entity, number, _title(p, actor, entity, number), False, ["It was restored since."])
    if "restore" in actions:
        title = _title(p, actor, entity, number)
        if not trashed:
            trash.delete(p, actor, entity, number, operation=operation, reason=reason)
        return Result(entity, number, title, not trashed, ["It was deleted since."] if trashed else [])
    if trashed:
        return Result(entity, number, "", False, ["It was deleted since."])
    return _set_back(p, actor, entity, number, entries, operation, reason)


def _unless_edited(now: Record, entries: Sequence[Entry]) -> None:
    if now.version > max(one.version for one in entries):
        raise Conflict("It was edited since, and is left as it is.")


def _set_back(
    p: Platform, actor: Actor, entity: str, number: int, entries: Sequence[Entry], operation: str, reason: str
) -> Result:
    before: dict[str, Value] = {}
    after: dict[str, Value] = {}
    for entry in entries:  # the last change first: what stood before the first one counts, what the last one left
        for changed in entry.changes:
            after.setdefault(changed.field, changed.after)
            before[changed.field] = changed.before
    moves = [one.transition for one in entries if one.transition]
    result = Result(entity, number, "", False)

    def prepare(unit: Unit) -> Draft | None:
        draft, rights = preparing.start_change(unit, actor, entity, number)
        result.title, result.sentences, result.done = str(draft.record.get("display_title") or ""), [], False
        if preparing.is_posted(draft.entity, draft.before) and ("state" in before or not before.keys() & preparing.by_rules(draft)):
            raise Conflict("What was posted stays. Reverse it instead.")
        _set_values(draft, rights, before, after, moves, result)
        if not draft.changed():
            return None
        preparing.complete(draft, relax=True)
        result.done = bool(draft.changed())
        return draft

    def commit(unit: Unit, draft: Draft | None) -> None:
        if draft is not None:
            writes.store(
                unit,
                draft,
                action="read" if draft.record.get("state") != draft.old.get("state") else "write",
            )

    writes.twice(p, actor, prepare, commit, operation=operation, reason=reason, one=True)
    return result


def _set_values(
    draft: Draft,
    rights: RowRights,
    before: dict[str, Value],
    after: dict[str, Value],
    moves: Sequence[str],
    result: Result,
) -> None:
    fields = {one.name: one for one in draft.entity.fields}
    given = set()
    open_fields = preparing.by_rules(draft)  # what posting has not made immutable
    for name, value in before.items():
        if name == "state":
            continue
        one = fields.get(name)
        if one is None or one.type in DERIVED:
            continue
        label = one.label or one.name
        seen = name in rights.visible
        secret = log.secrets_of(draft.entity).get(name)
        now = draft.record.get(name)
        if one.type == "secret":
            if seen:
                result.sentences.append(f"{label}: {NOT_KEPT}.")
        elif not same(now if secret is None else log.hidden(now, secret), after.get(name)):
            if seen:
                result.sentences.append(f"{label}: {EDITED}.")
        elif name in open_fields and (name in rights.writable or (one.read_only and (rights.writable or moves))):
            # Lines that were removed come back as new ones: their old ids are gone.
            draft.record[name] = value if one.type != "lines" else _lines(value, now, secret or ())
            given.add(name)
            if seen and secret and any(line.get(cell) for line in _removed(value, now) for cell in secret):
                result.sentences.append(f"{label}: {LINES_NOT_KEPT}.")
            elif seen and secret and same(draft.record[name], now):
                result.sentences.append(f"{label}: {NOT_KEPT}.")
        elif seen:
            result.sentences.append(f"{label}: you may not change it.")
    draft.given = frozenset(given)
    if "state" in before:
        _set_state(draft, rights, before, after, moves, result)


def _set_state(
    draft: Draft,
    rights: RowRights,
    before: dict[str, Value],
    after: dict[str, Value],
    moves: Sequence[str],
    result: Result,
) -> None:
    workflow = workflow_of(draft.shape)
    if draft.record.get("state") != after.get("state"):
        result.sentences.append(f"State: {EDITED}.")
        return
    transitions = [workflow.transition(name) for name in moves] if workflow is not None else []
    roles = {role for one in transitions if one is not None for role in one.roles}
    allowed = (
        "core.everything" in draft.actor.roles
        or bool(draft.actor.roles & roles)
        or any(rights.may_move(name) for name in moves)
        or (not roles and bool(rights.writable))
    )
    if allowed and workflow is not None and workflow.state(before["state"]) is not None:
        draft.record["state"] = before["state"]
    else:
        result.sentences.append("State: you may not move it back.")


def _lines(value: Value, now: Value, secret: Collection[str]) -> tuple[dict[str, Value], ...]:
    there = {line["id"]: line for line in now or ()}
    made = []
    for line in value or ():
        held = there.get(line.get("id"))
        # The log says of a secret only that there was one.
        made.append({**line, "id": held and held["id"], **{name: held and held.get(name) for name in secret}})
    return tuple(made)


def _removed(value: Value, now: Value) -> list[Mapping[str, Value]]:
    there = {line["id"] for line in now or ()}
    return [line for line in value or () if line.get("id") not in there]
